//! Where somebody is signed in: the list, and the buttons that end it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::interaction::name;
use super::respond::{FormTargets, page};
use super::sign_in::{bare, refused};
use super::views::{Device, Devices};
use crate::app::App;
use crate::app::login::Then;
use crate::app::session_list::SessionCard;
use crate::domain::locale::Locale;
use crate::http::error;
use crate::http::extract::{Fields, Visit};
use crate::http::oidc::authorize::redirect;
use crate::http::urls::path;

/// The list.
pub async fn show(State(app): State<App>, visit: Visit) -> Response {
    match app.list_sessions(&visit.ctx, &visit.browser).await {
        Ok(Some((who, cards))) => {
            let locale = visit.ctx.locale;
            let devices = cards.into_iter().map(|card| device(card, locale)).collect();
            let html = Devices { who: name(&who), devices }.render(locale);
            visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
        }
        Ok(None) => bare(&app, visit, &Then::Devices),
        Err(why) => error::failure(visit, &why),
    }
}

/// One of them, or all others.
pub async fn end(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    let ended = match (fields.get("session"), fields.get("others")) {
        (Some(handle), None) => app.end_session_of_list(&visit.ctx, &visit.browser, handle).await,
        (None, Some("yes")) => app.end_other_sessions(&visit.ctx, &visit.browser).await,
        _ => Ok(()),
    };
    match ended {
        Ok(()) => redirect(visit, &app.issuer().at(path::DEVICES)),
        Err(why) => refused(&app, visit, &why, &Then::Devices).await,
    }
}

fn device(card: SessionCard, locale: Locale) -> Device {
    Device {
        handle: card.handle,
        agent: card.agent,
        client_name: card.client.map(|client| client.display_name(locale == Locale::En)),
        since: card.since.shanghai_minute(),
        last_seen: card.last_seen.shanghai_minute(),
        here: card.here,
        lasting: card.lasting,
    }
}
