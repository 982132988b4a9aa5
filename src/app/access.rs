//! The one place where proofs of scope are made (ruling R5), each from evidence that was just checked.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{App, Error};
use crate::domain::access::{
    ClientScope, Door, OnePerson, Own, Platform, Reached, Subtree, Task, TaskName, ViaGrant, Ward,
};
use crate::domain::auth::session::Session;
use crate::domain::id::{GrantId, OrgId, PersonId};
use crate::domain::oidc::client::{Client, ClientStatus};
use crate::domain::oidc::grant::Grant;
use crate::domain::oidc::scope::Scope;
use crate::domain::registry::admin_rule::Duty;
use crate::domain::registry::age::AgeBand;
use crate::domain::registry::codes::admin_role::AdminRole;
use crate::domain::registry::guardianship::Guardianship;
use crate::domain::registry::staffing::Staffing;
use crate::domain::time::Timestamp;
use crate::store::db::{StoreError, Tx};
use crate::store::identities::WardRow;
use crate::store::wards::Kept;
use crate::store::{admin_grants, cases, feeds, grants, institutions, persons, sessions};

/// A live session speaks for its person.
pub(crate) fn own(session: &Session, now: Timestamp) -> Result<Own, Error> {
    if session.is_live(now) {
        Ok(Own::prove_by_session(session.id, session.person))
    } else {
        Err(Error::not_found("session"))
    }
}

/// A credential that was just verified speaks for its person.
pub(crate) fn own_by_credential(person: PersonId) -> Own {
    Own::prove_by_credential(person)
}

/// A guardianship that was just read as confirmed, unrestricted and unexpired, of a guardian who is of age.
pub(crate) fn ward(guardian: &impl OnePerson, ward: &WardRow) -> Ward {
    Ward::prove_by_guardianship(guardian.person(), ward.child)
}

/// The same from the guardian's own list; nothing while the relation does not let her speak for the child.
pub(crate) fn ward_at(kept: &Kept, now: Timestamp) -> Option<Ward> {
    let guardianship = &kept.guardianship;
    let live = guardianship.is_live_for(kept.child_born, kept.keeper, now);
    live.then(|| Ward::prove_by_guardianship(guardianship.guardian, guardianship.child))
}

/// The same from the relation itself, read with the guardian's posts in the transaction that ends it; nothing while it does
/// not let her speak. Where an institution is the guardian, whoever acts for it works there (民法典 32).
pub(crate) fn ward_of(guardianship: &Guardianship, posts: &[Staffing], now: Timestamp) -> Option<Ward> {
    let works_at = |org| posts.iter().any(|post| post.org == org && post.valid_to.is_none());
    let acts = guardianship.institution.is_none_or(works_at);
    (acts && guardianship.is_live(now)).then(|| Ward::prove_by_guardianship(guardianship.guardian, guardianship.child))
}

/// Anybody may knock.
pub(crate) fn door() -> Door {
    Door::prove_by_knocking()
}

/// A command or job that names itself.
pub(crate) fn task(name: TaskName) -> Task {
    Task::prove_by_name(name)
}

/// A platform of the system; nothing for an application of a vendor, or one that is not in use.
pub(crate) fn platform(client: &Client) -> Option<Platform> {
    let serves = !client.is_application() && client.status == ClientStatus::Active;
    serves.then(|| Platform::prove_by_client(client.id))
}

/// A grant that was just made, in the transaction that makes it.
pub(crate) fn by_new_grant(grant: &Grant) -> ViaGrant {
    ViaGrant::prove_by_grant(grant.client, grant.person, grant.id)
}

/// Roles that keep rosters in their subtree.
const ROSTER_ROLES: [AdminRole; 6] = [
    AdminRole::National,
    AdminRole::Province,
    AdminRole::City,
    AdminRole::County,
    AdminRole::School,
    AdminRole::SchoolRoster,
];

/// Whether somebody with this role sees the people of its subtree.
pub(crate) fn keeps_rosters(role: AdminRole) -> bool {
    ROSTER_ROLES.contains(&role)
}

/// Roles that decide who is who in their subtree.
const CASE_ROLES: [AdminRole; 5] =
    [AdminRole::National, AdminRole::Province, AdminRole::City, AdminRole::County, AdminRole::School];

/// Roles above a school, whose word about a paper is not that of who keeps the school's register.
const SIGHTING_ROLES: [AdminRole; 4] = [AdminRole::National, AdminRole::Province, AdminRole::City, AdminRole::County];

/// Whoever runs an institution answers for all relying parties of its subtree, as for its cases.
const CLIENT_ROLES: [AdminRole; 5] = CASE_ROLES;
/// Whoever speaks for a vendor answers for her own applications there, and for no other vendor's.
const VENDOR_ROLES: [AdminRole; 1] = [AdminRole::Vendor];
/// These look, and change nothing.
const REVIEWING_ROLES: [AdminRole; 1] = [AdminRole::AppReviewer];

/// Whoever minds security minds accounts.
const SECURITY_ROLES: [AdminRole; 1] = [AdminRole::Security];
/// And so does whoever runs an institution.
const ACCOUNT_ROLES: [AdminRole; 6] = [
    AdminRole::National,
    AdminRole::Province,
    AdminRole::City,
    AdminRole::County,
    AdminRole::School,
    AdminRole::Security,
];
/// 三员: these read what was done, and open nothing else.
const AUDIT_ROLES: [AdminRole; 1] = [AdminRole::Audit];
/// These see whose record was shown to whom, and say whether one is opened.
const PRIVACY_ROLES: [AdminRole; 1] = [AdminRole::Privacy];
/// Whose word opens a full record.
const APPROVING_ROLES: [AdminRole; 6] = [
    AdminRole::National,
    AdminRole::Province,
    AdminRole::City,
    AdminRole::County,
    AdminRole::School,
    AdminRole::Privacy,
];

/// What somebody wants of the relying parties in her subtree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientDuty {
    /// To look at them.
    See,
    /// To change them.
    Keep,
}

async fn subtree(
    tx: &mut Tx,
    admin: PersonId,
    roles: &[AdminRole],
    now: Timestamp,
) -> Result<Option<Subtree>, StoreError> {
    let grants = admin_grants::live(tx, admin, now).await?;
    let holds = |role: &str| role.parse().is_ok_and(|role| roles.contains(&role));
    let roots = grants.iter().filter(|grant| holds(&grant.role)).map(|grant| (grant.id, grant.org)).collect();
    Ok(Subtree::prove_from_live_grants(admin, roots))
}

/// For whoever holds no such grant there is nothing.
fn held(scope: Option<Subtree>, role: &str) -> Result<Subtree, Error> {
    scope.ok_or_else(|| Error {
        internal: format!(
            "she holds no such live grant: run `mingji admin grant LOGIN --role {role} --scope ORG_CODE`"
        ),
        ..Error::not_found("a live grant for this")
    })
}

async fn all_below(tx: &mut Tx, scope: &Subtree, orgs: &BTreeSet<OrgId>) -> Result<bool, Error> {
    for org in orgs {
        if institutions::find_in(tx, scope, *org).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(!orgs.is_empty())
}

impl App {
    /// Where an administrator may decide who is who now.
    ///
    /// # Errors
    /// `NotFound` when she may nowhere: for her there are no cases.
    pub(crate) async fn case_subtree(&self, tx: &mut Tx, admin: PersonId, now: Timestamp) -> Result<Subtree, Error> {
        subtree(tx, admin, &CASE_ROLES, now).await?.ok_or_else(|| Error {
            internal: "she holds no live grant that decides cases: run `mingji admin grant LOGIN --role school_admin --scope ORG_CODE`"
                .into(),
            ..Error::not_found("a live grant that decides cases")
        })
    }

    /// Where an administrator may say what becomes of institutions now: of those strictly below her own.
    ///
    /// # Errors
    /// `NotFound` when she may nowhere.
    pub(crate) async fn institution_subtree(
        &self,
        tx: &mut Tx,
        admin: PersonId,
        now: Timestamp,
    ) -> Result<Subtree, Error> {
        subtree(tx, admin, &CASE_ROLES, now).await?.ok_or_else(|| Error {
            internal:
                "she holds no live grant over institutions: run `mingji admin grant LOGIN --role county_admin --scope ORG_CODE`"
                    .into(),
            ..Error::not_found("a live grant over institutions")
        })
    }

    /// Where somebody answers for relying parties now.
    ///
    /// # Errors
    /// `NotFound` when she may nowhere.
    pub(crate) async fn client_scope(
        &self,
        tx: &mut Tx,
        admin: PersonId,
        duty: ClientDuty,
        now: Timestamp,
    ) -> Result<ClientScope, Error> {
        let roles: Vec<AdminRole> = match duty {
            ClientDuty::Keep => CLIENT_ROLES.to_vec(),
            ClientDuty::See => CLIENT_ROLES.into_iter().chain(REVIEWING_ROLES).collect(),
        };
        let (all, hers) = (subtree(tx, admin, &roles, now).await?, subtree(tx, admin, &VENDOR_ROLES, now).await?);
        ClientScope::prove_from_live_roles(all, hers).ok_or_else(|| Error {
            internal:
                "she holds no live grant over clients: run `mingji admin grant LOGIN --role vendor_admin --scope ORG_CODE`"
                    .into(),
            ..Error::not_found("a live grant over clients")
        })
    }

    /// Where an auditor reads what was done now.
    ///
    /// # Errors
    /// `NotFound` when she may nowhere.
    pub(crate) async fn audit_subtree(&self, tx: &mut Tx, admin: PersonId, now: Timestamp) -> Result<Subtree, Error> {
        held(subtree(tx, admin, &AUDIT_ROLES, now).await?, "audit_admin")
    }

    /// Where an administrator minds accounts now.
    ///
    /// # Errors
    /// `NotFound` when she may nowhere.
    pub(crate) async fn account_subtree(&self, tx: &mut Tx, admin: PersonId, now: Timestamp) -> Result<Subtree, Error> {
        held(subtree(tx, admin, &ACCOUNT_ROLES, now).await?, "security_admin")
    }

    /// The same by the kind of her duties: as who minds security, and as who runs institutions.
    ///
    /// # Errors
    /// A failed store.
    pub(crate) async fn account_duties(
        &self,
        tx: &mut Tx,
        admin: PersonId,
        now: Timestamp,
    ) -> Result<Vec<(Duty, Subtree)>, Error> {
        let security = subtree(tx, admin, &SECURITY_ROLES, now).await?.map(|scope| (Duty::Security, scope));
        let running = subtree(tx, admin, &CASE_ROLES, now).await?.map(|scope| (Duty::System, scope));
        Ok(security.into_iter().chain(running).collect())
    }

    /// Where somebody minds privacy now.
    ///
    /// # Errors
    /// `NotFound` when she may nowhere.
    pub(crate) async fn privacy_subtree(&self, tx: &mut Tx, admin: PersonId, now: Timestamp) -> Result<Subtree, Error> {
        held(subtree(tx, admin, &PRIVACY_ROLES, now).await?, "privacy_admin")
    }

    /// Where somebody's word opens full records now; none where it does nowhere.
    pub(crate) async fn approval_subtree(
        &self,
        tx: &mut Tx,
        admin: PersonId,
        now: Timestamp,
    ) -> Result<Option<Subtree>, Error> {
        Ok(subtree(tx, admin, &APPROVING_ROLES, now).await?)
    }

    /// Whether all these institutions stand below somebody whose word opens full records, and there are any.
    pub(crate) async fn approves(
        &self,
        tx: &mut Tx,
        admin: PersonId,
        orgs: &BTreeSet<OrgId>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        match self.approval_subtree(tx, admin, now).await? {
            Some(scope) => all_below(tx, &scope, orgs).await,
            None => Ok(false),
        }
    }

    /// Whether all these institutions stand below an administrator who decides cases, and there are any.
    pub(crate) async fn covers(
        &self,
        tx: &mut Tx,
        admin: PersonId,
        orgs: &BTreeSet<OrgId>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        match subtree(tx, admin, &CASE_ROLES, now).await? {
            Some(scope) => all_below(tx, &scope, orgs).await,
            None => Ok(false),
        }
    }

    /// Whether everything that somebody is today lies in a scope, and she is there by more than a word of the scope's own
    /// institutions that nobody else looked at, or one that waits (R1): whoever names a graduate in a roster would hold all of
    /// her by it, who belongs nowhere else. A right over an institution goes to whoever is there, or comes from the operator.
    pub(crate) async fn holds_all_of(
        &self,
        tx: &mut Tx,
        scope: &Subtree,
        person: PersonId,
        day: NaiveDate,
    ) -> Result<bool, Error> {
        let task = task(TaskName::RosterView);
        let sides = cases::sides_of(tx, &task, &[person]).await?.into_iter().map(|side| side.org).collect();
        if !all_below(tx, scope, &sides).await? {
            return Ok(false);
        }
        let is_there = persons::in_subtree(tx, scope, person, day).await?.is_some();
        Ok(is_there || !admin_grants::standing(tx, &task, person).await?.is_empty())
    }

    /// The same of an administrator who decides cases.
    pub(crate) async fn decides_about(
        &self,
        tx: &mut Tx,
        admin: PersonId,
        person: PersonId,
        now: Timestamp,
    ) -> Result<bool, Error> {
        match subtree(tx, admin, &CASE_ROLES, now).await? {
            Some(scope) => self.holds_all_of(tx, &scope, person, now.shanghai_date()).await,
            None => Ok(false),
        }
    }

    /// Whether all these institutions stand below an administrator of a level above the school, and there are any. A
    /// role of that level over a school alone is the school's.
    pub(crate) async fn oversees(
        &self,
        tx: &mut Tx,
        task: &Task,
        admin: PersonId,
        orgs: &BTreeSet<OrgId>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let mut roots = Vec::new();
        for grant in admin_grants::live(tx, admin, now).await? {
            let above = grant.role.parse().is_ok_and(|role| SIGHTING_ROLES.contains(&role));
            let org = institutions::find(tx, task, grant.org).await?;
            if above && org.is_some_and(|org| !org.kind.teaches()) {
                roots.push((grant.id, grant.org));
            }
        }
        match Subtree::prove_from_live_grants(admin, roots) {
            Some(scope) => all_below(tx, &scope, orgs).await,
            None => Ok(false),
        }
    }

    /// Where an administrator may keep rosters now.
    ///
    /// # Errors
    /// `NotFound` when she may nowhere: for her there are no rosters.
    pub(crate) async fn roster_subtree(&self, tx: &mut Tx, admin: PersonId, now: Timestamp) -> Result<Subtree, Error> {
        subtree(tx, admin, &ROSTER_ROLES, now).await?.ok_or_else(|| Error {
            internal: "she holds no live grant over rosters: run `mingji admin grant LOGIN --role school_admin --scope ORG_CODE`"
                .into(),
            ..Error::not_found("a live grant over rosters")
        })
    }

    /// Whether an administrator keeps the rosters of an institution now.
    pub(crate) async fn keeps(&self, tx: &mut Tx, admin: PersonId, org: OrgId, now: Timestamp) -> Result<bool, Error> {
        match subtree(tx, admin, &ROSTER_ROLES, now).await? {
            Some(scope) => all_below(tx, &scope, &BTreeSet::from([org])).await,
            None => Ok(false),
        }
    }

    /// The institution in whose name an administrator acts where one of these is concerned: of her rights over rosters the nearest.
    pub(crate) async fn office_of(
        &self,
        tx: &mut Tx,
        task: &Task,
        admin: PersonId,
        places: &[OrgId],
        now: Timestamp,
    ) -> Result<Option<OrgId>, Error> {
        let mut nearest = None;
        for grant in admin_grants::live(tx, admin, now).await? {
            if !grant.role.parse().is_ok_and(keeps_rosters) {
                continue;
            }
            for place in places {
                let depth = institutions::depth(tx, task, grant.org, *place).await?;
                nearest = nearest.into_iter().chain(depth.map(|depth| (depth, grant.org))).min();
            }
        }
        Ok(nearest.map(|(_, org)| org))
    }

    /// Which of these people a platform may know of today: who studies or works at what it serves, and of children under 14
    /// those for whom a guardian agreed, unless the platform has a basis of its own (R8).
    pub(crate) async fn reached(
        &self,
        tx: &mut Tx,
        client: &Client,
        people: &[PersonId],
        now: Timestamp,
    ) -> Result<Vec<Reached>, Error> {
        let Some(platform) = platform(client) else { return Ok(Vec::new()) };
        let places: BTreeSet<PersonId> =
            feeds::reached_of(tx, &platform, now.shanghai_date(), people).await?.into_iter().collect();
        let mut reached = Vec::with_capacity(places.len());
        for person in places {
            let proof = Reached::prove_by_reach(&platform, person);
            // Whoever asked to be erased is kept for her school alone (R18), and of the dead there is nothing to tell.
            let known = persons::find(tx, &proof).await?.filter(|known| !known.status.is_over());
            let Some(known) = known else { continue };
            let age = AgeBand::at(known.birth_date, now);
            let child = age == AgeBand::Under14 && !client.is_statutory();
            if !child || self.has_receipt(tx, &proof, age, client, now).await? {
                reached.push(proof);
            }
        }
        Ok(reached)
    }

    /// Whether a grant goes on: what outlives its session does so by `offline_access`, which its client may not have any more.
    pub(crate) async fn goes_on(
        &self,
        tx: &mut Tx,
        grant: &Grant,
        client: &Client,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let by_itself = !grant.offline || client.allowed_scopes().has(Scope::OfflineAccess);
        Ok(by_itself || sessions::is_live(tx, grant.session, now).await?)
    }

    /// A grant of this client that is alive now, cut to what the client may have today, and the proof that goes with it.
    pub(crate) async fn live_grant(
        &self,
        tx: &mut Tx,
        id: GrantId,
        client: &Client,
        now: Timestamp,
    ) -> Result<Option<(Grant, ViaGrant)>, Error> {
        match grants::live(tx, id, now).await? {
            Some(grant) => self.held_grant(tx, grant, client, now).await,
            None => Ok(None),
        }
    }

    /// The same of a grant that was just read as alive.
    pub(crate) async fn held_grant(
        &self,
        tx: &mut Tx,
        grant: Grant,
        client: &Client,
        now: Timestamp,
    ) -> Result<Option<(Grant, ViaGrant)>, Error> {
        if grant.client != client.id || !self.goes_on(tx, &grant, client, now).await? {
            return Ok(None);
        }
        let proof = by_new_grant(&grant);
        Ok(Some((grant.within(&client.allowed_scopes()), proof)))
    }
}
