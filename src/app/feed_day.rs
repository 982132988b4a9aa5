//! What a day brings about by itself, without anybody's change: a fourteenth year is complete, a stay or post that was recorded
//! before begins. Streams are told by events like all others, once a day; days on which nobody was there are made up for.

use super::work::{Housekeeping, Outcome};
use super::{App, Ctx, Error};
use crate::domain::audit::Action;
use crate::domain::id::PersonId;
use crate::domain::registry::age;
use crate::domain::time::Timestamp;
use crate::store::feeds::{self, Between};

/// How many people are told of in one transaction.
const AT_ONCE: usize = 200;

impl App {
    /// Part of upkeep.
    pub(super) async fn tell_of_the_day(&self, now: Timestamp) -> Result<(), Error> {
        let today = now.shanghai_date();
        let mut tx = self.db.read().await?;
        let last = feeds::last_day(&mut tx, today).await?;
        if last.is_some_and(|last| last >= today) {
            return Ok(());
        }
        // Where no stream is read nobody is told, and the first day tells of none before it.
        if let Some(last) = last.filter(|last| *last < today)
            && !feeds::streams(&mut tx).await?.is_empty()
        {
            let born = Between { from: age::fourteen_if_born_before(last), until: age::fourteen_if_born_before(today) };
            let turned = feeds::born(&mut tx, &born).await?;
            let begun = feeds::begun(&mut tx, &Between { from: last, until: today }).await?;
            drop(tx);
            self.tell_all(&turned, "age_band").await?;
            self.tell_all(&begun, "identities").await?;
        }
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        feeds::keep_day(&mut tx, today).await?;
        Ok(tx.commit().await?)
    }

    async fn tell_all(&self, people: &[PersonId], field: &'static str) -> Result<(), Error> {
        let ctx = Ctx::task(self, "feed day");
        for some in people.chunks(AT_ONCE) {
            let mut work = self.begin(&ctx, Action::DayTurned).await?;
            for person in some {
                work.event("person", *person, "person.changed", &[field]);
            }
            work.detail("people", some.len()).detail("field", field);
            work.commit(Outcome::Done).await?;
        }
        Ok(())
    }
}
