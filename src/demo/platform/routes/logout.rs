//! Signing out: our button (RP-Initiated Logout 1.0), the way back from it, and the provider's word that a
//! session ended elsewhere (Back-Channel Logout 1.0).

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Response};
use axum::{Form, Json};
use openidconnect::{CsrfToken, LanguageTag, LogoutRequest, PostLogoutRedirectUrl};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{OurForm, session_of_form};
use crate::demo::platform::error::Error;
use crate::demo::platform::grant::OurIdToken;
use crate::demo::platform::logout_token::{self, Logout, LogoutFault};
use crate::demo::platform::session::Session;
use crate::demo::platform::visit::{Visit, no_session, no_sign_out, sign_out_cookie};
use crate::demo::platform::{Platform, pages};

/// `POST {base}logout`: ends our session first, so that it is over even when the provider cannot be reached.
pub(super) async fn press(State(platform): State<Arc<Platform>>, visit: Visit, Form(form): Form<OurForm>) -> Response {
    let (key, session) = match session_of_form(&visit, &form) {
        Ok(found) => found,
        Err(error) => return pages::error(&platform, &visit, &error),
    };
    if let Err(error) = platform.sessions.close(&key).await {
        return pages::error(&platform, &visit, &error.into());
    }
    let gone = no_session(&platform.settings);
    let state = CsrfToken::new_random();
    match end_session(&platform, &visit, &session, &state).await {
        Some(url) => {
            let remembered = sign_out_cookie(&platform.settings, state.into_secret());
            pages::redirect(url.as_str(), vec![gone, remembered])
        }
        None => pages::redirect(&platform.at("signed-out"), vec![gone]),
    }
}

/// Where to end the session at the provider; `None` when it does not answer or has no such place.
async fn end_session(platform: &Platform, visit: &Visit, session: &Session, state: &CsrfToken) -> Option<Url> {
    let known = platform.provider.known().await.ok()?;
    let hint: OurIdToken = session.id_token.parse().ok()?;
    let back = PostLogoutRedirectUrl::new(platform.settings.url("signed-out").into()).ok()?;
    let request = LogoutRequest::from(known.end_session.clone()?)
        .set_id_token_hint(&hint)
        .set_client_id(platform.provider.client_id.clone())
        .set_post_logout_redirect_uri(back)
        .set_state(state.clone())
        .add_ui_locale(LanguageTag::new(visit.locale.tag().to_owned()));
    Some(request.http_get_url())
}

/// What the provider adds on the way back.
#[derive(Deserialize)]
pub(super) struct Back {
    state: Option<String>,
}

/// `GET {base}signed-out`: tells apart a sign-out everywhere from one that ended here only.
pub(super) async fn signed_out(
    State(platform): State<Arc<Platform>>,
    visit: Visit,
    Query(back): Query<Back>,
) -> Response {
    let everywhere = back.state.is_some_and(|state| visit.began_sign_out(&platform, &state));
    let page = pages::signed_out(&platform, &visit, everywhere);
    pages::with_cookie(page, &no_sign_out(&platform.settings))
}

/// The one parameter of Back-Channel Logout 1.0, 2.5.
#[derive(Deserialize)]
pub(super) struct Notice {
    logout_token: String,
}

/// `POST {base}backchannel-logout`: from the provider, not from a browser; no cookie counts here.
pub(super) async fn back_channel(
    State(platform): State<Arc<Platform>>,
    notice: Result<Form<Notice>, axum::extract::rejection::FormRejection>,
) -> Response {
    let outcome = match notice {
        Ok(Form(notice)) => end_by_token(&platform, &notice.logout_token).await,
        Err(_) => Err(Refusal::Token(LogoutFault::Shape)),
    };
    // Back-Channel Logout 1.0, 2.8.
    let never_kept = [(CACHE_CONTROL, "no-store")];
    match outcome {
        Ok(()) => (StatusCode::OK, never_kept).into_response(),
        Err(Refusal::Token(fault)) => {
            tracing::warn!(%fault, "a logout token was refused");
            let body = json!({ "error": "invalid_request", "error_description": fault.to_string() });
            (StatusCode::BAD_REQUEST, never_kept, Json(body)).into_response()
        }
        Err(Refusal::Ours(error)) => {
            tracing::error!(%error, "a logout token could not be obeyed");
            (StatusCode::SERVICE_UNAVAILABLE, never_kept, Json(json!({ "error": "temporarily_unavailable" })))
                .into_response()
        }
    }
}

/// Whose fault it is that nobody was signed out: a token's (400), or ours (503: the provider tries again).
enum Refusal {
    Token(LogoutFault),
    Ours(Error),
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Ours(error.into())
    }
}

async fn end_by_token(platform: &Platform, token: &str) -> Result<(), Refusal> {
    let logout = checked(platform, token).await?;
    let (sessions, now) = (&platform.sessions, (platform.provider.now)());
    if !sessions.use_once(&format!("jti:{}", logout.jti), logout.ends, now).await? {
        return Err(Refusal::Token(LogoutFault::Replayed));
    }
    let issuer = platform.provider.issuer.as_str();
    let ended = match (logout.sid, logout.sub) {
        (Some(sid), _) => sessions.close_sid(issuer, &sid).await?,
        (None, Some(sub)) => sessions.close_subject(issuer, &sub).await?,
        (None, None) => 0,
    };
    tracing::info!(ended, "the provider ended a session");
    Ok(())
}

/// Verifies a token, with newer keys if it names one that we do not know.
async fn checked(platform: &Platform, token: &str) -> Result<Logout, Refusal> {
    let provider = &platform.provider;
    let check = |keys: &_| {
        let (issuer, client) = (provider.issuer.as_str(), provider.client_id.as_str());
        logout_token::check(token, keys, issuer, client, (provider.now)()).map_err(Refusal::Token)
    };
    let known = provider.known().await?;
    match check(&known.keys) {
        Err(Refusal::Token(LogoutFault::UnknownKey)) => match provider.newer_than(&known).await? {
            Some(newer) => check(&newer.keys),
            None => Err(Refusal::Token(LogoutFault::UnknownKey)),
        },
        outcome => outcome,
    }
}
