//! A sign-in is tried without anybody signing in.

use super::{at, count, keeper};
use crate::support::app::both_engines;
use crate::support::browser::Page;
use crate::support::relying_party::{Ask, RelyingParty};
use crate::support::visitor::Visitor;

async fn paste(visitor: &mut Visitor, rp: &RelyingParty, text: &str) -> Page {
    visitor.browser.post(&at(rp, "trial"), &[("pasted", text)]).await
}

async fn tried(visitor: &mut Visitor, rp: &RelyingParty, ask: &Ask) -> Page {
    paste(visitor, rp, &rp.url(ask)).await
}

fn kind(page: &Page) -> String {
    let html = scraper::Html::parse_document(&page.text);
    let bad = scraper::Selector::parse("#verdict-bad").unwrap();
    let found = html.select(&bad).next().and_then(|one| one.attr("data-kind").map(str::to_owned));
    found.unwrap_or_else(|| panic!("not refused: {page:#?}"))
}

both_engines! {
    async fn it_says_what_would_happen_and_does_nothing(app: TestApp) {
        let rp = app.client("vendor");
        let mut county = keeper(&app).await;
        let page = county.browser.post(&at(&rp, "trial"), &[("own", "yes"), ("at", "0")]).await;
        assert!(page.has("verdict-good") && page.text_of("request").unwrap().contains("code_challenge_method=S256"), "{page:#?}");
        assert!(page.text.contains("第一次会先问本人是否同意"));
        let page = tried(&mut county, &rp, &rp.ask().with("scope", "openid profile phone proflie")).await;
        assert_eq!(page.text_of("dropped").unwrap(), "phone proflie", "not registered, and misspelled");
        let page = tried(&mut county, &rp, &rp.ask().without("state").without("nonce")).await;
        assert!(page.text_of("unguarded").unwrap().contains("state、nonce"), "{page:#?}");
        let platform = app.client("platform_a");
        let page = county.browser.post(&at(&platform, "trial"), &[("own", "yes")]).await;
        assert!(page.has("verdict-good") && page.text.contains("不另问同意"));
        for table in ["SELECT COUNT(*) FROM oidc_grant", "SELECT COUNT(*) FROM client_fault"] {
            assert_eq!(count(&app, table).await, 0, "{table}");
        }
    }

    async fn it_refuses_what_the_endpoint_refuses(app: TestApp) {
        let rp = app.client("vendor");
        let mut county = keeper(&app).await;
        let slash = format!("{}/", rp.redirect_uri);
        for (ask, wanted) in [
            (rp.ask().with("redirect_uri", &slash), "redirect_uri"),
            (rp.ask().without("redirect_uri"), "redirect_uri_missing"),
            (rp.ask().with("response_type", "id_token"), "response_type"),
            (rp.ask().with("response_type", "tok"), "response_type_unknown"),
            (rp.ask().without("code_challenge").without("code_challenge_method"), "pkce_missing"),
            (rp.ask().with("code_challenge_method", "plain"), "pkce_method"),
            (rp.ask().with("scope", "profile"), "scope_openid"),
            (rp.ask().with("prompt", "never"), "prompt"),
            (rp.ask().and("state", "again"), "repeated"),
            (rp.ask().with("id_token_hint", "nonsense"), "id_token_hint"),
            (rp.ask().with("claims", r#"{"id_token":{"acr":{"essential":true,"values":["nobody"]}}}"#), "other"),
            (rp.ask().with("resource", "https://nobody.example"), "resource"),
        ] {
            let page = tried(&mut county, &rp, &ask).await;
            assert_eq!(kind(&page), wanted);
            let real = app.teacher().browser.open(&rp.url(&ask)).await;
            let refused = real.status == 400 || real.location().is_some_and(|to| to.contains("error="));
            assert!(refused, "{wanted}: the endpoint does the same: {real:#?}");
        }
        let page = tried(&mut county, &rp, &rp.ask().with("redirect_uri", &slash)).await;
        assert!(page.text.contains("只差末尾的斜杠"), "{page:#?}");
        for neither in ["", "nonsense", "https://id.example/authorize?client_id=x", &app.client("platform_a").url(&app.client("platform_a").ask())] {
            let page = paste(&mut county, &rp, neither).await;
            assert!(page.has("verdict-none") && !page.has("verdict-good"), "{neither}: {page:#?}");
        }
        let object = paste(&mut county, &rp, &format!("?client_id={}&request=eyJ", rp.id)).await;
        assert!(object.has("verdict-none"), "{object:#?}");
    }

    async fn it_says_when_people_are_asked(app: TestApp) {
        let rp = app.client("platform_a");
        let mut county = keeper(&app).await;
        assert!(tried(&mut county, &rp, &rp.ask()).await.text.contains("不另问同意"));
        let page = tried(&mut county, &rp, &rp.ask().with("prompt", "consent")).await;
        assert!(page.has("verdict-good") && page.text.contains("第一次会先问本人是否同意"), "{page:#?}");
    }

    async fn what_is_pasted_stays_text(app: TestApp) {
        let rp = app.client("vendor");
        let mut county = keeper(&app).await;
        for field in ["redirect_uri", "scope", "state", "response_type", "resource"] {
            let page = tried(&mut county, &rp, &rp.ask().with(field, "openid \"><script>alert(1)</script><img src=x onerror=y>")).await;
            assert!(!page.text.contains("<script>") && !page.text.contains("<img src=x"), "{field}: {page:#?}");
        }
    }
}
