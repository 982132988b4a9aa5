//! Rows ↔ domain types. One file per aggregate, its SQL on top; the engine below in [`db`].
//!
//! Every function that reads or writes the registry takes a *proof of scope* ([`crate::domain::access`],
//! ruling R5) and cannot be called without one.

pub mod accounts;
pub mod activations;
pub mod admin_grants;
pub mod api_requests;
pub mod approvals;
pub mod audit_places;
pub mod authorization_types;
pub mod books;
pub mod cases;
pub mod classes;
pub mod client_faults;
pub mod clients;
#[cfg(test)]
pub(crate) mod conformance;
pub mod consents;
pub mod contacts;
pub mod counts;
pub mod credentials;
pub mod db;
pub mod deliveries;
pub mod disclosures;
pub mod documents;
pub mod elsewhere;
pub mod enrolments;
pub mod ephemeral;
pub mod erasure_requests;
pub mod erasures;
pub mod errands;
pub mod fact_authors;
pub mod facts;
pub mod feeds;
pub mod grants;
pub mod guardianships;
pub mod handovers;
pub mod identities;
pub mod institution_changes;
pub mod institutions;
pub mod lookups;
pub mod merge_changes;
pub mod merge_rows;
pub mod merge_seals;
pub mod merges;
pub mod person_names;
pub mod persons;
pub mod platforms;
pub mod profiles;
pub mod registrations;
pub mod relation_claims;
pub mod resources;
pub mod revoked_tokens;
pub mod roster_rows;
pub mod school_years;
pub mod sessions;
pub mod signing_keys;
pub mod slips;
pub mod snapshot;
pub mod spaces;
pub mod staffings;
pub mod subjects;
pub mod suspensions;
pub mod verification_requests;
pub mod verifications;
pub mod wards;
