//! Papers and 学籍号 over time: which were somebody's on a day, and one that was lost outside of any dispute.

use std::time::Duration;

use mingji::app::Kind;
use mingji::app::person_change::Changed;
use mingji::app::person_paper::PaperEnded;
use mingji::app::relation_claim::Decider;
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::realname::Method;
use mingji::domain::registry::document::{Document, DocumentLabel, PaperEnd};
use mingji::domain::registry::personal_code::PersonalCode;
use mingji::domain::time::Clock as _;

use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, OTHER, SCHOOL, administrator, called, number, pupil, text};
use crate::support::database::change;

const OPERATOR: Decider = Decider::Operator;
const WHY: &str = "核对证件";

fn passport(number: &str) -> Document {
    Document::parse(Some(DocumentLabel::Passport), Some("FRA"), number).unwrap().0
}

/// Masked numbers of what was hers on a day, in its order.
async fn on(app: &TestApp, who: PersonId, day: chrono::NaiveDate) -> Vec<String> {
    let told = app.app.papers_as_of(&app.operator(), WHY, who, Some(day)).await.unwrap();
    told.into_iter().filter_map(|part| part.number).collect()
}

fn lost(reason: &str, evidence: &str) -> PaperEnded {
    PaperEnded { ended_as: PaperEnd::Lost, day: None, reason: reason.into(), evidence: evidence.into() }
}

both_engines! {
    async fn papers_and_codes_are_hers_from_a_day_to_a_day(app: TestApp) {
        county::open(&app).await;
        county::pupils(&app, &[format!("{SCHOOL},ANNE MARTIN,护照,12AB34567,,小学,2024,1班,,,,,\n")]).await;
        let hers = called(&app, "ANNE MARTIN").await[0];
        let code = async |code: &str| {
            let code = PersonalCode::parse(code).unwrap();
            app.app.record_personal_code(&app.operator(), OPERATOR, hers, &code).await.unwrap()
        };
        assert_eq!(code("L110105202409010012").await, Changed::Done);
        let first = app.clock.now().shanghai_date();
        app.pass(Duration::from_secs(10 * 86_400));
        let second = app.clock.now().shanghai_date();
        assert_eq!(code("J110105202409010023").await, Changed::Done);
        app.app.record_document(&app.operator(), OPERATOR, hers, &passport("34CD56789")).await.unwrap();
        assert_eq!(on(&app, hers, first).await, ["1****7", "L****2"]);
        assert_eq!(on(&app, hers, second).await, ["3****9", "J****3"]);
        assert!(on(&app, hers, first.pred_opt().unwrap()).await.is_empty());
        let told = app.exported(hers).await;
        let old = &told["documents"][0];
        assert_eq!((&old["from"], &old["to"]), (&first.to_string().into(), &second.to_string().into()), "{told}");
        let looks = app.app.disclosures(hers, None, 10).await.unwrap();
        assert!(looks.iter().any(|one| one.purpose.as_deref() == Some(WHY)), "{looks:?}");
    }

    async fn a_lost_paper_ends_with_its_evidence_and_stays_hers(app: TestApp) {
        county::open(&app).await;
        county::pupils(&app, &[format!("{SCHOOL},ANNE MARTIN,护照,12AB34567,,小学,2024,1班,,,,,\n"), pupil(OTHER, "李娜", &number("20170203", 4), None)]).await;
        let (hers, other) = (called(&app, "ANNE MARTIN").await[0], called(&app, "李娜").await[0]);
        let held = passport("34CD56789");
        app.app.record_document(&app.operator(), OPERATOR, hers, &held).await.unwrap();
        let end = async |by, who, document: &Document, how: PaperEnded| {
            app.app.end_paper(&app.operator(), by, who, document, &how).await.map_err(|error| error.kind)
        };
        let evidence = "报失回执在档";
        for (reason, said) in [("", evidence), ("见 13900000001", evidence), ("本人报失", " ")] {
            assert_eq!(end(OPERATOR, hers, &held, lost(reason, said)).await, Err(Kind::Invalid), "{reason} {said}");
        }
        let school = Decider::Admin(administrator(&app, 20, SCHOOL, AdminRole::School).await);
        let elsewhere = Decider::Admin(administrator(&app, 22, OTHER, AdminRole::School).await);
        assert_eq!(end(elsewhere, hers, &held, lost("本人报失", evidence)).await, Err(Kind::NotFound));
        assert_eq!(end(school, hers, &passport("99ZZ99999"), lost("本人报失", evidence)).await, Err(Kind::Conflict));
        assert_eq!(end(school, hers, &held, lost("本人报失", evidence)).await, Ok(Changed::Done));
        assert_eq!(end(school, hers, &held, lost("本人报失", evidence)).await, Err(Kind::Conflict), "once");
        let state = "SELECT d.status || ' ' || COALESCE(d.ended_as, '-') FROM identity_document d JOIN person p ON p.id = d.person_id WHERE p.name = 'ANNE MARTIN' ORDER BY d.created_at, d.id";
        assert_eq!(text(&app, state).await, "superseded -,superseded lost");
        let taken = app.app.record_document(&app.operator(), OPERATOR, other, &held).await.unwrap();
        assert!(matches!(taken, Changed::Case(_)), "the number stays hers: {taken:?}");
        let told = app.exported(hers).await;
        assert_eq!((&told["documents"][1]["ended_as"], &told["documents"][1]["evidence"]), (&"lost".into(), &evidence.into()), "{told}");
        let written = text(&app, "SELECT COALESCE(reason, '') || CAST(details AS TEXT) FROM audit_entry WHERE action = 'person.changed' ORDER BY id").await;
        assert!(written.contains("本人报失") && !written.contains(evidence), "the reason stands in the books, the evidence is sealed: {written}");
        assert_eq!(app.app.record_document(&app.operator(), OPERATOR, hers, &held).await.unwrap(), Changed::Done, "issued anew");
        assert_eq!(text(&app, state).await, "superseded -,active -");
    }

    async fn what_is_issued_anew_keeps_that_it_was_lost_and_stands_alone(app: TestApp) {
        county::open(&app).await;
        county::pupils(&app, &[format!("{SCHOOL},ANNE MARTIN,护照,12AB34567,,小学,2024,1班,,,,,\n")]).await;
        // Of two who come in one moment nobody knows who is the first.
        app.pass(Duration::from_secs(1));
        county::pupils(&app, &[pupil(SCHOOL, "ANNE MARTIN", &number("20170203", 4), None)]).await;
        let [hers, twin] = called(&app, "ANNE MARTIN").await[..] else { panic!("two records") };
        let school = Decider::Admin(administrator(&app, 20, SCHOOL, AdminRole::School).await);
        let (held, other, evidence) = (passport("34CD56789"), passport("56EF78901"), "报失回执在档");
        app.app.record_document(&app.operator(), OPERATOR, hers, &held).await.unwrap();
        let before = app.clock.now().shanghai_date();
        app.pass(Duration::from_secs(10 * 86_400));
        let missed = app.clock.now().shanghai_date();
        app.app.end_paper(&app.operator(), OPERATOR, hers, &held, &lost("本人报失", evidence)).await.unwrap();
        app.app.record_document(&app.operator(), OPERATOR, hers, &other).await.unwrap();
        app.pass(Duration::from_secs(10 * 86_400));
        // It is found again: whoever records it is not the one to say that she saw it.
        assert_eq!(app.app.record_document(&app.operator(), school, hers, &held).await.unwrap(), Changed::Done);
        let active = "SELECT CAST(COUNT(*) AS TEXT) FROM identity_document d JOIN person p ON p.id = d.person_id WHERE d.status = 'active' AND d.class = 'passport'";
        assert_eq!(text(&app, &format!("{active} AND p.name = 'ANNE MARTIN'")).await, "1", "in place of the one that came between");
        let sighted = app.app.vouch(&app.operator(), school, hers, Method::DocumentSighted, None).await;
        assert_eq!(sighted.unwrap_err().kind, Kind::Conflict);
        let now = app.clock.now().shanghai_date();
        assert_eq!((on(&app, hers, before).await, on(&app, hers, missed).await, on(&app, hers, now).await), (vec!["3****9".to_owned()], vec!["5****1".to_owned()], vec!["3****9".to_owned()]));
        let past = async |who| {
            let told = app.exported(who).await;
            let paper = told["documents"].as_array().unwrap().iter().find(|one| one["number"] == "34CD56789").unwrap().clone();
            (paper["before"][0].clone(), paper["ended_as"].clone())
        };
        let kept = (serde_json::json!({ "from": before, "to": missed, "ended_as": "lost", "evidence": evidence }), serde_json::Value::Null);
        assert_eq!(past(hers).await, kept, "it is hers again, and was lost");
        // It is opened under whichever record is hers, and goes with her.
        app.app.merge_persons(&app.operator(), OPERATOR, twin, hers, "同一人").await.unwrap();
        assert_eq!(past(twin).await, kept);
        app.app.undo_merge(&app.operator(), OPERATOR, hers, "核实为两人").await.unwrap();
        assert_eq!(past(hers).await, kept);
        app.app.record_death(&app.operator(), OPERATOR, hers, now).await.unwrap();
        app.app.erase_person(&app.operator(), hers).await.unwrap();
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM identity_document_slice").await, "0");
    }

    async fn a_wrong_correction_is_corrected(app: TestApp) {
        county::open(&app).await;
        let (right, wrong) = (number("20170203", 2), number("20160405", 5));
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &right, None)]).await;
        let hers = called(&app, "王芳").await[0];
        let first = app.clock.now().shanghai_date();
        app.pass(Duration::from_secs(10 * 86_400));
        let school = Decider::Admin(administrator(&app, 20, SCHOOL, AdminRole::School).await);
        let record = async |number: &str| {
            app.app.record_document(&app.operator(), school, hers, &county::document(number)).await.unwrap()
        };
        let born = "SELECT CAST(birth_date AS TEXT) || ' ' || sex FROM person WHERE name = '王芳'";
        assert_eq!(record(&wrong).await, Changed::Done);
        assert_eq!(text(&app, born).await, "2016-04-05 1");
        app.pass(Duration::from_secs(10 * 86_400));
        assert_eq!(record(&right).await, Changed::Done, "hers all the time");
        assert_eq!(record(&right).await, Changed::Unchanged);
        assert_eq!(text(&app, born).await, "2017-02-03 2", "as it stands in the number");
        let state = "SELECT d.status FROM identity_document d JOIN person p ON p.id = d.person_id WHERE p.name = '王芳' ORDER BY d.created_at";
        assert_eq!(text(&app, state).await, "active,superseded");
        let now = app.clock.now().shanghai_date();
        assert_eq!((on(&app, hers, first).await.len(), on(&app, hers, now).await), (1, vec![format!("3****{}", &right[17..])]));
        // What was only taken for hers goes; what had given way to it comes back.
        assert_eq!(record(&wrong).await, Changed::Done);
        assert_eq!(text(&app, state).await, "superseded,active");

        let code = async |text: &str| {
            let code = PersonalCode::parse(text).unwrap();
            app.app.record_personal_code(&app.operator(), school, hers, &code).await.unwrap()
        };
        let codes = "SELECT c.kind || ' ' || c.status FROM personal_code c JOIN person p ON p.id = c.person_id WHERE p.name = '王芳' ORDER BY c.kind";
        for (text, told) in [("L110105202409010012", Changed::Done), ("J110105202409010023", Changed::Done), ("L110105202409010012", Changed::Done)] {
            assert_eq!(code(text).await, told);
        }
        assert_eq!(code("L110105202409010012").await, Changed::Unchanged);
        assert_eq!(text(&app, codes).await, "J superseded,L active");
    }

    async fn of_two_numbers_of_one_child_the_right_one_is_recorded_after_the_merge(app: TestApp) {
        county::open(&app).await;
        let (wrong, right) = (number("20170203", 2), number("20170203", 4));
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &wrong, None)]).await;
        app.pass(Duration::from_secs(1));
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &right, None)]).await;
        let [older, younger] = called(&app, "王芳").await[..] else { panic!("two records") };
        // The police compared the right one.
        let (one, fresh) = match app.database.url.starts_with("sqlite") {
            true => (format!("x'{}'", younger.to_string().replace('-', "")), "randomblob(16)"),
            false => (format!("'{younger}'"), "gen_random_uuid()"),
        };
        let compared = format!(
            "INSERT INTO verification (id, person_id, method, trust_framework, level, verifier, claims, result, verified_at)
             SELECT {fresh}, id, 'police_name_id', 'somewhere', 3, 'police', '[\"name\",\"document\"]', 'confirmed', 1 FROM person WHERE id = {one}"
        );
        change(&app.database.url, &compared).await;
        change(&app.database.url, &format!("UPDATE person SET realname_level = 3, realname_at = 1 WHERE id = {one}")).await;
        app.app.merge_persons(&app.operator(), OPERATOR, older, younger, "同一人").await.unwrap();
        let shown = "SELECT d.status FROM identity_document d WHERE d.class = 'cn18' AND d.person_id = (SELECT id FROM person WHERE name = '王芳' AND merged_into IS NULL) ORDER BY d.created_at";
        assert_eq!(text(&app, shown).await, "active,superseded");
        let level = "SELECT CAST(realname_level AS TEXT) FROM person WHERE name = '王芳' AND merged_into IS NULL";
        assert_eq!(text(&app, level).await, "1", "nobody compared the number that she shows now");
        let told = app.app.record_document(&app.operator(), OPERATOR, older, &county::document(&right)).await.unwrap();
        assert_eq!((told, text(&app, shown).await.as_str()), (Changed::Done, "superseded,active"));
        app.app.undo_merge(&app.operator(), OPERATOR, younger, "核实为两人").await.unwrap();
        let each = "SELECT CAST(COUNT(*) AS TEXT) FROM person p WHERE p.name = '王芳' AND (SELECT COUNT(*) FROM identity_document d WHERE d.person_id = p.id) = 1";
        assert_eq!(text(&app, each).await, "2", "each has her own back");
    }
}
