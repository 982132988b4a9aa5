//! Rights that come back with an undone merge stand beside what was given since.

use mingji::app::Kind;
use mingji::app::admin::Wish;
use mingji::domain::registry::admin_rule::Protection;
use mingji::domain::registry::codes::admin_role::AdminRole;

use super::{OPERATOR, grant, revoke, staff, wish};
use crate::support::app::{Engine, TestApp, run_on};
use crate::support::county::SCHOOL;

async fn duties_stay_apart(engine: Engine) {
    let app = TestApp::start_with(engine, "memory:", |parts| parts.protection = Protection::Three).await;
    run_on(app, |app| async move {
        let people = staff(&app, 2).await;
        let runs = wish(AdminRole::School, SCHOOL);
        let deputy = Wish { deputy: true, ..wish(AdminRole::School, SCHOOL) };
        grant(&app, OPERATOR, people[1], &runs).await.unwrap();
        grant(&app, OPERATOR, people[0], &deputy).await.unwrap();
        // Of the two grants the one that runs the school stays, and is taken back; she becomes the one who watches.
        app.app.merge_persons(&app.operator(), OPERATOR, people[0], people[1], "同一人").await.unwrap();
        revoke(&app, OPERATOR, people[0], AdminRole::School, SCHOOL).await.unwrap();
        grant(&app, OPERATOR, people[0], &wish(AdminRole::Audit, SCHOOL)).await.unwrap();
        let undo = async || app.app.undo_merge(&app.operator(), OPERATOR, people[1], "不是同一人").await;
        let joined = undo().await.unwrap_err();
        assert!(joined.kind == Kind::Conflict && joined.public.contains("三员分离"), "{joined}");
        revoke(&app, OPERATOR, people[0], AdminRole::Audit, SCHOOL).await.unwrap();
        undo().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duties_stay_apart_on_sqlite() {
    duties_stay_apart(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duties_stay_apart_on_postgres() {
    let Some(server) = crate::support::need::postgres() else { return };
    duties_stay_apart(Engine::Postgres(server)).await;
}
