//! What the provider counts about itself. The registry belongs to the provider and not to the process, so that tests
//! run many side by side. Those who know tell ([`Metrics`] has a verb for each thing worth counting); what is only
//! true at the moment is put in at the scrape ([`Snapshot`]).
//!
//! No label is ever made of what somebody typed or is called: verbs take texts of the program, which the compiler
//! holds to `&'static str`, codes of the specifications, and the patterns of routes (ruling R7).

mod families;
mod kinds;
mod reference;
mod snapshot;

use std::time::Duration;

use prometheus::{Registry, TextEncoder};

use crate::domain::oidc::error::Code;
use crate::domain::oidc::fault::DocumentFault;
use crate::domain::time::Timestamp;
use families::Families;
pub use reference::reference;
pub use snapshot::{Backlog, Passwords, Pool, Snapshot};

/// Every metric of one provider.
pub struct Metrics {
    registry: Registry,
    families: Families,
}

/// A request that is being answered; counted until it is dropped, also when its client went away.
pub struct InFlight<'a>(&'a Metrics);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.families.http_in_flight.add(&[], -1.0);
    }
}

impl Metrics {
    /// Nothing counted yet. `engine` is the kind of database.
    pub fn new(engine: &'static str, now: Timestamp) -> Self {
        let registry = Registry::new();
        let families = Families::declare(&registry);
        families.build.set(&[env!("CARGO_PKG_VERSION"), engine], 1.0);
        families.started.set(&[], seconds(now));
        families.http_in_flight.set(&[], 0.0);
        families.certificate_end.set(&[], 0.0);
        families.anchor_contradicted.set(&[], 0.0);
        Self { registry, families }
    }

    /// The text that Prometheus reads (exposition format 0.0.4).
    pub fn render(&self) -> String {
        // Only metrics without a name or a value cannot be written, and there is none.
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }

    /// A request begins.
    pub fn enter(&self) -> InFlight<'_> {
        self.families.http_in_flight.add(&[], 1.0);
        InFlight(self)
    }

    /// A request was answered. `route` is the route's pattern, never what was asked for.
    pub fn answered(&self, route: Option<&str>, method: &str, status: u16, took: Duration) {
        let route = route.unwrap_or("none");
        // A method is any word that a client sends.
        let method = ["GET", "POST", "HEAD", "OPTIONS"].into_iter().find(|known| *known == method).unwrap_or("other");
        let class = match status {
            100..=199 => "1xx",
            200..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        };
        self.families.http_requests.add(&[route, method, class], 1);
        self.families.http_duration.observe(&[route], took.as_secs_f64());
    }

    /// A protocol error was answered. `endpoint` is a route's pattern.
    pub fn refused(&self, endpoint: &str, error: Code) {
        self.families.refusals.add(&[endpoint, error.as_str()], 1);
    }

    /// How a sign-in form ended.
    pub fn signed_in(&self, outcome: &'static str) {
        self.families.sign_ins.add(&[outcome], 1);
    }

    /// A sign-in form is made to wait.
    pub fn sign_in_delayed(&self) {
        self.families.sign_in_delays.add(&[], 1);
    }

    /// Tokens were given.
    pub fn tokens_issued(&self, grant_type: &'static str) {
        self.families.tokens.add(&[grant_type], 1);
    }

    /// A code was presented.
    pub fn code_presented(&self, outcome: &'static str) {
        self.families.codes.add(&[outcome], 1);
    }

    /// A refresh token was presented.
    pub fn refresh_presented(&self, outcome: &'static str) {
        self.families.refreshes.add(&[outcome], 1);
    }

    /// The document of a client was fetched, and made one, or this was wrong with it.
    pub fn document_read(&self, fault: Option<DocumentFault>) {
        self.families.documents.add(&[fault.map_or("good", DocumentFault::as_str)], 1);
    }

    /// Something got its number so long after it was written.
    pub fn numbered(&self, after: Duration) {
        self.families.numbered.observe(&[], after.as_secs_f64());
    }

    /// A logout token was sent.
    pub fn delivery(&self, outcome: &'static str) {
        self.families.deliveries.add(&[outcome], 1);
    }

    /// A change waited so long for its transaction.
    pub fn write_waited(&self, span: Duration) {
        self.families.write_wait.observe(&[], span.as_secs_f64());
    }

    /// When the certificate ends that is shown to whoever calls; none: TLS ends elsewhere.
    pub fn certificate_ends(&self, at: Option<Timestamp>) {
        self.families.certificate_end.set(&[], at.map_or(0.0, seconds));
    }

    /// A background job begins to be due: until it goes well for the first time, that is since when it has not.
    pub fn job_starts(&self, job: &'static str, now: Timestamp) {
        self.families.job_success.set(&[job], seconds(now));
    }

    /// Whether the audit chain contradicts what was written of it outside the database.
    pub fn anchor_contradicted(&self, it_does: bool) {
        self.families.anchor_contradicted.set(&[], f64::from(u8::from(it_does)));
    }

    /// A background job went well or not.
    pub fn job_ran(&self, job: &'static str, went_well: bool, now: Timestamp) {
        self.families.jobs.add(&[job, if went_well { "done" } else { "failed" }], 1);
        if went_well {
            self.families.job_success.set(&[job], seconds(now));
        }
    }
}

/// Seconds since 1970, as Prometheus counts time.
fn seconds(at: Timestamp) -> f64 {
    kinds::float(u64::try_from(at.seconds()).unwrap_or_default())
}
