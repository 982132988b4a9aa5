//! Failed requests are explained to whoever answers for the client, and to nobody else; nothing that anybody sent is kept.

use std::time::Duration;

use mingji::domain::oidc::fault::FaultKind;
use mingji::http::pages::locales::faults::{EN, ZH};
use serde_json::{Value, json};

use super::{COUNTY, assign, count, keeper, page_of};
use crate::support::app::both_engines;
use crate::support::client_key::ClientKey;
use crate::support::relying_party::{Auth, RelyingParty, asserted};
use crate::support::visitor::Visitor;

fn says(kind: FaultKind) -> &'static str {
    (ZH.of)(kind).what
}

/// That the client's page explains these, and no others.
async fn explained(county: &mut Visitor, rp: &RelyingParty, kinds: &[FaultKind]) {
    let page = page_of(county, rp).await;
    for kind in FaultKind::ALL {
        let said = page.text.contains(says(*kind));
        assert_eq!(said, kinds.contains(kind), "{kind:?}: {page:#?}");
    }
}

fn refresh() -> Vec<(&'static str, String)> {
    vec![("grant_type", "refresh_token".into()), ("refresh_token", "x".into())]
}

both_engines! {
    async fn requests_of_a_browser_are_explained(app: TestApp) {
        let rp = app.client("vendor");
        let mut county = keeper(&app).await;
        let mut somebody = app.teacher();
        somebody.sign_in(&rp).await;
        somebody.silently(&rp).await;
        app.teacher().silently(&rp).await;
        explained(&mut county, &rp, &[]).await;

        let mut visit = app.teacher();
        for ask in [
            rp.ask().with("redirect_uri", &format!("{}/?code=SplxlOBeZQQYbYS6WxSbIA&phone=13812345678", rp.redirect_uri)),
            rp.ask().without("redirect_uri"),
            rp.ask().without("code_challenge").without("code_challenge_method"),
            rp.ask().with("scope", "profile"),
            rp.ask().with("response_type", "id_token"),
            rp.ask().with("max_age", "soon"),
        ] {
            visit.browser.open(&rp.url(&ask)).await;
        }
        visit.browser.open(&format!("/end-session?client_id={}&post_logout_redirect_uri=https://evil.example/13812345678", rp.id)).await;
        visit.browser.open(&format!("/authorize?client_id={}&request_uri=urn:ietf:params:oauth:request_uri:x", rp.id)).await;
        use FaultKind::{MaxAge, PkceMissing, PostLogoutUri, PushedUnknown, RedirectUri, RedirectUriMissing, ResponseType, ScopeOpenid};
        explained(&mut county, &rp, &[RedirectUri, RedirectUriMissing, PkceMissing, ScopeOpenid, ResponseType, MaxAge, PostLogoutUri, PushedUnknown]).await;
        let page = page_of(&mut county, &rp).await;
        assert!(page.text.contains("只差末尾的斜杠") && page.text.contains("问号后面的参数不同"), "{page:#?}");
        assert!(page.text.contains("invalid_scope") && page.text.contains("scope openid is needed"));
        for kept in ["Splx", "1381234", "code="] {
            assert!(!page.text.contains(kept), "{kept}");
        }
        county.browser.language = Some("en".into());
        let page = page_of(&mut county, &rp).await;
        assert!(page.text.contains((EN.of)(RedirectUri).what) && page.text.contains("only the slash at the end differs"));
    }

    async fn requests_of_the_client_are_explained(app: TestApp) {
        let rp = app.client("platform_a");
        let mut county = keeper(&app).await;
        let mut teacher = app.teacher();
        let arrived = teacher.arrive(&rp).await;
        let spoilt = |name: &str, value: &str| {
            let mut form = rp.redemption(&arrived.ask, &arrived.code);
            form.iter_mut().filter(|(known, _)| *known == name).for_each(|(_, old)| value.clone_into(old));
            form
        };
        rp.token(&spoilt("code_verifier", &"x".repeat(43))).await;
        rp.redeem(&arrived.ask, &arrived.code).await;
        rp.token(&spoilt("code", "nobody's")).await;
        rp.token(&spoilt("grant_type", "password")).await;
        rp.token(&[("grant_type", "client_credentials".into())]).await;
        rp.refresh("nobody's").await;
        let other = teacher.arrive(&rp).await;
        let mut form = rp.redemption(&other.ask, &other.code);
        form[2].1.push('/');
        rp.token(&form).await;
        let wrong = RelyingParty { auth: Auth::Basic("wrong".into()), ..rp.clone() };
        wrong.token(&refresh()).await;
        let Auth::Basic(secret) = &rp.auth else { panic!("platform A has a secret") };
        RelyingParty { auth: Auth::Post(secret.clone()), ..rp.clone() }.token(&refresh()).await;
        let mut twice = refresh();
        twice.push(("client_secret", secret.clone()));
        rp.token(&twice).await;
        app.app.rotate_secret(&app.operator(), rp.id.parse().unwrap(), Duration::ZERO).await.unwrap();
        rp.token(&refresh()).await;
        use FaultKind::{AuthMethod, AuthMixed, CodeRedirect, CodeReplayed, CodeUnknown, GrantType, GrantTypeUnknown, PkceVerifier, RefreshForeign, SecretOld, SecretWrong};
        explained(&mut county, &rp, &[PkceVerifier, CodeReplayed, CodeUnknown, GrantTypeUnknown, GrantType, RefreshForeign, CodeRedirect, SecretWrong, AuthMethod, AuthMixed, SecretOld]).await;
        let page = page_of(&mut county, &rp).await;
        for kept in [secret.as_str(), &arrived.code, &arrived.ask.verifier] {
            assert!(!page.text.contains(kept));
        }
    }

    async fn assertions_are_explained(app: TestApp) {
        let key = ClientKey::es256();
        let rp = app.register_with_key(&key, json!({})).await;
        assign(&app, &rp, COUNTY).await;
        let mut county = keeper(&app).await;
        let bare = RelyingParty { auth: Auth::Public, ..rp.clone() };
        let now = app.app.now().seconds();
        let send = async |key: &ClientKey, header: Value, own: Value| {
            let mut claims = rp.assertion();
            claims.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
            let mut form = refresh();
            form.extend(asserted(key.sign(header, &claims)));
            bare.token(&form).await;
        };
        send(&key, json!({}), json!({ "aud": "https://other.example" })).await;
        send(&key, json!({}), json!({ "exp": now - 5, "iat": now - 65 })).await;
        send(&key, json!({}), json!({ "iat": now + 300, "exp": now + 360 })).await;
        send(&key, json!({ "kid": "unknown" }), json!({})).await;
        let mut forged = ClientKey::es256();
        forged.kid.clone_from(&key.kid);
        send(&forged, json!({}), json!({})).await;
        send(&key, json!({}), json!({ "iss": "somebody" })).await;
        for _ in 0..2 {
            send(&key, json!({}), json!({ "jti": "twice" })).await;
        }
        use FaultKind::{AssertionAudience, AssertionExpired, AssertionFuture, AssertionIssuer, AssertionKey, AssertionReplayed, AssertionSignature, RefreshForeign};
        explained(&mut county, &rp, &[AssertionAudience, AssertionExpired, AssertionFuture, AssertionKey, AssertionSignature, AssertionIssuer, AssertionReplayed, RefreshForeign]).await;
    }

    async fn tokens_bodies_and_hints_are_explained(app: TestApp) {
        let (rp, other) = (app.client("platform_a"), app.client("platform_b"));
        let mut county = keeper(&app).await;
        let mut teacher = app.teacher();
        let tokens = teacher.sign_in(&rp).await;
        let elsewhere = teacher.sign_in(&other).await;
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 200);
        explained(&mut county, &rp, &[]).await;
        // A token of the client's that is no good for this, whatever is wrong with it; one that nobody signed here is nobody's.
        rp.userinfo("nobody's").await;
        rp.userinfo(&tokens.text("id_token")).await;
        let dpop = app.http.get(app.at("/userinfo")).header("authorization", format!("DPoP {}", tokens.access()));
        assert_eq!(dpop.send().await.unwrap().status(), 401);
        // JSON where a form is expected, by whoever says so in it or in the header.
        let Auth::Basic(secret) = &rp.auth else { panic!("platform A has a secret") };
        let json = |named: Value| app.http.post(app.at("/token")).json(&named);
        json(json!({ "client_id": rp.id, "client_secret": secret })).send().await.unwrap();
        json(json!({ "grant_type": "client_credentials" })).basic_auth(&rp.id, Some(secret)).send().await.unwrap();
        json(json!([rp.id])).send().await.unwrap();
        let hint = elsewhere.text("id_token");
        let out = teacher.browser.open(&format!("/end-session?client_id={}&id_token_hint={hint}", rp.id)).await;
        assert!(out.has("err-id-token-hint"), "{out:#?}");
        rp.token(&[("grant_type", "authorization_code".into())]).await;
        use FaultKind::{AccessToken, AccessTokenKey, AccessTokenKind, LogoutForeign, NoForm, ParameterMissing};
        explained(&mut county, &rp, &[AccessTokenKind, AccessTokenKey, NoForm, LogoutForeign, ParameterMissing]).await;
        let noted = "SELECT COUNT(*) FROM client_fault WHERE kind = 'no_form'";
        assert_eq!(count(&app, noted).await, 2);
        app.pass(Duration::from_secs(301));
        rp.userinfo(&tokens.access()).await;
        let mut county = keeper(&app).await;
        explained(&mut county, &rp, &[AccessToken, AccessTokenKind, AccessTokenKey, NoForm, LogoutForeign, ParameterMissing]).await;
        let page = page_of(&mut county, &rp).await;
        for kept in [secret.as_str(), &tokens.access(), &hint] {
            assert!(!page.text.contains(kept));
        }
        explained(&mut county, &other, &[]).await;
    }

    async fn keys_that_cannot_be_had_are_explained(app: TestApp) {
        let key = ClientKey::es256();
        let away = json!({ "jwks": null, "jwks_uri": "https://keys.invalid/jwks", "request_object_signing_alg": "ES256" });
        let rp = app.register_with_key(&key, away).await;
        assign(&app, &rp, COUNTY).await;
        let mut county = keeper(&app).await;
        assert_eq!(rp.token(&refresh()).await.error(), "invalid_client");
        let object = key.sign(json!({}), &json!({ "iss": rp.id, "aud": app.issuer }));
        let answer = app.teacher().browser.open(&rp.url(&rp.ask().with("request", &object))).await.answer();
        assert_eq!(answer["error_description"], "the keys of the client cannot be had", "{answer:?}");
        explained(&mut county, &rp, &[FaultKind::Keys]).await;
        assert_eq!(count(&app, "SELECT COUNT(DISTINCT endpoint) FROM client_fault WHERE kind = 'keys'").await, 2);
    }

    async fn strangers_take_no_place_from_what_only_the_client_can_send(app: TestApp) {
        let rp = app.client("platform_a");
        let mut county = keeper(&app).await;
        rp.refresh("nobody's").await;
        let wrong = RelyingParty { auth: Auth::Basic("a guess".into()), ..rp.clone() };
        let flood = (0..60).map(|_| async { wrong.token(&refresh()).await });
        futures_util::future::join_all(flood).await;
        let mut stranger = app.teacher();
        for n in 0..12 {
            stranger.browser.open(&rp.url(&rp.ask().with("redirect_uri", &format!("https://evil{n}.example/")))).await;
            page_of(&mut county, &rp).await;
        }
        explained(&mut county, &rp, &[FaultKind::RefreshForeign, FaultKind::SecretWrong, FaultKind::RedirectUri]).await;
        let page = page_of(&mut county, &rp).await;
        assert!(page.text.contains("已认证") && page.text.contains("次"), "what was proved is marked: {page:#?}");
        assert!(page.text.contains("evil11") && !page.text.contains("evil2."), "the last few of a kind");
        assert_eq!(count(&app, "SELECT COUNT(*) FROM client_fault WHERE kind = 'redirect_uri'").await, 5);
        app.pass(Duration::from_secs(15 * 86_400));
        let mut county = keeper(&app).await;
        explained(&mut county, &rp, &[]).await;
        app.app.upkeep().await.unwrap();
        assert_eq!(count(&app, "SELECT COUNT(*) FROM client_fault").await, 0);
    }

    async fn nothing_is_noted_of_nobody_and_what_is_noted_stays_text(app: TestApp) {
        let rp = app.client("vendor");
        let mut stranger = app.teacher();
        stranger.browser.open("/authorize?client_id=nobody&redirect_uri=https://evil.example").await;
        RelyingParty { id: "0197a3a0-0000-7000-8000-000000000000".into(), ..rp.clone() }.token(&refresh()).await;
        app.app.write_faults().await.unwrap();
        assert_eq!(count(&app, "SELECT COUNT(*) FROM client_fault").await, 0);
        for hostile in ["https://evil.example/\"><script>alert(1)</script>", "javascript:alert(1)//<img src=x onerror=y>", "<script>", "https://<b>.example"] {
            stranger.browser.open(&rp.url(&rp.ask().with("redirect_uri", hostile))).await;
        }
        let mut county = keeper(&app).await;
        let page = page_of(&mut county, &rp).await;
        assert!(page.text.contains(says(FaultKind::RedirectUri)));
        assert!(!page.text.contains("<script>") && !page.text.contains("<img src=x") && !page.text.contains("alert("), "{page:#?}");
        let request = stranger.browser.open(&rp.url(&rp.ask().with("redirect_uri", "https://evil.example/"))).await;
        let id = request.headers["x-request-id"].to_str().unwrap().to_owned();
        assert!(page_of(&mut county, &rp).await.text.contains(&id), "it is found by the request id");
    }
}

/// Sentences that nobody has to explain, and why.
const UNEXPLAINED: &[(&str, &str)] = &[
    ("client authentication failed", "says nothing on purpose; the kind stands beside it"),
    ("nobody can sign in here as strongly as claims asks for", "unmet_authentication_requirements: nothing is wrong"),
    (
        "authorization_details_types names a type that is not defined, or not for this client",
        "whoever registers reads it",
    ),
    ("a resource is an https URI without fragment", "the operator who registers it reads it"),
    ("the issuer itself and its API are no resources to register", "the operator reads it"),
    ("a resource has a name", "the operator reads it"),
    ("access tokens are signed with ES256 or RS256", "the operator reads it"),
    (
        "a scope is printable ASCII without blanks, quotes and backslashes, and does not begin with mingji.",
        "the operator reads it",
    ),
    ("the access token is not for this API, or has ended", "the register's own API names its problems itself"),
    ("a scope of the register is needed", "the register's own API"),
    ("scope mingji.feed is needed", "the register's own API"),
];

/// Files in which whoever registers, or the operator, is refused: they read the answer themselves, and no client is there yet.
const OF_REGISTRATION: &[&str] = &[
    "domain/oidc/registration.rs",
    "domain/oidc/registration/sector.rs",
    "domain/oidc/profile.rs",
    "domain/oidc/initial_token.rs",
    "domain/oidc/client_document.rs",
    "app/registration.rs",
    "app/clients.rs",
    "app/client_change.rs",
    "app/client_keys.rs",
    "app/console.rs",
];

/// Codes with which nothing is wrong with the client.
const NO_FAULT: &[&str] = &[
    "AccessDenied",
    "AccountSelectionRequired",
    "AuthorizationPending",
    "ConsentRequired",
    "ExpiredToken",
    "InvalidClientMetadata",
    "LoginRequired",
    "ServerError",
    "SlowDown",
    "TemporarilyUnavailable",
    "UnmetAuthenticationRequirements",
];

/// What stands before a sentence with which somebody is refused.
const SAYING: &[&str] = &[
    "ProtocolError::new(",
    "refuse(",
    "refused(",
    "refresh_ended(",
    "invalid(",
    "invalid_grant(",
    "bad_proof(",
    "over(",
    "silent(",
    "needed(",
    "Err(",
    "ok_or(",
    "let why =",
    "UNPROVEN: &str =",
    "ENDED: &str =",
];
/// The same where it is no client that reads it.
const SAYING_TO_OTHERS: &[&str] = &["Error::invalid(", "Error::internal(", "Error::not_found(", "Error::busy("];

/// Every sentence that stands where a client is refused, in the text of one file; those of its tests are left out.
fn sentences_of(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let text = lines.join("\n");
    let (mut found, mut at) = (Vec::new(), 0);
    for (n, part) in text.split('"').enumerate() {
        let before = text[..at.max(1) - 1].trim_end();
        at += part.len() + 1;
        if n % 2 == 0 || !part.contains(' ') {
            continue;
        }
        let (before, code) = match before.strip_suffix(',').and_then(|rest| rest.rsplit_once("Code::")) {
            Some((rest, code)) if code.bytes().all(|b| b.is_ascii_alphanumeric()) => (rest.trim_end(), Some(code)),
            _ => (before, None),
        };
        // The name of a parameter may stand before it.
        let before = match before.strip_suffix("\",").and_then(|rest| rest.rsplit_once('"')) {
            Some((rest, _)) => rest.trim_end(),
            None => before,
        };
        let says = SAYING.iter().any(|call| before.ends_with(call));
        let to_others = SAYING_TO_OTHERS.iter().any(|call| before.ends_with(call));
        if says && !to_others && code.is_none_or(|code| !NO_FAULT.contains(&code)) {
            found.push(part.to_owned());
        }
    }
    found
}

/// What is said is explained: a new sentence wants its kind, or its reason why not.
#[test]
fn every_sentence_with_which_a_client_is_refused_is_explained() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut unexplained = Vec::new();
    let mut seen = 0;
    for folder in ["domain/oidc", "domain/oidc/registration", "app", "app/claims"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            let is_source = path.extension().is_some_and(|ext| ext == "rs");
            if !is_source || OF_REGISTRATION.contains(&name.as_str()) || name.ends_with("oidc/fault.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            if folder.starts_with("app") && !text.contains("ProtocolError") {
                continue;
            }
            for sentence in sentences_of(&text) {
                seen += 1;
                let explained = mingji::domain::oidc::fault::SENTENCES.iter().any(|(known, _)| *known == sentence);
                if !explained && !UNEXPLAINED.iter().any(|(known, _)| *known == sentence) {
                    unexplained.push(format!("{name}: {sentence}"));
                }
            }
        }
    }
    assert!(seen > 120, "the sentences were found: {seen}");
    assert_eq!(unexplained, Vec::<String>::new(), "each wants a kind in domain::oidc::fault, or a reason here");
}

/// What is explained is what is said: a sentence that was reworded loses its explanation.
#[test]
fn every_sentence_that_is_explained_is_one_that_we_say() {
    let mut said = String::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") && !path.ends_with("oidc/fault.rs") {
                said.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    for (sentence, kind) in mingji::domain::oidc::fault::SENTENCES {
        assert!(said.contains(&format!("\"{sentence}\"")), "{kind:?}: {sentence}");
    }
    for kind in FaultKind::ALL {
        for text in [(ZH.of)(*kind), (EN.of)(*kind)] {
            assert!(!text.what.is_empty() && !text.way_out.is_empty(), "{kind:?}");
        }
    }
}
