//! How failures are shown: pages for people, JSON for clients. The public text goes out, the internal one
//! goes to the log with the request id.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::extract::Visit;
use super::pages::respond::{FormTargets, page};
use super::pages::views::{ErrorId, ErrorPage};
use crate::app::authorize::PageStop;
use crate::app::{Ctx, Error, Kind};
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::fault::{DocumentFault, FaultKind};

pub(super) const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("2");

/// A failed use case as a page.
pub fn failure(visit: Visit, error: &Error) -> Response {
    note(&visit.ctx, error);
    let id = match error.kind {
        _ if error.fault == Some(FaultKind::Keys) => ErrorId::ClientKeys,
        Kind::Busy => ErrorId::Busy,
        Kind::NotFound => ErrorId::NotFound,
        Kind::Invalid | Kind::Conflict => ErrorId::Expired,
        Kind::Internal => ErrorId::Internal,
    };
    let mut response = error_page(visit, id);
    if error.kind == Kind::Busy {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_SECONDS);
    }
    response
}

/// A request that is not to be trusted, or came too late.
pub fn stop(visit: Visit, stop: PageStop) -> Response {
    match stop {
        PageStop::Client => error_page(visit, ErrorId::Client),
        PageStop::RedirectUri => error_page(visit, ErrorId::RedirectUri),
        PageStop::Expired => error_page(visit, ErrorId::Expired),
        PageStop::Document(DocumentFault::Away) => {
            let mut response = error_page_about(visit, ErrorId::Busy, Some(DocumentFault::Away));
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_SECONDS);
            response
        }
        PageStop::Document(fault) => error_page_about(visit, ErrorId::Client, Some(fault)),
    }
}

/// One of the stable error pages.
pub fn error_page(visit: Visit, id: ErrorId) -> Response {
    error_page_about(visit, id, None)
}

fn error_page_about(visit: Visit, id: ErrorId, document: Option<DocumentFault>) -> Response {
    let view = ErrorPage { id, request_id: Some(visit.ctx.request_id.to_string()), document };
    let html = view.render(visit.ctx.locale);
    visit.finish(page(id.status(), html, FormTargets::Ourselves))
}

/// The address of a form, opened without the form: from the history, or after the address bar was pressed.
pub async fn too_late(visit: Visit) -> Response {
    error_page(visit, ErrorId::Expired)
}

/// No such page.
pub async fn not_found(visit: Visit) -> Response {
    error_page(visit, ErrorId::NotFound)
}

/// A failed use case as the JSON of a protocol endpoint (RFC 6749, 5.2).
pub fn protocol(visit: &Visit, error: &Error) -> Response {
    note(&visit.ctx, error);
    let mut response = protocol_error(&error.as_protocol());
    if let Some(after) = error.after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs() + 1));
    }
    response
}

/// Travels with the answer to [`super::layer::observe`], which counts it.
#[derive(Clone, Copy)]
pub struct Refused(pub Code);

/// A protocol error as JSON. Never stored by anybody (RFC 6749, 5.1).
pub fn protocol_error(error: &ProtocolError) -> Response {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = Json(json!({ "error": error.code.as_str(), "error_description": error.description }));
    let mut response = (status, [(header::CACHE_CONTROL, "no-store")], body).into_response();
    response.extensions_mut().insert(Refused(error.code));
    let headers = response.headers_mut();
    match error.code {
        // RFC 6749, 5.2: the scheme the client used; Basic is the one we challenge with.
        Code::InvalidClient => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"mingji\""));
        }
        Code::TemporarilyUnavailable => {
            headers.insert(header::RETRY_AFTER, RETRY_SECONDS);
        }
        _ => {}
    }
    response
}

/// Leaves the internal text in the log.
pub fn note(ctx: &Ctx, error: &Error) {
    let request_id = ctx.request_id;
    match error.kind {
        Kind::Internal => tracing::error!(%request_id, reason = %error.internal, "failed"),
        Kind::Busy => tracing::warn!(%request_id, reason = %error.internal, "busy"),
        _ => tracing::info!(%request_id, reason = %error.internal, "refused"),
    }
}
