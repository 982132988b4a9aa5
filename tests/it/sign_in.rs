//! Signing in: from a typed login to a session, and what stands in the way.

mod activation;
mod consent;
mod devices;
mod holders;
mod identity;
mod password;
mod session;
mod throttle;
