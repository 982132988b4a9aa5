//! Death, merges, erasure and imports end what rested on what they changed, in the same transaction.

use std::time::Duration;

use mingji::app::person_change::Changed;
use mingji::app::relation_claim::Decider;
use mingji::app::staff_life::Order;
use mingji::app::student_life::{self, Whose};
use mingji::app::{Kind, guardian_life};
use mingji::domain::access::TaskName;
use mingji::domain::id::PersonId;
use mingji::domain::oidc::scope::ScopeSet;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::relation::Relation;
use mingji::domain::registry::codes::staff::{StaffPost, StaffState};
use mingji::domain::registry::guardianship::Evidence;
use mingji::domain::time::Clock as _;
use serde_json::json;

use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, OTHER, SCHOOL, called, number, pupil, teacher, text};
use crate::support::database::change;
use crate::support::visitor::Visitor;

const OPERATOR: Decider = Decider::Operator;
const WHY: &str = "同一人，两次录入";

async fn merge(app: &TestApp, survivor: PersonId, absorbed: PersonId) {
    app.app.merge_persons(&app.operator(), OPERATOR, survivor, absorbed, WHY).await.unwrap();
}

/// How many receipts and grants of others are alive that a guardian's word stands behind.
async fn rests(app: &TestApp) -> String {
    let receipts = "SELECT CAST(COUNT(*) AS TEXT) FROM consent WHERE withdrawn_at IS NULL AND given_by <> person_id";
    let as_guardian = "SELECT CAST(COUNT(*) AS TEXT) FROM oidc_grant g JOIN guardianship k ON k.id = g.identity_id WHERE g.revoked_at IS NULL";
    format!("{} {}", text(app, receipts).await, text(app, as_guardian).await)
}

/// A vendor that the father agreed to for his child, and where both signed in: the child, and he as her father.
async fn agreed(app: &TestApp) -> (crate::support::relying_party::RelyingParty, String) {
    let vendor = app.client("vendor");
    let (child, father) = (app.person("child_under14").person_id, app.person("guardian_of_two").person_id);
    change(&app.database.url, "UPDATE consent SET withdrawn_at = 1 WHERE given_by <> person_id").await;
    let scope = ScopeSet::parse("openid profile edu edu.guardian");
    app.app.record_guardian_consent(&app.operator(), child, father, &vendor.id, &scope).await.unwrap();
    let tokens = app.child().sign_in(&vendor).await;
    assert_eq!(vendor.userinfo(&tokens.access()).await.status, 200);
    // As the father of each of his two.
    for identity in 0..2 {
        Visitor { identity, ..app.visitor("guardian_of_two") }.sign_in(&app.client("platform_a")).await;
    }
    let access = tokens.access();
    assert_eq!(rests(app).await, "1 2");
    (vendor, access)
}

both_engines! {
    async fn with_a_guardian_ends_what_she_agreed_to(app: TestApp) {
        let (vendor, access) = agreed(&app).await;
        let father = app.person("guardian_of_two").person_id;
        let today = app.clock.now().shanghai_date();
        app.app.record_death(&app.operator(), OPERATOR, father, today).await.unwrap();
        assert_eq!(rests(&app).await, "0 0");
        assert_eq!(vendor.userinfo(&access).await.status, 401);
        let held = "SELECT CAST(COUNT(*) AS TEXT) FROM oidc_grant WHERE revoke_reason = 'guardian withdrew'";
        assert_eq!(text(&app, held).await, "1", "what the vendor held of the child is over, not only refused");
    }

    async fn a_court_s_order_reaches_what_the_other_record_agreed_to(app: TestApp) {
        let (vendor, access) = agreed(&app).await;
        let (father, barred) = (app.person("guardian_of_two").person_id, app.person("full_claims").person_id);
        let child = app.person("child_under14").person_id;
        let school: PersonId = text(&app, if app.database.url.starts_with("sqlite") {
            "SELECT lower(hex(recorded_org_id)) FROM guardianship WHERE recorded_org_id IS NOT NULL LIMIT 1"
        } else {
            "SELECT CAST(recorded_org_id AS TEXT) FROM guardianship WHERE recorded_org_id IS NOT NULL LIMIT 1"
        }).await.parse().unwrap();
        let school = mingji::domain::id::OrgId(school.0);
        app.app.confirm_guardian(&app.operator(), TaskName::DemoSeed, child, barred, Relation::Father, school).await.unwrap();
        let order = "UPDATE guardianship SET restrictions = '[\"custody\"]' WHERE guardian_id = (SELECT person_id FROM account WHERE user_name = '";
        change(&app.database.url, &format!("{order}{}')", app.person("full_claims").user_name)).await;
        merge(&app, barred, father).await;
        let mine = "SELECT CAST(COUNT(*) AS TEXT) FROM consent c JOIN person p ON p.id = c.person_id WHERE c.withdrawn_at IS NULL AND c.given_by <> c.person_id";
        assert_eq!(text(&app, mine).await, "0");
        assert_eq!(vendor.userinfo(&access).await.status, 401);
        assert_eq!(rests(&app).await, "0 1", "nor does he go on as her father; the other's he stays");
    }

    async fn the_sessions_of_two_live_as_an_administrator_s_when_one_is_one(app: TestApp) {
        county::open(&app).await;
        let admin = county::administrator(&app, 20, SCHOOL, AdminRole::School).await;
        let mut teacher = app.teacher();
        teacher.sign_in(&app.client("platform_a")).await;
        app.pass(Duration::from_secs(20 * 60));
        merge(&app, app.person("full_claims").person_id, admin).await;
        assert!(teacher.is_signed_in().await);
        app.pass(Duration::from_secs(31 * 60));
        assert!(!teacher.is_signed_in().await, "half an hour unused, as any administrator");
    }

    async fn a_second_post_or_ward_ends_a_code_that_lies_about(app: TestApp) {
        county::open(&app).await;
        let own = |n| number("19850607", n);
        county::teachers(&app, &[teacher(SCHOOL, "陈师", &own(2)), teacher(SCHOOL, "李师", &own(4)), teacher(SCHOOL, "留师", &own(6))]).await;
        let mut codes = Vec::new();
        for name in ["陈师", "李师", "留师"] {
            codes.push(app.app.issue_activation(&app.operator(), called(&app, name).await[0]).await.unwrap().0);
        }
        county::teachers(&app, &[teacher(OTHER, "陈师", &own(2)), teacher(SCHOOL, "留师", &own(6))]).await;
        county::pupils(&app, &[pupil(OTHER, "王芳", &number("20170203", 2), Some(("李师", &own(4))))]).await;
        let mut works = Vec::new();
        for code in &codes {
            works.push(app.app.activate(&app.operator(), code, "a long sentence of mine".into()).await.unwrap().is_ok());
        }
        assert_eq!(works, [false, false, true], "printed when she was less than she is; the third is what she was");
        app.accounted_for().await;
    }

    async fn a_code_that_an_administrator_drew_ends_with_her_right_over_its_person(app: TestApp) {
        county::open(&app).await;
        let own = |n| number("19850607", n);
        let staff = ["陈师", "李师", "赵师", "留师"];
        county::teachers(&app, &staff.iter().zip(1..).map(|(name, n)| teacher(SCHOOL, name, &own(2 * n))).collect::<Vec<_>>()).await;
        let (hers, other) = (number("20170203", 2), number("20170203", 4));
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &hers, Some(("王母", &own(20)))), pupil(OTHER, "李娜", &other, None)]).await;
        let school = Decider::Admin(county::administrator(&app, 20, SCHOOL, AdminRole::School).await);
        let mut codes = Vec::new();
        for name in ["陈师", "李师", "赵师", "王芳", "王母", "留师"] {
            let person = called(&app, name).await[0];
            app.app.set_password(&app.operator(), person, "an old sentence of mine".to_owned().into()).await.unwrap();
            codes.push(app.app.issue_code(&app.operator(), school, person).await.unwrap().code);
        }
        let (chen, li, zhao) = (called(&app, "陈师").await[0], called(&app, "李师").await[0], called(&app, "赵师").await[0]);
        let orders = [
            (chen, Order::Join { org: OTHER.into(), post: StaffPost::Other, staff_no: None }),
            (li, Order::Move { org: None, to: OTHER.into(), post: None }),
        ];
        for (person, order) in orders {
            app.app.change_staff(&app.operator(), OPERATOR, person, None, &order).await.unwrap();
        }
        let aunt = guardian_life::Order::Add { relation: Relation::MotherSister, legal: None, evidence: Evidence::Document, institution: None };
        app.app.change_guardian(&app.operator(), OPERATOR, called(&app, "李娜").await[0], zhao, &aunt).await.unwrap();
        county::pupils(&app, &[pupil(OTHER, "王芳", &hers, None)]).await;
        let claim = app.app.pending_claims(&app.operator(), OPERATOR, OTHER, None).await.unwrap()[0].id;
        app.app.decide_claim(&app.operator(), OPERATOR, claim, mingji::app::relation_claim::Verdict::Confirm).await.unwrap();
        let mut works = Vec::new();
        for code in &codes {
            works.push(app.app.activate(&app.operator(), code, "a long sentence of mine".to_owned().into()).await.unwrap().is_ok());
        }
        assert_eq!(works, [false, false, false, false, false, true], "two posts, a ward, a transfer with her mother; and who stayed");
    }

    async fn a_death_of_the_wrong_person_is_taken_back(app: TestApp) {
        county::open(&app).await;
        let (hers, own) = (number("20170203", 2), number("19850607", 4));
        county::teachers(&app, &[teacher(SCHOOL, "王母", &own)]).await;
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &hers, Some(("王母", &own)))]).await;
        let (child, mother) = (called(&app, "王芳").await[0], called(&app, "王母").await[0]);
        let state = "SELECT p.name || ' ' || p.status || ' ' || a.state FROM person p JOIN account a ON a.person_id = p.id WHERE p.name IN ('王芳', '王母') ORDER BY p.birth_date";
        let stands = "SELECT 'stay ' || e.state FROM enrolment e JOIN person p ON p.id = e.person_id WHERE e.valid_to IS NULL AND p.name = '王芳' UNION ALL SELECT 'post ' || s.state FROM staffing s JOIN person p ON p.id = s.person_id WHERE s.valid_to IS NULL AND p.name = '王母'
            UNION ALL SELECT 'ward ' || status FROM guardianship WHERE valid_to IS NULL AND guardian_id = (SELECT id FROM person WHERE name = '王母') ORDER BY 1";
        let before = text(&app, stands).await;
        assert_eq!(before.split(',').count(), 3, "{before}");
        app.pass(Duration::from_secs(10 * 86_400));
        let today = app.clock.now().shanghai_date();
        let back = async |who, why: &str| app.app.take_death_back(&app.operator(), who, why).await.map_err(|error| error.kind);
        assert_eq!(back(mother, "同名误录").await, Err(Kind::Conflict), "she lives");
        for who in [mother, child] {
            app.app.record_death(&app.operator(), OPERATOR, who, today.pred_opt().unwrap()).await.unwrap();
            app.pass(Duration::from_secs(60));
        }
        assert_eq!(text(&app, stands).await, "");
        app.pass(Duration::from_secs(3 * 86_400));
        assert_eq!(back(mother, " ").await, Err(Kind::Invalid));
        for who in [child, mother] {
            assert_eq!(back(who, "同名误录").await, Ok(Changed::Done));
        }
        assert_eq!(text(&app, state).await, "王母 active inactive,王芳 active inactive");
        assert_eq!(text(&app, stands).await, before);
        let report = county::pupils(&app, &[pupil(SCHOOL, "王芳", &hers, Some(("王母", &own)))]).await;
        assert_eq!((report.unchanged, report.errors.len()), (1, 0), "she is whom the next row means: {report:?}");
        while app.app.number_pending().await.unwrap() > 0 {}
        assert!(app.app.verify_audit(&[]).await.unwrap().holds);
        // Not for ever, and of nobody who was erased.
        app.app.record_death(&app.operator(), OPERATOR, mother, app.clock.now().shanghai_date()).await.unwrap();
        app.pass(Duration::from_secs(91 * 86_400));
        assert_eq!(back(mother, "同名误录").await, Err(Kind::Conflict));
        assert_eq!(text(&app, "SELECT status FROM person WHERE name = '王母'").await, "deceased");
        app.accounted_for().await;
    }

    async fn whoever_is_not_dead_is_what_she_was_and_no_old_slip_opens_her_account(app: TestApp) {
        county::open(&app).await;
        let own = number("19650607", 4);
        county::teachers(&app, &[teacher(SCHOOL, "陈师", &own)]).await;
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &number("20170203", 2), None)]).await;
        let (child, old) = (called(&app, "王芳").await[0], called(&app, "陈师").await[0]);
        app.pass(Duration::from_secs(10 * 86_400));
        let retires = Order::Leave { org: None, state: StaffState::Retired };
        for order in [retires, Order::Return { org: SCHOOL.into(), post: None }] {
            app.app.change_staff(&app.operator(), OPERATOR, old, None, &order).await.unwrap();
        }
        let away = Whose { person: child, org: None, day: None, code: None };
        app.app.change_student(&app.operator(), OPERATOR, &away, &student_life::Order::Suspend).await.unwrap();
        let states = "SELECT 'stay ' || e.state || ' ' || COALESCE(e.valid_to, '') FROM enrolment e JOIN person p ON p.id = e.person_id WHERE p.name = '王芳' UNION ALL SELECT 'post ' || s.state || ' ' || COALESCE(s.valid_to, '') FROM staffing s JOIN person p ON p.id = s.person_id WHERE p.name = '陈师' ORDER BY 1";
        let before = text(&app, states).await;
        let today = app.clock.now().shanghai_date();
        for who in [child, old] {
            let (code, _) = app.app.issue_activation(&app.operator(), who).await.unwrap();
            app.app.record_death(&app.operator(), OPERATOR, who, today).await.unwrap();
            let opens = async || app.app.activate(&app.operator(), &code, "a long sentence of mine".to_owned().into()).await.unwrap().is_ok();
            assert!(!opens().await, "nobody has a password for the dead");
            app.app.take_death_back(&app.operator(), who, "同名误录").await.unwrap();
            assert!(!opens().await, "she waits for a new code");
        }
        assert_eq!(text(&app, states).await, before, "休学 and 返聘, as it was");
    }

    async fn two_dead_records_of_whoever_asked_to_be_erased_stay_two_until_it_is_done(app: TestApp) {
        county::open(&app).await;
        let today = app.clock.now().shanghai_date();
        for n in [2, 4] {
            county::pupils(&app, &[pupil(SCHOOL, "王芳", &number("20170203", n), None)]).await;
        }
        let [one, other] = called(&app, "王芳").await[..] else { panic!("two records") };
        for who in [one, other] {
            app.app.record_death(&app.operator(), OPERATOR, who, today).await.unwrap();
        }
        let asked = "INSERT INTO erasure_request (id, person_id, asked_by, asked_at, state, version) SELECT p.space_id, p.id, p.id, 1, 'waiting', 1 FROM person p WHERE p.id = (SELECT MAX(CAST(q.id AS TEXT)) FROM person q WHERE q.name = '王芳')";
        let asked = if app.database.url.starts_with("sqlite") { asked.replace("MAX(CAST(q.id AS TEXT))", "MAX(q.id)") } else { asked.replace("p.id = (", "CAST(p.id AS TEXT) = (") };
        change(&app.database.url, &asked).await;
        let refused = app.app.merge_persons(&app.operator(), OPERATOR, one, other, WHY).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Conflict, "{refused}");
        change(&app.database.url, "UPDATE erasure_request SET state = 'withdrawn', ended_at = 2").await;
        merge(&app, one, other).await;
    }

    async fn of_what_was_claimed_of_her_nothing_is_left(app: TestApp) {
        county::open(&app).await;
        let (hers, code) = (number("20170203", 2), "L320102201809010042");
        let coded = |school: &str| pupil(school, "王芳", &hers, None).replace(&format!("{hers},,"), &format!("{hers},{code},"));
        county::pupils(&app, &[coded(SCHOOL)]).await;
        let admin = county::administrator(&app, 20, OTHER, AdminRole::School).await;
        county::desk(&app, admin, &coded(OTHER)).await;
        let person = called(&app, "王芳").await[0];
        let claim = app.app.pending_claims(&app.operator(), OPERATOR, OTHER, None).await.unwrap()[0].id;
        let said = mingji::app::relation_claim::Verdict::Reject(Some("查无此人".into()));
        app.app.decide_claim(&app.operator(), OPERATOR, claim, said).await.unwrap();
        county::pupils(&app, &[pupil(SCHOOL, "王方", &hers, None)]).await;
        let today = app.clock.now().shanghai_date();
        app.app.record_death(&app.operator(), OPERATOR, person, today).await.unwrap();
        app.app.erase_person(&app.operator(), person).await.unwrap();
        let left = "SELECT CAST(COUNT(*) AS TEXT) FROM relation_claim r JOIN person p ON p.id = r.person_id WHERE p.salt IS NULL
            AND (r.name IS NOT NULL OR r.document_index IS NOT NULL OR r.code_index IS NOT NULL OR CAST(r.details AS TEXT) <> '{}' OR r.reason IS NOT NULL OR r.state IN ('pending', 'rejected'))";
        assert_eq!(text(&app, left).await, "0");
        let keys = "SELECT CAST(COUNT(*) AS TEXT) FROM relation_claim r JOIN identity_document d ON d.person_id = r.person_id AND d.number_index = r.subject_key";
        assert_eq!(text(&app, keys).await, "0", "the index stands in one place");
        let cases = "SELECT CAST(COUNT(*) AS TEXT) FROM conflict_case k JOIN person p ON p.id = k.person_id WHERE p.salt IS NULL AND (k.state = 'open' OR k.subject_key IS NOT NULL OR k.reason IS NOT NULL)";
        assert_eq!(text(&app, cases).await, "0");
    }

    async fn a_reason_is_words_wherever_one_is_kept(app: TestApp) {
        county::open(&app).await;
        let own = |n| number("20170203", n);
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &own(2), None), pupil(SCHOOL, "王方", &own(4), None)]).await;
        let (one, other) = (called(&app, "王芳").await[0], called(&app, "王方").await[0]);
        for number in ["320102 20170203 0027", "３２０１０２２０１７０２０３００２７", "一三九〇〇〇〇〇〇〇一", "139-0000-0001"] {
            let reason = format!("证件 {number}");
            let refused = app.app.merge_persons(&app.operator(), OPERATOR, one, other, &reason).await.unwrap_err();
            assert_eq!(refused.kind, Kind::Invalid, "{number}");
            assert!(refused.public.contains("however written") && !refused.public.contains("320102"), "{refused}");
        }
        merge(&app, one, other).await;
    }

    async fn everything_known_of_somebody_is_told(app: TestApp) {
        county::open(&app).await;
        let (hers, keeper) = (number("20170203", 2), number("19850607", 2));
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &hers, Some(("李母", &keeper)))]).await;
        county::teachers(&app, &[teacher(SCHOOL, "李母", &keeper)]).await;
        let (child, mother) = (called(&app, "王芳").await[0], called(&app, "李母").await[0]);
        app.pass(Duration::from_secs(3 * 24 * 3600));
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &hers, None).replace("1班", "2班")]).await;
        let vendor = app.client("vendor");
        app.app.record_guardian_consent(&app.operator(), child, mother, &vendor.id, &ScopeSet::parse("profile")).await.unwrap();
        change(&app.database.url, "UPDATE contact SET ended_at = 1").await;
        let told = async |who| app.exported(who).await;
        let place = told(child).await["places"][0].clone();
        assert_eq!((&place["class"], &place["before"][0]["class"]), (&"2024级2班".into(), &"2024级1班".into()), "{place}");
        let mothers = told(mother).await;
        let given: Vec<_> = mothers["consents"].as_array().unwrap().iter().filter(|one| one["given_for"] == "王芳").collect();
        assert_eq!(given.len(), 1, "{mothers}");
        assert!(!mothers.to_string().contains(&hers), "the child's number is the child's");
        // What a court took away, and how it was before, is theirs to know.
        for told in [&told(child).await, &mothers] {
            let kin = &told["guardianships"][0];
            assert!(kin["legal"].is_boolean() && kin["rank"] == 1 && kin["verified_by"] == "school" && kin["restrictions"] == json!([]), "{kin}");
            assert!(kin["recorded_by"].is_string() && kin["before"] == json!([]), "{kin}");
            assert!(told["person"]["space"]["id"].is_string(), "{told}");
        }
        let looks = told(child).await["disclosures"].to_string();
        assert!(looks.contains("person.exported"), "whoever made one of her is in her own list: {looks}");
        let contact = &mothers["contacts"][0];
        assert!(contact["holds"] == false && contact["value"].is_string(), "{contact}");
        let post = mothers["places"].as_array().unwrap().iter().find(|place| place["as"] == "staff").unwrap().clone();
        assert_eq!(post["taught"].as_array().unwrap().len(), 1, "{post}");
    }
}
