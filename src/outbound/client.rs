//! The one HTTP client for addresses that others gave us (ruling R14). It looks at every address before it
//! connects, literal or resolved, follows no redirect, knows no proxy from the environment, and stops reading
//! when a body grows too long. The connection goes to the addresses that were looked at: there is no second
//! look-up in which a name could point elsewhere.

use std::error::Error as StdError;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{AGE, CACHE_CONTROL, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::address::{Allow, Rules};

/// For a whole call, from the look-up to the last byte.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// For the look-up, TCP and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// The longest body that is read; a JWK Set of a hundred RSA keys has about 100 KiB.
pub const BODY_LIMIT: usize = 256 * 1024;

/// Why a call was not made or brought nothing. No text holds more of the address than its host.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// Not an absolute http(s) URL, or one with a user name or a fragment.
    #[error("the address is not an absolute https URL without user name and fragment")]
    Url,
    /// Plain http to a host that is not named in `MINGJI_OUTBOUND_ALLOW`.
    #[error("plain http to {0} is closed; use https, or name the host in MINGJI_OUTBOUND_ALLOW")]
    Plain(String),
    /// Every address of the host is closed.
    #[error("{0} is not on the public internet; name it in MINGJI_OUTBOUND_ALLOW when that is meant")]
    Closed(String),
    /// It took longer than [`CALL_TIMEOUT`].
    #[error("{0} did not answer in time")]
    Timeout(String),
    /// Name, connection, TLS or transfer failed.
    #[error("the call to {host} failed: {reason}")]
    Failed {
        /// The host that was called.
        host: String,
        /// The innermost reason.
        reason: String,
    },
    /// The answer has another status than 200.
    #[error("{host} answered with status {status}")]
    Status {
        /// The host that was called.
        host: String,
        /// What it answered.
        status: u16,
    },
    /// The body is longer than [`BODY_LIMIT`], or than was asked for.
    #[error("the answer of {0} is too long")]
    TooLong(String),
    /// The body is no text.
    #[error("the answer of {0} is no text")]
    Text(String),
    /// The body is not the JSON that was expected.
    #[error("the answer of {0} is not the JSON that was expected")]
    Json(String),
}

/// The client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The bundle holds no certificate that can be read.
    #[error("MINGJI_OUTBOUND_CA holds no readable PEM certificate")]
    Bundle,
    /// The TLS library refused.
    #[error("the outbound client cannot start: {0}")]
    Start(String),
}

/// An answer: its status and its whole body.
#[derive(Clone)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// At most [`BODY_LIMIT`] bytes.
    pub body: Vec<u8>,
}

/// A body may hold personal data or tokens.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

/// A document that says how long it may be kept.
pub struct Paper {
    /// The JSON, unread.
    pub body: Vec<u8>,
    /// Its `Cache-Control`, all of them together; empty where there is none.
    pub cache_control: String,
    /// How old it was when it came, as caches on the way say (RFC 9111, 5.1).
    pub age: Duration,
}

/// The guarded client; cheap to clone.
#[derive(Clone)]
pub struct GuardedClient {
    rules: Arc<Rules>,
    https: Client,
    /// Its resolver opens only what the operator named.
    plain: Client,
}

impl GuardedClient {
    /// A client that reaches the public internet by https, and by http or https what `allow` names.
    /// `extra_ca` is a PEM bundle that is trusted besides the system's roots.
    ///
    /// # Errors
    /// [`ClientError`] for an unreadable bundle or when the TLS library refuses. A system without root
    /// certificates is not an error (a demo calls itself only): https then trusts the bundle alone.
    pub fn new(allow: Vec<Allow>, extra_ca: Option<Vec<u8>>) -> Result<Self, ClientError> {
        super::install_tls_provider();
        let rules = Arc::new(Rules::new(allow));
        let extra = read_bundle(extra_ca.as_deref())?;
        let base = |plain: bool| {
            let guard = GuardedResolver { rules: Arc::clone(&rules), plain };
            Client::builder()
                .dns_resolver(Arc::new(guard))
                .redirect(Policy::none())
                .no_proxy()
                .referer(false)
                .timeout(CALL_TIMEOUT)
                .connect_timeout(CONNECT_TIMEOUT)
                .pool_idle_timeout(Duration::from_secs(30))
                .user_agent("mingji")
        };
        let https = base(false).https_only(true).tls_certs_merge(extra.clone()).build().or_else(|error| {
            tracing::warn!(
                error = innermost(&error),
                "no system root certificates: outbound https trusts the bundle only"
            );
            start(base(false).https_only(true).tls_certs_only(extra))
        })?;
        let plain = start(base(true).tls_certs_only([]))?;
        Ok(Self { rules, https, plain })
    }

    /// Fetches JSON with GET.
    ///
    /// # Errors
    /// [`OutboundError`]; any status but 200 is one.
    pub async fn get_json<T: DeserializeOwned>(&self, url: &str) -> Result<T, OutboundError> {
        let (body, host) = self.get(url, "application/json").await?;
        serde_json::from_slice(&body).map_err(|_| OutboundError::Json(host))
    }

    /// Fetches JSON of at most so many bytes with GET, and how long it may be kept.
    ///
    /// # Errors
    /// [`OutboundError`]; any status but 200 is one, and so is another type than `application/json` or `application/…+json`:
    /// what somebody put on a host as a picture or a note is not what the host says.
    pub async fn get_paper(&self, url: &str, most: usize) -> Result<Paper, OutboundError> {
        let (client, url, host) = self.admit(url)?;
        let response = begin(client.get(url).header("accept", "application/json"), &host).await?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(OutboundError::Status { host, status });
        }
        let text = |name| {
            let lines = response.headers().get_all(name).iter().filter_map(|line| line.to_str().ok());
            lines.collect::<Vec<_>>().join(",")
        };
        let (kind, cache_control, age) = (text(CONTENT_TYPE), text(CACHE_CONTROL), text(AGE));
        if !is_json(&kind) {
            return Err(OutboundError::Json(host));
        }
        let age = Duration::from_secs(age.trim().parse().unwrap_or_default());
        Ok(Paper { body: read(response, &host, most).await?, cache_control, age })
    }

    /// Fetches a token with GET (RFC 9101, 5.2.3).
    ///
    /// # Errors
    /// [`OutboundError`]; any status but 200 is one.
    pub async fn get_jwt(&self, url: &str) -> Result<String, OutboundError> {
        let (body, host) = self.get(url, "application/oauth-authz-req+jwt, application/jwt").await?;
        let text = String::from_utf8(body).map_err(|_| OutboundError::Text(host))?;
        Ok(text.trim().to_owned())
    }

    async fn get(&self, url: &str, accept: &'static str) -> Result<(Vec<u8>, String), OutboundError> {
        let (client, url, host) = self.admit(url)?;
        let answer = send(client.get(url).header("accept", accept), &host).await?;
        match answer.status {
            200 => Ok((answer.body, host)),
            status => Err(OutboundError::Status { host, status }),
        }
    }

    /// Posts a form and returns whatever was answered; a redirect is an answer like any other.
    ///
    /// # Errors
    /// [`OutboundError`], never for a status.
    pub async fn post_form(&self, url: &str, fields: &[(&str, &str)]) -> Result<Answer, OutboundError> {
        let (client, url, host) = self.admit(url)?;
        send(client.post(url).form(fields), &host).await
    }

    /// Posts JSON under a bearer token and returns whatever was answered.
    ///
    /// # Errors
    /// [`OutboundError`], never for a status.
    pub async fn post_json(&self, url: &str, bearer: &str, body: &serde_json::Value) -> Result<Answer, OutboundError> {
        let (client, url, host) = self.admit(url)?;
        send(client.post(url).bearer_auth(bearer).json(body), &host).await
    }

    /// Posts a text of some type and returns whatever was answered.
    ///
    /// # Errors
    /// [`OutboundError`], never for a status.
    pub async fn post_text(&self, url: &str, kind: &'static str, text: String) -> Result<Answer, OutboundError> {
        let (client, url, host) = self.admit(url)?;
        send(client.post(url).header("content-type", kind).body(text), &host).await
    }

    /// Checks what can be known before the look-up, and chooses the client.
    fn admit(&self, url: &str) -> Result<(&Client, Url, String), OutboundError> {
        let url = Url::parse(url).map_err(|_| OutboundError::Url)?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(OutboundError::Url);
        }
        let plain = match url.scheme() {
            "https" => false,
            "http" => true,
            _ => return Err(OutboundError::Url),
        };
        let host = url.host_str().ok_or(OutboundError::Url)?.to_owned();
        // The HTTP library connects to a literal address without asking the resolver.
        let literal = match url.host() {
            Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
            Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
            Some(Host::Domain(_)) | None => None,
        };
        if literal.is_some_and(|address| !self.rules.opens(address, plain)) {
            return Err(closed(host, plain));
        }
        Ok((if plain { &self.plain } else { &self.https }, url, host))
    }
}

fn read_bundle(pem: Option<&[u8]>) -> Result<Vec<Certificate>, ClientError> {
    let Some(pem) = pem else { return Ok(Vec::new()) };
    let certificates = Certificate::from_pem_bundle(pem).map_err(|_| ClientError::Bundle)?;
    if certificates.is_empty() { Err(ClientError::Bundle) } else { Ok(certificates) }
}

fn start(builder: ClientBuilder) -> Result<Client, ClientError> {
    builder.build().map_err(|error| ClientError::Start(innermost(&error)))
}

fn closed(host: String, plain: bool) -> OutboundError {
    if plain { OutboundError::Plain(host) } else { OutboundError::Closed(host) }
}

async fn send(request: RequestBuilder, host: &str) -> Result<Answer, OutboundError> {
    let response = begin(request, host).await?;
    let status = response.status().as_u16();
    Ok(Answer { status, body: read(response, host, BODY_LIMIT).await? })
}

async fn begin(request: RequestBuilder, host: &str) -> Result<Response, OutboundError> {
    request.send().await.map_err(|error| explain(&error, host))
}

async fn read(mut response: Response, host: &str, most: usize) -> Result<Vec<u8>, OutboundError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| explain(&error, host))? {
        if body.len() + chunk.len() > most {
            return Err(OutboundError::TooLong(host.to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Whether a media type is JSON's own, or another that is written in it (RFC 6839, 3.1).
fn is_json(kind: &str) -> bool {
    let name = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    name == "application/json" || (name.starts_with("application/") && name.ends_with("+json"))
}

/// What the library reports, with our own refusal found again inside it and without the URL.
fn explain(error: &reqwest::Error, host: &str) -> OutboundError {
    if let Some(refusal) = causes(error).find_map(|cause| cause.downcast_ref::<ClosedName>()) {
        return closed(host.to_owned(), refusal.plain);
    }
    if error.is_timeout() {
        return OutboundError::Timeout(host.to_owned());
    }
    OutboundError::Failed { host: host.to_owned(), reason: innermost(error) }
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().map_or_else(String::new, ToString::to_string)
}

/// Looks names up and keeps the addresses that are open; a name without one is refused.
struct GuardedResolver {
    rules: Arc<Rules>,
    plain: bool,
}

/// Every address of a name is closed.
#[derive(Debug, thiserror::Error)]
#[error("every address of the name is closed")]
struct ClosedName {
    plain: bool,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (rules, plain) = (Arc::clone(&self.rules), self.plain);
        Box::pin(async move {
            let named = rules.names(name.as_str());
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let open: Vec<SocketAddr> = found.filter(|address| named || rules.opens(address.ip(), plain)).collect();
            if open.is_empty() {
                return Err(ClosedName { plain }.into());
            }
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}
