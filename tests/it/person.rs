//! What changes in a life, and what is told about it to whom it belongs.

use mingji::app::Kind;
use mingji::app::person_change::Changed;
use mingji::app::relation_claim::Decider;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::document::{Document, DocumentLabel};

use crate::support::app::both_engines;
use crate::support::binary::Place;
use crate::support::county::{self, INSTITUTIONS, OTHER, SCHOOL, STUDENTS, called, document, number, pupil, text};

const OPERATOR: Decider = Decider::Operator;

both_engines! {
    async fn who_is_naturalised_keeps_the_passport_and_its_number_stays_taken(app: TestApp) {
        county::open(&app).await;
        let passport = |number: &str| Document::parse(Some(DocumentLabel::Passport), Some("FRA"), number).unwrap().0;
        let row = format!("{SCHOOL},ANNE MARTIN,护照,12AB34567,,小学,2024,1班,,,,,\n");
        county::pupils(&app, &[row]).await;
        let hers = called(&app, "ANNE MARTIN").await[0];
        let record = async |paper: &Document| app.app.record_document(&app.operator(), OPERATOR, hers, paper).await.unwrap();
        for fresh in ["34CD56789", "56EF78901"] {
            assert_eq!(record(&passport(fresh)).await, Changed::Done, "a new passport");
        }
        let resident = document(&number("20170203", 2));
        assert_eq!(record(&resident).await, Changed::Done);
        assert_eq!(record(&resident).await, Changed::Unchanged);
        let papers = "SELECT d.class || ' ' || d.status FROM identity_document d JOIN person p ON p.id = d.person_id WHERE p.name = 'ANNE MARTIN' ORDER BY d.created_at, d.id";
        let held = text(&app, papers).await;
        assert_eq!(held, "passport superseded,passport superseded,passport active,cn18 active");
        let born = text(&app, "SELECT birth_date FROM person WHERE name = 'ANNE MARTIN'").await;
        assert_eq!(born, "2017-02-03", "the number says when");
        let wrong = app.app.correct_birth_date(&app.operator(), OPERATOR, hers, "2017-02-04".parse().unwrap()).await;
        assert_eq!(wrong.unwrap_err().kind, Kind::Conflict, "against her own number");
        county::pupils(&app, &[pupil(OTHER, "李娜", &number("20170203", 4), None)]).await;
        let other = called(&app, "李娜").await[0];
        let taken = app.app.record_document(&app.operator(), OPERATOR, other, &passport("34CD56789")).await.unwrap();
        assert!(matches!(taken, Changed::Case(_)), "a superseded number stays taken: {taken:?}");
    }

    async fn with_a_life_ends_what_only_the_living_have(app: TestApp) {
        let guardian = app.person("guardian_of_two").clone();
        let platform = app.client("platform_a");
        let mut visitor = app.visitor("guardian_of_two");
        let tokens = visitor.sign_in(&platform).await;
        let today = mingji::domain::time::Clock::now(&*app.clock).shanghai_date();
        let died = async |day| app.app.record_death(&app.operator(), OPERATOR, guardian.person_id, day).await;
        assert_eq!(died(today.succ_opt().unwrap()).await.unwrap_err().kind, Kind::Invalid, "not yet");
        assert_eq!(died("1900-01-01".parse().unwrap()).await.unwrap_err().kind, Kind::Invalid, "before the birth");
        assert_eq!(died(today).await.unwrap(), Changed::Done);
        assert_eq!(died(today).await.unwrap(), Changed::Unchanged);
        assert!(!visitor.is_signed_in().await);
        assert_eq!(platform.userinfo(&tokens.access()).await.status, 401);
        assert_eq!(platform.refresh(&tokens.refresh()).await.error(), "invalid_grant");
        let again = visitor.guess(&guardian.user_name).await;
        visitor.type_in(&again, &guardian.user_name, &guardian.password).await;
        assert!(!visitor.is_signed_in().await, "the account is closed");
        let left = "SELECT CAST(COUNT(*) AS TEXT) FROM guardianship g JOIN person p ON p.id = g.guardian_id WHERE p.status = 'deceased' AND g.status IN ('pending', 'confirmed')";
        assert_eq!(text(&app, left).await, "0");
    }

    async fn of_whoever_is_erased_only_an_id_and_an_index_are_left(app: TestApp) {
        county::open(&app).await;
        let numbers = [2, 4].map(|n| number("20170203", n));
        let rows = [0, 1].map(|n| pupil(SCHOOL, "王芳", &numbers[n], Some(("李母", &number("19900809", 2)))));
        county::pupils(&app, &rows).await;
        let [hers, absorbed] = called(&app, "王芳").await[..] else { panic!("two records") };
        let name = mingji::domain::registry::name::PersonName::parse("王方").unwrap();
        app.app.rename_person(&app.operator(), OPERATOR, hers, name).await.unwrap();
        app.app.merge_persons(&app.operator(), OPERATOR, hers, absorbed, "两次录入").await.unwrap();
        let erase = async |who| app.app.erase_person(&app.operator(), who).await.map_err(|error| error.kind);
        assert_eq!(erase(hers).await.unwrap_err(), Kind::Conflict, "a 学籍 is kept while it stands");
        let today = mingji::domain::time::Clock::now(&*app.clock).shanghai_date();
        app.app.record_death(&app.operator(), OPERATOR, hers, today).await.unwrap();
        assert_eq!(erase(absorbed).await.unwrap().records, 1, "by either id, with what was merged into her");
        assert_eq!(erase(hers).await.unwrap_err(), Kind::NotFound, "once");
        for place in ["person WHERE name", "person_name WHERE name", "presence WHERE name_key"] {
            let left = text(&app, &format!("SELECT CAST(COUNT(*) AS TEXT) FROM {place} IN ('王芳', '王方')")).await;
            assert_eq!(left, "0", "{place}");
        }
        let sealed = "SELECT CAST(COUNT(*) AS TEXT) FROM identity_document d JOIN person p ON p.id = d.person_id WHERE d.status = 'erased' AND d.number_sealed IS NULL AND p.salt IS NULL";
        assert_eq!(text(&app, sealed).await, "2", "the index stays");
        let back = app.app.undo_merge(&app.operator(), OPERATOR, absorbed, "核实为两人").await;
        assert_eq!(back.unwrap_err().kind, Kind::NotFound, "nothing brings her back");
        let verdict = async { while app.app.number_pending().await.unwrap() > 0 {} app.app.verify_audit(&[]).await.unwrap() };
        assert!(verdict.await.holds, "the chain still verifies");
    }

    async fn only_who_holds_all_of_somebody_changes_her(app: TestApp) {
        county::open(&app).await;
        let name = |text: &str| mingji::domain::registry::name::PersonName::parse(text).unwrap();
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &number("20170203", 2), None)]).await;
        let hers = called(&app, "王芳").await[0];
        let school = county::administrator(&app, 20, SCHOOL, AdminRole::School).await;
        let other = county::administrator(&app, 22, OTHER, AdminRole::School).await;
        let rename = async |by, who, to: &str| {
            app.app.rename_person(&app.operator(), Decider::Admin(by), who, name(to)).await.map_err(|error| error.kind)
        };
        assert_eq!(rename(other, hers, "李芳").await, Err(Kind::NotFound));
        assert_eq!(rename(school, school, "自己").await, Err(Kind::NotFound), "nobody changes herself");
        assert_eq!(rename(school, hers, "李芳").await, Ok(Changed::Done));
        assert_eq!(rename(school, hers, "李芳").await, Ok(Changed::Unchanged));
        let names = "SELECT name FROM person_name ORDER BY ended_at";
        assert_eq!(text(&app, names).await, "王芳");
        let level = text(&app, "SELECT CAST(realname_level AS TEXT) FROM person WHERE name = '李芳'").await;
        assert_eq!(level, "1", "what was verified was the old name");
    }
}

#[test]
fn what_is_known_of_somebody_is_hers_to_have() {
    let place = Place::new();
    let file = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (own, second) = (number("20170203", 2), number("20170203", 4));
    let rows = pupil(SCHOOL, "王芳", &own, Some(("李母", &number("19900809", 2))))
        + pupil(SCHOOL, "王芳", &second, None).as_str();
    let (top, students) = (file("top.csv", INSTITUTIONS), file("students.csv", &format!("{STUDENTS}{rows}")));
    place.json(&["roster", "import", "--kind", "institutions", &top], "");
    place.json(&["roster", "import", "--kind", "students", &students], "");
    let mut ids: Vec<String> = Vec::new();
    for row in place.json(&["account", "list", "--org", SCHOOL], "").as_array().unwrap() {
        if row["kind"] == "student" {
            ids.push(row["person_id"].as_str().unwrap().to_owned());
        }
    }
    ids.sort();
    let [stays, goes] = &ids[..] else { panic!("two pupils: {ids:?}") };
    let merged = place.json(&["person", "merge", stays, goes, "--reason", "两次录入"], "");
    assert_eq!(merged["person_id"], stays.as_str());
    let again = place.run(&["person", "merge", stays, goes, "--reason", "两次录入"]);
    assert!(again.code == Some(1) && again.err.contains("one person already"), "{}", again.err);
    let renamed = place.json(&["person", "rename", "--person", goes, "--name", "王方"], "");
    assert_eq!((renamed["result"].as_str(), renamed["person_id"].as_str()), (Some("done"), Some(stays.as_str())));
    let out = place.path().join("hers.json");
    let file = out.display().to_string();
    let export = ["person", "export", "--person", goes, "--out", &file, "--reason", "本人申请"];
    let told = place.json(&export, "");
    assert_eq!(told["person_id"], stays.as_str());
    let document: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap();
    assert_eq!(
        (&document["person"]["name"], &document["person"]["former_names"][0]["name"]),
        (&"王方".into(), &"王芳".into())
    );
    let text = document.to_string();
    assert!(text.contains(&own) && text.contains(&second) && text.contains("李母"), "{text}");
    assert!(!text.contains(&number("19900809", 2)), "her mother's number is her mother's");
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    let over = place.run(&export);
    assert_eq!(over.code, Some(1), "never over a file that is there");
    let taken = place.json(
        &["person", "document", "--person", stays, "--label", "居民身份证"],
        &format!("{}\n", number("20170203", 6)),
    );
    assert_eq!(taken["result"], "done");
    let undone = place.json(&["person", "unmerge", goes, "--reason", "核实为两人"], "");
    assert_eq!(undone["absorbed"], goes.as_str());
}
