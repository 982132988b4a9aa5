//! Every setting there is: its variable, its default, whether it is a secret, what it means. The reference for
//! operators (`deploy/settings.md`) is printed from this table.

/// One setting.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// The environment variable; the TOML key is the same without `MINGJI_`, in lower case.
    pub variable: &'static str,
    /// What holds when nobody says anything; empty: off or none.
    pub default: &'static str,
    /// Whether it may hold a password, so that `…_FILE` is accepted too.
    pub secret: bool,
    /// What it means, with its unit.
    pub meaning: &'static str,
}

const PREFIX_LENGTH: usize = "MINGJI_".len();

impl Key {
    /// The name in the TOML file.
    pub fn toml_name(&self) -> String {
        self.variable[PREFIX_LENGTH..].to_ascii_lowercase()
    }

    /// The variable that names a file with the value.
    pub fn file_variable(&self) -> String {
        format!("{}_FILE", self.variable)
    }
}

macro_rules! keys {
    ($($name:ident: $variable:literal = $default:literal, $secret:literal, $meaning:literal;)+) => {
        $(
            #[doc = $meaning]
            pub static $name: Key =
                Key { variable: $variable, default: $default, secret: $secret, meaning: $meaning };
        )+

        /// All of them, in the order of the reference.
        pub static ALL: &[&Key] = &[$(&$name),+];
    };
}

keys! {
    ISSUER: "MINGJI_ISSUER" = "http://localhost:8080", false,
        "issuer; the only source of absolute URLs; http only on `localhost`, `127.0.0.1` and `[::1]`";
    LISTEN: "MINGJI_LISTEN" = "127.0.0.1:8080", false,
        "address and port to listen on";
    DATABASE_URL: "MINGJI_DATABASE_URL" = "sqlite://data/mingji.db", true,
        "`sqlite://PATH` or `postgres://…`";
    DATABASE_CONNECTIONS: "MINGJI_DATABASE_CONNECTIONS" = "32", false,
        "connections to PostgreSQL that one process opens at most, 2 to 500: those of all replicas and one command more must be fewer than the server's `max_connections`; SQLite has its own number";
    EPHEMERAL_URL: "MINGJI_EPHEMERAL_URL" = "memory:", true,
        "`memory:` or `redis://…` (also `rediss://`, `redis+cluster://`, `rediss+cluster://`, Valkey); `?ca=FILE` names the PEM bundle of who vouches for its certificate, in place of the public authorities";
    KEYS_DIR: "MINGJI_KEYS_DIR" = "keys", false,
        "folder of the root secrets, the same on every replica";
    METRICS_LISTEN: "MINGJI_METRICS_LISTEN" = "", false,
        "address and port of a listener of its own with Prometheus text at `/metrics`; it has no authentication and no TLS; empty: off";
    DRAIN: "MINGJI_DRAIN" = "5s", false,
        "between a stop that is asked for (SIGTERM) and the end of listening, at most 2m: `/readyz` says 503 meanwhile, everything else is answered, so that a balancer that goes by it sends nobody to a closed door; longer than two of its checks; `0s` where nobody asks. A second signal ends everything at once";
    TLS_CERT: "MINGJI_TLS_CERT" = "", false,
        "PEM file with the certificate chain; built-in TLS, together with `MINGJI_TLS_KEY`";
    TLS_KEY: "MINGJI_TLS_KEY" = "", false,
        "PEM file with the private key";
    MTLS_LISTEN: "MINGJI_MTLS_LISTEN" = "", false,
        "address and port of a second listener for clients with certificates (RFC 8705); it asks for them where `MINGJI_TLS_CERT` is set, and shows that certificate; else it speaks plain HTTP with a trusted proxy that ends their TLS and sets `Client-Cert` (RFC 9440), which is believed nowhere else: only the proxy may reach it";
    MTLS_ORIGIN: "MINGJI_MTLS_ORIGIN" = "", false,
        "where clients with certificates come, as `https://mtls.id.example.edu.cn`, for `mtls_endpoint_aliases`; without it the issuer's host with the port of `MINGJI_MTLS_LISTEN`; needed where a proxy ends their TLS";
    MTLS_CA: "MINGJI_MTLS_CA" = "", false,
        "PEM bundle of the authorities that vouch for certificates of `tls_client_auth`; without it only registered certificates are good";
    TRUSTED_PROXIES: "MINGJI_TRUSTED_PROXIES" = "", false,
        "networks whose forwarding headers are believed, separated by commas; they never make a URL";
    OUTBOUND_ALLOW: "MINGJI_OUTBOUND_ALLOW" = "", false,
        "networks or hosts that outbound calls may reach besides the public internet, separated by commas";
    OUTBOUND_CA: "MINGJI_OUTBOUND_CA" = "", false,
        "extra PEM bundle trusted for outbound calls";
    REGISTRATION: "MINGJI_REGISTRATION" = "token", false,
        "who may register applications at the registration endpoint: `token` (whoever holds a token of `mingji client initial-token`), `open` (anybody), `open-without-pkce` (anybody, as conformance tests of OpenID Connect need it)";
    CLIENT_ID_DOCUMENTS: "MINGJI_CLIENT_ID_DOCUMENTS" = "off", false,
        "hosts whose client ID metadata documents are believed, separated by commas, as `apps.example.edu.cn,*.example.cn`, with a port where it is not 443; a `client_id` that is the https address of a document there then needs no registration; `off`: there is no such client";
    PROTECTION: "MINGJI_PROTECTION" = "2", false,
        "what the installation was filed as under 等级保护: `2` or `3`; with `3` one person holds administrative duties of one kind alone, system, security or audit (三员分离)";
    DPOP_NONCE: "MINGJI_DPOP_NONCE" = "off", false,
        "whether DPoP proofs need a nonce of ours (RFC 9449, 8): `off` or `required`";
    LOG: "MINGJI_LOG" = "info", false,
        "filter, as `info` or `info,mingji::http=debug`; JSON lines when standard error is not a terminal";
    LIFETIME_ACCESS_TOKEN: "MINGJI_LIFETIME_ACCESS_TOKEN" = "5m", false,
        "access token; at most 1h, because it is checked offline";
    LIFETIME_ID_TOKEN: "MINGJI_LIFETIME_ID_TOKEN" = "5m", false,
        "ID token; at most 1h";
    LIFETIME_CODE: "MINGJI_LIFETIME_CODE" = "60s", false,
        "authorization code; at most 10m";
    LIFETIME_REFRESH_IDLE: "MINGJI_LIFETIME_REFRESH_IDLE" = "30d", false,
        "a refresh token that nobody used for so long ends";
    LIFETIME_REFRESH_ABSOLUTE: "MINGJI_LIFETIME_REFRESH_ABSOLUTE" = "180d", false,
        "a refresh token ends then in any case";
    LIFETIME_SESSION_IDLE: "MINGJI_LIFETIME_SESSION_IDLE" = "8h", false,
        "a session that nobody used for so long ends";
    LIFETIME_SESSION_ABSOLUTE: "MINGJI_LIFETIME_SESSION_ABSOLUTE" = "7d", false,
        "a session ends then in any case";
    LIFETIME_ADMIN_SESSION_IDLE: "MINGJI_LIFETIME_ADMIN_SESSION_IDLE" = "30m", false,
        "as `MINGJI_LIFETIME_SESSION_IDLE`, for administrators";
    LIFETIME_ADMIN_SESSION_ABSOLUTE: "MINGJI_LIFETIME_ADMIN_SESSION_ABSOLUTE" = "8h", false,
        "as `MINGJI_LIFETIME_SESSION_ABSOLUTE`, for administrators";
    LIFETIME_ADMIN_STEP_UP: "MINGJI_LIFETIME_ADMIN_STEP_UP" = "15m", false,
        "how long ago an administrator may have signed in to decide a case or request, merge, export, open a full record or record a death at the API; she is asked again after that (RFC 9470)";
    LIFETIME_INTERACTION: "MINGJI_LIFETIME_INTERACTION" = "30m", false,
        "from the arrival at the sign-in page to the end of the sign-in";
    LIFETIME_ACTIVATION: "MINGJI_LIFETIME_ACTIVATION" = "14d", false,
        "one-time activation link or printed code";
    LIFETIME_MERGE_UNDO: "MINGJI_LIFETIME_MERGE_UNDO" = "90d", false,
        "from the merge of two records that are one person, or a death that is recorded, to the end of the time in which it can be undone";
    LIFETIME_YEAR_UNDO: "MINGJI_LIFETIME_YEAR_UNDO" = "30d", false,
        "from the turn of a school year to the end of the time in which it can be undone";
    LIFETIME_SIGN_ONS: "MINGJI_LIFETIME_SIGN_ONS" = "184d", false,
        "how long a sign-on is kept once it has ended: the session, what was granted in it, which clients took part, and codes to begin with; at least 184d (six months, 网络安全法 23). What is still good, as a refresh token for 180 days, is kept as long as it is; that she signed in stands in the audit log as long as that";
    LIFETIME_FEED: "MINGJI_LIFETIME_FEED" = "60d", false,
        "how far back a platform can read the changes of its people; at least 30d";
    LIFETIME_AUDIT_LOG: "MINGJI_LIFETIME_AUDIT_LOG" = "1096d", false,
        "how long an entry of the audit log is kept; at least 184d (six months, 网络安全法 23). What showed somebody's record, or was read by a platform, and whatever stands behind it, stays as long as MINGJI_LIFETIME_DISCLOSURES says; events end with the entries of their time";
    LIFETIME_DISCLOSURES: "MINGJI_LIFETIME_DISCLOSURES" = "1096d", false,
        "how long a person can see who looked at her record; at least 1096d (three years, 网络数据安全管理条例 12)";
    LIFETIME_TRANSFER_TERM: "MINGJI_LIFETIME_TRANSFER_TERM" = "15d", false,
        "from a school's request for a student to the time from which the authority above both schools may decide in place of the releasing one";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_variable() {
        assert_eq!(DATABASE_URL.toml_name(), "database_url");
        assert_eq!(DATABASE_URL.file_variable(), "MINGJI_DATABASE_URL_FILE");
        assert!(ALL.iter().all(|key| key.variable.starts_with("MINGJI_")));
    }
}
