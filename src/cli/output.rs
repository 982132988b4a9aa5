//! What a command says, and how it fails.

use std::io::Write as _;
use std::process::ExitCode;

use serde::Serialize;

use crate::app::Error;

/// One line for standard error that says what to do.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    /// From a sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        // The operator stands at the machine: the internal text is for him.
        Self(error.internal)
    }
}

macro_rules! failures {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        }
    )+};
}

failures!(
    crate::config::ConfigError,
    crate::store::db::StoreError,
    crate::store::ephemeral::EphemeralError,
    crate::outbound::client::ClientError,
    crate::http::server::ServeError,
    crate::telemetry::TelemetryError,
    crate::keys::root::RootError,
    std::io::Error,
    serde_json::Error,
);

/// Standard output, as text for people or as one JSON document.
pub struct Output {
    json: bool,
}

impl Output {
    /// `json`: one document and nothing else.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Says a result. Whoever reads only its beginning (`| head`) closes the pipe and has what she wanted.
    ///
    /// # Errors
    /// A standard output that takes nothing, as on a full disk.
    pub fn say<T: Serialize>(&self, document: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        let line = if self.json { serde_json::to_string(document)? } else { text(document) };
        let mut out = std::io::stdout().lock();
        let said = out.write_all(line.trim_end().as_bytes()).and_then(|()| out.write_all(b"\n"));
        match said.and_then(|()| out.flush()) {
            Err(fault) if fault.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Failure::new(format!("standard output cannot be written: {fault}")))
            }
            _ => Ok(()),
        }
    }

    /// Says why a command failed.
    pub fn fail(&self, failure: &Failure) -> ExitCode {
        let line = failure.0.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        let _ = writeln!(std::io::stderr().lock(), "mingji: {line}");
        ExitCode::from(1)
    }
}

/// One line from standard input, without its end.
///
/// # Errors
/// Nothing came.
pub fn read_line(what: &str) -> Result<String, Failure> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let line = line.trim_end_matches(['\r', '\n']).to_owned();
    if line.is_empty() {
        Err(Failure::new(format!("{what} is read from standard input, and nothing came")))
    } else {
        Ok(line)
    }
}
