//! The guardians in a student's row. Confirmed only when that school holds the child's 学籍 and no other school recorded
//! the child's guardians before, else pending (ruling R1).

use std::collections::BTreeSet;

use super::desk::Desk;
use super::identify::{Claimed, Found};
use super::known::{Keys, Org};
use crate::app::Error;
use crate::domain::id::{GuardianshipId, PersonId};
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::codes::student_state::StudentSource;
use crate::domain::registry::document::DocumentClass;
use crate::domain::registry::guardianship::{Confirmation, ConfirmedBy, Evidence, Guardianship, GuardianshipStatus};
use crate::domain::registry::relation_claim::{ClaimKind, ClaimState, Details};
use crate::domain::registry::roster::{Code, Column, Fault, PersonRow};

/// The child of a row, as far as her guardians hang on it.
pub(super) struct ChildOf<'a> {
    pub(super) number: u64,
    pub(super) id: PersonId,
    /// Under which the actor names her, where others hold her.
    pub(super) key: Option<[u8; 32]>,
    pub(super) org: &'a Org,
    /// Another row of the file named her before: it counts.
    pub(super) repeated: bool,
    /// The row names another person than the register: nothing is attached to her.
    pub(super) differs: bool,
}

/// One guardian of a row.
pub(super) struct GuardianRow<'a> {
    pub(super) place: usize,
    pub(super) person: &'a PersonRow,
    pub(super) relation: Relation,
    pub(super) column: Column,
    pub(super) keys: &'a Keys,
}

impl Desk<'_> {
    /// Attaches a guardian; whether anything changed.
    pub(super) fn guardian(&mut self, child: &ChildOf<'_>, row: &GuardianRow<'_>) -> Result<bool, Error> {
        let found = match self.person(row.person, row.keys, row.column)? {
            Ok(found) => found,
            Err(fault) => {
                if self.is_kept(&fault) {
                    // As of somebody whom nobody had.
                    return Ok(!self.asked_before);
                }
                self.plan.faults.push((child.number, fault));
                return Ok(false);
            }
        };
        // That two keys lead to one person is nothing the actor may learn.
        if found.who.id == child.id && found.key() == child.key {
            let fault =
                Fault::new(row.column, Code::RelationInvalid, "本人不能是自己的监护人。Nobody is her own guardian");
            self.plan.faults.push((child.number, fault));
            return Ok(false);
        }
        self.login(child.number, if row.place == 0 { "guardian1" } else { "guardian2" }, &found);
        if self.says_of_herself(child, row, &found) {
            let told = "nobody records herself as a guardian: another administrator does, of the school or above it";
            self.plan.faults.push((child.number, Fault::new(row.column, Code::RelationInvalid, told)));
            return Ok(false);
        }
        if let Some(changed) = self.known_guardian(child, row, &found) {
            return Ok(changed);
        }
        if self.is_over(child, &found) && child.key.is_none() && !found.is_elsewhere() {
            let fault = Fault::new(
                row.column,
                Code::PersonClosed,
                "两人中有人已故或正在注销。One of the two died, or asked to be erased",
            );
            self.plan.faults.push((child.number, fault));
            return Ok(false);
        }
        self.new_guardian(child, row, &found);
        Ok(true)
    }

    /// Whether an administrator's row makes herself a guardian, or another one than she is (R1): the word of a school is good for
    /// others. Her own row of a file that says what is recorded says nothing new.
    fn says_of_herself(&self, child: &ChildOf<'_>, row: &GuardianRow<'_>, found: &Found) -> bool {
        let recorded = self.known.guardianships.get(&child.id).into_iter().flatten();
        let mut hers = recorded.filter(|known| known.guardian == found.who.id && known.is_standing());
        self.sight.admin() == Some(found.who.id) && !hers.any(|known| known.relation == row.relation)
    }

    /// The relation as the actor sees it already; whether the row changed it. One that was rejected or ended is not
    /// brought back by a row.
    fn known_guardian(&mut self, child: &ChildOf<'_>, row: &GuardianRow<'_>, found: &Found) -> Option<bool> {
        // Whose child only sits here 借读 came without her guardians. Of somebody whom others hold the actor knows what she said
        // under the paper that the row names: that two papers are one person's is nothing that a row tells (R1). An identity number is
        // what every row names people by; with it what is over is not said anew.
        let inside = self.known.holds(self.sight, child.id);
        let said = self.known.stated.guardian(child.id, found.who.id, found.key());
        let by_number = row.keys.document.as_ref().is_some_and(|key| key.class == DocumentClass::Cn18);
        let named = |known: &Guardianship| match said {
            _ if !found.is_elsewhere() => true,
            _ if !known.is_standing() => by_number || said.is_some(),
            // What the relation came with: a word under another paper of hers waits beside it.
            Some(claim) if known.status == GuardianshipStatus::Confirmed => claim.state == ClaimState::Confirmed,
            Some(claim) => claim.created_at <= known.created_at,
            None => false,
        };
        let (sight, now) = (self.sight, self.ctx.now);
        let known = self.known.guardianships.entry(child.id).or_default();
        let visible = |known: &Guardianship| inside || known.recorded_by.is_some_and(|org| sight.covers(org));
        let of_hers = |known: &&mut Guardianship| known.guardian == found.who.id && visible(known) && named(known);
        if let Some(known) = known.iter_mut().find(of_hers) {
            let hers = known.recorded_by == Some(child.org.id) && !child.repeated;
            if !known.is_standing() || known.relation == row.relation || !hers {
                return Some(false);
            }
            known.relation = row.relation;
            known.legal = row.relation.is_parent();
            known.updated_at = now;
            known.version += 1;
            self.plan.related.push(known.clone());
            return Some(true);
        }
        let claim = said.filter(|claim| claim.stands(now) || claim.state == ClaimState::Confirmed)?;
        let relation = Some(row.relation.as_str().to_owned());
        if claim.details.relation == relation || claim.org != child.org.id || child.repeated {
            return Some(false);
        }
        self.restate(claim.id, |claim| claim.details.relation = relation);
        Some(true)
    }

    /// Whether nothing begins for one of the two any more. What others hold of them the actor does not learn: then it is a
    /// claim, which nobody can confirm.
    fn is_over(&self, child: &ChildOf<'_>, found: &Found) -> bool {
        [child.id, found.who.id].iter().any(|person| self.known.closed.contains(person))
    }

    fn new_guardian(&mut self, child: &ChildOf<'_>, row: &GuardianRow<'_>, found: &Found) {
        let (org, over) = (child.org.id, self.is_over(child, found));
        let holds = self.known.enrolments.get(&child.id).into_iter().flatten();
        let holds = holds.into_iter().any(|stay| stay.org == org && stay.source == StudentSource::Normal);
        let recorded = self.known.guardianships.entry(child.id).or_default();
        let elsewhere = recorded.iter().any(|known| known.recorded_by != Some(org));
        let related = recorded.iter().any(|known| known.guardian == found.who.id);
        let standing = recorded.iter().filter(|known| known.is_standing()).count();
        let confirmed = holds && !elsewhere;
        let differs = child.differs || found.differs();
        // Whoever asked to be erased is over too: she cannot answer, and would be kept by it.
        let who =
            Confirmation { by: ConfirmedBy::Import, person: self.sight.admin(), office: Some(org), at: self.ctx.now };
        let attached = !differs && !related && !over && found.who.id != child.id;
        if attached {
            let guardianship = Guardianship {
                id: GuardianshipId::new(self.ctx.now, &*self.app.random),
                child: child.id,
                guardian: found.who.id,
                relation: row.relation,
                legal: row.relation.is_parent(),
                rank: i64::try_from(standing).unwrap_or(i64::MAX - 1) + 1,
                status: if confirmed { GuardianshipStatus::Confirmed } else { GuardianshipStatus::Pending },
                verified_by: confirmed.then_some(Evidence::School),
                confirmed: confirmed.then_some(who),
                recorded_by: Some(org),
                institution: None,
                restrictions: BTreeSet::new(),
                valid_from: self.ctx.now.shanghai_date(),
                valid_to: None,
                created_at: self.ctx.now,
                updated_at: self.ctx.now,
                version: 1,
            };
            recorded.push(guardianship.clone());
            self.known.wards.entry(found.who.id).or_default().push(guardianship.clone());
            let kind = if confirmed { "guardianship.confirmed" } else { "guardianship.claimed" };
            self.birth("guardianship", guardianship.id.0, kind);
            self.plan.guardianships.push(guardianship);
        }
        if found.is_elsewhere() || !attached || !confirmed {
            let state = if attached && confirmed { ClaimState::Confirmed } else { ClaimState::Pending };
            let details = Details { relation: Some(row.relation.as_str().to_owned()), ..Details::default() };
            let claimed = Claimed { kind: ClaimKind::Guardian, org, child: child.id, class: None, details, state };
            self.claim(found, row.person, row.keys, claimed);
        }
    }
}
