//! Whoever ties somebody to her own institution by a word that nobody looked at holds nothing of her (ruling R1): neither her
//! account, nor her record, nor what she is.

use mingji::app::institution_life::Split;
use mingji::app::relation_claim::{Decider, Verdict};
use mingji::app::staff_life::Order;
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::staff::StaffState;
use mingji::domain::registry::document::{Document, DocumentLabel};
use mingji::domain::registry::institution::InstitutionKind;
use mingji::domain::registry::institution_life::ChangeKind;
use mingji::domain::registry::name::PersonName;
use mingji::domain::registry::roster::ClassKey;
use mingji::domain::time::Clock as _;
use serde_json::{Value, json};

use crate::institution::{Silent, opening};
use crate::support::api::Caller;
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{
    self, COUNTY, INSTITUTIONS, OTHER, SCHOOL, called, number, pupil, pupils, teacher, teachers, text,
};
use crate::support::database::change;
use crate::support::relying_party::Answer;

const OPERATOR: Decider = Decider::Operator;
const NOBODY: &str = "01900000-0000-7000-8000-00000000abcd";
/// A school of another county.
const FAR: &str = "2132000790";
const FAR_COUNTY: &str =
    "ED32010300,某区教育局,教育行政部门,,320103,ED32010000\n2132000790,第九实验小学,学校,211,320103,ED32010300\n";

/// Everything that is done with somebody who is wholly an administrator's, and what is read of her alone.
async fn everything(caller: &Caller, person: &str, colleague: PersonId, child: PersonId) -> Vec<(String, u16, Value)> {
    let paper = json!({ "label": "居民身份证", "number": number("19900203", 950) });
    let asked = [
        ("activation-code", json!({})),
        ("sign-out", json!({})),
        ("account-lock", json!({ "reason": "随便锁" })),
        ("account-unlock", json!({})),
        ("name", json!({ "name": "王改名" })),
        ("birth-date", json!({ "birth_date": "1990-02-03" })),
        ("documents", paper.clone()),
        (
            "document-end",
            json!({ "document": paper, "ended_as": "lost", "reason": "随便报一报", "evidence": "随便写写" }),
        ),
        ("personal-code", json!({ "code": "L320102199609010099" })),
        ("death", json!({ "date": "2026-01-01" })),
        ("verifications", json!("school_vouch")),
        ("post", json!({ "step": { "join": { "org": SCHOOL, "post": "10" } } })),
    ];
    let mut answers: Vec<(String, Answer)> = Vec::new();
    for (what, body) in asked {
        answers.push((what.into(), caller.post(&format!("/api/persons/{person}/{what}"), &body).await));
    }
    for what in ["", "/sessions", "/verifications", "/guardians"] {
        answers.push((format!("get {what}"), caller.get(&format!("/api/persons/{person}{what}")).await));
    }
    for (survivor, absorbed) in [(colleague.to_string(), person.to_owned()), (person.to_owned(), colleague.to_string())]
    {
        let pair = json!({ "survivor": survivor, "absorbed": absorbed, "reason": "同一人，两次录入" });
        answers.push(("merges".into(), caller.post("/api/merges", &pair).await));
    }
    let ward = json!({ "guardian_id": person, "step": { "add": { "relation": "52" } } });
    answers.push(("ward".into(), caller.post(&format!("/api/persons/{child}/guardians"), &ward).await));
    let opened = json!({ "opens": { "person_id": person }, "purpose": "核对" });
    answers.push(("approvals".into(), caller.post("/api/approvals", &opened).await));
    let said = |(what, mut answer): (String, Answer)| {
        answer.body.as_object_mut().map(|body| body.remove("instance"));
        (what, answer.status, answer.body)
    };
    answers.into_iter().map(said).collect()
}

async fn school(app: &TestApp) -> (Caller, PersonId) {
    let desk = county::administrator(app, 20, SCHOOL, AdminRole::School).await;
    (app.at_api_as(desk, COUNTY).await, desk)
}

async fn named(app: &TestApp, desk: PersonId, child: (&str, u32), guardian: (&str, &str)) -> PersonId {
    let row = pupil(SCHOOL, child.0, &number("20170203", child.1), Some(guardian));
    assert_eq!(county::desk(app, desk, &row).await["accepted"], 1);
    called(app, child.0).await[0]
}

async fn leaves(app: &TestApp, person: PersonId) {
    let leaves = Order::Leave { org: None, state: StaffState::Left };
    app.app.change_staff(&app.operator(), OPERATOR, person, None, &leaves).await.unwrap();
}

async fn status(app: &TestApp, guardian: &str) -> String {
    text(
        app,
        &format!(
            "SELECT g.status FROM guardianship g JOIN person p ON p.id = g.guardian_id WHERE p.name = '{guardian}'"
        ),
    )
    .await
}

/// The operator says of whatever a school named alone that it is so.
async fn looks_at_it(app: &TestApp) {
    app.pass(std::time::Duration::from_secs(1));
    for claim in app.app.pending_claims(&app.operator(), OPERATOR, COUNTY, None).await.unwrap() {
        app.app.decide_claim(&app.operator(), OPERATOR, claim.id, Verdict::Confirm).await.unwrap();
    }
}

both_engines! {
    /// Somebody who belongs nowhere today, whose number stands in a school's old files: she left her post there.
    async fn a_school_that_names_a_guardian_holds_nothing_of_her(app: TestApp) {
        county::open(&app).await;
        let hers = number("19800203", 2);
        teachers(&app, &[teacher(SCHOOL, "陈静", &hers), teacher(SCHOOL, "同事", &number("19800203", 4))]).await;
        let (gone, colleague) = (called(&app, "陈静").await[0], called(&app, "同事").await[0]);
        leaves(&app, gone).await;
        app.app.set_password(&app.operator(), gone, "an old sentence of mine".to_owned().into()).await.unwrap();
        let (caller, desk) = school(&app).await;
        let child = named(&app, desk, ("王芳", 4), ("陈静", &hers)).await;
        assert_eq!(status(&app, "陈静").await, "confirmed", "by the school's own word");
        let nobody = everything(&caller, NOBODY, colleague, child).await;
        assert!(nobody.iter().all(|(_, status, _)| *status == 404), "{nobody:?}");
        assert_eq!(everything(&caller, &gone.to_string(), colleague, child).await, nobody);
        // Nor by a word that waits.
        change(&app.database.url, "UPDATE guardianship SET status = 'pending', verified_by = NULL").await;
        change(&app.database.url, "UPDATE relation_claim SET state = 'pending', decided_at = NULL").await;
        assert_eq!(everything(&caller, &gone.to_string(), colleague, child).await, nobody);
        let held = "SELECT p.name || a.state FROM person p JOIN account a ON a.person_id = p.id WHERE p.name = '陈静'";
        assert_eq!(text(&app, held).await, "陈静active");
        let codes = "SELECT CAST(COUNT(*) AS TEXT) FROM activation c JOIN account a ON a.id = c.account_id JOIN person p ON p.id = a.person_id WHERE p.name = '陈静'";
        assert_eq!(text(&app, codes).await, "0");
    }

    async fn whom_somebody_else_looked_at_she_holds(app: TestApp) {
        county::open(&app).await;
        let hers = number("19800203", 2);
        teachers(&app, &[teacher(SCHOOL, "陈静", &hers)]).await;
        let gone = called(&app, "陈静").await[0];
        leaves(&app, gone).await;
        let (caller, desk) = school(&app).await;
        named(&app, desk, ("王芳", 4), ("陈静", &hers)).await;
        let code = format!("/api/persons/{gone}/activation-code");
        assert_eq!(caller.post(&code, &json!({})).await.status, 404);
        looks_at_it(&app).await;
        assert_eq!(caller.post(&code, &json!({})).await.status, 200);
    }

    /// The veil over whom a county named goes along with the relation when a school becomes part of another one, or is split.
    async fn what_nobody_looked_at_goes_along_with_a_merger_and_a_split(app: TestApp) {
        county::import_all(&app, &format!("{INSTITUTIONS}{FAR_COUNTY}")).await;
        let far = number("19850101", 900);
        teachers(&app, &[teacher(FAR, "周师", &far)]).await;
        let teacher = called(&app, "周师").await[0];
        let head = county::administrator(&app, 20, COUNTY, AdminRole::County).await;
        let caller = app.at_api_as(head, COUNTY).await;
        named(&app, head, ("赵一", 2), ("周师", &far)).await;
        let path = format!("/api/persons/{teacher}");
        let paths = [path.clone(), format!("{path}/verifications"), format!("{path}/sessions")];
        let waiting = async || app.app.pending_claims(&app.operator(), OPERATOR, COUNTY, None).await.unwrap().len();
        let hidden = async |when: &str| {
            for path in &paths {
                assert_eq!(caller.get(path).await.status, 404, "{when}: {path}");
            }
            let sought = json!({ "document": { "label": "居民身份证", "number": far } });
            assert_eq!(caller.post("/api/persons/search", &sought).await.body["items"], json!([]), "{when}");
            let why = app.app.why_sees(&app.operator(), OPERATOR, head, teacher).await.unwrap();
            assert!(!why.sees, "{when}: {why:?}");
            assert_eq!(waiting().await, 1, "{when}: somebody is to look at it");
        };
        hidden("named").await;
        app.app.hand_over_institution(&app.operator(), OPERATOR, SCHOOL, OTHER, ChangeKind::Merged, &mut Silent).await.unwrap();
        hidden("merged").await;
        let class = ClassKey::read("小学", "2024", "1班", app.clock.now().shanghai_date()).unwrap();
        let split = Split { code: OTHER.into(), opening: opening("2132000791", "东校区", InstitutionKind::Campus, None), classes: vec![class] };
        app.app.split_institution(&app.operator(), OPERATOR, &split, &mut Silent).await.unwrap();
        hidden("split").await;
        assert_eq!(text(&app, "SELECT o.name FROM relation_claim r JOIN institution o ON o.id = r.org_id").await, "东校区");
        // As it was before 0049: the word stayed with the school that is no more.
        change(&app.database.url, "UPDATE relation_claim SET org_id = (SELECT id FROM institution WHERE name = '第七实验小学')").await;
        assert_eq!(caller.get(&path).await.status, 200);
        let [lite, pg] = [include_str!("../../../migrations/sqlite/0049_words_go_along.sql"), include_str!("../../../migrations/postgres/0049_words_go_along.sql")];
        assert!(lite == pg, "one text for both engines");
        change(&app.database.url, lite).await;
        hidden("as of before").await;
        looks_at_it(&app).await;
        assert_eq!(caller.get(&path).await.status, 200);
    }

    /// Whoever governs two schools named somebody at the one, and the child goes to the other.
    async fn a_word_is_hers_by_whichever_of_her_rights(app: TestApp) {
        county::import_all(&app, &format!("{INSTITUTIONS}{FAR_COUNTY}")).await;
        let far = number("19850101", 900);
        teachers(&app, &[teacher(FAR, "周师", &far)]).await;
        let teacher = called(&app, "周师").await[0];
        let (caller, desk) = school(&app).await;
        app.app.grant_admin(&app.operator(), desk, AdminRole::School, OTHER).await.unwrap();
        named(&app, desk, ("赵一", 2), ("周师", &far)).await;
        pupils(&app, &[pupil(OTHER, "赵一", &number("20170203", 2), None)]).await;
        let goes = app.app.pending_claims(&app.operator(), OPERATOR, OTHER, None).await.unwrap();
        let goes = goes.iter().find(|claim| claim.kind == "student").unwrap().id;
        app.app.decide_claim(&app.operator(), OPERATOR, goes, Verdict::Confirm).await.unwrap();
        let sees = async || app.app.why_sees(&app.operator(), OPERATOR, desk, teacher).await.unwrap().sees;
        assert_eq!((caller.get(&format!("/api/persons/{teacher}")).await.status, sees().await), (404, false));
        let listed = async || {
            let mut all = Vec::new();
            for org in caller.all("/api/institutions").await {
                all.extend(caller.all(&format!("/api/institutions/{}/accounts", org["id"].as_str().unwrap())).await);
            }
            all.iter().any(|row| row["person_id"] == json!(teacher))
        };
        assert!(!listed().await);
        // Counted at either school, whichever of her rights is looked at last.
        for org in caller.all("/api/institutions").await {
            let counts = caller.get(&format!("/api/institutions/{}/counts", org["id"].as_str().unwrap())).await.body;
            assert_eq!(counts["institutions"], 1, "{counts}");
        }
    }

    /// That two papers are one person's is nothing that rows, lists or totals tell, and a row that names somebody by another paper
    /// changes nothing of what the register holds of her.
    async fn two_papers_of_somebody_elsewhere_are_two_people_s(app: TestApp) {
        county::import_all(&app, &format!("{INSTITUTIONS}{FAR_COUNTY}")).await;
        let far = number("19850101", 900);
        teachers(&app, &[teacher(FAR, "周师", &far)]).await;
        let passport = Document::parse(Some(DocumentLabel::Passport), Some("CHN"), "E12345678").unwrap().0;
        app.app.record_document(&app.operator(), OPERATOR, called(&app, "周师").await[0], &passport).await.unwrap();
        let (caller, desk) = school(&app).await;
        named(&app, desk, ("赵一", 2), ("周师", &far)).await;
        let org = caller.all("/api/institutions").await[0]["id"].as_str().unwrap().to_owned();
        let row = |child: &str, serial: u32, keeper: &str, relation: &str, paper: &str| {
            let own = number("20170203", serial);
            format!("{SCHOOL},{child},居民身份证,{own},,小学,2024,1班,{keeper},{relation},护照,{paper},13900000001\n")
        };
        let guardians = async || caller.get(&format!("/api/institutions/{org}/counts")).await.body["guardians"].clone();
        let relations = "SELECT g.relation FROM guardianship g JOIN person p ON p.id = g.guardian_id WHERE p.name = '周师'";
        let before = text(&app, relations).await;
        let hers = county::desk(&app, desk, &row("赵一", 2, "周师", "父亲", "E12345678")).await;
        let nobodys = county::desk(&app, desk, &row("赵一", 2, "周某", "父亲", "E12345679")).await;
        assert_eq!(hers, nobodys);
        assert_eq!(hers["unchanged"], 0, "{hers}");
        assert_eq!(text(&app, relations).await, before, "what is recorded of her is as it was");
        let again = county::desk(&app, desk, &row("赵一", 2, "周师", "父亲", "E12345678")).await;
        assert_eq!(again["unchanged"], 1, "said again, it is nothing new: {again}");
        // Of two children, each by another of her papers: as two people.
        let of = guardians().await.as_u64().unwrap();
        county::desk(&app, desk, &row("赵二", 4, "周师", "母亲", "E12345678")).await;
        assert_eq!(guardians().await.as_u64().unwrap(), of + 1, "as of a stranger");
    }

    async fn a_code_is_found_by_the_school_that_holds_the_register(app: TestApp) {
        county::open(&app).await;
        let (own, code) = (number("20170203", 2), "L320102201809010042");
        let row = pupil(SCHOOL, "赵一", &own, None).replace(&format!("居民身份证,{own},,"), &format!("居民身份证,{own},{code},"));
        pupils(&app, &[row]).await;
        let child = called(&app, "赵一").await[0];
        let name = PersonName::parse("赵一").unwrap();
        let seat = app.app.ask_to_borrow(&app.operator(), OPERATOR, child, OTHER, &name, None).await.unwrap();
        app.app.decide_claim(&app.operator(), OPERATOR, seat.id, Verdict::Confirm).await.unwrap();
        let sits = county::administrator(&app, 22, OTHER, AdminRole::School).await;
        let (holds, sits) = (school(&app).await.0, app.at_api_as(sits, COUNTY).await);
        let found = async |caller: &Caller| {
            let answer = caller.post("/api/persons/search", &json!({ "personal_code": code })).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.body["items"].as_array().unwrap().len()
        };
        assert_eq!((found(&holds).await, found(&sits).await), (1, 0));
    }
}
