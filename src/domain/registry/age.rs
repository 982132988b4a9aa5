//! Age bands, at the calendar of Asia/Shanghai (PIPL 个人信息保护法, 28 and 31; ruling R8).

use chrono::{Datelike as _, Months, NaiveDate};
use serde::Serialize;

use super::codes::codes;
use crate::domain::time::Timestamp;

codes! {
    /// The only thing most clients learn about an age.
    AgeBand {
        Under14 = "under14", "不满十四周岁";
        From14To17 = "14to17", "十四至十七周岁";
        Adult = "adult", "成年";
    }
}

impl AgeBand {
    /// The band at a moment. An unknown birth date, or one that lies ahead, counts as under 14.
    pub fn at(birth: Option<NaiveDate>, now: Timestamp) -> Self {
        match birth.map_or(0, |born| completed_years(born, now.shanghai_date())) {
            0..14 => Self::Under14,
            14..18 => Self::From14To17,
            _ => Self::Adult,
        }
    }
}

/// Completed years 周岁: a year is complete on the day *after* the birthday, because the first day of a period is not
/// counted and its last day is the corresponding one (民法典 201, 202; for criminal law expressly 法释〔2006〕1号, 2).
/// Where the month has no such day (born on 29 February) its last day is the last: complete on 1 March in every
/// year. Whoever counts from the birthday itself would end a child's protection one day early.
pub fn completed_years(born: NaiveDate, today: NaiveDate) -> u32 {
    let years = today.year() - born.year();
    let passed = (today.month(), today.day()) > (born.month(), born.day());
    u32::try_from(if passed { years } else { years - 1 }).unwrap_or(0)
}

/// Years to full age (民法典 17).
const FULL_AGE: u32 = 18;

/// Whether somebody born on that day is of age.
pub fn is_of_age(born: NaiveDate, today: NaiveDate) -> bool {
    completed_years(born, today) >= FULL_AGE
}

/// Whoever was born before this day has completed fourteen years today.
pub fn fourteen_if_born_before(today: NaiveDate) -> NaiveDate {
    today.checked_sub_months(Months::new(12 * 14)).unwrap_or(NaiveDate::MIN)
}

/// Whoever was born before this day is of age today; for statements that look at many. At the end of a February it may
/// take somebody for a minor one day longer.
pub fn of_age_if_born_before(today: NaiveDate) -> NaiveDate {
    today.checked_sub_months(Months::new(12 * FULL_AGE)).unwrap_or(NaiveDate::MIN)
}

/// A birth date that cannot be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ImplausibleBirth {
    /// It lies ahead.
    #[error("the birth date lies in the future")]
    Future,
    /// More than 130 years ago.
    #[error("the birth date lies more than 130 years back")]
    TooOld,
}

const OLDEST_YEARS: u32 = 130;

/// Whether somebody who is registered on a day can be born then.
///
/// # Errors
/// [`ImplausibleBirth`] when not.
pub fn check_birth_date(born: NaiveDate, today: NaiveDate) -> Result<(), ImplausibleBirth> {
    if born > today {
        Err(ImplausibleBirth::Future)
    } else if completed_years(born, today) > OLDEST_YEARS {
        Err(ImplausibleBirth::TooOld)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Noon in Shanghai.
    fn noon(text: &str) -> Timestamp {
        Timestamp::from_seconds(day(text).and_hms_opt(4, 0, 0).unwrap().and_utc().timestamp())
    }

    #[test]
    fn a_year_is_complete_on_the_day_after_the_birthday() {
        let born = Some(day("2012-11-23"));
        assert_eq!(AgeBand::at(born, noon("2026-11-23")), AgeBand::Under14);
        assert_eq!(AgeBand::at(born, noon("2026-11-24")), AgeBand::From14To17);
        assert_eq!(AgeBand::at(born, noon("2030-11-23")), AgeBand::From14To17);
        assert_eq!(AgeBand::at(born, noon("2030-11-24")), AgeBand::Adult);
    }

    #[test]
    fn born_on_the_29th_of_february() {
        let born = Some(day("2012-02-29"));
        assert_eq!(AgeBand::at(born, noon("2026-02-28")), AgeBand::Under14);
        assert_eq!(AgeBand::at(born, noon("2026-03-01")), AgeBand::From14To17);
        assert_eq!(completed_years(day("2012-02-29"), day("2028-02-29")), 15);
        assert_eq!(completed_years(day("2012-02-29"), day("2028-03-01")), 16);
    }

    #[test]
    fn midnight_is_shanghais() {
        let born = Some(day("2012-11-23"));
        let last_second =
            Timestamp::from_seconds(day("2026-11-23").and_hms_opt(15, 59, 59).unwrap().and_utc().timestamp());
        assert_eq!(AgeBand::at(born, last_second), AgeBand::Under14);
        assert_eq!(AgeBand::at(born, last_second.plus(std::time::Duration::from_secs(1))), AgeBand::From14To17);
    }

    #[test]
    fn who_is_not_known_to_be_older_is_a_child() {
        assert_eq!(AgeBand::at(None, noon("2026-11-23")), AgeBand::Under14);
        assert_eq!(AgeBand::at(Some(day("2099-01-01")), noon("2026-11-23")), AgeBand::Under14);
    }

    #[test]
    fn impossible_birth_dates() {
        let today = day("2026-11-23");
        assert_eq!(check_birth_date(day("2099-01-01"), today), Err(ImplausibleBirth::Future));
        assert_eq!(check_birth_date(day("1880-01-01"), today), Err(ImplausibleBirth::TooOld));
        assert_eq!(check_birth_date(today, today), Ok(()));
    }

    #[test]
    fn of_age_on_the_day_after_the_birthday() {
        assert!(!is_of_age(day("2008-11-23"), day("2026-11-23")) && is_of_age(day("2008-11-23"), day("2026-11-24")));
        assert_eq!(of_age_if_born_before(day("2026-11-24")), day("2008-11-24"));
    }

    proptest! {
        #[test]
        fn nobody_is_of_age_too_early_for_a_statement(born in 0i64..20_000, age in 0i64..20_000) {
            let day = |n: i64| NaiveDate::default() + chrono::Days::new(n.unsigned_abs());
            let (born, today) = (day(born), day(born + age));
            if born < of_age_if_born_before(today) {
                prop_assert!(is_of_age(born, today));
            } else if is_of_age(born, today) {
                prop_assert!(!is_of_age(born, today - chrono::Days::new(2)), "at most a day late");
            }
        }

        #[test]
        fn age_never_falls(born in 0i64..60_000, first in 0i64..60_000, later in 0i64..20_000) {
            let day = |n: i64| NaiveDate::default() + chrono::Days::new(n.unsigned_abs());
            prop_assert!(completed_years(day(born), day(first)) <= completed_years(day(born), day(first + later)));
        }
    }
}
