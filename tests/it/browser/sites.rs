//! Two sites over TLS: what cookies are worth when the platform and the provider are strangers to the browser. On
//! localhost they are one site with one cookie jar, so none of this shows there (ruling R12).

use std::net::TcpListener;
use std::path::Path;

use axum::Router;
use axum::extract::RawQuery;
use axum::response::{Html, Redirect};
use axum::routing::get;
use axum_server::tls_rustls::RustlsConfig;
use serde_json::json;

use super::{choose_identity, sign_in};
use crate::support::binary::{Place, Ready, free_ports, serve};
use crate::support::chromium::{Chromium, Wish};
use crate::support::need;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A platform of another site: a form that posts to the provider, and the page where answers arrive.
async fn platform(
    listener: TcpListener,
    certificate: &Path,
    key: &Path,
    provider: String,
    client: String,
    own: String,
) {
    let form = |action: &str, fields: &[(&str, &str)], id: &str| {
        let inputs: String =
            fields.iter().map(|(name, value)| format!("<input type=hidden name='{name}' value='{value}'>")).collect();
        format!("<form method=post action='{provider}{action}'>{inputs}<button id={id}>{id}</button></form>")
    };
    let back = format!("{own}/callback");
    let asked = [
        ("client_id", &*client),
        ("redirect_uri", &back),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "s"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let landing = own.replace("platform.school", "home.elsewhere");
    let page =
        [form("/authorize", &asked, "enter"), form("/end-session", &[("client_id", &*client)], "leave")].concat();
    let routes =
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
            );
    let tls = RustlsConfig::from_pem_file(certificate, key).await.unwrap();
    listener.set_nonblocking(true).unwrap();
    let served = axum_server::from_tcp_rustls(listener, tls).unwrap().serve(routes.into_make_service());
    tokio::spawn(served);
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_hold_between_two_sites() {
    let Some(browser) = need::browser() else { return };
    mingji::outbound::install_tls_provider();
    let port = free_ports(1);
    let mut place = Place::new();
    let made = rcgen::generate_simple_self_signed(vec![
        "id.mingji.test".into(),
        "platform.school.test".into(),
        "home.elsewhere.test".into(),
    ])
    .unwrap();
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
    let metadata =
        json!({ "client_name": "别处", "redirect_uris": [format!("{own}/callback")], "edu_client_kind": "platform" });
    let client = place.json(&["client", "create"], &metadata.to_string())["client_id"].as_str().unwrap().to_owned();
    let _provider = serve(&place, port).await;
    platform(listener, &certificate, &key, issuer.clone(), client, own.clone()).await;
    let flags = vec!["--host-resolver-rules=MAP *.test 127.0.0.1".to_owned(), "--ignore-certificate-errors".to_owned()];
    let window = Chromium::open(&browser, Wish { flags, ..Wish::default() }).await;

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
        assert_eq!(
            (&cookie["secure"], &cookie["httpOnly"], &cookie["sameSite"]),
            (&json!(true), &json!(true), &json!("Lax")),
            "{cookie}"
        );
    }
}
