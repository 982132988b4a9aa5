//! What becomes of institutions: opened, renamed, recoded, moved, merged, split, closed. An institution keeps its id through
//! all of it, how it was is kept, and old codes lead to where its people are. A level decides about what stands strictly
//! below it, and opens what stands directly below.

mod adopting;
mod done;
mod handover;
mod moving;
mod people;
mod preview;
mod stopping;
mod told;

use chrono::NaiveDate;

use super::guardianship::WardsOf;
use super::institution::NewInstitution;
use super::org_ref::OrgRef;
use super::relation_claim::Decider;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::OrgId;
use crate::domain::registry::codes::school_type::SchoolType;
use crate::domain::registry::division::Division;
use crate::domain::registry::institution::{Institution, InstitutionKind, InstitutionLevel, InstitutionStatus};
use crate::domain::registry::institution_code::{Code, CodeScheme};
use crate::domain::registry::institution_life::{ChangeKind, ChangeState, InstitutionChange, LifeError};
use crate::domain::registry::uscc::Uscc;
use crate::store::db::Tx;
use crate::store::facts::{self, Cache};
use crate::store::{clients, guardianships, institution_changes, institutions, suspensions};

pub use done::DoneChange;
pub use handover::{Handover, Split};
pub use preview::Touched;
pub use told::{InstitutionHistory, InstitutionView};

/// An institution to be opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Its code.
    pub code: String,
    /// Its credit code, where it has one.
    pub uscc: Option<String>,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: InstitutionKind,
    /// Where it lies; where the institution above lies, when left out.
    pub division: Option<Division>,
    /// 办学类型, for schools.
    pub school_type: Option<SchoolType>,
}

/// Whether a change begins, or only what stands in its way is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    Now,
    Look,
}

impl App {
    /// Opens an institution under another one. A credit code whose check character is wrong, and a division outside that of
    /// the institution above, are warnings.
    ///
    /// # Errors
    /// `NotFound` for an institution above that is unknown, or not the administrator's own; `Conflict` for a code that is or
    /// was another one's, and for a place where it does not fit; `Invalid` for what is no code.
    pub async fn open_institution_under(
        &self,
        ctx: &Ctx,
        by: Decider,
        parent: Option<OrgRef>,
        opening: &Opening,
    ) -> Result<InstitutionView, Error> {
        let (task, ctx) = (access::task(TaskName::InstitutionLife), by.acting(ctx));
        let mut work = self.begin(&ctx, Action::InstitutionChanged).await?;
        self.lock_tree(&mut work).await?;
        let parent = match parent {
            Some(parent) => Some(self.parent_of(&mut work, &ctx, &task, by, &parent).await?),
            None if by.admin().is_some() => return Err(Error::invalid("say under which institution (--parent CODE)")),
            None => None,
        };
        let (org, warnings) = self.opened(&mut work, &ctx, &task, parent.as_ref(), opening).await?;
        work.target("institution", org.id).detail("step", "opened");
        let view = self.view(work.tx(), &task, &org, ctx.now.shanghai_date()).await?;
        work.commit(Outcome::Done).await?;
        Ok(InstitutionView { warnings, ..view })
    }

    /// Gives an institution another name; its codes stay.
    ///
    /// # Errors
    /// `NotFound` for one that is unknown or not strictly below the administrator's own; `Conflict` when it is closed.
    pub async fn rename_institution(
        &self,
        ctx: &Ctx,
        by: Decider,
        org: impl Into<OrgRef>,
        name: &str,
    ) -> Result<InstitutionView, Error> {
        let (task, ctx) = (access::task(TaskName::InstitutionLife), by.acting(ctx));
        let org = org.into();
        let mut work = self.begin(&ctx, Action::InstitutionChanged).await?;
        let org = self.governed(&mut work, &ctx, &task, by, &org).await?;
        let renamed = org.renamed(name_of(name)?, ctx.now).map_err(refused)?;
        self.write_institution(&mut work, &task, &renamed, &["name"]).await?;
        self.said(work, &ctx, &task, &renamed, "renamed").await
    }

    /// Gives an institution another code, as a change of its category does; the old one is void for ever, and still leads
    /// here (reference 2.7). A credit code is replaced by a credit code.
    ///
    /// # Errors
    /// As [`App::rename_institution`]; `Conflict` for a code that is or was another institution's.
    pub async fn recode_institution(
        &self,
        ctx: &Ctx,
        by: Decider,
        org: impl Into<OrgRef>,
        new_code: &str,
        school_type: Option<SchoolType>,
    ) -> Result<InstitutionView, Error> {
        let (task, ctx) = (access::task(TaskName::InstitutionLife), by.acting(ctx));
        let org = org.into();
        let mut work = self.begin(&ctx, Action::InstitutionChanged).await?;
        let org = self.governed(&mut work, &ctx, &task, by, &org).await?;
        let (new_code, today) = (code_of(new_code)?, ctx.now.shanghai_date());
        let is_credit = |code: &Code| code.scheme == CodeScheme::Uscc;
        let held: Vec<_> = institutions::codes(work.tx(), &task, org.id)
            .await?
            .into_iter()
            .filter(|held| held.valid_to.is_none())
            .collect();
        if held.iter().any(|held| held.code == new_code) {
            return Err(Error::new(Kind::Conflict, "it has this code already"));
        }
        for old in held.iter().filter(|held| is_credit(&held.code) == is_credit(&new_code)) {
            institutions::end_code(work.tx(), &task, org.id, &old.code, today.max(old.valid_from)).await?;
        }
        let warnings = warnings_of(&[&new_code]);
        self.take_code(&mut work, &ctx, &task, org.id, new_code).await?;
        let recoded = org.recategorised(school_type, ctx.now).map_err(refused)?;
        self.write_institution(&mut work, &task, &recoded, &["code", "school_type"]).await?;
        let view = self.said(work, &ctx, &task, &recoded, "recoded").await?;
        Ok(InstitutionView { warnings, ..view })
    }

    /// Closes an institution where nobody studies or works and nothing stands below.
    ///
    /// # Errors
    /// As [`App::rename_institution`]; `Conflict` while somebody belongs there: then a successor takes them over
    /// ([`App::hand_over_institution`]).
    pub async fn close_institution(
        &self,
        ctx: &Ctx,
        by: Decider,
        org: impl Into<OrgRef>,
    ) -> Result<InstitutionView, Error> {
        let (task, ctx) = (access::task(TaskName::InstitutionLife), by.acting(ctx));
        let org = org.into();
        let mut work = self.begin(&ctx, Action::InstitutionChanged).await?;
        self.lock_tree(&mut work).await?;
        let org = self.governed(&mut work, &ctx, &task, by, &org).await?;
        // Whatever is under way towards it would come to no end.
        if !institution_changes::running(work.tx(), &task, org.id).await?.is_empty() {
            return Err(under_way());
        }
        let belongs = institution_changes::people(work.tx(), &task, org.id, nobody(), 1).await?;
        if !belongs.is_empty() {
            return Err(Error::new(
                Kind::Conflict,
                "people study or work there: say which institution takes them over (`--successor CODE`), or end that first",
            ));
        }
        if !institution_changes::children(work.tx(), &task, org.id).await?.is_empty() {
            return Err(Error::new(Kind::Conflict, "institutions stand below it: close or move them first"));
        }
        let change = self.change(&ctx, org.id, ChangeKind::Closed, None);
        if !institution_changes::begin(work.tx(), &task, &change).await? {
            return Err(under_way());
        }
        let closed = self.wind_up(&mut work, &ctx, &task, org, &change).await?;
        self.end_change(&mut work, &task, &change, &ctx).await?;
        self.said(work, &ctx, &task, &closed, "closed").await
    }

    /// The end of an institution, in the transaction that finds nobody there any more: codes are void, rights over it end,
    /// its claims with it; its cases and clients are its heir's.
    async fn wind_up(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        org: Institution,
        change: &InstitutionChange,
    ) -> Result<Institution, Error> {
        for held in institutions::codes(work.tx(), task, org.id).await? {
            if held.valid_to.is_none() {
                institutions::end_code(work.tx(), task, org.id, &held.code, change.day.max(held.valid_from)).await?;
            }
        }
        let heir = change.into.or(org.parent);
        let ended = org.ended(change.kind, change.into, ctx.now).map_err(refused)?;
        self.write_institution(work, task, &ended, &["status"]).await?;
        // Whoever acts for it went over before, or works there no longer.
        for one in guardianships::standing_of_institution(work.tx(), task, ended.id).await? {
            self.leave_ward(work, ctx, task, one, WardsOf::Nobody(change.day)).await?;
        }
        let wound_up = institution_changes::wind_up(work.tx(), task, ended.id, heir, ctx.now).await?;
        for grant in &wound_up.grants {
            work.event("admin_grant", *grant, "admin.revoked", &[]);
        }
        suspensions::inherit(work.tx(), task, ended.id, heir).await?;
        let merged = change.kind == ChangeKind::Merged;
        let clients = clients::inherit(work.tx(), task, (ended.id, heir), merged, ctx.now).await?;
        if !clients.is_empty() {
            facts::bump(work.tx(), Cache::Clients).await?;
        }
        for client in &clients {
            work.event("client", *client, "client.updated", &["org"]);
        }
        work.detail("clients_inherited", clients.len());
        work.detail("grants_ended", wound_up.grants.len()).detail("claims_withdrawn", wound_up.claims);
        Ok(ended)
    }

    /// Puts a new institution into the tree, where it fits.
    async fn opened(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        parent: Option<&Institution>,
        opening: &Opening,
    ) -> Result<(Institution, Vec<&'static str>), Error> {
        let code = code_of(&opening.code)?;
        let uscc = opening.uscc.as_deref().map(code_of).transpose()?;
        if uscc.as_ref().is_some_and(|code| code.scheme != CodeScheme::Uscc) {
            return Err(Error::invalid("a credit code has 18 characters, without I, O, S, V, Z"));
        }
        let division = opening.division.or_else(|| parent.map(|parent| parent.division));
        let division = division.ok_or_else(|| Error::invalid("say where it lies: --division CODE"))?;
        let new = NewInstitution {
            kind: opening.kind,
            name: name_of(&opening.name)?,
            division,
            school_type: opening.school_type,
            code,
            parent: parent.map(|parent| parent.id),
        };
        let mut warnings = warnings_of(&[&new.code]);
        warnings.extend(warnings_of(&uscc.iter().collect::<Vec<_>>()));
        let code = new.code.clone();
        let org = self.fresh_institution(ctx, new);
        if let Some(parent) = parent {
            org.fits_under(parent).map_err(refused)?;
            warnings.extend(outside(&org, parent));
        }
        self.found(work, ctx, task, &org, code).await?;
        if let Some(uscc) = uscc {
            self.take_code(work, ctx, task, org.id, uscc).await?;
        }
        Ok((org, warnings))
    }

    /// The institution under which somebody opens another one: an administrator directly under her own.
    async fn parent_of(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        parent: &OrgRef,
    ) -> Result<Institution, Error> {
        let found = self.meant_org(work.tx(), task, parent).await?;
        if let Some(admin) = by.admin() {
            let scope = self.institution_subtree(work.tx(), admin, ctx.now).await?;
            if !scope.roots().any(|root| root == found.id) {
                return Err(parent.missing());
            }
        }
        let held = institution_changes::hold(work.tx(), task, found.id).await?;
        held.ok_or_else(|| parent.missing())
    }

    /// An institution that this decider governs, held until the transaction ends.
    async fn governed(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        org: &OrgRef,
    ) -> Result<Institution, Error> {
        let found = self.governed_unheld(work.tx(), ctx, task, by, org).await?;
        let held = institution_changes::hold(work.tx(), task, found.id).await?;
        held.ok_or_else(|| org.missing())
    }

    pub(super) async fn governed_unheld(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        org: &OrgRef,
    ) -> Result<Institution, Error> {
        let found = self.meant_org(tx, task, org).await?;
        let Some(admin) = by.admin() else { return Ok(found) };
        let scope = self.institution_subtree(tx, admin, ctx.now).await?;
        institutions::find_below(tx, &scope, found.id).await?.ok_or_else(|| org.missing())
    }

    async fn write_institution(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        org: &Institution,
        fields: &[&str],
    ) -> Result<(), Error> {
        if !institutions::update(work.tx(), task, org).await? {
            return Err(Error::busy("somebody changed the institution at the same moment"));
        }
        work.target("institution", org.id).changes(fields);
        work.event("institution", org.id, "institution.changed", fields);
        Ok(())
    }

    async fn end_change(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        change: &InstitutionChange,
        ctx: &Ctx,
    ) -> Result<(), Error> {
        if institution_changes::end(work.tx(), task, change, ctx.now).await? {
            Ok(())
        } else {
            Err(Error::busy("somebody ended the change at the same moment"))
        }
    }

    /// Commits, and tells how the institution is now.
    async fn said(
        &self,
        mut work: Work<'_>,
        ctx: &Ctx,
        task: &Task,
        org: &Institution,
        step: &'static str,
    ) -> Result<InstitutionView, Error> {
        work.detail("step", step);
        let view = self.view(work.tx(), task, org, ctx.now.shanghai_date()).await?;
        work.commit(Outcome::Done).await?;
        Ok(view)
    }

    fn change(&self, ctx: &Ctx, org: OrgId, kind: ChangeKind, into: Option<OrgId>) -> InstitutionChange {
        InstitutionChange {
            id: crate::domain::id::new_uuid(ctx.now, &*self.random),
            org,
            kind,
            into,
            day: ctx.now.shanghai_date(),
            started_at: ctx.now,
            ended_at: None,
            state: ChangeState::Running,
            division: None,
        }
    }

    pub(super) fn fresh_institution(&self, ctx: &Ctx, new: NewInstitution) -> Institution {
        Institution {
            id: OrgId::new(ctx.now, &*self.random),
            parent: new.parent,
            level: InstitutionLevel::of(new.kind, &new.division),
            kind: new.kind,
            name: new.name,
            division: new.division,
            school_type: new.school_type,
            status: InstitutionStatus::Active,
            merged_into: None,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
        }
    }
}

/// Two institutions, held in the one order, whoever is named first.
async fn hold_both(
    work: &mut Work<'_>,
    task: &Task,
    one: OrgId,
    other: OrgId,
) -> Result<Option<(Institution, Institution)>, Error> {
    let first = institution_changes::hold(work.tx(), task, one.min(other)).await?;
    let second = institution_changes::hold(work.tx(), task, one.max(other)).await?;
    Ok(first.zip(second).map(|(first, second)| if first.id == one { (first, second) } else { (second, first) }))
}

fn refused(why: LifeError) -> Error {
    Error::new(Kind::Conflict, why.to_string())
}

fn under_way() -> Error {
    Error::new(
        Kind::Conflict,
        "another change of the institution is under way: `mingji institution history CODE` names it; the same command again finishes it, \
         and `mingji institution stop CODE` ends it while nobody went over, also where such a stop was cut off",
    )
}

fn refused_stop() -> Error {
    Error::new(
        Kind::Conflict,
        "已有人员、班级或下级机构转出，不能撤回，只能办理完毕。Somebody or something went over already: the change can only be finished, by the same \
         command or errand",
    )
}

fn code_of(text: &str) -> Result<Code, Error> {
    // Not repeated: what is no code may be anything, a number too.
    Code::parse(text).map_err(|why| Error::invalid(why.to_string()))
}

fn name_of(text: &str) -> Result<String, Error> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(Error::invalid("a name has 1 to 200 characters"));
    }
    Ok(name.to_owned())
}

/// A credit code in real use may have a wrong check character (reference 2.8): somebody looks, and may keep it.
fn warnings_of(codes: &[&Code]) -> Vec<&'static str> {
    let wrong = |code: &&&Code| {
        code.scheme == CodeScheme::Uscc && Uscc::parse(&code.value).is_ok_and(|read| !read.check_agrees())
    };
    codes.iter().filter(wrong).map(|_| "uscc_check").collect()
}

fn outside(org: &Institution, parent: &Institution) -> Option<&'static str> {
    (!org.lies_within(parent)).then_some("division_outside")
}

/// Behind nobody, as the first page is.
fn nobody() -> crate::domain::id::PersonId {
    crate::domain::id::PersonId(uuid::Uuid::nil())
}

/// The open end of a time.
fn open_end(day: NaiveDate) -> Option<NaiveDate> {
    Some(day).filter(|day| *day != NaiveDate::MAX)
}
