//! Back-channel logout: who must hear, and the queue of what they are told.

use uuid::Uuid;

use super::on_both_engines;
use super::scene::{add_active, add_client, add_session, after, client_id, session_id, twice_at_once};
use super::support::{NOW, person_id};
use crate::domain::access::for_tests::own;
use crate::domain::id::DeliveryId;
use crate::domain::oidc::client::ClientStatus;
use crate::domain::oidc::logout::Delivery;
use crate::domain::time::Timestamp;
use crate::store::db::{Db, Engine, Tx};
use crate::store::deliveries::{Receiver, Waiting};
use crate::store::{clients, deliveries, sessions, subjects};

on_both_engines!(
    who_takes_part_must_hear,
    a_persons_ended_sessions_are_no_longer_named,
    a_delivery_is_taken_by_one,
    takers_do_not_wait_for_each_other,
    a_client_is_told_one_thing_at_a_time,
    the_operator_sees_what_did_not_arrive,
    a_taken_delivery_comes_back_until_it_is_settled,
    only_what_was_settled_is_forgotten,
    what_waits_is_counted,
);

/// Person 1 in sessions 1 and 2 with clients 1 and 2.
async fn scene(tx: &mut Tx) {
    add_active(tx, 1).await;
    for session in [1, 2] {
        add_session(tx, session, 1).await;
    }
    for client in [1, 2] {
        let sector = add_client(tx, client).await.sector;
        subjects::first_use(tx, person_id(1), &sector, &format!("sub-{client}"), NOW).await.unwrap();
        for session in [1, 2] {
            let sid = format!("sid-{session}-{client}");
            sessions::join(tx, session_id(session), client_id(client), &sid, NOW).await.unwrap();
        }
    }
}

fn known_as(receivers: &[Receiver]) -> Vec<(&str, &str)> {
    receivers.iter().map(|receiver| (receiver.sid.as_str(), receiver.sub.as_str())).collect()
}

async fn who_takes_part_must_hear(db: &Db) {
    let mut tx = db.write().await.unwrap();
    scene(&mut tx).await;
    assert!(sessions::end(&mut tx, session_id(1), NOW, "logout").await.unwrap());
    let all = deliveries::receivers(&mut tx, session_id(1)).await.unwrap();
    assert_eq!(known_as(&all), [("sid-1-1", "sub-1"), ("sid-1-2", "sub-2")], "also after its end");
    assert_eq!(all[0].client, client_id(1));
    assert_eq!(all[0].metadata.backchannel_logout_uri.as_deref(), Some("https://v1.test/logout"));
    assert!(clients::set_status(&mut tx, client_id(1), ClientStatus::Suspended, NOW).await.unwrap());
    let all = deliveries::receivers(&mut tx, session_id(1)).await.unwrap();
    let in_use: Vec<bool> = all.iter().map(|receiver| receiver.active).collect();
    assert_eq!(in_use, [false, true], "who is suspended is told when it is back");
    assert!(clients::set_status(&mut tx, client_id(1), ClientStatus::Removed, NOW).await.unwrap());
    let rest = deliveries::receivers(&mut tx, session_id(1)).await.unwrap();
    assert_eq!(known_as(&rest), [("sid-1-2", "sub-2")]);
}

async fn a_persons_ended_sessions_are_no_longer_named(db: &Db) {
    let mut tx = db.write().await.unwrap();
    scene(&mut tx).await;
    let (hers, first) = (own(person_id(1)), client_id(1));
    let both = deliveries::receivers_of_person(&mut tx, &hers, first).await.unwrap();
    assert_eq!(known_as(&both), [("sid-1-1", "sub-1"), ("sid-2-1", "sub-1")]);
    assert!(sessions::end(&mut tx, session_id(1), NOW, "logout").await.unwrap());
    let one = deliveries::receivers_of_person(&mut tx, &hers, first).await.unwrap();
    assert_eq!(known_as(&one), [("sid-2-1", "sub-1")]);
    assert!(clients::set_status(&mut tx, first, ClientStatus::Removed, NOW).await.unwrap());
    assert!(deliveries::receivers_of_person(&mut tx, &hers, first).await.unwrap().is_empty());
}

/// For the client of the same number.
fn delivery(n: u8) -> Delivery {
    Delivery {
        id: DeliveryId(Uuid::from_u128(n.into())),
        client: client_id(n),
        uri: "https://v1.test/logout".into(),
        created_at: after(n.into()),
        sub: "sub-1".into(),
        sid: format!("sid-{n}"),
        attempts: 0,
    }
}

/// So many deliveries, each due a second after the one before.
async fn queue(tx: &mut Tx, many: u8) {
    for n in 1..=many {
        add_client(tx, n).await;
        deliveries::insert(tx, &delivery(n)).await.unwrap();
    }
}

/// Takes one for a minute: its number and its tries.
async fn take(tx: &mut Tx, now: Timestamp) -> Option<(u128, u32)> {
    let taken = deliveries::take(tx, now, now.plus(std::time::Duration::from_secs(60))).await.unwrap();
    taken.map(|delivery| (delivery.id.0.as_u128(), delivery.attempts))
}

async fn a_delivery_is_taken_by_one(db: &Db) {
    let mut tx = db.write().await.unwrap();
    queue(&mut tx, 1).await;
    tx.commit().await.unwrap();
    let mut outcomes = twice_at_once(db, async |tx: &mut _, _| take(tx, after(1)).await).await;
    outcomes.sort_unstable();
    assert_eq!(outcomes, [None, Some((1, 1))]);
}

async fn takers_do_not_wait_for_each_other(db: &Db) {
    let mut tx = db.write().await.unwrap();
    queue(&mut tx, 2).await;
    tx.commit().await.unwrap();
    // SQLite has one writer, so there the first has to finish.
    let mut first = db.write().await.unwrap();
    assert_eq!(take(&mut first, after(2)).await, Some((1, 1)), "what waited longest");
    let mut held = Some(first);
    if db.engine() == Engine::Sqlite
        && let Some(first) = held.take()
    {
        first.commit().await.unwrap();
    }
    let mut second = db.write().await.unwrap();
    assert_eq!(take(&mut second, after(2)).await, Some((2, 1)));
    assert_eq!(take(&mut second, after(2)).await, None);
}

async fn a_client_is_told_one_thing_at_a_time(db: &Db) {
    let mut tx = db.write().await.unwrap();
    queue(&mut tx, 2).await;
    let second = Delivery { client: client_id(1), created_at: after(1), ..delivery(3) };
    deliveries::insert(&mut tx, &second).await.unwrap();
    let mut taken = [take(&mut tx, after(3)).await, take(&mut tx, after(3)).await];
    taken.sort_unstable();
    assert!(taken[1] == Some((2, 1)) || taken[1] == Some((3, 1)), "{taken:?}");
    let of_first = taken.iter().filter(|one| **one != Some((2, 1))).count();
    assert_eq!((of_first, take(&mut tx, after(3)).await), (1, None), "{taken:?}");
    for n in [1, 3] {
        deliveries::later(&mut tx, delivery(n).id, after(4)).await.unwrap();
    }
    assert!(take(&mut tx, after(4)).await.is_some(), "the answer came, or nobody waits for it any more");
    assert_eq!(take(&mut tx, after(4)).await, None);
}

async fn the_operator_sees_what_did_not_arrive(db: &Db) {
    let mut tx = db.write().await.unwrap();
    queue(&mut tx, 3).await;
    deliveries::done(&mut tx, delivery(1).id, after(5)).await.unwrap();
    deliveries::give_up(&mut tx, delivery(3).id, after(6)).await.unwrap();
    let told = deliveries::by_client(&mut tx).await.unwrap();
    let told: Vec<_> =
        told.iter().map(|one| (one.client, one.waiting, one.oldest, one.given_up, one.last_given_up)).collect();
    let wanted = [(client_id(2), 1, Some(after(2)), 0, None), (client_id(3), 0, None, 1, Some(after(6)))];
    assert!(told.len() == 2 && wanted.iter().all(|one| told.contains(one)), "{told:?}");
}

async fn a_taken_delivery_comes_back_until_it_is_settled(db: &Db) {
    let mut tx = db.write().await.unwrap();
    queue(&mut tx, 1).await;
    assert_eq!(take(&mut tx, NOW).await, None, "not due");
    let whole = deliveries::take(&mut tx, after(1), after(61)).await.unwrap().unwrap();
    assert_eq!(format!("{whole:?}"), format!("{:?}", Delivery { attempts: 1, ..delivery(1) }));
    assert_eq!(take(&mut tx, after(60)).await, None, "in somebody's hands");
    assert_eq!(take(&mut tx, after(61)).await, Some((1, 2)), "whoever had it is gone");
    deliveries::later(&mut tx, whole.id, after(300)).await.unwrap();
    assert_eq!(take(&mut tx, after(299)).await, None);
    assert_eq!(take(&mut tx, after(300)).await, Some((1, 3)));
    deliveries::done(&mut tx, whole.id, after(301)).await.unwrap();
    assert_eq!(take(&mut tx, after(9999)).await, None);
}

async fn only_what_was_settled_is_forgotten(db: &Db) {
    let mut tx = db.write().await.unwrap();
    queue(&mut tx, 4).await;
    deliveries::done(&mut tx, delivery(1).id, after(5)).await.unwrap();
    deliveries::give_up(&mut tx, delivery(2).id, after(5)).await.unwrap();
    deliveries::done(&mut tx, delivery(4).id, after(5)).await.unwrap();
    assert_eq!(deliveries::forget(&mut tx, after(4), 1).await.unwrap(), 1, "no more than was said");
    assert_eq!(deliveries::forget(&mut tx, after(4), 100).await.unwrap(), 1, "the last one is too young");
    assert_eq!(take(&mut tx, after(5)).await, Some((3, 1)));
    assert_eq!(take(&mut tx, after(5)).await, None);
}

async fn what_waits_is_counted(db: &Db) {
    let mut tx = db.write().await.unwrap();
    assert_eq!(deliveries::waiting(&mut tx).await.unwrap(), Waiting { count: 0, oldest: None });
    queue(&mut tx, 3).await;
    deliveries::later(&mut tx, delivery(2).id, after(9)).await.unwrap();
    assert_eq!(deliveries::waiting(&mut tx).await.unwrap(), Waiting { count: 3, oldest: Some(after(1)) });
    deliveries::done(&mut tx, delivery(1).id, after(5)).await.unwrap();
    deliveries::give_up(&mut tx, delivery(3).id, after(5)).await.unwrap();
    assert_eq!(deliveries::waiting(&mut tx).await.unwrap(), Waiting { count: 1, oldest: Some(after(2)) });
}
