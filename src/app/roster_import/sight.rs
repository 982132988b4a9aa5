//! What the actor of an import may see (ruling R1). Rows are decided by what she sees; what she does not see decides
//! only what is written, so that her preview and her result read the same whoever is known elsewhere.

use std::collections::{BTreeSet, HashSet};

use uuid::Uuid;

use super::plan::Plan;
use crate::app::{App, Ctx, Error};
use crate::domain::access::Subtree;
use crate::domain::id::{OrgId, PersonId};
use crate::store::db::Tx;
use crate::store::institution_changes::Running;
use crate::store::{institution_changes, institutions, relation_claims};

/// Questions about people whom an administrator does not hold, a day and school of hers: a large school's children with
/// two guardians each, twice over.
const PROBES_PER_SCHOOL: i64 = 20_000;

/// What a row costs that contradicts what is known of somebody in sight, by her number or her 学籍号: with a 学籍号 that she
/// knows an administrator would try numbers until one fits. A thousand a day and school are more than a bad file holds.
const CONTRADICTION: i64 = 20;

pub(super) enum Sight {
    /// The operator's command covers the whole tree.
    Everything,
    /// An administrator's live grants.
    Below(Below),
}

pub(super) struct Below {
    admin: PersonId,
    roots: BTreeSet<OrgId>,
    orgs: HashSet<OrgId>,
    /// The newest change of institutions when they were read; while one was under way nobody knows.
    settled: Result<Option<Uuid>, Running>,
    budget: i64,
}

impl Sight {
    /// From the grants of an administrator.
    pub(super) async fn below(tx: &mut Tx, scope: &Subtree) -> Result<Self, Error> {
        let settled = institution_changes::settled(tx).await?;
        let found = institutions::all_in(tx, scope).await?;
        let schools: HashSet<OrgId> = found.iter().filter(|org| org.kind.teaches()).map(|org| org.id).collect();
        let budget = i64::try_from(schools.len().max(1)).unwrap_or(i64::MAX).saturating_mul(PROBES_PER_SCHOOL);
        let orgs = found.into_iter().map(|org| org.id).collect();
        Ok(Self::Below(Below { admin: scope.admin(), roots: scope.roots().collect(), orgs, settled, budget }))
    }

    /// Whether she still has everything that she had when the import began.
    pub(super) async fn stands(&self, tx: &mut Tx, scope: &Subtree) -> Result<bool, Error> {
        let Self::Below(below) = self else { return Ok(true) };
        let settled = institution_changes::settled(tx).await?;
        if settled.is_ok() && settled == below.settled && scope.roots().collect::<BTreeSet<_>>() == below.roots {
            return Ok(true);
        }
        let now: HashSet<OrgId> = institutions::all_in(tx, scope).await?.into_iter().map(|org| org.id).collect();
        Ok(below.orgs.is_subset(&now))
    }

    pub(super) fn is_bounded(&self) -> bool {
        matches!(self, Self::Below(_))
    }

    pub(super) fn covers(&self, org: OrgId) -> bool {
        match self {
            Self::Everything => true,
            Self::Below(below) => below.orgs.contains(&org),
        }
    }

    /// The administrator; none for the operator.
    pub(super) fn admin(&self) -> Option<PersonId> {
        match self {
            Self::Everything => None,
            Self::Below(below) => Some(below.admin),
        }
    }

    /// Charges the day's budget.
    ///
    /// # Errors
    /// `Conflict` when it is used up.
    pub(super) async fn charge(&self, ctx: &Ctx, tx: &mut Tx, plan: &Plan) -> Result<(), Error> {
        let Self::Below(below) = self else { return Ok(()) };
        let day = ctx.now.shanghai_date();
        let cost = plan.contradictions.saturating_mul(CONTRADICTION).saturating_add(plan.probes);
        if cost == 0 || relation_claims::count_probes(tx, below.admin, day, cost, below.budget).await? {
            return Ok(());
        }
        Err(Error::new(
            crate::app::Kind::Conflict,
            "今日可查询的非本单位人员数量已用完，已导入的保留，明日可用同一文件继续，或由上级办理。Today's questions about people who are not at your institutions, and rows that contradict what is known of \
             those who are, are used up; what was imported stays, and the same file goes on tomorrow, or by the level above",
        ))
    }
}

impl App {
    /// What an administrator sees now.
    ///
    /// # Errors
    /// `NotFound` for somebody without a live grant over rosters.
    pub(super) async fn sight_of(&self, ctx: &Ctx, admin: PersonId) -> Result<Sight, Error> {
        let mut tx = self.db.read().await?;
        let scope = self.roster_subtree(&mut tx, admin, ctx.now).await?;
        Sight::below(&mut tx, &scope).await
    }
}
