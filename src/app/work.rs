//! One change of the system: a write transaction with its audit entry and its events. There is no other way
//! to a write transaction from a use case, and none to commit it without the entry.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Instant;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::shown::detail_of;
use super::{App, Ctx, Error, Kind, access, row_digest};
use crate::domain::access::TaskName;
use crate::domain::audit::{Action, Actor, Entry};
use crate::domain::event::Event;
use crate::domain::id::{AuditId, ClientId, EventId, OrgId, PersonId};
use crate::store::db::{Change, Tx};
use crate::store::sessions::Attendance;
use crate::store::{admin_grants, audit_places, books, disclosures, institutions, registrations};

/// How often two who write about the same people at once are let try again.
const TRIES: u32 = 8;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused, and that is kept.
    Refused(&'static str),
}

/// Writes that no one needs to audit, from a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Housekeeping {
    /// Idle time, old rows, delivery states.
    Upkeep,
    /// Numbers after commit.
    Sequencer,
    /// Fingerprints of root secrets, notes of the operator's own doing.
    Installation,
    /// A subject that a sector hears of for the first time in an answer about somebody else.
    Subject,
    /// What a request of the API was answered that may be sent again.
    Repetition,
    /// A part of the file of an errand, which is audited when it is whole; how far one is.
    Errand,
    /// What a device asks of nobody in particular, until somebody answered; nothing was given yet.
    Question,
    /// Failed requests of clients.
    Faults,
    /// The document of a client was read again and says the same.
    Document,
}

/// A write transaction in the making.
pub struct Work<'a> {
    app: &'a App,
    ctx: &'a Ctx,
    tx: Tx,
    additions: Vec<Change>,
    taken: Option<Error>,
    uses: Option<ClientId>,
    ends: bool,
    action: Action,
    target: Map<String, Value>,
    details: Map<String, Value>,
    events: Vec<Event>,
    shown: BTreeSet<PersonId>,
    sides: BTreeSet<OrgId>,
    because: Option<String>,
    /// How people's papers stood before anything was done to them.
    papers: BTreeMap<PersonId, Vec<String>>,
    /// Of whom there are digests, in their order.
    digested: Vec<PersonId>,
    /// Committed with others, where that is so.
    shared: Option<Attendance>,
}

impl App {
    /// Begins a change. Dropped without [`Work::commit`], nothing of it happened.
    ///
    /// # Errors
    /// When no transaction can be had.
    pub(crate) async fn begin<'a>(&'a self, ctx: &'a Ctx, action: Action) -> Result<Work<'a>, Error> {
        let tx = self.writer().await?.noting(row_digest::MOST);
        Ok(self.work(ctx, action, tx, None))
    }

    /// Begins a change that gives something to a client in a session and reads no more than it did already: its rows are
    /// added with those of others in one commit, where the session is still attended so. Its answer is `Busy` where it was
    /// not added, for whatever reason: the change is to be made alone.
    ///
    /// # Errors
    /// When no connection can be had.
    pub(crate) async fn begin_shared<'a>(
        &'a self,
        ctx: &'a Ctx,
        action: Action,
        attendance: Attendance,
    ) -> Result<Work<'a>, Error> {
        let tx = self.db.read().await?;
        Ok(self.work(ctx, action, tx, Some(attendance)))
    }

    fn work<'a>(&'a self, ctx: &'a Ctx, action: Action, tx: Tx, shared: Option<Attendance>) -> Work<'a> {
        Work {
            app: self,
            ctx,
            tx,
            additions: Vec::new(),
            taken: None,
            uses: None,
            ends: false,
            action,
            target: Map::new(),
            details: Map::new(),
            papers: BTreeMap::new(),
            digested: Vec::new(),
            events: Vec::new(),
            shown: BTreeSet::new(),
            sides: BTreeSet::new(),
            because: None,
            shared,
        }
    }

    /// Tries again, for a while, when somebody else was quicker with the same people.
    ///
    /// # Errors
    /// As `once` says; `Busy` when others always were.
    pub(crate) async fn patiently<T, F, Fut>(&self, once: F) -> Result<T, Error>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let mut attempt = 1;
        loop {
            match once().await {
                Err(error) if error.kind == Kind::Busy && attempt < TRIES => self.pause(attempt).await,
                result => return result,
            }
            attempt += 1;
        }
    }

    /// A pause before whoever was slower tries again, longer each time and never the same for two.
    pub(crate) async fn pause(&self, attempt: u32) {
        let [jitter] = crate::domain::random::bytes::<1>(&*self.random);
        let millis = u64::from(attempt.min(8)) * 5 + u64::from(jitter % 32);
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
    }

    /// A write transaction for [`Housekeeping`].
    ///
    /// # Errors
    /// When no transaction can be had.
    pub(crate) async fn housekeeping(&self, _why: Housekeeping) -> Result<Tx, Error> {
        // Nobody waits for it, and much of it grows with the register.
        Ok(self.writer().await?.taking_time())
    }

    async fn writer(&self) -> Result<Tx, Error> {
        let since = Instant::now();
        let tx = self.db.write().await;
        self.metrics.write_waited(since.elapsed());
        Ok(tx?)
    }
}

/// What gives or shows somebody something and leaves everything that was read as it is. What was refused may have taken
/// something away, a replayed code what it gave; a password that was wrong took nothing.
fn only_gives(action: Action, outcome: Outcome) -> bool {
    use Action::{
        FeedRead, GrantCreated, GrantRefreshed, PersonSearched, PersonViewed, SignIn, TokenExchanged, TokenIssued,
    };
    match outcome {
        Outcome::Done => matches!(
            action,
            SignIn
                | GrantCreated
                | GrantRefreshed
                | TokenIssued
                | TokenExchanged
                | PersonViewed
                | PersonSearched
                | FeedRead
        ),
        Outcome::Refused(_) => action == SignIn,
    }
}

impl Work<'_> {
    /// The transaction; of a shared change a connection that reads.
    pub(crate) fn tx(&mut self) -> &mut Tx {
        &mut self.tx
    }

    /// How the session stands that a shared change gives something in.
    pub(crate) const fn attendance(&self) -> Option<&Attendance> {
        self.shared.as_ref()
    }

    /// A row that is added at the commit, in one message with the entry and the event; nothing reads it before. Where it is
    /// there already, nothing is committed and the answer is `otherwise`.
    pub(crate) fn adds_new(&mut self, row: Change, otherwise: Error) -> &mut Self {
        self.additions.insert(0, row);
        self.taken = Some(otherwise);
        self
    }

    /// Another one, which cannot be there yet.
    pub(crate) fn adds(&mut self, row: Change) -> &mut Self {
        self.additions.push(row);
        self
    }

    /// A client gets something: whoever registered itself and never did ends (RFC 7591's open door).
    pub(crate) fn uses(&mut self, client: ClientId) -> &mut Self {
        self.uses = Some(client);
        self
    }

    /// Something that was told of ends with it, whatever else it is.
    pub(crate) fn ends(&mut self) -> &mut Self {
        self.ends = true;
        self
    }

    /// Whom or what it is done to.
    pub(crate) fn target(&mut self, kind: &'static str, id: impl Into<Uuid>) -> &mut Self {
        self.target.insert(kind.into(), json!(id.into()));
        self
    }

    /// A name, a count, a scope; never a person's value.
    pub(crate) fn detail(&mut self, name: &'static str, value: impl Into<Value>) -> &mut Self {
        self.details.insert(name.into(), value.into());
        self
    }

    /// Whose record the answer shows: she will find in her own list that it did.
    pub(crate) fn shows(&mut self, person: PersonId) -> &mut Self {
        self.shown.insert(person);
        self
    }

    /// Keyed digests of what was changed about somebody, before the first change and after the last one: whoever holds the
    /// state can show that it is the one that was meant. Of a second person they have a number.
    pub(crate) fn digests(&mut self, of: PersonId, before: Option<String>, after: String) -> &mut Self {
        let known = self.digested.iter().position(|known| *known == of);
        let at = known.unwrap_or(self.digested.len());
        if known.is_none() {
            self.digested.push(of);
        }
        let name = |when: &str| if at == 0 { format!("digest_{when}") } else { format!("digest_{when}_{}", at + 1) };
        self.details.entry(name("before")).or_insert(before.into());
        self.details.insert(name("after"), after.into());
        self
    }

    /// How somebody's papers stood before anything was done to them, and as they stand now where nobody noted it.
    pub(crate) fn papers_were(&mut self, of: PersonId, now: Vec<String>) -> Vec<String> {
        self.papers.entry(of).or_insert(now).clone()
    }

    /// Names what changes, besides what was named.
    pub(crate) fn changes(&mut self, fields: &[&str]) -> &mut Self {
        let known = self.details.get("fields").and_then(Value::as_str).unwrap_or_default();
        let all: BTreeSet<&str> = known.split_whitespace().chain(fields.iter().copied()).collect();
        let text = all.into_iter().collect::<Vec<_>>().join(" ");
        self.detail("fields", text)
    }

    /// The reason or purpose that was given; it is kept in the clear, and was looked at for numbers before.
    pub(crate) fn because(&mut self, reason: impl Into<String>) -> &mut Self {
        self.because = Some(reason.into());
        self
    }

    /// Says to the platforms that an aggregate changed. Its version is the next of that aggregate, given at commit.
    pub(crate) fn event(
        &mut self,
        aggregate: &'static str,
        id: impl Into<Uuid>,
        kind: &'static str,
        fields: &[&str],
    ) -> &mut Self {
        self.tell_event(aggregate, id.into(), kind, json!(fields), None)
    }

    /// Says that what some clients may know of a person is another thing by now. No other client hears of it: who uses what is
    /// nothing that platforms learn of each other (R13).
    pub(crate) fn consent_event(
        &mut self,
        id: impl Into<Uuid>,
        kind: &'static str,
        clients: &BTreeSet<ClientId>,
    ) -> &mut Self {
        self.tell_event("consent", id.into(), kind, json!({ "clients": clients }), None)
    }

    /// Says that something has another place, to whoever knew it in the old one too.
    pub(crate) fn moved_event(
        &mut self,
        aggregate: &'static str,
        id: impl Into<Uuid>,
        kind: &'static str,
        from: Uuid,
    ) -> &mut Self {
        self.tell_event(aggregate, id.into(), kind, json!({ "names": ["parent"], "from": from }), None)
    }

    /// Says to one sector, and to nobody else, what it calls two people that are one, or one that is two again (R13).
    pub(crate) fn event_for_sector(
        &mut self,
        sector: &str,
        person: PersonId,
        kind: &'static str,
        told: Value,
    ) -> &mut Self {
        self.tell_event("person", person.0, kind, told, Some(sector.to_owned()))
    }

    fn tell_event(
        &mut self,
        aggregate: &'static str,
        aggregate_id: Uuid,
        kind: &'static str,
        fields: Value,
        sector: Option<String>,
    ) -> &mut Self {
        let event = Event {
            id: EventId::new(self.app.now(), &*self.app.random),
            aggregate,
            aggregate_id,
            kind,
            fields,
            sector,
            at: self.ctx.now,
        };
        self.events.push(event);
        self
    }

    /// Whose record it is about, before anything of that ends: whoever audits where she belongs until now hears of it, like
    /// whoever audits where she belongs then.
    pub(crate) async fn about(&mut self, person: PersonId) -> Result<(), Error> {
        if self.is_heard_below() {
            let task = access::task(TaskName::AuditPlaces);
            self.sides.extend(audit_places::sides_of(&mut self.tx, &task.on(person)).await?);
        }
        Ok(())
    }

    /// Whether it is done by an administrator's right, or by a command.
    fn is_heard_below(&self) -> bool {
        self.ctx.administrator().is_some() || matches!(self.ctx.actor, Actor::Task { .. })
    }

    /// Names the institutions of whom something was done to, so that their auditors hear of it: those over which the
    /// administrator holds a right, and of what a command did all. What is done to her elsewhere is nothing of theirs (R1).
    async fn name_places(&mut self, rights: Option<&BTreeSet<OrgId>>) -> Result<(), Error> {
        let person = self.target.get("person").and_then(|id| id.as_str()?.parse().ok());
        let Some(person) = person.map(PersonId) else { return Ok(()) };
        let task = access::task(TaskName::AuditPlaces);
        let mut places = std::mem::take(&mut self.sides);
        places.extend(audit_places::sides_of(&mut self.tx, &task.on(person)).await?);
        if let Some(rights) = rights {
            let below: Vec<OrgId> = places.iter().copied().collect();
            let above = institutions::above_many(&mut self.tx, &task, &below).await?;
            places.retain(|org| above.iter().any(|(below, above)| below == org && rights.contains(above)));
        }
        if !places.is_empty() {
            let named = self.details.entry("institutions").or_insert_with(|| json!([]));
            if let Some(list) = named.as_array_mut() {
                list.extend(places.into_iter().map(|org| json!(org)));
            }
        }
        Ok(())
    }

    /// Writes the entry and the events and makes everything durable.
    ///
    /// # Errors
    /// That of [`Work::adds_new`]; when anything else fails. Then nothing happened.
    pub(crate) async fn commit(mut self, outcome: Outcome) -> Result<(), Error> {
        let (result, reason) = match outcome {
            Outcome::Done => ("done", self.because.take()),
            Outcome::Refused(why) => ("refused", Some(why.to_owned())),
        };
        let shown: Vec<PersonId> = self.shown.iter().copied().collect();
        if !shown.is_empty() {
            let (name, said) = detail_of(&shown);
            self.details.insert(name.into(), said);
        }
        row_digest::tell(&mut self.tx, &mut self.details).await?;
        let mut actor = serde_json::to_value(&self.ctx.actor)?;
        let mut over = None;
        if let Some(ip) = self.ctx.ip {
            actor["ip"] = json!(ip.to_string());
        }
        if let Some(admin) = self.ctx.administrator() {
            let rights = admin_grants::live(&mut self.tx, admin, self.ctx.now).await?;
            actor["rights"] =
                rights.iter().map(|right| json!({ "role": right.role, "institution": right.org })).collect();
            over = Some(rights.into_iter().map(|right| right.org).collect::<BTreeSet<_>>());
        }
        if self.is_heard_below() {
            self.name_places(over.as_ref()).await?;
        }
        let entry = Entry {
            // Of the writing, not of the request: from here on its way to a number is measured (R4).
            id: AuditId::new(self.app.now(), &*self.app.random),
            at: self.ctx.now,
            actor,
            action: self.action.as_str().to_owned(),
            target: Value::Object(self.target),
            result: result.to_owned(),
            reason,
            request_id: self.ctx.request_id,
            details: Value::Object(self.details),
        };
        let (written, told_later) = match &self.events[..] {
            [event] => (books::entry_with(&entry, event), &[][..]),
            events => (books::entry(&entry), events),
        };
        let mut changes = self.additions.into_iter().chain(written);
        let first_use = self.uses.filter(|client| !self.app.used_clients.knows(*client));
        if let Some(attendance) = self.shared {
            // Nothing but rows that are added, and nothing that anybody is told of.
            let alone = !self.events.is_empty() || !shown.is_empty() || first_use.is_some();
            let only_rows = !alone && !self.ends && only_gives(self.action, outcome);
            // Before it waits for another connection.
            drop(self.tx);
            if let Some(first) = changes.next().filter(|_| only_rows)
                && self.app.sign_ons.commit(attendance.guards(first, changes.collect())).await
            {
                self.app.wake.sequencer.notify_one();
                return Ok(());
            }
            return Err(Error::busy("not among those who share a commit"));
        }
        if let Some(first) = changes.next()
            && self.tx.execute_together(first, changes.collect()).await? == 0
        {
            return Err(self.taken.unwrap_or_else(|| Error::internal("an entry of the audit log was there already")));
        }
        let mut told = HashSet::new();
        if told_later.iter().all(|event| told.insert(event.aggregate_id)) {
            books::publish_all(&mut self.tx, told_later).await?;
        } else {
            for event in told_later {
                books::publish(&mut self.tx, event).await?;
            }
        }
        if let Some(client) = first_use {
            registrations::used(&mut self.tx, client, self.ctx.now).await?;
        }
        disclosures::insert_all(&mut self.tx, entry.id, self.ctx.now, &shown).await?;
        let happening = (self.ends || !only_gives(self.action, outcome)).then(|| self.app.changes.happening());
        self.tx.commit().await?;
        drop(happening);
        if let Some(client) = first_use {
            self.app.used_clients.note(client);
        }
        self.app.wake.sequencer.notify_one();
        Ok(())
    }
}
