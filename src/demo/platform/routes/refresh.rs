//! `POST {base}refresh`, and the refresh that happens by itself before an access token ends.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use chrono::TimeDelta;

use super::{OurForm, session_of_form};
use crate::demo::platform::error::Error;
use crate::demo::platform::session::{Session, SessionKey};
use crate::demo::platform::visit::{Visit, no_session};
use crate::demo::platform::{Platform, grant, pages};

/// An access token with less than this to live is renewed first.
const EARLY: TimeDelta = TimeDelta::seconds(30);

/// The button.
pub(super) async fn press(State(platform): State<Arc<Platform>>, visit: Visit, Form(form): Form<OurForm>) -> Response {
    let refreshed = match session_of_form(&visit, &form) {
        Ok((key, session)) => renew(&platform, &key, &session).await,
        Err(error) => Err(error),
    };
    match refreshed {
        Ok(_) => pages::redirect(&platform.at("space"), Vec::new()),
        Err(error @ Error::NoSession) => ended(&platform, &visit, &error),
        Err(error) => pages::error(&platform, &visit, &error),
    }
}

/// The session with tokens that live a while; refreshed if need be. A provider that does not answer is no
/// reason to send anybody away.
///
/// # Errors
/// [`Error::NoSession`] when the provider ended the session.
pub(super) async fn when_due(platform: &Platform, key: &SessionKey, session: Session) -> Result<Session, Error> {
    let due = session.access_ends < (platform.provider.now)() + EARLY;
    if !due || session.refresh_token.is_none() {
        return Ok(session);
    }
    match renew(platform, key, &session).await {
        Err(error @ Error::Provider(_)) => {
            tracing::warn!(%error, "a refresh did not work; the old data are shown");
            Ok(session)
        }
        outcome => outcome,
    }
}

/// The page for somebody whose session ended, without its cookie.
pub(super) fn ended(platform: &Platform, visit: &Visit, error: &Error) -> Response {
    pages::with_cookie(pages::error(platform, visit, error), &no_session(&platform.settings))
}

/// Refreshes a session, one at a time: whoever waited finds the new tokens and is content with them.
async fn renew(platform: &Platform, key: &SessionKey, seen: &Session) -> Result<Session, Error> {
    let turn = platform.sessions.turn(key);
    let _turn = turn.lock().await;
    let current = platform.sessions.get(key).ok_or(Error::NoSession)?;
    if current.access_token != seen.access_token {
        return Ok(current);
    }
    match grant::from_refresh(&platform.provider, &current).await {
        // RFC 6749, 5.2: the grant is gone, because of a sign-out or a withdrawn consent. So is our session.
        Err(Error::Refused(code)) if code == "invalid_grant" => {
            platform.sessions.close(key).await?;
            Err(Error::NoSession)
        }
        Err(error) => Err(error),
        Ok(session) => {
            let kept = platform.sessions.replace(key, session.clone()).await?;
            if kept { Ok(session) } else { Err(Error::NoSession) }
        }
    }
}
