//! What a platform serves, and looking at everybody anew when that changes or its stream stood still. A stream breaks at once
//! and is whole again when everybody was looked at, in steps, so that neither sign-ins nor the sequencer wait for a province (R15).

use std::collections::BTreeSet;

use super::consent::notices_of;
use super::relation_claim::Decider;
use super::work::{Housekeeping, Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{OnePerson as _, Platform, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{ClientId, PersonId};
use crate::domain::oidc::client::Client;
use crate::store::db::Tx;
use crate::store::feeds;
use crate::store::{books, clients, institutions};

/// How many people are looked at in one step.
const STEP: i64 = 200;
/// How often the sequencer's lock is asked for, with pauses in between.
const TRIES: u32 = 200;

impl App {
    /// Lets a platform serve an institution and everything under it, or ends that. Its stream begins anew: whoever reads it
    /// takes a snapshot, and knows nobody else from then on. `false` when it was so already.
    ///
    /// # Errors
    /// `NotFound` for an unknown client or institution; `Invalid` for a client that is no platform; `Conflict` for one that
    /// another institution answers for, which does not stand above.
    pub async fn set_reach(&self, ctx: &Ctx, client: ClientId, org_code: &str, serves: bool) -> Result<bool, Error> {
        let (task, ctx) = (access::task(TaskName::OperatorCommand), Decider::Operator.acting(ctx));
        let mut work = self.begin_beside_sequencer(&ctx, Action::ReachChanged).await?;
        let found = clients::find(work.tx(), client).await?.ok_or_else(|| Error::not_found("the client"))?;
        let platform = access::platform(&found)
            .ok_or_else(|| Error::invalid("only platforms of the system that are in use serve institutions"))?;
        let org = institutions::by_code(work.tx(), &task, org_code).await?;
        let org = org.ok_or_else(|| Error::no_institution(org_code))?;
        if serves
            && let Some(own) = found.org
            && institutions::depth(work.tx(), &task, own, org.id).await?.is_none()
        {
            return Err(Error::new(
                Kind::Conflict,
                "those who keep this platform know its secret, and with it would read beyond their institution: assign it to one above first (`mingji client assign`), and give it a new secret",
            ));
        }
        let changed = match serves {
            true => feeds::add_reach(work.tx(), &platform, org.id, ctx.now).await?,
            false => feeds::end_reach(work.tx(), &platform, org.id).await?,
        };
        if !changed {
            return Ok(false);
        }
        feeds::begin_anew(work.tx(), &platform, notice_for(&found)).await?;
        work.target("client", client).target("institution", org.id).detail("serves", serves);
        work.commit(Outcome::Done).await?;
        self.rebuild_stream(client).await?;
        Ok(true)
    }

    /// Begins a change while the sequencer is not at work: it must not tell of anybody while a stream breaks.
    pub(super) async fn begin_beside_sequencer<'a>(&'a self, ctx: &'a Ctx, action: Action) -> Result<Work<'a>, Error> {
        for attempt in 1..=TRIES {
            let mut work = self.begin(ctx, action).await?;
            if books::lock_sequencer(work.tx()).await? {
                return Ok(work);
            }
            drop(work);
            self.pause(attempt).await;
        }
        Err(Error::busy("the sequencer is at work"))
    }

    /// Breaks the stream of a client that has one and may be read again: what happened while it was not is in no row of it.
    /// [`App::rebuild_stream`] follows the commit.
    pub(super) async fn break_stream(&self, tx: &mut Tx, client: ClientId) -> Result<(), Error> {
        if let Some((found, platform)) = self.streaming(tx, client).await? {
            feeds::begin_anew(tx, &platform, notice_for(&found)).await?;
        }
        Ok(())
    }

    /// The same where guardians agreed to another text than the client has by now: their receipts stopped counting, and no event
    /// of anybody says so.
    pub(super) async fn break_stale_stream(&self, tx: &mut Tx, client: ClientId) -> Result<(), Error> {
        let Some((found, platform)) = self.streaming(tx, client).await? else { return Ok(()) };
        let Some(before) = feeds::notice(tx, &platform).await? else { return Ok(()) };
        let now = notice_for(&found);
        let texts: BTreeSet<&str> = now.iter().flat_map(|now| now.split(' ')).collect();
        let old: BTreeSet<&str> = before.split(' ').filter(|text| !text.is_empty()).collect();
        if old.is_empty() != texts.is_empty() || !old.is_subset(&texts) {
            feeds::begin_anew(tx, &platform, now).await?;
        } else if old != texts {
            // An heir answers for it: what was agreed to goes on counting, and nobody is to be looked at anew.
            feeds::set_notice(tx, &platform, now.as_deref().unwrap_or_default()).await?;
        }
        Ok(())
    }

    async fn streaming(&self, tx: &mut Tx, client: ClientId) -> Result<Option<(Client, Platform)>, Error> {
        let found = clients::find(tx, client).await?;
        Ok(found.and_then(|client| access::platform(&client).map(|platform| (client, platform))))
    }

    /// Looks at everybody whom a platform may know of, until its stream is whole again.
    pub(super) async fn rebuild_stream(&self, client: ClientId) -> Result<(), Error> {
        let mut waited = 0;
        loop {
            match self.rebuild_step(client).await? {
                Step::Whole => return Ok(()),
                Step::Further => waited = 0,
                Step::Locked if waited < TRIES => {
                    waited += 1;
                    self.pause(waited).await;
                }
                Step::Locked => return Err(Error::busy("the sequencer is at work")),
            }
        }
    }

    /// Part of upkeep: streams whose rebuilding a stop cut short, and those of clients whose notice is another one by now, with a
    /// release of ours or by what they show of themselves.
    pub(super) async fn rebuild_streams(&self) -> Result<(), Error> {
        for client in feeds::streams(&mut self.db.read().await?).await? {
            let mut tx = self.housekeeping(Housekeeping::Sequencer).await?;
            if books::lock_sequencer(&mut tx).await? {
                self.break_stale_stream(&mut tx, client).await?;
                tx.commit().await?;
            }
        }
        let streams = feeds::rebuilding(&mut self.db.read().await?).await?;
        for client in streams {
            self.rebuild_stream(client).await?;
        }
        Ok(())
    }

    /// One step. Under the sequencer's lock: whatever changed before it is seen by it, and whatever changes after it is told.
    async fn rebuild_step(&self, client: ClientId) -> Result<Step, Error> {
        let now = self.now();
        let mut tx = self.housekeeping(Housekeeping::Sequencer).await?;
        if !books::lock_sequencer(&mut tx).await? {
            return Ok(Step::Locked);
        }
        let found = clients::find(&mut tx, client).await?;
        let Some((client, platform)) = found.as_ref().and_then(|client| Some((client, access::platform(client)?)))
        else {
            return Ok(Step::Whole);
        };
        let stream = feeds::stream(&mut tx, &platform).await?;
        let Some(after) = stream.and_then(|stream| stream.rebuilding_after) else { return Ok(Step::Whole) };
        let batch = feeds::reached(&mut tx, &platform, now.shanghai_date(), after, STEP).await?;
        let next = match batch.last() {
            Some(last) => {
                let may: Vec<PersonId> =
                    self.reached(&mut tx, client, &batch, now).await?.iter().map(|one| one.person()).collect();
                feeds::leave_between(&mut tx, &platform, after, *last).await?;
                feeds::enter(&mut tx, &platform, &may).await?;
                Some(*last)
            }
            // Behind the last of them nobody is known any more.
            None if feeds::leave_beyond(&mut tx, &platform, after, STEP).await? > 0 => Some(after),
            None => None,
        };
        feeds::rebuilt_to(&mut tx, &platform, next).await?;
        tx.commit().await?;
        Ok(if next.is_some() { Step::Further } else { Step::Whole })
    }
}

/// The texts to which guardians agreed, where the client needs their word, in one order.
fn notice_for(client: &Client) -> Option<String> {
    (!client.is_statutory()).then(|| BTreeSet::from_iter(notices_of(client)).into_iter().collect::<Vec<_>>().join(" "))
}

/// What a step came to.
enum Step {
    /// There is nothing left to look at.
    Whole,
    /// There may be more.
    Further,
    /// The sequencer is at work.
    Locked,
}
