//! A client's page, and what is done there.

use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::ExposeSecret as _;

use super::{client_path, failed, note, recent_visitor, sign_in, visitor};
use crate::app::App;
use crate::app::clients::Registered;
use crate::app::console::{Faults, Shown, Visitor};
use crate::domain::id::ClientId;
use crate::domain::locale::Locale;
use crate::domain::oidc::client::{Client, ClientStatus};
use crate::domain::oidc::fault::Fault;
use crate::domain::time::Timestamp;
use crate::http::error;
use crate::http::extract::{Fields, Visit};
use crate::http::oidc::authorize::redirect;
use crate::http::pages::interaction::name;
use crate::http::pages::respond::{FormTargets, page};
use crate::http::pages::views::{
    ClientFacts, ConsoleClient, ConsoleNote, ConsoleSecret, FaultGroup, FaultLine, Got, OldSecretView,
};
use crate::http::urls::path;

/// The page.
pub async fn show(State(app): State<App>, Path(id): Path<String>, RawQuery(query): RawQuery, visit: Visit) -> Response {
    let Ok(id) = id.parse::<ClientId>() else { return error::not_found(visit).await };
    let (visit, visitor) = match visitor(&app, visit, &client_path(id)).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let admin = visitor.who.session.person;
    match app.console_client(&visit.ctx, visitor, id).await {
        Ok(shown) => {
            let (locale, now) = (visit.ctx.locale, visit.ctx.now);
            let html = ConsoleClient { note: note(query.as_deref()), ..view(shown, locale, now) }.render(locale);
            visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
        }
        Err(why) => failed(visit, admin, &why),
    }
}

/// Signs in again, and comes back.
pub async fn again(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Response {
    let Ok(id) = id.parse::<ClientId>() else { return error::not_found(visit).await };
    match visitor(&app, visit, &client_path(id)).await {
        Ok((visit, _)) => sign_in(&app, visit, &client_path(id)),
        Err(answer) => answer,
    }
}

/// The address of a form, opened without it, or its page in another language: back to the client.
pub async fn back(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Response {
    match id.parse::<ClientId>() {
        Ok(id) => redirect(visit, &app.issuer().at(&client_path(id))),
        Err(_) => error::not_found(visit).await,
    }
}

/// Replaces the secret.
pub async fn rotate(State(app): State<App>, Path(id): Path<String>, visit: Visit, fields: Fields) -> Response {
    let (visit, visitor, which) = match change(&app, visit, &id, &fields).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let overlap = match fields.get("overlap") {
        Some("keep") => None,
        text => match text.and_then(|text| text.parse().ok()) {
            Some(seconds) => Some(Duration::from_secs(seconds)),
            None => return error::too_late(visit).await,
        },
    };
    match app.console_rotate(&visit.ctx, &visitor, which, overlap).await {
        Ok(registered) => shown_once(visit, &visitor, &registered, Got::Secret),
        Err(why) => failed(visit, visitor.who.session.person, &why),
    }
}

/// Ends the old secret.
pub async fn end_old_secret(State(app): State<App>, Path(id): Path<String>, visit: Visit, fields: Fields) -> Response {
    let (visit, visitor, which) = match change(&app, visit, &id, &fields).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    match app.console_end_old_secret(&visit.ctx, &visitor, which).await {
        Ok(()) => {
            let to = format!("{}?told={}", client_path(which.0), ConsoleNote::OldEnded.as_str());
            redirect(visit, &app.issuer().at(&to))
        }
        Err(why) => failed(visit, visitor.who.session.person, &why),
    }
}

/// Takes the client out of use, or lets it back in.
pub async fn suspend(State(app): State<App>, Path(id): Path<String>, visit: Visit, fields: Fields) -> Response {
    let (visit, visitor, which) = match change(&app, visit, &id, &fields).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let (suspended, told) = match fields.get("suspended") {
        Some("yes") => (true, ConsoleNote::Suspended),
        Some("no") => (false, ConsoleNote::Resumed),
        _ => return redirect(visit, &app.issuer().at(&client_path(which.0))),
    };
    match app.console_suspend(&visit.ctx, &visitor, which, suspended).await {
        Ok(()) => redirect(visit, &app.issuer().at(&format!("{}?told={}", client_path(which.0), told.as_str()))),
        Err(why) => failed(visit, visitor.who.session.person, &why),
    }
}

/// Removes the client.
pub async fn remove(State(app): State<App>, Path(id): Path<String>, visit: Visit, fields: Fields) -> Response {
    let (visit, visitor, which) = match change(&app, visit, &id, &fields).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    if fields.get("confirm") != Some("yes") {
        return redirect(visit, &app.issuer().at(&client_path(which.0)));
    }
    match app.console_remove(&visit.ctx, &visitor, which).await {
        Ok(()) => {
            let to = format!("{}?told={}", path::CONSOLE, ConsoleNote::Removed.as_str());
            redirect(visit, &app.issuer().at(&to))
        }
        Err(why) => failed(visit, visitor.who.session.person, &why),
    }
}

/// Whoever changes something proved herself lately, and says which version of which client she means.
async fn change(
    app: &App,
    visit: Visit,
    id: &str,
    fields: &Fields,
) -> Result<(Visit, Visitor, (ClientId, i64)), Response> {
    let version = fields.get("version").and_then(|text| text.parse().ok());
    let (Ok(id), Some(version)) = (id.parse::<ClientId>(), version) else {
        return Err(error::not_found(visit).await);
    };
    let (visit, visitor) = recent_visitor(app, visit, &client_path(id)).await?;
    Ok((visit, visitor, (id, version)))
}

/// The page that shows a secret, once.
pub(super) fn shown_once(visit: Visit, visitor: &Visitor, registered: &Registered, got: Got) -> Response {
    let client = &registered.client;
    let good = |until: Timestamp| (visit.ctx.now < until).then(|| until.shanghai_minute());
    let view = ConsoleSecret {
        who: name(&visitor.who),
        got,
        id: client.id.to_string(),
        name: client.display_name(visit.ctx.locale == Locale::En),
        secret: registered.secret.as_ref().map(|secret| secret.expose_secret().to_owned()),
        old_until: client.old_secret.as_ref().and_then(|old| good(old.until)),
    };
    let html = view.render(visit.ctx.locale);
    visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
}

fn view(shown: Shown, locale: Locale, now: Timestamp) -> ConsoleClient {
    let client = &shown.client;
    ConsoleClient {
        who: name(&shown.visitor.who),
        id: client.id.to_string(),
        client_id: client.client_id(),
        name: client.display_name(locale == Locale::En),
        institution: shown.institution,
        version: client.version,
        facts: facts(client),
        has_secret: client.secret_digest.is_some(),
        answered_unproven: client.is_answered_unproven_with_secret(),
        old_secret: client
            .old_secret
            .as_ref()
            .map(|old| OldSecretView { good: now < old.until, until: old.until.shanghai_minute() }),
        may_change: shown.may_change,
        may_resume: shown.may_resume,
        has_document: client.document.is_some(),
        recent: shown.visitor.recent,
        faults: shown.faults.into_iter().map(group).collect(),
        note: None,
    }
}

fn facts(client: &Client) -> ClientFacts {
    let metadata = &client.metadata;
    ClientFacts {
        is_application: client.is_application(),
        suspended: client.status != ClientStatus::Active,
        redirect_uris: metadata.redirect_uris.clone(),
        auth_method: metadata.token_endpoint_auth_method.as_str(),
        scope: metadata.scope.clone().unwrap_or_else(|| client.allowed_scopes().to_string()),
        grant_types: metadata.grant_types.clone(),
        id_token_alg: metadata.id_token_signed_response_alg.to_string(),
        requires_pkce: client.requires_pkce(),
        is_fapi: client.is_fapi(),
        requires_push: client.requires_push(),
        requires_signed: metadata.require_signed_request_object,
        dpop_bound: metadata.dpop_bound_access_tokens,
        mtls_bound: metadata.tls_client_certificate_bound_access_tokens,
        post_logout_uris: metadata.post_logout_redirect_uris.clone(),
        backchannel_uri: metadata.backchannel_logout_uri.clone(),
        initiate_login_uri: metadata.initiate_login_uri.clone(),
    }
}

fn group(faults: Faults) -> FaultGroup {
    FaultGroup { kind: faults.kind, lines: faults.last.into_iter().map(line).collect() }
}

fn line(fault: Fault) -> FaultLine {
    FaultLine {
        at: fault.at.shanghai_minute(),
        endpoint: fault.endpoint.as_str(),
        code: fault.code,
        said: fault.said,
        request_id: fault.request_id.to_string(),
        times: fault.times,
        proven: fault.proven,
        difference: fault.difference,
    }
}
