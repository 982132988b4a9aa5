//! Certificates of clients (RFC 8705): their names, their thumbprint, and who vouches for them. That the sender has the
//! private key was proved to whoever ended the TLS connection.

use std::net::IpAddr;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use x509_cert::Certificate as Parsed;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::RdnSequence;

use crate::domain::oidc::client::TlsName;
use crate::domain::time::Timestamp;

/// Why a bundle of authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// No certificate in it.
    #[error("it holds no readable PEM certificate")]
    Empty,
    /// The TLS library refused.
    #[error("{0}")]
    Refused(String),
}

/// `x5t#S256` of a certificate (3.1).
pub fn thumbprint(der: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, der))
}

/// Whether a text is a distinguished name (RFC 4514) that a certificate could have.
pub fn is_distinguished_name(text: &str) -> bool {
    RdnSequence::from_str(text).is_ok_and(|name| !name.to_string().is_empty())
}

/// The certificates of a PEM file, in its order; nothing where it holds none that can be read.
pub fn chain_of(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().unwrap_or_default()
}

/// Until when a certificate is good.
pub fn ends_at(der: &[u8]) -> Option<Timestamp> {
    let end = Parsed::from_der(der).ok()?.tbs_certificate().validity().not_after.to_unix_duration();
    Some(Timestamp::from_micros(i64::try_from(end.as_micros()).ok()?))
}

/// Whether a certificate is good for a host as it stands in a URL (RFC 9525, 6: one label may be a star).
pub fn is_for_host(der: &[u8], host: &str) -> bool {
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return is_named(der, &TlsName::Ip(address));
    }
    let starred = host.split_once('.').map(|(_, rest)| format!("*.{rest}"));
    starred.into_iter().chain([host.to_owned()]).any(|name| is_named(der, &TlsName::Dns(name)))
}

/// Whether a certificate has the name that was registered (2.1.2).
pub fn is_named(der: &[u8], name: &TlsName) -> bool {
    let Ok(certificate) = Parsed::from_der(der) else { return false };
    let body = certificate.tbs_certificate();
    let others = || match body.get_extension::<SubjectAltName>() {
        Ok(Some((_, names))) => names.0,
        _ => Vec::new(),
    };
    let holds = |is: &dyn Fn(&GeneralName) -> bool| others().iter().any(is);
    match name {
        // Both are written in one way, so that the kind of a string does not count.
        TlsName::Subject(text) => {
            RdnSequence::from_str(text).is_ok_and(|name| name.to_string() == body.subject().to_string())
        }
        TlsName::Dns(text) => {
            holds(&|name| matches!(name, GeneralName::DnsName(found) if found.as_str().eq_ignore_ascii_case(text)))
        }
        TlsName::Uri(text) => {
            holds(&|name| matches!(name, GeneralName::UniformResourceIdentifier(found) if found.as_str() == text))
        }
        TlsName::Email(text) => holds(&|name| matches!(name, GeneralName::Rfc822Name(found) if found.as_str() == text)),
        TlsName::Ip(address) => {
            let bytes = match address {
                IpAddr::V4(v4) => v4.octets().to_vec(),
                IpAddr::V6(v6) => v6.octets().to_vec(),
            };
            holds(&|name| matches!(name, GeneralName::IpAddress(found) if found.as_bytes() == bytes))
        }
    }
}

/// Who vouches for certificates of clients.
pub struct Authorities(Arc<dyn ClientCertVerifier>);

impl Authorities {
    /// From a PEM bundle.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn parse(pem: &[u8]) -> Result<Self, AuthorityError> {
        let refused = |why: &dyn std::fmt::Display| AuthorityError::Refused(why.to_string());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|why| refused(&why))?;
            roots.add(certificate).map_err(|why| refused(&why))?;
        }
        if roots.is_empty() {
            return Err(AuthorityError::Empty);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        Ok(Self(verifier.build().map_err(|why| refused(&why))?))
    }

    /// Whether a chain leads from a leaf, the first, to one of them today.
    pub fn vouch_for(&self, chain: &[Vec<u8>], now: Timestamp) -> bool {
        let mut chain = chain.iter().map(|der| CertificateDer::from(der.as_slice()));
        let Some(leaf) = chain.next() else { return false };
        let between: Vec<CertificateDer<'_>> = chain.collect();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.seconds()).unwrap_or_default()));
        self.0.verify_client_cert(&leaf, &between, now).is_ok()
    }
}
