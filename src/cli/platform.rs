//! `mingji platform …`.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::output::Output;
use super::{Failure, runtime};
use crate::app::Ctx;
use crate::domain::access::TaskName;
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
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let Command::Space { division, url } = command;
    let code = Division::parse(division).map_err(|fault| Failure::new(fault.to_string()))?;
    let address = SpaceAddress::parse(url).map_err(|fault| Failure::new(fault.to_string()))?;
    let app = runtime::standing(config).await?;
    let ctx = Ctx::task(&app, "platform space");
    let id = app.set_space_address(&ctx, TaskName::OperatorCommand, &code, &address).await?;
    output.say(&json!({ "platform_id": id, "space_url": address.as_str() }), |_| {
        format!("spaces of {} open at {}", code.as_str(), address.as_str())
    })
}
