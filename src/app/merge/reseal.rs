//! What is sealed under the salt of one record is sealed anew under the other's.

use super::{App, Error, Kind, Merge, Work, merge};
use crate::domain::access::Task;
use crate::domain::id::PersonId;
use crate::domain::registry::person::Person;
use crate::store::merge_changes::{self, Change};
use crate::store::merge_seals::{self, SEALED, Sealed};

impl App {
    /// Seals what somebody has with another salt than before.
    pub(super) async fn reseal_rows(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        of: PersonId,
        from: &Person,
        to: &Person,
    ) -> Result<(), Error> {
        for column in SEALED {
            for sealed in merge_seals::sealed(work.tx(), task, column, of).await? {
                let bytes = self.resealed(from, to, column.table, column.column, sealed.row, sealed.row, &sealed)?;
                merge_seals::reseal(work.tx(), task, column, Sealed { row: sealed.row, bytes }).await?;
            }
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "a sealed value has as many coordinates, before and after")]
    pub(super) fn resealed(
        &self,
        from: &Person,
        to: &Person,
        table: &str,
        column: &str,
        row: uuid::Uuid,
        new_row: uuid::Uuid,
        sealed: &Sealed,
    ) -> Result<Vec<u8>, Error> {
        let (Some(old), Some(new)) = (&from.salt, &to.salt) else {
            return Err(Error::new(Kind::Conflict, merge::MergeError::Gone.to_string()));
        };
        let plain = self.sealer.open_column(old.expose(), table, column, row, &sealed.bytes)?;
        Ok(self.sealer.seal_column(new.expose(), table, column, new_row, &plain, &*self.random)?)
    }

    /// The profile that she gave herself; the survivor's own goes before.
    pub(super) async fn move_profile(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        merge: &Merge,
        from: &Person,
        to: &Person,
    ) -> Result<(), Error> {
        if merge_seals::profile(work.tx(), task, to.id).await?.is_some() {
            return Ok(());
        }
        let Some(sealed) = merge_seals::profile(work.tx(), task, from.id).await? else { return Ok(()) };
        let bytes = self.resealed(from, to, "profile", "claims_sealed", from.id.0, to.id.0, &sealed)?;
        merge_seals::move_profile(work.tx(), task, from.id, to.id, bytes).await?;
        let moved = Change::new("profile.person_id", from.id, from.id.to_string(), to.id.to_string());
        Ok(merge_changes::note(work.tx(), task, merge.id, &[moved]).await?)
    }
}
