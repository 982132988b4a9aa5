//! Files that a command writes, never over others, and reads.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::Failure;

/// A new file that only its owner reads; never over one that is there, which may be the only copy of an earlier run.
///
/// # Errors
/// A file of that name; a folder that is not there or takes nothing.
pub fn create(path: &Path) -> Result<File, Failure> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|fault| {
        let path = path.display();
        Failure::new(match fault.kind() {
            ErrorKind::AlreadyExists => format!("{path} exists and is never overwritten: name a new file"),
            ErrorKind::NotFound => format!("{path}: its folder is not there: make it, or name a file elsewhere"),
            _ => format!("{path}: {fault}: name a file in a folder that you may write to"),
        })
    })
}

/// What stands in a file, `-` for standard input; `what` says what that is.
///
/// # Errors
/// It cannot be read.
pub fn read_text(file: &Path, what: &str) -> Result<String, Failure> {
    let text = match file == Path::new("-") {
        true => std::io::read_to_string(std::io::stdin().lock()),
        false => std::fs::read_to_string(file),
    };
    text.map_err(|fault| Failure::new(format!("{what} cannot be read: {fault}")))
}
