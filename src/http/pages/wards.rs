//! A guardian's answers about her children, and the password of a child under 14.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::activate::{fault, suggested};
use super::interaction::name;
use super::respond::{FormTargets, page};
use super::sign_in::refused;
use super::views::{HomeNote, PasswordFault, WardPassword};
use crate::app::App;
use crate::app::login::Then;
use crate::domain::auth::password::MIN_LENGTH;
use crate::domain::id::GuardianshipId;
use crate::domain::oidc::params::Params;
use crate::http::error;
use crate::http::extract::{Fields, Visit};
use crate::http::oidc::authorize::redirect;

/// "My child" or "not my child".
pub async fn answer(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    let answered = match fields.get("confirm") {
        Some("yes") => Some((true, HomeNote::Yes)),
        Some("no") => Some((false, HomeNote::No)),
        _ => None,
    };
    let (Some(ward), Some((is_hers, note))) = (ward(&fields.0), answered) else { return error::not_found(visit).await };
    match app.answer_guardianship(&visit.ctx, &visit.browser, ward, is_hers).await {
        Ok(()) => home(&app, visit, note),
        Err(why) => refused(&app, visit, &why, &Then::Home).await,
    }
}

/// The form for a child's password.
pub async fn show(State(app): State<App>, RawQuery(query): RawQuery, visit: Visit) -> Response {
    let params = Params::parse(query.as_deref().unwrap_or_default());
    match ward(&params) {
        Some(ward) => form(&app, visit, ward, None).await,
        None => error::not_found(visit).await,
    }
}

/// Sets it.
pub async fn submit(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    let Some(ward) = ward(&fields.0) else { return error::not_found(visit).await };
    let password = fields.get("new_password").unwrap_or_default().to_owned();
    match app.set_ward_password(&visit.ctx, &visit.browser, ward, password.into()).await {
        Ok(Ok(())) => home(&app, visit, HomeNote::Password),
        Ok(Err(weakness)) => form(&app, visit, ward, Some(fault(weakness))).await,
        Err(why) => refused(&app, visit, &why, &Then::Home).await,
    }
}

fn ward(params: &Params) -> Option<GuardianshipId> {
    params.get("ward").and_then(|id| id.parse().ok())
}

async fn form(app: &App, visit: Visit, ward: GuardianshipId, problem: Option<PasswordFault>) -> Response {
    match app.show_ward(&visit.ctx, &visit.browser, ward).await {
        Ok(shown) => {
            let view = WardPassword {
                who: name(&shown.who),
                ward: ward.to_string(),
                hint: shown.hint,
                user_name: shown.account.user_name,
                suggestion: suggested(shown.suggestion),
                min_length: MIN_LENGTH,
                error: problem,
            };
            let html = view.render(visit.ctx.locale);
            visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
        }
        Err(why) => refused(app, visit, &why, &Then::Home).await,
    }
}

fn home(app: &App, visit: Visit, note: HomeNote) -> Response {
    redirect(visit, &app.issuer().at(&format!("/?told={}", note.as_str())))
}
