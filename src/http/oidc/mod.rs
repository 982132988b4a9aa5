//! One file for each protocol endpoint.

pub mod authorize;
pub mod check_session;
pub mod ciba;
mod client_auth;
pub mod device;
pub mod discovery;
pub mod end_session;
pub mod jwks;
pub mod par;
pub mod registration;
pub mod token;
pub mod token_status;
pub mod userinfo;
