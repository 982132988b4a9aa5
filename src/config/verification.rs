//! Verification services: a table for each in the settings file, `[verification.NAME]`. There are no variables for them.

use std::path::PathBuf;
use std::time::Duration;

use toml::{Table, Value};

use super::error::ConfigError;
use super::value::parse_duration;
use crate::domain::registry::codes::realname::Method;
use crate::domain::registry::verification_request::Compared;

/// What stands in such a table, for the reference: the name, the default, what it means.
pub(super) const MEMBERS: &[(&str, &str, &str)] = &[
    (
        "method",
        "",
        "what the service compares: `police_name_id` and `teacher_db` (name and number), `ctid` (name and number or 网号), `xueji` (name and 学籍号), `operator3` (name, number and phone)",
    ),
    ("url", "", "where it is asked, by POST of a signed question; https, or what `MINGJI_OUTBOUND_ALLOW` names"),
    ("keys", "", "file with its public keys (a JWK Set): an answer that they did not sign is none"),
    ("timeout", "5s", "how long one call may take; at most 10s"),
];

/// The longest that a call may take: the guarded client waits no longer.
const LONGEST: Duration = Duration::from_secs(10);

/// A service that the settings name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierSettings {
    /// The NAME of its table.
    pub name: String,
    /// Table V.
    pub method: Method,
    /// Where it is asked.
    pub url: String,
    /// Where its public keys are.
    pub keys: VerifierKeys,
    /// How long one call may take.
    pub timeout: Duration,
}

/// Where the public keys of a service are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerifierKeys {
    /// A file with a JWK Set.
    File(PathBuf),
    /// A JWK Set that is at hand: of a service that this process runs itself.
    Inline(serde_json::Value),
}

/// The services of a table.
pub(super) fn resolve(table: &Table) -> Result<Vec<VerifierSettings>, ConfigError> {
    table.iter().map(|(name, one)| service(name, one)).collect()
}

fn service(name: &str, value: &Value) -> Result<VerifierSettings, ConfigError> {
    let fault = |problem: &str, expected: &'static str| ConfigError::Service {
        name: name.to_owned(),
        problem: problem.to_owned(),
        expected,
    };
    let table = value.as_table().ok_or_else(|| fault("is no table", "[verification.NAME] and its members below"))?;
    let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    // What it confirms is kept under its name, beside the words of the operator and of people.
    if name.eq_ignore_ascii_case("operator") || uuid::Uuid::parse_str(name).is_ok() {
        return Err(fault(
            "has the name of somebody else",
            "another name: operator and ids say who stood for a person",
        ));
    }
    if !word(name) {
        return Err(fault("is no name", "letters, digits and hyphens, as [verification.police]"));
    }
    if let Some(unknown) = table.keys().find(|key| MEMBERS.iter().all(|(member, ..)| member != key)) {
        return Err(fault(&format!("has no member \"{unknown}\""), "method, url, keys or timeout"));
    }
    let text = |member: &str| table.get(member).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let method = text("method").and_then(|method| method.parse::<Method>().ok());
    let method = method.filter(|method| Compared::by(*method).is_some()).ok_or_else(|| {
        fault(
            "has no method that a service does",
            "method = \"police_name_id\", \"ctid\", \"xueji\", \"teacher_db\" or \"operator3\"",
        )
    })?;
    let url = text("url").filter(|url| url::Url::parse(url).is_ok_and(|url| url.has_host()));
    let url = url.ok_or_else(|| fault("has no address", "url = \"https://verify.example.cn/ask\""))?;
    let keys =
        text("keys").ok_or_else(|| fault("has no keys", "keys = \"police.jwks.json\", a file with its public keys"))?;
    let timeout = parse_duration(text("timeout").unwrap_or("5s")).filter(|span| !span.is_zero() && *span <= LONGEST);
    let timeout = timeout.ok_or_else(|| fault("waits for too long, or not at all", "timeout = \"5s\", at most 10s"))?;
    let keys = VerifierKeys::File(PathBuf::from(keys));
    Ok(VerifierSettings { name: name.to_owned(), method, url: url.to_owned(), keys, timeout })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<VerifierSettings>, ConfigError> {
        let table: Table = text.parse().unwrap();
        resolve(table["verification"].as_table().unwrap())
    }

    #[test]
    fn a_table_is_a_service() {
        let services = read("[verification.police]\nmethod = \"police_name_id\"\nurl = \"https://p.example.cn/ask\"\nkeys = \"p.json\"\n").unwrap();
        let [police] = &services[..] else { panic!("one service: {services:?}") };
        assert_eq!((police.name.as_str(), police.method), ("police", Method::PoliceNameId));
        assert_eq!((&police.keys, police.timeout), (&VerifierKeys::File("p.json".into()), Duration::from_secs(5)));
    }

    #[test]
    fn what_cannot_work_is_said_with_the_way_out() {
        let whole = "method = \"xueji\"\nurl = \"https://x.example.cn/\"\nkeys = \"x.json\"\n";
        for (table, hint) in [
            (whole.replace("xueji", "school_vouch"), "police_name_id"),
            (whole.replace("https://x.example.cn/", "somewhere"), "https://"),
            (whole.replace("keys = \"x.json\"\n", ""), "public keys"),
            (format!("{whole}timeout = \"1h\"\n"), "10s"),
            (format!("{whole}secret = \"topsecret\"\n"), "timeout"),
        ] {
            let fault = read(&format!("[verification.x]\n{table}")).unwrap_err().to_string();
            assert!(
                fault.contains("verification.x") && fault.contains(hint) && !fault.contains("topsecret"),
                "{fault}"
            );
        }
        for taken in ["operator", "Operator", "019a0000-0000-7000-8000-000000000001"] {
            let fault = read(&format!("[verification.{taken}]\n{whole}")).unwrap_err().to_string();
            assert!(fault.contains("another name"), "{fault}");
        }
        assert!(read("[verification]\nx = 1\n").is_err());
    }
}
