//! Sessions, and how clients know them.

use super::on_both_engines;
use super::scene::{
    ABSOLUTE, IDLE, account_id, add_active, add_client, add_session, after, client_id, session_id, twice_at_once,
};
use super::support::{NOW, person_id};
use crate::domain::access::for_tests::{own, task};
use crate::domain::auth::session::Session;
use crate::domain::registry::codes::status::Status;
use crate::store::db::{Db, StoreError, Tx};
use crate::store::{accounts, persons, sessions};

on_both_engines!(
    a_session_is_read_as_written,
    whoever_may_not_sign_in_has_no_session,
    a_renewed_session_has_a_new_secret,
    a_touch_only_moves_on,
    a_session_ends_once,
    a_client_keeps_its_first_sid,
);

async fn a_session_is_read_as_written(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_active(&mut tx, 1).await;
    let written = add_session(&mut tx, 1, 1).await;
    tx.commit().await.unwrap();
    let read = sessions::by_secret(&mut db.read().await.unwrap(), [1; 32]).await.unwrap().unwrap();
    assert_eq!(format!("{read:?}"), format!("{written:?}"));
    let mut tx = db.write().await.unwrap();
    assert!(sessions::by_secret(&mut tx, [2; 32]).await.unwrap().is_none());
    let again = Session { id: session_id(2), ..written };
    let fault = sessions::insert(&mut tx, &again, [1; 32]).await.unwrap_err();
    assert!(fault.is_unique("session_secret_digest_key"), "{fault}");
}

async fn whoever_may_not_sign_in_has_no_session(db: &Db) {
    let mut tx = db.write().await.unwrap();
    for n in 1..=3 {
        add_active(&mut tx, n).await;
        add_session(&mut tx, n, n).await;
    }
    let proof = own(person_id(1));
    assert!(accounts::set_state(&mut tx, &proof, account_id(1), Status::AdminLocked, NOW).await.unwrap());
    let on = task().on(person_id(2));
    let mut dead = persons::find(&mut tx, &on).await.unwrap().unwrap();
    (dead.status, dead.version) = (Status::Deceased, 2);
    assert!(persons::update(&mut tx, &on, &dead).await.unwrap());
    assert!(sessions::by_secret(&mut tx, [1; 32]).await.unwrap().is_none(), "her account is locked");
    assert!(sessions::by_secret(&mut tx, [2; 32]).await.unwrap().is_none(), "she is gone");
    assert!(sessions::by_secret(&mut tx, [3; 32]).await.unwrap().is_some());
}

async fn a_renewed_session_has_a_new_secret(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_active(&mut tx, 1).await;
    let mut session = add_session(&mut tx, 1, 1).await;
    (session.auth_time, session.last_seen_at, session.own_device) = (after(60), after(60), true);
    (session.idle_expires_at, session.expires_at) = (after(60 + IDLE), after(60 + ABSOLUTE));
    session.amr.push("otp".into());
    sessions::renew(&mut tx, &session, [9; 32]).await.unwrap();
    assert!(sessions::by_secret(&mut tx, [1; 32]).await.unwrap().is_none(), "the old cookie");
    let read = sessions::by_secret(&mut tx, [9; 32]).await.unwrap().unwrap();
    assert_eq!(format!("{read:?}"), format!("{session:?}"));
    assert!(sessions::end(&mut tx, session.id, after(61), "logout").await.unwrap());
    let late = sessions::renew(&mut tx, &session, [10; 32]).await;
    assert!(matches!(late, Err(StoreError::Missing(_))), "it ended meanwhile");
}

async fn a_touch_only_moves_on(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_active(&mut tx, 1).await;
    let id = add_session(&mut tx, 1, 1).await.id;
    for (seen, idle) in [(60, 660), (30, 630), (60, 9)] {
        sessions::touch(&mut tx, id, after(seen), after(idle)).await.unwrap();
        let read = sessions::by_secret(&mut tx, [1; 32]).await.unwrap().unwrap();
        assert_eq!((read.last_seen_at, read.idle_expires_at), (after(60), after(660)), "a late request takes nothing");
    }
}

async fn a_session_ends_once(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_active(&mut tx, 1).await;
    for n in [1, 2] {
        add_session(&mut tx, n, 1).await;
    }
    add_client(&mut tx, 1).await;
    let attended = async |tx: &mut Tx| sessions::attend(tx, session_id(1), client_id(1), "sector", NOW).await.unwrap();
    let held = attended(&mut tx).await.unwrap();
    assert_eq!((held.person, held.sub, held.sid), (person_id(1), None, None));
    tx.commit().await.unwrap();
    let ended = async |tx: &mut _, _| sessions::end(tx, session_id(1), after(1), "logout").await.unwrap();
    let mut outcomes = twice_at_once(db, ended).await;
    outcomes.sort_unstable();
    assert_eq!(outcomes, [false, true]);
    let mut tx = db.write().await.unwrap();
    assert!(attended(&mut tx).await.is_none());
    assert!(sessions::by_secret(&mut tx, [1; 32]).await.unwrap().is_none());
    assert_eq!(sessions::live_of_person(&mut tx, person_id(1)).await.unwrap(), [session_id(2)]);
}

async fn a_client_keeps_its_first_sid(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_active(&mut tx, 1).await;
    for n in [1, 2] {
        add_session(&mut tx, n, 1).await;
        add_client(&mut tx, n).await;
    }
    tx.commit().await.unwrap();
    let [first, second] = twice_at_once(db, async |tx: &mut _, n| {
        sessions::join(tx, session_id(1), client_id(1), &format!("sid-{n}"), NOW).await.unwrap()
    })
    .await;
    assert_eq!(first, second);
    let mut tx = db.write().await.unwrap();
    assert_eq!(sessions::join(&mut tx, session_id(2), client_id(1), "other", NOW).await.unwrap(), "other");
    let called = [(1, &*first, Some(session_id(1))), (1, "other", Some(session_id(2))), (2, &*first, None)];
    for (client, sid, known) in called {
        let found = sessions::by_sid(&mut tx, client_id(client), sid).await.unwrap().map(|session| session.id);
        assert_eq!(found, known, "what client {client} calls {sid}");
    }
    let fault = sessions::join(&mut tx, session_id(1), client_id(2), &first, NOW).await.unwrap_err();
    assert!(fault.is_unique("session_client_sid_key"), "{fault}");
}
