//! Use cases: authorise, decide, one transaction, audit, event. One file for each noun or endpoint.
//! Everything that comes from outside arrives as a [`Ctx`] and plain values; everything that changes SQL
//! goes through a [`work::Work`], which writes the audit entry and cannot be committed without it.

mod access;
pub mod account;
pub mod account_life;
mod account_lock;
pub mod activation;
pub mod admin;
pub mod admin_duties;
pub mod admin_lapse;
pub mod admin_why;
pub mod administrator;
pub mod approval;
pub mod audit_file;
pub mod audit_view;
pub mod authorization_type;
pub mod authorize;
pub mod backup;
pub mod books;
pub mod browser_state;
pub mod cases;
pub mod ciba;
pub mod claims;
pub mod class;
pub mod client_auth;
pub mod client_change;
pub mod client_credentials;
pub mod client_document;
pub mod client_faults;
mod client_keys;
pub mod client_secret;
pub mod clients;
pub mod confirming;
pub mod consent;
pub mod consent_list;
pub mod consent_record;
pub mod console;
pub mod console_change;
pub mod console_trial;
pub mod ctx;
mod cursor;
pub mod device;
pub mod disclosure;
pub mod elsewhere;
pub mod enrolment;
pub mod erasure_request;
pub mod errand;
pub mod error;
mod exchange;
pub mod feed;
mod feed_day;
mod feed_reach;
mod feed_streams;
pub mod guardian_life;
pub mod guardian_view;
pub mod guardianship;
pub mod health;
mod home;
pub mod idempotency;
pub mod institution;
pub mod institution_life;
pub mod institution_view;
mod interaction;
pub mod introspection;
mod jarm;
pub mod keeper;
mod kept_away;
mod keyring;
pub mod launch;
pub mod lesson_view;
pub mod login;
pub mod logout;
mod lookup;
pub mod merge;
mod metrics;
pub mod note;
pub mod org_ref;
pub mod own_clock;
pub mod own_password;
pub mod own_record;
pub mod pace;
pub mod paper_twins;
mod par;
mod per_client;
pub mod person;
mod person_alive;
pub mod person_change;
pub mod person_death;
mod person_digest;
pub mod person_erasure;
pub mod person_export;
pub mod person_paper;
pub mod person_search;
pub mod possession;
mod recent;
pub mod record;
pub mod record_file;
mod refusal;
pub mod registration;
pub mod relation_claim;
mod remembered;
pub mod report;
mod request_object;
mod request_uri;
pub mod resource;
pub mod response;
mod retention;
pub mod revocation;
mod room;
pub mod roster_import;
pub mod roster_view;
pub mod row_digest;
pub mod school_year;
pub mod secrets;
pub mod session;
pub mod session_list;
mod shown;
pub mod signing;
pub mod slips;
pub mod staff_life;
pub mod staffing;
pub mod student_life;
pub mod token;
pub mod userinfo;
pub mod verification;
pub mod walk;
pub mod ward;
pub mod work;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::Notify;

use crate::domain::auth::lifetimes::Lifetimes;
use crate::domain::id::{GrantId, PersonId};
use crate::domain::issuer::Issuer;
use crate::domain::oidc::client_document::DocumentHosts;
use crate::domain::oidc::grant::Grant;
use crate::domain::oidc::initial_token::Opening;
use crate::domain::oidc::resource::Resource;
use crate::domain::random::Random;
use crate::domain::registry::admin_rule::Protection;
use crate::domain::time::{Clock, Timestamp};
use crate::keys::audit::CheckpointSigner;
use crate::keys::blind_index::BlindIndex;
use crate::keys::browser_state::BrowserStates;
use crate::keys::opaque::RefreshTokens;
use crate::keys::password::PasswordPool;
use crate::keys::root::RootSecrets;
use crate::keys::seal::Sealer;
use crate::outbound::client::GuardedClient;
use crate::store::db::{Db, Lane};
use crate::store::ephemeral::Ephemeral;
use crate::store::{grants, sessions};
use crate::telemetry::metrics::Metrics;

pub use ctx::Ctx;
pub use error::{Error, Kind};

/// So much of each kind that was read a moment ago is kept.
const RECENT: usize = 1_024;

/// What the use cases stand on, opened and checked.
pub struct Parts {
    /// The database, migrated.
    pub db: Db,
    /// Codes, throttles and the like.
    pub ephemeral: Ephemeral,
    /// The only clock.
    pub clock: Arc<dyn Clock>,
    /// The only generator.
    pub random: Arc<dyn Random>,
    /// Root secrets that match the database.
    pub secrets: RootSecrets,
    /// Who we are.
    pub issuer: Issuer,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// Whether strangers may register clients.
    pub registration: Opening,
    /// Hosts at which clients keep their registration themselves.
    pub client_documents: DocumentHosts,
    /// What the installation was filed as (等级保护).
    pub protection: Protection,
    /// Whether proofs of possession need a nonce of ours (RFC 9449, 8).
    pub dpop_nonce: bool,
    /// Connections with certificates of clients, where there are any.
    pub mtls: Option<possession::Mtls>,
    /// Calls we make.
    pub outbound: GuardedClient,
    /// Services that verify who somebody is.
    pub verifiers: Vec<verification::VerificationService>,
    /// Password hashes at a time, and how many may wait.
    pub password_workers: (usize, usize),
}

/// The provider's use cases. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// Shared by all clones.
pub struct Inner {
    pub(crate) db: Db,
    /// Sign-ons that share a commit.
    pub(crate) sign_ons: Lane,
    pub(crate) asked_sessions: sessions::Asked,
    pub(crate) asked_grants: grants::Asked,
    pub(crate) ephemeral: Ephemeral,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) even: own_clock::Even,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) issuer: Issuer,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) registration: Opening,
    pub(crate) protection: Protection,
    pub(crate) asks_for_nonce: bool,
    pub(crate) mtls: Option<possession::Mtls>,
    pub(crate) outbound: GuardedClient,
    pub(crate) verifiers: verification::Services,
    pub(crate) sealer: Sealer,
    pub(crate) index: BlindIndex,
    pub(crate) refresh_tokens: RefreshTokens,
    pub(crate) browser_states: BrowserStates,
    pub(crate) checkpoints: CheckpointSigner,
    pub(crate) passwords: PasswordPool,
    pub(crate) keyring: keyring::Cached,
    pub(crate) clients: clients::Cached,
    pub(crate) authorization_types: authorization_type::Cached,
    pub(crate) client_keys: client_keys::Cached,
    pub(crate) documents: client_document::Documents,
    pub(crate) used_clients: registration::Used,
    pub(crate) machine_tokens: client_credentials::Told,
    pub(crate) changes: recent::Changes,
    pub(crate) standings: recent::Recent<PersonId, Arc<claims::Standing>>,
    pub(crate) resources: recent::Recent<String, Arc<Resource>>,
    pub(crate) introspected: introspection::Told,
    /// Grants that were made here a moment ago.
    pub(crate) live_grants: recent::Recent<GrantId, Arc<Grant>>,
    /// Failed requests that wait to be written.
    pub(crate) faults: client_faults::Waiting,
    /// Calls to a client's own addresses.
    pub(crate) request_calls: per_client::PerClient,
    /// Readers of a stream that wait for something to happen.
    pub(crate) feed_waits: per_client::PerClient,
    pub(crate) metrics: Metrics,
    /// One scrape at a time: the listener has no authentication, and each asks the database.
    pub(crate) scraping: tokio::sync::Mutex<()>,
    /// One lane takes a delivery at a time.
    pub(crate) taking: tokio::sync::Mutex<()>,
    /// The same for notices to clients whose question was answered.
    pub(crate) taking_pings: tokio::sync::Mutex<()>,
    /// Something was committed that a job waits for.
    pub(crate) wake: Wake,
    /// A stop was asked for, and is announced.
    pub(crate) leaving: AtomicBool,
}

/// Bells for the jobs, so that what waits does not wait for their clock.
#[derive(Default)]
pub(crate) struct Wake {
    pub(crate) sequencer: Notify,
    pub(crate) deliveries: Notify,
    pub(crate) pings: Notify,
    pub(crate) errands: Notify,
}

impl std::ops::Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Puts the parts together. The secrets were checked against the database before
    /// ([`secrets::settle`]).
    pub fn new(parts: Parts) -> Self {
        let secrets = &parts.secrets;
        let (workers, waiting) = parts.password_workers;
        Self(Arc::new(Inner {
            sealer: Sealer::new(secrets),
            index: BlindIndex::new(secrets),
            refresh_tokens: RefreshTokens::new(secrets),
            browser_states: BrowserStates::new(secrets),
            checkpoints: CheckpointSigner::new(secrets),
            passwords: PasswordPool::new(workers, waiting),
            keyring: keyring::Cached::default(),
            clients: clients::Cached::default(),
            authorization_types: authorization_type::Cached::default(),
            client_keys: client_keys::Cached::default(),
            documents: client_document::Documents::new(parts.client_documents),
            used_clients: registration::Used::default(),
            machine_tokens: client_credentials::Told::default(),
            changes: recent::Changes::default(),
            standings: recent::Recent::new(RECENT),
            resources: recent::Recent::new(RECENT),
            introspected: recent::Recent::new(RECENT),
            live_grants: recent::Recent::new(RECENT),
            faults: client_faults::Waiting::default(),
            request_calls: per_client::PerClient::default(),
            feed_waits: per_client::PerClient::default(),
            metrics: Metrics::new(metrics::engine(parts.db.engine()), parts.clock.now()),
            scraping: tokio::sync::Mutex::default(),
            taking: tokio::sync::Mutex::default(),
            taking_pings: tokio::sync::Mutex::default(),
            wake: Wake::default(),
            sign_ons: Lane::new(parts.db.clone()),
            asked_sessions: sessions::Asked::of(&parts.db),
            asked_grants: grants::Asked::of(&parts.db),
            leaving: AtomicBool::default(),
            db: parts.db,
            ephemeral: parts.ephemeral,
            even: own_clock::Even::since(parts.clock.now()),
            clock: parts.clock,
            random: parts.random,
            issuer: parts.issuer,
            lifetimes: parts.lifetimes,
            registration: parts.registration,
            protection: parts.protection,
            asks_for_nonce: parts.dpop_nonce,
            mtls: parts.mtls,
            outbound: parts.outbound,
            verifiers: verification::Services::new(parts.verifiers),
        }))
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Who we are.
    pub fn issuer(&self) -> &Issuer {
        &self.0.issuer
    }

    /// Where those who see something tell it.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }
}
