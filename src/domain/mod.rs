//! What is true: types, rules and state machines. Pure: no I/O, and the time is an argument.

pub mod access;
pub mod id;
pub mod locale;
pub mod random;
pub mod registry;
pub mod time;
