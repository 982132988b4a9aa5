//! The books: audit entries and events go in with the business transaction, without numbers; the sequencer
//! numbers what is committed (ruling R4).

use uuid::Uuid;

use super::db::{Change, FromRow, Lock, Row, StoreError, Tx, Value, args, statements};
use crate::domain::audit::Entry;
use crate::domain::event::Event;
use crate::domain::id::{AuditId, EventId};
use crate::domain::time::Timestamp;

statements! {
    INSERT_AUDIT = "INSERT INTO audit_entry (id, at, actor, action, target, result, reason, request_id, details) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    // The version is the next of the aggregate; two transactions that overlap may give the same one, and then both saw
    // the aggregate as it was before.
    INSERT_EVENT = "INSERT INTO event (id, aggregate_kind, aggregate_id, aggregate_version, kind, fields, at, sector)
        VALUES ($1, $2, $3, (SELECT COALESCE(MAX(e.aggregate_version), 0) + 1 FROM event e WHERE e.aggregate_id = $3), $4, $5, $6, $7)";
    INSERT_FIRST_EVENT = "INSERT INTO event (id, aggregate_kind, aggregate_id, aggregate_version, kind, fields, at, sector) VALUES ($1, $2, $3, 1, $4, $5, $6, $7)";
    INSERT_PENDING = "INSERT INTO pending (id, kind) VALUES ($1, $2)";
    INSERT_PENDING_PAIR = "INSERT INTO pending (id, kind) VALUES ($1, 'audit'), ($2, 'event')";
    // Whatever is pending, never "id > last": a transaction that began early may commit late. Only so many rows are read, however
    // many wait.
    PENDING_AUDIT = "SELECT w.* FROM (
            SELECT e.* FROM pending p JOIN audit_entry e ON e.id = p.id WHERE p.kind = 'audit' ORDER BY p.id LIMIT $1
        ) w ORDER BY w.at, w.id";
    // The oldest by their ids, and what must stand before them in their aggregates: the clocks of two replicas may differ
    // by more than two changes do. Only so many rows are read, however many wait behind a large import.
    PENDING_EVENTS = "WITH oldest AS (
            SELECT e.aggregate_id AS aggregate_id, e.aggregate_version AS version
            FROM (SELECT id FROM pending WHERE kind = 'event' ORDER BY id LIMIT $1) p JOIN event e ON e.id = p.id
        ), newest AS (SELECT aggregate_id, MAX(version) AS version FROM oldest GROUP BY aggregate_id)
        SELECT id FROM (
            SELECT e.id AS id, e.aggregate_id AS aggregate_id, e.aggregate_version AS version, e.at AS at,
                MAX(e.at) OVER (PARTITION BY e.aggregate_kind, e.aggregate_id ORDER BY e.aggregate_version, e.at, e.id) AS reached
            FROM newest n JOIN event e ON e.aggregate_id = n.aggregate_id AND e.aggregate_version <= n.version JOIN pending p ON p.id = e.id
        ) waiting ORDER BY reached, aggregate_id, version, at, id";
    HEAD = "SELECT seq, hash FROM audit_link ORDER BY seq DESC LIMIT 1";
    FEED_HEAD = "SELECT COALESCE(MAX(seq), 0) AS n FROM feed WHERE stream = $1";
    LINK = "INSERT INTO audit_link (seq, entry_id, hash, linked_at) VALUES ($1, $2, $3, $4)";
    FEED = "INSERT INTO feed (stream, seq, event_id) VALUES ($1, $2, $3)";
    SETTLE = "DELETE FROM pending WHERE id IN ($1) RETURNING id";
    CHAIN = "SELECT l.seq AS seq, l.hash AS hash, e.* FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id WHERE l.seq > $1 ORDER BY l.seq LIMIT $2";
    // Ids begin with the time of writing; the first of the index is the oldest (PostgreSQL 15 has no MIN of uuids).
    OLDEST_PENDING = "SELECT id FROM pending ORDER BY id LIMIT 1";
    COUNT_PENDING = "SELECT COUNT(*) AS n FROM pending";
    COUNT_UNNUMBERED = "SELECT COUNT(*) AS n FROM audit_entry e WHERE NOT EXISTS (SELECT 1 FROM audit_link l WHERE l.entry_id = e.id) AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.id = e.id AND p.kind = 'audit')";
    COUNT_INVENTED = "SELECT COUNT(*) AS n FROM pending p WHERE p.kind = 'audit' AND NOT EXISTS (SELECT 1 FROM audit_entry e WHERE e.id = p.id)";
    AT = "SELECT seq, hash FROM audit_link WHERE seq = $1";
    INSERT_CHECKPOINT = "INSERT INTO audit_checkpoint (seq, count, head, at, signature) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (seq) DO NOTHING";
    CHECKPOINTS = "SELECT seq, count, head, at, signature FROM audit_checkpoint ORDER BY seq";
    FIRST_LINK = "SELECT seq AS n FROM audit_link ORDER BY seq LIMIT 1";
    CHECKPOINT_FROM = "SELECT seq, count, head, at, signature FROM audit_checkpoint WHERE seq >= $1 ORDER BY seq LIMIT 1";
    HOLDS_BEFORE = "SELECT l.seq AS n FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id WHERE l.seq <= $1 AND e.action = $2 LIMIT 1";
    LINKED_UP_TO = "SELECT entry_id AS id FROM audit_link WHERE seq <= $1";
    UNLINK = "DELETE FROM audit_link WHERE seq <= $1";
    END_ENTRIES = "DELETE FROM audit_entry WHERE id IN ($1) RETURNING id";
    FIRST_ENTRY = "SELECT e.at AS at FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id ORDER BY l.seq LIMIT 1";
    EVENTS_BEFORE = "SELECT id FROM event WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3";
    // The last number of a stream stays, or it would be given again.
    UNFEED = "DELETE FROM feed WHERE seq < (SELECT MAX(h.seq) FROM feed h WHERE h.stream = feed.stream) AND event_id IN ($1) RETURNING event_id AS id";
    END_EVENTS = "DELETE FROM event WHERE NOT EXISTS (SELECT 1 FROM feed f WHERE f.event_id = event.id) AND NOT EXISTS (SELECT 1 FROM platform_feed p WHERE p.event_id = event.id)
        AND NOT EXISTS (SELECT 1 FROM pending w WHERE w.id = event.id) AND id IN ($1) RETURNING id";
    LAST_CHECKPOINT = "SELECT seq, count, head, at, signature FROM audit_checkpoint ORDER BY seq DESC LIMIT 1";
}

impl FromRow for Entry {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            at: row.get("at")?,
            actor: row.get("actor")?,
            action: row.get("action")?,
            target: row.get("target")?,
            result: row.get("result")?,
            reason: row.get("reason")?,
            request_id: row.get("request_id")?,
            details: row.get("details")?,
        })
    }
}

/// The end of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last number given; 0 before the first.
    pub seq: i64,
    /// Its hash; zeros before the first.
    pub hash: [u8; 32],
}

impl FromRow for Head {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { seq: row.get("seq")?, hash: row.get("hash")? })
    }
}

/// A numbered entry with its hash.
pub struct Linked {
    /// Its place and hash.
    pub head: Head,
    /// The entry.
    pub entry: Entry,
}

impl FromRow for Linked {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { head: Head::from_row(row)?, entry: Entry::from_row(row)? })
    }
}

/// A signed statement about the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointRow {
    /// Up to which number.
    pub seq: i64,
    /// How many entries.
    pub count: i64,
    /// The hash there.
    pub head: [u8; 32],
    /// When.
    pub at: Timestamp,
    /// Ed25519 under `audit.key`.
    pub signature: Vec<u8>,
}

impl FromRow for CheckpointRow {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.get("seq")?,
            count: row.get("count")?,
            head: row.get("head")?,
            at: row.get("at")?,
            signature: row.get("signature")?,
        })
    }
}

struct Number(i64);

impl FromRow for Number {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("n")?))
    }
}

struct EventRow(EventId);

impl FromRow for EventRow {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

struct EntryRow(AuditId);

impl FromRow for EntryRow {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("id")?))
    }
}

/// The first checkpoint behind the beginning of the chain as far as it is kept.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn first_checkpoint(tx: &mut Tx) -> Result<Option<CheckpointRow>, StoreError> {
    let Some(first) = tx.optional::<Number>(FIRST_LINK, args![]).await? else { return Ok(None) };
    tx.optional(CHECKPOINT_FROM, args![first.0]).await
}

/// Whether an entry of an action is among those up to a number.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn holds_before(tx: &mut Tx, action: &str, seq: i64) -> Result<bool, StoreError> {
    Ok(tx.optional::<Number>(HOLDS_BEFORE, args![seq, action]).await?.is_some())
}

/// Ends all entries up to a number; how many there were.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn trim(tx: &mut Tx, seq: i64) -> Result<usize, StoreError> {
    let ids: Vec<EntryRow> = tx.all(LINKED_UP_TO, args![seq]).await?;
    tx.execute(UNLINK, args![seq]).await?;
    super::audit_places::forget(tx, seq).await?;
    let ids = ids.into_iter().map(|row| row.0.into()).collect();
    Ok(tx.all_in::<EntryRow>(END_ENTRIES, &[], ids).await?.len())
}

struct WrittenAt(Timestamp);

impl FromRow for WrittenAt {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("at")?))
    }
}

/// When the first entry that is kept was written.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn begins_at(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    Ok(tx.optional::<WrittenAt>(FIRST_ENTRY, args![]).await?.map(|row| row.0))
}

/// Removes the next events that were written before a moment, where neither a number nor a platform needs them any more;
/// the last that was looked at.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_events(
    tx: &mut Tx,
    after: Option<EventId>,
    before: Timestamp,
    limit: i64,
) -> Result<Option<EventId>, StoreError> {
    let after = after.unwrap_or(EventId(Uuid::nil()));
    let page: Vec<EventRow> = tx.all(EVENTS_BEFORE, args![after, EventId::first_of(before), limit]).await?;
    for statement in [UNFEED, END_EVENTS] {
        tx.all_in::<EventRow>(statement, &[], page.iter().map(|row| row.0.into()).collect()).await?;
    }
    Ok(page.last().map(|row| row.0))
}

/// An audit entry, to be numbered after commit.
pub fn entry(entry: &Entry) -> Vec<Change> {
    vec![Change::new(INSERT_AUDIT, entry_values(entry)), Change::new(INSERT_PENDING, args![entry.id, "audit"])]
}

/// An audit entry with the one event of its transaction, as most have it.
pub fn entry_with(entry: &Entry, event: &Event) -> Vec<Change> {
    vec![
        Change::new(INSERT_AUDIT, entry_values(entry)),
        Change::new(INSERT_EVENT, event_values(event)),
        Change::new(INSERT_PENDING_PAIR, args![entry.id, event.id]),
    ]
}

fn entry_values(entry: &Entry) -> Vec<Value> {
    args![
        entry.id,
        entry.at,
        entry.actor.clone(),
        entry.action.clone(),
        entry.target.clone(),
        entry.result.clone(),
        entry.reason.clone(),
        entry.request_id,
        entry.details.clone(),
    ]
}

/// Writes an event, to be numbered after commit.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn publish(tx: &mut Tx, event: &Event) -> Result<(), StoreError> {
    tx.execute(INSERT_EVENT, event_values(event)).await?;
    tx.execute(INSERT_PENDING, args![event.id, "event"]).await?;
    Ok(())
}

/// Writes the events of one transaction, at most one for each aggregate, to be numbered after commit.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn publish_all(tx: &mut Tx, events: &[Event]) -> Result<(), StoreError> {
    tx.insert_many(INSERT_EVENT, events.iter().map(event_values).collect()).await?;
    tx.insert_many(INSERT_PENDING, events.iter().map(|event| args![event.id, "event"]).collect()).await?;
    Ok(())
}

/// The same for aggregates that begin in this transaction: their version needs no look.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn publish_first(tx: &mut Tx, events: &[Event]) -> Result<(), StoreError> {
    tx.insert_many(INSERT_FIRST_EVENT, events.iter().map(event_values).collect()).await?;
    tx.insert_many(INSERT_PENDING, events.iter().map(|event| args![event.id, "event"]).collect()).await?;
    Ok(())
}

fn event_values(event: &Event) -> Vec<Value> {
    args![
        event.id,
        event.aggregate,
        event.aggregate_id,
        event.kind,
        event.fields.clone(),
        event.at,
        event.sector.clone()
    ]
}

/// Takes the sequencer's lock for this transaction, if nobody else numbers.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn lock_sequencer(tx: &mut Tx) -> Result<bool, StoreError> {
    tx.try_lock(Lock::Sequencer).await
}

/// Takes the lock of whoever removes what was kept for its time, if nobody else does.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn lock_retention(tx: &mut Tx) -> Result<bool, StoreError> {
    tx.try_lock(Lock::Retention).await
}

/// Committed entries without a number, oldest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn pending_entries(tx: &mut Tx, limit: i64) -> Result<Vec<Entry>, StoreError> {
    tx.all(PENDING_AUDIT, args![limit]).await
}

/// The oldest `limit` committed events without a number, and those that stand before them in their aggregates, in the
/// order of their aggregates' versions.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn pending_events(tx: &mut Tx, limit: i64) -> Result<Vec<EventId>, StoreError> {
    Ok(tx.all::<EventRow>(PENDING_EVENTS, args![limit]).await?.into_iter().map(|row| row.0).collect())
}

/// The end of the audit chain.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn head(tx: &mut Tx) -> Result<Head, StoreError> {
    Ok(tx.optional(HEAD, args![]).await?.unwrap_or(Head { seq: 0, hash: [0; 32] }))
}

/// Gives entries their numbers.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn link(tx: &mut Tx, links: &[(AuditId, Head)], now: Timestamp) -> Result<(), StoreError> {
    let rows = links.iter().map(|(entry, head)| args![head.seq, *entry, head.hash, now]).collect();
    tx.insert_many(LINK, rows).await?;
    settle(tx, links.iter().map(|(entry, _)| (*entry).into()).collect()).await
}

/// They wait no longer.
async fn settle(tx: &mut Tx, ids: Vec<Value>) -> Result<(), StoreError> {
    tx.all_in::<EventRow>(SETTLE, &[], ids).await.map(drop)
}

/// Gives events their numbers in a stream, dense and in this order.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn feed(tx: &mut Tx, stream: Uuid, events: &[EventId]) -> Result<(), StoreError> {
    let head = tx.one::<Number>(FEED_HEAD, args![stream]).await?.0;
    let rows = (head + 1..).zip(events).map(|(seq, event)| args![stream, seq, *event]).collect();
    tx.insert_many(FEED, rows).await?;
    settle(tx, events.iter().map(|event| (*event).into()).collect()).await
}

/// Numbered entries after `seq`, in order.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn chain_after(tx: &mut Tx, seq: i64, limit: i64) -> Result<Vec<Linked>, StoreError> {
    tx.all(CHAIN, args![seq, limit]).await
}

/// How many wait for one.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn count_pending(tx: &mut Tx) -> Result<i64, StoreError> {
    Ok(tx.one::<Number>(COUNT_PENDING, args![]).await?.0)
}

/// When the oldest of them was written.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn oldest_pending(tx: &mut Tx) -> Result<Option<Timestamp>, StoreError> {
    Ok(tx.optional::<EventRow>(OLDEST_PENDING, args![]).await?.map(|row| row.0.written_at()))
}

/// What waits for a number of the log and is no entry of it: somebody tampered.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn count_invented(tx: &mut Tx) -> Result<i64, StoreError> {
    Ok(tx.one::<Number>(COUNT_INVENTED, args![]).await?.0)
}

/// The hash at a number.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hash_at(tx: &mut Tx, seq: i64) -> Result<Option<[u8; 32]>, StoreError> {
    Ok(tx.optional::<Head>(AT, args![seq]).await?.map(|head| head.hash))
}

/// The first number that is kept.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn first_number(tx: &mut Tx) -> Result<Option<i64>, StoreError> {
    Ok(tx.optional::<Number>(FIRST_LINK, args![]).await?.map(|first| first.0))
}

/// Entries that neither have a number nor wait for one: somebody tampered.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn count_unnumbered(tx: &mut Tx) -> Result<i64, StoreError> {
    Ok(tx.one::<Number>(COUNT_UNNUMBERED, args![]).await?.0)
}

/// Keeps a checkpoint.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert_checkpoint(tx: &mut Tx, row: &CheckpointRow) -> Result<(), StoreError> {
    tx.execute(INSERT_CHECKPOINT, args![row.seq, row.count, row.head, row.at, row.signature.clone()]).await?;
    Ok(())
}

/// All checkpoints in order.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn checkpoints(tx: &mut Tx) -> Result<Vec<CheckpointRow>, StoreError> {
    tx.all(CHECKPOINTS, args![]).await
}

/// The newest checkpoint.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn last_checkpoint(tx: &mut Tx) -> Result<Option<CheckpointRow>, StoreError> {
    tx.optional(LAST_CHECKPOINT, args![]).await
}
