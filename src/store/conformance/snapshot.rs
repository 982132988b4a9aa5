//! Copies of the embedded database. PostgreSQL has none of this.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::support;
use crate::domain::time::Timestamp;
use crate::store::db::Db;
use crate::store::{facts, snapshot};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

async fn set(db: &Db, name: &str) {
    let mut tx = db.write().await.unwrap();
    facts::set_note(&mut tx, name, "x", NOW).await.unwrap();
    tx.commit().await.unwrap();
}

async fn open(file: &Path) -> Db {
    Db::connect(&snapshot::url_of(file).unwrap()).await.unwrap()
}

async fn has(db: &Db, name: &str) -> bool {
    facts::note(&mut db.read().await.unwrap(), name).await.unwrap().is_some()
}

#[tokio::test]
async fn a_copy_needs_no_writer_and_holds_what_was_committed() {
    let (db, folder) = support::sqlite().await;
    set(&db, "before").await;
    let mut tx = db.write().await.unwrap();
    facts::set_note(&mut tx, "meanwhile", "x", NOW).await.unwrap();
    let copy = folder.path().join("a copy");
    // With the one writer taken, and no wait for it.
    snapshot::copy(&db, &copy).await.unwrap();
    tx.commit().await.unwrap();
    let copied = open(&copy).await;
    assert_eq!(snapshot::check(&copied).await.unwrap(), Ok(()));
    assert!(copied.missing_migrations().await.unwrap().is_empty());
    assert!(has(&copied, "before").await && !has(&copied, "meanwhile").await);
    assert!(has(&db, "meanwhile").await);
    assert!(snapshot::copy(&db, &copy).await.is_err(), "never over a file with something in it");
}

#[tokio::test]
async fn a_page_that_does_not_fit_is_found() {
    let (db, folder) = support::sqlite().await;
    let copy = folder.path().join("copy.db");
    snapshot::copy(&db, &copy).await.unwrap();
    let mut file = std::fs::File::options().write(true).open(&copy).unwrap();
    // The second page is the root of the first table.
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&[0xa5; 64]).unwrap();
    let verdict = snapshot::check(&open(&copy).await).await;
    assert!(!matches!(verdict, Ok(Ok(()))), "{verdict:?}");
}

#[test]
fn paths_and_addresses_are_each_others() {
    for path in ["data/mingji.db", "/var/lib/a b/名籍.db", "/odd/100%/a?b#c.db"] {
        let url = snapshot::url_of(Path::new(path)).unwrap();
        assert_eq!(snapshot::file_of(&url), Some(PathBuf::from(path)), "{url}");
    }
    assert_eq!(snapshot::file_of("sqlite://a.db?mode=rwc"), Some("a.db".into()));
    assert_eq!(snapshot::file_of("postgres://a@b/c"), None);
}
