//! The audit log as a file that can be verified without the register: entries with their numbers and hashes, and the signed
//! checkpoints, one JSON document a line.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::books::{Anchor, Verdict};
use super::work::Outcome;
use super::{App, Ctx, Error};
use crate::domain::audit::{Action, Entry, LOG_FLOOR};
use crate::domain::id::AuditId;
use crate::domain::time::Timestamp;
use crate::keys::audit;
use crate::store::books::{self, CheckpointRow, Head, Linked};

/// Of a chain that was compared with nothing outside itself.
pub(super) const ALONE: &str = "none: only consistent with itself";
/// A list of faults is cut: one change breaks everything behind it.
const MOST_FAULTS: usize = 20;
const FORMAT: &str = "mingji audit 1";
/// So long it is waited for the numbers of what was committed before.
const NUMBERED: Duration = Duration::from_secs(30);
const NUMBERED_CLOCK: Duration = Duration::from_millis(20);

/// A chain that is being read from its beginning.
pub(super) struct Chain {
    key: [u8; 32],
    head: Head,
    begins_at: i64,
    /// Where it was when it begins: the checkpoint at which what stood before ended.
    begun: Option<CheckpointRow>,
    /// The newest end of which the register says that it was due.
    ended: Option<(i64, [u8; 32])>,
    /// Ends that nobody signed, as releases before wrote them: good where a signed one came later and covers them.
    unsigned: Vec<i64>,
    /// By the number of their entry. Several may be of one.
    known: HashMap<i64, Vec<CheckpointRow>>,
    /// The last entry at which a checkpoint agreed.
    signed_through: i64,
    faults: Vec<String>,
}

impl Chain {
    /// With the checkpoints that are known, and the key that must have signed them.
    pub(super) fn beginning(known: Vec<CheckpointRow>, key: &[u8; 32]) -> Self {
        let mut chain = Self {
            key: *key,
            head: Head { seq: 0, hash: [0; 32] },
            begins_at: 1,
            begun: None,
            ended: None,
            unsigned: Vec::new(),
            known: HashMap::new(),
            signed_through: 0,
            faults: Vec::new(),
        };
        for row in known {
            if !audit::holds(key, row.seq, row.count, &row.head, row.at, &row.signature) {
                chain.fault(format!("the signature of checkpoint {} does not hold", row.seq));
            }
            chain.known.entry(row.seq).or_default().push(row);
        }
        chain
    }

    pub(super) fn head(&self) -> Head {
        self.head
    }

    pub(super) fn fault(&mut self, what: String) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(what);
        }
    }

    /// What was old enough to end ended at a checkpoint: the chain goes on from there.
    fn begin_at(&mut self, seq: i64) {
        let Some(from) = self.known.get(&seq).and_then(|rows| rows.first()).cloned() else { return };
        let newest = self.known.values().flatten().map(|row| row.at).max().unwrap_or(from.at);
        if from.at > newest.minus(LOG_FLOOR) {
            self.fault(format!("the entries up to {seq} are missing, and were not old enough to end"));
        }
        self.head = Head { seq, hash: from.head };
        self.begins_at = seq + 1;
        self.begun = Some(from);
    }

    /// When the checkpoint was signed at which the chain begins; none: nothing of it has ended.
    pub(super) fn begun_at(&self) -> Option<Timestamp> {
        self.begun.as_ref().map(|from| from.at)
    }

    /// What an entry says that ended. The chain shows in which order entries were written, and not by whom: the signature
    /// does.
    fn read_end(&mut self, entry: &Entry) {
        let text = |name: &str| entry.details[name].as_str().and_then(|text| STANDARD.decode(text).ok());
        let through = entry.details["through"].as_i64().unwrap_or_default();
        let head: Option<[u8; 32]> = text("head").and_then(|bytes| bytes.try_into().ok());
        match (head, text("signature")) {
            (Some(head), Some(signature)) if audit::end_holds(&self.key, through, &head, entry.at, &signature) => {
                if self.ended.is_none_or(|(newest, _)| newest < through) {
                    self.ended = Some((through, head));
                }
            }
            // One that does not hold was written by somebody else.
            (None, None) => self.unsigned.push(through),
            _ => self.fault(not_ours(through)),
        }
    }

    /// The next entry.
    pub(super) fn take(&mut self, Linked { head, entry }: &Linked) {
        if self.head.seq == 0 && head.seq > 1 {
            self.begin_at(head.seq - 1);
        }
        let before = self.head;
        if head.seq > before.seq + 1 {
            self.fault(format!("numbers {} to {} are missing", before.seq + 1, head.seq - 1));
        } else if head.seq <= before.seq {
            self.fault(format!("entry {} stands behind entry {}", head.seq, before.seq));
        }
        if audit::link(&before.hash, &entry.canonical()) != head.hash {
            self.fault(format!("entry {} was changed, or its predecessor was", head.seq));
        }
        let known = self.known.get(&head.seq).cloned().unwrap_or_default();
        for row in known.iter().filter(|row| row.head != head.hash) {
            self.fault(format!("entry {} differs from the checkpoint signed at {}", row.seq, row.at.to_rfc3339()));
        }
        if known.iter().any(|row| row.head == head.hash) {
            self.signed_through = head.seq;
        }
        if entry.action == Action::LogTrimmed.as_str() {
            self.read_end(entry);
        }
        self.head = *head;
    }

    /// Whether one of these was compared with an entry, or with the beginning.
    pub(super) fn met(&self, anchors: &[CheckpointRow]) -> bool {
        let begun = self.begun.as_ref().map(|from| from.seq);
        anchors.iter().any(|row| (self.begins_at..=self.head.seq).contains(&row.seq) || begun == Some(row.seq))
    }

    /// Of a file, which always ends with a checkpoint that was signed for it: hashes alone anybody can write.
    fn ends_signed(&mut self) {
        if self.head.seq == 0 {
            self.fault("there is no entry in it".into());
        } else if self.signed_through != self.head.seq {
            let through = self.signed_through;
            self.fault(format!("it ends at {}, and no checkpoint is signed behind {through}", self.head.seq));
        }
    }

    /// What was found. `whole` is up to where the log says of itself that it goes: what was signed behind that is none of its
    /// faults, and told.
    pub(super) fn verdict(mut self, anchor: &'static str, whole: Option<i64>) -> Verdict {
        let beyond = self.known.keys().copied().filter(|seq| *seq > self.head.seq).max();
        let ends_before = beyond.filter(|_| whole == Some(self.head.seq));
        if let Some(seq) = beyond.filter(|_| ends_before.is_none()) {
            self.fault(format!("the chain ends at {} but a checkpoint was signed at {seq}", self.head.seq));
        }
        // The register says so itself, in an entry of the chain, when it ends what is old.
        let due = self.begun.as_ref().map(|from| (from.seq, from.head));
        if due.is_some() && self.ended != due {
            self.fault(format!("no entry says that those before {} have ended", self.begins_at));
        }
        let covered = self.ended.map_or(0, |(through, _)| through);
        for through in std::mem::take(&mut self.unsigned).into_iter().filter(|through| *through > covered) {
            self.fault(not_ours(through));
        }
        let (begins_at, entries) = (self.begins_at, self.head.seq + 1 - self.begins_at);
        let (holds, signed_through) = (self.faults.is_empty(), self.signed_through);
        Verdict { holds, entries, begins_at, signed_through, anchor, ends_before, faults: self.faults }
    }
}

fn not_ours(through: i64) -> String {
    format!("an entry says that those up to {through} have ended, and the register did not")
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    /// The first.
    Begins {
        format: String,
        /// Ed25519, what the checkpoints are checked with.
        key: String,
    },
    Entry(Box<Written>),
    Checkpoint(Anchor),
}

/// An entry as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    seq: i64,
    hash: String,
    id: AuditId,
    at_micros: i64,
    actor: Value,
    action: String,
    target: Value,
    result: String,
    reason: Option<String>,
    request_id: Uuid,
    details: Value,
}

impl Written {
    fn of(Linked { head, entry }: Linked) -> Self {
        Self {
            seq: head.seq,
            hash: STANDARD.encode(head.hash),
            id: entry.id,
            at_micros: entry.at.micros(),
            actor: entry.actor,
            action: entry.action,
            target: entry.target,
            result: entry.result,
            reason: entry.reason,
            request_id: entry.request_id,
            details: entry.details,
        }
    }

    fn read(self) -> Option<Linked> {
        let hash = STANDARD.decode(&self.hash).ok()?.try_into().ok()?;
        let entry = Entry {
            id: self.id,
            at: Timestamp::from_micros(self.at_micros),
            actor: self.actor,
            action: self.action,
            target: self.target,
            result: self.result,
            reason: self.reason,
            request_id: self.request_id,
            details: self.details,
        };
        Some(Linked { head: Head { seq: self.seq, hash }, entry })
    }
}

impl App {
    /// Writes the whole log, up to a checkpoint that is signed now; how many entries. That somebody takes it is one of them.
    ///
    /// # Errors
    /// A failed store or file; `Busy` when what is old ended meanwhile, and the file is not whole.
    pub async fn export_audit(&self, ctx: &Ctx, out: &mut impl Write) -> Result<i64, Error> {
        let mut work = self.begin(ctx, Action::AuditRead).await?;
        work.detail("exported", true);
        work.commit(Outcome::Done).await?;
        // What was tampered with never gets a number.
        self.numbers_until_now().await?;
        let begins = books::first_number(&mut self.db.read().await?).await?;
        let entries = self.write_audit(out).await?;
        if books::first_number(&mut self.db.read().await?).await? != begins {
            return Err(Error::busy("what is old ended while the log was written: write it once more"));
        }
        Ok(entries)
    }

    /// Waits, for a while, until what was committed before this has its number, whichever process gives it; whether it has.
    pub(super) async fn numbers_until_now(&self) -> Result<bool, Error> {
        let (since, until) = (Instant::now(), self.now());
        while books::oldest_pending(&mut self.db.read().await?).await?.is_some_and(|oldest| oldest <= until) {
            if since.elapsed() >= NUMBERED {
                return Ok(false);
            }
            if self.number_pending().await? == 0 {
                tokio::time::sleep(NUMBERED_CLOCK).await;
            }
        }
        Ok(true)
    }

    async fn write_audit(&self, out: &mut impl Write) -> Result<i64, Error> {
        let mut say = |line: &Line| -> Result<(), Error> {
            serde_json::to_writer(&mut *out, line)?;
            out.write_all(b"\n").map_err(Error::internal)
        };
        let end = self.checkpoint().await?.map_or(0, |row| row.seq);
        say(&Line::Begins { format: FORMAT.into(), key: STANDARD.encode(self.checkpoints.public_key()) })?;
        let mut tx = self.db.read().await?;
        // Checkpoints first: whoever reads compares each entry as it comes.
        for row in books::checkpoints(&mut tx).await?.iter().filter(|row| row.seq <= end) {
            say(&Line::Checkpoint(Anchor::of(row)))?;
        }
        let mut seq = 0;
        loop {
            let links = books::chain_after(&mut tx, seq, 1_000).await?;
            let Some(last) = links.last().map(|linked| linked.head.seq).filter(|_| seq < end) else { return Ok(seq) };
            for linked in links.into_iter().filter(|one| one.head.seq <= end) {
                say(&Line::Entry(Box::new(Written::of(linked))))?;
            }
            seq = last.min(end);
        }
    }

    /// The key that the checkpoints of this register are checked with, to be kept apart from its exports.
    pub fn audit_key(&self) -> String {
        STANDARD.encode(self.checkpoints.public_key())
    }
}

/// Verifies an exported log, without the register. `key` is what the register's checkpoints must be signed with; without it
/// the file is believed about its own. `anchors` are checkpoints that were kept elsewhere.
///
/// # Errors
/// `Invalid` for a file or key that cannot be read; a broken chain is a [`Verdict`], not an error.
pub fn verify_export(file: impl BufRead, key: Option<&str>, anchors: &[CheckpointRow]) -> Result<Verdict, Error> {
    let unreadable = |at: usize| Error::invalid(format!("line {} is none of an exported audit log", at + 1));
    let read_key = |text: &str| STANDARD.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let wanted =
        key.map(|text| read_key(text).ok_or_else(|| Error::invalid("the key is 32 bytes in base64"))).transpose()?;
    let (mut chain, mut known, mut signer, mut whole) = (None::<Chain>, anchors.to_vec(), None, None);
    for (at, line) in file.lines().enumerate() {
        let line = line.map_err(Error::internal)?;
        match serde_json::from_str::<Line>(&line).map_err(|_| unreadable(at))? {
            Line::Begins { format, key } if at == 0 && format == FORMAT => {
                signer = Some(wanted.or_else(|| read_key(&key)).ok_or_else(|| unreadable(at))?);
            }
            Line::Checkpoint(anchor) if chain.is_none() => {
                let row = anchor.read().ok_or_else(|| unreadable(at))?;
                whole = whole.max(Some(row.seq));
                known.push(row);
            }
            Line::Entry(written) => {
                let signer = signer.ok_or_else(|| unreadable(at))?;
                let linked = written.read().ok_or_else(|| unreadable(at))?;
                chain.get_or_insert_with(|| Chain::beginning(std::mem::take(&mut known), &signer)).take(&linked);
            }
            Line::Begins { .. } | Line::Checkpoint(_) => return Err(unreadable(at)),
        }
    }
    let signer = signer.ok_or_else(|| unreadable(0))?;
    let mut chain = chain.unwrap_or_else(|| Chain::beginning(known, &signer));
    chain.ends_signed();
    let anchor = match key {
        _ if chain.met(anchors) => "checkpoints outside the file",
        Some(_) if chain.signed_through > 0 => "checkpoints in the file, signed by the key that was given",
        _ => ALONE,
    };
    Ok(chain.verdict(anchor, whole))
}
