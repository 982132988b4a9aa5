//! What is asked of the provider at a scrape, and how its answers are counted.

use std::time::Instant;

use super::health::PATIENCE;
use super::login::{LoginProblem, LoginReply};
use super::{App, Error};
use crate::domain::oidc::grant::Presented;
use crate::domain::oidc::signing_key::KeyState;
use crate::store::db::{Engine, Occupancy};
use crate::store::{books, deliveries, signing_keys};
use crate::telemetry::metrics::{Backlog, Passwords, Pool, Snapshot};

impl App {
    /// The text that Prometheus reads. Answers also when a dependency does not: that is what it is for.
    pub async fn scrape(&self) -> String {
        let _one_at_a_time = self.scraping.lock().await;
        // Before the scrape takes connections itself.
        let pools = self.db.occupancy();
        let checks = self.readiness().await;
        let backlog = tokio::time::timeout(PATIENCE, self.backlog()).await;
        let load = self.passwords.load();
        self.metrics.look(&Snapshot {
            dependencies: checks.iter().map(|check| (check.name, check.ok)).collect(),
            passwords: Passwords { busy: load.busy, waiting: load.waiting, size: load.size },
            pools: pools
                .into_iter()
                .map(|Occupancy { pool, busy, idle, most }| Pool { name: pool, busy, idle, most })
                .collect(),
            ephemeral_failures: self.ephemeral.failures().into(),
            backlog: backlog.ok().and_then(Result::ok),
        });
        self.metrics.render()
    }

    async fn backlog(&self) -> Result<Backlog, Error> {
        let since = Instant::now();
        let mut tx = self.db.read().await?;
        let read_wait = since.elapsed();
        let now = self.now();
        let oldest = books::oldest_pending(&mut tx).await?;
        let waiting = deliveries::waiting(&mut tx).await?;
        let keys = signing_keys::list(&mut tx).await?;
        let pending = books::count_pending(&mut tx).await?;
        // The next question needs a connection of its own, and the pool may be short of them.
        drop(tx);
        Ok(Backlog {
            read_wait,
            pending: u64::try_from(pending).unwrap_or_default(),
            pending_age: oldest.map(|at| now.since(at)).unwrap_or_default(),
            deliveries: waiting.count,
            delivery_age: waiting.oldest.map(|at| now.since(at)).unwrap_or_default(),
            keys_activated: keys
                .iter()
                .filter(|key| key.state == KeyState::Active)
                .filter_map(|key| Some((key.alg.as_str(), key.activated_at?)))
                .collect(),
            backed_up: self.backed_up_at().await?.is_some(),
            database_backed_up: self.database_backed_up_at().await?,
            anchored: self.anchored_at().await?,
        })
    }
}

/// The name of an engine among the labels.
pub(super) fn engine(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgres",
    }
}

/// How a sign-in form ended.
pub(super) fn sign_in(reply: &Result<LoginReply, Error>) -> &'static str {
    match reply {
        Ok(LoginReply::SignedIn(_)) => "signed_in",
        Ok(LoginReply::Again { problem, .. }) => match problem {
            LoginProblem::Refused => "refused",
            LoginProblem::TooMany { .. } => "too_many",
            LoginProblem::Busy => "busy",
            LoginProblem::StartedOver => "started_over",
        },
        Ok(LoginReply::Stop(_)) => "expired",
        Err(_) => "failed",
    }
}

/// What became of a refresh token.
pub(super) fn refresh(presented: &Presented) -> &'static str {
    match presented {
        Presented::Kept(_) => "kept",
        Presented::Rotated(_) => "rotated",
        Presented::Repeated(_) => "repeated",
        Presented::Replayed => "replayed",
        Presented::Ended => "ended",
    }
}

/// A grant type in a word: what is registered under a URN ends with its name.
pub(super) fn grant(grant_type: &'static str) -> &'static str {
    grant_type.rsplit(':').next().unwrap_or(grant_type)
}
