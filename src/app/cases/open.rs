//! Opening cases: whoever meets what only a human can settle says so here, in her own transaction.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::app::{App, Ctx, Error};
use crate::domain::access::Task;
use crate::domain::hex::hex;
use crate::domain::id::{CaseId, OrgId, PersonId};
use crate::domain::registry::case::{Case, CaseKind, CaseSource, CaseState, Stated, lowest_above};
use crate::domain::registry::institution::InstitutionLevel;
use crate::domain::registry::name;
use crate::domain::registry::person::PersonSalt;
use crate::store::db::Tx;
use crate::store::{cases, institutions};

/// What clashes.
pub(crate) struct Dispute {
    /// How.
    pub(crate) kind: CaseKind,
    /// Who holds what is in dispute.
    pub(crate) person: PersonId,
    /// The second record, where there is one.
    pub(crate) other: Option<PersonId>,
    /// Keyed index of the number or 学籍号 in dispute.
    pub(crate) subject_key: Option<[u8; 32]>,
    /// What was said.
    pub(crate) stated: Stated,
    /// Whose row or order said so.
    pub(crate) org: Option<OrgId>,
    /// What is at work.
    pub(crate) source: CaseSource,
    /// Whoever said so does not see who holds it: she learns nothing by it (R1), so she is no judge of it either.
    pub(crate) unseen: bool,
}

/// Opens a case for each dispute that opened none before, assigned to the lowest institution that covers all its sides;
/// the ids of those that are new, for the caller's events. Safe to call with many, again, and by two at once.
///
/// # Errors
/// A failed store.
pub(crate) async fn open(
    app: &App,
    ctx: &Ctx,
    tx: &mut Tx,
    task: &Task,
    by: Option<PersonId>,
    disputes: Vec<Dispute>,
) -> Result<Vec<CaseId>, Error> {
    let keyed: Vec<([u8; 32], Dispute)> =
        disputes.into_iter().map(|dispute| (facts_key(app, &dispute), dispute)).collect();
    let keys: Vec<[u8; 32]> = keyed.iter().map(|(key, _)| *key).collect();
    let mut seen: HashSet<[u8; 32]> = cases::known(tx, task, &keys).await?.into_iter().collect();
    let fresh: Vec<_> = keyed.into_iter().filter(|(key, _)| seen.insert(*key)).collect();
    if fresh.is_empty() {
        return Ok(Vec::new());
    }
    let sides = Sides::load(tx, task, fresh.iter().map(|(_, dispute)| dispute)).await?;
    let people: Vec<PersonId> = fresh.iter().map(|(_, dispute)| dispute.person).collect();
    let salts: HashMap<PersonId, PersonSalt> =
        cases::salts_of(tx, task, &people).await?.into_iter().filter_map(|one| Some((one.person, one.salt?))).collect();
    let mut opened = Vec::with_capacity(fresh.len());
    for (facts_key, dispute) in fresh {
        let id = CaseId::new(ctx.now, &*app.random);
        let plain = serde_json::to_vec(&dispute.stated)?;
        let seal = |salt: &PersonSalt| {
            app.sealer.seal_column(salt.expose(), "conflict_case", "evidence_sealed", id.0, &plain, &*app.random)
        };
        let org = match (dispute.kind, dispute.org) {
            (CaseKind::ErasedNumber, Some(org)) => authority_above(tx, task, org).await?,
            _ => sides.lowest(&[Some(dispute.person), dispute.other], dispute.org),
        };
        let org = match (org, by) {
            // What she wrote herself may be all that ties somebody to her institutions.
            (Some(above), Some(admin)) if dispute.unseen && app.keeps(tx, admin, above, ctx.now).await? => None,
            (org, _) => org,
        };
        opened.push(Case {
            id,
            kind: dispute.kind,
            facts_key,
            person: dispute.person,
            other: dispute.other,
            subject_key: dispute.subject_key,
            claimed_by_org: dispute.org,
            org,
            source: dispute.source,
            opened_by: by,
            evidence_sealed: salts.get(&dispute.person).map(seal).transpose()?,
            state: CaseState::Open,
            decision: None,
            reason: None,
            decided_by: None,
            created_at: ctx.now,
            decided_at: None,
            version: 1,
        });
    }
    // One order everywhere: two that open the same cases wait for each other and do not lock each other out.
    opened.sort_by_key(|case| case.facts_key);
    let written = cases::insert_all(tx, task, &opened).await?;
    let mut ids: Vec<CaseId> = opened.iter().map(|case| case.id).collect();
    if usize::try_from(written).ok() != Some(ids.len()) {
        // Somebody opened some of them at the same moment; theirs stand.
        let mut mine = Vec::new();
        for id in ids {
            mine.extend(cases::find(tx, task, id).await?.map(|case| case.id));
        }
        ids = mine;
    }
    Ok(ids)
}

/// The county of an institution, or what stands above it where there is none: the lowest that has a say about somebody
/// who was erased (R18).
async fn authority_above(tx: &mut Tx, task: &Task, org: OrgId) -> Result<Option<OrgId>, Error> {
    use InstitutionLevel::{City, County, Nation, Province};
    let own = institutions::find(tx, task, org).await?;
    let mut chain = own.into_iter().chain(institutions::ancestors(tx, task, org).await?);
    Ok(chain.find(|org| matches!(org.level, County | City | Province | Nation)).map(|org| org.id))
}

/// Two records have no order between them; a row has the name that it gave; each institution asks for itself whether
/// somebody who was erased may come again.
fn facts_key(app: &App, dispute: &Dispute) -> [u8; 32] {
    let mut people = [Some(dispute.person), dispute.other].map(|id| id.map(|id| id.to_string()).unwrap_or_default());
    if dispute.kind == CaseKind::SameDetails {
        people.sort();
    }
    let subject = dispute.subject_key.map(|key| hex(&key)).unwrap_or_default();
    let name = match dispute.other {
        Some(_) => String::new(),
        None => dispute.stated.name.as_deref().map(name::name_key).unwrap_or_default(),
    };
    match dispute.org.filter(|_| dispute.kind == CaseKind::ErasedNumber) {
        Some(org) => app.index.case(dispute.kind.as_str(), &[&people[0], &people[1], &subject, &org.to_string()]),
        None => app.index.case(dispute.kind.as_str(), &[&people[0], &people[1], &subject, &name]),
    }
}

/// Where people belong, and what stands above it.
pub(super) struct Sides {
    of: HashMap<PersonId, BTreeSet<OrgId>>,
    above: HashMap<OrgId, Vec<OrgId>>,
}

impl Sides {
    async fn load(tx: &mut Tx, task: &Task, disputes: impl Iterator<Item = &Dispute> + Clone) -> Result<Self, Error> {
        let people: Vec<PersonId> =
            disputes.clone().flat_map(|dispute| [Some(dispute.person), dispute.other]).flatten().collect();
        let orgs: Vec<OrgId> = disputes.filter_map(|dispute| dispute.org).collect();
        Self::of(tx, task, &people, &orgs).await
    }

    /// Of some people and further institutions.
    pub(super) async fn of(tx: &mut Tx, task: &Task, people: &[PersonId], orgs: &[OrgId]) -> Result<Self, Error> {
        let mut people = people.to_vec();
        people.sort_unstable();
        people.dedup();
        let mut of: HashMap<PersonId, BTreeSet<OrgId>> = HashMap::new();
        for side in cases::sides_of(tx, task, &people).await? {
            of.entry(side.person).or_default().insert(side.org);
        }
        let mut all: BTreeSet<OrgId> = of.values().flatten().copied().collect();
        all.extend(orgs);
        let mut rows = cases::above(tx, task, &all.iter().copied().collect::<Vec<_>>()).await?;
        rows.sort_by_key(|row| row.depth);
        let mut above: HashMap<OrgId, Vec<OrgId>> = HashMap::new();
        for row in rows {
            above.entry(row.below).or_default().push(row.org);
        }
        Ok(Self { of, above })
    }

    /// The institutions of the people, and of whoever said otherwise.
    pub(super) fn all(&self, people: &[Option<PersonId>], org: Option<OrgId>) -> BTreeSet<OrgId> {
        let theirs = people.iter().flatten().filter_map(|person| self.of.get(person)).flatten().copied();
        theirs.chain(org).collect()
    }

    /// Whether each of them belongs somewhere today. For whoever belongs nowhere only the operator speaks: the other side
    /// would be judge in its own case.
    pub(super) fn are_complete(&self, people: &[Option<PersonId>]) -> bool {
        people.iter().flatten().all(|person| self.of.contains_key(person))
    }

    /// Who may decide between them.
    pub(super) fn lowest(&self, people: &[Option<PersonId>], org: Option<OrgId>) -> Option<OrgId> {
        if !self.are_complete(people) {
            return None;
        }
        let sides = self.all(people, org);
        lowest_above(&sides.iter().map(|side| self.above.get(side).cloned().unwrap_or_default()).collect::<Vec<_>>())
    }
}
