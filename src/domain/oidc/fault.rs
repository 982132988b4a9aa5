//! What a relying party did wrong: the kinds of failed requests that the console explains. A kind follows from the sentence
//! that refused the request, or stands beside it where the sentence says less than we know (client authentication).

use std::str::FromStr;

use super::error::{Code, ProtocolError};
use super::redirect::Difference;
use crate::domain::id::ClientId;
use crate::domain::time::Timestamp;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the text form says it")]
        pub enum $name { $($variant),+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable text.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl FromStr for $name {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or(())
            }
        }
    };
}

named! {
    /// Where a request came in.
    Endpoint {
        Authorize = "authorize";
        Par = "par";
        Token = "token";
        Device = "device_authorization";
        Ciba = "backchannel_authentication";
        Introspect = "introspect";
        Revoke = "revoke";
        EndSession = "end_session";
        Userinfo = "userinfo";
    }
}

named! {
    /// What was wrong with it.
    FaultKind {
        RedirectUri = "redirect_uri";
        RedirectUriMissing = "redirect_uri_missing";
        ResponseType = "response_type";
        ResponseTypeUnknown = "response_type_unknown";
        ResponseMode = "response_mode";
        Nonce = "nonce";
        ScopeOpenid = "scope_openid";
        Scope = "scope";
        Prompt = "prompt";
        MaxAge = "max_age";
        Claims = "claims";
        Repeated = "repeated";
        TooLong = "too_long";
        PkceMissing = "pkce_missing";
        PkceMethod = "pkce_method";
        PkceVerifier = "pkce_verifier";
        PkceMalformed = "pkce_malformed";
        PkceStripped = "pkce_stripped";
        PushRequired = "push_required";
        PushedUnknown = "pushed_unknown";
        RequestUri = "request_uri";
        ObjectMissing = "object_missing";
        ObjectUnsigned = "object_unsigned";
        ObjectSignature = "object_signature";
        ObjectClaims = "object_claims";
        IdTokenHint = "id_token_hint";
        GrantType = "grant_type";
        GrantTypeUnknown = "grant_type_unknown";
        CodeUnknown = "code_unknown";
        CodeReplayed = "code_replayed";
        CodeForeign = "code_foreign";
        CodeRedirect = "code_redirect";
        CodeKey = "code_key";
        Ended = "ended";
        RefreshForeign = "refresh_foreign";
        RefreshEnded = "refresh_ended";
        RefreshReplaced = "refresh_replaced";
        RefreshKey = "refresh_key";
        AuthMethod = "auth_method";
        AuthMixed = "auth_mixed";
        SecretWrong = "secret_wrong";
        SecretOld = "secret_old";
        ClientOff = "client_off";
        AssertionForm = "assertion_form";
        AssertionAlg = "assertion_alg";
        AssertionKey = "assertion_key";
        AssertionSignature = "assertion_signature";
        AssertionIssuer = "assertion_issuer";
        AssertionAudience = "assertion_audience";
        AssertionExpired = "assertion_expired";
        AssertionFuture = "assertion_future";
        AssertionTime = "assertion_time";
        AssertionJti = "assertion_jti";
        AssertionReplayed = "assertion_replayed";
        Certificate = "certificate";
        DpopNonce = "dpop_nonce";
        DpopProof = "dpop_proof";
        DpopTime = "dpop_time";
        DpopAddress = "dpop_address";
        DpopReplayed = "dpop_replayed";
        DpopMissing = "dpop_missing";
        Resource = "resource";
        TokenMissing = "token_missing";
        PostLogoutUri = "post_logout_uri";
        LogoutHint = "logout_hint";
        LogoutForeign = "logout_foreign";
        Backchannel = "backchannel";
        BackchannelForm = "backchannel_form";
        ElsewhereUnknown = "elsewhere_unknown";
        Exchange = "exchange";
        ExchangeToken = "exchange_token";
        ExchangeTarget = "exchange_target";
        Details = "details";
        DetailsType = "details_type";
        DetailsFlow = "details_flow";
        DetailsGrant = "details_grant";
        NoForm = "no_form";
        ParameterMissing = "parameter_missing";
        NotServed = "not_served";
        Keys = "keys";
        Document = "document";
        ObjectReplayed = "object_replayed";
        IntrospectPublic = "introspect_public";
        AccessToken = "access_token";
        AccessTokenKind = "access_token_kind";
        AccessTokenAudience = "access_token_audience";
        AccessTokenKey = "access_token_key";
        Other = "other";
    }
}

named! {
    /// What is wrong with the document of a client's own, where that makes no client.
    DocumentFault {
        Away = "away";
        Status = "status";
        Closed = "closed";
        TooLong = "too_long";
        NotJson = "not_json";
        ClientId = "client_id";
        Secret = "secret";
        Member = "member";
        RedirectUris = "redirect_uris";
        Metadata = "metadata";
        Sector = "sector";
    }
}

use FaultKind as Kind;

/// Which sentence means which kind. A test finds each of them where it is said.
pub const SENTENCES: &[(&str, Kind)] = &[
    ("redirect_uri is not registered", Kind::RedirectUri),
    ("the client is not registered for this response_type", Kind::ResponseType),
    ("response_type is missing", Kind::ResponseTypeUnknown),
    ("this response_type is not served", Kind::ResponseTypeUnknown),
    ("this response_mode is not served for this response_type", Kind::ResponseMode),
    ("nonce is needed for this response_type", Kind::Nonce),
    ("scope openid is needed", Kind::ScopeOpenid),
    ("the client may not ask for openid", Kind::ScopeOpenid),
    ("the scope is wider than what was granted", Kind::Scope),
    ("the client may not have this scope at this resource", Kind::Scope),
    ("prompt none cannot stand with another", Kind::Prompt),
    ("prompt is not one of none, login, consent, select_account, create", Kind::Prompt),
    ("max_age is not a number of seconds", Kind::MaxAge),
    ("claims is not the JSON object of OpenID Connect Core 5.5", Kind::Claims),
    ("claims names two subjects", Kind::Claims),
    ("a parameter is repeated", Kind::Repeated),
    ("a parameter is too long", Kind::TooLong),
    ("the request is too long", Kind::TooLong),
    ("code_challenge is needed", Kind::PkceMissing),
    ("code_challenge_method without code_challenge", Kind::PkceMissing),
    ("code_challenge is not the base64url text of a SHA-256 digest", Kind::PkceMethod),
    ("code_challenge_method must be S256", Kind::PkceMethod),
    ("code_verifier does not match", Kind::PkceVerifier),
    ("code_verifier is malformed", Kind::PkceMalformed),
    ("code_verifier without a code_challenge in the request", Kind::PkceStripped),
    ("the client pushes its requests (RFC 9126)", Kind::PushRequired),
    ("request_uri is not registered", Kind::RequestUri),
    ("the request object could not be fetched", Kind::RequestUri),
    ("request_uri cannot be pushed", Kind::RequestUri),
    ("the client signs its requests (RFC 9101, 10.5)", Kind::ObjectMissing),
    ("the request object is not signed", Kind::ObjectUnsigned),
    ("the request object is not signed as registered", Kind::ObjectSignature),
    ("an unsigned object is registered", Kind::ObjectSignature),
    ("request and request_uri cannot stand together", Kind::ObjectClaims),
    ("state and nonce belong into the request object", Kind::ObjectClaims),
    ("response_type differs from the request object", Kind::ObjectClaims),
    ("iss and client_id of a request object are the client's", Kind::ObjectClaims),
    ("a signed request object says iss and aud", Kind::ObjectClaims),
    ("a request object of this client says exp", Kind::ObjectClaims),
    ("the request object is for somebody else", Kind::ObjectClaims),
    ("a request object holds no sub", Kind::ObjectClaims),
    ("the request object has expired", Kind::ObjectClaims),
    ("the request object is not valid yet", Kind::ObjectClaims),
    ("a request object of this client says nbf", Kind::ObjectClaims),
    ("a request object of this client is good for an hour at most", Kind::ObjectClaims),
    ("id_token_hint is not ours for this client and subject", Kind::IdTokenHint),
    ("id_token_hint is not ours for this client", Kind::IdTokenHint),
    ("the client is not registered for this grant type", Kind::GrantType),
    ("this grant type is not served", Kind::GrantTypeUnknown),
    ("grant_type is missing", Kind::GrantTypeUnknown),
    ("the code is unknown or has expired", Kind::CodeUnknown),
    ("the code has expired", Kind::CodeUnknown),
    ("the code was redeemed before", Kind::CodeReplayed),
    ("the code was issued to another client", Kind::CodeForeign),
    ("redirect_uri differs from the authorization request", Kind::CodeRedirect),
    ("the code is bound to another key", Kind::CodeKey),
    ("what was granted has ended", Kind::Ended),
    ("consent has ended", Kind::Ended),
    ("the refresh token is not ours", Kind::RefreshForeign),
    ("the refresh token has ended", Kind::RefreshEnded),
    ("the refresh token was replaced", Kind::RefreshReplaced),
    ("the refresh token is bound to a key that was not proved", Kind::RefreshKey),
    ("two Authorization headers", Kind::AuthMixed),
    ("two ways of client authentication in one request", Kind::AuthMixed),
    ("client_id differs from the Authorization header", Kind::AuthMixed),
    ("the Authorization header cannot be read", Kind::AuthMixed),
    ("client_assertion and client_assertion_type go together", Kind::AssertionForm),
    ("client_assertion_type is not the one of a JWT", Kind::AssertionForm),
    ("iss and sub of the assertion are not the client_id", Kind::AssertionIssuer),
    ("aud of the assertion is not the issuer", Kind::AssertionAudience),
    ("the assertion has expired", Kind::AssertionExpired),
    ("the assertion comes from the future", Kind::AssertionFuture),
    ("exp of the assertion is too far ahead", Kind::AssertionTime),
    ("the assertion has no exp", Kind::AssertionTime),
    ("a time of the assertion is no NumericDate", Kind::AssertionTime),
    ("the assertion was made before our start: make a new one", Kind::AssertionExpired),
    ("the assertion has no usable jti", Kind::AssertionJti),
    ("the assertion was used before", Kind::AssertionReplayed),
    ("the client is registered for tokens bound to a certificate: there is none", Kind::Certificate),
    ("the proof needs the nonce of this answer", Kind::DpopNonce),
    ("the proof is not a DPoP proof, or its signature does not hold", Kind::DpopProof),
    ("more than one DPoP header", Kind::DpopProof),
    ("dpop_jkt names another key", Kind::DpopProof),
    ("dpop_jkt is not the base64url text of a SHA-256 thumbprint", Kind::DpopProof),
    ("iat of the proof is no number", Kind::DpopTime),
    ("the proof is too old", Kind::DpopTime),
    ("the proof comes from the future", Kind::DpopTime),
    ("the proof was made before our start: make a new one", Kind::DpopTime),
    ("the proof has no usable jti", Kind::DpopProof),
    ("htm of the proof is not the method of the request", Kind::DpopAddress),
    ("htu of the proof is not the address of this endpoint", Kind::DpopAddress),
    ("the proof was used before", Kind::DpopReplayed),
    ("the client is registered for bound tokens: a DPoP proof is needed", Kind::DpopMissing),
    ("the client may not ask for this resource", Kind::Resource),
    ("too many resources at once", Kind::Resource),
    ("one resource at a time", Kind::Resource),
    ("say which resource", Kind::Resource),
    ("this resource was not asked for at the sign-in", Kind::Resource),
    ("token is missing", Kind::TokenMissing),
    ("the token was issued to another client", Kind::CodeForeign),
    ("the hint means nobody who may sign in here", Kind::Backchannel),
    ("exactly one of login_hint and id_token_hint says whom", Kind::Backchannel),
    ("the client signs its requests", Kind::ObjectMissing),
    ("the request is not signed as registered", Kind::ObjectSignature),
    ("the code is unknown or was forgotten", Kind::ElsewhereUnknown),
    ("the subject_token is not one that this client may exchange", Kind::ExchangeToken),
    ("tokens for this resource are not exchanged", Kind::ExchangeTarget),
    ("subject_token is missing", Kind::Exchange),
    ("subject_token_type: access tokens alone are exchanged", Kind::Exchange),
    ("requested_token_type: access tokens alone are given", Kind::Exchange),
    ("actor_token is not served: the client itself is the actor", Kind::Exchange),
    ("resource is missing", Kind::Exchange),
    ("name one resource", Kind::Exchange),
    ("the subject_token is bound to a key: prove one of yours", Kind::ExchangeToken),
    ("the subject_token was passed on too often", Kind::ExchangeToken),
    ("authorization_details is too long", Kind::Details),
    ("authorization_details is not a JSON list of objects with the members that are served", Kind::Details),
    ("authorization_details holds nothing, or too much at once", Kind::Details),
    ("locations are resources of the type", Kind::Details),
    ("a member is not known to the type", Kind::Details),
    ("a member that the type needs is missing", Kind::Details),
    ("a value is not one that the type lets in", Kind::Details),
    ("the client is not registered for this type of authorization details", Kind::DetailsType),
    ("authorization_details need a response_type whose tokens come for a code", Kind::DetailsFlow),
    ("authorization_details are wider than what was granted", Kind::DetailsGrant),
    ("authorization_details are for another resource", Kind::DetailsGrant),
    ("say for which resource the details are", Kind::DetailsGrant),
    ("login_hint_token is not served", Kind::BackchannelForm),
    ("user_code is not served", Kind::BackchannelForm),
    ("binding_message is too long, or cannot be shown as it is", Kind::BackchannelForm),
    ("requested_expiry is not a positive number of seconds", Kind::BackchannelForm),
    ("client_notification_token is missing, too long or no bearer token", Kind::BackchannelForm),
    ("what a signed request asks stands in it", Kind::ObjectClaims),
    ("a signed request says exp, nbf and iat", Kind::ObjectClaims),
    ("a signed request is good for at most 60 minutes", Kind::ObjectClaims),
    ("a signed request says jti, a text of at most 256 bytes", Kind::ObjectClaims),
    ("the signed request was made before our start: make a new one", Kind::ObjectReplayed),
    ("the signed request was used before", Kind::ObjectReplayed),
    ("a request object holds no other", Kind::ObjectClaims),
    ("exp, nbf and iat of a request object are numbers", Kind::ObjectClaims),
    ("unsigned request objects are not registered", Kind::ObjectUnsigned),
    ("registration is not served", Kind::NotServed),
    ("the pushed request was answered before", Kind::PushedUnknown),
    ("the client may not ask", Kind::ClientOff),
    ("the keys of the client cannot be had", Kind::Keys),
    ("the client has no key under which it could be answered", Kind::Keys),
    ("introspection is for clients that prove themselves", Kind::IntrospectPublic),
    ("ath of the proof is not the digest of the access token", Kind::DpopProof),
    ("the token needs a DPoP proof", Kind::AccessTokenKey),
    ("the token is not of the type that it is presented as", Kind::AccessTokenKey),
    ("the token is bound to another key or certificate", Kind::AccessTokenKey),
    ("the access token is not valid or has ended", Kind::AccessToken),
    ("code is missing", Kind::ParameterMissing),
    ("refresh_token is missing", Kind::ParameterMissing),
    ("device_code is missing", Kind::ParameterMissing),
    ("auth_req_id is missing", Kind::ParameterMissing),
    ("a form is expected", Kind::NoForm),
];

impl FaultKind {
    /// What a refusal is about; `None` where nothing is wrong with the client: it waits, or a person said no, or we failed.
    pub fn of(error: &ProtocolError) -> Option<Self> {
        use Code::{
            AccessDenied, AccountSelectionRequired, AuthorizationPending, ConsentRequired, ExpiredToken,
            InteractionRequired, LoginRequired, ServerError, SlowDown, TemporarilyUnavailable,
            UnmetAuthenticationRequirements,
        };
        match error.code {
            AccessDenied
            | AccountSelectionRequired
            | AuthorizationPending
            | ConsentRequired
            | ExpiredToken
            | InteractionRequired
            | LoginRequired
            | ServerError
            | SlowDown
            | TemporarilyUnavailable
            | UnmetAuthenticationRequirements => None,
            _ => {
                let known = SENTENCES.iter().find(|(sentence, _)| *sentence == error.description);
                Some(known.map_or(Self::Other, |(_, kind)| *kind))
            }
        }
    }

    /// Whether it is found only after the client proved who it is: a stranger brings none about, wherever there was
    /// something to prove.
    pub fn is_of_the_client_alone(self) -> bool {
        matches!(
            self,
            Self::GrantType
                | Self::PkceVerifier
                | Self::PkceStripped
                | Self::CodeUnknown
                | Self::CodeReplayed
                | Self::CodeForeign
                | Self::CodeRedirect
                | Self::CodeKey
                | Self::Ended
                | Self::RefreshForeign
                | Self::RefreshEnded
                | Self::RefreshReplaced
                | Self::RefreshKey
                | Self::DpopMissing
                | Self::Scope
        )
    }
}

/// A failed request, as it is told to whoever answers for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whose.
    pub client: ClientId,
    /// Where.
    pub endpoint: Endpoint,
    /// What was wrong.
    pub kind: FaultKind,
    /// The code that was answered; none where a page was shown.
    pub code: Option<String>,
    /// Our sentence, as the client got it too.
    pub said: Option<String>,
    /// In what an address differs.
    pub difference: Option<Difference>,
    /// Whether the client had proved who it is: a stranger sent no such one.
    pub proven: bool,
    /// When; of several that are told together, the last.
    pub at: Timestamp,
    /// Its request id, which stands in the answer and in our log.
    pub request_id: uuid::Uuid,
    /// How many are told together.
    pub times: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sentence_means_one_thing() {
        for (at, (sentence, kind)) in SENTENCES.iter().enumerate() {
            assert_eq!(SENTENCES.iter().position(|(other, _)| other == sentence), Some(at), "{sentence}");
            assert_eq!(FaultKind::of(&ProtocolError::new(Code::InvalidRequest, sentence)), Some(*kind));
        }
        assert_eq!(FaultKind::of(&ProtocolError::new(Code::InvalidRequest, "something new")), Some(FaultKind::Other));
        assert_eq!(FaultKind::of(&ProtocolError::new(Code::AccessDenied, "the person said no")), None);
        for kind in FaultKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
    }
}
