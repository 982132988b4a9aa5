//! Opens what the use cases stand on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::app::possession::Mtls;
use crate::app::verification::VerificationService;
use crate::app::{App, Parts, secrets};
use crate::config::{self, Preset, Settings, VerifierKeys, VerifierSettings};
use crate::domain::time::Clock as _;
use crate::keys::certificate::Authorities;
use crate::keys::foreign::PublicKeys;
use crate::keys::huge_pages;
use crate::keys::random::SystemRandom;
use crate::keys::root::RootSecrets;
use crate::outbound::address::Allow;
use crate::outbound::client::GuardedClient;
use crate::store::db::{COMMAND, Db, REQUEST};
use crate::store::ephemeral::Ephemeral;
use crate::telemetry::SystemClock;

use super::Failure;
use super::standing::{self, Use};

/// So many callers may wait for a password hash before the next is told to come back.
const PASSWORDS_WAITING: usize = 256;

/// Settings for a command; its log lines go to standard error.
pub fn settings(config: Option<&Path>, presets: &[Preset]) -> Result<Settings, Failure> {
    let settings = config::load(config, presets)?;
    crate::telemetry::init(&settings.log)?;
    for name in &settings.unknown_variables {
        tracing::warn!(name, "this environment variable is no setting of Mingji");
    }
    Ok(settings)
}

/// For a command that begins or fills a register: migrates, matches the root secrets, leaves the ephemeral store alone.
pub async fn command(config: Option<&Path>) -> Result<App, Failure> {
    command_on(&settings(config, &[])?).await
}

/// The same, for a command that has read the settings already.
pub async fn command_on(settings: &Settings) -> Result<App, Failure> {
    let db = open_database(settings, true).await?;
    let secrets = settled(settings, &db).await?;
    app(settings, db, secrets, "memory:").await
}

/// For a command that needs a register which is there: makes and migrates nothing, so that a mistyped folder stays empty.
pub async fn standing(config: Option<&Path>) -> Result<App, Failure> {
    standing_on(&settings(config, &[])?).await
}

/// The same, for a command that has read the settings already.
pub async fn standing_on(settings: &Settings) -> Result<App, Failure> {
    let (db, secrets) = standing::open(settings, Use::Work).await?;
    app(settings, db, secrets, "memory:").await
}

/// For the provider itself.
pub async fn provider(settings: &Settings, migrate: bool) -> Result<App, Failure> {
    // A server stays; a command is over before memory counts.
    huge_pages::only_for_hashes();
    let db = brought_up(open_with(settings, REQUEST).await?, migrate).await?;
    let secrets = settled(settings, &db).await?;
    let app = app(settings, db, secrets, settings.ephemeral.expose()).await?;
    for risk in app.ephemeral.risks(settings.database.is_sqlite()).await {
        tracing::warn!("{risk}");
    }
    Ok(app)
}

async fn open_with(settings: &Settings, patience: Duration) -> Result<Db, Failure> {
    Ok(Db::connect_with(settings.database.expose(), settings.database_connections, patience).await?)
}

async fn brought_up(db: Db, migrate: bool) -> Result<Db, Failure> {
    if migrate {
        db.migrate().await?;
    } else {
        up_to_date(&db).await?;
    }
    Ok(db)
}

/// The database, migrated or found to be.
pub async fn open_database(settings: &Settings, migrate: bool) -> Result<Db, Failure> {
    brought_up(open_with(settings, COMMAND).await?, migrate).await
}

/// Whether the schema is this program's.
pub async fn up_to_date(db: &Db) -> Result<(), Failure> {
    let missing = db.missing_migrations().await?;
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("the database lacks {}: run `mingji migrate`", missing.join(", "))))
    }
}

async fn settled(settings: &Settings, db: &Db) -> Result<RootSecrets, Failure> {
    Ok(secrets::settle(db, &settings.keys_dir, &SystemRandom::new(), SystemClock.now()).await?)
}

/// The use cases over an opened database.
pub async fn app(settings: &Settings, db: Db, secrets: RootSecrets, ephemeral: &str) -> Result<App, Failure> {
    let random = Arc::new(SystemRandom::new());
    let clock = Arc::new(SystemClock);
    let ephemeral = Ephemeral::connect(ephemeral, clock.clone()).await?;
    let extra_ca = match &settings.outbound_ca {
        Some(file) => Some(std::fs::read(file).map_err(|e| {
            Failure::new(format!("{}: {e}: MINGJI_OUTBOUND_CA must name a PEM file that can be read", file.display()))
        })?),
        None => None,
    };
    let allow = settings
        .outbound_allow
        .networks
        .iter()
        .copied()
        .map(Allow::Net)
        .chain(settings.outbound_allow.hosts.iter().cloned().map(Allow::Host))
        .collect();
    let workers = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
    Ok(App::new(Parts {
        db,
        ephemeral,
        clock,
        random,
        secrets,
        issuer: settings.issuer.clone(),
        lifetimes: settings.lifetimes.clone(),
        registration: settings.registration,
        client_documents: settings.client_documents.clone(),
        protection: settings.protection,
        dpop_nonce: settings.dpop_nonce,
        mtls: mtls(settings)?,
        outbound: GuardedClient::new(allow, extra_ca)?,
        verifiers: settings.verifiers.iter().map(verifier).collect::<Result<_, _>>()?,
        password_workers: (workers, PASSWORDS_WAITING),
    }))
}

/// Who is believed about certificates of clients.
fn mtls(settings: &Settings) -> Result<Option<Mtls>, Failure> {
    let Some(origin) = settings.mtls_origin.clone() else { return Ok(None) };
    let authorities = match &settings.mtls_ca {
        Some(file) => {
            let bad = |why: &dyn std::fmt::Display| {
                Failure::new(format!("{}: {why}: MINGJI_MTLS_CA must name a PEM file of certificates", file.display()))
            };
            let pem = std::fs::read(file).map_err(|why| bad(&why))?;
            Some(Authorities::parse(&pem).map_err(|why| bad(&why))?)
        }
        None => None,
    };
    Ok(Some(Mtls { origin, authorities }))
}

/// A service with its keys read.
fn verifier(settings: &VerifierSettings) -> Result<VerificationService, Failure> {
    let name = &settings.name;
    let keys = match &settings.keys {
        VerifierKeys::Inline(keys) => keys.clone(),
        VerifierKeys::File(file) => {
            let text = std::fs::read_to_string(file).map_err(|e| {
                Failure::new(format!("{}: {e}: keys of [verification.{name}] must name a JWK Set", file.display()))
            })?;
            serde_json::from_str(&text).map_err(|_| Failure::new(format!("{}: this is no JSON", file.display())))?
        }
    };
    let keys = PublicKeys::parse(&keys).map_err(|why| Failure::new(format!("keys of [verification.{name}]: {why}")))?;
    let (method, url, patience) = (settings.method, settings.url.clone(), settings.timeout);
    Ok(VerificationService { name: name.clone(), method, url, keys, patience })
}
