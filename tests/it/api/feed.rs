//! A platform's stream (ruling R4): dense numbers, whoever comes and goes, and nobody else's people.

mod merged;
mod told;

use std::collections::BTreeMap;
use std::time::Duration;

use mingji::app::Kind;
use mingji::app::person::NewPerson;
use mingji::app::relation_claim::Decider;
use mingji::app::student_life::{Order, Whose};
use mingji::domain::access::TaskName;
use mingji::domain::id::PersonId;
use mingji::domain::oidc::client::ClientStatus;
use mingji::domain::oidc::scope::ScopeSet;
use mingji::domain::registry::codes::sex::Sex;
use mingji::domain::registry::codes::student_state::StudentState;
use mingji::domain::registry::name::PersonName;
use mingji::domain::registry::personal_code::PersonalCode;
use serde_json::{Value, json};

use crate::support::api::{Caller, problem};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, called, number, pupil, pupils, text};
use crate::support::database::{Elsewhere, change, select_texts};

/// A consumer that keeps what it was told.
struct Consumer {
    caller: Caller,
    after: i64,
    people: BTreeMap<String, Value>,
}

impl Consumer {
    fn new(caller: &Caller) -> Self {
        Self { caller: caller.clone(), after: 0, people: BTreeMap::new() }
    }

    async fn snapshot(&mut self) {
        self.people.clear();
        let mut cursor = String::new();
        loop {
            let page = self.caller.get(&format!("/api/feed/snapshot?limit=2{cursor}")).await;
            assert_eq!(page.status, 200, "{page:?}");
            for person in page.body["items"].as_array().unwrap() {
                self.people.insert(person["person_id"].as_str().unwrap().into(), person.clone());
            }
            self.after = page.body["after"].as_i64().unwrap();
            match page.body["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return,
            }
        }
    }

    /// Reads one answer; the kinds in it. A gap is a failure.
    async fn read(&mut self, limit: usize) -> Vec<String> {
        let answer = self.caller.get(&format!("/api/feed?after={}&limit={limit}", self.after)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut kinds = Vec::new();
        for item in answer.body["items"].as_array().unwrap() {
            assert_eq!(item["seq"].as_i64(), Some(self.after + 1), "no gap, in order");
            self.after += 1;
            kinds.push(item["kind"].as_str().unwrap().to_owned());
            let Some(person) = item["person_id"].as_str() else { continue };
            match item["kind"].as_str().unwrap() {
                "person.left" => drop(self.people.remove(person)),
                _ if item["person"].is_object() => drop(self.people.insert(person.into(), item["person"].clone())),
                _ => {}
            }
        }
        assert_eq!(answer.body["after"].as_i64(), Some(self.after));
        kinds
    }

    async fn catch_up(&mut self, limit: usize) {
        while !self.read(limit).await.is_empty() {}
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.people.values().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }
}

/// Somebody whose 学籍号 is always the same one.
fn ghost(n: usize) -> NewPerson {
    let number = number("20150203", 100 + u32::try_from(n).unwrap());
    NewPerson {
        name: PersonName::parse(&format!("鬼{}", char::from_u32(0x4e00 + u32::try_from(n).unwrap()).unwrap())).unwrap(),
        sex: Sex::Female,
        birth_date: None,
        document: Some(county::document(&number)),
        personal_code: Some(PersonalCode::parse("L320102201809010042").unwrap()),
        verified: None,
        home: None,
    }
}

async fn rename(app: &TestApp, person: PersonId, name: &str) {
    app.app.rename_person(&app.operator(), Decider::Operator, person, PersonName::parse(name).unwrap()).await.unwrap();
}

async fn leave(app: &TestApp, person: PersonId) {
    let whose = Whose { person, org: None, day: None, code: None };
    app.app
        .change_student(&app.operator(), Decider::Operator, &whose, &Order::End(StudentState::Withdrawn))
        .await
        .unwrap();
}

/// A consumer of the county's stream that has all but one change of its only pupil.
async fn one_behind(app: &TestApp) -> Consumer {
    county::open(app).await;
    pupils(app, &[pupil(SCHOOL, "赵一", &number("20160203", 1), None)]).await;
    app.numbered().await;
    let mut consumer = Consumer::new(&app.feed_of(json!({}), Some(COUNTY)).await);
    consumer.snapshot().await;
    rename(app, called(app, "赵一").await[0], "赵新").await;
    app.numbered().await;
    consumer
}

both_engines! {
    async fn it_tells_of_whoever_comes_changes_and_goes(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "赵一", &number("20160203", 1), None), pupil(OTHER, "钱一", &number("20160203", 2), None)]).await;
        app.numbered().await;
        let (mine, foreign) = (app.feed_of(json!({}), Some(SCHOOL)).await, app.feed_of(json!({}), Some(OTHER)).await);
        let mut consumer = Consumer::new(&mine);
        let begun = mine.get("/api/feed?after=0").await;
        assert_eq!((begun.status, problem(&begun).as_str()), (410, "gone"), "a new stream begins with a snapshot");
        assert_eq!(begun.text("snapshot"), app.at("/api/feed/snapshot"));
        consumer.snapshot().await;
        assert_eq!(consumer.names(), ["赵一"]);
        let known = consumer.people.values().next().unwrap().clone();
        assert_eq!((&known["identities"][0]["kind"], &known["identities"][0]["institution_code"], &known["identities"][0]["class"]), (&json!("student"), &json!(SCHOOL), &json!("2024级1班")), "{known:?}");

        pupils(&app, &[pupil(SCHOOL, "赵二", &number("20160203", 3), None)]).await;
        rename(&app, called(&app, "赵一").await[0], "赵新").await;
        rename(&app, called(&app, "钱一").await[0], "钱新").await;
        app.numbered().await;
        assert_eq!(consumer.read(200).await, ["person.entered", "person.changed"]);
        assert_eq!(consumer.names(), ["赵二", "赵新"]);
        leave(&app, called(&app, "赵二").await[0]).await;
        app.numbered().await;
        assert_eq!(consumer.read(200).await, ["person.left"]);
        assert_eq!(consumer.names(), ["赵新"]);
        rename(&app, called(&app, "赵二").await[0], "赵走").await;
        app.numbered().await;
        assert_eq!(consumer.read(200).await, [""; 0], "what becomes of her afterwards is none of its business");

        let mut other = Consumer::new(&foreign);
        other.snapshot().await;
        assert_eq!(other.names(), ["钱新"]);
        let all = foreign.get("/api/feed?after=1").await.body.to_string();
        assert!(!all.contains("赵"), "{all}");
        // What was told is told again, with today's values.
        let again = mine.get("/api/feed?after=1&limit=1").await;
        let item = &again.body["items"][0];
        assert_eq!((&item["kind"], &item["person"]), (&json!("person.entered"), &Value::Null), "she has left since: her id is all that is told");
    }

    async fn a_child_is_told_of_when_a_guardian_agreed(app: TestApp) {
        let platform = app.feed_of(json!({ "edu_lawful_basis": null }), Some("2136000781")).await;
        let statutory = app.feed_of(json!({}), Some("2136000781")).await;
        let child = app.person("child_under14").person_id.to_string();
        let (mut careful, mut lawful) = (Consumer::new(&platform), Consumer::new(&statutory));
        careful.snapshot().await;
        lawful.snapshot().await;
        assert!(!careful.people.contains_key(&child) && lawful.people.contains_key(&child));
        assert!(careful.people.len() > 1, "grown-ups need none");
        let client = platform.rp.clone().unwrap().id;
        let (guardian, ward) = (app.person("guardian_of_two").person_id, app.person("child_under14").person_id);
        app.app.record_guardian_consent(&app.operator(), ward, guardian, &client, &ScopeSet::parse("profile edu")).await.unwrap();
        app.numbered().await;
        assert_eq!(careful.read(200).await, ["person.entered"]);
        app.app.withdraw_consent(&app.operator(), ward, &client).await.unwrap();
        app.numbered().await;
        assert_eq!(careful.read(200).await, ["person.left"]);
        assert!(!careful.people.contains_key(&child));
    }

    async fn whoever_was_away_too_long_takes_a_snapshot(app: TestApp) {
        let mut consumer = one_behind(&app).await;
        app.pass(Duration::from_secs(59 * 86_400));
        app.app.upkeep().await.unwrap();
        consumer.caller = consumer.caller.renewed().await;
        assert_eq!(consumer.read(200).await, ["person.changed"], "59 days back");
        consumer.after -= 1;
        app.pass(Duration::from_secs(2 * 86_400));
        app.app.upkeep().await.unwrap();
        consumer.caller = consumer.caller.renewed().await;
        let late = consumer.caller.get(&format!("/api/feed?after={}", consumer.after)).await;
        assert_eq!((late.status, problem(&late).as_str()), (410, "gone"));
        let ahead = consumer.caller.get(&format!("/api/feed?after={}", consumer.after + 50)).await;
        assert_eq!(ahead.status, 410, "a register that was brought back from a copy knows less than its reader");
        consumer.snapshot().await;
        assert_eq!(consumer.names(), ["赵新"]);
        rename(&app, called(&app, "赵新").await[0], "赵再").await;
        app.numbered().await;
        assert_eq!(consumer.read(200).await, ["person.changed"], "numbers go on after everything was forgotten");
    }

    async fn what_broke_meanwhile_is_not_made_whole_by_forgetting(app: TestApp) {
        one_behind(&app).await;
        app.pass(Duration::from_secs(61 * 86_400));
        let streams = "SELECT CAST(floor AS TEXT) FROM platform_stream ORDER BY floor DESC LIMIT 1";
        let mut broken = Elsewhere::begin(&app.database.url).await;
        broken.run("UPDATE platform_stream SET head = head + 100, floor = head + 100").await;
        broken.run("DELETE FROM platform_feed").await;
        let forgetting = { let app = app.clone(); tokio::spawn(async move { app.app.upkeep().await }) };
        tokio::time::sleep(Duration::from_millis(500)).await;
        broken.commit().await;
        forgetting.await.unwrap().unwrap();
        let floor: i64 = text(&app, streams).await.parse().unwrap();
        assert!(floor >= 100, "whoever read before the break is told so: {floor}");
    }

    /// Of rows that nobody reads any more, however many; whoever moves the floor holds the stream for a moment only.
    async fn what_broke_is_forgotten_page_by_page(app: TestApp) {
        let consumer = one_behind(&app).await;
        let copies = "INSERT INTO platform_feed (client_id, seq, kind, subject_id, fields, event_id, numbered_at)
            SELECT f.client_id, f.seq + n.n, f.kind, f.subject_id, f.fields, f.event_id, f.numbered_at FROM platform_feed f
            JOIN (WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < 2500) SELECT n FROM k) n ON 1 = 1
            WHERE f.seq = (SELECT MAX(seq) FROM platform_feed)";
        change(&app.database.url, copies).await;
        change(&app.database.url, "UPDATE platform_stream SET head = head + 5000, floor = head + 5000").await;
        let late = consumer.caller.get(&format!("/api/feed?after={}", consumer.after)).await;
        assert_eq!(late.status, 410, "they are there, and nobody reads them");
        app.app.upkeep().await.unwrap();
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM platform_feed").await, "0");
    }

    async fn only_a_platform_reads_and_only_its_own(app: TestApp) {
        let platform = app.feed_of(json!({}), None).await;
        assert_eq!(platform.get("/api/feed?after=0").await.status, 404, "it serves nothing yet");
        let admin = app.at_api("county_admin").await;
        for path in ["/api/feed?after=0", "/api/feed/snapshot"] {
            let answer = admin.get(path).await;
            assert_eq!((answer.status, problem(&answer).as_str()), (403, "insufficient_scope"), "{path}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"mingji\", error=\"insufficient_scope\", scope=\"mingji.feed\"");
        }
        assert_eq!(platform.get("/api/me").await.status, 403);
        assert_eq!(platform.get("/api/me/disclosures").await.status, 403);
        let (one, two) = (app.feed_of(json!({}), Some("2136000781")).await, app.feed_of(json!({}), Some("2136000781")).await);
        let page = one.get("/api/feed/snapshot?limit=1").await;
        let stolen = two.get(&format!("/api/feed/snapshot?cursor={}", page.text("next"))).await;
        assert_eq!((stolen.status, problem(&stolen).as_str()), (400, "invalid_request"));
        let vendor = app.register_machine(json!({ "redirect_uris": null, "grant_types": ["client_credentials"], "edu_resources": [app.api()], "scope": "mingji.feed" })).await;
        let refused = app.app.set_reach(&app.operator(), vendor.id.parse().unwrap(), "2136000781", true).await;
        assert!(refused.is_err(), "a vendor's application serves no institution");
        let token = vendor.token(&[("grant_type", "client_credentials".into())]).await;
        assert_eq!(token.error(), "invalid_target");
    }

    /// Fifty write at once, half of them for nothing; a consumer dies, repeats and lags. In the end it knows what is so.
    async fn it_holds_while_fifty_write(app: TestApp) {
        county::open(&app).await;
        let rows: Vec<String> = (1..=10).map(|n| pupil(if n < 6 { SCHOOL } else { OTHER }, &format!("赵{n}"), &number("20160203", n), None)).collect();
        pupils(&app, &rows).await;
        app.numbered().await;
        let caller = app.feed_of(json!({}), Some(SCHOOL)).await;
        let mut everyone = Vec::new();
        for n in 1..=10 {
            everyone.push(called(&app, &format!("赵{n}")).await[0]);
        }
        let holder = NewPerson { document: None, ..ghost(50) };
        app.app.register_person(&app.operator(), TaskName::DemoSeed, holder).await.unwrap();
        let mut consumer = Consumer::new(&caller);
        consumer.snapshot().await;
        let writers: Vec<_> = (0..50usize)
            .map(|n| {
                let (app, person) = (app.clone(), everyone[n % everyone.len()]);
                tokio::spawn(async move {
                    let name = PersonName::parse(&format!("孙{}", char::from_u32(0x4e00 + u32::try_from(n).unwrap()).unwrap())).unwrap();
                    for _ in 0..20 {
                        let ctx = app.operator();
                        // Rolled back: she is written, and then her 学籍号 turns out to be somebody else's.
                        if n % 2 == 0 {
                            let refused = app.app.register_person(&ctx, TaskName::DemoSeed, ghost(n)).await;
                            assert_eq!(refused.unwrap_err().kind, Kind::Conflict);
                        }
                        if app.app.rename_person(&ctx, Decider::Operator, person, name.clone()).await.is_ok() {
                            return;
                        }
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    panic!("it never got through");
                })
            })
            .collect();
        // Meanwhile: it reads a little, forgets the last answer (it died before it wrote it down), and reads again.
        for round in 0..30 {
            let (place, people) = (consumer.after, consumer.people.clone());
            consumer.read(1 + round % 3).await;
            if round % 4 == 0 {
                (consumer.after, consumer.people) = (place, people);
            }
        }
        for writer in writers {
            writer.await.unwrap();
        }
        app.numbered().await;
        consumer.catch_up(7).await;
        let told = consumer.names();
        let mut fresh = Consumer::new(&caller);
        fresh.snapshot().await;
        assert_eq!((told.len(), &told), (5, &fresh.names()), "what was pieced together is what is so");
        assert_eq!(fresh.after, consumer.after);
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM person WHERE name LIKE '鬼%'").await, "1", "nothing is left of what was rolled back");
    }
    async fn what_a_suspended_platform_missed_is_not_lost(app: TestApp) {
        county::open(&app).await;
        let rows: Vec<String> = (1..=3).map(|n| pupil(SCHOOL, &format!("赵{n}"), &number("20160203", n), None)).collect();
        pupils(&app, &rows).await;
        app.numbered().await;
        let caller = app.feed_of(json!({}), Some(SCHOOL)).await;
        let mut consumer = Consumer::new(&caller);
        consumer.snapshot().await;
        app.suspend(caller.rp.as_ref().unwrap()).await;
        leave(&app, called(&app, "赵1").await[0]).await;
        rename(&app, called(&app, "赵2").await[0], "赵新").await;
        pupils(&app, &[pupil(SCHOOL, "赵4", &number("20160203", 4), None)]).await;
        app.numbered().await;
        assert_eq!(caller.get(&format!("/api/feed?after={}", consumer.after)).await.status, 401);
        let id = caller.rp.as_ref().unwrap().id.parse().unwrap();
        app.app.set_client_status(&app.operator(), id, ClientStatus::Active).await.unwrap();
        consumer.caller = caller.renewed().await;
        let late = consumer.caller.get(&format!("/api/feed?after={}", consumer.after)).await;
        assert_eq!((late.status, problem(&late).as_str()), (410, "gone"), "its numbers would have no gap, and hide one");
        consumer.snapshot().await;
        assert_eq!(consumer.names(), ["赵3", "赵4", "赵新"]);
        leave(&app, called(&app, "赵3").await[0]).await;
        app.numbered().await;
        assert_eq!(consumer.read(200).await, ["person.left"], "it knows whom it was told of");
    }

    /// A stop in the middle: nothing is read until the rest was looked at, which the upkeep does.
    async fn a_stream_that_is_not_whole_is_not_read(app: TestApp) {
        county::open(&app).await;
        let rows: Vec<String> = (1..=2).map(|n| pupil(SCHOOL, &format!("赵{n}"), &number("20160203", n), None)).collect();
        pupils(&app, &rows).await;
        app.numbered().await;
        let caller = app.feed_of(json!({}), Some(SCHOOL)).await;
        let mut consumer = Consumer::new(&caller);
        consumer.snapshot().await;
        let nil = match app.database.url.starts_with("sqlite") {
            true => "X'00000000000000000000000000000000'",
            false => "'00000000-0000-0000-0000-000000000000'",
        };
        change(&app.database.url, &format!("UPDATE platform_stream SET rebuilding_after = {nil}")).await;
        change(&app.database.url, "DELETE FROM platform_member").await;
        assert_eq!(caller.get(&format!("/api/feed?after={}", consumer.after)).await.status, 410);
        let early = caller.get("/api/feed/snapshot").await;
        assert_eq!((early.status, problem(&early).as_str()), (503, "busy"));
        app.app.upkeep().await.unwrap();
        consumer.snapshot().await;
        assert_eq!(consumer.names(), ["赵1", "赵2"]);
    }

    async fn whom_it_serves_no_longer_it_knows_no_longer(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "赵一", &number("20160203", 1), None), pupil(OTHER, "钱一", &number("20160203", 2), None)]).await;
        app.numbered().await;
        let caller = app.feed_of(json!({}), Some(COUNTY)).await;
        let id = caller.rp.as_ref().unwrap().id.parse().unwrap();
        let mut consumer = Consumer::new(&caller);
        consumer.snapshot().await;
        assert_eq!(consumer.names(), ["赵一", "钱一"]);
        assert!(app.app.set_reach(&app.operator(), id, SCHOOL, true).await.unwrap());
        assert!(app.app.set_reach(&app.operator(), id, COUNTY, false).await.unwrap());
        assert_eq!(caller.get(&format!("/api/feed?after={}", consumer.after)).await.status, 410);
        consumer.snapshot().await;
        assert_eq!(consumer.names(), ["赵一"]);
        assert!(app.app.set_reach(&app.operator(), id, SCHOOL, false).await.unwrap());
        consumer.snapshot().await;
        assert_eq!(consumer.names(), [""; 0]);
        let known = select_texts(&app.database.url, "SELECT CAST(COUNT(*) AS TEXT) FROM platform_member").await;
        assert_eq!(known, ["0"]);
    }

    async fn of_a_child_is_told_what_a_guardian_agreed_to(app: TestApp) {
        let platform = app.feed_of(json!({ "edu_lawful_basis": null }), Some("2136000781")).await;
        let client = platform.rp.clone().unwrap().id;
        let (guardian, ward) = (app.person("guardian_of_two").person_id, app.person("child_under14").person_id);
        let mut seen = Vec::new();
        for scope in ["openid", "profile", "edu", "edu edu.class"] {
            let scope = ScopeSet::parse(scope);
            app.app.record_guardian_consent(&app.operator(), ward, guardian, &client, &scope).await.unwrap();
            app.numbered().await;
            let mut consumer = Consumer::new(&platform);
            consumer.snapshot().await;
            let child = consumer.people[&ward.to_string()].clone();
            let identities = child["identities"].as_array().unwrap();
            seen.push((child["name"].is_string(), child["sex"].is_string(), identities.len(), identities.first().is_some_and(|one| one["class"].is_string())));
            app.app.withdraw_consent(&app.operator(), ward, &client).await.unwrap();
        }
        assert_eq!(seen, [(false, false, 0, false), (true, true, 0, false), (false, false, 1, false), (false, false, 1, true)]);
    }

    async fn four_of_a_platform_wait_at_a_time(app: TestApp) {
        let platform = app.feed_of(json!({}), Some("2136000781")).await;
        let mut consumer = Consumer::new(&platform);
        consumer.snapshot().await;
        let path = format!("/api/feed?after={}&wait=20", consumer.after);
        let waiting: Vec<_> = (0..4)
            .map(|_| {
                let (platform, path) = (platform.clone(), path.clone());
                tokio::spawn(async move { platform.get(&path).await })
            })
            .collect();
        // The fifth is answered at once as soon as the four are there.
        let mut quick = false;
        for _ in 0..40 {
            let asked = tokio::time::timeout(Duration::from_secs(2), platform.get(&path)).await;
            if asked.is_ok_and(|answer| answer.status == 200) {
                quick = true;
                break;
            }
        }
        assert!(quick);
        let anybody = consumer.people.keys().next().unwrap().parse().map(PersonId).unwrap();
        rename(&app, anybody, "周改名").await;
        app.numbered().await;
        let mut told = Vec::new();
        for one in waiting {
            told.push(one.await.unwrap().body["items"].as_array().unwrap().len());
        }
        // A probe may have come before one of the four, which was the fifth then.
        told.sort_unstable();
        assert_eq!(told[1..], [1, 1, 1], "they waited for it");
    }

    /// A platform's rows are one thing and the audit log another.
    async fn what_a_platform_cannot_be_told_keeps_no_entry_from_its_number(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "赵一", &number("20160203", 1), None)]).await;
        let mut consumer = Consumer::new(&app.feed_of(json!({}), Some(SCHOOL)).await);
        app.numbered().await;
        consumer.snapshot().await;
        change(&app.database.url, "ALTER TABLE platform_stream RENAME COLUMN head TO reached").await;
        rename(&app, called(&app, "赵一").await[0], "赵新").await;
        let waiting = async |kind: &str| {
            let waits = format!("SELECT CAST(COUNT(*) AS TEXT) FROM pending WHERE kind = '{kind}'");
            text(&app, &waits).await != "0"
        };
        // The application's own sequencer is at it too, and whoever comes meanwhile finds nothing to do.
        let (mut told, mut alone) = (false, false);
        for _ in 0..200 {
            told = told || app.app.number_pending().await.is_err();
            alone = !waiting("audit").await;
            if told && alone {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(told, "it is told, and tried again");
        assert!(alone && waiting("event").await, "an entry does not wait for a platform");
        change(&app.database.url, "ALTER TABLE platform_stream RENAME COLUMN reached TO head").await;
        app.numbered().await;
        assert_eq!(consumer.read(200).await, ["person.changed"]);
        assert!(app.app.verify_audit(&[]).await.unwrap().holds);
    }

    /// Nobody changes anything: a year is complete, and a stay begins.
    async fn what_a_day_brings_by_itself_is_told(app: TestApp) {
        county::open(&app).await;
        let today = app.operator().now.shanghai_date();
        let birthday = today.checked_sub_months(chrono::Months::new(12 * 14)).unwrap();
        let older = number(&birthday.format("%Y%m%d").to_string(), 1);
        pupils(&app, &[pupil(SCHOOL, "赵一", &older, None), pupil(SCHOOL, "赵二", &number("20160203", 2), None)]).await;
        let tomorrow = today.succ_opt().unwrap();
        change(&app.database.url, &format!("UPDATE enrolment SET valid_from = '{tomorrow}' WHERE person_id = (SELECT id FROM person WHERE name = '赵二')")).await;
        app.numbered().await;
        let mut lawful = Consumer::new(&app.feed_of(json!({}), Some(SCHOOL)).await);
        let mut careful = Consumer::new(&app.feed_of(json!({ "edu_lawful_basis": null }), Some(SCHOOL)).await);
        lawful.snapshot().await;
        careful.snapshot().await;
        assert_eq!((lawful.names(), careful.names().len()), (vec!["赵一".into()], 0), "nobody is told of before her first day, nor without consent on her birthday");
        app.app.upkeep().await.unwrap();
        app.pass(Duration::from_secs(86_400));
        for _ in 0..2 {
            app.app.upkeep().await.unwrap();
            app.numbered().await;
        }
        lawful.caller = lawful.caller.renewed().await;
        careful.caller = careful.caller.renewed().await;
        assert_eq!(lawful.read(200).await, ["person.entered"], "once; that a child turned fourteen changes nothing that it is shown");
        assert_eq!(careful.read(200).await, ["person.entered"]);
        assert_eq!((lawful.names(), careful.names()), (vec!["赵一".into(), "赵二".into()], vec!["赵一".into()]));
    }

    /// Several replicas at once, and whoever starts after a kill: each goes on where the last one was.
    async fn a_day_is_told_once_by_whoever_tells_it(app: TestApp) {
        county::open(&app).await;
        let tomorrow = app.operator().now.shanghai_date().succ_opt().unwrap();
        let rows: Vec<String> = (0..230).map(|n| pupil(SCHOOL, "赵一", &number("20160203", 1 + n), None)).collect();
        assert_eq!(pupils(&app, &rows).await.errors, []);
        app.numbered().await;
        app.feed_of(json!({}), Some(SCHOOL)).await;
        app.app.upkeep().await.unwrap();
        change(&app.database.url, &format!("UPDATE enrolment SET valid_from = '{tomorrow}'")).await;
        let twins = [app.twin().await, app.twin().await, app.twin().await];
        app.pass(Duration::from_secs(86_400));
        let ended = futures_util::future::join_all(twins.iter().map(|twin| twin.upkeep())).await;
        assert!(ended.iter().all(Result::is_ok), "{ended:?}");
        app.app.upkeep().await.unwrap();
        let told = "SELECT CAST(COUNT(*) AS TEXT) || ' ' || CAST(COUNT(DISTINCT aggregate_id) AS TEXT) FROM event WHERE CAST(fields AS TEXT) LIKE '%identities%'";
        let told = select_texts(&app.database.url, told).await.remove(0);
        let (events, people) = told.split_once(' ').unwrap();
        assert_eq!(events, people, "each once");
        assert!(people.parse::<u32>().unwrap() >= 230, "all of them: {told}");
        for twin in twins {
            twin.close().await;
        }
    }

    /// A replica was killed after it had told of some.
    async fn whoever_goes_on_with_a_day_begins_behind_the_last(app: TestApp) {
        county::open(&app).await;
        let tomorrow = app.operator().now.shanghai_date().succ_opt().unwrap();
        pupils(&app, &[pupil(SCHOOL, "赵一", &number("20160203", 1), None), pupil(SCHOOL, "赵二", &number("20160203", 2), None)]).await;
        app.feed_of(json!({}), Some(SCHOOL)).await;
        app.app.upkeep().await.unwrap();
        change(&app.database.url, &format!("UPDATE enrolment SET valid_from = '{tomorrow}' WHERE person_id IN (SELECT id FROM person WHERE name IN ('赵一', '赵二'))")).await;
        let mut both = [called(&app, "赵一").await[0], called(&app, "赵二").await[0]];
        both.sort_unstable();
        let place = format!("[\"{tomorrow}\",1,\"{}\"]", both[0]);
        change(&app.database.url, &format!("INSERT INTO meta (name, value, updated_at) VALUES ('feed_day_place', '{place}', 0)")).await;
        app.pass(Duration::from_secs(86_400));
        app.app.upkeep().await.unwrap();
        let told = "SELECT CAST(target AS TEXT) FROM audit_entry WHERE action = 'feed.day_turned' AND CAST(details AS TEXT) LIKE '%identities%'";
        assert_eq!(select_texts(&app.database.url, told).await.len(), 1);
        let events = "SELECT CAST(COUNT(*) AS TEXT) FROM event WHERE CAST(fields AS TEXT) LIKE '%identities%'";
        assert_eq!(select_texts(&app.database.url, events).await, ["1"], "behind the one who was told of");
        assert!(select_texts(&app.database.url, "SELECT value FROM meta WHERE name = 'feed_day_place'").await.is_empty());
    }

    /// Whoever tells of a day may be ahead of whoever numbers what was told.
    async fn a_day_is_not_lost_to_a_clock_that_is_ahead(app: TestApp) {
        county::open(&app).await;
        let tomorrow = app.operator().now.shanghai_date().succ_opt().unwrap();
        pupils(&app, &[pupil(SCHOOL, "赵一", &number("20160203", 1), None), pupil(SCHOOL, "赵二", &number("20160203", 2), None)]).await;
        change(&app.database.url, &format!("UPDATE enrolment SET valid_from = '{tomorrow}'")).await;
        app.numbered().await;
        let mut consumer = Consumer::new(&app.feed_of(json!({}), Some(SCHOOL)).await);
        consumer.snapshot().await;
        assert!(consumer.names().is_empty());
        app.app.upkeep().await.unwrap();
        let day = app.app.now().plus(Duration::from_secs(86_400));
        let ahead = app.twin_with(|parts| parts.clock = std::sync::Arc::new(Standing(day))).await;
        ahead.upkeep().await.unwrap();
        ahead.close().await;
        app.numbered().await;
        // The note of a day that no clock can be at.
        change(&app.database.url, "INSERT INTO feed_day (day) VALUES ('2099-01-01')").await;
        assert_eq!(consumer.read(200).await, ["person.entered", "person.entered"], "told once, by the clock of whoever told");
        let third = tomorrow.succ_opt().unwrap();
        change(&app.database.url, &format!("UPDATE enrolment SET valid_from = '{third}' WHERE person_id = (SELECT id FROM person WHERE name = '赵二')")).await;
        let who = called(&app, "赵二").await[0];
        rename(&app, who, "赵三").await;
        app.numbered().await;
        assert_eq!(consumer.read(200).await, ["person.left"]);
        app.pass(Duration::from_secs(2 * 86_400));
        app.app.upkeep().await.unwrap();
        app.numbered().await;
        consumer.caller = consumer.caller.renewed().await;
        assert!(consumer.read(200).await.contains(&"person.entered".to_owned()), "whatever was noted of days to come");
    }
}

/// A clock that shows one moment.
#[derive(Debug)]
struct Standing(mingji::domain::time::Timestamp);

impl mingji::domain::time::Clock for Standing {
    fn now(&self) -> mingji::domain::time::Timestamp {
        self.0
    }
}
