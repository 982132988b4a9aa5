//! How an auditor's walk goes through entries that are mostly not hers.

use super::on_both_engines;
use super::support::{add_tree, institution, org_id, person_id};
use crate::domain::access::for_tests::{subtree, task};
use crate::domain::registry::institution::InstitutionKind;
use crate::store::db::Db;
use crate::store::{audit_places, institutions};

on_both_engines!(a_walk_looks_so_far_and_goes_on);

/// More schools than are asked one by one.
const SCHOOLS: u128 = 70;
/// More entries of others than one step looks at, and where hers stand among them.
const ENTRIES: i64 = 7_000;
const HERS: [i64; 3] = [10, 4_000, 6_990];

async fn a_walk_looks_so_far_and_goes_on(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_tree(&mut tx).await;
    for n in 0..SCHOOLS {
        let school = institution(100 + n, Some(3), InstitutionKind::School, "360102");
        institutions::insert(&mut tx, &task(), &school).await.unwrap();
    }
    let others = (1..=ENTRIES).filter(|seq| !HERS.contains(seq)).map(|seq| (org_id(6), seq));
    let hers = HERS.iter().flat_map(|seq| [(org_id(103), *seq), (org_id(104), *seq)]);
    audit_places::place(&mut tx, others.chain(hers).collect()).await.unwrap();

    let (county, other) = (subtree(person_id(1), &[org_id(3)]), subtree(person_id(2), &[org_id(4)]));
    let walk = audit_places::walk(&mut tx, &county, None, "").await.unwrap();
    let first = walk.step(&mut tx, i64::MAX, 50).await.unwrap();
    assert_eq!(first.found, [6_990, 4_000], "once, whatever institutions stand at it");
    let edge = first.below.unwrap();
    assert!((1_900..=2_100).contains(&edge), "as many places as one step looks at: {edge}");
    let second = walk.step(&mut tx, edge, 50).await.unwrap();
    assert_eq!((second.found.as_slice(), second.below), (&[10][..], None), "the rest, and the end");
    let full = walk.step(&mut tx, i64::MAX, 1).await.unwrap();
    assert_eq!(
        (full.found.as_slice(), full.below),
        (&[6_990][..], Some(6_990)),
        "a full page goes on behind its last row"
    );
    let none = audit_places::walk(&mut tx, &county, None, "no.such").await.unwrap();
    let none = none.step(&mut tx, i64::MAX, 50).await.unwrap();
    assert_eq!((none.found.len(), none.below), (0, Some(edge)), "nor does an action that nobody did walk further");

    // Of few institutions each is asked by itself, however rare its entries are.
    let school = audit_places::walk(&mut tx, &county, Some(org_id(103)), "").await.unwrap();
    let all = school.step(&mut tx, i64::MAX, 50).await.unwrap();
    assert_eq!((all.found.as_slice(), all.below), (&[6_990, 4_000, 10][..], None));
    let outside = audit_places::walk(&mut tx, &other, Some(org_id(103)), "").await.unwrap();
    assert_eq!(outside.step(&mut tx, i64::MAX, 50).await.unwrap().found.len(), 0, "below no root of hers");
    let two = audit_places::walk(&mut tx, &other, None, "").await.unwrap();
    let two = two.step(&mut tx, i64::MAX, 2).await.unwrap();
    assert_eq!((two.found.as_slice(), two.below), (&[7_000, 6_999][..], Some(6_999)));
}
