//! What the process tells about itself: logs, [`metrics`]; and the system's clock.
//!
//! Logs go to standard error: readable lines on a terminal, one JSON document a line anywhere else. Nothing
//! secret is kept out here by filtering texts; it is kept out by types that do not print
//! ([`crate::domain::redacted::Redacted`]).

mod clock;
pub mod metrics;
mod process;

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use clock::SystemClock;

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("MINGJI_LOG is not a log filter; write a level, as info, or a list, as info,mingji::http=debug")]
    Filter,
    /// Somebody set up logging before.
    #[error("logging was already set up in this process")]
    AlreadySetUp,
}

/// Sets up logging for the whole process. Called once, before anything that logs.
///
/// # Errors
/// When the filter is malformed, or logging was set up before.
pub fn init(filter: &str) -> Result<(), TelemetryError> {
    let filter = EnvFilter::builder().parse(filter).map_err(|_| TelemetryError::Filter)?;
    let registry = tracing_subscriber::registry().with(filter);
    let set_up = if std::io::stderr().is_terminal() {
        registry.with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false)).try_init()
    } else {
        // The fields of the event and of its spans stand flat in the line, so that `request_id` is found at once.
        let json = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(std::io::stderr);
        registry.with(json).try_init()
    };
    set_up.map_err(|_| TelemetryError::AlreadySetUp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_refused() {
        assert!(matches!(init("mingji=loud"), Err(TelemetryError::Filter)));
    }
}
