//! Which institutions the numbered entries of the audit concern, so that an auditor reads those of her subtree.

use super::books::Linked;
use super::db::{FromRow, Row, StoreError, Tx, Value, args, statements};
use crate::domain::access::Subtree;
use crate::domain::id::OrgId;

statements! {
    PLACE = "INSERT INTO audit_place (org_id, seq) VALUES ($1, $2) ON CONFLICT (org_id, seq) DO NOTHING";
    FORGET = "DELETE FROM audit_place WHERE seq <= $1";
    // Of an institution ($2) at or below a root ($1), and everything under it.
    PAGE = "SELECT DISTINCT p.seq AS seq FROM institution_closure c JOIN audit_place p ON p.org_id = c.descendant_id JOIN audit_link l ON l.seq = p.seq JOIN audit_entry e ON e.id = l.entry_id
        WHERE c.ancestor_id = $2 AND EXISTS (SELECT 1 FROM institution_closure h WHERE h.ancestor_id = $1 AND h.descendant_id = $2)
          AND p.seq < $3 AND ($4 = '' OR e.action = $4) ORDER BY p.seq DESC LIMIT $5";
    ENTRIES = "SELECT l.seq AS seq, l.hash AS hash, e.* FROM audit_link l JOIN audit_entry e ON e.id = l.entry_id WHERE l.seq IN ($1)";
}

struct Seq(i64);

impl FromRow for Seq {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(row.get("seq")?))
    }
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

/// Entries that concern an institution inside an auditor's subtrees, or all of them, and everything under it: those of one
/// action where one is named, the newest first, with numbers below `before`.
///
/// # Errors
/// As [`StoreError`] says.
pub async fn page(
    tx: &mut Tx,
    scope: &Subtree,
    org: Option<OrgId>,
    action: &str,
    before: i64,
    limit: usize,
) -> Result<Vec<Linked>, StoreError> {
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut found = Vec::new();
    for root in scope.roots() {
        let values = args![root, org.unwrap_or(root), before, action, most];
        found.extend(tx.all::<Seq>(PAGE, values).await?.into_iter().map(|row| row.0));
    }
    found.sort_unstable_by_key(|seq| std::cmp::Reverse(*seq));
    found.dedup();
    found.truncate(limit);
    let mut entries: Vec<Linked> = tx.all_in(ENTRIES, &[], found.into_iter().map(Value::from).collect()).await?;
    entries.sort_by_key(|linked| std::cmp::Reverse(linked.head.seq));
    Ok(entries)
}
