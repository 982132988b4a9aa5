//! # Mingji 名籍
//!
//! The identity and real-name sign-in provider of a national education system: one register of
//! people and institutions, one sign-in, OpenID Connect tokens that every platform trusts.
//!
//! ```text
//!  http ──► app ──► domain ◄── store        data comes in on the left, is decided in the middle,
//!  cli  ─┘    ├──► store       keys         rests on the right; nothing points back
//!  jobs ─┘    ├──► keys        outbound
//!             └──► outbound
//! ```
//!
//! | module | job |
//! |---|---|
//! | [`domain`] | what is true: types, rules, state machines; pure, time and randomness are arguments |
//! | [`store`] | rows and short-lived keys ↔ domain types |
//! | [`keys`] | root secrets, signing keys, JWT, sealing, blind index, password hashes |
//! | [`outbound`] | calls we make, through one guarded client |
//! | [`app`] | use cases: authorise, decide, one transaction, audit, event |
//! | [`http`] | decode, call one use case, encode |
//! | [`jobs`], [`cli`] | clocks and hands that call use cases |
//! | [`config`], [`telemetry`] | settings raw → resolved; logs with redaction, metrics |
//! | [`demo`] | a small school world and two relying parties that know the provider only by its issuer |
//!
//! `tests/it/architecture.rs` reads the imports and fails when one of them points back. The [`manual`] says why.

pub mod app;
pub mod cli;
pub mod config;
pub mod demo;
pub mod domain;
pub mod http;
pub mod jobs;
pub mod keys;
pub mod manual;
pub mod outbound;
pub mod store;
pub mod telemetry;
