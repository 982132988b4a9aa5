//! The sequencer and the audit chain: numbers after commit, checkpoints, verification (ruling R4).

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use uuid::Uuid;

use super::audit_file::{ALONE, Chain};
use super::shown::ToldOf;
use super::work::Housekeeping;
use super::{App, Error, Kind};
use crate::domain::time::Timestamp;
use crate::keys::audit;
use crate::store::audit_places;
use crate::store::books::{self, CheckpointRow, Head};
use crate::store::db::Engine;
use crate::store::{disclosures, facts, feeds};

/// How many entries and events are numbered in one transaction: SQLite's writer is held only for a moment (R15).
const NARROW: (i64, i64) = (200, 500);
/// PostgreSQL has a writer for everyone, and numbers keep up behind a large import. Entries first of all: a link follows its
/// commit within a second (R4).
const WIDE: (i64, i64) = (2_000, 8_000);
/// Entries are in the order of their clocks within one round of numbers, and of no clock beyond it.
pub(super) const ROUND: i64 = WIDE.0;
/// The same where platforms listen: what each may know of the people behind an event is asked one by one.
const HEARD: (i64, i64) = (2_000, 500);
/// Where so many were numbered at once, more may wait.
pub const BATCH: usize = 200;
/// So many batches of entries alone before it is tried again with what platforms are told.
const ALONE_AT_MOST: usize = 20;
/// A checkpoint at least every so many entries.
const CHECKPOINT_EVERY: i64 = 1_000;

/// Under which it is noted that somebody keeps anchors.
const ANCHOR_NOTE: &str = "audit_anchored_at";

/// The stream of the system itself: every event, in order. Those of platforms stand in `feed_streams`.
pub const SYSTEM_STREAM: Uuid = Uuid::nil();

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether the chain holds.
    pub holds: bool,
    /// How many numbered entries were read.
    pub entries: i64,
    /// The number of the first that is still kept.
    pub begins_at: i64,
    /// The last entry that a checkpoint was signed for: what stands behind it is only consistent with itself.
    pub signed_through: i64,
    /// Which anchor outside the database it was compared with.
    pub anchor: &'static str,
    /// An anchor that was signed behind its end: what came since is not in it.
    pub ends_before: Option<i64>,
    /// What is wrong, one sentence each.
    pub faults: Vec<String>,
}

impl App {
    /// Numbers one batch of what is committed; how many. Zero when there is nothing or another replica is at it.
    ///
    /// # Errors
    /// A failed store; the batch stays pending.
    pub async fn number_pending(&self) -> Result<usize, Error> {
        if books::oldest_pending(&mut self.db.read().await?).await?.is_none() {
            return Ok(0);
        }
        let numbered = self.number_batch(true).await;
        if numbered.is_err() {
            // What one platform cannot be told keeps nobody's entry out of the chain.
            for _ in 0..ALONE_AT_MOST {
                if self.number_batch(false).await? < BATCH {
                    break;
                }
            }
        }
        numbered
    }

    async fn number_batch(&self, with_events: bool) -> Result<usize, Error> {
        let now = self.now();
        let mut tx = self.housekeeping(Housekeeping::Sequencer).await?;
        if !books::lock_sequencer(&mut tx).await? {
            return Ok(0);
        }
        tx.expect_few().await?;
        let (entries, events) = match self.db.engine() {
            Engine::Sqlite => NARROW,
            Engine::Postgres if feeds::streams(&mut tx).await?.is_empty() => WIDE,
            Engine::Postgres => HEARD,
        };
        let entries = books::pending_entries(&mut tx, entries).await?;
        let events = if with_events { books::pending_events(&mut tx, events).await? } else { Vec::new() };
        let mut head = books::head(&mut tx).await?;
        let (mut links, mut places) = (Vec::with_capacity(entries.len()), Vec::new());
        for entry in &entries {
            head = Head { seq: head.seq + 1, hash: audit::link(&head.hash, &entry.canonical()) };
            links.push((entry.id, head));
            places.extend(entry.institutions().into_iter().map(|org| (org, head.seq)));
        }
        books::link(&mut tx, &links, now).await?;
        audit_places::place(&mut tx, places).await?;
        books::feed(&mut tx, SYSTEM_STREAM, &events).await?;
        self.feed_platforms(&mut tx, &events, now).await?;
        let last = books::last_checkpoint(&mut tx).await?.map_or(0, |row| row.seq);
        if head.seq - last >= CHECKPOINT_EVERY {
            books::insert_checkpoint(&mut tx, &self.sign_checkpoint(head, now)).await?;
        }
        tx.commit().await?;
        let now = self.now();
        for written in entries.iter().map(|entry| entry.id.written_at()).chain(events.iter().map(|id| id.written_at()))
        {
            self.metrics.numbered(now.since(written));
        }
        Ok(entries.len() + events.len())
    }

    /// Signs where the chain stands now; `None` while it is empty. The caller writes it outside the database too.
    ///
    /// # Errors
    /// A failed store.
    pub async fn checkpoint(&self) -> Result<Option<CheckpointRow>, Error> {
        let mut tx = self.housekeeping(Housekeeping::Sequencer).await?;
        let head = books::head(&mut tx).await?;
        if head.seq == 0 {
            return Ok(None);
        }
        if let Some(known) = books::last_checkpoint(&mut tx).await?.filter(|row| row.seq == head.seq) {
            return Ok(Some(known));
        }
        let row = self.sign_checkpoint(head, self.now());
        books::insert_checkpoint(&mut tx, &row).await?;
        tx.commit().await?;
        Ok(Some(row))
    }

    fn sign_checkpoint(&self, head: Head, now: Timestamp) -> CheckpointRow {
        let signature = self.checkpoints.sign(head.seq, head.seq, &head.hash, now);
        CheckpointRow { seq: head.seq, count: head.seq, head: head.hash, at: now, signature }
    }

    /// Reads the whole chain and compares it with its checkpoints and with `anchors` kept outside the database.
    ///
    /// # Errors
    /// A failed store; a broken chain is a [`Verdict`], not an error.
    pub async fn verify_audit(&self, anchors: &[CheckpointRow]) -> Result<Verdict, Error> {
        loop {
            let begins = books::first_number(&mut self.db.read().await?).await?;
            let verdict = self.read_chain(anchors).await?;
            // What is old ended while it was read, as the register itself says: it is read once more.
            if verdict.holds || books::first_number(&mut self.db.read().await?).await? == begins {
                return Ok(verdict);
            }
        }
    }

    async fn read_chain(&self, anchors: &[CheckpointRow]) -> Result<Verdict, Error> {
        let mut tx = self.db.read().await?;
        let mut known = books::checkpoints(&mut tx).await?;
        known.extend_from_slice(anchors);
        let mut chain = Chain::beginning(known, &self.checkpoints.public_key());
        let mut told = ToldOf::since(self.disclosures_since(&mut tx).await?);
        loop {
            let links = books::chain_after(&mut tx, chain.head().seq, 1_000).await?;
            let (Some(first), Some(last)) = (links.first(), links.last()) else { break };
            // Where auditors find an entry is no part of the chain; what it concerns is.
            let mut places = audit_places::of_range(&mut tx, first.head.seq, last.head.seq).await?;
            for linked in &links {
                chain.take(linked);
                if places.remove(&linked.head.seq).unwrap_or_default() != linked.entry.institutions() {
                    chain.fault(format!("which auditors read entry {} was changed", linked.head.seq));
                }
            }
            told.compare(&mut tx, &mut chain, &links).await?;
        }
        let lost = books::count_unnumbered(&mut tx).await?;
        if lost > 0 {
            chain.fault(format!("{lost} entries have lost their number"));
        }
        let invented = books::count_invented(&mut tx).await?;
        if invented > 0 {
            chain.fault(format!("{invented} numbers are waited for by no entry"));
        }
        let oldest = disclosures::oldest(&mut tx).await?;
        if let (Some(begun), Some(oldest)) = (chain.begun_at(), oldest)
            && oldest <= begun
        {
            chain.fault("what was shown to somebody lies before the beginning of the log".into());
        }
        let anchor = if chain.met(anchors) { "checkpoints outside the database" } else { ALONE };
        Ok(chain.verdict(anchor, None))
    }
}

/// A checkpoint as a line of a file outside the database.
#[derive(Serialize, serde::Deserialize)]
pub(super) struct Anchor {
    seq: i64,
    count: i64,
    head: String,
    at_micros: i64,
    signature: String,
}

impl App {
    /// Signs where the chain stands and appends it to a file outside the database.
    ///
    /// # Errors
    /// `Conflict` for a chain that contradicts the newest anchor in the file; a failed store or file.
    pub async fn anchor(&self, file: &Path) -> Result<(), Error> {
        // Only a file that is not there has no anchors: beside one that cannot be read nothing is written.
        let text = match tokio::fs::read_to_string(file).await {
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => String::new(),
            read => read.map_err(|why| Error::invalid(format!("the anchor file cannot be read: {why}")))?,
        };
        let known = read_anchors(&text)?;
        // First of all: what contradicts it is not signed.
        self.goes_on_from(&known).await?;
        let Some(row) = self.checkpoint().await? else { return Ok(()) };
        self.note_anchor().await?;
        if known.iter().any(|anchor| anchor.seq == row.seq) {
            return Ok(());
        }
        let mut line = serde_json::to_string(&Anchor::of(&row))?;
        line.push('\n');
        let mut options = tokio::fs::OpenOptions::new();
        let mut out = options.create(true).append(true).open(file).await.map_err(Error::internal)?;
        let whole = out.metadata().await.map_err(Error::internal)?.len();
        let written = match tokio::io::AsyncWriteExt::write_all(&mut out, line.as_bytes()).await {
            Ok(()) => out.sync_all().await,
            failed => failed,
        };
        if written.is_err() {
            // Half a line, of a disk that is full, would keep every later anchor away.
            out.set_len(whole).await.map_err(Error::internal)?;
        }
        written.map_err(Error::internal)
    }
}

impl App {
    /// The chain still holds the newest anchor of a file: beside one that contradicts it none is written, as if nothing were.
    async fn goes_on_from(&self, known: &[CheckpointRow]) -> Result<(), Error> {
        let Some(newest) = known.iter().max_by_key(|anchor| anchor.seq) else { return Ok(()) };
        let mut tx = self.db.read().await?;
        let there = books::hash_at(&mut tx, newest.seq).await?;
        let ended = books::first_number(&mut tx).await?.is_some_and(|first| newest.seq < first);
        if there == Some(newest.head) || (ended && there.is_none()) {
            return Ok(());
        }
        Err(Error::new(
            Kind::Conflict,
            format!(
                "the audit chain is not the one that was anchored at entry {}: run `mingji audit verify --anchors` with this \
                 file; after a restored backup keep it, and begin a new one",
                newest.seq
            ),
        ))
    }

    async fn note_anchor(&self) -> Result<(), Error> {
        let now = self.now();
        let mut tx = self.housekeeping(Housekeeping::Installation).await?;
        facts::set_note(&mut tx, ANCHOR_NOTE, &now.to_rfc3339(), now).await?;
        Ok(tx.commit().await?)
    }

    /// When the chain was anchored outside the database last.
    ///
    /// # Errors
    /// A failed store.
    pub async fn anchored_at(&self) -> Result<Option<Timestamp>, Error> {
        let note = facts::note(&mut self.db.read().await?, ANCHOR_NOTE).await?;
        Ok(note.and_then(|text| Timestamp::from_rfc3339(&text)))
    }
}

/// Reads the anchors of a file; a line that cannot be read is an error, because somebody may have touched it.
///
/// # Errors
/// `Invalid` with the line's number.
pub fn read_anchors(text: &str) -> Result<Vec<CheckpointRow>, Error> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(at, line)| {
            let anchor: Option<Anchor> = serde_json::from_str(line).ok();
            let row = anchor.and_then(Anchor::read);
            row.ok_or_else(|| Error::invalid(format!("line {} of the anchor file cannot be read", at + 1)))
        })
        .collect()
}

impl Anchor {
    pub(super) fn of(row: &CheckpointRow) -> Self {
        let encode = |bytes: &[u8]| STANDARD.encode(bytes);
        Self {
            seq: row.seq,
            count: row.count,
            head: encode(&row.head),
            at_micros: row.at.micros(),
            signature: encode(&row.signature),
        }
    }

    /// None when it is not written as we write it.
    pub(super) fn read(self) -> Option<CheckpointRow> {
        Some(CheckpointRow {
            seq: self.seq,
            count: self.count,
            head: STANDARD.decode(&self.head).ok()?.try_into().ok()?,
            at: Timestamp::from_micros(self.at_micros),
            signature: STANDARD.decode(&self.signature).ok()?,
        })
    }
}
