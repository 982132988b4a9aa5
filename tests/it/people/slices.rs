//! What was true on a day stays known, whatever becomes of the records: a merge, its undoing, a death.

use std::time::Duration;

use chrono::{Days, NaiveDate};
use mingji::app::guardian_life;
use mingji::app::relation_claim::Decider;
use mingji::app::student_life::{Order, Whose};
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::guardianship::Restriction;
use mingji::domain::registry::roster::ClassKey;
use mingji::domain::time::Clock as _;

use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, OTHER, SCHOOL, called, number, pupil};

const OPERATOR: Decider = Decider::Operator;
const WHY: &str = "核对档案";
const HERE: &str = "第七实验小学";
const THERE: &str = "第八实验小学";

/// How she studied on a day: 正常 or 借读, school by school.
async fn sources(app: &TestApp, who: PersonId, day: NaiveDate) -> Vec<String> {
    let told = app.app.enrolments_as_of(&app.operator(), WHY, who, Some(day)).await.unwrap();
    let mut told: Vec<String> = told.iter().map(|one| format!("{} {}", one.institution, one.source)).collect();
    told.sort();
    told
}

/// How many guardians stood on a day.
async fn guardians(app: &TestApp, child: PersonId, day: NaiveDate) -> usize {
    app.app.guardians_as_of(&app.operator(), WHY, child, Some(day)).await.unwrap().len()
}

both_engines! {
    async fn a_merge_and_its_undoing_say_what_was_so_before(app: TestApp) {
        county::open(&app).await;
        let mother = number("19900809", 2);
        for (school, serial) in [(SCHOOL, 2), (OTHER, 4)] {
            county::pupils(&app, &[pupil(school, "王芳", &number("20170203", serial), Some(("李母", &mother)))]).await;
        }
        let [stays, goes] = called(&app, "王芳").await[..] else { panic!("two records") };
        let first = app.clock.now().shanghai_date();
        app.pass(Duration::from_secs(10 * 86_400));
        let merged = app.clock.now().shanghai_date();
        app.app.merge_persons(&app.operator(), OPERATOR, stays, goes, "同一人，两次录入").await.unwrap();
        let before = first.checked_add_days(Days::new(5)).unwrap();
        let (own, seat) = (format!("{HERE} normal"), format!("{THERE} normal"));
        assert_eq!(sources(&app, stays, before).await, [own.clone(), seat.clone()], "nobody borrowed a seat then");
        assert_eq!(sources(&app, stays, merged).await, [own.clone(), format!("{THERE} borrowed")]);
        assert_eq!((guardians(&app, stays, before).await, guardians(&app, stays, merged).await), (2, 1));
        app.pass(Duration::from_secs(10 * 86_400));
        let undone = app.clock.now().shanghai_date();
        app.app.undo_merge(&app.operator(), OPERATOR, goes, "核实为两人").await.unwrap();
        for day in [before, merged, undone] {
            assert_eq!(sources(&app, goes, day).await, std::slice::from_ref(&seat), "{day}: it was hers throughout");
            assert_eq!((guardians(&app, stays, day).await, guardians(&app, goes, day).await), (1, 1), "{day}");
        }
    }

    async fn what_a_stay_began_by_is_its_past_s_and_comes_back(app: TestApp) {
        county::open(&app).await;
        for (school, serial) in [(SCHOOL, 2), (OTHER, 4)] {
            county::pupils(&app, &[pupil(school, "王芳", &number("20170203", serial), None)]).await;
        }
        county::pupils(&app, &[pupil(OTHER, "同年级", &number("20170203", 6), None).replace(",1班,", ",2班,")]).await;
        let [stays, goes] = called(&app, "王芳").await[..] else { panic!("two records") };
        let came = "UPDATE enrolment SET began_by = '22' WHERE org_id = (SELECT id FROM institution WHERE name = '第八实验小学')";
        crate::support::database::change(&app.database.url, came).await;
        app.pass(Duration::from_secs(10 * 86_400));
        let merged = app.clock.now().shanghai_date();
        // From, state, 正常 or 借读, and the change by which each stretch at the second school began.
        let told = async |who| {
            let all = app.app.enrolments_as_of(&app.operator(), WHY, who, None).await.unwrap();
            let there = all.into_iter().filter(|one| one.institution == THERE);
            there.map(|one| (one.from, one.state, one.source, one.began_by.map(|code| code.as_str()))).collect::<Vec<_>>()
        };
        let first = told(goes).await[0].0;
        let merge = async || app.app.merge_persons(&app.operator(), OPERATOR, stays, goes, "同一人").await.unwrap();
        let undo = async || app.app.undo_merge(&app.operator(), OPERATOR, goes, "核实为两人").await.unwrap();
        merge().await;
        assert_eq!(told(stays).await, [(first, "01", "normal", Some("22")), (merged, "01", "borrowed", None)]);
        undo().await;
        assert_eq!(told(goes).await, [(first, "01", "normal", Some("22"))], "as if nothing had been");
        // What the school did meanwhile stays, and nothing of 借读.
        merge().await;
        app.pass(Duration::from_secs(10 * 86_400));
        let rested = app.clock.now().shanghai_date();
        let whose = Whose { person: stays, org: Some(OTHER.into()), day: None, code: None };
        let other = ClassKey::read("小学", "2024", "2班", rested).unwrap();
        app.app.change_student(&app.operator(), OPERATOR, &whose, &Order::Move(other)).await.unwrap();
        app.pass(Duration::from_secs(10 * 86_400));
        undo().await;
        assert_eq!(told(goes).await, [(first, "01", "normal", Some("22")), (rested, "01", "normal", None)]);
    }

    async fn an_undone_merge_says_in_which_class_she_sat_until_it_was_closed(app: TestApp) {
        county::open(&app).await;
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &number("20170203", 2), None)]).await;
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &number("20170203", 4), None).replace(",1班,", ",2班,")]).await;
        let [stays, goes] = called(&app, "王芳").await[..] else { panic!("two records") };
        let above = Decider::Admin(county::administrator(&app, 20, SCHOOL, AdminRole::School).await);
        let first = app.clock.now().shanghai_date();
        app.pass(Duration::from_secs(10 * 86_400));
        app.app.merge_persons(&app.operator(), OPERATOR, stays, goes, "同一人").await.unwrap();
        app.pass(Duration::from_secs(10 * 86_400));
        let closed = app.clock.now().shanghai_date();
        let school = app.app.institution_on(&app.operator(), OPERATOR, SCHOOL, None).await.unwrap().institution_id;
        let classes = app.app.classes_of(&app.operator(), above, school, None).await.unwrap();
        let second = classes.iter().find(|class| class.class_no == "2班").unwrap();
        app.app.close_class(&app.operator(), above, second.id).await.unwrap();
        app.pass(Duration::from_secs(10 * 86_400));
        app.app.undo_merge(&app.operator(), OPERATOR, goes, "核实为两人").await.unwrap();
        let told = app.app.enrolments_as_of(&app.operator(), WHY, goes, None).await.unwrap();
        let told: Vec<_> = told.iter().map(|part| (part.from, part.to, part.class.as_deref())).collect();
        assert_eq!(told, [(first, Some(closed), Some("2024级2班")), (closed, None, None)], "what was is not written over");
        let eve = app.app.enrolments_as_of(&app.operator(), WHY, goes, closed.pred_opt()).await.unwrap();
        assert_eq!(eve[0].class.as_deref(), Some("2024级2班"));
    }

    async fn a_death_ends_guardianships_on_its_day(app: TestApp) {
        county::open(&app).await;
        let mother = number("19900809", 2);
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &number("20170203", 2), Some(("李母", &mother)))]).await;
        let (child, guardian) = (called(&app, "王芳").await[0], called(&app, "李母").await[0]);
        app.pass(Duration::from_secs(10 * 86_400));
        let today = app.clock.now().shanghai_date();
        let died = today.checked_sub_days(Days::new(4)).unwrap();
        let order = guardian_life::Order::Restrict([Restriction::NoLocation].into());
        app.app.change_guardian(&app.operator(), OPERATOR, child, guardian, &order).await.unwrap();
        app.app.record_death(&app.operator(), OPERATOR, guardian, died).await.unwrap();
        let eve = died.pred_opt().unwrap();
        assert_eq!((guardians(&app, child, eve).await, guardians(&app, child, died).await), (1, 0));
        assert_eq!(guardians(&app, child, today.pred_opt().unwrap()).await, 0, "nor after a court's order that came later");
        // Whoever asks the command says why, and the child can read it.
        let refused = app.app.guardians_as_of(&app.operator(), " ", child, None).await.unwrap_err();
        assert_eq!(refused.kind, mingji::app::Kind::Invalid);
        let looks = app.app.disclosures(child, None, 10).await.unwrap();
        assert!(looks.len() == 3 && looks.iter().all(|one| one.purpose.as_deref() == Some(WHY)), "{looks:?}");
        assert!(!app.app.disclosures(guardian, None, 10).await.unwrap().is_empty(), "hers is shown with it");
    }
}
