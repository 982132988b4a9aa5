//! Persons, spaces, verifications, presence and the scope they are read under.

use uuid::Uuid;

use super::on_both_engines;
use super::support::{
    NOW, add_person, add_tree, confirmed_now, day, enrolment, guardianship, org_id, person, person_id, staffing,
};
use crate::domain::access::for_tests::{own, subtree, task};
use crate::domain::id::{SpaceId, VerificationId};
use crate::domain::registry::codes::realname::{Level, Method};
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::codes::student_state::StudentState;
use crate::domain::registry::guardianship::Evidence;
use crate::domain::registry::name::PersonName;
use crate::domain::registry::verification::{TRUST_FRAMEWORK, Verification, VerificationResult, standing_level};
use crate::store::db::Db;
use crate::store::{enrolments, guardianships, persons, spaces, staffings, verifications};

on_both_engines!(
    a_person_is_read_as_written,
    one_space_is_one_persons,
    a_stale_write_finds_nothing,
    merged_ids_resolve_for_ever,
    verifications_raise_the_level,
    outside_the_scope_nobody_exists,
    names_are_found_inside_the_scope,
);

async fn a_person_is_read_as_written(db: &Db) {
    let mut tx = db.write().await.unwrap();
    let written = add_person(&mut tx, 1, "𠮷·买买提").await;
    tx.commit().await.unwrap();
    let read = persons::find(&mut db.read().await.unwrap(), &own(written.id)).await.unwrap().unwrap();
    assert_eq!(format!("{read:?}"), format!("{written:?}"));
    assert_eq!(read.name.unwrap().as_str(), "𠮷·买买提");
    assert_eq!(read.salt.unwrap().expose(), &[7; 32]);
    let space = spaces::of_person(&mut db.read().await.unwrap(), &own(written.id)).await.unwrap().unwrap();
    assert_eq!(space.id, written.space);
}

async fn one_space_is_one_persons(db: &Db) {
    let mut tx = db.write().await.unwrap();
    let first = add_person(&mut tx, 1, "王芳").await;
    let mut second = person(2, "李娜");
    second.space = first.space;
    let fault = persons::insert(&mut tx, &task(), &second).await.unwrap_err();
    assert!(fault.is_unique("person_space_id_key"), "{fault}");
    drop(tx);
    second.space = SpaceId(Uuid::from_u128(99));
    let fault = persons::insert(&mut db.write().await.unwrap(), &task(), &second).await;
    assert!(fault.is_err(), "a person without a space");
}

async fn a_stale_write_finds_nothing(db: &Db) {
    let mut tx = db.write().await.unwrap();
    let mut person = add_person(&mut tx, 1, "王芳").await;
    let on = task().on(person.id);
    person.name = Some(PersonName::parse("王方").unwrap());
    person.version = 2;
    assert!(persons::update(&mut tx, &on, &person).await.unwrap());
    assert!(!persons::update(&mut tx, &on, &person).await.unwrap());
    let read = persons::find(&mut tx, &on).await.unwrap().unwrap();
    assert_eq!((read.name.unwrap().as_str(), read.version), ("王方", 2));
}

async fn merged_ids_resolve_for_ever(db: &Db) {
    let mut tx = db.write().await.unwrap();
    for n in 1..=3 {
        let mut person = add_person(&mut tx, n, "王芳").await;
        if n > 1 {
            (person.status, person.merged_into, person.version) = (Status::Merged, Some(person_id(n - 1)), 2);
            assert!(persons::update(&mut tx, &task().on(person.id), &person).await.unwrap());
        }
    }
    for n in 1..=3 {
        assert_eq!(persons::survivor(&mut tx, person_id(n)).await.unwrap(), Some(person_id(1)));
    }
    assert_eq!(persons::survivor(&mut tx, person_id(9)).await.unwrap(), None);
}

async fn verifications_raise_the_level(db: &Db) {
    let mut tx = db.write().await.unwrap();
    let person = add_person(&mut tx, 1, "王芳").await;
    let on = task().on(person.id);
    for (n, method) in [(1, Method::SchoolVouch), (2, Method::DocumentSighted)] {
        let verification = Verification {
            id: VerificationId(Uuid::from_u128(n)),
            person: person.id,
            method,
            trust_framework: TRUST_FRAMEWORK.into(),
            level: method.level(),
            verifier: "2136000001".into(),
            claims: vec!["name".into(), "birthdate".into()],
            result: VerificationResult::Confirmed,
            evidence_sealed: Some(vec![1, 2, 3]),
            txn: None,
            verified_at: NOW,
            superseded_at: None,
        };
        verifications::insert(&mut tx, &on, &verification).await.unwrap();
        assert_eq!(verifications::of_person(&mut tx, &on).await.unwrap().last(), Some(&verification));
    }
    let all = verifications::of_person(&mut tx, &on).await.unwrap();
    assert_eq!(standing_level(&all), (Level::new(4).unwrap(), Some(NOW)));
}

async fn outside_the_scope_nobody_exists(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_tree(&mut tx).await;
    for (n, name) in [(1, "学生"), (2, "教师"), (3, "母亲")] {
        add_person(&mut tx, n, name).await;
    }
    assert!(enrolments::insert(&mut tx, &task().on(person_id(1)), &enrolment(1, 1, 5)).await.unwrap());
    assert!(staffings::insert(&mut tx, &task().on(person_id(2)), &staffing(1, 2, 6)).await.unwrap());
    let on_child = task().on(person_id(1));
    let pending = guardianship(1, 1, 3);
    assert!(guardianships::insert(&mut tx, &on_child, &pending).await.unwrap());
    let today = NOW.shanghai_date();
    let seen = async |tx: &mut _, root: u128| {
        let scope = subtree(person_id(100), &[org_id(root)]);
        let mut seen = Vec::new();
        for n in 1..=3 {
            if persons::in_subtree(tx, &scope, person_id(n), today).await.unwrap().is_some() {
                seen.push(n);
            }
        }
        seen
    };
    assert_eq!(seen(&mut tx, 5).await, [1]);
    assert!(
        guardianships::update(&mut tx, &on_child, &pending.confirm(Evidence::School, confirmed_now()).unwrap())
            .await
            .unwrap()
    );
    assert_eq!(seen(&mut tx, 5).await, [1, 3]);
    assert_eq!(seen(&mut tx, 3).await, [1, 3]);
    assert_eq!(seen(&mut tx, 4).await, [2]);
    assert_eq!(seen(&mut tx, 1).await, [1, 2, 3]);
    let both = subtree(person_id(100), &[org_id(4), org_id(5)]);
    assert!(persons::in_subtree(&mut tx, &both, person_id(1), today).await.unwrap().is_some());
    assert!(persons::in_subtree(&mut tx, &both, person_id(1), day("2024-01-01")).await.unwrap().is_none());
}

async fn names_are_found_inside_the_scope(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_tree(&mut tx).await;
    for (n, name, org) in [(1, "王芳", 5), (2, "王小明", 6), (3, "阿卜杜拉·买买提", 5), (4, "李娜", 5)] {
        add_person(&mut tx, n, name).await;
        let on = task().on(person_id(n));
        assert!(enrolments::insert(&mut tx, &on, &enrolment(n, n, org)).await.unwrap());
        persons::refresh_presence(&mut tx, &on).await.unwrap();
    }
    let found = async |tx: &mut _, root: u128, typed: &str| {
        let scope = subtree(person_id(100), &[org_id(root)]);
        let hits = persons::search(tx, &scope, typed, 50).await.unwrap();
        hits.into_iter().map(|hit| hit.id.0.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(found(&mut tx, 5, "王").await, [1]);
    assert_eq!(found(&mut tx, 3, "王").await, [1]);
    assert_eq!(found(&mut tx, 1, "王").await, [2, 1], "in the order of the key: 小 stands before 芳");
    assert_eq!(found(&mut tx, 5, "阿卜杜拉•买").await, [3]);
    assert!(found(&mut tx, 6, "阿卜杜拉").await.is_empty());
    // A short page is the beginning of the long one, whoever is called the same and in which county she is.
    for (n, name, org) in [(5, "王芳", 6), (6, "王", 5), (7, "王芳", 5), (8, "王芳芳", 6), (9, "王小", 6)] {
        add_person(&mut tx, n, name).await;
        let on = task().on(person_id(n));
        assert!(enrolments::insert(&mut tx, &on, &enrolment(n, n, org)).await.unwrap());
        persons::refresh_presence(&mut tx, &on).await.unwrap();
    }
    let all: [(&str, &[u128]); 2] = [("王", &[6, 9, 2, 1, 5, 7, 8]), ("王芳", &[1, 5, 7, 8])];
    for (typed, all) in all {
        for limit in 0..=8 {
            let scope = subtree(person_id(100), &[org_id(1)]);
            let hits = persons::search(&mut tx, &scope, typed, limit).await.unwrap();
            let ids: Vec<u128> = hits.into_iter().map(|hit| hit.id.0.as_u128()).collect();
            assert_eq!(ids, all[..all.len().min(limit as usize)], "{typed} {limit}");
        }
    }
    for n in 5..=9 {
        let stay = enrolments::of_person(&mut tx, &task().on(person_id(n))).await.unwrap().remove(0);
        let left = stay.end(StudentState::Withdrawn, day("2026-09-01"), NOW).unwrap();
        assert!(enrolments::update(&mut tx, &task().on(person_id(n)), &left).await.unwrap());
        persons::refresh_presence(&mut tx, &task().on(person_id(n))).await.unwrap();
    }
    // A former name stays findable while she stays, and goes when she leaves.
    let on = task().on(person_id(1));
    let mut renamed = persons::find(&mut tx, &on).await.unwrap().unwrap();
    (renamed.name, renamed.version) = (Some(PersonName::parse("赵芳").unwrap()), 2);
    assert!(persons::update(&mut tx, &on, &renamed).await.unwrap());
    persons::refresh_presence(&mut tx, &on).await.unwrap();
    assert_eq!((found(&mut tx, 5, "王").await, found(&mut tx, 5, "赵芳").await), (vec![1], vec![1]));
    let stay = enrolments::of_person(&mut tx, &on).await.unwrap().remove(0);
    let left = stay.end(StudentState::Withdrawn, day("2026-09-01"), NOW).unwrap();
    assert!(enrolments::update(&mut tx, &on, &left).await.unwrap());
    persons::refresh_presence(&mut tx, &on).await.unwrap();
    assert!(found(&mut tx, 1, "赵芳").await.is_empty());
}
