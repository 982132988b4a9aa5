//! Enrolments, staffings, guardianships: one open relation of a kind, and nobody writes over another's change.

use uuid::Uuid;

use super::on_both_engines;
use super::support::{
    NOW, add_person, add_tree, class, confirmed_now, day, enrolment, guardianship, org_id, person_id, staffing,
};
use crate::domain::access::for_tests::{own, subtree, task};
use crate::domain::registry::codes::student_state::{StudentSource, StudentState};
use crate::domain::registry::codes::subject::Subject;
use crate::domain::registry::guardianship::{Evidence, Restriction};
use crate::domain::registry::staffing::Teaching;
use crate::store::db::{Db, Tx};
use crate::store::{classes, enrolments, guardianships, persons, staffings, wards};

on_both_engines!(
    a_student_has_one_enrolment,
    a_transfer_ends_one_stay_and_begins_another,
    a_class_is_in_the_order_of_its_numbers,
    a_post_is_held_once_and_teaches_many,
    guardians_speak_once_confirmed,
    the_child_of_full_age_has_no_guardian,
    a_guardian_answers_about_her_own_wards,
);

async fn people(tx: &mut Tx) {
    add_tree(tx).await;
    for (n, name) in [(1, "学生"), (2, "教师"), (3, "母亲")] {
        add_person(tx, n, name).await;
    }
    born(tx, 3, "1985-06-07").await;
}

async fn born(tx: &mut Tx, n: u128, on: &str) {
    let proof = task().on(person_id(n));
    let mut person = persons::find(tx, &proof).await.unwrap().unwrap();
    (person.birth_date, person.version) = (Some(day(on)), person.version + 1);
    assert!(persons::update(tx, &proof, &person).await.unwrap());
}

async fn a_student_has_one_enrolment(db: &Db) {
    let mut tx = db.write().await.unwrap();
    people(&mut tx).await;
    let on = task().on(person_id(1));
    assert!(enrolments::insert(&mut tx, &on, &enrolment(1, 1, 5)).await.unwrap());
    assert!(!enrolments::insert(&mut tx, &on, &enrolment(2, 1, 6)).await.unwrap(), "a second 学籍");
    assert!(!enrolments::insert(&mut tx, &on, &enrolment(3, 1, 5)).await.unwrap(), "the same school twice");
    let mut borrowed = enrolment(4, 1, 6);
    borrowed.source = StudentSource::Borrowed;
    assert!(enrolments::insert(&mut tx, &on, &borrowed).await.unwrap(), "借读 beside the 学籍");
    let all = enrolments::of_person(&mut tx, &own(person_id(1))).await.unwrap();
    assert_eq!(all, [enrolment(1, 1, 5), borrowed]);
}

async fn a_class_is_in_the_order_of_its_numbers(db: &Db) {
    let mut tx = db.write().await.unwrap();
    people(&mut tx).await;
    add_person(&mut tx, 4, "另一学生").await;
    let sat_in = classes::ensure(&mut tx, &task(), &class(1, 5, "1班")).await.unwrap();
    for (n, number) in [(1, None), (2, Some("a2")), (3, Some("B1")), (4, Some("A10"))] {
        let mut stay = enrolment(n, n, 5);
        (stay.class, stay.student_no) = (Some(sat_in.id), number.map(str::to_owned));
        assert!(enrolments::insert(&mut tx, &task().on(person_id(n)), &stay).await.unwrap());
    }
    let school = subtree(person_id(100), &[org_id(5)]);
    let listed = enrolments::of_class_in(&mut tx, &school, sat_in.id).await.unwrap();
    let numbers: Vec<_> = listed.iter().map(|stay| stay.student_no.as_deref()).collect();
    assert_eq!(numbers, [Some("A10"), Some("B1"), Some("a2"), None], "by their bytes, and who has none is the last");
}

async fn a_transfer_ends_one_stay_and_begins_another(db: &Db) {
    let mut tx = db.write().await.unwrap();
    people(&mut tx).await;
    let on = task().on(person_id(1));
    let sat_in = classes::ensure(&mut tx, &task(), &class(1, 5, "1班")).await.unwrap();
    let mut stay = enrolment(1, 1, 5);
    stay.class = Some(sat_in.id);
    assert!(enrolments::insert(&mut tx, &on, &stay).await.unwrap());
    let school = subtree(person_id(100), &[org_id(5)]);
    assert_eq!(enrolments::of_class_in(&mut tx, &school, sat_in.id).await.unwrap().len(), 1);
    let left = stay.clone().end(StudentState::TransferredOut, day("2026-09-01"), NOW).unwrap();
    assert!(enrolments::update(&mut tx, &on, &left).await.unwrap());
    let stale = stay.change(StudentState::Suspended, NOW).unwrap();
    assert!(!enrolments::update(&mut tx, &on, &stale).await.unwrap(), "somebody else was faster");
    assert!(enrolments::insert(&mut tx, &on, &enrolment(2, 1, 6)).await.unwrap());
    assert!(enrolments::of_class_in(&mut tx, &school, sat_in.id).await.unwrap().is_empty());
    let mut elsewhere = left;
    elsewhere.version += 1;
    assert!(!enrolments::update(&mut tx, &task().on(person_id(2)), &elsewhere).await.unwrap(), "not hers");
}

async fn a_post_is_held_once_and_teaches_many(db: &Db) {
    let mut tx = db.write().await.unwrap();
    people(&mut tx).await;
    let on = task().on(person_id(2));
    let mut post = staffing(1, 2, 5);
    assert!(staffings::insert(&mut tx, &on, &post).await.unwrap());
    assert!(!staffings::insert(&mut tx, &on, &staffing(2, 2, 5)).await.unwrap());
    assert!(staffings::insert(&mut tx, &on, &staffing(3, 2, 6)).await.unwrap(), "a second school");
    let taught = classes::ensure(&mut tx, &task(), &class(1, 5, "1班")).await.unwrap();
    let teaching = |n, subject, head_teacher| Teaching {
        id: Uuid::from_u128(n),
        staffing: staffing(1, 2, 5).id,
        class: taught.id,
        subject,
        head_teacher,
        valid_from: day("2026-09-01"),
        valid_to: None,
    };
    assert!(staffings::teach(&mut tx, &on, &teaching(1, Some(Subject::MoralityAndLaw), false)).await.unwrap());
    assert!(staffings::teach(&mut tx, &on, &teaching(2, None, true)).await.unwrap());
    assert!(!staffings::teach(&mut tx, &on, &teaching(3, None, true)).await.unwrap());
    assert!(
        !staffings::teach(&mut tx, &task().on(person_id(3)), &teaching(4, None, true)).await.unwrap(),
        "not her post"
    );
    let all = staffings::taught(&mut tx, &own(person_id(2))).await.unwrap();
    assert_eq!(all, [teaching(1, Some(Subject::MoralityAndLaw), false), teaching(2, None, true)]);
    assert_eq!(staffings::end_teaching(&mut tx, &on, post.id, day("2026-10-01")).await.unwrap(), 2);
    (post.valid_to, post.version) = (Some(day("2026-10-01")), 2);
    assert!(staffings::update(&mut tx, &on, &post).await.unwrap());
    assert!(!staffings::teach(&mut tx, &on, &teaching(5, None, true)).await.unwrap(), "a post that has ended");
    assert!(staffings::insert(&mut tx, &on, &staffing(4, 2, 5)).await.unwrap(), "back again");
    assert_eq!(staffings::of_person(&mut tx, &own(person_id(2))).await.unwrap().len(), 3);
}

async fn guardians_speak_once_confirmed(db: &Db) {
    let mut tx = db.write().await.unwrap();
    people(&mut tx).await;
    let (on, child, mother) = (task().on(person_id(1)), own(person_id(1)), own(person_id(3)));
    let pending = guardianship(1, 1, 3);
    assert!(guardianships::insert(&mut tx, &on, &pending).await.unwrap());
    assert!(!guardianships::insert(&mut tx, &on, &guardianship(2, 1, 3)).await.unwrap());
    assert!(guardianships::insert(&mut tx, &on, &guardianship(3, 1, 1)).await.is_err(), "nobody is her own guardian");
    drop(tx);

    let mut tx = db.write().await.unwrap();
    people(&mut tx).await;
    assert!(guardianships::insert(&mut tx, &on, &pending).await.unwrap());
    assert!(guardianships::confirmed_guardians(&mut tx, &child, NOW).await.unwrap().is_empty());
    let confirmed = pending.confirm(Evidence::School, confirmed_now()).unwrap();
    assert!(guardianships::update(&mut tx, &on, &confirmed).await.unwrap());
    assert_eq!(guardianships::confirmed_guardians(&mut tx, &child, NOW).await.unwrap(), [person_id(3)]);
    assert!(guardianships::is_guardian_of(&mut tx, &mother, person_id(1), NOW).await.unwrap());
    assert!(!guardianships::is_guardian_of(&mut tx, &mother, person_id(2), NOW).await.unwrap());
    assert_eq!(guardianships::of_child(&mut tx, &child).await.unwrap(), std::slice::from_ref(&confirmed));
    assert_eq!(guardianships::of_guardian(&mut tx, &mother).await.unwrap(), std::slice::from_ref(&confirmed));
    let mut restricted = confirmed;
    (restricted.restrictions, restricted.version) = ([Restriction::Custody, Restriction::NoContact].into(), 3);
    assert!(guardianships::update(&mut tx, &on, &restricted).await.unwrap());
    assert!(guardianships::confirmed_guardians(&mut tx, &child, NOW).await.unwrap().is_empty());
    assert_eq!(guardianships::of_child(&mut tx, &child).await.unwrap(), [restricted]);
}

async fn the_child_of_full_age_has_no_guardian(db: &Db) {
    let mut tx = db.write().await.unwrap();
    people(&mut tx).await;
    let on = task().on(person_id(1));
    let pending = guardianship(1, 1, 3);
    assert!(guardianships::insert(&mut tx, &on, &pending).await.unwrap());
    assert!(
        guardianships::update(&mut tx, &on, &pending.confirm(Evidence::Document, confirmed_now()).unwrap())
            .await
            .unwrap()
    );
    assert_eq!(guardianships::confirmed_guardians(&mut tx, &on, NOW).await.unwrap(), [person_id(3)]);
    born(&mut tx, 3, "2015-05-06").await;
    assert!(guardianships::confirmed_guardians(&mut tx, &on, NOW).await.unwrap().is_empty(), "nor is a minor one");
    assert!(!guardianships::is_guardian_of(&mut tx, &own(person_id(3)), person_id(1), NOW).await.unwrap());
    born(&mut tx, 3, "1985-06-07").await;
    born(&mut tx, 1, "2000-01-01").await;
    assert!(guardianships::confirmed_guardians(&mut tx, &on, NOW).await.unwrap().is_empty());
    assert!(!guardianships::is_guardian_of(&mut tx, &own(person_id(3)), person_id(1), NOW).await.unwrap());
}

async fn a_guardian_answers_about_her_own_wards(db: &Db) {
    let mut tx = db.write().await.unwrap();
    people(&mut tx).await;
    let (on, mother) = (task().on(person_id(1)), own(person_id(3)));
    assert!(guardianships::insert(&mut tx, &on, &guardianship(1, 1, 3)).await.unwrap());
    assert!(enrolments::insert(&mut tx, &on, &enrolment(1, 1, 5)).await.unwrap());
    let kept = wards::of_guardian(&mut tx, &mother).await.unwrap();
    assert_eq!((kept.len(), kept[0].child_name.as_str()), (1, "学生"));
    assert_eq!(kept[0].school.as_ref().map(|(id, _)| *id), Some(org_id(5)));
    assert!(wards::of_guardian(&mut tx, &own(person_id(2))).await.unwrap().is_empty());
    let rejected = kept[0].guardianship.clone().reject(NOW).unwrap();
    assert!(!wards::answer(&mut tx, &own(person_id(2)), &rejected).await.unwrap(), "not hers");
    assert!(wards::answer(&mut tx, &mother, &rejected).await.unwrap());
    assert!(!wards::answer(&mut tx, &mother, &rejected).await.unwrap(), "answered before");
    assert!(wards::of_guardian(&mut tx, &mother).await.unwrap().is_empty());
    assert_eq!(guardianships::of_guardian(&mut tx, &mother).await.unwrap(), [rejected]);
}
