//! The protocol: OAuth 2.0 and OpenID Connect as types and decisions.

pub mod assertion;
pub mod checks;
pub mod ciba;
pub mod claims;
pub mod claims_request;
pub mod client;
pub mod confirmation;
pub mod dpop;
pub mod elsewhere;
pub mod error;
pub mod grant;
pub mod initial_token;
pub mod logout;
pub mod params;
pub mod pkce;
pub mod profile;
pub mod prompt;
pub mod registration;
pub mod request;
pub mod request_object;
pub mod resource;
pub mod response;
pub mod scope;
pub mod signing_key;
pub mod token;
pub mod user_code;
