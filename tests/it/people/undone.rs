//! An undone merge leaves every question open that it had answered, and nothing that lies about stands in its way.

use mingji::app::cases::Verdict;
use mingji::app::pace::Listener;
use mingji::app::person_change::Changed;
use mingji::app::relation_claim::Decider;
use mingji::app::school_year::Wish;
use mingji::app::student_life::{Order, Whose};
use mingji::domain::registry::case::Decision;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::institution_life::ChangeKind;

use crate::support::app::both_engines;
use crate::support::county::{self, OTHER, SCHOOL, called, document, number, pupil, teacher, text};
use crate::support::database::change;

const OPERATOR: Decider = Decider::Operator;
const WHY: &str = "同一人，两次录入";

struct Silent;

impl Listener for Silent {
    fn progress(&mut self, _: u64, _: u64) {}
}

both_engines! {
    async fn nobody_comes_back_to_a_school_or_a_class_that_is_over(app: TestApp) {
        county::open(&app).await;
        for (school, serial) in [(SCHOOL, 2), (SCHOOL, 4), (OTHER, 6), (OTHER, 8)] {
            let row = pupil(school, if school == SCHOOL { "王芳" } else { "李娜" }, &number("20140203", serial), None);
            county::pupils(&app, &[row.replace(",2024,", ",2020,")]).await;
        }
        county::pupils(&app, &[pupil(OTHER, "张三", &number("20170203", 10), None)]).await;
        for serial in [60, 62] {
            county::teachers(&app, &[teacher(SCHOOL, "赵师", &number("19750203", serial))]).await;
        }
        let mut absorbed = Vec::new();
        for name in ["王芳", "李娜", "赵师"] {
            let [one, other] = called(&app, name).await[..] else { panic!("two records") };
            app.app.merge_persons(&app.operator(), OPERATOR, one, other, WHY).await.unwrap();
            absorbed.push(other);
        }
        // One school ends, and a class of the other.
        let wish = Wish { dry: false, open: false };
        app.app.turn_year(&app.operator(), OPERATOR, OTHER, None, wish, &mut Silent).await.unwrap();
        app.app.hand_over_institution(&app.operator(), OPERATOR, SCHOOL, OTHER, ChangeKind::Merged, &mut Silent).await.unwrap();
        for gone in absorbed {
            app.app.undo_merge(&app.operator(), OPERATOR, gone, WHY).await.unwrap();
        }
        let over = "SELECT p.name FROM person p JOIN enrolment e ON e.person_id = p.id JOIN institution o ON o.id = e.org_id WHERE e.valid_to IS NULL AND o.status = 'merged'
            UNION ALL SELECT p.name FROM person p JOIN staffing s ON s.person_id = p.id JOIN institution o ON o.id = s.org_id WHERE s.valid_to IS NULL AND o.status = 'merged'
            UNION ALL SELECT 'lesson' FROM teaching t JOIN staffing s ON s.id = t.staffing_id WHERE t.valid_to IS NULL AND s.valid_to IS NOT NULL";
        assert_eq!(text(&app, over).await, "", "what is over stays over");
        let seat = "SELECT p.name || ' ' || COALESCE(k.status, 'nowhere') FROM person p JOIN enrolment e ON e.person_id = p.id LEFT JOIN class k ON k.id = e.class_id WHERE e.valid_to IS NULL AND p.name = '李娜'";
        assert_eq!(text(&app, seat).await, "李娜 nowhere", "her school stands, and says into which class she comes");
    }

    async fn who_was_held_back_from_a_class_that_was_over_before_sits_there_again(app: TestApp) {
        county::open(&app).await;
        for serial in [6, 8] {
            let row = pupil(OTHER, "李娜", &number("20140203", serial), None);
            county::pupils(&app, &[row.replace(",2024,", ",2020,")]).await;
        }
        let [one, other] = called(&app, "李娜").await[..] else { panic!("two records") };
        for person in [one, other] {
            let whose = Whose { person, org: None, day: None, code: None };
            app.app.change_student(&app.operator(), OPERATOR, &whose, &Order::Suspend).await.unwrap();
        }
        let wish = Wish { dry: false, open: false };
        app.app.turn_year(&app.operator(), OPERATOR, OTHER, None, wish, &mut Silent).await.unwrap();
        app.pass(std::time::Duration::from_secs(10 * 86_400));
        let seats = "SELECT k.status || ' ' || CAST((SELECT COUNT(*) FROM enrolment_slice s WHERE s.enrolment_id = e.id) AS TEXT) FROM enrolment e JOIN class k ON k.id = e.class_id WHERE e.valid_to IS NULL ORDER BY e.id";
        let before = text(&app, seats).await;
        app.app.merge_persons(&app.operator(), OPERATOR, one, other, WHY).await.unwrap();
        app.app.undo_merge(&app.operator(), OPERATOR, other, WHY).await.unwrap();
        assert!(before.matches("graduated").count() == 2, "{before}");
        assert_eq!(text(&app, seats).await, before);
    }

    async fn every_case_that_it_answered_is_open_again(app: TestApp) {
        county::open(&app).await;
        let own = [2, 4].map(|n| number("20170203", n));
        county::pupils(&app, &own.each_ref().map(|number| pupil(SCHOOL, "王芳", number, None))).await;
        let [one, other] = called(&app, "王芳").await[..] else { panic!("two records") };
        app.app.search_cases(&app.operator(), OPERATOR, SCHOOL).await.unwrap();
        // Her own number changes nothing, the other's is a question.
        let mut dispute = None;
        for number in &own {
            match app.app.record_document(&app.operator(), OPERATOR, one, &document(number)).await.unwrap() {
                Changed::Case(id) => dispute = Some(id),
                own => assert!(matches!(own, Changed::Unchanged), "{own:?}"),
            }
        }
        let dispute = dispute.expect("a question about the number");
        let open = async || {
            let mut ids: Vec<_> = app.app.open_cases(&app.operator(), OPERATOR, None, None).await.unwrap().iter().map(|case| case.id).collect();
            ids.sort();
            ids
        };
        let asked = open().await;
        assert_eq!(asked.len(), 2);
        app.app.merge_persons(&app.operator(), OPERATOR, one, other, WHY).await.unwrap();
        assert!(open().await.is_empty(), "both have their answer");
        app.app.undo_merge(&app.operator(), OPERATOR, other, WHY).await.unwrap();
        assert_eq!(open().await, asked);
        let verdict = Verdict { decision: Decision::SamePerson, reason: WHY.into() };
        app.app.decide_case(&app.operator(), OPERATOR, dispute, verdict).await.unwrap();
        assert!(open().await.is_empty());
        // Whoever holds the number in dispute stays.
        app.app.undo_merge(&app.operator(), OPERATOR, one, WHY).await.unwrap();
        assert_eq!(open().await, asked, "the one that was decided and the one that was answered by it");
    }

    async fn an_old_code_of_the_absorbed_account_opens_nothing_and_blocks_nothing(app: TestApp) {
        county::open(&app).await;
        county::teachers(&app, &[2, 4].map(|n| teacher(SCHOOL, "陈师", &number("19850607", n)))).await;
        let [stays, goes] = called(&app, "陈师").await[..] else { panic!("two records") };
        app.app.set_password(&app.operator(), goes, "a long sentence of hers".into()).await.unwrap();
        let code = app.app.issue_activation(&app.operator(), goes).await.unwrap().0;
        app.app.merge_persons(&app.operator(), OPERATOR, stays, goes, WHY).await.unwrap();
        // As an earlier version left it.
        change(&app.database.url, "UPDATE activation SET used_at = NULL").await;
        let used = app.app.activate(&app.operator(), &code, "another sentence of hers".into()).await.unwrap();
        assert!(used.is_err(), "it would give a second way in");
        assert!(app.app.set_password(&app.operator(), goes, "another sentence of hers".into()).await.is_err());
        let set = "INSERT INTO password_credential (account_id, phc, set_at) SELECT id, 'none', 1 FROM account WHERE state = 'merged'";
        change(&app.database.url, set).await;
        app.app.undo_merge(&app.operator(), OPERATOR, goes, WHY).await.unwrap();
        assert_eq!(called(&app, "陈师").await.len(), 2);
    }

    async fn a_case_whose_holder_was_absorbed_is_decided_with_what_was_said(app: TestApp) {
        county::open(&app).await;
        let [disputed, second, third] = [2, 4, 6].map(|n| number("20170203", n));
        county::pupils(&app, &[pupil(SCHOOL, "李娜", &disputed, None), pupil(SCHOOL, "李娜", &second, None)]).await;
        county::pupils(&app, &[pupil(OTHER, "王芳", &third, None)]).await;
        let [holder, survivor] = called(&app, "李娜").await[..] else { panic!("two records") };
        let hers = called(&app, "王芳").await[0];
        let asked = app.app.record_document(&app.operator(), OPERATOR, hers, &document(&disputed)).await.unwrap();
        let Changed::Case(case) = asked else { panic!("the number is taken: {asked:?}") };
        app.app.merge_persons(&app.operator(), OPERATOR, survivor, holder, WHY).await.unwrap();
        let verdict = Verdict { decision: Decision::TwoPeople, reason: "原证件号录错".into() };
        let decided = app.app.decide_case(&app.operator(), OPERATOR, case, verdict).await.unwrap();
        assert_eq!(decided.done, "withdrawn and given");
        let holds = "SELECT p.name FROM identity_document d JOIN person p ON p.id = d.person_id WHERE d.status = 'active' ORDER BY d.created_at DESC LIMIT 1";
        assert_eq!(text(&app, holds).await, "王芳");
    }

    async fn what_an_administrator_claimed_stays_hers_under_her_other_id(app: TestApp) {
        county::open(&app).await;
        let hers = number("20170203", 2);
        county::pupils(&app, &[pupil(OTHER, "王芳", &hers, None)]).await;
        let admin = county::administrator(&app, 20, SCHOOL, AdminRole::School).await;
        county::desk(&app, admin, &pupil(SCHOOL, "王芳", &hers, None)).await;
        let other = county::administrator(&app, 22, SCHOOL, AdminRole::School).await;
        let claimed_by = "SELECT p.name FROM relation_claim r JOIN person p ON p.id = r.claimed_by";
        assert_eq!(text(&app, claimed_by).await, "管理员20");
        app.app.merge_persons(&app.operator(), OPERATOR, other, admin, WHY).await.unwrap();
        assert_eq!(text(&app, claimed_by).await, "管理员22", "or she would decide her own claim");
        app.app.undo_merge(&app.operator(), OPERATOR, admin, WHY).await.unwrap();
        assert_eq!(text(&app, claimed_by).await, "管理员20");
    }
}
