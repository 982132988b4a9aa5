//! Grade 年级: never stored, always computed from stage, entry year and length of schooling, so that the turn of the
//! school year on 1 September promotes everybody at once.

use chrono::{Datelike as _, NaiveDate};

use super::codes::codes;
use super::codes::stage::Stage;

codes! {
    /// Our own codes (reference table G). The national table NJ is statistical: its 5 is the *fourth* grade.
    Grade {
        K0 = "K0", "托班";
        K1 = "K1", "小班";
        K2 = "K2", "中班";
        K3 = "K3", "大班";
        P1 = "P1", "一年级";
        P2 = "P2", "二年级";
        P3 = "P3", "三年级";
        P4 = "P4", "四年级";
        P5 = "P5", "五年级";
        P6 = "P6", "六年级";
        J1 = "J1", "初一" | "七年级";
        J2 = "J2", "初二" | "八年级";
        J3 = "J3", "初三" | "九年级";
        J4 = "J4", "初四";
        S1 = "S1", "高一";
        S2 = "S2", "高二";
        S3 = "S3", "高三";
        V1 = "V1", "职一";
        V2 = "V2", "职二";
        V3 = "V3", "职三";
        V4 = "V4", "职四";
    }
}

/// Where somebody stands in the years of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Admitted for a school year that has not begun.
    Admitted,
    /// In a grade.
    In(Grade),
    /// In school, in a stage that does not count grades (adult schools, others).
    Ungraded,
    /// The length of schooling is over.
    Graduated,
}

/// The school year that a day belongs to, named by the year in which it began.
pub fn school_year(day: NaiveDate) -> i32 {
    if day.month() >= 9 { day.year() } else { day.year() - 1 }
}

/// The standing on a day; callers pass the date in Asia/Shanghai. Years and lengths are whole years as stored.
pub fn standing(stage: Stage, entry_year: i64, schooling_years: i64, day: NaiveDate) -> Standing {
    let Ok(index) = usize::try_from(i64::from(school_year(day)).saturating_sub(entry_year)) else {
        return Standing::Admitted;
    };
    if usize::try_from(schooling_years).is_ok_and(|years| index < years) {
        grades(stage, schooling_years).get(index).map_or(Standing::Ungraded, |grade| Standing::In(*grade))
    } else {
        Standing::Graduated
    }
}

/// The grade on a day, while there is one.
pub fn at(stage: Stage, entry_year: i64, schooling_years: i64, day: NaiveDate) -> Option<Grade> {
    match standing(stage, entry_year, schooling_years, day) {
        Standing::In(grade) => Some(grade),
        Standing::Admitted | Standing::Ungraded | Standing::Graduated => None,
    }
}

/// The grades of a stage in their order. A kindergarten of four years begins with the nursery class; special schools count
/// the nine years of compulsory education.
fn grades(stage: Stage, schooling_years: i64) -> &'static [Grade] {
    use Grade::{J1, J2, J3, J4, K0, K1, K2, K3, P1, P2, P3, P4, P5, P6, S1, S2, S3, V1, V2, V3, V4};
    match stage {
        Stage::Preschool if schooling_years >= 4 => &[K0, K1, K2, K3],
        Stage::Preschool => &[K1, K2, K3],
        Stage::Primary => &[P1, P2, P3, P4, P5, P6],
        Stage::Junior | Stage::VocationalJunior => &[J1, J2, J3, J4],
        Stage::Senior => &[S1, S2, S3],
        Stage::VocationalSenior | Stage::AdultVocational => &[V1, V2, V3, V4],
        Stage::Special => &[P1, P2, P3, P4, P5, P6, J1, J2, J3],
        Stage::AdultSecondary | Stage::Other => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_of_september_promotes() {
        assert_eq!(standing(Stage::Primary, 2025, 6, day("2026-08-31")), Standing::In(Grade::P1));
        assert_eq!(standing(Stage::Primary, 2025, 6, day("2026-09-01")), Standing::In(Grade::P2));
        assert_eq!(standing(Stage::Primary, 2026, 6, day("2026-07-01")), Standing::Admitted);
        assert_eq!(standing(Stage::Primary, 2020, 6, day("2026-08-31")), Standing::In(Grade::P6));
        assert_eq!(standing(Stage::Primary, 2020, 6, day("2026-09-01")), Standing::Graduated);
    }

    #[test]
    fn lengths_of_schooling_differ() {
        assert_eq!(standing(Stage::Primary, 2021, 5, day("2026-09-01")), Standing::Graduated);
        assert_eq!(standing(Stage::Junior, 2023, 4, day("2026-09-01")), Standing::In(Grade::J4));
        assert_eq!(standing(Stage::Preschool, 2026, 4, day("2026-09-01")), Standing::In(Grade::K0));
        assert_eq!(standing(Stage::Preschool, 2026, 3, day("2026-09-01")), Standing::In(Grade::K1));
        assert_eq!(standing(Stage::AdultSecondary, 2026, 3, day("2026-09-01")), Standing::Ungraded);
    }

    proptest! {
        #[test]
        fn nobody_is_in_a_grade_beyond_the_length_of_schooling(entry in 1990i64..2060, years in 1i64..10, day in 0u64..30_000) {
            let day = NaiveDate::default() + chrono::Days::new(day);
            let elapsed = i64::from(school_year(day)) - entry;
            match standing(Stage::Primary, entry, years, day) {
                Standing::Admitted => prop_assert!(elapsed < 0),
                Standing::Graduated => prop_assert!(elapsed >= years),
                Standing::In(_) | Standing::Ungraded => prop_assert!((0..years).contains(&elapsed)),
            }
        }
    }
}
