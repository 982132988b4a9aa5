//! Registered relying parties.

use serde_json::json;

use super::on_both_engines;
use super::scene::{add_client, after, client, client_id};
use super::support::{NOW, add_person};
use crate::domain::oidc::client::{Client, ClientStatus, Document, LawfulBasis, SYSTEM_SECTOR};
use crate::store::db::{Db, StoreError};
use crate::store::{clients, subjects};

on_both_engines!(
    a_client_is_read_as_written,
    a_status_is_read_as_set,
    a_statutory_basis_is_for_platforms,
    the_sector_of_the_system_is_for_platforms,
    an_address_holds_one_client,
    a_document_that_nobody_used_is_forgotten,
);

fn platform(n: u8) -> Client {
    let metadata = json!({
        "redirect_uris": ["https://p.test/cb", "https://p.test/cb2"],
        "client_name": "省平台",
        "client_name#en": "Province",
        "edu_vendor": "某省教育厅",
        "client_uri#en": "https://p.test/en",
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "PS256",
        "jwks": { "keys": [] },
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid edu",
        "application_type": "native",
        "client_uri": "https://p.test/",
        "policy_uri": "https://p.test/privacy",
        "tos_uri": "https://p.test/terms",
        "id_token_signed_response_alg": "ES256",
        "default_max_age": 300,
        "post_logout_redirect_uris": ["https://p.test/bye"],
        "backchannel_logout_uri": "https://p.test/logout",
        "backchannel_logout_session_required": true,
        "initiate_login_uri": "https://p.test/login",
        "edu_client_kind": "platform",
        "edu_lawful_basis": "statutory",
        "edu_require_pkce": true,
    });
    Client {
        metadata: serde_json::from_value(metadata).unwrap(),
        sector: SYSTEM_SECTOR.into(),
        secret_digest: None,
        secret_sealed: Some(vec![1, 2, 3]),
        created_at: after(1),
        ..client(n)
    }
}

async fn a_client_is_read_as_written(db: &Db) {
    let mut tx = db.write().await.unwrap();
    let first = add_client(&mut tx, 1).await;
    clients::insert(&mut tx, &platform(2)).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = db.read().await.unwrap();
    for written in [&first, &platform(2)] {
        let read = clients::find(&mut tx, written.id).await.unwrap().unwrap();
        assert_eq!(format!("{read:?}"), format!("{written:?}"));
    }
    assert!(clients::find(&mut tx, client_id(9)).await.unwrap().is_none());
    let all = clients::list(&mut tx).await.unwrap();
    assert_eq!(all.iter().map(|client| client.id).collect::<Vec<_>>(), [client_id(1), client_id(2)]);
}

async fn a_status_is_read_as_set(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_client(&mut tx, 1).await;
    add_client(&mut tx, 2).await;
    for status in [ClientStatus::Suspended, ClientStatus::Active, ClientStatus::Removed] {
        assert!(clients::set_status(&mut tx, client_id(1), status, NOW).await.unwrap());
        assert_eq!(clients::find(&mut tx, client_id(1)).await.unwrap().unwrap().status, status);
    }
    assert_eq!(clients::find(&mut tx, client_id(2)).await.unwrap().unwrap().status, ClientStatus::Active);
    assert!(!clients::set_status(&mut tx, client_id(9), ClientStatus::Active, NOW).await.unwrap());
}

async fn a_statutory_basis_is_for_platforms(db: &Db) {
    let mut application = client(1);
    application.metadata.edu_lawful_basis = Some(LawfulBasis::Statutory);
    let refused = clients::insert(&mut db.write().await.unwrap(), &application).await;
    assert!(matches!(refused, Err(StoreError::Constraint(_))), "even if nobody checked the registration");
}

async fn the_sector_of_the_system_is_for_platforms(db: &Db) {
    let mut tx = db.write().await.unwrap();
    let application = Client { sector: SYSTEM_SECTOR.into(), ..client(1) };
    let outside = Client { sector: "p.test".into(), ..platform(2) };
    for wrong in [&application, &outside] {
        assert!(matches!(clients::insert(&mut tx, wrong).await, Err(StoreError::Refused(_))));
        assert!(matches!(clients::update(&mut tx, wrong, NOW).await, Err(StoreError::Refused(_))));
    }
}

fn at(n: u8, url: &str) -> Client {
    let id = client_id(n);
    Client { document: Some(Document { url: url.into(), until: after(60) }), sector: id.to_string(), ..client(n) }
}

async fn an_address_holds_one_client(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_client(&mut tx, 1).await;
    add_client(&mut tx, 2).await;
    let first = at(3, "https://a.test/c");
    assert!(clients::insert(&mut tx, &first).await.unwrap());
    assert!(!clients::insert(&mut tx, &at(4, "https://a.test/c")).await.unwrap());
    assert!(clients::insert(&mut tx, &at(5, "https://a.test/d")).await.unwrap());
    assert!(clients::find(&mut tx, client_id(4)).await.unwrap().is_none());
    let read = clients::at(&mut tx, "https://a.test/c").await.unwrap().unwrap();
    assert_eq!(format!("{read:?}"), format!("{first:?}"));
    assert!(clients::at(&mut tx, "https://A.test/c").await.unwrap().is_none());
    clients::believe(&mut tx, first.id, after(600)).await.unwrap();
    let read = clients::find(&mut tx, first.id).await.unwrap().unwrap();
    assert_eq!((read.document.unwrap().until, read.version), (after(600), 1));
}

async fn a_document_that_nobody_used_is_forgotten(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_client(&mut tx, 1).await;
    for n in 2..=5 {
        let created_at = if n == 5 { after(500) } else { NOW };
        let client = Client { created_at, ..at(n, &format!("https://a.test/{n}")) };
        clients::insert(&mut tx, &client).await.unwrap();
    }
    clients::set_status(&mut tx, client_id(3), ClientStatus::Suspended, NOW).await.unwrap();
    let person = add_person(&mut tx, 1, "张三").await;
    subjects::first_use(&mut tx, person.id, &client_id(4).to_string(), "sub", NOW).await.unwrap();
    let unused = clients::unused(&mut tx, after(100), "", 10).await.unwrap();
    assert_eq!(unused.iter().map(|client| client.id).collect::<Vec<_>>(), [client_id(2)]);
    for n in 2..=5 {
        let ended = clients::forget_unused(&mut tx, client_id(n), after(100), after(200)).await.unwrap();
        assert_eq!(ended, n == 2, "{n}");
    }
    for (n, kept) in [(2, false), (3, true), (4, true), (5, true)] {
        assert_eq!(clients::at(&mut tx, &format!("https://a.test/{n}")).await.unwrap().is_some(), kept, "{n}");
    }
    let forgotten = clients::find(&mut tx, client_id(2)).await.unwrap().unwrap();
    assert_eq!((forgotten.status, forgotten.document), (ClientStatus::Removed, None));
    assert!(clients::insert(&mut tx, &at(6, "https://a.test/2")).await.unwrap(), "it may come again");
}
