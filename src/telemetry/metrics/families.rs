//! Every metric there is: name, kind, labels with the values they can have, meaning. The operator's reference
//! (`deploy/metrics.md`) is printed from this table, and what is exported is made from it.

use prometheus::Registry;

use super::kinds::{Counter, Gauge, Histogram};

/// A label and the values it can have.
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Every value; empty where the program's own texts are too many to list (route patterns, error codes, versions).
    pub values: &'static [&'static str],
}

/// One metric.
pub struct Family {
    /// The name that is exported.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its labels, in order.
    pub labels: &'static [Label],
    /// Upper bounds in seconds, where it is a histogram.
    pub buckets: &'static [f64],
    /// What it means, with its unit.
    pub meaning: &'static str,
}

const OPEN: &[&str] = &[];
const ANSWER: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
const LAG: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];
const WAIT: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

macro_rules! families {
    ($($field:ident: $kind:ident $name:literal { $($label:ident: $values:expr),* } $(in $buckets:ident)? = $meaning:literal;)+) => {
        /// All of them, ready to be told.
        pub(super) struct Families {
            $(#[doc = $meaning] pub(super) $field: $kind,)+
        }

        impl Families {
            pub(super) fn declare(registry: &Registry) -> Self {
                Self { $($field: $kind::declare(registry, &families!(@one $kind $name { $($label: $values),* } $(in $buckets)? = $meaning)),)+ }
            }
        }

        /// All of them, in the order of the reference.
        pub static ALL: &[Family] = &[$(families!(@one $kind $name { $($label: $values),* } $(in $buckets)? = $meaning)),+];
    };
    (@one $kind:ident $name:literal { $($label:ident: $values:expr),* } $(in $buckets:ident)? = $meaning:literal) => {
        Family {
            name: $name,
            kind: $kind::KIND,
            labels: &[$(Label { name: stringify!($label), values: $values }),*],
            buckets: families!(@buckets $($buckets)?),
            meaning: $meaning,
        }
    };
    (@buckets) => { &[] };
    (@buckets $buckets:ident) => { $buckets };
}

families! {
    build: Gauge "mingji_build_info" { version: OPEN, engine: &["sqlite", "postgres"] } =
        "always 1; which version runs here, on which database";
    http_requests: Counter "mingji_http_requests_total" {
        route: OPEN, method: &["GET", "POST", "HEAD", "OPTIONS", "other"], status: &["1xx", "2xx", "3xx", "4xx", "5xx"]
    } = "requests answered, by the route's pattern (`none`: no such page), never by the URL";
    http_duration: Histogram "mingji_http_request_duration_seconds" { route: OPEN } in ANSWER =
        "from the request's head to the answer's";
    http_in_flight: Gauge "mingji_http_requests_in_flight" {} =
        "requests being answered now";
    refusals: Counter "mingji_protocol_refusals_total" { endpoint: OPEN, error: OPEN } =
        "protocol errors by the code of the specification; those that travel in a redirect count under `/authorize`";
    sign_ins: Counter "mingji_sign_ins_total" {
        outcome: &["signed_in", "refused", "too_many", "busy", "started_over", "expired", "failed"]
    } = "sign-in forms: let in; login or password wrong; throttled; password pool full; posted twice; too late or foreign; our own fault";
    sign_in_delays: Counter "mingji_sign_in_delays_total" {} =
        "sign-in forms that were made to wait, because many different logins fail in their network";
    passwords_busy: Gauge "mingji_password_pool_busy" {} =
        "password hashes being computed now";
    passwords_waiting: Gauge "mingji_password_pool_waiting" {} =
        "callers in line for a password hash";
    passwords_size: Gauge "mingji_password_pool_size" {} =
        "password hashes that can be computed at a time";
    tokens: Counter "mingji_tokens_issued_total" { grant_type: &["authorization_code", "refresh_token", "client_credentials", "implicit", "device_code", "ciba", "token-exchange"] } =
        "answers of the token endpoint that held tokens; `implicit`: of the authorization endpoint, through the browser";
    codes: Counter "mingji_code_redemptions_total" { outcome: &["redeemed", "replayed", "unknown"] } =
        "authorization codes presented; a replayed one ends what it gave";
    refreshes: Counter "mingji_refreshes_total" { outcome: &["kept", "rotated", "repeated", "replayed", "ended"] } =
        "refresh tokens presented: same token again; successor given; the same successor again after a lost answer; replayed, which ends the family; ended before";
    numbered: Histogram "mingji_sequencer_lag_seconds" {} in LAG =
        "from the writing of an audit entry or event to its number in the chain or feed (R4: under 1 s)";
    pending: Gauge "mingji_pending_rows" {} =
        "audit entries and events that wait for their number";
    pending_age: Gauge "mingji_pending_oldest_age_seconds" {} =
        "how long the oldest of them has waited; 0 when there is none";
    deliveries: Counter "mingji_logout_deliveries_total" { outcome: &["delivered", "retried", "given_up"] } =
        "back-channel logout tokens sent: arrived; to be tried again; given up";
    deliveries_waiting: Gauge "mingji_logout_deliveries_waiting" {} =
        "back-channel logout tokens that have not arrived yet";
    delivery_age: Gauge "mingji_logout_delivery_oldest_age_seconds" {} =
        "how long the oldest of them has waited; 0 when there is none";
    dependency: Gauge "mingji_dependency_up" { dependency: &["database", "ephemeral", "keys"] } =
        "1 when it answered this scrape, as at `/readyz`; where the database did not, what is read there is not shown";
    read_wait: Gauge "mingji_database_read_wait_seconds" {} =
        "how long this scrape waited for a connection to read on";
    write_wait: Histogram "mingji_database_write_wait_seconds" {} in WAIT =
        "how long changes waited for their write transaction: on SQLite for the one writer, on PostgreSQL for a connection";
    connections: Gauge "mingji_database_connections" { pool: &["read", "write", "shared", "together"], state: &["busy", "idle"] } =
        "connections to the database that are open, at work or free; SQLite has one writer and a pool of readers, PostgreSQL one pool for both";
    most_connections: Gauge "mingji_database_connections_max" { pool: &["read", "write", "shared", "together"] } =
        "connections that may be open; whoever finds all of them busy waits";
    ephemeral: Counter "mingji_ephemeral_failures_total" { kind: &["timeout", "server", "full", "foreign"] } =
        "failed calls of the ephemeral store: no answer in time; refused or cut off; no room; bytes of somebody else";
    documents: Counter "mingji_client_documents_total" {
        outcome: &["good", "away", "status", "closed", "too_long", "not_json", "client_id", "secret", "member", "redirect_uris", "metadata", "sector"]
    } = "documents of clients that were fetched: good; its server cannot be had; another status; an address that is closed here; over 5 KiB; no JSON; says another client_id; holds a secret; a member of another kind; answers to another origin; refused as a registration; another sector";
    // The label is not `job`: Prometheus writes that one itself, and would rename ours.
    jobs: Counter "mingji_job_runs_total" {
        task: &["keys", "sequencer", "deliveries", "pings", "verifications", "errands", "faults", "majority", "doubles", "erasures", "sign_ons", "retention", "rights", "upkeep", "anchor"], outcome: &["done", "failed"]
    } = "runs of what works in the background";
    job_success: Gauge "mingji_job_last_success_timestamp_seconds" {
        task: &["keys", "sequencer", "deliveries", "pings", "verifications", "errands", "faults", "majority", "doubles", "erasures", "sign_ons", "retention", "rights", "upkeep", "anchor"]
    } = "when it last went well, in seconds since 1970; before that, since when it runs";
    key_activated: Gauge "mingji_signing_key_activated_timestamp_seconds" { alg: &["ES256", "EdDSA", "RS256", "PS256"] } =
        "since when the active key of this algorithm signs, in seconds since 1970";
    key_backup: Gauge "mingji_key_backup_made" {} =
        "1 when `mingji keys backup` was run for this database";
    database_backup: Gauge "mingji_database_backup_timestamp_seconds" {} =
        "when `mingji backup` was last made, in seconds since 1970; 0: never, and on PostgreSQL, which has tools of its own";
    anchored: Gauge "mingji_audit_anchor_timestamp_seconds" {} =
        "when the audit log was last anchored outside the database, in seconds since 1970; 0: never";
    anchor_contradicted: Gauge "mingji_audit_anchor_contradicted" {} =
        "1 when the audit log is not the one that was anchored: somebody changed it, or an older database is in its place";
    certificate_end: Gauge "mingji_tls_certificate_not_after_timestamp_seconds" {} =
        "when the certificate in `MINGJI_TLS_CERT` ends, in seconds since 1970; 0 where TLS ends elsewhere";
    resident: Gauge "process_resident_memory_bytes" {} =
        "memory in use";
    open_files: Gauge "process_open_fds" {} =
        "open file descriptors";
    most_files: Gauge "process_max_fds" {} =
        "file descriptors that may be open";
    threads: Gauge "process_threads" {} =
        "threads of the operating system";
    cpu: Counter "process_cpu_seconds_total" {} =
        "processor time used";
    started: Gauge "process_start_time_seconds" {} =
        "when the process started, in seconds since 1970";
}
