//! `mingji person …`: one record for each human being, for a whole life. Numbers are read from standard input: arguments
//! are seen by every process (R7).

use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::Subcommand;
use serde_json::json;

use super::account::Who;
use super::case::By;
use super::codes::one_of;
use super::output::{Output, read_line};
use super::{Failure, files, runtime};
use crate::app::Ctx;
use crate::app::erasure_request::Waiting;
use crate::app::merge::Merged;
use crate::app::person_change::Changed;
use crate::app::person_paper::{PaperEnded, PaperPart};
use crate::app::record_file::RecordFile;
use crate::domain::id::PersonId;
use crate::domain::registry::document::{Document, DocumentLabel, PaperEnd};
use crate::domain::registry::name::PersonName;
use crate::domain::registry::personal_code::PersonalCode;

/// The first that wait; those behind them are shown when these are done.
const MOST_ERASURES: i64 = 1_000;

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
    /// Ends a paper that was lost, became void or was taken back by its issuer; its number is read from the next line of standard
    /// input and stays hers. `person document` with the same number: it was issued anew.
    #[command(
        after_help = "Example: mingji person end-paper --person ID --label 护照 --country FRA --ended-as lost --reason 本人报失 --evidence 报失回执 < number.txt"
    )]
    EndPaper {
        #[command(flatten)]
        who: Who,
        /// What the paper is called.
        #[arg(long, value_name = "LABEL")]
        label: String,
        /// Issuing country, ISO 3166-1 alpha-3.
        #[arg(long, value_name = "COUNTRY")]
        country: Option<String>,
        /// What ended it: lost, void, recalled.
        #[arg(long, value_name = "HOW", value_parser = one_of(PaperEnd::ALL, PaperEnd::as_str))]
        ended_as: PaperEnd,
        /// From which day on; today when left out.
        #[arg(long, value_name = "DATE")]
        date: Option<NaiveDate>,
        /// Why. It is kept in the clear: no number, code or phone.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// By what it is known. It is kept sealed.
        #[arg(long, value_name = "TEXT")]
        evidence: String,
        #[command(flatten)]
        by: By,
    },
    /// Tells somebody's papers and 学籍号 in turn, or those of one day; numbers are masked.
    #[command(after_help = "Example: mingji person papers --person ID --on 2025-10-01 --reason 核对证件")]
    Papers {
        #[command(flatten)]
        who: Who,
        /// The day.
        #[arg(long, value_name = "DATE")]
        on: Option<NaiveDate>,
        /// Why: it stands in the audit, and in her list of who looked. No number, code or phone.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Records a death: account, sessions, grants, stays, posts and guardianships end. `person alive` takes it back for a time.
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
    /// Takes back a death that was recorded of the wrong person, as long as a merge can be undone. Stays, posts and guardianships that
    /// ended with it go on; roles, classes taught and consents are given anew, and her school gives her a new code to sign in.
    #[command(after_help = "Example: mingji person alive --person ID --reason '同名误录'")]
    Alive {
        #[command(flatten)]
        who: Who,
        /// Why. It is kept in the clear: no number, code or phone.
        #[arg(long, value_name = "TEXT")]
        reason: String,
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
    /// Lists who asked to be erased, or whose guardian did, and what the law keeps of them for now.
    #[command(after_help = "Example: mingji person erasures")]
    Erasures,
    /// Takes an erasure back that was asked for and is not final, for somebody who lost her code and was seen in person.
    #[command(after_help = "Example: mingji person keep --person ID")]
    Keep {
        #[command(flatten)]
        who: Who,
    },
    /// Writes everything known about a person to a file that only its owner reads, to be handed to her.
    #[command(after_help = "Example: mingji person export --person ID --out hers.json --reason 本人申请")]
    Export {
        #[command(flatten)]
        who: Who,
        /// A new file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Why: it stands in the audit, and in her list of who looked. No number, code or phone.
        #[arg(long, value_name = "TEXT")]
        reason: String,
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
        Command::EndPaper { who, label, country, ended_as, date, reason, evidence, by } => {
            let (person, by) = (who.resolve(&app).await?, by.decider(&app).await?);
            let document = typed(label, country.as_deref())?;
            let (reason, evidence) = (reason.clone(), evidence.clone());
            let ended = PaperEnded { ended_as: *ended_as, day: *date, reason, evidence };
            said(output, person, &app.end_paper(&ctx, by, person, &document, &ended).await?)
        }
        Command::Papers { who, on, reason } => {
            let told = app.papers_as_of(&ctx, reason, who.resolve(&app).await?, *on).await?;
            output.say(&told, |told| told.iter().map(paper).collect())
        }
        Command::Document { who, label, country, by } => {
            let (person, by) = (who.resolve(&app).await?, by.decider(&app).await?);
            let document = typed(label, country.as_deref())?;
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
        Command::Alive { who, reason } => {
            let person = who.resolve(&app).await?;
            said(output, person, &app.take_death_back(&ctx, person, reason).await?)
        }
        Command::Erase { who, for_ever: _ } => {
            let erased = app.erase_person(&ctx, who.resolve(&app).await?).await?;
            output.say(&erased, |erased| format!("{} is nobody any more", erased.person_id))
        }
        Command::Erasures => {
            let waiting = app.waiting_erasures(&ctx, MOST_ERASURES).await?;
            output.say(&waiting, |waiting| waiting.iter().map(erasure).collect())
        }
        Command::Keep { who } => {
            let person = who.resolve(&app).await?;
            match app.withdraw_erasure(&ctx, person).await? {
                true => output.say(&json!({ "person_id": person, "result": "kept" }), |_| format!("{person} stays")),
                false => Err(Failure::new("nobody asked to have this record erased, or it is final")),
            }
        }
        Command::Export { who, out, reason } => {
            let person = who.resolve(&app).await?;
            // Before there is a file: a reason that is none leaves nothing behind.
            let record = app.export_person(&ctx, reason, person).await?;
            export(person, record, out, output).await
        }
    }
}

fn merged(merged: &Merged) -> String {
    let until = merged.undo_until.to_rfc3339();
    format!("{} leads to {}; `mingji person unmerge` undoes it until {until}", merged.absorbed, merged.person_id)
}

/// A paper, its number from standard input.
pub(super) fn typed(label: &str, country: Option<&str>) -> Result<Document, Failure> {
    let label = DocumentLabel::read(label).map_err(|why| Failure::new(why.to_string()))?;
    let read = Document::parse(Some(label), country, &read_line("the number")?);
    read.map(|(document, _)| document).map_err(|why| Failure::new(why.to_string()))
}

fn paper(part: &PaperPart) -> String {
    let to = part.to.map_or_else(|| "-".to_owned(), |to| to.to_string());
    let (number, ended) = (part.number.as_deref().unwrap_or("-"), part.ended_as.map_or("", PaperEnd::as_str));
    format!("{} {to:<10}  {}  {number}  {}  {ended}\n", part.from, part.label, part.status)
}

fn erasure(one: &Waiting) -> String {
    let kept: Vec<&str> = one.kept.iter().map(|kept| kept.as_str()).collect();
    let kept = if kept.is_empty() { "nothing".to_owned() } else { kept.join(", ") };
    let (since, earliest) = (one.asked_at.to_rfc3339(), one.final_from.to_rfc3339());
    format!("{}: asked for {since}, not final before {earliest}; the law keeps {kept}\n", one.person_id)
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

async fn written(record: &mut RecordFile, mut file: std::fs::File) -> Result<(), Failure> {
    while let Some(piece) = record.piece().await? {
        file.write_all(piece.as_bytes())?;
    }
    Ok(file.sync_all()?)
}

async fn export(person: PersonId, mut record: RecordFile, out: &Path, output: &Output) -> Result<(), Failure> {
    let file = files::create(out)?;
    if let Err(failed) = written(&mut record, file).await {
        // Half a record with whole numbers in it is of no use to anybody.
        std::fs::remove_file(out)?;
        return Err(failed);
    }
    output.say(&json!({ "person_id": person, "file": out.display().to_string() }), |_| {
        format!("everything about {person} is in {}", out.display())
    })
}
