//! What is true at the moment of a scrape.

use std::time::Duration;

use super::kinds::float;
use super::{Metrics, seconds};
use crate::domain::time::Timestamp;
use crate::telemetry::process::Sample;

/// Asked for at each scrape.
pub struct Snapshot {
    /// Dependencies and whether they answered.
    pub dependencies: Vec<(&'static str, bool)>,
    /// The password pool.
    pub passwords: Passwords,
    /// The connections to the database.
    pub pools: Vec<Pool>,
    /// Failures of the ephemeral store since the start, by kind.
    pub ephemeral_failures: Vec<(&'static str, u64)>,
    /// What lies in the database; `None` when it did not answer.
    pub backlog: Option<Backlog>,
}

/// How busy the password pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passwords {
    /// Hashes being computed.
    pub busy: usize,
    /// Callers in line.
    pub waiting: usize,
    /// Hashes that can be computed at a time.
    pub size: usize,
}

/// How busy a pool of connections is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Which.
    pub name: &'static str,
    /// At work.
    pub busy: usize,
    /// Open and free.
    pub idle: usize,
    /// So many may be open.
    pub most: usize,
}

/// What waits in the database, and what stands there about keys.
pub struct Backlog {
    /// How long it took to get a connection.
    pub read_wait: Duration,
    /// Audit entries and events without a number.
    pub pending: u64,
    /// The age of the oldest of them.
    pub pending_age: Duration,
    /// Logout tokens that have not arrived.
    pub deliveries: u64,
    /// The age of the oldest of them.
    pub delivery_age: Duration,
    /// Since when the active key of each algorithm signs.
    pub keys_activated: Vec<(&'static str, Timestamp)>,
    /// Whether a backup of the root secrets was noted.
    pub backed_up: bool,
    /// When the database was last backed up by us.
    pub database_backed_up: Option<Timestamp>,
    /// When the audit log was last anchored outside the database.
    pub anchored: Option<Timestamp>,
}

impl Metrics {
    /// Puts in what is true now.
    pub fn look(&self, snapshot: &Snapshot) {
        let families = &self.families;
        for (name, up) in &snapshot.dependencies {
            families.dependency.set(&[name], f64::from(u8::from(*up)));
        }
        for (kind, total) in &snapshot.ephemeral_failures {
            families.ephemeral.raise_to(&[kind], float(*total));
        }
        let Passwords { busy, waiting, size } = snapshot.passwords;
        for (gauge, count) in
            [(&families.passwords_busy, busy), (&families.passwords_waiting, waiting), (&families.passwords_size, size)]
        {
            gauge.set(&[], count_of(count));
        }
        for Pool { name, busy, idle, most } in &snapshot.pools {
            families.connections.set(&[name, "busy"], count_of(*busy));
            families.connections.set(&[name, "idle"], count_of(*idle));
            families.most_connections.set(&[name], count_of(*most));
        }
        self.look_at_backlog(snapshot.backlog.as_ref());
        self.look_at_process(Sample::take());
    }

    fn look_at_backlog(&self, backlog: Option<&Backlog>) {
        let families = &self.families;
        let Some(backlog) = backlog else {
            for gauge in [
                &families.read_wait,
                &families.pending,
                &families.pending_age,
                &families.deliveries_waiting,
                &families.delivery_age,
                &families.key_activated,
                &families.key_backup,
                &families.database_backup,
                &families.anchored,
            ] {
                gauge.forget();
            }
            return;
        };
        families.read_wait.set(&[], backlog.read_wait.as_secs_f64());
        families.pending.set(&[], float(backlog.pending));
        families.pending_age.set(&[], backlog.pending_age.as_secs_f64());
        families.deliveries_waiting.set(&[], float(backlog.deliveries));
        families.delivery_age.set(&[], backlog.delivery_age.as_secs_f64());
        for (alg, at) in &backlog.keys_activated {
            families.key_activated.set(&[alg], seconds(*at));
        }
        families.key_backup.set(&[], f64::from(u8::from(backlog.backed_up)));
        families.database_backup.set(&[], backlog.database_backed_up.map_or(0.0, seconds));
        families.anchored.set(&[], backlog.anchored.map_or(0.0, seconds));
    }

    fn look_at_process(&self, sample: Sample) {
        let families = &self.families;
        for (gauge, value) in [
            (&families.resident, sample.resident),
            (&families.threads, sample.threads),
            (&families.open_files, sample.open_files),
            (&families.most_files, sample.most_files),
        ] {
            if let Some(value) = value {
                gauge.set(&[], value);
            }
        }
        if let Some(total) = sample.cpu {
            families.cpu.raise_to(&[], total);
        }
    }
}

fn count_of(many: usize) -> f64 {
    float(u64::try_from(many).unwrap_or(u64::MAX))
}
