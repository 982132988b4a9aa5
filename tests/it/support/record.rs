//! What the provider said: every answer of one test, and every log line of the process.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// An answer as it left.
#[derive(Clone)]
pub struct Said {
    pub path: String,
    pub text: String,
}

/// The answers of one provider.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<Said>>>);

impl Recorder {
    pub fn all(&self) -> Vec<Said> {
        self.0.lock().unwrap().clone()
    }
}

/// A layer around the whole provider.
pub async fn record(State(recorder): State<Recorder>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let (head, body) = next.run(request).await.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let text = format!("{:?}\n{}", head.headers, String::from_utf8_lossy(&bytes));
    recorder.0.lock().unwrap().push(Said { path, text });
    Response::from_parts(head, Body::from(bytes))
}

static LOGS: LazyLock<Lines> = LazyLock::new(Lines::default);

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Keeps what the process logs from now on, more talkative than any operator would have it.
pub fn capture_logs() {
    let filter = EnvFilter::new("debug,mingji=trace,sqlx=info,hyper=info,h2=info,reqwest=info,thirtyfour=info");
    let lines = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(LOGS.clone());
    // All tests share the process: the first one sets it up.
    let _ = lines.try_init();
}

/// What was logged so far, by all tests of the process.
pub fn logs() -> String {
    String::from_utf8_lossy(&LOGS.0.lock().unwrap()).into_owned()
}
