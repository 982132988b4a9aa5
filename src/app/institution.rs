//! Institutions and the platforms that people call home.

use uuid::Uuid;

use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{OrgId, new_uuid};
use crate::domain::registry::codes::school_type::SchoolType;
use crate::domain::registry::division::Division;
use crate::domain::registry::institution::{Institution, InstitutionCode, InstitutionKind};
use crate::domain::registry::institution_code::{Code, CodeScheme};
use crate::domain::registry::space::SpaceAddress;
use crate::store::db::Lock;
use crate::store::{institution_changes, institutions, platforms};

/// How often the lock of the tree is tried, some 200 ms in all.
const LOCK_TRIES: u32 = 6;

/// An institution to be opened.
pub struct NewInstitution {
    /// What it is.
    pub kind: InstitutionKind,
    /// Its name.
    pub name: String,
    /// GB/T 2260.
    pub division: Division,
    /// BXLX, for schools.
    pub school_type: Option<SchoolType>,
    /// Its code today.
    pub code: Code,
    /// Under which institution.
    pub parent: Option<OrgId>,
}

impl App {
    /// Opens an institution; the one that holds the code already, where there is one.
    ///
    /// # Errors
    /// A failed store.
    pub async fn open_institution(&self, ctx: &Ctx, task: TaskName, new: NewInstitution) -> Result<OrgId, Error> {
        Ok(self.open_new_institution(ctx, task, new).await?.0)
    }

    /// The same, and whether it is new.
    ///
    /// # Errors
    /// `Conflict` under an institution that is closed.
    pub(super) async fn open_new_institution(
        &self,
        ctx: &Ctx,
        task: TaskName,
        new: NewInstitution,
    ) -> Result<(OrgId, bool), Error> {
        let task = access::task(task);
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        if let Some(known) = institutions::by_code(work.tx(), &task, &new.code.value).await? {
            return Ok((known.id, false));
        }
        self.lock_tree(&mut work).await?;
        if let Some(parent) = new.parent {
            let held = institution_changes::hold(work.tx(), &task, parent).await?;
            if !held.is_some_and(|parent| parent.stands()) {
                return Err(Error::new(Kind::Conflict, "the institution above was closed at the same moment"));
            }
        }
        let code = new.code.clone();
        let org = self.fresh_institution(ctx, new);
        self.found(&mut work, ctx, &task, &org, code).await?;
        work.target("institution", org.id);
        work.commit(Outcome::Done).await?;
        Ok((org.id, true))
    }

    /// Puts an institution with its first code into the tree. Part of a larger change.
    pub(super) async fn found(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        org: &Institution,
        code: Code,
    ) -> Result<(), Error> {
        self.lock_tree(work).await?;
        institutions::insert(work.tx(), task, org).await?;
        self.take_code(work, ctx, task, org.id, code).await?;
        self.ensure_platform(work, ctx, task, org).await?;
        work.event("institution", org.id, "institution.opened", &[]);
        Ok(())
    }

    /// One at a time hangs institutions into the tree: of two who move at once, one would hang below what the other moves.
    pub(super) async fn lock_tree(&self, work: &mut Work<'_>) -> Result<(), Error> {
        // Whoever was refused a moment ago may still be rolling back.
        for attempt in 1..=LOCK_TRIES {
            if work.tx().try_lock(Lock::Tree).await? {
                return Ok(());
            }
            self.pause(attempt).await;
        }
        Err(Error::busy("somebody changes the tree of institutions at the same moment"))
    }

    /// Gives an institution a code from today on. A code that another one has or had is never used again (reference 2.7);
    /// its own old one may come back. A credit code may be shared.
    pub(super) async fn take_code(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        org: OrgId,
        code: Code,
    ) -> Result<(), Error> {
        let others = institutions::holders(work.tx(), task, &code).await?;
        if code.scheme != CodeScheme::Uscc && others.iter().any(|held| held.org != org) {
            return Err(Error::new(
                Kind::Conflict,
                format!("{} is or was the code of another institution: codes are never used again", code.value),
            ));
        }
        let code = InstitutionCode { org, code, valid_from: ctx.now.shanghai_date(), valid_to: None };
        let given = institutions::insert_code(work.tx(), task, new_uuid(ctx.now, &*self.random), &code).await;
        if given.as_ref().is_err_and(|error| error.is_unique("institution_code_scheme_value_key")) {
            return Err(Error::busy("somebody gave the code to another institution at the same moment"));
        }
        Ok(given?)
    }

    /// Who runs the schools of a division runs the platform that their people call home, until told otherwise.
    pub(super) async fn ensure_platform(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        org: &Institution,
    ) -> Result<(), Error> {
        if org.kind == InstitutionKind::Authority {
            let (fresh, level) = (new_uuid(ctx.now, &*self.random), org.level.as_str());
            platforms::ensure(work.tx(), task, fresh, org.division.as_str(), level, &org.name, ctx.now).await?;
        }
        Ok(())
    }

    /// The platform that people of a division call home.
    ///
    /// # Errors
    /// A failed store.
    pub async fn home_platform(
        &self,
        ctx: &Ctx,
        task: TaskName,
        division: &Division,
        level: &'static str,
        name: &str,
    ) -> Result<Uuid, Error> {
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        let fresh = new_uuid(ctx.now, &*self.random);
        let id =
            platforms::ensure(work.tx(), &access::task(task), fresh, division.as_str(), level, name, ctx.now).await?;
        work.target("platform", id);
        work.commit(Outcome::Done).await?;
        Ok(id)
    }

    /// Says where the people of a platform open their space; claims carry it from the next answer on.
    ///
    /// # Errors
    /// `NotFound` for a division without a platform.
    pub async fn set_space_address(
        &self,
        ctx: &Ctx,
        task: TaskName,
        division: &Division,
        address: &SpaceAddress,
    ) -> Result<Uuid, Error> {
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        let set = platforms::set_space(work.tx(), &access::task(task), division.as_str(), address.as_str()).await?;
        let id = set.ok_or_else(|| Error {
            internal: "no platform has this division code: import its education authority first".into(),
            ..Error::not_found("platform")
        })?;
        work.target("platform", id).event("platform", id, "platform.changed", &["space_url"]);
        work.commit(Outcome::Done).await?;
        Ok(id)
    }
}
