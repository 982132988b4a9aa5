//! Clients that registered themselves, resources, and tokens that were called back.

use uuid::Uuid;

use super::on_both_engines;
use super::scene::{add_client, after, client_id, twice_at_once};
use super::support::NOW;
use crate::domain::id::InitialTokenId;
use crate::domain::oidc::client::{Client, ClientStatus};
use crate::domain::oidc::initial_token::{InitialToken, Policy};
use crate::domain::oidc::resource::Resource;
use crate::domain::oidc::signing_key::SigningAlg;
use crate::store::db::{Db, Tx};
use crate::store::{clients, registrations, resources, revoked_tokens};

on_both_engines!(
    a_token_is_read_as_written_while_it_is_good,
    the_last_use_is_had_once,
    a_registration_belongs_to_its_keeper,
    only_unused_clients_end,
    a_client_is_changed_while_it_is_active,
    a_resource_is_read_as_written,
    a_called_back_token_is_known_until_it_ends,
);

fn policy() -> Policy {
    Policy { grant_types: vec!["authorization_code".into()], scope: Some("openid".into()), require_pkce: false }
}

fn initial(n: u8, uses_left: u32) -> InitialToken {
    let id = InitialTokenId(Uuid::from_u128(n.into()));
    InitialToken { id, policy: policy(), uses_left, expires_at: after(60), created_at: NOW }
}

/// Adds one under the digest `[n; 32]`.
async fn add(tx: &mut Tx, n: u8, uses_left: u32) -> InitialToken {
    let token = initial(n, uses_left);
    registrations::insert_token(tx, &token, [n; 32]).await.unwrap();
    token
}

async fn a_token_is_read_as_written_while_it_is_good(db: &Db) {
    let mut tx = db.write().await.unwrap();
    let token = add(&mut tx, 1, 2).await;
    add(&mut tx, 2, 0).await;
    let read = registrations::token(&mut tx, [1; 32], after(59)).await.unwrap().unwrap();
    assert_eq!(format!("{read:?}"), format!("{token:?}"));
    assert!(registrations::token(&mut tx, [1; 32], after(60)).await.unwrap().is_none(), "ended");
    assert!(registrations::token(&mut tx, [2; 32], NOW).await.unwrap().is_none(), "used up");
    assert!(registrations::token(&mut tx, [3; 32], NOW).await.unwrap().is_none(), "unknown");
    assert!(!registrations::spend(&mut tx, token.id, after(60)).await.unwrap());
    let listed = registrations::tokens(&mut tx, after(59)).await.unwrap();
    assert_eq!(format!("{listed:?}"), format!("{:?}", [&token]));
    assert!(!registrations::end_token(&mut tx, token.id, after(60)).await.unwrap(), "it has ended");
    assert!(registrations::end_token(&mut tx, token.id, after(59)).await.unwrap());
    assert!(!registrations::end_token(&mut tx, token.id, after(59)).await.unwrap(), "once");
    assert!(registrations::tokens(&mut tx, NOW).await.unwrap().is_empty());
}

async fn the_last_use_is_had_once(db: &Db) {
    let mut tx = db.write().await.unwrap();
    let token = add(&mut tx, 1, 1).await;
    tx.commit().await.unwrap();
    let spent = twice_at_once(db, async |tx, _| registrations::spend(tx, token.id, NOW).await.unwrap()).await;
    assert_eq!(spent.iter().filter(|won| **won).count(), 1);
}

async fn a_registration_belongs_to_its_keeper(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_client(&mut tx, 1).await;
    let token = add(&mut tx, 1, 1).await;
    registrations::insert(&mut tx, client_id(1), [7; 32], &policy(), Some(token.id), NOW).await.unwrap();
    assert_eq!(registrations::policy(&mut tx, client_id(1), [7; 32]).await.unwrap(), Some(policy()));
    assert_eq!(registrations::policy(&mut tx, client_id(1), [8; 32]).await.unwrap(), None);
    assert_eq!(registrations::policy(&mut tx, client_id(2), [7; 32]).await.unwrap(), None);
    assert!(registrations::renew(&mut tx, client_id(1), [9; 32]).await.unwrap());
    assert_eq!(registrations::policy(&mut tx, client_id(1), [7; 32]).await.unwrap(), None, "the old one ended");
    assert!(!registrations::renew(&mut tx, client_id(2), [9; 32]).await.unwrap(), "nobody's");
    clients::set_status(&mut tx, client_id(1), ClientStatus::Suspended, NOW).await.unwrap();
    assert!(!clients::give_up(&mut tx, client_id(1), NOW).await.unwrap(), "what is suspended stays so");
    clients::set_status(&mut tx, client_id(1), ClientStatus::Removed, NOW).await.unwrap();
    assert!(!clients::set_status(&mut tx, client_id(1), ClientStatus::Active, NOW).await.unwrap(), "gone for good");
    assert_eq!(registrations::policy(&mut tx, client_id(1), [9; 32]).await.unwrap(), None);
    assert!(!registrations::renew(&mut tx, client_id(1), [7; 32]).await.unwrap());
}

async fn only_unused_clients_end(db: &Db) {
    let mut tx = db.write().await.unwrap();
    for n in 1..=4 {
        add_client(&mut tx, n).await;
    }
    // 1: used; 2: unused and old; 3: unused and young; 4: the operator's.
    for (n, at) in [(1, NOW), (2, NOW), (3, after(100))] {
        registrations::insert(&mut tx, client_id(n), [n; 32], &policy(), None, at).await.unwrap();
    }
    registrations::used(&mut tx, client_id(1), after(1)).await.unwrap();
    registrations::used(&mut tx, client_id(4), after(1)).await.unwrap();
    let unused = registrations::unused(&mut tx, after(100), None, 10).await.unwrap();
    assert_eq!(unused.iter().map(|client| client.id).collect::<Vec<_>>(), [client_id(2)]);
    assert!(!registrations::hold_unused(&mut tx, client_id(1), after(100)).await.unwrap(), "it was used meanwhile");
    assert!(registrations::hold_unused(&mut tx, client_id(2), after(100)).await.unwrap());
    assert!(clients::give_up(&mut tx, client_id(2), after(200)).await.unwrap());
    assert!(registrations::unused(&mut tx, after(100), None, 10).await.unwrap().is_empty());
    for (n, status) in
        [(1, ClientStatus::Active), (2, ClientStatus::Removed), (3, ClientStatus::Active), (4, ClientStatus::Active)]
    {
        assert_eq!(clients::find(&mut tx, client_id(n)).await.unwrap().unwrap().status, status, "{n}");
    }
}

async fn a_client_is_changed_while_it_is_active(db: &Db) {
    let mut tx = db.write().await.unwrap();
    let mut client = add_client(&mut tx, 1).await;
    client.metadata.client_name = Some("新名字".into());
    (client.secret_digest, client.secret_sealed) = (None, Some(vec![9]));
    assert!(clients::update(&mut tx, &client, after(1)).await.unwrap());
    assert!(!clients::update(&mut tx, &client, after(2)).await.unwrap(), "what was changed since it was read stays");
    client.version += 1;
    let read = clients::find(&mut tx, client.id).await.unwrap().unwrap();
    assert_eq!(format!("{read:?}"), format!("{client:?}"));
    let moved = Client { sector: "other.test".into(), ..client.clone() };
    assert!(!clients::update(&mut tx, &moved, after(2)).await.unwrap(), "a sector never changes");
    clients::set_status(&mut tx, client.id, ClientStatus::Removed, NOW).await.unwrap();
    assert!(!clients::update(&mut tx, &client, after(2)).await.unwrap());
}

async fn a_resource_is_read_as_written(db: &Db) {
    let mut tx = db.write().await.unwrap();
    let mut resource = Resource {
        uri: "https://r.test/".into(),
        name: "成绩库".into(),
        scopes: ["a".to_owned(), "b".to_owned()].into(),
        created_at: NOW,
        token_alg: SigningAlg::Es256,
    };
    resources::put(&mut tx, &resource).await.unwrap();
    resource.scopes = ["c".to_owned()].into();
    resource.token_alg = SigningAlg::Rs256;
    resources::put(&mut tx, &Resource { created_at: after(1), ..resource.clone() }).await.unwrap();
    assert_eq!(resources::find(&mut tx, "https://r.test/").await.unwrap(), Some(resource.clone()));
    assert_eq!(resources::find(&mut tx, "https://r.test").await.unwrap(), None);
    assert_eq!(resources::list(&mut tx).await.unwrap(), [resource]);
}

async fn a_called_back_token_is_known_until_it_ends(db: &Db) {
    let mut tx = db.write().await.unwrap();
    for _ in 0..2 {
        revoked_tokens::insert(&mut tx, [1; 32], after(10)).await.unwrap();
    }
    assert!(revoked_tokens::holds(&mut tx, [1; 32]).await.unwrap());
    assert!(!revoked_tokens::holds(&mut tx, [2; 32]).await.unwrap());
    revoked_tokens::forget(&mut tx, after(10)).await.unwrap();
    assert!(revoked_tokens::holds(&mut tx, [1; 32]).await.unwrap());
    revoked_tokens::forget(&mut tx, after(11)).await.unwrap();
    assert!(!revoked_tokens::holds(&mut tx, [1; 32]).await.unwrap());
}
