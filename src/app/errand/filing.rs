//! The file of an errand, part by part: nothing of it is ever in one piece on its way in, and each part is sealed (R7).

use uuid::Uuid;
use zeroize::{Zeroize as _, Zeroizing};

use super::{ErrandView, binding, refused, task};
use crate::app::relation_claim::Decider;
use crate::app::work::Housekeeping;
use crate::app::{App, Ctx, Error};
use crate::domain::audit::Action;
use crate::domain::id::{ErrandId, new_uuid};
use crate::domain::registry::errand::{Errand, ErrandError, ErrandState, LARGEST};
use crate::store::errands::{self, Part, What};

const SEAL: &str = "errand part";
/// Bytes of a part: a transaction of a few milliseconds.
const PART: usize = 64 * 1024;
/// Parts that are read at once.
const READ: i64 = 16;

/// A file on its way in.
pub struct Filing {
    app: App,
    ctx: Ctx,
    by: Decider,
    id: ErrandId,
    name: Uuid,
    waiting: Vec<u8>,
    parts: i64,
    size: u64,
}

impl App {
    /// Begins to take the file of an errand. Whoever began before and is not done is too late then.
    ///
    /// # Errors
    /// `NotFound` for one that is not hers; `Conflict` for one that takes no file.
    pub async fn file_errand(&self, ctx: &Ctx, by: Decider, id: ErrandId) -> Result<Filing, Error> {
        let errand = self.errand_of(by, id).await?;
        let name = new_uuid(ctx.now, &*self.random);
        if errand.state != ErrandState::Open {
            return Err(refused(ErrandError::NoFile));
        }
        let mut tx = self.housekeeping(Housekeeping::Errand).await?;
        if !errands::begin_file(&mut tx, &task(), id, name).await? {
            return Err(refused(ErrandError::NoFile));
        }
        tx.commit().await?;
        let ctx = by.acting(ctx);
        Ok(Filing { app: self.clone(), ctx, by, id, name, waiting: Vec::new(), parts: 0, size: 0 })
    }

    /// The file of an errand.
    pub(super) async fn filed(&self, errand: &Errand) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut whole = Zeroizing::new(Vec::with_capacity(usize::try_from(errand.size).map_err(Error::internal)?));
        let mut next = 0;
        loop {
            let mut tx = self.db.read().await?;
            let parts = errands::parts(&mut tx, &task(), errand.id, What::File, next, READ).await?;
            drop(tx);
            if parts.is_empty() {
                break;
            }
            for part in parts {
                next = part.n + 1;
                whole.extend_from_slice(&self.open_part(errand.id, What::File, &part)?);
            }
        }
        match u64::try_from(whole.len()) {
            Ok(size) if size == errand.size => Ok(whole),
            _ => Err(Error::internal("the file of an errand is not whole")),
        }
    }

    pub(super) fn seal_part(&self, id: ErrandId, what: What, n: i64, plain: &[u8]) -> Result<Part, Error> {
        let sealed = self.sealer.seal_state(SEAL, &binding(id, what, n), plain, &*self.random)?;
        Ok(Part { n, sealed })
    }

    pub(super) fn open_part(&self, id: ErrandId, what: What, part: &Part) -> Result<Zeroizing<Vec<u8>>, Error> {
        Ok(Zeroizing::new(self.sealer.open_state(SEAL, &binding(id, what, part.n), &part.sealed)?))
    }
}

impl Filing {
    /// Takes the next bytes; `false`, and they were not taken, when the file is larger than any may be.
    ///
    /// # Errors
    /// `Conflict` when somebody files anew; a failed store.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        self.size += u64::try_from(bytes.len()).map_err(Error::internal)?;
        if self.size > LARGEST {
            return Ok(false);
        }
        self.waiting.extend_from_slice(bytes);
        while self.waiting.len() >= PART {
            let rest = self.waiting.split_off(PART);
            self.keep().await?;
            self.waiting = rest;
        }
        Ok(true)
    }

    /// The file is whole: it is looked at then.
    ///
    /// # Errors
    /// As [`Filing::push`].
    pub async fn end(&mut self) -> Result<ErrandView, Error> {
        if !self.waiting.is_empty() {
            self.keep().await?;
        }
        let mut work = self.app.begin(&self.ctx, Action::ErrandFiled).await?;
        let errand = self.app.held_errand(&mut work, self.by, self.id).await?;
        // Somebody may have begun anew since the last part.
        if errands::files_still(work.tx(), &task(), self.id, self.name).await? {
            work.detail("bytes", self.size);
            let errand = errand.filed(self.size).map_err(refused)?;
            let view = self.app.errand_view(work.tx(), &errand).await?;
            self.app.change_errand(work, errand).await?;
            self.app.wake.errands.notify_one();
            return Ok(view);
        }
        Err(refused(ErrandError::NoFile))
    }

    async fn keep(&mut self) -> Result<(), Error> {
        let part = self.app.seal_part(self.id, What::File, self.parts, &self.waiting)?;
        self.waiting.zeroize();
        let mut tx = self.app.housekeeping(Housekeeping::Errand).await?;
        if !errands::add_file_part(&mut tx, &task(), self.id, self.name, part).await? {
            return Err(refused(ErrandError::NoFile));
        }
        self.parts += 1;
        Ok(tx.commit().await?)
    }
}

impl Drop for Filing {
    fn drop(&mut self) {
        self.waiting.zeroize();
    }
}
