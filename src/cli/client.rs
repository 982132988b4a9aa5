//! `mingji client …`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::account::login;
use super::output::Output;
use super::{Failure, client_check, files, runtime};
use crate::app::Ctx;
use crate::app::client_change::{Changed, Restated};
use crate::domain::id::{ClientId, InitialTokenId};
use crate::domain::oidc::client::{ClientMetadata, ClientStatus};
use crate::domain::oidc::client_document::ClientRef;
use crate::domain::oidc::initial_token::{InitialToken, Policy};
use crate::domain::time::Timestamp;
use crate::store::deliveries::OfClient;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Registers a client from RFC 7591 metadata on standard input; prints it with its secret, once.
    #[command(after_help = "Example: echo '{\"redirect_uris\":[\"https://app.example/cb\"]}' | mingji client create")]
    Create,
    /// Prints a client as it is registered, without its secret.
    #[command(after_help = "Example: mingji client show 019ab3c4-7d10-7000-8000-2f6e9b1c0d55")]
    Show {
        /// Its `client_id`.
        client_id: ClientRef,
    },
    /// Changes what is registered of a client: the file holds the members that change, as JSON; `null` takes one away. What
    /// is checked is what a registration is checked for. `client_id`, kind, sector and lawful basis stay.
    #[command(
        after_help = "Example: echo '{\"redirect_uris\":[\"https://app.example/cb\"]}' | mingji client update 019ab3c4-7d10-7000-8000-2f6e9b1c0d55 - --dry-run"
    )]
    Update {
        /// Its `client_id`.
        client_id: ClientRef,
        /// The file, `-` for standard input.
        file: PathBuf,
        /// Says what would change, and changes nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Lets somebody register clients of his own at the registration endpoint; prints the token, once.
    #[command(after_help = "Example: mingji client initial-token --uses 3 --days 7 --scope 'openid profile edu'")]
    InitialToken(Asked),
    /// Lists the initial access tokens that may be used; the tokens themselves are not kept.
    #[command(after_help = "Example: mingji client initial-tokens")]
    InitialTokens,
    /// Ends an initial access token; clients that registered with it stay.
    #[command(after_help = "Example: mingji client end-initial-token 019ab3c4-7d10-7000-8000-2f6e9b1c0d55")]
    EndInitialToken {
        /// Its id, as `mingji client initial-tokens` lists it.
        id: InitialTokenId,
    },
    /// Gives a client that registered itself another registration access token; prints it, once. The old one ends.
    #[command(after_help = "Example: mingji client renew-registration 019ab3c4-7d10-7000-8000-2f6e9b1c0d55")]
    RenewRegistration {
        /// Its `client_id`.
        client_id: ClientId,
    },
    /// Removes a client for good: everything that was granted there ends.
    #[command(after_help = "Example: mingji client remove 019ab3c4-7d10-7000-8000-2f6e9b1c0d55")]
    Remove {
        /// Its `client_id`.
        client_id: ClientRef,
    },
    /// A doctor for relying parties: visits a platform's sign-in through a sandbox provider that answers wrongly in one
    /// way at a time, and says what was let in that should not. Nobody real takes part.
    #[command(
        after_help = "Example: mingji client check --protected http://localhost:8080/me http://localhost:8080/login"
    )]
    Check(Box<client_check::Asked>),
    /// Lists what clients were not told of: logout tokens that wait for them, or were given up after a day.
    #[command(after_help = "Example: mingji client deliveries")]
    Deliveries,
    /// Replaces the secret of a client; prints the new one, once. The old one works for a while beside it.
    #[command(after_help = "Example: mingji client rotate-secret 019ab3c4-7d10-7000-8000-2f6e9b1c0d55 --overlap 24h")]
    RotateSecret {
        /// Its `client_id`.
        client_id: ClientId,
        /// How long the secret of now still works: `0s` when it leaked, `7d` at most. When left out, a day; while one from
        /// before is still good, that one goes on until its time, and the secret of now ends in its place: nobody may have it.
        #[arg(long, value_parser = overlap)]
        overlap: Option<Duration>,
    },
    /// Ends the old secret of a client at once.
    #[command(after_help = "Example: mingji client end-old-secret 019ab3c4-7d10-7000-8000-2f6e9b1c0d55")]
    EndOldSecret {
        /// Its `client_id`.
        client_id: ClientId,
    },
    /// Says which institution answers for a client: its administrators find it in the console.
    #[command(after_help = "Example: mingji client assign 019ab3c4-7d10-7000-8000-2f6e9b1c0d55 --org ED36078100")]
    Assign {
        /// Its `client_id`.
        client_id: ClientRef,
        /// The institution's code; the operator alone answers for it when left out.
        #[arg(long, value_name = "CODE")]
        org: Option<String>,
        /// Somebody of its vendor who answers for it there as `vendor_admin`: her user name or alias, `-` for standard input.
        #[arg(long, value_name = "LOGIN", requires = "org")]
        keeper: Option<String>,
    },
    /// 下架: the client is refused everywhere until it is restored.
    #[command(after_help = "Example: mingji client suspend https://apps.example.edu.cn/client.json")]
    Suspend {
        /// Its `client_id`.
        client_id: ClientRef,
    },
    /// Lets a suspended client back in.
    #[command(after_help = "Example: mingji client restore 019ab3c4-7d10-7000-8000-2f6e9b1c0d55")]
    Restore {
        /// Its `client_id`.
        client_id: ClientRef,
    },
}

/// What may be registered with an initial access token: always an application.
#[derive(Args)]
pub struct Asked {
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
            let app = runtime::command(config).await?;
            let metadata: ClientMetadata = serde_json::from_reader(std::io::stdin().lock())
                .map_err(|e| Failure::new(format!("the metadata on standard input cannot be read: {e}")))?;
            let registered = app.create_client(&Ctx::task(&app, "client create"), metadata).await?;
            let document = registered.document()?;
            // The registered client is a JSON document with and without --json (RFC 7591, 3.2.1).
            output.say(&document, |document| serde_json::to_string_pretty(document).unwrap_or_default())
        }
        Command::Show { client_id } => {
            let app = runtime::standing(config).await?;
            let document = app.registered_client(app.id_of_client(client_id).await?).await?.document()?;
            output.say(&document, |document| serde_json::to_string_pretty(document).unwrap_or_default())
        }
        Command::Update { client_id, file, dry_run } => {
            let patch: Map<String, Value> = serde_json::from_str(&files::read_text(file, "the metadata")?)
                .map_err(|e| Failure::new(format!("the metadata is no JSON object: {e}")))?;
            let app = runtime::standing(config).await?;
            let id = app.id_of_client(client_id).await?;
            let restated = app.update_client(&Ctx::task(&app, "client update"), id, patch, *dry_run).await?;
            changed(output, &restated, *dry_run)
        }
        Command::Check(asked) => client_check::run(asked, output).await,
        Command::Suspend { client_id } => {
            set_status(config, output, "client suspend", client_id, ClientStatus::Suspended).await
        }
        Command::Restore { client_id } => {
            set_status(config, output, "client restore", client_id, ClientStatus::Active).await
        }
        Command::Remove { client_id } => {
            let app = runtime::standing(config).await?;
            let id = app.id_of_client(client_id).await?;
            app.set_client_status(&Ctx::task(&app, "client remove"), id, ClientStatus::Removed).await?;
            output.say(&json!({ "client_id": client_id.to_string(), "removed": true }), |_| "done".into())
        }
        Command::RotateSecret { client_id, overlap } => {
            let app = runtime::standing(config).await?;
            let ctx = Ctx::task(&app, "client rotate-secret");
            let registered = app.rotate_secret(&ctx, *client_id, *overlap).await?;
            let secret = registered.secret.ok_or_else(|| Failure::new("the client has no secret"))?;
            let until = registered.client.old_secret.as_ref().map(|old| old.until.to_rfc3339());
            let document =
                json!({ "client_id": client_id, "client_secret": secret.expose_secret(), "old_secret_until": until });
            output.say(&document, |_| secret.expose_secret().to_owned())
        }
        Command::EndOldSecret { client_id } => {
            let app = runtime::standing(config).await?;
            app.end_old_secret(&Ctx::task(&app, "client end-old-secret"), *client_id).await?;
            output.say(&json!({ "client_id": client_id, "ended": true }), |_| "done".into())
        }
        Command::Assign { client_id, org, keeper } => {
            let app = runtime::standing(config).await?;
            let id = app.id_of_client(client_id).await?;
            let keeper = login(&app, keeper.as_deref()).await?;
            app.assign_client(&Ctx::task(&app, "client assign"), id, org.as_deref(), keeper).await?;
            output.say(&json!({ "client_id": client_id.to_string(), "org": org }), |_| "done".into())
        }
        Command::InitialTokens => {
            let app = runtime::standing(config).await?;
            let tokens = app.list_initial_tokens(&Ctx::task(&app, "client initial-tokens")).await?;
            let documents: Vec<Value> = tokens.iter().map(document).collect();
            output.say(&documents, |_| documents.iter().map(|token| format!("{token}\n")).collect())
        }
        Command::Deliveries => {
            let app = runtime::standing(config).await?;
            let documents: Vec<Value> = app.undelivered().await?.iter().map(undelivered).collect();
            output.say(&documents, |_| documents.iter().map(|one| format!("{one}\n")).collect())
        }
        Command::EndInitialToken { id } => {
            let app = runtime::standing(config).await?;
            app.end_initial_token(&Ctx::task(&app, "client end-initial-token"), *id).await?;
            output.say(&json!({ "id": id, "ended": true }), |_| "done".into())
        }
        Command::RenewRegistration { client_id } => {
            let app = runtime::standing(config).await?;
            let keeper = app.renew_registration(&Ctx::task(&app, "client renew-registration"), *client_id).await?;
            let document = json!({ "client_id": client_id, "registration_access_token": keeper.expose_secret() });
            output.say(&document, |_| keeper.expose_secret().to_owned())
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
            let mut document = document(&token);
            document["initial_access_token"] = json!(secret.expose_secret());
            output.say(&document, |_| secret.expose_secret().to_owned())
        }
    }
}

/// A span of time, as settings write it.
fn overlap(text: &str) -> Result<Duration, String> {
    crate::config::parse_duration(text).ok_or_else(|| "a whole number with s, m, h or d, as 24h or 7d".to_owned())
}

fn document(token: &InitialToken) -> Value {
    json!({
        "id": token.id, "uses": token.uses_left, "expires_at": token.expires_at.seconds(), "policy": token.policy,
    })
}

fn undelivered(one: &OfClient) -> Value {
    let at = |moment: Option<Timestamp>| moment.map(Timestamp::to_rfc3339);
    json!({
        "client_id": one.client, "client_name": one.name, "waiting": one.waiting, "oldest": at(one.oldest),
        "given_up": one.given_up, "last_given_up": at(one.last_given_up),
    })
}

async fn set_status(
    config: Option<&Path>,
    output: &Output,
    task: &str,
    named: &ClientRef,
    status: ClientStatus,
) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    let id = app.id_of_client(named).await?;
    app.set_client_status(&Ctx::task(&app, task), id, status).await?;
    output.say(&json!({ "client_id": named.to_string(), "suspended": status == ClientStatus::Suspended }), |_| {
        "done".into()
    })
}

/// What a change did, or would do. A secret is made anew where the client needs one and had none that it could use.
fn changed(output: &Output, restated: &Restated, dry_run: bool) -> Result<(), Failure> {
    let registered = &restated.registered;
    let mut document = json!({
        "client_id": registered.client.client_id(), "dry_run": dry_run, "changes": restated.changes,
        "new_secret": registered.secret.is_some(),
    });
    if let Some(secret) = registered.secret.as_ref().filter(|_| !dry_run) {
        document["client_secret"] = json!(secret.expose_secret());
    }
    output.say(&document, |document| {
        let shown = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
        let line = |one: &Changed| format!("{}: {} -> {}\n", one.member, shown(&one.before), shown(&one.after));
        let mut text: String = restated.changes.iter().map(line).collect();
        text.push_str(match (restated.changes.is_empty(), dry_run) {
            (true, _) => "nothing changes",
            (_, true) => "nothing was changed: this was a dry run",
            (_, false) => "done",
        });
        match (&document["client_secret"], registered.secret.is_some()) {
            (Value::String(secret), _) => text.push_str(&format!("\nthe new secret, shown once: {secret}")),
            (_, true) => text.push_str("\nit would get a new secret, and the one of now would end"),
            _ => {}
        }
        text
    })
}
