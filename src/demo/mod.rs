//! The demo: a small school world in a real county, two relying parties that know the provider only by its issuer, and a
//! service that verifies real names.

pub mod approve;
pub mod platform;
pub mod screen;
pub mod verifier;
pub mod world;
