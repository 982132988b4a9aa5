//! The calls that Mingji makes, all through one guarded client ([`client::GuardedClient`]): a platform's
//! registration names addresses, and whoever can register must not reach the inside of the network with them.

pub mod address;
pub mod client;
pub mod logout;
pub mod ping;
pub mod verifier;

use std::sync::Once;

/// Makes ring the TLS provider of this process, once; every TLS connection needs it to be chosen before.
pub fn install_tls_provider() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::warn!("another TLS provider was installed before ring; it stays");
        }
    });
}
