//! The protocol endpoints, each in its own file.

mod algorithms;
mod authorize;
mod backchannel;
mod check_session;
mod claims_parameter;
mod client_auth;
mod client_credentials;
mod client_keys;
mod discovery;
mod encryption;
mod end_session;
mod forgery;
mod form_post;
mod front_channel;
mod frontchannel_logout;
mod par;
mod prompt;
mod refresh;
mod registration;
mod request_object;
mod rotation;
mod self_registered;
mod standard_client;
mod token;
mod token_status;
mod userinfo;
