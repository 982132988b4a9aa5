//! A number that was mistyped is put right by the decision, and the wrong one is its true holder's.

use mingji::app::Kind;
use mingji::app::cases::Right;
use mingji::app::person_change::Changed;
use mingji::app::relation_claim::Decider;
use mingji::domain::id::{CaseId, PersonId};
use mingji::domain::registry::case::Decision;
use mingji::domain::registry::codes::admin_role::AdminRole;

use super::{OPERATOR, decide, ids, registered_as};
use crate::support::app::{TestApp, both_engines};
use crate::support::binary::Place;
use crate::support::county::{self, COUNTY, SCHOOL, called, document, number, pupil, text};

const WHY: &str = "户口簿与原件核对，录入有误";

async fn correct(app: &TestApp, by: Decider, id: CaseId, person: PersonId, number: &str) -> Result<&'static str, Kind> {
    let right = Right { person, document: document(number) };
    let decided = app.app.correct_case(&app.operator(), by, id, WHY, &right).await;
    decided.map(|decided| decided.done).map_err(|error| error.kind)
}

#[test]
fn nobody_says_how_a_number_is_right_and_decides_something_else() {
    const ID: &str = "019a0000-0000-7000-8000-000000000001";
    for verdict in ["--two-people", "--as-same"] {
        let words = ["case", "decide", ID, verdict, "--right-of", ID, "--label", "护照", "--reason", WHY];
        assert_eq!(Place::new().run(&words).code, Some(2), "{verdict}");
    }
}

both_engines! {
    async fn the_holder_shows_another_number_and_the_wrong_one_is_free(app: TestApp) {
        county::open(&app).await;
        let (wrong, right, third) = (number("20170203", 2), number("20170203", 4), number("20170203", 6));
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &wrong, None), pupil(SCHOOL, "赵敏", &third, None)]).await;
        registered_as(&app, "李娜", &wrong).await;
        let case = ids(&app, OPERATOR, None).await[0];
        let [holder] = called(&app, "王芳").await[..] else { panic!("one") };
        let [stranger] = called(&app, "赵敏").await[..] else { panic!("one") };
        let school = Decider::Admin(county::administrator(&app, 20, SCHOOL, AdminRole::School).await);
        assert_eq!(correct(&app, school, case, stranger, &right).await, Err(Kind::Invalid), "no side of it");
        assert_eq!(correct(&app, school, case, holder, &third).await, Err(Kind::Conflict), "somebody else's");
        let cost = "SELECT CAST(COUNT(*) AS TEXT) FROM audit_entry WHERE action = 'case.decided' AND result = 'refused' AND CAST(details AS TEXT) LIKE '%asked_digest%'";
        assert_eq!(text(&app, cost).await, "1", "that it is somebody else's is an exact question");
        assert_eq!(ids(&app, school, None).await, [case], "nothing was decided");
        assert_eq!(correct(&app, school, case, holder, &right).await, Ok("corrected"));
        assert_eq!(correct(&app, school, case, holder, &right).await, Err(Kind::Conflict), "once");
        let report = county::pupils(&app, &[
            pupil(SCHOOL, "王芳", &right, None),
            pupil(SCHOOL, "李娜", &wrong, None),
        ]).await;
        assert_eq!((report.unchanged, report.created, report.conflicts), (1, 1, 0), "{report:?}");
        assert_eq!(called(&app, "王芳").await, [holder]);
    }

    async fn of_two_who_look_alike_one_shows_another_number(app: TestApp) {
        county::open(&app).await;
        let (one, two, right) = (number("20170203", 2), number("20170203", 4), number("20170203", 8));
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &one, None)]).await;
        let [first] = called(&app, "王芳").await[..] else { panic!("one") };
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &two, None)]).await;
        assert_eq!(app.app.search_cases(&app.operator(), OPERATOR, COUNTY).await.unwrap(), 1);
        let case = ids(&app, OPERATOR, None).await[0];
        assert_eq!(correct(&app, OPERATOR, case, first, &two).await, Err(Kind::Conflict), "then they are one person");
        assert_eq!(correct(&app, OPERATOR, case, first, &right).await, Ok("corrected"));
        let report = county::pupils(&app, &[pupil(SCHOOL, "王芳", &right, None), pupil(SCHOOL, "王芳", &two, None)]).await;
        assert_eq!((report.unchanged, report.conflicts), (2, 0), "{report:?}");
        // The wrong one was nobody's, and is whoever's it is.
        let report = county::pupils(&app, &[pupil(SCHOOL, "陈晨", &one, None)]).await;
        assert_eq!((report.created, report.conflicts), (1, 0), "{report:?}");
    }

    async fn of_what_was_asked_for_the_right_number_is_given(app: TestApp) {
        county::open(&app).await;
        let (hers, others, right) = (number("20170203", 2), number("20170203", 4), number("20170203", 6));
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &hers, None), pupil(SCHOOL, "李娜", &others, None)]).await;
        let ([holder], [asked]) = (&called(&app, "王芳").await[..], &called(&app, "李娜").await[..]) else { panic!("each") };
        let opened = app.app.record_document(&app.operator(), OPERATOR, *asked, &document(&hers)).await.unwrap();
        let Changed::Case(case) = opened else { panic!("a case") };
        assert_eq!(correct(&app, OPERATOR, case, *asked, &right).await, Ok("corrected"));
        let report = county::pupils(&app, &[pupil(SCHOOL, "王芳", &hers, None), pupil(SCHOOL, "李娜", &right, None)]).await;
        assert_eq!((report.unchanged, report.conflicts), (2, 0), "{report:?}");
        assert_eq!(called(&app, "王芳").await, [*holder]);
        assert_eq!(decide(&app, OPERATOR, case, Decision::TwoPeople).await, Err(Kind::Conflict), "it is decided");
    }
}
