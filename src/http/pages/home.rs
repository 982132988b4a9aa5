//! The first page: what this is, and who is signed in.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::interaction::name;
use super::respond::{FormTargets, page};
use super::views::Home;
use crate::app::App;
use crate::http::error;
use crate::http::extract::Visit;

/// Home.
pub async fn show(State(app): State<App>, visit: Visit) -> Response {
    match app.who(&visit.ctx, &visit.browser).await {
        Ok(who) => {
            let html = Home { who: who.as_ref().map(name) }.render(visit.ctx.locale);
            visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
        }
        Err(why) => error::failure(visit, &why),
    }
}
