//! What a day brings about by itself, without anybody's change: a fourteenth year is complete, a stay or post that was recorded
//! before begins. Streams are told by events like all others, once a day; days on which nobody was there are made up for.

use chrono::NaiveDate;

use super::work::{Housekeeping, Outcome};
use super::{App, Ctx, Error};
use crate::domain::audit::Action;
use crate::domain::id::PersonId;
use crate::domain::registry::age;
use crate::domain::time::Timestamp;
use crate::store::facts;
use crate::store::feeds::{self, Between};

/// How many people are told of in one transaction.
const AT_ONCE: usize = 200;

/// The note of who was told of last.
const PLACE: &str = "feed_day_place";

/// On which day, of which of the lists, who was told of last.
type Place = (NaiveDate, usize, PersonId);

/// What a day brings, and to whom, in the order of their ids.
type Brought = [(&'static str, Vec<PersonId>); 2];

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// There may be more.
    Some,
    /// Nobody is left.
    All,
    /// Another replica is at it.
    Elsewhere,
}

impl App {
    /// Part of upkeep. Of several replicas one tells at a time, and each goes on where the last one was: so does whoever starts after a
    /// kill.
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
            let mut brought = [("age_band", turned), ("identities", begun)];
            for (_, people) in &mut brought {
                people.sort_unstable();
                people.dedup();
            }
            loop {
                match self.tell_some(today, &brought).await? {
                    Told::Some => {}
                    Told::All => break,
                    Told::Elsewhere => return Ok(()),
                }
            }
        }
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        feeds::keep_day(&mut tx, today).await?;
        facts::forget_note(&mut tx, PLACE).await?;
        Ok(tx.commit().await?)
    }

    async fn tell_some(&self, today: NaiveDate, brought: &Brought) -> Result<Told, Error> {
        let ctx = Ctx::task(self, "feed day");
        let mut work = self.begin(&ctx, Action::DayTurned).await?;
        // Whoever was quicker may be through since.
        if !feeds::lock_day(work.tx()).await?
            || feeds::last_day(work.tx(), today).await?.is_some_and(|last| last >= today)
        {
            return Ok(Told::Elsewhere);
        }
        let note = facts::note(work.tx(), PLACE).await?;
        let place = note.and_then(|note| serde_json::from_str::<Place>(&note).ok());
        // Around midnight one replica may be a day ahead, which tells of this day too. A clock that was years ahead counts for nothing.
        if place.is_some_and(|(day, ..)| Some(day) == today.succ_opt()) {
            return Ok(Told::Elsewhere);
        }
        let place = place.filter(|(day, ..)| *day == today).map(|(_, list, person)| (list, person));
        for (list, (field, people)) in brought.iter().enumerate() {
            let told = people.partition_point(|person| place.is_some_and(|place| (list, *person) <= place));
            let some = people.get(told..).and_then(|left| left.chunks(AT_ONCE).next()).unwrap_or_default();
            let Some(last) = some.last() else { continue };
            for person in some {
                work.event("person", *person, "person.changed", &[field]);
            }
            work.detail("people", some.len()).detail("field", *field);
            let place: Place = (today, list, *last);
            facts::set_note(work.tx(), PLACE, &serde_json::to_string(&place)?, ctx.now).await?;
            work.commit(Outcome::Done).await?;
            return Ok(Told::Some);
        }
        Ok(Told::All)
    }
}
