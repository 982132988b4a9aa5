//! Whom a row names: somebody whom the actor sees, somebody whom she only named before, somebody she does not see, or
//! nobody yet. The number decides, the name must agree; the 学籍号 stands in where there is no number. Nothing is
//! overwritten.

use std::collections::HashSet;

use super::desk::Desk;
use super::known::{Gaps, Keys, Somebody};
use super::plan::Filled;
use crate::app::Error;
use crate::app::cases::Dispute;
use crate::domain::hex::hex;
use crate::domain::id::{AccountId, ClassId, DocumentId, OrgId, PersonId, RelationClaimId, SpaceId, new_uuid};
use crate::domain::registry::account::Account;
use crate::domain::registry::case::{self, CaseKind, CaseSource};
use crate::domain::registry::codes::realname::Level;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::contact::{ContactKind, ContactSource};
use crate::domain::registry::document::DocumentStatus;
use crate::domain::registry::person::{Person, PersonSalt};
use crate::domain::registry::relation_claim::{ClaimKind, ClaimState, Details, RelationClaim};
use crate::domain::registry::roster::{Code, Column, Fault, PersonRow};
use crate::domain::registry::space::Space;
use crate::domain::registry::user_name::UserName;
use crate::store::contacts::{NewContact, StoredContact};
use crate::store::documents::{NewCode, StoredDocument};

/// Whom a row found or made.
pub(super) struct Found {
    pub(super) who: Somebody,
    /// New to the actor.
    pub(super) fresh: bool,
    /// Her row says something new about the person.
    pub(super) changed: bool,
    /// The 学籍号 of the row is somebody's whom the actor does not see, so the newcomer is without it.
    pub(super) code_taken: bool,
    /// The row says a number or 学籍号 of somebody known, of whom the register has none or another one.
    pub(super) not_taken: Option<Fault>,
    pub(super) place: Place,
}

/// Where a person is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The actor sees her.
    Here,
    /// Others hold her: a row makes a claimed relation and nothing else (R1).
    Elsewhere {
        /// The row has another name or 学籍号 than the register.
        differs: bool,
        /// Under which the actor names her.
        key: [u8; 32],
    },
}

impl Found {
    pub(super) fn is_elsewhere(&self) -> bool {
        self.place != Place::Here
    }

    pub(super) fn differs(&self) -> bool {
        matches!(self.place, Place::Elsewhere { differs: true, .. })
    }

    /// The key under which the actor names somebody whom others hold.
    pub(super) fn key(&self) -> Option<[u8; 32]> {
        match self.place {
            Place::Here => None,
            Place::Elsewhere { key, .. } => Some(key),
        }
    }
}

/// A holder of a number or 学籍号, as far as the actor sees her.
enum Holder {
    Here(Somebody),
    /// Under the name that the actor's own row gave her, and the key that named her.
    Stated(Somebody, [u8; 32]),
    Hidden(Somebody),
}

impl Holder {
    fn seen(&self) -> Option<&Somebody> {
        match self {
            Self::Here(who) | Self::Stated(who, _) => Some(who),
            Self::Hidden(_) => None,
        }
    }

    /// Whom the actor sees, and the key under which she only named her.
    fn named(&self) -> Option<(PersonId, Option<[u8; 32]>)> {
        match self {
            Self::Here(who) => Some((who.id, None)),
            Self::Stated(who, key) => Some((who.id, Some(*key))),
            Self::Hidden(_) => None,
        }
    }

    fn somebody(&self) -> &Somebody {
        let (Self::Here(who) | Self::Stated(who, _) | Self::Hidden(who)) = self;
        who
    }

    fn into_somebody(self) -> Somebody {
        let (Self::Here(who) | Self::Stated(who, _) | Self::Hidden(who)) = self;
        who
    }
}

/// What a claim says besides the person.
pub(super) struct Claimed {
    pub(super) kind: ClaimKind,
    pub(super) org: OrgId,
    /// The child of a guardian; otherwise the person herself.
    pub(super) child: PersonId,
    pub(super) class: Option<ClassId>,
    pub(super) details: Details,
    pub(super) state: ClaimState,
}

impl Desk<'_> {
    /// The person of a row.
    pub(super) fn person(
        &mut self,
        row: &PersonRow,
        keys: &Keys,
        column: Column,
    ) -> Result<Result<Found, Fault>, Error> {
        let key = row.name.name_key();
        let by_document = self.by_document(keys);
        let by_code = keys.code.and_then(|code| self.by_code(&code));
        let conflict = |column, code, message| Ok(Err(Fault::new(column, code, message)));
        let seen = |holder: &Option<Holder>| holder.as_ref().and_then(Holder::seen).cloned();
        // What the actor only claimed was looked at when she named it first.
        let here = |holder: &Option<Holder>| matches!(holder, Some(Holder::Here(_)));
        let (document_here, code_here) = (here(&by_document), here(&by_code));
        match (seen(&by_document), seen(&by_code)) {
            (Some(holder), _) if holder.name_key.as_deref() != Some(&key) => {
                let index = keys.document.as_ref().map(|document| document.index);
                if document_here {
                    self.dispute(CaseKind::SameDocument, holder.id, None, index, row);
                }
                conflict(
                    column,
                    Code::DocumentConflict,
                    "该号码已登记在另一姓名下。The number is registered under another name",
                )
            }
            (Some(holder), Some(other)) if holder.id != other.id => {
                if document_here && code_here {
                    self.dispute(CaseKind::PersonalCode, other.id, Some(holder.id), keys.code, row);
                }
                let why = "证件号与学籍号分属两人。The number and the 学籍号 belong to two people";
                conflict(Column::PersonalCode, Code::PersonalCodeConflict, why)
            }
            // She was without a number when she came (R10), and the row is hers all the same. It adds none: whose it is, if
            // anybody's, would be told by what became of it.
            (None, Some(other))
                if keys.document.is_some()
                    && other.name_key.as_deref() == Some(&key)
                    && by_code.as_ref().is_some_and(|holder| self.is_paperless(holder)) =>
            {
                let holder = by_document.as_ref().map(|holder| holder.somebody().id);
                if let Some(holder) = holder.filter(|holder| *holder != other.id) {
                    let index = keys.document.as_ref().map(|document| document.index);
                    self.dispute(CaseKind::PersonalCode, holder, Some(other.id), index, row);
                }
                let why = "登记中没有此人的证件号，本行不补登；请在其档案中登记。The register has no number of hers, and a row adds none: record it by \
                           `mingji person document`, or on her page";
                let not_taken = Some(Fault::new(column, Code::ValueDiffers, why));
                Ok(Ok(Found { not_taken, ..self.again(by_code, row)? }))
            }
            (None, Some(other)) if keys.document.is_some() || other.name_key.as_deref() != Some(&key) => {
                if code_here {
                    self.dispute(CaseKind::PersonalCode, other.id, None, keys.code, row);
                }
                let why = "该学籍号已登记在另一姓名或证件号下。The 学籍号 is registered for somebody with another name or number";
                conflict(Column::PersonalCode, Code::PersonalCodeConflict, why)
            }
            (Some(_), hers) => {
                // Whoever has it, if anybody: the same is told.
                let why = "本行的学籍号未登记在此人名下，未更改；请在其档案中登记。The 学籍号 of the row is not hers in the register, and a row adds none: \
                           record it by `mingji person code`, or on her page";
                let other = keys.code.is_some() && hers.is_none();
                let not_taken = other.then(|| Fault::new(Column::PersonalCode, Code::ValueDiffers, why));
                Ok(Ok(Found { not_taken, ..self.again(by_document, row)? }))
            }
            (None, Some(_)) => self.again(by_code, row).map(Ok),
            (None, None) => match (by_document, by_code) {
                (Some(holder), code) => self.elsewhere(holder, code.as_ref(), row, keys).map(Ok),
                (None, Some(holder)) if keys.document.is_none() => self.elsewhere(holder, None, row, keys).map(Ok),
                // A number that nobody has decides: she is new, and a 学籍号 of somebody else waits for somebody to look at.
                (None, code) => match self.is_checked(keys, column) {
                    Some(fault) => Ok(Err(fault)),
                    None => {
                        let found = self.newcomer(row, keys, code.is_some())?;
                        if let Some(holder) = code {
                            let (holder, hers) = (holder.somebody().id, Some(found.who.id));
                            self.dispute(CaseKind::PersonalCode, holder, hers, keys.code, row);
                        }
                        Ok(Ok(found))
                    }
                },
            },
        }
    }

    /// Whether nobody, as far as the actor sees, ever said a number of whoever holds a 学籍号.
    fn is_paperless(&self, holder: &Holder) -> bool {
        match holder {
            Holder::Here(who) => self.known.paperless.contains(&who.id),
            Holder::Stated(who, key) => {
                self.known.stated.under(who.id, Some(*key)).all(|claim| claim.document_index.is_none())
            }
            Holder::Hidden(_) => false,
        }
    }

    /// What only a human can settle.
    fn dispute(
        &mut self,
        kind: CaseKind,
        person: PersonId,
        other: Option<PersonId>,
        key: Option<[u8; 32]>,
        row: &PersonRow,
    ) {
        let stated = case::Stated::of(Some(&row.name), row.document.as_ref());
        let (org, source) = (self.school, CaseSource::Roster);
        let unseen = !self.known.is_inside(self.sight, person);
        self.plan.disputes.push(Dispute { kind, person, other, subject_key: key, stated, org, source, unseen });
    }

    /// A G 学籍号 was made from a number once: where somebody else holds it, one of the two is not whom she seems (R10).
    pub(super) fn look_at_hint(&mut self, found: &Found, row: &PersonRow, keys: &Keys) {
        let Some(hint) = keys.hint.as_ref().filter(|_| !found.is_elsewhere()) else { return };
        let holder = self.known.documents.get(&hint.index).map(|holder| holder.id);
        if let Some(holder) = holder.filter(|holder| *holder != found.who.id) {
            self.dispute(CaseKind::PersonalCode, holder, Some(found.who.id), Some(hint.index), row);
        }
    }

    /// The same from the other side: a number that comes now may be the one in a G 学籍号 that somebody else holds.
    fn look_for_code(&mut self, newcomer: &Somebody, row: &PersonRow, keys: &Keys) {
        let (Some(document), Some(code)) = (&keys.document, keys.made_of_number) else { return };
        let holder = self.known.codes.get(&code).map(|holder| holder.id);
        if let Some(holder) = holder.filter(|holder| *holder != newcomer.id) {
            self.dispute(CaseKind::PersonalCode, holder, Some(newcomer.id), Some(document.index), row);
        }
    }

    /// Whether the person of a row, as the actor sees her, sits in a class already.
    pub(super) fn sits_in(&self, keys: &Keys, class: ClassId) -> bool {
        let by_document = self.by_document(keys);
        let holder = by_document.or_else(|| keys.code.and_then(|code| self.by_code(&code)));
        let Some((who, key)) = holder.as_ref().and_then(Holder::named) else { return false };
        self.stays(who, key).iter().any(|stay| stay.class == Some(class))
    }

    fn by_document(&self, keys: &Keys) -> Option<Holder> {
        let index = keys.document.as_ref()?.index;
        self.holder(self.known.holder_of(keys), self.known.stated.by_document(&index))
    }

    fn by_code(&self, index: &[u8; 32]) -> Option<Holder> {
        self.holder(self.known.codes.get(index), self.known.stated.by_code(index))
    }

    fn holder(&self, real: Option<&Somebody>, stated: Option<&RelationClaim>) -> Option<Holder> {
        match (real, stated) {
            (Some(real), _) if self.known.is_inside(self.sight, real.id) => Some(Holder::Here(real.clone())),
            (_, Some(claim)) => {
                let who = Somebody {
                    id: claim.person,
                    name_key: Some(claim.name_key.clone()),
                    salt: None,
                    gaps: Gaps::default(),
                };
                let inside = self.known.is_inside(self.sight, claim.person);
                Some(if inside { Holder::Here(who) } else { Holder::Stated(who, claim.subject_key) })
            }
            (Some(real), None) => Some(Holder::Hidden(real.clone())),
            (None, None) => None,
        }
    }

    /// Counts the people whom the actor neither sees nor named before: a row about one is a question (R1). The number asks
    /// where there is one, whosever the 学籍号 beside it is; else the 学籍号.
    pub(super) fn count_probes(&mut self, keys: &[Keys]) {
        let mut asked = HashSet::new();
        for keys in keys {
            let (index, holder) = match (&keys.document, keys.code) {
                (Some(document), _) => (document.index, self.by_document(keys)),
                (None, Some(code)) => (code, self.by_code(&code)),
                (None, None) => continue,
            };
            if holder.is_none_or(|holder| holder.seen().is_none()) {
                asked.insert(index);
            }
        }
        self.plan.probes = i64::try_from(asked.len()).unwrap_or(i64::MAX);
    }

    /// Somebody whom the actor does not see, named for the first time. Where the row does not agree with the register, whoever
    /// covers both sides has a case, and the actor hears what she hears of anybody (R1).
    fn elsewhere(
        &mut self,
        holder: Holder,
        code: Option<&Holder>,
        row: &PersonRow,
        keys: &Keys,
    ) -> Result<Found, Error> {
        let document = keys.document.as_ref().map(|document| document.index);
        let key = document.or(keys.code).ok_or_else(|| Error::internal("a person was found without a key"))?;
        let who = holder.into_somebody();
        let other = code.map(|code| code.somebody().id).filter(|other| *other != who.id);
        let renamed = who.name_key.as_ref() != Some(&row.name.name_key());
        if renamed {
            let kind = if document.is_some() { CaseKind::SameDocument } else { CaseKind::PersonalCode };
            self.dispute(kind, who.id, None, Some(key), row);
        } else if let Some(other) = other {
            self.dispute(CaseKind::PersonalCode, other, Some(who.id), keys.code, row);
        }
        let differs = renamed || other.is_some();
        let place = Place::Elsewhere { differs, key };
        Ok(Found { who, fresh: true, changed: true, code_taken: false, not_taken: None, place })
    }

    /// Somebody whom the actor knows.
    fn again(&mut self, holder: Option<Holder>, row: &PersonRow) -> Result<Found, Error> {
        match holder {
            Some(Holder::Here(who)) => {
                let changed = self.contact(&who, row)?;
                self.account(&who, None);
                Ok(Found { who, fresh: false, changed, code_taken: false, not_taken: None, place: Place::Here })
            }
            Some(Holder::Stated(who, key)) => {
                let changed = self.restate_phone(who.id, key, row);
                let differs = self.known.stated.under(who.id, Some(key)).any(|claim| claim.differs);
                let place = Place::Elsewhere { differs, key };
                Ok(Found { who, fresh: false, changed, code_taken: false, not_taken: None, place })
            }
            Some(Holder::Hidden(_)) | None => Err(Error::internal("a holder nobody sees was taken for known")),
        }
    }

    fn newcomer(&mut self, row: &PersonRow, keys: &Keys, code_taken: bool) -> Result<Found, Error> {
        let code = row.personal_code.as_ref().filter(|_| !code_taken);
        let (now, random) = (self.ctx.now, &*self.app.random);
        let space = Space::personal(SpaceId::new(now, random), None, now);
        let salt = PersonSalt::generate(random);
        let person = Person {
            id: PersonId::new(now, random),
            space: space.id,
            name: Some(row.name.clone()),
            sex: row.sex,
            birth_date: row.birth_date,
            nationality: None,
            status: Status::Active,
            realname_level: Level::RECORDED,
            realname_at: Some(now),
            salt: Some(salt.clone()),
            home_platform: self.home,
            merged_into: None,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let who = Somebody { id: person.id, name_key: person.name_key(), salt: Some(salt), gaps: Gaps::default() };
        if let (Some(document), Some(key)) = (&row.document, &keys.document) {
            let id = DocumentId::new(now, random);
            let sealed =
                self.app.seal_for(&person, "identity_document", "number_sealed", id.0, document.number.expose())?;
            self.plan.documents.push(StoredDocument {
                id,
                person: person.id,
                key: key.clone(),
                label: document.label,
                number_sealed: sealed,
                status: DocumentStatus::Active,
                valid_from: None,
                valid_to: None,
                ended_as: None,
                end_evidence_sealed: None,
                verification: None,
                created_at: now,
                updated_at: now,
                version: 1,
            });
            self.known.documents.insert(key.index, who.clone());
            if let Some(key) = &keys.without_country {
                self.known.may_mean(key.index, who.clone());
            }
        }
        if keys.document.is_none() {
            self.known.paperless.insert(person.id);
        }
        if let (Some(code), Some(index)) = (code, keys.code) {
            let id = new_uuid(now, random);
            let sealed = self.app.seal_for(&person, "personal_code", "code_sealed", id, code.expose())?;
            let sealed = sealed.unwrap_or_default();
            self.plan.codes.push(NewCode { id, person: person.id, kind: code.kind(), sealed, index });
            self.known.codes.insert(index, who.clone());
        }
        self.plan.spaces.push(space);
        self.birth("person", person.id.0, "person.registered");
        self.plan.people.push(person);
        self.contact(&who, row)?;
        self.account(&who, code.map(|code| self.app.index.login("personal_code", code.expose())));
        self.look_for_code(&who, row, keys);
        Ok(Found { who, fresh: true, changed: true, code_taken, not_taken: None, place: Place::Here })
    }

    /// A sex or birth date that comes late, of somebody of whom the register has none and whom nobody else holds: the row says it
    /// for the first time, and nothing is overwritten. Which of them it was.
    pub(super) fn fill(&mut self, found: &Found, row: &PersonRow) -> Vec<&'static str> {
        let (who, gaps) = (found.who.id, found.who.gaps);
        // What a number says that is not hers in the register is not hers either; and nobody says it of herself (R1).
        let hers = !(found.fresh || found.is_elsewhere() || found.not_taken.is_some());
        let may = hers && self.sight.admin() != Some(who) && self.known.is_wholly_inside(self.sight, who);
        if !may || self.known.closed.contains(&who) || self.known.privileged.contains(&who) {
            return Vec::new();
        }
        // Whoever works at two schools has a row of each: the first one counts.
        let told = self.known.told.entry(who).or_default();
        let sex = Some(row.sex).filter(|sex| gaps.sex && !told.sex && sex.is_known());
        let birth_date = row.birth_date.filter(|_| gaps.birth_date && !told.birth_date);
        (told.sex, told.birth_date) = (told.sex || sex.is_some(), told.birth_date || birth_date.is_some());
        let said = [sex.map(|_| "sex"), birth_date.map(|_| "birth_date")].into_iter().flatten().collect::<Vec<_>>();
        if !said.is_empty() {
            self.plan.filled.push(Filled { person: who, sex, birth_date });
        }
        said
    }

    /// A roster's phone is a way to reach somebody and nothing else (R9).
    fn contact(&mut self, who: &Somebody, row: &PersonRow) -> Result<bool, Error> {
        let (Some(phone), Some(salt)) = (&row.phone, &who.salt) else { return Ok(false) };
        let index = self.app.index.contact("phone", phone);
        if self.known.closed.contains(&who.id) || !self.known.contacts.insert((who.id, index)) {
            return Ok(false);
        }
        let id = new_uuid(self.ctx.now, &*self.app.random);
        let sealed = self.app.sealer.seal_column(
            salt.expose(),
            "contact",
            "value_sealed",
            id,
            phone.as_bytes(),
            &*self.app.random,
        )?;
        let contact = StoredContact {
            id,
            kind: ContactKind::Phone,
            value_sealed: Some(sealed),
            value_index: index,
            source: ContactSource::Roster,
            confirmed_at: None,
            created_at: self.ctx.now,
        };
        self.plan.contacts.push(NewContact { person: who.id, contact });
        Ok(true)
    }

    fn account(&mut self, who: &Somebody, alias: Option<[u8; 32]>) {
        if self.known.closed.contains(&who.id) || self.known.user_names.contains_key(&who.id) {
            return;
        }
        let random = &*self.app.random;
        let id = AccountId::new(self.ctx.now, random);
        let account = Account::inactive(id, who.id, UserName::generate(random), self.ctx.now);
        self.known.user_names.insert(who.id, account.user_name.to_string());
        if let Some(index) = alias {
            self.plan.aliases.push((new_uuid(self.ctx.now, random), account.id, index));
        }
        self.plan.accounts.push(account);
    }

    /// Files what the actor says of somebody; one claim for each relation, however often it is said. Whether it waits to
    /// be decided: not when it was rejected lately.
    pub(super) fn claim(&mut self, found: &Found, row: &PersonRow, keys: &Keys, claimed: Claimed) -> bool {
        let Claimed { kind, org, child, class, mut details, state } = claimed;
        let same = |claim: &RelationClaim| (claim.org, claim.kind, claim.child) == (org, kind, child);
        let now = self.ctx.now;
        let earlier = self.known.stated.under(found.who.id, found.key()).filter(|claim| same(claim));
        let counts = |claim: &&RelationClaim| {
            claim.stands(now) || (claim.kind == ClaimKind::Guardian && claim.state == ClaimState::Confirmed)
        };
        if let Some(claim) = earlier.clone().find(counts) {
            return claim.state != ClaimState::Rejected;
        }
        let stale =
            earlier.filter(|claim| claim.state == ClaimState::Rejected).map(|claim| claim.id).collect::<Vec<_>>();
        for id in stale {
            self.restate(id, |claim| claim.state = ClaimState::Withdrawn);
        }
        let document_index = keys.document.as_ref().map(|document| document.index);
        let Some(subject_key) = found.key().or(document_index).or(keys.code) else { return false };
        details.phones.extend(row.phone.as_ref().map(|phone| hex(&self.app.index.contact("phone", phone))));
        let claim = RelationClaim {
            id: RelationClaimId::new(self.ctx.now, &*self.app.random),
            org,
            kind,
            person: found.who.id,
            child,
            class,
            subject_key,
            document_index,
            // As with somebody who is known: a later row adds no 学籍号.
            code_index: keys.code.filter(|_| found.fresh),
            name: row.name.as_str().to_owned(),
            name_key: row.name.name_key(),
            differs: found.differs() || found.code_taken,
            details,
            state,
            claimed_by: self.sight.admin(),
            created_at: self.ctx.now,
            decided_at: (state != ClaimState::Pending).then_some(self.ctx.now),
            decided_by: None,
            reason: None,
            version: 1,
        };
        self.birth("relation_claim", claim.id.0, "relation.claimed");
        self.known.stated.remember(claim.clone());
        self.plan.claims.push(claim);
        true
    }

    /// Changes what the actor said before.
    pub(super) fn restate(&mut self, id: RelationClaimId, change: impl FnOnce(&mut RelationClaim)) {
        let Some(claim) = self.known.stated.get_mut(id) else { return };
        change(claim);
        if let Some(new) = self.plan.claims.iter_mut().find(|new| new.id == id) {
            *new = claim.clone();
            return;
        }
        if !self.plan.restated.contains_key(&id) {
            claim.version += 1;
        }
        self.plan.restated.insert(id, claim.clone());
    }

    fn restate_phone(&mut self, person: PersonId, key: [u8; 32], row: &PersonRow) -> bool {
        let Some(phone) = &row.phone else { return false };
        let phone = hex(&self.app.index.contact("phone", phone));
        let stated = || self.known.stated.under(person, Some(key));
        if stated().any(|claim| claim.details.phones.contains(&phone)) {
            return false;
        }
        let Some(id) = stated().map(|claim| claim.id).min() else { return false };
        self.restate(id, |claim| claim.details.phones.push(phone));
        true
    }
}
