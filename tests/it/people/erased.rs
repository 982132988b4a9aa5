//! The number of somebody who was erased registers again after whoever governs the county said so, as one new person (R18).

use mingji::app::cases::Verdict;
use mingji::app::person::NewPerson;
use mingji::app::person_change::Changed;
use mingji::app::relation_claim::Decider;
use mingji::app::{Kind, cases::Listed};
use mingji::domain::access::TaskName;
use mingji::domain::id::{CaseId, PersonId};
use mingji::domain::registry::case::Decision;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::sex::Sex;
use mingji::domain::registry::name::PersonName;
use mingji::domain::time::Clock as _;

use crate::support::app::{TestApp, both_engines};
use crate::support::county::{
    self, COUNTY, OTHER, SCHOOL, administrator, called, document, number, pupil, teacher, text,
};
use crate::support::database;

const OPERATOR: Decider = Decider::Operator;

async fn cases(app: &TestApp, by: Decider) -> Vec<Listed> {
    app.app.open_cases(&app.operator(), by, None, None).await.unwrap_or_default()
}

async fn decide(app: &TestApp, by: Decider, case: CaseId, decision: Decision) -> Result<&'static str, Kind> {
    let verdict = Verdict { decision, reason: "已核对户口簿".into() };
    app.app.decide_case(&app.operator(), by, case, verdict).await.map(|done| done.done).map_err(|error| error.kind)
}

/// A pupil who was here once, and of whom only an index is left.
async fn erased(app: &TestApp, number: &str) -> PersonId {
    county::pupils(app, &[pupil(SCHOOL, "王芳", number, None)]).await;
    let hers = *called(app, "王芳").await.last().unwrap();
    let today = app.clock.now().shanghai_date();
    app.app.record_death(&app.operator(), OPERATOR, hers, today).await.unwrap();
    app.app.erase_person(&app.operator(), hers).await.unwrap();
    hers
}

both_engines! {
    async fn it_registers_after_a_county_s_word_as_one_new_person(app: TestApp) {
        county::open(&app).await;
        let own = number("20170203", 2);
        let gone = erased(&app, &own).await;
        let row = pupil(SCHOOL, "王芳", &own, None);
        for _ in 0..2 {
            let report = county::pupils(&app, std::slice::from_ref(&row)).await;
            assert_eq!((report.created, report.conflicts, report.persons_created), (0, 1, 0), "{report:?}");
            assert_eq!(report.errors[0].code, "document_erased");
        }
        assert!(called(&app, "王芳").await.is_empty());
        let school = Decider::Admin(administrator(&app, 20, SCHOOL, AdminRole::School).await);
        let above = Decider::Admin(administrator(&app, 22, COUNTY, AdminRole::County).await);
        assert!(cases(&app, school).await.is_empty(), "a school has no say");
        let listed = cases(&app, above).await;
        let [case] = &listed[..] else { panic!("asked twice, once: {listed:?}") };
        assert_eq!((case.kind, case.institution.as_deref()), ("erased_number", Some("玄武区教育局")));
        assert_eq!(decide(&app, school, case.id, Decision::TwoPeople).await, Err(Kind::NotFound));
        assert_eq!(decide(&app, above, case.id, Decision::TwoPeople).await, Ok("admitted"));
        assert!(called(&app, "王芳").await.is_empty(), "the next row registers her");
        let elsewhere = county::pupils(&app, &[pupil(OTHER, "王芳", &own, None)]).await;
        assert_eq!((elsewhere.created, elsewhere.conflicts), (0, 1), "it was said for the school that asked");
        let rows = std::slice::from_ref(&row);
        let (one, two) = tokio::join!(county::pupils(&app, rows), county::pupils(&app, rows));
        assert_eq!(one.created + two.created, 1, "{one:?} {two:?}");
        let fresh = called(&app, "王芳").await;
        assert!(fresh.len() == 1 && fresh[0] != gone, "one, and another than who is gone");
        assert_eq!(county::pupils(&app, rows).await.unchanged, 1);
        let again = erased_again(&app, fresh[0]).await;
        assert_eq!(county::pupils(&app, rows).await.conflicts, 1, "the word was for one time: {again}");
    }

    async fn who_mistyped_stays_out_and_who_brought_it_in_is_no_judge(app: TestApp) {
        county::open(&app).await;
        let own = number("20170203", 2);
        erased(&app, &own).await;
        let admin = administrator(&app, 22, COUNTY, AdminRole::County).await;
        county::desk(&app, admin, &pupil(SCHOOL, "王芳", &own, None)).await;
        let case = cases(&app, Decider::Admin(admin)).await[0].id;
        assert_eq!(decide(&app, Decider::Admin(admin), case, Decision::TwoPeople).await, Err(Kind::Conflict));
        let other = Decider::Admin(administrator(&app, 24, COUNTY, AdminRole::County).await);
        assert_eq!(decide(&app, other, case, Decision::TypingError).await, Ok("nothing"));
        let report = county::pupils(&app, &[pupil(SCHOOL, "王芳", &own, None)]).await;
        assert_eq!((report.created, report.conflicts), (0, 1));
        assert!(cases(&app, OPERATOR).await.is_empty(), "the same is not asked again");
    }

    async fn a_desk_reads_the_same_as_for_nobody(app: TestApp) {
        county::open(&app).await;
        let (own, nobody) = (number("20170203", 2), number("20170203", 4));
        erased(&app, &own).await;
        let grown = number("19850203", 12);
        erased(&app, &grown).await;
        let admin = administrator(&app, 20, SCHOOL, AdminRole::School).await;
        for _ in 0..2 {
            let known = county::desk(&app, admin, &pupil(SCHOOL, "李娜", &own, None)).await;
            let unknown = county::desk(&app, admin, &pupil(SCHOOL, "李娜", &nobody, None)).await;
            assert_eq!(known, unknown);
        }
        // Nor when she is named as the guardian of a pupil who is there.
        let children = [6, 8].map(|serial| number("20170203", serial));
        let rows = |keepers: [&str; 2]| [0, 1].map(|n| pupil(SCHOOL, "赵小", &children[n], Some(("赵母", keepers[n]))));
        for child in &children {
            county::desk(&app, admin, &pupil(SCHOOL, "赵小", child, None)).await;
        }
        let free = number("19850203", 10);
        let told = rows([&grown, &free]);
        for _ in 0..2 {
            assert_eq!(county::desk(&app, admin, &told[0]).await, county::desk(&app, admin, &told[1]).await);
        }
        let above = Decider::Admin(administrator(&app, 22, COUNTY, AdminRole::County).await);
        assert_eq!(decide(&app, above, cases(&app, above).await[0].id, Decision::SamePerson).await, Ok("admitted"));
        county::desk(&app, admin, &pupil(SCHOOL, "李娜", &own, None)).await;
        assert_eq!(called(&app, "李娜").await.len(), 2);
    }

    async fn no_other_way_leads_past_it(app: TestApp) {
        county::open(&app).await;
        let own = number("19850607", 2);
        county::teachers(&app, &[teacher(SCHOOL, "陈师", &own)]).await;
        let gone = called(&app, "陈师").await[0];
        let today = app.clock.now().shanghai_date();
        app.app.record_death(&app.operator(), OPERATOR, gone, today).await.unwrap();
        app.app.erase_person(&app.operator(), gone).await.unwrap();
        let report = county::teachers(&app, &[teacher(SCHOOL, "陈师", &own)]).await;
        assert_eq!((report.created, report.conflicts), (0, 1), "{report:?}");
        let report = county::pupils(&app, &[pupil(SCHOOL, "王芳", &number("20170203", 2), Some(("陈师", &own)))]).await;
        assert_eq!((report.created, report.errors.len()), (1, 1), "the child is none the worse: {report:?}");
        let new = NewPerson {
            name: PersonName::parse("陈师").unwrap(),
            sex: Sex::Female,
            birth_date: None,
            document: Some(document(&own)),
            personal_code: None,
            verified: None,
            home: None,
        };
        let refused = app.app.register_person(&app.operator(), TaskName::DemoSeed, new).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Conflict);
        let other = called(&app, "王芳").await[0];
        let given = app.app.record_document(&app.operator(), OPERATOR, other, &document(&own)).await;
        assert!(given.is_err() || matches!(given, Ok(Changed::Case(_))), "{given:?}");
        let held = "SELECT CAST(COUNT(*) AS TEXT) FROM identity_document d WHERE d.status = 'active' AND d.number_index = (SELECT number_index FROM identity_document WHERE status = 'erased')";
        assert_eq!(text(&app, held).await, "0");
    }

    /// What stands in the clear beside her goes too: numbers that a school gave, a court's word, her devices, why somebody asked.
    async fn nothing_that_was_written_beside_her_is_left(app: TestApp) {
        county::open(&app).await;
        let keeper = ("王母", number("19850203", 6));
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &number("20170203", 2), Some((keeper.0, &keeper.1)))]).await;
        county::teachers(&app, &[teacher(SCHOOL, "王芳", &number("19700203", 8))]).await;
        let all = called(&app, "王芳").await;
        app.app.set_password(&app.operator(), all[0], "seven green lanterns".to_owned().into()).await.unwrap();
        let mut visitor = app.child();
        visitor.person.user_name = text(&app, "SELECT a.user_name FROM account a JOIN person p ON p.id = a.person_id WHERE p.birth_date = '2017-02-03' AND p.name = '王芳'").await;
        visitor.person.password = "seven green lanterns".into();
        visitor.sign_in(&app.client("platform_a")).await;
        let hers = "(SELECT id FROM person WHERE name = '王芳')";
        for written in [
            format!("UPDATE enrolment SET student_no = '甲' WHERE person_id IN {hers}"),
            format!("UPDATE staffing SET staff_no = '甲' WHERE person_id IN {hers}"),
            format!("UPDATE session SET agent = '甲' WHERE person_id IN {hers}"),
            format!("UPDATE guardianship SET restrictions = '[\"custody\"]' WHERE child_id IN {hers}"),
            "INSERT INTO approval (id, person_id, purpose, asked_by, asked_through, asked_at, state, expires_at, version) \
             SELECT p.id, p.id, '甲', p.id, (SELECT c.id FROM client c ORDER BY c.id LIMIT 1), 1, 'refused', 1, 1 FROM person p WHERE p.name = '王芳'".into(),
        ] {
            database::change(&app.database.url, &written).await;
        }
        app.clock.advance(std::time::Duration::from_secs(10 * 86_400));
        // Her death keeps how it was in slices.
        for one in &all {
            app.app.record_death(&app.operator(), OPERATOR, *one, app.clock.now().shanghai_date()).await.unwrap();
        }
        let left = "SELECT 'stay' FROM enrolment WHERE student_no = '甲' UNION ALL SELECT 'slice' FROM enrolment_slice WHERE student_no = '甲'
            UNION ALL SELECT 'post' FROM staffing WHERE staff_no = '甲' UNION ALL SELECT 'device' FROM session WHERE agent = '甲' UNION ALL SELECT 'purpose' FROM approval WHERE purpose = '甲'
            UNION ALL SELECT 'court' FROM guardianship WHERE CAST(restrictions AS TEXT) LIKE '%custody%' UNION ALL SELECT 'court before' FROM guardianship_slice WHERE CAST(restrictions AS TEXT) LIKE '%custody%'";
        let before = text(&app, left).await;
        for written in ["stay", "slice", "post", "device", "purpose", "court", "court before"] {
            assert!(before.split(',').any(|one| one == written), "{written}: {before}");
        }
        for one in &all {
            app.app.erase_person(&app.operator(), *one).await.unwrap();
        }
        assert_eq!(text(&app, left).await, "");
    }
}

async fn erased_again(app: &TestApp, who: PersonId) -> PersonId {
    let today = app.clock.now().shanghai_date();
    app.app.record_death(&app.operator(), OPERATOR, who, today).await.unwrap();
    app.app.erase_person(&app.operator(), who).await.unwrap();
    who
}
