//! The examples of `docs/examples`, as a reader would start them: somebody signs in, signs out here and elsewhere, and
//! what an attacker would try first is refused.
#![allow(clippy::disallowed_methods, reason = "it waits for another process")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::support::binary::{Demo, Place, free_ports};
use crate::support::need;
use crate::support::remote::Proxy;
use crate::support::wanderer::Wanderer;

/// A Java virtual machine on a busy computer takes its time.
const START: Duration = Duration::from_secs(120);
const HEARS_WITHIN: Duration = Duration::from_secs(20);
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-rfc-7636-section-4.1";
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Where an example has its doors, where they are not the common ones.
struct Doors {
    login: &'static str,
    logout_tokens: &'static str,
}

const COMMON: Doors = Doors { login: "/login", logout_tokens: "/backchannel-logout" };
const SPRING: Doors =
    Doors { login: "/oauth2/authorization/mingji", logout_tokens: "/logout/connect/back-channel/mingji" };

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples").join(name)
}

/// A started example.
struct Example {
    process: Child,
    base: String,
    doors: Doors,
    client: Value,
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Example {
    /// Registers it as its page says, and starts it.
    async fn start(command: Command, doors: Doors, place: &Place, demo: &Demo) -> Self {
        let port = free_ports(1);
        let base = format!("http://localhost:{port}");
        let metadata = json!({
            "client_name": "An example", "redirect_uris": [format!("{base}/callback")],
            "post_logout_redirect_uris": [format!("{base}/signed-out")],
            "backchannel_logout_uri": format!("{base}{}", doors.logout_tokens),
            "backchannel_logout_session_required": true, "scope": "openid profile edu",
        });
        let client = place.json(&["client", "create"], &metadata.to_string());
        Self::run(command, doors, port, place, &demo.ready.issuer, client).await
    }

    /// Starts it as a client of a provider.
    async fn run(mut command: Command, doors: Doors, port: u16, place: &Place, issuer: &str, client: Value) -> Self {
        let base = format!("http://localhost:{port}");
        let text = |name: &str| client[name].as_str().unwrap().to_owned();
        command.env_clear().current_dir(place.path()).stdin(Stdio::null()).stdout(Stdio::null());
        command.envs([
            ("ISSUER", issuer.to_owned()),
            ("CLIENT_ID", text("client_id")),
            ("CLIENT_SECRET", text("client_secret")),
            ("BASE_URL", base.clone()),
            // Only the one in Python needs these two, and only the one in Java the third.
            ("SECRET_KEY", "signs the cookies of a test".into()),
            ("AUTHLIB_INSECURE_TRANSPORT", "1".into()),
            ("PORT", port.to_string()),
        ]);
        let mut example = Self { process: command.spawn().unwrap(), base, doors, client };
        let (http, until) = (Proxy::client().build().unwrap(), Instant::now() + START);
        while http.get(&example.base).send().await.is_err() {
            assert!(Instant::now() < until && example.process.try_wait().unwrap().is_none(), "it does not start");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        example
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn is_in(&self, visitor: &mut Wanderer) -> bool {
        visitor.go(&self.at("/"), "").await.has("name")
    }

    /// What a request in this client's name gives, in somebody's browser: an ID token that the example never saw.
    async fn id_token(&self, visitor: &mut Wanderer, issuer: &str) -> String {
        let (id, secret) = (self.client["client_id"].as_str().unwrap(), self.client["client_secret"].as_str().unwrap());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let back = self.at("/callback");
        let asked = format!(
            "{issuer}/authorize?response_type=code&scope=openid&client_id={id}&redirect_uri={back}&code_challenge={challenge}&code_challenge_method=S256"
        );
        let answer = visitor.go(&asked, &back).await;
        let code = answer.url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &back),
            ("code_verifier", VERIFIER),
        ];
        let request = Proxy::client().build().unwrap().post(format!("{issuer}/token")).basic_auth(id, Some(secret));
        let tokens: Value = request.form(&form).send().await.unwrap().json().await.unwrap();
        tokens["id_token"].as_str().unwrap().to_owned()
    }

    async fn answer_to_logout_token(&self, token: &str) -> u16 {
        let request = Proxy::client().build().unwrap().post(self.at(self.doors.logout_tokens));
        request.form(&[("logout_token", token)]).send().await.unwrap().status().as_u16()
    }
}

/// The answer with one parameter changed, or left out.
fn tampered(answer: &Url, name: &str, value: Option<&str>) -> String {
    let mut forged = answer.clone();
    let others = answer.query_pairs().into_owned().filter(|(known, _)| known != name);
    let value = value.map(|value| (name.to_owned(), value.to_owned()));
    forged.query_pairs_mut().clear().extend_pairs(others.chain(value));
    forged.into()
}

async fn story(command: Command, doors: Doors) {
    let place = Place::new();
    let demo = Demo::start(&place);
    let example = Example::start(command, doors, &place, &demo).await;
    let (person, issuer) = (demo.ready.person("teacher_parent"), demo.ready.issuer.as_str());
    let (login, callback) = (example.at(example.doors.login), example.at("/callback"));

    let mut visitor = Wanderer::new(person);
    let inside = visitor.go(&login, "").await;
    assert_eq!(visitor.pages, ["password", "identity", "decision"], "{inside:#?}");
    assert_eq!(inside.text_of("name").as_deref(), Some("欧阳若兰"), "{inside:#?}");
    let sub = inside.text_of("sub").unwrap();
    assert_ne!(sub, person.person_id, "applications get a subject of their own");

    // In a second browser: answers that nobody here asked for, or that were changed on their way.
    let mut other = Wanderer::new(person);
    for (name, value) in
        [("iss", Some("http://localhost:1")), ("iss", None), ("state", Some("another")), ("state", None)]
    {
        let answer = other.go(&login, &callback).await;
        let refused = other.go(&tampered(&answer.url, name, value), "").await;
        assert!(refused.has("problem"), "{name} {value:?}: {refused:#?}");
        assert!(!example.is_in(&mut other).await, "{name} {value:?}");
    }
    let answer = other.go(&login, &callback).await;
    let mut thief = Wanderer::new(person);
    assert!(thief.go(answer.url.as_str(), "").await.has("problem"), "an answer belongs to its browser");
    assert!(!example.is_in(&mut thief).await);

    // Sign-out here ends the session there: the next sign-in asks for the password.
    let gone = visitor.submit(&inside, "button", &[], "").await;
    assert!(gone.has("signed-out") && gone.url.as_str().starts_with(&example.at("/signed-out")), "{gone:#?}");
    assert!(!example.is_in(&mut visitor).await);
    let inside = visitor.go(&login, "").await;
    assert!(visitor.pages.contains(&"password"), "{:?}", visitor.pages);
    assert_eq!(inside.text_of("sub"), Some(sub));

    // Tokens that are none for signing out.
    let id_token = example.id_token(&mut visitor, issuer).await;
    let claims = URL_SAFE_NO_PAD.decode(id_token.split('.').nth(1).unwrap()).unwrap();
    let mut claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["events"] = json!({ LOGOUT_EVENT: {} });
    let unsigned =
        [json!({ "alg": "none", "typ": "logout+jwt" }), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    for token in [&id_token, &format!("{}.", unsigned.join(".")), ""] {
        assert_eq!(example.answer_to_logout_token(token).await, 400, "{token}");
    }
    assert!(example.is_in(&mut visitor).await, "a token of another kind signed her out");

    // Sign-out elsewhere.
    visitor.go(&format!("{issuer}/end-session"), "").await;
    let until = Instant::now() + HEARS_WITHIN;
    while example.is_in(&mut visitor).await {
        assert!(Instant::now() < until, "it did not hear of the sign-out");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(place.json(&["client", "deliveries"], ""), json!([]));
}

/// What the doctor of clients says of an example: it has nothing to mend. One that reads the provider's metadata when it
/// starts is started while the doctor waits.
async fn examined(command: Command, doors: Doors) {
    let (sandbox, port) = (free_ports(1), free_ports(1));
    let issuer = format!("http://127.0.0.1:{sandbox}");
    let login = format!("http://localhost:{port}{}", doors.login);
    let doctor = tokio::task::spawn_blocking(move || {
        let (listen, wait) = (format!("127.0.0.1:{sandbox}"), START.as_secs().to_string());
        Place::new().run(&[
            "--json",
            "client",
            "check",
            "--listen",
            &listen,
            "--wait",
            &wait,
            "--signed-in",
            "沙盒学生",
            &login,
        ])
    });
    let until = Instant::now() + START;
    while tokio::net::TcpStream::connect(("127.0.0.1", sandbox)).await.is_err() {
        assert!(Instant::now() < until, "the doctor does not come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let client = json!({ "client_id": "any", "client_secret": "any secret" });
    let place = Place::new();
    let _example = Example::run(command, doors, port, &place, &issuer, client).await;
    let ended = doctor.await.unwrap();
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(report[0]["requests"], json!([]));
    for finding in report[0]["findings"].as_array().unwrap() {
        let (case, verdict) = (&finding["case"], &finding["verdict"]);
        assert!(verdict == "refused" || case == "wrong_at_hash", "{case}: {verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_in_rust() {
    // Cargo builds it with the tests.
    let built = Path::new(env!("CARGO_BIN_EXE_mingji")).with_file_name("examples").join("relying_party");
    if need::file(&built, "cargo build --example relying_party") {
        story(Command::new(&built), COMMON).await;
        examined(Command::new(&built), COMMON).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_in_javascript() {
    let Some(node) = need::node() else { return };
    let command = || {
        let mut command = Command::new(&node);
        command.arg(folder("javascript").join("app.mjs"));
        command
    };
    story(command(), COMMON).await;
    examined(command(), COMMON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_in_python() {
    let Some(python) = need::python() else { return };
    let command = || {
        let mut command = Command::new(&python);
        // -B: no compiled files beside the sources.
        command.arg("-B").arg(folder("python").join("app.py")).stderr(Stdio::null());
        command
    };
    story(command(), COMMON).await;
    examined(command(), COMMON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_in_java() {
    let Some(java) = need::java() else { return };
    let command = || {
        let mut command = Command::new(&java);
        command.args(["-XX:TieredStopAtLevel=1", "-Xmx256m", "-jar"]);
        command.arg(folder("java").join("target/relying-party-1.jar"));
        command
    };
    story(command(), SPRING).await;
    examined(command(), SPRING).await;
}
