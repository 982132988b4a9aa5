use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

fn at(n: u128, kind: InstitutionKind, division: &str) -> Institution {
    let division: Division = division.parse().unwrap();
    Institution {
        id: OrgId(Uuid::from_u128(n)),
        parent: None,
        level: InstitutionLevel::of(kind, &division),
        kind,
        name: format!("第{n}机构"),
        division,
        school_type: None,
        status: InstitutionStatus::Active,
        merged_into: None,
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}

#[test]
fn the_corps_and_directly_governed_cities_fit_the_tree() {
    use InstitutionKind::{Authority, Campus, School};
    for (child, parent, inside) in [
        (at(1, Authority, "660000"), at(9, Authority, "000000"), true),
        (at(1, Authority, "660800"), at(9, Authority, "660000"), true),
        (at(1, School, "659001"), at(9, Authority, "660800"), true),
        (at(1, School, "659001"), at(9, Authority, "650100"), false),
        (at(1, Authority, "110101"), at(9, Authority, "110000"), true),
        (at(1, Authority, "429004"), at(9, Authority, "420000"), true),
        (at(1, School, "500103"), at(9, Authority, "500000"), true),
        (at(1, Campus, "110101"), at(9, School, "110101"), true),
    ] {
        assert_eq!(child.fits_under(&parent), Ok(()), "{child:?}");
        assert_eq!(child.lies_within(&parent), inside, "{child:?}");
    }
}

#[test]
fn what_does_not_fit_says_why() {
    use InstitutionKind::{Authority, Campus, Department, School};
    let closed = Institution { status: InstitutionStatus::Abolished, ..at(9, Authority, "360000") };
    for (child, parent, why) in [
        (at(1, Authority, "360100"), at(9, Authority, "360102"), LifeError::AuthorityAbove),
        (at(1, Authority, "360102"), at(9, Authority, "360103"), LifeError::AuthorityAbove),
        (at(1, Authority, "360102"), at(9, School, "360102"), LifeError::AuthorityAbove),
        (at(1, School, "360102"), at(9, School, "360102"), LifeError::SchoolUnderAuthority),
        (at(1, Campus, "360102"), at(9, Authority, "360102"), LifeError::CampusUnderSchool),
        (at(1, Department, "360102"), at(9, Campus, "360102"), LifeError::Leaf),
        (at(1, School, "360102"), closed, LifeError::ParentClosed),
        (at(1, Authority, "360102"), at(1, Authority, "360102"), LifeError::UnderItself),
    ] {
        assert_eq!(child.fits_under(&parent), Err(why), "{child:?}");
    }
}

#[test]
fn a_class_keeps_its_number_where_it_is_free() {
    let taken = ["1班".to_owned(), "2班".to_owned()];
    assert_eq!(free_class_no("3班", &taken), "3班");
    assert_eq!(free_class_no("1班", &taken), "3班");
    assert_eq!(free_class_no("实验班", &taken), "实验班");
}

#[derive(Clone, Debug)]
enum Step {
    Rename(u8),
    Move(u8),
    End(bool),
}

fn steps() -> impl Strategy<Value = Vec<(u16, Step)>> {
    let step =
        prop_oneof![(0..3u8).prop_map(Step::Rename), (2..5u8).prop_map(Step::Move), any::<bool>().prop_map(Step::End)];
    proptest::collection::vec((0..40u16, step), 0..12)
}

proptest! {
    /// Whatever happens: nothing happens to what is closed, a refusal changes nothing, and the parts tell every day since
    /// the opening exactly once.
    #[test]
    fn a_life_is_told_without_gaps(steps in steps()) {
        let (mut school, mut slices, mut now) = (at(1, InstitutionKind::School, "360102"), Vec::new(), NOW);
        let opened = NOW.shanghai_date();
        let mut since = opened;
        for (days, step) in steps {
            now = now.plus(std::time::Duration::from_secs(86_400 * u64::from(days)));
            let (before, stood) = (school.clone(), school.stands());
            let changed = match step {
                Step::Rename(n) => before.clone().renamed(format!("校{n}"), now),
                Step::Move(n) => {
                    before.clone().moved(&at(n.into(), InstitutionKind::Authority, "360102"), before.division, now)
                }
                Step::End(merged) => {
                    let kind = if merged { ChangeKind::Merged } else { ChangeKind::Closed };
                    before.clone().ended(kind, None, now)
                }
            };
            let Ok(changed) = changed else { continue };
            prop_assert!(stood);
            prop_assert_eq!(changed.version, before.version + 1);
            prop_assert_eq!(changed.id, before.id);
            let today = now.shanghai_date();
            if since < today {
                slices.push(before.slice(since, today));
                since = today;
            }
            school = changed;
        }
        let parts = school.parts(&slices);
        prop_assert_eq!(parts[0].valid_from, opened);
        prop_assert!(parts.windows(2).all(|two| two[0].valid_to == two[1].valid_from && two[0].valid_from < two[0].valid_to));
        prop_assert_eq!(parts.last().unwrap().valid_to, NaiveDate::MAX);
        prop_assert_eq!(parts.last().unwrap().status, school.status);
    }
}
