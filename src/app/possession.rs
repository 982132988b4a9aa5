//! What a request proves of its sender besides secrets: that she has a key (DPoP, RFC 9449), or that of the certificate of
//! her connection (RFC 8705). Tokens are bound to it, and refused to whoever shows them without.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{App, Ctx, Error};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::confirmation::Confirmation;
use crate::domain::oidc::dpop::{Expect, NONCE_LIFE};
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::time::Timestamp;
use crate::keys::certificate::{self, Authorities};
use crate::keys::{opaque, proof};
use crate::store::ephemeral::Space;

const NONCE_SEAL: &str = "dpop nonce";

/// What came with a request.
#[derive(Clone, Default)]
pub struct Possession {
    /// The `DPoP` headers; more than one is a fault.
    pub proofs: Vec<String>,
    /// The method of the request.
    pub method: String,
    /// The addresses under which the endpoint is known.
    pub urls: Vec<String>,
    /// The certificates of the connection, as DER: the sender's first, then those that lead to an authority.
    pub certificates: Vec<Vec<u8>>,
}

/// Connections with certificates of clients.
pub struct Mtls {
    /// Where they come in, as `https://mtls.id.example`.
    pub origin: String,
    /// Who vouches for certificates; only registered ones are good where nobody does.
    pub authorities: Option<Authorities>,
}

/// How an access token is presented (RFC 6750, 2.1; RFC 9449, 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Whoever has it may use it.
    Bearer,
    /// With a proof.
    Dpop,
}

/// An access token as it came to a resource of ours.
pub struct AccessToken {
    /// The token.
    pub text: SecretString,
    /// How it was presented.
    pub scheme: Scheme,
    /// What came with it.
    pub possession: Possession,
}

/// What a request shows: good, and not used up yet.
pub(super) struct Shown {
    proved: Confirmation,
    /// The name of the proof, and how long it must be remembered.
    proof: Option<(String, Duration)>,
}

fn bad_proof(why: &'static str) -> Error {
    ProtocolError::new(Code::InvalidDpopProof, why).into()
}

impl App {
    /// What a request shows; nothing where it brings no proof. `access_token` is the one that the proof must name.
    /// Nothing is written: whoever needs a nonce comes again with everything else that she sent.
    ///
    /// # Errors
    /// `invalid_dpop_proof` or `use_dpop_nonce`.
    pub(super) fn shown(&self, ctx: &Ctx, possession: &Possession, access_token: Option<&str>) -> Result<Shown, Error> {
        let (jkt, proof) = match possession.proofs.as_slice() {
            [] => (None, None),
            [proof] => {
                let (jkt, key, remember) = self.check_proof(ctx, possession, proof, access_token)?;
                (Some(jkt), Some((key, remember)))
            }
            // RFC 9449, 4.3 (1).
            _ => return Err(bad_proof("more than one DPoP header")),
        };
        Ok(Shown { proved: Confirmation { jkt, x5t: self.shown_certificate(possession) }, proof })
    }

    /// Uses up what was shown. Proofs that anybody can make in the name of a public client have a room of their own: a
    /// flood of them stops no client that proves who it is, and nobody who has a token.
    ///
    /// # Errors
    /// `invalid_dpop_proof` the second time; `Busy` when strangers left too much in this minute; a failed dependency.
    pub(super) async fn use_up(&self, ctx: &Ctx, shown: Shown, by_anybody: bool) -> Result<Confirmation, Error> {
        if by_anybody && shown.proof.is_some() {
            self.charge_room(ctx, 0).await?;
        }
        let space = if by_anybody { Space::ProofByAnybody } else { Space::Proof };
        if let Some((key, remember)) = &shown.proof
            && !self.ephemeral.put_if_absent(space, key, b"", *remember).await?
        {
            return Err(bad_proof("the proof was used before"));
        }
        Ok(shown.proved)
    }

    /// Names the certificate of the connection. The proof of its key was the handshake.
    fn shown_certificate(&self, possession: &Possession) -> Option<String> {
        let leaf = possession.certificates.first().filter(|_| self.mtls.is_some());
        leaf.map(|der| certificate::thumbprint(der))
    }

    /// Where clients with certificates come in, if anywhere.
    pub fn mtls_origin(&self) -> Option<&str> {
        self.mtls.as_ref().map(|mtls| mtls.origin.as_str())
    }

    /// Whether certificates are believed because somebody vouches for them (RFC 8705, 2.1), and not only because a client
    /// registered them itself.
    pub fn has_certificate_authorities(&self) -> bool {
        self.mtls.as_ref().is_some_and(|mtls| mtls.authorities.is_some())
    }

    /// The addresses under which one of our endpoints is known (RFC 8705, 5).
    pub fn addresses(&self, path: &str) -> Vec<String> {
        let alias = self.mtls_origin().map(|origin| format!("{origin}{path}"));
        std::iter::once(self.issuer().at(path)).chain(alias).collect()
    }

    /// What the tokens of a token request are bound to.
    ///
    /// # Errors
    /// As [`App::use_up`]; `missing` or `invalid_request` too where the client registered for bound tokens and proved
    /// nothing.
    pub(super) async fn binding(
        &self,
        ctx: &Ctx,
        client: &Client,
        shown: Shown,
        missing: Code,
    ) -> Result<Confirmation, Error> {
        let proved = self.use_up(ctx, shown, client.is_public()).await?;
        if client.metadata.dpop_bound_access_tokens && proved.jkt.is_none() {
            let why = "the client is registered for bound tokens: a DPoP proof is needed";
            return Err(ProtocolError::new(missing, why).into());
        }
        // RFC 8705, 3.4: only those that registered so; a certificate may be there for other reasons.
        match (client.metadata.tls_client_certificate_bound_access_tokens, &proved.x5t) {
            (true, None) => {
                let why = "the client is registered for tokens bound to a certificate: there is none";
                Err(ProtocolError::new(Code::InvalidRequest, why).into())
            }
            (true, Some(_)) => Ok(proved),
            (false, _) => Ok(Confirmation { x5t: None, ..proved }),
        }
    }

    /// The key of a good proof, its name, and how long that must be remembered.
    fn check_proof(
        &self,
        ctx: &Ctx,
        possession: &Possession,
        proof: &str,
        access_token: Option<&str>,
    ) -> Result<(String, String, Duration), Error> {
        let signed = proof::read(proof).map_err(|why| Error {
            internal: format!("DPoP proof: {why}"),
            ..bad_proof("the proof is not a DPoP proof, or its signature does not hold")
        })?;
        let nonce = signed.claims.get("nonce").and_then(Value::as_str);
        let nonce_made_at = nonce.and_then(|nonce| self.nonce_made_at(nonce, ctx.now));
        if self.asks_for_nonce && nonce_made_at.is_none() {
            return Err(ProtocolError::new(Code::UseDpopNonce, "the proof needs the nonce of this answer").into());
        }
        let ath = access_token.map(opaque::s256);
        let expect = Expect {
            method: &possession.method,
            urls: &possession.urls,
            ath: ath.as_deref(),
            nonce_made_at,
            now: ctx.now,
            since: self.ephemeral.since(),
        };
        let good = expect.check(&signed.claims).map_err(bad_proof)?;
        let key = opaque::lookup_key(&format!("{} {}", signed.thumbprint, good.jti));
        Ok((signed.thumbprint, key, good.remember))
    }

    /// Refuses a token that is bound to something its bearer did not prove, and one that is presented as bound and is
    /// not (RFC 9449, 7.1 and 7.2). Every resource of ours asks this, after it believed the token.
    ///
    /// # Errors
    /// `invalid_token`, `invalid_dpop_proof`, `use_dpop_nonce`, or a failed dependency.
    pub(super) async fn check_holder(&self, ctx: &Ctx, token: &AccessToken, claims: &Value) -> Result<(), Error> {
        let refused = |why: &'static str| Error::from(ProtocolError::new(Code::InvalidToken, why));
        let bound: Confirmation = match claims.get("cnf") {
            None => Confirmation::default(),
            Some(cnf) => serde_json::from_value(cnf.clone())?,
        };
        if (token.scheme == Scheme::Dpop) != bound.jkt.is_some() {
            return Err(refused("the token is not of the type that it is presented as"));
        }
        let proved = match token.scheme {
            Scheme::Bearer => Confirmation { jkt: None, x5t: self.shown_certificate(&token.possession) },
            Scheme::Dpop if token.possession.proofs.is_empty() => {
                return Err(bad_proof("the token needs a DPoP proof"));
            }
            Scheme::Dpop => {
                let shown = self.shown(ctx, &token.possession, Some(token.text.expose_secret()))?;
                self.use_up(ctx, shown, false).await?
            }
        };
        if bound.is_met_by(&proved) { Ok(()) } else { Err(refused("the token is bound to another key or certificate")) }
    }

    /// A nonce for the next proof, where they are asked for. It is a moment under our seal: nothing is stored, and every
    /// replica knows it.
    ///
    /// # Errors
    /// A failed seal.
    pub fn next_nonce(&self) -> Result<Option<String>, Error> {
        if !self.asks_for_nonce {
            return Ok(None);
        }
        let made = self.now().seconds().to_be_bytes();
        Ok(Some(self.sealer.seal_state(NONCE_SEAL, b"", &made, &*self.random)?))
    }

    fn nonce_made_at(&self, nonce: &str, now: Timestamp) -> Option<Timestamp> {
        let plain = self.sealer.open_state(NONCE_SEAL, b"", nonce).ok()?;
        let made = Timestamp::from_seconds(i64::from_be_bytes(plain.try_into().ok()?));
        (now.since(made) < NONCE_LIFE).then_some(made)
    }
}
