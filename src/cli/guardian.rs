//! `mingji guardian …`: who a child's guardians are, as time goes by.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::NaiveDate;
use clap::Subcommand;

use super::account::{Who, login};
use super::case::By;
use super::codes::one_of;
use super::output::Output;
use super::{Failure, runtime};
use crate::app::confirming::ConfirmationView;
use crate::app::guardian_life::{GuardianPart, Order};
use crate::app::{App, Ctx};
use crate::domain::id::PersonId;
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::guardianship::{Evidence, Restriction};

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Records a guardian who was confirmed: by the school, the student register, a document, or the other guardian. With `--as`
    /// it is the school's word, whatever `--by` says, and a claim to be decided where another institution recorded guardians of
    /// the child or the two were related before.
    #[command(
        after_help = "Example: mingji guardian add abcd-efgh-jkmn --guardian k7m2-xp9w-dt2q --relation 母亲 --by document"
    )]
    Add {
        #[command(flatten)]
        pair: Pair,
        /// Code or name of table JTGX, as seen from the child; G1 for an institution.
        #[arg(long, value_name = "RELATION", value_parser = relation)]
        relation: Relation,
        /// Whether she is the guardian by law; parents are when left out.
        #[arg(long, value_name = "BOOL")]
        legal: Option<bool>,
        /// What confirmed it.
        #[arg(long, value_parser = one_of(Evidence::ALL, Evidence::as_str), default_value = "document")]
        by: Evidence,
        /// Code of the institution that is the guardian, as a welfare home is: the person acts for it while she works there.
        #[arg(long, value_name = "CODE")]
        institution: Option<String>,
    },
    /// Ends a guardianship, with what platforms hold in its name and what was agreed to by it. The password of a child under 14 ends
    /// too: she needs a new code.
    #[command(after_help = "Example: mingji guardian end abcd-efgh-jkmn --guardian k7m2-xp9w-dt2q")]
    End {
        #[command(flatten)]
        pair: Pair,
    },
    /// Notes what a court took away: the guardian neither sees the child, nor agrees for her, nor sets her password, and one that he
    /// may have set for a child under 14 ends, so that she needs a new code. Without a restriction everything is given back: with `--as` by the authority above the school alone.
    #[command(after_help = "Example: mingji guardian restrict abcd-efgh-jkmn --guardian k7m2-xp9w-dt2q --to custody")]
    Restrict {
        #[command(flatten)]
        pair: Pair,
        /// Each that holds from now on.
        #[arg(long = "to", value_parser = one_of(Restriction::ALL, Restriction::as_str))]
        restrictions: Vec<Restriction>,
    },
    /// Puts a guardian at a place in the order: 1 is 第一监护人.
    #[command(after_help = "Example: mingji guardian order abcd-efgh-jkmn --guardian k7m2-xp9w-dt2q --place 1")]
    Order {
        #[command(flatten)]
        pair: Pair,
        /// Counted from 1.
        #[arg(long, value_name = "N")]
        place: usize,
    },
    /// Tells a child's guardians in turn, or those of one day.
    #[command(after_help = "Example: mingji guardian show --person ID --on 2025-10-01 --reason 核对档案")]
    Show {
        #[command(flatten)]
        who: Who,
        /// The day.
        #[arg(long, value_name = "DATE")]
        on: Option<NaiveDate>,
        /// Why: it stands in the audit, and in her list of who looked. No number, code or phone.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// The child and her guardian, with whose rights.
#[derive(clap::Args)]
pub struct Pair {
    #[command(flatten)]
    child: Who,
    /// The guardian: a user name, an alias, or `-`.
    #[arg(long, value_name = "LOGIN", conflicts_with = "guardian_person", required_unless_present = "guardian_person")]
    guardian: Option<String>,
    /// The guardian's id instead.
    #[arg(long, value_name = "ID")]
    guardian_person: Option<PersonId>,
    #[command(flatten)]
    decider: By,
}

impl Pair {
    async fn guardian(&self, app: &App) -> Result<PersonId, Failure> {
        match self.guardian_person {
            Some(person) => Ok(app.standing_person(person).await?),
            None => login(app, self.guardian.as_deref())
                .await?
                .ok_or_else(|| Failure::new("say which guardian: --guardian LOGIN or --guardian-person ID")),
        }
    }
}

fn relation(text: &str) -> Result<Relation, String> {
    Relation::read(text).map_err(|why| why.to_string())
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    let (pair, order) = match command {
        Command::Show { who, on, reason } => {
            let told = app.guardians_as_of(&Ctx::task(&app, "guardian"), reason, who.resolve(&app).await?, *on).await?;
            return output.say(&told, |told| told.iter().map(line).collect());
        }
        Command::Add { pair, relation, legal, by, institution } => {
            let (relation, legal, evidence) = (*relation, *legal, *by);
            (pair, Order::Add { relation, legal, evidence, institution: institution.clone() })
        }
        Command::End { pair } => (pair, Order::End),
        Command::Restrict { pair, restrictions } => {
            (pair, Order::Restrict(restrictions.iter().copied().collect::<BTreeSet<_>>()))
        }
        Command::Order { pair, place } => (pair, Order::Place(*place)),
    };
    let (child, guardian) = (pair.child.resolve(&app).await?, pair.guardian(&app).await?);
    let by = pair.decider.decider(&app).await?;
    let told = app.change_guardian(&Ctx::task(&app, "guardian"), by, child, guardian, &order).await?;
    output.say(&told, |told| told.iter().map(line).collect())
}

fn line(part: &GuardianPart) -> String {
    let to = part.to.map_or_else(|| " ".repeat(10), |to| to.to_string());
    let home = part.institution.as_deref().map_or(String::new(), |home| format!(" for {home}"));
    let legal = if part.legal { "  legal" } else { "" };
    let limits = part.restrictions.join(",");
    let confirmed = part.confirmed.as_ref().map_or(String::new(), confirmed);
    let GuardianPart { from, rank, name, relation_label, status, guardian_id, .. } = part;
    format!(
        "{from} {to}  {rank}  {name}{home}  {relation_label}{legal}  {status}{confirmed}  {limits}  {guardian_id}\n"
    )
}

/// By whom, in whose name, and on which day.
fn confirmed(said: &ConfirmationView) -> String {
    let who = said.name.as_deref().map_or(String::new(), |name| format!(" {name}"));
    let office = said.institution.as_deref().map_or(String::new(), |office| format!(" for {office}"));
    format!(" by {}{who}{office} {}", said.by.as_str(), said.at.shanghai_date())
}
