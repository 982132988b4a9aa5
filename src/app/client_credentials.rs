//! Tokens that a client gets in its own name, for one resource of the system (RFC 6749, 4.4; RFC 8707).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::consent::note_kinds;
use super::signing::active;
use super::token::Tokens;
use super::work::Outcome;
use super::{App, Ctx, Error};
use crate::domain::audit::Action;
use crate::domain::oidc::authorization_details::Details;
use crate::domain::oidc::client::Client;
use crate::domain::oidc::confirmation::Confirmation;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::resource::Resource;
use crate::domain::oidc::token::Wanted;
use crate::domain::random::bytes;
use crate::domain::time::Timestamp;
use crate::keys::opaque;

/// Equal tokens of so long are one entry of the audit log; of shorter-lived ones those of one life.
const ONE_ENTRY: Duration = Duration::from_secs(300);

/// What was written down of clients that act in their own name: from when until when it stands for the next token too.
#[derive(Default)]
pub(crate) struct Told(Mutex<HashMap<[u8; 32], (Timestamp, Timestamp)>>);

impl Told {
    /// Forgotten all at once when there are more: then each is written once again.
    const MOST: usize = 10_000;

    fn stands(&self, key: &[u8; 32], now: Timestamp) -> bool {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back is in nobody's entry.
        told.get(key).is_some_and(|(from, until)| *from <= now && now < *until)
    }

    fn note(&self, key: [u8; 32], from: Timestamp, until: Timestamp) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= Self::MOST {
            told.clear();
        }
        told.insert(key, (from, until));
    }
}

impl App {
    /// A token about nobody. Who the client is, and that it may, was checked before.
    pub(super) async fn client_credentials(
        &self,
        ctx: &Ctx,
        client: &Client,
        scope: Option<&str>,
        wanted: &Wanted,
        cnf: &Confirmation,
    ) -> Result<Tokens, Error> {
        let uri = match (wanted.resource(), client.metadata.edu_resources.as_slice()) {
            (Some(asked), _) => asked,
            (None, [only]) => only,
            (None, _) => return Err(ProtocolError::new(Code::InvalidTarget, "say which resource").into()),
        };
        let resource = self.resource_lately(uri).await?;
        let details = self.own_details(client, &resource, wanted).await?;
        let granted = match scope {
            // Whoever asks in detail gets that, and no words that it did not ask for.
            None if !details.is_empty() => resource.is_for(client).map(|()| BTreeSet::new())?,
            _ => resource.grants(client, scope)?,
        };
        let granted = granted.into_iter().collect::<Vec<_>>().join(" ");
        let keyring = self.keyring(ctx.now).await?;
        let key = active(&keyring, resource.token_alg)?;
        self.write_down(ctx, client, &resource.uri, (&granted, &details), cnf).await?;
        // RFC 9068, 2.2: without a person "the value of sub SHOULD correspond to an identifier […] for the client".
        let mut claims = json!({
            "iss": self.issuer().as_str(), "aud": resource.uri, "sub": client.client_id(), "client_id": client.client_id(), "scope": granted,
            "iat": ctx.now.seconds(), "exp": ctx.now.plus(self.lifetimes.access_token).seconds(),
            "jti": URL_SAFE_NO_PAD.encode(bytes::<24>(&*self.random)),
        });
        if !cnf.is_none() {
            claims["cnf"] = json!(cnf);
        }
        if !details.is_empty() {
            claims["authorization_details"] = json!(details);
        }
        Ok(Tokens {
            access_token: keyring.sign_access(key, claims)?.into(),
            token_type: cnf.token_type(),
            issued_token_type: None,
            id_token: None,
            refresh_token: None,
            expires_in: self.lifetimes.access_token,
            scope: granted,
            details,
        })
    }

    /// One entry of the audit log for all equal tokens of a while: each of them opens what the first one opens. The entry says
    /// until when such are given and until when the last of them lives. It is durable before the first is given.
    async fn write_down(
        &self,
        ctx: &Ctx,
        client: &Client,
        resource: &str,
        (scope, details): (&str, &Details),
        cnf: &Confirmation,
    ) -> Result<(), Error> {
        let same = serde_json::to_string(&(client.id, resource, scope, details, cnf, ctx.ip))?;
        let key = opaque::digest(&same);
        if self.machine_tokens.stands(&key, ctx.now) {
            return Ok(());
        }
        let given_until = ctx.now.plus(self.lifetimes.access_token.min(ONE_ENTRY));
        let until = given_until.plus(self.lifetimes.access_token);
        let mut work = self.begin(ctx, Action::TokenIssued).await?;
        work.target("client", client.id).uses(client.id);
        work.detail("resource", resource).detail("scope", scope).detail("given_until", given_until.seconds());
        work.detail("until", until.seconds());
        note_kinds(&mut work, details);
        work.commit(Outcome::Done).await?;
        self.machine_tokens.note(key, ctx.now, given_until);
        Ok(())
    }

    /// What a client may do in its own name in detail: what its registration and the types let it.
    async fn own_details(&self, client: &Client, resource: &Resource, wanted: &Wanted) -> Result<Details, Error> {
        let Some(asked) = &wanted.details else { return Ok(Details::default()) };
        let settled = self.settled_details(&mut self.db.read().await?, asked, client).await?;
        match settled.iter().all(|detail| detail.locations.contains(&resource.uri)) {
            true => Ok(settled.at(&resource.uri)),
            false => {
                let why = "authorization_details are for another resource";
                Err(ProtocolError::new(Code::InvalidAuthorizationDetails, why).into())
            }
        }
    }
}
