//! What `docs/` tells integrators: every command of the guide runs as it is written, and is the same in both languages.
#![allow(clippy::disallowed_methods, reason = "a shell runs the guide, with the path of this process")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::support::binary::{Demo, Place};
use crate::support::database::change;
use crate::support::need;
use crate::support::wanderer::Wanderer;

/// What the guide calls the provider, and the address that nobody listens at.
const ISSUER: &str = "http://localhost:8080";
const NOBODY: &str = "http://127.0.0.1:9000/";
const PATIENCE: Duration = Duration::from_secs(60);

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// The blocks of a guide that a shell runs.
fn commands(file: &str) -> String {
    let text = std::fs::read_to_string(docs().join(file)).unwrap();
    let (mut inside, mut found) = (false, String::new());
    for line in text.lines() {
        match (line, inside) {
            ("```sh", false) => inside = true,
            ("```", true) => inside = false,
            (_, true) => found.extend([line, "\n"]),
            _ => {}
        }
    }
    assert!(!inside && !found.is_empty(), "{file}");
    found
}

#[test]
fn both_languages_show_the_same_commands() {
    let bare = |file| commands(file).lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    assert_eq!(bare("integrating.md"), bare("integrating.en.md"));
}

/// ASVS 10.2.3: vendors copy them, so they ask for no more than what their pages show.
#[test]
fn the_examples_ask_for_what_they_show() {
    let examples = docs().join("examples");
    for (file, scope) in [
        ("python/app.py", "\"openid profile edu\""),
        ("javascript/app.mjs", "'openid profile edu'"),
        ("java/src/main/resources/application.yml", "scope: openid, profile, edu\n"),
    ] {
        let text = std::fs::read_to_string(examples.join(file)).unwrap();
        assert!(text.contains(scope), "{file}");
        for more in ["offline_access", "phone", "edu.guardian", "edu.realname", "edu.class"] {
            assert!(!text.contains(more), "{file} asks for {more}");
        }
    }
}

#[test]
fn what_the_guides_link_is_there() {
    for file in ["integrating.md", "integrating.en.md", "examples/README.md"] {
        let page = docs().join(file);
        let text = std::fs::read_to_string(&page).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http")) {
            let path = link.split('#').next().unwrap();
            assert!(path.is_empty() || page.parent().unwrap().join(path).exists(), "{file}: {link}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_commands_run_as_they_are_written() {
    if !need::programs(&["bash", "curl", "jq", "openssl"]) {
        return;
    }
    let place = Place::new();
    let demo = Demo::start(&place);
    let mut person = Wanderer::new(demo.ready.person("teacher_parent"));
    let mut shell = Shell::run(&place, &commands("integrating.md").replace(ISSUER, &demo.ready.issuer));
    let mut visits = Vec::new();
    while let Some(line) = shell.line() {
        // What the reader opens in a browser; she pastes the address where it ends.
        let door = ["/authorize?", "/end-session?"]
            .into_iter()
            .find(|path| line.starts_with(&(demo.ready.issuer.clone() + *path)));
        if let Some(door) = door {
            // Whoever reads and types takes longer than it takes a next key to be everybody's.
            let database = format!("sqlite://{}", place.path().join("data/mingji.db").display());
            change(&database, "UPDATE signing_key SET created_at = created_at - 400000000").await;
            let end = person.go(&line, NOBODY).await;
            assert_eq!(end.status, 0, "{end:#?}");
            shell.paste(end.url.as_str());
            visits.push(door);
        }
    }
    shell.end();
    assert_eq!(visits, ["/authorize?", "/end-session?"]);
}

struct Shell {
    child: Child,
    lines: mpsc::Receiver<String>,
    log: PathBuf,
}

impl Shell {
    fn run(place: &Place, script: &str) -> Self {
        let (file, log) = (place.path().join("guide.sh"), place.path().join("guide.log"));
        std::fs::write(&file, script).unwrap();
        let ours = Path::new(env!("CARGO_BIN_EXE_mingji")).parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(ours).chain(std::env::split_paths(&path))).unwrap();
        let mut command = Command::new("bash");
        command.arg("-x").arg(file).current_dir(place.path()).env_clear().env("PATH", path).env("HOME", place.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(std::fs::File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let (send, lines) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { child, lines, log }
    }

    /// The next line; `None` at the end.
    fn line(&self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("nothing more came\n{}", self.log()),
        }
    }

    fn paste(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn end(mut self) {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}\n{}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
