//! `mingji client …`.

use std::path::Path;

use clap::Subcommand;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::output::Output;
use super::{Failure, runtime};
use crate::app::{App, Ctx, clients::Registered};
use crate::domain::oidc::client::ClientMetadata;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Registers a client from RFC 7591 metadata on standard input; prints it with its secret, once.
    #[command(after_help = "Example: echo '{\"redirect_uris\":[\"https://app.example/cb\"]}' | mingji client create")]
    Create,
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Create => {
            let metadata: ClientMetadata = serde_json::from_reader(std::io::stdin().lock())
                .map_err(|e| Failure::new(format!("the metadata on standard input cannot be read: {e}")))?;
            let app = runtime::command(config).await?;
            let registered = app.create_client(&Ctx::task(&app, "client create"), metadata).await?;
            let document = document(&app, &registered)?;
            // The registered client is a JSON document with and without --json (RFC 7591, 3.2.1).
            output.say(&document, |document| serde_json::to_string_pretty(document).unwrap_or_default())
        }
    }
}

/// RFC 7591, 3.2.1: what was registered, with the client's id and secret.
pub fn document(_app: &App, registered: &Registered) -> Result<serde_json::Value, Failure> {
    let mut document = serde_json::to_value(&registered.client.metadata)?;
    document["client_id"] = json!(registered.client.id);
    document["client_id_issued_at"] = json!(registered.client.created_at.seconds());
    if let Some(secret) = &registered.secret {
        document["client_secret"] = json!(secret.expose_secret());
        document["client_secret_expires_at"] = json!(0);
    }
    Ok(document)
}
