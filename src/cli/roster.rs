//! `mingji roster …`.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Subcommand;
use indicatif::ProgressBar;

use super::output::Output;
use super::progress::bar;
use super::{Failure, runtime};
use crate::app::Ctx;
use crate::app::roster_import::{Listener, Login, Report};
use crate::domain::registry::roster::RosterKind;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Imports a roster (CSV in UTF-8 or GB 18030) with the operator's rights. Institutions first, then staff, then
    /// students. The same file again changes nothing.
    #[command(after_help = "Example: mingji roster import --kind students students.csv --logins logins.csv")]
    Import {
        /// What the file lists: institutions, staff or students.
        #[arg(long)]
        kind: RosterKind,
        /// The file.
        file: PathBuf,
        /// Tell the same numbers and write nothing.
        #[arg(long)]
        dry_run: bool,
        /// Write row and user name of everybody in the file to a new file that only its owner reads.
        #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
        logins: Option<PathBuf>,
    },
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let Command::Import { kind, file, dry_run, logins } = command;
    let source = File::open(file).map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    let size = source.metadata()?.len();
    let app = runtime::command(config).await?;
    let mut desk = Desk { bar: bar(size), logins: None, said: Instant::now() };
    if let Some(path) = logins {
        desk.logins = Some(new_file(path)?);
    }
    let ctx = Ctx::task(&app, "roster import");
    let result = app.import_roster(&ctx, *kind, BufReader::with_capacity(1 << 16, source), *dry_run, &mut desk).await;
    desk.bar.finish_and_clear();
    if let Some(mut logins) = desk.logins {
        logins.flush()?;
    }
    app.close().await;
    output.say(&result?, |report| text(report, *dry_run))
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

/// Never over a file that is there: it may be the only copy of an earlier run.
fn new_file(path: &Path) -> Result<BufWriter<File>, Failure> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    let mut file = BufWriter::new(file);
    writeln!(file, "row,who,user_name")?;
    Ok(file)
}

fn text(report: &Report, dry: bool) -> String {
    let mut lines = vec![format!(
        "{}{} rows in {:.1} s: {} created, {} linked, {} updated, {} unchanged, {} rejected, {} conflicts; {} persons created",
        if dry { "dry run, nothing was written: " } else { "" },
        report.rows,
        report.seconds,
        report.created,
        report.linked,
        report.updated,
        report.unchanged,
        report.rejected,
        report.conflicts,
        report.persons_created
    )];
    if !report.unknown_columns.is_empty() {
        lines.push(format!("columns that mean nothing here: {}", report.unknown_columns.join(", ")));
    }
    for (what, faults) in [("error", &report.errors), ("warning", &report.warnings)] {
        lines.extend(faults.iter().map(|f| format!("{what} row {} {} {}: {}", f.row, f.column, f.code, f.message)));
    }
    lines.join("\n")
}
