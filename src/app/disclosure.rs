//! Who looked at my record, and why: for each person herself.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use super::kept_away::{Told, kept_away};
use super::relation_claim::Decider;
use super::walk::{InScope, STEPS, Walked};
use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::{OnePerson, Subtree, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{AuditId, OrgId, PersonId};
use crate::store::db::Tx;
use crate::store::disclosures::{self, Shown};
use crate::store::{cases, institutions, merges, persons};

/// That her record was shown to somebody.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Disclosure {
    /// The audit entry.
    pub id: AuditId,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// What was done, as the audit calls it.
    pub action: String,
    /// Who it was; the operator's commands have no name.
    pub by: Option<String>,
    /// The institution by whose rights.
    pub institution: Option<String>,
    /// Why, where a purpose was given.
    pub purpose: Option<String>,
    /// Who, where and why are kept back: they might lead to a child whom a court keeps from her, or nobody knows any more by which
    /// of her rights somebody looked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withheld: bool,
}

/// So many are read in one step.
const STEP: usize = 200;

/// So many people stand in one entry of a long list.
const SHOWN_AT_ONCE: usize = 500;

/// The newest of all.
fn end() -> AuditId {
    AuditId(Uuid::max())
}

impl App {
    /// Who looked at a person's record, the newest first, before an entry.
    ///
    /// # Errors
    /// A failed store.
    pub async fn disclosures(
        &self,
        person: PersonId,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<Disclosure>, Error> {
        let own = access::own_by_credential(person);
        let mut tx = self.db.read().await?;
        self.disclosures_of(&mut tx, &own, before, limit).await
    }

    /// Writes down that a command of the operator showed somebody's full record, and why: he asks nobody (R19).
    pub(super) async fn disclose(
        &self,
        ctx: &Ctx,
        why: String,
        about: PersonId,
        beside: &[PersonId],
    ) -> Result<(), Error> {
        let mut work = self.begin(ctx, Action::RecordViewed).await?;
        work.target("person", about).because(why).shows(about);
        for person in beside {
            work.shows(*person);
        }
        work.commit(Outcome::Done).await
    }

    /// Writes down that a list of the operator's showed these people, before it is told: an entry for each page of them, and
    /// one for a list without anybody.
    pub(super) async fn show_all(
        &self,
        ctx: &Ctx,
        action: Action,
        what: &'static str,
        people: &[PersonId],
    ) -> Result<(), Error> {
        let pages = if people.is_empty() { vec![people] } else { people.chunks(SHOWN_AT_ONCE).collect() };
        for page in pages {
            let mut work = self.begin(ctx, action).await?;
            work.detail(what, page.len());
            for person in page {
                work.shows(*person);
            }
            work.commit(Outcome::Done).await?;
        }
        Ok(())
    }

    /// The same for whoever minds privacy where the person belongs: what was shown by the rights of institutions that are hers.
    /// Audited.
    ///
    /// # Errors
    /// `NotFound` for whoever minds no privacy, and for somebody who is not below her.
    pub async fn disclosures_in(
        &self,
        ctx: &Ctx,
        by: Decider,
        person: PersonId,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Walked<Disclosure, AuditId>, Error> {
        let missing = || Error::not_found("the person");
        let admin = by.admin().ok_or_else(missing)?;
        let mut tx = self.db.read().await?;
        let scope = self.privacy_subtree(&mut tx, admin, ctx.now).await?;
        let person = self.person_in(&mut tx, ctx, &scope, person).await?.id;
        let on = access::task(TaskName::RosterView).on(person);
        let (mut told, mut seen, mut known) = (Vec::new(), InScope::new(&scope), Known::default());
        // What others were shown is passed over, and may be nearly all.
        let mut place = Some(before.unwrap_or_else(end));
        for _ in 0..STEPS {
            let Some(before) = place.filter(|_| told.len() <= limit) else { break };
            let page = self.shown_of(&mut tx, &on, Some(before), STEP).await?;
            place = page.last().map(|one| one.entry).filter(|_| page.len() == STEP);
            for one in page {
                if told.len() > limit || !is_by_hers(&mut tx, &mut seen, &one).await? {
                    continue;
                }
                match known.by_right(&mut tx, &one, person).await? {
                    // Whoever looked holds a right of hers too, and looked by another one: who and why is not hers to know.
                    Some(right) if !seen.has(&mut tx, right).await? => {}
                    None => told.push(bare(one)),
                    right => told.push(known.tell(&mut tx, one, right, Some(&scope)).await?),
                }
            }
        }
        drop(tx);
        let walked = Walked::at(told, limit, place, |one| one.id);
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::DisclosuresViewed).await?;
        work.target("person", person).detail("rows", walked.items.len());
        work.commit(Outcome::Done).await?;
        Ok(walked)
    }

    /// The same in a transaction that is open, as it is told to the person herself: never what leads to a child whom a court keeps from
    /// her.
    pub(super) async fn disclosures_of(
        &self,
        tx: &mut Tx,
        proof: &impl OnePerson,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<Disclosure>, Error> {
        let shown = self.shown_of(tx, proof, before, limit).await?;
        let away = kept_away(tx, proof, self.now()).await?;
        let (mut told, mut known) = (Vec::with_capacity(shown.len()), Known::default());
        for one in shown {
            let may_know = match &away {
                Some(away) => away.may_know(tx, &one).await?,
                None => Told::Whole(known.by_right(tx, &one, proof.person()).await?),
            };
            told.push(match may_know {
                Told::Whole(right) => known.tell(tx, one, right, None).await?,
                Told::Bare => bare(one),
            });
        }
        Ok(told)
    }

    async fn shown_of(
        &self,
        tx: &mut Tx,
        proof: &impl OnePerson,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<Shown>, Error> {
        // What was shown of a record that became hers was shown of her.
        let (task, before) = (access::task(TaskName::RosterView), before.unwrap_or_else(end));
        let mut shown = disclosures::of_person(tx, proof, before, limit).await?;
        for absorbed in merges::all_into(tx, &task, proof.person()).await? {
            shown.extend(disclosures::of_person(tx, &task.on(absorbed), before, limit).await?);
        }
        shown.sort_by_key(|one| std::cmp::Reverse(one.entry));
        shown.dedup_by_key(|one| one.entry);
        shown.truncate(limit);
        Ok(shown)
    }
}

/// The institutions by whose rights somebody looked.
pub(super) fn rights(shown: &Shown) -> impl Iterator<Item = OrgId> + '_ {
    let rights = shown.actor["rights"].as_array().into_iter().flatten();
    rights.filter_map(|right| right["institution"].as_str()?.parse().ok())
}

/// Whether it was shown by the rights of an institution in a scope: by whom else it was is not hers to know.
async fn is_by_hers(tx: &mut Tx, seen: &mut InScope<'_>, shown: &Shown) -> Result<bool, Error> {
    for org in rights(shown) {
        if seen.has(tx, org).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What many looks have in common, asked once for a page of them: few people look, each many times.
#[derive(Default)]
struct Known {
    people: BTreeMap<PersonId, Option<String>>,
    institutions: BTreeMap<OrgId, Option<String>>,
    /// Where the person is.
    sides: Option<Vec<OrgId>>,
    /// How far above the second the first stands, if it does.
    depths: BTreeMap<(OrgId, OrgId), Option<u32>>,
}

impl Known {
    /// The institution by whose right somebody looked: of several, the one nearest above what was looked at, or whoever minds privacy
    /// at a school would not hear of its own administrator who has the county too. What else she administers is nothing of the
    /// person's.
    async fn by_right(&mut self, tx: &mut Tx, shown: &Shown, person: PersonId) -> Result<Option<OrgId>, Error> {
        let task = access::task(TaskName::RosterView);
        let mut rights: Vec<OrgId> = rights(shown).collect();
        rights.sort_unstable();
        rights.dedup();
        if rights.len() < 2 {
            return Ok(rights.pop());
        }
        let mut at: Vec<OrgId> = id_in(&shown.target["institution"]).map(OrgId).into_iter().collect();
        if at.is_empty() {
            if self.sides.is_none() {
                let sides = cases::sides_of(tx, &task, &[person]).await?;
                self.sides = Some(sides.into_iter().map(|side| side.org).collect());
            }
            at.extend(self.sides.iter().flatten());
        }
        let mut nearest: Option<(u32, OrgId)> = None;
        for right in rights {
            for org in &at {
                if let Some(depth) = self.depth(tx, right, *org).await?
                    && nearest.is_none_or(|(least, _)| depth < least)
                {
                    nearest = Some((depth, right));
                }
            }
        }
        Ok(nearest.map(|(_, right)| right))
    }

    async fn depth(&mut self, tx: &mut Tx, above: OrgId, org: OrgId) -> Result<Option<u32>, Error> {
        if let Some(known) = self.depths.get(&(above, org)) {
            return Ok(*known);
        }
        let depth = institutions::depth(tx, &access::task(TaskName::RosterView), above, org).await?;
        self.depths.insert((above, org), depth);
        Ok(depth)
    }

    async fn tell(
        &mut self,
        tx: &mut Tx,
        shown: Shown,
        right: Option<OrgId>,
        scope: Option<&Subtree>,
    ) -> Result<Disclosure, Error> {
        let by = match id_in(&shown.actor["id"]) {
            Some(id) if shown.actor["kind"] == "person" => self.name_of(tx, PersonId(id)).await?,
            _ => None,
        };
        let institution = match right {
            Some(org) => self.institution(tx, org, scope).await?,
            None => None,
        };
        Ok(Disclosure {
            id: shown.entry,
            at: shown.at.to_rfc3339(),
            action: shown.action,
            by,
            institution,
            purpose: shown.reason,
            withheld: false,
        })
    }

    async fn name_of(&mut self, tx: &mut Tx, person: PersonId) -> Result<Option<String>, Error> {
        if let Some(known) = self.people.get(&person) {
            return Ok(known.clone());
        }
        let found = persons::find(tx, &access::task(TaskName::RosterView).on(person)).await?;
        let name = found.and_then(|person| person.name).map(|name| name.as_str().to_owned());
        self.people.insert(person, name.clone());
        Ok(name)
    }

    async fn institution(&mut self, tx: &mut Tx, org: OrgId, scope: Option<&Subtree>) -> Result<Option<String>, Error> {
        if let Some(known) = self.institutions.get(&org) {
            return Ok(known.clone());
        }
        let found = match scope {
            Some(scope) => institutions::find_in(tx, scope, org).await?,
            None => institutions::find(tx, &access::task(TaskName::RosterView), org).await?,
        };
        let name = found.map(|org| org.name);
        self.institutions.insert(org, name.clone());
        Ok(name)
    }
}

fn id_in(value: &serde_json::Value) -> Option<Uuid> {
    value.as_str().and_then(|text| text.parse().ok())
}

/// That it was, and when.
fn bare(shown: Shown) -> Disclosure {
    let (id, at, action) = (shown.entry, shown.at.to_rfc3339(), shown.action);
    Disclosure { id, at, action, by: None, institution: None, purpose: None, withheld: true }
}
