//! Many rows in one statement. The aggregate's own `INSERT … VALUES (…)` and `… IN ($n)` are widened here, so that a
//! bulk write cannot drift from the single one and the test that prepares every statement covers both. PostgreSQL takes
//! one array for each column; SQLite, which has no arrays, so many nameless placeholders.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::types::Json;

use super::bind::bind_all;
use super::{FromRow, Row, Statement, StoreError, Tx, Value};

/// SQLite: few sizes, so that each widened text is prepared once for a connection; the largest stays below its limit of
/// 32,766 bound values. What is left over is filled up: one statement costs more than some empty rows.
const SIZES: [usize; 8] = [4, 8, 16, 32, 64, 128, 256, 512];
/// PostgreSQL: an array is one value, so only memory limits it.
const ARRAY_SIZE: usize = 4096;

impl Tx {
    /// Tells the engine that a transaction will look up and insert many rows. PostgreSQL would otherwise plan by the
    /// statistics of the empty tables that a first import meets, and read whole tables for every batch. SQLite keeps 2 MB
    /// of a database in memory and moves its journal into the database every 4 MB, while rows that stand in the order of
    /// a blind index touch pages everywhere: with more of both, a page is read and moved once for many rows.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn expect_many(&mut self) -> Result<(), StoreError> {
        const MANY: Statement = Statement::claim(
            "db::MANY",
            "PRAGMA cache_size = -81920; PRAGMA wal_autocheckpoint = 65536",
            "SET LOCAL enable_seqscan = off",
        );
        self.execute(MANY, Vec::new()).await.map(drop)
    }

    /// Tells the engine that a transaction reads a little of large tables. PostgreSQL plans by statistics that a large
    /// import has outrun, and would read them whole.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn expect_few(&mut self) -> Result<(), StoreError> {
        const FEW: Statement = Statement::claim("db::FEW", "SELECT 1", "SET LOCAL enable_seqscan = off");
        self.execute(FEW, Vec::new()).await.map(drop)
    }

    /// Says that this transaction holds everybody whom it writes about ([`crate::store::persons::hold_standing`]), so that
    /// PostgreSQL need not look for each row whether its person was merged away.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn people_are_held(&mut self) -> Result<(), StoreError> {
        const HELD: Statement = Statement::claim("db::HELD", "SELECT 1", "SET LOCAL mingji.people_held = 'on'");
        self.execute(HELD, Vec::new()).await.map(drop)
    }

    /// Runs a statement of the form `INSERT … VALUES ($1, …) …` for many rows; how many were inserted. Fewer than were
    /// given means that `ON CONFLICT … DO NOTHING` met a row of somebody else. The first value of a row is never NULL.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn insert_many(&mut self, statement: Statement, rows: Vec<Vec<Value>>) -> Result<u64, StoreError> {
        let shape = Shape::of(statement)?;
        if rows.iter().any(|row| row.first().is_none_or(Value::is_null)) {
            return Err(StoreError::Refused(format!("{}: a row without its first value", statement.name)));
        }
        let mut inserted = 0;
        let mut rows = rows.into_iter();
        if let Self::Pg(held, _) = self {
            while rows.len() > 0 {
                let columns = columns(statement, rows.by_ref().take(ARRAY_SIZE))?;
                let query = sqlx::query(AssertSqlSafe(shape.unnested(&columns)));
                let query = columns.into_iter().fold(query, |query, column| column.bind(query));
                let (connection, watch) = held.parts()?;
                let done = async { query.execute(connection).await.map_err(StoreError::from_sqlx) };
                inserted += watch.long().answer(done).await?.rows_affected();
            }
            return Ok(inserted);
        }
        let width = rows.as_slice().first().map_or(0, Vec::len);
        while rows.len() > 0 {
            let size = fitting(rows.len());
            let mut values: Vec<Value> = rows.by_ref().take(size).flatten().collect();
            values.resize(size * width, Value::Int(None));
            inserted += self.run_lite(shape.widened(size, width), values).await?;
        }
        Ok(inserted)
    }

    /// Runs a statement whose last placeholder stands alone in `IN ($n)` for many keys. `leading` are the values before
    /// it, each used once and in order. Rows come in no order.
    ///
    /// # Errors
    /// As [`Tx::all`].
    pub async fn all_in<R: FromRow>(
        &mut self,
        statement: Statement,
        leading: &[Value],
        keys: Vec<Value>,
    ) -> Result<Vec<R>, StoreError> {
        let text = if matches!(self, Self::Pg(..) | Self::PgRead(_)) { statement.pg } else { statement.lite };
        let list = List::of(statement.name, text, leading.len())?;
        let rows = match self {
            Self::Pg(held, _) | Self::PgRead(held) => {
                let (connection, watch) = held.parts()?;
                watch.long().answer(list.rows_pg(connection, leading, keys)).await?
            }
            Self::Lite(tx, _) => list.rows_lite(tx, leading, &keys).await?,
            Self::LiteRead(connection) => list.rows_lite(connection, leading, &keys).await?,
        };
        rows.iter().map(R::from_row).collect()
    }

    async fn run_lite(&mut self, sql: String, values: Vec<Value>) -> Result<u64, StoreError> {
        match self {
            Self::Lite(tx, _) => bind_all!(sqlx::query(AssertSqlSafe(sql)), values).execute(&mut **tx).await,
            Self::LiteRead(c) => bind_all!(sqlx::query(AssertSqlSafe(sql)), values).execute(&mut **c).await,
            Self::Pg(..) | Self::PgRead(_) => return Err(StoreError::Refused("a text for SQLite".to_owned())),
        }
        .map(|done| done.rows_affected())
        .map_err(StoreError::from_sqlx)
    }
}

fn fitting(rows: usize) -> usize {
    SIZES.into_iter().find(|size| *size >= rows).unwrap_or(SIZES[SIZES.len() - 1])
}

/// A column of many rows, bound as one array.
pub(super) enum Array {
    Uuid(Vec<Option<uuid::Uuid>>),
    Int(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
    Bool(Vec<Option<bool>>),
    Json(Vec<Option<Json<serde_json::Value>>>),
}

impl Array {
    fn like(value: &Value, size: usize) -> Self {
        match value {
            Value::Uuid(_) => Self::Uuid(Vec::with_capacity(size)),
            Value::Int(_) => Self::Int(Vec::with_capacity(size)),
            Value::Text(_) => Self::Text(Vec::with_capacity(size)),
            Value::Bytes(_) => Self::Bytes(Vec::with_capacity(size)),
            Value::Bool(_) => Self::Bool(Vec::with_capacity(size)),
            Value::Json(_) => Self::Json(Vec::with_capacity(size)),
        }
    }

    /// Whether the value was of the column's type.
    fn push(&mut self, value: Value) -> bool {
        match (self, value) {
            (Self::Uuid(all), Value::Uuid(v)) => all.push(v),
            (Self::Int(all), Value::Int(v)) => all.push(v),
            (Self::Text(all), Value::Text(v)) => all.push(v),
            (Self::Bytes(all), Value::Bytes(v)) => all.push(v),
            (Self::Bool(all), Value::Bool(v)) => all.push(v),
            (Self::Json(all), Value::Json(v)) => all.push(v.map(Json)),
            _ => return false,
        }
        true
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Uuid(_) => "uuid[]",
            Self::Int(_) => "bigint[]",
            Self::Text(_) => "text[]",
            Self::Bytes(_) => "bytea[]",
            Self::Bool(_) => "boolean[]",
            Self::Json(_) => "jsonb[]",
        }
    }

    pub(super) fn bind(self, query: Query<'_, sqlx::Postgres, PgArguments>) -> Query<'_, sqlx::Postgres, PgArguments> {
        match self {
            Self::Uuid(all) => query.bind(all),
            Self::Int(all) => query.bind(all),
            Self::Text(all) => query.bind(all),
            Self::Bytes(all) => query.bind(all),
            Self::Bool(all) => query.bind(all),
            Self::Json(all) => query.bind(all),
        }
    }
}

/// Rows turned into columns.
pub(super) fn columns(statement: Statement, rows: impl Iterator<Item = Vec<Value>>) -> Result<Vec<Array>, StoreError> {
    let size = rows.size_hint().0;
    let mut columns: Vec<Array> = Vec::new();
    for row in rows {
        if columns.is_empty() {
            columns = row.iter().map(|value| Array::like(value, size)).collect();
        }
        if row.len() != columns.len() || !columns.iter_mut().zip(row).all(|(column, value)| column.push(value)) {
            return Err(StoreError::Refused(format!("{}: rows of different shape", statement.name)));
        }
    }
    Ok(columns)
}

/// `head (tuple) tail`.
pub(super) struct Shape {
    pub(super) head: &'static str,
    /// The text of the tuple between its placeholders, and the placeholders' numbers.
    parts: Vec<&'static str>,
    numbers: Vec<usize>,
    pub(super) tail: &'static str,
}

impl Shape {
    pub(super) fn of(statement: Statement) -> Result<Self, StoreError> {
        let refused = || StoreError::Refused(format!("{} has no VALUES to widen", statement.name));
        let sql = statement.lite;
        let values = sql.find("VALUES (").ok_or_else(refused)?;
        let start = values + "VALUES ".len();
        let mut depth = 0_i32;
        let length = sql[start..]
            .char_indices()
            .find_map(|(at, c)| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                (depth == 0).then_some(at + 1)
            })
            .ok_or_else(refused)?;
        let mut pieces = sql[start..start + length].split('$');
        let mut parts = vec![pieces.next().ok_or_else(refused)?];
        let mut numbers = Vec::new();
        for piece in pieces {
            let digits = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
            numbers.push(piece[..digits].parse().map_err(|_| refused())?);
            parts.push(&piece[digits..]);
        }
        if numbers.is_empty() {
            return Err(refused());
        }
        Ok(Self { head: &sql[..values], parts, numbers, tail: &sql[start + length..] })
    }

    /// The tuple's text, each `$n` in it as a column `u.{prefix}n`.
    pub(super) fn inner(&self, prefix: &str) -> String {
        let mut parts = self.parts.iter();
        let mut inner = parts.next().map_or_else(String::new, |first| first[1..].to_owned());
        for (number, part) in self.numbers.iter().zip(parts) {
            let _ = write!(inner, "u.{prefix}{number}{part}");
        }
        inner.pop();
        inner
    }

    /// Rows whose first value is NULL are there to fill up the size, and are not inserted. SQLite counts nameless
    /// placeholders faster than it looks up the names of some hundred.
    fn widened(&self, rows: usize, width: usize) -> String {
        let row = format!("({})", vec!["?"; width].join(", "));
        let rows = vec![row.as_str(); rows].join(", ");
        let inner = self.inner("column");
        format!("{}SELECT {inner} FROM (VALUES {rows}) AS u WHERE u.column1 IS NOT NULL{}", self.head, self.tail)
    }

    fn unnested(&self, columns: &[Array]) -> String {
        let join = |one: &dyn Fn(usize, &Array) -> String| {
            let all: Vec<String> = columns.iter().enumerate().map(|(at, column)| one(at + 1, column)).collect();
            all.join(", ")
        };
        let arrays = join(&|n, column| format!("${n}::{}", column.type_name()));
        let names = join(&|n, _| format!("c{n}"));
        format!("{}SELECT {} FROM UNNEST({arrays}) AS u ({names}){}", self.head, self.inner("c"), self.tail)
    }
}

/// `head IN ($n) tail`.
struct List {
    head: &'static str,
    tail: &'static str,
    leading: usize,
}

impl List {
    fn of(name: &str, text: &'static str, leading: usize) -> Result<Self, StoreError> {
        let one = format!("IN (${})", leading + 1);
        let (head, tail) =
            text.split_once(&one).ok_or_else(|| StoreError::Refused(format!("{name} has no {one} to widen")))?;
        Ok(Self { head, tail, leading })
    }

    fn widened(&self, size: usize) -> String {
        let mut head = self.head.to_owned();
        for n in 1..=self.leading {
            head = head.replace(&format!("${n}"), "?");
        }
        format!("{head}IN ({}){}", vec!["?"; size].join(", "), self.tail)
    }

    fn with_array(&self) -> String {
        format!("{}= ANY (${}){}", self.head, self.leading + 1, self.tail)
    }

    async fn rows_lite(
        &self,
        connection: &mut sqlx::SqliteConnection,
        leading: &[Value],
        keys: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        let mut rest = keys;
        while let Some(last) = rest.last() {
            let last = last.clone();
            let size = fitting(rest.len());
            let (now, later) = rest.split_at(size.min(rest.len()));
            let mut values = leading.to_vec();
            values.extend_from_slice(now);
            // A key twice finds nothing twice.
            values.resize(leading.len() + size, last);
            let query = bind_all!(sqlx::query(AssertSqlSafe(self.widened(size))), values);
            let rows = query.fetch_all(&mut *connection).await.map_err(StoreError::from_sqlx)?;
            found.extend(rows.into_iter().map(Row::Lite));
            rest = later;
        }
        Ok(found)
    }

    async fn rows_pg(
        &self,
        connection: &mut sqlx::PgConnection,
        leading: &[Value],
        keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let Some(first) = keys.first() else { return Ok(Vec::new()) };
        let mut array = Array::like(first, keys.len());
        if !keys.into_iter().all(|key| array.push(key)) {
            return Err(StoreError::Refused("keys of different types".to_owned()));
        }
        let query = array.bind(bind_all!(sqlx::query(AssertSqlSafe(self.with_array())), leading.iter().cloned()));
        let rows = query.fetch_all(connection).await.map_err(StoreError::from_sqlx)?;
        Ok(rows.into_iter().map(Row::Pg).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTED: Statement = Statement::shared(
        "t",
        "INSERT INTO t (a, b, c) VALUES ($1, (SELECT COUNT(*) FROM t WHERE a = $1), $2) ON CONFLICT DO NOTHING",
    );

    #[test]
    fn an_insert_is_widened_with_what_stands_inside_and_behind() {
        let shape = Shape::of(COUNTED).unwrap();
        assert_eq!(
            shape.widened(2, 2),
            "INSERT INTO t (a, b, c) SELECT u.column1, (SELECT COUNT(*) FROM t WHERE a = u.column1), u.column2 \
             FROM (VALUES (?, ?), (?, ?)) AS u WHERE u.column1 IS NOT NULL ON CONFLICT DO NOTHING"
        );
        assert!(Shape::of(Statement::shared("t", "DELETE FROM t")).is_err());
    }

    #[test]
    fn an_insert_takes_one_array_for_each_column() {
        let row = |n: i64| vec![Value::from(n), Value::from("x")];
        let columns = columns(COUNTED, [row(1), row(2)].into_iter()).unwrap();
        assert_eq!(
            Shape::of(COUNTED).unwrap().unnested(&columns),
            "INSERT INTO t (a, b, c) SELECT u.c1, (SELECT COUNT(*) FROM t WHERE a = u.c1), u.c2 \
             FROM UNNEST($1::bigint[], $2::text[]) AS u (c1, c2) ON CONFLICT DO NOTHING"
        );
    }

    #[test]
    fn rows_of_different_shape_are_refused() {
        let rows = [vec![Value::from(1_i64)], vec![Value::from("x")]];
        assert!(columns(COUNTED, rows.into_iter()).is_err());
    }

    #[test]
    fn a_list_is_widened_where_it_stands() {
        let one = "SELECT a FROM t WHERE b = $1 AND a IN ($2) ORDER BY a";
        let list = List::of("t", one, 1).unwrap();
        assert_eq!(list.widened(3), "SELECT a FROM t WHERE b = ? AND a IN (?, ?, ?) ORDER BY a");
        assert_eq!(list.with_array(), "SELECT a FROM t WHERE b = $1 AND a = ANY ($2) ORDER BY a");
        assert!(List::of("t", one, 0).is_err());
    }
}
