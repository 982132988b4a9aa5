//! The tree, its codes over time, classes.

use uuid::Uuid;

use super::on_both_engines;
use super::support::{add_tree, class, day, institution, org_id, person_id};
use crate::domain::access::for_tests::{subtree, task};
use crate::domain::id::OrgId;
use crate::domain::registry::class::ClassStatus;
use crate::domain::registry::institution::{InstitutionCode, InstitutionKind};
use crate::domain::registry::institution_code::Code;
use crate::store::db::{Db, Tx};
use crate::store::{classes, institution_changes, institutions};

on_both_engines!(
    an_institution_is_read_as_written,
    the_tree_decides_what_is_in_scope,
    codes_come_and_go_and_old_ones_still_lead_home,
    a_code_names_one_institution_at_a_time,
    a_class_at_its_place_is_there_once,
    wherever_institutions_hang_the_closure_says_so,
);

async fn an_institution_is_read_as_written(db: &Db) {
    let mut tx = db.write().await.unwrap();
    let mut written = institution(1, None, InstitutionKind::School, "360102");
    written.school_type = Some("312".parse().unwrap());
    institutions::insert(&mut tx, &task(), &written).await.unwrap();
    assert_eq!(institutions::find(&mut tx, &task(), written.id).await.unwrap().as_ref(), Some(&written));
    (written.name, written.version) = ("新校名".into(), 2);
    assert!(institutions::update(&mut tx, &task(), &written).await.unwrap());
    assert!(!institutions::update(&mut tx, &task(), &written).await.unwrap());
    assert_eq!(institutions::find(&mut tx, &task(), written.id).await.unwrap(), Some(written));
}

async fn the_tree_decides_what_is_in_scope(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_tree(&mut tx).await;
    let county = subtree(person_id(1), &[org_id(3)]);
    assert!(institutions::find_in(&mut tx, &county, org_id(5)).await.unwrap().is_some());
    assert!(institutions::find_in(&mut tx, &county, org_id(3)).await.unwrap().is_some());
    for outside in [1, 2, 4, 6] {
        assert!(institutions::find_in(&mut tx, &county, org_id(outside)).await.unwrap().is_none(), "{outside}");
    }
    let ids = |orgs: Vec<crate::domain::registry::institution::Institution>| {
        orgs.into_iter().map(|o| o.id).collect::<Vec<_>>()
    };
    assert_eq!(
        ids(institutions::ancestors(&mut tx, &task(), org_id(5)).await.unwrap()),
        [org_id(3), org_id(2), org_id(1)]
    );
    let province = subtree(person_id(1), &[org_id(1)]);
    assert_eq!(ids(institutions::children_in(&mut tx, &province, org_id(2)).await.unwrap()), [org_id(3), org_id(4)]);
    assert_eq!(ids(institutions::children_in(&mut tx, &county, org_id(2)).await.unwrap()), [org_id(3)]);
    let both = subtree(person_id(1), &[org_id(4), org_id(3), org_id(2)]);
    assert_eq!(ids(institutions::children_in(&mut tx, &both, org_id(2)).await.unwrap()), [org_id(3), org_id(4)]);
}

fn code(org: u128, text: &str) -> InstitutionCode {
    InstitutionCode {
        org: org_id(org),
        code: Code::parse(text).unwrap(),
        valid_from: day("2020-01-01"),
        valid_to: None,
    }
}

async fn codes_come_and_go_and_old_ones_still_lead_home(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_tree(&mut tx).await;
    let (old, new) = (code(5, "2136000001"), code(5, "3136000009"));
    institutions::insert_code(&mut tx, &task(), Uuid::from_u128(1), &old).await.unwrap();
    assert!(institutions::end_code(&mut tx, &task(), org_id(5), &old.code, day("2026-09-01")).await.unwrap());
    assert!(!institutions::end_code(&mut tx, &task(), org_id(5), &old.code, day("2026-09-01")).await.unwrap());
    institutions::insert_code(&mut tx, &task(), Uuid::from_u128(2), &new).await.unwrap();
    for text in ["2136000001", "3136000009", " 3136000009 "] {
        assert_eq!(
            institutions::by_code(&mut tx, &task(), text).await.unwrap().map(|o| o.id),
            Some(org_id(5)),
            "{text}"
        );
    }
    assert!(institutions::by_code(&mut tx, &task(), "2199000000").await.unwrap().is_none());
    assert!(institutions::by_code(&mut tx, &task(), "…").await.unwrap().is_none());
    let codes = institutions::codes(&mut tx, &task(), org_id(5)).await.unwrap();
    assert_eq!(codes.len(), 2);
    assert!(codes.contains(&InstitutionCode { valid_to: Some(day("2026-09-01")), ..old }));
}

async fn a_code_names_one_institution_at_a_time(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_tree(&mut tx).await;
    for (n, org) in [(1, 5), (2, 6)] {
        // Several campuses may share one credit code.
        institutions::insert_code(&mut tx, &task(), Uuid::from_u128(n), &code(org, "91110000101623741K"))
            .await
            .unwrap();
    }
    institutions::insert_code(&mut tx, &task(), Uuid::from_u128(3), &code(5, "ED36010200")).await.unwrap();
    let taken =
        institutions::insert_code(&mut tx, &task(), Uuid::from_u128(4), &code(6, "ED36010200")).await.unwrap_err();
    assert!(taken.is_unique("institution_code_scheme_value_key"), "{taken}");
}

/// Every institution and what stands above it, the nearest first.
async fn chains(tx: &mut Tx, n: usize) -> Vec<Vec<OrgId>> {
    let mut chains = Vec::new();
    for org in 1..=n {
        let above = institutions::ancestors(tx, &task(), org_id(org as u128)).await.unwrap();
        chains.push(above.into_iter().map(|org| org.id).collect());
    }
    chains
}

/// What stands above one, by its parents.
fn above(parents: &[Option<usize>], mut one: usize) -> Vec<usize> {
    let next = || {
        one = parents[one]?;
        Some(one)
    };
    std::iter::from_fn(next).collect()
}

async fn wherever_institutions_hang_the_closure_says_so(db: &Db) {
    const N: usize = 14;
    let mut tx = db.write().await.unwrap();
    let mut parents: Vec<Option<usize>> = (0..=N).map(|n| (n > 1).then_some(n / 2)).collect();
    for (n, parent) in parents.iter().enumerate().skip(1) {
        let new = institution(n as u128, parent.map(|parent| parent as u128), InstitutionKind::Authority, "360102");
        institutions::insert(&mut tx, &task(), &new).await.unwrap();
    }
    // The same steps every time, as if they were thrown.
    let mut thrown: u64 = 7;
    for _ in 0..120 {
        thrown = thrown.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let throw = |of: u64, sides: usize| usize::try_from(of >> 33).unwrap() % sides;
        let (org, under) = (throw(thrown, N - 1) + 2, throw(thrown.rotate_left(17), N) + 1);
        let below = under == org || above(&parents, under).contains(&org);
        let (moved, parent) = (org_id(org as u128), org_id(under as u128));
        assert_eq!(institution_changes::is_under(&mut tx, &task(), moved, parent).await.unwrap(), below);
        if below {
            continue;
        }
        institution_changes::stand_under(&mut tx, &task(), moved, parent).await.unwrap();
        parents[org] = Some(under);
        let expected: Vec<Vec<OrgId>> =
            (1..=N).map(|one| above(&parents, one).into_iter().map(|org| org_id(org as u128)).collect()).collect();
        assert_eq!(chains(&mut tx, N).await, expected);
    }
}

async fn a_class_at_its_place_is_there_once(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_tree(&mut tx).await;
    let first = classes::ensure(&mut tx, &task(), &class(1, 5, "1班")).await.unwrap();
    let again = classes::ensure(&mut tx, &task(), &class(2, 5, "1班")).await.unwrap();
    assert_eq!(first, again);
    classes::ensure(&mut tx, &task(), &class(3, 5, "2班")).await.unwrap();
    let mut closed = first.clone();
    (closed.status, closed.version) = (ClassStatus::Closed, 2);
    assert!(classes::update(&mut tx, &task(), &closed).await.unwrap());
    assert!(!classes::update(&mut tx, &task(), &closed).await.unwrap());
    assert_eq!(classes::find(&mut tx, &task(), first.id).await.unwrap(), Some(closed));
    let school = subtree(person_id(1), &[org_id(5)]);
    assert_eq!(classes::of_org_in(&mut tx, &school, org_id(5)).await.unwrap().len(), 2);
    let other = subtree(person_id(1), &[org_id(6)]);
    assert!(classes::of_org_in(&mut tx, &other, org_id(5)).await.unwrap().is_empty());
}
