//! Sign-in: sessions, throttling, passwords, lifetimes.

pub mod lifetimes;
