//! Grants: when one is alive, and what ends it.

use super::on_both_engines;
use super::scene::{
    ABSOLUTE, IDLE, account_id, add_active, add_client, add_grant, add_grants, add_session, after, client_id, grant,
    grant_id, session_id, twice_at_once,
};
use super::support::{NOW, person_id};
use crate::domain::access::for_tests::{own, task};
use crate::domain::id::{ClientId, GrantId};
use crate::domain::oidc::client::ClientStatus;
use crate::domain::registry::codes::status::Status;
use crate::domain::time::Timestamp;
use crate::store::db::{Db, FromRow, Row, Statement, StoreError, Tx, args};
use crate::store::{accounts, clients, grants, persons, sessions};

on_both_engines!(
    a_grant_is_read_as_written,
    a_replay_that_comes_first_keeps_the_grant_from_beginning,
    what_a_code_gave_ends_in_the_hands_of_its_client_alone,
    a_grant_begins_once,
    the_first_revocation_stands,
    the_end_of_a_session_leaves_only_the_offline_grant,
    time_ends_the_session_and_not_the_offline_grant,
    a_lock_a_death_and_a_suspension_stop_every_grant,
    revocations_reach_what_they_say,
);

/// Whether grant 1 (of the session) and grant 2 (offline) are alive.
async fn alive(tx: &mut Tx, now: Timestamp) -> [bool; 2] {
    [
        grants::live(tx, grant_id(1), now).await.unwrap().is_some(),
        grants::live(tx, grant_id(2), now).await.unwrap().is_some(),
    ]
}

async fn a_grant_is_read_as_written(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_grants(&mut tx).await;
    tx.commit().await.unwrap();
    let mut tx = db.read().await.unwrap();
    for (n, offline) in [(1, false), (2, true)] {
        let read = grants::live(&mut tx, grant_id(n), NOW).await.unwrap().unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", grant(n, offline)));
    }
    assert!(grants::live(&mut tx, grant_id(9), NOW).await.unwrap().is_none());
    assert!(grants::is_known(&mut tx, grant_id(1)).await.unwrap());
    assert!(!grants::is_known(&mut tx, grant_id(9)).await.unwrap());
}

async fn a_replay_that_comes_first_keeps_the_grant_from_beginning(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_grants(&mut tx).await;
    grants::revoke(&mut tx, grant_id(3), NOW, "replay").await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = db.write().await.unwrap();
    assert!(grants::is_known(&mut tx, grant_id(3)).await.unwrap());
    assert!(!add_grant(&mut tx, &grant(3, true)).await);
    assert!(grants::live(&mut tx, grant_id(3), NOW).await.unwrap().is_none());
}

async fn what_a_code_gave_ends_in_the_hands_of_its_client_alone(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_grants(&mut tx).await;
    let holder = grant(1, false).client;
    assert!(!grants::revoke_replayed(&mut tx, grant_id(1), ClientId(uuid::Uuid::from_u128(7)), NOW).await.unwrap());
    assert_eq!(alive(&mut tx, NOW).await, [true, true]);
    assert!(grants::revoke_replayed(&mut tx, grant_id(1), holder, NOW).await.unwrap());
    assert_eq!(alive(&mut tx, NOW).await, [false, true]);
    // One that has not begun is nobody's yet, and never begins.
    assert!(grants::revoke_replayed(&mut tx, grant_id(3), holder, NOW).await.unwrap());
    assert!(!add_grant(&mut tx, &grant(3, true)).await);
}

async fn a_grant_begins_once(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_grants(&mut tx).await;
    tx.commit().await.unwrap();
    let begin = async |tx: &mut _, _| add_grant(tx, &grant(3, false)).await;
    let mut outcomes = twice_at_once(db, begin).await;
    outcomes.sort_unstable();
    assert_eq!(outcomes, [false, true]);
}

const ENDED: Statement =
    Statement::shared("conformance::ENDED", "SELECT revoked_at, revoke_reason FROM oidc_grant WHERE id = $1");

#[derive(Debug, PartialEq)]
struct Ended(Timestamp, String);

impl FromRow for Ended {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("revoked_at")?, row.get("revoke_reason")?))
    }
}

async fn ended(tx: &mut Tx, id: GrantId) -> Ended {
    tx.one(ENDED, args![id]).await.unwrap()
}

async fn the_first_revocation_stands(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_grants(&mut tx).await;
    // The last one has no holder: its code was replayed before it was redeemed.
    for n in 1..=3 {
        grants::revoke(&mut tx, grant_id(n), after(1), "replay").await.unwrap();
        grants::revoke(&mut tx, grant_id(n), after(2), "signed out").await.unwrap();
    }
    assert_eq!(grants::revoke_of_person(&mut tx, &own(person_id(1)), after(3), "locked").await.unwrap(), 0);
    for n in 1..=3 {
        assert_eq!(ended(&mut tx, grant_id(n)).await, Ended(after(1), "replay".into()));
    }
    assert_eq!(alive(&mut tx, after(1)).await, [false, false]);
}

async fn the_end_of_a_session_leaves_only_the_offline_grant(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_grants(&mut tx).await;
    assert_eq!(alive(&mut tx, after(1)).await, [true, true]);
    assert!(sessions::end(&mut tx, session_id(1), after(1), "logout").await.unwrap());
    assert_eq!(alive(&mut tx, after(1)).await, [false, true], "before anybody revokes it");
    assert_eq!(grants::revoke_of_session(&mut tx, session_id(1), after(1), "logout").await.unwrap(), 1);
    assert_eq!(ended(&mut tx, grant_id(1)).await, Ended(after(1), "logout".into()));
    assert_eq!(alive(&mut tx, after(1)).await, [false, true]);
}

async fn time_ends_the_session_and_not_the_offline_grant(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_grants(&mut tx).await;
    assert_eq!(alive(&mut tx, after(IDLE - 1)).await, [true, true]);
    assert_eq!(alive(&mut tx, after(IDLE)).await, [false, true], "idle");
    sessions::touch(&mut tx, session_id(1), after(IDLE - 1), after(2 * ABSOLUTE)).await.unwrap();
    assert_eq!(alive(&mut tx, after(ABSOLUTE - 1)).await, [true, true]);
    assert_eq!(alive(&mut tx, after(ABSOLUTE)).await, [false, true], "expired");
}

async fn a_lock_a_death_and_a_suspension_stop_every_grant(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_grants(&mut tx).await;
    let (proof, on) = (own(person_id(1)), task().on(person_id(1)));
    for (state, expected) in [(Status::AdminLocked, false), (Status::Active, true)] {
        assert!(accounts::set_state(&mut tx, &proof, account_id(1), state, NOW).await.unwrap());
        assert_eq!(alive(&mut tx, NOW).await, [expected; 2], "account {state:?}");
    }
    let mut person = persons::find(&mut tx, &on).await.unwrap().unwrap();
    for (status, expected) in [(Status::Deceased, false), (Status::Active, true)] {
        (person.status, person.version) = (status, person.version + 1);
        assert!(persons::update(&mut tx, &on, &person).await.unwrap());
        assert_eq!(alive(&mut tx, NOW).await, [expected; 2], "person {status:?}");
    }
    for (status, expected) in
        [(ClientStatus::Suspended, false), (ClientStatus::Active, true), (ClientStatus::Removed, false)]
    {
        assert!(clients::set_status(&mut tx, client_id(1), status, NOW).await.unwrap());
        assert_eq!(alive(&mut tx, NOW).await, [expected; 2], "client {status:?}");
    }
}

async fn revocations_reach_what_they_say(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_grants(&mut tx).await;
    add_active(&mut tx, 2).await;
    add_session(&mut tx, 2, 2).await;
    add_client(&mut tx, 2).await;
    let (mut elsewhere, mut of_another) = (grant(3, true), grant(4, true));
    elsewhere.client = client_id(2);
    (of_another.person, of_another.session) = (person_id(2), session_id(2));
    for grant in [&elsewhere, &of_another] {
        assert!(add_grant(&mut tx, grant).await);
    }
    let lives = async |tx: &mut Tx, id| grants::live(tx, id, NOW).await.unwrap().is_some();
    assert_eq!(grants::revoke_of_client(&mut tx, person_id(1), client_id(1), NOW, "withdrawn").await.unwrap(), 2);
    assert_eq!(alive(&mut tx, NOW).await, [false, false]);
    assert!(lives(&mut tx, elsewhere.id).await);
    assert_eq!(grants::revoke_of_person(&mut tx, &own(person_id(1)), NOW, "locked").await.unwrap(), 1);
    assert!(!lives(&mut tx, elsewhere.id).await);
    assert!(lives(&mut tx, of_another.id).await);
}
