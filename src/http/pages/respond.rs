//! A page as an HTTP response, with the headers that keep it closed (ruling R12).

use std::collections::BTreeSet;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use url::Url;

use super::views::{GO_ON, SUBMIT};
use crate::domain::oidc::client::has_plain_host;

/// What every page is held to: nothing but our own style sheet and seal.
const CLOSED: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Where the forms of a page may lead. Chromium applies `form-action` to every redirect after a form: to the
/// client's address, and also to wherever the client sends the browser from there (tried with Chromium 156: a
/// callback that redirects to another origin was blocked although its own origin was named). What comes after a
/// callback is the client's affair and unknown here, so pages whose form may end at a client carry no
/// `form-action`; every other page keeps its forms at home (ruling R12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormTargets {
    /// Only to us: every page outside an authorization or sign-out request.
    Ourselves,
    /// The form may end at a client.
    Client,
}

impl FormTargets {
    /// The directive, empty where forms are not limited.
    fn directive(self) -> &'static str {
        match self {
            Self::Ourselves => "; form-action 'self'",
            Self::Client => "",
        }
    }

    /// A platform may have opened the sign-in in a window of its own (`display=popup`), and its library waits there for the
    /// answer: cut off from whoever opened it, that window would seem to be closed.
    fn opener(self) -> &'static str {
        match self {
            Self::Ourselves => "same-origin",
            Self::Client => "unsafe-none",
        }
    }
}

/// Answers with a page. Nothing of it is stored, framed, sent on as referrer or able to run a script.
pub fn page(status: StatusCode, html: String, forms: FormTargets) -> Response {
    let policy = HeaderValue::try_from(format!("{CLOSED}{}", forms.directive()))
        .unwrap_or(HeaderValue::from_static("default-src 'none'; form-action 'self'; frame-ancestors 'none'"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static(forms.opener())),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (
            HeaderName::from_static("permissions-policy"),
            HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        ),
    ];
    (status, headers, html).into_response()
}

/// The page that posts an answer to a client: it may run the one script that does so (CSP 3, hash source), and says
/// where it comes from, because many a client's guard against forged forms looks at `Origin`. The issuer stands in the
/// answer anyway.
pub fn posting_page(html: String) -> Response {
    let mut response = page(StatusCode::OK, html, FormTargets::Client);
    if let Ok(policy) = HeaderValue::try_from(format!("{CLOSED}; script-src '{}'", source_of(SUBMIT))) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("origin"));
    response
}

/// The page at the end of a session, with pages of clients in frames (Front-Channel Logout 1.0, 3): of exactly these
/// origins. They see nothing of ours, and we nothing of theirs. A host that could end the directive, registered before
/// that was refused, is not named: its frame stays empty, and every other one is opened.
pub fn farewell_page(status: StatusCode, html: String, frames: &[String]) -> Response {
    let mut response = page(status, html, FormTargets::Client);
    let named = frames.iter().filter_map(|frame| Url::parse(frame).ok().filter(has_plain_host));
    let origins: BTreeSet<String> = named.map(|frame| frame.origin().ascii_serialization()).collect();
    let origins = origins.into_iter().collect::<Vec<_>>().join(" ");
    if let Ok(policy) =
        HeaderValue::try_from(format!("{CLOSED}; frame-src {origins}; script-src '{}'", source_of(GO_ON)))
    {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// A hash source (CSP 3, 2.3.1): this text and no other.
pub fn source_of(script: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, script.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(forms: FormTargets) -> String {
        let response = page(StatusCode::OK, String::new(), forms);
        response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_frame_cannot_write_into_the_policy() {
        let frames = ["https://0;sandbox/out", "https://b.example/out"].map(str::to_owned);
        let response = farewell_page(StatusCode::OK, String::new(), &frames);
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap_or_default();
        assert!(
            policy.contains("; frame-src https://b.example; script-src ") && !policy.contains("sandbox"),
            "{policy}"
        );
    }

    #[test]
    fn forms_stay_at_home_unless_a_client_waits() {
        assert!(policy(FormTargets::Ourselves).ends_with("; form-action 'self'"));
        let open = policy(FormTargets::Client);
        assert!(!open.contains("form-action"), "{open}");
        assert!(
            open.contains("default-src 'none'")
                && open.contains("frame-ancestors 'none'")
                && !open.contains("script-src"),
            "{open}"
        );
    }
}
