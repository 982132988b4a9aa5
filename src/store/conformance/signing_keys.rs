//! Signing keys.

use serde_json::json;

use super::on_both_engines;
use super::scene::after;
use super::support::NOW;
use crate::domain::oidc::signing_key::{KeyState, SigningAlg, StoredKey};
use crate::store::db::{Db, Engine};
use crate::store::signing_keys;

on_both_engines!(a_key_is_read_as_written, one_key_of_an_algorithm_signs, one_process_changes_the_keyring);

fn key(kid: &str, alg: SigningAlg) -> StoredKey {
    StoredKey {
        kid: kid.into(),
        alg,
        wrapped: vec![0, 1, 255],
        public_jwk: json!({"kty": "EC", "kid": kid}),
        state: KeyState::Next,
        created_at: NOW,
        activated_at: None,
        retires_at: None,
    }
}

async fn a_key_is_read_as_written(db: &Db) {
    let mut tx = db.write().await.unwrap();
    let first = key("b", SigningAlg::Es256);
    let second = StoredKey { created_at: after(1), ..key("a", SigningAlg::Rs256) };
    for key in [&second, &first] {
        signing_keys::insert(&mut tx, key).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut tx = db.write().await.unwrap();
    assert_eq!(signing_keys::list(&mut tx).await.unwrap(), [first.clone(), second.clone()], "oldest first");
    let active = first.activate(after(2));
    signing_keys::update(&mut tx, &active).await.unwrap();
    assert_eq!(signing_keys::list(&mut tx).await.unwrap(), [active.clone(), second.clone()]);
    let retired = active.retire(after(3));
    signing_keys::update(&mut tx, &retired).await.unwrap();
    assert_eq!(signing_keys::list(&mut tx).await.unwrap(), [retired, second.clone()]);
    signing_keys::delete(&mut tx, "b").await.unwrap();
    assert_eq!(signing_keys::list(&mut tx).await.unwrap(), [second]);
}

async fn one_key_of_an_algorithm_signs(db: &Db) {
    let mut tx = db.write().await.unwrap();
    let (first, second) = (key("a", SigningAlg::Es256).activate(NOW), key("b", SigningAlg::Es256));
    for key in [&first, &second, &key("c", SigningAlg::Rs256).activate(NOW)] {
        signing_keys::insert(&mut tx, key).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut tx = db.write().await.unwrap();
    let fault = signing_keys::update(&mut tx, &second.clone().activate(after(1))).await.unwrap_err();
    assert!(fault.is_unique("signing_key_alg_key"), "{fault}");
    drop(tx);
    let mut tx = db.write().await.unwrap();
    signing_keys::update(&mut tx, &first.retire(after(2))).await.unwrap();
    signing_keys::update(&mut tx, &second.activate(after(1))).await.unwrap();
}

async fn one_process_changes_the_keyring(db: &Db) {
    let mut first = db.write().await.unwrap();
    assert!(signing_keys::lock(&mut first).await.unwrap());
    // SQLite's one writer has it alone already.
    if db.engine() == Engine::Postgres {
        assert!(!signing_keys::lock(&mut db.write().await.unwrap()).await.unwrap());
    }
    first.commit().await.unwrap();
    assert!(signing_keys::lock(&mut db.write().await.unwrap()).await.unwrap());
}
