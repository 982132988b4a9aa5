//! A server of a client's: one JSON document or token that can be changed, and a count of who asked for it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;

#[derive(Clone)]
pub struct Host {
    pub url: String,
    document: Arc<Mutex<Option<Value>>>,
    asked: Arc<AtomicUsize>,
    pause: Arc<Mutex<Duration>>,
}

impl Host {
    /// On a free port of this machine.
    pub async fn start(document: Value) -> Self {
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let url = format!("http://{}/document", listener.local_addr().unwrap());
        let host =
            Self { url, document: Arc::new(Mutex::new(Some(document))), asked: Arc::default(), pause: Arc::default() };
        let routes = Router::new().route("/document", get(tell)).with_state(host.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        host
    }

    /// What it tells from now on; `None`: it is broken.
    pub fn tell(&self, document: Option<Value>) {
        *self.document.lock().unwrap() = document;
    }

    /// How long it thinks from now on.
    pub fn think(&self, pause: Duration) {
        *self.pause.lock().unwrap() = pause;
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn tell(State(host): State<Host>) -> Result<Response, StatusCode> {
    host.asked.fetch_add(1, Ordering::SeqCst);
    let pause = *host.pause.lock().unwrap();
    tokio::time::sleep(pause).await;
    let document = host.document.lock().unwrap().clone();
    match document {
        // A token is told as it is.
        Some(Value::String(text)) => Ok(([(CONTENT_TYPE, "application/oauth-authz-req+jwt")], text).into_response()),
        Some(document) => Ok(Json(document).into_response()),
        None => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}
