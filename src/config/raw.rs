//! What was said: one text per setting, from four layers, without a meaning yet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::keys::{self, Key};

/// What a command says before anybody else does: a setting and its text.
pub type Preset = (&'static Key, String);

/// One text per setting. Not printable: a text may be a password.
pub(super) struct Raw {
    texts: BTreeMap<&'static str, String>,
    /// The table of verification services, which only a file can hold.
    pub(super) verification: toml::Table,
    /// Variables that look like ours and are not known.
    pub(super) unknown_variables: Vec<String>,
}

impl Raw {
    /// The text of a setting; `None` when it is empty.
    pub(super) fn text(&self, key: &Key) -> Option<&str> {
        let text = self.texts.get(key.variable).map_or(key.default, String::as_str).trim();
        (!text.is_empty()).then_some(text)
    }
}

const DEFAULT_FILE: &str = "mingji.toml";
const PREFIX: &str = "MINGJI_";
/// What the tests tell each other; no settings of the service.
const TEST_PREFIX: &str = "MINGJI_TEST_";

/// The variables that begin with `MINGJI_`. The one place that reads the environment.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(super) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .filter(|(name, _)| name.starts_with(PREFIX) && !name.starts_with(TEST_PREFIX))
        .collect()
}

/// Lays the layers over each other.
pub(super) fn read(
    file: Option<&Path>,
    presets: &[Preset],
    environment: BTreeMap<String, String>,
) -> Result<Raw, ConfigError> {
    let mut raw = Raw {
        texts: presets.iter().map(|(key, text)| (key.variable, text.clone())).collect(),
        verification: toml::Table::new(),
        unknown_variables: Vec::new(),
    };
    match file {
        Some(path) => read_file(path, &mut raw)?,
        None if Path::new(DEFAULT_FILE).exists() => read_file(Path::new(DEFAULT_FILE), &mut raw)?,
        None => {}
    }
    read_environment(environment, &mut raw)?;
    Ok(raw)
}

fn read_file(path: &Path, raw: &mut Raw) -> Result<(), ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|reason| ConfigError::FileUnreadable { path: path.to_owned(), reason })?;
    let table: toml::Table = text.parse().map_err(|fault| malformed(path, &text, &fault))?;
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in table {
        if let ("verification", toml::Value::Table(services)) = (name.as_str(), &value) {
            raw.verification = services.clone();
            continue;
        }
        let variable = format!("{PREFIX}{}", name.to_ascii_uppercase());
        if lookup(&variable).is_none() || name.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(ConfigError::UnknownSetting { path: path.to_owned(), nearest: nearest(&name), name });
        }
        let text = plain_text(&value).ok_or_else(|| ConfigError::FileMalformed {
            path: path.to_owned(),
            line: 1,
            reason: format!("\"{name}\" must be a text, a number or a list of texts"),
        })?;
        named.insert(variable, text);
    }
    layer(&named, raw)
}

/// The parser's own message would show the line, and with it perhaps a password.
fn malformed(path: &Path, text: &str, fault: &toml::de::Error) -> ConfigError {
    let offset = fault.span().map_or(0, |span| span.start);
    let line = text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
    ConfigError::FileMalformed { path: path.to_owned(), line, reason: String::from("this is not valid TOML") }
}

fn plain_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

fn read_environment(environment: BTreeMap<String, String>, raw: &mut Raw) -> Result<(), ConfigError> {
    let (known, unknown): (BTreeMap<_, _>, BTreeMap<_, _>) =
        environment.into_iter().partition(|(name, _)| lookup(name).is_some());
    // Not refused: a Kubernetes service called "mingji" puts MINGJI_PORT and others into every container.
    raw.unknown_variables.extend(unknown.into_keys());
    layer(&known, raw)
}

/// Lays one layer over the others: values, and secrets from the files that it names.
fn layer(named: &BTreeMap<String, String>, raw: &mut Raw) -> Result<(), ConfigError> {
    for key in keys::ALL {
        let direct = named.get(key.variable);
        let by_file = named.get(&key.file_variable()).filter(|_| key.secret);
        let text = match (direct, by_file) {
            (Some(_), Some(_)) => return Err(ConfigError::GivenTwice { variable: key.variable }),
            (Some(text), None) => text.clone(),
            (None, Some(path)) => read_secret(key, path)?,
            (None, None) => continue,
        };
        raw.texts.insert(key.variable, text);
    }
    Ok(())
}

fn read_secret(key: &'static Key, path: &str) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|reason| ConfigError::SecretUnreadable { variable: key.variable, path: PathBuf::from(path), reason })
}

fn lookup(variable: &str) -> Option<&'static Key> {
    keys::ALL.iter().copied().find(|key| key.variable == variable || (key.secret && variable == key.file_variable()))
}

/// The known name that begins or ends like the unknown one.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let same = |(a, b): &(u8, u8)| a == b;
    let begins = |other: &str| name.bytes().zip(other.bytes()).take_while(same).count();
    let ends = |other: &str| name.bytes().rev().zip(other.bytes().rev()).take_while(same).count();
    keys::ALL
        .iter()
        .map(|key| (begins(&key.toml_name()), ends(&key.toml_name()), key.variable))
        .filter(|(begin, _, _)| *begin >= 3)
        .max_by_key(|(begin, end, _)| begin + end)
        .map(|(_, _, variable)| variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn each_layer_covers_the_one_before() {
        let toml = file("listen = \"0.0.0.0:2\"\nlog = \"warn\"\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n");
        let presets = [(&keys::LISTEN, String::from("0.0.0.0:1")), (&keys::KEYS_DIR, String::from("demo"))];
        let raw = read(Some(toml.path()), &presets, environment(&[("MINGJI_LOG", "debug")])).ok().unwrap();
        assert_eq!(raw.text(&keys::KEYS_DIR), Some("demo"));
        assert_eq!(raw.text(&keys::LISTEN), Some("0.0.0.0:2"));
        assert_eq!(raw.text(&keys::LOG), Some("debug"));
        assert_eq!(raw.text(&keys::TRUSTED_PROXIES), Some("10.0.0.0/8,::1"));
        assert_eq!(raw.text(&keys::EPHEMERAL_URL), Some("memory:"));
        assert_eq!(raw.text(&keys::TLS_CERT), None);
    }

    #[test]
    fn an_empty_variable_switches_off_what_the_file_says() {
        let toml = file("tls_cert = \"a.pem\"\n");
        let raw = read(Some(toml.path()), &[], environment(&[("MINGJI_TLS_CERT", "")])).ok().unwrap();
        assert_eq!(raw.text(&keys::TLS_CERT), None);
    }

    #[test]
    fn secrets_come_from_files_too() {
        let secret = file("postgres://u:pw@h/d\n");
        let path = secret.path().to_str().unwrap();
        let raw = read(None, &[], environment(&[("MINGJI_DATABASE_URL_FILE", path)])).ok().unwrap();
        assert_eq!(raw.text(&keys::DATABASE_URL), Some("postgres://u:pw@h/d"));
        let twice = environment(&[("MINGJI_DATABASE_URL_FILE", path), ("MINGJI_DATABASE_URL", "sqlite://x")]);
        assert!(matches!(read(None, &[], twice), Err(ConfigError::GivenTwice { .. })));
        let missing = environment(&[("MINGJI_DATABASE_URL_FILE", "/nowhere/at/all")]);
        assert!(matches!(read(None, &[], missing), Err(ConfigError::SecretUnreadable { .. })));
    }

    #[test]
    fn typing_errors_are_found() {
        let toml = file("databse_url = \"postgres://u:topsecret@h/d\"\n");
        let fault = read(Some(toml.path()), &[], BTreeMap::new()).err().unwrap().to_string();
        assert!(fault.contains("databse_url") && fault.contains("MINGJI_DATABASE_URL"), "{fault}");
        assert!(!fault.contains("topsecret"));
        let raw = read(None, &[], environment(&[("MINGJI_SERVICE_HOST", "10.0.0.1")])).ok().unwrap();
        assert_eq!(raw.unknown_variables, ["MINGJI_SERVICE_HOST"]);
    }

    #[test]
    fn a_broken_file_is_named_by_line_and_never_quoted() {
        let toml = file("log = \"info\"\ndatabase_url = \"postgres://u:topsecret@h/d\n");
        let fault = read(Some(toml.path()), &[], BTreeMap::new()).err().unwrap().to_string();
        assert!(fault.contains("line 2") && !fault.contains("topsecret"), "{fault}");
        assert!(matches!(
            read(Some(Path::new("/nowhere.toml")), &[], BTreeMap::new()),
            Err(ConfigError::FileUnreadable { .. })
        ));
    }
}
