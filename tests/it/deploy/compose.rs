//! `deploy/compose.yaml`, read with types: a key that nobody knows is a fault.

use std::collections::BTreeMap;

use mingji::config::keys;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compose {
    #[serde(rename = "name")]
    _name: String,
    pub services: BTreeMap<String, Service>,
    networks: BTreeMap<String, Network>,
    volumes: BTreeMap<String, IgnoredAny>,
    pub secrets: BTreeMap<String, SecretFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    image: String,
    build: Option<IgnoredAny>,
    #[serde(default)]
    pub command: Vec<String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    secrets: Vec<String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    pub networks: Vec<String>,
    #[serde(default)]
    ports: Vec<String>,
    #[serde(default)]
    depends_on: BTreeMap<String, Dependency>,
    healthcheck: Option<Healthcheck>,
    restart: String,
    #[serde(rename = "stop_grace_period")]
    _stop_grace_period: Option<String>,
    #[serde(rename = "stop_signal")]
    _stop_signal: Option<String>,
    #[serde(rename = "read_only")]
    _read_only: Option<bool>,
    #[serde(rename = "cap_drop")]
    _cap_drop: Option<Vec<String>>,
    #[serde(rename = "security_opt")]
    _security_opt: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dependency {
    condition: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Healthcheck {
    test: Vec<String>,
    #[serde(rename = "interval")]
    _interval: String,
    #[serde(rename = "timeout")]
    _timeout: String,
    #[serde(rename = "retries")]
    _retries: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Network {
    #[serde(rename = "internal")]
    _internal: Option<bool>,
    ipam: Option<Ipam>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ipam {
    config: Vec<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretFile {
    file: String,
}

impl Compose {
    pub fn read() -> Self {
        let text = std::fs::read_to_string(super::folder().join("compose.yaml")).unwrap();
        serde_saphyr::from_str(&text).unwrap()
    }

    /// The services that run this program.
    pub fn ours(&self) -> impl Iterator<Item = (&String, &Service)> {
        self.services.iter().filter(|(_, service)| service.image == "mingji")
    }

    /// The first network that is given to containers of this name.
    pub fn subnet(&self, network: &str) -> Option<&str> {
        let ipam = self.networks.get(network)?.ipam.as_ref()?;
        ipam.config.first()?.get("subnet").map(String::as_str)
    }

    /// What an engine would stumble over, and what the program would refuse.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, service) in &self.services {
            faults.extend(self.faults_of(service).into_iter().map(|fault| format!("{name}: {fault}")));
        }
        let files = self.secrets.iter().filter(|(name, secret)| secret.file != format!("./secrets/{name}"));
        faults.extend(files.map(|(name, secret)| format!("secret {name}: {}", secret.file)));
        assert!(self.ours().count() >= 4, "migrate, keys and two replicas");
        faults
    }

    fn faults_of(&self, service: &Service) -> Vec<String> {
        let mut faults = Vec::new();
        let mut must = |holds: bool, what: String| faults.extend((!holds).then_some(what));
        for (variable, value) in &service.environment {
            let known =
                keys::ALL.iter().any(|key| key.variable == variable || key.secret && key.file_variable() == *variable);
            must(known || !variable.starts_with("MINGJI_"), format!("{variable} is no setting"));
            let secret = value.strip_prefix("/run/secrets/");
            must(
                secret.is_none_or(|name| service.secrets.iter().any(|known| known == name)),
                format!("{value} is not mounted"),
            );
        }
        for secret in &service.secrets {
            must(self.secrets.contains_key(secret), format!("no secret {secret}"));
        }
        for network in &service.networks {
            must(self.networks.contains_key(network), format!("no network {network}"));
        }
        for volume in &service.volumes {
            let name = volume.split(':').next().unwrap();
            let there = if name.starts_with('.') {
                super::folder().join(name).is_file()
            } else {
                self.volumes.contains_key(name)
            };
            must(there, format!("no volume {name}"));
        }
        for (other, dependency) in &service.depends_on {
            let fits = self.services.get(other).is_some_and(|other| match dependency.condition.as_str() {
                "service_healthy" => other.healthcheck.is_some(),
                "service_completed_successfully" => other.restart == "no",
                _ => false,
            });
            must(fits, format!("{other} can never be {}", dependency.condition));
        }
        let serves = service.restart != "no";
        must(
            !serves || service.healthcheck.as_ref().is_some_and(|check| check.test.len() > 1),
            "no health check".into(),
        );
        must(!serves || service.restart == "unless-stopped", format!("restart {}", service.restart));
        must(service.image == "mingji" || service.image.contains(':'), format!("{} has no version", service.image));
        must(service.build.is_some() == (service.image == "mingji"), "only our own image is built".into());
        must(
            service.ports.is_empty() || service.secrets.iter().any(|name| name == "tls_pem"),
            "only the proxy is seen from outside".into(),
        );
        faults
    }
}
