//! Asking to be erased, looking how it stands, and taking it back.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::interaction::name;
use super::respond::{FormTargets, page};
use super::sign_in::bare;
use super::views::{Erasure, ErasureStands, ErasureStep, HomeNote, RecordOf};
use crate::app::erasure_request::{Asked, ErasureForm, Waiting};
use crate::app::login::Then;
use crate::app::{App, Error, Kind};
use crate::domain::id::GuardianshipId;
use crate::http::error;
use crate::http::extract::{Fields, Visit};
use crate::http::oidc::authorize::redirect;

/// Where whoever has no account any more types her code.
pub async fn show(visit: Visit) -> Response {
    shown(visit, &Erasure { who: None, step: ErasureStep::Code { unknown: false } })
}

/// One of the forms.
pub async fn submit(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    let Ok(ward) = fields.get("ward").map(str::parse).transpose() else { return error::not_found(visit).await };
    let code = fields.get("code").unwrap_or_default();
    match (fields.get("step"), ward) {
        (Some("ask"), ward) => ask(&app, visit, ward, false).await,
        (Some("yes"), ward) => yes(&app, visit, ward).await,
        (Some("keep"), Some(ward)) => keep(&app, visit, ward).await,
        (Some("look"), _) => look(&app, visit, code).await,
        (Some("keep"), None) => keep_by_code(&app, visit, code).await,
        _ => error::not_found(visit).await,
    }
}

async fn ask(app: &App, visit: Visit, ward: Option<GuardianshipId>, has_role: bool) -> Response {
    match app.show_erasure(&visit.ctx, &visit.browser, ward).await {
        Ok(Some(ErasureForm { who, ward, kept })) => {
            let ward = ward.map(|(id, hint)| RecordOf { id: id.to_string(), hint });
            shown(visit, &Erasure { who: Some(name(&who)), step: ErasureStep::Ask { ward, kept, has_role } })
        }
        Ok(None) => bare(app, visit, &Then::Record(ward)),
        Err(why) => error::failure(visit, &why),
    }
}

async fn yes(app: &App, mut visit: Visit, ward: Option<GuardianshipId>) -> Response {
    match app.ask_erasure(&visit.ctx, &visit.browser, ward).await {
        Ok(Some(Asked { code: Some(code), waiting })) => {
            visit.clear_session(app.left_by_all(&visit.browser).as_ref());
            let step = ErasureStep::Asked { code, stands: stands(waiting) };
            shown(visit, &Erasure { who: None, step })
        }
        Ok(Some(_)) => home(app, visit, HomeNote::ErasureAsked),
        Ok(None) => bare(app, visit, &Then::Record(ward)),
        Err(Error { kind: Kind::Conflict, .. }) => ask(app, visit, ward, true).await,
        Err(why) => error::failure(visit, &why),
    }
}

async fn keep(app: &App, visit: Visit, ward: GuardianshipId) -> Response {
    match app.withdraw_ward_erasure(&visit.ctx, &visit.browser, ward).await {
        Ok(Some(())) => home(app, visit, HomeNote::ErasureTakenBack),
        Ok(None) => bare(app, visit, &Then::Home),
        Err(why) => error::failure(visit, &why),
    }
}

async fn look(app: &App, visit: Visit, code: &str) -> Response {
    match app.erasure_by_code(&visit.ctx, code).await {
        Ok(Some(waiting)) => {
            let step = ErasureStep::Waits { code: code.to_owned(), stands: stands(waiting) };
            shown(visit, &Erasure { who: None, step })
        }
        Ok(None) => unknown(visit),
        Err(why) => error::failure(visit, &why),
    }
}

async fn keep_by_code(app: &App, visit: Visit, code: &str) -> Response {
    match app.withdraw_erasure_by_code(&visit.ctx, code).await {
        Ok(true) => shown(visit, &Erasure { who: None, step: ErasureStep::TakenBack }),
        Ok(false) => unknown(visit),
        Err(why) => error::failure(visit, &why),
    }
}

fn unknown(visit: Visit) -> Response {
    shown(visit, &Erasure { who: None, step: ErasureStep::Code { unknown: true } })
}

/// How it stands, in words.
pub(super) fn stands(waiting: Waiting) -> ErasureStands {
    ErasureStands {
        asked: waiting.asked_at.shanghai_minute(),
        earliest: waiting.final_from.shanghai_minute(),
        kept: waiting.kept,
    }
}

fn shown(visit: Visit, view: &Erasure) -> Response {
    let html = view.render(visit.ctx.locale);
    visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
}

fn home(app: &App, visit: Visit, note: HomeNote) -> Response {
    redirect(visit, &app.issuer().at(&format!("/?told={}", note.as_str())))
}
