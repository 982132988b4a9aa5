//! Consent receipts.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::on_both_engines;
use super::support::{NOW, add_person, person_id};
use crate::domain::access::for_tests::{own, task, ward};
use crate::domain::id::{ClientId, ConsentId};
use crate::domain::oidc::authorization_details::{Agreed, Details};
use crate::domain::registry::age::AgeBand;
use crate::domain::registry::consent::ConsentReceipt;
use crate::store::consents;
use crate::store::db::{Db, Statement, Tx, args};

on_both_engines!(receipts_are_withdrawn_and_never_deleted, receipts_are_one_clients, a_guardian_takes_back_her_own,);

/// The client's own row, as short as the schema lets it be.
const CLIENT: Statement = Statement::shared(
    "conformance::CLIENT",
    "INSERT INTO client (id, kind, name, metadata, sector, require_pkce, status, created_at, updated_at, version) VALUES ($1, 'application', 'vendor', $2, 'v.test', $3, 'active', $4, $4, 1)",
);

async fn scene(tx: &mut Tx) {
    for (n, name) in [(1, "学生"), (2, "母亲")] {
        add_person(tx, n, name).await;
    }
    for n in [1, 2] {
        tx.execute(CLIENT, args![client(n), serde_json::json!({}), true, NOW]).await.unwrap();
    }
}

fn client(n: u128) -> ClientId {
    ClientId(Uuid::from_u128(n))
}

fn receipt(n: u128, client_number: u128) -> ConsentReceipt {
    ConsentReceipt {
        id: ConsentId(Uuid::from_u128(n)),
        person: person_id(1),
        given_by: person_id(2),
        client: client(client_number),
        claims: BTreeSet::from(["edu".to_owned(), "profile".to_owned()]),
        details: Some(Agreed {
            details: Details::parse(r#"[{"type":"a","locations":["x"]}]"#).unwrap(),
            shown: "digest".into(),
        }),
        purpose: "sign-in".into(),
        notice_version: "2026-11".into(),
        given_at: NOW,
        withdrawn_at: None,
        age_band: AgeBand::Under14,
    }
}

async fn receipts_are_withdrawn_and_never_deleted(db: &Db) {
    let mut tx = db.write().await.unwrap();
    scene(&mut tx).await;
    let on = task().on(person_id(1));
    consents::insert(&mut tx, &on, &receipt(1, 1)).await.unwrap();
    assert_eq!(consents::live(&mut tx, &own(person_id(1)), client(1)).await.unwrap(), [receipt(1, 1)]);
    assert_eq!(consents::withdraw(&mut tx, &on, client(1), NOW).await.unwrap(), 1);
    assert_eq!(consents::withdraw(&mut tx, &on, client(1), NOW).await.unwrap(), 0);
    assert!(consents::live(&mut tx, &on, client(1)).await.unwrap().is_empty());
    let all = consents::of_person(&mut tx, &on).await.unwrap();
    assert_eq!(all, [ConsentReceipt { withdrawn_at: Some(NOW), ..receipt(1, 1) }]);
}

async fn receipts_are_one_clients(db: &Db) {
    let mut tx = db.write().await.unwrap();
    scene(&mut tx).await;
    let on = task().on(person_id(1));
    consents::insert(&mut tx, &on, &receipt(1, 1)).await.unwrap();
    assert!(consents::live(&mut tx, &on, client(2)).await.unwrap().is_empty());
    assert_eq!(consents::withdraw(&mut tx, &on, client(2), NOW).await.unwrap(), 0);
    assert!(
        consents::live(&mut tx, &own(person_id(2)), client(1)).await.unwrap().is_empty(),
        "given by her, not about her"
    );
}

async fn a_guardian_takes_back_her_own(db: &Db) {
    let mut tx = db.write().await.unwrap();
    scene(&mut tx).await;
    add_person(&mut tx, 3, "父亲").await;
    let on = task().on(person_id(1));
    let fathers = ConsentReceipt { given_by: person_id(3), ..receipt(3, 1) };
    for receipt in [receipt(1, 1), receipt(2, 2), fathers.clone()] {
        consents::insert(&mut tx, &on, &receipt).await.unwrap();
    }
    let mother = ward(person_id(2), person_id(1));
    let held = consents::take_back(&mut tx, &mother, NOW).await.unwrap();
    assert_eq!(held, BTreeSet::from([client(1), client(2)]));
    assert!(consents::take_back(&mut tx, &mother, NOW).await.unwrap().is_empty());
    assert_eq!(consents::live(&mut tx, &on, client(1)).await.unwrap(), [fathers], "another guardian's");
    assert!(consents::live(&mut tx, &on, client(2)).await.unwrap().is_empty());
}
