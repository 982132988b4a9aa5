//! Rows ↔ domain types. One file per aggregate, its SQL on top; the engine below in [`db`].
//!
//! Every function that reads or writes the registry takes a *proof of scope* ([`crate::domain::access`],
//! ruling R5) and cannot be called without one.

pub mod activations;
pub mod admin_grants;
pub mod books;
pub mod clients;
pub mod db;
pub mod deliveries;
pub mod ephemeral;
pub mod facts;
pub mod grants;
pub mod identities;
pub mod sessions;
pub mod signing_keys;
pub mod subjects;
