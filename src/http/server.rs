//! Listens, and stops without losing anybody: no new connections, running requests finish.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long running requests may take after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(20);
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
    let handle = Handle::new();
    let watch = tokio::spawn(drain_on(stop.clone(), handle.clone()));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let listener = listener.into_std().map_err(ServeError::Broken)?;
    let ended = match tls {
        None => axum_server::from_tcp(listener).map_err(ServeError::Broken)?.handle(handle).serve(service).await,
        Some((cert, key)) => {
            let config = RustlsConfig::from_pem_file(cert, key).await.map_err(ServeError::Certificate)?;
            tokio::spawn(reload(config.clone(), Arc::from(cert), Arc::from(key), stop));
            axum_server::from_tcp_rustls(listener, config)
                .map_err(ServeError::Broken)?
                .handle(handle)
                .serve(service)
                .await
        }
    };
    watch.abort();
    ended.map_err(ServeError::Broken)
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
async fn reload(config: RustlsConfig, cert: Arc<Path>, key: Arc<Path>, stop: CancellationToken) {
    let mut seen = (changed_at(&cert).await, changed_at(&key).await);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_FOR_NEW_CERTIFICATE) => {}
        }
        let now = (changed_at(&cert).await, changed_at(&key).await);
        if now != seen {
            match config.reload_from_pem_file(&cert, &key).await {
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
