//! `mingji year …`: the turn of the school year on 1 September, and the way back.

use std::path::Path;

use clap::Subcommand;

use super::case::By;
use super::output::Output;
use super::progress::Steps;
use super::{Failure, runtime};
use crate::app::Ctx;
use crate::app::school_year::{UndoReport, Wish, YearReport};

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Ends the schooling of whoever is through: classes graduate, and their students with them. All others move up by
    /// themselves, because grades are computed. The same again goes on where it was left, and finds what was recorded late.
    #[command(after_help = "Example: mingji year turn --org ED36042100 --year 2026 --dry-run")]
    Turn {
        #[command(flatten)]
        which: Which,
        /// Tell what it would do, and do nothing.
        #[arg(long)]
        dry_run: bool,
        /// Open a class of the new year, with the same stage and number, in the place of each that graduates.
        #[arg(long)]
        open_classes: bool,
    },
    /// Takes a turn back; what somebody changed since stays as it is, and is counted. Platforms ask the students again.
    #[command(after_help = "Example: mingji year undo --org ED36042100 --year 2026")]
    Undo {
        #[command(flatten)]
        which: Which,
    },
}

/// Which turn, with whose rights.
#[derive(clap::Args)]
pub struct Which {
    /// Code of an institution: it and everything under it.
    #[arg(long, value_name = "CODE")]
    org: String,
    /// The year of the 1 September; the last one when left out.
    #[arg(long, value_name = "YYYY")]
    year: Option<i32>,
    #[command(flatten)]
    by: By,
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    let ctx = Ctx::task(&app, "year");
    let mut bar = Steps::new("the school year turns");
    match command {
        Command::Turn { which, dry_run, open_classes } => {
            let wish = Wish { dry: *dry_run, open: *open_classes };
            let by = which.by.decider(&app).await?;
            let report = app.turn_year(&ctx, by, &which.org, which.year, wish, &mut bar).await?;
            output.say(&report, turned)
        }
        Command::Undo { which } => {
            let by = which.by.decider(&app).await?;
            let report = app.undo_year(&ctx, by, &which.org, which.year, &mut bar).await?;
            output.say(&report, undone)
        }
    }
}

fn turned(report: &YearReport) -> String {
    let YearReport { institution, year, state, classes, opened, students, held_back, teachings, seconds, .. } = report;
    let until = report.undo_until.to_rfc3339();
    format!(
        "{institution}, {year}: {state} in {seconds:.1} s\nclasses    {classes}\nopened     {opened}\nstudents   {students}\nheld back  {held_back}\nteachings  {teachings}\nundo until {until}"
    )
}

fn undone(report: &UndoReport) -> String {
    let UndoReport { institution, year, classes, students, teachings, changed_since, seconds } = report;
    format!(
        "{institution}, {year}: undone in {seconds:.1} s\nclasses       {classes}\nstudents      {students}\nteachings     {teachings}\nchanged since {changed_since}"
    )
}
