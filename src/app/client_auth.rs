//! Client authentication at every endpoint that asks for it (RFC 6749, 2.3): exactly the method that was registered.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::client_keys::Disbelief;
use super::client_secret::{Fit, with_old_secret};
use super::possession::Possession;
use super::{App, Error};
use crate::domain::oidc::assertion::{Expect, TYPES};
use crate::domain::oidc::client::{AuthMethod, Client, ClientStatus};
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::fault::FaultKind;
use crate::domain::time::Timestamp;
use crate::keys::foreign::{self, ForeignError, Header};
use crate::keys::{certificate, opaque};
use crate::store::ephemeral::Space;

/// How a client presents itself.
pub struct Credentials {
    /// The `client_id`; an assertion may say it alone (RFC 7521, 4.2).
    pub client_id: Option<String>,
    /// What goes with it.
    pub proof: Proof,
    /// Our names at this endpoint, which an assertion may address (RFC 9126, 2); the first is the issuer.
    pub audiences: Vec<String>,
    /// What the request proves besides.
    pub possession: Possession,
}

impl Credentials {
    /// Who they say it is, whatever that is worth.
    pub(super) fn claimed(&self) -> Option<String> {
        match (&self.client_id, &self.proof) {
            (Some(id), _) => Some(id.clone()),
            (None, Proof::Assertion(jwt)) => foreign::unverified_subject(jwt.expose_secret()),
            (None, _) => None,
        }
    }
}

/// What proves a client.
pub enum Proof {
    /// The secret, by HTTP Basic.
    Basic(SecretString),
    /// The secret, in the form.
    Post(SecretString),
    /// A JWT (RFC 7523, 2.2).
    Assertion(SecretString),
    /// A public client proves nothing.
    Nothing,
}

/// The same for an unknown client and a wrong secret; what it was goes to the log, and to whoever answers for the client.
fn refused(fault: FaultKind, why: impl std::fmt::Display) -> Error {
    Error {
        internal: format!("client authentication failed: {why}"),
        fault: Some(fault),
        ..ProtocolError::new(Code::InvalidClient, "client authentication failed").into()
    }
}

impl App {
    /// Authenticates a client.
    ///
    /// # Errors
    /// `invalid_client`, or a failed dependency.
    pub async fn authenticate_client(&self, credentials: &Credentials, now: Timestamp) -> Result<Arc<Client>, Error> {
        let claimed = credentials.claimed().unwrap_or_default();
        let known = self.client(&claimed, now).await?;
        let client = known.filter(|client| client.status == ClientStatus::Active);
        // Compared even when nobody is there, so that a known id answers in the same time as an unknown one.
        let fit = match &credentials.proof {
            Proof::Basic(secret) | Proof::Post(secret) => Self::is_secret_of(client.as_deref(), secret, now),
            Proof::Assertion(_) | Proof::Nothing => Fit::Wrong,
        };
        let client = client.ok_or_else(|| match self.document_fault(&claimed, now) {
            Some(_) => refused(FaultKind::Document, "the document of the client is no good"),
            None => refused(FaultKind::ClientOff, "no such client"),
        })?;
        match (client.metadata.token_endpoint_auth_method, &credentials.proof) {
            (AuthMethod::ClientSecretBasic, Proof::Basic(_)) | (AuthMethod::ClientSecretPost, Proof::Post(_)) => {
                match fit {
                    Fit::Good => Ok(client),
                    Fit::Old => Ok(with_old_secret(client)),
                    Fit::Ended => Err(refused(FaultKind::SecretOld, "a secret that was replaced")),
                    Fit::Wrong => Err(refused(FaultKind::SecretWrong, "a wrong secret")),
                }
            }
            (AuthMethod::None, Proof::Nothing) => Ok(client),
            (AuthMethod::TlsClientAuth | AuthMethod::SelfSignedTlsClientAuth, Proof::Nothing) => {
                self.check_certificate(&client, &credentials.possession, now).await?;
                Ok(client)
            }
            (AuthMethod::ClientSecretJwt | AuthMethod::PrivateKeyJwt, Proof::Assertion(jwt)) => {
                match self.check_assertion(&client, jwt.expose_secret(), &credentials.audiences, now).await? {
                    Fit::Old => Ok(with_old_secret(client)),
                    _ => Ok(client),
                }
            }
            _ => Err(refused(FaultKind::AuthMethod, "another method than the registered one")),
        }
    }

    /// RFC 8705, 2: the certificate of the connection is one that an authority gave to the registered name, or the
    /// registered one itself.
    async fn check_certificate(&self, client: &Client, possession: &Possession, now: Timestamp) -> Result<(), Error> {
        let unproven = |why| refused(FaultKind::Certificate, why);
        let mtls = self.mtls.as_ref().ok_or_else(|| unproven("no certificates are asked for here"))?;
        let leaf = possession.certificates.first().ok_or_else(|| unproven("no certificate"))?;
        let good = match client.metadata.token_endpoint_auth_method {
            AuthMethod::SelfSignedTlsClientAuth => {
                let known = self.has_registered(client, leaf).await;
                known.map_err(|why| refused(FaultKind::Keys, why))?
            }
            _ => {
                let vouched = mtls.authorities.as_ref().is_some_and(|all| all.vouch_for(&possession.certificates, now));
                vouched && client.metadata.tls_name().is_some_and(|name| certificate::is_named(leaf, &name))
            }
        };
        if good { Ok(()) } else { Err(unproven("the certificate is not the client's")) }
    }

    /// RFC 7523, 3: the signature, the claims, and that it is used once; which secret or key made it.
    async fn check_assertion(
        &self,
        client: &Client,
        jwt: &str,
        audiences: &[String],
        now: Timestamp,
    ) -> Result<Fit, Error> {
        let header = Header::read(jwt).map_err(|why| refused(FaultKind::AssertionForm, why))?;
        let method = client.metadata.token_endpoint_auth_method;
        let pinned = client.metadata.token_endpoint_auth_signing_alg;
        let served = header.alg.serves(method) && client.may_sign_with(header.alg);
        if !served || pinned.is_some_and(|alg| alg != header.alg) {
            return Err(refused(FaultKind::AssertionAlg, "an algorithm that was not registered"));
        }
        if !TYPES.contains(&header.typ.as_deref()) {
            return Err(refused(FaultKind::AssertionForm, "another kind of token"));
        }
        let (claims, fit) = if method == AuthMethod::ClientSecretJwt {
            self.verify_with_secrets(client, jwt, &header, now)?
        } else {
            let claims = self.verify_of_client(client, jwt, &header).await;
            (claims.map_err(|why| refused(fault_of(&why), why))?, Fit::Good)
        };
        let client_id = client.client_id();
        // FAPI 2.0 Security Profile, 5.3.2.1: "shall only accept its issuer identifier value […] as a string in the aud claim".
        let audiences = if client.is_fapi() { audiences.get(..1).unwrap_or_default() } else { audiences };
        let since = self.ephemeral.since();
        let expect = Expect { client_id: &client_id, audiences, one_audience: client.is_fapi(), now, since };
        // From here on whoever asks has the key: he may know what is wrong with what he made.
        let good = expect.check(&claims).map_err(|why| Error::from(ProtocolError::new(Code::InvalidClient, why)))?;
        if self.is_first_use(&client_id, &good.jti, good.remember).await? {
            Ok(fit)
        } else {
            Err(ProtocolError::new(Code::InvalidClient, "the assertion was used before").into())
        }
    }

    /// What the secret of now authenticates, or the old one while it is good.
    fn verify_with_secrets(
        &self,
        client: &Client,
        jwt: &str,
        header: &Header,
        now: Timestamp,
    ) -> Result<(Map<String, Value>, Fit), Error> {
        let wrong = |why| refused(FaultKind::AssertionSignature, why);
        let secret = self.secret_of_client(client)?.ok_or_else(|| Error::internal("no sealed secret"))?;
        match (foreign::verify_with_secret(jwt, header, secret.expose_secret()), self.old_secret_of(client, now)?) {
            (Err(_), Some(old)) => {
                let claims = foreign::verify_with_secret(jwt, header, old.expose_secret()).map_err(wrong)?;
                Ok((claims, Fit::Old))
            }
            (verified, _) => Ok((verified.map_err(wrong)?, Fit::Good)),
        }
    }

    /// RFC 7523, 3 (7): one `jti` of a client once, for as long as it would be believed.
    async fn is_first_use(&self, client_id: &str, jti: &str, remember: Duration) -> Result<bool, Error> {
        let key = opaque::lookup_key(&format!("assertion {client_id} {jti}"));
        Ok(self.ephemeral.put_if_absent(Space::Replay, &key, b"", remember).await?)
    }
}

/// Why an assertion is not believed, for whoever answers for the client.
fn fault_of(why: &Disbelief) -> FaultKind {
    match why {
        Disbelief::NoKeys(_) | Disbelief::NoneFits(_) => FaultKind::Keys,
        Disbelief::Token(ForeignError::Key) => FaultKind::AssertionKey,
        Disbelief::Token(ForeignError::Algorithm) => FaultKind::AssertionAlg,
        Disbelief::Token(ForeignError::Signature) => FaultKind::AssertionSignature,
        Disbelief::Token(_) => FaultKind::AssertionForm,
    }
}
