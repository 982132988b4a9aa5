//! `mingji audit …` (ruling R4).

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::output::Output;
use super::{Failure, runtime};
use crate::app::books::read_anchors;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Verifies the hash chain; exit 1 when it does not hold.
    #[command(after_help = "Example: mingji audit verify --anchors data/mingji.audit-anchors.jsonl")]
    Verify {
        /// Checkpoints kept outside the database.
        #[arg(long, value_name = "FILE")]
        anchors: Option<PathBuf>,
    },
    /// Signs where the chain stands and appends it to a file outside the database.
    #[command(after_help = "Example: mingji audit anchor /mnt/worm/anchors.jsonl")]
    Anchor {
        /// The file.
        file: PathBuf,
    },
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    match command {
        Command::Verify { anchors } => {
            let anchors = match anchors {
                Some(file) => read_anchors(
                    &std::fs::read_to_string(file).map_err(|e| Failure::new(format!("{}: {e}", file.display())))?,
                )?,
                None => Vec::new(),
            };
            // What was committed before a stop may still wait for its number.
            while app.number_pending().await? > 0 {}
            let verdict = app.verify_audit(&anchors).await?;
            output.say(&verdict, |v| {
                format!(
                    "{} entries; anchor: {}; {}",
                    v.entries,
                    v.anchor,
                    if v.holds { "the chain holds".into() } else { v.faults.join("; ") }
                )
            })?;
            if verdict.holds { Ok(()) } else { Err(Failure::new("the audit chain does not hold")) }
        }
        Command::Anchor { file } => {
            app.anchor(file).await?;
            output.say(&json!({ "file": file }), |_| format!("anchored in {}", file.display()))
        }
    }
}
