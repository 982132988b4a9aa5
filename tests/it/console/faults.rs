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
