//! What many ask or change at one moment in one message, where the engine lives across a wire (R15: "requests may share a
//! commit, none answers before it"). Each statement stays the constant of its aggregate and speaks of one; PostgreSQL runs it
//! for each row of an array. SQLite has no wire: many changes share the one write to its disk.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgRow;

use super::bulk::{Array, Shape, columns};
use super::queue::Batches;
use super::together::placed;
use super::wire::Held;
use super::{Change, Db, Engine, FromRow, Inner, Row, Statement, StoreError, Tx, Value};

/// So many batches of one question are under way at most.
const ASKING: usize = 4;
/// So many that wait for a disk: those who only ask share their connections.
const COMMITTING: usize = 2;

/// A question about one row that many ask.
pub struct Gather<R> {
    db: Db,
    statement: Statement,
    batches: Batches<Vec<Value>, Option<R>>,
}

impl<R: FromRow + Send + 'static> Gather<R> {
    /// Of a statement that finds one row at most. Nothing that it reads is held.
    pub fn new(db: Db, statement: Statement) -> Self {
        let own = db.clone();
        let batches = Batches::new(ASKING, move |rows| {
            let db = own.clone();
            async move { told(statement, async { db.read_together().await?.each_of(statement, rows).await }.await) }
        });
        Self { db, statement, batches }
    }

    /// The row, as it is at some moment after the question was asked. Whoever asks holds no connection.
    ///
    /// # Errors
    /// As [`StoreError`] says.
    pub async fn ask(&self, values: Vec<Value>) -> Result<Option<R>, StoreError> {
        if self.db.engine() == Engine::Postgres
            && let Some(found) = self.batches.ask(values.clone()).await
        {
            return Ok(found);
        }
        self.db.read().await?.optional(self.statement.unheld(), values).await
    }
}

/// A change that is made where something stands as it was read.
#[derive(Clone, Debug)]
pub struct Guarded {
    /// Finds one row while it does, and keeps it so (`@still_after`).
    pub guard: Statement,
    /// Its values, and after them what its columns hold.
    pub values: Vec<Value>,
    /// The columns.
    pub expected: &'static [&'static str],
    /// An `INSERT … ON CONFLICT (id) DO NOTHING` whose first value is the id.
    pub first: Change,
    /// What comes with it where it was not there before: `INSERT … VALUES (…)`, each of one row.
    pub rest: Vec<Change>,
}

/// Changes that share a commit.
pub struct Lane(Batches<Guarded, bool>);

impl Lane {
    /// Of a database.
    pub fn new(db: Db) -> Self {
        Self(Batches::new(COMMITTING, move |items: Vec<Guarded>| {
            let db = db.clone();
            async move {
                let guard = items.first()?.guard;
                told(guard, db.change_guarded(items).await)
            }
        }))
    }

    /// Makes a change durable; whether it was made. Where it was not, whoever asks finds out alone why. Whoever asks holds no
    /// connection.
    pub async fn commit(&self, item: Guarded) -> bool {
        self.0.ask(item).await.unwrap_or(false)
    }
}

/// Each is asked alone after that.
fn told<T>(statement: Statement, served: Result<T, StoreError>) -> Option<T> {
    if let Err(error) = &served {
        tracing::warn!(%error, statement = statement.name, "what was asked together is asked one by one");
    }
    served.ok()
}

impl Tx {
    /// The row of a statement for each of these values, in their order.
    ///
    /// # Errors
    /// As [`Tx::all`].
    pub async fn each_of<R: FromRow>(
        &mut self,
        statement: Statement,
        rows: Vec<Vec<Value>>,
    ) -> Result<Vec<Option<R>>, StoreError> {
        let mut found: Vec<Option<R>> = rows.iter().map(|_| None).collect();
        let (Self::Pg(held, _) | Self::PgRead(held)) = self else {
            for (place, values) in found.iter_mut().zip(rows) {
                *place = self.optional(statement.unheld(), values).await?;
            }
            return Ok(found);
        };
        let arrays = columns(statement, rows.into_iter())?;
        let text = known((statement.name, Vec::new()), || Ok(each_text(statement, &arrays)))?;
        for row in run(held, text, arrays).await? {
            let row = Row::Pg(row);
            if let Some(place) = place_of(&row, found.len())? {
                found[place] = Some(R::from_row(&row)?);
            }
        }
        Ok(found)
    }
}

impl Db {
    /// Makes those changes whose guard finds what it expects, in one commit; which ones were made.
    async fn change_guarded(&self, items: Vec<Guarded>) -> Result<Vec<bool>, StoreError> {
        match &self.0 {
            Inner::Lite { .. } => {
                let mut tx = self.write().await?;
                let mut made = Vec::with_capacity(items.len());
                for item in items {
                    made.push(tx.change_one(item).await?);
                }
                tx.commit().await?;
                Ok(made)
            }
            Inner::Pg { together, .. } => {
                let mut made = vec![false; items.len()];
                let mut held = Held::of(together).await?;
                // Those of one kind together: a client that never refreshes has one row less.
                let mut kinds: HashMap<Vec<&'static str>, Vec<(usize, Guarded)>> = HashMap::new();
                for (at, item) in items.into_iter().enumerate() {
                    kinds.entry(item.kind()).or_default().push((at, item));
                }
                for (kind, items) in kinds {
                    let (at, items): (Vec<usize>, Vec<Guarded>) = items.into_iter().unzip();
                    let guard = items[0].guard;
                    let (text, arrays) = guarded(kind, items)?;
                    // Each kind is a commit of its own: one that fails unsays nothing of those that were made.
                    let rows = told(guard, run(&mut held, text, arrays).await);
                    if held.has_failed() {
                        // Nobody answers on it any more.
                        break;
                    }
                    for row in rows.into_iter().flatten() {
                        if let Some(place) = place_of(&Row::Pg(row), at.len())? {
                            made[at[place]] = true;
                        }
                    }
                }
                Ok(made)
            }
        }
    }
}

impl Tx {
    /// The same of one on SQLite, where nobody else writes meanwhile.
    async fn change_one(&mut self, item: Guarded) -> Result<bool, StoreError> {
        let text = known((item.guard.name, item.expected.to_vec()), || Ok(item.text_of_one()))?;
        if !self.finds(text, item.values).await? {
            return Ok(false);
        }
        Ok(self.execute_together(item.first, item.rest).await? > 0)
    }
}

impl Guarded {
    /// What it is made of, in names.
    fn kind(&self) -> Vec<&'static str> {
        [&self.guard, &self.first.statement]
            .into_iter()
            .chain(self.rest.iter().map(|change| &change.statement))
            .map(|statement| statement.name)
            .collect()
    }

    /// What its columns hold, where values stand at `place`.
    fn expectation(&self, place: impl Fn(usize) -> String) -> String {
        let before = self.values.len() - self.expected.len();
        let pairs = self.expected.iter().zip(before + 1..).map(|(name, at)| format!("one.{name} = {}", place(at)));
        pairs.collect::<Vec<_>>().join(" AND ")
    }

    fn text_of_one(&self) -> String {
        let expectation = self.expectation(|at| format!("${at}"));
        format!("SELECT 1 AS n FROM ({}) AS one WHERE {expectation}", self.guard.lite)
    }
}

type Key = (&'static str, Vec<&'static str>);

/// A text, made once.
fn known(key: Key, make: impl FnOnce() -> Result<String, StoreError>) -> Result<Arc<str>, StoreError> {
    static KNOWN: LazyLock<RwLock<HashMap<Key, Arc<str>>>> = LazyLock::new(RwLock::default);
    if let Some(known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(Arc::clone(known));
    }
    let text: Arc<str> = make()?.into();
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&text));
    Ok(text)
}

/// What the rows of an array are called beside a statement's own tables: no statement calls one so.
const ASKED: &str = "asked";

/// Rows that stand in arrays, numbered from 1: `UNNEST($1::uuid[], …) WITH ORDINALITY AS u (c1, …, n)`.
fn unnest(arrays: &[Array], before: usize, name: &str) -> String {
    let values: Vec<String> =
        arrays.iter().zip(before + 1..).map(|(array, at)| format!("${at}::{}", array.type_name())).collect();
    let names: Vec<String> = (1..=arrays.len()).map(|at| format!("c{at}")).collect();
    format!("UNNEST({}) WITH ORDINALITY AS {name} ({}, n)", values.join(", "), names.join(", "))
}

/// `OFFSET 0`: row by row, by the index that the statement was written for, whatever is known of the tables' sizes.
fn each_text(statement: Statement, arrays: &[Array]) -> String {
    let one = placed(statement.lite, |at| format!("{ASKED}.c{at}"));
    let rows = unnest(arrays, 0, ASKED);
    format!("SELECT {ASKED}.n AS batch_place, one.* FROM {rows} CROSS JOIN LATERAL ({one} OFFSET 0) AS one")
}

/// Whoever holds the rows of a guard has only that change made alone.
const SKIPPING: &str = " FOR KEY SHARE OF first SKIP LOCKED FOR NO KEY UPDATE OF held SKIP LOCKED";

/// The whole statement, and what is bound to it.
fn guarded(kind: Vec<&'static str>, items: Vec<Guarded>) -> Result<(Arc<str>, Vec<Array>), StoreError> {
    let Some(model) = items.first().cloned() else { return Err(StoreError::Refused("a batch of nothing".to_owned())) };
    let mut guards = Vec::with_capacity(items.len());
    let mut changes: Vec<Vec<Vec<Value>>> = vec![Vec::new(); 1 + model.rest.len()];
    for item in items {
        guards.push(item.values);
        for (rows, change) in changes.iter_mut().zip(std::iter::once(item.first).chain(item.rest)) {
            rows.push(change.values);
        }
    }
    let mut parts = vec![columns(model.guard, guards.into_iter())?];
    for (change, rows) in std::iter::once(&model.first).chain(&model.rest).zip(changes) {
        parts.push(columns(change.statement, rows.into_iter())?);
    }
    let text = known((model.guard.name, kind), || guarded_text(&model, &parts))?;
    Ok((text, parts.into_iter().flatten().collect()))
}

fn guarded_text(model: &Guarded, parts: &[Vec<Array>]) -> Result<String, StoreError> {
    let mut before = 0;
    let mut names = std::iter::once(ASKED).chain(std::iter::repeat("u"));
    let mut rows = parts.iter().zip(&mut names).map(|(arrays, name)| {
        let text = unnest(arrays, before, name);
        before += arrays.len();
        text
    });
    let mut next = || rows.next().unwrap_or_default();
    let place = |at| format!("{ASKED}.c{at}");
    let (guard, expectation, asked) = (placed(model.guard.lite, place), model.expectation(place), next());
    let held = format!(
        "held AS (SELECT {ASKED}.n AS n FROM {asked} CROSS JOIN LATERAL ({guard}{SKIPPING}) AS one WHERE {expectation})"
    );
    let insert = |change: &Change, rows: &str, among: &str| {
        let shape = Shape::of(change.statement)?;
        let (head, inner, tail) = (shape.head, shape.inner("c"), shape.tail);
        Ok::<_, StoreError>(format!("{head}SELECT {inner} FROM {rows} WHERE u.n IN (SELECT n FROM {among}){tail}"))
    };
    let first = next();
    let new = format!("new AS ({} RETURNING id)", insert(&model.first, &first, "held")?);
    // Of two who would begin the same one, and of whom neither waits for the other, one is told that she did.
    let made = format!(
        "made AS (SELECT DISTINCT ON (u.c1) u.n AS n FROM {first} JOIN new ON new.id = u.c1
            WHERE u.n IN (SELECT n FROM held) ORDER BY u.c1, u.n)"
    );
    let mut all = vec![held, new, made];
    for (at, change) in model.rest.iter().enumerate() {
        all.push(format!("r{at} AS ({})", insert(change, &next(), "made")?));
    }
    Ok(format!("WITH {} SELECT n AS batch_place FROM made", all.join(", ")))
}

/// In whose row of the arrays it was found.
fn place_of(row: &Row, many: usize) -> Result<Option<usize>, StoreError> {
    let place = usize::try_from(row.get::<i64>("batch_place")?).ok().and_then(|n| n.checked_sub(1));
    Ok(place.filter(|place| *place < many))
}

async fn run(held: &mut Held, text: Arc<str>, arrays: Vec<Array>) -> Result<Vec<PgRow>, StoreError> {
    let query = sqlx::query(AssertSqlSafe(text));
    let query = arrays.into_iter().fold(query, |query, array| array.bind(query));
    let (connection, watch) = held.parts()?;
    watch.answer(async { query.fetch_all(connection).await.map_err(StoreError::from_sqlx) }).await
}
