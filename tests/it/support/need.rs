//! What a test needs from outside. `./test` starts the servers and names them in the environment; where one is
//! missing, the test says so in one line and returns, unless `MINGJI_TEST_REQUIRE` makes that a failure (CI).
//!
//! ```ignore
//! let Some(url) = need::postgres() else { return };
//! ```
#![allow(clippy::disallowed_methods, reason = "what ./test found is told through the environment")]

use std::io::Write;
use std::path::{Path, PathBuf};

use url::Url;

/// A browser and what drives it.
pub struct Browser {
    pub chromium: PathBuf,
    pub chromedriver: PathBuf,
}

/// A superuser's address of a PostgreSQL server: tests create databases of their own on it.
pub fn postgres() -> Option<Url> {
    address("MINGJI_TEST_PG_URL", "no PostgreSQL server")
}

/// The address of a Redis or Valkey server: tests use keys of their own on it.
pub fn redis() -> Option<Url> {
    address("MINGJI_TEST_REDIS_URL", "no Redis server")
}

/// Chromium with its driver.
pub fn browser() -> Option<Browser> {
    let chromium = path("MINGJI_TEST_CHROMIUM", "no Chromium")?;
    let chromedriver = path("MINGJI_TEST_CHROMEDRIVER", "no chromedriver")?;
    Some(Browser { chromium, chromedriver })
}

/// Node.js, with the packages of `tests/clients/openid-client` and of `docs/examples/javascript` in place.
pub fn node() -> Option<PathBuf> {
    path("MINGJI_TEST_NODE", "no Node.js with the package openid-client")
}

/// Python, with the packages of `tests/clients/authlib` and of `docs/examples/python` in place.
pub fn python() -> Option<PathBuf> {
    path("MINGJI_TEST_PYTHON", "no Python with the package Authlib")
}

/// HAProxy.
pub fn proxy() -> Option<PathBuf> {
    path("MINGJI_TEST_HAPROXY", "no HAProxy")
}

/// Java, with the example in `docs/examples/java` built.
pub fn java() -> Option<PathBuf> {
    path("MINGJI_TEST_JAVA", "no Java with the example of Spring Security")
}

/// Whether all these programs are on the path.
pub fn programs(names: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&&str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    let missing = names.iter().find(|name| !is_there(name));
    if let Some(name) = missing {
        skip(&format!("no {name}"));
    }
    missing.is_none()
}

/// Whether a file is there that something else makes.
pub fn file(file: &Path, made_by: &str) -> bool {
    if !file.is_file() {
        skip(&format!("no {} ({made_by})", file.file_name().unwrap_or_default().display()));
    }
    file.is_file()
}

fn address(variable: &str, reason: &str) -> Option<Url> {
    let text = value(variable, reason)?;
    Some(Url::parse(&text).unwrap_or_else(|fault| panic!("{variable} is not a URL: {fault}")))
}

fn path(variable: &str, reason: &str) -> Option<PathBuf> {
    value(variable, reason).map(PathBuf::from)
}

fn value(variable: &str, reason: &str) -> Option<String> {
    let found = std::env::var(variable).ok().filter(|text| !text.is_empty());
    if found.is_none() {
        skip(&format!("{reason} ({variable} is not set; ./test sets it)"));
    }
    found
}

/// Written past the capture of the test runner, and to the list that `./test` counts.
fn skip(reason: &str) {
    assert!(std::env::var_os("MINGJI_TEST_REQUIRE").is_none(), "{reason}, and MINGJI_TEST_REQUIRE is set");
    let thread = std::thread::current();
    let line = format!("SKIPPED {}: {reason}\n", thread.name().unwrap_or("a test"));
    match std::env::var_os("MINGJI_TEST_SKIPS") {
        Some(list) => std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(list)
            .and_then(|mut list| list.write_all(line.as_bytes())),
        None => std::io::stderr().write_all(line.as_bytes()),
    }
    .expect("a skipped test can be written down");
}
