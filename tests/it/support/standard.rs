//! A relying party that others wrote: the `openidconnect` crate, as a platform would use it.

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreProviderMetadata};
use openidconnect::{
    AdditionalClaims, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl,
    Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, RedirectUrl, Scope, TokenResponse as _, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::relying_party::{Auth, RelyingParty, claims_of};
use super::visitor::Visitor;

/// What a client was told.
pub struct Told {
    /// The claims of the ID token, which the library verified.
    pub id_token: Map<String, Value>,
    /// The userinfo answer.
    pub userinfo: Value,
}

/// Whatever comes beside the standard claims.
#[derive(Debug, Deserialize, Serialize)]
struct Everything {
    #[serde(flatten)]
    claims: Map<String, Value>,
}

impl AdditionalClaims for Everything {}

/// Carries a request of the library.
pub async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let response = http.execute(request.try_into()?).await?;
    let mut answer = http::Response::builder().status(response.status());
    for (name, value) in response.headers() {
        answer = answer.header(name, value);
    }
    Ok(answer.body(response.bytes().await?.to_vec()).unwrap())
}

/// The whole way of a visitor to a client that proves itself with HTTP Basic.
pub async fn tell(rp: &RelyingParty, visitor: &mut Visitor, scope: &str) -> Told {
    let Auth::Basic(secret) = rp.auth.clone() else { panic!("a client with a secret") };
    let wire = |request| send(rp.app.http.clone(), request);
    let issuer = IssuerUrl::new(rp.app.issuer.clone()).unwrap();
    let metadata = CoreProviderMetadata::discover_async(issuer, &wire).await.unwrap();
    let client =
        CoreClient::from_provider_metadata(metadata, ClientId::new(rp.id.clone()), Some(ClientSecret::new(secret)))
            .set_redirect_uri(RedirectUrl::new(rp.redirect_uri.clone()).unwrap());
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, _, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(scope.split(' ').filter(|scope| *scope != "openid").map(|scope| Scope::new(scope.into())))
        .set_pkce_challenge(challenge)
        .url();
    let page = visitor.browser.open(url.as_str()).await;
    let code = AuthorizationCode::new(visitor.answer_pages(page).await.answer()["code"].clone());
    let tokens = client.exchange_code(code).unwrap().set_pkce_verifier(verifier).request_async(&wire).await.unwrap();
    let id_token = tokens.id_token().unwrap();
    let claims = id_token.claims(&client.id_token_verifier(), &nonce).unwrap();
    let expected = Some(claims.subject().clone());
    let userinfo: UserInfoClaims<Everything, CoreGenderClaim> =
        client.user_info(tokens.access_token().clone(), expected).unwrap().request_async(&wire).await.unwrap();
    let Value::Object(id_token) = claims_of(&id_token.to_string()) else { panic!("claims are an object") };
    Told { id_token, userinfo: serde_json::to_value(&userinfo).unwrap() }
}
