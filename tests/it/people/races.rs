//! Rights are looked at under the lock: who moves away at the same moment is nobody's to change whose school she leaves.

use std::time::Duration;

use mingji::app::cases::Verdict;
use mingji::app::relation_claim::Decider;
use mingji::app::{Error, Kind};
use mingji::domain::id::PersonId;
use mingji::domain::registry::case::Decision;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::name::PersonName;
use mingji::domain::time::Clock as _;

use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, OTHER, SCHOOL, administrator, called, document, number, pupil};
use crate::support::database::Elsewhere;

/// Long enough for whoever does not wait.
const A_MOMENT: Duration = Duration::from_millis(400);

/// Two pupils of one name at the first school, and who governs it.
async fn school(app: &TestApp) -> (Decider, PersonId, PersonId) {
    county::open(app).await;
    county::pupils(app, &[2, 4].map(|n| pupil(SCHOOL, "王芳", &number("20170203", n), None))).await;
    let [one, other] = called(app, "王芳").await[..] else { panic!("two records") };
    (Decider::Admin(administrator(app, 20, SCHOOL, AdminRole::School).await), one, other)
}

/// What somebody tries while both pupils are on their way to the other school: she has to wait, and then to be refused.
async fn while_they_leave(app: &TestApp, attempt: impl Future<Output = Result<(), Error>> + Send + 'static) {
    let lite = app.database.url.starts_with("sqlite");
    let fresh = if lite { "randomblob(16)" } else { "gen_random_uuid()" };
    let mut leaving = Elsewhere::begin(&app.database.url).await;
    leaving.run("UPDATE enrolment SET valid_to = '2026-11-01', version = version + 1 WHERE person_id IN (SELECT id FROM person WHERE name = '王芳')").await;
    leaving
        .run(&format!(
            "INSERT INTO enrolment (id, person_id, org_id, state, source, valid_from, created_at, updated_at, version)
             SELECT {fresh}, p.id, o.id, '01', 'normal', '2026-11-01', 1, 1, 1 FROM person p, institution o JOIN institution_code c ON c.org_id = o.id
             WHERE p.name = '王芳' AND c.value = '{OTHER}'"
        ))
        .await;
    let mut trying = tokio::spawn(attempt);
    assert!(tokio::time::timeout(A_MOMENT, &mut trying).await.is_err(), "whoever does not wait has looked too early");
    leaving.commit().await;
    let refused = trying.await.unwrap().expect_err("she is not theirs any more");
    assert_eq!(refused.kind, Kind::NotFound, "{refused}");
}

both_engines! {
    async fn a_name(app: TestApp) {
        let (by, hers, _) = school(&app).await;
        let trying = app.clone();
        while_they_leave(&app, async move {
            let name = PersonName::parse("李芳").unwrap();
            trying.app.rename_person(&trying.operator(), by, hers, name).await.map(drop)
        })
        .await;
        assert_eq!(called(&app, "李芳").await, []);
    }

    async fn a_document(app: TestApp) {
        let (by, hers, _) = school(&app).await;
        let trying = app.clone();
        while_they_leave(&app, async move {
            trying.app.record_document(&trying.operator(), by, hers, &document(&number("20170203", 6))).await.map(drop)
        })
        .await;
    }

    async fn a_death(app: TestApp) {
        let (by, hers, _) = school(&app).await;
        let trying = app.clone();
        while_they_leave(&app, async move {
            let today = trying.clock.now().shanghai_date();
            trying.app.record_death(&trying.operator(), by, hers, today).await.map(drop)
        })
        .await;
    }

    async fn a_merge(app: TestApp) {
        let (by, one, other) = school(&app).await;
        let trying = app.clone();
        while_they_leave(&app, async move {
            trying.app.merge_persons(&trying.operator(), by, one, other, "同一人").await.map(drop)
        })
        .await;
        assert_eq!(called(&app, "王芳").await.len(), 2);
    }

    async fn a_case(app: TestApp) {
        let (by, ..) = school(&app).await;
        app.app.search_cases(&app.operator(), by, SCHOOL).await.unwrap();
        let case = app.app.open_cases(&app.operator(), by, None, None).await.unwrap()[0].id;
        let trying = app.clone();
        while_they_leave(&app, async move {
            let verdict = Verdict { decision: Decision::SamePerson, reason: "同一人".into() };
            trying.app.decide_case(&trying.operator(), by, case, verdict).await.map(drop)
        })
        .await;
        assert_eq!(called(&app, "王芳").await.len(), 2);
    }
}
