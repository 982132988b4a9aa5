//! `mingji account slips`: one printable document, in a new file that only its owner reads.

use std::fs::File;
use std::io::{BufWriter, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::codes::one_of;
use super::output::Output;
use super::{Failure, files};
use crate::app::slips::{Bundle, SlipReport, SlipWish};
use crate::app::{App, Ctx, Kind};
use crate::domain::id::ClassId;
use crate::domain::registry::grade::Grade;
use crate::domain::registry::holder::SlipKind;
use crate::http::pages::views::{SLIPS_ON_A_SHEET, SlipSheet, SlipView, slips_head};
use crate::http::urls::path::ACTIVATE;

/// Whose slips, and where to.
#[derive(clap::Args)]
pub struct Args {
    /// Code of the institution; everything under it is included.
    #[arg(long)]
    org: String,
    /// Only this class (its id, from an earlier run with --json).
    #[arg(long, value_name = "CLASS_ID", conflicts_with = "grade")]
    class: Option<ClassId>,
    /// Only classes of this grade today: P1 to P6, J1 to J4, S1 to S3 …, or 一年级, 初一, 高一 ….
    #[arg(long, value_parser = read_grade)]
    grade: Option<Grade>,
    /// Only these.
    #[arg(long, value_parser = one_of(SlipKind::ALL, SlipKind::as_str))]
    kind: Option<SlipKind>,
    /// Also for whoever has a code already that would still work; it ends. Without this she is skipped and counted: her slip
    /// may be another institution's.
    #[arg(long)]
    reprint: bool,
    /// A new file.
    #[arg(value_name = "FILE.html")]
    file: PathBuf,
}

fn read_grade(text: &str) -> Result<Grade, &'static str> {
    Grade::read(text).map_err(|_| "not a grade: write P1 to P6, J1 to J4, S1 to S3, or as 一年级, 初一, 高一")
}

/// Runs the command.
pub async fn run(app: &App, ctx: &Ctx, args: &Args, output: &Output) -> Result<(), Failure> {
    let wish = SlipWish { kind: args.kind, class: args.class, grade: args.grade, reprint: args.reprint };
    // Before any code is made: a code that cannot be printed would only end the one before it.
    let mut file = new_file(&args.file)?;
    let address = app.issuer().at(ACTIVATE);
    let mut progress = Progress::new();
    let mut press = |bundle: &Bundle| {
        progress.add(bundle.slips.len());
        sheets(bundle, &address).try_for_each(|sheet| file.write_all(sheet.as_bytes()))
    };
    let printed = app.print_slips(ctx, &args.org, &wish, &mut press).await;
    progress.bar.finish_and_clear();
    let kept = file.flush().and_then(|()| file.get_ref().sync_all());
    match (printed, kept) {
        (Ok(report), Ok(())) if report.slips > 0 => output.say(&report, |report| text(report, &args.file)),
        (Ok(report), Ok(())) => {
            std::fs::remove_file(&args.file)?;
            output.say(&report, |report| {
                let mut lines = vec!["no slip to print; no file was written".to_owned()];
                lines.extend(skipped(report));
                lines.join("\n")
            })
        }
        (printed, kept) => {
            std::fs::remove_file(&args.file)?;
            let unknown = printed.as_ref().is_err_and(|error| error.kind == Kind::NotFound);
            let failed = printed.map(drop).map_err(Failure::from).and(kept.map_err(Failure::from));
            // Codes that were made before it failed are in the database, and on no paper.
            failed.map_err(|why| if unknown { why } else { Failure::new(format!("{why}; then run it with --reprint")) })
        }
    }
}

/// How far it is: a line that moves on a terminal, and one now and then elsewhere.
struct Progress {
    bar: ProgressBar,
    slips: usize,
    said: Instant,
}

impl Progress {
    fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = if is_terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        Self { bar, slips: 0, said: Instant::now() }
    }

    fn add(&mut self, slips: usize) {
        self.slips += slips;
        self.bar.set_message(format!("{} slips", self.slips));
        self.bar.tick();
        if self.bar.is_hidden() && self.said.elapsed() > Duration::from_secs(5) {
            self.said = Instant::now();
            tracing::info!(slips = self.slips, "printing");
        }
    }
}

fn new_file(path: &Path) -> Result<BufWriter<File>, Failure> {
    let mut file = BufWriter::new(files::create(path)?);
    file.write_all(slips_head().as_bytes())?;
    Ok(file)
}

fn sheets<'a>(bundle: &'a Bundle, address: &'a str) -> impl Iterator<Item = String> + 'a {
    let class = match (&bundle.class, bundle.grade) {
        (Some(name), Some(grade)) => Some(format!("{} {name}", grade.label())),
        (class, _) => class.clone(),
    };
    let date = bundle.valid_until.shanghai_date();
    // The code ends in the course of a day; the paper names the last whole one.
    let valid_until = date.pred_opt().unwrap_or(date).to_string();
    let count = bundle.slips.len().div_ceil(SLIPS_ON_A_SHEET);
    bundle.slips.chunks(SLIPS_ON_A_SHEET).enumerate().map(move |(at, slips)| {
        let slips = slips.iter().map(|slip| SlipView {
            name: slip.name.clone(),
            child: slip.child.clone(),
            user_name: slip.user_name.clone(),
            code: slip.code.clone(),
            link: slip.link.clone(),
            holder: slip.holder,
        });
        let sheet = SlipSheet {
            kind: bundle.kind,
            org: bundle.org.clone(),
            class: class.clone(),
            number: (at + 1, count),
            address: address.to_owned(),
            valid_until: valid_until.clone(),
            slips: slips.collect(),
        };
        sheet.render()
    })
}

/// Who has none, and the way out.
fn skipped(report: &SlipReport) -> impl Iterator<Item = String> {
    let open = (report.skipped_open > 0).then(|| {
        format!(
            "{} skipped: a code made earlier still works; --reprint ends it and prints a new one",
            report.skipped_open
        )
    });
    let elsewhere = (report.skipped_elsewhere > 0).then(|| {
        format!(
            "{} skipped: they work, learn, govern or have a child elsewhere too, or nobody decided yet that they are guardians; \
             print them with the --org that stands above all of it, or one by one with `mingji account link`",
            report.skipped_elsewhere
        )
    });
    open.into_iter().chain(elsewhere)
}

fn text(report: &SlipReport, file: &Path) -> String {
    let mut lines = vec![format!(
        "{} slips in {}: {} staff, {} students, {} guardians",
        report.slips,
        file.display(),
        report.staff,
        report.students,
        report.guardians
    )];
    lines.extend(skipped(report));
    lines.extend(report.bundles.iter().map(|bundle| {
        let class = bundle.class.as_deref().unwrap_or("-");
        let id = bundle.class_id.map_or_else(|| "-".to_owned(), |id| id.to_string());
        format!("{:>5}  {:<9}  {}  {class}  {id}", bundle.slips, bundle.kind, bundle.org)
    }));
    lines.join("\n")
}
