//! Profiles: rules beyond the standard's that a client is held to (`edu_profile`). The FAPI 2.0 Security Profile is one:
//! what the standard leaves open is closed, so that a stolen secret, code or token is of no use.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::assertion::ClientAlg;
use super::client::{AuthMethod, Client, ClientMetadata};
use super::error::{Code, ProtocolError};
use super::request_object::ObjectAlg;
use super::signing_key::SigningAlg;

/// A profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// FAPI 2.0 Security Profile; with `require_signed_request_object` and an answer in one token, Message Signing too.
    Fapi2,
}

/// FAPI 2.0 Security Profile, 5.4.1.
const ALGS: [ClientAlg; 3] = [ClientAlg::Ps256, ClientAlg::Es256, ClientAlg::EdDsa];
/// 5.3.2.1: "shall issue authorization codes with a maximum lifetime of 60 seconds".
const LONGEST_CODE: Duration = Duration::from_secs(60);

impl Client {
    /// Whether it is held to FAPI 2.0.
    pub fn is_fapi(&self) -> bool {
        self.metadata.edu_profile == Some(Profile::Fapi2)
    }

    /// Whether it must push its requests (RFC 9126, 6), whatever stands in its registration: FAPI 2.0, 5.3.2.2.
    pub fn requires_push(&self) -> bool {
        self.metadata.require_pushed_authorization_requests || self.is_fapi()
    }

    /// Whether it may sign with an algorithm at all.
    pub fn may_sign_with(&self, alg: ClientAlg) -> bool {
        !self.is_fapi() || ALGS.contains(&alg)
    }

    /// How answers to its introspection requests are signed where it wants them so: RS256 where the registration does not say
    /// (RFC 9701, 6), which FAPI 2.0 does not know (5.4.1).
    pub fn introspection_alg(&self) -> SigningAlg {
        let unsaid = if self.is_fapi() { SigningAlg::Ps256 } else { SigningAlg::Rs256 };
        self.metadata.introspection_signed_response_alg.unwrap_or(unsaid)
    }

    /// How long its codes are good, where the setting says so much.
    pub fn code_life(&self, setting: Duration) -> Duration {
        if self.is_fapi() { setting.min(LONGEST_CODE) } else { setting }
    }
}

impl ClientMetadata {
    /// What follows from the profile, where the registration does not say otherwise.
    pub(super) fn complete_profile(&mut self) {
        if self.edu_profile == Some(Profile::Fapi2) {
            self.require_pushed_authorization_requests = true;
            self.edu_require_pkce = true;
            self.authorization_signed_response_alg.get_or_insert(ClientAlg::Ps256);
            self.introspection_signed_response_alg.get_or_insert(SigningAlg::Ps256);
        }
    }

    /// FAPI 2.0 Security Profile, 5.3.2 and 5.4.
    pub(super) fn check_profile(&self) -> Result<(), ProtocolError> {
        if self.edu_profile != Some(Profile::Fapi2) {
            return Ok(());
        }
        let invalid = |why| Err(ProtocolError::new(Code::InvalidClientMetadata, why));
        if !matches!(
            self.token_endpoint_auth_method,
            AuthMethod::PrivateKeyJwt | AuthMethod::TlsClientAuth | AuthMethod::SelfSignedTlsClientAuth
        ) {
            return invalid("a client of FAPI 2.0 proves itself with private_key_jwt or a certificate");
        }
        if !self.dpop_bound_access_tokens && !self.tls_client_certificate_bound_access_tokens {
            return invalid("access tokens of FAPI 2.0 are bound, by DPoP or a certificate");
        }
        if self.response_types.iter().any(|kind| kind != "code") {
            return invalid("FAPI 2.0 knows response_type code alone");
        }
        if self.redirect_uris.iter().any(|uri| !Url::parse(uri).is_ok_and(|url| url.scheme() == "https")) {
            return invalid("redirect_uris of FAPI 2.0 are https");
        }
        let asked = match self.request_object_signing_alg {
            Some(ObjectAlg::Unsigned(_)) => return invalid("request objects of FAPI 2.0 are signed"),
            Some(ObjectAlg::Signed(alg)) => Some(alg),
            None => None,
        };
        let algs = [
            Some(self.id_token_signed_response_alg),
            self.userinfo_signed_response_alg,
            self.authorization_signed_response_alg,
            self.token_endpoint_auth_signing_alg,
            self.backchannel_authentication_request_signing_alg,
            asked,
        ];
        let introspection = self.introspection_signed_response_alg == Some(SigningAlg::Rs256);
        if introspection || algs.into_iter().flatten().any(|alg| !ALGS.contains(&alg)) {
            return invalid("algorithms of FAPI 2.0 are PS256, ES256 and EdDSA, id_token_signed_response_alg too");
        }
        Ok(())
    }
}
