//! Everything that is known about somebody, at home: masked, in full and as a file; after a sign-in of a short while ago, for herself
//! and for the guardian of a small child, without what may lead to another one.

use std::collections::BTreeSet;
use std::time::Duration;

use mingji::app::guardian_life::Order;
use mingji::app::person_paper::PaperEnded;
use mingji::app::relation_claim::Decider;
use mingji::demo::world::cast;
use mingji::domain::access::TaskName;
use mingji::domain::id::PersonId;
use mingji::domain::locale::Locale;
use mingji::domain::registry::codes::relation::Relation;
use mingji::domain::registry::document::{Document, DocumentLabel, PaperEnd};
use mingji::domain::registry::guardianship::{Evidence, Restriction};
use mingji::domain::time::Clock as _;
use mingji::http::pages::locales::record::label;
use scraper::{Html, Selector};
use serde_json::{Value, json};

use crate::support::app::{TestApp, both_engines};
use crate::support::browser::Page;
use crate::support::county::text;
use crate::support::visitor::Visitor;

const OPERATOR: Decider = Decider::Operator;
const WHY: &str = "核对材料";

fn number(app: &TestApp, key: &str) -> String {
    cast(app.clock.now().shanghai_date()).iter().find(|one| one.key == key).unwrap().number()
}

async fn knocked(app: &TestApp, key: &str) -> Visitor {
    let mut visitor = app.visitor(key);
    visitor.knock().await;
    visitor
}

/// The file that a page offers.
async fn file(visitor: &mut Visitor, page: &Page) -> Value {
    let file = visitor.browser.press(page, "form", "file").await;
    assert_eq!(file.headers["content-disposition"], "attachment; filename=\"mingji-record.json\"");
    assert_eq!((file.headers["cache-control"].to_str().unwrap(), file.status), ("no-store", 200));
    serde_json::from_str(&file.text).unwrap()
}

/// The links that the home page has to records of children.
async fn wards(visitor: &mut Visitor) -> Vec<String> {
    let home = visitor.browser.open("/").await;
    let html = Html::parse_document(&home.text);
    let links = Selector::parse("#wards a[href^='/record?ward=']").unwrap();
    html.select(&links).map(|link| link.attr("href").unwrap().to_owned()).collect()
}

/// Where the page says that older looks are.
fn older(html: &Html) -> Option<String> {
    html.select(&Selector::parse("a[rel=next]").unwrap()).next().map(|link| link.attr("href").unwrap().to_owned())
}

/// Every name of a field.
fn fields(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(all) => all.iter().for_each(|one| fields(one, found)),
        Value::Object(entry) => entry.iter().for_each(|(key, value)| {
            found.insert(key.clone());
            fields(value, found);
        }),
        _ => {}
    }
}

async fn change(app: &TestApp, (child, guardian): (PersonId, PersonId), order: Order) {
    app.app.change_guardian(&app.operator(), OPERATOR, child, guardian, &order).await.unwrap();
}

both_engines! {
    async fn it_is_read_masked_then_in_full_and_taken_along(app: TestApp) {
        let (mut teacher, number) = (knocked(&app, "full_claims").await, number(&app, "full_claims"));
        teacher.sign_in(&app.client("platform_a")).await;
        assert!(teacher.browser.open("/").await.text.contains("href=\"/record\""));
        let page = teacher.browser.open("/record").await;
        let masked = format!("{}****{}", &number[..1], &number[17..]);
        assert!(page.has("record-person") && page.text.contains(&masked) && !page.text.contains(&number), "{page:#?}");
        assert!(page.text_of("record-places").unwrap().contains("教师") && page.has("record-grants"), "{page:#?}");
        let full = teacher.browser.press(&page, "form", "numbers").await;
        assert!(full.text_of("record-documents").unwrap().contains(&number) && !full.url.as_str().contains(&number));
        let told = file(&mut teacher, &full).await;
        assert_eq!(told["documents"][0]["number"], number.as_str());
        // What the file has, the page has a name for.
        let mut named = BTreeSet::new();
        told.as_object().unwrap().iter().for_each(|(_, part)| fields(part, &mut named));
        let apart = ["verifications", "questions_to_services", "sessions", "grants"];
        named.retain(|key| !apart.contains(&key.as_str()) && label(key, Locale::Zh) == *key);
        assert!(named.is_empty(), "{named:?}");
        // It stands in the books, and she sees it.
        let forms = "SELECT CAST(e.details AS TEXT) FROM audit_entry e JOIN disclosure d ON d.entry_id = e.id WHERE e.action = 'person.exported' ORDER BY e.id";
        let written = text(&app, forms).await;
        for form in ["page", "numbers", "file"] {
            assert_eq!(written.matches(&format!("\"{form}\"")).count(), 1, "{written}");
        }
        let looks = teacher.browser.open("/").await.text_of("looks").unwrap();
        assert!(looks.contains("钟明远 查看或下载了全部信息"), "{looks}");
        // Whoever sits down at her browser later has to be her.
        app.pass(Duration::from_secs(16 * 60));
        let asked = teacher.browser.open("/record").await;
        assert!(asked.asks_for("password") && !asked.has("record-person"));
        for form in ["numbers", "file"] {
            let asked = teacher.browser.post("/record", &[("form", form)]).await;
            assert!(asked.asks_for("password") && !asked.text.contains(&number), "{form}");
        }
        let back = teacher.type_password(&asked).await;
        assert_eq!(back.location().unwrap(), format!("{}/record", app.issuer));
        assert!(teacher.browser.follow(&back).await.has("record-person"));
        assert!(app.teacher().browser.open("/record").await.asks_for("password"), "and nobody reads it unknown");
    }

    /// Years of class lists: each page has its part of who looked and says where the older ones are, and the file has all.
    async fn who_looked_is_told_page_by_page_and_the_file_has_all(app: TestApp) {
        let (mut teacher, hers) = (knocked(&app, "full_claims").await, app.person("full_claims").person_id);
        for _ in 0..230 {
            app.app.all_verifications(&app.operator(), WHY, hers).await.unwrap();
        }
        teacher.sign_in(&app.client("platform_a")).await;
        let first = teacher.browser.open("/record").await;
        let (mut page, mut told) = (first.clone(), 0);
        loop {
            let html = Html::parse_document(&page.text);
            let all = |selector: &str| html.select(&Selector::parse(selector).unwrap()).count();
            assert!((1..=20).contains(&all("#record-disclosures li")), "{page:#?}");
            told += page.text_of("record-disclosures").unwrap().matches(WHY).count();
            assert_eq!(all("a[href='/record']") > 0, told > 20, "an older page leads back");
            let Some(older) = older(&html) else { break };
            page = teacher.browser.open(&older).await;
            assert!(!page.has("record-documents"), "the rest stands on the first page");
        }
        assert_eq!(told, 230);
        let file = file(&mut teacher, &first).await;
        let looks = file["disclosures"].as_array().unwrap();
        let ids: BTreeSet<&str> = looks.iter().filter(|look| look["purpose"] == WHY).map(|look| look["id"].as_str().unwrap()).collect();
        assert_eq!((ids.len(), file["documents"].as_array().unwrap().len()), (230, 1), "each once, and the rest beside it");
        assert!(looks.is_sorted_by(|one, next| one["id"].as_str() > next["id"].as_str()));
        assert_eq!(teacher.browser.open("/record?before=somebody").await.status, 404);
    }

    async fn a_guardian_reads_a_small_child_s_without_what_leads_to_another(app: TestApp) {
        let (child, father, other) = (app.person("child_under14").person_id, app.person("guardian_of_two").person_id, app.person("full_claims").person_id);
        let home = json!({ "address": { "formatted": "云和县江滨路 8 号" } });
        app.app.set_profile(&app.operator(), TaskName::DemoSeed, child, home.as_object().unwrap()).await.unwrap();
        // By what it is known that a paper was lost may be a phone, or where somebody lives.
        let number = number(&app, "child_under14");
        let paper = Document::parse(Some(DocumentLabel::ResidentId), None, &number).unwrap().0;
        let evidence = "电话 13912340000 报失，住江滨路".to_owned();
        let lost = PaperEnded { ended_as: PaperEnd::Lost, day: None, reason: "本人报失".into(), evidence };
        app.app.end_paper(&app.operator(), OPERATOR, child, &paper, &lost).await.unwrap();
        let mut guardian = knocked(&app, "guardian_of_two").await;
        let links = wards(&mut guardian).await;
        let [link] = &links[..] else { panic!("the older one reads her own: {links:?}") };
        let page = guardian.browser.open(link).await;
        assert!(page.text.contains("刘雨桐") && page.text.contains("云****号") && !page.has("left-out"), "{page:#?}");
        assert!(page.text.contains("电****路") && !page.text.contains("江滨路"), "{page:#?}");
        let told = file(&mut guardian, &page).await;
        assert_eq!(told["documents"][0]["number"], number.as_str());
        // In whose name he was confirmed, and not by whom.
        let himself = told["guardianships"].as_array().unwrap().iter().find(|one| one["name"] == "刘建国").unwrap();
        assert!(himself["confirmed_through"] == "import" && himself["confirmed_for"].is_string() && himself["confirmed_at"].is_string(), "{told}");
        assert!(page.text.contains("确认单位") && page.text.contains("名册导入"), "{page:#?}");
        assert!(told["documents"][0]["evidence"].as_str().unwrap().contains("13912340000"), "{told}");
        assert_eq!(told["sign_in"].as_object().unwrap().len(), 2, "when she signs in says with whom she is: {told}");
        // Another guardian, with whom the child may live.
        let add = Order::Add { relation: Relation::Mother, legal: None, evidence: Evidence::Document, institution: None };
        change(&app, (child, other), add).await;
        let page = guardian.browser.open(link).await;
        assert!(page.has("left-out") && !page.text.contains("云****号"), "{page:#?}");
        let told = file(&mut guardian, &page).await;
        assert_eq!((&told["left_out"], &told["contacts"], &told["profile"]), (&json!(["contacts", "profile"]), &json!([]), &Value::Null));
        assert!(told["documents"][0]["evidence"].is_null() && !told.to_string().contains("江滨路"), "{told}");
        assert!(!told.to_string().contains("钟明远") && told["guardianships"].to_string().contains("钟*远"), "{told}");
        // The other one looks too: whoever it was stands in the list, and is not named to the first.
        let mut mother = knocked(&app, "full_claims").await;
        let hers = wards(&mut mother).await.remove(0);
        assert!(mother.browser.open(&hers).await.has("record-person"));
        let told = file(&mut guardian, &page).await;
        assert!(told["disclosures"].to_string().contains("钟*远") && !told.to_string().contains("钟明远"), "{told}");
        // The child, whose password her classmates may know; strangers; and whom a court keeps away.
        let mut small = knocked(&app, "child_under14").await;
        let looks = small.browser.open("/").await.text_of("looks").unwrap();
        assert!(looks.contains("刘建国 查看或下载了全部信息"), "{looks}");
        for page in [small.browser.open("/record").await, small.browser.post("/record", &[("form", "file")]).await] {
            assert!(page.has("by-family") && !page.has("record-person") && !page.text.contains(&number));
        }
        let mut stranger = knocked(&app, "teacher_parent").await;
        assert_eq!(stranger.browser.open(link).await.status, 404);
        assert_eq!(mother.browser.open(link).await.status, 404, "not by the other's relation");
        change(&app, (child, father), Order::Restrict([Restriction::NoLocation].into())).await;
        assert_eq!(guardian.browser.open(link).await.status, 404);
        let ward = link.rsplit_once('=').unwrap().1;
        let posted = guardian.browser.post("/record", &[("form", "file"), ("ward", ward)]).await;
        assert_eq!(posted.status, 404);
        let page = guardian.browser.open("/record").await;
        let own = file(&mut guardian, &page).await;
        let kept: Vec<&Value> = own["guardianships"].as_array().unwrap().iter().filter(|one| one["restrictions"] != json!([])).collect();
        assert!(kept.len() == 1 && kept[0]["name"].is_null() && kept[0].get("recorded_by").is_none() && kept[0].get("confirmed_for").is_none(), "{own}");
        assert!(!own.to_string().contains("刘雨桐"), "his own record does not lead him to her: {own}");
    }
}
