//! Sign-ins on their way to a session.

use uuid::Uuid;

use super::on_both_engines;
use super::scene::{account_id, add_active, add_session, after, session_id, twice_at_once};
use super::support::{NOW, person_id};
use crate::domain::auth::session::SignIn;
use crate::domain::id::InteractionId;
use crate::store::db::{Db, Tx};
use crate::store::sessions;

on_both_engines!(a_sign_in_is_finished_once, a_void_sign_in_is_not_finished, void_sign_ins_are_forgotten);

const ENDS: u64 = 300;

fn id(n: u128) -> InteractionId {
    InteractionId(Uuid::from_u128(n))
}

async fn begin(tx: &mut Tx, n: u128, ends: u64) {
    let sign_in = SignIn {
        id: id(n),
        account: account_id(1),
        person: person_id(1),
        amr: vec!["pwd".into()],
        created_at: NOW,
        expires_at: after(ends),
    };
    sessions::begin_sign_in(tx, &sign_in).await.unwrap();
}

async fn a_sign_in_is_finished_once(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_active(&mut tx, 1).await;
    for n in [1, 2] {
        add_session(&mut tx, n, 1).await;
    }
    begin(&mut tx, 1, ENDS).await;
    tx.commit().await.unwrap();
    let mut outcomes = twice_at_once(db, async |tx: &mut _, n| {
        sessions::finish_sign_in(tx, id(1), after(1), session_id(n)).await.unwrap()
    })
    .await;
    outcomes.sort_unstable();
    assert_eq!(outcomes, [false, true]);
    let mut tx = db.write().await.unwrap();
    begin(&mut tx, 1, ENDS).await;
    let again = sessions::finish_sign_in(&mut tx, id(1), after(2), session_id(2)).await.unwrap();
    assert!(!again, "to begin it again opens nothing that was finished");
    assert!(!sessions::finish_sign_in(&mut tx, id(9), after(2), session_id(2)).await.unwrap());
}

async fn a_void_sign_in_is_not_finished(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_active(&mut tx, 1).await;
    add_session(&mut tx, 1, 1).await;
    begin(&mut tx, 1, ENDS).await;
    begin(&mut tx, 1, 2 * ENDS).await;
    let at_its_end = sessions::finish_sign_in(&mut tx, id(1), after(ENDS), session_id(1)).await.unwrap();
    assert!(!at_its_end, "nor does to begin it again prolong it");
    assert!(sessions::finish_sign_in(&mut tx, id(1), after(ENDS - 1), session_id(1)).await.unwrap());
}

async fn void_sign_ins_are_forgotten(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_active(&mut tx, 1).await;
    add_session(&mut tx, 1, 1).await;
    begin(&mut tx, 1, ENDS).await;
    begin(&mut tx, 2, ENDS + 1).await;
    assert_eq!(sessions::forget_sign_ins(&mut tx, after(ENDS)).await.unwrap(), 0);
    assert_eq!(sessions::forget_sign_ins(&mut tx, after(ENDS + 1)).await.unwrap(), 1);
    assert!(sessions::finish_sign_in(&mut tx, id(2), after(1), session_id(1)).await.unwrap(), "the other one stays");
}
