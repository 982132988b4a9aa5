//! `mingji registry …`.

use std::path::Path;

use clap::Subcommand;

use super::output::Output;
use super::{Failure, runtime};

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Counts institutions, persons, students, staff, guardians, accounts and open cases.
    #[command(after_help = "Example: mingji registry count --org ED36042100")]
    Count {
        /// Code of an institution: it and everything under it. The whole register when left out.
        #[arg(long, value_name = "CODE")]
        org: Option<String>,
    },
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let Command::Count { org } = command;
    let app = runtime::standing(config).await?;
    let counts = app.count_registry(org.as_deref()).await?;
    output.say(&counts, |counts| {
        let value = serde_json::to_value(counts).unwrap_or_default();
        value.as_object().into_iter().flatten().map(|(name, n)| format!("{name:<18} {n}\n")).collect()
    })
}
