//! What can be wrong with settings.

use std::path::PathBuf;

/// Why the settings cannot be used. Texts name the setting, the shape of its value and what to do; they never
/// repeat a value, because any value may turn out to be a password in the wrong place.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was asked for cannot be read.
    #[error("cannot read the settings file {}: {reason}; check the path given to --config", path.display())]
    FileUnreadable {
        /// Where.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}, line {line}: {reason}; see deploy/settings.md for the names and shapes", path.display())]
    FileMalformed {
        /// Where.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says, without the line's text.
        reason: String,
    },
    /// The file names a setting that does not exist: most likely a typing error.
    #[error("{}: there is no setting \"{name}\"{}; deploy/settings.md lists them all", path.display(), hint(*nearest))]
    UnknownSetting {
        /// Where.
        path: PathBuf,
        /// What it says.
        name: String,
        /// What may have been meant.
        nearest: Option<&'static str>,
    },
    /// The value has the wrong shape.
    #[error("{variable} {problem}; write {expected}")]
    Invalid {
        /// The setting's variable.
        variable: &'static str,
        /// What is wrong.
        problem: String,
        /// What to write instead, with an example.
        expected: &'static str,
    },
    /// A table of a verification service cannot be used.
    #[error("[verification.{name}] {problem}; write {expected}")]
    Service {
        /// The service.
        name: String,
        /// What is wrong.
        problem: String,
        /// What to write instead, with an example.
        expected: &'static str,
    },
    /// A secret is given twice.
    #[error("{variable} and {variable}_FILE are both set; keep one of them")]
    GivenTwice {
        /// The setting's variable.
        variable: &'static str,
    },
    /// The file that should hold a secret cannot be read.
    #[error("{variable}_FILE names {}, which cannot be read: {reason}", path.display())]
    SecretUnreadable {
        /// The setting's variable.
        variable: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// Two settings that only make sense together.
    #[error("{present} is set and {missing} is not; set both, or neither")]
    Incomplete {
        /// The one that is set.
        present: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
}

fn hint(nearest: Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (did you mean \"{name}\"?)"))
}
