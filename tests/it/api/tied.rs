//! Whoever ties somebody to her own institution by a word that nobody looked at holds nothing of her (ruling R1): neither her
//! account, nor her record, nor what she is.

use mingji::app::Kind;
use mingji::app::institution_life::Split;
use mingji::app::person_change::Changed;
use mingji::app::relation_claim::{Decider, Verdict};
use mingji::app::staff_life::Order;
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::staff::StaffState;
use mingji::domain::registry::document::{Document, DocumentLabel};
use mingji::domain::registry::institution::InstitutionKind;
use mingji::domain::registry::institution_life::ChangeKind;
use mingji::domain::registry::name::PersonName;
use mingji::domain::registry::personal_code::PersonalCode;
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
        ("post", json!({ "step": { "return": { "org": SCHOOL } } })),
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

    /// A colleague is given the number, or the 学籍号, of somebody whom only the desk's own row ties to it.
    async fn nor_by_a_case_about_her(app: TestApp) {
        county::open(&app).await;
        let (hers, code) = (number("19800203", 2), "L320102199609010042");
        let colleagues = ["甲同事", "乙同事", "丙同事"];
        let row = |(n, name): (usize, &&str)| teacher(SCHOOL, name, &number("19800203", 4 + 2 * u32::try_from(n).unwrap()));
        teachers(&app, &colleagues.iter().enumerate().map(row).collect::<Vec<_>>()).await;
        teachers(&app, &[teacher(SCHOOL, "陈静", &hers)]).await;
        let gone = called(&app, "陈静").await[0];
        app.app.record_personal_code(&app.operator(), OPERATOR, gone, &PersonalCode::parse(code).unwrap()).await.unwrap();
        leaves(&app, gone).await;
        let (caller, desk) = school(&app).await;
        named(&app, desk, ("王芳", 4), ("陈静", &hers)).await;
        let paper = json!({ "label": "居民身份证", "number": hers });
        let mut cases = Vec::new();
        for (name, what, body) in [(colleagues[0], "documents", paper), (colleagues[1], "personal-code", json!({ "code": code }))] {
            let colleague = called(&app, name).await[0];
            let told = caller.post(&format!("/api/persons/{colleague}/{what}"), &body).await;
            assert_eq!((told.status, &told.body["result"]), (200, &json!("case")), "{told:?}");
            cases.push(told.body["case_id"].as_str().unwrap().to_owned());
        }
        let unassigned = "SELECT CAST(COUNT(*) AS TEXT) FROM conflict_case WHERE org_id IS NULL";
        assert_eq!(text(&app, unassigned).await, "2", "the operator's from the beginning");
        // One that somebody else opened lies with the school by what it said of her.
        let third = called(&app, colleagues[2]).await[0];
        let opened = app.app.record_document(&app.operator(), OPERATOR, third, &county::document(&hers)).await.unwrap();
        let Changed::Case(opened) = opened else { panic!("{opened:?}") };
        cases.push(opened.to_string());
        assert_eq!(text(&app, unassigned).await, "2");
        assert_eq!(caller.all("/api/cases").await, Vec::<Value>::new());
        let missing = json!("the case was not found");
        for case in &cases {
            let seen = caller.get(&format!("/api/cases/{case}")).await;
            assert_eq!((seen.status, &seen.body["detail"]), (404, &missing), "{seen:?}");
            for decision in ["same_person", "two_people", "typing_error"] {
                let verdict = json!({ "decision": decision, "reason": "同一人，两次录入" });
                let decided = caller.post(&format!("/api/cases/{case}/decision"), &verdict).await;
                assert_eq!((decided.status, &decided.body["detail"]), (404, &missing), "{decided:?}");
            }
        }
        assert_eq!(caller.post(&format!("/api/persons/{gone}/activation-code"), &json!({})).await.status, 404);
        // Once somebody looked at it she is the school's, and so is the case that lies there.
        looks_at_it(&app).await;
        assert_eq!(caller.get(&format!("/api/cases/{}", cases[2])).await.status, 200);
        assert_eq!(caller.get(&format!("/api/cases/{}", cases[0])).await.status, 404);
    }

    /// She was named while she worked there, by a row and by hand: nobody was asked, and nobody looked at it since.
    async fn who_was_named_before_she_left_is_held_no_more(app: TestApp) {
        county::open(&app).await;
        let papers = [number("19800203", 2), number("19800203", 6)];
        teachers(&app, &[teacher(SCHOOL, "陈静", &papers[0]), teacher(SCHOOL, "何静", &papers[1]), teacher(SCHOOL, "同事", &number("19800203", 4))]).await;
        let colleague = called(&app, "同事").await[0];
        let (caller, desk) = school(&app).await;
        let child = named(&app, desk, ("王芳", 4), ("陈静", &papers[0])).await;
        let by_hand = called(&app, "何静").await[0];
        let add = json!({ "guardian_id": by_hand, "step": { "add": { "relation": "51" } } });
        assert_eq!(caller.post(&format!("/api/persons/{child}/guardians"), &add).await.status, 200);
        let words = async || app.app.pending_claims(&app.operator(), OPERATOR, COUNTY, None).await.unwrap().len();
        assert_eq!(words().await, 0);
        // Whom its row brought into the register, and who worked elsewhere alone, is as she was.
        let mother = number("19800203", 8);
        let hers = named(&app, desk, ("赵芳", 6), ("赵母", &mother)).await;
        teachers(&app, &[teacher(OTHER, "赵母", &mother)]).await;
        leaves(&app, called(&app, "赵母").await[0]).await;
        assert_eq!(words().await, 0, "of {hers}");
        for (n, name) in ["陈静", "何静"].into_iter().enumerate() {
            let gone = called(&app, name).await[0];
            app.app.set_password(&app.operator(), gone, "an old sentence of mine".to_owned().into()).await.unwrap();
            leaves(&app, gone).await;
            assert_eq!((status(&app, name).await.as_str(), words().await), ("confirmed", n + 1));
            let nobody = everything(&caller, NOBODY, colleague, child).await;
            assert_eq!(everything(&caller, &gone.to_string(), colleague, child).await, nobody, "{name}");
        }
        // The next file of the school says what it said, and nothing more.
        let report = county::desk(&app, desk, &pupil(SCHOOL, "王芳", &number("20170203", 4), Some(("陈静", &papers[0])))).await;
        assert_eq!((&report["unchanged"], words().await), (&json!(1), 2), "{report}");
        looks_at_it(&app).await;
        let code = format!("/api/persons/{}/activation-code", called(&app, "陈静").await[0]);
        assert_eq!(caller.post(&code, &json!({})).await.status, 200, "once somebody looked at it");
    }

    /// Whoever left comes back by the word of the institution where she was last while her account is nobody's, and else by who stands
    /// above it.
    async fn who_left_comes_back_with_all_of_her_only_by_who_stands_above(app: TestApp) {
        county::open(&app).await;
        let names = ["从未激活", "自己的号", "后在别校"];
        let row = |(n, name): (usize, &&str)| teacher(SCHOOL, name, &number("19800203", 2 + 2 * u32::try_from(n).unwrap()));
        teachers(&app, &names.iter().enumerate().map(row).collect::<Vec<_>>()).await;
        let [fresh, used, elsewhere] = [called(&app, names[0]).await[0], called(&app, names[1]).await[0], called(&app, names[2]).await[0]];
        app.app.set_password(&app.operator(), used, "an old sentence of mine".to_owned().into()).await.unwrap();
        for person in [fresh, used, elsewhere] {
            leaves(&app, person).await;
        }
        app.pass(std::time::Duration::from_secs(86_400));
        teachers(&app, &[teacher(OTHER, names[2], &number("19800203", 6))]).await;
        app.pass(std::time::Duration::from_secs(86_400));
        leaves(&app, elsewhere).await;
        let keeper = county::administrator(&app, 24, SCHOOL, AdminRole::SchoolRoster).await;
        let head = county::administrator(&app, 26, COUNTY, AdminRole::County).await;
        let (school, keeper) = (school(&app).await.0, app.at_api_as(keeper, COUNTY).await);
        let county = app.at_api_as(head, COUNTY).await;
        let returns = async |caller: &Caller, person: PersonId| {
            let step = json!({ "step": { "return": { "org": SCHOOL } } });
            caller.post(&format!("/api/persons/{person}/post"), &step).await.status
        };
        for person in [used, elsewhere] {
            assert_eq!((returns(&keeper, person).await, returns(&school, person).await), (404, 404));
            assert_eq!(school.post(&format!("/api/persons/{person}/activation-code"), &json!({})).await.status, 404);
        }
        assert_eq!((returns(&county, elsewhere).await, returns(&county, used).await), (404, 200));
        assert_eq!(returns(&keeper, fresh).await, 200);
    }

    /// The other school had named her too, and waits, or was told no, when it takes the first one over.
    async fn a_word_goes_before_what_its_heir_had_asked(app: TestApp) {
        county::import_all(&app, &format!("{INSTITUTIONS}{FAR_COUNTY}")).await;
        let papers = [number("19850101", 900), number("19850101", 902)];
        teachers(&app, &[teacher(FAR, "周师", &papers[0]), teacher(FAR, "吴师", &papers[1])]).await;
        let desk = school(&app).await.1;
        let heir = county::administrator(&app, 24, OTHER, AdminRole::School).await;
        for (child, serial, name, paper) in [("赵一", 2, "周师", &papers[0]), ("赵二", 4, "吴师", &papers[1])] {
            named(&app, desk, (child, serial), (name, paper)).await;
            county::desk(&app, heir, &pupil(OTHER, child, &number("20170203", serial), Some((name, paper)))).await;
        }
        let guardians = async || {
            let waiting = app.app.pending_claims(&app.operator(), OPERATOR, COUNTY, None).await.unwrap();
            waiting.into_iter().filter(|claim| claim.kind == "guardian").collect::<Vec<_>>()
        };
        let asked = guardians().await;
        assert_eq!(asked.len(), 4, "two words in force, and two that wait");
        let no = asked.iter().find(|claim| claim.name == "吴师" && !claim.in_force).unwrap().id;
        let verdict = Verdict::Reject(Some("不是监护人".into()));
        app.app.decide_claim(&app.operator(), OPERATOR, no, verdict).await.unwrap();
        app.app.hand_over_institution(&app.operator(), OPERATOR, SCHOOL, OTHER, ChangeKind::Merged, &mut Silent).await.unwrap();
        let caller = app.at_api_as(heir, COUNTY).await;
        let seen = async || {
            let mut all = Vec::new();
            for name in ["周师", "吴师"] {
                all.push(caller.get(&format!("/api/persons/{}", called(&app, name).await[0])).await.status);
            }
            all
        };
        let hidden = async |when: &str| {
            assert_eq!(seen().await, [404, 404], "{when}");
            assert_eq!(guardians().await.iter().filter(|claim| claim.in_force).count(), 2, "{when}: somebody is to look at it");
        };
        hidden("merged").await;
        // As 0049 left it: the words with the school that is no more, and what the heir asked beside them.
        let old = "(SELECT id FROM institution WHERE name = '第七实验小学')";
        let word = "kind = 'guardian' AND state = 'confirmed' AND claimed_by IS NOT NULL AND decided_by IS NULL";
        change(&app.database.url, &format!("UPDATE relation_claim SET org_id = {old} WHERE {word}")).await;
        change(&app.database.url, "UPDATE relation_claim SET state = 'pending', decided_at = NULL WHERE kind = 'guardian' AND state = 'withdrawn'").await;
        assert_eq!(seen().await, [200, 200]);
        let [lite, pg] = [include_str!("../../../migrations/sqlite/0050_words_before_questions.sql"), include_str!("../../../migrations/postgres/0050_words_before_questions.sql")];
        assert!(lite == pg, "one text for both engines");
        for statement in lite.split(";\n").filter(|statement| !statement.trim().is_empty()) {
            change(&app.database.url, statement).await;
        }
        hidden("as of before").await;
    }

    /// A desk names somebody twice, of a pupil of the school and of one of its campus, and its secretary is to find the one by the other.
    async fn two_words_of_one_house_are_not_each_other_s_other_side(app: TestApp) {
        county::open(&app).await;
        let campus = opening("2132000792", "西校区", InstitutionKind::Campus, None);
        app.app.open_institution_under(&app.operator(), OPERATOR, Some(SCHOOL.into()), &campus).await.unwrap();
        let hers = number("19800203", 2);
        teachers(&app, &[teacher(SCHOOL, "陈静", &hers)]).await;
        leaves(&app, called(&app, "陈静").await[0]).await;
        let desk = school(&app).await.1;
        let keeper = Decider::Admin(county::administrator(&app, 24, SCHOOL, AdminRole::SchoolRoster).await);
        named(&app, desk, ("王芳", 4), ("陈静", &hers)).await;
        county::desk(&app, desk, &pupil("2132000792", "李芳", &number("20170203", 6), Some(("陈静", &hers)))).await;
        let words = app.app.pending_claims(&app.operator(), OPERATOR, COUNTY, None).await.unwrap();
        assert_eq!(words.iter().filter(|claim| claim.in_force).count(), 2, "{words:?}");
        assert!(app.app.pending_claims(&app.operator(), keeper, SCHOOL, None).await.unwrap().is_empty());
        for word in words {
            let told = app.app.decide_claim(&app.operator(), keeper, word.id, Verdict::Confirm).await;
            assert_eq!(told.unwrap_err().kind, Kind::NotFound);
        }
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
