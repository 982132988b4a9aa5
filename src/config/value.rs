//! From text to value, one function for each shape.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::error::ConfigError;
use super::keys::Key;
use super::raw::Raw;

pub(super) fn invalid(key: &'static Key, problem: impl Into<String>, expected: &'static str) -> ConfigError {
    ConfigError::Invalid { variable: key.variable, problem: problem.into(), expected }
}

/// An address to listen on.
pub(super) fn address(raw: &Raw, key: &'static Key) -> Result<Option<SocketAddr>, ConfigError> {
    raw.text(key)
        .map(|text| {
            text.parse()
                .map_err(|_| invalid(key, "is not an address with a port", "IP:PORT, as 127.0.0.1:8080 or [::]:8080"))
        })
        .transpose()
}

/// A span: whole seconds, or a number with `s`, `m`, `h` or `d`.
pub(super) fn duration(raw: &Raw, key: &'static Key) -> Result<Duration, ConfigError> {
    let text = raw.text(key).unwrap_or(key.default);
    parse_duration(text)
        .ok_or_else(|| invalid(key, "is not a span of time", "a whole number with s, m, h or d, as 60s, 5m, 8h or 30d"))
}

/// The span that a text says.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor).map(Duration::from_secs)
}

/// The parts of a list, separated by commas or blanks.
pub(super) fn list<'a>(raw: &'a Raw, key: &Key) -> impl Iterator<Item = &'a str> {
    raw.text(key).unwrap_or_default().split([',', ' ', '\t', '\n']).map(str::trim).filter(|part| !part.is_empty())
}

/// A network; a single address counts as the network that holds only it.
pub(super) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse().ok().map(|address: std::net::IpAddr| IpNet::from(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (text, seconds) in [("90", 90), ("60s", 60), ("5m", 300), ("8h", 28_800), ("30d", 2_592_000)] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "m", "-5m", "5 m", "1.5h", "5w", "999999999999999999d", "５m"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn networks() {
        assert_eq!(network("10.0.0.0/8").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(network("::1").unwrap().to_string(), "::1/128");
        assert!(network("10.0.0.0/33").is_none() && network("proxy.example").is_none());
    }
}
