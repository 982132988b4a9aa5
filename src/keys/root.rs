//! The root secrets (ruling R2): four files of 32 bytes each, the same on every replica, readable only by
//! the service. The database holds their fingerprints, a backup holds them sealed under a passphrase.

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{aead, hmac};
use zeroize::{Zeroize as _, Zeroizing};

use super::passphrase::{COST, SALT};
use super::{array, passphrase, unhex};
use crate::domain::hex::hex;
use crate::domain::random::{Random, bytes};

/// Names of the secrets; each is the file `{name}.key`.
pub const NAMES: [&str; 4] = ["root", "seal", "index", "audit"];

const FINGERPRINT_LABEL: &[u8] = b"mingji root secret fingerprint v1";
const ARMOUR: &str = "-----BEGIN MINGJI KEY BACKUP-----";
const ARMOUR_END: &str = "-----END MINGJI KEY BACKUP-----";
const NONCE: usize = 12;

/// The four secrets. Shows nothing of itself and is wiped when dropped.
#[derive(Clone)]
pub struct RootSecrets([[u8; 32]; 4]);

/// Why root secrets cannot be used, with the way out.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum RootError {
    #[error(
        "{0} is missing while other root secrets are there: restore all four with `mingji keys restore FILE`; if the very first start was interrupted, remove the others"
    )]
    Incomplete(PathBuf),
    #[error(
        "{0} can be read by others: run `chmod 600 {0}`; where it is mounted and belongs to somebody else, its group may read it and nobody but that (mode 0440, in Kubernetes `fsGroup` with `defaultMode: 0400`)"
    )]
    Readable(PathBuf),
    #[error("{0} does not hold 32 bytes in hexadecimal: restore it with `mingji keys restore FILE`")]
    Damaged(PathBuf),
    #[error("{0} is there already and is never overwritten: move it away first")]
    Exists(PathBuf),
    #[error(
        "{0} is there and is another one than in the backup: move it away, or point MINGJI_KEYS_DIR at another folder"
    )]
    Foreign(PathBuf),
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    #[error("this is not a key backup, or the passphrase is wrong")]
    Backup,
}

impl fmt::Debug for RootSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootSecrets([redacted])")
    }
}

impl Drop for RootSecrets {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl RootSecrets {
    /// Fresh ones.
    pub fn generate(random: &dyn Random) -> Self {
        Self([bytes(random), bytes(random), bytes(random), bytes(random)])
    }

    /// Reads them from a folder; `None` when not one of them is there.
    ///
    /// # Errors
    /// [`RootError`], which names the file and the way out.
    pub fn load(dir: &Path) -> Result<Option<Self>, RootError> {
        let files = NAMES.map(|name| dir.join(format!("{name}.key")));
        if files.iter().all(|file| !file.exists()) {
            return Ok(None);
        }
        let mut secrets = Self([[0; 32]; 4]);
        for (slot, file) in secrets.0.iter_mut().zip(&files) {
            *slot = read(file)?;
        }
        Ok(Some(secrets))
    }

    /// Writes them: the folder for its owner alone, the files for reading by their owner alone, never over another.
    ///
    /// # Errors
    /// [`RootError::Exists`], [`RootError::Io`].
    pub fn write(&self, dir: &Path) -> Result<(), RootError> {
        match NAMES.iter().map(|name| dir.join(format!("{name}.key"))).find(|file| file.exists()) {
            Some(there) => Err(RootError::Exists(there)),
            None => self.complete(dir),
        }
    }

    /// How many of them a folder lacks.
    ///
    /// # Errors
    /// [`RootError::Foreign`] when one that is there is not the same, and whatever reading one says.
    pub fn missing_in(&self, dir: &Path) -> Result<usize, RootError> {
        let mut missing = 0;
        for (name, secret) in NAMES.iter().zip(&self.0) {
            let path = dir.join(format!("{name}.key"));
            if !path.exists() {
                missing += 1;
            } else if *Zeroizing::new(read(&path)?) != *secret {
                return Err(RootError::Foreign(path));
            }
        }
        Ok(missing)
    }

    /// Writes those that are missing; none of them is ever half there, whenever the process ends.
    ///
    /// # Errors
    /// As [`RootSecrets::missing_in`]; [`RootError::Io`].
    pub fn complete(&self, dir: &Path) -> Result<(), RootError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |error| RootError::Io(path, error)
        };
        self.missing_in(dir)?;
        if !dir.exists() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io(dir))?;
        }
        let mut ready = Vec::new();
        for (name, secret) in NAMES.iter().zip(&self.0) {
            let path = dir.join(format!("{name}.key"));
            if !path.exists() {
                // The library makes it readable by its owner alone.
                let mut file = tempfile::NamedTempFile::new_in(dir).map_err(io(dir))?;
                let text = Zeroizing::new(format!(
                    "# Mingji {name} secret. Whoever has it can read what it protects: never copy it into a database, a ticket or a mail.\n{}\n",
                    hex(secret)
                ));
                file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(io(&path))?;
                ready.push((file, path));
            }
        }
        for (file, path) in ready {
            file.persist_noclobber(&path).map_err(|fault| RootError::Io(path, fault.error))?;
        }
        fs::File::open(dir).and_then(|folder| folder.sync_all()).map_err(io(dir))
    }

    /// What the database keeps: enough to recognise a secret, nothing to make one from.
    pub fn fingerprints(&self) -> [(&'static str, [u8; 32]); 4] {
        let mut out = NAMES.map(|name| (name, [0; 32]));
        for (slot, secret) in out.iter_mut().zip(&self.0) {
            slot.1 = array(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), FINGERPRINT_LABEL).as_ref());
        }
        out
    }

    pub(super) fn root(&self) -> &[u8; 32] {
        &self.0[0]
    }

    pub(super) fn seal(&self) -> &[u8; 32] {
        &self.0[1]
    }

    pub(super) fn index(&self) -> &[u8; 32] {
        &self.0[2]
    }

    pub(super) fn audit(&self) -> &[u8; 32] {
        &self.0[3]
    }

    /// All four sealed under a passphrase (argon2id, AES-256-GCM), as text that survives a printer.
    ///
    /// # Errors
    /// [`RootError::Backup`] when sealing fails.
    pub fn backup(&self, phrase: &str, random: &dyn Random) -> Result<String, RootError> {
        let salt: [u8; SALT] = bytes(random);
        let nonce: [u8; NONCE] = bytes(random);
        let mut plain = Zeroizing::new(self.0.concat());
        passphrase::key(phrase, &salt, COST)
            .ok_or(RootError::Backup)?
            .seal_in_place_append_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(ARMOUR.as_bytes()),
                &mut *plain,
            )
            .map_err(|_| RootError::Backup)?;
        let body = STANDARD.encode([&salt[..], &nonce[..], &plain[..]].concat());
        let lines: Vec<String> =
            body.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        Ok(format!("{ARMOUR}\n{}\n{ARMOUR_END}\n", lines.join("\n")))
    }

    /// Opens a backup.
    ///
    /// # Errors
    /// [`RootError::Backup`], the same for a wrong passphrase and a damaged text.
    pub fn restore(text: &str, phrase: &str) -> Result<Self, RootError> {
        let body =
            text.split_once(ARMOUR).and_then(|(_, rest)| rest.split_once(ARMOUR_END)).ok_or(RootError::Backup)?.0;
        let body: String = body.split_whitespace().collect();
        let raw = STANDARD.decode(body).map_err(|_| RootError::Backup)?;
        let (salt, rest) = raw.split_at_checked(SALT).ok_or(RootError::Backup)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE).ok_or(RootError::Backup)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| RootError::Backup)?;
        let plain = passphrase::key(phrase, salt, COST)
            .ok_or(RootError::Backup)?
            .open_in_place(nonce, aead::Aad::from(ARMOUR.as_bytes()), &mut sealed)
            .map_err(|_| RootError::Backup)?;
        if plain.len() != 128 {
            return Err(RootError::Backup);
        }
        let mut secrets = Self([[0; 32]; 4]);
        for (slot, part) in secrets.0.iter_mut().zip(plain.chunks(32)) {
            *slot = array(part);
        }
        Ok(secrets)
    }
}

/// A secret that is mounted belongs to whoever mounts it, and its group is how we may read it at all.
fn is_private(mode: u32, ours: bool) -> bool {
    mode & if ours { 0o077 } else { 0o037 } == 0
}

fn read(file: &Path) -> Result<[u8; 32], RootError> {
    if !file.exists() {
        return Err(RootError::Incomplete(file.to_owned()));
    }
    let io = |error| RootError::Io(file.to_owned(), error);
    let found = fs::metadata(file).map_err(io)?;
    // Whose process this is; where the system does not say, the file counts as ours.
    let ours = fs::metadata("/proc/self").map_or(true, |own| own.uid() == found.uid());
    if !is_private(found.permissions().mode(), ours) {
        return Err(RootError::Readable(file.to_owned()));
    }
    let text = Zeroizing::new(fs::read_to_string(file).map_err(io)?);
    let line = text.lines().find(|line| !line.starts_with('#') && !line.trim().is_empty()).unwrap_or_default();
    let secret = Zeroizing::new(unhex(line.trim()).unwrap_or_default());
    if secret.len() == 32 { Ok(array(&secret)) } else { Err(RootError::Damaged(file.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mounted_secret_may_be_read_by_its_group_and_by_nobody_else() {
        for (mode, ours, private) in [
            (0o600, true, true),
            (0o400, false, true),
            (0o440, false, true),
            (0o440, true, false),
            (0o460, false, false),
            (0o444, false, false),
            (0o644, false, false),
        ] {
            assert_eq!(is_private(0o100_000 | mode, ours), private, "{mode:o} {ours}");
        }
    }
}
