//! What the settings say before anything is opened: what would not start, and what starts and stands open.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::State;
use crate::cli::certificate::Shown;
use crate::config::{Settings, TlsFiles};
use crate::domain::time::Clock as _;
use crate::http::server;
use crate::telemetry::{self, SystemClock};

/// Time enough to find out why nobody renewed it.
const ENDS_SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// Whether the service could set up its log.
pub(super) fn log(settings: &Settings) -> (State, String) {
    match telemetry::check(&settings.log) {
        Ok(()) => (State::Ok, settings.log.clone()),
        Err(fault) => (State::Fault, fault.to_string()),
    }
}

pub(super) fn issuer(settings: &Settings) -> (State, String) {
    if settings.issuer.is_secure() {
        (State::Ok, "https".into())
    } else {
        (State::Warning, "http on loopback: good for trying, not for people; set MINGJI_ISSUER to an https URL".into())
    }
}

/// The listener asks nobody who she is.
pub(super) fn metrics(address: SocketAddr) -> (State, String) {
    if address.ip().is_loopback() {
        (State::Ok, format!("at http://{address}/metrics, for this machine"))
    } else {
        (
            State::Warning,
            format!(
                "whoever reaches {address} reads the metrics, without password or TLS: set MINGJI_METRICS_LISTEN to 127.0.0.1 or to an address that only Prometheus reaches"
            ),
        )
    }
}

/// Each file by itself first: what the library says of the pair names neither.
pub(super) async fn tls(settings: &Settings, TlsFiles { cert, key }: &TlsFiles) -> (State, String) {
    for (setting, file) in [("MINGJI_TLS_CERT", cert), ("MINGJI_TLS_KEY", key)] {
        if let Err(fault) = std::fs::read(file) {
            let file = file.display();
            return (
                State::Fault,
                format!("{file}: {fault}: let {setting} name a PEM file that the user of the service can read"),
            );
        }
    }
    match server::check_certificate(cert, key).await {
        Ok(()) => shown(settings, cert),
        Err(fault) => (
            State::Fault,
            format!(
                "{fault}: {} must hold the chain and {} the private key that belongs to it, both as PEM",
                cert.display(),
                key.display()
            ),
        ),
    }
}

/// What whoever calls looks at: that it has not ended, and is for the host that she calls.
fn shown(settings: &Settings, cert: &Path) -> (State, String) {
    let (file, now) = (cert.display(), SystemClock.now());
    let Some(shown) = Shown::read(cert) else {
        return (State::Fault, format!("{file} holds no certificate that can be read"));
    };
    let Some(ends) = shown.ends() else {
        return (State::Warning, format!("{file} loads, and when it ends cannot be read"));
    };
    let at = ends.to_rfc3339();
    if ends <= now {
        return (State::Fault, format!("{file} ended at {at}, and no browser goes on: put a new one in its place"));
    }
    let mtls = settings.mtls_origin.as_deref().and_then(|origin| url::Url::parse(origin).ok());
    let hosts = [Some(settings.issuer.url()), mtls.as_ref()].into_iter().flatten().filter_map(url::Url::host_str);
    if let Some(host) = hosts.into_iter().find(|host| !shown.is_for(host)) {
        let say = format!("{file} is not for {host}: whoever calls that is warned off");
        // A proxy that is believed ends the TLS of people, and may speak to us under any name.
        let state = if settings.trusted_proxies.is_empty() { State::Fault } else { State::Warning };
        return (state, format!("{say}; get one that names it"));
    }
    if ends < now.plus(ENDS_SOON) {
        return (State::Warning, format!("{file} ends at {at}: renew it, and see why that did not happen by itself"));
    }
    (State::Ok, format!("{file} and its key load; good until {at}"))
}

/// Whose word counts about where somebody comes from; nothing to say where nobody asks.
pub(super) fn proxies(settings: &Settings) -> Option<(State, String)> {
    if settings.believes_anybody() {
        return Some((
            State::Warning,
            "MINGJI_TRUSTED_PROXIES believes anybody: whoever reaches the listener chooses the address that budgets and the audit log see; name the addresses of the proxies alone".into(),
        ));
    }
    // https, and not ended here: somebody stands in front.
    if settings.issuer.is_secure() && settings.tls.is_none() && settings.trusted_proxies.is_empty() {
        return Some((
            State::Warning,
            "a proxy ends the TLS and is not believed: all people seem to come from its address, share the budgets of one network, and the audit log does not know where they were; name it in MINGJI_TRUSTED_PROXIES".into(),
        ));
    }
    (!settings.trusted_proxies.is_empty()).then(|| {
        let named: Vec<String> = settings.trusted_proxies.iter().map(ToString::to_string).collect();
        (State::Ok, format!("believed: {}", named.join(", ")))
    })
}

/// What a cluster needs besides its addresses.
pub(super) fn stores(settings: &Settings) -> Vec<(State, String)> {
    let mut said = Vec::new();
    if !settings.database.is_sqlite() && settings.ephemeral.is_memory() {
        said.push((
            State::Warning,
            "PostgreSQL beside memory: is good for one replica: two would not know each other's codes, proofs and budgets, and a code could be used at each; set MINGJI_EPHEMERAL_URL to redis://".into(),
        ));
    }
    if settings.database.may_be_in_clear() {
        said.push((
            State::Warning,
            format!(
                "{} may be spoken to without TLS, and names and birth dates cross the network in clear: add ?sslmode=verify-full to MINGJI_DATABASE_URL",
                settings.database
            ),
        ));
    }
    if settings.ephemeral.is_in_clear() {
        said.push((
            State::Warning,
            format!(
                "{} is spoken to without TLS: its password crosses the network in clear, and who changes what passes decides which codes and proofs are good; use rediss:// in MINGJI_EPHEMERAL_URL, with ?ca=FILE where the house has an authority of its own",
                settings.ephemeral
            ),
        ));
    }
    said
}
