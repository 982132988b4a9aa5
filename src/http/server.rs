//! Listens, and stops without losing anybody: no new connections, running requests finish.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use axum_server::{Address, Handle, Server};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CipherSuite, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long running requests may take after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(20);
/// Whoever connects says what she wants within this, or her place goes to somebody who does: one laptop with half
/// requests would take every connection that the machine may have.
const FIRST_REQUEST: Duration = Duration::from_secs(15);
/// For the head of every later request, and so for a connection that is kept without one. Longer than proxies keep theirs
/// to us (60 s is usual), so that none sends a request into a connection that we close.
const NEXT_REQUEST: Duration = Duration::from_secs(75);
/// HTTP/2 keeps its connections: somebody has to answer at the other end.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(20);
const LOOK_FOR_NEW_CERTIFICATE: Duration = Duration::from_secs(60);

/// Why a listener ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be used.
    #[error("cannot listen on {0}: {1}; is another program there?")]
    Bind(SocketAddr, std::io::Error),
    /// The certificate or key cannot be used.
    #[error("the TLS certificate or key cannot be used: {0}")]
    Certificate(std::io::Error),
    /// The listener broke.
    #[error("the listener broke: {0}")]
    Broken(std::io::Error),
}

/// Takes the address, so that a start which cannot listen fails before anything is written.
///
/// # Errors
/// [`ServeError::Bind`].
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|e| ServeError::Bind(address, e))
}

/// Serves until `stop` is cancelled and the running requests are done.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<(&Path, &Path)>,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    if let Some(files) = tls {
        return over_tls(listener, router, files, false, stop).await;
    }
    let handle = Handle::new();
    let watch = tokio::spawn(drain_on(stop, handle.clone()));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let listener = listener.into_std().map_err(ServeError::Broken)?;
    let server = patient_no_longer(axum_server::from_tcp(listener).map_err(ServeError::Broken)?);
    let ended = server.handle(handle).serve(service).await;
    watch.abort();
    ended.map_err(ServeError::Broken)
}

/// The same over TLS, and whoever calls may show a certificate (RFC 8705). Any is taken whose key the handshake proves:
/// whose it is, the use cases look at.
///
/// # Errors
/// [`ServeError`].
pub async fn serve_mtls(
    listener: TcpListener,
    router: Router,
    files: (&Path, &Path),
    stop: CancellationToken,
) -> Result<(), ServeError> {
    over_tls(listener, router, files, true, stop).await
}

async fn over_tls(
    listener: TcpListener,
    router: Router,
    (cert, key): (&Path, &Path),
    asks: bool,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let handle = Handle::new();
    let watch = tokio::spawn(drain_on(stop.clone(), handle.clone()));
    let config = RustlsConfig::from_config(tls_config(cert, key, asks).map_err(ServeError::Certificate)?);
    let (cert, key): (Arc<Path>, Arc<Path>) = (Arc::from(cert), Arc::from(key));
    let renewed = config.clone();
    tokio::spawn(reload(Arc::clone(&cert), Arc::clone(&key), stop, async move || {
        renewed.reload_from_config(tls_config(&cert, &key, asks)?);
        Ok(())
    }));
    let listener = listener.into_std().map_err(ServeError::Broken)?;
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = patient_no_longer(axum_server::from_tcp_rustls(listener, config).map_err(ServeError::Broken)?);
    let ended = server.handle(handle).serve(service).await;
    watch.abort();
    ended.map_err(ServeError::Broken)
}

/// Connections on which nothing comes end.
fn patient_no_longer<A: Address, Acceptor>(mut server: Server<A, Acceptor>) -> Server<A, Acceptor> {
    let builder = server.http_builder();
    builder.http1().header_read_timeout(NEXT_REQUEST);
    builder.http2().keep_alive_interval(PING).keep_alive_timeout(PONG);
    server.first_request_timeout(FIRST_REQUEST)
}

/// `asks`: whoever calls may show a certificate.
fn tls_config(cert: &Path, key: &Path, asks: bool) -> std::io::Result<Arc<ServerConfig>> {
    let mut provider = rustls::crypto::ring::default_provider();
    // FAPI 1.0 Advanced, 8.5: with TLS 1.2, AES-GCM alone. Whoever speaks ChaCha20 there speaks that too.
    provider.cipher_suites.retain(|suite| {
        let chacha = [
            CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        ];
        !chacha.contains(&suite.suite())
    });
    let provider = Arc::new(provider);
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(std::io::Error::other)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(std::io::Error::other)?;
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?;
    let config = match asks {
        true => config.with_client_cert_verifier(Arc::new(AnyCertificate(provider))),
        false => config.with_no_client_auth(),
    };
    let mut config = config.with_single_cert(chain, key).map_err(std::io::Error::other)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Asks for a certificate, goes on without one, and takes any whose key was proved.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether a certificate and its key can be served with.
///
/// # Errors
/// [`ServeError::Certificate`].
pub async fn check_certificate(cert: &Path, key: &Path) -> Result<(), ServeError> {
    RustlsConfig::from_pem_file(cert, key).await.map(drop).map_err(ServeError::Certificate)
}

async fn drain_on(stop: CancellationToken, handle: Handle<SocketAddr>) {
    stop.cancelled().await;
    handle.graceful_shutdown(Some(DRAIN));
}

/// Takes a renewed certificate without a restart.
async fn reload(cert: Arc<Path>, key: Arc<Path>, stop: CancellationToken, take: impl AsyncFn() -> std::io::Result<()>) {
    let mut seen = (changed_at(&cert).await, changed_at(&key).await);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_FOR_NEW_CERTIFICATE) => {}
        }
        let now = (changed_at(&cert).await, changed_at(&key).await);
        if now != seen {
            match take().await {
                Ok(()) => {
                    tracing::info!("the TLS certificate was reloaded");
                    seen = now;
                }
                // The key may follow in a moment; it is tried again.
                Err(error) => tracing::error!(%error, "the new TLS certificate cannot be used; the old one stays"),
            }
        }
    }
}

async fn changed_at(file: &Path) -> Option<SystemTime> {
    tokio::fs::metadata(file).await.ok()?.modified().ok()
}
