//! A page as an HTTP response, with the headers that keep it closed (ruling R12).

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::Url;

/// Where the forms of a page may lead. Chromium applies `form-action` to the redirects after a form,
/// so a page whose form may end at a client has to name that client's origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormTargets {
    /// Only to us: every page outside an authorization or sign-out request.
    Ourselves,
    /// To us, and by redirect to this address (the redirect URI of the request).
    AlsoTo(Url),
    /// Not limited, for the case that a browser refuses the narrower form.
    Anywhere,
}

impl FormTargets {
    /// [`Self::AlsoTo`] for the redirect URI of a request, [`Self::Ourselves`] where it is none or
    /// cannot be read.
    pub fn for_redirect(redirect_uri: Option<&str>) -> Self {
        redirect_uri.and_then(|text| Url::parse(text).ok()).map_or(Self::Ourselves, Self::AlsoTo)
    }

    /// The directive, empty where forms are not limited.
    fn directive(&self) -> String {
        match self {
            Self::Ourselves => "; form-action 'self'".to_owned(),
            Self::AlsoTo(url) => format!("; form-action 'self' {}", source_of(url)),
            Self::Anywhere => String::new(),
        }
    }
}

/// A CSP source expression (CSP Level 3, 2.3.1): the origin of a web address, the scheme of a native
/// client's private-use address (RFC 8252, 7.1), which has no origin. A host in brackets is not in the
/// grammar, so an IPv6 loopback client is named by its scheme.
fn source_of(url: &Url) -> String {
    match (url.origin(), url.host()) {
        (origin @ url::Origin::Tuple(..), Some(url::Host::Domain(_) | url::Host::Ipv4(_))) => {
            origin.ascii_serialization()
        }
        _ => format!("{}:", url.scheme()),
    }
}

/// Answers with a page. Nothing of it is stored, framed, sent on as referrer or able to run a script.
pub fn page(status: StatusCode, html: String, forms: &FormTargets) -> Response {
    let closed = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    let policy = HeaderValue::try_from(format!("{closed}{}", forms.directive()))
        .unwrap_or(HeaderValue::from_static("default-src 'none'; form-action 'self'; frame-ancestors 'none'"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (
            HeaderName::from_static("permissions-policy"),
            HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        ),
    ];
    (status, headers, html).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(forms: &FormTargets) -> String {
        let response = page(StatusCode::OK, String::new(), forms);
        response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap_or_default().to_owned()
    }

    #[test]
    fn forms_reach_only_the_client_of_the_request() {
        for (redirect, expected) in [
            (None, "; form-action 'self'"),
            (Some("not a url"), "; form-action 'self'"),
            (
                Some("https://platform.example:8443/cb?x=1;script-src *"),
                "; form-action 'self' https://platform.example:8443",
            ),
            (Some("http://127.0.0.1:41000/cb"), "; form-action 'self' http://127.0.0.1:41000"),
            (Some("http://[::1]:41000/cb"), "; form-action 'self' http:"),
            (Some("cn.example.app:/cb"), "; form-action 'self' cn.example.app:"),
        ] {
            let policy = policy(&FormTargets::for_redirect(redirect));
            assert!(policy.ends_with(expected), "{redirect:?}: {policy}");
            assert!(policy.contains("default-src 'none'") && !policy.contains("script-src"), "{policy}");
        }
        assert!(!policy(&FormTargets::Anywhere).contains("form-action"));
    }
}
