//! The language switch of pages that carry a request.

use axum::extract::State;
use axum::response::Response;

use super::{interaction, sign_out};
use crate::app::App;
use crate::app::authorize::PageStop;
use crate::domain::locale::Locale;
use crate::http::error;
use crate::http::extract::{Fields, Visit};

/// Keeps the language and shows whatever page is due.
pub async fn submit(State(app): State<App>, mut visit: Visit, fields: Fields) -> Response {
    if let Some(locale) = fields.get("lang").and_then(Locale::parse) {
        visit.choose_language(locale);
    }
    let Some(sealed) = fields.get("request") else { return error::stop(visit, PageStop::Expired) };
    match app.resume_sign_out(&visit.ctx, sealed, &visit.browser).await {
        Ok(Some(reply)) => return sign_out::answer(&app, visit, reply, None),
        Ok(None) => {}
        Err(why) => return error::failure(visit, &why),
    }
    match app.resume(&visit.ctx, sealed, &visit.browser).await {
        Ok(reply) => interaction::show(visit, reply),
        Err(why) => error::failure(visit, &why),
    }
}
