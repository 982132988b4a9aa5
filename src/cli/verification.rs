//! `mingji verification …`: who says that somebody is who the register says, and what waits for an answer.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::account::{self, Who};
use super::case::By;
use super::codes::one_of;
use super::output::Output;
use super::{Failure, runtime};
use crate::app::Ctx;
use crate::app::verification::{ServiceView, VerificationView};
use crate::domain::id::{PersonId, VerificationId};
use crate::domain::registry::codes::realname::Method;

/// What is somebody's word.
const WORDS: &[Method] = &[Method::SchoolVouch, Method::GuardianVouch, Method::DocumentSighted];

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Asks a service of the settings; its answer comes later, while the provider runs.
    #[command(after_help = "Example: mingji verification request abcd-efgh-jkmn --service police")]
    Request {
        #[command(flatten)]
        who: Who,
        /// The service, as the settings call it.
        #[arg(long, value_name = "NAME")]
        service: String,
        #[command(flatten)]
        by: By,
    },
    /// Records the word of whoever looked: a school, a guardian, or who saw her paper and herself.
    #[command(
        after_help = "Example: mingji verification record abcd-efgh-jkmn --method document_sighted --as hjkm-npqr-stvw"
    )]
    Record {
        #[command(flatten)]
        who: Who,
        /// school_vouch, guardian_vouch or document_sighted.
        #[arg(long, value_name = "METHOD", value_parser = one_of(WORDS, Method::as_str))]
        method: Method,
        /// The guardian who stands for her (a user name, an alias, or `-`).
        #[arg(long, value_name = "LOGIN")]
        guardian: Option<String>,
        #[command(flatten)]
        by: By,
    },
    /// Lists what waits or was given up, the oldest first; with --person all about her.
    #[command(after_help = "Example: mingji verification list --person ID --reason 核对材料")]
    List {
        /// Whose.
        #[arg(long, value_name = "ID", requires = "reason")]
        person: Option<PersonId>,
        /// Why: it stands in the audit, and in her list of who looked. No number, code or phone.
        #[arg(long, value_name = "TEXT", requires = "person")]
        reason: Option<String>,
    },
    /// Asks again at once.
    #[command(after_help = "Example: mingji verification retry 019a0000-0000-7000-8000-000000000001")]
    Retry {
        /// The question's id, from `list`.
        #[arg(value_name = "ID")]
        id: VerificationId,
    },
    /// Lists the services that the settings name.
    #[command(after_help = "Example: mingji verification services")]
    Services,
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    let ctx = Ctx::task(&app, "verification");
    match command {
        Command::Request { who, service, by } => {
            let (person, by) = (who.resolve(&app).await?, by.decider(&app).await?);
            let id = app.request_verification(&ctx, by, person, service).await?;
            output.say(&json!({ "id": id, "person_id": person, "state": "waiting" }), |_| format!("{id} waits"))
        }
        Command::Record { who, method, guardian, by } => {
            let (person, by) = (who.resolve(&app).await?, by.decider(&app).await?);
            let guardian = account::login(&app, guardian.as_deref()).await?;
            let id = app.vouch(&ctx, by, person, *method, guardian).await?;
            let said = json!({ "id": id, "person_id": person, "level": method.level().get() });
            output.say(&said, |_| format!("{id}: level {}", method.level().get()))
        }
        Command::List { person, reason } => {
            let list = match person.zip(reason.as_deref()) {
                Some((person, reason)) => app.all_verifications(&ctx, reason, person).await?,
                None => app.open_verifications(&ctx).await?,
            };
            output.say(&list, |list| list.iter().map(line).collect())
        }
        Command::Retry { id } => {
            app.retry_verification(&ctx, *id).await?;
            output.say(&json!({ "id": id, "state": "waiting" }), |_| format!("{id} is asked again"))
        }
        Command::Services => {
            let all = app.verification_services();
            output.say(&all, |all| all.iter().map(service).collect())
        }
    }
}

fn line(one: &VerificationView) -> String {
    let fault = one.fault.unwrap_or_default();
    format!("{}  {}  {:<15} {:<12} {:<10} {fault}\n", one.id, one.person_id, one.method, one.verifier, one.state)
}

fn service(one: &ServiceView) -> String {
    format!("{:<16} {:<15} level {}\n", one.name, one.method, one.level)
}
