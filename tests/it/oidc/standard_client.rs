//! The whole way with a relying party that others wrote: the `openidconnect` crate, as a platform would use it.

use std::time::Duration;

use mingji::domain::oidc::initial_token::Policy;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientRegistrationRequest, CoreGrantType, CoreProviderMetadata,
    CoreUserInfoClaims,
};
use openidconnect::registration::EmptyAdditionalClientMetadata;
use openidconnect::{
    AccessToken, AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, RedirectUrl, Scope, TokenResponse as _,
};
use secrecy::ExposeSecret as _;

use crate::support::app::both_engines;
use crate::support::relying_party::{Auth, RelyingParty};
use crate::support::standard::send;

/// `common`: whether it meets her by the subject that all platforms of the system know.
async fn whole_way(rp: &RelyingParty, mut visitor: crate::support::visitor::Visitor, common: bool) {
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
    assert_eq!(claims.subject().as_str() == visitor.person.person_id.to_string(), common);
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
        whole_way(&app.client("platform_a"), app.teacher(), true).await;
        whole_way(&app.client("platform_b"), app.visitor("guardian_of_two"), true).await;
    }

    async fn it_registers_itself_and_goes_the_whole_way(app: TestApp) {
        let grant_types = vec!["authorization_code".into(), "refresh_token".into()];
        let policy = Policy { grant_types, scope: None, require_pkce: true };
        let (_, initial) = app.app.issue_initial_token(&app.operator(), policy, 1, Duration::from_secs(60)).await.unwrap();
        let wire = |request| send(app.http.clone(), request);
        let issuer = IssuerUrl::new(app.issuer.clone()).unwrap();
        let metadata = CoreProviderMetadata::discover_async(issuer, &wire).await.unwrap();
        let redirect_uri = RedirectUrl::new("https://self-made.example/callback".into()).unwrap();
        let request = CoreClientRegistrationRequest::new(vec![redirect_uri], EmptyAdditionalClientMetadata::default())
            .set_initial_access_token(Some(AccessToken::new(initial.expose_secret().to_owned())))
            .set_grant_types(Some(vec![CoreGrantType::AuthorizationCode, CoreGrantType::RefreshToken]));
        let told = request.register_async(metadata.registration_endpoint().unwrap(), &wire).await.unwrap();
        assert!(told.registration_access_token().is_some() && told.registration_client_uri().is_some());
        let rp = RelyingParty {
            app: app.clone(),
            id: told.client_id().to_string(),
            auth: Auth::Basic(told.client_secret().unwrap().secret().clone()),
            redirect_uri: told.redirect_uris()[0].to_string(),
        };
        whole_way(&rp, app.teacher(), false).await;
    }
}
