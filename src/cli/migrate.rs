//! `mingji migrate`.

use std::path::Path;

use super::output::Output;
use super::{Failure, runtime};
use crate::store::db::Db;

/// Applies migrations.
pub async fn run(config: Option<&Path>, output: &Output) -> Result<(), Failure> {
    let settings = runtime::settings(config, &[])?;
    let db = Db::connect(settings.database.expose()).await?;
    let applied = db.migrate().await?;
    db.close().await;
    output.say(&applied, |done| match done.applied.as_slice() {
        [] => format!("nothing to do: all {} migrations are there", done.already),
        some => format!("applied {}", some.join(", ")),
    })
}
