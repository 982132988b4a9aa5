//! Documents, personal codes, contacts: what is unique and what becomes free.

use uuid::Uuid;

use super::on_both_engines;
use super::support::{NOW, add_person, person_id};
use crate::domain::access::for_tests::{own, probe, task};
use crate::domain::id::DocumentId;
use crate::domain::registry::contact::{ContactKind, ContactSource};
use crate::domain::registry::document::{DocumentClass, DocumentLabel, DocumentStatus};
use crate::domain::registry::personal_code::PersonalCodeKind;
use crate::store::contacts::{self, StoredContact};
use crate::store::db::Db;
use crate::store::documents::{self, DocumentKey, StoredDocument};

on_both_engines!(
    a_number_belongs_to_one_person,
    the_same_number_of_another_country_is_another_number,
    a_withdrawn_number_is_free_and_a_superseded_one_is_not,
    two_that_race_for_a_number_get_one_yes,
    personal_codes_supersede_each_other,
    contacts_are_kept_once,
);

fn key(index: u8, country: &str) -> DocumentKey {
    let class = if country.is_empty() { DocumentClass::Cn18 } else { DocumentClass::Passport };
    DocumentKey { class, country: country.into(), index: [index; 32] }
}

fn document(n: u128, person: u128, key: DocumentKey) -> StoredDocument {
    StoredDocument {
        id: DocumentId(Uuid::from_u128(n)),
        person: person_id(person),
        key,
        label: DocumentLabel::ResidentId,
        number_sealed: Some(vec![9, 9, 9]),
        status: DocumentStatus::Active,
        valid_from: None,
        valid_to: Some("2036-01-01".parse().unwrap()),
        ended_as: None,
        end_evidence_sealed: None,
        verification: None,
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}

async fn a_number_belongs_to_one_person(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_person(&mut tx, 1, "王芳").await;
    add_person(&mut tx, 2, "李娜").await;
    assert!(documents::probe(&mut tx, &probe(), &key(1, "")).await.unwrap().is_none());
    assert!(documents::insert(&mut tx, &task().on(person_id(1)), &document(1, 1, key(1, ""))).await.unwrap());
    assert!(!documents::insert(&mut tx, &task().on(person_id(2)), &document(2, 2, key(1, ""))).await.unwrap());
    // The refusal did not end the transaction.
    let holder = documents::holder(&mut tx, &task(), &key(1, "")).await.unwrap().unwrap();
    assert_eq!((holder.person, holder.name_key.as_deref()), (person_id(1), Some("王芳")));
    let handle = documents::probe(&mut tx, &probe(), &key(1, "")).await.unwrap().unwrap();
    assert_eq!(crate::domain::access::OnePerson::person(&handle.link(&task())), person_id(1));
    let read = documents::of_person(&mut tx, &own(person_id(1))).await.unwrap();
    assert_eq!(read.len(), 1);
    assert!(read[0].key == key(1, "") && read[0].number_sealed.as_deref() == Some(&[9, 9, 9][..]));
    assert_eq!(read[0].valid_to, Some("2036-01-01".parse().unwrap()));
    tx.commit().await.unwrap();
}

async fn the_same_number_of_another_country_is_another_number(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_person(&mut tx, 1, "Ann").await;
    let on = task().on(person_id(1));
    assert!(documents::insert(&mut tx, &on, &document(1, 1, key(1, "DEU"))).await.unwrap());
    assert!(documents::insert(&mut tx, &on, &document(2, 1, key(1, "FRA"))).await.unwrap());
    assert!(!documents::insert(&mut tx, &on, &document(3, 1, key(1, "FRA"))).await.unwrap());
}

async fn a_withdrawn_number_is_free_and_a_superseded_one_is_not(db: &Db) {
    use DocumentStatus::{Active, Superseded, Withdrawn};
    let mut tx = db.write().await.unwrap();
    add_person(&mut tx, 1, "王芳").await;
    add_person(&mut tx, 2, "李娜").await;
    let (first, second) = (task().on(person_id(1)), task().on(person_id(2)));
    let id = DocumentId(Uuid::from_u128(1));
    assert!(documents::insert(&mut tx, &first, &document(1, 1, key(1, ""))).await.unwrap());
    assert!(documents::set_status(&mut tx, &first, id, Active, Superseded, NOW).await.unwrap());
    assert!(!documents::insert(&mut tx, &second, &document(2, 2, key(1, ""))).await.unwrap());
    assert!(!documents::set_status(&mut tx, &second, id, Superseded, Withdrawn, NOW).await.unwrap(), "not hers");
    assert!(!documents::set_status(&mut tx, &first, id, Active, Withdrawn, NOW).await.unwrap(), "not active any more");
    assert!(documents::set_status(&mut tx, &first, id, Superseded, Withdrawn, NOW).await.unwrap());
    assert!(documents::insert(&mut tx, &second, &document(2, 2, key(1, ""))).await.unwrap());
    let back = documents::set_status(&mut tx, &first, id, Withdrawn, Active, NOW).await.unwrap_err();
    assert!(back.is_unique("identity_document_class_country_number_index_key"), "{back}");
}

async fn two_that_race_for_a_number_get_one_yes(db: &Db) {
    let mut tx = db.write().await.unwrap();
    for n in 1..=8 {
        add_person(&mut tx, n, "王芳").await;
    }
    tx.commit().await.unwrap();
    let tries: Vec<_> = (1..=8)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut tx = db.write().await.unwrap();
                let won =
                    documents::insert(&mut tx, &task().on(person_id(n)), &document(n, n, key(1, ""))).await.unwrap();
                tx.commit().await.unwrap();
                won
            })
        })
        .collect();
    let mut won = 0;
    for attempt in tries {
        won += u32::from(attempt.await.unwrap());
    }
    assert_eq!(won, 1);
}

async fn personal_codes_supersede_each_other(db: &Db) {
    use PersonalCodeKind::{Temporary, Verified};
    let mut tx = db.write().await.unwrap();
    add_person(&mut tx, 1, "王芳").await;
    add_person(&mut tx, 2, "李娜").await;
    let (first, second) = (task().on(person_id(1)), task().on(person_id(2)));
    let id = Uuid::from_u128;
    assert!(documents::insert_code(&mut tx, &first, id(1), Temporary, vec![1], [1; 32], NOW).await.unwrap());
    assert!(documents::insert_code(&mut tx, &first, id(2), Verified, vec![2], [2; 32], NOW).await.unwrap());
    assert!(!documents::insert_code(&mut tx, &second, id(3), Verified, vec![2], [2; 32], NOW).await.unwrap());
    // The temporary one still leads to its holder.
    for index in [[1; 32], [2; 32]] {
        assert_eq!(documents::code_holder(&mut tx, &task(), index).await.unwrap(), Some(person_id(1)));
    }
    assert_eq!(documents::code_holder(&mut tx, &task(), [3; 32]).await.unwrap(), None);
}

async fn contacts_are_kept_once(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_person(&mut tx, 1, "王芳").await;
    let on = task().on(person_id(1));
    let contact = |n| StoredContact {
        id: Uuid::from_u128(n),
        kind: ContactKind::Phone,
        value_sealed: Some(vec![5]),
        value_index: [5; 32],
        source: ContactSource::Roster,
        confirmed_at: None,
        created_at: NOW,
    };
    assert!(contacts::insert(&mut tx, &on, &contact(1)).await.unwrap());
    assert!(!contacts::insert(&mut tx, &on, &contact(2)).await.unwrap());
    assert!(contacts::end(&mut tx, &on, Uuid::from_u128(1), NOW).await.unwrap());
    assert!(contacts::insert(&mut tx, &on, &contact(2)).await.unwrap());
    let kept = contacts::of_person(&mut tx, &own(person_id(1))).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].id == Uuid::from_u128(2) && kept[0].source == ContactSource::Roster);
}
