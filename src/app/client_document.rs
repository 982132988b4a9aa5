//! Clients that are known by a document of their own (draft-ietf-oauth-client-id-metadata-document-01). The document is
//! fetched when somebody comes with its address and what was read there is believed no longer; what it says passes the
//! checks of every registration, and stands in a row like every other client's, so that consents, grants and the operator's
//! hand reach it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::work::{Housekeeping, Outcome};
use super::{App, Ctx, Error};
use crate::domain::audit::{Action, Actor};
use crate::domain::auth::throttle::Network;
use crate::domain::hex::hex;
use crate::domain::id::ClientId;
use crate::domain::oidc::client::{Client, ClientMetadata, ClientStatus, Document};
use crate::domain::oidc::client_document::{self, ClientRef, ClientUrl, DocumentHosts, LONGEST};
use crate::domain::oidc::fault::DocumentFault;
use crate::domain::oidc::initial_token::Policy;
use crate::domain::time::Timestamp;
use crate::outbound::client::{OutboundError, Paper};
use crate::store::clients;
use crate::store::ephemeral::Space;

/// After a call that brought nothing there is no other so soon. Section 4.4: "MUST NOT cache error responses"; but strangers
/// choose how often they come.
const PAUSE: Duration = Duration::from_secs(5);
/// Whoever needs a document that somebody else is fetching waits so long and no longer: a slow server must not gather
/// requests here.
const PATIENCE: Duration = Duration::from_secs(3);
/// So many addresses are remembered between requests.
const MOST: usize = 2_000;

/// So many documents that nobody here knew are fetched for one network, and at one host, within [`WINDOW`]. A whole county
/// may leave through one address, but each document is new once for everybody.
const MOST_OF_NETWORK: u64 = 20;
const MOST_OF_HOST: u64 = 60;
const WINDOW: Duration = Duration::from_secs(3_600);

/// Whose documents are believed, and what is remembered of them between requests.
#[derive(Default)]
pub(crate) struct Documents {
    hosts: DocumentHosts,
    shelves: Mutex<HashMap<ClientUrl, Arc<Shelf>>>,
}

/// One address. Whoever fetches holds `call`, so that one call is under way at a time.
#[derive(Default)]
struct Shelf {
    call: tokio::sync::Mutex<()>,
    held: Mutex<Held>,
}

#[derive(Clone, Copy, Default)]
struct Held {
    /// Until when the row is believed, as far as it is known here: it is written without a word to other caches.
    until: Option<Timestamp>,
    failed: Option<(Timestamp, DocumentFault)>,
}

/// What whoever comes with a bad document is answered: it makes no client. While its server cannot be had, whoever asks comes
/// again, and is not told that he is unknown: programs throw their tokens away when they hear that.
fn answer<T>(fault: DocumentFault) -> Result<Option<T>, Error> {
    match fault {
        DocumentFault::Away => Err(Error::busy("the document of the client cannot be had at the moment")),
        _ => Ok(None),
    }
}

fn fault_of_call(why: &OutboundError) -> DocumentFault {
    match why {
        OutboundError::Timeout(_) | OutboundError::Failed { .. } => DocumentFault::Away,
        OutboundError::Status { status, .. } if *status >= 500 || *status == 429 => DocumentFault::Away,
        OutboundError::Status { .. } => DocumentFault::Status,
        OutboundError::Url | OutboundError::Plain(_) | OutboundError::Closed(_) => DocumentFault::Closed,
        OutboundError::TooLong(_) => DocumentFault::TooLong,
        OutboundError::Text(_) | OutboundError::Json(_) => DocumentFault::NotJson,
    }
}

impl Shelf {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed_lately(&self, now: Timestamp) -> Option<DocumentFault> {
        self.held().failed.filter(|(at, _)| now.since(*at) < PAUSE).map(|(_, fault)| fault)
    }
}

impl Documents {
    pub(super) fn new(hosts: DocumentHosts) -> Self {
        Self { hosts, shelves: Mutex::default() }
    }

    pub(super) fn hosts(&self) -> &DocumentHosts {
        &self.hosts
    }

    fn shelf(&self, url: &ClientUrl) -> Arc<Shelf> {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if shelves.len() >= MOST && !shelves.contains_key(url) {
            // Those under which a call is under way stay; what the others knew stands in the rows.
            shelves.retain(|_, shelf| Arc::strong_count(shelf) > 1);
        }
        Arc::clone(shelves.entry(url.clone()).or_default())
    }

    fn known(&self, url: &ClientUrl) -> Option<Arc<Shelf>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
    }

    fn is_believed(&self, url: &ClientUrl, document: &Document, now: Timestamp) -> bool {
        let shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let known = shelves.get(url).and_then(|shelf| shelf.held().until);
        now < known.map_or(document.until, |known| known.max(document.until))
    }
}

impl App {
    /// Whether addresses of documents are taken as `client_id` at all.
    pub fn takes_client_documents(&self) -> bool {
        self.documents.hosts().any()
    }

    /// A client by its wire id where it may come for the first time: the document of one that nobody knows is fetched, within
    /// the budgets of whoever asks and of the host.
    ///
    /// # Errors
    /// Busy beyond a budget or when the document's server cannot be had; a failed dependency.
    pub async fn arriving_client(&self, ctx: &Ctx, client_id: &str) -> Result<Option<Arc<Client>>, Error> {
        match (self.client(client_id, ctx.now).await?, self.documents.hosts().admit(client_id)) {
            (None, Some(url)) => self.look_at(&url, Some(ctx)).await,
            (known, _) => Ok(known),
        }
    }

    /// A client while what was read at its document is believed; it is read again when that ended. Whoever has no document
    /// of his own is always himself.
    pub(super) async fn believed(&self, client: Arc<Client>, now: Timestamp) -> Result<Option<Arc<Client>>, Error> {
        let Some(document) = &client.document else { return Ok(Some(client)) };
        // The operator may have closed the host since.
        let Some(url) = self.documents.hosts().admit(&document.url) else { return Ok(None) };
        if client.status != ClientStatus::Active || self.documents.is_believed(&url, document, now) {
            return Ok(Some(client));
        }
        self.look_at(&url, None).await
    }

    /// The id of a client that an operator names, whatever hosts are let in today.
    ///
    /// # Errors
    /// `NotFound` for a document that nobody came with; a failed store.
    pub async fn id_of_client(&self, named: &ClientRef) -> Result<ClientId, Error> {
        let found = match named {
            ClientRef::Id(id) => Some(*id),
            ClientRef::Document(url) => clients::at(&mut self.db.read().await?, url).await?.map(|client| client.id),
        };
        found.ok_or_else(|| Error::not_found("a client with this document"))
    }

    /// What stands at an address now. A row that another request or replica just wrote is believed; one that the operator
    /// took out of use is given as it is, and nobody is called.
    async fn look_at(&self, url: &ClientUrl, asker: Option<&Ctx>) -> Result<Option<Arc<Client>>, Error> {
        let shelf = self.documents.shelf(url);
        let Ok(_call) = tokio::time::timeout(PATIENCE, shelf.call.lock()).await else {
            return answer(DocumentFault::Away);
        };
        let row = clients::at(&mut self.db.read().await?, url.as_str()).await?;
        let until = row.as_ref().and_then(|client| Some(client.document.as_ref()?.until));
        if row.as_ref().is_some_and(|client| client.status != ClientStatus::Active)
            || until.is_some_and(|until| self.now() < until)
        {
            shelf.held().until = until;
            return Ok(row.map(Arc::new));
        }
        if let Some(fault) = shelf.failed_lately(self.now()) {
            return answer(fault);
        }
        if let (None, Some(ctx)) = (&row, asker) {
            self.charge_document(ctx, url).await?;
        }
        let outcome = self.read_document(url).await?;
        let now = self.now();
        match outcome {
            Ok((metadata, sector, life)) => {
                let until = now.plus(life);
                let kept = match row {
                    None => self.meet(asker, url, (metadata, sector, until)).await?,
                    Some(before) if sector.clone().unwrap_or_else(|| before.id.to_string()) != before.sector => {
                        tracing::warn!(client = %before.id, "the document of a client moved it to another sector");
                        return self.spoilt(&shelf, now, DocumentFault::Sector);
                    }
                    Some(before) => self.reread(before, metadata, until).await?,
                };
                let until = kept.as_ref().and_then(|client| Some(client.document.as_ref()?.until));
                *shelf.held() = Held { until, failed: None };
                self.metrics.document_read(None);
                Ok(kept)
            }
            Err(fault) => self.spoilt(&shelf, now, fault),
        }
    }

    /// Remembers that a document was no good, and counts it.
    fn spoilt<T>(&self, shelf: &Shelf, now: Timestamp, fault: DocumentFault) -> Result<Option<T>, Error> {
        shelf.held().failed = Some((now, fault));
        self.metrics.document_read(Some(fault));
        answer(fault)
    }

    /// What was wrong a moment ago with the document at an address that is somebody's `client_id`.
    pub fn document_fault(&self, client_id: &str, now: Timestamp) -> Option<DocumentFault> {
        let url = self.documents.hosts().admit(client_id)?;
        self.documents.known(&url)?.failed_lately(now)
    }

    /// Strangers choose addresses. What is known is not charged: it is read again no more often than a document's least life.
    async fn charge_document(&self, ctx: &Ctx, url: &ClientUrl) -> Result<(), Error> {
        let network = ctx.ip.map(|ip| Network::of(ip).to_string()).unwrap_or_default();
        // The network first: one that asks too much takes nothing from the host's share any more.
        let budgets = [
            (format!("document from {network}"), MOST_OF_NETWORK),
            (format!("document at {}", url.host()), MOST_OF_HOST),
        ];
        for (who, most) in budgets {
            let key = hex(&self.index.network(&who));
            if self.ephemeral.incr(Space::Registrations, &key, WINDOW).await?.count > most {
                return Err(Error::busy("too many documents of clients that nobody knows"));
            }
        }
        Ok(())
    }

    /// Fetches a document and checks it as every registration is checked.
    async fn read_document(
        &self,
        url: &ClientUrl,
    ) -> Result<Result<(ClientMetadata, Option<String>, Duration), DocumentFault>, Error> {
        let paper = match self.outbound.get_paper(url.as_str(), LONGEST).await {
            Ok(paper) => paper,
            Err(why) => {
                tracing::warn!(host = url.host(), %why, "the document of a client could not be fetched");
                return Ok(Err(fault_of_call(&why)));
            }
        };
        match self.admit_document(url, &paper).await {
            Ok((metadata, sector)) => {
                Ok(Ok((metadata, sector, client_document::lifetime(&paper.cache_control, paper.age))))
            }
            Err(Error { protocol: Some(why), .. }) => {
                tracing::warn!(host = url.host(), why = why.description, "the document of a client is refused");
                Ok(Err(client_document::fault_of(&why)))
            }
            Err(why) => Err(why),
        }
    }

    async fn admit_document(&self, url: &ClientUrl, paper: &Paper) -> Result<(ClientMetadata, Option<String>), Error> {
        let metadata = client_document::read(url, &paper.body)?;
        metadata.check_pairwise()?;
        self.admitted(metadata, &Policy::of_documents()).await
    }

    /// A client comes for the first time. When another replica met it at the same moment, that row is the one.
    async fn meet(
        &self,
        asker: Option<&Ctx>,
        url: &ClientUrl,
        (metadata, sector, until): (ClientMetadata, Option<String>, Timestamp),
    ) -> Result<Option<Arc<Client>>, Error> {
        let ctx = asker.cloned().unwrap_or_else(|| Ctx::task(self, "client document"));
        let (mut client, _) = self.new_client(&ctx, metadata, sector)?;
        client.document = Some(Document { url: url.as_str().to_owned(), until });
        let mut work = self.begin(&ctx, Action::ClientCreated).await?;
        if !self.add_client(&mut work, &client).await? {
            drop(work);
            return Ok(clients::at(&mut self.db.read().await?, url.as_str()).await?.map(Arc::new));
        }
        work.detail("document", url.as_str());
        work.commit(Outcome::Done).await?;
        self.clients.look_again();
        Ok(Some(Arc::new(client)))
    }

    /// What is known is read again. Grants stay what they are: a document that asks for more asks people again.
    async fn reread(
        &self,
        before: Client,
        metadata: ClientMetadata,
        until: Timestamp,
    ) -> Result<Option<Arc<Client>>, Error> {
        let document = before.document.clone().map(|document| Document { until, ..document });
        let client = Client { metadata, document, ..before.clone() };
        if before.metadata.changes(&client.metadata).is_empty() {
            let mut tx = self.housekeeping(Housekeeping::Document).await?;
            clients::believe(&mut tx, client.id, until).await?;
            tx.commit().await?;
            return Ok(Some(Arc::new(client)));
        }
        let ctx = Ctx::task(self, "client document").acting(Actor::Client { id: client.id });
        self.replace_registration(&ctx, &before, &client).await?;
        // As it stands now: the operator may have taken it out of use meanwhile.
        Ok(clients::find(&mut self.db.read().await?, client.id).await?.map(Arc::new))
    }
}
