//! A stream sealed under a passphrase, of any length in constant memory: AES-256-GCM in chunks, as in the STREAM
//! construction (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption, CRYPTO 2015).
//!
//! ```text
//! header   MINGJI BACKUP 1\n ‖ argon2 cost (12) ‖ salt (16)
//! proof    tag of nothing, so that a wrong passphrase is told from damage
//! chunk    up to 64 KiB sealed ‖ tag (16)      … as many as it takes, the last one marked
//! nonce    0⁷ ‖ number of the chunk (4) ‖ 1 for the last one, else 0;   the header is authenticated with every chunk
//! ```
//!
//! The salt is fresh, so each file has a key of its own and numbers may serve as nonces. A chunk that was changed, moved,
//! left out or added does not open under its number; a file that was cut short has no last chunk.

use std::io::{self, BufRead, Read, Write};

use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};

use super::passphrase::{self, COST, Cost, SALT};
use crate::domain::random::{Random, bytes};

const MAGIC: &[u8; 16] = b"MINGJI BACKUP 1\n";
const COST_LEN: usize = 12;
const HEADER: usize = MAGIC.len() + COST_LEN + SALT;
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;

/// Why a sealed stream cannot be used, with the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ArchiveError {
    #[error("this is not a backup of Mingji, or one of a later version")]
    Foreign,
    #[error("the passphrase is wrong")]
    Passphrase,
    #[error("the backup is damaged: it was changed or cut short after it was written; take another one")]
    Damaged,
    #[error("the cipher refuses")]
    Cipher,
}

impl From<ArchiveError> for io::Error {
    fn from(error: ArchiveError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// One file's key and place in it.
struct Stream {
    key: LessSafeKey,
    header: [u8; HEADER],
    number: u32,
}

impl Stream {
    fn new(header: [u8; HEADER], phrase: &str) -> Result<Self, ArchiveError> {
        let (_, rest) = header.split_at(MAGIC.len());
        let (cost, salt) = rest.split_at(COST_LEN);
        let cost = cost.try_into().ok().and_then(Cost::from_bytes).ok_or(ArchiveError::Foreign)?;
        let key = passphrase::key(phrase, salt, cost).ok_or(ArchiveError::Foreign)?;
        Ok(Self { key, header, number: 0 })
    }

    /// The nonce of the next chunk. 2³² chunks are 256 TiB.
    fn nonce(&mut self, last: bool) -> Result<Nonce, ArchiveError> {
        let mut nonce = [0; NONCE_LEN];
        nonce[7..11].copy_from_slice(&self.number.to_be_bytes());
        nonce[11] = u8::from(last);
        self.number = self.number.checked_add(1).ok_or(ArchiveError::Cipher)?;
        Ok(Nonce::assume_unique_for_key(nonce))
    }

    fn seal(&mut self, chunk: &mut Vec<u8>, last: bool) -> Result<(), ArchiveError> {
        let nonce = self.nonce(last)?;
        self.key.seal_in_place_append_tag(nonce, Aad::from(self.header), chunk).map_err(|_| ArchiveError::Cipher)
    }

    fn open(&mut self, chunk: &mut Vec<u8>, last: bool) -> Result<(), ArchiveError> {
        let nonce = self.nonce(last)?;
        let opened = self.key.open_in_place(nonce, Aad::from(self.header), chunk);
        let length = opened.map_err(|_| ArchiveError::Damaged)?.len();
        chunk.truncate(length);
        Ok(())
    }
}

/// Seals what is written to it. Without [`Sealing::finish`] the result does not open.
pub struct Sealing<W> {
    out: W,
    stream: Stream,
    chunk: Vec<u8>,
}

impl<W: Write> Sealing<W> {
    /// Begins a stream.
    ///
    /// # Errors
    /// Whatever `out` says.
    pub fn begin(mut out: W, phrase: &str, random: &dyn Random) -> io::Result<Self> {
        let mut header = [0; HEADER];
        let salt: [u8; SALT] = bytes(random);
        let parts = MAGIC.iter().chain(&COST.to_bytes()).chain(&salt).copied().collect::<Vec<_>>();
        header.copy_from_slice(&parts);
        let mut stream = Stream::new(header, phrase)?;
        let mut proof = Vec::new();
        stream.seal(&mut proof, false)?;
        out.write_all(&header)?;
        out.write_all(&proof)?;
        Ok(Self { out, stream, chunk: Vec::with_capacity(CHUNK + TAG) })
    }

    fn send(&mut self, last: bool) -> io::Result<()> {
        self.stream.seal(&mut self.chunk, last)?;
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }

    /// Writes the last chunk and gives the writer back.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn finish(mut self) -> io::Result<W> {
        self.send(true)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.len() == CHUNK {
            self.send(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// What is not a whole chunk yet waits: a short one is the last one.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Opens a sealed stream. Every byte that it gives out was authenticated; that nothing is missing is known at the end.
pub struct Opening<R> {
    from: R,
    stream: Stream,
    chunk: Vec<u8>,
    given: usize,
    ended: bool,
}

impl<R: BufRead> Opening<R> {
    /// Begins to read one.
    ///
    /// # Errors
    /// [`ArchiveError`] within, for another kind of file and for a wrong passphrase.
    pub fn begin(mut from: R, phrase: &str) -> io::Result<Self> {
        let mut header = [0; HEADER];
        if read_up_to(&mut from, &mut header)? < HEADER || !header.starts_with(MAGIC) {
            return Err(ArchiveError::Foreign.into());
        }
        let mut proof = vec![0; TAG];
        if read_up_to(&mut from, &mut proof)? < TAG {
            return Err(ArchiveError::Damaged.into());
        }
        let mut stream = Stream::new(header, phrase)?;
        stream.open(&mut proof, false).map_err(|_| ArchiveError::Passphrase)?;
        Ok(Self { from, stream, chunk: Vec::new(), given: 0, ended: false })
    }

    fn next(&mut self) -> io::Result<()> {
        self.chunk.resize(CHUNK + TAG, 0);
        let length = read_up_to(&mut self.from, &mut self.chunk)?;
        self.chunk.truncate(length);
        let last = self.from.fill_buf()?.is_empty();
        self.stream.open(&mut self.chunk, last)?;
        (self.given, self.ended) = (0, last);
        Ok(())
    }
}

impl<R: BufRead> Read for Opening<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.chunk.len() && !self.ended {
            self.next()?;
        }
        let rest = &self.chunk[self.given..];
        let taken = rest.len().min(into.len());
        into[..taken].copy_from_slice(&rest[..taken]);
        self.given += taken;
        Ok(taken)
    }
}

fn read_up_to(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match from.read(&mut into[filled..])? {
            0 => break,
            more => filled += more,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests;
