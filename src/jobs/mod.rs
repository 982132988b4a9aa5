//! Clocks that call use cases: the sequencer, back-channel deliveries, verification services, errands, upkeep, checkpoints, majority,
//! doubles, erasures, rights that end, failed requests of clients, what was kept for its time.

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::books::BATCH;
use crate::app::pace::Looked;
use crate::app::{App, Ctx, Error, Kind};

/// Commit-to-number stays under a second even when the bell was rung at another replica (R4).
const SEQUENCER_CLOCK: Duration = Duration::from_millis(500);
/// What is committed meanwhile is numbered together: a batch costs the same for one entry and for many.
const SEQUENCER_PAUSE: Duration = Duration::from_millis(200);
const DELIVERY_CLOCK: Duration = Duration::from_secs(2);
/// Whoever asks why a request failed does so a moment later.
const FAULTS_CLOCK: Duration = Duration::from_secs(2);
const KEYS_CLOCK: Duration = Duration::from_secs(30);
/// A day begins within so long.
const DAY_CLOCK: Duration = Duration::from_secs(600);
const UPKEEP_CLOCK: Duration = Duration::from_secs(600);
/// A receiver that is slow holds one lane at most; so many may be slow before others wait.
const DELIVERY_LANES: usize = 8;
/// As many for clients that wait to hear of an answer: they have minutes.
const PING_LANES: usize = 8;
/// Of each service: one that is slow, or has much to answer, keeps no other from being asked.
const VERIFICATION_LANES: usize = 2;

/// How long after a run the next one begins, of each job that is counted: what the alerts of `deploy/alerts.yaml` go by.
pub const CLOCKS: &[(&str, Duration)] = &[
    ("keys", KEYS_CLOCK),
    ("sequencer", SEQUENCER_CLOCK),
    ("deliveries", DELIVERY_CLOCK),
    ("pings", DELIVERY_CLOCK),
    ("verifications", DELIVERY_CLOCK),
    ("errands", DELIVERY_CLOCK),
    ("faults", FAULTS_CLOCK),
    ("majority", DAY_CLOCK),
    ("doubles", DAY_CLOCK),
    ("erasures", DAY_CLOCK),
    ("sign_ons", DAY_CLOCK),
    ("retention", UPKEEP_CLOCK),
    ("rights", UPKEEP_CLOCK),
    ("upkeep", UPKEEP_CLOCK),
    ("anchor", UPKEEP_CLOCK),
];
/// What is done once a day, and looked at again by its clock where it failed.
pub const DAILY: [&str; 4] = ["majority", "doubles", "erasures", "sign_ons"];

/// Starts all jobs; they end when `stop` is cancelled. `anchors` is a file outside the database to which audit
/// checkpoints are appended.
pub fn start(app: &App, anchors: Option<PathBuf>, stop: &CancellationToken) -> TaskTracker {
    let tracker = TaskTracker::new();
    for (name, _) in CLOCKS {
        // Those that have nothing to do here never run, and are not late.
        let works = match *name {
            "anchor" => anchors.is_some(),
            "verifications" => !app.verifier_names().is_empty(),
            _ => true,
        };
        if works {
            app.metrics().job_starts(name, app.now());
        }
    }
    tracker.spawn(keys(app.clone(), stop.clone()));
    tracker.spawn(sequencer(app.clone(), stop.clone()));
    for _ in 0..DELIVERY_LANES {
        tracker.spawn(deliveries(app.clone(), stop.clone()));
    }
    for _ in 0..PING_LANES {
        tracker.spawn(pings(app.clone(), stop.clone()));
    }
    for service in app.verifier_names() {
        for _ in 0..VERIFICATION_LANES {
            tracker.spawn(verifications(app.clone(), service.clone(), stop.clone()));
        }
    }
    tracker.spawn(faults(app.clone(), stop.clone()));
    tracker.spawn(errands(app.clone(), stop.clone()));
    // Whoever came of age has no guardian any more.
    let majority = |app: App, after| async move {
        app.believes_its_clock().await?;
        app.end_at_majority(after).await
    };
    tracker.spawn(daily(app.clone(), "majority", stop.clone(), majority));
    // Two records of one institution that look alike are a question.
    let doubles = |app: App, after| async move { app.look_for_doubles(after).await };
    tracker.spawn(daily(app.clone(), "doubles", stop.clone(), doubles));
    // Whoever asked to be erased is, once the law keeps nothing of her any more.
    let erasures = |app: App, after| async move {
        app.believes_its_clock().await?;
        app.finish_erasures(after).await
    };
    tracker.spawn(daily(app.clone(), "erasures", stop.clone(), erasures));
    // A sign-on that ended is kept for its time.
    let sign_ons = |app: App, after| async move {
        app.believes_its_clock().await?;
        app.end_sign_ons(after).await
    };
    tracker.spawn(daily(app.clone(), "sign_ons", stop.clone(), sign_ons));
    tracker.spawn(retention(app.clone(), stop.clone()));
    tracker.spawn(rights(app.clone(), stop.clone()));
    tracker.spawn(upkeep(app.clone(), anchors, stop.clone()));
    tracker.close();
    tracker
}

/// Signing keys are made beside the start, because an RSA key takes its time. Looked at again now and then:
/// a replica that was making one may have been killed.
async fn keys(app: App, stop: CancellationToken) {
    loop {
        let made = app.ensure_keys(&Ctx::task(&app, "keys")).await;
        note(&app, "keys", &made);
        if let Err(error) = made {
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
        let numbered = app.number_pending().await;
        note(&app, "sequencer", &numbered);
        match numbered {
            // SQLite's writer is free between batches. Others write on while this one stops.
            Ok(n) if n >= BATCH && !stop.is_cancelled() => continue,
            Ok(n) if n > 0 => tokio::time::sleep(SEQUENCER_PAUSE).await,
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
        let delivered = app.deliver_some().await;
        note(&app, "deliveries", &delivered);
        match delivered {
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

async fn pings(app: App, stop: CancellationToken) {
    loop {
        let told = app.ping_one().await;
        note(&app, "pings", &told);
        match told {
            Ok(true) if !stop.is_cancelled() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "clients could not be told"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.ping_bell() => {}
            () = tokio::time::sleep(DELIVERY_CLOCK) => {}
        }
    }
}

async fn verifications(app: App, service: String, stop: CancellationToken) {
    loop {
        let asked = app.verify_one(&service).await;
        note(&app, "verifications", &asked);
        match asked {
            Ok(true) if !stop.is_cancelled() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "verifications could not be asked for"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.verification_bell(&service) => {}
            () = tokio::time::sleep(DELIVERY_CLOCK) => {}
        }
    }
}

/// Writes what clients did wrong, the last of it when the program stops.
async fn faults(app: App, stop: CancellationToken) {
    loop {
        let written = app.write_faults().await;
        note(&app, "faults", &written);
        if let Err(error) = written {
            tracing::warn!(%error, "failed requests of clients could not be written");
        }
        if stop.is_cancelled() {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(FAULTS_CLOCK) => {}
        }
    }
}

/// One at a time: an import waits for SQLite's writer like everybody. A stop cuts it off between two of its transactions, and
/// whoever starts next goes on.
async fn errands(app: App, stop: CancellationToken) {
    loop {
        // Changes of institutions that were turned back, with an errand or by a command that was cut off: before the next errand,
        // which may be about the same institution.
        let stopped = tokio::select! {
            () = stop.cancelled() => return,
            stopped = app.finish_stops() => stopped,
        };
        if let Err(error) = stopped {
            tracing::warn!(%error, "a change of an institution could not be taken back; it will be looked for again");
        }
        let ran = tokio::select! {
            () = stop.cancelled() => return,
            ran = app.run_errand() => ran,
        };
        note(&app, "errands", &ran);
        match ran {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "an errand could not be worked on; it will be taken again"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.errand_bell() => {}
            () = tokio::time::sleep(DELIVERY_CLOCK) => {}
        }
    }
}

/// Once a day, page by page; looked at again when a run failed or a replica was killed.
async fn daily<T: Copy, F: Future<Output = Result<Looked<T>, Error>>>(
    app: App,
    name: &'static str,
    stop: CancellationToken,
    look: impl Fn(App, Option<T>) -> F,
) {
    let (mut done, mut after, mut failed) = (None, None, 0);
    loop {
        let today = app.now().shanghai_date();
        if done != Some(today) {
            // A stop cuts a page off between two of its transactions; the day is looked at again after the next start.
            let looked = tokio::select! {
                () = stop.cancelled() => return,
                looked = look(app.clone(), after) => looked,
            };
            let looked = looked.map_err(|error| error.to_string()).and_then(|page| {
                failed += page.failed;
                match page.last {
                    None if failed > 0 => Err(format!("{failed} failed")),
                    last => Ok(last),
                }
            });
            if let Ok(Some(last)) = looked {
                after = Some(last);
                continue;
            }
            // A page that went well is no day that did.
            app.metrics().job_ran(name, looked.is_ok(), app.now());
            match looked {
                Ok(_) => (done, after) = (Some(today), None),
                // From the beginning: those that failed lie on pages that were passed.
                Err(error) => {
                    (after, failed) = (None, 0);
                    tracing::warn!(job = name, error, "the work of the day is not done; it will be tried again");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(DAY_CLOCK) => {}
        }
    }
}

/// Writes down which rights ended by themselves; they count no longer in any case.
async fn rights(app: App, stop: CancellationToken) {
    loop {
        let ended = tokio::select! {
            () = stop.cancelled() => return,
            ended = app.end_lapsed_rights() => ended,
        };
        note(&app, "rights", &ended);
        if let Err(error) = ended {
            tracing::warn!(%error, "rights that ended could not be written down; it will be tried again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(UPKEEP_CLOCK) => {}
        }
    }
}

/// Ends what the log has kept for its time. However much that is, a stop cuts it off between two transactions.
async fn retention(app: App, stop: CancellationToken) {
    loop {
        let ended = tokio::select! {
            () = stop.cancelled() => return,
            ended = async {
                app.believes_its_clock().await?;
                app.end_what_is_old().await
            } => ended,
        };
        note(&app, "retention", &ended);
        if let Err(error) = ended {
            tracing::warn!(%error, "what is old could not be ended; it will be tried again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(UPKEEP_CLOCK) => {}
        }
    }
}

async fn upkeep(app: App, anchors: Option<PathBuf>, stop: CancellationToken) {
    loop {
        // However many people are told, a stop cuts it off between two transactions.
        let kept = tokio::select! {
            () = stop.cancelled() => return,
            kept = app.upkeep() => kept,
        };
        note(&app, "upkeep", &kept);
        if let Err(error) = kept {
            tracing::warn!(%error, "upkeep failed; it will be tried again");
        }
        if let Some(file) = &anchors {
            // Not cut off: half a line is one that nobody can read.
            let anchored = app.anchor(file).await;
            note(&app, "anchor", &anchored);
            match anchored {
                Ok(()) => app.metrics().anchor_contradicted(false),
                Err(error) if error.kind == Kind::Conflict => {
                    app.metrics().anchor_contradicted(true);
                    tracing::error!(%error, "somebody changed the audit log or put an older database in its place");
                }
                // What could not be looked at contradicts nothing, and takes nothing back either.
                Err(error) => tracing::warn!(%error, "an audit checkpoint could not be written outside the database"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(UPKEEP_CLOCK) => {}
        }
    }
}

/// Counts how a run ended.
fn note<T>(app: &App, job: &'static str, ended: &Result<T, Error>) {
    app.metrics().job_ran(job, ended.is_ok(), app.now());
}
