//! What a cell of a sheet says. A spreadsheet guesses: numbers of eighteen digits are rounded, and `3-1班` may be a day.

use calamine::{DataRef, ExcelDateTime};

/// Digits that a spreadsheet keeps of a number, as the first whole number that has more.
const KEPT: f64 = 1e15;
/// Bytes of a text; no value is as long.
const LONGEST: usize = 4096;

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Text(String),
    /// A day, as 2016-02-03.
    Day(String),
    /// A formula that came to nothing, as #N/A.
    Failed,
    /// A formula whose value the file does not keep.
    NotWorkedOut,
    TooLong,
}

impl Cell {
    /// Nothing for a cell without a value. A formula says what it came to when the file was saved.
    pub(super) fn read(value: &DataRef<'_>) -> Option<Self> {
        match value {
            DataRef::Empty => None,
            DataRef::String(text) => Self::of(text),
            DataRef::SharedString(text) => Self::of(text),
            DataRef::DurationIso(text) => Self::of(text),
            DataRef::DateTimeIso(text) => Some(Self::Day(text.get(..10).unwrap_or(text).to_owned())),
            DataRef::Int(number) => Some(Self::Text(number.to_string())),
            DataRef::Float(number) => Some(Self::Text(written(*number))),
            DataRef::Bool(is) => Some(Self::Text(is.to_string())),
            DataRef::DateTime(day) => Some(Self::day(day)),
            DataRef::Error(_) => Some(Self::Failed),
        }
    }

    fn of(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return Some(Self::TooLong);
        }
        (!text.trim().is_empty()).then(|| Self::Text(text.to_owned()))
    }

    fn day(day: &ExcelDateTime) -> Self {
        if day.is_duration() || day.as_f64() < 1.0 {
            return Self::Text(written(day.as_f64()));
        }
        let (year, month, day, ..) = day.to_ymd_hms_milli();
        Self::Day(format!("{year:04}-{month:02}-{day:02}"))
    }

    /// Bytes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(text) | Self::Day(text) => text.len(),
            Self::Failed | Self::NotWorkedOut | Self::TooLong => 0,
        }
    }
}

/// A number as it would be typed. One with more digits than a spreadsheet keeps was rounded long before it came here: it
/// is written as the spreadsheet itself would, which no column takes for a value.
fn written(number: f64) -> String {
    if number.abs() >= KEPT { format!("{number:.5E}").replacen('E', "E+", 1) } else { number.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::ExcelDateTimeType::{DateTime, TimeDelta};

    #[test]
    fn a_cell_says_what_was_typed() {
        let read = |value: &DataRef<'_>| Cell::read(value);
        let text = |text: &str| Some(Cell::Text(text.to_owned()));
        assert_eq!(read(&DataRef::Float(2024.0)), text("2024"));
        assert_eq!(read(&DataRef::Float(13_800_000_001.0)), text("13800000001"), "a phone");
        assert_eq!(read(&DataRef::Float(999_999_999_999_999.0)), text("999999999999999"));
        assert_eq!(read(&DataRef::Float(1.5)), text("1.5"));
        assert_eq!(read(&DataRef::Float(110_105_201_602_030_000.0)), text("1.10105E+17"));
        assert_eq!(read(&DataRef::SharedString(" 王芳 ")), text(" 王芳 "));
        assert_eq!(read(&DataRef::String("  ".into())), None);
        assert_eq!(read(&DataRef::String("x".repeat(5000))), Some(Cell::TooLong));
        let day = |text: &str| Some(Cell::Day(text.to_owned()));
        assert_eq!(read(&DataRef::DateTime(ExcelDateTime::new(42_403.0, DateTime, false))), day("2016-02-03"));
        assert_eq!(read(&DataRef::DateTime(ExcelDateTime::new(40_941.5, DateTime, true))), day("2016-02-03"));
        assert_eq!(read(&DataRef::DateTimeIso("2016-02-03T00:00:00".into())), day("2016-02-03"));
        assert_eq!(read(&DataRef::DateTime(ExcelDateTime::new(0.5, TimeDelta, false))), text("0.5"));
    }
}
