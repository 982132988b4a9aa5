//! Errands 交办, and the sealed parts of what belongs to them: the file that was sent, and what was found in it.

use uuid::Uuid;

use super::db::{FromRow, Row, StoreError, Tx, args, statements};
use crate::domain::access::Task;
use crate::domain::id::{ErrandId, PersonId};
use crate::domain::registry::errand::Errand;
use crate::domain::time::Timestamp;

statements! {
    INSERT = "INSERT INTO errand (id, kind, asked_by, asked_at, wish, state, size, done, total, runs, taken_until, version) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, 0, 0, $7)";
    FIND = "SELECT * FROM errand WHERE id = $1 AND asked_by = $2";
    LIST = "SELECT * FROM errand WHERE asked_by = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    COUNT_OPEN = "SELECT COUNT(*) AS n FROM errand WHERE asked_by = $1 AND ended_at IS NULL";
    COUNT_WAITING = "SELECT COUNT(*) AS n FROM errand WHERE state IN ('checking', 'confirmed') AND taken_until <= $1";
    UPDATE = "UPDATE errand SET state = $2, size = $3, done = $4, total = $5, runs = $6, fault = $7, ended_at = $8, taken_until = 0, version = $9 WHERE id = $1 AND version = $9 - 1";
    // Whoever files, or works, is known by a name of her own: whoever came before her is too late.
    HOLD_OPEN = "UPDATE errand SET taken_by = $2 WHERE id = $1 AND state = 'open'";
    FILES = "UPDATE errand SET taken_by = $2 WHERE id = $1 AND taken_by = $2 AND state = 'open'";
    BEAT = "UPDATE errand SET done = $3, total = $4, taken_until = $5 WHERE id = $1 AND taken_by = $2 AND state IN ('checking', 'confirmed')";
    // A rest is no try that failed; that it was begun before stays known.
    RELEASE = "UPDATE errand SET taken_until = $3, runs = CASE WHEN runs > 1 THEN runs - 1 ELSE runs END WHERE id = $1 AND taken_by = $2 AND state IN ('checking', 'confirmed')";
    ADD_PART = "INSERT INTO errand_part (errand_id, what, n, sealed) VALUES ($1, $2, $3, $4) ON CONFLICT (errand_id, what, n) DO UPDATE SET sealed = excluded.sealed";
    PARTS = "SELECT n, sealed FROM errand_part WHERE errand_id = $1 AND what = $2 AND n >= $3 ORDER BY n LIMIT $4";
    DROP_PARTS = "DELETE FROM errand_part WHERE errand_id = $1 AND what = $2";
    LAPSED = "SELECT * FROM errand WHERE ended_at IS NULL AND asked_at < $1 AND state IN ('open', 'checked') ORDER BY asked_at LIMIT 20";
    FORGET_PARTS = "DELETE FROM errand_part WHERE errand_id IN (SELECT id FROM errand WHERE ended_at < $1)";
    FORGET = "DELETE FROM errand WHERE ended_at < $1";
    @claim TAKE = "UPDATE errand SET taken_by = $3, taken_until = $2, runs = runs + 1
        WHERE id = (SELECT e.id FROM errand e WHERE e.state IN ('checking', 'confirmed') AND e.taken_until <= $1 ORDER BY e.taken_until, e.id LIMIT 1",
        ") AND taken_until <= $1 AND state IN ('checking', 'confirmed') RETURNING *";
    @hold HOLD = "SELECT * FROM errand WHERE id = $1";
}

impl FromRow for Errand {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let count = |name| Ok::<_, StoreError>(u64::try_from(row.get::<i64>(name)?).unwrap_or_default());
        Ok(Self {
            id: row.get("id")?,
            kind: row.code("kind")?,
            asked_by: row.get("asked_by")?,
            asked_at: row.get("asked_at")?,
            wish: row.json("wish")?,
            state: row.code("state")?,
            size: count("size")?,
            done: count("done")?,
            total: count("total")?,
            runs: row.get("runs")?,
            fault: row.get("fault")?,
            ended_at: row.get("ended_at")?,
            version: row.get("version")?,
        })
    }
}

/// What is kept sealed of an errand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The file that was sent.
    File,
    /// What looking at it came to.
    Plan,
    /// What doing it came to.
    Result,
}

impl What {
    /// As it stands in a row.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Plan => "plan",
            Self::Result => "result",
        }
    }
}

/// A sealed part.
pub struct Part {
    /// Which, from 0.
    pub n: i64,
    /// What it is.
    pub sealed: String,
}

impl FromRow for Part {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { n: row.get("n")?, sealed: row.get("sealed")? })
    }
}

struct Count(i64);

impl FromRow for Count {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("n")?))
    }
}

fn whole(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// How many errands of a person are not at their end.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn count_open(tx: &mut Tx, _task: &Task, of: PersonId) -> Result<i64, StoreError> {
    Ok(tx.one::<Count>(COUNT_OPEN, args![of]).await?.0)
}

/// Adds an errand.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn insert(tx: &mut Tx, _task: &Task, errand: &Errand) -> Result<(), StoreError> {
    let wish = serde_json::to_value(&errand.wish).map_err(|error| StoreError::Refused(error.to_string()))?;
    let values = args![
        errand.id,
        errand.kind.as_str(),
        errand.asked_by,
        errand.asked_at,
        wish,
        errand.state.as_str(),
        errand.version,
    ];
    tx.execute(INSERT, values).await.map(drop)
}

/// An errand of a person.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn find(tx: &mut Tx, _task: &Task, id: ErrandId, of: PersonId) -> Result<Option<Errand>, StoreError> {
    tx.optional(FIND, args![id, of]).await
}

/// The same, kept from everybody else until the transaction ends.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn hold(tx: &mut Tx, _task: &Task, id: ErrandId) -> Result<Option<Errand>, StoreError> {
    tx.optional(HOLD, args![id]).await
}

/// Errands of a person, the newest first, before an id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn list(
    tx: &mut Tx,
    _task: &Task,
    of: PersonId,
    before: ErrandId,
    limit: usize,
) -> Result<Vec<Errand>, StoreError> {
    tx.all(LIST, args![of, before, i64::try_from(limit).unwrap_or(i64::MAX)]).await
}

/// Writes a changed state, whose version was counted up by one. `false` when somebody else changed it meanwhile.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn update(tx: &mut Tx, _task: &Task, errand: &Errand) -> Result<bool, StoreError> {
    let values = args![
        errand.id,
        errand.state.as_str(),
        whole(errand.size),
        whole(errand.done),
        whole(errand.total),
        errand.runs,
        errand.fault.clone(),
        errand.ended_at,
        errand.version,
    ];
    tx.execute_one(UPDATE, values).await
}

/// Begins to file, and throws away what somebody filed before: a name for whoever does. `false` when it takes no file.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn begin_file(tx: &mut Tx, task: &Task, id: ErrandId, by: Uuid) -> Result<bool, StoreError> {
    if !tx.execute_one(HOLD_OPEN, args![id, by]).await? {
        return Ok(false);
    }
    drop_parts(tx, task, id, What::File).await?;
    Ok(true)
}

/// Whether whoever began to file under this name is still the last who did.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn files_still(tx: &mut Tx, _task: &Task, id: ErrandId, by: Uuid) -> Result<bool, StoreError> {
    tx.execute_one(FILES, args![id, by]).await
}

/// Adds a part of the file; `false` when somebody else files by now. The errand is held first: whoever begins anew throws away
/// what is there, and this part with it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn add_file_part(tx: &mut Tx, task: &Task, id: ErrandId, by: Uuid, part: Part) -> Result<bool, StoreError> {
    let still = files_still(tx, task, id, by).await?;
    if still {
        add_part(tx, task, id, What::File, part).await?;
    }
    Ok(still)
}

/// Adds a part of a report, or puts it in the place of an older one.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn add_part(tx: &mut Tx, _task: &Task, id: ErrandId, what: What, part: Part) -> Result<(), StoreError> {
    tx.execute(ADD_PART, args![id, what.as_str(), part.n, part.sealed]).await.map(drop)
}

/// Parts from one on, at most so many.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn parts(
    tx: &mut Tx,
    _task: &Task,
    id: ErrandId,
    what: What,
    from: i64,
    limit: i64,
) -> Result<Vec<Part>, StoreError> {
    tx.all(PARTS, args![id, what.as_str(), from, limit]).await
}

/// Throws parts away.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn drop_parts(tx: &mut Tx, _task: &Task, id: ErrandId, what: What) -> Result<(), StoreError> {
    tx.execute(DROP_PARTS, args![id, what.as_str()]).await.map(drop)
}

/// How many are to be worked on, and are nobody's.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn count_waiting(tx: &mut Tx, _task: &Task, now: Timestamp) -> Result<i64, StoreError> {
    Ok(tx.one::<Count>(COUNT_WAITING, args![now]).await?.0)
}

/// Takes one that is to be worked on, under a name; nobody else gets it before `until`.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn take(
    tx: &mut Tx,
    _task: &Task,
    by: Uuid,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Errand>, StoreError> {
    tx.optional(TAKE, args![now, until, by]).await
}

/// Says how far it is and keeps it until then; `false` when it is not at work any more, or somebody else works on it.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn beat(
    tx: &mut Tx,
    _task: &Task,
    (id, by): (ErrandId, Uuid),
    (done, total): (u64, u64),
    until: Timestamp,
) -> Result<bool, StoreError> {
    tx.execute_one(BEAT, args![id, by, whole(done), whole(total), until]).await
}

/// Gives it back, to be taken again then.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn release(tx: &mut Tx, _task: &Task, (id, by): (ErrandId, Uuid), then: Timestamp) -> Result<(), StoreError> {
    tx.execute(RELEASE, args![id, by, then]).await.map(drop)
}

/// Some that waited for a file or a yes since before a moment.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn lapsed(tx: &mut Tx, _task: &Task, before: Timestamp) -> Result<Vec<Errand>, StoreError> {
    tx.all(LAPSED, args![before]).await
}

/// Forgets those that came to their end before a moment.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget(tx: &mut Tx, before: Timestamp) -> Result<(), StoreError> {
    tx.execute(FORGET_PARTS, args![before]).await?;
    tx.execute(FORGET, args![before]).await.map(drop)
}
