//! Several changes that do not read each other, in one message where the engine lives across a wire: each statement stays
//! the constant of its aggregate, and the texts are joined here. PostgreSQL runs them as parts of one statement, all of
//! which see what was there before it; SQLite one after the other.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use sqlx::AssertSqlSafe;

use super::bind::bind_all;
use super::tx::each;
use super::{Row, Statement, StoreError, Tx, Value};

/// A change that is made together with others.
#[derive(Clone, Debug)]
pub struct Change {
    pub(super) statement: Statement,
    pub(super) values: Vec<Value>,
}

impl Change {
    /// A statement without rows of its own (`INSERT`, `UPDATE`, `DELETE`) and its values.
    pub const fn new(statement: Statement, values: Vec<Value>) -> Self {
        Self { statement, values }
    }
}

impl Tx {
    /// Makes all changes; how many rows the first one touched. Where it is none, the others may have been made or not: the
    /// caller drops the transaction.
    ///
    /// # Errors
    /// As [`Tx::execute`], without saying which of them it was.
    pub async fn execute_together(&mut self, first: Change, mut rest: Vec<Change>) -> Result<u64, StoreError> {
        let is_lite = matches!(self, Self::Lite(..) | Self::LiteRead(_));
        if is_lite || rest.is_empty() {
            let touched = self.execute(first.statement, first.values).await?;
            if touched > 0 && !rest.is_empty() {
                self.run_together(joined(&rest, Join::InARow), rest).await?;
            }
            return Ok(touched);
        }
        // What is counted is the last part.
        rest.push(first);
        self.run_together(joined(&rest, Join::InOne), rest).await
    }

    async fn run_together(&mut self, text: Arc<str>, changes: Vec<Change>) -> Result<u64, StoreError> {
        let values = changes.into_iter().flat_map(|change| change.values);
        each!(self, Whole { lite: Arc::clone(&text), pg: text }, |connection, sql, _wrap| {
            bind_all!(sqlx::query(AssertSqlSafe(sql)), values)
                .execute(connection)
                .await
                .map(|done| done.rows_affected())
                .map_err(StoreError::from_sqlx)
        })
    }

    /// Whether a text that was made here finds anything.
    pub(super) async fn finds(&mut self, text: Arc<str>, values: Vec<Value>) -> Result<bool, StoreError> {
        each!(self, Whole { lite: Arc::clone(&text), pg: text }, |connection, sql, _wrap| {
            let found = bind_all!(sqlx::query(AssertSqlSafe(sql)), values).fetch_optional(connection).await;
            found.map(|row| row.is_some()).map_err(StoreError::from_sqlx)
        })
    }
}

/// A text that was joined for one engine, where a statement has one for each.
struct Whole {
    lite: Arc<str>,
    pg: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Join {
    /// `…; …`, for SQLite.
    InARow,
    /// `WITH c0 AS (…), c1 AS (…) …`, for PostgreSQL.
    InOne,
}

impl Join {
    fn text(self, change: &Change) -> &'static str {
        match self {
            Self::InARow => change.statement.lite,
            Self::InOne => change.statement.pg,
        }
    }

    fn join(self, mut texts: Vec<String>) -> String {
        match (self, texts.pop()) {
            (_, None) => String::new(),
            (Self::InOne, Some(last)) if !texts.is_empty() => {
                let parts: Vec<_> = texts.iter().enumerate().map(|(at, text)| format!("c{at} AS ({text})")).collect();
                format!("WITH {} {last}", parts.join(", "))
            }
            (_, Some(last)) => {
                texts.push(last);
                texts.join("; ")
            }
        }
    }
}

type Known = HashMap<(Join, Vec<&'static str>), Arc<str>>;

/// The joined text, made once for each list of statements.
fn joined(changes: &[Change], join: Join) -> Arc<str> {
    static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);
    let key = (join, changes.iter().map(|change| join.text(change)).collect::<Vec<_>>());
    if let Some(known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Arc::clone(known);
    }
    let mut before = 0;
    let mut texts = Vec::with_capacity(changes.len());
    for change in changes {
        texts.push(renumbered(join.text(change), before));
        before += change.values.len();
    }
    let text: Arc<str> = join.join(texts).into();
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&text));
    text
}

/// Each `$n` of a text as `$(n + before)`.
fn renumbered(text: &str, before: usize) -> String {
    placed(text, |number| format!("${}", number + before))
}

/// A text with something else where its values stand.
pub(super) fn placed(text: &str, place: impl Fn(usize) -> String) -> String {
    let mut pieces = text.split('$');
    let mut all = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
        // A `$` without a number is text: a path into JSON.
        let _ = match piece[..digits].parse::<usize>() {
            Ok(number) => write!(all, "{}{}", place(number), &piece[digits..]),
            Err(_) => write!(all, "${piece}"),
        };
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Statement = Statement::shared("one", "INSERT INTO a VALUES ($1, $2)");
    const TWO: Statement = Statement::shared("two", "UPDATE b SET x = $2 WHERE y = $1 AND z = $1");

    #[test]
    fn texts_are_joined_and_numbered_on() {
        let (two, four) = (vec![1_i64.into(), 2_i64.into()], vec![3_i64.into(), 4_i64.into()]);
        let changes = [Change::new(ONE, two), Change::new(TWO, four)];
        assert_eq!(
            &*joined(&changes, Join::InOne),
            "WITH c0 AS (INSERT INTO a VALUES ($1, $2)) UPDATE b SET x = $4 WHERE y = $3 AND z = $3"
        );
        assert_eq!(
            &*joined(&changes, Join::InARow),
            "INSERT INTO a VALUES ($1, $2); UPDATE b SET x = $4 WHERE y = $3 AND z = $3"
        );
        assert_eq!(&*joined(&changes[..1], Join::InOne), ONE.pg);
        assert_eq!(renumbered("SELECT a -> '$.b' WHERE c = $1", 2), "SELECT a -> '$.b' WHERE c = $3");
    }
}
