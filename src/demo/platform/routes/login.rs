//! `GET` and `POST {base}login`: begins a sign-in, whether somebody pressed our button or the provider's
//! application list sent the person here (OpenID Connect Core, 4: third-party-initiated login).

use std::sync::Arc;

use axum::Form;
use axum::extract::{Query, State};
use axum::response::Response;
use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow};
use openidconnect::{CsrfToken, LanguageTag, LoginHint, Nonce, PkceCodeChallenge, Scope};
use serde::Deserialize;
use url::Url;

use crate::demo::platform::attempt::Attempt;
use crate::demo::platform::error::Error;
use crate::demo::platform::visit::{Visit, attempt_cookie};
use crate::demo::platform::{Platform, pages};

/// What may be asked of us.
#[derive(Deserialize)]
pub(super) struct Wish {
    /// The issuer that sends the person; must be ours.
    iss: Option<String>,
    login_hint: Option<String>,
    /// Where the person wants to be afterwards; must be a page of ours.
    target_link_uri: Option<String>,
    prompt: Option<Prompt>,
}

/// Prompts that our own buttons use.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Prompt {
    None,
    Login,
    SelectAccount,
}

pub(super) async fn by_query(
    State(platform): State<Arc<Platform>>,
    visit: Visit,
    wish: Result<Query<Wish>, axum::extract::rejection::QueryRejection>,
) -> Response {
    begin(&platform, &visit, wish.ok().map(|Query(wish)| wish)).await
}

pub(super) async fn by_form(
    State(platform): State<Arc<Platform>>,
    visit: Visit,
    wish: Result<Form<Wish>, axum::extract::rejection::FormRejection>,
) -> Response {
    begin(&platform, &visit, wish.ok().map(|Form(wish)| wish)).await
}

async fn begin(platform: &Platform, visit: &Visit, wish: Option<Wish>) -> Response {
    let begun = match wish {
        Some(wish) => authorize(platform, visit, wish).await,
        None => Err(Error::Request("login")),
    };
    match begun {
        Err(error) => pages::error(platform, visit, &error),
        Ok((url, attempt)) => {
            let mut cookies = visit.crowded_out(platform);
            cookies.push(attempt_cookie(&platform.settings, &attempt));
            pages::redirect(url.as_str(), cookies)
        }
    }
}

/// The authorization request (OpenID Connect Core, 3.1.2.1) and what its answer must match.
async fn authorize(platform: &Platform, visit: &Visit, wish: Wish) -> Result<(Url, Attempt), Error> {
    if wish.iss.is_some_and(|issuer| issuer != platform.provider.issuer.as_str()) {
        return Err(Error::Issuer);
    }
    let target = match &wish.target_link_uri {
        None => platform.at("space"),
        Some(target) => own_page(platform, target).ok_or(Error::Request("target_link_uri"))?,
    };
    let known = platform.provider.known().await?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let scopes = platform.settings.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new);
    let mut request = known
        .client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(scopes)
        .add_ui_locale(LanguageTag::new(visit.locale.tag().to_owned()))
        .set_pkce_challenge(challenge);
    if let Some(hint) = wish.login_hint {
        request = request.set_login_hint(LoginHint::new(hint));
    }
    if let Some(prompt) = wish.prompt {
        request = request.add_prompt(prompt.into());
    }
    let (url, state, nonce) = request.url();
    let began = (platform.provider.now)().timestamp();
    Ok((url, Attempt { state, nonce, verifier, target, began }))
}

impl From<Prompt> for CoreAuthPrompt {
    fn from(prompt: Prompt) -> Self {
        match prompt {
            Prompt::None => Self::None,
            Prompt::Login => Self::Login,
            Prompt::SelectAccount => Self::SelectAccount,
        }
    }
}

/// A page of ours as path and query; `None` for any other place, or we would be an open redirector.
fn own_page(platform: &Platform, target: &str) -> Option<String> {
    let url = Url::parse(target).ok()?;
    let base = &platform.settings.base_url;
    if url.origin() != base.origin() || !url.path().starts_with(base.path()) || url.path().starts_with("//") {
        return None;
    }
    Some(match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    })
}
