//! What a client wants read before somebody goes on (OpenID Connect Registration, 2: `policy_uri`, `tos_uri`).

use super::web_link;
use crate::domain::locale::Locale;
use crate::domain::oidc::client::ClientMetadata;
use crate::http::pages::locales::{self, Messages};

/// Addresses as they were registered.
#[derive(Clone, Default)]
pub struct Papers {
    /// Its privacy policy.
    pub policy_uri: Option<String>,
    /// Its terms of service.
    pub tos_uri: Option<String>,
}

impl Papers {
    /// Those of a registration.
    pub fn of(metadata: &ClientMetadata) -> Self {
        Self { policy_uri: metadata.policy_uri.clone(), tos_uri: metadata.tos_uri.clone() }
    }

    /// As `papers.html` shows them.
    pub(super) fn links(&self, locale: Locale) -> Links<'_> {
        Links {
            t: &Messages::of(locale).consent,
            policy: web_link(self.policy_uri.as_deref()),
            terms: web_link(self.tos_uri.as_deref()),
        }
    }
}

/// What may be a link.
pub(super) struct Links<'a> {
    pub(super) t: &'static locales::Consent,
    pub(super) policy: Option<&'a str>,
    pub(super) terms: Option<&'a str>,
}
