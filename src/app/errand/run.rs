//! Errands at work: a job takes one at a time, looks at it or does it with the rights of whoever asked, says how far it is, and
//! keeps it while it lives. One that a kill cut off is taken again, and goes on where it was left.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use uuid::Uuid;

use super::report::Found;
use super::{task, with_rights_of};
use crate::app::institution_life::{Opening, Split};
use crate::app::org_ref::OrgRef;
use crate::app::relation_claim::Decider;
use crate::app::roster_import::Login;
use crate::app::work::{Housekeeping, Outcome, Work};
use crate::app::{App, Ctx, Error, Kind, access, pace, roster_import, school_year};
use crate::domain::access::TaskName;
use crate::domain::audit::{Action, Actor};
use crate::domain::id::{AdminGrantId, PersonId, new_uuid};
use crate::domain::registry::division::Division;
use crate::domain::registry::errand::{Errand, ErrandKind, ErrandState, PlaceWish, SplitWish, TRIES, Wish, YearWish};
use crate::domain::registry::institution_life::ChangeKind;
use crate::domain::registry::roster::ClassKey;
use crate::store::admin_grants;
use crate::store::db::Tx;
use crate::store::errands::{self, What};

/// Nobody else takes it while it was heard of within so long.
pub(super) const KEPT: Duration = Duration::from_secs(30);
const BEAT: Duration = Duration::from_secs(1);
/// So many times in turn it may fail to be heard of: each may wait ten seconds for others.
const MISSED: u32 = 2;
/// After others were in the way it rests for so long.
const REST: Duration = Duration::from_secs(10);

/// How far it is, as those say who do it.
#[derive(Clone, Default)]
struct Progress(Arc<[AtomicU64; 2]>);

impl Progress {
    fn told(&self) -> (u64, u64) {
        (self.0[0].load(Ordering::Relaxed), self.0[1].load(Ordering::Relaxed))
    }

    fn tell(&self, done: u64, total: u64) {
        self.0[0].store(done, Ordering::Relaxed);
        self.0[1].store(total, Ordering::Relaxed);
    }
}

struct Reader {
    progress: Progress,
    size: u64,
}

impl roster_import::Listener for Reader {
    fn progress(&mut self, bytes: u64, _rows: u64) {
        self.progress.tell(bytes, self.size);
    }

    fn login(&mut self, _login: &Login) -> std::io::Result<()> {
        Ok(())
    }
}

impl pace::Listener for Reader {
    fn progress(&mut self, done: u64, total: u64) {
        self.progress.tell(done, total);
    }
}

/// How a step ended.
enum Ended {
    Worked(Result<Found, Error>),
    /// It was cancelled, or somebody else works on it by now.
    Gone,
    /// Whoever asked has not the rights any more that she had when it began.
    RightsLost,
}

/// By which change of which institutions a confirmed errand is done, where it is about such.
fn change_of(errand: &Errand) -> Option<(ChangeKind, (&str, &str))> {
    let kind = errand.kind.change().filter(|_| errand.state == ErrandState::Confirmed)?;
    Some((kind, errand.wish.org().zip(errand.wish.to())?))
}

/// The division that is wished.
pub(super) fn division_of(text: &str) -> Result<Division, Error> {
    text.parse().map_err(|_| Error::invalid("a division has six digits (GB/T 2260)"))
}

impl App {
    /// Works on one errand, if one waits; `false`: none did.
    ///
    /// # Errors
    /// A failed store: it is taken again then.
    pub async fn run_errand(&self) -> Result<bool, Error> {
        let now = self.now();
        // Looked for first: SQLite's writer is not asked every two seconds for nothing.
        if errands::count_waiting(&mut self.db.read().await?, &task(), now).await? == 0 {
            return Ok(false);
        }
        let name = new_uuid(now, &*self.random);
        let mut tx = self.housekeeping(Housekeeping::Errand).await?;
        let taken = errands::take(&mut tx, &task(), name, now, now.plus(KEPT)).await?;
        tx.commit().await?;
        let Some(errand) = taken else { return Ok(false) };
        if errand.runs > TRIES {
            let why = "已重试五次仍未完成，请联系系统运维人员查看日志。It was begun five times and came to no end: ask whoever runs this \
                 installation to look at the log";
            let far = (errand.done, errand.total);
            self.end_step(&errand, name, far, Err(Error::new(Kind::Conflict, why))).await?;
            return Ok(true);
        }
        let rights = self.rights_behind(&mut self.db.read().await?, errand.asked_by).await?;
        let progress = Progress::default();
        progress.tell(0, errand.total);
        let begun = !rights.is_empty();
        let ended = if begun {
            tokio::select! {
                worked = self.work_on(&errand, &progress) => Ended::Worked(worked),
                ended = self.keep(&errand, name, &progress, &rights) => ended?,
            }
        } else {
            Ended::RightsLost
        };
        match ended {
            Ended::Gone => self.stop_cancelled(&errand).await?,
            Ended::RightsLost => {
                let why =
                    "办理权限已终止，已办部分保留。The rights that it was begun with have ended; what was done stays";
                // Those over what was merged ended with it: then it is done.
                let ctx = Ctx::task(self, "errand");
                let done = if begun || errand.runs > 1 { self.done_before(&ctx, &errand).await? } else { None };
                let done = done.ok_or_else(|| Error::new(Kind::Conflict, why));
                self.end_step(&errand, name, progress.told(), done).await?;
            }
            // Others were in the way: it rests a moment, and goes on.
            Ended::Worked(Err(error)) if error.kind == Kind::Busy => {
                tracing::warn!(reason = %error.internal, "an errand rests");
                let mut tx = self.housekeeping(Housekeeping::Errand).await?;
                errands::release(&mut tx, &task(), (errand.id, name), self.now().plus(REST)).await?;
                tx.commit().await?;
            }
            Ended::Worked(found) => self.end_step(&errand, name, progress.told(), found).await?,
        }
        Ok(true)
    }

    async fn work_on(&self, errand: &Errand, progress: &Progress) -> Result<Found, Error> {
        // Entries of everything that it does carry its id.
        let ctx = Ctx { request_id: errand.id.0, ..Ctx::task(self, "errand") };
        let ctx = ctx.acting(Actor::Person { id: errand.asked_by });
        let by = with_rights_of(errand.asked_by);
        let dry = errand.state == ErrandState::Checking;
        if errand.runs > 1
            && let Some(done) = self.done_before(&ctx, errand).await?
        {
            return Ok(done);
        }
        let mut reader = Reader { progress: progress.clone(), size: errand.size };
        if let Some(kind) = errand.kind.roster() {
            let file = Cursor::new(self.filed(errand).await?);
            return Ok(self.import_roster_as(&ctx, errand.asked_by, kind, file, dry, &mut reader).await?.into());
        }
        match &errand.wish {
            Wish::Roster => Err(Error::internal("a roster of no kind")),
            Wish::Year(wish) => self.turn(&ctx, by, errand.kind, wish, dry, &mut reader).await,
            Wish::Place(wish) => self.place(&ctx, by, errand.kind, wish, dry, &mut reader).await,
            Wish::Split(wish) => {
                let split = self.split_of(wish)?;
                match dry {
                    true => Ok(self.preview_split(&ctx, by, &split).await?.into()),
                    false => Ok(self.split_institution(&ctx, by, &split, &mut reader).await?.into()),
                }
            }
        }
    }

    /// What an errand about institutions, or to take a year back, came to, where it was done and a kill left no time to say so.
    async fn done_before(&self, ctx: &Ctx, errand: &Errand) -> Result<Option<Found>, Error> {
        if let (ErrandKind::YearUndo, ErrandState::Confirmed, Wish::Year(wish)) =
            (errand.kind, errand.state, &errand.wish)
        {
            let by = with_rights_of(errand.asked_by);
            let undone = self.undone_before(ctx, by, &wish.org, wish.year, errand.asked_at).await;
            return match undone {
                Err(error) if error.kind == Kind::NotFound => Ok(None),
                undone => Ok(undone?.map(Found::from)),
            };
        }
        let Some((kind, codes)) = change_of(errand) else { return Ok(None) };
        Ok(self.done_change(kind, codes, errand.asked_at).await?.map(Found::from))
    }

    /// Of an errand that was cancelled in the moment in which its change began: that is turned back too.
    async fn stop_cancelled(&self, errand: &Errand) -> Result<(), Error> {
        let found = errands::find(&mut self.db.read().await?, &task(), errand.id, errand.asked_by).await?;
        if found.is_none_or(|found| found.state != ErrandState::Cancelled) {
            return Ok(());
        }
        let ctx = Ctx { request_id: errand.id.0, ..Ctx::task(self, "errand") };
        let mut work = self.begin(&ctx, Action::InstitutionChanged).await?;
        match self.turn_change_back(&mut work, &ctx, Decider::Operator, errand).await {
            Ok(true) => work.commit(Outcome::Done).await,
            // Somebody went over in that moment: it can be asked for again, and is finished then.
            Ok(false) => Ok(()),
            Err(error) if error.kind == Kind::Conflict => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Turns back what a confirmed errand began with institutions, if that is under way and this decider's to stop. Part of a
    /// larger change.
    ///
    /// # Errors
    /// `Conflict` where somebody went over already.
    pub(super) async fn turn_change_back(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        by: Decider,
        errand: &Errand,
    ) -> Result<bool, Error> {
        let Some((kind, codes)) = change_of(errand) else { return Ok(false) };
        let task = access::task(TaskName::InstitutionLife);
        self.lock_tree(work).await?;
        let Some(change) = self.running_change(work.tx(), &task, kind, codes).await? else { return Ok(false) };
        match self.governed_unheld(work.tx(), ctx, &task, by, &OrgRef::Id(change.org)).await {
            Err(error) if error.kind == Kind::NotFound => return Ok(false),
            other => drop(other?),
        }
        self.turn_back(work, ctx, &task, change).await?;
        self.wake.errands.notify_one();
        Ok(true)
    }

    async fn turn(
        &self,
        ctx: &Ctx,
        by: Decider,
        kind: ErrandKind,
        YearWish { org, year, open }: &YearWish,
        dry: bool,
        reader: &mut Reader,
    ) -> Result<Found, Error> {
        let wish = school_year::Wish { dry, open: *open };
        match (kind, dry) {
            (ErrandKind::YearUndo, true) => Ok(self.preview_undo(ctx, by, org, *year).await?.into()),
            (ErrandKind::YearUndo, false) => Ok(self.undo_year(ctx, by, org, *year, reader).await?.into()),
            _ => Ok(self.turn_year(ctx, by, org, *year, wish, reader).await?.into()),
        }
    }

    async fn place(
        &self,
        ctx: &Ctx,
        by: Decider,
        kind: ErrandKind,
        PlaceWish { org, to, division }: &PlaceWish,
        dry: bool,
        reader: &mut Reader,
    ) -> Result<Found, Error> {
        let change = if kind == ErrandKind::InstitutionMerge { ChangeKind::Merged } else { ChangeKind::Closed };
        match (kind, dry) {
            (ErrandKind::InstitutionMove, true) => Ok(self.preview_move(ctx, by, org, to).await?.into()),
            (ErrandKind::InstitutionMove, false) => {
                let division = division.as_deref().map(division_of).transpose()?;
                Ok(self.move_institution(ctx, by, org, to, division, reader).await?.into())
            }
            (_, true) => Ok(self.preview_handover(ctx, by, (org, to), change).await?.into()),
            (_, false) => Ok(self.hand_over_institution(ctx, by, org, to, change, reader).await?.into()),
        }
    }

    fn split_of(&self, wish: &SplitWish) -> Result<Split, Error> {
        let today = self.now().shanghai_date();
        let classes: Option<Vec<_>> = wish.classes.iter().map(|class| ClassKey::parse(class, today)).collect();
        let classes = classes.ok_or_else(|| Error::invalid("a class is 学段/入学年份/班级, as in 小学/2024/2班"))?;
        let opening = Opening {
            code: wish.code.clone(),
            uscc: None,
            name: wish.name.clone(),
            kind: wish.kind,
            division: None,
            school_type: None,
        };
        Ok(Split { code: wish.org.clone(), opening, classes })
    }

    /// Says how far it is, until there is a reason to stop.
    async fn keep(
        &self,
        errand: &Errand,
        name: Uuid,
        progress: &Progress,
        rights: &BTreeSet<AdminGrantId>,
    ) -> Result<Ended, Error> {
        let mut missed = 0;
        loop {
            tokio::time::sleep(BEAT).await;
            match self.beat(errand, name, progress, rights).await {
                Ok(None) => missed = 0,
                Ok(Some(ended)) => return Ok(ended),
                // Others are in the way, or a connection broke: it is still ours for a while, and is said again.
                Err(error) if error.kind == Kind::Busy && missed < MISSED => missed += 1,
                Err(error) => return Err(error),
            }
        }
    }

    async fn beat(
        &self,
        errand: &Errand,
        name: Uuid,
        progress: &Progress,
        rights: &BTreeSet<AdminGrantId>,
    ) -> Result<Option<Ended>, Error> {
        if !self.rights_behind(&mut self.db.read().await?, errand.asked_by).await?.is_superset(rights) {
            return Ok(Some(Ended::RightsLost));
        }
        let mut tx = self.housekeeping(Housekeeping::Errand).await?;
        let until = self.now().plus(KEPT);
        if !errands::beat(&mut tx, &task(), (errand.id, name), progress.told(), until).await? {
            return Ok(Some(Ended::Gone));
        }
        tx.commit().await?;
        Ok(None)
    }

    /// The grants that somebody acts with now; none when she could not sign in to act.
    async fn rights_behind(&self, tx: &mut Tx, asker: PersonId) -> Result<BTreeSet<AdminGrantId>, Error> {
        if !self.acts_still(tx, &task(), asker).await? {
            return Ok(BTreeSet::new());
        }
        Ok(admin_grants::live(tx, asker, self.now()).await?.into_iter().map(|grant| grant.id).collect())
    }

    /// Writes what a step came to, unless it was taken from us meanwhile.
    async fn end_step(
        &self,
        errand: &Errand,
        name: Uuid,
        (done, total): (u64, u64),
        found: Result<Found, Error>,
    ) -> Result<(), Error> {
        let ctx = Ctx { request_id: errand.id.0, ..Ctx::task(self, "errand") };
        let what = if errand.state == ErrandState::Checking { What::Plan } else { What::Result };
        if let Ok(found) = &found
            && !self.keep_faults((errand.id, name), (done, total), what, found).await?
        {
            return Ok(());
        }
        let mut work = self.begin(&ctx, Action::ErrandWorked).await?;
        let until = ctx.now.plus(KEPT);
        let Some(held) = errands::hold(work.tx(), &task(), errand.id).await? else { return Ok(()) };
        if !errands::beat(work.tx(), &task(), (errand.id, name), (done, total), until).await? {
            return Ok(());
        }
        let held = Errand { done, total, ..held };
        let ended = match found {
            Ok(found) => {
                self.keep_report(&mut work, errand.id, what, &found).await?;
                match found.refused {
                    Some(why) => held.failed(why, ctx.now),
                    None => held.worked(ctx.now),
                }
            }
            Err(error) => {
                tracing::info!(request_id = %errand.id.0, reason = %error.internal, "an errand was not done");
                held.failed(error.public, ctx.now)
            }
        };
        self.change_errand(work, ended.map_err(super::refused)?).await
    }
}
