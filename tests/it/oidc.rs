//! The protocol endpoints, each in its own file.

mod authorize;
mod backchannel;
mod client_auth;
mod client_credentials;
mod client_keys;
mod discovery;
mod end_session;
mod forgery;
mod par;
mod prompt;
mod refresh;
mod registration;
mod rotation;
mod standard_client;
mod token;
mod token_status;
mod userinfo;
