//! `mingji consent …`: a guardian's receipt, until the pages exist (ruling R8).

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::output::Output;
use super::{Failure, runtime};
use crate::app::Ctx;
use crate::domain::id::PersonId;
use crate::domain::oidc::scope::{Scope, ScopeSet};

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Records that a confirmed guardian lets a client know a child.
    #[command(
        after_help = "Example: mingji consent record --child ID --guardian ID --client CLIENT_ID --scope 'profile edu edu.class'"
    )]
    Record {
        /// The child's person id.
        #[arg(long)]
        child: PersonId,
        /// The guardian's person id.
        #[arg(long)]
        guardian: PersonId,
        /// The client.
        #[arg(long)]
        client: String,
        /// Scopes, separated by spaces; everything but refresh beyond the session when left out.
        #[arg(long)]
        scope: Option<String>,
    },
    /// Ends all live receipts of a person for a client, and everything the client holds.
    #[command(after_help = "Example: mingji consent withdraw --person ID --client CLIENT_ID")]
    Withdraw {
        /// The person (the child) whose data it is.
        #[arg(long, alias = "child")]
        person: PersonId,
        /// The client.
        #[arg(long)]
        client: String,
    },
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    match command {
        Command::Record { child, guardian, client, scope } => {
            let scope = scope.as_deref().map_or_else(everything, ScopeSet::parse).without(Scope::Openid);
            let id = app
                .record_guardian_consent(
                    &Ctx::task(&app, "consent record"),
                    app.standing_person(*child).await?,
                    app.standing_person(*guardian).await?,
                    client,
                    &scope,
                )
                .await?;
            output.say(&json!({ "consent_id": id, "scope": scope.to_string() }), |_| format!("recorded {id}"))
        }
        Command::Withdraw { person, client } => {
            let ended = app
                .withdraw_consent(&Ctx::task(&app, "consent withdraw"), app.standing_person(*person).await?, client)
                .await?;
            output.say(&json!({ "receipts_ended": ended }), |_| format!("{ended} receipts ended"))
        }
    }
}

/// What a guardian's receipt covers where nothing is said.
pub fn everything() -> ScopeSet {
    Scope::ALL.iter().copied().filter(|scope| *scope != Scope::OfflineAccess).collect()
}
