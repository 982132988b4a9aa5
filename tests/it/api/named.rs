//! Whom a school only names (ruling R1): a guardian whom others hold is to it as it wrote her, and not as they know her; and whose
//! parent somebody is is nothing for her employer.

use mingji::app::relation_claim::{Decider, Verdict};
use mingji::domain::id::{PersonId, RelationClaimId};
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::name::PersonName;
use serde_json::{Value, json};

use crate::support::api::{Caller, problem};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, called, number, pupil, pupils, teacher, teachers, text};

const OPERATOR: Decider = Decider::Operator;

struct Scene {
    school: Caller,
    admin: PersonId,
    other: Caller,
    org: String,
    /// Works at the other school.
    teacher: PersonId,
}

async fn scene(app: &TestApp) -> Scene {
    county::open(app).await;
    teachers(app, &[teacher(OTHER, "周师", &number("19850101", 900))]).await;
    let admin = county::administrator(app, 1, SCHOOL, AdminRole::School).await;
    // Of the first school by her post, of the second by her right.
    let watcher = county::administrator(app, 3, OTHER, AdminRole::School).await;
    let (school, other) = (app.at_api_as(admin, COUNTY).await, app.at_api_as(watcher, COUNTY).await);
    let org = school.all("/api/institutions").await[0]["id"].as_str().unwrap().to_owned();
    Scene { school, admin, other, org, teacher: called(app, "周师").await[0] }
}

async fn rename(app: &TestApp, person: PersonId, name: &str) {
    app.app.rename_person(&app.operator(), OPERATOR, person, PersonName::parse(name).unwrap()).await.unwrap();
}

async fn found(caller: &Caller, number: &str) -> usize {
    let sought = json!({ "document": { "label": "居民身份证", "number": number } });
    let answer = caller.post("/api/persons/search", &sought).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["items"].as_array().unwrap().len()
}

async fn sees(app: &TestApp, admin: PersonId, person: PersonId) -> bool {
    let why = app.app.why_sees(&app.operator(), OPERATOR, admin, person).await.unwrap();
    assert_eq!(why.sees, !why.chains.is_empty());
    why.sees
}

/// Everything that names the child's guardian: the roster, the child, the list of guardians.
async fn shown(scene: &Scene, child: PersonId) -> Vec<Value> {
    let students = scene.school.all(&format!("/api/institutions/{}/students", scene.org)).await;
    let one = scene.school.get(&format!("/api/persons/{child}")).await.body;
    let guardians = scene.school.all(&format!("/api/institutions/{}/guardians", scene.org)).await;
    vec![students[0]["guardians"][0].clone(), one["guardians"][0].clone(), guardians[0].clone()]
}

both_engines! {
    async fn a_guardian_who_was_only_named_is_as_the_school_wrote_her(app: TestApp) {
        let scene = scene(&app).await;
        let row = pupil(SCHOOL, "赵一", &number("20160203", 1), Some(("周师", &number("19850101", 900))));
        assert_eq!(county::desk(&app, scene.admin, &row).await["accepted"], 1);
        let child = called(&app, "赵一").await[0];
        rename(&app, scene.teacher, "周新").await;
        for guardian in shown(&scene, child).await {
            let told = ["person_id", "name", "phone"].map(|part| guardian[part].clone());
            assert_eq!(told, [Value::Null, json!("周师"), Value::Null], "{guardian}");
        }
        let accounts = format!("/api/institutions/{}/accounts", scene.org);
        let listed = async || scene.school.all(&accounts).await.iter().any(|row| row["person_id"] == json!(scene.teacher));
        assert!(!listed().await, "nor the id, the login and the state of a number that was written down");
        let path = format!("/api/persons/{}", scene.teacher);
        let hidden = scene.school.get(&path).await;
        assert_eq!((hidden.status, problem(&hidden).as_str()), (404, "not_found"));
        let asked = scene.school.post("/api/approvals", &json!({ "purpose": "核对", "opens": { "person_id": scene.teacher } })).await;
        assert_eq!(asked.status, 404, "{asked:?}");
        assert_eq!(found(&scene.school, &number("19850101", 900)).await, 0);
        assert!(!sees(&app, scene.admin, scene.teacher).await);
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM disclosure d JOIN person p ON p.id = d.person_id JOIN audit_entry e ON e.id = d.entry_id WHERE p.name = '周新' AND e.action <> 'admin.viewed'").await, "0", "nothing of hers was shown");

        // Until somebody looked at it who covers both sides.
        app.pass(std::time::Duration::from_secs(1));
        let claims = app.app.pending_claims(&app.operator(), OPERATOR, SCHOOL, None).await.unwrap();
        let claim = claims.iter().find(|claim| claim.kind == "guardian").unwrap().id;
        app.app.decide_claim(&app.operator(), OPERATOR, claim, Verdict::Confirm).await.unwrap();
        for guardian in shown(&scene, child).await {
            assert_eq!((&guardian["person_id"], &guardian["name"]), (&json!(scene.teacher), &json!("周新")), "{guardian}");
        }
        assert_eq!(scene.school.get(&path).await.status, 200);
        assert!(listed().await && sees(&app, scene.admin, scene.teacher).await);
    }

    async fn whose_child_only_sits_there_is_not_there_herself(app: TestApp) {
        let scene = scene(&app).await;
        let mother = number("19850101", 4);
        pupils(&app, &[pupil(SCHOOL, "赵一", &number("20160203", 1), Some(("赵母", &mother)))]).await;
        let child = called(&app, "赵一").await[0];
        let seat = app.app.ask_to_borrow(&app.operator(), OPERATOR, child, OTHER, &PersonName::parse("赵一").unwrap(), None).await.unwrap();
        app.app.decide_claim(&app.operator(), OPERATOR, seat.id, Verdict::Confirm).await.unwrap();
        let at = called(&app, "赵母").await[0];
        assert_eq!(scene.other.get(&format!("/api/persons/{child}")).await.status, 200, "the child sits there");
        assert_eq!(scene.other.get(&format!("/api/persons/{at}")).await.status, 404);
        let other_org = scene.other.all("/api/institutions").await[0]["id"].as_str().unwrap().to_owned();
        let listed = async |caller: &Caller, org: &str| {
            let rows = caller.all(&format!("/api/institutions/{org}/accounts")).await;
            [child, at].map(|who| rows.iter().any(|row| row["person_id"] == json!(who)))
        };
        assert_eq!((listed(&scene.other, &other_org).await, listed(&scene.school, &scene.org).await), ([true, false], [true, true]));
        assert_eq!((found(&scene.other, &mother).await, found(&scene.school, &mother).await), (0, 1));
        let watcher = called(&app, "管理员3").await[0];
        assert!(!sees(&app, watcher, at).await && sees(&app, scene.admin, at).await);
        // Nor does a row of hers say whether somebody is the child's mother already.
        let row = |keeper: &str, number: &str| pupil(OTHER, "赵一", &self::number("20160203", 1), Some((keeper, number)));
        let (hers, nobodys) = (row("赵母", &mother), row("赵姨", &number("19850101", 6)));
        assert_eq!(county::desk(&app, watcher, &hers).await, county::desk(&app, watcher, &nobodys).await);
    }

    async fn an_employer_reads_no_claim_about_her_teachers_children(app: TestApp) {
        let scene = scene(&app).await;
        // Under another name than the register has: it waits.
        let row = pupil(SCHOOL, "赵一", &number("20160203", 1), Some(("周误", &number("19850101", 900))));
        county::desk(&app, scene.admin, &row).await;
        let of = async |caller: &Caller, org: &str| caller.all(&format!("/api/claims?org={org}")).await;
        assert_eq!(of(&scene.other, OTHER).await, Vec::<Value>::new());
        let hers = of(&scene.school, SCHOOL).await;
        assert_eq!((hers.len(), &hers[0]["kind"], &hers[0]["name"]), (1, &json!("guardian"), &json!("周误")), "{hers:?}");
        let id: RelationClaimId = hers[0]["id"].as_str().unwrap().parse().unwrap();
        assert!(app.app.decide_claim(&app.operator(), OPERATOR, id, Verdict::Reject(None)).await.is_ok());
    }

    async fn whoever_stands_in_a_list_reads_that_she_did(app: TestApp) {
        let scene = scene(&app).await;
        let double = |serial| pupil(SCHOOL, "王芳", &number("20170203", serial), None);
        pupils(&app, &[double(2), double(4)]).await;
        let row = pupil(SCHOOL, "赵一", &number("20160203", 1), Some(("周误", &number("19850101", 900))));
        county::desk(&app, scene.admin, &row).await;
        let opened = scene.school.post("/api/cases/search", &json!({ "org": SCHOOL })).await;
        assert_eq!(opened.body, json!({ "opened": 1 }), "{opened:?}");
        let again = scene.school.post("/api/cases/search", &json!({ "org": SCHOOL })).await;
        assert_eq!(again.body, json!({ "opened": 0 }));
        let searched = "SELECT CAST(COUNT(*) AS TEXT) FROM audit_entry WHERE action = 'case.opened' AND result = 'done'";
        assert_eq!(text(&app, searched).await, "2", "that nothing is new is an answer too");
        let (rights, why) = (format!("/api/institutions/{}/rights", scene.org), format!("/api/rights/why?administrator={0}&person={0}", scene.admin));
        for (path, action, shown) in [("/api/cases", "case.viewed", 1), (&format!("/api/claims?org={SCHOOL}"), "relation.viewed", 2), (&rights, "admin.viewed", 1), (&why, "admin.viewed", 2)] {
            let answer = scene.school.get(path).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            let noted = format!("SELECT CAST(COUNT(*) AS TEXT) FROM disclosure d JOIN audit_entry e ON e.id = d.entry_id WHERE e.action = '{action}'");
            assert_eq!(text(&app, &noted).await, shown.to_string(), "{path}");
            if path != why {
                let mark = if path.contains('?') { '&' } else { '?' };
                let many = scene.school.get(&format!("{path}{mark}limit=50")).await;
                assert_eq!(many.status, 400, "never fifty people at once: {path}");
            }
        }
    }

    /// A school invents a namesake of a pupil who only sits there, with a birth date that it would like to be told.
    async fn a_search_for_doubles_guesses_no_birth_date(app: TestApp) {
        let scene = scene(&app).await;
        pupils(&app, &[pupil(SCHOOL, "赵一", &number("20160203", 1), None)]).await;
        let child = called(&app, "赵一").await[0];
        let seat = app.app.ask_to_borrow(&app.operator(), OPERATOR, child, OTHER, &PersonName::parse("赵一").unwrap(), None).await.unwrap();
        app.app.decide_claim(&app.operator(), OPERATOR, seat.id, Verdict::Confirm).await.unwrap();
        let search = async || scene.other.post("/api/cases/search", &json!({ "org": OTHER })).await.body;
        let mut told = Vec::new();
        for (day, serial) in [("20160204", 11), ("20160203", 13)] {
            pupils(&app, &[pupil(OTHER, "赵一", &number(day, serial), None)]).await;
            told.push(search().await);
        }
        assert_eq!(told, [json!({ "opened": 0 }), json!({ "opened": 0 })]);
        assert_eq!(text(&app, "SELECT kind FROM conflict_case").await, "same_details", "whoever covers both has it");
    }

    async fn a_move_tells_of_no_institution_that_is_not_hers(app: TestApp) {
        county::open(&app).await;
        county::import_all(&app, "机构标识码,机构名称,机构类型,办学类型,行政区划代码,上级机构标识码\nED32000000,江苏省教育厅,教育行政部门,,320000,\nED32010000,南京市教育局,教育行政部门,,320100,ED32000000\nED32010300,某区教育局,教育行政部门,,320103,ED32010000\n").await;
        let county = Decider::Admin(county::administrator(&app, 1, COUNTY, AdminRole::County).await);
        let told = async |under: &str| {
            let moved = app.app.move_institution(&app.operator(), county, SCHOOL, under, None, &mut Silent).await.unwrap_err();
            moved.to_string().replace(under, "")
        };
        assert_eq!(told("ED32010300").await, told("ED32019900").await);
    }
}

struct Silent;

impl mingji::app::pace::Listener for Silent {
    fn progress(&mut self, _: u64, _: u64) {}
}
