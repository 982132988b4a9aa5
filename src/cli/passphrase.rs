//! What backups are sealed under.

use std::io::IsTerminal as _;

use secrecy::SecretString;

use super::Failure;
use super::output::read_line;

/// Asked for on a terminal, else a line of standard input.
///
/// # Errors
/// Nothing came, or too little.
pub fn ask() -> Result<SecretString, Failure> {
    let phrase = if std::io::stdin().is_terminal() {
        rpassword::prompt_password("Passphrase: ")?
    } else {
        read_line("the passphrase")?
    };
    if phrase.chars().count() < 12 {
        return Err(Failure::new("the passphrase needs at least 12 characters"));
    }
    Ok(phrase.into())
}
