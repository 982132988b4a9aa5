//! `mingji resource …`.

use std::path::Path;

use clap::Subcommand;
use serde_json::{Value, json};

use super::output::Output;
use super::{Failure, runtime};
use crate::app::Ctx;
use crate::domain::oidc::resource::Resource;
use crate::domain::oidc::signing_key::SigningAlg;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Registers a resource that clients may ask tokens for, or changes what was registered.
    #[command(
        after_help = "Example: mingji resource put https://grades.example.edu.cn/ --name 成绩库 --scope grades.read"
    )]
    Put {
        /// Its identifier, an absolute URI: the audience of its tokens.
        uri: String,
        /// Its name for people.
        #[arg(long)]
        name: String,
        /// A word that it understands in `scope`; repeat it for several.
        #[arg(long = "scope", value_name = "WORD", required = true)]
        scopes: Vec<String>,
        /// How its tokens are signed: ES256, or RS256 for a service that knows nothing else.
        #[arg(long, value_name = "ALG", default_value = "ES256")]
        alg: SigningAlg,
    },
    /// Lists the resources.
    #[command(after_help = "Example: mingji resource list")]
    List,
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    match command {
        Command::Put { uri, name, scopes, alg } => {
            let ctx = Ctx::task(&app, "resource put");
            let scopes = scopes.iter().cloned().collect();
            let resource =
                Resource { uri: uri.clone(), name: name.clone(), scopes, created_at: ctx.now, token_alg: *alg };
            app.register_resource(&ctx, &resource).await?;
            output.say(&document(&resource), |_| resource.uri.clone())
        }
        Command::List => {
            let resources = app.list_resources().await?;
            let documents: Vec<Value> = resources.iter().map(document).collect();
            output.say(&documents, |_| resources.iter().map(line).collect())
        }
    }
}

fn document(resource: &Resource) -> Value {
    json!({ "resource": resource.uri, "name": resource.name, "scopes": resource.scopes, "alg": resource.token_alg })
}

fn line(resource: &Resource) -> String {
    let scopes: Vec<&str> = resource.scopes.iter().map(String::as_str).collect();
    format!("{}  {}  {}  {}\n", resource.uri, resource.name, resource.token_alg, scopes.join(" "))
}
