//! Sign-in: sessions, throttling, passwords, lifetimes.

pub mod lifetimes;
pub mod session;
pub mod throttle;
