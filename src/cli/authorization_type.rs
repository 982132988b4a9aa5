//! `mingji authorization-type …`.

use std::path::Path;

use clap::Subcommand;
use serde_json::{Value, json};

use super::output::Output;
use super::{Failure, runtime};
use crate::app::Ctx;
use crate::domain::oidc::authorization_type::AuthorizationType;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Defines a type of authorization details (RFC 9396) from JSON on standard input, or changes it. Whoever agreed to
    /// what it said before is asked again.
    #[command(
        after_help = "Example: echo '{\"type\":\"grade_export\",\"title\":{\"zh\":\"导出成绩\",\"en\":\"Export grades\"},\
        \"description\":{\"zh\":\"把成绩单交给这个应用。\",\"en\":\"Hands the report to this application.\"},\
        \"resources\":[\"https://grades.example.edu.cn/\"],\
        \"actions\":{\"values\":{\"read\":{\"zh\":\"查看\",\"en\":\"read\"}},\"required\":true},\
        \"identifier\":{\"longest\":32}}' | mingji authorization-type put"
    )]
    Put,
    /// Lists the types.
    #[command(after_help = "Example: mingji authorization-type list")]
    List,
    /// Takes a type away: it is refused from now on, and falls out of what was granted.
    #[command(after_help = "Example: mingji authorization-type remove grade_export")]
    Remove {
        /// Its name.
        kind: String,
    },
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Put => {
            let kind: AuthorizationType = serde_json::from_reader(std::io::stdin().lock())
                .map_err(|e| Failure::new(format!("the definition on standard input cannot be read: {e}")))?;
            let app = runtime::standing(config).await?;
            app.define_authorization_type(&Ctx::task(&app, "authorization-type put"), &kind).await?;
            output.say(&json!(kind), |_| kind.kind.clone())
        }
        Command::List => {
            let types = runtime::standing(config).await?.list_authorization_types().await?;
            let documents: Vec<Value> = types.iter().map(|kind| json!(kind)).collect();
            output.say(&documents, |_| types.iter().map(line).collect())
        }
        Command::Remove { kind } => {
            let app = runtime::standing(config).await?;
            app.remove_authorization_type(&Ctx::task(&app, "authorization-type remove"), kind).await?;
            output.say(&json!({ "type": kind, "removed": true }), |_| "done".into())
        }
    }
}

fn line(kind: &AuthorizationType) -> String {
    let resources: Vec<&str> = kind.resources.iter().map(String::as_str).collect();
    format!("{}  {} {}  {}\n", kind.kind, kind.title.zh, kind.title.en, resources.join(" "))
}
