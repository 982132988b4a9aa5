//! A registration that is changed: by whoever keeps it, at the console, and by the operator for every client. What is checked is
//! what a registration is checked for; `client_id`, kind, sector and lawful basis stay what they were.

use std::sync::Arc;

use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Map, Value};

use super::clients::Registered;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind};
use crate::domain::audit::Action;
use crate::domain::id::ClientId;
use crate::domain::oidc::client::{Client, ClientMetadata, ClientStatus};
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::time::Timestamp;
use crate::store::clients;
use crate::store::facts::{self, Cache};

/// What stands in the answer to a registration and is not a part of it (RFC 7591, 3.2.1).
const ANSWERED: [&str; 4] = ["client_id", "client_id_issued_at", "client_secret", "client_secret_expires_at"];

/// Why redirect URIs of a client that somebody looked at stay at their host (R13).
pub const HOST_STAYS: &str =
    "the host of the redirect URIs decides who shares the subjects of this client, which never changes";

/// A member that changed; `None` where it was not said.
#[derive(Debug, Serialize)]
pub struct Changed {
    /// Its name.
    pub member: String,
    /// What was registered.
    pub before: Option<Value>,
    /// What is registered now.
    pub after: Option<Value>,
}

/// What becomes of a registration.
pub struct Restated {
    /// The client as it is from now on, with a secret where it needs one and had none that it could use.
    pub registered: Registered,
    /// In which members it differs, by name.
    pub changes: Vec<Changed>,
}

fn invalid(why: &'static str) -> Error {
    ProtocolError::new(Code::InvalidClientMetadata, why).into()
}

impl App {
    /// `mingji client show`: a client as it is registered; one that was removed is not shown.
    ///
    /// # Errors
    /// `NotFound` for an unknown client; a failed store.
    pub async fn registered_client(&self, id: ClientId) -> Result<Registered, Error> {
        let found = clients::find(&mut self.db.read().await?, id).await?;
        let client = found.filter(|client| client.status != ClientStatus::Removed);
        let client = client.ok_or_else(|| Error::not_found("a client of this id"))?;
        Ok(Registered { client: Arc::new(client), secret: None })
    }

    /// `mingji client update`: changes the members that `patch` names (RFC 7396: `null` takes one away). With `dry_run` it says
    /// what that would change, and changes nothing.
    ///
    /// # Errors
    /// `invalid_redirect_uri`, `invalid_client_metadata`; `Invalid` for what is no registration or stands in a document of the
    /// client's own, `NotFound` for an unknown client, `Conflict` when it was changed at the same moment; a failed dependency.
    pub async fn update_client(
        &self,
        ctx: &Ctx,
        id: ClientId,
        patch: Map<String, Value>,
        dry_run: bool,
    ) -> Result<Restated, Error> {
        let before = self.registered_client(id).await?.client;
        if before.document.is_some() {
            return Err(Error::invalid(
                "the registration of this client stands in a document of its own: change it there",
            ));
        }
        let metadata = patched(&before, patch)?.completed();
        if metadata.edu_client_kind != before.metadata.edu_client_kind {
            return Err(invalid(
                "a platform stays a platform and an application an application: register another client",
            ));
        }
        if metadata.edu_lawful_basis != before.metadata.edu_lawful_basis {
            return Err(invalid("the lawful basis of a client stays: register another client"));
        }
        let sector = self.checked_sector(&metadata, before.vouched).await?;
        let (client, secret) = self.restated(&before, (metadata, sector))?;
        let client = client.capped(&before);
        let changes = differences(&before.metadata, &client.metadata)?;
        let restated = Restated { registered: Registered { client: Arc::new(client), secret }, changes };
        if restated.changes.is_empty() {
            return Ok(restated);
        }
        let mut work = self.begin(ctx, Action::ClientUpdated).await?;
        self.check_resources(&mut work, &restated.registered.client.metadata).await?;
        if dry_run {
            return Ok(restated);
        }
        if !self.restate_in(&mut work, &before, &restated.registered.client, ctx.now).await? {
            return Err(Error::new(Kind::Conflict, "the client was changed at the same moment: look at it again"));
        }
        work.commit(Outcome::Done).await?;
        self.clients.look_again();
        Ok(restated)
    }

    /// A client that says something else of itself, checked before; with a secret where it needs one and had none.
    pub(super) fn restated(
        &self,
        before: &Client,
        (metadata, sector): (ClientMetadata, Option<String>),
    ) -> Result<(Client, Option<SecretString>), Error> {
        // R13: codes, grants and logout tokens go by it, and what it calls people stands for life.
        if sector.unwrap_or_else(|| before.id.to_string()) != before.sector {
            let listed = metadata.sector_identifier_uri.is_some() || before.metadata.sector_identifier_uri.is_some();
            return Err(match listed {
                true => {
                    invalid("sector_identifier_uri decides who shares the subjects of this client, which never changes")
                }
                false => ProtocolError::new(Code::InvalidRedirectUri, HOST_STAYS).into(),
            });
        }
        let mut client = Client { metadata, ..before.clone() };
        let secret = self.renew_secret(&mut client)?;
        Ok((client, secret))
    }

    /// Part of a larger change: it says so from now on, here and in other processes within two seconds. `false` when it was
    /// changed since it was read, or may not be used any more.
    pub(super) async fn restate_in(
        &self,
        work: &mut Work<'_>,
        before: &Client,
        client: &Client,
        now: Timestamp,
    ) -> Result<bool, Error> {
        if !clients::update(work.tx(), client, now).await? {
            return Ok(false);
        }
        facts::bump(work.tx(), Cache::Clients).await?;
        let changed = before.metadata.changes(&client.metadata);
        let changed: Vec<&str> = changed.iter().map(String::as_str).collect();
        work.target("client", client.id).detail("fields", changed.join(" "));
        work.event("client", client.id, "client.updated", &changed);
        Ok(true)
    }
}

fn members(metadata: &ClientMetadata) -> Result<Map<String, Value>, Error> {
    match serde_json::to_value(metadata)? {
        Value::Object(members) => Ok(members),
        _ => Err(Error::internal("a registration is no JSON object")),
    }
}

/// A registration with the members of a patch. What the operator misspelled must not pass as done.
fn patched(before: &Client, mut patch: Map<String, Value>) -> Result<ClientMetadata, Error> {
    let named = patch.get("client_id").is_none_or(|id| *id == before.client_id());
    if !named || patch.contains_key("client_secret") {
        return Err(Error::invalid("client_id stays, and `mingji client rotate-secret` replaces a secret"));
    }
    patch.retain(|name, _| !ANSWERED.contains(&name.as_str()));
    let mut all = members(&before.metadata)?;
    for (name, value) in &patch {
        match value {
            Value::Null => drop(all.remove(name)),
            value => drop(all.insert(name.clone(), value.clone())),
        }
    }
    let metadata: ClientMetadata = serde_json::from_value(Value::Object(all))
        .map_err(|why| Error::invalid(format!("this is no client metadata: {why}")))?;
    let kept = members(&metadata)?;
    let says = |value: &Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
    match patch.iter().find(|(name, value)| says(value) && !kept.contains_key(*name)) {
        Some((name, _)) => Err(Error::invalid(format!("{name} is not a member of client metadata that is kept here"))),
        None => Ok(metadata),
    }
}

fn differences(before: &ClientMetadata, after: &ClientMetadata) -> Result<Vec<Changed>, Error> {
    let (mut old, mut new) = (members(before)?, members(after)?);
    let changed = before.changes(after).into_iter();
    Ok(changed.map(|member| Changed { before: old.remove(&member), after: new.remove(&member), member }).collect())
}
