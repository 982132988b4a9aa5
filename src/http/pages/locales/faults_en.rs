//! English: why a request failed.

use super::faults::{FaultText, text};
use crate::domain::oidc::fault::FaultKind;

#[allow(clippy::too_many_lines, reason = "one line for each kind")]
pub(super) fn en(kind: FaultKind) -> FaultText {
    use FaultKind as Kind;
    match kind {
        Kind::RedirectUri => text(
            "redirect_uri is not one that is registered.",
            "Both must be the same, character by character. Send the registered one, or have this one registered.",
        ),
        Kind::RedirectUriMissing => text(
            "The request has no redirect_uri.",
            "OpenID Connect wants it every time, even where only one is registered.",
        ),
        Kind::ResponseType => text(
            "This response_type is not registered.",
            "Web applications use code. Register others in response_types.",
        ),
        Kind::ResponseTypeUnknown => text("response_type is missing, or not served.", "Send response_type=code."),
        Kind::ResponseMode => {
            text("response_mode does not fit response_type.", "With code leave it out, or send query or form_post.")
        }
        Kind::Nonce => text(
            "nonce is missing.",
            "A type that brings an ID token through the browser needs one: random each time, compared when it comes back.",
        ),
        Kind::ScopeOpenid => text(
            "scope has no openid, or openid is not registered.",
            "Add openid to scope, and to the registered scope.",
        ),
        Kind::Scope => text(
            "The scope is wider than what is allowed.",
            "A refresh asks for what was granted, or less; scopes of resources are registered first.",
        ),
        Kind::Prompt => text(
            "prompt has a value that is not served.",
            "login, consent, select_account and create are, and none by itself.",
        ),
        Kind::MaxAge => {
            text("max_age is not a number of seconds.", "Send a whole number without a unit, as max_age=900.")
        }
        Kind::Claims => text(
            "The claims parameter is not the JSON that it should be.",
            "Write it as OpenID Connect Core 5.5 says, URL-encoded.",
        ),
        Kind::Repeated => {
            text("A parameter stands there twice.", "Send each once; look whether the URL was put together twice.")
        }
        Kind::TooLong => {
            text("A parameter is too long.", "Keep state in your own session and send a random value only.")
        }
        Kind::PkceMissing => text(
            "The PKCE code_challenge is missing.",
            "Send code_challenge and code_challenge_method=S256; most libraries have a switch.",
        ),
        Kind::PkceMethod => text(
            "code_challenge is malformed, or its method is not S256.",
            "The challenge is a SHA-256 in base64url (43 characters), the method S256; plain is not served.",
        ),
        Kind::PkceVerifier => text(
            "code_verifier does not fit the code_challenge of the request.",
            "Use the verifier of the same request; look whether another tab, or another server's session, overwrote it.",
        ),
        Kind::PkceMalformed => {
            text("code_verifier is malformed.", "43 to 128 characters: letters, digits, - . _ ~ and nothing else.")
        }
        Kind::PkceStripped => text(
            "A code_verifier came without a code_challenge in the request.",
            "Send code_challenge with the authorization request; look whether something on the way drops it.",
        ),
        Kind::PushRequired => text(
            "This client must push its requests (PAR).",
            "POST the parameters to the par endpoint; the browser carries the request_uri alone.",
        ),
        Kind::PushedUnknown => text(
            "The request_uri was used before, or has expired.",
            "Use it within 90 seconds; it ends with one answer. Push anew for every sign-in.",
        ),
        Kind::RequestUri => text(
            "request_uri is not registered, or cannot be fetched.",
            "Register it in request_uris, and make the address reachable from here.",
        ),
        Kind::ObjectMissing => text(
            "The registration says that requests are signed; this one was not.",
            "Put the parameters into a signed request object, or push one.",
        ),
        Kind::ObjectUnsigned => {
            text("The request object is not signed (alg none).", "Sign it with the registered algorithm and key.")
        }
        Kind::ObjectSignature => text(
            "The signature of the request object does not hold.",
            "Compare the algorithm with the registered one, and look whether kid and key are in your jwks.",
        ),
        Kind::ObjectClaims => text(
            "What stands in the request object is not right.",
            "iss and client_id are your client_id, aud is the issuer, its times are good, and nothing beside it contradicts it.",
        ),
        Kind::IdTokenHint => text(
            "id_token_hint was issued to another client, or names somebody else.",
            "Send the ID token that you got here, as it is.",
        ),
        Kind::GrantType => text("This grant_type is not registered.", "Add it to the registered grant_types."),
        Kind::GrantTypeUnknown => {
            text("grant_type is missing, or not served.", "authorization_code redeems a code, refresh_token refreshes.")
        }
        Kind::CodeUnknown => text(
            "The code is unknown, or has expired.",
            "A code lives 60 seconds: redeem it at once. Look whether it went to another environment.",
        ),
        Kind::CodeReplayed => text(
            "A code was used twice.",
            "The second use ends the tokens of the first. Look at retries, and at browsers that reload the callback.",
        ),
        Kind::CodeForeign => text(
            "The code or token was issued to another client.",
            "Compare the client_id in your settings; test and production may be mixed.",
        ),
        Kind::CodeRedirect => text(
            "redirect_uri at the token endpoint differs from that of the request.",
            "Both are the same, character by character. Behind a proxy, programs often build http or another host.",
        ),
        Kind::CodeKey => text(
            "The code is bound to another key.",
            "dpop_jkt of the request and the DPoP proof at the token endpoint are of one key.",
        ),
        Kind::Ended => text(
            "What was granted has ended meanwhile.",
            "She signed out, took her consent back, or her account is off. Send her through sign-in again.",
        ),
        Kind::RefreshForeign => text(
            "The refresh token is not ours.",
            "Look whether another field was sent (the access token, for one), or one of another environment.",
        ),
        Kind::RefreshEnded => text(
            "The refresh token has ended.",
            "Sign-out, a new password, a withdrawn consent or long idleness end it. Sign her in again; ask for offline_access to go on after a sign-out.",
        ),
        Kind::RefreshReplaced => text(
            "A refresh token was used that had been replaced: all of its family ended.",
            "Keep the new one after each refresh, and refresh under a lock.",
        ),
        Kind::RefreshKey => text(
            "The key that the refresh token is bound to was not proved.",
            "Sign with the DPoP key of the first time, and keep it safe.",
        ),
        Kind::AuthMethod => text(
            "The client proved itself by another method than the registered one.",
            "See “authentication” above and set token_endpoint_auth_method of your library to it.",
        ),
        Kind::AuthMixed => text(
            "Two ways of authentication in one request, or an Authorization header that cannot be read.",
            "Use one. In Basic, id and secret are form-encoded before base64.",
        ),
        Kind::SecretWrong => text(
            "The client secret is wrong.",
            "Look for blanks, line ends and environments; replace the secret here if it is lost.",
        ),
        Kind::SecretOld => text(
            "An old secret was used that has ended.",
            "Some server does not have the new one yet. Give it the new one; if that is lost too, replace it again.",
        ),
        Kind::ClientOff => text(
            "This client is out of use.",
            "Whoever took it out of use restores it: at the console, where it was done there, else ask the operator.",
        ),
        Kind::AssertionForm => text(
            "The parameters of the assertion are not right.",
            "client_assertion goes with client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer.",
        ),
        Kind::AssertionAlg => text(
            "The assertion has an algorithm or type that is not registered.",
            "Use the registered one: ES256, PS256, EdDSA or RS256 for private_key_jwt, HS256 for client_secret_jwt.",
        ),
        Kind::AssertionKey => text(
            "The kid of the assertion is unknown.",
            "The key stands in the registered jwks, or jwks_uri is reachable from here; publish a new key before you use it.",
        ),
        Kind::AssertionSignature => text(
            "The signature of the assertion does not hold.",
            "Compare private and published key; where you sign with the secret, look whether it was just replaced.",
        ),
        Kind::AssertionIssuer => {
            text("iss and sub of the assertion are not your client_id.", "Both are the client_id.")
        }
        Kind::AssertionAudience => text(
            "aud of the assertion is not our issuer.",
            "It is the issuer, character by character; for FAPI clients one text and no list.",
        ),
        Kind::AssertionExpired => text(
            "The assertion has expired.",
            "Make a new one for each request. If a fresh one has expired, your clock is slow: set it.",
        ),
        Kind::AssertionFuture => text("The assertion comes from the future.", "Your clock is fast: set it (NTP)."),
        Kind::AssertionTime => text(
            "The times of the assertion do not do.",
            "It has exp, in seconds as a number, ten minutes ahead at most.",
        ),
        Kind::AssertionJti => text("The assertion has no usable jti.", "Give each a jti of its own."),
        Kind::AssertionReplayed => {
            text("An assertion was used twice.", "Make a new one, with another jti, for each request, retries too.")
        }
        Kind::Certificate => text(
            "No client certificate came, or not the registered one.",
            "Call the address in mtls_endpoint_aliases; look at the certificate's name and dates.",
        ),
        Kind::DpopNonce => text(
            "The DPoP proof needs a nonce of ours.",
            "That is the usual first step: take DPoP-Nonce from the answer into a new proof and try again. If it goes on, the program does not try again.",
        ),
        Kind::DpopProof => text(
            "The DPoP proof is not right.",
            "typ dpop+jwt, the public key in its header, signed with ES256, PS256 or EdDSA, and only one.",
        ),
        Kind::DpopTime => text(
            "The time of the DPoP proof is not right.",
            "Make one for each request; if it goes on, set your clock.",
        ),
        Kind::DpopAddress => text(
            "htm or htu of the DPoP proof is not of this request.",
            "htu is the public address of the endpoint without parameters; behind a proxy do not use an inner host.",
        ),
        Kind::DpopReplayed => {
            text("A DPoP proof was used twice.", "Make a new one, with another jti, for each request.")
        }
        Kind::DpopMissing => text(
            "The registration wants bound tokens, and no DPoP proof came.",
            "Send the DPoP header with token requests and refreshes.",
        ),
        Kind::Resource => text(
            "The resource is not registered, or not allowed.",
            "The operator registers resources, and names them in edu_resources of this client.",
        ),
        Kind::TokenMissing => text("The request has no token.", "Send it in the form field token."),
        Kind::PostLogoutUri => text(
            "post_logout_redirect_uri is not one that is registered.",
            "Both must be the same, character by character; it is registered apart from redirect_uri.",
        ),
        Kind::LogoutHint => text(
            "id_token_hint of the sign-out cannot be verified.",
            "Send the ID token that you got here, with its own client_id.",
        ),
        Kind::LogoutForeign => text(
            "The id_token_hint of a sign-out was issued to another client.",
            "client_id and ID token belong to the same client; look whether test and production are mixed up.",
        ),
        Kind::Backchannel => text(
            "The CIBA request does not say whom, or she cannot sign in here.",
            "Send either login_hint or id_token_hint; a login that does not exist is answered alike, to keep that secret.",
        ),
        Kind::BackchannelForm => text(
            "A parameter of the CIBA request is not as it should be.",
            "binding_message is at most 128 visible characters, requested_expiry a positive number of seconds; ping needs client_notification_token.",
        ),
        Kind::ElsewhereUnknown => {
            text("device_code or auth_req_id is unknown.", "It was used, has expired, or is another client's.")
        }
        Kind::Exchange => text(
            "A parameter of the token exchange is not as it should be.",
            "subject_token and subject_token_type are there, and mean an access token; resource names one target.",
        ),
        Kind::ExchangeToken => text(
            "The subject_token cannot be exchanged.",
            "It has to be good, and meant for a resource in your edu_serves; where it is bound to a key, prove one of yours. Three services at most pass one on.",
        ),
        Kind::ExchangeTarget => text(
            "Tokens for this resource are not exchanged.",
            "Have the resource registered in edu_resources; the register's own API takes no part.",
        ),
        Kind::Details => text(
            "authorization_details are not as their type says.",
            "A JSON list, each with its type; members and values are those that the operator defined for it (see our sentence), locations are its resources.",
        ),
        Kind::DetailsType => text(
            "This type of authorization_details is not registered.",
            "Have it registered in authorization_details_types; some types are for clients that the operator registered.",
        ),
        Kind::DetailsFlow => {
            text("authorization_details need a flow whose tokens come for a code.", "Send response_type=code.")
        }
        Kind::DetailsGrant => text(
            "The authorization_details are wider than what was agreed to, or are not for this resource.",
            "For a code or a refresh send what was agreed to, or less; name the resource where the token is for one.",
        ),
        Kind::NoForm => {
            text("The body is no form.", "Send application/x-www-form-urlencoded; these endpoints read no JSON.")
        }
        Kind::ParameterMissing => text(
            "A parameter is missing that this grant_type needs.",
            "Our sentence names it; one that is empty or repeated counts as missing.",
        ),
        Kind::NotServed => text("A parameter is not served here.", "Leave out the one that our sentence names."),
        Kind::Keys => text(
            "Your public keys cannot be had.",
            "jwks_uri has to be reachable from here and answer with a good JWKS within ten seconds; for encrypted answers with a P-256 key of use enc. Try again some seconds later.",
        ),
        Kind::Document => text(
            "The document in which its registration stands cannot be read, or is no good: the client is unknown.",
            "Open an authorization request in a browser; the error page says what is wrong with the document.",
        ),
        Kind::ObjectReplayed => text(
            "A signed request was used twice, or is too old.",
            "Sign another one for each request, with a jti of its own.",
        ),
        Kind::IntrospectPublic => text(
            "A public client cannot ask about tokens.",
            "A service that does has a secret, a key or a certificate: have it registered so.",
        ),
        Kind::AccessToken => text(
            "The access token has ended.",
            "It lives for some minutes, and less where somebody signs out, takes her consent back or is disabled. Refresh it; where that fails, let her sign in again.",
        ),
        Kind::AccessTokenKind => text(
            "An ID token came in place of an access token.",
            "userinfo takes the access_token of the token answer.",
        ),
        Kind::AccessTokenAudience => text(
            "This access token is for another resource.",
            "userinfo takes the access token that you got at the sign-in without a resource.",
        ),
        Kind::AccessTokenKey => text(
            "The access token is bound to a key that was not proved.",
            "Send it as Authorization: DPoP with a proof of the same key, or over the same certificate; one that is not bound as Bearer.",
        ),
        Kind::Other => {
            text("The request was refused.", "See our sentence below; it is the error_description of the answer.")
        }
    }
}
