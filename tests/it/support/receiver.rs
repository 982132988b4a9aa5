//! A platform that listens for logout tokens.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Form, Router};

/// Its end of the back channel.
#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    heard: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<Vec<StatusCode>>>,
    pause: Arc<Mutex<Duration>>,
}

impl Receiver {
    /// On a free port of this machine.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let url = format!("http://{}/backchannel", listener.local_addr().unwrap());
        let receiver = Self { url, heard: Arc::default(), answers: Arc::default(), pause: Arc::default() };
        let routes = Router::new().route("/backchannel", post(hear)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        receiver
    }

    /// What it will answer next, before it is well again.
    pub fn fail_with(&self, status: StatusCode) {
        self.answers.lock().unwrap().push(status);
    }

    /// Takes this long for every answer from now on.
    pub fn take(&self, pause: Duration) {
        *self.pause.lock().unwrap() = pause;
    }

    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// Waits until so many tokens have come.
    pub async fn wait_for(&self, tokens: usize) -> Vec<String> {
        for _ in 0..400 {
            let heard = self.heard();
            if heard.len() >= tokens {
                return heard;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{} of {tokens} logout tokens came", self.heard().len())
    }
}

async fn hear(State(receiver): State<Receiver>, Form(form): Form<BTreeMap<String, String>>) -> StatusCode {
    receiver.heard.lock().unwrap().push(form["logout_token"].clone());
    let pause = *receiver.pause.lock().unwrap();
    tokio::time::sleep(pause).await;
    receiver.answers.lock().unwrap().pop().unwrap_or(StatusCode::OK)
}
