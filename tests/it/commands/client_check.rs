//! The doctor for relying parties: a client that looks at everything passes, one that looks at nothing is told so.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use chrono::DateTime;
use mingji::demo::platform::{self, Accent, ClientId, ClientSecret, IssuerUrl, Look, PlatformSettings};
use mingji::domain::time::Clock as _;
use mingji::telemetry::SystemClock;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use crate::support::binary::{Place, free_ports};
use crate::support::relying_party::claims_of;

/// Runs the command beside a platform that is served here; its exit code and report.
async fn check(port: u16, login: String, own: &[&str]) -> (Option<i32>, Value, String) {
    let listen = format!("127.0.0.1:{port}");
    let own: Vec<String> = own.iter().map(|word| (*word).to_owned()).collect();
    let ended = tokio::task::spawn_blocking(move || {
        let mut arguments = vec!["client", "check", "--json", "--listen", &listen];
        arguments.extend(own.iter().map(String::as_str));
        arguments.push(&login);
        Place::new().run(&arguments)
    })
    .await
    .unwrap();
    (ended.code, serde_json::from_str(&ended.out).unwrap_or_default(), ended.err)
}

fn verdicts(report: &Value, verdict: &str) -> Vec<String> {
    let findings = report[0]["findings"].as_array().unwrap();
    let such = findings.iter().filter(|finding| finding["verdict"] == verdict);
    such.map(|finding| finding["case"].as_str().unwrap().to_owned()).collect()
}

/// A platform of the demo world, whose provider is the sandbox; its address.
async fn careful(port: u16) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let look = Look {
        name_zh: "名".into(),
        name_en: "Name".into(),
        tagline_zh: "一行".into(),
        tagline_en: "line".into(),
        accent: Accent(1, 2, 3),
    };
    let router = platform::router(PlatformSettings {
        key: "checked".into(),
        base_url: Url::parse(&base).unwrap(),
        issuer: IssuerUrl::new(format!("http://127.0.0.1:{port}")).unwrap(),
        client_id: ClientId::new("any".into()),
        client_secret: Some(ClientSecret::new("any".into())),
        scopes: vec!["openid".into(), "profile".into(), "edu".into()],
        look,
        links: Vec::new(),
        state_file: None,
        now: Arc::new(|| DateTime::from_timestamp_micros(SystemClock.now().micros()).unwrap()),
    })
    .await
    .unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    base
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_looks_at_everything_passes() {
    // By what she sees, and by a page that sends strangers to sign in.
    for protected in [false, true] {
        // A sandbox has keys of its own, and this platform remembers those of the last one.
        let port = free_ports(1);
        let base = careful(port).await;
        let space = format!("{base}space");
        let own = if protected { ["--protected", space.as_str()] } else { ["--signed-in", "沙盒学生"] };
        let (code, report, err) = check(port, format!("{base}login"), &own).await;
        assert_eq!(code, Some(0), "{own:?}: {err}");
        let let_in = verdicts(&report, "accepted");
        assert!(let_in.iter().all(|case| case == "wrong_at_hash"), "{own:?}: {let_in:?}");
        let at_hash =
            report[0]["findings"].as_array().unwrap().iter().find(|finding| finding["case"] == "wrong_at_hash");
        assert!(at_hash.is_some_and(|finding| finding["must"] == false && finding["wanted"].is_string()), "{report}");
        assert_eq!(report[0]["requests"], json!([]));
        assert_eq!(verdicts(&report, "not_reached"), [] as [&str; 0], "{own:?}");
    }
}

/// A platform that believes whatever comes.
#[derive(Clone)]
struct Careless {
    issuer: String,
    base: String,
    /// Whether it looks at one thing: for whom the token was made.
    reads_azp: bool,
}

impl Careless {
    /// Serves it beside a sandbox.
    async fn serve(port: u16, reads_azp: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let careless = Self { issuer: format!("http://127.0.0.1:{port}"), base: base.clone(), reads_azp };
        let router = axum::Router::new()
            .route("/login", get(login))
            .route("/callback", get(callback))
            .route("/anybody", get(async || "welcome"))
            .route("/broken", get(broken))
            .route("/same", get(same))
            .with_state(careless);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        base
    }
}

async fn login(State(Careless { issuer, base, .. }): State<Careless>) -> Redirect {
    Redirect::to(&format!(
        "{issuer}/authorize?response_type=code&client_id=any&scope=openid&redirect_uri={base}/callback"
    ))
}

/// A sign-in whose refusal is told with a good status, on the page where the others end too.
async fn same(platform: State<Careless>, answer: Query<HashMap<String, String>>) -> Response {
    if answer.is_empty() {
        let Careless { issuer, base, .. } = &*platform;
        let asked =
            format!("{issuer}/authorize?response_type=code&client_id=any&scope=openid&redirect_uri={base}/same");
        return Redirect::to(&asked).into_response();
    }
    if answer.contains_key("error") {
        return "that did not work".into_response();
    }
    callback_at(&platform, &answer, "same").await.into_response()
}

/// A sign-in that stumbles over the good answer.
async fn broken(platform: State<Careless>, answer: Query<HashMap<String, String>>) -> Result<Redirect, StatusCode> {
    if answer.is_empty() {
        let Careless { issuer, base, .. } = &*platform;
        let asked =
            format!("{issuer}/authorize?response_type=code&client_id=any&scope=openid&redirect_uri={base}/broken");
        return Ok(Redirect::to(&asked));
    }
    callback_at(&platform, &answer, "broken").await?;
    Err(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn callback(platform: State<Careless>, answer: Query<HashMap<String, String>>) -> Result<String, StatusCode> {
    callback_at(&platform, &answer, "callback").await
}

async fn callback_at(
    Careless { issuer, base, reads_azp }: &Careless,
    answer: &HashMap<String, String>,
    path: &str,
) -> Result<String, StatusCode> {
    let form = [
        ("grant_type", "authorization_code".to_owned()),
        ("code", answer.get("code").cloned().unwrap_or_default()),
        ("redirect_uri", format!("{base}/{path}")),
    ];
    let asked = reqwest::Client::new().post(format!("{issuer}/token")).form(&form).send().await;
    let tokens: Value = asked.unwrap().json().await.unwrap();
    let token = tokens["id_token"].as_str().ok_or(StatusCode::FORBIDDEN)?;
    let claims = claims_of(token);
    if *reads_azp && claims["azp"] != "any" {
        return Err(StatusCode::FORBIDDEN);
    }
    Ok(format!("welcome {}", claims["sub"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_looks_at_nothing_is_told_so() {
    let port = free_ports(1);
    let base = Careless::serve(port, false).await;
    let (code, report, err) = check(port, format!("{base}/login"), &[]).await;
    assert_eq!(
        (code, report[0]["requests"].as_array().unwrap().len()),
        (Some(1), 3),
        "no state, no nonce, no PKCE: {report}"
    );
    assert!(err.contains("faults"), "{err}");
    let let_in = verdicts(&report, "accepted");
    for case in [
        "wrong_iss",
        "no_iss",
        "foreign_azp",
        "wrong_issuer",
        "unknown_key",
        "no_exp",
        "no_sub",
        "wrong_aud",
        "alg_none",
        "foreign_key",
        "tampered",
        "expired",
        "foreign_answer",
    ] {
        assert!(let_in.iter().any(|name| name == case), "{case}: {let_in:?}");
    }
    assert!(verdicts(&report, "not_reached").contains(&"wrong_nonce".to_owned()), "it never sent one");
    let (code, _, err) = check(port, format!("{base}/callback"), &[]).await;
    assert!(code == Some(1) && err.contains("does not send its visitors to"), "{err}");
}

/// A doctor whose measure fits everybody would find every client at fault.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_strangers_see_too_is_no_measure() {
    let port = free_ports(1);
    let base = Careless::serve(port, false).await;
    let anybody = format!("{base}/anybody");
    for (login, own, hint) in [
        ("login", &["--protected", anybody.as_str()][..], "/anybody is shown to strangers too"),
        ("same", &[], "a sign-in that the provider refused looks as one"),
        ("same", &["--signed-in", "w"], "a sign-in that the provider refused looks as one"),
        ("broken", &["--protected", &anybody], "ends with status 500"),
        ("broken", &[], "ends with status 500"),
    ] {
        let (code, report, err) = check(port, format!("{base}/{login}"), own).await;
        assert!(code == Some(1) && report.is_null() && err.contains(hint), "{login} {own:?}: {err}");
    }
    let (_, report, err) = check(port, format!("{base}/same"), &["--signed-in", "welcome"]).await;
    assert!(verdicts(&report, "accepted").contains(&"no_sub".to_owned()), "{err}");
}

/// Each case is wrong in one way: who looks at something beside it has not seen it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_looks_at_azp_alone_has_not_seen_the_audience() {
    let port = free_ports(1);
    let base = Careless::serve(port, true).await;
    let (_, report, err) = check(port, format!("{base}/login"), &[]).await;
    let (let_in, refused) = (verdicts(&report, "accepted"), verdicts(&report, "refused"));
    assert!(let_in.contains(&"wrong_aud".to_owned()) && refused.contains(&"foreign_azp".to_owned()), "{report} {err}");
    // What the standards leave to the client is said, and is none of its faults.
    let wanted = report[0]["findings"].as_array().unwrap().iter().filter(|finding| finding["must"] == false);
    let wanted: Vec<_> = wanted.map(|finding| finding["case"].as_str().unwrap()).collect();
    assert_eq!(wanted, ["wrong_iss", "no_iss", "foreign_key", "unknown_key", "tampered", "wrong_at_hash"]);
    let faults = let_in.iter().filter(|case| !wanted.contains(&case.as_str())).count() + 3;
    assert!(err.contains(&format!("{faults} faults")), "{err}");
}
