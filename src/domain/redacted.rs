//! A value that is carried but never shown.

use std::fmt;

/// Carries a value past everything that prints: `Debug` and `Display` say `[redacted]`, and there is no
/// `Serialize`, so that a log line, an error or a JSON document that would contain it does not compile or
/// shows nothing (R7). Reading it is a visible act: [`Redacted::expose`].
///
/// ```
/// let number = mingji::domain::redacted::Redacted::new("11010519491231002X");
/// assert_eq!(format!("{number} {number:?}"), "[redacted] [redacted]");
/// ```
///
/// ```compile_fail
/// fn writes<T: serde::Serialize>(_: T) {}
/// writes(mingji::domain::redacted::Redacted::new("11010519491231002X"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Hides a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, taken out.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
