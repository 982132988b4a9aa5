//! `mingji person …`: one record for each human being, for a whole life. Numbers are read from standard input: arguments
//! are seen by every process (R7).

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::Subcommand;
use serde_json::json;

use super::account::Who;
use super::case::By;
use super::output::{Output, read_line};
use super::{Failure, files, runtime};
use crate::app::merge::Merged;
use crate::app::person_change::Changed;
use crate::app::{App, Ctx};
use crate::domain::id::PersonId;
use crate::domain::registry::document::{Document, DocumentLabel};
use crate::domain::registry::name::PersonName;
use crate::domain::registry::personal_code::PersonalCode;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Makes two records one person. Both ids lead to her from then on; it can be undone for a time.
    #[command(after_help = "Example: mingji person merge SURVIVOR_ID OTHER_ID --reason '同一人，两次录入'")]
    Merge {
        /// The record that stays.
        #[arg(value_name = "SURVIVOR_ID")]
        survivor: PersonId,
        /// The record whose id leads to it.
        #[arg(value_name = "OTHER_ID")]
        absorbed: PersonId,
        /// Why. It is kept in the clear: no number, code or phone.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        by: By,
    },
    /// Makes two records of one again. What is new since stays with the survivor; sessions that began since end.
    #[command(after_help = "Example: mingji person unmerge OTHER_ID --reason '核实为两人'")]
    Unmerge {
        /// The record that was absorbed.
        #[arg(value_name = "OTHER_ID")]
        absorbed: PersonId,
        /// Why. It is kept in the clear: no number, code or phone.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        by: By,
    },
    /// Gives a person another name; she is still found by the one she bore.
    #[command(after_help = "Example: mingji person rename abcd-efgh-jkmn --name 王方")]
    Rename {
        #[command(flatten)]
        who: Who,
        /// Her name from now on.
        #[arg(long, value_name = "NAME")]
        name: String,
        #[command(flatten)]
        by: By,
    },
    /// Corrects a birth date that no number of hers holds.
    #[command(after_help = "Example: mingji person birth-date abcd-efgh-jkmn --date 2015-09-01")]
    BirthDate {
        #[command(flatten)]
        who: Who,
        /// When she was born.
        #[arg(long, value_name = "DATE")]
        date: NaiveDate,
        #[command(flatten)]
        by: By,
    },
    /// Records another document, whose number is read from the next line of standard input. It takes the place of those of
    /// its class; a number of somebody else opens a case.
    #[command(after_help = "Example: mingji person document --person ID --label 居民身份证 < number.txt")]
    Document {
        #[command(flatten)]
        who: Who,
        /// What the paper is called.
        #[arg(long, value_name = "LABEL")]
        label: String,
        /// Issuing country, ISO 3166-1 alpha-3.
        #[arg(long, value_name = "COUNTRY")]
        country: Option<String>,
        #[command(flatten)]
        by: By,
    },
    /// Records the 学籍号 that a student has now, read from the next line of standard input; the ones before stay taken.
    #[command(after_help = "Example: mingji person code --person ID < code.txt")]
    Code {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        by: By,
    },
    /// Records a death: account, sessions, grants, stays, posts and guardianships end.
    #[command(after_help = "Example: mingji person died --person ID --date 2026-09-01")]
    Died {
        #[command(flatten)]
        who: Who,
        /// The day.
        #[arg(long, value_name = "DATE")]
        date: NaiveDate,
        #[command(flatten)]
        by: By,
    },
    /// Erases a person: her id and the index of her numbers are all that is left. There is no way back.
    #[command(after_help = "Example: mingji person erase --person ID --for-ever")]
    Erase {
        #[command(flatten)]
        who: Who,
        /// Said on purpose.
        #[arg(long, required = true)]
        for_ever: bool,
    },
    /// Writes everything known about a person to a file that only its owner reads, to be handed to her.
    #[command(after_help = "Example: mingji person export --person ID --out hers.json")]
    Export {
        #[command(flatten)]
        who: Who,
        /// A new file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    let ctx = Ctx::task(&app, "person");
    match command {
        Command::Merge { survivor, absorbed, reason, by } => {
            let by = by.decider(&app).await?;
            output.say(&app.merge_persons(&ctx, by, *survivor, *absorbed, reason).await?, merged)
        }
        Command::Unmerge { absorbed, reason, by } => {
            let by = by.decider(&app).await?;
            let undone = app.undo_merge(&ctx, by, *absorbed, reason).await?;
            output.say(&undone, |undone| format!("{} stands beside {} again", undone.absorbed, undone.person_id))
        }
        Command::Rename { who, name, by } => {
            let name = PersonName::parse(name).map_err(|why| Failure::new(why.to_string()))?;
            let (person, by) = (who.resolve(&app).await?, by.decider(&app).await?);
            said(output, person, &app.rename_person(&ctx, by, person, name).await?)
        }
        Command::BirthDate { who, date, by } => {
            let (person, by) = (who.resolve(&app).await?, by.decider(&app).await?);
            said(output, person, &app.correct_birth_date(&ctx, by, person, *date).await?)
        }
        Command::Document { who, label, country, by } => {
            let label = DocumentLabel::read(label).map_err(|why| Failure::new(why.to_string()))?;
            let (person, by) = (who.resolve(&app).await?, by.decider(&app).await?);
            let number = read_line("the number")?;
            let read = Document::parse(Some(label), country.as_deref(), &number);
            let (document, _) = read.map_err(|why| Failure::new(why.to_string()))?;
            said(output, person, &app.record_document(&ctx, by, person, &document).await?)
        }
        Command::Code { who, by } => {
            let (person, by) = (who.resolve(&app).await?, by.decider(&app).await?);
            let code = PersonalCode::parse(&read_line("the 学籍号")?).map_err(|why| Failure::new(why.to_string()))?;
            said(output, person, &app.record_personal_code(&ctx, by, person, &code).await?)
        }
        Command::Died { who, date, by } => {
            let (person, by) = (who.resolve(&app).await?, by.decider(&app).await?);
            said(output, person, &app.record_death(&ctx, by, person, *date).await?)
        }
        Command::Erase { who, for_ever: _ } => {
            let erased = app.erase_person(&ctx, who.resolve(&app).await?).await?;
            output.say(&erased, |erased| format!("{} is nobody any more", erased.person_id))
        }
        Command::Export { who, out } => export(&app, &ctx, who, out, output).await,
    }
}

fn merged(merged: &Merged) -> String {
    let until = merged.undo_until.to_rfc3339();
    format!("{} leads to {}; `mingji person unmerge` undoes it until {until}", merged.absorbed, merged.person_id)
}

fn said(output: &Output, person: PersonId, changed: &Changed) -> Result<(), Failure> {
    let (result, case) = match changed {
        Changed::Done => ("done", None),
        Changed::Unchanged => ("unchanged", None),
        Changed::Case(id) => ("case", Some(*id)),
    };
    output.say(&json!({ "person_id": person, "result": result, "case_id": case }), |_| match case {
        Some(id) => format!("it is somebody else's: `mingji case show {id}`"),
        None => result.into(),
    })
}

async fn export(app: &App, ctx: &Ctx, who: &Who, out: &Path, output: &Output) -> Result<(), Failure> {
    let person = who.resolve(app).await?;
    let file = files::create(out)?;
    let document = app.export_person(ctx, person).await?;
    serde_json::to_writer_pretty(&file, &document)?;
    file.sync_all()?;
    output.say(&json!({ "person_id": person, "file": out.display().to_string() }), |_| {
        format!("everything about {person} is in {}", out.display())
    })
}
