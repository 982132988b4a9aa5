//! Error pages: one stable sentence per language, on an element with a stable id.

use askama::Template;
use axum::http::StatusCode;

use super::{Frame, finish};
use crate::domain::locale::Locale;
use crate::domain::oidc::fault::DocumentFault;
use crate::http::pages::locales::{self, ErrorText, Messages};

/// Every error that a page tells a person about. A closed list: outside checks look for these ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorId {
    /// The redirect URI is not registered, so there is nowhere to redirect (RFC 6749, 4.1.2.1).
    RedirectUri,
    /// The post-logout redirect URI is not registered (RP-Initiated Logout, 2 and 3).
    PostLogoutUri,
    /// The `id_token_hint` of a sign-out cannot be checked.
    IdTokenHint,
    /// The client is unknown or switched off.
    Client,
    /// The client has no key under which it could be answered.
    ClientKeys,
    /// The interaction is over.
    Expired,
    /// Our fault.
    Internal,
    /// No such page, or not within what may be seen.
    NotFound,
    /// Too much to do right now.
    Busy,
}

impl ErrorId {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::RedirectUri,
        Self::PostLogoutUri,
        Self::IdTokenHint,
        Self::Client,
        Self::ClientKeys,
        Self::Expired,
        Self::Internal,
        Self::NotFound,
        Self::Busy,
    ];

    /// The id of the element that carries the sentence.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RedirectUri => "err-redirect-uri",
            Self::PostLogoutUri => "err-post-logout-uri",
            Self::IdTokenHint => "err-id-token-hint",
            Self::Client => "err-client",
            Self::ClientKeys => "err-client-keys",
            Self::Expired => "err-expired",
            Self::Internal => "err-internal",
            Self::NotFound => "err-not-found",
            Self::Busy => "err-busy",
        }
    }

    /// The status that the page is answered with.
    pub fn status(self) -> StatusCode {
        match self {
            Self::RedirectUri
            | Self::PostLogoutUri
            | Self::IdTokenHint
            | Self::Client
            | Self::ClientKeys
            | Self::Expired => StatusCode::BAD_REQUEST,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn text(self, t: &'static locales::Errors) -> &'static ErrorText {
        match self {
            Self::RedirectUri => &t.redirect_uri,
            Self::PostLogoutUri => &t.post_logout_uri,
            Self::IdTokenHint => &t.id_token_hint,
            Self::Client => &t.client,
            Self::ClientKeys => &t.client_keys,
            Self::Expired => &t.expired,
            Self::Internal => &t.internal,
            Self::NotFound => &t.not_found,
            Self::Busy => &t.busy,
        }
    }
}

/// An error page.
pub struct ErrorPage {
    /// Which error.
    pub id: ErrorId,
    /// Names the request in the log.
    pub request_id: Option<String>,
    /// What is wrong with the document of the client's own, for those who wrote it. Nothing that stands in it is shown.
    pub document: Option<DocumentFault>,
}

#[derive(Template)]
#[template(path = "error.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::Errors,
    m: &'a ErrorPage,
    text: &'static ErrorText,
    document: Option<&'static str>,
}

impl ErrorPage {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let t = &Messages::of(locale).errors;
        let text = self.id.text(t);
        let document = self.document.map(t.document);
        finish(&Page { frame: Frame::new(locale, text.title), t, m: self, text, document }, locale)
    }
}
