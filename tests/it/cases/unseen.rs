//! What a desk says of people whom it does not see (ruling R1): whoever covers both sides has the case, the claim is answered
//! with it, and the desk hears what it hears of anybody.

use mingji::app::Kind;
use mingji::app::relation_claim::{Decider, PendingClaim, Verdict};
use mingji::domain::access::TaskName;
use mingji::domain::registry::case::Decision;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::personal_code::PersonalCode;

use super::{OPERATOR, decide, ids, newcomer, open_count};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, OTHER, SCHOOL, administrator, called, number, pupil, text};

async fn waiting(app: &TestApp, by: Decider, org: &str) -> Vec<PendingClaim> {
    app.app.pending_claims(&app.operator(), by, org, None).await.unwrap()
}

/// What became of every request for a student, by the name that its row gave.
async fn requests(app: &TestApp) -> String {
    let sql = "SELECT name || ' ' || kind || ' ' || state || CASE WHEN differs THEN ' differs' ELSE '' END FROM relation_claim ORDER BY name, kind";
    text(app, sql).await
}

/// The name of whoever holds a number today.
async fn holders(app: &TestApp) -> String {
    text(app, "SELECT p.name FROM identity_document d JOIN person p ON p.id = d.person_id WHERE d.status = 'active' AND p.birth_date = '2017-02-03' ORDER BY p.name").await
}

fn coded(school: &str, name: &str, number: &str, code: &str) -> String {
    pupil(school, name, number, None)
        .replace(&format!("居民身份证,{number},,"), &format!("居民身份证,{number},{code},"))
}

both_engines! {
    /// A school mistyped a number, and the school of its true holder brings her in.
    async fn a_number_that_another_school_mistyped_comes_free(app: TestApp) {
        county::open(&app).await;
        let disputed = number("20170203", 2);
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &disputed, None)]).await;
        let desk = administrator(&app, 20, OTHER, AdminRole::School).await;
        let holding = Decider::Admin(administrator(&app, 22, SCHOOL, AdminRole::School).await);
        let above = Decider::Admin(administrator(&app, 24, COUNTY, AdminRole::County).await);
        let row = pupil(OTHER, "李娜", &disputed, None);
        let known = county::desk(&app, desk, &row).await;
        assert_eq!(known, county::desk(&app, desk, &pupil(OTHER, "赵敏", &number("20170203", 4), None)).await, "the answer reads the same");
        let by = Decider::Admin(desk);
        for side in [by, holding] {
            assert!(ids(&app, side, None).await.is_empty(), "one side is no judge");
        }
        let hers = waiting(&app, by, OTHER).await;
        assert_eq!(hers.iter().map(|claim| (claim.conflict, claim.held_by.is_some())).collect::<Vec<_>>(), [(false, false)]);
        let seen = waiting(&app, above, COUNTY).await;
        assert_eq!(seen.iter().map(|claim| claim.conflict).collect::<Vec<_>>(), [true], "whoever covers both is told");
        let [case] = ids(&app, above, None).await[..] else { panic!("one case") };
        county::desk(&app, desk, &row).await;
        assert_eq!(ids(&app, above, None).await, [case], "said again, it opens no other");
        assert_eq!(decide(&app, above, case, Decision::TwoPeople).await, Ok("withdrawn"));
        assert_eq!(requests(&app).await, "李娜 student withdrawn differs");
        county::desk(&app, desk, &row).await;
        assert_eq!(holders(&app).await, "李娜,赵敏");
        assert_eq!(called(&app, "王芳").await.len(), 1, "she stays, without the number");
        assert!(waiting(&app, OPERATOR, COUNTY).await.is_empty());
    }

    async fn a_claim_is_answered_with_its_case(app: TestApp) {
        county::open(&app).await;
        let numbers = [2, 4].map(|serial| number("20170203", serial));
        county::pupils(&app, &[pupil(SCHOOL, "王甲", &numbers[0], None), pupil(SCHOOL, "王乙", &numbers[1], None)]).await;
        let desk = administrator(&app, 20, OTHER, AdminRole::School).await;
        let holding = Decider::Admin(administrator(&app, 22, SCHOOL, AdminRole::School).await);
        let keeper = number("19850203", 6);
        let rows = [pupil(OTHER, "李甲", &numbers[0], Some(("李母", &keeper))), pupil(OTHER, "李乙", &numbers[1], None)];
        for row in &rows {
            county::desk(&app, desk, row).await;
        }
        let listed = app.app.open_cases(&app.operator(), OPERATOR, None, None).await.unwrap();
        let case = |name: &str| listed.iter().find(|case| case.name == name).unwrap().id;
        assert_eq!(decide(&app, OPERATOR, case("王甲"), Decision::TypingError).await, Ok("nothing"));
        assert_eq!(decide(&app, OPERATOR, case("王乙"), Decision::SamePerson).await, Ok("renamed"));
        assert_eq!(requests(&app).await, "李乙 student pending,李母 guardian rejected,李甲 student rejected differs");
        let [claim] = &waiting(&app, holding, SCHOOL).await[..] else { panic!("an ordinary request by now") };
        assert!(claim.transfer && !claim.conflict, "{claim:?}");
        app.app.decide_claim(&app.operator(), holding, claim.id, Verdict::Confirm).await.unwrap();
        let moved = "SELECT o.name FROM enrolment e JOIN person p ON p.id = e.person_id JOIN institution o ON o.id = e.org_id WHERE p.name = '李乙' AND e.valid_to IS NULL";
        assert_eq!(text(&app, moved).await, "第八实验小学");
        county::desk(&app, desk, &rows[0]).await;
        assert!(waiting(&app, OPERATOR, COUNTY).await.is_empty(), "a rejection answers for a while");
        assert_eq!(open_count(&app, COUNTY).await, 0, "the same facts open none again");
    }

    /// Somebody new with a 学籍号 that another school has given already.
    async fn a_code_of_another_schools_student_is_looked_at(app: TestApp) {
        county::open(&app).await;
        let code = "L320102201809010042";
        county::pupils(&app, &[coded(SCHOOL, "王芳", &number("20170203", 2), code)]).await;
        let desk = administrator(&app, 20, OTHER, AdminRole::School).await;
        let above = Decider::Admin(administrator(&app, 24, COUNTY, AdminRole::County).await);
        county::desk(&app, desk, &coded(OTHER, "李娜", &number("20170203", 4), code)).await;
        assert_eq!(requests(&app).await, "李娜 student pending differs");
        let [case] = ids(&app, above, None).await[..] else { panic!("one case") };
        assert!(ids(&app, Decider::Admin(desk), None).await.is_empty());
        assert_eq!(decide(&app, above, case, Decision::TypingError).await, Ok("nothing"), "she has it not");
        assert_eq!(requests(&app).await, "李娜 student rejected differs");
    }

    /// A desk ties somebody to its own school by naming her as a guardian, and then says that she is called otherwise.
    async fn who_ties_somebody_to_herself_is_no_judge_of_her(app: TestApp) {
        county::open(&app).await;
        let (hers, code) = (number("19800203", 2), "L320102199609010042");
        let mut graduate = newcomer("陈静", &hers);
        graduate.personal_code = Some(PersonalCode::parse(code).unwrap());
        app.app.register_person(&app.operator(), TaskName::DemoSeed, graduate).await.unwrap();
        let desk = administrator(&app, 20, SCHOOL, AdminRole::School).await;
        county::desk(&app, desk, &pupil(SCHOOL, "王芳", &number("20170203", 4), Some(("陈静", &hers)))).await;
        assert_eq!(text(&app, "SELECT g.status FROM guardianship g JOIN person p ON p.id = g.guardian_id WHERE p.name = '陈静'").await, "confirmed");
        county::desk(&app, desk, &coded(SCHOOL, "别名", "", code)).await;
        let [case] = ids(&app, OPERATOR, None).await[..] else { panic!("one case") };
        let by = Decider::Admin(desk);
        assert!(ids(&app, by, None).await.is_empty());
        assert_eq!(app.app.show_case(&app.operator(), by, case).await.unwrap_err().kind, Kind::NotFound);
    }
}
