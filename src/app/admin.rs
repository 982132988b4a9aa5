//! Administrators' grants (`mingji admin …`): who gives whom which role, for how long, and who takes it back. The rules are
//! [`admin_rule`]'s; here they meet the register in one transaction.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::org_ref::OrgRef;
use super::relation_claim::Decider;
use super::roster_view::Cut;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName, TaskOn};
use crate::domain::audit::Action;
use crate::domain::id::{AdminGrantId, OrgId, PersonId, StaffingId};
use crate::domain::registry::admin_rule::{self, GrantError, Held, Protection, Wanted};
use crate::domain::registry::codes::admin_role::AdminRole;
use crate::domain::registry::institution::Institution;
use crate::domain::time::{Timestamp, rfc3339};
use crate::store::admin_grants::{self, KnownGrant, LiveGrant, NewGrant};
use crate::store::{accounts, activations, guardianships, institutions, merges, persons, sessions, staffings};

/// More than an installation has.
const EVERY_GRANT: usize = 1_000_000;

/// A role that is asked for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Table A.
    pub role: AdminRole,
    /// The institution at the top.
    pub org: OrgRef,
    /// Beside the one who runs the institution.
    pub deputy: bool,
    /// Whether she may name deputies herself.
    pub may_delegate: bool,
    /// The last day.
    pub until: Option<NaiveDate>,
}

impl Wish {
    fn wanted(&self, org: &Institution, until: Option<Timestamp>) -> Wanted {
        Wanted { role: self.role, level: org.level, deputy: self.deputy, may_delegate: self.may_delegate, until }
    }
}

/// What came of it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Granted {
    /// The grant; none: she held it already.
    pub grant_id: Option<AdminGrantId>,
    /// Whose.
    pub person_id: PersonId,
    /// `false`: she held it already.
    pub granted: bool,
    /// Beside the one who runs the institution.
    pub deputy: bool,
}

/// Where a list of grants goes on: steps below the top, role, id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GrantPlace(i64, String, AdminGrantId);

/// A grant, as a list tells it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct GrantRow {
    /// Where a list goes on behind it.
    #[serde(skip)]
    pub place: GrantPlace,
    /// Its id.
    pub grant_id: AdminGrantId,
    /// Whose.
    pub person_id: PersonId,
    /// Her name.
    pub name: String,
    /// Table A.
    pub role: String,
    /// The institution at the top.
    pub institution_id: OrgId,
    /// Its name.
    pub institution: String,
    /// Beside the one who runs the institution.
    pub deputy: bool,
    /// Whether she may name deputies herself.
    pub may_delegate: bool,
    /// Who gave it; none: the operator, or somebody outside the scope of whoever asks.
    pub granted_by: Option<PersonId>,
    /// Since.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Until; none: open.
    #[schema(format = DateTime)]
    pub until: Option<String>,
    /// Whether it counts now.
    pub live: bool,
}

impl App {
    /// Grants a role over an institution's subtree, by the operator. `false` when the person holds it already.
    ///
    /// # Errors
    /// As [`App::grant_role`].
    pub async fn grant_admin(
        &self,
        ctx: &Ctx,
        person: PersonId,
        role: AdminRole,
        org_code: &str,
    ) -> Result<bool, Error> {
        let wish = Wish { role, org: org_code.into(), deputy: false, may_delegate: false, until: None };
        Ok(self.grant_role(ctx, Decider::Operator, person, &wish).await?.granted)
    }

    /// Grants a role over an institution's subtree. It rests on the post of whoever gets it and ends with that. Codes that lie
    /// about for her account end: whoever found one was to get less than it would be worth now (R1). Where a school has its
    /// system administrator the operator's next one is a deputy; an administrator has to say so.
    ///
    /// # Errors
    /// `NotFound` for an unknown institution or person, and for what is not the administrator's to give; `Conflict` with the
    /// reason where the rules forbid it.
    pub async fn grant_role(&self, ctx: &Ctx, by: Decider, person: PersonId, wish: &Wish) -> Result<Granted, Error> {
        let ctx = by.acting(ctx);
        self.patiently(|| self.grant_once(&ctx, by, person, wish)).await
    }

    async fn grant_once(&self, ctx: &Ctx, by: Decider, person: PersonId, wish: &Wish) -> Result<Granted, Error> {
        let task = access::task(TaskName::AdminDesk);
        // What is over makes room first, each with an entry of its own, as the job writes it.
        let meant = self.meant_org(&mut self.db.read().await?, &task, &wish.org).await?.id;
        self.end_lapsed_at(meant).await?;
        let mut work = self.begin(ctx, Action::AdminGranted).await?;
        let org = self.meant_org(work.tx(), &task, &wish.org).await?;
        org.stands().then_some(()).ok_or_else(|| wish.org.missing())?;
        let on = task.on(person);
        // Before any rule is looked at: of whom and what she does not see she hears what she hears of nobody and nothing.
        if let Some(admin) = by.admin() {
            let scope = self.institution_subtree(work.tx(), admin, ctx.now).await?;
            institutions::find_in(work.tx(), &scope, org.id).await?.ok_or_else(|| wish.org.missing())?;
        }
        self.sees_person(&mut work, ctx, by, person).await?;
        // Held first: of two grants at once, and of a grant and a merge, the second sees the first; and a run of slips that is
        // under way either made her code before this, or sees the grant. Who gives is held too: of this and of what takes her
        // right back, the second sees the first. What is closed meanwhile gets no administrator.
        let held = merges::hold(work.tx(), &task, by.admin().unwrap_or(person), person).await?;
        let held = held.iter().any(|one| one.id == person && one.merged_into.is_none());
        held.then_some(()).ok_or_else(|| Error::not_found("the person"))?;
        if institutions::hold_standing(work.tx(), &task, std::iter::once(org.id)).await? == 0 {
            return Err(wish.org.missing());
        }
        let account = accounts::hold(work.tx(), &on).await?;
        let until = end_of(wish.until, ctx.now)?;
        let wanted = wish.wanted(&org, until);
        admin_rule::fits_deputy(&wanted).map_err(refused)?;
        self.may_grant(&mut work, ctx, &task, by, person, (&org, &wanted)).await?;
        let staffing = self.rests_on(&mut work, ctx, &task, by, person, org.id).await?;
        if by.admin().is_some() || self.protection == Protection::Three {
            admin_rule::fits(&wanted).map_err(refused)?;
        }
        if !admin_grants::lapsed(work.tx(), &task, Some(org.id), ctx.now, None, 1).await?.is_empty() {
            return Err(Error::busy("a right over it ended at the same moment"));
        }
        let held = roles_of(&admin_grants::held(work.tx(), &task, person, ctx.now).await?);
        admin_rule::separate(self.protection, &held, wish.role).map_err(refused)?;
        let runs = wish.role == AdminRole::School && admin_grants::has_system_admin(work.tx(), &task, org.id).await?;
        if runs && !wish.deputy && by.admin().is_some() {
            return Err(refused(GrantError::HasOne));
        }
        let grant = NewGrant {
            id: AdminGrantId::new(ctx.now, &*self.random),
            role: wish.role.as_str().to_owned(),
            org: org.id,
            granted_by: by.admin(),
            // A deputy names nobody.
            may_delegate: wish.may_delegate && !(wish.deputy || runs),
            deputy: wish.deputy || runs,
            valid_from: ctx.now,
            valid_to: until,
            staffing,
        };
        let inserted = admin_grants::insert(work.tx(), &on, &grant).await;
        if inserted.as_ref().is_err_and(|error| error.is_unique("admin_grant_org_id_key")) {
            return Err(Error::busy("somebody named another system administrator at the same moment"));
        }
        if !inserted? {
            // What she holds, which may not be what was asked for.
            let standing = admin_grants::standing(work.tx(), &task, person).await?;
            let hers = standing.iter().find(|one| one.org == org.id && one.role == grant.role);
            let deputy = hers.ok_or_else(|| Error::busy("somebody took it back at the same moment"))?.deputy;
            return Ok(Granted { grant_id: None, person_id: person, granted: false, deputy });
        }
        let granted = Granted { grant_id: Some(grant.id), person_id: person, granted: true, deputy: grant.deputy };
        if let Some(account) = account {
            activations::end_open(work.tx(), account, ctx.now).await?;
        }
        self.live_as_administrator(&mut work, ctx, &on).await?;
        work.target("person", person).target("institution", org.id).target("admin_grant", grant.id);
        work.detail("role", wish.role.as_str()).detail("deputy", grant.deputy);
        work.detail("may_delegate", grant.may_delegate).detail("until", until.map(Timestamp::to_rfc3339));
        work.event("admin_grant", grant.id, "admin.granted", &[]);
        work.commit(Outcome::Done).await?;
        Ok(granted)
    }

    /// Sessions of somebody reach what she administers by now, and live as an administrator's do (R16), however they began.
    pub(super) async fn live_as_administrator(&self, work: &mut Work<'_>, ctx: &Ctx, on: &TaskOn) -> Result<(), Error> {
        let idle_until = ctx.now.plus(self.lifetimes.admin_session_idle);
        sessions::shorten(work.tx(), on, idle_until, self.lifetimes.admin_session_absolute).await?;
        Ok(())
    }

    /// Takes a role back: as the operator, as who runs an institution above or may name as much there, or, of what is an
    /// institution's own choice, as who gave it and still runs that institution or one above.
    ///
    /// # Errors
    /// `NotFound` where she does not hold it, or for whoever may not take it back.
    pub async fn revoke_role(
        &self,
        ctx: &Ctx,
        by: Decider,
        person: PersonId,
        role: AdminRole,
        org_code: &str,
    ) -> Result<(), Error> {
        let (task, ctx) = (access::task(TaskName::AdminDesk), by.acting(ctx));
        let mut work = self.begin(&ctx, Action::AdminRevoked).await?;
        let org = self.meant_org(work.tx(), &task, &org_code.into()).await?;
        persons::hold(work.tx(), &task.on(person)).await?;
        let grants = admin_grants::all_of(work.tx(), &task, person).await?;
        let is_meant =
            |grant: &&KnownGrant| grant.revoked_at.is_none() && grant.org == org.id && grant.role == role.as_str();
        let grant = grants.iter().find(is_meant).ok_or_else(no_grant)?;
        self.take_back(work, &ctx, &task, by, grant, &org).await
    }

    /// The same by the id that a list told.
    ///
    /// # Errors
    /// As [`App::revoke_role`].
    pub async fn withdraw_grant(&self, ctx: &Ctx, by: Decider, id: AdminGrantId) -> Result<(), Error> {
        let (task, ctx) = (access::task(TaskName::AdminDesk), by.acting(ctx));
        let mut work = self.begin(&ctx, Action::AdminRevoked).await?;
        let found = admin_grants::find(work.tx(), &task, id).await?.ok_or_else(no_grant)?;
        persons::hold(work.tx(), &task.on(found.person)).await?;
        let grant = admin_grants::find(work.tx(), &task, id).await?.filter(|grant| grant.revoked_at.is_none());
        let grant = grant.ok_or_else(no_grant)?;
        let org = institutions::find(work.tx(), &task, grant.org).await?.ok_or_else(no_grant)?;
        self.take_back(work, &ctx, &task, by, &grant, &org).await
    }

    async fn take_back(
        &self,
        mut work: Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        grant: &KnownGrant,
        org: &Institution,
    ) -> Result<(), Error> {
        let role: AdminRole = grant.role.parse().map_err(Error::internal)?;
        let person = grant.person;
        if let Some(admin) = by.admin() {
            let held = self.held_towards(&mut work, ctx, task, admin, org).await?;
            let takes = held.iter().any(|held| admin_rule::may_take(held, role, org.level, grant.deputy));
            // What was hers to give while she governed there is not hers to take when she does no more; nor is a right to watch
            // over an institution hers to take when she came to run it.
            let governs = held.iter().any(|held| admin_rule::chooses(held, role, grant.deputy));
            if admin == person || !(takes || (governs && grant.granted_by == Some(admin))) {
                return Err(no_grant());
            }
        }
        if !admin_grants::revoke(work.tx(), &task.on(person), grant.id, ctx.now).await? {
            return Err(Error::busy("somebody took it back at the same moment"));
        }
        work.target("person", person).target("institution", org.id).target("admin_grant", grant.id);
        work.detail("role", role.as_str());
        work.event("admin_grant", grant.id, "admin.revoked", &[]);
        work.commit(Outcome::Done).await
    }

    /// The grants over an institution and everything below it that were not taken back. Looking at them is audited: they name
    /// people.
    ///
    /// # Errors
    /// `NotFound` for an institution that is unknown, or not in the administrator's scope.
    pub async fn list_grants(&self, ctx: &Ctx, by: Decider, org_code: &str) -> Result<Vec<GrantRow>, Error> {
        Ok(self.grants_over(ctx, by, org_code, None, EVERY_GRANT).await?.items)
    }

    /// The same, behind one of them, at most `limit`; noted for whose they are.
    ///
    /// # Errors
    /// As [`App::list_grants`].
    pub async fn grants_over(
        &self,
        ctx: &Ctx,
        by: Decider,
        org: impl Into<OrgRef>,
        after: Option<GrantPlace>,
        limit: usize,
    ) -> Result<Cut<GrantRow>, Error> {
        let (task, ctx, org) = (access::task(TaskName::AdminDesk), by.acting(ctx), org.into());
        let mut work = self.begin(&ctx, Action::AdminViewed).await?;
        let top = self.meant_org(work.tx(), &task, &org).await?;
        let scope = match by.admin() {
            None => None,
            Some(admin) => Some(self.institution_subtree(work.tx(), admin, ctx.now).await?),
        };
        if let Some(scope) = &scope {
            institutions::find_in(work.tx(), scope, top.id).await?.ok_or_else(|| org.missing())?;
        }
        let most = i64::try_from(limit + 1).map_err(Error::internal)?;
        let after = after.map(|GrantPlace(depth, role, id)| (depth, role, id));
        let mut listed = Vec::new();
        let found = admin_grants::under(work.tx(), &task, top.id, after, most).await?;
        let Cut { items: found, more } = Cut::at(found, limit);
        for (depth, grant) in found {
            work.shows(grant.person);
            let live = admin_grants::live(work.tx(), grant.person, ctx.now).await?.iter().any(|one| one.id == grant.id);
            let name = persons::find(work.tx(), &task.on(grant.person)).await?.and_then(|person| person.name);
            let institution = institutions::find(work.tx(), &task, grant.org).await?.map(|org| org.name);
            let granted_by = match (grant.granted_by, &scope) {
                (Some(giver), Some(scope)) => {
                    let seen = persons::in_subtree(work.tx(), scope, giver, ctx.now.shanghai_date()).await?;
                    seen.map(|person| person.id)
                }
                (giver, _) => giver,
            };
            listed.push(GrantRow {
                place: GrantPlace(depth, grant.role.clone(), grant.id),
                grant_id: grant.id,
                person_id: grant.person,
                name: name.map(|name| name.as_str().to_owned()).unwrap_or_default(),
                role: grant.role,
                institution_id: grant.org,
                institution: institution.unwrap_or_default(),
                deputy: grant.deputy,
                may_delegate: grant.may_delegate,
                granted_by,
                from: grant.valid_from,
                until: grant.valid_to.map(Timestamp::to_rfc3339),
                live,
            });
        }
        work.target("institution", top.id).detail("view", "list").detail("grants", listed.len());
        work.commit(Outcome::Done).await?;
        Ok(Cut { items: listed, more })
    }

    /// Whether this decider may give what is asked for, to whom she sees.
    async fn may_grant(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        person: PersonId,
        (org, wanted): (&Institution, &Wanted),
    ) -> Result<(), Error> {
        let Some(admin) = by.admin() else { return Ok(()) };
        if admin == person {
            return Err(refused(GrantError::Herself));
        }
        let held = self.held_towards(work, ctx, task, admin, org).await?;
        let mut shorter = None;
        let mut may = false;
        for held in &held {
            match admin_rule::may_give(held, wanted) {
                Ok(gives) => may |= gives,
                Err(why) => shorter = Some(why),
            }
        }
        if !may {
            return Err(shorter.map_or_else(|| Error::not_found("this institution for this role"), refused));
        }
        // Held by now.
        self.sees_person(work, ctx, by, person).await
    }

    async fn sees_person(&self, work: &mut Work<'_>, ctx: &Ctx, by: Decider, person: PersonId) -> Result<(), Error> {
        let Some(admin) = by.admin() else { return Ok(()) };
        let scope = self.institution_subtree(work.tx(), admin, ctx.now).await?;
        let seen = persons::in_subtree(work.tx(), &scope, person, ctx.now.shanghai_date()).await?;
        seen.map(drop).ok_or_else(|| Error::not_found("the person"))
    }

    /// The post that a grant rests on. Of an administrator whoever gets it has one inside her subtree, and is of age: what rests
    /// on nothing would never end.
    async fn rests_on(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        person: PersonId,
        org: OrgId,
    ) -> Result<Option<StaffingId>, Error> {
        let on = task.on(person);
        let nearest = admin_grants::post_for(work.tx(), &on, org).await?;
        let Some(admin) = by.admin() else { return Ok(nearest) };
        let keeper = guardianships::keeper(work.tx(), &on).await?;
        if !keeper.is_some_and(|keeper| keeper.is_of_age(ctx.now.shanghai_date())) {
            return Err(refused(GrantError::Minor));
        }
        let scope = self.institution_subtree(work.tx(), admin, ctx.now).await?;
        let mut inside = Vec::new();
        for post in staffings::open_of_many(work.tx(), task, &[person]).await? {
            if institutions::find_in(work.tx(), &scope, post.org).await?.is_some() {
                inside.push(post.id);
            }
        }
        let post = nearest.filter(|post| inside.contains(post)).or_else(|| inside.first().copied());
        post.map(Some).ok_or_else(|| refused(GrantError::NoPost))
    }

    /// Whether this decider may end rights by ending what they rest on: a post, a life. She takes nothing away by it that she
    /// may not take back.
    ///
    /// # Errors
    /// `Conflict` where one of the grants, which still counts, is not hers to take.
    pub(super) async fn may_end_rights(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        grants: impl Iterator<Item = AdminGrantId>,
    ) -> Result<(), Error> {
        let Some(admin) = by.admin() else { return Ok(()) };
        for id in grants {
            let Some(grant) = admin_grants::find(work.tx(), task, id).await? else { continue };
            if grant.valid_to.is_some_and(|end| end <= ctx.now) {
                continue;
            }
            let role: AdminRole = grant.role.parse().map_err(Error::internal)?;
            let org = institutions::find(work.tx(), task, grant.org).await?.ok_or_else(no_grant)?;
            let held = self.held_towards(work, ctx, task, admin, &org).await?;
            if !held.iter().any(|held| admin_rule::may_take(held, role, org.level, grant.deputy)) {
                return Err(Error::new(
                    Kind::Conflict,
                    "she administers: whoever is above her, or the operator, does this",
                ));
            }
        }
        Ok(())
    }

    /// Whether this decider may rewrite the record of somebody, or end her life in it: no right of hers stops by it that the
    /// decider may not take back.
    ///
    /// # Errors
    /// As [`App::may_end_rights`].
    pub(super) async fn may_rewrite(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        person: PersonId,
    ) -> Result<(), Error> {
        let rights = admin_grants::standing(work.tx(), task, person).await?;
        self.may_end_rights(work, ctx, task, by, rights.iter().map(|right| right.id)).await
    }

    /// What an administrator holds now, and how an institution stands towards each of it.
    async fn held_towards(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        admin: PersonId,
        org: &Institution,
    ) -> Result<Vec<Held>, Error> {
        let live: Vec<AdminGrantId> =
            admin_grants::live(work.tx(), admin, ctx.now).await?.iter().map(|grant| grant.id).collect();
        let mut held = Vec::new();
        for grant in admin_grants::all_of(work.tx(), task, admin).await? {
            let Ok(role) = grant.role.parse() else { continue };
            if live.contains(&grant.id) {
                let depth = institutions::depth(work.tx(), task, grant.org, org.id).await?;
                let (deputy, may_delegate) = (grant.deputy, grant.may_delegate);
                held.push(Held { role, depth, deputy, may_delegate, until: grant.valid_to });
            }
        }
        Ok(held)
    }
}

/// The roles of grants that are known by their names.
pub(super) fn roles_of(grants: &[LiveGrant]) -> Vec<AdminRole> {
    grants.iter().filter_map(|grant| grant.role.parse().ok()).collect()
}

/// The end of the last day, in Asia/Shanghai.
fn end_of(day: Option<NaiveDate>, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let Some(day) = day else { return Ok(None) };
    if day < now.shanghai_date() {
        return Err(Error::invalid(GrantError::Past.to_string()));
    }
    let midnight = day.succ_opt().map(Timestamp::shanghai_midnight);
    midnight.map(Some).ok_or_else(|| Error::invalid("no such day"))
}

fn no_grant() -> Error {
    Error::not_found("such a grant of hers")
}

fn refused(why: GrantError) -> Error {
    Error::new(Kind::Conflict, why.to_string())
}
