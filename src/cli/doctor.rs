//! `mingji doctor`: checks what an operator can get wrong and says how to mend it. It looks and changes nothing.

mod shape;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::output::Output;
use super::standing::{self, Obstacle, Use};
use super::{Failure, runtime};
use crate::app::App;
use crate::app::health::Check;
use crate::config::Settings;
use crate::store::ephemeral::{Ephemeral, EphemeralError};
use crate::telemetry::SystemClock;

/// A nightly backup that is older than this has failed seven times.
const BACKUP_TOO_OLD: Duration = Duration::from_secs(7 * 24 * 3600);

/// What was written since the last anchor can be taken away unseen.
const ANCHOR_TOO_OLD: Duration = Duration::from_secs(2 * 24 * 3600);

/// Of many the first few are named.
const NAMED: usize = 5;

#[derive(Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    say: String,
}

#[derive(Serialize, PartialEq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Fault,
}

/// Checks everything; fails when something is a fault.
pub async fn run(config: Option<&Path>, output: &Output) -> Result<(), Failure> {
    let findings = match crate::config::load(config, &[]) {
        Err(error) => vec![Finding { what: "configuration", state: State::Fault, say: error.to_string() }],
        Ok(settings) => examine(&settings).await?,
    };
    output.say(&findings, |list| {
        list.iter()
            .map(|f| {
                format!(
                    "{}  {:<14} {}\n",
                    match f.state {
                        State::Ok => "ok     ",
                        State::Warning => "warning",
                        State::Fault => "FAULT  ",
                    },
                    f.what,
                    f.say
                )
            })
            .collect()
    })?;
    if findings.iter().any(|finding| finding.state == State::Fault) {
        Err(Failure::new("there are faults; each line above says how to mend it"))
    } else {
        Ok(())
    }
}

async fn examine(settings: &Settings) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    let mut found = |what, (state, say)| findings.push(Finding { what, state, say });
    found("configuration", (State::Ok, format!("issuer {}", settings.issuer.as_str())));
    found("log", shape::log(settings));
    found("issuer", shape::issuer(settings));
    if let Some(files) = &settings.tls {
        found("tls", shape::tls(settings, files).await);
    }
    if let Some(said) = shape::proxies(settings) {
        found("proxies", said);
    }
    if let Some(address) = settings.metrics_listen {
        found("metrics", shape::metrics(address));
    }
    for said in shape::stores(settings) {
        found("stores", said);
    }
    found("ephemeral", ephemeral(settings).await);
    match opened(settings).await {
        Err(Obstacle::NotYet(missing)) => {
            found("database", (State::Warning, format!("not made yet: the first start makes it ({missing})")));
        }
        Err(Obstacle::Fault(what, say)) => found(what, (State::Fault, say)),
        Ok(app) => {
            for check in app.readiness().await.into_iter().filter(|check| check.name != "ephemeral") {
                found(check.name, answered(&app, &check).await?);
            }
            found("key backup", backup(&app).await?);
            if settings.database.is_sqlite() {
                found("backup", database_backup(&app).await?);
            } else {
                found("audit anchors", anchors(&app).await?);
            }
            found("duties", duties(&app).await?);
            found("clock", clock(&app).await?);
            app.close().await;
        }
    }
    Ok(findings)
}

/// Over memory, because the ephemeral store is asked by itself: one that is down must not hide the rest.
async fn opened(settings: &Settings) -> Result<App, Obstacle> {
    let (db, secrets) = standing::open(settings, Use::Look).await?;
    let app = runtime::app(settings, db, secrets, "memory:").await;
    app.map_err(|failure| Obstacle::Fault("start", failure.to_string()))
}

async fn ephemeral(settings: &Settings) -> (State, String) {
    match Ephemeral::connect(settings.ephemeral.expose(), Arc::new(SystemClock)).await {
        Ok(store) => {
            // That a memory of its own serves one process only is said of the shape.
            let risks = store.risks(true).await;
            if risks.is_empty() { (State::Ok, "answers".into()) } else { (State::Warning, risks.join("; ")) }
        }
        Err(fault @ EphemeralError::Url(_)) => (State::Fault, fault.to_string()),
        Err(fault) => (
            State::Fault,
            format!(
                "{fault}: look whether Redis or Valkey runs, and whether host, port, user and password of MINGJI_EPHEMERAL_URL are right"
            ),
        ),
    }
}

/// Before the first start there are no signing keys, and nothing is wrong.
async fn answered(app: &App, check: &Check) -> Result<(State, String), Failure> {
    Ok(match check.hint {
        None => (State::Ok, "answers".into()),
        Some(_) if check.name == "keys" && app.list_keys().await?.is_empty() => {
            (State::Warning, "no signing keys yet: the first start makes them".into())
        }
        Some(hint) => (State::Fault, hint.into()),
    })
}

async fn backup(app: &App) -> Result<(State, String), Failure> {
    Ok(match app.backed_up_at().await? {
        Some(at) => (State::Ok, format!("written {at}")),
        None => (
            State::Warning,
            "never written: without it a lost disk loses every sealed number; run `mingji keys backup FILE`".into(),
        ),
    })
}

/// Beside an embedded database they are written by themselves; of a cluster nobody but the operator has a place outside it.
async fn anchors(app: &App) -> Result<(State, String), Failure> {
    Ok(match app.anchored_at().await? {
        Some(at) => {
            let age = app.now().since(at);
            let said = format!("written {}, {} h ago", at.to_rfc3339(), age.as_secs() / 3600);
            if age > ANCHOR_TOO_OLD {
                (State::Warning, format!("{said}: run `mingji audit anchor FILE`, and look why its timer did not"))
            } else {
                (State::Ok, said)
            }
        }
        None => (
            State::Warning,
            "never written: whoever writes to the database could take the newest entries of the log away; run `mingji audit \
             anchor FILE` on another disk, by a timer"
                .into(),
        ),
    })
}

/// PostgreSQL is backed up by its own tools, which leave no note here.
async fn database_backup(app: &App) -> Result<(State, String), Failure> {
    let Some(at) = app.database_backed_up_at().await? else {
        return Ok((
            State::Warning,
            "never written: a lost disk loses everybody; run `mingji backup FILE` and let a timer run it every night"
                .into(),
        ));
    };
    let age = app.now().since(at);
    let hours = age.as_secs() / 3600;
    let said = format!("written {}, {hours} h ago", at.to_rfc3339());
    Ok(if age > BACKUP_TOO_OLD {
        (State::Warning, format!("{said}: run `mingji backup FILE`, and look why the timer did not"))
    } else {
        (State::Ok, said)
    })
}

/// What was given before the profile was raised stays joined until somebody takes it back.
async fn duties(app: &App) -> Result<(State, String), Failure> {
    let joined = app.joined_duties().await?;
    if joined.is_empty() {
        return Ok((State::Ok, "apart, where MINGJI_PROTECTION=3 asks for it".into()));
    }
    let named: Vec<String> = joined.iter().take(NAMED).map(ToString::to_string).collect();
    let say = format!(
        "{} hold duties of several kinds, which MINGJI_PROTECTION=3 keeps apart (三员分离): take a role back with \
         `mingji admin revoke --person ID`: {}",
        joined.len(),
        named.join(", ")
    );
    Ok((State::Warning, say))
}

/// Entries from the future mean that this clock, or another replica's, is wrong.
async fn clock(app: &App) -> Result<(State, String), Failure> {
    let ahead = app.newest_entry_ahead_by().await?;
    let unseen = app.clock_ahead_by().await?;
    Ok(if let Some(days) = unseen.map(|ahead| ahead.as_secs() / 86_400) {
        (
            State::Warning,
            format!(
                "it stands {days} days ahead of when this register was last at work: if that is not so, set it (NTP) before \
                 `mingji serve` believes it, six hours after its start"
            ),
        )
    } else if ahead.as_secs() > 5 {
        (
            State::Fault,
            format!(
                "the database holds entries {} s from the future: set the clock (NTP) on every replica",
                ahead.as_secs()
            ),
        )
    } else {
        (State::Ok, "not behind the database".into())
    })
}
