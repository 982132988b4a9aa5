//! `mingji case …`: what only a human can settle about who is who.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::output::Output;
use super::{Failure, runtime};
use crate::app::cases::{CaseView, Listed, Right, SideView, Verdict};
use crate::app::relation_claim::Decider;
use crate::app::{App, Ctx};
use crate::domain::id::{CaseId, PersonId};
use crate::domain::registry::case::Decision;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Lists open cases, the oldest first, a thousand at a time.
    #[command(after_help = "Example: mingji case list --org ED36042100")]
    List {
        /// Code of the institution that they are assigned to, or that stands above it; all when left out.
        #[arg(long, value_name = "CODE")]
        org: Option<String>,
        /// Go on behind this case.
        #[arg(long, value_name = "ID")]
        after: Option<CaseId>,
        #[command(flatten)]
        by: By,
    },
    /// Shows a case with its sides; numbers are masked.
    #[command(after_help = "Example: mingji case show 019a0000-0000-7000-8000-000000000001")]
    Show {
        /// The case's id.
        #[arg(value_name = "ID")]
        id: CaseId,
        #[command(flatten)]
        by: By,
    },
    /// Decides a case, once, and does what follows from it.
    #[command(
        after_help = "Example: mingji case decide 019a0000-0000-7000-8000-000000000001 --two-people --reason '两名学生，原证件号录错'"
    )]
    Decide {
        /// The case's id.
        #[arg(value_name = "ID")]
        id: CaseId,
        #[command(flatten)]
        what: What,
        #[command(flatten)]
        right: RightOf,
        /// Why. It is kept in the clear: no number, code or phone.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        by: By,
    },
    /// Opens a case for every two students of one school with one name and one birth date.
    #[command(after_help = "Example: mingji case search --org 2136000001")]
    Search {
        /// Code of the institution: it and everything under it.
        #[arg(long, value_name = "CODE")]
        org: String,
        #[command(flatten)]
        by: By,
    },
}

/// With whose rights.
#[derive(clap::Args)]
pub struct By {
    /// With the rights of this administrator instead of the operator's (a user name, an alias, or `-`).
    #[arg(long = "as", value_name = "LOGIN")]
    admin: Option<String>,
}

impl By {
    /// Who decides.
    pub async fn decider(&self, app: &App) -> Result<Decider, Failure> {
        let admin = super::account::login(app, self.admin.as_deref()).await?;
        Ok(admin.map_or(Decider::Operator, Decider::Admin))
    }
}

/// What is true.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub struct What {
    /// One person. Two records are merged; where there is one record, it takes the name that was said.
    #[arg(long)]
    as_same: bool,
    /// What was said was mistyped; the register stays as it is, but with --right-of. A mistyped 学籍号 is withdrawn.
    #[arg(long)]
    typing_error: bool,
    /// Two people: the number is withdrawn from whoever holds it without right.
    #[arg(long)]
    two_people: bool,
}

/// Whose number in the register was mistyped, and how it is right.
#[derive(clap::Args)]
pub struct RightOf {
    /// This one of the people of the case; her right number is read from the next line of standard input, and the wrong one is
    /// free for its true holder.
    #[arg(long = "right-of", value_name = "ID", requires_all = ["typing_error", "label"], conflicts_with_all = ["as_same", "two_people"])]
    person: Option<PersonId>,
    /// What the paper is called, as in 居民身份证.
    #[arg(long, value_name = "NAME", requires = "person")]
    label: Option<String>,
    /// Issuing country, ISO 3166-1 alpha-3.
    #[arg(long, value_name = "CODE", requires = "person")]
    country: Option<String>,
}

impl RightOf {
    fn read(&self) -> Result<Option<Right>, Failure> {
        let Some((person, label)) = self.person.zip(self.label.as_deref()) else { return Ok(None) };
        Ok(Some(Right { person, document: super::person::typed(label, self.country.as_deref())? }))
    }
}

impl What {
    fn decision(&self) -> Decision {
        match (self.as_same, self.typing_error) {
            (true, _) => Decision::SamePerson,
            (_, true) => Decision::TypingError,
            _ => Decision::TwoPeople,
        }
    }
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    let ctx = Ctx::task(&app, "case");
    match command {
        Command::List { org, after, by } => {
            let list = app.open_cases(&ctx, by.decider(&app).await?, org.as_deref(), *after).await?;
            output.say(&list, |list| list.iter().map(line).collect())
        }
        Command::Show { id, by } => {
            let case = app.show_case(&ctx, by.decider(&app).await?, *id).await?;
            output.say(&case, page)
        }
        Command::Decide { id, what, right, reason, by } => {
            let by = by.decider(&app).await?;
            let decided = match right.read()? {
                None => {
                    let verdict = Verdict { decision: what.decision(), reason: reason.clone() };
                    app.decide_case(&ctx, by, *id, verdict).await?
                }
                Some(right) => app.correct_case(&ctx, by, *id, reason, &right).await?,
            };
            output.say(&decided, |decided| format!("{}: {}", decided.decision, decided.done))
        }
        Command::Search { org, by } => {
            let opened = app.search_cases(&ctx, by.decider(&app).await?, org).await?;
            output.say(&json!({ "opened": opened }), |_| format!("{opened} new cases"))
        }
    }
}

fn line(case: &Listed) -> String {
    let who = case.institution.as_deref().unwrap_or("operator");
    format!("{}  {:<13} {}  {who}\n", case.id, case.kind, case.name)
}

fn page(case: &CaseView) -> String {
    let mut text = format!("{}  {}  {}\n", case.id, case.kind, case.state);
    for side in &case.sides {
        text += &side_lines(side);
    }
    if let Some(name) = &case.stated_name {
        text += &format!("said: {name}  {}\n", case.stated_document.as_deref().unwrap_or_default());
    }
    if let (Some(decision), Some(reason)) = (case.decision, &case.reason) {
        text += &format!("{decision}: {reason}\n");
    }
    text
}

fn side_lines(side: &SideView) -> String {
    let born = side.birth_date.map(|day| day.to_string()).unwrap_or_default();
    let documents: Vec<_> =
        side.documents.iter().map(|one| format!("{} {} {}", one.label, one.masked, one.status)).collect();
    format!("{}  {}  {born}  {}  {}\n", side.person_id, side.name, documents.join(", "), side.institutions.join(", "))
}
