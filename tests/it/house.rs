//! The house itself: what `./test` put in place answers. When one of these fails, the failures after it are
//! about the machine and not about Mingji.

use std::path::Path;
use std::process::Command;

use crate::support::need;
use sqlx::Connection;

#[tokio::test]
async fn postgres_answers() {
    let Some(url) = need::postgres() else { return };
    let mut connection = sqlx::PgConnection::connect(url.as_str()).await.unwrap();
    let (superuser,): (bool,) = sqlx::query_as("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert!(superuser, "tests create databases of their own");
}

#[tokio::test]
async fn redis_answers() {
    let Some(url) = need::redis() else { return };
    let mut connection = redis::Client::open(url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let pong: String = redis::cmd("PING").query_async(&mut connection).await.unwrap();
    assert_eq!(pong, "PONG");
}

#[test]
fn the_browser_is_there() {
    let Some(browser) = need::browser() else { return };
    assert!(version_of(&browser.chromium).contains("Chrom"));
    assert!(version_of(&browser.chromedriver).contains("ChromeDriver"));
}

#[test]
fn node_is_there() {
    let Some(node) = need::node() else { return };
    let version = version_of(&node);
    let major: u32 = version.trim_start_matches('v').split('.').next().unwrap().parse().unwrap();
    assert!(major >= 20, "openid-client 6 needs Node.js 20, this is {version}");
}

#[test]
fn python_is_there() {
    let Some(python) = need::python() else { return };
    assert!(version_of(&python).starts_with("Python 3."));
}

#[test]
fn the_proxy_is_there() {
    let Some(proxy) = need::proxy() else { return };
    assert!(version_of(&proxy).contains("HAProxy version"));
}

fn version_of(program: &Path) -> String {
    let output =
        Command::new(program).arg(if program.ends_with("haproxy") { "-v" } else { "--version" }).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
