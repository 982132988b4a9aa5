//! `mingji platform …`.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::output::Output;
use super::{Failure, runtime};
use crate::app::Ctx;
use crate::domain::access::TaskName;
use crate::domain::id::ClientId;
use crate::domain::registry::division::Division;
use crate::domain::registry::space::SpaceAddress;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Says where the people who call a platform home open their space: `url` of the claim `edu_space`. One address for all
    /// of them; without it the claim leads to the home page of this provider.
    #[command(after_help = "Example: mingji platform space 360781 https://space.example.edu.cn/mine")]
    Space {
        /// Division code of the platform (GB/T 2260), as in the claim `edu_home`.
        division: String,
        /// The address.
        url: String,
    },
    /// Lets a platform read the changes of everybody who studies or works at an institution and under it. It begins anew
    /// with a snapshot.
    #[command(after_help = "Example: mingji platform serve CLIENT_ID --org ED36078100")]
    Serve(Reach),
    /// Ends that.
    #[command(after_help = "Example: mingji platform unserve CLIENT_ID --org ED36078100")]
    Unserve(Reach),
}

/// Which platform, and where.
#[derive(clap::Args)]
pub struct Reach {
    /// The platform's client_id.
    #[arg(value_name = "CLIENT_ID")]
    client: ClientId,
    /// Code of the institution.
    #[arg(long, value_name = "CODE")]
    org: String,
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let (division, url) = match command {
        Command::Space { division, url } => (division, url),
        Command::Serve(reach) => return set_reach(config, reach, true, output).await,
        Command::Unserve(reach) => return set_reach(config, reach, false, output).await,
    };
    let code = Division::parse(division).map_err(|fault| Failure::new(fault.to_string()))?;
    let address = SpaceAddress::parse(url).map_err(|fault| Failure::new(fault.to_string()))?;
    let app = runtime::standing(config).await?;
    let ctx = Ctx::task(&app, "platform space");
    let id = app.set_space_address(&ctx, TaskName::OperatorCommand, &code, &address).await?;
    output.say(&json!({ "platform_id": id, "space_url": address.as_str() }), |_| {
        format!("spaces of {} open at {}", code.as_str(), address.as_str())
    })
}

async fn set_reach(config: Option<&Path>, reach: &Reach, serves: bool, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    let ctx = Ctx::task(&app, "platform reach");
    let changed = app.set_reach(&ctx, reach.client, &reach.org, serves).await?;
    output.say(&json!({ "client_id": reach.client, "changed": changed }), |_| {
        let how = if serves { "serves" } else { "does not serve" };
        format!("{} {how} {}", reach.client, reach.org)
    })
}
