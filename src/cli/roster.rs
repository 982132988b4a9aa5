//! `mingji roster …`.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Subcommand;
use indicatif::ProgressBar;
use serde::Serialize;

use super::codes::one_of;
use super::output::Output;
use super::progress::bar;
use super::{Failure, files, runtime};
use crate::app::Ctx;
use crate::app::roster_import::{DeskReport, Listener, Login, Report, RowFault};
use crate::domain::registry::roster::RosterKind;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Imports a roster (CSV in UTF-8 or GB 18030, or XLSX) with the operator's rights. Institutions first, then staff, then
    /// students. The same file again changes nothing.
    #[command(after_help = "Example: mingji roster import --kind students students.csv --logins logins.csv")]
    Import {
        /// What the file lists.
        #[arg(long, value_parser = one_of(RosterKind::ALL, RosterKind::as_str))]
        kind: RosterKind,
        /// The file.
        file: PathBuf,
        /// Tell the same numbers and write nothing.
        #[arg(long)]
        dry_run: bool,
        /// Write row and user name of everybody in the file to a new file that only its owner reads.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "admin"])]
        logins: Option<PathBuf>,
        /// Import with the rights of this administrator instead of the operator's (a user name, an alias, or `-`).
        #[arg(long = "as", value_name = "LOGIN")]
        admin: Option<String>,
    },
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let Command::Import { kind, file, dry_run, logins, admin } = command;
    let source = File::open(file).map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    let size = source.metadata()?.len();
    // A dry run makes no register either.
    let app = if *dry_run { runtime::standing(config).await? } else { runtime::command(config).await? };
    let admin = super::account::login(&app, admin.as_deref()).await?;
    let mut desk = Desk { bar: bar(size), logins: None, said: Instant::now() };
    if let Some(path) = logins {
        desk.logins = Some(new_file(path)?);
    }
    let ctx = Ctx::task(&app, "roster import");
    let source = BufReader::with_capacity(1 << 16, source);
    let result = match admin {
        None => app.import_roster(&ctx, *kind, source, *dry_run, &mut desk).await.map(Done::Operator),
        Some(admin) => app.import_roster_as(&ctx, admin, *kind, source, *dry_run, &mut desk).await.map(Done::Admin),
    };
    desk.bar.finish_and_clear();
    if let Some(mut logins) = desk.logins {
        logins.flush()?;
    }
    app.close().await;
    let done = result?;
    let refused = match &done {
        Done::Operator(report) => report.refused.clone(),
        Done::Admin(report) => report.refused.clone(),
    };
    match refused {
        None => output.say(&done, |report| report.text(*dry_run)),
        // The document names the columns, the line on standard error says what to do.
        Some(reason) => output.say(&done, |_| String::new()).and(Err(Failure::new(reason))),
    }
}

/// What either of them is told.
#[derive(Serialize)]
#[serde(untagged)]
enum Done {
    Operator(Report),
    Admin(DeskReport),
}

struct Desk {
    bar: ProgressBar,
    logins: Option<BufWriter<File>>,
    said: Instant,
}

impl Listener for Desk {
    fn progress(&mut self, bytes: u64, rows: u64) {
        self.bar.set_position(bytes);
        self.bar.set_message(format!("{rows} rows"));
        if self.bar.is_hidden() && self.said.elapsed() > Duration::from_secs(5) {
            self.said = Instant::now();
            tracing::info!(rows, bytes, "importing");
        }
    }

    fn login(&mut self, login: &Login) -> std::io::Result<()> {
        match &mut self.logins {
            Some(file) => writeln!(file, "{},{},{}", login.row, login.who, login.user_name),
            None => Ok(()),
        }
    }
}

fn new_file(path: &Path) -> Result<BufWriter<File>, Failure> {
    let mut file = BufWriter::new(files::create(path)?);
    writeln!(file, "row,who,user_name")?;
    Ok(file)
}

impl Done {
    fn text(&self, dry: bool) -> String {
        let dry = if dry { "dry run, nothing was written: " } else { "" };
        match self {
            Self::Operator(r) => {
                let counts = format!(
                    "{dry}{} rows in {:.1} s: {} created, {} linked, {} updated, {} unchanged, {} rejected, \
                     {} conflicts; {} persons created",
                    r.rows,
                    r.seconds,
                    r.created,
                    r.linked,
                    r.updated,
                    r.unchanged,
                    r.rejected,
                    r.conflicts,
                    r.persons_created
                );
                let left_out = (r.errors_left_out, r.warnings_left_out);
                lines(counts, r.sheet.as_deref(), &r.unknown_columns, &r.errors, &r.warnings, left_out)
            }
            Self::Admin(r) => {
                let counts = format!(
                    "{dry}{} rows in {:.1} s: {} accepted, {} updated, {} unchanged, {} rejected, {} conflicts; \
                     who is known elsewhere goes to checking",
                    r.rows, r.seconds, r.accepted, r.updated, r.unchanged, r.rejected, r.conflicts
                );
                let left_out = (r.errors_left_out, r.warnings_left_out);
                lines(counts, r.sheet.as_deref(), &r.unknown_columns, &r.errors, &r.warnings, left_out)
            }
        }
    }
}

fn lines(
    counts: String,
    sheet: Option<&str>,
    unknown: &[String],
    errors: &[RowFault],
    warnings: &[RowFault],
    (errors_left_out, warnings_left_out): (u64, u64),
) -> String {
    let mut lines = vec![counts];
    lines.extend(sheet.map(|name| format!("sheet that was read: {name}")));
    if !unknown.is_empty() {
        lines.push(format!("columns that mean nothing here: {}", unknown.join(", ")));
    }
    for (what, faults) in [("error", errors), ("warning", warnings)] {
        lines.extend(faults.iter().map(|f| format!("{what} row {} {} {}: {}", f.row, f.column, f.code, f.message())));
    }
    for (what, left_out) in [("errors", errors_left_out), ("warnings", warnings_left_out)] {
        if left_out > 0 {
            lines.push(format!("{left_out} more {what} of the same kinds"));
        }
    }
    lines.join("\n")
}
