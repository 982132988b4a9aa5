//! Sign-in: sessions, throttling, passwords, lifetimes.

pub mod agent;
pub mod lifetimes;
pub mod password;
pub mod session;
pub mod suggestion;
pub mod throttle;
