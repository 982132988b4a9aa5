//! `mingji audit …` (ruling R4).

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::output::Output;
use super::{Failure, files, runtime, serve};
use crate::app::Ctx;
use crate::app::audit_file::verify_export;
use crate::app::books::read_anchors;
use crate::app::row_digest::{Agreement, RowReport};
use crate::domain::row_state::RowKind;
use crate::store::books::CheckpointRow;
use crate::store::snapshot;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Verifies the hash chain; exit 1 when it does not hold.
    #[command(after_help = "Example: mingji audit verify --anchors data/mingji.audit-anchors.jsonl")]
    Verify {
        /// Checkpoints kept outside the database; those that `mingji serve` writes beside an embedded one are read when this is
        /// left out.
        #[arg(long, value_name = "FILE")]
        anchors: Option<PathBuf>,
        /// A log that `mingji audit export` wrote, instead of the register; neither database nor keys are needed.
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
        /// The key that `mingji audit export` told: without it the file is believed about its own.
        #[arg(long, value_name = "KEY", requires = "export")]
        key: Option<String>,
    },
    /// Writes the whole log to a file that only its owner reads, and tells the key that it is verified with.
    #[command(after_help = "Example: mingji audit export audit-2026.jsonl")]
    Export {
        /// A new file.
        file: PathBuf,
    },
    /// Compares a row of the register as it is today with what the last entry said that names it; exit 1 when it is something else,
    /// or was meanwhile, and no entry accounts for that. It shows digests, and nothing of what the row says, and believes the entries:
    /// `mingji audit verify` tells whether they are genuine.
    #[command(after_help = "Example: mingji audit state staffing 01910000-0000-7000-8000-000000000000")]
    State {
        /// staffing, teaching, guardianship, enrolment, institution, class, admin_grant, client, account or platform.
        kind: RowKind,
        /// Its id.
        id: Uuid,
    },
    /// Signs where the chain stands and appends it to a file outside the database.
    #[command(after_help = "Example: mingji audit anchor /mnt/worm/anchors.jsonl")]
    Anchor {
        /// The file.
        file: PathBuf,
    },
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Verify { anchors, export, key } => {
            let unread = |file: &Path, e: std::io::Error| Failure::new(format!("{}: {e}", file.display()));
            let read = |file: &Path| -> Result<Vec<CheckpointRow>, Failure> {
                Ok(read_anchors(&std::fs::read_to_string(file).map_err(|e| unread(file, e))?)?)
            };
            let given = anchors.as_deref().map(read).transpose()?;
            let verdict = match export {
                Some(file) => {
                    let opened = File::open(file).map_err(|e| unread(file, e))?;
                    verify_export(BufReader::new(opened), key.as_deref(), &given.unwrap_or_default())?
                }
                None => {
                    let settings = runtime::settings(config, &[])?;
                    let beside = snapshot::file_of(settings.database.expose()).map(|file| serve::anchor_file(&file));
                    let anchors = match (given, beside.filter(|file| file.exists())) {
                        (Some(given), _) => given,
                        (None, Some(file)) => read(&file)?,
                        (None, None) => Vec::new(),
                    };
                    let app = runtime::standing_on(&settings).await?;
                    // What was committed before a stop may still wait for its number.
                    while app.number_pending().await? > 0 {}
                    app.verify_audit(&anchors).await?
                }
            };
            output.say(&verdict, |v| {
                let later =
                    v.ends_before.map(|seq| format!("; it ends before the anchor at {seq}")).unwrap_or_default();
                format!(
                    "{} entries from number {}; anchor: {}; {}{later}",
                    v.entries,
                    v.begins_at,
                    v.anchor,
                    if v.holds { "the chain holds".into() } else { v.faults.join("; ") }
                )
            })?;
            if verdict.holds { Ok(()) } else { Err(Failure::new("the audit chain does not hold")) }
        }
        Command::Export { file } => {
            let app = runtime::standing(config).await?;
            let ctx = Ctx::task(&app, "audit");
            let mut out = BufWriter::new(files::create(file)?);
            let written = async {
                let entries = app.export_audit(&ctx, &mut out).await?;
                out.into_inner().map_err(|error| Failure::new(error.to_string()))?.sync_all()?;
                Ok::<_, Failure>(entries)
            };
            // Half a log would not verify, and is in the way of the next try.
            let entries = written.await.inspect_err(|_| drop(std::fs::remove_file(file)))?;
            let key = app.audit_key();
            output.say(&json!({ "file": file, "entries": entries, "key": key }), |_| {
                format!("{entries} entries in {}; keep the key elsewhere: {key}", file.display())
            })
        }
        Command::State { kind, id } => {
            let app = runtime::standing(config).await?;
            let report = app.audit_row(&Ctx::task(&app, "audit"), *kind, *id).await?;
            output.say(&report, told)?;
            match report.agreement {
                Agreement::Differs => Err(Failure::new("the row is not what the log says")),
                _ if report.gaps.is_empty() => Ok(()),
                _ => Err(Failure::new("the row was something else meanwhile, and the log does not say why")),
            }
        }
        Command::Anchor { file } => {
            runtime::standing(config).await?.anchor(file).await?;
            output.say(&json!({ "file": file }), |_| format!("anchored in {}", file.display()))
        }
    }
}

/// A report for people: the entries a line each, and what follows from them.
fn told(report: &RowReport) -> String {
    let none = || "not there".to_owned();
    let mut lines: Vec<String> = Vec::new();
    for entry in &report.entries {
        let (before, after) = (entry.before.clone().unwrap_or_else(none), entry.after.clone().unwrap_or_else(none));
        lines.push(format!("entry {} at {}, {}: {before} -> {after}", entry.seq, entry.at, entry.action));
    }
    for seq in &report.gaps {
        lines.push(format!("before entry {seq} it was something that no entry says"));
    }
    for entry in &report.unnamed_since {
        let what = format!("may have changed it without naming it: {}", entry.action);
        lines.push(format!("entry {} at {} {what}", entry.seq, entry.at));
    }
    let today = report.today.clone().unwrap_or_else(none);
    lines.push(match report.agreement {
        Agreement::Agrees => format!("today: {today}: it is what the last entry says"),
        Agreement::Differs => format!("today: {today}: it is NOT what the last entry says"),
        Agreement::Open => {
            format!("today: {today}: not what the last entry says that names it, and that may be: see above, or two changed it at once")
        }
        Agreement::Unnamed => format!("today: {today}: no entry names it"),
        Agreement::Erased => "it was somebody's who was erased: nothing can be said of it any more".to_owned(),
    });
    lines.join("\n")
}
