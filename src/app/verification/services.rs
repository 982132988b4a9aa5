//! The services that the settings name, with a circuit breaker for each in this process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Notify;

use crate::domain::circuit::Circuit;
use crate::domain::registry::codes::realname::Method;
use crate::domain::time::Timestamp;
use crate::keys::foreign::PublicKeys;

/// A service that verifies.
#[derive(Clone)]
pub struct VerificationService {
    /// As the settings call it; it stands in every verification that it confirmed.
    pub name: String,
    /// What it does: table V.
    pub method: Method,
    /// Where it is asked.
    pub url: String,
    /// What it signs its answers with.
    pub keys: PublicKeys,
    /// How long one call may take.
    pub patience: Duration,
}

/// A service for the operator.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceView {
    /// As the settings call it.
    pub name: String,
    /// Table V.
    pub method: &'static str,
    /// Table R: what a match gives.
    pub level: u8,
    /// `closed`, `open` or `trying`.
    pub circuit: &'static str,
}

/// All of them.
pub(crate) struct Services {
    all: Vec<VerificationService>,
    bells: HashMap<String, Notify>,
    circuits: Mutex<HashMap<String, Circuit>>,
}

/// Leave to call a service. Dropped without an answer or a failure, no call was made: whoever comes next may try.
pub(super) struct Leave<'a> {
    services: &'a Services,
    name: &'a str,
    before: Circuit,
    during: Circuit,
}

impl Leave<'_> {
    /// The call was answered.
    pub(super) fn succeeded(self) {
        self.services.circuits().insert(self.name.to_owned(), Circuit::default());
    }

    /// The call failed.
    pub(super) fn failed(self, now: Timestamp) {
        let mut circuits = self.services.circuits();
        let circuit = circuits.get(self.name).copied().unwrap_or_default().failed(now);
        if matches!(circuit, Circuit::Open(_)) {
            tracing::warn!(
                service = self.name,
                "a verification service fails again and again; it is left alone for a while"
            );
        }
        circuits.insert(self.name.to_owned(), circuit);
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut circuits = self.services.circuits();
        let circuit = circuits.get_mut(self.name).filter(|circuit| **circuit == self.during);
        if let Some(circuit @ Circuit::Trying(_)) = circuit {
            *circuit = self.before;
        }
    }
}

impl Services {
    pub(crate) fn new(all: Vec<VerificationService>) -> Self {
        let bells = all.iter().map(|service| (service.name.clone(), Notify::default())).collect();
        Self { all, bells, circuits: Mutex::default() }
    }

    pub(crate) fn all(&self) -> &[VerificationService] {
        &self.all
    }

    pub(in crate::app) fn named(&self, name: &str) -> Option<&VerificationService> {
        self.all.iter().find(|service| service.name == name)
    }

    /// Wakes whoever asks a service.
    pub(super) fn ring(&self, name: &str) {
        if let Some(bell) = self.bells.get(name) {
            bell.notify_one();
        }
    }

    /// Waits until there may be something to ask a service; for ever where the settings do not name it.
    pub(crate) async fn rung(&self, name: &str) {
        match self.bells.get(name) {
            Some(bell) => bell.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Lets a call through, if one may be made now.
    pub(super) fn admit<'a>(&'a self, name: &'a str, now: Timestamp) -> Option<Leave<'a>> {
        let mut circuits = self.circuits();
        let before = circuits.get(name).copied().unwrap_or_default();
        let during = before.admit(now)?;
        circuits.insert(name.to_owned(), during);
        Some(Leave { services: self, name, before, during })
    }

    fn circuits(&self) -> MutexGuard<'_, HashMap<String, Circuit>> {
        self.circuits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn view(&self) -> Vec<ServiceView> {
        let circuits = self.circuits();
        let view = |service: &VerificationService| ServiceView {
            name: service.name.clone(),
            method: service.method.as_str(),
            level: service.method.level().get(),
            circuit: circuits.get(&service.name).copied().unwrap_or_default().as_str(),
        };
        self.all.iter().map(view).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_that_came_to_nothing_is_anothers() {
        let (services, now) = (Services::new(Vec::new()), Timestamp::from_seconds(1_790_000_000));
        for _ in 0..5 {
            services.admit("police", now).unwrap().failed(now);
        }
        assert!(services.admit("police", now).is_none(), "open");
        let later = now.plus(Duration::from_secs(61));
        let trial = services.admit("police", later).unwrap();
        assert!(services.admit("police", later).is_none(), "one tries");
        drop(trial);
        services.admit("police", later).unwrap().failed(later);
        assert!(services.admit("police", later).is_none(), "what failed is not given back");
        let later = later.plus(Duration::from_secs(61));
        services.admit("police", later).unwrap().succeeded();
        let both = (services.admit("police", later), services.admit("police", later));
        assert!(both.0.is_some() && both.1.is_some(), "closed");
    }
}
