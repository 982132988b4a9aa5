//! Settings: what may be said ([`keys`]), what was said (`raw`), what it means (`resolved`). Only resolved
//! values travel further.
//!
//! Layers, each over the one before: the default, what a command presets (the demo), the TOML file, the
//! environment. In the file a setting has the name of its variable without `MINGJI_`, in lower case:
//! `MINGJI_DATABASE_URL` is `database_url`. A secret may stand in a file of its own that `…_FILE` names.

mod error;
pub mod keys;
mod raw;
mod reference;
mod resolved;
mod value;
mod verification;

use std::path::Path;

pub use error::ConfigError;
pub use raw::Preset;
pub use reference::reference;
pub use resolved::{DatabaseUrl, EphemeralUrl, OutboundAllow, Settings, TlsFiles};
pub use value::parse_duration;
pub use verification::{VerifierKeys, VerifierSettings};

/// Reads and resolves all settings: the file (`None`: `mingji.toml` in the working directory, where it exists)
/// and the environment, over a command's presets.
///
/// # Errors
/// The first fault, with the setting's name, the shape it should have and the way out; never with its value
/// where that may be a secret.
pub fn load(file: Option<&Path>, presets: &[Preset]) -> Result<Settings, ConfigError> {
    let raw = raw::read(file, presets, raw::environment())?;
    resolved::resolve(&raw)
}
