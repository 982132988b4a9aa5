//! Many rows in one statement. The aggregate's own `INSERT … VALUES (…)` and `… IN ($n)` are widened here, so that a
//! bulk write cannot drift from the single one and the test that prepares every statement covers both.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;

use super::bind::bind_all;
use super::{FromRow, Row, Statement, StoreError, Tx, Value};

/// Few sizes, so that each widened text is prepared once for a connection; the largest stays below both engines'
/// limits of bound values (SQLite 32,766, PostgreSQL 65,535).
const INSERT_SIZES: [usize; 3] = [64, 8, 1];
const LOOKUP_SIZES: [usize; 3] = [256, 32, 4];

impl Tx {
    /// Runs a statement of the form `INSERT … VALUES ($1, …) …` for many rows; how many were inserted. Fewer than were
    /// given means that `ON CONFLICT … DO NOTHING` met a row of somebody else.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn insert_many(&mut self, statement: Statement, rows: Vec<Vec<Value>>) -> Result<u64, StoreError> {
        let shape = Shape::of(statement)?;
        let mut inserted = 0;
        let mut rows = rows.into_iter();
        for size in INSERT_SIZES {
            while rows.len() >= size {
                let values: Vec<Value> = rows.by_ref().take(size).flatten().collect();
                inserted += self.run(shape.widened(size), values).await?;
            }
        }
        Ok(inserted)
    }

    /// Runs a statement whose last placeholder stands alone in `IN ($n)` for many keys. `leading` are the values before
    /// it. Rows come in no order.
    ///
    /// # Errors
    /// As [`Tx::all`].
    pub async fn all_in<R: FromRow>(
        &mut self,
        statement: Statement,
        leading: &[Value],
        keys: Vec<Value>,
    ) -> Result<Vec<R>, StoreError> {
        let mut found = Vec::new();
        let mut rest = keys.as_slice();
        while let Some(last) = rest.last() {
            let last = last.clone();
            let size = *LOOKUP_SIZES.iter().rev().find(|size| **size >= rest.len()).unwrap_or(&LOOKUP_SIZES[0]);
            let (now, later) = rest.split_at(size.min(rest.len()));
            let mut values = leading.to_vec();
            values.extend_from_slice(now);
            // A key twice finds nothing twice.
            values.resize(leading.len() + size, last);
            for row in self.rows(listed(statement, leading.len(), size)?, values).await? {
                found.push(R::from_row(&row)?);
            }
            rest = later;
        }
        Ok(found)
    }

    async fn run(&mut self, sql: String, values: Vec<Value>) -> Result<u64, StoreError> {
        match self {
            Self::Lite(tx) => {
                bind_all!(sqlx::query(AssertSqlSafe(sql)), values).execute(&mut **tx).await.map(|d| d.rows_affected())
            }
            Self::LiteRead(c) => {
                bind_all!(sqlx::query(AssertSqlSafe(sql)), values).execute(&mut **c).await.map(|d| d.rows_affected())
            }
            Self::Pg(tx) => {
                bind_all!(sqlx::query(AssertSqlSafe(sql)), values).execute(&mut **tx).await.map(|d| d.rows_affected())
            }
            Self::PgRead(c) => {
                bind_all!(sqlx::query(AssertSqlSafe(sql)), values).execute(&mut **c).await.map(|d| d.rows_affected())
            }
        }
        .map_err(StoreError::from_sqlx)
    }

    async fn rows(&mut self, sql: String, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let lite = |rows: Vec<_>| rows.into_iter().map(Row::Lite).collect();
        let pg = |rows: Vec<_>| rows.into_iter().map(Row::Pg).collect();
        match self {
            Self::Lite(tx) => bind_all!(sqlx::query(AssertSqlSafe(sql)), values).fetch_all(&mut **tx).await.map(lite),
            Self::LiteRead(c) => bind_all!(sqlx::query(AssertSqlSafe(sql)), values).fetch_all(&mut **c).await.map(lite),
            Self::Pg(tx) => bind_all!(sqlx::query(AssertSqlSafe(sql)), values).fetch_all(&mut **tx).await.map(pg),
            Self::PgRead(c) => bind_all!(sqlx::query(AssertSqlSafe(sql)), values).fetch_all(&mut **c).await.map(pg),
        }
        .map_err(StoreError::from_sqlx)
    }
}

/// `head (tuple) tail`.
struct Shape {
    head: &'static str,
    tuple: &'static str,
    tail: &'static str,
    width: usize,
}

impl Shape {
    fn of(statement: Statement) -> Result<Self, StoreError> {
        let refused = || StoreError::Refused(format!("{} has no VALUES to widen", statement.name));
        let sql = statement.lite;
        let start = sql.find("VALUES (").ok_or_else(refused)? + "VALUES ".len();
        let mut depth = 0_i32;
        let length = sql[start..]
            .char_indices()
            .find_map(|(at, c)| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                (depth == 0).then_some(at + 1)
            })
            .ok_or_else(refused)?;
        let tuple = &sql[start..start + length];
        let width = tuple.split('$').skip(1).filter_map(|rest| number(rest).parse().ok()).max().ok_or_else(refused)?;
        Ok(Self { head: &sql[..start], tuple, tail: &sql[start + length..], width })
    }

    fn widened(&self, rows: usize) -> String {
        let mut sql = String::with_capacity(self.head.len() + self.tail.len() + rows * (self.tuple.len() + 16));
        sql.push_str(self.head);
        for row in 0..rows {
            let mut parts = self.tuple.split('$');
            sql.push_str(if row == 0 { "" } else { ", " });
            sql.push_str(parts.next().unwrap_or_default());
            for part in parts {
                let digits = number(part);
                let shifted = digits.parse::<usize>().unwrap_or_default() + row * self.width;
                let _ = write!(sql, "${shifted}{}", &part[digits.len()..]);
            }
        }
        sql.push_str(self.tail);
        sql
    }
}

fn number(text: &str) -> &str {
    &text[..text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())]
}

fn listed(statement: Statement, leading: usize, size: usize) -> Result<String, StoreError> {
    let first = leading + 1;
    let one = format!("IN (${first})");
    let (head, tail) = statement
        .lite
        .split_once(&one)
        .ok_or_else(|| StoreError::Refused(format!("{} has no {one} to widen", statement.name)))?;
    let mut sql = format!("{head}IN (${first}");
    for n in first + 1..first + size {
        let _ = write!(sql, ", ${n}");
    }
    sql.push(')');
    sql.push_str(tail);
    Ok(sql)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_insert_is_widened_with_what_stands_inside_and_behind() {
        let one = Statement::shared(
            "t",
            "INSERT INTO t (a, b, c) VALUES ($1, (SELECT COUNT(*) FROM t WHERE a = $1), $2) ON CONFLICT DO NOTHING",
        );
        assert_eq!(
            Shape::of(one).unwrap().widened(2),
            "INSERT INTO t (a, b, c) VALUES ($1, (SELECT COUNT(*) FROM t WHERE a = $1), $2), \
             ($3, (SELECT COUNT(*) FROM t WHERE a = $3), $4) ON CONFLICT DO NOTHING"
        );
        assert!(Shape::of(Statement::shared("t", "DELETE FROM t")).is_err());
    }

    #[test]
    fn a_list_is_widened_where_it_stands() {
        let one = Statement::shared("t", "SELECT a FROM t WHERE b = $1 AND a IN ($2) ORDER BY a");
        assert_eq!(listed(one, 1, 3).unwrap(), "SELECT a FROM t WHERE b = $1 AND a IN ($2, $3, $4) ORDER BY a");
        assert!(listed(one, 0, 3).is_err());
    }
}
