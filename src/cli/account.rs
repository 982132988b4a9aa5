//! `mingji account …`. `LOGIN` is a user name, an alias, or `-` to read it from standard input; `--person ID`
//! stands in for it everywhere.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::output::{Output, read_line};
use super::{Failure, runtime, slips};
use crate::app::relation_claim::Decider;
use crate::app::{App, Ctx};
use crate::domain::id::PersonId;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Lists the accounts of an institution and what stands under it.
    #[command(after_help = "Example: mingji account list --org 2136000001")]
    List {
        /// Code of the institution.
        #[arg(long)]
        org: String,
    },
    /// Sets a password read from the next line of standard input.
    #[command(after_help = "Example: printf '%s\\n' 'a long sentence' | mingji account set-password abcd-efgh-jkmn")]
    SetPassword {
        #[command(flatten)]
        who: Who,
    },
    /// Prints slips with one-time codes for everybody of an institution who has not activated her account: a page of HTML
    /// for A4, by class. Whoever has a code already that still works is skipped, and so is whoever belongs to an institution
    /// outside this one too.
    #[command(after_help = "Example: mingji account slips --org 2136000001 --kind students slips.html")]
    Slips(slips::Args),
    /// Prints a one-time activation link.
    #[command(after_help = "Example: mingji account link abcd-efgh-jkmn")]
    Link {
        #[command(flatten)]
        who: Who,
    },
    /// Lets somebody in again whose account an administrator locked, whoever that was.
    #[command(after_help = "Example: mingji account unlock --person ID")]
    Unlock {
        #[command(flatten)]
        who: Who,
    },
}

/// Whose account.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub struct Who {
    /// A user name, an alias, or `-` to read it from standard input.
    #[arg(value_name = "LOGIN", allow_hyphen_values = true)]
    pub login: Option<String>,
    /// The person's id instead.
    #[arg(long, value_name = "ID")]
    pub person: Option<PersonId>,
}

impl Who {
    /// The person meant.
    pub async fn resolve(&self, app: &App) -> Result<PersonId, Failure> {
        match self.person {
            Some(person) => Ok(app.standing_person(person).await?),
            None => {
                login(app, self.login.as_deref()).await?.ok_or_else(|| Failure::new("say whose: LOGIN or --person ID"))
            }
        }
    }
}

/// The person of a LOGIN. An alias is better read from standard input: arguments are seen by every process (R7).
pub async fn login(app: &App, login: Option<&str>) -> Result<Option<PersonId>, Failure> {
    Ok(match login {
        None => None,
        Some("-") => Some(app.person_of_login(&read_line("LOGIN")?).await?),
        Some(login) => Some(app.person_of_login(login).await?),
    })
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    let ctx = Ctx::task(&app, "account");
    match command {
        Command::List { org } => {
            let accounts = app.list_accounts(&ctx, org).await?;
            output.say(&accounts, |list| {
                list.iter()
                    .map(|row| format!("{}  {}  {:<18} {}\n", row.person_id, row.user_name, row.kind, row.state))
                    .collect()
            })
        }
        Command::SetPassword { who } => {
            let person = who.resolve(&app).await?;
            let password = read_line("the password")?;
            app.set_password(&ctx, person, password.into()).await?;
            output.say(&json!({ "person_id": person }), |_| {
                "the password is set; sessions of this person have ended".into()
            })
        }
        Command::Slips(args) => slips::run(&app, &ctx, args, output).await,
        Command::Link { who } => {
            let person = who.resolve(&app).await?;
            let issued = app.issue_activation(&ctx, person).await?;
            output.say(&json!({ "code": issued.0, "link": issued.1 }), |_| issued.1.clone())
        }
        Command::Unlock { who } => {
            let unlocked = app.unlock_account(&ctx, Decider::Operator, who.resolve(&app).await?).await?;
            output.say(&unlocked, |unlocked| format!("{} is {}", unlocked.person_id, unlocked.state))
        }
    }
}
