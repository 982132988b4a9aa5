//! Whether the dependencies answer (`/readyz`, `doctor`), and upkeep of what has run out.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::pace::Pace;
use super::work::Housekeeping;
use super::{App, Error, idempotency};
use crate::domain::oidc::signing_key::SigningAlg;
use crate::domain::time::Timestamp;
use crate::store::{api_requests, client_faults, deliveries, elsewhere, revoked_tokens, sessions};

/// How long a question about a dependency may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// For a client that asks late and hears why it gets nothing.
const KEEP_QUESTIONS: Duration = Duration::from_secs(24 * 3600);
const KEEP_DELIVERIES: Duration = Duration::from_secs(30 * 24 * 3600);
/// So many of those are dropped in one transaction.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

/// One dependency.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// Whether it answers.
    pub ok: bool,
    /// What to do when it does not.
    pub hint: Option<&'static str>,
}

impl App {
    /// Asks every dependency.
    pub async fn readiness(&self) -> Vec<Check> {
        let database = async { self.db.read().await?.ping().await.map_err(Error::from) };
        let ephemeral = async { self.ephemeral.ping().await.map_err(Error::from) };
        let keys = async {
            let keyring = self.keyring(self.now()).await?;
            match keyring.active(SigningAlg::Es256) {
                Some(_) => Ok(()),
                None => Err(Error::busy("no signing key yet")),
            }
        };
        let (database, ephemeral, keys) = tokio::join!(
            tokio::time::timeout(PATIENCE, database),
            tokio::time::timeout(PATIENCE, ephemeral),
            tokio::time::timeout(PATIENCE, keys)
        );
        let check = |name, answered: Result<Result<(), Error>, _>, hint| {
            let ok = matches!(answered, Ok(Ok(())));
            Check { name, ok, hint: (!ok).then_some(hint) }
        };
        vec![
            check("database", database, "check MINGJI_DATABASE_URL and whether the server runs"),
            check("ephemeral", ephemeral, "check MINGJI_EPHEMERAL_URL and whether Redis runs"),
            check("keys", keys, "the signing keys are still being made, or do not open under root.key"),
        ]
    }

    /// Drops what has run out.
    ///
    /// # Errors
    /// A failed store.
    pub async fn upkeep(&self) -> Result<(), Error> {
        let now = self.now();
        self.db.tend();
        self.say_it_went_back().await?;
        // One that fails keeps none of the others waiting.
        let steps = [
            ("rows that ran out", self.forget_what_ran_out(now).await),
            ("deliveries", self.forget_deliveries(now).await),
            ("unused clients", self.remove_unused_clients(now).await),
            ("feeds", self.forget_feeds(now).await),
            ("errands", self.end_lapsed_errands(now).await),
            ("streams", self.rebuild_streams().await),
            ("the day", self.tell_of_the_day(now).await),
        ];
        let mut ended = Ok(());
        for (step, done) in steps {
            if let Err(error) = done {
                tracing::warn!(step, %error, "a step of upkeep failed");
                ended = Err(error);
            }
        }
        ended
    }

    async fn forget_what_ran_out(&self, now: Timestamp) -> Result<(), Error> {
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        sessions::forget_sign_ins(&mut tx, now).await?;
        revoked_tokens::forget(&mut tx, now).await?;
        elsewhere::forget(&mut tx, now.minus(KEEP_QUESTIONS)).await?;
        api_requests::forget(&mut tx, now.minus(idempotency::KEPT)).await?;
        client_faults::forget(&mut tx, now.minus(super::client_faults::KEPT)).await?;
        Ok(tx.commit().await?)
    }

    async fn forget_deliveries(&self, now: Timestamp) -> Result<(), Error> {
        let mut pace = Pace::default();
        while self.paced(&mut pace, || self.forget_some_deliveries(now)).await? {}
        Ok(())
    }

    /// Whether there may be more.
    async fn forget_some_deliveries(&self, now: Timestamp) -> Result<bool, Error> {
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        let gone = deliveries::forget(&mut tx, now.minus(KEEP_DELIVERIES), FORGOTTEN_AT_ONCE).await?;
        tx.commit().await?;
        Ok(i64::try_from(gone).is_ok_and(|gone| gone >= FORGOTTEN_AT_ONCE))
    }

    /// The process is about to stop: it answers as before, and says that nobody new should be sent here.
    pub fn announce_stop(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    /// Whether it is about to stop.
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// Waits until there may be something to number.
    pub async fn sequencer_bell(&self) {
        self.wake.sequencer.notified().await;
    }

    /// Waits until there may be a client to tell that somebody answered.
    pub async fn ping_bell(&self) {
        self.wake.pings.notified().await;
    }

    /// The verification services that the settings name.
    pub fn verifier_names(&self) -> Vec<String> {
        self.verifiers.all().iter().map(|service| service.name.clone()).collect()
    }

    /// Waits until there may be somebody to ask a verification service about.
    pub async fn verification_bell(&self, service: &str) {
        self.verifiers.rung(service).await;
    }

    /// Waits until there may be something to deliver.
    pub async fn delivery_bell(&self) {
        self.wake.deliveries.notified().await;
    }
}
