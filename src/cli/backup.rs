//! `mingji backup` and `mingji restore`: a one-box install as one sealed file.

use std::path::{Path, PathBuf};

use super::output::Output;
use super::progress::Bytes;
use super::{Failure, passphrase, runtime, serve};
use crate::app::Ctx;
use crate::app::backup::{self, Backup, Restore};
use crate::config::Settings;
use crate::domain::time::Timestamp;
use crate::keys::root::RootSecrets;
use crate::store::snapshot;
use crate::telemetry::SystemClock;

/// The one argument of both.
#[derive(clap::Args)]
pub struct Args {
    /// The backup: one file with the database and the root secrets, sealed under a passphrase (asked for, or a line of
    /// standard input).
    file: PathBuf,
}

/// Writes a backup; the service may run.
pub async fn backup(config: Option<&Path>, args: &Args, output: &Output) -> Result<(), Failure> {
    let settings = runtime::settings(config, &[])?;
    let database = embedded(&settings)?;
    let Some(secrets) = RootSecrets::load(&settings.keys_dir)? else {
        return Err(Failure::new(format!(
            "{} holds no root secrets: there is nothing to back up",
            settings.keys_dir.display()
        )));
    };
    let passphrase = passphrase::ask()?;
    let app = runtime::standing_on(&settings).await?;
    let ctx = Ctx::task(&app, "backup");
    let stop = serve::stop_signal()?.asked;
    let anchors = serve::anchor_file(&database);
    let job = Backup { file: args.file.clone(), database, anchors, secrets, passphrase };
    let written = app.back_up(&ctx, job, Bytes::new("backing up", stop)).await?;
    app.close().await;
    output.say(&written, |written| {
        format!(
            "{}: {:.1} MiB in {:.1} s, sealed; keep it and its passphrase apart, and off this machine",
            written.file.display(),
            mebibytes(written.bytes),
            written.seconds
        )
    })
}

/// Puts a backup where nothing is.
pub async fn restore(config: Option<&Path>, args: &Args, output: &Output) -> Result<(), Failure> {
    let settings = runtime::settings(config, &[])?;
    let database = embedded(&settings)?;
    let passphrase = passphrase::ask()?;
    let stop = serve::stop_signal()?.asked;
    let anchors = serve::anchor_file(&database);
    let job = Restore { file: args.file.clone(), database, anchors, keys_dir: settings.keys_dir.clone(), passphrase };
    let restored = backup::restore(job, &SystemClock, Bytes::new("restoring", stop)).await?;
    let went_back = opened(&settings).await.map_err(|why| {
        Failure::new(format!(
            "the register is in place as of {}, and cannot be opened as the service opens it: {}: mend that and start the service; there is nothing to restore again",
            restored.made_at.to_rfc3339(),
            why
        ))
    })?;
    if restored.issuer != settings.issuer.as_str() {
        tracing::warn!(
            backup = restored.issuer,
            configured = settings.issuer.as_str(),
            "the register belongs to another issuer: set MINGJI_ISSUER, or every platform refuses its tokens"
        );
    }
    output.say(&restored, |restored| {
        // A database that was there before any restore has lost nothing.
        let what = if went_back { "restored" } else { "the root secrets came back to the database that was there" };
        format!(
            "{what} in {:.1} s: {} as of {}; what happened later is not in it: if signing keys were ended since (`mingji keys rotate --compromised`), end them again. Run `mingji doctor`, then start the service",
            restored.seconds,
            restored.database.display(),
            restored.made_at.to_rfc3339()
        )
    })
}

/// Opens the register as the service will; whether it had yet to say that it went back.
async fn opened(settings: &Settings) -> Result<bool, Failure> {
    let app = runtime::command_on(settings).await?;
    let went_back = app.say_it_went_back().await?;
    app.close().await;
    Ok(went_back)
}

/// The moment to which a database went back.
#[derive(clap::Args)]
pub struct RestoredArgs {
    /// What was committed later is lost (RFC 3339).
    #[arg(long, value_name = "TIME")]
    as_of: String,
}

/// What came of it.
#[derive(serde::Serialize)]
struct Noted {
    as_of: String,
    streams: usize,
}

/// Says that the database went back: after a point-in-time recovery, or a fail-over to a replica that lagged.
pub async fn restored(config: Option<&Path>, args: &RestoredArgs, output: &Output) -> Result<(), Failure> {
    let as_of = Timestamp::from_rfc3339(&args.as_of)
        .ok_or_else(|| Failure::new("--as-of is a moment as in 2026-09-01T02:00:00Z"))?;
    let app = runtime::standing(config).await?;
    let streams = app.note_restored(&Ctx::task(&app, "restored"), as_of).await?;
    app.close().await;
    let noted = Noted { as_of: as_of.to_rfc3339(), streams };
    output.say(&noted, |noted| {
        format!(
            "noted: {} streams of platforms begin anew. If signing keys were ended after {} (`mingji keys rotate --compromised`), end them again",
            noted.streams, noted.as_of
        )
    })
}

/// The database's file.
fn embedded(settings: &Settings) -> Result<PathBuf, Failure> {
    snapshot::file_of(settings.database.expose()).ok_or_else(|| {
        Failure::new(
            "the database is PostgreSQL, which has tools of its own: back it up with pg_dump or continuous archiving (PITR), and the root secrets with `mingji keys backup FILE`; `mingji keys restore FILE` brings those back",
        )
    })
}

#[allow(clippy::cast_precision_loss, reason = "for people, with one digit")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
