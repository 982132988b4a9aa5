//! Many who ask at once, each on a connection of her own, and what they found.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::wire::{Wire, get, post};

/// Somebody with a session, and her platform.
#[derive(Clone)]
pub struct Visitor {
    authorize: Vec<u8>,
    basic: String,
    redirect_uri: String,
}

const VERIFIER: &str = "a-verifier-that-is-long-enough-for-rfc-7636-section-4.1";
/// Its S256 challenge.
const CHALLENGE: &str = "code_challenge_method=S256&code_challenge=";

impl Visitor {
    /// One who comes with these cookies to this client.
    pub fn new(client_id: &str, basic: String, redirect_uri: &str, scope: &str, cookies: &str) -> Self {
        use base64::Engine as _;
        use sha2::Digest as _;
        let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(VERIFIER));
        let redirect_uri: String = form_urlencoded::byte_serialize(redirect_uri.as_bytes()).collect();
        let path = format!(
            "/authorize?response_type=code&client_id={client_id}&redirect_uri={redirect_uri}&scope={scope}&state=s&nonce=n&{CHALLENGE}{challenge}"
        );
        Self { authorize: get(&path, &[("cookie", cookies)]), basic, redirect_uri }
    }

    /// The whole way of somebody who has a session; the access token and the refresh token.
    pub async fn round(&self, wire: &mut Wire) -> (String, String) {
        let answer = wire.ask(&self.authorize).await;
        let place = answer.header("location").unwrap_or_else(|| panic!("{} {}", answer.status, answer.body));
        let code = place.split_once("code=").expect(place).1.split('&').next().unwrap();
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri={}&code_verifier={VERIFIER}",
            self.redirect_uri
        );
        let answer = wire.ask(&post("/token", &[("authorization", &self.basic)], &form)).await;
        let (access, refresh) = (answer.text("access_token").to_owned(), answer.text("refresh_token").to_owned());
        let answer = wire.ask(&get("/userinfo", &[("authorization", &format!("Bearer {access}"))])).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        (access, refresh)
    }
}

/// What one connection does again and again.
#[derive(Clone)]
pub enum Work {
    /// [`Visitor::round`].
    Round(Visitor),
    /// The same request, which must be answered with 200.
    Same(Vec<u8>),
}

impl Work {
    async fn once(&self, wire: &mut Wire) {
        match self {
            Self::Round(visitor) => drop(visitor.round(wire).await),
            Self::Same(request) => {
                let answer = wire.ask(request).await;
                assert_eq!(answer.status, 200, "{}", answer.body);
            }
        }
    }
}

/// How it went.
pub struct Found {
    /// In a second.
    pub rate: f64,
    took: Vec<Duration>,
}

impl Found {
    /// So many of a hundred were faster, in milliseconds.
    pub fn at(&self, share: f64) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "a count of requests")]
        let place = self.took.len().saturating_sub(1) as f64 * share;
        self.took[place as usize].as_secs_f64() * 1_000.0
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.took.len()
    }
}

/// Each work on a connection of its own, for so long.
pub async fn run(port: u16, works: &[Work], span: Duration) -> Found {
    let stop = Arc::new(AtomicBool::new(false));
    let mut workers = Vec::new();
    for work in works {
        let (work, stop) = (work.clone(), stop.clone());
        let mut wire = Wire::open(port).await;
        workers.push(tokio::spawn(async move {
            let mut took = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let since = Instant::now();
                work.once(&mut wire).await;
                took.push(since.elapsed());
            }
            took
        }));
    }
    let since = Instant::now();
    tokio::time::sleep(span).await;
    stop.store(true, Ordering::Relaxed);
    let mut took = Vec::new();
    for worker in workers {
        took.extend(worker.await.expect("a connection failed"));
    }
    #[allow(clippy::cast_precision_loss, reason = "a count of requests")]
    let rate = took.len() as f64 / since.elapsed().as_secs_f64();
    took.sort();
    Found { rate, took }
}
