//! A visitor with a browser of her own: cookies by host, redirects one by one, as a browser follows them.

use std::collections::BTreeMap;
use std::time::Duration;

use cookie::Cookie;
use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode};
use url::Url;

use super::provider::POSTED;
use crate::cli::Failure;

/// Nobody is sent on more often.
const MOST_HOPS: usize = 20;
const PATIENCE: Duration = Duration::from_secs(20);
/// Of a page, in bytes, where the text of somebody signed in is looked for.
const MOST_READ: usize = 1 << 20;

/// Where a visit ended.
#[derive(Clone)]
pub struct Arrived {
    pub status: StatusCode,
    pub url: Url,
    pub text: String,
}

/// On to an address, with the fields of a form where one is posted.
pub struct Step {
    url: Url,
    form: Option<String>,
}

/// Where a step leads.
enum Way {
    /// Elsewhere.
    Next(Step),
    /// A page.
    Shown(Arrived),
}

/// Somebody with a browser.
pub struct Visitor {
    http: Client,
    jar: BTreeMap<(String, String), String>,
}

/// The client of all visitors; each has cookies of her own.
pub fn http(ca: Option<&[u8]>) -> Result<Client, Failure> {
    crate::outbound::install_tls_provider();
    let mut builder =
        Client::builder().redirect(Policy::none()).no_proxy().timeout(PATIENCE).user_agent("mingji-client-check");
    if let Some(pem) = ca {
        let extra =
            reqwest::Certificate::from_pem_bundle(pem).map_err(|_| Failure::new("--ca holds no PEM certificate"))?;
        builder = builder.tls_certs_merge(extra);
    }
    builder.build().map_err(|why| Failure::new(format!("the visitor cannot start: {why}")))
}

impl Visitor {
    /// Somebody who was never here.
    pub fn new(http: &Client) -> Self {
        Self { http: http.clone(), jar: BTreeMap::new() }
    }

    /// Opens an address and goes on until a page is shown.
    ///
    /// # Errors
    /// A sentence: nobody answers, or the redirects go round in a circle.
    pub async fn open(&mut self, url: &Url) -> Result<Arrived, Failure> {
        self.follow(Step { url: url.clone(), form: None }).await
    }

    /// The same from a step that somebody else began: an address, or a form that is posted there.
    ///
    /// # Errors
    /// As [`Visitor::open`].
    pub async fn follow(&mut self, step: Step) -> Result<Arrived, Failure> {
        match self.go(step, None).await? {
            Way::Shown(arrived) => Ok(arrived),
            Way::Next(Step { url, .. }) => Err(Failure::new(format!("{} sends in a circle", host(&url)))),
        }
    }

    /// Opens an address, and stops with the step to which the provider sends its answer; nothing where none came.
    ///
    /// # Errors
    /// As [`Visitor::open`].
    pub async fn answer_at(&mut self, url: &Url, issuer: &str) -> Result<Option<Step>, Failure> {
        match self.go(Step { url: url.clone(), form: None }, Some(issuer)).await? {
            Way::Next(step) => Ok(Some(step)),
            Way::Shown(_) => Ok(None),
        }
    }

    /// Goes on until a page is shown, or until somebody at `last` has sent her on.
    async fn go(&mut self, first: Step, last: Option<&str>) -> Result<Way, Failure> {
        let mut way = Way::Next(first);
        for _ in 0..MOST_HOPS {
            let Way::Next(Step { url, form }) = way else { break };
            way = self.step(&url, form).await?;
            if last.is_some_and(|origin| url.as_str().starts_with(origin)) {
                break;
            }
        }
        Ok(way)
    }

    async fn step(&mut self, url: &Url, body: Option<String>) -> Result<Way, Failure> {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let mut request = self.http.request(method, url.clone()).header(COOKIE, self.cookies(url));
        if let Some(fields) = body {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(fields);
        }
        let answer = request.send().await.map_err(|why| unreachable(url, &why))?;
        self.keep(url, &answer);
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let next = header(LOCATION.as_str()).filter(|_| answer.status().is_redirection());
        if let Some(next) = next {
            let next = url.join(&next).map_err(|_| Failure::new(format!("{} sends to no address", host(url))))?;
            return Ok(Way::Next(Step { url: next, form: header(POSTED) }));
        }
        let status = answer.status();
        let text = answer.text().await.map_err(|why| unreachable(url, &why))?;
        let text = text.chars().take(MOST_READ).collect();
        Ok(Way::Shown(Arrived { status, url: url.clone(), text }))
    }

    fn cookies(&self, url: &Url) -> String {
        let host = host(url);
        let own = self.jar.iter().filter(|((of, _), _)| *of == host);
        own.map(|((_, name), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Paths and domains of cookies are not looked at: a platform's client is one place.
    fn keep(&mut self, url: &Url, answer: &reqwest::Response) {
        for line in answer.headers().get_all(SET_COOKIE) {
            let Some(cookie) = line.to_str().ok().and_then(|line| Cookie::parse(line.to_owned()).ok()) else {
                continue;
            };
            let key = (host(url), cookie.name().to_owned());
            let gone =
                cookie.value().is_empty() || cookie.max_age().is_some_and(|age| age <= cookie::time::Duration::ZERO);
            match gone {
                true => self.jar.remove(&key),
                false => self.jar.insert(key, cookie.value().to_owned()),
            };
        }
    }
}

/// Host and port; an address itself may hold a code.
fn host(url: &Url) -> String {
    url[url::Position::BeforeHost..url::Position::AfterPort].to_owned()
}

fn unreachable(url: &Url, why: &reqwest::Error) -> Failure {
    Failure::new(format!(
        "{} does not answer: {}",
        host(url),
        if why.is_timeout() { "timeout" } else { "no connection" }
    ))
}
