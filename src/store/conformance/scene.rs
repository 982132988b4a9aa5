//! People who have signed in, clients they go to, and what is granted there.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::support::{NOW, account, add_person, person_id};
use crate::domain::access::for_tests::{own, task};
use crate::domain::auth::session::{ACR_PASSWORD, Session};
use crate::domain::id::{AccountId, ClientId, GrantId, IdentityId, SessionId};
use crate::domain::oidc::authorization_details::Details;
use crate::domain::oidc::claims_request::SingleClaims;
use crate::domain::oidc::client::{Client, ClientStatus};
use crate::domain::oidc::confirmation::Confirmation;
use crate::domain::oidc::grant::Grant;
use crate::domain::oidc::scope::ScopeSet;
use crate::domain::time::Timestamp;
use crate::store::db::{Db, Tx};
use crate::store::{accounts, clients, grants, sessions};

/// Seconds after the beginning at which a session of [`session`] ends when it is not used, and in any case.
pub const IDLE: u64 = 600;
pub const ABSOLUTE: u64 = 3600;

const USER_NAMES: [&str; 3] = ["222-222-2222", "3h2-222-2222", "4y2-222-2222"];

pub fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

pub fn account_id(n: u8) -> AccountId {
    AccountId(Uuid::from_u128(n.into()))
}

pub fn session_id(n: u8) -> SessionId {
    SessionId(Uuid::from_u128(n.into()))
}

pub fn client_id(n: u8) -> ClientId {
    ClientId(Uuid::from_u128(n.into()))
}

pub fn grant_id(n: u8) -> GrantId {
    GrantId(Uuid::from_u128(n.into()))
}

/// Adds a person with an account that may sign in.
pub async fn add_active(tx: &mut Tx, n: u8) {
    let number = u128::from(n);
    add_person(tx, number, "王芳").await;
    let account = account(number, number, USER_NAMES[usize::from(n) - 1]);
    assert!(accounts::insert(tx, &task(), &account).await.unwrap());
    assert!(accounts::activate(tx, &own(person_id(number)), account_id(n), NOW).await.unwrap());
}

pub fn session(n: u8, person: u8) -> Session {
    Session {
        id: session_id(n),
        account: account_id(person),
        person: person_id(person.into()),
        auth_time: NOW,
        acr: ACR_PASSWORD.into(),
        amr: vec!["pwd".into()],
        own_device: false,
        identity: None,
        created_at: NOW,
        last_seen_at: NOW,
        idle_expires_at: after(IDLE),
        expires_at: after(ABSOLUTE),
        ended_at: None,
        agent: None,
        client: None,
    }
}

/// Adds session `n` of a person under the secret `[n; 32]`.
pub async fn add_session(tx: &mut Tx, n: u8, person: u8) -> Session {
    let session = session(n, person);
    sessions::insert(tx, &session, [n; 32]).await.unwrap();
    session
}

/// An application of a vendor, alone in its sector.
pub fn client(n: u8) -> Client {
    let metadata = json!({
        "redirect_uris": [format!("https://v{n}.test/cb")],
        "client_name": "口算天天练",
        "backchannel_logout_uri": format!("https://v{n}.test/logout"),
    });
    Client {
        id: client_id(n),
        metadata: serde_json::from_value(metadata).unwrap(),
        sector: format!("v{n}.test"),
        secret_digest: Some([n; 32]),
        secret_sealed: None,
        old_secret: None,
        document: None,
        status: ClientStatus::Active,
        created_at: NOW,
        org: None,
        heir_of: Vec::new(),
        vouched: true,
        scope_cap: None,
        version: 1,
    }
}

pub async fn add_client(tx: &mut Tx, n: u8) -> Client {
    let client = client(n);
    clients::insert(tx, &client).await.unwrap();
    client
}

/// What person 1 granted client 1 in session 1.
pub fn grant(n: u8, offline: bool) -> Grant {
    Grant {
        cnf: Confirmation::default(),
        id: grant_id(n),
        client: client_id(1),
        person: person_id(1),
        session: session_id(1),
        identity: Some(IdentityId(Uuid::from_u128(n.into()))),
        sub: "sub-1".into(),
        sid: "sid-1".into(),
        scope: ScopeSet::parse("openid profile"),
        claims: SingleClaims { userinfo: ["email".to_owned()].into(), ..SingleClaims::default() },
        details: Details::parse(r#"[{"type":"a","actions":["y","x"],"identifier":"1"}]"#).unwrap(),
        targets: serde_json::from_value(serde_json::json!({ "https://r.example/": ["r.read"] })).unwrap(),
        auth_time: NOW,
        acr: ACR_PASSWORD.into(),
        amr: vec!["pwd".into()],
        offline,
        created_at: NOW,
        revoked_at: None,
    }
}

/// Person 1 in session 1 and client 1; grant 1, which ends with the session, and grant 2, which does not.
pub async fn add_grants(tx: &mut Tx) {
    add_active(tx, 1).await;
    add_session(tx, 1, 1).await;
    add_client(tx, 1).await;
    for (n, offline) in [(1, false), (2, true)] {
        assert!(add_grant(tx, &grant(n, offline)).await);
    }
}

/// Whether a grant was added.
pub async fn add_grant(tx: &mut Tx, grant: &Grant) -> bool {
    tx.execute_together(grants::addition(grant).unwrap(), Vec::new()).await.unwrap() == 1
}

/// Does the same in two transactions at once, and commits both. The number tells them apart.
pub async fn twice_at_once<T>(db: &Db, work: impl AsyncFn(&mut Tx, u8) -> T) -> [T; 2] {
    let one = async |n| {
        let mut tx = db.write().await.unwrap();
        let outcome = work(&mut tx, n).await;
        tx.commit().await.unwrap();
        outcome
    };
    let (first, second) = tokio::join!(one(1), one(2));
    [first, second]
}
