//! `mingji admin …`: roles of administration, given, taken back, listed and explained.

use std::path::Path;

use chrono::NaiveDate;
use clap::Subcommand;
use serde_json::json;

use super::account::{Who, login};
use super::case::By;
use super::codes::one_of;
use super::output::Output;
use super::{Failure, runtime};
use crate::app::Ctx;
use crate::app::admin::{GrantRow, Wish};
use crate::app::admin_why::Why;
use crate::domain::registry::codes::admin_role::AdminRole;
use crate::domain::time::Timestamp;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Grants a role over an institution and everything under it. An administrator names the level below hers, who keeps
    /// rosters and classes at her own institution, and, where she may, deputies.
    #[command(
        after_help = "Example: mingji admin grant abcd-efgh-jkmn --role county_admin --scope ED36042100 --until 2027-08-31"
    )]
    Grant {
        #[command(flatten)]
        role: Role,
        /// Beside the system administrator of the school.
        #[arg(long)]
        deputy: bool,
        /// She may name deputies herself.
        #[arg(long)]
        may_delegate: bool,
        /// The last day; open when left out.
        #[arg(long, value_name = "DATE")]
        until: Option<NaiveDate>,
    },
    /// Takes a role back, at once.
    #[command(after_help = "Example: mingji admin revoke abcd-efgh-jkmn --role county_admin --scope ED36042100")]
    Revoke {
        #[command(flatten)]
        role: Role,
    },
    /// Lists the roles over an institution and what stands below it.
    #[command(after_help = "Example: mingji admin list --scope ED36042100")]
    List {
        /// Code of the institution at the top.
        #[arg(long, value_name = "ORG_CODE")]
        scope: String,
        #[command(flatten)]
        by: By,
    },
    /// Tells by which chain of grants and institutions an administrator sees somebody, or what is missing.
    #[command(after_help = "Example: mingji admin why abcd-efgh-jkmn k7m2-xp9w-dt2q")]
    Why {
        /// The administrator: a user name or an alias.
        #[arg(value_name = "ADMIN")]
        administrator: String,
        /// Whom she sees or not.
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        by: By,
    },
}

/// Whose role, over what, with whose rights.
#[derive(clap::Args)]
pub struct Role {
    #[command(flatten)]
    who: Who,
    /// A role of table A.
    #[arg(long, value_parser = one_of(AdminRole::ALL, AdminRole::as_str))]
    role: AdminRole,
    /// Code of the institution at the top.
    #[arg(long, value_name = "ORG_CODE")]
    scope: String,
    #[command(flatten)]
    by: By,
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    let ctx = Ctx::task(&app, "admin");
    match command {
        Command::Grant { role: Role { who, role, scope, by }, deputy, may_delegate, until } => {
            let person = who.resolve(&app).await?;
            let wish =
                Wish { role: *role, org: scope.into(), deputy: *deputy, may_delegate: *may_delegate, until: *until };
            let granted = app.grant_role(&ctx, by.decider(&app).await?, person, &wish).await?;
            output.say(&granted, |granted| match (granted.granted, granted.deputy) {
                (false, _) => "she holds it already".into(),
                (true, false) => "granted".into(),
                (true, true) => "granted, as a deputy: the institution has its administrator".into(),
            })
        }
        Command::Revoke { role: Role { who, role, scope, by } } => {
            let person = who.resolve(&app).await?;
            app.revoke_role(&ctx, by.decider(&app).await?, person, *role, scope).await?;
            output.say(&json!({ "person_id": person, "revoked": true }), |_| "taken back".into())
        }
        Command::List { scope, by } => {
            let listed = app.list_grants(&ctx, by.decider(&app).await?, scope).await?;
            output.say(&listed, |listed| listed.iter().map(line).collect())
        }
        Command::Why { administrator, who, by } => {
            let admin =
                login(&app, Some(administrator)).await?.ok_or_else(|| Failure::new("say which administrator"))?;
            let why = app.why_sees(&ctx, by.decider(&app).await?, admin, who.resolve(&app).await?).await?;
            output.say(&why, told)
        }
    }
}

fn line(row: &GrantRow) -> String {
    let until = row.until.as_deref().and_then(Timestamp::from_rfc3339);
    let until = until.map_or_else(|| "-".to_owned(), Timestamp::shanghai_minute);
    let marks = [(row.deputy, "deputy"), (row.may_delegate, "may delegate"), (!row.live, "NOT LIVE")];
    let marks: Vec<_> = marks.into_iter().filter_map(|(is, mark)| is.then_some(mark)).collect();
    format!("{}  {:<14} {}  {}  {until}  {}\n", row.person_id, row.role, row.institution, row.name, marks.join(", "))
}

fn told(why: &Why) -> String {
    if !why.sees {
        return format!("does not see: {}", why.missing.join(", "));
    }
    let chain = |chain: &crate::app::admin_why::Chain| {
        let by = chain.granted_by.map_or_else(|| "the operator".to_owned(), |by| by.to_string());
        format!("{} (granted by {by}): {} : {}\n", chain.role, chain.path.join(" > "), chain.relation)
    };
    why.chains.iter().map(chain).collect()
}
