//! Streams of platforms: their reach, whom they know, and the numbered rows (ruling R4). Written by the sequencer alone, and by
//! the operator's change of a reach under the same lock.

use chrono::NaiveDate;
use uuid::Uuid;

use super::db::{FromRow, Lock, Row, StoreError, Tx, Value, args, statements};
use crate::domain::access::{Platform, Task};
use crate::domain::id::{ClientId, EventId, OrgId, PersonId};
use crate::domain::registry::feed::{FeedRow, Numbered, Stream};
use crate::domain::time::Timestamp;

statements! {
    ADD_REACH = "INSERT INTO platform_reach (client_id, org_id, created_at) VALUES ($1, $2, $3) ON CONFLICT (client_id, org_id) DO NOTHING";
    END_REACH = "DELETE FROM platform_reach WHERE client_id = $1 AND org_id = $2";
    REACH_OF = "SELECT org_id FROM platform_reach WHERE client_id = $1 ORDER BY org_id";
    STREAMS = "SELECT client_id FROM platform_stream ORDER BY client_id";
    REBUILDING = "SELECT client_id FROM platform_stream WHERE rebuilding_after IS NOT NULL ORDER BY client_id";
    STREAM = "SELECT head, floor, rebuilding_after FROM platform_stream WHERE client_id = $1";
    OPEN = "INSERT INTO platform_stream (client_id, head, floor) VALUES ($1, 0, 0) ON CONFLICT (client_id) DO NOTHING";
    // The next number is spent on the break itself, so that whoever read everything before it is behind it too.
    BREAK = "UPDATE platform_stream SET head = head + 1, floor = head + 1, rebuilding_after = $2, notice = $3 WHERE client_id = $1";
    NOTICE = "SELECT COALESCE(notice, '') AS notice FROM platform_stream WHERE client_id = $1";
    SET_NOTICE = "UPDATE platform_stream SET notice = $2 WHERE client_id = $1";
    // As BREAK, for all at once, and far behind what anybody read.
    RESTART = "UPDATE platform_stream SET head = CASE WHEN head < $1 THEN $1 ELSE head + 1 END, floor = CASE WHEN head < $1 THEN $1 ELSE head + 1 END, rebuilding_after = $2";
    REBUILT_TO = "UPDATE platform_stream SET rebuilding_after = $2 WHERE client_id = $1";
    MOVE_HEAD = "UPDATE platform_stream SET head = $2 WHERE client_id = $1";
    APPEND = "INSERT INTO platform_feed (client_id, seq, kind, subject_id, fields, event_id, numbered_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    AFTER = "SELECT f.seq, f.kind, f.subject_id, f.fields, f.event_id, f.numbered_at, e.aggregate_id AS class_id FROM platform_feed f
        LEFT JOIN event e ON e.id = f.event_id AND e.aggregate_kind = 'class' WHERE f.client_id = $1 AND f.seq > $2 ORDER BY f.seq LIMIT $3";
    // Never lowered: a break that was waited for raised it beyond the rows that this statement still sees.
    RAISE_FLOOR = "UPDATE platform_stream SET floor = (SELECT MAX(f.seq) FROM platform_feed f WHERE f.client_id = $1 AND f.numbered_at < $2) WHERE client_id = $1
        AND floor < (SELECT MAX(f.seq) FROM platform_feed f WHERE f.client_id = $1 AND f.numbered_at < $2)";
    FORGET = "DELETE FROM platform_feed WHERE client_id = $1 AND seq IN (SELECT f.seq FROM platform_feed f WHERE f.client_id = $1
        AND f.seq <= (SELECT s.floor FROM platform_stream s WHERE s.client_id = $1) ORDER BY f.seq LIMIT $2)";
    // Who studies or works today at an institution that the platform serves.
    REACHED = "SELECT DISTINCT c.person_id AS person_id FROM (
            SELECT e.person_id AS person_id FROM platform_reach r JOIN institution_closure k ON k.ancestor_id = r.org_id JOIN enrolment e ON e.org_id = k.descendant_id AND e.valid_to IS NULL AND e.valid_from <= $2 WHERE r.client_id = $1
            UNION SELECT s.person_id AS person_id FROM platform_reach r JOIN institution_closure k ON k.ancestor_id = r.org_id JOIN staffing s ON s.org_id = k.descendant_id AND s.valid_to IS NULL AND s.valid_from <= $2 WHERE r.client_id = $1
        ) c WHERE c.person_id > $3 ORDER BY c.person_id LIMIT $4";
    STUDY = "SELECT DISTINCT e.person_id AS person_id FROM platform_reach r JOIN institution_closure k ON k.ancestor_id = r.org_id JOIN enrolment e ON e.org_id = k.descendant_id
        WHERE r.client_id = $1 AND e.valid_from <= $2 AND e.valid_to IS NULL AND e.person_id IN ($3)";
    WORK = "SELECT DISTINCT s.person_id AS person_id FROM platform_reach r JOIN institution_closure k ON k.ancestor_id = r.org_id JOIN staffing s ON s.org_id = k.descendant_id
        WHERE r.client_id = $1 AND s.valid_from <= $2 AND s.valid_to IS NULL AND s.person_id IN ($3)";
    SERVED = "SELECT DISTINCT k.descendant_id AS org_id FROM platform_reach r JOIN institution_closure k ON k.ancestor_id = r.org_id WHERE r.client_id = $1 AND k.descendant_id IN ($2)";
    KNOWN = "SELECT person_id FROM platform_member WHERE client_id = $1 AND person_id IN ($2)";
    MEMBERS = "SELECT person_id FROM platform_member WHERE client_id = $1 AND person_id > $2 ORDER BY person_id LIMIT $3";
    ENTER = "INSERT INTO platform_member (client_id, person_id) VALUES ($1, $2) ON CONFLICT (client_id, person_id) DO NOTHING";
    LEAVE = "DELETE FROM platform_member WHERE client_id = $1 AND person_id = $2";
    LEAVE_BETWEEN = "DELETE FROM platform_member WHERE client_id = $1 AND person_id > $2 AND person_id <= $3";
    LEAVE_BEYOND = "DELETE FROM platform_member WHERE client_id = $1 AND person_id IN (SELECT person_id FROM platform_member WHERE client_id = $1 AND person_id > $2 ORDER BY person_id LIMIT $3)";
    LAST_DAY = "SELECT day FROM feed_day WHERE day <= $1 ORDER BY day DESC LIMIT 1";
    KEEP_DAY = "INSERT INTO feed_day (day) VALUES ($1) ON CONFLICT (day) DO NOTHING";
    BORN = "SELECT id AS person_id FROM person WHERE birth_date >= $1 AND birth_date < $2 AND merged_into IS NULL ORDER BY id";
    // Whoever came on the day itself may be told of twice.
    BEGUN = "SELECT person_id FROM enrolment WHERE valid_from > $1 AND valid_from <= $2 AND valid_to IS NULL
        UNION SELECT person_id FROM staffing WHERE valid_from > $1 AND valid_from <= $2 AND valid_to IS NULL";
    EVENTS = "SELECT id, aggregate_kind, aggregate_id, kind, fields, sector FROM event WHERE id IN ($1)";
    CHILD_OF = "SELECT child_id AS person_id FROM guardianship WHERE id = $1";
    RECEIPT_OF = "SELECT person_id FROM consent WHERE id = $1";
    CLASS_OF = "SELECT org_id FROM class WHERE id = $1";
}

struct Text(String);

impl FromRow for Text {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("notice")?))
    }
}

struct Who(PersonId);

impl FromRow for Who {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("person_id")?))
    }
}

struct Where(OrgId);

impl FromRow for Where {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("org_id")?))
    }
}

struct Whose(ClientId);

impl FromRow for Whose {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("client_id")?))
    }
}

impl FromRow for Stream {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { head: row.get("head")?, floor: row.get("floor")?, rebuilding_after: row.get("rebuilding_after")? })
    }
}

impl FromRow for Numbered {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let kept = FeedRow {
            kind: row.code("kind")?,
            subject: row.get("subject_id")?,
            fields: row.get("fields")?,
            event: row.get("event_id")?,
        };
        Ok(Self { seq: row.get("seq")?, row: kept, class: row.get("class_id")?, at: row.get("numbered_at")? })
    }
}

/// An event, as far as streams ask for it.
pub struct Told {
    /// Its id.
    pub id: EventId,
    /// Of what.
    pub aggregate: String,
    /// Which one.
    pub aggregate_id: Uuid,
    /// What happened.
    pub kind: String,
    /// Names of fields, and what else it tells.
    pub fields: serde_json::Value,
    /// The sector that is told it and nobody else.
    pub sector: Option<String>,
}

impl FromRow for Told {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            aggregate: row.get("aggregate_kind")?,
            aggregate_id: row.get("aggregate_id")?,
            kind: row.get("kind")?,
            fields: row.get("fields")?,
            sector: row.get("sector")?,
        })
    }
}

/// Lets a platform serve an institution and everything under it; `false` when it does.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn add_reach(tx: &mut Tx, platform: &Platform, org: OrgId, now: Timestamp) -> Result<bool, StoreError> {
    tx.execute(OPEN, args![platform.client()]).await?;
    tx.execute_one(ADD_REACH, args![platform.client(), org, now]).await
}

/// Ends that; `false` when it did not.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn end_reach(tx: &mut Tx, platform: &Platform, org: OrgId) -> Result<bool, StoreError> {
    tx.execute_one(END_REACH, args![platform.client(), org]).await
}

/// The institutions that a platform serves, with everything under them.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn reach_of(tx: &mut Tx, platform: &Platform) -> Result<Vec<OrgId>, StoreError> {
    Ok(tx.all::<Where>(REACH_OF, args![platform.client()]).await?.into_iter().map(|row| row.0).collect())
}

/// Every client that has a stream.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn streams(tx: &mut Tx) -> Result<Vec<ClientId>, StoreError> {
    Ok(tx.all::<Whose>(STREAMS, args![]).await?.into_iter().map(|row| row.0).collect())
}

/// Every client whose people are looked at anew.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn rebuilding(tx: &mut Tx) -> Result<Vec<ClientId>, StoreError> {
    Ok(tx.all::<Whose>(REBUILDING, args![]).await?.into_iter().map(|row| row.0).collect())
}

/// How far the stream of a platform goes.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn stream(tx: &mut Tx, platform: &Platform) -> Result<Option<Stream>, StoreError> {
    tx.optional(STREAM, args![platform.client()]).await
}

/// Breaks a stream: whoever reads it begins anew with a snapshot, which is there when everybody was looked at. `notice` names
/// the texts under which receipts count from now on.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn begin_anew(tx: &mut Tx, platform: &Platform, notice: Option<String>) -> Result<(), StoreError> {
    tx.execute(BREAK, args![platform.client(), PersonId(Uuid::nil()), notice]).await?;
    Ok(())
}

/// Breaks every stream, with numbers behind all that were given before: the register came back from an older copy, and its
/// readers know of changes that it does not. The moment says from where on, in microseconds, of which no stream gives as many
/// numbers: what the copy knows would be the same when it comes back a second time.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn restart(tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(RESTART, args![now.micros(), PersonId(Uuid::nil())]).await?;
    Ok(())
}

/// Under which texts receipts counted when everybody was looked at: empty for a platform with a basis of its own, and for one
/// without a stream.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn notice(tx: &mut Tx, platform: &Platform) -> Result<Option<String>, StoreError> {
    Ok(tx.optional::<Text>(NOTICE, args![platform.client()]).await?.map(|row| row.0))
}

/// More texts count than before, and none less.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn set_notice(tx: &mut Tx, platform: &Platform, notice: &str) -> Result<(), StoreError> {
    tx.execute(SET_NOTICE, args![platform.client(), notice]).await.map(drop)
}

/// Notes up to whom everybody was looked at; `None` when that is done.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn rebuilt_to(tx: &mut Tx, platform: &Platform, person: Option<PersonId>) -> Result<(), StoreError> {
    tx.execute(REBUILT_TO, args![platform.client(), person]).await.map(drop)
}

/// Forgets whom a platform was told of, behind one person and up to another.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn leave_between(
    tx: &mut Tx,
    platform: &Platform,
    after: PersonId,
    last: PersonId,
) -> Result<(), StoreError> {
    tx.execute(LEAVE_BETWEEN, args![platform.client(), after, last]).await.map(drop)
}

/// Forgets whom a platform was told of behind a person, at most `limit`; how many there were.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn leave_beyond(tx: &mut Tx, platform: &Platform, after: PersonId, limit: i64) -> Result<u64, StoreError> {
    tx.execute(LEAVE_BEYOND, args![platform.client(), after, limit]).await
}

/// Gives rows their numbers, dense and in this order.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn append(tx: &mut Tx, platform: &Platform, rows: &[FeedRow], now: Timestamp) -> Result<(), StoreError> {
    let Some(stream) = stream(tx, platform).await?.filter(|_| !rows.is_empty()) else { return Ok(()) };
    let client = platform.client();
    let mut seq = stream.head;
    let mut numbered = Vec::with_capacity(rows.len());
    for row in rows {
        seq += 1;
        numbered.push(args![client, seq, row.kind.as_str(), row.subject, row.fields.clone(), row.event, now]);
    }
    tx.insert_many(APPEND, numbered).await?;
    tx.execute(MOVE_HEAD, args![client, seq]).await?;
    Ok(())
}

/// Rows behind a number, in order.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn after(tx: &mut Tx, platform: &Platform, seq: i64, limit: usize) -> Result<Vec<Numbered>, StoreError> {
    tx.all(AFTER, args![platform.client(), seq, i64::try_from(limit).unwrap_or(i64::MAX)]).await
}

/// Nobody reads rows any more that were numbered before a moment.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn raise_floor(tx: &mut Tx, platform: &Platform, before: Timestamp) -> Result<(), StoreError> {
    tx.execute(RAISE_FLOOR, args![platform.client(), before]).await?;
    Ok(())
}

/// Forgets the first rows of those that nobody reads any more, at most `limit`; how many.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget(tx: &mut Tx, platform: &Platform, limit: i64) -> Result<u64, StoreError> {
    tx.execute(FORGET, args![platform.client(), limit]).await
}

/// Who studies or works at what a platform serves on a day, behind a person, by id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn reached(
    tx: &mut Tx,
    platform: &Platform,
    day: NaiveDate,
    after: PersonId,
    limit: i64,
) -> Result<Vec<PersonId>, StoreError> {
    let found = tx.all::<Who>(REACHED, args![platform.client(), day, after, limit]).await?;
    Ok(found.into_iter().map(|row| row.0).collect())
}

/// Which of these people do.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn reached_of(
    tx: &mut Tx,
    platform: &Platform,
    day: NaiveDate,
    people: &[PersonId],
) -> Result<Vec<PersonId>, StoreError> {
    let mut found = Vec::new();
    for statement in [STUDY, WORK] {
        found.extend(among(tx, statement, &[platform.client().into(), day.into()], people).await?);
    }
    Ok(found)
}

/// Which of these institutions a platform serves.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn served_of(tx: &mut Tx, platform: &Platform, orgs: &[OrgId]) -> Result<Vec<OrgId>, StoreError> {
    let keys = orgs.iter().map(|id| Value::from(*id)).collect();
    Ok(tx.all_in::<Where>(SERVED, &[platform.client().into()], keys).await?.into_iter().map(|row| row.0).collect())
}

/// Which of these people a platform was told of.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn known_of(tx: &mut Tx, platform: &Platform, people: &[PersonId]) -> Result<Vec<PersonId>, StoreError> {
    among(tx, KNOWN, &[platform.client().into()], people).await
}

async fn among(
    tx: &mut Tx,
    statement: super::db::Statement,
    leading: &[Value],
    people: &[PersonId],
) -> Result<Vec<PersonId>, StoreError> {
    let keys = people.iter().map(|id| Value::from(*id)).collect();
    Ok(tx.all_in::<Who>(statement, leading, keys).await?.into_iter().map(|row| row.0).collect())
}

/// Whom a platform was told of, behind a person, by id.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn members(
    tx: &mut Tx,
    platform: &Platform,
    after: PersonId,
    limit: usize,
) -> Result<Vec<PersonId>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = tx.all::<Who>(MEMBERS, args![platform.client(), after, limit]).await?;
    Ok(found.into_iter().map(|row| row.0).collect())
}

/// Notes that a platform was told of people.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn enter(tx: &mut Tx, platform: &Platform, people: &[PersonId]) -> Result<(), StoreError> {
    let rows = people.iter().map(|person| args![platform.client(), *person]).collect();
    tx.insert_many(ENTER, rows).await.map(drop)
}

/// Notes that somebody left.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn leave(tx: &mut Tx, platform: &Platform, person: PersonId) -> Result<(), StoreError> {
    tx.execute(LEAVE, args![platform.client(), person]).await.map(drop)
}

/// Days from one on and up to another.
pub struct Between {
    /// The first.
    pub from: NaiveDate,
    /// The last.
    pub until: NaiveDate,
}

struct Day(NaiveDate);

impl FromRow for Day {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("day")?))
    }
}

/// The last day up to `today` that was told of: what a clock that was ahead told of later ones is told again.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn last_day(tx: &mut Tx, today: NaiveDate) -> Result<Option<NaiveDate>, StoreError> {
    Ok(tx.optional::<Day>(LAST_DAY, args![today]).await?.map(|row| row.0))
}

/// Takes the lock of whoever tells of a day, for this transaction, if nobody else does.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn lock_day(tx: &mut Tx) -> Result<bool, StoreError> {
    tx.try_lock(Lock::Day).await
}

/// Notes that a day was told of.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn keep_day(tx: &mut Tx, day: NaiveDate) -> Result<(), StoreError> {
    tx.execute(KEEP_DAY, args![day]).await.map(drop)
}

/// Who was born on these days, the last one left out.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn born(tx: &mut Tx, days: &Between) -> Result<Vec<PersonId>, StoreError> {
    Ok(tx.all::<Who>(BORN, args![days.from, days.until]).await?.into_iter().map(|row| row.0).collect())
}

/// Whose stay or post began on these days, the first one left out.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn begun(tx: &mut Tx, days: &Between) -> Result<Vec<PersonId>, StoreError> {
    Ok(tx.all::<Who>(BEGUN, args![days.from, days.until]).await?.into_iter().map(|row| row.0).collect())
}

/// Events by their ids, in no order.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn events(tx: &mut Tx, ids: &[EventId]) -> Result<Vec<Told>, StoreError> {
    tx.all_in(EVENTS, &[], ids.iter().map(|id| Value::from(*id)).collect()).await
}

/// The child of a guardianship.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn child_of(tx: &mut Tx, _task: &Task, guardianship: Uuid) -> Result<Option<PersonId>, StoreError> {
    Ok(tx.optional::<Who>(CHILD_OF, args![guardianship]).await?.map(|row| row.0))
}

/// Whom a receipt is about.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn receipt_of(tx: &mut Tx, _task: &Task, receipt: Uuid) -> Result<Option<PersonId>, StoreError> {
    Ok(tx.optional::<Who>(RECEIPT_OF, args![receipt]).await?.map(|row| row.0))
}

/// The school of a class.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn school_of(tx: &mut Tx, _task: &Task, class: Uuid) -> Result<Option<OrgId>, StoreError> {
    Ok(tx.optional::<Where>(CLASS_OF, args![class]).await?.map(|row| row.0))
}
