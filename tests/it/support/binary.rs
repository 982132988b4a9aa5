//! The built program as a process of its own: what a test starts here is what people run.
//!
//! ```ignore
//! let demo = Demo::start(&Place::new());
//! let ready = &demo.ready; // the JSON line
//! ```
//!
//! Nothing of the environment's own settings reaches it, and everything it writes lies in its [`Place`].

#![allow(clippy::disallowed_methods, reason = "it waits for another process, and keeps our own settings from it")]
#![allow(clippy::print_stderr, reason = "the log of a process that a failed test was about")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

/// A first start makes RSA keys and a world, in a development build on a busy machine.
const START: Duration = Duration::from_secs(120);
const STOP: Duration = Duration::from_secs(30);

/// A folder that one installation lives in, with the settings it is run with.
pub struct Place {
    folder: tempfile::TempDir,
    settings: Vec<(String, String)>,
}

/// How a command ended.
pub struct Ended {
    /// 0, 1 or 2; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Place {
    /// An empty folder with the default settings.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), settings: Vec::new() }
    }

    /// One more setting.
    pub fn with(mut self, variable: &str, value: impl Into<String>) -> Self {
        self.set(variable, value);
        self
    }

    /// Changes a setting.
    pub fn set(&mut self, variable: &str, value: impl Into<String>) {
        self.settings.retain(|(known, _)| known != variable);
        self.settings.push((variable.to_owned(), value.into()));
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mingji"));
        let foreign = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("MINGJI_"));
        foreign.for_each(|name| {
            command.env_remove(name);
        });
        command.current_dir(self.path()).args(arguments).env("MINGJI_LOG", "info,mingji=debug");
        // Nobody stands before it who asks whether it is ready.
        command.env("MINGJI_DRAIN", "0s");
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "")
    }

    /// Runs a command with something on standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that does not read may be gone before we write.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs a command whose standard output nobody reads.
    pub fn run_unread(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        Ended { code: output.status.code(), out: String::new(), err: String::from_utf8(output.stderr).unwrap() }
    }

    /// Runs a command that must succeed with `--json`, and reads its document.
    #[track_caller]
    pub fn json(&self, arguments: &[&str], input: &str) -> Value {
        let ended = self.run_with(&[&["--json"], arguments].concat(), input);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
        serde_json::from_str(&ended.out)
            .unwrap_or_else(|e| panic!("{arguments:?} printed no JSON ({e}): {}", ended.out))
    }

    /// Starts a command with something on standard input, for a test that does not let it end.
    pub fn begin(&self, arguments: &[&str], input: &str) -> Child {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child
    }

    /// Starts a command that writes its answer to a file.
    pub fn begin_to(&self, arguments: &[&str], answer: &Path) -> Child {
        let answer = File::create(answer).unwrap();
        self.command(arguments).stdin(Stdio::null()).stdout(answer).stderr(Stdio::null()).spawn().unwrap()
    }

    fn spawn(&self, arguments: &[&str], log: &str) -> Running {
        let log = self.path().join(log);
        let errors = File::options().create(true).append(true).open(&log).unwrap();
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let (send, lines) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Running { child, log, lines }
    }
}

/// A process that runs until it is told to stop, or until this is dropped.
pub struct Running {
    child: Child,
    log: PathBuf,
    lines: mpsc::Receiver<String>,
}

impl Running {
    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it answered so far, by route and in order; without the questions of a health check.
    pub fn routes(&self) -> Vec<String> {
        let lines = self.log();
        let answers = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let routes = answers
            .filter(|line| line["message"] == "answered")
            .filter_map(|line| line["route"].as_str().map(str::to_owned));
        routes.filter(|route| route != "/readyz").collect()
    }

    /// The next line on standard output; fails with the end of the log when the process ends first.
    #[track_caller]
    fn line(&mut self) -> String {
        self.lines
            .recv_timeout(START)
            .unwrap_or_else(|_| panic!("nothing came: {:?}\n{}", self.child.try_wait(), tail(&self.log())))
    }

    /// SIGTERM, and the wait for it.
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended()
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Waits until it has ended.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let until = Instant::now() + STOP;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not stop\n{}", tail(&self.log()));
    }

    /// SIGKILL: no chance to write anything.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("── the end of {}\n{}", self.log.display(), tail(&self.log()));
        }
        self.kill();
    }
}

fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().filter(|line| !line.contains("\"level\":\"DEBUG\"")).collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// The standard library knows SIGKILL only, and the program forbids unsafe code.
fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill -{name}");
}

/// `mingji demo`, running.
pub struct Demo {
    /// The process.
    pub process: Running,
    /// What it printed when it was ready.
    pub ready: Ready,
    /// The provider's port; the platforms have the next two.
    pub port: u16,
}

/// The one line of `demo --json`.
#[derive(Clone, Deserialize)]
pub struct Ready {
    pub issuer: String,
    pub people: Vec<Person>,
    pub clients: Vec<Client>,
    pub approve_url: Option<String>,
}

#[derive(Clone, Deserialize)]
pub struct Person {
    pub key: String,
    pub user_name: String,
    pub password: String,
    pub person_id: String,
}

#[derive(Clone, Deserialize)]
pub struct Client {
    pub key: String,
    pub client_id: String,
    pub client_secret: Option<String>,
    pub redirect_uris: Vec<String>,
}

impl Ready {
    /// The person with this key.
    #[track_caller]
    pub fn person(&self, key: &str) -> &Person {
        self.people.iter().find(|person| person.key == key).unwrap_or_else(|| panic!("nobody is called {key}"))
    }

    /// The client with this key.
    #[track_caller]
    pub fn client(&self, key: &str) -> &Client {
        self.clients.iter().find(|client| client.key == key).unwrap_or_else(|| panic!("no client is called {key}"))
    }
}

impl Demo {
    /// Starts it on free ports.
    #[track_caller]
    pub fn start(place: &Place) -> Self {
        Self::start_at(place, free_ports(3))
    }

    /// Starts it where it was before.
    #[track_caller]
    pub fn start_at(place: &Place, port: u16) -> Self {
        let mut process = place.spawn(&["demo", "--json", "--port", &port.to_string()], "demo.log");
        let line = process.line();
        let ready =
            serde_json::from_str(&line).unwrap_or_else(|e| panic!("not the line that was promised ({e}): {line}"));
        Self { process, ready, port }
    }

    /// The address of platform A or B, without a slash at the end.
    pub fn platform(&self, name: char) -> String {
        format!("http://localhost:{}", self.port + if name == 'a' { 1 } else { 2 })
    }
}

/// Starts `mingji serve` at a port and waits until it is ready. The issuer is the place's own.
pub async fn serve(place: &Place, port: u16) -> Running {
    serve_as(place, &["serve"], port).await
}

/// The same, with other arguments.
pub async fn serve_as(place: &Place, arguments: &[&str], port: u16) -> Running {
    let listen = format!("127.0.0.1:{port}");
    let mut running = begin_serving(place, arguments, port);
    let until = Instant::now() + START;
    let scheme = if place.settings.iter().any(|(name, _)| name == "MINGJI_TLS_CERT") { "https" } else { "http" };
    while !answers(&format!("{scheme}://{listen}/readyz")).await {
        let ended = running.child.try_wait().unwrap();
        assert!(ended.is_none() && Instant::now() < until, "serve is not ready: {ended:?}\n{}", tail(&running.log()));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    running
}

/// Begins it, and waits for nothing.
pub fn begin_serving(place: &Place, arguments: &[&str], port: u16) -> Running {
    let mut command = place.command(arguments);
    command.env("MINGJI_LISTEN", format!("127.0.0.1:{port}"));
    let log = place.path().join(format!("serve-{port}.log"));
    let errors = File::options().create(true).append(true).open(&log).unwrap();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).spawn().unwrap();
    Running { child, log, lines: mpsc::channel().1 }
}

/// Whether an address answers and says yes. Certificates of tests are signed by nobody.
async fn answers(url: &str) -> bool {
    mingji::outbound::install_tls_provider();
    let http = reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build().unwrap();
    http.get(url).send().await.is_ok_and(|response| response.status().is_success())
}

/// The first of `count` ports in a row that nobody listens on. Below the range that systems give to outgoing
/// connections, and never the same twice in one process: tests run side by side.
pub fn free_ports(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id() % 300).unwrap_or_default();
    loop {
        let first = 20_000 + (own * 40 + NEXT.fetch_add(count, Ordering::Relaxed)) % 12_000;
        if (first..first + count).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return first;
        }
    }
}
