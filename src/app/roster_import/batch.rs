//! How many rows go into a transaction.

use std::time::Duration;

use crate::store::db::Engine;

use super::BATCH_POSTGRES;

/// SQLite has one writer, which an import may hold 50 ms at most (R15); what a slow disk adds at the commit is in it.
const HOLD: u64 = 35_000_000;
const FIRST: usize = 32;
const LEAST: usize = 4;
const MOST: usize = 2000;

/// The size of the next batch. On SQLite it follows the time that the last ones took.
pub(super) struct Batch {
    engine: Engine,
    size: usize,
    /// Nanoseconds a row, smoothed: now and then a commit also moves SQLite's journal into the database, after it has let
    /// the writer go.
    row: u64,
}

impl Batch {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine, size: if engine == Engine::Sqlite { FIRST } else { BATCH_POSTGRES }, row: 0 }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Learns how long so many rows held the writer. Up by half at most: a batch that finds everything unchanged says
    /// little about the next one.
    pub(super) fn held(&mut self, rows: usize, took: Duration) {
        if self.engine == Engine::Sqlite && rows > 0 {
            let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
            let now = (nanos / u64::try_from(rows).unwrap_or(u64::MAX)).max(1);
            self.row = if self.row == 0 { now } else { self.row / 4 * 3 + now / 4 };
            let fitting = usize::try_from(HOLD / self.row.max(1)).unwrap_or(MOST);
            self.size = fitting.min(self.size + self.size / 2).clamp(LEAST, MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_fits_the_time_that_the_writer_may_be_held() {
        let mut batch = Batch::new(Engine::Sqlite);
        for _ in 0..40 {
            let rows = batch.size();
            batch.held(rows, Duration::from_micros(100) * u32::try_from(rows).unwrap());
        }
        assert!((345..=350).contains(&batch.size()), "10,000 rows a second: {}", batch.size());
        for _ in 0..4 {
            batch.held(batch.size(), Duration::from_secs(1));
        }
        assert!(batch.size() < 50, "a slow disk is answered soon: {}", batch.size());
        for _ in 0..4 {
            batch.held(batch.size(), Duration::from_secs(100));
        }
        assert_eq!(batch.size(), LEAST, "and the import goes on whatever happens");
    }

    #[test]
    fn postgres_has_one_size() {
        let mut batch = Batch::new(Engine::Postgres);
        batch.held(10, Duration::from_secs(9));
        assert_eq!(batch.size(), BATCH_POSTGRES);
    }
}
