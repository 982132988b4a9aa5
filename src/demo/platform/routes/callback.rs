//! `GET {base}callback`: the provider's answer. The order of the checks matters: nothing in an answer is
//! believed before its `state` shows that this browser asked, and its `iss` that our provider answers.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use chrono::DateTime;
use serde::Deserialize;

use crate::demo::platform::attempt::{Attempt, LIFE, digest};
use crate::demo::platform::error::Error;
use crate::demo::platform::visit::{Visit, no_attempt, session_cookie};
use crate::demo::platform::{Platform, grant, pages};

/// RFC 6749, 4.1.2, with RFC 9207, 2.
#[derive(Default, Deserialize)]
pub(super) struct Answer {
    state: Option<String>,
    iss: Option<String>,
    code: Option<String>,
    error: Option<String>,
}

pub(super) async fn receive(
    State(platform): State<Arc<Platform>>,
    visit: Visit,
    answer: Result<Query<Answer>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let answer = answer.map(|Query(answer)| answer).unwrap_or_default();
    let state = answer.state.clone().unwrap_or_default();
    match sign_in(&platform, &visit, answer).await {
        Ok((target, cookie)) => {
            let cookies = vec![no_attempt(&platform.settings, &state), session_cookie(&platform.settings, cookie)];
            pages::redirect(&target, cookies)
        }
        Err(error) => pages::error(&platform, &visit, &error),
    }
}

async fn sign_in(platform: &Platform, visit: &Visit, answer: Answer) -> Result<(String, String), Error> {
    let attempt = attempt_of(platform, visit, answer.state.as_deref()).await?;
    // RFC 9207, 2.4: our provider says that it sends `iss`, so an answer without it is not from there.
    if answer.iss.as_deref() != Some(platform.provider.issuer.as_str()) {
        return Err(Error::Issuer);
    }
    if let Some(code) = answer.error {
        return Err(Error::Refused(readable(&code)));
    }
    let code = answer.code.ok_or(Error::Request("code"))?;
    let target = attempt.target.clone();
    let session = grant::from_code(&platform.provider, attempt, code).await?;
    if let Some((before, _)) = &visit.session {
        platform.sessions.close(before).await?;
    }
    Ok((target, platform.sessions.open(session).await?))
}

/// The attempt behind a `state`, once.
async fn attempt_of(platform: &Platform, visit: &Visit, state: Option<&str>) -> Result<Attempt, Error> {
    let attempt = state.and_then(|state| visit.attempt(platform, state)).ok_or(Error::State)?;
    let now = (platform.provider.now)();
    let until = DateTime::from_timestamp(attempt.began, 0).map_or(now, |began| began + LIFE);
    let name = format!("state:{}", digest(attempt.state.secret()));
    if platform.sessions.use_once(&name, until, now).await? { Ok(attempt) } else { Err(Error::State) }
}

/// An error code as RFC 6749, 4.1.2.1 allows it, short enough for a page; anything else is no code.
fn readable(code: &str) -> String {
    let allowed = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    let sound = !code.is_empty() && code.len() <= 64 && code.chars().all(allowed);
    if sound { code.to_owned() } else { "invalid_response".to_owned() }
}
