use std::collections::{BTreeSet, HashSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::codes::student_state::StudentState;
use crate::domain::registry::guardianship::Restriction;

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

fn person(n: u8) -> PersonId {
    PersonId(Uuid::from_u128(n.into()))
}

fn stay(n: usize, (whose, org, normal): (u8, u8, bool)) -> Enrolment {
    Enrolment {
        id: EnrolmentId(Uuid::from_u128(n as u128)),
        person: person(whose),
        org: OrgId(Uuid::from_u128(org.into())),
        class: None,
        student_no: None,
        category: None,
        state: StudentState::Enrolled,
        source: if normal { StudentSource::Normal } else { StudentSource::Borrowed },
        began_by: None,
        ended_by: None,
        valid_from: NOW.shanghai_date(),
        valid_to: None,
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}

fn guardianship(n: usize, (child, guardian, restricted, confirmed): (u8, u8, bool, bool)) -> Guardianship {
    Guardianship {
        id: GuardianshipId(Uuid::from_u128(n as u128)),
        child: person(child),
        guardian: person(guardian),
        relation: Relation::Mother,
        legal: true,
        rank: 1,
        status: if confirmed { GuardianshipStatus::Confirmed } else { GuardianshipStatus::Pending },
        verified_by: None,
        confirmed: None,
        recorded_by: None,
        institution: None,
        restrictions: if restricted { BTreeSet::from([Restriction::Custody]) } else { BTreeSet::new() },
        valid_from: NOW.shanghai_date(),
        valid_to: None,
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}

proptest! {
    #[test]
    fn one_stay_for_each_school_and_one_register(given in prop::collection::vec((1_u8..=2, 1_u8..=3, any::<bool>()), 0..6)) {
        let all: Vec<Enrolment> = given.into_iter().enumerate().map(|(n, one)| stay(n, one)).collect();
        let settled: HashMap<EnrolmentId, Stay> = stays(&all, person(1)).into_iter().collect();
        let left: Vec<&Enrolment> =
            all.iter().filter(|one| !matches!(settled.get(&one.id), Some(Stay::Ends(_)))).collect();
        let schools: HashSet<OrgId> = left.iter().map(|one| one.org).collect();
        prop_assert_eq!(schools.len(), left.len());
        prop_assert_eq!(schools, all.iter().map(|one| one.org).collect::<HashSet<_>>(), "no school loses its pupil");
        let normal = left.iter().filter(|one| one.source == StudentSource::Normal && !settled.contains_key(&one.id));
        let had = all.iter().any(|one| one.source == StudentSource::Normal);
        prop_assert_eq!(normal.count(), usize::from(had));
    }

    #[test]
    fn nobody_is_her_own_guardian_and_no_order_is_lifted(
        given in prop::collection::vec((1_u8..=4, 1_u8..=4, any::<bool>(), any::<bool>()), 0..8)
    ) {
        let given = given.into_iter().filter(|(child, guardian, ..)| child != guardian);
        let all: Vec<Guardianship> = given.enumerate().map(|(n, one)| guardianship(n, one)).collect();
        let ended: HashSet<GuardianshipId> = guardianships(&all, person(1), person(2)).into_iter().collect();
        let who = |id| if id == person(2) { person(1) } else { id };
        let mut pairs = HashSet::new();
        for one in all.iter().filter(|one| !ended.contains(&one.id)) {
            prop_assert!(who(one.child) != who(one.guardian));
            prop_assert!(pairs.insert((who(one.child), who(one.guardian))), "twice");
        }
        for one in all.iter().filter(|one| !one.restrictions.is_empty() && who(one.child) != who(one.guardian)) {
            let stands = all.iter().find(|other| {
                !ended.contains(&other.id) && (who(other.child), who(other.guardian)) == (who(one.child), who(one.guardian))
            });
            prop_assert!(stands.is_some_and(|other| !other.restrictions.is_empty()));
        }
    }
}

#[test]
fn a_merge_is_undone_in_time() {
    let merge = Merge {
        id: MergeId(Uuid::nil()),
        survivor: person(1),
        absorbed: person(2),
        case: None,
        absorbed_status: Status::Active,
        state: MergeState::Done,
        reason: "一人两号".into(),
        merged_by: None,
        merged_at: NOW,
        undo_until: NOW.plus(std::time::Duration::from_secs(10)),
        undone_by: None,
        undone_at: None,
        version: 1,
    };
    assert_eq!(merge.clone().undo(None, merge.undo_until).unwrap_err(), MergeError::TooLate);
    assert_eq!(merge.undo(None, NOW).unwrap().state, MergeState::Undone);
}
