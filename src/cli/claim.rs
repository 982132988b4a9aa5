//! `mingji claim …`: what institutions say of people they do not hold, until somebody who may confirms it.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::output::Output;
use super::{Failure, runtime};
use crate::app::relation_claim::{Decider, Verdict};
use crate::app::{App, Ctx};
use crate::domain::id::RelationClaimId;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Lists what waits to be decided for an institution and what stands under it.
    #[command(after_help = "Example: mingji claim list --org ED36042100")]
    List {
        /// Code of the institution.
        #[arg(long)]
        org: String,
    },
    /// Makes a claim true: a post, a guardian, an enrolment; a student whose 学籍 is elsewhere is transferred.
    #[command(after_help = "Example: mingji claim confirm 019a0000-0000-7000-8000-000000000001")]
    Confirm {
        #[command(flatten)]
        which: Which,
    },
    /// Rejects a claim; a later row that says the same changes nothing.
    #[command(after_help = "Example: mingji claim reject 019a0000-0000-7000-8000-000000000001 --reason '查无此人'")]
    Reject {
        #[command(flatten)]
        which: Which,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
}

/// Which claim, decided with whose rights.
#[derive(clap::Args)]
pub struct Which {
    /// The claim's id.
    #[arg(value_name = "ID")]
    id: RelationClaimId,
    /// Decide with the rights of this administrator instead of the operator's (a user name, an alias, or `-`).
    #[arg(long = "as", value_name = "LOGIN")]
    admin: Option<String>,
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    match command {
        Command::List { org } => output.say(&app.pending_claims(org).await?, |list| {
            list.iter()
                .map(|claim| {
                    let kind = if claim.transfer { "transfer" } else { claim.kind };
                    let mark = if claim.conflict { "  CONFLICT" } else { "" };
                    format!("{}  {kind:<8} {}  {}{mark}\n", claim.id, claim.institution, claim.name)
                })
                .collect()
        }),
        Command::Confirm { which } => decide(&app, which, Verdict::Confirm, output).await,
        Command::Reject { which, reason } => decide(&app, which, Verdict::Reject(reason.clone()), output).await,
    }
}

async fn decide(app: &App, which: &Which, verdict: Verdict, output: &Output) -> Result<(), Failure> {
    let by = match super::account::login(app, which.admin.as_deref()).await? {
        None => Decider::Operator,
        Some(admin) => Decider::Admin(admin),
    };
    let said = if verdict == Verdict::Confirm { "confirmed" } else { "rejected" };
    app.decide_claim(&Ctx::task(app, "claim"), by, which.id, verdict).await?;
    output.say(&json!({ "id": which.id, "state": said }), |_| said.into())
}
