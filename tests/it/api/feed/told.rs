//! What a platform is told of, and what it is not: an institution that moves takes its people along, and of a change it hears
//! what it is shown, not what became of papers, guardians or consents to others.

use mingji::app::guardian_life;
use mingji::app::pace::Listener;
use mingji::app::relation_claim::Decider;
use mingji::domain::id::ClassId;
use mingji::domain::oidc::scope::ScopeSet;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::relation::Relation;
use mingji::domain::registry::guardianship::{Evidence, Restriction};
use serde_json::{Value, json};

use super::{Consumer, rename};
use crate::support::api::Caller;
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, called, number, pupil, pupils};
use crate::support::database::{change, select_texts};

const OPERATOR: Decider = Decider::Operator;
const NEXT: &str = "ED32010300";
const NEXT_COUNTY: &str = "机构标识码,机构名称,机构类型,办学类型,行政区划代码,上级机构标识码\nED32000000,江苏省教育厅,教育行政部门,,320000,\nED32010000,南京市教育局,教育行政部门,,320100,ED32000000\nED32010300,某区教育局,教育行政部门,,320103,ED32010000\n";

struct Silent;

impl Listener for Silent {
    fn progress(&mut self, _: u64, _: u64) {}
}

/// What stands behind where a consumer is.
async fn behind(consumer: &Consumer) -> Vec<Value> {
    let answer = consumer.caller.get(&format!("/api/feed?after={}", consumer.after)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["items"].as_array().unwrap().clone()
}

fn id(caller: &Caller) -> String {
    caller.rp.as_ref().unwrap().id.clone()
}

/// Upkeep breaks a stream; the provider's own sequencer may be at work in that moment: then it is the next round's.
async fn gone_behind(app: &TestApp, reader: &Caller, place: i64) {
    for _ in 0..20 {
        app.app.upkeep().await.unwrap();
        if reader.get(&format!("/api/feed?after={place}")).await.status == 410 {
            return;
        }
    }
    panic!("it goes on behind {place}");
}

both_engines! {
    async fn a_school_that_moves_takes_its_people_along(app: TestApp) {
        county::open(&app).await;
        county::import_all(&app, NEXT_COUNTY).await;
        pupils(&app, &[pupil(SCHOOL, "赵一", &number("20160203", 1), None), pupil(OTHER, "钱一", &number("20160203", 2), None)]).await;
        app.numbered().await;
        let (here, there) = (app.feed_of(json!({}), Some(COUNTY)).await, app.feed_of(json!({}), Some(NEXT)).await);
        let (mut here, mut there) = (Consumer::new(&here), Consumer::new(&there));
        here.snapshot().await;
        there.snapshot().await;
        app.app.move_institution(&app.operator(), OPERATOR, SCHOOL, NEXT, None, &mut Silent).await.unwrap();
        app.numbered().await;
        let (left, came) = (here.read(200).await, there.read(200).await);
        assert_eq!((here.names(), there.names()), (vec!["钱一".to_owned()], vec!["赵一".to_owned()]), "{left:?} {came:?}");
        assert!(left.contains(&"institution.changed".to_owned()) && left.contains(&"person.left".to_owned()), "{left:?}");
        there.snapshot().await;
        assert_eq!(there.names(), ["赵一"], "and whoever comes later finds her");
        rename(&app, called(&app, "赵一").await[0], "赵新").await;
        app.numbered().await;
        assert_eq!((here.read(200).await, there.read(200).await), (vec![], vec!["person.changed".into()]));
    }

    async fn of_an_institution_it_hears_what_it_is_called_now(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "赵一", &number("20160203", 1), None)]).await;
        let head = Decider::Admin(county::administrator(&app, 60, SCHOOL, AdminRole::School).await);
        app.numbered().await;
        let mut reader = Consumer::new(&app.feed_of(json!({}), Some(SCHOOL)).await);
        reader.snapshot().await;
        app.app.rename_institution(&app.operator(), OPERATOR, SCHOOL, "第一中心小学").await.unwrap();
        app.numbered().await;
        let told = behind(&reader).await;
        let item = told.iter().find(|item| item["kind"] == "institution.changed").unwrap();
        let now = json!({ "code": SCHOOL, "name": "第一中心小学", "status": "active" });
        assert_eq!((&item["fields"], &item["institution"]), (&json!(["name"]), &now), "{told:?}");
        reader.catch_up(200).await;
        let text = county::text(&app, if app.database.url.starts_with("sqlite") { "SELECT lower(hex(id)) FROM class WHERE id IN (SELECT class_id FROM enrolment WHERE person_id = (SELECT id FROM person WHERE name = '赵一'))" } else { "SELECT CAST(id AS TEXT) FROM class WHERE id IN (SELECT class_id FROM enrolment WHERE person_id = (SELECT id FROM person WHERE name = '赵一'))" }).await;
        app.app.rename_class(&app.operator(), head, text.parse().unwrap(), "实验班").await.unwrap();
        app.numbered().await;
        let told = behind(&reader).await;
        assert_eq!((told.len(), &told[0]["fields"], &told[0]["institution"]["name"]), (1, &json!(["classes"]), &json!("第一中心小学")), "{told:?}");
        let class = text.parse::<ClassId>().unwrap();
        assert_eq!(told[0]["class"], json!({ "class_id": class, "name": "实验班", "status": "open" }), "and what the class is called");
    }

    async fn of_a_change_it_hears_what_it_is_shown(app: TestApp) {
        let statutory = app.feed_of(json!({}), Some("2136000781")).await;
        let careful = app.feed_of(json!({ "edu_lawful_basis": null }), Some("2136000781")).await;
        let other = app.feed_of(json!({ "edu_lawful_basis": null }), None).await;
        let (guardian, ward) = (app.person("guardian_of_two").person_id, app.person("child_under14").person_id);
        let agree = async |client: &str, scope: &str| {
            app.app.record_guardian_consent(&app.operator(), ward, guardian, client, &ScopeSet::parse(scope)).await.unwrap();
        };
        agree(&id(&careful), "edu").await;
        app.numbered().await;
        let (mut lawful, mut careful_one) = (Consumer::new(&statutory), Consumer::new(&careful));
        lawful.snapshot().await;
        careful_one.snapshot().await;
        let grown = app.person("full_claims").person_id;
        // A guardian agrees to something else and takes it back; a court takes something away.
        agree(&id(&other), "profile").await;
        app.app.withdraw_consent(&app.operator(), ward, &id(&other)).await.unwrap();
        let others: Vec<String> = select_texts(&app.database.url, "SELECT CAST(COUNT(*) AS TEXT) FROM event WHERE aggregate_kind = 'guardianship'").await;
        let add = guardian_life::Order::Add { relation: Relation::StepFather, legal: None, evidence: Evidence::Document, institution: None };
        app.app.change_guardian(&app.operator(), OPERATOR, ward, grown, &add).await.unwrap();
        let court = guardian_life::Order::Restrict([Restriction::NoContact].into());
        app.app.change_guardian(&app.operator(), OPERATOR, ward, grown, &court).await.unwrap();
        assert_ne!(select_texts(&app.database.url, "SELECT CAST(COUNT(*) AS TEXT) FROM event WHERE aggregate_kind = 'guardianship'").await, others);
        let paper = county::document(&number("19910101", 7));
        app.app.record_document(&app.operator(), OPERATOR, grown, &paper).await.unwrap();
        app.numbered().await;
        for consumer in [&lawful, &careful_one] {
            let told = behind(consumer).await;
            assert!(told.iter().all(|item| item["person_id"] != json!(ward)), "{told:?}");
            // Her paper says another sex or birth date, perhaps: of the paper itself nothing is said.
            let of_her: Vec<&Value> = told.iter().flat_map(|item| item["fields"].as_array().unwrap()).collect();
            assert!(of_her.iter().all(|field| ["name", "sex", "identities"].contains(&field.as_str().unwrap())), "{told:?}");
        }
        lawful.catch_up(200).await;
        careful_one.catch_up(200).await;
        // Of her name the one hears who is shown it.
        rename(&app, ward, "周改名").await;
        app.numbered().await;
        let told = behind(&lawful).await;
        assert_eq!((told.len(), &told[0]["kind"], &told[0]["fields"]), (1, &json!("person.changed"), &json!(["name"])), "{told:?}");
        assert_eq!(behind(&careful_one).await, Vec::<Value>::new());
        // What was agreed to with itself it hears of.
        agree(&id(&careful), "edu profile").await;
        app.numbered().await;
        let told = behind(&careful_one).await;
        assert_eq!((told.len(), &told[0]["fields"]), (1, &json!(["name", "sex", "identities"])), "{told:?}");
    }

    async fn what_it_read_of_people_is_written_down(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "赵一", &number("20160203", 1), None), pupil(SCHOOL, "赵二", &number("20160203", 2), None)]).await;
        app.numbered().await;
        let mut consumer = Consumer::new(&app.feed_of(json!({}), Some(SCHOOL)).await);
        consumer.snapshot().await;
        rename(&app, called(&app, "赵一").await[0], "赵新").await;
        app.numbered().await;
        consumer.catch_up(200).await;
        let entries = select_texts(&app.database.url, "SELECT CAST(details AS TEXT) FROM audit_entry WHERE action = 'feed.read' ORDER BY id").await;
        let entries: Vec<Value> = entries.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let told: Vec<_> = entries.iter().map(|entry| (entry["what"].clone(), entry["people"]["n"].clone())).collect();
        assert_eq!(told, [(json!("snapshot"), json!(2)), (json!("changes"), json!(1))], "and an empty answer is none: {entries:?}");
        let who = called(&app, "赵新").await[0].0.simple().to_string();
        assert_eq!(entries[1]["people"]["digest"], mingji::domain::hex::hex(&mingji::keys::opaque::digest(&who)));
    }

    async fn whose_receipts_count_no_more_has_left(app: TestApp) {
        let careful = app.feed_of(json!({ "edu_lawful_basis": null }), Some("2136000781")).await;
        let (guardian, ward) = (app.person("guardian_of_two").person_id, app.person("child_under14").person_id);
        let client = id(&careful);
        app.app.record_guardian_consent(&app.operator(), ward, guardian, &client, &ScopeSet::parse("profile edu")).await.unwrap();
        app.numbered().await;
        let mut consumer = Consumer::new(&careful);
        consumer.snapshot().await;
        assert!(consumer.people.contains_key(&ward.to_string()));
        // Parents agreed to a platform for which nobody else answered.
        app.app.assign_client(&app.operator(), client.parse().unwrap(), Some("2136000781"), None).await.unwrap();
        let late = careful.get(&format!("/api/feed?after={}", consumer.after)).await;
        assert_eq!(late.status, 410, "{late:?}");
        consumer.snapshot().await;
        assert!(!consumer.people.contains_key(&ward.to_string()) && !consumer.people.is_empty());
        // Texts that an heir goes on with leave nobody; when they stop counting, whoever agreed to them has left.
        let place = consumer.after;
        change(&app.database.url, r#"UPDATE client SET heir_of = '["01900000-0000-7000-8000-00000000abcd"]'"#).await;
        app.app.upkeep().await.unwrap();
        app.app.upkeep().await.unwrap();
        assert_eq!(careful.get(&format!("/api/feed?after={place}")).await.status, 200, "nobody is looked at anew");
        change(&app.database.url, "UPDATE client SET heir_of = NULL").await;
        gone_behind(&app, &careful, place).await;
        app.numbered().await;
        consumer.snapshot().await;
        // The same with a text of ours that a release brought.
        change(&app.database.url, "UPDATE platform_stream SET notice = 'of before'").await;
        let place = consumer.after;
        gone_behind(&app, &careful, place).await;
        app.numbered().await;
        consumer.snapshot().await;
        app.app.upkeep().await.unwrap();
        assert_eq!(consumer.read(200).await, [""; 0], "once");
    }

    /// What was lost with a database that went back is in no row: readers begin anew, however far the numbers have come again.
    async fn a_register_that_went_back_is_read_anew(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "赵一", &number("20160203", 1), None)]).await;
        app.numbered().await;
        let mut consumer = Consumer::new(&app.feed_of(json!({}), Some(SCHOOL)).await);
        consumer.snapshot().await;
        // It has read five more than the copy has.
        let ahead = consumer.after + 5;
        assert_eq!(app.app.note_restored(&app.operator(), app.operator().now).await.unwrap(), 1);
        let person = called(&app, "赵一").await[0];
        for n in 0..7 {
            rename(&app, person, ["赵甲", "赵乙"][n % 2]).await;
        }
        app.numbered().await;
        assert_eq!(consumer.caller.get(&format!("/api/feed?after={ahead}")).await.status, 410, "it is behind all of them");
        consumer.snapshot().await;
        assert_eq!(consumer.names(), ["赵甲"]);
        rename(&app, person, "赵丙").await;
        app.numbered().await;
        assert_eq!((consumer.read(200).await, consumer.names()), (vec!["person.changed".to_owned()], vec!["赵丙".to_owned()]));
    }
}
