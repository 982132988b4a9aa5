//! The guarded client against real listeners on this machine, which are exactly what it must not reach.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::{get, post};
use mingji::outbound::address::Allow;
use mingji::outbound::client::{BODY_LIMIT, ClientError, GuardedClient, OutboundError};
use mingji::outbound::logout::{LogoutError, post_logout_token};

/// A platform on a free port of 127.0.0.1 that counts who knocks.
struct Platform {
    address: SocketAddr,
    knocks: Arc<AtomicUsize>,
}

impl Platform {
    async fn start() -> Self {
        let knocks = Arc::new(AtomicUsize::new(0));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = routes(Arc::clone(&knocks));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, knocks }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn knocks(&self) -> usize {
        self.knocks.load(Ordering::SeqCst)
    }
}

fn routes(knocks: Arc<AtomicUsize>) -> Router {
    let count = move |request: axum::extract::Request| {
        knocks.fetch_add(1, Ordering::SeqCst);
        async move { request }
    };
    Router::new()
        .route("/json", get(|| async { r#"{"answer":42}"# }))
        .route("/redirect", get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/json")]) }))
        .route("/long", get(|| async { vec![b' '; BODY_LIMIT + 1] }))
        .route("/logout/200", post(logout).get(|| async { StatusCode::IM_A_TEAPOT }))
        .route("/logout/204", post(|| async { StatusCode::NO_CONTENT }))
        .route("/logout/302", post(|| async { (StatusCode::FOUND, [(header::LOCATION, "/logout/204")]) }))
        .route("/logout/400", post(|| async { StatusCode::BAD_REQUEST }))
        .route("/logout/503", post(|| async { StatusCode::SERVICE_UNAVAILABLE }))
        .layer(axum::middleware::map_request(count))
}

/// 200 when the form carries the token, as OpenID Connect Back-Channel Logout 1.0, 2.5 wants it.
async fn logout(form: axum::Form<Vec<(String, String)>>) -> StatusCode {
    let expected = ("logout_token".to_owned(), "a.b+c".to_owned());
    if form.0 == [expected] { StatusCode::OK } else { StatusCode::IM_A_TEAPOT }
}

fn client(allow: &[&str]) -> GuardedClient {
    GuardedClient::new(allow.iter().map(|text| allowed(text)).collect(), None).unwrap()
}

/// A network where the text is one, else a host.
fn allowed(text: &str) -> Allow {
    text.parse().map_or_else(|_| Allow::Host(text.to_owned()), Allow::Net)
}

async fn fetch(client: &GuardedClient, url: &str) -> Result<serde_json::Value, OutboundError> {
    client.get_json(url).await
}

#[tokio::test]
async fn this_machine_is_closed_unless_it_is_named() {
    let platform = Platform::start().await;
    let port = platform.address.port();
    let closed = client(&["10.0.0.0/8", "other.test"]);
    for host in ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0"] {
        let plain = fetch(&closed, &format!("http://{host}:{port}/json")).await;
        assert!(matches!(plain, Err(OutboundError::Plain(_))), "{host}: {plain:?}");
        let secure = fetch(&closed, &format!("https://{host}:{port}/json")).await;
        assert!(matches!(secure, Err(OutboundError::Closed(_))), "{host}: {secure:?}");
    }
    assert_eq!(platform.knocks(), 0, "not even a connection");

    for allow in [["127.0.0.0/8"], ["127.0.0.1/32"]] {
        assert_eq!(fetch(&client(&allow), &platform.url("/json")).await.unwrap()["answer"], 42);
    }
    let by_name = format!("http://localhost:{port}/json");
    assert_eq!(fetch(&client(&["localhost"]), &by_name).await.unwrap()["answer"], 42);
    assert_eq!(fetch(&client(&["127.0.0.1/32"]), &by_name).await.unwrap()["answer"], 42);
}

#[tokio::test]
async fn plain_http_to_the_public_internet_is_closed() {
    let refused = fetch(&client(&[]), "http://1.1.1.1/").await;
    assert!(matches!(refused, Err(OutboundError::Plain(_))), "{refused:?}");
}

#[tokio::test]
async fn only_plain_addresses_are_addresses() {
    let client = client(&["127.0.0.1/32"]);
    for url in ["", "/x", "ftp://127.0.0.1/", "file:///etc/passwd", "https://u:p@127.0.0.1/", "https://127.0.0.1/#x"] {
        let refused = fetch(&client, url).await;
        assert!(matches!(refused, Err(OutboundError::Url)), "{url}: {refused:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let platform = Platform::start().await;
    let answer = fetch(&client(&["127.0.0.1/32"]), &platform.url("/redirect")).await;
    assert!(matches!(answer, Err(OutboundError::Status { status: 302, .. })), "{answer:?}");
    assert_eq!(platform.knocks(), 1);
}

#[tokio::test]
async fn a_long_body_is_cut() {
    let platform = Platform::start().await;
    let answer = fetch(&client(&["127.0.0.1/32"]), &platform.url("/long")).await;
    assert!(matches!(answer, Err(OutboundError::TooLong(_))), "{answer:?}");
}

#[tokio::test]
async fn what_is_not_there_is_an_error_without_its_path() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/secret-path", listener.local_addr().unwrap());
    drop(listener);
    let Err(error) = fetch(&client(&["127.0.0.1/32"]), &url).await else { panic!("nobody listens") };
    assert!(matches!(error, OutboundError::Failed { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("secret-path"));
}

#[tokio::test]
async fn a_logout_is_told_once_and_understood() {
    let platform = Platform::start().await;
    let client = client(&["127.0.0.1/32"]);
    let told = async |path: &str| post_logout_token(&client, &platform.url(path), "a.b+c").await;
    told("/logout/200").await.unwrap();
    told("/logout/204").await.unwrap();
    let refused = told("/logout/400").await.unwrap_err();
    assert!(matches!(refused, LogoutError::Refused) && refused.is_worth_a_retry());
    for (path, status) in [("/logout/503", 503), ("/logout/302", 302)] {
        let failed = told(path).await.unwrap_err();
        assert!(matches!(failed, LogoutError::Status(found) if found == status) && failed.is_worth_a_retry());
    }
}

#[tokio::test]
async fn an_extra_root_is_trusted_and_only_when_given() {
    mingji::outbound::install_tls_provider();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let config = axum_server::tls_rustls::RustlsConfig::from_pem(certificate.clone().into(), key.into()).await.unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("https://localhost:{}/json", listener.local_addr().unwrap().port());
    let server = axum_server::from_tcp_rustls(listener, config).unwrap();
    let app = routes(Arc::default());
    tokio::spawn(async move { server.serve(app.into_make_service()).await });

    let allow = || vec![allowed("127.0.0.0/8")];
    let trusting = GuardedClient::new(allow(), Some(certificate.into_bytes())).unwrap();
    assert_eq!(fetch(&trusting, &url).await.unwrap()["answer"], 42);
    let refused = fetch(&GuardedClient::new(allow(), None).unwrap(), &url).await;
    assert!(matches!(refused, Err(OutboundError::Failed { .. })), "{refused:?}");
}

#[test]
fn a_bundle_without_a_certificate_is_refused() {
    for bundle in [&b""[..], b"no pem", b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        assert!(matches!(GuardedClient::new(Vec::new(), Some(bundle.to_vec())), Err(ClientError::Bundle)));
    }
}
