//! The certificate of the built-in TLS as its file says: until when it is good and for whom, for `doctor` and for the metrics.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::domain::time::Timestamp;
use crate::keys::certificate;

/// It is renewed a few times a year.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// What is shown to whoever calls.
pub struct Shown(Vec<CertificateDer<'static>>);

impl Shown {
    /// Reads the file; `None` where no certificate can be read in it.
    pub fn read(file: &Path) -> Option<Self> {
        let chain = certificate::chain_of(&std::fs::read(file).ok()?);
        (!chain.is_empty()).then_some(Self(chain))
    }

    /// When the first of the chain ends: nobody believes the rest from then on.
    pub fn ends(&self) -> Option<Timestamp> {
        self.0.iter().filter_map(|der| certificate::ends_at(der)).min()
    }

    /// Whether it is good for a host.
    pub fn is_for(&self, host: &str) -> bool {
        self.0.first().is_some_and(|der| certificate::is_for_host(der, host))
    }
}

/// Tells the metrics when it ends, again after each renewal.
pub async fn watch(file: PathBuf, app: App, stop: CancellationToken) {
    loop {
        app.metrics().certificate_ends(Shown::read(&file).and_then(|shown| shown.ends()));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}
