//! Where things stand. Discovery names the protocol endpoints; nothing outside relies on these texts.

/// Paths below the issuer.
pub mod path {
    #![allow(missing_docs, reason = "each name is its path")]
    pub const AUTHORIZE: &str = "/authorize";
    pub const TOKEN: &str = "/token";
    pub const USERINFO: &str = "/userinfo";
    pub const INTROSPECT: &str = "/introspect";
    pub const REVOKE: &str = "/revoke";
    pub const PAR: &str = "/par";
    pub const REGISTER: &str = "/register";
    pub const REGISTRATION: &str = "/register/{client_id}";
    pub const JWKS: &str = "/jwks";
    pub const END_SESSION: &str = "/end-session";
    pub const CHECK_SESSION: &str = "/check-session";
    pub const DISCOVERY: &str = "/.well-known/openid-configuration";
    pub const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server";
    pub const OPEN: &str = "/open";
    pub const SIGN_IN: &str = "/sign-in";
    pub const CHOOSE_ACCOUNT: &str = "/choose-account";
    pub const CHOOSE_IDENTITY: &str = "/choose-identity";
    pub const CONSENT: &str = "/consent";
    /// Short: people type it.
    pub const DEVICE: &str = "/device";
    pub const DEVICE_AUTHORIZATION: &str = "/device-authorization";
    pub const BACKCHANNEL_AUTHENTICATION: &str = "/backchannel-authentication";
    pub const CONFIRM: &str = "/confirm";
    pub const DEVICES: &str = "/devices";
    pub const PASSWORD: &str = "/password";
    /// Where managers of passwords look (W3C, A Well-Known URL for Changing Passwords).
    pub const CHANGE_PASSWORD: &str = "/.well-known/change-password";
    pub const CONSOLE: &str = "/console";
    pub const CONSOLE_REGISTER: &str = "/console/register";
    pub const CONSOLE_CLIENT: &str = "/console/clients/{client_id}";
    pub const CONSOLE_AGAIN: &str = "/console/clients/{client_id}/again";
    pub const CONSOLE_EDIT: &str = "/console/clients/{client_id}/edit";
    pub const CONSOLE_SUSPENSION: &str = "/console/clients/{client_id}/suspension";
    pub const CONSOLE_SECRET: &str = "/console/clients/{client_id}/secret";
    pub const CONSOLE_OLD_SECRET: &str = "/console/clients/{client_id}/old-secret";
    pub const CONSOLE_REMOVAL: &str = "/console/clients/{client_id}/removal";
    pub const CONSOLE_TRIAL: &str = "/console/clients/{client_id}/trial";
    pub const CONSENTS: &str = "/consents";
    pub const RECORD: &str = "/record";
    pub const ERASURE: &str = "/erasure";
    pub const TAKE_UP: &str = "/take-up";
    pub const NOT_ME: &str = "/not-me";
    pub const LANGUAGE: &str = "/language";
    pub const SIGN_OUT: &str = "/sign-out";
    pub const SIGNED_OUT: &str = "/signed-out";
    pub const ACTIVATE: &str = "/activate";
    pub const WARDS: &str = "/wards";
    pub const WARD_PASSWORD: &str = "/ward-password";
    pub const HEALTHZ: &str = "/healthz";
    pub const READYZ: &str = "/readyz";
    pub const OPENAPI: &str = "/api/openapi.json";
    pub const ERRAND_FILE: &str = "/api/errands/{id}/file";
    pub const FEED_SNAPSHOT: &str = "/api/feed/snapshot";
    /// On a listener of its own.
    pub const METRICS: &str = "/metrics";
}
