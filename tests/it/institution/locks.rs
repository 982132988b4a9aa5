//! People, institutions, classes and what rests on them are locked in one order: whoever writes beside an institution that
//! ends, moves or hands over waits, and neither of the two is thrown out.

use std::time::Duration;

use mingji::app::Error;
use mingji::app::relation_claim::Verdict;
use mingji::app::staff_life::Order;
use mingji::domain::registry::codes::staff::StaffPost;
use mingji::domain::registry::institution::InstitutionKind;

use super::{OPERATOR, belongs, merge, moved, open, opening, two_schools};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, COUNTY, INSTITUTIONS, OTHER, SCHOOL, number, pupil};
use crate::support::database::{Elsewhere, change};

/// PostgreSQL looks once for a circle, a second after somebody began to wait: who closes it later is the one to be thrown out.
const LOOKED: Duration = Duration::from_millis(1500);

/// Somebody holds the row that `first` names, then changes what `then` does, while `attempt` is made.
async fn beside(
    app: &TestApp,
    (table, first): (&str, &str),
    then: &str,
    attempt: impl Future<Output = Result<(), Error>> + Send + 'static,
) {
    let mut other = Elsewhere::begin(&app.database.url).await;
    if app.database.url.starts_with("postgres") {
        other.run(&format!("SELECT 1 FROM {table} WHERE {first} FOR UPDATE")).await;
    }
    let attempt = tokio::spawn(attempt);
    tokio::time::sleep(LOOKED).await;
    other.run(then).await;
    other.commit().await;
    attempt.await.unwrap().unwrap();
}

/// The class of the school that hands over.
const CLASS: (&str, &str) = ("class", "org_id = (SELECT id FROM institution WHERE name = '第八实验小学')");

async fn handing_over(app: TestApp) -> Result<(), Error> {
    merge(&app, OPERATOR, OTHER, SCHOOL).await.map(drop).map_err(|kind| Error::new(kind, "the merger"))
}

both_engines! {
    async fn a_class_before_who_sits_there(app: TestApp) {
        two_schools(&app).await;
        let seat = "UPDATE enrolment SET updated_at = updated_at WHERE person_id = (SELECT id FROM person WHERE name = '李娜')";
        beside(&app, CLASS, seat, handing_over(app.clone())).await;
        assert_eq!(belongs(&app, "enrolment", "第七实验小学").await, "李娜,王芳");
    }

    async fn a_class_before_who_teaches_there(app: TestApp) {
        two_schools(&app).await;
        change(&app.database.url, "UPDATE enrolment SET valid_to = '2026-01-01' WHERE person_id = (SELECT id FROM person WHERE name = '李娜')").await;
        let post = "UPDATE staffing SET updated_at = updated_at WHERE person_id = (SELECT id FROM person WHERE name = '钱老师')";
        beside(&app, CLASS, post, handing_over(app.clone())).await;
        assert_eq!(belongs(&app, "staffing", "第七实验小学").await, "赵老师,钱老师");
    }

    async fn a_class_before_what_is_taught_there(app: TestApp) {
        two_schools(&app).await;
        // Whoever teaches there is employed elsewhere.
        let seats = "UPDATE enrolment SET valid_to = '2026-01-01' WHERE person_id = (SELECT id FROM person WHERE name = '李娜')";
        change(&app.database.url, seats).await;
        change(&app.database.url, "UPDATE staffing SET org_id = (SELECT id FROM institution WHERE name = '第七实验小学') WHERE person_id = (SELECT id FROM person WHERE name = '钱老师')").await;
        change(&app.database.url, "UPDATE class SET successor_id = (SELECT n.id FROM class n JOIN institution o ON o.id = n.org_id WHERE o.name = '第七实验小学') WHERE org_id = (SELECT id FROM institution WHERE name = '第八实验小学')").await;
        let lesson = "UPDATE teaching SET head_teacher = head_teacher WHERE staffing_id = (SELECT s.id FROM staffing s JOIN person p ON p.id = s.person_id WHERE p.name = '钱老师')";
        beside(&app, CLASS, lesson, handing_over(app.clone())).await;
    }

    async fn a_class_before_the_post_under_which_it_is_taught(app: TestApp) {
        two_schools(&app).await;
        let (trying, teacher) = (app.clone(), county::called(&app, "钱老师").await[0]);
        let post = "UPDATE staffing SET updated_at = updated_at WHERE person_id = (SELECT id FROM person WHERE name = '钱老师')";
        let order = Order::Move { org: None, to: OTHER.into(), post: Some(StaffPost::Administration) };
        beside(&app, CLASS, post, async move {
            trying.app.change_staff(&trying.operator(), OPERATOR, teacher, None, &order).await.map(drop)
        })
        .await;
    }

    async fn a_person_before_her_stays(app: TestApp) {
        two_schools(&app).await;
        county::pupils(&app, &[pupil(OTHER, "王芳", &number("20170203", 2), None)]).await;
        let claim = app.app.pending_claims(&app.operator(), OPERATOR, OTHER, None).await.unwrap()[0].id;
        let trying = app.clone();
        let stay = "UPDATE enrolment SET updated_at = updated_at WHERE person_id = (SELECT id FROM person WHERE name = '王芳')";
        beside(&app, ("person", "name = '王芳'"), stay, async move {
            trying.app.decide_claim(&trying.operator(), OPERATOR, claim, Verdict::Confirm).await.map(drop)
        })
        .await;
        assert_eq!(belongs(&app, "enrolment", "第八实验小学").await, "李娜,王芳");
        let (trying, lina) = (app.clone(), "UPDATE enrolment SET updated_at = updated_at WHERE person_id = (SELECT id FROM person WHERE name = '李娜')");
        beside(&app, ("person", "name = '李娜'"), lina, handing_over(trying)).await;
    }

    async fn of_two_institutions_the_one_with_the_lower_id(app: TestApp) {
        two_schools(&app).await;
        county::import_all(&app, &format!("{INSTITUTIONS}ED32010400,秦淮区教育局,教育行政部门,,320104,ED32010000\n")).await;
        open(&app, OPERATOR, COUNTY, &opening("2132000790", "迟校", InstitutionKind::School, None)).await.unwrap();
        let trying = app.clone();
        let late = "UPDATE institution SET updated_at = updated_at WHERE name = '迟校'";
        beside(&app, ("institution", "name = '秦淮区教育局'"), late, async move {
            moved(&trying, OPERATOR, "2132000790", "ED32010400").await.map(drop).map_err(|kind| Error::new(kind, "the move"))
        })
        .await;
    }
}
