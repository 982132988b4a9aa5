//! `mingji consent …`: a guardian's receipt, until the pages exist (ruling R8).

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::output::Output;
use super::{Failure, runtime};
use crate::app::Ctx;
use crate::domain::id::PersonId;
use crate::domain::oidc::authorization_details::Details;
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
        /// Authorization details (RFC 9396) that the guardian has seen: a file with the JSON list, `-` for standard input.
        /// The receipt covers exactly these.
        #[arg(long, value_name = "FILE")]
        authorization_details: Option<PathBuf>,
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
        Command::Record { child, guardian, client, scope, authorization_details } => {
            let scope = scope.as_deref().map_or_else(everything, ScopeSet::parse).without(Scope::Openid);
            let details = authorization_details.as_deref().map(read).transpose()?.unwrap_or_default();
            let (id, shown) = app
                .record_guardian_consent_in_detail(
                    &Ctx::task(&app, "consent record"),
                    app.standing_person(*child).await?,
                    app.standing_person(*guardian).await?,
                    client,
                    (&scope, &details),
                )
                .await?;
            let mut document = json!({ "consent_id": id, "scope": scope.to_string() });
            if !shown.is_empty() {
                document["shown"] = json!(shown);
            }
            output.say(&document, |_| format!("recorded {id}"))
        }
        Command::Withdraw { person, client } => {
            let ended = app
                .withdraw_consent(&Ctx::task(&app, "consent withdraw"), app.standing_person(*person).await?, client)
                .await?;
            output.say(&json!({ "receipts_ended": ended }), |_| format!("{ended} receipts ended"))
        }
    }
}

/// Not an argument: what stands in details may be anybody's (R7).
fn read(file: &Path) -> Result<Details, Failure> {
    let text = match file == Path::new("-") {
        true => std::io::read_to_string(std::io::stdin().lock()),
        false => std::fs::read_to_string(file),
    };
    let text = text.map_err(|e| Failure::new(format!("the authorization details cannot be read: {e}")))?;
    Details::parse(text.trim()).map_err(|e| Failure::new(e.to_string()))
}

/// What a guardian's receipt covers where nothing is said.
pub fn everything() -> ScopeSet {
    Scope::ALL.iter().copied().filter(|scope| *scope != Scope::OfflineAccess).collect()
}
