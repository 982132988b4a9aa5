//! The demo: a small school world and the relying parties that live in it.

pub mod platform;
