//! Two records that become one, and two again: a platform hears of the ids, whether anybody signed in there or not.

use mingji::app::relation_claim::Decider;
use serde_json::{Value, json};

use super::Consumer;
use crate::support::app::both_engines;
use crate::support::county::{self, OTHER, SCHOOL, called, number, pupil, pupils};

/// The one change of a kind behind a number: what it is about and what it says.
async fn told(consumer: &mut Consumer, kind: &str) -> Option<(Value, Value)> {
    let answer = consumer.caller.get(&format!("/api/feed?after={}", consumer.after)).await;
    let mut found = answer.body["items"].as_array().unwrap().iter().filter(|item| item["kind"] == kind);
    let one = found.next().map(|item| (item["person_id"].clone(), item["fields"].clone()));
    assert!(found.next().is_none(), "once: {answer:?}");
    one
}

both_engines! {
    async fn whoever_knows_one_of_two_hears_which_id_stays_and_of_the_way_back(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(OTHER, "王芳", &number("20160203", 1), None), pupil(SCHOOL, "王芳", &number("20160203", 2), None)]).await;
        app.numbered().await;
        let [stays, goes] = called(&app, "王芳").await[..] else { panic!("two records") };
        let mut hearing = Vec::new();
        for org in [SCHOOL, OTHER, "2136000781"] {
            let mut consumer = Consumer::new(&app.feed_of(json!({}), Some(org)).await);
            consumer.snapshot().await;
            hearing.push(consumer);
        }
        let both = json!({ "old": goes, "new": stays });
        let operator = Decider::Operator;
        app.app.merge_persons(&app.operator(), operator, stays, goes, "同一人").await.unwrap();
        app.numbered().await;
        for (consumer, hears) in hearing.iter_mut().zip([true, true, false]) {
            let expected = hears.then(|| (json!(stays), both.clone()));
            assert_eq!(told(consumer, "subject.merged").await, expected);
            assert_eq!(told(consumer, "subject.parted").await, None);
            consumer.catch_up(200).await;
        }
        app.app.undo_merge(&app.operator(), operator, goes, "不是同一人").await.unwrap();
        app.numbered().await;
        for (consumer, hears) in hearing.iter_mut().zip([true, true, false]) {
            let expected = hears.then(|| (json!(stays), both.clone()));
            assert_eq!(told(consumer, "subject.parted").await, expected);
            assert_eq!(told(consumer, "subject.merged").await, None);
            consumer.catch_up(200).await;
            assert_eq!(consumer.people.contains_key(&stays.to_string()) || consumer.people.contains_key(&goes.to_string()), hears);
        }
    }
}
