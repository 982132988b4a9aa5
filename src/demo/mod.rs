//! The demo: a small school world in a real county, and two relying parties that know the provider only by
//! its issuer.

pub mod approve;
pub mod platform;
pub mod screen;
pub mod world;
