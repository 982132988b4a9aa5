//! An institution moves to another place in the tree, with everything and everybody below it. Who must not find its people
//! any more stops before the moment, and who may begins after it, so that a kill in between shows nobody too much.

use super::{Begin, outside, refused, under_way};
use crate::app::pace::{Listener, Pace};
use crate::app::relation_claim::Decider;
use crate::app::work::{Outcome, Work};
use crate::app::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{OrgId, PersonId};
use crate::domain::registry::division::Division;
use crate::domain::registry::institution::{Institution, InstitutionLevel};
use crate::domain::registry::institution_life::{ChangeKind, ChangeState, InstitutionChange};
use crate::store::db::Tx;
use crate::store::{feeds, institution_changes, institutions, persons, platforms};

use super::InstitutionView;

/// People of a transaction: SQLite has one writer, which may be held 50 ms at most (R15).
const PEOPLE: u32 = 100;

/// A change under way, and who must not find its people any more.
pub(super) struct Begun {
    change: InstitutionChange,
    org: Institution,
    parent: Institution,
    leaving: Vec<OrgId>,
}

impl Begun {
    /// Which institution goes.
    pub(super) fn moves(&self) -> OrgId {
        self.org.id
    }

    /// Where it lies then: as was said when it began, else where it lies already or the institution above does.
    fn division(&self) -> Division {
        let inside = self.parent.division.contains(&self.org.division);
        self.change.division.unwrap_or(if inside { self.org.division } else { self.parent.division })
    }
}

impl App {
    /// Puts an institution under another one. Its division becomes that of the new place unless one is said or it lies there
    /// already; campuses go along. The same again finishes what was cut off.
    ///
    /// # Errors
    /// `NotFound` for institutions that are unknown, or not the administrator's to move; `Conflict` where it does not fit.
    pub async fn move_institution(
        &self,
        ctx: &Ctx,
        by: Decider,
        code: &str,
        parent: &str,
        division: Option<Division>,
        listener: &mut (dyn Listener + Send),
    ) -> Result<InstitutionView, Error> {
        let (task, ctx) = (access::task(TaskName::InstitutionLife), by.acting(ctx));
        let mut pace = Pace::default();
        let to = (code, parent, division);
        let begun = self.paced(&mut pace, || self.begin_move(&ctx, &task, by, to, Begin::Now)).await?;
        let division = division.unwrap_or_else(|| begun.division());
        if begun.org.parent != Some(begun.parent.id) {
            let homes = self.homes(&task, &begun, &division).await?;
            self.everybody(&ctx, &task, &begun, Pass::Before(homes), listener).await?;
            self.paced(&mut pace, || self.hang(&ctx, &task, &begun, division)).await?;
        }
        self.everybody(&ctx, &task, &begun, Pass::After, listener).await?;
        let mut work = self.begin(&ctx, Action::InstitutionChanged).await?;
        self.end_change(&mut work, &task, &begun.change, &ctx).await?;
        let moved = institutions::find(work.tx(), &task, begun.org.id).await?;
        let moved = moved.ok_or_else(|| Error::no_institution(code))?;
        work.target("institution", moved.id);
        let warnings = outside(&moved, &begun.parent).into_iter().collect();
        let view = self.said(work, &ctx, &task, &moved, "moved").await?;
        Ok(InstitutionView { warnings, ..view })
    }

    pub(super) async fn begin_move(
        &self,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        (code, parent, division): (&str, &str, Option<Division>),
        begin: Begin,
    ) -> Result<Begun, Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        let org = self.governed_unheld(work.tx(), ctx, task, by, &code.into()).await?;
        let found = institutions::by_code(work.tx(), task, parent).await?;
        let named = parent;
        let parent = found.ok_or_else(|| Error::no_institution(named))?;
        // Nobody closes it while something begins to go there.
        let held = super::hold_both(&mut work, task, org.id, parent.id).await?;
        let (org, parent) = held.ok_or_else(|| Error::no_institution(named))?;
        if let Some(admin) = by.admin() {
            let scope = self.institution_subtree(work.tx(), admin, ctx.now).await?;
            let seen = institutions::find_in(work.tx(), &scope, parent.id).await?;
            seen.ok_or_else(|| Error::no_institution(named))?;
        }
        let running = institution_changes::running(work.tx(), task, org.id).await?;
        let same = |change: &InstitutionChange| {
            (change.org, change.kind, change.into, change.state)
                == (org.id, ChangeKind::Moved, Some(parent.id), ChangeState::Running)
        };
        if let Some(change) = running.iter().find(|change| same(change)) {
            let leaving = leaving(work.tx(), task, &org, &parent).await?;
            return Ok(Begun { change: change.clone(), leaving, org, parent });
        }
        if !running.is_empty() {
            return Err(under_way());
        }
        if institution_changes::is_under(work.tx(), task, org.id, parent.id).await? {
            return Err(refused(crate::domain::registry::institution_life::LifeError::UnderItself));
        }
        org.clone().moved(&parent, org.division, ctx.now).map_err(refused)?;
        let change = InstitutionChange { division, ..self.change(ctx, org.id, ChangeKind::Moved, Some(parent.id)) };
        if !institution_changes::begin(work.tx(), task, &change).await? {
            return Err(under_way());
        }
        let leaving = leaving(work.tx(), task, &org, &parent).await?;
        if begin == Begin::Now {
            work.target("institution", org.id).detail("step", "moving");
            work.commit(Outcome::Done).await?;
        }
        Ok(Begun { change, org, parent, leaving })
    }

    /// The platform that the people of the institution call home, and the one they will.
    async fn homes(
        &self,
        task: &Task,
        begun: &Begun,
        division: &Division,
    ) -> Result<Option<(uuid::Uuid, uuid::Uuid)>, Error> {
        let mut tx = self.db.read().await?;
        let before = platforms::nearest(&mut tx, task, begun.org.id).await?;
        let after = match platforms::of_division(&mut tx, task, division.as_str()).await? {
            Some(own) => Some(own),
            None => platforms::nearest(&mut tx, task, begun.parent.id).await?,
        };
        Ok(before.zip(after).filter(|(before, after)| before != after))
    }

    /// Everybody is found where they were, in a move on its way back.
    pub(super) async fn everybody_back(
        &self,
        ctx: &Ctx,
        task: &Task,
        change: InstitutionChange,
        listener: &mut (dyn Listener + Send),
    ) -> Result<(), Error> {
        let mut tx = self.db.read().await?;
        let org = institutions::find(&mut tx, task, change.org).await?;
        let parent = match change.into {
            Some(into) => institutions::find(&mut tx, task, into).await?,
            None => None,
        };
        let (org, parent) = org.zip(parent).ok_or_else(|| Error::internal("a move of or to nothing"))?;
        let leaving = leaving(&mut tx, task, &org, &parent).await?;
        drop(tx);
        let begun = Begun { change, org, parent, leaving };
        let homes = self.homes(task, &begun, &begun.division()).await?;
        self.everybody(ctx, task, &begun, Pass::Back(homes), listener).await
    }

    /// The moment: the closure, the row, and the campuses that lie with it.
    async fn hang(&self, ctx: &Ctx, task: &Task, begun: &Begun, division: Division) -> Result<(), Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        self.lock_tree(&mut work).await?;
        let id = begun.org.id;
        let held = institution_changes::hold(work.tx(), task, id).await?;
        let held = held.ok_or_else(|| Error::not_found("the institution"))?;
        if held.parent == Some(begun.parent.id) {
            return Ok(());
        }
        self.goes_on_still(work.tx(), task, &begun.change).await?;
        if institution_changes::is_under(work.tx(), task, id, begun.parent.id).await? {
            return Err(Error::new(
                Kind::Conflict,
                "the institution to move it under came to stand below it meanwhile",
            ));
        }
        let before = held.division;
        let moved = held.moved(&begun.parent, division, ctx.now).map_err(refused)?;
        self.write_institution(&mut work, task, &moved, &["parent", "division"]).await?;
        self.leave_rights_in(&mut work, ctx, task, (id, begun.parent.id)).await?;
        institution_changes::stand_under(work.tx(), task, id, begun.parent.id).await?;
        for child in institution_changes::children(work.tx(), task, id).await? {
            if before != division && child.division == before {
                let level = InstitutionLevel::of(child.kind, &division);
                let along = Institution { division, level, updated_at: ctx.now, version: child.version + 1, ..child };
                self.write_institution(&mut work, task, &along, &["division"]).await?;
            }
        }
        work.target("institution", id).detail("step", "hung");
        match begun.org.parent {
            Some(from) => work.moved_event("institution", id, "institution.moved", from.0),
            None => work.event("institution", id, "institution.moved", &["parent"]),
        };
        work.commit(Outcome::Done).await
    }

    /// Whoever governs an institution from now on knows nobody of the office that it leaves, and that office governs it no more.
    pub(super) async fn leave_rights_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        (org, parent): (OrgId, OrgId),
    ) -> Result<(), Error> {
        let ended = institution_changes::end_rights_left(work.tx(), task, org, parent, ctx.now).await?;
        for grant in &ended {
            work.event("admin_grant", *grant, "admin.revoked", &[]);
        }
        work.detail("rights", ended.len());
        Ok(())
    }

    /// Goes through everybody below an institution, some at a time.
    async fn everybody(
        &self,
        ctx: &Ctx,
        task: &Task,
        begun: &Begun,
        pass: Pass,
        listener: &mut (dyn Listener + Send),
    ) -> Result<(), Error> {
        use InstitutionLevel::{City, County, Nation, Province};
        // Names are found up to the county: above it nothing changes, but whom platforms serve.
        let high = matches!(begun.org.level, Nation | Province | City | County);
        let nothing = match pass {
            Pass::Before(homes) | Pass::Back(homes) => homes.is_none() && begun.leaving.is_empty(),
            Pass::After => high && feeds::streams(&mut self.db.read().await?).await?.is_empty(),
        };
        if nothing {
            return Ok(());
        }
        let (mut pace, mut after, mut done) = (Pace::default(), super::nobody(), 0);
        loop {
            let last = self.paced(&mut pace, || self.some(ctx, task, begun, pass, after)).await?;
            let Some((last, n)) = last else { return Ok(()) };
            (after, done) = (last, done + n);
            listener.progress(done, done);
        }
    }

    async fn some(
        &self,
        ctx: &Ctx,
        task: &Task,
        begun: &Begun,
        pass: Pass,
        after: PersonId,
    ) -> Result<Option<(PersonId, u64)>, Error> {
        let mut work = self.begin(ctx, Action::InstitutionChanged).await?;
        let people = institution_changes::people(work.tx(), task, begun.org.id, after, PEOPLE).await?;
        let Some(last) = people.last().copied() else { return Ok(None) };
        self.goes_on_with(work.tx(), task, &begun.change, &people).await?;
        match pass {
            Pass::Before(homes) => {
                for org in &begun.leaving {
                    persons::hide_from(work.tx(), task, *org, &people).await?;
                }
                if let Some(homes) = homes {
                    self.rehome(&mut work, ctx, task, homes, &people).await?;
                }
            }
            Pass::Back(homes) => {
                persons::refresh_presence_of_many(work.tx(), task, &people).await?;
                if let Some((before, after)) = homes {
                    self.rehome(&mut work, ctx, task, (after, before), &people).await?;
                }
            }
            Pass::After => {
                persons::refresh_presence_of_many(work.tx(), task, &people).await?;
                // They came into the reach of some platforms, and left that of others.
                for person in &people {
                    work.event("person", *person, "person.moved", &["identities"]);
                }
            }
        }
        work.target("institution", begun.org.id).detail("people", people.len());
        work.commit(Outcome::Done).await?;
        Ok(Some((last, u64::try_from(people.len()).unwrap_or(u64::MAX))))
    }
}

/// What is done with everybody.
#[derive(Clone, Copy)]
enum Pass {
    /// Hidden from where they leave; perhaps with another home.
    Before(Option<(uuid::Uuid, uuid::Uuid)>),
    /// Found where they are, and told of.
    After,
    /// Found where they were, with the home that they had: it does not move after all.
    Back(Option<(uuid::Uuid, uuid::Uuid)>),
}

/// Where names of its people are found today, and will not be.
async fn leaving(tx: &mut Tx, task: &Task, org: &Institution, parent: &Institution) -> Result<Vec<OrgId>, Error> {
    use InstitutionLevel::{Campus, County, School};
    let mut stay: Vec<OrgId> =
        institutions::ancestors(tx, task, parent.id).await?.into_iter().map(|above| above.id).collect();
    stay.push(parent.id);
    let above = institutions::ancestors(tx, task, org.id).await?;
    let finds = |above: &&Institution| matches!(above.level, County | School | Campus) && !stay.contains(&above.id);
    Ok(above.iter().filter(finds).map(|above| above.id).collect())
}
