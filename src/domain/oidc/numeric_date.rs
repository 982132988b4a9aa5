//! NumericDate (RFC 7519, 2): seconds since 1970, a number and perhaps one with a fraction.

use serde_json::{Map, Value};

/// A claim that is there and no NumericDate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoDate;

/// The whole seconds of a claim; none where it is left out. A text is no date, whatever it says.
///
/// # Errors
/// [`NoDate`].
pub fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, NoDate> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => number.as_i64().or_else(|| whole(number.as_f64()?)).map(Some).ok_or(NoDate),
        Some(_) => Err(NoDate),
    }
}

fn whole(seconds: f64) -> Option<i64> {
    /// Far beyond every date, and exact as a float.
    const END: f64 = 9_007_199_254_740_991.0;
    #[allow(clippy::cast_possible_truncation, reason = "within the range that was just checked; the fraction is to go")]
    (seconds.abs() <= END).then(|| seconds.floor() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fraction_is_a_date_and_a_text_is_none() {
        let claims = json!({ "whole": 7, "part": 7.9, "before": -0.5, "text": "7", "huge": 1e300, "null": null });
        let read = |name| seconds(claims.as_object().unwrap(), name);
        assert_eq!([read("whole"), read("part"), read("before")], [Ok(Some(7)), Ok(Some(7)), Ok(Some(-1))]);
        assert_eq!(["text", "huge", "null"].map(read), [Err(NoDate); 3]);
        assert_eq!(read("none"), Ok(None));
    }
}
