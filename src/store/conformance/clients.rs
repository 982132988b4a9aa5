//! Registered relying parties.

use serde_json::json;

use super::on_both_engines;
use super::scene::{add_client, after, client, client_id};
use super::support::NOW;
use crate::domain::oidc::client::{Client, ClientStatus, LawfulBasis, SYSTEM_SECTOR};
use crate::store::clients;
use crate::store::db::{Db, StoreError};

on_both_engines!(
    a_client_is_read_as_written,
    a_status_is_read_as_set,
    a_statutory_basis_is_for_platforms,
    the_sector_of_the_system_is_for_platforms,
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
