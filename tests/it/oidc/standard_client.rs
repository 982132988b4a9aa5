//! The whole way with a relying party that others wrote: the `openidconnect` crate, as a platform would use it.

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, RedirectUrl, Scope, TokenResponse as _,
};

use crate::support::app::both_engines;
use crate::support::relying_party::{Auth, RelyingParty};
use crate::support::standard::send;

async fn whole_way(rp: &RelyingParty, mut visitor: crate::support::visitor::Visitor) {
    let Auth::Basic(secret) = rp.auth.clone() else { panic!() };
    let wire = |request| send(rp.app.http.clone(), request);
    let issuer = IssuerUrl::new(rp.app.issuer.clone()).unwrap();
    let metadata = CoreProviderMetadata::discover_async(issuer, &wire).await.unwrap();
    let client =
        CoreClient::from_provider_metadata(metadata, ClientId::new(rp.id.clone()), Some(ClientSecret::new(secret)))
            .set_redirect_uri(RedirectUrl::new(rp.redirect_uri.clone()).unwrap());
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("profile".into()))
        .add_scope(Scope::new("edu".into()))
        .set_pkce_challenge(challenge)
        .url();

    let page = visitor.browser.open(url.as_str()).await;
    let answer = visitor.answer_pages(page).await.answer();
    assert_eq!((answer["state"].as_str(), answer["iss"].as_str()), (state.secret().as_str(), rp.app.issuer.as_str()));

    let code = AuthorizationCode::new(answer["code"].clone());
    let tokens = client.exchange_code(code).unwrap().set_pkce_verifier(verifier).request_async(&wire).await.unwrap();
    let id_token = tokens.id_token().unwrap();
    let checker = client.id_token_verifier();
    let claims = id_token.claims(&checker, &nonce).unwrap();
    assert_eq!(claims.subject().as_str(), visitor.person.person_id.to_string());
    let hash = AccessTokenHash::from_token(
        tokens.access_token(),
        id_token.signing_alg().unwrap(),
        id_token.signing_key(&checker).unwrap(),
    );
    assert_eq!(claims.access_token_hash(), Some(&hash.unwrap()));

    let expected = Some(claims.subject().clone());
    let told: CoreUserInfoClaims =
        client.user_info(tokens.access_token().clone(), expected).unwrap().request_async(&wire).await.unwrap();
    assert!(told.name().is_some());

    let refresh = tokens.refresh_token().unwrap();
    let refreshed = client.exchange_refresh_token(refresh).unwrap().request_async(&wire).await.unwrap();
    let no_nonce = |nonce: Option<&Nonce>| nonce.map_or(Ok(()), |_| Err("a nonce in a refreshed token".to_owned()));
    let again = refreshed.id_token().unwrap().claims(&checker, no_nonce).unwrap();
    assert_eq!((again.subject(), again.auth_time()), (claims.subject(), claims.auth_time()));
}

both_engines! {
    async fn it_completes_the_whole_way(app: TestApp) {
        whole_way(&app.client("platform_a"), app.teacher()).await;
        whole_way(&app.client("platform_b"), app.visitor("guardian_of_two")).await;
    }
}
