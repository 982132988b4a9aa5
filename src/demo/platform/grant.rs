//! From a code or a refresh token to what a session holds: tokens exchanged, the ID token verified, and
//! userinfo read about the same person.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm};
use openidconnect::{
    AccessToken, AccessTokenHash, AuthorizationCode, ClaimsVerificationError, IdToken, IdTokenClaims, Nonce,
    OAuth2TokenResponse as _, RefreshToken, RequestTokenError, SignatureVerificationError, StandardErrorResponse,
    SubjectIdentifier, TokenResponse as _, UserInfoClaims, UserInfoError,
};
use serde_json::Value;

use super::attempt::Attempt;
use super::claims::EduClaims;
use super::error::Error;
use super::provider::{ALGORITHMS, Known, Provider, Tokens, source_of};
use super::session::Session;
use super::wire::WireError;

/// An ID token with our claims.
pub(super) type OurIdToken =
    IdToken<EduClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type OurIdTokenClaims = IdTokenClaims<EduClaims, CoreGenderClaim>;

/// Assumed where the provider does not say how long an access token lives (RFC 6749, 5.1: it SHOULD).
const ACCESS_LIFE: TimeDelta = TimeDelta::minutes(5);
/// How far the provider's clock may be ahead of ours.
const SKEW: TimeDelta = TimeDelta::seconds(60);

/// Redeems a code (RFC 6749, 4.1.3 with RFC 7636) and begins a session from what came back.
pub(super) async fn from_code(provider: &Provider, attempt: Attempt, code: String) -> Result<Session, Error> {
    let known = provider.known().await?;
    let request = known
        .client
        .exchange_code(AuthorizationCode::new(code))
        .map_err(|error| Error::Provider(error.to_string()))?
        .set_pkce_verifier(attempt.verifier);
    let tokens = request.request_async(&provider.wire).await.map_err(token_error)?;
    let id_token = tokens.id_token().ok_or_else(|| Error::IdToken("none in the token response".into()))?;
    let expected = attempt.nonce.secret().to_owned();
    let (known, claims) = verify(provider, known, id_token, Some(&expected)).await?;
    check_access_token(&known, id_token, &claims, tokens.access_token())?;

    let now = (provider.now)();
    let mut session = Session {
        issuer: provider.issuer.to_string(),
        sub: claims.subject().to_string(),
        sid: claims.additional_claims().sid.clone(),
        id_token: id_token.to_string(),
        access_token: String::new(),
        access_ends: now,
        refresh_token: None,
        scope: String::new(),
        userinfo: Value::Null,
        csrf: openidconnect::CsrfToken::new_random_len(32).into_secret(),
        since: now,
        vouched: now,
    };
    take_tokens(&mut session, &tokens, now);
    session.userinfo = userinfo(provider, &known, &session).await?;
    Ok(session)
}

/// Refreshes (RFC 6749, 6). A provider may give a new refresh token or leave us the old one; it may send a
/// new ID token, which then must be about the same person (OpenID Connect Core, 12.2).
pub(super) async fn from_refresh(provider: &Provider, old: &Session) -> Result<Session, Error> {
    let known = provider.known().await?;
    let refresh = RefreshToken::new(old.refresh_token.clone().ok_or(Error::NoSession)?);
    let request = known.client.exchange_refresh_token(&refresh).map_err(|error| Error::Provider(error.to_string()))?;
    let tokens = request.request_async(&provider.wire).await.map_err(token_error)?;
    let mut session = old.clone();
    let mut latest = known.clone();
    if let Some(id_token) = tokens.id_token() {
        let (known, claims) = verify(provider, known.clone(), id_token, None).await?;
        same_person(old, &claims)?;
        check_access_token(&known, id_token, &claims, tokens.access_token())?;
        session.id_token = id_token.to_string();
        session.sid = claims.additional_claims().sid.clone().or(session.sid);
        latest = known;
    }
    let now = (provider.now)();
    take_tokens(&mut session, &tokens, now);
    session.vouched = now;
    // The old refresh token may be spent by now: the new ones must not be lost over an answer that can wait.
    match userinfo(provider, &latest, &session).await {
        Ok(fresh) => session.userinfo = fresh,
        Err(error) => tracing::warn!(%error, "userinfo stays as it was before the refresh"),
    }
    Ok(session)
}

fn take_tokens(session: &mut Session, tokens: &Tokens, now: DateTime<Utc>) {
    let life = tokens.expires_in().and_then(|life| TimeDelta::from_std(life).ok()).unwrap_or(ACCESS_LIFE);
    session.access_token = tokens.access_token().secret().clone();
    session.access_ends = now.checked_add_signed(life).unwrap_or(now);
    if let Some(refresh) = tokens.refresh_token() {
        session.refresh_token = Some(refresh.secret().clone());
    }
    if let Some(scopes) = tokens.scopes() {
        session.scope = scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ");
    }
}

/// OpenID Connect Core, 3.1.3.7. With `nonce` it must be that one; after a refresh it is not looked at
/// here, because the provider may leave it out. Reads the keys again, once, when the token names a new one.
async fn verify(
    provider: &Provider,
    known: Arc<Known>,
    id_token: &OurIdToken,
    nonce: Option<&str>,
) -> Result<(Arc<Known>, OurIdTokenClaims), Error> {
    match verify_with(provider, &known, id_token, nonce) {
        Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
            let newer = provider.newer_than(&known).await?;
            let newer = newer.ok_or_else(|| Error::IdToken("signed with an unknown key".into()))?;
            let claims = verify_with(provider, &newer, id_token, nonce).map_err(id_token_error)?;
            Ok((newer, claims))
        }
        outcome => outcome.map(|claims| (known, claims)).map_err(id_token_error),
    }
}

fn verify_with(
    provider: &Provider,
    known: &Known,
    id_token: &OurIdToken,
    nonce: Option<&str>,
) -> Result<OurIdTokenClaims, ClaimsVerificationError> {
    let latest = (provider.now)() + SKEW;
    let now = provider.now.clone();
    let verifier = known
        .client
        .id_token_verifier()
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || now())
        .set_issue_time_verifier_fn(
            move |issued| if issued <= latest { Ok(()) } else { Err("from the future".into()) },
        );
    let check_nonce = |found: Option<&Nonce>| match nonce {
        None => Ok(()),
        Some(expected) => openidconnect::NonceVerifier::verify(&Nonce::new(expected.to_owned()), found),
    };
    let claims = id_token.claims(&verifier, check_nonce)?;
    // Step 5: the crate leaves `azp` to us.
    if claims.authorized_party().is_some_and(|azp| *azp != provider.client_id) {
        return Err(ClaimsVerificationError::InvalidAudience("azp names another client".into()));
    }
    Ok(claims.clone())
}

/// `at_hash` binds the access token to the ID token (OpenID Connect Core, 3.1.3.8); optional in this flow,
/// checked where it is there.
fn check_access_token(
    known: &Known,
    id_token: &OurIdToken,
    claims: &OurIdTokenClaims,
    access_token: &AccessToken,
) -> Result<(), Error> {
    let Some(expected) = claims.access_token_hash() else { return Ok(()) };
    let verifier = known.client.id_token_verifier();
    let algorithm = id_token.signing_alg().map_err(|error| Error::IdToken(error.to_string()))?;
    let key = id_token.signing_key(&verifier).map_err(|error| Error::IdToken(error.to_string()))?;
    let actual =
        AccessTokenHash::from_token(access_token, algorithm, key).map_err(|error| Error::IdToken(error.to_string()))?;
    if actual == *expected { Ok(()) } else { Err(Error::IdToken("at_hash does not match the access token".into())) }
}

/// OpenID Connect Core, 12.2: `iss` and `aud` were verified; `sub`, and `nonce` where present, must not change.
fn same_person(old: &Session, claims: &OurIdTokenClaims) -> Result<(), Error> {
    let before = payload(&old.id_token);
    let nonce_changed = claims.nonce().is_some_and(|nonce| before["nonce"].as_str() != Some(nonce.secret()));
    if claims.subject().as_str() != old.sub || nonce_changed {
        return Err(Error::IdToken("the refreshed one is about another sign-in".into()));
    }
    Ok(())
}

/// Userinfo, whose `sub` the crate compares (OpenID Connect Core, 5.3.2). A provider without the endpoint
/// has told everything in the ID token.
async fn userinfo(provider: &Provider, known: &Known, session: &Session) -> Result<Value, Error> {
    let token = AccessToken::new(session.access_token.clone());
    let Ok(request) = known.client.user_info(token, Some(SubjectIdentifier::new(session.sub.clone()))) else {
        return Ok(Value::Null);
    };
    let claims: UserInfoClaims<EduClaims, CoreGenderClaim> =
        request.request_async(&provider.wire).await.map_err(userinfo_error)?;
    serde_json::to_value(claims).map_err(|error| Error::UserInfo(error.to_string()))
}

/// The claims of a token that was verified before.
pub(super) fn payload(jwt: &str) -> Value {
    use base64::Engine as _;
    let part = jwt.split('.').nth(1).unwrap_or_default();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn id_token_error(error: ClaimsVerificationError) -> Error {
    Error::IdToken(format!("{error} {}", source_of(&error)))
}

type TokenError = RequestTokenError<WireError, StandardErrorResponse<openidconnect::core::CoreErrorResponseType>>;

fn token_error(error: TokenError) -> Error {
    match error {
        RequestTokenError::ServerResponse(answer) => Error::Refused(answer.error().as_ref().to_owned()),
        // The ID token is parsed with the response, so a malformed one ends up here. Never the body: it holds tokens.
        RequestTokenError::Parse(error, _) => Error::IdToken(format!("token response: {}", error.path())),
        error => Error::Provider(format!("token endpoint: {error}: {}", source_of(&error))),
    }
}

fn userinfo_error(error: UserInfoError<WireError>) -> Error {
    match error {
        UserInfoError::ClaimsVerification(error) => Error::UserInfo(error.to_string()),
        UserInfoError::Parse(error) => Error::UserInfo(format!("shape of {}", error.path())),
        UserInfoError::Response(status, _, _) => Error::UserInfo(format!("status {status}")),
        error => Error::Provider(format!("userinfo: {error}")),
    }
}
