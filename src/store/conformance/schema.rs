//! What stands in for compile-time checks: every statement is prepared on both engines, and the two schemas are compared.

use std::collections::{BTreeMap, BTreeSet};

use super::{on_both_engines, support};
use crate::store::db::{Db, FromRow, Row, Statement, StoreError, args};

on_both_engines!(every_statement_prepares, migrations_land_once);

pub(super) const ALL: &[&[Statement]] = &[
    crate::store::account_locks::STATEMENTS,
    crate::store::accounts::STATEMENTS,
    crate::store::activations::STATEMENTS,
    crate::store::admin_grants::STATEMENTS,
    crate::store::api_requests::STATEMENTS,
    crate::store::approvals::STATEMENTS,
    crate::store::audit_places::STATEMENTS,
    crate::store::authorization_types::STATEMENTS,
    crate::store::books::STATEMENTS,
    crate::store::cases::STATEMENTS,
    crate::store::classes::STATEMENTS,
    crate::store::client_faults::STATEMENTS,
    crate::store::clients::STATEMENTS,
    crate::store::consents::STATEMENTS,
    crate::store::contacts::STATEMENTS,
    crate::store::counts::STATEMENTS,
    crate::store::credentials::STATEMENTS,
    crate::store::deaths::STATEMENTS,
    crate::store::deliveries::STATEMENTS,
    crate::store::disclosures::STATEMENTS,
    crate::store::documents::STATEMENTS,
    crate::store::elsewhere::STATEMENTS,
    crate::store::enrolments::STATEMENTS,
    crate::store::erasure_requests::STATEMENTS,
    crate::store::erasures::STATEMENTS,
    crate::store::errands::STATEMENTS,
    crate::store::fact_authors::STATEMENTS,
    crate::store::facts::STATEMENTS,
    crate::store::feeds::STATEMENTS,
    crate::store::grants::STATEMENTS,
    crate::store::guardianships::STATEMENTS,
    crate::store::handovers::STATEMENTS,
    crate::store::identities::STATEMENTS,
    crate::store::institution_changes::STATEMENTS,
    crate::store::institutions::STATEMENTS,
    crate::store::merge_changes::STATEMENTS,
    crate::store::merge_rows::STATEMENTS,
    crate::store::lookups::STATEMENTS,
    crate::store::merge_seals::STATEMENTS,
    crate::store::merges::STATEMENTS,
    crate::store::person_names::STATEMENTS,
    crate::store::persons::STATEMENTS,
    crate::store::platforms::STATEMENTS,
    crate::store::profiles::STATEMENTS,
    crate::store::registrations::STATEMENTS,
    crate::store::relation_claims::STATEMENTS,
    crate::store::resources::STATEMENTS,
    crate::store::revoked_tokens::STATEMENTS,
    crate::store::sign_ons::STATEMENTS,
    crate::store::roster_rows::STATEMENTS,
    crate::store::row_states::STATEMENTS,
    crate::store::school_years::STATEMENTS,
    crate::store::sessions::STATEMENTS,
    crate::store::signing_keys::STATEMENTS,
    crate::store::slips::STATEMENTS,
    crate::store::spaces::STATEMENTS,
    crate::store::staffings::STATEMENTS,
    crate::store::subjects::STATEMENTS,
    crate::store::suspensions::STATEMENTS,
    crate::store::verification_requests::STATEMENTS,
    crate::store::verifications::STATEMENTS,
    crate::store::wards::STATEMENTS,
];

async fn every_statement_prepares(db: &Db) {
    let mut faults = Vec::new();
    for statement in ALL.iter().copied().flatten() {
        let mut tx = db.read().await.unwrap();
        if let Err(fault) = tx.prepare(*statement).await {
            faults.push(format!("{}: {fault}", statement.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Statements that read a whole table on purpose (counts, short lists, upkeep, the sequencer's waiting room), or only
/// what a subquery of theirs found or what they bring along.
const READ_ALL: &[&str] = &[
    "books::PENDING_AUDIT",
    "books::PENDING_EVENTS",
    "books::HEAD",
    "books::INSERT_PENDING_PAIR",
    "books::OLDEST_PENDING",
    "books::COUNT_PENDING",
    "books::COUNT_UNNUMBERED",
    "books::CHECKPOINTS",
    "books::LAST_CHECKPOINT",
    "authorization_types::LIST",
    "clients::LIST",
    "counts::ALL",
    "counts::UNDER",
    "counts::HELD",
    "deliveries::BY_CLIENT",
    "deliveries::WAITING",
    "elsewhere::FORGET",
    "elsewhere::OPEN_OF",
    "erasures::MERGE_REASONS",
    "facts::FINGERPRINTS",
    "api_requests::FORGET",
    "books::FIRST_LINK",
    "books::FIRST_ENTRY",
    "disclosures::OLDEST",
    "feeds::STREAMS",
    "feeds::RESTART",
    "books::COUNT_INVENTED",
    "institution_changes::NEWEST",
    "institution_changes::ANY_RUNNING",
    "institution_changes::STOPPING",
    // Of what it has gathered, which is one identity.
    "grants::STANDS",
    "suspensions::INHERIT",
    "suspensions::SUSPENDED_UNDER",
    // Of what it has gathered, which is one institution.
    "cases::LOOK_ALIKES",
    "feeds::REBUILDING",
    "feeds::BORN",
    "feeds::BEGUN",
    "feeds::REACHED",
    "merges::ALL_INTO",
    "persons::SEARCHED",
    "persons::SURVIVOR",
    "persons::ARRIVE",
    "persons::ARRIVE_AS_BEFORE",
    "registrations::TOKENS",
    "resources::LIST",
    "sessions::FORGET_SIGN_INS",
    // A row for each institution and year; looked at where an errand was killed.
    "school_years::UNDONE_SINCE",
    "signing_keys::LIST",
    "slips::OUTGROWN",
    "subjects::CALLED",
    "verification_requests::OPEN",
];

/// A partial index serves only queries that repeat its condition, which is easily overlooked: the plan tells.
#[tokio::test]
async fn nothing_else_reads_a_whole_table() {
    let (db, _folder) = support::sqlite().await;
    let mut tx = db.read().await.unwrap();
    let mut faults = Vec::new();
    for statement in ALL.iter().copied().flatten() {
        let name = statement.name.trim_start_matches("mingji::store::");
        let plan = tx.plan(*statement).await.unwrap();
        if plan.iter().any(|step| step.starts_with("SCAN ")) != READ_ALL.contains(&name) {
            faults.push(format!("{name}: {}", plan.join("; ")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_file_with_statements_is_forgotten() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let with_statements: BTreeSet<String> = files
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .filter(|path| std::fs::read_to_string(path).unwrap().contains("statements! {"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let listed = ALL
        .iter()
        .filter_map(|list| list.first())
        .filter_map(|statement| statement.name.split("::").nth(2))
        .map(str::to_owned);
    assert_eq!(with_statements, listed.collect(), "a new file belongs into ALL above");
}

async fn migrations_land_once(db: &Db) {
    let again = db.migrate().await.unwrap();
    assert!(again.applied.is_empty() && again.already > 0);
    assert!(db.missing_migrations().await.unwrap().is_empty());
}

const KNOWN_SIZE: Statement = Statement::shared(
    "schema::KNOWN_SIZE",
    "SELECT CAST(reltuples AS BIGINT) AS size FROM pg_class WHERE relname = 'person'",
);

struct Size(i64);

impl FromRow for Size {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("size")?))
    }
}

/// A look at tables that have not grown costs a province minutes of every import.
#[tokio::test]
async fn the_planner_looks_at_what_has_grown() {
    let Some(fresh) = support::postgres().await else { return };
    let known = async || fresh.db.read().await.unwrap().one::<Size>(KNOWN_SIZE, args![]).await.unwrap().0;
    let grow = async |people: std::ops::Range<u128>| {
        let mut tx = fresh.db.write().await.unwrap();
        for n in people {
            support::add_person(&mut tx, n, "王小明").await;
        }
        tx.commit().await.unwrap();
        fresh.db.learn().await.unwrap();
    };
    grow(1..200).await;
    assert_eq!(known().await, 199);
    grow(200..210).await;
    assert_eq!(known().await, 199, "it is hardly larger");
    grow(210..900).await;
    assert_eq!(known().await, 899);
    fresh.remove().await;
}

const LITE_COLUMNS: Statement = Statement::shared(
    "schema::LITE_COLUMNS",
    "SELECT m.name AS place, c.name AS name, CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN 'always' ELSE 'perhaps' END AS kind
     FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name <> '_sqlx_migrations'",
);
const PG_COLUMNS: Statement = Statement::shared(
    "schema::PG_COLUMNS",
    "SELECT CAST(table_name AS TEXT) AS place, CAST(column_name AS TEXT) AS name, CASE WHEN is_nullable = 'NO' THEN 'always' ELSE 'perhaps' END AS kind
     FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'",
);
const LITE_INDEXES: Statement = Statement::shared(
    "schema::LITE_INDEXES",
    "SELECT m.tbl_name AS place, m.name AS name, CASE WHEN m.sql LIKE 'CREATE UNIQUE%' THEN 'unique' ELSE 'plain' END AS kind
     FROM sqlite_master m WHERE m.type = 'index' AND m.sql IS NOT NULL",
);
const PG_INDEXES: Statement = Statement::shared(
    "schema::PG_INDEXES",
    "SELECT CAST(tablename AS TEXT) AS place, CAST(indexname AS TEXT) AS name, CASE WHEN indexdef LIKE 'CREATE UNIQUE%' THEN 'unique' ELSE 'plain' END AS kind
     FROM pg_indexes WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations' AND indexname NOT LIKE '%_pkey'",
);

struct Part(String, String, String);

impl FromRow for Part {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("place")?, row.get("name")?, row.get("kind")?))
    }
}

/// (table, name) → nullability or uniqueness.
async fn parts(db: &Db, statement: Statement) -> BTreeMap<(String, String), String> {
    let rows: Vec<Part> = db.read().await.unwrap().all(statement, args![]).await.unwrap();
    rows.into_iter().map(|Part(place, name, kind)| ((place, name), kind)).collect()
}

#[tokio::test]
async fn the_two_schemas_are_the_same() {
    let Some(fresh) = support::postgres().await else { return };
    let (lite, _folder) = support::sqlite().await;
    for (of_lite, of_pg) in [(LITE_COLUMNS, PG_COLUMNS), (LITE_INDEXES, PG_INDEXES)] {
        let (lite, pg) = (parts(&lite, of_lite).await, parts(&fresh.db, of_pg).await);
        assert!(lite.len() > 30, "{} found nearly nothing", of_lite.name);
        assert_eq!(lite, pg);
    }
    fresh.remove().await;
}
