//! Two sites over TLS: what cookies are worth when the platform and the provider are strangers to the browser. On
//! localhost they are one site with one cookie jar, so none of this shows there (ruling R12).

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::RawQuery;
use axum::response::{Html, Redirect};
use axum::routing::get;
use axum_server::tls_rustls::RustlsConfig;
use serde_json::json;

use super::{choose_identity, sign_in};
use crate::support::binary::{Place, Ready, free_ports, serve};
use crate::support::chromium::{Chromium, Wish};
use crate::support::need::{self, Browser};

/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A platform of another site: a form that posts to the provider, and the page where answers arrive.
fn platform(provider: &str, client: &str, own: &str) -> Router {
    let form = |action: &str, fields: &[(&str, &str)], id: &str| {
        let inputs: String =
            fields.iter().map(|(name, value)| format!("<input type=hidden name='{name}' value='{value}'>")).collect();
        format!("<form method=post action='{provider}{action}'>{inputs}<button id={id}>{id}</button></form>")
    };
    let back = format!("{own}/callback");
    let asked = [
        ("client_id", client),
        ("redirect_uri", &back),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "s"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let landing = own.replace("platform.school", "home.elsewhere");
    let page = [form("/authorize", &asked, "enter"), form("/end-session", &[("client_id", client)], "leave")].concat();
    Router::new()
        .route("/", get(move || async move { Html(page) }))
        // Many platforms send people on to yet another site, so no `form-action` of ours could name where a form ends.
        .route(
            "/callback",
            get(move |RawQuery(query): RawQuery| async move {
                Redirect::to(&format!("{landing}/landed?{}", query.unwrap_or_default()))
            }),
        )
        .route(
            "/landed",
            get(|RawQuery(query): RawQuery| async move {
                Html(format!("<p id=answer>{}</p>", query.unwrap_or_default()))
            }),
        )
}

/// A provider with TLS, and the name of a platform on another site.
struct Town {
    place: Place,
    ready: Ready,
    issuer: String,
    port: u16,
    certificate: PathBuf,
    key: PathBuf,
    listener: TcpListener,
    own: String,
}

impl Town {
    fn new() -> Self {
        mingji::outbound::install_tls_provider();
        let port = free_ports(1);
        let mut place = Place::new();
        let names = ["id.mingji.test", "platform.school.test", "home.elsewhere.test"];
        let made = rcgen::generate_simple_self_signed(names.map(String::from)).unwrap();
        let (certificate, key) = (place.path().join("certificate.pem"), place.path().join("key.pem"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let issuer = format!("https://id.mingji.test:{port}");
        place.set("MINGJI_ISSUER", &issuer);
        place.set("MINGJI_TLS_CERT", certificate.to_string_lossy());
        place.set("MINGJI_TLS_KEY", key.to_string_lossy());
        let ready: Ready = serde_json::from_value(place.json(&["demo", "--seed-only"], "")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = format!("https://platform.school.test:{}", listener.local_addr().unwrap().port());
        Self { place, ready, issuer, port, certificate, key, listener, own }
    }

    /// Registers a client of the platform: its id and its secret.
    fn register(&self, own: &serde_json::Value) -> (String, String) {
        let redirect_uris = [format!("{}/callback", self.own)];
        let mut metadata =
            json!({ "client_name": "别处", "redirect_uris": redirect_uris, "edu_client_kind": "platform" });
        metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let made = self.place.json(&["client", "create"], &metadata.to_string());
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (text("client_id"), text("client_secret"))
    }

    /// The platform redeems a code, behind the browser's back.
    async fn redeem(&self, (client, secret): (&str, &str), code: &str) {
        let http = reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true);
        let http = http.resolve("id.mingji.test", ([127, 0, 0, 1], self.port).into()).build().unwrap();
        let back = format!("{}/callback", self.own);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &back),
            ("code_verifier", VERIFIER),
        ];
        let asked = http.post(format!("{}/token", self.issuer)).basic_auth(client, Some(secret)).form(&form);
        let answer = asked.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// The platform begins to listen.
    async fn open(&self, routes: Router) {
        let tls = RustlsConfig::from_pem_file(&self.certificate, &self.key).await.unwrap();
        let listener = self.listener.try_clone().unwrap();
        listener.set_nonblocking(true).unwrap();
        tokio::spawn(axum_server::from_tcp_rustls(listener, tls).unwrap().serve(routes.into_make_service()));
    }

    async fn window(&self, browser: &Browser, wish: Wish) -> Chromium {
        let rules = "--host-resolver-rules=MAP *.test 127.0.0.1".to_owned();
        let flags = vec![rules, "--ignore-certificate-errors".to_owned()];
        Chromium::open(browser, Wish { flags, ..wish }).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_hold_between_two_sites() {
    let Some(browser) = need::browser() else { return };
    let town = Town::new();
    let (client, _) = town.register(&json!({}));
    let _provider = serve(&town.place, town.port).await;
    town.open(platform(&town.issuer, &client, &town.own)).await;
    let window = town.window(&browser, Wish::default()).await;
    let (issuer, own, ready) = (town.issuer.clone(), town.own.clone(), &town.ready);

    // A POST from the other site begins a sign-in; the answer lands there.
    window.go(&own).await;
    window.press("#enter").await;
    window.arrive(&issuer).await;
    sign_in(&window, ready.person("teacher_parent")).await;
    choose_identity(&window, "教师").await;
    assert!(window.text("#answer").await.contains("code="), "{}", window.here().await);
    cookies_are_closed(&window).await;

    // The next one carries no cookie with the POST itself, and still finds the session: no page.
    window.go(&own).await;
    window.press("#enter").await;
    assert!(window.text("#answer").await.contains("code="), "{}", window.here().await);

    // So does a sign-out by POST. It brings no hint, so the person is asked, by name.
    window.go(&own).await;
    window.press("#leave").await;
    assert!(window.text("#who").await.contains("欧阳若兰"));
    window.press("main button[value=yes]").await;
    window.find("#signed-out").await;
    let left: Vec<_> =
        window.cookies().await.iter().map(|cookie| cookie["name"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(!left.iter().any(|name| name.ends_with("session")), "{left:?}");
    window.go(&own).await;
    window.press("#enter").await;
    window.find("#password").await;
}

async fn cookies_are_closed(window: &Chromium) {
    let cookies = window.cookies().await;
    assert!(cookies.iter().any(|cookie| cookie["name"] == "__Host-mingji_session"), "{cookies:?}");
    for cookie in cookies {
        let name = cookie["name"].as_str().unwrap();
        assert!(name.starts_with("__Host-"), "{cookie}");
        assert_eq!((&cookie["domain"], &cookie["path"]), (&json!("id.mingji.test"), &json!("/")), "{cookie}");
        // One is made to be read in frames of other sites, and is worth nothing (R12).
        let open = name == "__Host-mingji_state";
        let same_site = if open { "None" } else { "Lax" };
        assert_eq!(
            (&cookie["secure"], &cookie["httpOnly"], &cookie["sameSite"]),
            (&json!(true), &json!(!open), &json!(same_site)),
            "{cookie}"
        );
    }
}

/// A platform that asks the provider's page whether anything changed, and hears of the end of a session in a frame.
fn watcher(provider: &str, client: &str, heard: Arc<Mutex<Vec<String>>>) -> Router {
    let script = format!(
        "const asked = new URLSearchParams(location.search).get('state');
        const frame = document.querySelector('iframe');
        addEventListener('message', event => {{
            if (event.origin === '{provider}') document.getElementById('answer').textContent = event.data;
        }});
        frame.addEventListener('load', () => frame.contentWindow.postMessage('{client} ' + asked, '{provider}'));"
    );
    let page = format!("<iframe src='{provider}/check-session'></iframe><p id=answer></p><script>{script}</script>");
    let say =
        |RawQuery(query): RawQuery| async move { Html(format!("<p id=landed>{}</p>", query.unwrap_or_default())) };
    Router::new()
        .route("/watch", get(move || async move { Html(page) }))
        .route("/callback", get(say))
        .route("/goodbye", get(say))
        .route(
            "/out",
            get(move |RawQuery(query): RawQuery| async move {
                heard.lock().unwrap().push(query.unwrap_or_default());
                Html("out")
            }),
        )
}

/// What the provider's page says to a platform that holds this.
async fn compared(window: &Chromium, own: &str, state: &str) -> String {
    window.go(&format!("{own}/watch?state={state}")).await;
    window.find("#answer:not(:empty)").await;
    window.text("#answer").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_sees_the_end_of_a_session_in_its_frames() {
    let Some(browser) = need::browser() else { return };
    let town = Town::new();
    let (issuer, own) = (&town.issuer, &town.own);
    let frames = json!({ "frontchannel_logout_uri": format!("{own}/out"), "post_logout_redirect_uris": [format!("{own}/goodbye")] });
    let (client, secret) = town.register(&frames);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let _provider = serve(&town.place, town.port).await;
    town.open(watcher(issuer, &client, heard.clone())).await;
    let ask = format!(
        "{issuer}/authorize?client_id={client}&redirect_uri={own}/callback&response_type=code&scope=openid&state=s&code_challenge={CHALLENGE}&code_challenge_method=S256"
    );
    let leave = format!("{issuer}/end-session?client_id={client}&post_logout_redirect_uri={own}/goodbye");
    let scripts = Wish { foreign_cookies: true, ..Wish::default() };
    let no_scripts = Wish { no_script: true, ..Wish::default() };
    // The last browser shows no cookies in frames of other sites, as many do: it knows nothing, and that is no change.
    for (wish, expected) in [(scripts, Some("unchanged")), (no_scripts, None), (Wish::default(), Some("error"))] {
        let window = town.window(&browser, wish).await;
        window.go(&ask).await;
        sign_in(&window, town.ready.person("full_claims")).await;
        window.arrive(&format!("{own}/callback")).await;
        let answer: BTreeMap<String, String> =
            form_urlencoded::parse(window.text("#landed").await.as_bytes()).into_owned().collect();
        town.redeem((&client, &secret), &answer["code"]).await;
        let state = &answer["session_state"];
        if let Some(expected) = expected {
            assert_eq!(compared(&window, own, state).await, expected);
            assert_eq!(compared(&window, own, "nonsense").await, "error");
        }
        window.go(&leave).await;
        window.press("main button[value=yes]").await;
        // The provider's page opens the platform's, and goes on by itself.
        window.arrive(&format!("{own}/goodbye")).await;
        let heard = std::mem::take(&mut *heard.lock().unwrap());
        assert_eq!(heard.len(), 1, "{heard:?}");
        let told: Vec<_> = form_urlencoded::parse(heard[0].as_bytes()).into_owned().collect();
        assert_eq!((told[0].clone(), told[1].0.as_str()), (("iss".into(), issuer.clone()), "sid"));
        if let Some(expected) = expected {
            let changed = if expected == "error" { "error" } else { "changed" };
            assert_eq!(compared(&window, own, state).await, changed);
        }
    }
}

/// A platform whose library signs people in through a window that it opens, and watches (`display=popup`).
fn opener(address: &str) -> Router {
    let script = format!(
        "document.getElementById('open').addEventListener('click', () => {{
            const made = open('{address}', 'sign-in', 'popup');
            const say = text => document.getElementById('answer').textContent = text;
            const watch = setInterval(() => {{
                if (made.closed) {{ clearInterval(watch); say('closed'); return; }}
                // Our own empty page may be looked at; what throws is the provider's.
                try {{ made.location.href; }} catch {{ clearInterval(watch); say('there'); }}
            }}, 100);
        }});"
    );
    let page = format!("<button id=open>open</button><p id=answer></p><script>{script}</script>");
    Router::new().route("/", get(move || async move { Html(page) }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_a_platform_opened_stays_its_own() {
    let Some(browser) = need::browser() else { return };
    let town = Town::new();
    let (issuer, own) = (&town.issuer, &town.own);
    let (client, _) = town.register(&json!({}));
    let _provider = serve(&town.place, town.port).await;
    town.open(opener(&format!(
        "{issuer}/authorize?client_id={client}&redirect_uri={own}/callback&response_type=code&scope=openid&state=s&display=popup&code_challenge={CHALLENGE}&code_challenge_method=S256"
    )))
    .await;
    let window = town.window(&browser, Wish::default()).await;
    window.go(own).await;
    window.press("#open").await;
    window.find("#answer:not(:empty)").await;
    assert_eq!(window.text("#answer").await, "there");
}
