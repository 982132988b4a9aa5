//! Time as a value. The one clock is injected ([`Clock`]); storage and domain use microseconds of UTC
//! (ruling R20), and questions about a person's age use the calendar of Asia/Shanghai (UTC+8, without
//! daylight saving since 1991).

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, NaiveDate};
use serde::{Deserialize, Serialize};

/// A moment: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

const MICROS: i64 = 1_000_000;
const SHANGHAI_OFFSET_SECONDS: i64 = 8 * 3600;

impl Timestamp {
    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since the epoch (JWT `NumericDate`, RFC 7519, 2).
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS))
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS)
    }

    /// This moment plus a span; saturates at the end of time.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This moment minus a span.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The span from an earlier moment to this one; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The calendar date in Asia/Shanghai.
    pub fn shanghai_date(self) -> NaiveDate {
        DateTime::from_timestamp(self.seconds().saturating_add(SHANGHAI_OFFSET_SECONDS), 0)
            .map_or(NaiveDate::MAX, |moment| moment.date_naive())
    }

    /// Day and minute in Asia/Shanghai, for people.
    pub fn shanghai_minute(self) -> String {
        DateTime::from_timestamp(self.seconds().saturating_add(SHANGHAI_OFFSET_SECONDS), 0)
            .map_or_else(String::new, |moment| moment.format("%Y-%m-%d %H:%M").to_string())
    }

    /// The beginning of a day in Asia/Shanghai.
    pub fn shanghai_midnight(day: NaiveDate) -> Self {
        Self::from_seconds(
            day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp().saturating_sub(SHANGHAI_OFFSET_SECONDS),
        )
    }

    /// RFC 3339 in UTC, whole seconds.
    pub fn to_rfc3339(self) -> String {
        DateTime::from_timestamp(self.seconds(), 0)
            .map_or_else(|| String::from("invalid"), |moment| moment.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    }

    /// From RFC 3339; `None` when it is none.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|moment| Self(moment.timestamp_micros()))
    }
}

/// For a field that people read: `#[serde(serialize_with = "rfc3339")]`.
///
/// # Errors
/// Whatever `out` says.
pub fn rfc3339<S: serde::Serializer>(at: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&at.to_rfc3339())
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_rfc3339())
    }
}

/// The only source of the present.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}
