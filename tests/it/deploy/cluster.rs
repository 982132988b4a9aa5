//! The processes of the compose file, started by hand: its environment with other hosts and paths, its proxy's own
//! configuration with other addresses.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderValue};

use super::compose::{Compose, Service};
use super::folder;
use crate::support::binary::{Place, Ready, Running, free_ports, serve_as};
use crate::support::door::Door;
use crate::support::load::Database;
use crate::support::need;
use crate::support::remote::Proxy;

/// As the replicas are started.
const SERVE: &[&str] = &["serve", "--no-migrate"];

/// Runs `deploy/compose-secrets` into `place/secrets`.
pub fn compose_secrets(place: &Path) -> Output {
    let certificate = place.join("certificate.pem");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&certificate, [made.cert.pem(), made.signing_key.serialize_pem()].concat()).unwrap();
    Command::new(folder().join("compose-secrets")).arg(&certificate).arg(place.join("secrets")).output().unwrap()
}

/// The secrets as that script writes them.
pub fn secrets(place: &Path) -> PathBuf {
    let done = compose_secrets(place);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    place.join("secrets")
}

/// Two replicas and the proxy, running.
pub struct Cluster {
    place: Place,
    pub ready: Ready,
    pub replicas: [Running; 2],
    ports: [u16; 2],
    database: Database,
    proxy: Haproxy,
    pub issuer: String,
    /// On the way to Redis.
    pub redis: Door,
}

impl Cluster {
    pub async fn start() -> Option<Self> {
        let (server, redis, program) = (need::postgres()?, need::redis()?, need::proxy()?);
        let compose = Compose::read();
        let database = Database::create(server).await;
        let [first, second, https, http] = [0, 1, 2, 3].map({
            let first = free_ports(4);
            move |at| first + at
        });
        let issuer = format!("https://localhost:{https}");
        let mut through = redis;
        let door = Door::to(through.host_str().unwrap(), through.port().unwrap_or(6379)).await;
        through.set_host(Some("127.0.0.1")).unwrap();
        through.set_port(Some(door.port)).unwrap();
        let mut place = Place::new();
        let secrets = secrets(place.path());
        // What the script wrote names hosts of the compose file.
        for (name, address) in [("database_url", database.url()), ("ephemeral_url", through.to_string())] {
            std::fs::remove_file(secrets.join(name)).unwrap();
            std::fs::write(secrets.join(name), address).unwrap();
        }
        let keys = place.path().join("root-secrets");
        for service in ["migrate", "keys", "mingji-1", "mingji-2"].map(|name| &compose.services[name]) {
            settle(&mut place, service, &issuer, &secrets, &keys);
            // The one-shot services as the engine runs them: at every start, so that a second time is no fault.
            if service.command[0] == "serve" {
                assert_eq!(service.command, SERVE);
            } else {
                let command: Vec<&str> = service.command.iter().map(String::as_str).collect();
                for time in ["first", "second"] {
                    let ended = place.run(&command);
                    assert_eq!(ended.code, Some(0), "{command:?} for the {time} time: {}", ended.err);
                }
            }
        }
        let ready = serde_json::from_value(place.json(&["demo", "--seed-only"], "")).unwrap();
        let replicas = [serve_as(&place, SERVE, first).await, serve_as(&place, SERVE, second).await];
        let config = with_addresses(&secrets, [https, http], [first, second]);
        let proxy = Haproxy::start(&program, &config, place.path(), https).await;
        Some(Self { place, ready, replicas, ports: [first, second], database, proxy, issuer, redis: door })
    }

    /// How visitors come in: from an address that can be told from the proxy's own, and lying about it.
    pub fn proxy(&self) -> Proxy {
        let mut lies = HeaderMap::new();
        lies.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.7"));
        let client = Proxy::client()
            .tls_danger_accept_invalid_certs(true)
            .local_address(IpAddr::from(Ipv4Addr::new(127, 0, 0, 2)))
            .default_headers(lies);
        Proxy::real(self.issuer.clone(), client)
    }

    pub fn database_url(&self) -> String {
        self.database.url()
    }

    /// Starts a replica again, and waits until the proxy has found out.
    pub async fn restart(&mut self, replica: usize) {
        self.replicas[replica] = serve_as(&self.place, SERVE, self.ports[replica]).await;
        let before = self.replicas[replica].routes().len();
        let http = Proxy::client().tls_danger_accept_invalid_certs(true).build().unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while self.replicas[replica].routes().len() <= before {
            assert!(Instant::now() < until, "the proxy does not come back to a replica that is ready");
            http.get(format!("{}/.well-known/openid-configuration", self.issuer)).send().await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn end(mut self) {
        self.proxy.stop();
        self.database.drop().await;
    }
}

/// The environment of a service, with what only an engine can give replaced.
fn settle(place: &mut Place, service: &Service, issuer: &str, secrets: &Path, keys: &Path) {
    let elsewhere: BTreeMap<&str, String> = BTreeMap::from([
        ("MINGJI_ISSUER", issuer.to_owned()),
        ("MINGJI_KEYS_DIR", keys.to_string_lossy().into_owned()),
        ("MINGJI_TRUSTED_PROXIES", "127.0.0.1/32".to_owned()),
    ]);
    for (variable, value) in &service.environment {
        let value = match (elsewhere.get(variable.as_str()), value.strip_prefix("/run/secrets/")) {
            (Some(other), _) => other.clone(),
            (None, Some(name)) => secrets.join(name).to_string_lossy().into_owned(),
            (None, None) => value.clone(),
        };
        place.set(variable, value);
    }
}

/// `deploy/haproxy.cfg` with each address replaced; one that is not there would leave the test without its subject.
fn with_addresses(secrets: &Path, [https, http]: [u16; 2], [first, second]: [u16; 2]) -> String {
    let mut config = std::fs::read_to_string(folder().join("haproxy.cfg")).unwrap();
    for (from, to) in [
        ("bind :8443", format!("bind 127.0.0.1:{https}")),
        ("bind :8080", format!("bind 127.0.0.1:{http}")),
        ("/run/secrets/tls_pem", secrets.join("tls_pem").to_string_lossy().into_owned()),
        (" mingji-1:8080", format!(" 127.0.0.1:{first}")),
        (" mingji-2:8080", format!(" 127.0.0.1:{second}")),
    ] {
        // Each replica stands there twice: among those that are ready, and among those that are alive.
        let times = if from.starts_with(' ') { 2 } else { 1 };
        assert_eq!(config.matches(from).count(), times, "{from} in haproxy.cfg");
        config = config.replace(from, &to);
    }
    config
}

/// HAProxy, stopped when this is dropped.
struct Haproxy(Child);

impl Haproxy {
    async fn start(program: &Path, config: &str, place: &Path, port: u16) -> Self {
        let file = place.join("haproxy.cfg");
        std::fs::write(&file, config).unwrap();
        let log = std::fs::File::create(place.join("haproxy.log")).unwrap();
        let mut command = Command::new(program);
        command.arg("-db").arg("-f").arg(&file).stdin(Stdio::null());
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut proxy = Self(child);
        let until = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let said = std::fs::read_to_string(place.join("haproxy.log")).unwrap();
            assert!(proxy.0.try_wait().unwrap().is_none() && Instant::now() < until, "HAProxy does not start:\n{said}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        proxy
    }

    fn stop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        self.stop();
    }
}
