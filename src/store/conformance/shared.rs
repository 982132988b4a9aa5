//! What is asked and committed together with others.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::on_both_engines;
use super::scene::{
    account_id, add_active, add_client, add_session, after, client, client_id, grant, grant_id, session_id,
};
use super::support::{NOW, person_id};
use crate::domain::access::for_tests::own;
use crate::domain::id::FamilyId;
use crate::domain::oidc::client::ClientStatus;
use crate::domain::oidc::grant::{Family, Grant, KnownAs};
use crate::domain::registry::codes::status::Status;
use crate::store::db::{Db, FromRow, Lane, Row, Statement, StoreError, Tx, args};
use crate::store::sessions::{Asked, Attendance};
use crate::store::{accounts, clients, grants, sessions, subjects};

on_both_engines!(
    each_is_told_of_its_own,
    many_share_a_commit_and_each_is_told,
    what_is_not_as_it_was_read_is_not_made,
    a_grant_begins_once_among_many,
    whoever_is_told_that_she_began_it_did,
    one_that_cannot_be_made_takes_nobody_along,
    who_holds_the_session_is_not_waited_for,
);

const SESSIONS: u8 = 24;

/// Sessions of person 1, all of which client 1 attends.
async fn scene(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_active(&mut tx, 1).await;
    add_client(&mut tx, 1).await;
    for n in 1..=SESSIONS {
        add_session(&mut tx, n, 1).await;
        sessions::join(&mut tx, session_id(n), client_id(1), &format!("sid-{n}"), NOW).await.unwrap();
    }
    subjects::first_use(&mut tx, person_id(1), "v1.test", "sub-1", NOW).await.unwrap();
    tx.commit().await.unwrap();
}

fn known_as(n: u8) -> KnownAs {
    KnownAs { sub: "sub-1".into(), sid: format!("sid-{n}") }
}

/// As client 1 attends session `n`.
fn attendance(n: u8) -> Attendance {
    Attendance {
        session: session_id(n),
        client: client_id(1),
        sector: "v1.test".into(),
        now: after(1),
        person: person_id(1),
        known_as: known_as(n),
    }
}

fn grant_in(n: u8, session: u8) -> Grant {
    Grant { session: session_id(session), sid: format!("sid-{session}"), ..grant(n, false) }
}

fn family(n: u8) -> Family {
    let (idle_expires_at, expires_at) = (after(60), after(600));
    let (id, grant) = (FamilyId(grant_id(n).0), grant_id(n));
    Family { id, grant, counter: 0, rotated_at: NOW, idle_expires_at, expires_at, revoked_at: None }
}

/// Grant `n` with its family, where the session is attended so.
async fn make(lane: &Lane, attendance: Attendance, grant: &Grant, n: u8) -> bool {
    let row = grants::addition(grant).unwrap();
    lane.commit(attendance.guards(row, vec![grants::family_addition(&family(n))])).await
}

/// Grant `n` with its family is there, or neither of them.
async fn is_there(db: &Db, n: u8) -> bool {
    let mut tx = db.read().await.unwrap();
    let (known, refreshes) = (
        grants::is_known(&mut tx, grant_id(n)).await.unwrap(),
        grants::family(&mut tx, FamilyId(grant_id(n).0)).await.unwrap().is_some(),
    );
    assert_eq!(known, refreshes, "{n}");
    known
}

async fn each_is_told_of_its_own(db: &Db) {
    scene(db).await;
    let asked = Arc::new(Asked::of(db));
    let mut all = JoinSet::new();
    for n in 1..=2 * SESSIONS {
        let asked = Arc::clone(&asked);
        all.spawn(async move {
            let session = asked.by_secret([n; 32]).await.unwrap();
            (n, session.map(|session| session.id))
        });
        let asked = Arc::new(Asked::of(db));
        all.spawn(async move {
            let visited = asked.visited([n; 32], client_id(1), "v1.test").await.unwrap();
            let names = visited.as_ref().map(|visited| visited.known_as.clone());
            assert_eq!(names, (n <= SESSIONS).then(|| Some(known_as(n))));
            (n, visited.map(|visited| visited.session.id))
        });
    }
    for (n, found) in all.join_all().await {
        assert_eq!(found, (n <= SESSIONS).then(|| session_id(n)), "{n}");
    }
    // Another sector calls her nothing yet, and another client was not there.
    for (client, sector) in [(1, "v2.test"), (2, "v1.test")] {
        let elsewhere = asked.visited([1; 32], client_id(client), sector).await.unwrap().unwrap();
        assert_eq!((elsewhere.session.person, elsewhere.known_as), (person_id(1), None));
    }
}

async fn many_share_a_commit_and_each_is_told(db: &Db) {
    scene(db).await;
    let lane = Arc::new(Lane::new(db.clone()));
    let mut all = JoinSet::new();
    for n in 1..=SESSIONS {
        let lane = Arc::clone(&lane);
        all.spawn(async move { make(&lane, attendance(n), &grant_in(n, n), n).await });
    }
    assert!(all.join_all().await.into_iter().all(|made| made), "nobody is in the way of the others");
    for n in 1..=SESSIONS {
        assert!(is_there(db, n).await);
        let read = grants::live(&mut db.read().await.unwrap(), grant_id(n), NOW).await.unwrap().unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", grant_in(n, n)), "its own values");
    }
}

async fn what_is_not_as_it_was_read_is_not_made(db: &Db) {
    scene(db).await;
    let lane = Lane::new(db.clone());
    let like = attendance(1);
    let changed = [
        Attendance { known_as: KnownAs { sid: "another".into(), ..like.known_as.clone() }, ..like.clone() },
        Attendance { known_as: KnownAs { sub: "another".into(), ..like.known_as.clone() }, ..like.clone() },
        Attendance { person: person_id(2), ..like.clone() },
        Attendance { sector: "v2.test".into(), ..like.clone() },
        Attendance { client: client_id(2), ..like.clone() },
        Attendance { session: session_id(99), ..like.clone() },
        Attendance { now: after(100_000), ..like.clone() },
    ];
    for (n, attendance) in changed.into_iter().enumerate() {
        assert!(!make(&lane, attendance, &grant_in(1, 1), 1).await, "{n}");
        assert!(!is_there(db, 1).await, "{n}");
    }
    let mut tx = db.write().await.unwrap();
    assert!(sessions::end(&mut tx, session_id(2), NOW, "logout").await.unwrap());
    tx.commit().await.unwrap();
    assert!(!make(&lane, attendance(2), &grant_in(2, 2), 2).await, "it ended");
    let mut tx = db.write().await.unwrap();
    assert!(clients::set_status(&mut tx, client_id(1), ClientStatus::Suspended, NOW).await.unwrap());
    tx.commit().await.unwrap();
    assert!(!make(&lane, attendance(3), &grant_in(3, 3), 3).await, "the client may no more");
    let mut tx = db.write().await.unwrap();
    assert!(clients::set_status(&mut tx, client_id(1), ClientStatus::Active, NOW).await.unwrap());
    assert!(accounts::set_state(&mut tx, &own(person_id(1)), account_id(1), Status::AdminLocked, NOW).await.unwrap());
    tx.commit().await.unwrap();
    assert!(!make(&lane, attendance(3), &grant_in(3, 3), 3).await, "she may no more");
    for n in 1..=3 {
        assert!(!is_there(db, n).await, "{n}");
    }
}

async fn a_grant_begins_once_among_many(db: &Db) {
    scene(db).await;
    let lane = Arc::new(Lane::new(db.clone()));
    let mut tx = db.write().await.unwrap();
    grants::revoke(&mut tx, grant_id(9), NOW, "replay").await.unwrap();
    tx.commit().await.unwrap();
    let mut all = JoinSet::new();
    for session in 1..=8 {
        let lane = Arc::clone(&lane);
        all.spawn(async move { make(&lane, attendance(session), &grant_in(1, session), 1).await });
        let lane = Arc::new(Lane::new(db.clone()));
        all.spawn(async move { make(&lane, attendance(session), &grant_in(9, session), 9).await });
    }
    let made = all.join_all().await.into_iter().filter(|made| *made).count();
    assert!(made <= 1, "{made}");
    // All may have met each other; whoever comes alone then is the one.
    let last = make(&lane, attendance(1), &grant_in(1, 1), 1).await;
    assert_eq!(usize::from(last) + made, 1);
    assert!(is_there(db, 1).await);
    let mut tx = db.read().await.unwrap();
    assert!(grants::family(&mut tx, FamilyId(grant_id(9).0)).await.unwrap().is_none(), "the replay came first");
}

/// Of a client that never refreshes no second row keeps two from beginning one grant.
async fn whoever_is_told_that_she_began_it_did(db: &Db) {
    const ROUNDS: u8 = 4;
    scene(db).await;
    let mut tx = db.write().await.unwrap();
    for session in 1..=4 {
        assert!(sessions::end(&mut tx, session_id(session), NOW, "logout").await.unwrap());
    }
    tx.commit().await.unwrap();
    let lane = Arc::new(Lane::new(db.clone()));
    for n in 1..=ROUNDS {
        let mut all = JoinSet::new();
        for session in 1..=8 {
            let lane = Arc::clone(&lane);
            let row = grants::addition(&grant_in(n, session)).unwrap();
            all.spawn(async move { (session, lane.commit(attendance(session).guards(row, Vec::new())).await) });
        }
        let told: Vec<u8> =
            all.join_all().await.into_iter().filter_map(|(session, made)| made.then_some(session)).collect();
        let began = grants::live(&mut db.read().await.unwrap(), grant_id(n), NOW).await.unwrap().unwrap();
        assert_eq!(told.into_iter().map(session_id).collect::<Vec<_>>(), [began.session], "{n}");
    }
}

/// What breaks a rule of the schema breaks the statement that all of its kind are in, and those of another kind are a commit of
/// their own.
async fn one_that_cannot_be_made_takes_nobody_along(db: &Db) {
    scene(db).await;
    for (round, of_another_kind) in [(0, false), (1, true), (2, true), (3, true), (4, true)] {
        let lane = Arc::new(Lane::new(db.clone()));
        let mut all = JoinSet::new();
        for session in 1..=SESSIONS {
            let (lane, n) = (Arc::clone(&lane), round * SESSIONS + session);
            all.spawn(async move {
                if !session.is_multiple_of(8) {
                    return (n, make(&lane, attendance(session), &grant_in(n, session), n).await);
                }
                // For nobody by this id.
                let grant = Grant { client: client(2).id, ..grant_in(n, session) };
                if of_another_kind {
                    let row = grants::addition(&grant).unwrap();
                    return (n, lane.commit(attendance(session).guards(row, Vec::new())).await);
                }
                (n, make(&lane, attendance(session), &grant, n).await)
            });
        }
        for (n, made) in all.join_all().await {
            let session = n - round * SESSIONS;
            assert_eq!(is_there(db, n).await, made, "{n} was told what is so");
            assert!(!made || !session.is_multiple_of(8), "{n}");
            if !made && !session.is_multiple_of(8) {
                assert!(make(&lane, attendance(session), &grant_in(n, session), n).await, "alone it can be made");
            }
        }
    }
}

async fn who_holds_the_session_is_not_waited_for(db: &Db) {
    struct Found;
    impl FromRow for Found {
        fn from_row(_: &Row) -> Result<Self, StoreError> {
            Ok(Self)
        }
    }
    const HOLD: Statement =
        Statement::claim("conformance::HOLD_SESSION", "SELECT 1", "SELECT id FROM session WHERE id = $1 FOR UPDATE");
    scene(db).await;
    let lane = Lane::new(db.clone());
    let mut tx: Tx = db.write().await.unwrap();
    if db.engine() == crate::store::db::Engine::Sqlite {
        // Nobody writes beside the one who does.
        return;
    }
    tx.optional::<Found>(HOLD, args![session_id(1)]).await.unwrap().unwrap();
    assert!(!make(&lane, attendance(1), &grant_in(1, 1), 1).await, "it is made alone, by whoever waits for it");
    assert!(make(&lane, attendance(2), &grant_in(2, 2), 2).await);
    drop(tx);
    while !make(&lane, attendance(1), &grant_in(1, 1), 1).await {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
