//! Interaction policy: given what was asked and who is there, what comes next. Pure; the use case feeds it
//! what it read and shows the page it names.

use std::time::Duration;

use super::client::Client;
use super::error::{Code, ProtocolError};
use super::request::{AuthorizationRequest, Prompt};
use super::scope::Scope;
use crate::domain::auth::session::{ACRS, Session};
use crate::domain::id::IdentityId;
use crate::domain::registry::age::AgeBand;
use crate::domain::time::Timestamp;

/// What a client hears of a "no", and of one who may not say yes: which of the two it was would tell that a child is there.
pub const SAID_NO: &str = "the person said no, or may not say yes";

/// Whether a live receipt stands behind what is asked (R8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// A live one that covers the request, and when it was given.
    Covers(Timestamp),
    /// None, or it does not cover all that is asked.
    Missing,
}

/// Who is there, as far as policy needs to know.
#[derive(Clone, Debug)]
pub struct Present<'a> {
    /// Her live session.
    pub session: &'a Session,
    /// The subject that this client knows her by, where it was looked up for an `id_token_hint`.
    pub sub: Option<&'a str>,
    /// Her identities today, in their stable order.
    pub identities: &'a [IdentityId],
    /// Her age at the Shanghai date.
    pub age: AgeBand,
    /// Her own receipt, or her confirmed guardian's while she is under 14.
    pub receipt: Receipt,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Where an account is made: here its first password.
    Create,
    /// The sign-in page.
    SignIn,
    /// Whether she began this on another device.
    Confirm,
    /// "Continue as …, or somebody else".
    ChooseAccount,
    /// Which identity.
    ChooseIdentity,
    /// The consent page.
    Consent,
    /// A child whose guardian has not agreed.
    GuardianNeeded,
    /// A code, for this identity.
    Issue(Option<IdentityId>),
    /// An error response to the client.
    Refuse(ProtocolError),
}

/// Decides. `present` is `None` without a live session.
pub fn decide(request: &AuthorizationRequest, client: &Client, present: Option<&Present<'_>>, now: Timestamp) -> Next {
    let silent = |code, why, page| if request.is_silent() { Next::Refuse(ProtocolError::new(code, why)) } else { page };
    // OpenID Connect Core, 5.5.1.1: an essential acr that cannot be had is a failed authentication, and no page helps.
    if !request.acr.is_empty() && !request.acr.iter().any(|acr| ACRS.contains(&acr.as_str())) {
        let why = "nobody can sign in here as strongly as claims asks for";
        return Next::Refuse(ProtocolError::new(Code::UnmetAuthenticationRequirements, why));
    }
    // Initiating User Registration 1.0, 4.1: the page for it comes first, whoever is there.
    if request.asks(Prompt::Create) && !request.answered.created {
        return Next::Create;
    }
    // OpenID Connect Core, 3.1.2.1: whoever signs in instead of the hinted person gets an error; the page once more
    // would refuse the right password without saying why.
    if present.is_some_and(|p| p.session.auth_time >= request.created_at && !is_the_hinted(request, p)) {
        return Next::Refuse(ProtocolError::new(Code::LoginRequired, "another person than the hinted one signed in"));
    }
    let suits = |p: &&Present<'_>| {
        is_recent_enough(request, p.session, now) && is_strong_enough(request, p.session) && is_the_hinted(request, p)
    };
    let Some(present) = present.filter(suits) else {
        return silent(Code::LoginRequired, "nobody is signed in as the request asks", Next::SignIn);
    };
    // RFC 8628, 5.4: a code that somebody sent her is not hers; CIBA Core, 8: she sees what she is asked.
    if request.elsewhere.is_some() && request.answered.confirmed != Some(present.session.id) {
        return Next::Confirm;
    }
    if request.asks(Prompt::SelectAccount) && !request.answered.account {
        return Next::ChooseAccount;
    }
    let unagreed = match present.age {
        // R8: the receipt of a confirmed guardian, or the statutory basis of a platform. Her own word does not count.
        AgeBand::Under14 if needs_receipt_of_guardian(request, client) && present.receipt == Receipt::Missing => {
            Some(Next::GuardianNeeded)
        }
        AgeBand::Under14 => None,
        _ => needs_own_consent(request, client, present.receipt).then_some(Next::Consent),
    };
    // Before anything that says more of her, and in one sentence for everybody: whoever asks silently and has no receipt learns
    // neither that a child is here nor that somebody has several identities.
    if request.is_silent() && unagreed.is_some() {
        return Next::Refuse(ProtocolError::new(Code::ConsentRequired, "consent has not been given"));
    }
    let identity = match choose_identity(request, present) {
        Ok(identity) => identity,
        Err(()) => {
            return silent(Code::AccountSelectionRequired, "several identities and none chosen", Next::ChooseIdentity);
        }
    };
    unagreed.unwrap_or(Next::Issue(identity))
}

/// `prompt=login` wants a sign-in that happened after the request, and so does `create`; `max_age` one that is not older
/// (OpenID Connect Core, 3.1.2.1).
fn is_recent_enough(request: &AuthorizationRequest, session: &Session, now: Timestamp) -> bool {
    let after_request = session.auth_time >= request.created_at;
    // Compared to the microsecond: `max_age=0` asks for a password as `prompt=login` does, however lately one was given.
    let fresh = |seconds| now.since(session.auth_time) <= Duration::from_secs(seconds);
    let within = request.max_age.is_none_or(|seconds| after_request || fresh(seconds));
    let anew = request.asks(Prompt::Login) || request.asks(Prompt::Create);
    within && (!anew || after_request)
}

/// A session may stem from a weaker sign-in than is asked for now.
fn is_strong_enough(request: &AuthorizationRequest, session: &Session) -> bool {
    request.acr.is_empty() || request.acr.contains(&session.acr)
}

/// OpenID Connect Core, 3.1.2.1, `id_token_hint`: another person's session is not an answer.
fn is_the_hinted(request: &AuthorizationRequest, present: &Present<'_>) -> bool {
    request.hinted_sub.as_deref().is_none_or(|hinted| present.sub == Some(hinted))
}

fn choose_identity(request: &AuthorizationRequest, present: &Present<'_>) -> Result<Option<IdentityId>, ()> {
    let hers = |id: &IdentityId| present.identities.contains(id);
    let kept = present.session.identity.filter(|_| !request.asks(Prompt::SelectAccount));
    match (present.identities, request.answered.chosen.filter(hers).or(kept.filter(hers))) {
        ([], _) => Ok(None),
        ([only], _) => Ok(Some(*only)),
        (_, Some(chosen)) => Ok(Some(chosen)),
        _ => Err(()),
    }
}

/// Applications of vendors need a receipt; platforms of the system need none (R8), unless they ask for something in detail:
/// that is her own to say yes to, whoever asks. Refresh beyond the session
/// is asked for on the same page (OpenID Connect Core, 11).
fn needs_own_consent(request: &AuthorizationRequest, client: &Client, receipt: Receipt) -> bool {
    let given_now = matches!(receipt, Receipt::Covers(at) if at >= request.created_at);
    if request.asks(Prompt::Consent) && !given_now {
        return true;
    }
    (client.is_application() || !request.details.is_empty()) && receipt == Receipt::Missing
}

/// A statute lets a platform know a child; it does not agree to things in her name.
fn needs_receipt_of_guardian(request: &AuthorizationRequest, client: &Client) -> bool {
    !client.is_statutory() || !request.details.is_empty()
}

/// Whether [`decide`] looks at a receipt at all: where it does not, none need be looked for.
pub fn looks_at_receipt(request: &AuthorizationRequest, client: &Client, age: AgeBand) -> bool {
    match age {
        AgeBand::Under14 => needs_receipt_of_guardian(request, client),
        _ => client.is_application() || request.asks(Prompt::Consent) || !request.details.is_empty(),
    }
}

/// What a receipt must cover: everything asked except the wish for an ID token.
pub fn consent_scope(request: &AuthorizationRequest) -> super::scope::ScopeSet {
    request.scope.union(&request.claims.scopes()).without(Scope::Openid)
}
