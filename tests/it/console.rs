//! The console at `/console`: who comes in, what she sees, what she may do, and what is written down for her.

mod access;
mod edit;
mod faults;
mod register;
pub mod secrets;
mod trial;

use mingji::domain::id::ClientId;
use sqlx::Connection as _;

use crate::support::app::TestApp;
use crate::support::browser::Page;
use crate::support::relying_party::RelyingParty;
use crate::support::visitor::Visitor;

/// The institutions of the demo world that answer for clients here.
pub const COUNTY: &str = "ED36078100";
pub const SCHOOL: &str = "2136000781";

/// Somebody who is signed in.
pub async fn signed_in(app: &TestApp, key: &str) -> Visitor {
    let mut visitor = app.visitor(key);
    visitor.knock().await;
    visitor
}

/// The administrator of the county, which answers for the demo's clients.
pub async fn keeper(app: &TestApp) -> Visitor {
    signed_in(app, "county_admin").await
}

/// Lets an institution answer for a client.
pub async fn assign(app: &TestApp, rp: &RelyingParty, org: &str) {
    let id: ClientId = rp.id.parse().unwrap();
    app.app.assign_client(&app.operator(), id, Some(org), None).await.unwrap();
}

/// A client's page.
pub async fn page_of(visitor: &mut Visitor, rp: &RelyingParty) -> Page {
    visitor.browser.open(&format!("/console/clients/{}", rp.id)).await
}

/// A path of a client's page.
pub fn at(rp: &RelyingParty, what: &str) -> String {
    format!("/console/clients/{}/{what}", rp.id)
}

/// What a count of the database says.
pub async fn count(app: &TestApp, sql: &'static str) -> i64 {
    let url = &app.database.url;
    if url.starts_with("sqlite") {
        let mut db = sqlx::SqliteConnection::connect(url).await.unwrap();
        sqlx::query_scalar(sql).fetch_one(&mut db).await.unwrap()
    } else {
        let mut db = sqlx::PgConnection::connect(url).await.unwrap();
        sqlx::query_scalar(sql).fetch_one(&mut db).await.unwrap()
    }
}
