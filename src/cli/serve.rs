//! `mingji serve`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::OptionFuture;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
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
    // First of all: a start may wait for another one's migrations, and the first process of a container is not even killed by a
    // signal that it does not hear.
    let stop = stop_signal()?;
    let served = begin(&settings, args, stop.asked.clone());
    stop.unless_twice(served).await
}

async fn begin(settings: &Settings, args: &Args, asked: CancellationToken) -> Result<(), Failure> {
    let listeners = Listeners::bind(settings).await?;
    let app = tokio::select! {
        app = runtime::provider(settings, !args.no_migrate) => app?,
        () = asked.cancelled() => {
            tracing::info!("stopped before it served");
            return Ok(());
        }
    };
    tracing::info!(issuer = settings.issuer.as_str(), listen = %settings.listen, "serving");
    serve(settings, app, listeners, asked).await
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
    asked: CancellationToken,
) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    tokio::spawn(announce(app.clone(), settings.drain, asked.clone(), stop.clone()));
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
    asked.cancel();
    idle.cancel();
    if let Some(Err(broken)) = OptionFuture::from(metrics).await {
        tracing::error!(%broken, "the metrics listener broke");
    }
    jobs.wait().await;
    app.close().await;
    tracing::info!("stopped");
    Ok(ended?)
}

/// From the moment a stop is asked for `/readyz` says so; the doors close a little later, when whoever sends people here has
/// heard it.
async fn announce(app: App, drain: Duration, asked: CancellationToken, stop: CancellationToken) {
    asked.cancelled().await;
    app.announce_stop();
    tokio::select! {
        () = tokio::time::sleep(drain) => stop.cancel(),
        () = stop.cancelled() => {}
    }
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

/// What SIGTERM or Ctrl-C says.
#[derive(Clone, Default)]
pub struct Stop {
    /// It was said.
    pub asked: CancellationToken,
    twice: CancellationToken,
}

impl Stop {
    /// Goes on until a stop is asked for twice: whoever says it again waits for nothing.
    pub async fn unless_twice(&self, work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
        tokio::select! {
            ended = work => ended,
            () = self.twice.cancelled() => Err(Failure::new("ended at once, for a stop was asked for twice")),
        }
    }
}

/// Listens to signals from now on.
pub fn stop_signal() -> Result<Stop, Failure> {
    let listen = |kind| signal(kind).map_err(|why| Failure::new(format!("signals cannot be heard: {why}")));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let stop = Stop::default();
    let Stop { asked, twice } = stop.clone();
    tokio::spawn(async move {
        for (said, text) in [(asked, "stopping: running requests finish"), (twice, "stopping at once")] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("{text}");
            said.cancel();
        }
    });
    Ok(stop)
}
