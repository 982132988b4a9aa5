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
use tracing_subscriber::filter::{Directive, LevelFilter};
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

/// PostgreSQL tells with every connection that a table is there already.
const CHATTER: &str = "sqlx::postgres::notice";

/// Sets up logging for the whole process. Called once, before anything that logs.
///
/// # Errors
/// When the filter is malformed, or logging was set up before.
pub fn init(filter: &str) -> Result<(), TelemetryError> {
    let filter = read(filter)?;
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

/// Whether a filter can be read.
///
/// # Errors
/// [`TelemetryError::Filter`].
pub fn check(filter: &str) -> Result<(), TelemetryError> {
    read(filter).map(drop)
}

/// A filter, with [`CHATTER`] raised to warnings unless it names that target or is quieter by itself.
fn read(filter: &str) -> Result<EnvFilter, TelemetryError> {
    let read = EnvFilter::builder().parse(filter).map_err(|_| TelemetryError::Filter)?;
    let is_quiet = read.max_level_hint().is_some_and(|level| level <= LevelFilter::WARN);
    if is_quiet || filter.contains(CHATTER) {
        return Ok(read);
    }
    let raised: Directive = format!("{CHATTER}=warn").parse().map_err(|_| TelemetryError::Filter)?;
    Ok(read.add_directive(raised))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_refused() {
        assert!(matches!(init("mingji=loud"), Err(TelemetryError::Filter)));
    }

    #[test]
    fn what_a_server_repeats_is_no_news_unless_it_is_asked_for() {
        for (asked, is_raised) in [
            ("info", true),
            ("debug,hyper=warn", true),
            ("error", false),
            ("off", false),
            ("info,sqlx::postgres::notice=debug", false),
        ] {
            assert_eq!(read(asked).unwrap().to_string().contains("notice=warn"), is_raised, "{asked}");
        }
    }
}
