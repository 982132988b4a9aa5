//! `mingji client …`.

use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::output::Output;
use super::{Failure, runtime};
use crate::app::Ctx;
use crate::domain::id::ClientId;
use crate::domain::oidc::client::{ClientMetadata, ClientStatus};
use crate::domain::oidc::initial_token::Policy;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Registers a client from RFC 7591 metadata on standard input; prints it with its secret, once.
    #[command(after_help = "Example: echo '{\"redirect_uris\":[\"https://app.example/cb\"]}' | mingji client create")]
    Create,
    /// Lets somebody register clients of his own at the registration endpoint; prints the token, once.
    #[command(after_help = "Example: mingji client initial-token --uses 3 --days 7 --scope 'openid profile edu'")]
    InitialToken(InitialToken),
    /// 下架: the client is refused everywhere until it is restored.
    #[command(after_help = "Example: mingji client suspend 019ab3c4-7d10-7000-8000-2f6e9b1c0d55")]
    Suspend {
        /// Its `client_id`.
        client_id: ClientId,
    },
    /// Lets a suspended client back in.
    #[command(after_help = "Example: mingji client restore 019ab3c4-7d10-7000-8000-2f6e9b1c0d55")]
    Restore {
        /// Its `client_id`.
        client_id: ClientId,
    },
}

/// What may be registered with an initial access token: always an application.
#[derive(Args)]
pub struct InitialToken {
    /// How many clients.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    uses: u32,
    /// For how many days.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=366))]
    days: u64,
    /// Grant types they may have; repeat it for several.
    #[arg(long = "grant-type", value_name = "NAME", default_values = ["authorization_code", "refresh_token"],
        value_parser = ["authorization_code", "refresh_token", "implicit"])]
    grant_types: Vec<String>,
    /// Scopes they may ask for, separated by blanks; all when left out.
    #[arg(long)]
    scope: Option<String>,
    /// Confidential ones need no PKCE.
    #[arg(long)]
    without_pkce: bool,
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Create => {
            let metadata: ClientMetadata = serde_json::from_reader(std::io::stdin().lock())
                .map_err(|e| Failure::new(format!("the metadata on standard input cannot be read: {e}")))?;
            let app = runtime::command(config).await?;
            let registered = app.create_client(&Ctx::task(&app, "client create"), metadata).await?;
            let document = registered.document()?;
            // The registered client is a JSON document with and without --json (RFC 7591, 3.2.1).
            output.say(&document, |document| serde_json::to_string_pretty(document).unwrap_or_default())
        }
        Command::Suspend { client_id } => {
            set_status(config, output, "client suspend", *client_id, ClientStatus::Suspended).await
        }
        Command::Restore { client_id } => {
            set_status(config, output, "client restore", *client_id, ClientStatus::Active).await
        }
        Command::InitialToken(asked) => {
            let app = runtime::standing(config).await?;
            let policy = Policy {
                grant_types: asked.grant_types.clone(),
                scope: asked.scope.clone(),
                require_pkce: !asked.without_pkce,
            };
            let life = Duration::from_secs(asked.days * 86_400);
            let ctx = Ctx::task(&app, "client initial-token");
            let (token, secret) = app.issue_initial_token(&ctx, policy, asked.uses, life).await?;
            let document = json!({
                "id": token.id, "initial_access_token": secret.expose_secret(), "uses": token.uses_left,
                "expires_at": token.expires_at.seconds(), "policy": token.policy,
            });
            output.say(&document, |_| secret.expose_secret().to_owned())
        }
    }
}

async fn set_status(
    config: Option<&Path>,
    output: &Output,
    task: &str,
    id: ClientId,
    status: ClientStatus,
) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    app.set_client_status(&Ctx::task(&app, task), id, status).await?;
    output.say(&json!({ "client_id": id, "suspended": status == ClientStatus::Suspended }), |_| "done".into())
}
