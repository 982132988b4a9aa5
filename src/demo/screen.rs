//! A screen without a keyboard, for the demo: it shows a code and its QR, and waits until somebody said yes on her phone
//! (RFC 8628). What a vendor would write: it knows the provider by its discovery document alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::Value;

use crate::http::pages::views::Qr;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Screens that somebody began and left.
const MOST: usize = 100;

/// Who the screen is.
pub struct Screen {
    /// The provider.
    pub issuer: String,
    /// A client that is registered for the device grant.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

#[derive(Clone)]
struct Stage {
    screen: Arc<Screen>,
    http: reqwest::Client,
    shown: Arc<Mutex<HashMap<String, Codes>>>,
}

/// RFC 8628, 3.2.
#[derive(Clone, Deserialize)]
struct Codes {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    interval: u64,
}

/// `/screen` shows a fresh code; `/screen/CODE` asks what became of it.
///
/// # Errors
/// When no HTTP client can be made.
pub fn router(screen: Screen) -> Result<Router, reqwest::Error> {
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let stage = Stage { screen: Arc::new(screen), http, shown: Arc::default() };
    Ok(Router::new().route("/screen", get(begin)).route("/screen/{code}", get(wait)).with_state(stage))
}

async fn begin(State(stage): State<Stage>) -> Response {
    match stage.ask("device_authorization_endpoint", &[("scope", "openid profile edu")]).await {
        Ok((200, body)) => match serde_json::from_value::<Codes>(body) {
            Ok(codes) => {
                let to = format!("/screen/{}", codes.user_code);
                let mut shown = stage.shown.lock().unwrap_or_else(PoisonError::into_inner);
                if shown.len() >= MOST {
                    shown.clear();
                }
                shown.insert(codes.user_code.clone(), codes);
                Redirect::to(&to).into_response()
            }
            Err(_) => over("不认识的回答 an answer that is not understood"),
        },
        _ => over("现在不能登录 not now"),
    }
}

async fn wait(State(stage): State<Stage>, Path(code): Path<String>) -> Response {
    let codes = stage.shown.lock().unwrap_or_else(PoisonError::into_inner).get(&code).cloned();
    let Some(codes) = codes else { return Redirect::to("/screen").into_response() };
    let form = [("grant_type", GRANT), ("device_code", &codes.device_code)];
    match stage.ask("token_endpoint", &form).await {
        Ok((200, _)) => {
            stage.shown.lock().unwrap_or_else(PoisonError::into_inner).remove(&code);
            page(
                "<h1 id=screen-in>已登录 Signed in</h1><p>这块屏幕现在可以用了。 The screen may be used now.</p>",
                None,
            )
        }
        Ok((_, body)) if matches!(body["error"].as_str(), Some("authorization_pending" | "slow_down")) => {
            waiting(&codes)
        }
        _ => over("没有登录 Not signed in"),
    }
}

fn waiting(codes: &Codes) -> Response {
    let qr = Qr::of(&codes.verification_uri_complete).map_or_else(String::new, |qr| {
        format!(
            "<svg id=qr viewBox=\"-4 -4 {0} {0}\" width=320 role=img aria-label=QR><path d=\"{1}\"/></svg>",
            qr.size + 8,
            qr.path
        )
    });
    let text = format!(
        "<h1>教室大屏 Classroom screen</h1><p>用手机扫一扫，或在浏览器里打开：<br>Scan with your phone, or open:<br><b id=where>{}</b></p>{qr}<p>再输入 and type</p><p id=code>{}</p>",
        codes.verification_uri, codes.user_code
    );
    page(&text, Some(codes.interval))
}

fn over(why: &str) -> Response {
    page(&format!("<h1 id=screen-over>{why}</h1><p><a href=\"/screen\">再来一次 Once more</a></p>"), None)
}

fn page(text: &str, again: Option<u64>) -> Response {
    let refresh = again.map_or_else(String::new, |seconds| format!("<meta http-equiv=refresh content={seconds}>"));
    let style = "body{font:1.5rem/1.5 sans-serif;text-align:center;margin:2rem;color:#111;background:#fff}#code{font:700 3rem monospace}svg{max-width:80vw}";
    let html = format!(
        "<!DOCTYPE html><html lang=zh-CN><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><title>教室大屏</title>{refresh}<style>{style}</style>{text}</html>"
    );
    ([(header::CACHE_CONTROL, "no-store")], Html(html)).into_response()
}

impl Stage {
    async fn ask(&self, endpoint: &str, form: &[(&str, &str)]) -> Result<(u16, Value), reqwest::Error> {
        let at = format!("{}/.well-known/openid-configuration", self.screen.issuer);
        let metadata: Value = self.http.get(at).send().await?.json().await?;
        let url = metadata[endpoint].as_str().unwrap_or_default();
        let asked = self.http.post(url).basic_auth(&self.screen.client_id, Some(&self.screen.client_secret));
        let answer = asked.form(form).send().await?;
        let status = answer.status();
        // An answer that is no JSON is over, whatever it is.
        let body = if status == StatusCode::NO_CONTENT { Value::Null } else { answer.json().await? };
        Ok((status.as_u16(), body))
    }
}
