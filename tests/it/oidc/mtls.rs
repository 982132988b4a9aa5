//! Certificates of clients (RFC 8705): who is known by one, tokens that are bound to one, and headers that are believed.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mingji::app::Parts;
use mingji::app::possession::Mtls;
use mingji::http::{Door, router, server};
use mingji::keys::certificate::{Authorities, thumbprint};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, SanType,
    generate_simple_self_signed,
};
use rustls::CipherSuite;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::app::{Engine, TestApp, run_on};
use crate::support::client_key::ClientKey;
use crate::support::relying_party::{Answer, Auth, RelyingParty, claims_of};

/// Somebody who gives certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, as PEM, and as DER.
#[derive(Clone)]
pub struct Held {
    pub pem: String,
    pub der: Vec<u8>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.as_ref().pem()
    }

    /// For `CN=name,O=学校` with these alternative names.
    pub fn give(&self, name: &str, others: Vec<SanType>) -> Held {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "学校");
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names = others;
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Held { pem: format!("{}{}", certificate.pem(), key.serialize_pem()), der: certificate.der().to_vec() }
    }
}

/// One that nobody vouches for.
pub fn self_made() -> Held {
    let made = generate_simple_self_signed(["rp.example".to_owned()]).unwrap();
    Held { pem: format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem()), der: made.cert.der().to_vec() }
}

/// A provider with a second listener.
pub struct Place {
    pub app: TestApp,
    pub authority: Authority,
    origin: String,
    /// The listener's certificate, as PEM.
    pub server: String,
    stop: CancellationToken,
}

impl Place {
    async fn start() -> Self {
        let authority = Authority::new("Authority");
        let listener = server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let (pem, at) = (authority.pem(), origin.clone());
        let app = TestApp::start_with(Engine::Sqlite, "memory:", move |parts: &mut Parts| {
            let authorities = Some(Authorities::parse(pem.as_bytes()).unwrap());
            parts.mtls = Some(Mtls { origin: at, authorities });
        })
        .await;
        let own = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        std::fs::write(&cert, own.cert.pem()).unwrap();
        std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
        let routes =
            router(Door { app: app.app.clone(), trusted_proxies: Arc::new([]), forwarded_certificates: false });
        let stop = CancellationToken::new();
        let until = stop.clone();
        tokio::spawn(async move {
            server::serve_mtls(listener, routes, (&cert, &key), until).await.unwrap();
            drop(folder);
        });
        Self { app, authority, origin, server: own.cert.pem(), stop }
    }

    /// A client program that shows a certificate, or none.
    fn http(&self, held: Option<&Held>) -> reqwest::Client {
        let server = reqwest::Certificate::from_pem(self.server.as_bytes()).unwrap();
        let builder = reqwest::Client::builder().no_proxy().tls_certs_only([server]);
        let builder = match held {
            Some(held) => builder.identity(reqwest::Identity::from_pem(held.pem.as_bytes()).unwrap()),
            None => builder,
        };
        builder.build().unwrap()
    }

    /// Posts a form to the second listener in a client's name.
    async fn post(
        &self,
        held: Option<&Held>,
        rp: &RelyingParty,
        path: &str,
        form: &[(&'static str, String)],
    ) -> Answer {
        let mut form = form.to_vec();
        form.push(("client_id", rp.id.clone()));
        Answer::of(self.http(held).post(format!("{}{path}", self.origin)).form(&form)).await
    }

    async fn userinfo(&self, held: Option<&Held>, token: &str) -> Answer {
        Answer::of(self.http(held).get(format!("{}/userinfo", self.origin)).bearer_auth(token)).await
    }

    async fn client(&self, own: Value) -> RelyingParty {
        RelyingParty { auth: Auth::Public, ..self.app.register(own).await }
    }

    /// A plain listener that believes whoever calls from this machine, about certificates or about addresses alone.
    async fn behind_a_proxy(&self, forwarded_certificates: bool) -> String {
        let listener = server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let trusted_proxies = Arc::new(["127.0.0.0/8".parse().unwrap()]);
        let routes = router(Door { app: self.app.app.clone(), trusted_proxies, forwarded_certificates });
        let until = self.stop.clone();
        tokio::spawn(async move { server::serve(listener, routes, None, until).await.unwrap() });
        at
    }

    /// A code for a client, as the form that redeems it.
    async fn code(&self, rp: &RelyingParty) -> Vec<(&'static str, String)> {
        let arrived = self.app.teacher().arrive(rp).await;
        rp.redemption(&arrived.ask, &arrived.code)
    }
}

/// Runs a body with a place of its own.
pub async fn at_a_place<F: Future<Output = ()> + Send + 'static>(body: impl FnOnce(Arc<Place>) -> F + Send + 'static) {
    let place = Arc::new(Place::start().await);
    let (app, stop) = (place.app.clone(), place.stop.clone());
    run_on(app, move |_| async move {
        body(place).await;
        stop.cancel();
    })
    .await;
}

pub fn with_certificate(held: &Held) -> Value {
    let mut jwk = ClientKey::es256().jwk();
    jwk["x5c"] = json!([STANDARD.encode(&held.der)]);
    json!({ "token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": { "keys": [jwk] } })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_an_authority_vouches_for() {
    at_a_place(|place| async move {
        let ia5 = |text: &str| text.try_into().unwrap();
        let good = place.authority.give(
            "rp",
            vec![
                SanType::DnsName(ia5("rp.example")),
                SanType::URI(ia5("https://rp.example/me")),
                SanType::Rfc822Name(ia5("me@rp.example")),
                SanType::IpAddress("192.0.2.7".parse().unwrap()),
            ],
        );
        let other = place.authority.give("other", vec![SanType::DnsName(ia5("other.example"))]);
        let forged = Authority::new("Authority").give("rp", vec![SanType::DnsName(ia5("rp.example"))]);
        for own in [
            json!({ "tls_client_auth_subject_dn": "CN=rp,O=学校" }),
            json!({ "tls_client_auth_san_dns": "RP.example" }),
            json!({ "tls_client_auth_san_uri": "https://rp.example/me" }),
            json!({ "tls_client_auth_san_email": "me@rp.example" }),
            json!({ "tls_client_auth_san_ip": "192.0.2.7" }),
        ] {
            let mut own = own;
            own["token_endpoint_auth_method"] = json!("tls_client_auth");
            let rp = place.client(own.clone()).await;
            let form = place.code(&rp).await;
            for (what, held) in [
                ("no certificate", None),
                ("another's", Some(&other)),
                ("another authority's", Some(&forged)),
                ("a self-made one", Some(&self_made())),
            ] {
                let refused = place.post(held, &rp, "/token", &form).await;
                assert_eq!((refused.status, refused.error()), (401, "invalid_client"), "{what}: {own}");
            }
            assert_eq!(rp.token(&form).await.error(), "invalid_client", "on the listener that asks for none");
            let tokens = place.post(Some(&good), &rp, "/token", &form).await;
            assert_eq!(tokens.status, 200, "{own}: {tokens:?}");
            assert!(claims_of(&tokens.access())["cnf"].is_null(), "bound where it was registered");
            let told = place.post(Some(&good), &rp, "/introspect", &[("token", tokens.access())]).await;
            assert_eq!(told.body["active"], true);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_was_registered() {
    at_a_place(|place| async move {
        let (own, other) = (self_made(), self_made());
        let rp = place.client(with_certificate(&own)).await;
        let form = place.code(&rp).await;
        let vouched = place.authority.give("rp", vec![]);
        for held in [None, Some(&other), Some(&vouched)] {
            assert_eq!(place.post(held, &rp, "/token", &form).await.error(), "invalid_client");
        }
        assert_eq!(place.post(Some(&own), &rp, "/token", &form).await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_token_is_of_no_use_on_another_connection() {
    at_a_place(|place| async move {
        let (own, other) = (self_made(), self_made());
        let mut metadata = with_certificate(&own);
        metadata["tls_client_certificate_bound_access_tokens"] = json!(true);
        let rp = place.client(metadata).await;
        let tokens = place.post(Some(&own), &rp, "/token", &place.code(&rp).await).await;
        let access = tokens.access();
        assert_eq!(claims_of(&access)["cnf"], json!({ "x5t#S256": thumbprint(&own.der) }));
        assert_eq!(tokens.text("token_type"), "Bearer");
        assert_eq!(place.userinfo(Some(&own), &access).await.status, 200);
        for held in [None, Some(&other)] {
            let refused = place.userinfo(held, &access).await;
            assert_eq!((refused.status, refused.error()), (401, "invalid_token"));
        }
        assert_eq!(rp.userinfo(&access).await.error(), "invalid_token", "on the listener that asks for none");
        let told = place.post(Some(&own), &rp, "/introspect", &[("token", access.clone())]).await;
        assert_eq!(told.body["cnf"]["x5t#S256"], thumbprint(&own.der));
        // A public client's refresh token is bound too (RFC 8705, 4).
        let public =
            json!({ "token_endpoint_auth_method": "none", "tls_client_certificate_bound_access_tokens": true });
        let rp = place.client(public).await;
        let form = place.code(&rp).await;
        let without = place.post(None, &rp, "/token", &form).await;
        assert_eq!((without.status, without.error()), (400, "invalid_request"), "and the code was not used up");
        let refresh = place.post(Some(&own), &rp, "/token", &form).await.refresh();
        let form = [("grant_type", "refresh_token".into()), ("refresh_token", refresh.clone())];
        assert_eq!(place.post(Some(&other), &rp, "/token", &form).await.error(), "invalid_grant");
        let fresh = place.post(Some(&own), &rp, "/token", &form).await;
        assert_eq!((fresh.status, fresh.refresh()), (200, refresh), "and stays");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_is_believed_from_a_trusted_proxy_alone() {
    at_a_place(|place| async move {
        let own = self_made();
        let rp = place.client(with_certificate(&own)).await;
        let form = place.code(&rp).await;
        let forwarded = format!(":{}:", STANDARD.encode(&own.der));
        let send = async |at: String, http: reqwest::Client, value: &str| {
            let mut form = form.clone();
            form.push(("client_id", rp.id.clone()));
            Answer::of(http.post(at).header("client-cert", value).form(&form)).await
        };
        let plain = send(place.app.at("/token"), place.app.http.clone(), &forwarded).await;
        assert_eq!(plain.error(), "invalid_client", "whoever is no proxy");
        let at = format!("{}/token", place.origin);
        for held in [None, Some(&self_made())] {
            let mixed = send(at.clone(), place.http(held), &forwarded).await;
            assert_eq!(mixed.error(), "invalid_client", "beside a handshake of its own");
        }
        let behind = format!("{}/token", place.behind_a_proxy(true).await);
        let others = format!(":{}:", STANDARD.encode(&self_made().der));
        for (first, second) in [(&forwarded, &others), (&others, &forwarded), (&forwarded, &forwarded)] {
            let mut form = form.clone();
            form.push(("client_id", rp.id.clone()));
            let request = place.app.http.post(&behind).header("client-cert", first).header("client-cert", second);
            assert_eq!(Answer::of(request.form(&form)).await.error(), "invalid_client", "two at once");
        }
        for broken in ["", "x", "::", &forwarded[1..], &STANDARD.encode(&own.der)] {
            let refused = send(behind.clone(), place.app.http.clone(), broken).await;
            assert_eq!(refused.error(), "invalid_client", "{broken:.20}");
        }
        assert_eq!(send(behind, place.app.http.clone(), &forwarded).await.status, 200);
    })
    .await;
}

/// One proxy, one peer, two entrances: at the one for everybody it passes on whatever its callers wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_is_not_believed_at_other_entrances_of_the_proxy() {
    at_a_place(|place| async move {
        let own = self_made();
        let rp = place.client(with_certificate(&own)).await;
        let mut form = place.code(&rp).await;
        form.push(("client_id", rp.id.clone()));
        let at = format!("{}/token", place.behind_a_proxy(false).await);
        let request = place.app.http.post(at).header("client-cert", format!(":{}:", STANDARD.encode(&own.der)));
        assert_eq!(Answer::of(request.form(&form)).await.error(), "invalid_client");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_of_it() {
    at_a_place(|place| async move {
        let document = place.app.discovery().await;
        assert_eq!(document["tls_client_certificate_bound_access_tokens"], true);
        for name in ["token_endpoint", "userinfo_endpoint", "introspection_endpoint", "revocation_endpoint", "pushed_authorization_request_endpoint", "device_authorization_endpoint", "backchannel_authentication_endpoint"] {
            let alias = document["mtls_endpoint_aliases"][name].as_str().unwrap();
            assert!(alias.starts_with(&place.origin), "{name}");
            let answer = place.http(None).get(alias).send().await.unwrap().status();
            assert_ne!(answer, 404, "{name}");
        }
        assert!(document["token_endpoint_auth_methods_supported"].as_array().unwrap().contains(&json!("tls_client_auth")));
        let bad = json!({
            "redirect_uris": ["https://rp.example/cb"], "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "no name",
        });
        let refused = place.app.app.create_client(&place.app.operator(), serde_json::from_value(bad).unwrap()).await;
        assert!(refused.is_err());
    })
    .await;
}

/// Whether somebody who knows no other suites of TLS 1.2 is understood.
fn speaks(origin: &str, wanted: fn(CipherSuite) -> bool) -> bool {
    let mut provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites.retain(|suite| suite.tls13().is_none() && wanted(suite.suite()));
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let mut tls = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut tcp = std::net::TcpStream::connect(origin.trim_start_matches("https://")).unwrap();
    // Nobody vouches for this server here: its own words about the suites come before that.
    let ended = tls.complete_io(&mut tcp).unwrap_err().to_string();
    !ended.contains("HandshakeFailure")
}

/// FAPI 1.0 Advanced, 8.5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_listener_for_certificates_takes_aes_gcm_alone() {
    at_a_place(|place| async move {
        let origin = place.origin.clone();
        let understood = tokio::task::spawn_blocking(move || {
            let chacha = |suite: CipherSuite| suite.as_str().is_some_and(|name| name.contains("CHACHA20"));
            (speaks(&origin, |suite| suite.as_str().is_some_and(|name| name.contains("AES"))), speaks(&origin, chacha))
        });
        assert_eq!(understood.await.unwrap(), (true, false));
    })
    .await;
}

/// Without a listener nothing of it is told, registered or believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_certificates_are_asked_for() {
    let app = TestApp::start(Engine::Sqlite, "memory:").await;
    run_on(app, |app: TestApp| async move {
        let document = app.discovery().await;
        assert!(
            document["mtls_endpoint_aliases"].is_null()
                && document["tls_client_certificate_bound_access_tokens"].is_null()
        );
        assert!(!document["token_endpoint_auth_methods_supported"].to_string().contains("tls"));
        let own = self_made();
        for metadata in [
            with_certificate(&own),
            json!({ "tls_client_certificate_bound_access_tokens": true }),
            json!({ "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "rp.example" }),
        ] {
            let mut document = json!({ "redirect_uris": ["https://rp.example/cb"] });
            document.as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
            let refused = app.app.create_client(&app.operator(), serde_json::from_value(document).unwrap()).await;
            let refused = refused.err().and_then(|error| error.protocol).map(|error| error.code.as_str());
            assert_eq!(refused, Some("invalid_client_metadata"), "{metadata}");
        }
    })
    .await;
}
