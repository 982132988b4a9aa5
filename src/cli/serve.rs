//! `mingji serve`.

use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::{Failure, runtime};
use crate::app::App;
use crate::config::Settings;
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
    let listener = server::bind(settings.listen).await?;
    let app = runtime::provider(&settings, !args.no_migrate).await?;
    let stop = stop_signal();
    tracing::info!(issuer = settings.issuer.as_str(), listen = %settings.listen, "serving");
    serve(&settings, app, listener, stop).await
}

/// Serves an opened provider on a bound listener.
pub async fn serve(
    settings: &Settings,
    app: App,
    listener: tokio::net::TcpListener,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let anchors = snapshot::file_of(settings.database.expose()).map(|file| anchor_file(&file));
    let jobs = jobs::start(&app, anchors, &stop);
    let door = Door { app: app.clone(), trusted_proxies: settings.trusted_proxies.clone().into() };
    let tls = settings.tls.as_ref().map(|files| (files.cert.as_path(), files.key.as_path()));
    let ended = server::serve(listener, http::router(door), tls, stop.clone()).await;
    // The jobs end after the last request, so that what it committed is numbered and delivered or waits in SQL.
    stop.cancel();
    jobs.wait().await;
    app.close().await;
    tracing::info!("stopped");
    Ok(ended?)
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
