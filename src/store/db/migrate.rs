//! Migrations: equal numbers and names for both engines, compiled into the binary, never edited once landed.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use deadpool::managed::Object;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection as _, SqlSafeStr as _};

use super::wire::{Pool, acquire};
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
    3 "0003_pending_audit";
    4 "0004_home_and_reviews";
    5 "0005_people";
    6 "0006_registrations";
    7 "0007_relations_over_time";
    8 "0008_answered_elsewhere";
    9 "0009_people_again";
    10 "0010_verification";
    11 "0011_institutions_over_time";
    12 "0012_grants_rest_on_posts";
    13 "0013_sender_constraint";
    14 "0014_fact_author";
    15 "0015_pings_apart";
    16 "0016_guardians_and_rights";
    17 "0017_grant_resources";
    18 "0018_approvals_and_disclosures";
    19 "0019_platform_feeds";
    20 "0020_errands";
    21 "0021_authorization_details";
    22 "0022_console";
    23 "0023_contact_index";
    24 "0024_client_documents";
    25 "0025_feed_parted";
    26 "0026_client_keepers";
    27 "0027_found_by_index";
    28 "0028_student_changes";
    29 "0029_audit_places";
    30 "0030_client_suspended_by";
    31 "0031_client_heirs";
    32 "0032_erasure_requests";
    33 "0033_papers_over_time";
    34 "0034_notices_and_looks";
    35 "0035_queue_vacuum";
    36 "0036_client_scope_caps";
    37 "0037_order_of_school_numbers";
    38 "0038_told_as_it_was";
    39 "0039_account_locks";
    40 "0040_stopped_changes";
    41 "0041_locks_of_before";
    42 "0042_what_ends";
    43 "0043_resource_alg";
    44 "0044_state_before_death";
    47 "0047_deliveries_by_client";
    49 "0049_words_go_along";
    50 "0050_words_before_questions";
    51 "0051_settled_deliveries";
    54 "0054_who_confirmed";
    55 "0055_posts_and_classes_over_time";
    56 "0056_who_confirmed_before";
};

/// How long the locks that migrations need are asked for: another replica may be building an index.
const PATIENCE: Duration = Duration::from_secs(600);
/// Whoever waits for a table has everybody behind it wait who only reads: for a second at first, and never for longer than this,
/// which a register that is never still may need.
const HELD_UP: Duration = Duration::from_secs(10);
/// In between they go on.
const PAUSE: Duration = Duration::from_secs(2);

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
            Inner::Pg { pool, .. } => patiently(pool).await,
        }
        .map_err(migration)?;
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
            Inner::Pg { pool, .. } => {
                let mut connection = acquire(pool).await.map_err(StoreError::from_sqlx)?;
                connection.ensure_migrations_table(TABLE).await.map_err(migration)?;
                connection.list_applied_migrations(TABLE).await
            }
        };
        Ok(list.map_err(migration)?.into_iter().map(|applied| applied.version).collect())
    }
}

/// The lock that keeps two from migrating at once is asked for again when it does not come soon, and so are those of the
/// tables: a dump holds all of them as long as it runs, and whoever gave up then would be a start that failed.
async fn patiently(pool: &Pool) -> Result<(), MigrateError> {
    let since = Instant::now();
    let mut held_up = Duration::from_secs(1);
    loop {
        match once(pool, held_up).await {
            Err(MigrateError::Execute(why) | MigrateError::ExecuteMigration(why, _))
                if waits(&why) && since.elapsed() < PATIENCE =>
            {
                tracing::info!("somebody else holds what the migrations need; trying again");
                tokio::time::sleep(PAUSE).await;
                held_up = HELD_UP.min(held_up + Duration::from_millis(250));
            }
            ended => return ended,
        }
    }
}

/// On a connection of its own that ends with it: the lock belongs to the session, and a migration that fails leaves it there.
async fn once(pool: &Pool, held_up: Duration) -> Result<(), MigrateError> {
    let mut connection = Object::take(acquire(pool).await?);
    let limit = format!("SET lock_timeout = {}", held_up.as_millis());
    sqlx::query(AssertSqlSafe(limit)).execute(&mut connection).await?;
    let ended = migrator(|p| p.pg).run(&mut connection).await;
    connection.close().await?;
    ended
}

/// `lock_not_available` and `deadlock_detected` (PostgreSQL, appendix A): replicas of before are at work meanwhile.
fn waits(why: &sqlx::Error) -> bool {
    why.as_database_error().and_then(|fault| fault.code()).is_some_and(|code| code == "55P03" || code == "40P01")
}

fn migration(error: MigrateError) -> StoreError {
    StoreError::Migration(error.to_string())
}

fn migrator(text: fn(&Pair) -> &'static str) -> Migrator {
    let mut migrator = Migrator::with_migrations(
        MIGRATIONS
            .iter()
            .map(|p| {
                Migration::new(p.version, Cow::Borrowed(p.name), MigrationType::Simple, text(p).into_sql_str(), false)
            })
            .collect(),
    );
    // What a newer program added takes away nothing that this one reads: replicas of before go on beside it, start again,
    // and are the way back when the new one misbehaves. Known ones must still be the same to the letter.
    migrator.set_ignore_missing(true);
    migrator
}

#[cfg(test)]
mod tests {
    use sqlx::{Row as _, SqliteConnection};

    use super::*;

    /// The two texts of 0004 are the same, so one engine will do.
    #[tokio::test]
    async fn authorities_of_before_get_a_platform_each_division_one() {
        let mut db = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let authorities = "INSERT INTO institution (id, kind, level, name, name_key, division, status, created_at, updated_at, version) VALUES
            (x'01', 'authority', 'county', '教育局', '教育局', '360781', 'active', 1, 1, 1),
            (x'02', 'authority', 'county', '教育局二', '教育局二', '360781', 'active', 2, 2, 1),
            (x'03', 'authority', 'city', '市局', '市局', '360700', 'active', 3, 3, 1),
            (x'04', 'school', 'school', '学校', '学校', '360702', 'active', 4, 4, 1);
            INSERT INTO platform (id, sys_code, level, name, status, created_at) VALUES (x'05', '360700', 'city', '市平台', 'active', 5)";
        for pair in MIGRATIONS {
            if pair.version == 4 {
                assert_eq!(pair.lite, pair.pg);
                sqlx::raw_sql(authorities).execute(&mut db).await.unwrap();
            }
            sqlx::raw_sql(AssertSqlSafe(pair.lite.to_owned())).execute(&mut db).await.unwrap();
        }
        let rows =
            sqlx::query("SELECT sys_code, name FROM platform ORDER BY sys_code").fetch_all(&mut db).await.unwrap();
        let found: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let pair = |code: &str, name: &str| (code.to_owned(), name.to_owned());
        assert_eq!(found, [pair("360700", "市平台"), pair("360781", "教育局")]);
    }
}
