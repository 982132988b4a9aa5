use chrono::Days;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::id::{EnrolmentId, OrgId, PersonId};
use crate::domain::registry::class::ClassKind;

fn day(n: u64) -> NaiveDate {
    "2025-09-01".parse::<NaiveDate>().unwrap() + Days::new(n)
}

fn at(n: u64, since: u64) -> Moment {
    Moment { day: day(n), since: day(since), now: Timestamp::from_seconds(1_900_000_000), code: None }
}

fn class(id: u128, org: u128, stage: Stage, entry_year: i64) -> Class {
    Class {
        id: ClassId(Uuid::from_u128(id)),
        org: OrgId(Uuid::from_u128(org)),
        kind: ClassKind::Administrative,
        stage,
        entry_year,
        class_no: "1班".into(),
        name: "1班".into(),
        schooling_years: 6,
        status: ClassStatus::Open,
        created_at: Timestamp::from_seconds(0),
        updated_at: Timestamp::from_seconds(0),
        version: 1,
    }
}

fn stay(source: StudentSource, state: StudentState) -> Enrolment {
    Enrolment {
        id: EnrolmentId(Uuid::nil()),
        person: PersonId(Uuid::nil()),
        org: OrgId(Uuid::from_u128(9)),
        class: Some(ClassId(Uuid::from_u128(1))),
        student_no: None,
        category: None,
        state,
        source,
        began_by: None,
        ended_by: None,
        valid_from: day(0),
        valid_to: None,
        created_at: Timestamp::from_seconds(0),
        updated_at: Timestamp::from_seconds(0),
        version: 1,
    }
}

#[test]
fn a_year_again_is_one_year_later_and_nothing_else() {
    let (mine, later) = (class(1, 9, Stage::Primary, 2022), class(2, 9, Stage::Primary, 2023));
    let (earlier, beside) = (class(3, 9, Stage::Primary, 2021), class(4, 9, Stage::Primary, 2022));
    let (elsewhere, junior) = (class(5, 8, Stage::Primary, 2023), class(6, 9, Stage::Junior, 2023));
    let closed = Class { status: ClassStatus::Closed, ..class(7, 9, Stage::Primary, 2022) };
    let go = |step| stay(StudentSource::Normal, StudentState::Enrolled).step(step, Some(&mine), at(1, 0));
    assert_eq!(go(Step::Repeat(&later)).unwrap().class, Some(later.id));
    assert_eq!(go(Step::Skip(&earlier)).unwrap().class, Some(earlier.id));
    assert_eq!(go(Step::Move(&beside)).unwrap().class, Some(beside.id));
    assert_eq!(go(Step::Repeat(&beside)).unwrap_err(), StepError::NotOneYearLater);
    assert_eq!(go(Step::Repeat(&junior)).unwrap_err(), StepError::NotOneYearLater);
    assert_eq!(go(Step::Skip(&later)).unwrap_err(), StepError::NotOneYearEarlier);
    assert_eq!(go(Step::Move(&later)).unwrap_err(), StepError::OtherYear);
    assert_eq!(go(Step::Move(&mine)).unwrap_err(), StepError::SameClass);
    assert_eq!(go(Step::Repeat(&elsewhere)).unwrap_err(), StepError::OtherSchool);
    assert_eq!(go(Step::Move(&closed)).unwrap_err(), StepError::ClassClosed);
}

#[test]
fn who_is_away_comes_back_first_and_history_is_not_written_anew() {
    let mine = class(1, 9, Stage::Primary, 2022);
    let through = Class { status: ClassStatus::Graduated, ..mine.clone() };
    let beside = class(4, 9, Stage::Primary, 2022);
    let away = stay(StudentSource::Normal, StudentState::Enrolled).step(Step::Suspend, Some(&mine), at(3, 0)).unwrap();
    let go = |step, seat| away.clone().step(step, Some(seat), at(5, 3));
    assert_eq!(go(Step::Move(&beside), &mine).unwrap_err(), StepError::NotInSchool);
    assert_eq!(go(Step::End(StudentState::Graduated), &mine).unwrap_err(), StepError::NotInSchool);
    assert_eq!(go(Step::End(StudentState::Completed), &mine).unwrap_err(), StepError::NotInSchool);
    assert_eq!(go(Step::Resume(None), &through).unwrap_err(), StepError::NeedsClass);
    assert_eq!(go(Step::Resume(Some(&beside)), &through).unwrap().class, Some(beside.id));
    assert_eq!(go(Step::Resume(None), &mine).unwrap().state, StudentState::Resumed);
    assert_eq!(away.clone().step(Step::Resume(None), Some(&mine), at(2, 3)).unwrap_err(), StepError::BeforeLastChange);
    let far = Moment { now: Timestamp::from_seconds(0), ..at(5, 3) };
    assert_eq!(away.step(Step::Resume(None), Some(&mine), far).unwrap_err(), StepError::Future);
}

#[test]
fn an_end_is_for_whoever_may_decide_it() {
    let (primary, senior) = (class(1, 9, Stage::Primary, 2022), class(1, 9, Stage::Senior, 2024));
    let end = |source, state, seat: Option<&Class>| {
        stay(source, StudentState::Enrolled).step(Step::End(state), seat, at(9, 0)).map(|ended| ended.valid_to)
    };
    assert_eq!(end(StudentSource::Normal, StudentState::Expelled, Some(&primary)), Err(StepError::Compulsory));
    assert_eq!(end(StudentSource::Normal, StudentState::Expelled, None), Err(StepError::Compulsory));
    assert_eq!(end(StudentSource::Normal, StudentState::Expelled, Some(&senior)), Ok(Some(day(9))));
    assert_eq!(end(StudentSource::Borrowed, StudentState::Graduated, Some(&primary)), Err(StepError::Borrowed));
    assert_eq!(end(StudentSource::Borrowed, StudentState::Completed, Some(&primary)), Ok(Some(day(9))));
    assert_eq!(end(StudentSource::Normal, StudentState::TransferredOut, Some(&primary)), Err(StepError::Transfer));
    assert_eq!(end(StudentSource::Normal, StudentState::Deceased, Some(&primary)), Err(StepError::Death));
    assert_eq!(end(StudentSource::Normal, StudentState::Suspended, Some(&primary)), Err(StepError::NoEnd));
}

#[test]
fn a_change_has_the_code_of_what_happens() {
    let mine = class(1, 9, Stage::Primary, 2022);
    let later = class(2, 9, Stage::Primary, 2023);
    let go =
        |source, step, code| stay(source, StudentState::Enrolled).step(step, Some(&mine), Moment { code, ..at(1, 0) });
    let hers = |step, code| go(StudentSource::Normal, step, code);
    let (repeat, none) = (Step::Repeat(&later), None);
    assert_eq!(hers(repeat, none).unwrap().began_by, Some(StudentChange::Repeat));
    assert_eq!(hers(repeat, Some(StudentChange::Demote)).unwrap().began_by, Some(StudentChange::Demote));
    assert_eq!(hers(repeat, Some(StudentChange::Skip)), Err(StepError::OtherChange));
    let left = hers(Step::End(StudentState::Withdrawn), none).unwrap();
    assert_eq!((left.began_by, left.ended_by), (None, Some(StudentChange::Withdraw)));
    assert_eq!(hers(Step::End(StudentState::Graduated), none).unwrap().ended_by, None, "no change of the table");
    let early = hers(Step::End(StudentState::Graduated), Some(StudentChange::GraduateEarly)).unwrap();
    assert_eq!(early.ended_by, Some(StudentChange::GraduateEarly));
    let seat = |code| go(StudentSource::Borrowed, Step::End(StudentState::Completed), code);
    assert_eq!(seat(none).unwrap().ended_by, None, "a seat is no 学籍");
    assert_eq!(seat(Some(StudentChange::Complete)), Err(StepError::OtherChange));
}

proptest! {
    /// Whatever is ordered in whatever order: the parts of a life follow each other without a gap and without overlap, an
    /// ended stay stays so, and every day has what was true on it.
    #[test]
    fn a_life_has_no_gap_and_no_day_twice(orders in prop::collection::vec((0usize..9, 0u64..20), 0..16), asked in 0u64..400) {
        let classes: Vec<Class> = (0u128..6).map(|n| class(n + 1, 9, Stage::Primary, 2021 + i64::try_from(n / 2).unwrap())).collect();
        let (mut now, mut slices, mut today) = (stay(StudentSource::Normal, StudentState::Enrolled), Vec::<Slice>::new(), 0);
        // What was true on each day, as it was told on the day.
        let mut told = vec![Some((now.state, now.class)); 400];
        for (order, wait) in orders {
            today += wait;
            let seat = classes.iter().find(|class| Some(class.id) == now.class);
            let to = &classes[order % 6];
            let step = match order {
                0 => Step::Suspend,
                1 => Step::Resume(None),
                2 => Step::Repeat(to),
                3 => Step::Skip(to),
                4 => Step::Halt,
                5 => Step::Move(to),
                6 => Step::Resume(Some(to)),
                7 => Step::End(StudentState::Withdrawn),
                _ => Step::End(StudentState::Graduated),
            };
            let since = slices.last().map_or(now.valid_from, |last| last.valid_to);
            let moment = Moment { day: day(today), since, now: Timestamp::from_seconds(1_900_000_000), code: None };
            let Ok(next) = now.clone().step(step, seat, moment) else { continue };
            prop_assert!(now.valid_to.is_none(), "an ended stay stays so");
            prop_assert_eq!(next.version, now.version + 1);
            if since < day(today) {
                slices.push(Slice { enrolment: now.id, class: now.class, student_no: None, state: now.state, source: now.source, began_by: now.began_by, valid_from: since, valid_to: day(today) });
            }
            let from = usize::try_from(today).unwrap();
            told[from..].fill(next.valid_to.is_none().then_some((next.state, next.class)));
            now = next;
        }
        let parts = now.parts(&slices);
        prop_assert!(parts.windows(2).all(|pair| pair[0].valid_to == pair[1].valid_from));
        let found = now.as_of(&slices, day(asked)).map(|part| (part.state, part.class));
        prop_assert_eq!(found, told[usize::try_from(asked).unwrap()]);
    }
}

#[test]
fn a_stay_that_ended_before_its_last_change_was_as_it_was_until_then() {
    let slice = |from, to, class| Slice {
        enrolment: EnrolmentId(Uuid::nil()),
        class: Some(ClassId(Uuid::from_u128(class))),
        student_no: None,
        state: StudentState::Enrolled,
        source: StudentSource::Normal,
        began_by: None,
        valid_from: day(from),
        valid_to: day(to),
    };
    let slices = [slice(0, 20, 1), slice(20, 30, 2)];
    // Recorded on the thirtieth day, as of the fifteenth.
    let ended = Enrolment { valid_to: Some(day(15)), ..stay(StudentSource::Normal, StudentState::Deceased) };
    let told: Vec<_> = ended.parts(&slices).iter().map(|part| (part.valid_from, part.valid_to)).collect();
    assert_eq!(told, [(day(0), day(15))]);
    assert!(ended.as_of(&slices, day(14)).is_some() && ended.as_of(&slices, day(17)).is_none());
}
