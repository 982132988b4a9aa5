//! What is true: types, rules and state machines. Pure: no I/O, and the time is an argument.

pub mod access;
pub mod audit;
pub mod auth;
pub mod circuit;
pub mod event;
pub mod hex;
pub mod id;
pub mod issuer;
pub mod lately;
pub mod locale;
pub mod oidc;
pub mod random;
pub mod redacted;
pub mod registry;
pub mod row_state;
pub mod time;
