//! The services that the settings name, with a circuit breaker for each in this process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

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
    circuits: Mutex<HashMap<String, Circuit>>,
}

impl Services {
    pub(crate) fn new(all: Vec<VerificationService>) -> Self {
        Self { all, circuits: Mutex::default() }
    }

    pub(crate) fn all(&self) -> &[VerificationService] {
        &self.all
    }

    pub(super) fn named(&self, name: &str) -> Option<&VerificationService> {
        self.all.iter().find(|service| service.name == name)
    }

    /// Lets a call through, if one may be made now; the state before it.
    pub(super) fn admit(&self, name: &str, now: Timestamp) -> Option<Circuit> {
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        let before = circuits.get(name).copied().unwrap_or_default();
        circuits.insert(name.to_owned(), before.admit(now)?);
        Some(before)
    }

    /// No call was made after all: whoever comes next may try.
    pub(super) fn unused(&self, name: &str, before: Circuit) {
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(circuit @ Circuit::Trying(_)) = circuits.get_mut(name) {
            *circuit = before;
        }
    }

    /// A call was answered.
    pub(super) fn succeeded(&self, name: &str) {
        self.circuits.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), Circuit::default());
    }

    /// A call failed.
    pub(super) fn failed(&self, name: &str, now: Timestamp) {
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        let circuit = circuits.get(name).copied().unwrap_or_default().failed(now);
        if matches!(circuit, Circuit::Open(_)) {
            tracing::warn!(
                service = name,
                "a verification service fails again and again; it is left alone for a while"
            );
        }
        circuits.insert(name.to_owned(), circuit);
    }

    pub(super) fn view(&self) -> Vec<ServiceView> {
        let circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        let view = |service: &VerificationService| ServiceView {
            name: service.name.clone(),
            method: service.method.as_str(),
            level: service.method.level().get(),
            circuit: circuits.get(&service.name).copied().unwrap_or_default().as_str(),
        };
        self.all.iter().map(view).collect()
    }
}
