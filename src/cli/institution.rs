//! `mingji institution …`: what becomes of institutions, and which one a code led to on any day.

use std::path::Path;

use chrono::NaiveDate;
use clap::Subcommand;

use super::case::By;
use super::codes::one_of;
use super::output::Output;
use super::progress::Steps;
use super::{Failure, runtime};
use crate::app::institution_life::{Handover, InstitutionHistory, InstitutionView, Opening, Split};
use crate::app::org_ref::OrgRef;
use crate::app::{App, Ctx};
use crate::domain::registry::codes::school_type::SchoolType;
use crate::domain::registry::division::Division;
use crate::domain::registry::institution::InstitutionKind;
use crate::domain::registry::institution_life::ChangeKind;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Opens an institution; an administrator does so directly under her own.
    #[command(
        after_help = "Example: mingji institution create --parent ED36010200 --code 2136000001 --name 第一小学 --kind school --type 小学"
    )]
    Create {
        /// Code of the institution above; the top of the tree has none.
        #[arg(long, value_name = "CODE")]
        parent: Option<String>,
        #[command(flatten)]
        opening: New,
        #[command(flatten)]
        by: By,
    },
    /// Tells which institution a code names, or led to on a day, and how it was then.
    #[command(after_help = "Example: mingji institution show 2136000001 --on 2024-09-01")]
    Show {
        /// Any code that it has or had.
        #[arg(value_name = "CODE")]
        code: String,
        /// The day; today when left out.
        #[arg(long, value_name = "DATE")]
        on: Option<NaiveDate>,
        #[command(flatten)]
        by: By,
    },
    /// Gives an institution another name; its codes stay.
    #[command(after_help = "Example: mingji institution rename 2136000001 第一实验小学")]
    Rename {
        /// Its code.
        #[arg(value_name = "CODE")]
        code: String,
        /// The name.
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        by: By,
    },
    /// Gives an institution another code, as a change of its category does. The old one is void, never used again, and
    /// still leads here. A credit code takes the place of the credit code.
    #[command(after_help = "Example: mingji institution recode 2136000001 --to 3136000009 --type 九年一贯制学校")]
    Recode {
        /// A code it has.
        #[arg(value_name = "CODE")]
        code: String,
        /// The new code.
        #[arg(long, value_name = "CODE")]
        to: String,
        /// Its new category: code or name of table BXLX.
        #[arg(long = "type", value_name = "TYPE", value_parser = school_type)]
        school_type: Option<SchoolType>,
        #[command(flatten)]
        by: By,
    },
    /// Puts an institution with everything below it under another one.
    #[command(after_help = "Example: mingji institution move 2136000001 --under ED36010300")]
    Move {
        /// Its code.
        #[arg(value_name = "CODE")]
        code: String,
        /// Code of the institution to stand above it.
        #[arg(long, value_name = "CODE")]
        under: String,
        /// GB/T 2260; that of the new place when left out, unless it lies there already.
        #[arg(long, value_name = "CODE")]
        division: Option<Division>,
        #[command(flatten)]
        by: By,
    },
    /// Makes an institution part of another one: people, classes and posts go over, old codes lead to the other one. The
    /// same command again finishes what was cut off.
    #[command(after_help = "Example: mingji institution merge 2136000002 --into 2136000001")]
    Merge {
        /// Its code.
        #[arg(value_name = "CODE")]
        code: String,
        /// Code of the one that stays.
        #[arg(long, value_name = "CODE")]
        into: String,
        #[command(flatten)]
        by: By,
    },
    /// Opens a campus below a school, or a school beside it, and hands some classes over.
    #[command(
        after_help = "Example: mingji institution split 2136000001 --code 2136000003 --name 东校区 --kind campus --class 小学/2024/1班 --class 小学/2024/2班"
    )]
    Split {
        /// Code of the school.
        #[arg(value_name = "SCHOOL")]
        school: String,
        #[command(flatten)]
        opening: New,
        /// 学段/入学年份/班级, each that goes.
        #[arg(long = "class", value_name = "CLASS", required = true)]
        classes: Vec<String>,
        #[command(flatten)]
        by: By,
    },
    /// Closes an institution where nobody studies or works, or hands everybody over to a successor.
    #[command(after_help = "Example: mingji institution close 2136000002 --successor 2136000001")]
    Close {
        /// Its code.
        #[arg(value_name = "CODE")]
        code: String,
        /// Code of the one that takes everybody over.
        #[arg(long, value_name = "CODE")]
        successor: Option<String>,
        #[command(flatten)]
        by: By,
    },
    /// Ends a move, a merger, a split or a closing with a successor that is under way, as long as nobody went over. The same
    /// command again finishes what was cut off.
    #[command(after_help = "Example: mingji institution stop 2136000002")]
    Stop {
        /// Code of the institution that was to go.
        #[arg(value_name = "CODE")]
        code: String,
        #[command(flatten)]
        by: By,
    },
    /// Tells the life of an institution: names, places, codes, and what it went through with others.
    #[command(after_help = "Example: mingji institution history 2136000001")]
    History {
        /// Any code that it has or had.
        #[arg(value_name = "CODE")]
        code: String,
        #[command(flatten)]
        by: By,
    },
}

/// An institution to be opened.
#[derive(clap::Args)]
pub struct New {
    /// Its code.
    #[arg(long = "code", value_name = "CODE")]
    new_code: String,
    /// Its credit code; a wrong check character is a warning.
    #[arg(long, value_name = "CODE")]
    uscc: Option<String>,
    /// Its name.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Table O.
    #[arg(long, value_parser = one_of(InstitutionKind::ALL, InstitutionKind::as_str))]
    kind: InstitutionKind,
    /// GB/T 2260; that of the institution above when left out.
    #[arg(long, value_name = "CODE")]
    division: Option<Division>,
    /// Code or name of table BXLX, for schools.
    #[arg(long = "type", value_name = "TYPE", value_parser = school_type)]
    school_type: Option<SchoolType>,
}

impl New {
    fn opening(&self) -> Opening {
        Opening {
            code: self.new_code.clone(),
            uscc: self.uscc.clone(),
            name: self.name.clone(),
            kind: self.kind,
            division: self.division,
            school_type: self.school_type,
        }
    }
}

fn school_type(text: &str) -> Result<SchoolType, String> {
    SchoolType::read(text).map_err(|why| why.to_string())
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    let ctx = Ctx::task(&app, "institution");
    match command {
        Command::Create { parent, opening, by } => {
            let by = by.decider(&app).await?;
            let parent = parent.as_ref().map(OrgRef::from);
            let view = app.open_institution_under(&ctx, by, parent, &opening.opening()).await?;
            output.say(&view, line)
        }
        Command::Show { code, on, by } => {
            let view = app.institution_on(&ctx, by.decider(&app).await?, code, *on).await?;
            output.say(&view, line)
        }
        Command::Rename { code, name, by } => {
            let view = app.rename_institution(&ctx, by.decider(&app).await?, code, name).await?;
            output.say(&view, line)
        }
        Command::Recode { code, to, school_type, by } => {
            let view = app.recode_institution(&ctx, by.decider(&app).await?, code, to, *school_type).await?;
            output.say(&view, line)
        }
        Command::History { code, by } => {
            let told = app.institution_history(&ctx, by.decider(&app).await?, code).await?;
            output.say(&told, history)
        }
        _ => long(&app, &ctx, command, output).await,
    }
}

/// What is done in steps.
async fn long(app: &App, ctx: &Ctx, command: &Command, output: &Output) -> Result<(), Failure> {
    let mut bar = Steps::new("people go along");
    match command {
        Command::Move { code, under, division, by } => {
            let by = by.decider(app).await?;
            let view = app.move_institution(ctx, by, code, under, *division, &mut bar).await?;
            output.say(&view, line)
        }
        Command::Merge { code, into, by } | Command::Close { code, successor: Some(into), by } => {
            let by = by.decider(app).await?;
            let merged = matches!(command, Command::Merge { .. });
            let kind = if merged { ChangeKind::Merged } else { ChangeKind::Closed };
            let done = app.hand_over_institution(ctx, by, code, into, kind, &mut bar).await?;
            output.say(&done, handed)
        }
        Command::Stop { code, by } => {
            let view = app.stop_change(ctx, by.decider(app).await?, code, &mut bar).await?;
            output.say(&view, line)
        }
        Command::Close { code, successor: None, by } => {
            let view = app.close_institution(ctx, by.decider(app).await?, code).await?;
            output.say(&view, line)
        }
        Command::Split { school, opening, classes, by } => {
            let keys = classes.iter().map(|class| super::student::key(app, class)).collect::<Result<_, _>>()?;
            let split = Split { code: school.clone(), opening: opening.opening(), classes: keys };
            let done = app.split_institution(ctx, by.decider(app).await?, &split, &mut bar).await?;
            output.say(&done, handed)
        }
        Command::Create { .. }
        | Command::Show { .. }
        | Command::Rename { .. }
        | Command::Recode { .. }
        | Command::History { .. } => Ok(()),
    }
}

fn line(view: &InstitutionView) -> String {
    let code = view.code.as_deref().unwrap_or("-");
    let parent = view.parent.as_deref().map_or(String::new(), |parent| format!("  < {parent}"));
    let uscc = view.uscc.as_deref().map_or(String::new(), |uscc| format!("  {uscc}"));
    let warnings: String = view.warnings.iter().map(|warning| format!("  WARNING {warning}")).collect();
    format!("{code}  {}  {}  {}{uscc}{parent}  {}{warnings}", view.name, view.kind, view.division, view.status)
}

fn handed(done: &Handover) -> String {
    let Handover { institution, into, state, students, staff, seconds } = done;
    format!("{institution} {state} in {seconds:.1} s\nstudents {students}\nstaff    {staff}\n{}", line(into))
}

fn history(told: &InstitutionHistory) -> String {
    let until = |day: Option<NaiveDate>| day.map_or_else(|| " ".repeat(10), |day| day.to_string());
    let mut text = String::new();
    for part in &told.parts {
        text += &format!("{} {}  {}\n", part.from, until(part.to), line(&part.view));
    }
    for code in &told.codes {
        text += &format!("{} {}  {} {}\n", code.from, until(code.to), code.scheme, code.value);
    }
    for change in &told.changes {
        let into = change.into.as_deref().map_or(String::new(), |into| format!(" -> {into}"));
        text += &format!("{}  {} {}{into}  {}\n", change.day, change.kind, change.institution, change.state);
    }
    text
}
