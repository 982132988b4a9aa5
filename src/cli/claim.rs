//! `mingji claim …`: what institutions say of people they do not hold, until somebody who may confirms it.

use std::path::Path;

use clap::Subcommand;

use super::output::Output;
use super::{Failure, runtime};
use crate::app::relation_claim::{Decider, PendingClaim, Verdict};
use crate::app::{App, Ctx};
use crate::domain::id::RelationClaimId;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Lists what waits to be decided and concerns an institution or what stands under it: as the claimant, or as the
    /// school or employer of whom it is about. A thousand at a time. A guardian whom a school named although others hold her
    /// is IN FORCE: she counts, and gets no slip there until somebody confirms her.
    #[command(after_help = "Example: mingji claim list --org ED36042100")]
    List {
        /// Code of the institution.
        #[arg(long)]
        org: String,
        /// Go on behind this claim.
        #[arg(long, value_name = "ID")]
        after: Option<RelationClaimId>,
        /// With the rights of this administrator instead of the operator's (a user name, an alias, or `-`).
        #[arg(long = "as", value_name = "LOGIN")]
        admin: Option<String>,
    },
    /// Makes a claim true: a post, a guardian, an enrolment; a student whose 学籍 is elsewhere is transferred.
    #[command(after_help = "Example: mingji claim confirm 019a0000-0000-7000-8000-000000000001")]
    Confirm {
        #[command(flatten)]
        which: Which,
        /// 借读: the student sits at the claimant, and the 学籍 stays where it is.
        #[arg(long)]
        borrowed: bool,
    },
    /// Rejects a claim, and ends one that is in force; a later row that says the same changes nothing.
    #[command(after_help = "Example: mingji claim reject 019a0000-0000-7000-8000-000000000001 --reason '查无此人'")]
    Reject {
        #[command(flatten)]
        which: Which,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Takes a request for a student back, as the school that asked; a later row asks anew.
    #[command(after_help = "Example: mingji claim withdraw 019a0000-0000-7000-8000-000000000001 --as abcd-efgh-jkmn")]
    Withdraw {
        #[command(flatten)]
        which: Which,
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
        Command::List { org, after, admin } => {
            let by = decider(&app, admin.as_deref()).await?;
            let list = app.pending_claims(&Ctx::task(&app, "claim"), by, org, *after).await?;
            output.say(&list, |list| list.iter().map(line).collect())
        }
        Command::Confirm { which, borrowed: false } => decide(&app, which, Verdict::Confirm, output).await,
        Command::Confirm { which, borrowed: true } => decide(&app, which, Verdict::Borrow, output).await,
        Command::Withdraw { which } => decide(&app, which, Verdict::Withdraw, output).await,
        Command::Reject { which, reason } => decide(&app, which, Verdict::Reject(reason.clone()), output).await,
    }
}

fn line(claim: &PendingClaim) -> String {
    let kind = match (claim.transfer, claim.borrow) {
        (true, _) => "transfer",
        (_, true) => "borrow",
        _ => claim.kind,
    };
    let from = claim.held_by.as_ref().map_or(String::new(), |school| format!(" <- {school}"));
    let mark = if claim.conflict {
        "  CONFLICT"
    } else if claim.in_force {
        "  IN FORCE"
    } else if claim.refused {
        "  REFUSED"
    } else {
        ""
    };
    format!("{}  {kind:<8} {}{from}  {}{mark}\n", claim.id, claim.institution, claim.name)
}

async fn decider(app: &App, admin: Option<&str>) -> Result<Decider, Failure> {
    Ok(super::account::login(app, admin).await?.map_or(Decider::Operator, Decider::Admin))
}

async fn decide(app: &App, which: &Which, verdict: Verdict, output: &Output) -> Result<(), Failure> {
    let by = decider(app, which.admin.as_deref()).await?;
    let decided = app.decide_claim(&Ctx::task(app, "claim"), by, which.id, verdict).await?;
    output.say(&decided, |decided| {
        let moved = decided.transferred_from.as_ref().map(|school| format!("; the 学籍 moved from {school}"));
        let over = "; a class that it names is over: say into which one (`mingji student move`)";
        let over = if decided.class_over { over } else { "" };
        let taken = "; a class has another head teacher by now: she teaches there";
        let taken = if decided.head_taken { taken } else { "" };
        format!("{}{}{over}{taken}", decided.state, moved.unwrap_or_default())
    })
}
