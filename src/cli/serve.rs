//! `mingji serve`.

use std::path::{Path, PathBuf};

use futures_util::future::OptionFuture;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Failure, certificate, runtime};
use crate::app::App;
use crate::config::Settings;
use crate::http::server::ServeError;
use crate::http::{self, Door, server};
use crate::jobs;
use crate::store::snapshot;

/// Options of `serve`.
#[derive(clap::Args)]
pub struct Args {
    /// Do not apply migrations; refuse to start when one is missing.
    #[arg(long)]
    no_migrate: bool,
}

/// Serves until a stop is asked for.
pub async fn run(config: Option<&Path>, args: &Args) -> Result<(), Failure> {
    let settings = runtime::settings(config, &[])?;
    let listeners = Listeners::bind(&settings).await?;
    let app = runtime::provider(&settings, !args.no_migrate).await?;
    let stop = stop_signal();
    tracing::info!(issuer = settings.issuer.as_str(), listen = %settings.listen, "serving");
    serve(&settings, app, listeners, stop).await
}

/// The addresses of a provider, taken before anything is written.
pub struct Listeners {
    main: TcpListener,
    mtls: Option<TcpListener>,
    metrics: Option<TcpListener>,
}

impl Listeners {
    /// Takes them all.
    pub async fn bind(settings: &Settings) -> Result<Self, Failure> {
        let main = server::bind(settings.listen).await?;
        let metrics = match settings.metrics_listen {
            Some(address) => Some(server::bind(address).await?),
            None => None,
        };
        let mtls = match settings.mtls_listen {
            Some(address) => Some(server::bind(address).await?),
            None => None,
        };
        Ok(Self { main, mtls, metrics })
    }
}

/// Serves an opened provider on bound listeners.
pub async fn serve(
    settings: &Settings,
    app: App,
    listeners: Listeners,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let metrics = listeners.metrics.map(|listener| tokio::spawn(serve_metrics(listener, app.clone(), stop.clone())));
    let anchors = snapshot::file_of(settings.database.expose()).map(|file| anchor_file(&file));
    if let Some(files) = &settings.tls {
        tokio::spawn(certificate::watch(files.cert.clone(), app.clone(), stop.clone()));
    }
    // The jobs end after the last request, so that what it committed is numbered and delivered or waits in SQL.
    let idle = CancellationToken::new();
    let jobs = jobs::start(&app, anchors, &idle);
    let door = Door {
        app: app.clone(),
        trusted_proxies: settings.trusted_proxies.clone().into(),
        forwarded_certificates: false,
    };
    let tls = settings.tls.as_ref().map(|files| (files.cert.as_path(), files.key.as_path()));
    let certified = listeners.mtls.map(|listener| serve_certified(listener, door.clone(), tls, stop.clone()));
    let routes = http::router(door);
    // Whichever breaks takes the other along: half a provider would be found out much later.
    let main = async {
        let ended = server::serve(listeners.main, routes, tls, stop.clone()).await;
        stop.cancel();
        ended
    };
    let beside = async {
        let ended = OptionFuture::from(certified).await.transpose();
        if ended.is_err() {
            stop.cancel();
        }
        ended
    };
    let (ended, beside) = tokio::join!(main, beside);
    let ended = ended.and(beside.map(|_| ()));
    stop.cancel();
    idle.cancel();
    if let Some(Err(broken)) = OptionFuture::from(metrics).await {
        tracing::error!(%broken, "the metrics listener broke");
    }
    jobs.wait().await;
    app.close().await;
    tracing::info!("stopped");
    Ok(ended?)
}

/// The entrance of clients with certificates: with TLS of ours, or behind a proxy that ends it and says what it saw.
async fn serve_certified(
    listener: TcpListener,
    door: Door,
    tls: Option<(&Path, &Path)>,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    match tls {
        Some(files) => server::serve_mtls(listener, http::router(door), files, stop).await,
        None => server::serve(listener, http::router(Door { forwarded_certificates: true, ..door }), None, stop).await,
    }
}

/// Nobody is signed out for want of metrics: a listener that breaks is told and the provider goes on.
async fn serve_metrics(listener: TcpListener, app: App, stop: CancellationToken) {
    if let Err(error) = server::serve(listener, http::metrics::router(app), None, stop).await {
        tracing::error!(%error, "the metrics listener ended");
    }
}

/// Audit checkpoints are written beside the database file too; a cluster's operator anchors with `mingji audit anchor`.
pub fn anchor_file(database: &Path) -> PathBuf {
    database.with_extension("audit-anchors.jsonl")
}

/// Cancelled by SIGTERM or Ctrl-C.
pub fn stop_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let cancelled = stop.clone();
    tokio::spawn(async move {
        let terminate = async {
            match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
                Ok(mut signal) => {
                    signal.recv().await;
                }
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = terminate => {}
        }
        tracing::info!("stopping: running requests finish, no new ones are taken");
        cancelled.cancel();
    });
    stop
}
