//! What stands around all handlers: a request id, a log line, a net for panics; and for our own forms the
//! check that they come from our own pages.

mod deadline;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody as _};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum_server::tls::TlsInfo;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tracing::Instrument as _;

use self::deadline::Deadline;
use super::Door;
use super::api::problem::{Problem, ProblemCode};
use super::error::{RETRY_SECONDS, Refused};
use super::extract::{Gone, RequestId};
use super::pages::respond::{FormTargets, page};
use super::pages::views::{ErrorId, ErrorPage};
use super::urls::path;
use crate::app::Ctx;
use crate::domain::locale::Locale;

/// No request may hold a handler longer than this.
const TIMEOUT: Duration = Duration::from_secs(30);
/// But one that sends a file may, from a school with a slow line: 16 MiB at half a megabit.
const UPLOAD: Duration = Duration::from_secs(300);
/// So much before the end the whole body has come: what is left is for the answer, which says what was wrong.
const TO_ANSWER: Duration = Duration::from_secs(10);
/// Whoever was here over TLS comes back over nothing else for a year (RFC 6797; FAPI 2.0 Security Profile, 5.2.2): else a
/// school's wireless network may answer for us. Of this host alone: what stands under it is not ours to speak for.
const TLS_ALONE: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Gives the request an id, logs and counts how it ended. The route's pattern is logged, never the URL: its query
/// may carry a code or a token.
pub async fn observe(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let _in_flight = door.app.metrics().enter();
    let ctx = Ctx::request(&door.app, None, Locale::Zh);
    let id = ctx.request_id;
    let reader = Reader::of(&request);
    request.extensions_mut().insert(RequestId(id));
    // Whoever hangs up, or is told that it takes too long, waits in no line any more.
    let gone = ctx.gone.clone();
    request.extensions_mut().insert(Gone(gone.clone()));
    let _hung_up = gone.drop_guard();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let method = request.method().clone();
    let span = tracing::info_span!("request", request_id = %id, %method, route = route.unwrap_or("-"));
    let patience = if route == Some(path::ERRAND_FILE) { UPLOAD } else { TIMEOUT };
    let request = match request.body().is_end_stream() {
        true => request,
        false => request.map(|body| Body::new(Deadline::new(body, patience.saturating_sub(TO_ANSWER)))),
    };
    let watched = async {
        // A task of its own: whoever hangs up does not cut in half what she began.
        let task = tokio::spawn(next.run(request).in_current_span());
        match tokio::time::timeout(patience, task).await {
            Ok(Ok(response)) => response,
            Ok(Err(panic)) => {
                tracing::error!(%panic, "a handler panicked");
                lost(&ctx, reader, ProblemCode::Internal)
            }
            Err(_) => lost(&ctx, reader, ProblemCode::Busy),
        }
    };
    let mut response: Response<Body> = watched.instrument(span).await;
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert("x-request-id", value);
    }
    if door.app.issuer().is_secure() {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, TLS_ALONE);
    }
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    door.app.metrics().answered(route, method.as_str(), status, took);
    if let Some(Refused(code)) = response.extensions().get() {
        door.app.metrics().refused(route.unwrap_or_default(), *code);
    }
    // Outside its span, whose fields would be read again from their text for every line.
    tracing::info!(parent: None, request_id = %id, %method, route = route.unwrap_or("-"), status, millis = took.as_millis(), "answered");
    response
}

/// Who reads an answer.
#[derive(Clone, Copy)]
enum Reader {
    /// A program that knows problem documents.
    Api,
    /// Somebody at a browser.
    Person(Locale),
    /// Anything else.
    Program,
}

impl Reader {
    fn of(request: &Request) -> Self {
        let said = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        match said(header::ACCEPT) {
            _ if request.uri().path().starts_with("/api/") => Self::Api,
            Some(kinds) if kinds.contains("text/html") => {
                Self::Person(Locale::negotiate(None, said(header::ACCEPT_LANGUAGE)))
            }
            _ => Self::Program,
        }
    }
}

/// What a request is answered whose handler says nothing: it panicked, or is still at it. A program that reads problem documents
/// reads one here too, and that it may come back; a person reads it in her language.
fn lost(ctx: &Ctx, reader: Reader, code: ProblemCode) -> Response {
    let id = if code == ProblemCode::Busy { ErrorId::Busy } else { ErrorId::Internal };
    let mut response = match reader {
        Reader::Api => return Problem::new(ctx, code).into_response(),
        Reader::Person(locale) => {
            let view = ErrorPage { id, request_id: Some(ctx.request_id.to_string()), document: None };
            page(id.status(), view.render(locale), FormTargets::Ourselves)
        }
        Reader::Program => (id.status(), [(header::CACHE_CONTROL, "no-store")]).into_response(),
    };
    if code == ProblemCode::Busy {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_SECONDS);
    }
    response
}

/// The certificate of whoever calls (RFC 9440).
pub const CLIENT_CERT: &str = "client-cert";
/// Those that lead from it to an authority.
pub const CLIENT_CERT_CHAIN: &str = "client-cert-chain";

/// After this the two headers say what the handshake of this connection proved, or what a trusted proxy says that it
/// saw, and nothing else: whatever another caller wrote there is gone (RFC 9440, 4: "MUST be sanitized"). A proxy is
/// believed on the listener that is for this alone: at its other entrances it passes on what its callers wrote.
pub async fn client_certificate(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let seen = request.extensions().get::<Arc<TlsInfo>>().map(|info| info.peer_certificates.clone());
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let forwarded = seen.is_none() && door.forwarded_certificates;
    let believed = forwarded && peer.is_some_and(|ip| door.trusts(ip));
    let headers = request.headers_mut();
    // One that adds its own to what came leaves open which is its caller's.
    let doubtful = headers.get_all(CLIENT_CERT).iter().count() > 1;
    if believed && doubtful {
        tracing::warn!("a proxy passed more than one Client-Cert on, and none was believed");
    }
    if !believed || doubtful {
        headers.remove(CLIENT_CERT);
        headers.remove(CLIENT_CERT_CHAIN);
    }
    for (at, der) in seen.into_iter().flatten().enumerate() {
        if let Ok(value) = HeaderValue::try_from(format!(":{}:", STANDARD.encode(der))) {
            headers.append(if at == 0 { CLIENT_CERT } else { CLIENT_CERT_CHAIN }, value);
        }
    }
    next.run(request).await
}

/// Only our own pages post to our own forms. Browsers say so in `Sec-Fetch-Site`; older ones in `Origin`,
/// which is `null` under our own `Referrer-Policy`. What sends neither is no browser that carries cookies
/// across sites, and sealed requests are bound to their cookie anyway.
pub async fn same_origin(State(door): State<Door>, request: Request, next: Next) -> Response {
    if request.method() == Method::POST && is_foreign(request.headers(), &door.app.issuer().origin()) {
        return (StatusCode::FORBIDDEN, "this form does not come from one of our pages").into_response();
    }
    next.run(request).await
}

/// Answers scripts of any origin, refusals too, and the preflight that a bearer token needs (Fetch, 3.2.2). What
/// authenticates never is a cookie here, so there is nothing that a foreign page could borrow.
pub async fn any_origin(request: Request, next: Next) -> Response {
    let mut response = if request.method() == Method::OPTIONS {
        let allowed = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, dpop"),
            (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        ];
        (StatusCode::NO_CONTENT, allowed).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("www-authenticate, retry-after, dpop-nonce"),
    );
    response
}

/// A nonce for the next proof with every answer, refusals too, where proofs need one (RFC 9449, 8.2).
pub async fn next_nonce(State(door): State<Door>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    match door.app.next_nonce().map(|nonce| nonce.map(HeaderValue::try_from)) {
        Ok(Some(Ok(nonce))) => {
            response.headers_mut().insert("dpop-nonce", nonce);
        }
        Ok(None) => {}
        fault => tracing::error!(?fault, "no nonce could be made"),
    }
    response
}

fn is_foreign(headers: &HeaderMap, own_origin: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin != "null" && origin != own_origin,
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::domain::audit::Actor;
    use crate::domain::time::Timestamp;

    #[test]
    fn a_program_is_told_in_its_own_form_that_nothing_came_of_it() {
        let now = Timestamp::from_micros(0);
        let (request_id, gone) = (uuid::Uuid::nil(), CancellationToken::new());
        let ctx =
            Ctx { actor: Actor::Anonymous, request_id, ip: None, locale: Locale::Zh, now, administers: false, gone };
        let busy = lost(&ctx, Reader::Api, ProblemCode::Busy);
        assert_eq!(
            (busy.status().as_u16(), &busy.headers()[header::RETRY_AFTER]),
            (503, &HeaderValue::from_static("2"))
        );
        for response in [busy, lost(&ctx, Reader::Api, ProblemCode::Internal)] {
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        }
        for (code, status) in [(ProblemCode::Busy, 503), (ProblemCode::Internal, 500)] {
            for (reader, kind) in
                [(Reader::Person(Locale::Zh), Some("text/html; charset=utf-8")), (Reader::Program, None)]
            {
                let lost = lost(&ctx, reader, code);
                let said = |name| lost.headers().get(name).and_then(|value| value.to_str().ok());
                assert_eq!((lost.status().as_u16(), said(header::CONTENT_TYPE)), (status, kind));
                assert_eq!(said(header::CACHE_CONTROL), Some("no-store"));
                assert_eq!(said(header::RETRY_AFTER), (status == 503).then_some("2"));
            }
        }
    }
}
