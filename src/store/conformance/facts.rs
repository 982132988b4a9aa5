//! Fingerprints, change stamps, notes.

use super::on_both_engines;
use super::scene::twice_at_once;
use super::support::NOW;
use crate::store::db::Db;
use crate::store::facts::{self, Cache};

on_both_engines!(one_first_start_claims_the_secrets, every_bump_is_seen, a_note_is_the_last_one);

async fn one_first_start_claims_the_secrets(db: &Db) {
    let claim = async |tx: &mut _, n| facts::claim_fingerprint(tx, "root", [n; 32], NOW).await.unwrap();
    let outcomes = twice_at_once(db, claim).await;
    assert!(outcomes[0] != outcomes[1], "{outcomes:?}");
    let mut tx = db.write().await.unwrap();
    assert!(facts::claim_fingerprint(&mut tx, "audit", [3; 32], NOW).await.unwrap());
    let all = facts::fingerprints(&mut tx).await.unwrap();
    let all: Vec<_> = all.iter().map(|found| (found.name.as_str(), found.fingerprint)).collect();
    assert_eq!(all, [("audit", [3; 32]), ("root", if outcomes[0] { [1; 32] } else { [2; 32] })]);
}

async fn every_bump_is_seen(db: &Db) {
    assert_eq!(facts::stamp(&mut db.read().await.unwrap(), Cache::Keys).await.unwrap(), 0);
    twice_at_once(db, async |tx: &mut _, _| facts::bump(tx, Cache::Keys).await.unwrap()).await;
    let mut tx = db.write().await.unwrap();
    facts::bump(&mut tx, Cache::Keys).await.unwrap();
    assert_eq!(facts::stamp(&mut tx, Cache::Keys).await.unwrap(), 3);
    assert_eq!(facts::stamp(&mut tx, Cache::Clients).await.unwrap(), 0);
}

async fn a_note_is_the_last_one(db: &Db) {
    let mut tx = db.write().await.unwrap();
    assert_eq!(facts::note(&mut tx, "issuer").await.unwrap(), None);
    for value in ["https://a.test", "https://b.test"] {
        facts::set_note(&mut tx, "issuer", value, NOW).await.unwrap();
        assert_eq!(facts::note(&mut tx, "issuer").await.unwrap().as_deref(), Some(value));
    }
    assert_eq!(facts::note(&mut tx, "other").await.unwrap(), None);
}
