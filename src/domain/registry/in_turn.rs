//! What was so in turn: of a thing that says how it is, and of what it was until certain days.

use chrono::NaiveDate;

/// What was so between two days, each with its first day and the first day on which it was no longer so. `before` is what was so
/// until which day, the oldest first; the oldest was so from the beginning.
pub fn in_turn<T>(
    before: impl IntoIterator<Item = (T, NaiveDate)>,
    now: T,
    (from, to): (NaiveDate, NaiveDate),
) -> Vec<(T, NaiveDate, NaiveDate)> {
    let (mut parts, mut since) = (Vec::new(), from);
    for (what, end) in before {
        let end = end.min(to);
        if since < end {
            parts.push((what, since, end));
            since = end;
        }
    }
    if since < to || parts.is_empty() {
        parts.push((now, since, to));
    }
    parts
}

/// The last day of a stretch; the end of time where it lasts.
pub fn last_day(to: Option<NaiveDate>) -> NaiveDate {
    to.and_then(|end| end.pred_opt()).unwrap_or(NaiveDate::MAX)
}

#[cfg(test)]
mod tests {
    use chrono::Days;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_is_left_out_and_nothing_is_said_twice(ends in proptest::collection::btree_set(0..40u64, 0..6), from in 0..40u64, long in 0..40u64) {
            let day = |n: u64| NaiveDate::from_ymd_opt(2026, 9, 1).unwrap() + Days::new(n);
            let parts = in_turn(ends.iter().map(|end| (*end, day(*end))), 99, (day(from), day(from + long)));
            prop_assert_eq!((parts[0].1, parts[parts.len() - 1].2), (day(from), day(from + long)));
            prop_assert!(parts.windows(2).all(|pair| pair[0].2 == pair[1].1 && pair[0].0 < pair[1].0));
            for (what, first, last) in parts {
                let then = ends.iter().find(|end| first < day(**end)).copied().unwrap_or(99);
                prop_assert!(first == last || what == then);
            }
        }
    }
}
