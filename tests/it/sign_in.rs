//! Signing in: from a typed login to a session, and what stands in the way.

mod activation;
mod agreed;
mod consent;
mod devices;
mod erasure;
mod holders;
mod identity;
mod kept;
mod own_password;
mod password;
mod record;
mod session;
mod throttle;
