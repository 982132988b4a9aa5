//! Which institutions the numbered entries of the audit concern, so that an auditor reads those of her subtree.

use std::collections::{BTreeMap, BTreeSet};

use super::books::Linked;
use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use super::relation_claims::own_word;
use crate::domain::access::{OnePerson as _, Subtree, TaskOn};
use crate::domain::id::OrgId;

statements! {
    PLACE = "INSERT INTO audit_place (org_id, seq) VALUES ($1, $2) ON CONFLICT (org_id, seq) DO NOTHING";
    OF_RANGE = "SELECT seq, org_id FROM audit_place WHERE seq >= $1 AND seq <= $2";
    FORGET = "DELETE FROM audit_place WHERE seq <= $1";
    // Of an institution ($2) at or below a root ($1), and everything under it.
    UNDER = "SELECT c.descendant_id AS org_id FROM institution_closure c WHERE c.ancestor_id = $2
        AND EXISTS (SELECT 1 FROM institution_closure h WHERE h.ancestor_id = $1 AND h.descendant_id = $2) LIMIT $3";
    OF_ONE = "SELECT seq FROM audit_place WHERE org_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3";
    // So many places further down: whoever they belong to, it only says how far one look reaches.
    EDGE = "SELECT seq FROM audit_place WHERE seq < $1 ORDER BY seq DESC LIMIT 1 OFFSET $2";
    // The places first, and of each whether it lies there: SQLite, which counts no rows, would begin with every institution.
    BETWEEN = "SELECT DISTINCT p.seq AS seq FROM audit_place p CROSS JOIN institution_closure c WHERE p.seq >= $3 AND p.seq < $4 AND c.ancestor_id = $2 AND c.descendant_id = p.org_id
        AND EXISTS (SELECT 1 FROM institution_closure h WHERE h.ancestor_id = $1 AND h.descendant_id = $2)";
    OF_ACTION = "SELECT l.seq AS seq FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id WHERE e.action = $1 AND l.seq IN ($2)";
    ENTRIES = "SELECT l.seq AS seq, l.hash AS hash, e.* FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id WHERE l.seq IN ($1)";
    // Where somebody studies, works, or keeps a child whom her school did not only name (R1).
    SIDES = concat!("SELECT e.org_id AS org_id FROM enrolment e WHERE e.person_id = $1 AND e.valid_to IS NULL
        UNION SELECT s.org_id AS org_id FROM staffing s WHERE s.person_id = $1 AND s.valid_to IS NULL
        UNION SELECT e.org_id AS org_id FROM guardianship g JOIN enrolment e ON e.person_id = g.child_id AND e.valid_to IS NULL
            WHERE g.guardian_id = $1 AND g.status = 'confirmed' AND (e.source = 'normal' OR e.org_id = g.recorded_org_id)
            AND NOT EXISTS (SELECT 1 FROM relation_claim r WHERE r.person_id = g.guardian_id AND r.child_id = g.child_id AND r.kind = 'guardian' AND r.org_id = g.recorded_org_id AND ", own_word!(), ")");
}

/// Of so many institutions each is asked by itself.
const FEW: usize = 64;
/// Of each of them so many entries are looked at in one step, where one action is meant.
const STEP: usize = 200;
/// Of more institutions so many places are looked at in one step, whoever they belong to.
const WINDOW: i64 = 5_000;

struct Seq(i64);

impl FromRow for Seq {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("seq")?))
    }
}

struct Place(OrgId);

impl FromRow for Place {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("org_id")?))
    }
}

struct At {
    seq: i64,
    org: OrgId,
}

impl FromRow for At {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { seq: row.get("seq")?, org: row.get("org_id")? })
    }
}

/// Which entries a walk is about.
pub struct Walk {
    /// Each root of the auditor, and what is asked about at or below it.
    tops: Vec<(OrgId, OrgId)>,
    /// All institutions there, where they are few.
    few: Option<BTreeSet<OrgId>>,
    action: String,
}

/// What one step of a walk found.
pub struct Step {
    /// Numbers of entries, the newest first.
    pub found: Vec<i64>,
    /// Below which number it goes on; none: there is nothing more.
    pub below: Option<i64>,
}

/// Notes with its number what an entry concerns.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn place(tx: &mut Tx, rows: Vec<(OrgId, i64)>) -> Result<(), StoreError> {
    tx.insert_many(PLACE, rows.into_iter().map(|(org, seq)| args![org, seq]).collect()).await.map(drop)
}

/// Forgets what entries up to a number concerned.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn forget(tx: &mut Tx, seq: i64) -> Result<(), StoreError> {
    tx.execute(FORGET, args![seq]).await.map(drop)
}

/// What entries with these numbers concern.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn of_range(tx: &mut Tx, from: i64, through: i64) -> Result<BTreeMap<i64, BTreeSet<OrgId>>, StoreError> {
    let mut places = BTreeMap::<i64, BTreeSet<OrgId>>::new();
    for At { seq, org } in tx.all::<At>(OF_RANGE, args![from, through]).await? {
        places.entry(seq).or_default().insert(org);
    }
    Ok(places)
}

/// Where an entry about a person belongs besides the rights by which it was done.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn sides_of(tx: &mut Tx, on: &TaskOn) -> Result<Vec<OrgId>, StoreError> {
    Ok(tx.all::<Place>(SIDES, args![on.person()]).await?.into_iter().map(|place| place.0).collect())
}

/// A walk over entries that concern an institution inside an auditor's subtrees, or all of them, and everything under it: those
/// of one action where one is named.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn walk(tx: &mut Tx, scope: &Subtree, org: Option<OrgId>, action: &str) -> Result<Walk, StoreError> {
    let tops: Vec<(OrgId, OrgId)> = scope.roots().map(|root| (root, org.unwrap_or(root))).collect();
    let (mut all, most) = (BTreeSet::new(), i64::try_from(FEW + 1).unwrap_or(i64::MAX));
    for (root, top) in &tops {
        all.extend(tx.all::<Place>(UNDER, args![*root, *top, most]).await?.into_iter().map(|place| place.0));
    }
    Ok(Walk { tops, few: Some(all).filter(|all| all.len() <= FEW), action: action.to_owned() })
}

impl Walk {
    /// The next entries with numbers below `before`, at most `most`. However rare they are, it looks at no more than so many
    /// places: what it did not reach is for the next step.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    pub async fn step(&self, tx: &mut Tx, before: i64, most: usize) -> Result<Step, StoreError> {
        let Step { mut found, mut below } = match &self.few {
            Some(few) => self.step_of_few(tx, few, before, most).await?,
            None => self.step_of_many(tx, before).await?,
        };
        if !self.action.is_empty() {
            let keys = found.into_iter().map(Value::from).collect();
            let action = [Value::from(self.action.as_str())];
            found = tx.all_in::<Seq>(OF_ACTION, &action, keys).await?.into_iter().map(|row| row.0).collect();
        }
        found.sort_unstable_by_key(|seq| std::cmp::Reverse(*seq));
        found.dedup();
        if found.len() > most {
            found.truncate(most);
            below = found.last().copied();
        }
        Ok(Step { found, below })
    }

    async fn step_of_few(
        &self,
        tx: &mut Tx,
        few: &BTreeSet<OrgId>,
        before: i64,
        most: usize,
    ) -> Result<Step, StoreError> {
        let each = if self.action.is_empty() { most } else { STEP };
        let (limit, mut found) = (i64::try_from(each).unwrap_or(i64::MAX), BTreeSet::new());
        for org in few {
            found.extend(tx.all::<Seq>(OF_ONE, args![*org, before, limit]).await?.into_iter().map(|row| row.0));
        }
        // Below the last of so many, one of them may have more than it was asked for.
        let found: Vec<i64> = found.into_iter().rev().take(each).collect();
        let below = found.last().copied().filter(|_| found.len() == each);
        Ok(Step { found, below })
    }

    async fn step_of_many(&self, tx: &mut Tx, before: i64) -> Result<Step, StoreError> {
        let below = tx.optional::<Seq>(EDGE, args![before, WINDOW - 1]).await?.map(|row| row.0);
        let mut found = Vec::new();
        for (root, top) in &self.tops {
            let values = args![*root, *top, below.unwrap_or(0), before];
            found.extend(tx.all::<Seq>(BETWEEN, values).await?.into_iter().map(|row| row.0));
        }
        Ok(Step { found, below })
    }
}

/// Entries by their numbers, the newest first.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn entries(tx: &mut Tx, _scope: &Subtree, found: &[i64]) -> Result<Vec<Linked>, StoreError> {
    let mut entries: Vec<Linked> = tx.all_in(ENTRIES, &[], found.iter().map(|seq| Value::from(*seq)).collect()).await?;
    entries.sort_by_key(|linked| std::cmp::Reverse(linked.head.seq));
    Ok(entries)
}
