//! Notes that belong to this installation, sealed under `root.key`.

use super::{App, Ctx, Error};

impl App {
    /// A note that belongs to this installation, sealed under `root.key`.
    ///
    /// # Errors
    /// A failed store; a note that does not open is none.
    pub async fn sealed_note(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let note = crate::store::facts::note(&mut self.db.read().await?, name).await?;
        Ok(note.and_then(|sealed| self.sealer.open_state(name, b"note", &sealed).ok()))
    }

    /// Keeps such a note.
    ///
    /// # Errors
    /// A failed store.
    pub async fn keep_sealed_note(&self, ctx: &Ctx, name: &str, plain: &[u8]) -> Result<(), Error> {
        let sealed = self.sealer.seal_state(name, b"note", plain, &*self.random)?;
        let mut tx = self.housekeeping(super::work::Housekeeping::Installation).await?;
        crate::store::facts::set_note(&mut tx, name, &sealed, ctx.now).await?;
        Ok(tx.commit().await?)
    }
}
