//! `mingji admin why`: the chain of grants and institutions by which an administrator sees somebody, or the link that is missing
//! (未成年人网络保护条例 36: who may see what is known, and can be asked).

use serde::Serialize;

use super::relation_claim::Decider;
use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{AdminGrantId, OrgId, PersonId};
use crate::domain::registry::codes::student_state::StudentSource;
use crate::domain::registry::guardianship::GuardianshipStatus;
use crate::domain::registry::relation_claim::{ClaimKind, RelationClaim};
use crate::store::admin_grants::KnownGrant;
use crate::store::db::Tx;
use crate::store::{admin_grants, enrolments, guardianships, institutions, persons, relation_claims, staffings};

/// One way by which she sees somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Chain {
    /// The grant.
    pub grant_id: AdminGrantId,
    /// Its role.
    pub role: String,
    /// Who gave it; none: the operator, or somebody outside the scope of whoever asks.
    pub granted_by: Option<PersonId>,
    /// From the institution of the grant down to where the person belongs.
    pub path: Vec<String>,
    /// What the person is there: `student`, `staff`, `guardian` (of a student there).
    pub relation: &'static str,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Why {
    /// Whether she sees the person now.
    pub sees: bool,
    /// Every way by which she does.
    pub chains: Vec<Chain>,
    /// What is missing, where there is none: `no_grant`, `not_yet`, `expired`, `revoked`, `post_left` (of whoever named a
    /// deputy too), `no_roster_role`, `belongs_nowhere`, `elsewhere`.
    pub missing: Vec<&'static str>,
}

/// Where somebody belongs today, and as what.
struct Side {
    org: OrgId,
    relation: &'static str,
    /// Who recorded the guardian of a child whose 学籍 is elsewhere: whoever is above both sees her.
    recorder: Option<OrgId>,
    /// Whose word alone it is, and which administrator's: whoever is above that institution, by whichever of her rights, sees
    /// nobody by it, nor does she.
    unless: Option<(OrgId, Option<PersonId>)>,
}

impl App {
    /// Why an administrator sees a person, or why not. Another administrator is told about grants and people in her scope alone.
    /// The question is audited: its answer is about people.
    ///
    /// # Errors
    /// `NotFound` for people who are not there, or not in the scope of who asks.
    pub async fn why_sees(&self, ctx: &Ctx, by: Decider, admin: PersonId, person: PersonId) -> Result<Why, Error> {
        let (task, ctx) = (access::task(TaskName::AdminDesk), by.acting(ctx));
        let mut work = self.begin(&ctx, Action::AdminViewed).await?;
        let missing = || Error::not_found("the person");
        let admin = persons::survivor(work.tx(), admin).await?.ok_or_else(missing)?;
        let person = persons::survivor(work.tx(), person).await?.ok_or_else(missing)?;
        let mut grants = admin_grants::all_of(work.tx(), &task, admin).await?;
        let roots: Vec<OrgId> = grants.iter().filter(|one| one.revoked_at.is_none()).map(|one| one.org).collect();
        if let Some(asks) = by.admin() {
            let scope = self.institution_subtree(work.tx(), asks, ctx.now).await?;
            let seen = persons::in_subtree(work.tx(), &scope, person, ctx.now.shanghai_date()).await?;
            let mut known = Vec::new();
            for grant in grants {
                if institutions::find_in(work.tx(), &scope, grant.org).await?.is_none() {
                    continue;
                }
                let giver = match grant.granted_by {
                    Some(giver) => persons::in_subtree(work.tx(), &scope, giver, ctx.now.shanghai_date()).await?,
                    None => None,
                };
                known.push(KnownGrant { granted_by: giver.map(|giver| giver.id), ..grant });
            }
            grants = known;
            if seen.is_none() || grants.is_empty() {
                return Err(missing());
            }
        }
        let live: Vec<AdminGrantId> =
            admin_grants::live(work.tx(), admin, ctx.now).await?.iter().map(|grant| grant.id).collect();
        let sides = sides(work.tx(), &task, &ctx, person).await?;
        let (mut chains, mut lacks) = (Vec::new(), Vec::new());
        for grant in &grants {
            match lacks_itself(grant, &live, &ctx) {
                Some(lack) => lacks.push(lack),
                None if sides.is_empty() => lacks.push("belongs_nowhere"),
                None => {
                    let found = reached(work.tx(), &task, grant, &roots, &sides).await?;
                    if found.is_empty() {
                        lacks.push("elsewhere");
                    }
                    chains.extend(found);
                }
            }
        }
        if grants.is_empty() {
            lacks.push("no_grant");
        }
        lacks.sort_unstable();
        lacks.dedup();
        let missing = if chains.is_empty() { lacks } else { Vec::new() };
        work.shows(admin).shows(person);
        work.target("admin", admin).target("person", person).detail("view", "why").detail("sees", !chains.is_empty());
        work.commit(Outcome::Done).await?;
        Ok(Why { sees: !chains.is_empty(), chains, missing })
    }
}

/// Why a grant shows nobody at all.
fn lacks_itself(grant: &KnownGrant, live: &[AdminGrantId], ctx: &Ctx) -> Option<&'static str> {
    let keeps = grant.role.parse().is_ok_and(access::keeps_rosters);
    if live.contains(&grant.id) {
        (!keeps).then_some("no_roster_role")
    } else if grant.valid_to.is_some_and(|end| end <= grant.revoked_at.unwrap_or(ctx.now)) {
        // Whether or not it was written down that it is over.
        Some("expired")
    } else if grant.revoked_at.is_some() {
        Some("revoked")
    } else if grant.valid_from > ctx.now {
        Some("not_yet")
    } else {
        Some("post_left")
    }
}

/// Where the person belongs below the institution of a grant.
async fn reached(
    tx: &mut Tx,
    task: &Task,
    grant: &KnownGrant,
    roots: &[OrgId],
    sides: &[Side],
) -> Result<Vec<Chain>, Error> {
    let mut chains = Vec::new();
    for side in sides {
        let Some(depth) = institutions::depth(tx, task, grant.org, side.org).await? else { continue };
        let recorded = match side.recorder {
            Some(recorder) => lies_below(tx, task, grant.org, recorder).await?,
            None => true,
        };
        if !recorded || is_own_word(tx, task, grant.person, roots, side.unless).await? {
            continue;
        }
        let above = institutions::ancestors(tx, task, side.org).await?;
        let own = institutions::find(tx, task, side.org).await?;
        let steps = usize::try_from(depth).unwrap_or(usize::MAX);
        let mut path: Vec<String> =
            own.into_iter().chain(above).take(steps.saturating_add(1)).map(|org| org.name).collect();
        path.reverse();
        chains.push(Chain {
            grant_id: grant.id,
            role: grant.role.clone(),
            granted_by: grant.granted_by,
            path,
            relation: side.relation,
        });
    }
    Ok(chains)
}

async fn lies_below(tx: &mut Tx, task: &Task, root: OrgId, org: OrgId) -> Result<bool, Error> {
    Ok(institutions::depth(tx, task, root, org).await?.is_some())
}

/// Whether somebody is known by a word alone that is this administrator's own, or of an institution of hers.
async fn is_own_word(
    tx: &mut Tx,
    task: &Task,
    admin: PersonId,
    roots: &[OrgId],
    word: Option<(OrgId, Option<PersonId>)>,
) -> Result<bool, Error> {
    let Some((org, by)) = word else { return Ok(false) };
    if by == Some(admin) {
        return Ok(true);
    }
    for root in roots {
        if lies_below(tx, task, *root, org).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn sides(tx: &mut Tx, task: &Task, ctx: &Ctx, person: PersonId) -> Result<Vec<Side>, Error> {
    let today = ctx.now.shanghai_date();
    let on = task.on(person);
    let mut sides = Vec::new();
    for stay in enrolments::open_of_many(tx, task, &[person]).await? {
        sides.push(Side { org: stay.org, relation: "student", recorder: None, unless: None });
    }
    for post in staffings::of_person(tx, &on).await?.into_iter().filter(|post| post.stands_on(today)) {
        sides.push(Side { org: post.org, relation: "staff", recorder: None, unless: None });
    }
    let said = relation_claims::about_many(tx, task, &[person], &[], &[]).await?;
    for ward in guardianships::of_guardian(tx, &on).await? {
        if ward.status != GuardianshipStatus::Confirmed {
            continue;
        }
        let names_her = |claim: &&RelationClaim| {
            claim.kind == ClaimKind::Guardian && claim.child == ward.child && claim.is_unreviewed()
        };
        let mut words = said.iter().filter(names_her).map(|claim| (claim.org, claim.claimed_by));
        let unless = words.find(|(org, _)| ward.recorded_by == Some(*org));
        for stay in enrolments::open_of_many(tx, task, &[ward.child]).await? {
            let recorder = match (stay.source, ward.recorded_by) {
                (StudentSource::Normal, _) => None,
                (_, Some(recorder)) => Some(recorder),
                (_, None) => continue,
            };
            sides.push(Side { org: stay.org, relation: "guardian", recorder, unless });
        }
    }
    Ok(sides)
}
