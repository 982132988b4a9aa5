//! `mingji admin …`.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::account::Who;
use super::codes::one_of;
use super::output::Output;
use super::{Failure, runtime};
use crate::app::Ctx;
use crate::domain::registry::codes::admin_role::AdminRole;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Grants a role over an institution and everything under it.
    #[command(after_help = "Example: mingji admin grant abcd-efgh-jkmn --role county_admin --scope ED36042100")]
    Grant {
        #[command(flatten)]
        who: Who,
        /// A role of table A.
        #[arg(long, value_parser = one_of(AdminRole::ALL, AdminRole::as_str))]
        role: AdminRole,
        /// Code of the institution at the top.
        #[arg(long, value_name = "ORG_CODE")]
        scope: String,
    },
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let Command::Grant { who, role, scope } = command;
    let app = runtime::standing(config).await?;
    let person = who.resolve(&app).await?;
    let granted = app.grant_admin(&Ctx::task(&app, "admin grant"), person, *role, scope).await?;
    output.say(&json!({ "person_id": person, "granted": granted }), |_| {
        if granted { "granted".into() } else { "she holds it already".into() }
    })
}
