//! Files that are not yet what they will be: of a fixed name, so that the next run takes away what a kill left behind,
//! and locked, so that there is one run at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::app::{Error, Kind};

/// An empty file that only its owner reads, taken away when this is dropped. Fields are dropped in order: the names go
/// before the lock, so that nobody claims a file that is about to vanish.
pub(super) struct Draft {
    path: TempPath,
    company: Company,
    file: File,
}

/// What SQLite and we lay beside a database while it is open. A log that a kill left there would be read into the next
/// database of that name.
struct Company([PathBuf; 4]);

impl Company {
    fn of(path: &Path) -> Self {
        Self(["-journal", "-wal", "-shm", "-queue"].map(|ending| beside(path, ending)))
    }

    fn send_away(&self) -> io::Result<()> {
        self.0.iter().filter(|file| file.exists()).try_for_each(std::fs::remove_file)
    }
}

impl Drop for Company {
    fn drop(&mut self) {
        // What stays is sent away by the next run, which fails where it cannot.
        let _ = self.send_away();
    }
}

impl Draft {
    /// Claims a name.
    ///
    /// # Errors
    /// `Conflict`, told as `otherwise`, while another process has it; failed files.
    pub(super) fn claim(path: &Path, otherwise: &str) -> Result<Self, Error> {
        let io = named(path);
        let file = loop {
            if let Some(file) = hold(open(path)?, path, otherwise)? {
                break file;
            }
        };
        let company = Company::of(path);
        company.send_away().and_then(|()| file.set_len(0)).map_err(&io)?;
        Ok(Self { path: TempPath::try_from_path(path).map_err(&io)?, company, file })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// To write to and read from.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Gives it its name when what is in it has reached the disk, never over another file.
    ///
    /// # Errors
    /// Failed files; a file of that name.
    pub(super) fn become_file(self, path: &Path) -> Result<(), Error> {
        let io = named(path);
        self.company.send_away().and_then(|()| self.file.sync_all()).map_err(&io)?;
        self.path.persist_noclobber(path).map_err(|fault| io(fault.error))?;
        sync_folder_of(path).map_err(io)
    }
}

fn open(path: &Path) -> Result<File, Error> {
    let opened = OpenOptions::new().write(true).read(true).create(true).truncate(false).mode(0o600).open(path);
    opened.map_err(named(path))
}

/// Locks an open draft. `None` when it is not what lies at the path any more: between opening and locking, the run
/// before gave it its name. It is then somebody's database, and must not be emptied.
fn hold(file: File, path: &Path, otherwise: &str) -> Result<Option<File>, Error> {
    let io = named(path);
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Error::new(Kind::Conflict, otherwise)),
        Err(TryLockError::Error(fault)) => return Err(io(fault)),
    }
    let held = file.metadata().map_err(&io)?;
    match std::fs::symlink_metadata(path) {
        Ok(there) if (there.dev(), there.ino()) == (held.dev(), held.ino()) => Ok(Some(file)),
        Ok(there) if there.is_symlink() => Err(Error::invalid(format!("{}: it is a link: remove it", path.display()))),
        Ok(_) => Ok(None),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(io(fault)),
    }
}

/// A folder that was made for the occasion, and is taken away again unless it is kept.
pub(super) struct Made(Option<PathBuf>);

impl Made {
    /// Makes the folder of a file, for its owner alone, where it is missing.
    ///
    /// # Errors
    /// Failed files.
    pub(super) fn folder_of(file: &Path) -> Result<Self, Error> {
        let folder = folder_of(file);
        if folder.exists() {
            return Ok(Self(None));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(named(folder))?;
        Ok(Self(Some(folder.to_owned())))
    }

    /// Something is in it now.
    pub(super) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // One that is not empty stays, which is right.
        let _ = self.0.take().map(std::fs::remove_dir);
    }
}

/// The folder that a file is in.
pub(super) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// A new name is on the disk when its folder is.
///
/// # Errors
/// Whatever the file system says.
pub fn sync_folder_of(file: &Path) -> io::Result<()> {
    File::open(folder_of(file)).and_then(|folder| folder.sync_all())
}

/// The path with something at its end.
pub(super) fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// What a file's fault is told as.
pub(super) fn named(path: &Path) -> impl Fn(io::Error) -> Error {
    move |fault| Error::invalid(format!("{}: {fault}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: &str = "another run is there";

    #[test]
    fn a_draft_that_got_its_name_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, database) = (folder.path().join("x.restoring"), folder.path().join("x.db"));
        // The next run opens it, the run before gives it its name and ends.
        let mut before = Draft::claim(&path, BUSY).unwrap();
        io::Write::write_all(&mut before.file, b"the register").unwrap();
        let opened = open(&path).unwrap();
        assert_eq!(hold(open(&path).unwrap(), &path, BUSY).unwrap_err().kind, Kind::Conflict, "while it is held");
        before.become_file(&database).unwrap();
        assert!(hold(opened, &path, BUSY).unwrap().is_none(), "the name is free");
        let opened = open(&database).unwrap();
        std::fs::write(&path, "of a third run").unwrap();
        assert!(hold(opened, &path, BUSY).unwrap().is_none(), "the name is another file's");

        let draft = Draft::claim(&path, BUSY).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"", "what a kill left behind is emptied");
        drop(draft);
        assert_eq!(std::fs::read(&database).unwrap(), b"the register");
    }

    #[test]
    fn a_link_is_not_followed_to_what_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("x-backup"), folder.path().join("other"));
        std::fs::write(&other, "of somebody").unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        assert_eq!(Draft::claim(&path, BUSY).map(drop).unwrap_err().kind, Kind::Invalid);
        assert_eq!(std::fs::read(&other).unwrap(), b"of somebody");
    }
}
