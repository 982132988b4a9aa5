//! Clocks that call use cases: the sequencer, back-channel deliveries, upkeep, checkpoints.

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::{App, Ctx};

/// Commit-to-number stays under a second even when the bell was rung at another replica (R4).
const SEQUENCER_CLOCK: Duration = Duration::from_millis(500);
const DELIVERY_CLOCK: Duration = Duration::from_secs(2);
const KEYS_CLOCK: Duration = Duration::from_secs(30);
const UPKEEP_CLOCK: Duration = Duration::from_secs(600);
/// Receivers that are slow wait in lanes of their own.
const DELIVERY_LANES: usize = 4;

/// Starts all jobs; they end when `stop` is cancelled. `anchors` is a file outside the database to which audit
/// checkpoints are appended.
pub fn start(app: &App, anchors: Option<PathBuf>, stop: &CancellationToken) -> TaskTracker {
    let tracker = TaskTracker::new();
    tracker.spawn(keys(app.clone(), stop.clone()));
    tracker.spawn(sequencer(app.clone(), stop.clone()));
    for _ in 0..DELIVERY_LANES {
        tracker.spawn(deliveries(app.clone(), stop.clone()));
    }
    tracker.spawn(upkeep(app.clone(), anchors, stop.clone()));
    tracker.close();
    tracker
}

/// Signing keys are made beside the start, because an RSA key takes its time. Looked at again now and then:
/// a replica that was making one may have been killed.
async fn keys(app: App, stop: CancellationToken) {
    loop {
        if let Err(error) = app.ensure_keys(&Ctx::task(&app, "keys")).await {
            tracing::error!(%error, "signing keys could not be made; it will be tried again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(KEYS_CLOCK) => {}
        }
    }
}

async fn sequencer(app: App, stop: CancellationToken) {
    loop {
        match app.number_pending().await {
            // SQLite's writer is free between batches.
            Ok(n) if n > 0 => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "numbers could not be given; they will be"),
        }
        tokio::select! {
            // The last commit before a stop gets its number from the next start.
            () = stop.cancelled() => return,
            () = app.sequencer_bell() => {}
            () = tokio::time::sleep(SEQUENCER_CLOCK) => {}
        }
    }
}

async fn deliveries(app: App, stop: CancellationToken) {
    loop {
        match app.deliver_one().await {
            Ok(true) if !stop.is_cancelled() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "logout tokens could not be taken"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.delivery_bell() => {}
            () = tokio::time::sleep(DELIVERY_CLOCK) => {}
        }
    }
}

async fn upkeep(app: App, anchors: Option<PathBuf>, stop: CancellationToken) {
    loop {
        if let Err(error) = app.upkeep().await {
            tracing::warn!(%error, "upkeep failed; it will be tried again");
        }
        if let Some(file) = &anchors
            && let Err(error) = app.anchor(file).await
        {
            tracing::warn!(%error, "an audit checkpoint could not be written outside the database");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(UPKEEP_CLOCK) => {}
        }
    }
}
