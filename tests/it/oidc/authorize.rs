//! The authorization endpoint: every row of the table of checks, and how a request comes in.

use serde_json::json;

use crate::support::app::both_engines;
use crate::support::relying_party::Ask;

/// What is wrong with a request, and the code that the client reads.
type Wrong = (&'static str, fn(Ask) -> Ask, &'static str);

const REDIRECTED: &[Wrong] = &[
    ("a repeated parameter", |ask| ask.and("scope", "openid"), "invalid_request"),
    ("a repeated unknown parameter", |ask| ask.and("x", "1").and("x", "2"), "invalid_request"),
    ("an object that is none", |ask| ask.with("request", "e30.e30."), "invalid_request_object"),
    ("a request object elsewhere", |ask| ask.with("request_uri", "https://rp.example/r"), "invalid_request_uri"),
    ("a registration on the fly", |ask| ask.with("registration", "{}"), "registration_not_supported"),
    ("no response_type", |ask| ask.without("response_type"), "invalid_request"),
    ("an access token alone", |ask| ask.with("response_type", "token"), "unsupported_response_type"),
    ("an unknown response_type", |ask| ask.with("response_type", "code cookie"), "unsupported_response_type"),
    ("an unregistered response_type", |ask| ask.with("response_type", "code id_token"), "unauthorized_client"),
    ("an unknown response_mode", |ask| ask.with("response_mode", "web_message"), "invalid_request"),
    ("no scope", |ask| ask.without("scope"), "invalid_scope"),
    ("scope without openid", |ask| ask.with("scope", "profile edu"), "invalid_scope"),
    ("prompt none beside another", |ask| ask.with("prompt", "none login"), "invalid_request"),
    ("an account to be created without a page", |ask| ask.with("prompt", "none create"), "invalid_request"),
    ("an unknown prompt", |ask| ask.with("prompt", "dance"), "invalid_request"),
    ("max_age that is no number", |ask| ask.with("max_age", "soon"), "invalid_request"),
    ("a negative max_age", |ask| ask.with("max_age", "-1"), "invalid_request"),
    ("no PKCE", |ask| ask.without("code_challenge").without("code_challenge_method"), "invalid_request"),
    ("a PKCE method alone", |ask| ask.without("code_challenge"), "invalid_request"),
    ("PKCE plain", |ask| ask.with("code_challenge_method", "plain"), "invalid_request"),
    ("PKCE plain by default", |ask| ask.without("code_challenge_method"), "invalid_request"),
    ("a challenge that is no digest", |ask| ask.with("code_challenge", "short"), "invalid_request"),
    ("a state of three kilobytes", |ask| ask.with("state", &"s".repeat(3000)), "invalid_request"),
    ("a hint that nobody signed", |ask| ask.with("id_token_hint", "e30.e30.x"), "invalid_request"),
];

const SHOWN: &[Wrong] = &[
    ("no client", |ask| ask.without("client_id"), "err-client"),
    ("an unknown client", |ask| ask.with("client_id", "01890000-0000-7000-8000-000000000000"), "err-client"),
    ("a client that is no id", |ask| ask.with("client_id", "' OR 1=1"), "err-client"),
    ("two clients", |ask| ask.and("client_id", "x"), "err-client"),
    ("no redirect_uri", |ask| ask.without("redirect_uri"), "err-redirect-uri"),
    ("a foreign redirect_uri", |ask| ask.with("redirect_uri", "https://evil.example/callback"), "err-redirect-uri"),
    ("two redirect_uris", |ask| ask.and("redirect_uri", "https://evil.example/"), "err-redirect-uri"),
    (
        "a redirect_uri with a tail",
        |ask| {
            let tail = format!("{}?x=1", ask.get("redirect_uri"));
            ask.with("redirect_uri", &tail)
        },
        "err-redirect-uri",
    ),
    (
        "a redirect_uri in other letters",
        |ask| {
            let loud = ask.get("redirect_uri").replace("localhost", "LOCALHOST");
            ask.with("redirect_uri", &loud)
        },
        "err-redirect-uri",
    ),
];

both_engines! {
    async fn what_is_wrong_goes_back_to_the_client_with_state_and_issuer(app: TestApp) {
        let rp = app.client("platform_a");
        let mut browser = app.teacher().browser;
        for (what, change, code) in REDIRECTED {
            let ask = change(rp.ask());
            let page = browser.open(&rp.url(&ask)).await;
            assert_eq!(page.status, 303, "{what}: {page:#?}");
            assert!(page.location().unwrap().starts_with(&rp.redirect_uri), "{what}");
            let answer = page.answer();
            assert_eq!(answer.get("error").map(String::as_str), Some(*code), "{what}: {answer:?}");
            assert_eq!(answer["iss"], app.issuer, "{what}");
            assert_eq!(answer["state"], ask.get("state"), "{what}");
        }
    }

    async fn a_client_or_address_that_is_not_to_be_trusted_gets_a_page(app: TestApp) {
        let rp = app.client("platform_a");
        let mut browser = app.teacher().browser;
        for (what, change, id) in SHOWN {
            let page = browser.open(&rp.url(&change(rp.ask()))).await;
            assert_eq!(page.status, 400, "{what}: {page:#?}");
            assert!(page.has(id) && page.location().is_none(), "{what}: {}", page.text);
        }
    }

    async fn pkce_is_lifted_only_where_it_was_registered(app: TestApp) {
        let rp = app.register(json!({ "edu_require_pkce": false })).await;
        let bare = rp.ask().without("code_challenge").without("code_challenge_method");
        let arrived = app.teacher().arrive_with(&rp, bare).await;
        let mut form = rp.redemption(&arrived.ask, &arrived.code);
        form.retain(|(name, _)| *name != "code_verifier");
        assert_eq!(rp.token(&form).await.status, 200);

        // RFC 9700, 4.8.2: a verifier for a request without a challenge says that the challenge was stripped.
        let bare = rp.ask().without("code_challenge").without("code_challenge_method");
        let arrived = app.teacher().arrive_with(&rp, bare).await;
        assert_eq!(rp.redeem(&arrived.ask, &arrived.code).await.error(), "invalid_grant");
    }

    async fn a_post_from_another_site_comes_back_as_our_own_get(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        let ask = rp.ask();
        let mut stranger = app.teacher().browser;
        let parked = stranger.post_from("https://rp.example", "/authorize", ask.parameters()).await;
        assert_eq!(parked.status, 303);
        assert!(!parked.location().unwrap().contains(&ask.get("state")), "the parameters stay here");
        // The browser comes back with its cookies, and so with its session.
        let answer = teacher.browser.follow(&parked).await.answer();
        assert!(answer.contains_key("code") && answer["state"] == ask.get("state"), "{answer:?}");
        assert!(stranger.open("/authorize?parked=nothing").await.has("err-expired"));
    }

    async fn the_answer_names_issuer_and_state_and_keeps_a_registered_query(app: TestApp) {
        let rp = app.register(json!({ "redirect_uris": ["https://rp.example/cb?tenant=7"] })).await;
        let ask = rp.ask().with("state", "a b&c=d%20中");
        let page = app.teacher().go(&rp, &ask).await;
        assert!(page.location().unwrap().starts_with("https://rp.example/cb?tenant=7&code="));
        let answer = page.answer();
        assert_eq!((answer["state"].as_str(), answer["iss"].as_str()), ("a b&c=d%20中", app.issuer.as_str()));
        assert_eq!(page.headers["cache-control"], "no-store");
        // Without a state there is none in the answer.
        let page = app.teacher().go(&rp, &rp.ask().without("state")).await;
        assert!(!page.answer().contains_key("state"));
    }

    async fn a_native_client_may_choose_its_loopback_port(app: TestApp) {
        let rp = app.register(json!({
            "application_type": "native", "token_endpoint_auth_method": "none", "redirect_uris": ["http://127.0.0.1/callback"],
        })).await;
        let mut browser = app.teacher().browser;
        for (uri, accepted) in [
            ("http://127.0.0.1:49152/callback", true),
            ("http://127.0.0.1/callback", true),
            ("http://localhost:49152/callback", false),
            ("http://127.0.0.1:49152/other", false),
            ("http://127.0.0.2:49152/callback", false),
        ] {
            let page = browser.open(&rp.url(&rp.ask().with("redirect_uri", uri))).await;
            assert_eq!(page.asks_for("password"), accepted, "{uri}");
            assert_eq!(page.has("err-redirect-uri"), !accepted, "{uri}");
        }
    }

    async fn what_is_not_known_or_only_a_wish_stops_nobody(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        teacher.sign_in(&rp).await;
        for (name, value) in [
            ("extra", "foobar"), ("display", "page"), ("display", "popup"), ("display", "hologram"), ("acr_values", "1 2"),
            ("claims_locales", "se"), ("ui_locales", "se"), ("login_hint", "buffy@example.org"), ("max_age", "10000"),
        ] {
            let answer = teacher.browser.open(&rp.url(&rp.ask().with(name, value))).await.answer();
            assert!(answer.contains_key("code"), "{name}={value}: {answer:?}");
        }
    }

    async fn the_client_may_wish_for_a_language(app: TestApp) {
        let rp = app.client("platform_a");
        let language = async |ui_locales: Option<&str>, header: Option<&str>| {
            let mut browser = app.teacher().browser;
            browser.language = header.map(str::to_owned);
            let ask = match ui_locales {
                Some(tags) => rp.ask().with("ui_locales", tags),
                None => rp.ask(),
            };
            browser.open(&rp.url(&ask)).await.language()
        };
        assert_eq!(language(None, None).await, "zh-CN");
        assert_eq!(language(None, Some("en-GB,en;q=0.8")).await, "en");
        assert_eq!(language(Some("fr en"), Some("zh-CN")).await, "en");
        assert_eq!(language(Some("zh-CN"), Some("en")).await, "zh-CN");
    }

    async fn the_language_chosen_on_a_page_stays(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let page = teacher.browser.open(&rp.url(&rp.ask().with("ui_locales", "zh-CN"))).await;
        let page = teacher.browser.press(&page, "lang", "en").await;
        assert_eq!((page.language().as_str(), page.asks_for("password")), ("en", true));
        let answer = teacher.type_password(&page).await.answer();
        assert!(answer.contains_key("code"), "the request survived the switch: {answer:?}");
    }

    async fn a_hint_fills_the_form_only_with_our_own_user_names(app: TestApp) {
        let rp = app.client("platform_a");
        let teacher = app.teacher().person;
        let hinted = async |hint: &str| app.teacher().browser.open(&rp.url(&rp.ask().with("login_hint", hint))).await;
        assert_eq!(hinted(&teacher.user_name).await.value_of("login").as_deref(), Some(teacher.user_name.as_str()));
        for dropped in ["13900000781", "+8613900000781", "yuanshan@mail.example", "G360781200001010029", "360781199001010029"] {
            let page = hinted(dropped).await;
            assert_eq!(page.value_of("login").as_deref(), Some(""), "{dropped}");
            assert!(!page.text.contains(dropped), "{dropped}");
        }
    }

    async fn pages_cannot_be_framed_stored_or_scripted(app: TestApp) {
        let rp = app.client("platform_a");
        let page = app.teacher().browser.open(&rp.url(&rp.ask())).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(directive), "{policy}");
        }
        // This form may end at a client that sends the browser on to anywhere (R12); the provider's own pages may not.
        assert!(!policy.contains("form-action"), "{policy}");
        let home = app.teacher().browser.open("/").await;
        assert!(home.headers["content-security-policy"].to_str().unwrap().contains("form-action 'self'"));
        assert!(!policy.contains("unsafe") && !page.text.contains("<script"));
        assert_eq!(page.headers["cache-control"], "no-store");
        assert_eq!(page.headers["referrer-policy"], "no-referrer");
    }
}
