//! Migrations: equal numbers and names for both engines, compiled into the binary, never edited once landed.

use std::borrow::Cow;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migrate, Migration, MigrationType, Migrator};

use super::{Db, Inner, StoreError};

struct Pair {
    version: i64,
    name: &'static str,
    lite: &'static str,
    pg: &'static str,
}

macro_rules! pairs {
    ($($version:literal $name:literal;)+) => {
        &[$(Pair {
            version: $version,
            name: $name,
            lite: include_str!(concat!("../../../migrations/sqlite/", $name, ".sql")),
            pg: include_str!(concat!("../../../migrations/postgres/", $name, ".sql")),
        }),+]
    };
}

const MIGRATIONS: &[Pair] = pairs! {
    1 "0001_core";
    2 "0002_relation_claims";
    5 "0005_people";
};

/// What [`Db::migrate`] did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Applied {
    /// Names of the migrations that ran now, in order.
    pub applied: Vec<&'static str>,
    /// How many were there before.
    pub already: usize,
}

impl Db {
    /// Brings the schema up to this program's version. Two that start together wait for each other.
    ///
    /// # Errors
    /// [`StoreError::Migration`] when one fails or the database knows a different text under a landed number.
    pub async fn migrate(&self) -> Result<Applied, StoreError> {
        let before = self.migrated().await?;
        match &self.0 {
            Inner::Lite { write, .. } => migrator(|p| p.lite).run(write).await,
            Inner::Pg(pool) => migrator(|p| p.pg).run(pool).await,
        }
        .map_err(|error| StoreError::Migration(error.to_string()))?;
        let applied = MIGRATIONS.iter().filter(|p| !before.contains(&p.version)).map(|p| p.name).collect();
        Ok(Applied { applied, already: before.len() })
    }

    /// Names of the migrations this database still lacks.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    pub async fn missing_migrations(&self) -> Result<Vec<&'static str>, StoreError> {
        let present = self.migrated().await?;
        Ok(MIGRATIONS.iter().filter(|p| !present.contains(&p.version)).map(|p| p.name).collect())
    }

    async fn migrated(&self) -> Result<Vec<i64>, StoreError> {
        const TABLE: &str = "_sqlx_migrations";
        let list = match &self.0 {
            Inner::Lite { write, .. } => {
                let mut connection = write.acquire().await.map_err(StoreError::from_sqlx)?;
                connection.ensure_migrations_table(TABLE).await.map_err(migration)?;
                connection.list_applied_migrations(TABLE).await
            }
            Inner::Pg(pool) => {
                let mut connection = pool.acquire().await.map_err(StoreError::from_sqlx)?;
                connection.ensure_migrations_table(TABLE).await.map_err(migration)?;
                connection.list_applied_migrations(TABLE).await
            }
        };
        Ok(list.map_err(migration)?.into_iter().map(|applied| applied.version).collect())
    }
}

fn migration(error: sqlx::migrate::MigrateError) -> StoreError {
    StoreError::Migration(error.to_string())
}

fn migrator(text: fn(&Pair) -> &'static str) -> Migrator {
    Migrator::with_migrations(
        MIGRATIONS
            .iter()
            .map(|p| {
                Migration::new(p.version, Cow::Borrowed(p.name), MigrationType::Simple, text(p).into_sql_str(), false)
            })
            .collect(),
    )
}
