//! What the settings mean: values that were checked and can be used as they are.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::error::ConfigError;
use super::keys::{self, Key};
use super::raw::Raw;
use super::value::{address, duration, invalid, list, network};
use super::verification::{self, VerifierSettings};
use crate::domain::auth::lifetimes::{LifetimeFault, Lifetimes};
use crate::domain::issuer::Issuer;
use crate::domain::oidc::client_document::DocumentHosts;
use crate::domain::oidc::initial_token::Opening;
use crate::domain::redacted::Redacted;
use crate::domain::registry::admin_rule::Protection;

/// All settings, checked. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who we are.
    pub issuer: Issuer,
    /// Where the main listener stands.
    pub listen: SocketAddr,
    /// Where the rows are.
    pub database: DatabaseUrl,
    /// How many connections to PostgreSQL it opens at most.
    pub database_connections: u32,
    /// Where the short-lived keys are.
    pub ephemeral: EphemeralUrl,
    /// Where the root secrets are.
    pub keys_dir: PathBuf,
    /// Where the metrics listener stands.
    pub metrics_listen: Option<SocketAddr>,
    /// How long a stop is announced before the doors close.
    pub drain: Duration,
    /// Built-in TLS.
    pub tls: Option<TlsFiles>,
    /// Where the listener for client certificates stands.
    pub mtls_listen: Option<SocketAddr>,
    /// The origin of addresses for clients with certificates, where there are any.
    pub mtls_origin: Option<String>,
    /// Who vouches for certificates of clients.
    pub mtls_ca: Option<PathBuf>,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// What outbound calls may reach besides the public internet.
    pub outbound_allow: OutboundAllow,
    /// An extra PEM bundle for outbound calls.
    pub outbound_ca: Option<PathBuf>,
    /// Whether strangers may register clients.
    pub registration: Opening,
    /// Hosts at which clients keep their registration themselves.
    pub client_documents: DocumentHosts,
    /// What the installation was filed as (等级保护).
    pub protection: Protection,
    /// Whether proofs of possession need a nonce of ours.
    pub dpop_nonce: bool,
    /// Services that verify who somebody is.
    pub verifiers: Vec<VerifierSettings>,
    /// The log filter.
    pub log: String,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// Variables that begin with `MINGJI_` and are no settings; whoever starts the service logs a warning.
    pub unknown_variables: Vec<String>,
}

/// The PEM files of the built-in TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// What outbound calls may reach besides the public internet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboundAllow {
    /// By address.
    pub networks: Vec<IpNet>,
    /// By name, lower case.
    pub hosts: Vec<String>,
}

/// The address of the database. `Display` and `Debug` show it without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Redacted<String>);

/// The address of the ephemeral store. `Display` and `Debug` show it without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct EphemeralUrl(Redacted<String>);

impl Settings {
    /// Whether forwarding headers are believed from anywhere.
    pub fn believes_anybody(&self) -> bool {
        self.trusted_proxies.iter().any(is_anybody)
    }
}

impl DatabaseUrl {
    /// The whole address, for the driver.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Whether it is the embedded engine.
    pub fn is_sqlite(&self) -> bool {
        self.0.expose().starts_with("sqlite:")
    }

    /// Whether what is read and written may cross a network in clear: by default the driver goes on without TLS when the
    /// server says that it has none, or somebody on the way says so.
    pub fn may_be_in_clear(&self) -> bool {
        let Some(url) = Url::parse(self.expose()).ok().filter(|_| !self.is_sqlite()) else { return false };
        let asked = |names: &[&str]| {
            let mut pairs = url.query_pairs();
            pairs.find(|(name, _)| names.contains(&name.as_ref())).map(|(_, value)| value.into_owned())
        };
        let insists = asked(&["sslmode", "ssl-mode"])
            .is_some_and(|mode| ["require", "verify-ca", "verify-full"].contains(&mode.as_str()));
        let host = asked(&["host", "hostaddr"]).or_else(|| url.host_str().map(str::to_owned)).unwrap_or_default();
        !insists && !is_here(&host)
    }
}

/// Whether nothing leaves the machine on the way to this host.
fn is_here(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.starts_with('/') || host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

impl EphemeralUrl {
    /// Whether what is read and written crosses a network in clear, its password too.
    pub fn is_in_clear(&self) -> bool {
        Url::parse(self.expose()).is_ok_and(|url| {
            ["redis", "redis+cluster"].contains(&url.scheme()) && !is_here(url.host_str().unwrap_or_default())
        })
    }

    /// The whole address, for the driver.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Whether it lives in this process, and is lost with it (R3).
    pub fn is_memory(&self) -> bool {
        self.0.expose() == MEMORY
    }
}

const MEMORY: &str = "memory:";

/// An address without user, password and query (drivers accept passwords there as well).
fn shown(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else { return String::from("[address]") };
    if url.cannot_be_a_base() || url.scheme() == "sqlite" {
        return address.split('?').next().unwrap_or_default().to_owned();
    }
    url.set_query(None);
    // Both only fail where an address has no host, and then there is nothing to hide.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.into()
}

macro_rules! shown_without_secrets {
    ($($name:ident),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&shown(self.0.expose()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    )+};
}

shown_without_secrets!(DatabaseUrl, EphemeralUrl);

/// Gives the texts their meaning.
pub(super) fn resolve(raw: &Raw) -> Result<Settings, ConfigError> {
    let issuer = issuer(raw)?;
    Ok(Settings {
        mtls_origin: mtls_origin(raw, &issuer)?,
        mtls_ca: raw.text(&keys::MTLS_CA).map(PathBuf::from),
        issuer,
        listen: address(raw, &keys::LISTEN)?.ok_or_else(|| invalid(&keys::LISTEN, "is empty", "IP:PORT"))?,
        database: database(raw)?,
        database_connections: database_connections(raw)?,
        ephemeral: ephemeral(raw)?,
        keys_dir: PathBuf::from(raw.text(&keys::KEYS_DIR).unwrap_or(keys::KEYS_DIR.default)),
        metrics_listen: address(raw, &keys::METRICS_LISTEN)?,
        drain: drain(raw)?,
        tls: tls(raw)?,
        mtls_listen: address(raw, &keys::MTLS_LISTEN)?,
        trusted_proxies: trusted_proxies(raw)?,
        outbound_allow: outbound_allow(raw)?,
        outbound_ca: raw.text(&keys::OUTBOUND_CA).map(PathBuf::from),
        registration: registration(raw)?,
        client_documents: client_documents(raw)?,
        protection: protection(raw)?,
        dpop_nonce: dpop_nonce(raw)?,
        verifiers: verification::resolve(&raw.verification)?,
        log: raw.text(&keys::LOG).unwrap_or(keys::LOG.default).to_owned(),
        lifetimes: lifetimes(raw)?,
        unknown_variables: raw.unknown_variables.clone(),
    })
}

fn issuer(raw: &Raw) -> Result<Issuer, ConfigError> {
    const EXPECTED: &str = "an https URL without query, as https://id.example.edu.cn";
    let text = raw.text(&keys::ISSUER).ok_or_else(|| invalid(&keys::ISSUER, "is empty", EXPECTED))?;
    Issuer::parse(text).map_err(|fault| invalid(&keys::ISSUER, format!("cannot be the issuer: {fault}"), EXPECTED))
}

fn database(raw: &Raw) -> Result<DatabaseUrl, ConfigError> {
    const EXPECTED: &str = "sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE";
    let key = &keys::DATABASE_URL;
    let text = raw.text(key).ok_or_else(|| invalid(key, "is empty", EXPECTED))?;
    if text.strip_prefix("sqlite://").is_some_and(|path| path.contains(":memory:")) {
        return Err(invalid(key, "names a database that ends with each connection", EXPECTED));
    }
    let sqlite = text.strip_prefix("sqlite://").is_some_and(|path| !path.is_empty());
    let postgres =
        Url::parse(text).is_ok_and(|url| ["postgres", "postgresql"].contains(&url.scheme()) && url.has_host());
    if !sqlite && !postgres {
        return Err(invalid(key, "is not the address of a database we speak to", EXPECTED));
    }
    Ok(DatabaseUrl(Redacted::new(text.to_owned())))
}

fn database_connections(raw: &Raw) -> Result<u32, ConfigError> {
    let read = raw.text(&keys::DATABASE_CONNECTIONS).and_then(|text| text.parse().ok());
    read.filter(|most| (2..=500).contains(most))
        .ok_or_else(|| invalid(&keys::DATABASE_CONNECTIONS, "is no such number", "2 to 500"))
}

fn drain(raw: &Raw) -> Result<Duration, ConfigError> {
    let drain = duration(raw, &keys::DRAIN)?;
    let short = drain <= Duration::from_secs(120);
    short.then_some(drain).ok_or_else(|| invalid(&keys::DRAIN, "is longer than whoever stops it waits", "0s to 2m"))
}

fn ephemeral(raw: &Raw) -> Result<EphemeralUrl, ConfigError> {
    const EXPECTED: &str = "memory: or redis://:PASSWORD@HOST:PORT/NUMBER";
    const SCHEMES: [&str; 4] = ["redis", "rediss", "redis+cluster", "rediss+cluster"];
    let key = &keys::EPHEMERAL_URL;
    let text = raw.text(key).ok_or_else(|| invalid(key, "is empty", EXPECTED))?;
    let remote = || Url::parse(text).is_ok_and(|url| SCHEMES.contains(&url.scheme()));
    if text != MEMORY && !remote() {
        return Err(invalid(key, "is not the address of an ephemeral store", EXPECTED));
    }
    Ok(EphemeralUrl(Redacted::new(text.to_owned())))
}

fn tls(raw: &Raw) -> Result<Option<TlsFiles>, ConfigError> {
    match (raw.text(&keys::TLS_CERT), raw.text(&keys::TLS_KEY)) {
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert: PathBuf::from(cert), key: PathBuf::from(key) })),
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err(ConfigError::Incomplete { present: keys::TLS_CERT.variable, missing: keys::TLS_KEY.variable })
        }
        (None, Some(_)) => {
            Err(ConfigError::Incomplete { present: keys::TLS_KEY.variable, missing: keys::TLS_CERT.variable })
        }
    }
}

/// RFC 8705, 5. The listener needs a certificate of ours, or a proxy in front that is believed and a name for it.
fn mtls_origin(raw: &Raw, issuer: &Issuer) -> Result<Option<String>, ConfigError> {
    const EXPECTED: &str = "an https origin, as https://mtls.id.example.edu.cn:8443";
    let missing = |present: &Key, missing: &Key| {
        Err(ConfigError::Incomplete { present: present.variable, missing: missing.variable })
    };
    let listen = address(raw, &keys::MTLS_LISTEN)?;
    let has_no_tls = raw.text(&keys::TLS_CERT).is_none();
    match (listen, raw.text(&keys::MTLS_ORIGIN)) {
        (None, None) if raw.text(&keys::MTLS_CA).is_some() => missing(&keys::MTLS_CA, &keys::MTLS_LISTEN),
        (None, None) => Ok(None),
        (None, Some(_)) => missing(&keys::MTLS_ORIGIN, &keys::MTLS_LISTEN),
        (Some(_), None) if has_no_tls => missing(&keys::MTLS_LISTEN, &keys::TLS_CERT),
        (Some(_), Some(_)) if has_no_tls && raw.text(&keys::TRUSTED_PROXIES).is_none() => {
            missing(&keys::MTLS_LISTEN, &keys::TRUSTED_PROXIES)
        }
        (Some(_), Some(_)) if has_no_tls && trusted_proxies(raw)?.iter().any(is_anybody) => Err(invalid(
            &keys::TRUSTED_PROXIES,
            "believes anybody, who would be any client at MINGJI_MTLS_LISTEN by writing a certificate into a header",
            "the addresses of the proxies alone, as 10.0.0.5/32,10.0.0.6/32",
        )),
        (Some(_), Some(text)) => match Issuer::parse(text) {
            Ok(origin) if origin.is_secure() => Ok(Some(origin.as_str().to_owned())),
            _ => Err(invalid(&keys::MTLS_ORIGIN, "is not an https origin", EXPECTED)),
        },
        (Some(listen), None) => {
            let host = issuer.url().host_str().unwrap_or_default();
            Ok(Some(format!("https://{host}:{}", listen.port())))
        }
    }
}

fn trusted_proxies(raw: &Raw) -> Result<Vec<IpNet>, ConfigError> {
    list(raw, &keys::TRUSTED_PROXIES)
        .map(|part| {
            network(part).ok_or_else(|| {
                invalid(&keys::TRUSTED_PROXIES, "holds something that is no network", "networks, as 10.0.0.0/8,::1")
            })
        })
        .collect()
}

/// Wider than any network that somebody could have to herself (RFC 1918: 10.0.0.0/8; RFC 4193: fc00::/7).
fn is_anybody(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < 8,
        IpNet::V6(network) => network.prefix_len() < 7,
    }
}

fn outbound_allow(raw: &Raw) -> Result<OutboundAllow, ConfigError> {
    let mut allow = OutboundAllow::default();
    for part in list(raw, &keys::OUTBOUND_ALLOW) {
        match network(part) {
            Some(network) => allow.networks.push(network),
            None if is_host_name(part) => allow.hosts.push(part.to_ascii_lowercase()),
            None => {
                return Err(invalid(
                    &keys::OUTBOUND_ALLOW,
                    "holds something that is neither a network nor a host name",
                    "networks and names without scheme or port, as 10.1.0.0/16,sms.example.cn",
                ));
            }
        }
    }
    Ok(allow)
}

fn registration(raw: &Raw) -> Result<Opening, ConfigError> {
    const EXPECTED: &str = "token, open or open-without-pkce";
    match raw.text(&keys::REGISTRATION) {
        Some("token") => Ok(Opening::Token),
        Some("open") => Ok(Opening::Open),
        Some("open-without-pkce") => Ok(Opening::OpenWithoutPkce),
        _ => Err(invalid(&keys::REGISTRATION, "is none of the three", EXPECTED)),
    }
}

fn client_documents(raw: &Raw) -> Result<DocumentHosts, ConfigError> {
    const EXPECTED: &str = "off, or names without scheme and path, as apps.example.edu.cn,*.example.cn:8443";
    let host = |part: &str| {
        let read = part.parse();
        read.map_err(|()| invalid(&keys::CLIENT_ID_DOCUMENTS, "holds something that is no host name", EXPECTED))
    };
    let named = list(raw, &keys::CLIENT_ID_DOCUMENTS).filter(|part| *part != "off");
    named.map(host).collect::<Result<_, _>>().map(DocumentHosts::new)
}

fn protection(raw: &Raw) -> Result<Protection, ConfigError> {
    let read = raw.text(&keys::PROTECTION).and_then(|text| text.parse().ok());
    read.ok_or_else(|| invalid(&keys::PROTECTION, "is neither of the two", "2 or 3"))
}

fn dpop_nonce(raw: &Raw) -> Result<bool, ConfigError> {
    match raw.text(&keys::DPOP_NONCE) {
        Some("off") => Ok(false),
        Some("required") => Ok(true),
        _ => Err(invalid(&keys::DPOP_NONCE, "is neither of the two", "off or required")),
    }
}

fn is_host_name(text: &str) -> bool {
    let label = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    // A last label of digits would be a mistyped address (RFC 1123, 2.1).
    text.len() <= 253
        && text.split('.').all(label)
        && text.rsplit('.').next().is_some_and(|last| last.bytes().any(|byte| byte.is_ascii_alphabetic()))
}

fn lifetimes(raw: &Raw) -> Result<Lifetimes, ConfigError> {
    let lifetimes = Lifetimes {
        access_token: duration(raw, &keys::LIFETIME_ACCESS_TOKEN)?,
        id_token: duration(raw, &keys::LIFETIME_ID_TOKEN)?,
        code: duration(raw, &keys::LIFETIME_CODE)?,
        refresh_idle: duration(raw, &keys::LIFETIME_REFRESH_IDLE)?,
        refresh_absolute: duration(raw, &keys::LIFETIME_REFRESH_ABSOLUTE)?,
        session_idle: duration(raw, &keys::LIFETIME_SESSION_IDLE)?,
        session_absolute: duration(raw, &keys::LIFETIME_SESSION_ABSOLUTE)?,
        admin_session_idle: duration(raw, &keys::LIFETIME_ADMIN_SESSION_IDLE)?,
        admin_session_absolute: duration(raw, &keys::LIFETIME_ADMIN_SESSION_ABSOLUTE)?,
        admin_step_up: duration(raw, &keys::LIFETIME_ADMIN_STEP_UP)?,
        interaction: duration(raw, &keys::LIFETIME_INTERACTION)?,
        activation: duration(raw, &keys::LIFETIME_ACTIVATION)?,
        merge_undo: duration(raw, &keys::LIFETIME_MERGE_UNDO)?,
        year_undo: duration(raw, &keys::LIFETIME_YEAR_UNDO)?,
        sign_ons: duration(raw, &keys::LIFETIME_SIGN_ONS)?,
        feed: duration(raw, &keys::LIFETIME_FEED)?,
        audit_log: duration(raw, &keys::LIFETIME_AUDIT_LOG)?,
        disclosures: duration(raw, &keys::LIFETIME_DISCLOSURES)?,
        transfer_term: duration(raw, &keys::LIFETIME_TRANSFER_TERM)?,
    };
    lifetimes.check().map_err(|fault| lifetime_fault(&fault))?;
    Ok(lifetimes)
}

fn lifetime_fault(fault: &LifetimeFault) -> ConfigError {
    let field = match fault {
        LifetimeFault::Zero(name) | LifetimeFault::TooLong { name, .. } | LifetimeFault::TooShort { name, .. } => name,
        LifetimeFault::IdleBeyondAbsolute { idle, .. } => idle,
    };
    let variable = format!("MINGJI_LIFETIME_{}", field.to_ascii_uppercase());
    let key = keys::ALL.iter().copied().find(|key| key.variable == variable).unwrap_or(&keys::LIFETIME_ACCESS_TOKEN);
    invalid(key, format!("does not hold: {fault}"), "another span of time, as 60s, 5m, 8h or 30d")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::raw;

    fn settings(pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let environment: BTreeMap<String, String> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        resolve(&raw::read(None, &[], environment)?)
    }

    fn fault(variable: &str, value: &str) -> String {
        settings(&[(variable, value)]).unwrap_err().to_string()
    }

    #[test]
    fn nothing_said_gives_the_contract() {
        let settings = settings(&[]).unwrap();
        assert_eq!(settings.issuer.as_str(), "http://localhost:8080");
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.database.expose(), "sqlite://data/mingji.db");
        assert!(settings.database.is_sqlite() && settings.ephemeral.is_memory());
        assert_eq!(settings.keys_dir, PathBuf::from("keys"));
        assert_eq!((settings.registration, &settings.lifetimes), (Opening::Token, &Lifetimes::default()));
        assert_eq!((settings.tls, settings.metrics_listen, settings.mtls_listen), (None, None, None));
        assert!(settings.trusted_proxies.is_empty() && settings.outbound_allow == OutboundAllow::default());
        assert_eq!(settings.drain, Duration::from_secs(5));
    }

    #[test]
    fn values_are_read() {
        let settings = settings(&[
            ("MINGJI_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
            ("MINGJI_OUTBOUND_ALLOW", "192.168.1.7 SMS.example.cn"),
            ("MINGJI_LIFETIME_ACCESS_TOKEN", "90"),
            ("MINGJI_TLS_CERT", "a.pem"),
            ("MINGJI_TLS_KEY", "b.pem"),
        ])
        .unwrap();
        assert_eq!(settings.trusted_proxies.len(), 2);
        assert_eq!(settings.outbound_allow.hosts, ["sms.example.cn"]);
        assert_eq!(settings.outbound_allow.networks[0].to_string(), "192.168.1.7/32");
        assert_eq!(settings.lifetimes.access_token, Duration::from_secs(90));
        assert_eq!(settings.tls.unwrap().key, PathBuf::from("b.pem"));
    }

    #[test]
    fn certificates_of_clients_need_a_listener_or_a_proxy() {
        let origin = |pairs: &[(&str, &str)]| settings(pairs).map(|settings| settings.mtls_origin);
        let listen = ("MINGJI_MTLS_LISTEN", "0.0.0.0:8443");
        let tls =
            [("MINGJI_TLS_CERT", "a.pem"), ("MINGJI_TLS_KEY", "b.pem"), ("MINGJI_ISSUER", "https://id.example.cn")];
        let named = ("MINGJI_MTLS_ORIGIN", "https://mtls.example.cn/");
        assert_eq!(origin(&[]).unwrap(), None);
        assert_eq!(origin(&[&tls[..], &[listen]].concat()).unwrap().as_deref(), Some("https://id.example.cn:8443"));
        assert_eq!(origin(&[&tls[..], &[listen, named]].concat()).unwrap().as_deref(), Some("https://mtls.example.cn"));
        let proxy = ("MINGJI_TRUSTED_PROXIES", "10.0.0.0/8");
        assert_eq!(origin(&[listen, named, proxy]).unwrap().as_deref(), Some("https://mtls.example.cn"));
        for (pairs, way_out) in [
            (vec![listen], "MINGJI_TLS_CERT"),
            (vec![named, proxy], "MINGJI_MTLS_LISTEN"),
            (vec![listen, named], "MINGJI_TRUSTED_PROXIES"),
            (vec![listen, named, ("MINGJI_TRUSTED_PROXIES", "10.0.0.5/32,0.0.0.0/0")], "MINGJI_TRUSTED_PROXIES"),
            (vec![listen, named, ("MINGJI_TRUSTED_PROXIES", "::/0")], "MINGJI_TRUSTED_PROXIES"),
            (vec![("MINGJI_MTLS_CA", "ca.pem")], "MINGJI_MTLS_LISTEN"),
            (vec![listen, ("MINGJI_MTLS_ORIGIN", "http://127.0.0.1:8443"), proxy], "https"),
        ] {
            let fault = origin(&pairs).unwrap_err().to_string();
            assert!(fault.contains(way_out), "{fault}");
        }
    }

    #[test]
    fn refusals_name_the_setting_and_the_way_out() {
        assert!(fault("MINGJI_ISSUER", "http://id.example.cn").contains("localhost"));
        assert!(fault("MINGJI_REGISTRATION", "yes").contains("open-without-pkce"));
        assert!(fault("MINGJI_DPOP_NONCE", "yes").contains("required"));
        assert!(fault("MINGJI_DRAIN", "3m").contains("2m"));
        for bad in ["on", "https://apps.example.cn", "*.cn", "10.0.0.1"] {
            assert!(fault("MINGJI_CLIENT_ID_DOCUMENTS", bad).contains("apps.example.edu.cn"), "{bad}");
        }
        assert!(fault("MINGJI_LISTEN", "8080").contains("IP:PORT"));
        assert!(fault("MINGJI_LIFETIME_CODE", "11m").contains("MINGJI_LIFETIME_CODE"));
        assert!(fault("MINGJI_LIFETIME_SESSION_IDLE", "8d").contains("MINGJI_LIFETIME_SESSION_IDLE"));
        assert!(fault("MINGJI_TRUSTED_PROXIES", "proxy.example").contains("10.0.0.0/8"));
        assert!(fault("MINGJI_OUTBOUND_ALLOW", "https://sms.example.cn").contains("without scheme"));
        assert!(fault("MINGJI_OUTBOUND_ALLOW", "10.0.0").contains("network"));
        assert!(fault("MINGJI_TLS_CERT", "a.pem").contains("MINGJI_TLS_KEY"));
        assert!(fault("MINGJI_DATABASE_URL", "sqlite://:memory:").contains("each connection"));
    }

    #[test]
    fn a_database_across_a_network_wants_tls() {
        let clear = |url: &str| settings(&[("MINGJI_DATABASE_URL", url)]).unwrap().database.may_be_in_clear();
        for open in
            ["postgres://u@db/m", "postgres://u@10.0.0.7/m?sslmode=prefer", "postgres://u@db/m?ssl-mode=disable"]
        {
            assert!(clear(open), "{open}");
        }
        for closed in [
            "sqlite://data/mingji.db",
            "postgres://u@db/m?sslmode=verify-full",
            "postgres://u@db/m?x=y&sslmode=require",
            "postgres://u@localhost/m",
            "postgres://u@127.0.0.1:5433/m",
            "postgres://u@[::1]/m",
            "postgres://u@db/m?host=/var/run/postgresql",
        ] {
            assert!(!clear(closed), "{closed}");
        }
    }

    #[test]
    fn no_password_is_printed() {
        for bad in ["mysql://u:topsecret@h/d", "postgres://u:topsecret@h:port/d"] {
            let text = fault("MINGJI_DATABASE_URL", bad);
            assert!(text.contains("MINGJI_DATABASE_URL") && !text.contains("topsecret"), "{text}");
        }
        let settings = settings(&[
            ("MINGJI_DATABASE_URL", "postgres://u:topsecret@h/d?password=topsecret"),
            ("MINGJI_EPHEMERAL_URL", "rediss://:topsecret@cache:6380/1"),
        ])
        .unwrap();
        let shown = format!("{settings:?} {} {}", settings.database, settings.ephemeral);
        assert!(!shown.contains("topsecret") && shown.contains("postgres://h/d") && shown.contains("cache:6380"));
    }
}
