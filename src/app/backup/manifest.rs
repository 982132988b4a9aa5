//! What a backup holds, in front of it: a length, a JSON document, then the parts one after the other.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;
use crate::keys::archive::ArchiveError;

/// Nothing that we write comes near it.
const LONGEST: u32 = 64 * 1024;
/// Raised when a program of today could not restore it.
pub(super) const FORMAT: u32 = 1;

/// The contents.
#[derive(Serialize, Deserialize)]
pub(super) struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// When the copy was taken.
    pub made_at: Timestamp,
    /// Whose register it is.
    pub issuer: String,
    /// The root secrets, sealed as `mingji keys backup` seals them: printed from here, they open by themselves.
    pub secrets: String,
    /// What follows, in order.
    pub parts: Vec<Part>,
}

/// One file.
#[derive(Serialize, Deserialize)]
pub(super) struct Part {
    /// What it is.
    pub kind: PartKind,
    /// How long it is.
    pub bytes: u64,
}

/// What a file of the backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PartKind {
    /// The database.
    Database,
    /// Audit checkpoints that were kept beside it.
    Anchors,
}

impl Manifest {
    /// Writes it.
    ///
    /// # Errors
    /// Whatever `out` says.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let text = serde_json::to_vec(self)?;
        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
        out.write_all(&length.to_be_bytes())?;
        out.write_all(&text)
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`ArchiveError::Foreign`] within, for a later format.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        if length > LONGEST {
            return Err(ArchiveError::Foreign.into());
        }
        let mut text = Vec::new();
        from.take(u64::from(length)).read_to_end(&mut text)?;
        let manifest: Self = serde_json::from_slice(&text).map_err(|_| ArchiveError::Foreign)?;
        if manifest.format == FORMAT { Ok(manifest) } else { Err(ArchiveError::Foreign.into()) }
    }

    /// Whether a part of this kind follows.
    pub(super) fn has(&self, kind: PartKind) -> bool {
        self.parts.iter().any(|part| part.kind == kind)
    }

    /// How much follows.
    pub(super) fn total(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }
}
