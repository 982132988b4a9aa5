//! The checks of an authorization request: small functions, and one visible table of which entrance runs
//! which. The first failure ends the request. Until the redirection URI is known to be the client's,
//! a failure is a page ([`Failure::Page`]); after that it is an error response at that address
//! (RFC 6749, 4.1.2.1).

use std::collections::BTreeSet;

use super::authorization_details::Details;
use super::claims_request::ClaimsRequest;
use super::client::{Client, ClientStatus};
use super::dpop::is_thumbprint;
use super::elsewhere::{Asked, Way};
use super::error::{Code, ProtocolError};
use super::params::Params;
use super::pkce::Challenge;
use super::request::{Answered, AuthorizationRequest, Prompt};
use super::resource::Targets;
use super::response::{ResponseMode, ResponseType};
use super::scope::{Scope, ScopeSet};
use crate::domain::id::InteractionId;
use crate::domain::registry::user_name::UserName;
use crate::domain::time::Timestamp;

/// The ways an authorization request comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// GET or POST at the authorization endpoint.
    Authorize,
    /// A page of ours brings the sealed request back.
    Resume,
    /// An object that is not believed: only the address beside it may hear of that.
    Beside,
    /// POST at the device authorization endpoint.
    Device,
    /// POST at the backchannel authentication endpoint.
    Ciba,
    /// A page of ours brings a sealed question of another device back.
    Answer,
}

/// Pages that stand in for an answer to the client (contract, “HTTP”).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// `err-client`
    Client,
    /// `err-redirect-uri`
    RedirectUri,
}

/// Why a request ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Shown, never redirected: the client or its address is not to be trusted.
    Page(Stop),
    /// Sent to the client's registered address.
    Redirect(ProtocolError),
}

type Check = fn(&Params, &Client) -> Result<(), Failure>;

use Entrance::{Answer, Authorize, Beside, Ciba, Device, Resume};

/// Check × entrance, in the order in which they run. What needs the raw parameters was settled before a
/// request is sealed; what can change while a person types runs again on resume.
pub const TABLE: &[(&str, Check, &[Entrance])] = &[
    ("client is active", client_is_active, &[Authorize, Resume, Beside, Device, Ciba, Answer]),
    ("redirect_uri is registered", redirect_uri_is_registered, &[Authorize, Resume, Beside]),
    ("no parameter is repeated", nothing_is_repeated, &[Authorize, Device, Ciba]),
    ("device grant is registered", device_grant, &[Device]),
    ("CIBA grant is registered", ciba_grant, &[Ciba]),
    ("what is not served is refused", nothing_unserved, &[Authorize]),
    ("response_type", response_type, &[Authorize, Resume]),
    ("response_mode", response_mode, &[Authorize]),
    ("nonce", nonce, &[Authorize]),
    ("scope", scope, &[Authorize, Device, Ciba]),
    ("claims", claims, &[Authorize]),
    ("prompt", prompt, &[Authorize]),
    ("max_age", max_age, &[Authorize]),
    ("PKCE", pkce, &[Authorize]),
    ("dpop_jkt", dpop_jkt, &[Authorize]),
    ("authorization_details", authorization_details, &[Authorize, Device, Ciba]),
    ("sizes", sizes, &[Authorize, Device, Ciba]),
];

/// The parameters of an authorization request that anybody here reads; all others are ignored (RFC 6749, 3.1).
pub const READ: &[&str] = &[
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "claims",
    "prompt",
    "max_age",
    "code_challenge",
    "code_challenge_method",
    "dpop_jkt",
    "login_hint",
    "id_token_hint",
    "ui_locales",
    "claims_locales",
    "resource",
    "authorization_details",
];

/// Runs the checks of an entrance.
///
/// # Errors
/// The first failure.
pub fn run(entrance: Entrance, params: &Params, client: &Client) -> Result<(), Failure> {
    TABLE
        .iter()
        .filter(|(_, _, entrances)| entrances.contains(&entrance))
        .try_for_each(|(_, check, _)| check(params, client))
}

/// Runs the checks of the authorization endpoint and reads the request.
///
/// # Errors
/// The first failure.
pub fn authorize(
    params: &Params,
    client: &Client,
    interaction: InteractionId,
    now: Timestamp,
) -> Result<AuthorizationRequest, Failure> {
    run(Authorize, params, client)?;
    let own = |name: &str| params.get(name).map(str::to_owned);
    let response_type = asked_response_type(params).map_err(Failure::Redirect)?;
    let claims = asked_claims(params, client).map_err(Failure::Redirect)?;
    Ok(AuthorizationRequest {
        interaction,
        client_id: client.id,
        redirect_uri: own("redirect_uri").ok_or(Failure::Page(Stop::RedirectUri))?,
        response_type,
        response_mode: asked_response_mode(params, response_type).map_err(Failure::Redirect)?,
        state: own("state"),
        nonce: own("nonce"),
        scope: granted_scope(params, client, response_type),
        claims: claims.single,
        acr: claims.acr,
        challenge: params.get("code_challenge").and_then(Challenge::parse),
        dpop_jkt: own("dpop_jkt"),
        prompt: prompts(params)?,
        max_age: params.get("max_age").and_then(|text| text.parse().ok()).or(client.metadata.default_max_age),
        // R9: a 学籍号 or a phone in the hint is dropped; only our own opaque user names go into the form.
        login_hint: params.get("login_hint").and_then(|hint| UserName::parse(hint).ok()).map(|name| name.to_string()),
        hinted_sub: claims.sub,
        ui_locales: own("ui_locales"),
        claims_locales: own("claims_locales"),
        targets: Targets::default(),
        details: Details::default(),
        details_shown: None,
        pushed: None,
        created_at: now,
        answered: Answered::default(),
        notice: None,
        session_state: None,
        elsewhere: None,
    })
}

/// Runs the checks of an endpoint whose questions are answered on another device, and reads what is asked.
///
/// # Errors
/// The first failure; there is no page to show one.
pub fn elsewhere(entrance: Entrance, params: &Params, client: &Client) -> Result<Asked, ProtocolError> {
    match run(entrance, params, client) {
        Ok(()) => {
            let scope = granted_scope(params, client, ResponseType::CODE);
            let (details, targets) = (Details::default(), Targets::default());
            Ok(Asked { scope, details, targets, binding_message: None, from: None, page: None })
        }
        Err(Failure::Redirect(error)) => Err(error),
        Err(Failure::Page(_)) => Err(ProtocolError::new(Code::InvalidClient, "the client may not ask")),
    }
}

/// RFC 8628, 3.5 refers to RFC 6749, 5.2 for what is wrong with the client.
fn device_grant(_: &Params, client: &Client) -> Result<(), Failure> {
    registered_for(Way::Device, client)
}

fn ciba_grant(_: &Params, client: &Client) -> Result<(), Failure> {
    registered_for(Way::Ciba, client)
}

fn registered_for(way: Way, client: &Client) -> Result<(), Failure> {
    match client.may_use(way.grant_type()) {
        true => Ok(()),
        false => refuse(Code::UnauthorizedClient, "the client is not registered for this grant type"),
    }
}

fn refuse(code: Code, description: &'static str) -> Result<(), Failure> {
    Err(Failure::Redirect(ProtocolError::new(code, description)))
}

fn client_is_active(params: &Params, client: &Client) -> Result<(), Failure> {
    if params.is_repeated("client_id") || client.status != ClientStatus::Active {
        Err(Failure::Page(Stop::Client))
    } else {
        Ok(())
    }
}

/// RFC 9700, 2.1: "MUST utilize exact string matching". OpenID Connect Core, 3.1.2.1: `redirect_uri` is REQUIRED.
fn redirect_uri_is_registered(params: &Params, client: &Client) -> Result<(), Failure> {
    match params.get("redirect_uri") {
        Some(uri) if client.redirects_to(uri) => Ok(()),
        _ => Err(Failure::Page(Stop::RedirectUri)),
    }
}

fn nothing_is_repeated(params: &Params, _: &Client) -> Result<(), Failure> {
    params.refuse_repeated().map_err(Failure::Redirect)
}

/// OpenID Connect Core, 7.2.1: what is not supported is refused by name, never ignored.
fn nothing_unserved(params: &Params, _: &Client) -> Result<(), Failure> {
    if params.get("registration").is_some() {
        return refuse(Code::RegistrationNotSupported, "registration is not served");
    }
    Ok(())
}

fn response_type(params: &Params, client: &Client) -> Result<(), Failure> {
    let kind = asked_response_type(params).map_err(Failure::Redirect)?;
    if client.may_receive(kind) {
        Ok(())
    } else {
        refuse(Code::UnauthorizedClient, "the client is not registered for this response_type")
    }
}

fn asked_response_type(params: &Params) -> Result<ResponseType, ProtocolError> {
    let text =
        params.get("response_type").ok_or(ProtocolError::new(Code::InvalidRequest, "response_type is missing"))?;
    ResponseType::parse(text)
        .ok_or(ProtocolError::new(Code::UnsupportedResponseType, "this response_type is not served"))
}

fn response_mode(params: &Params, _: &Client) -> Result<(), Failure> {
    let asked = asked_response_type(params).and_then(|kind| asked_response_mode(params, kind));
    asked.map(|_| ()).map_err(Failure::Redirect)
}

fn asked_response_mode(params: &Params, kind: ResponseType) -> Result<ResponseMode, ProtocolError> {
    ResponseMode::of(kind, params.get("response_mode"))
        .ok_or(ProtocolError::new(Code::InvalidRequest, "this response_mode is not served for this response_type"))
}

/// OpenID Connect Core, 3.2.2.1 and 3.3.2.11: an ID token that comes through the browser is bound to its request.
fn nonce(params: &Params, _: &Client) -> Result<(), Failure> {
    let kind = asked_response_type(params).map_err(Failure::Redirect)?;
    if kind.has_id_token() && params.get("nonce").is_none() {
        return refuse(Code::InvalidRequest, "nonce is needed for this response_type");
    }
    Ok(())
}

fn requested_scope(params: &Params) -> ScopeSet {
    ScopeSet::parse(params.get("scope").unwrap_or_default())
}

/// What the client may have of what it asks. OpenID Connect Core, 11: `offline_access` is ignored where no code is given.
fn granted_scope(params: &Params, client: &Client, kind: ResponseType) -> ScopeSet {
    let scope = requested_scope(params).intersect(&client.allowed_scopes());
    if kind.has_code() { scope } else { scope.without(Scope::OfflineAccess) }
}

fn scope(params: &Params, client: &Client) -> Result<(), Failure> {
    if !requested_scope(params).has(Scope::Openid) {
        return refuse(Code::InvalidScope, "scope openid is needed");
    }
    if !client.allowed_scopes().has(Scope::Openid) {
        return refuse(Code::InvalidScope, "the client may not ask for openid");
    }
    Ok(())
}

fn claims(params: &Params, client: &Client) -> Result<(), Failure> {
    asked_claims(params, client).map(|_| ()).map_err(Failure::Redirect)
}

fn asked_claims(params: &Params, client: &Client) -> Result<ClaimsRequest, ProtocolError> {
    let text = params.get("claims");
    text.map_or(Ok(ClaimsRequest::default()), |text| ClaimsRequest::parse(text, &client.allowed_scopes()))
}

fn prompt(params: &Params, _: &Client) -> Result<(), Failure> {
    let prompts = prompts(params)?;
    // OpenID Connect Core, 3.1.2.1: "If this parameter contains none with any other value, an error is returned."
    if prompts.contains(&Prompt::None) && prompts.len() > 1 {
        return refuse(Code::InvalidRequest, "prompt none cannot stand with another");
    }
    Ok(())
}

fn prompts(params: &Params) -> Result<BTreeSet<Prompt>, Failure> {
    params
        .get("prompt")
        .unwrap_or_default()
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| match word {
            "none" => Ok(Prompt::None),
            "login" => Ok(Prompt::Login),
            "consent" => Ok(Prompt::Consent),
            "select_account" => Ok(Prompt::SelectAccount),
            "create" => Ok(Prompt::Create),
            _ => Err(Failure::Redirect(ProtocolError::new(
                Code::InvalidRequest,
                "prompt is not one of none, login, consent, select_account, create",
            ))),
        })
        .collect()
}

fn max_age(params: &Params, _: &Client) -> Result<(), Failure> {
    match params.get("max_age").map(str::parse::<u64>) {
        Some(Err(_)) => refuse(Code::InvalidRequest, "max_age is not a number of seconds"),
        _ => Ok(()),
    }
}

/// RFC 9700, 2.1.1 and R14. A challenge is verified whenever one was sent, so leaving it out is no downgrade. Where no
/// code is given there is nothing to challenge.
fn pkce(params: &Params, client: &Client) -> Result<(), Failure> {
    let needed = client.requires_pkce() && asked_response_type(params).is_ok_and(ResponseType::has_code);
    match (params.get("code_challenge"), params.get("code_challenge_method")) {
        (None, None) if needed => refuse(Code::InvalidRequest, "code_challenge is needed"),
        (None, None) => Ok(()),
        (None, Some(_)) => refuse(Code::InvalidRequest, "code_challenge_method without code_challenge"),
        (Some(challenge), Some("S256")) if Challenge::parse(challenge).is_some() => Ok(()),
        (Some(_), Some("S256")) => {
            refuse(Code::InvalidRequest, "code_challenge is not the base64url text of a SHA-256 digest")
        }
        // RFC 7636, 4.3: a missing method means plain, which is not served (RFC 9700, 2.1.1).
        (Some(_), _) => refuse(Code::InvalidRequest, "code_challenge_method must be S256"),
    }
}

/// RFC 9449, 10.
fn dpop_jkt(params: &Params, _: &Client) -> Result<(), Failure> {
    match params.get("dpop_jkt") {
        Some(text) if !is_thumbprint(text) => {
            refuse(Code::InvalidRequest, "dpop_jkt is not the base64url text of a SHA-256 thumbprint")
        }
        _ => Ok(()),
    }
}

/// How they are written; whether the client may have them is asked of the types that there are (RFC 9396, 5). What a
/// browser's address bar, its history and every script of the page can read carries none.
fn authorization_details(params: &Params, _: &Client) -> Result<(), Failure> {
    let Some(text) = params.get("authorization_details") else { return Ok(()) };
    if asked_response_type(params).is_ok_and(ResponseType::has_token) {
        return refuse(Code::InvalidRequest, "authorization_details need a response_type whose tokens come for a code");
    }
    Details::parse(text).map(|_| ()).map_err(Failure::Redirect)
}

/// What is sealed travels with the browser and must fit its forms.
fn sizes(params: &Params, _: &Client) -> Result<(), Failure> {
    const LIMITS: &[(&str, usize)] = &[
        ("state", 2048),
        ("nonce", 1024),
        ("scope", 1024),
        ("redirect_uri", 2048),
        ("claims", 4096),
        ("ui_locales", 256),
        ("claims_locales", 256),
    ];
    if LIMITS.iter().any(|(name, limit)| params.get(name).is_some_and(|value| value.len() > *limit)) {
        return refuse(Code::InvalidRequest, "a parameter is too long");
    }
    Ok(())
}
