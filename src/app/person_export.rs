//! Everything known about somebody, for herself and for the guardian of a small child (PIPL 45, 31): numbers in full or masked,
//! other people by name alone.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::activation::hint_of;
use super::record_file::RecordFile;
use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::{Task, TaskName, TaskOn};
use crate::domain::audit::Action;
use crate::domain::id::{ClassId, OrgId, PersonId};
use crate::domain::registry::consent::ConsentReceipt;
use crate::domain::registry::document::DocumentStatus;
use crate::domain::registry::guardianship::Guardianship;
use crate::domain::registry::in_turn::last_day;
use crate::domain::registry::person::Person;
use crate::domain::registry::reason::read_reason;
use crate::domain::registry::text;
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::{
    accounts, admin_grants, classes, clients, consents, contacts, documents, enrolments, grants, guardianships,
    institutions, merge_seals, merges, person_names, persons, sessions, spaces, staffings, verification_requests,
    verifications,
};

/// Who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Whom it is about.
    Herself,
    /// A guardian of a child under 14: what may lead to another guardian is left out.
    Guardian(PersonId),
}

/// How numbers, phones and addresses are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// As they are.
    Full,
    /// First and last character (R7).
    Masked,
}

/// How it is told.
#[derive(Clone, Copy)]
pub(super) struct Telling {
    /// To whom.
    pub(super) reader: Reader,
    /// Of what.
    pub(super) numbers: Numbers,
    /// When.
    pub(super) now: Timestamp,
}

/// Somebody's record, being told.
struct Teller<'a> {
    app: &'a App,
    tx: &'a mut Tx,
    task: Task,
    person: &'a Person,
    telling: Telling,
}

fn at(moment: Timestamp) -> String {
    moment.to_rfc3339()
}

impl App {
    /// What the register, the sign-in and the consents hold about a person, to be written as one JSON document. The operator hands it
    /// to her; that it was made, and why, is audited and stands in her list.
    ///
    /// # Errors
    /// `Invalid` without a reason; `NotFound` for somebody who is not there.
    pub async fn export_person(&self, ctx: &Ctx, why: &str, id: PersonId) -> Result<RecordFile, Error> {
        let why = read_reason(why).map_err(|why| Error::invalid(why.to_string()))?;
        let missing = || Error::not_found("the person");
        // Read first: it may be long, and the writer is everybody's (R15).
        let mut tx = self.db.read().await?;
        let id = persons::survivor(&mut tx, id).await?.ok_or_else(missing)?;
        let task = access::task(TaskName::OperatorCommand);
        let telling = Telling { reader: Reader::Herself, numbers: Numbers::Full, now: ctx.now };
        let document = self.everything_about(&mut tx, task, id, telling).await?;
        drop(tx);
        let mut work = self.begin(ctx, Action::PersonExported).await?;
        work.target("person", id).because(why).shows(id);
        work.commit(Outcome::Done).await?;
        Ok(RecordFile::new(self, document, task.on(id), Reader::Herself))
    }

    /// The document itself, but for who looked, which has pages of its own ([`App::looks_at`]). Whoever calls it answers for the entry
    /// in the audit.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not there.
    pub(super) async fn everything_about(
        &self,
        tx: &mut Tx,
        task: Task,
        id: PersonId,
        telling: Telling,
    ) -> Result<Value, Error> {
        let on = task.on(id);
        let person = persons::find(tx, &on).await?.ok_or_else(|| Error::not_found("the person"))?;
        let mut teller = Teller { app: self, tx, task, person: &person, telling };
        // Where a child lives and how she is reached is where another guardian may live.
        let hidden = teller.may_lead_to_another(&on).await?;
        let left_out: &[&str] = if hidden { &["contacts", "profile"] } else { &[] };
        let (contacts, profile) = match hidden {
            true => (json!([]), None),
            false => (teller.contacts(&on).await?, teller.profile().await?),
        };
        Ok(json!({
            "made_at": at(telling.now),
            "person": teller.about(&on).await?,
            "documents": teller.papers(&on, hidden).await?,
            "contacts": contacts,
            "profile": profile,
            "places": teller.places(&on).await?,
            "guardianships": teller.kin(&on).await?,
            "sign_in": teller.sign_in(&on).await?,
            "consents": teller.consents(&on).await?,
            "left_out": left_out,
        }))
    }
}

impl Teller<'_> {
    /// Whether what is told to this reader might lead her to another guardian of the child.
    async fn may_lead_to_another(&mut self, on: &TaskOn) -> Result<bool, Error> {
        let Reader::Guardian(reader) = self.telling.reader else { return Ok(false) };
        Ok(guardianships::of_child(self.tx, on).await?.iter().any(|one| one.guardian != reader))
    }

    fn told(&self, number: &str) -> String {
        match self.telling.numbers {
            Numbers::Full => number.to_owned(),
            Numbers::Masked => text::mask(number),
        }
    }

    async fn about(&mut self, on: &TaskOn) -> Result<Value, Error> {
        let person = self.person;
        let former = person_names::of_person(self.tx, on).await?;
        let former: Vec<Value> =
            former.iter().map(|one| json!({ "name": one.name.as_str(), "until": at(one.ended_at) })).collect();
        let merged = merges::into_person(self.tx, &self.task, person.id).await?;
        let merged: Vec<Value> =
            merged.iter().map(|one| json!({ "person_id": one.absorbed, "at": at(one.merged_at) })).collect();
        let verified = verifications::of_person(self.tx, on).await?;
        let verified: Vec<Value> = verified
            .iter()
            .map(|one| json!({ "method": one.method, "level": one.level.get(), "claims": one.claims, "result": one.result, "verifier": one.verifier, "at": at(one.verified_at), "superseded_at": one.superseded_at.map(at) }))
            .collect();
        let asked: Vec<Value> = verification_requests::of_person(self.tx, on)
            .await?
            .iter()
            .map(|one| json!({ "service": one.service, "method": one.method, "state": one.state, "at": at(one.created_at), "ended_at": one.ended_at.map(at) }))
            .collect();
        let space = spaces::of_person(self.tx, on).await?;
        Ok(json!({
            "person_id": person.id,
            "space": space.map(|space| json!({ "id": space.id, "url": space.url, "status": space.status })),
            "questions_to_services": asked,
            "name": person.name.as_ref().map(|name| name.as_str()),
            "former_names": former,
            "sex": person.sex,
            "birth_date": person.birth_date,
            "nationality": person.nationality,
            "status": person.status,
            "realname_level": person.realname_level.get(),
            "verifications": verified,
            "merged_records": merged,
            "recorded_at": at(person.created_at),
        }))
    }

    /// Evidence of how one ended is what somebody wrote: it may hold a number, a phone or an address.
    async fn papers(&mut self, on: &TaskOn, hidden: bool) -> Result<Value, Error> {
        let mut papers = Vec::new();
        let slices = documents::slices(self.tx, on).await?;
        for paper in documents::of_person(self.tx, on).await? {
            // What was withdrawn is somebody else's number.
            let hers = Some(&paper).filter(|paper| paper.status != DocumentStatus::Withdrawn);
            let number = hers.and_then(|paper| self.app.open_number(self.person, paper));
            let number = number.map(|document| self.told(document.number.expose()));
            let told = |evidence: Option<String>| evidence.filter(|_| !hidden).map(|evidence| self.told(&evidence));
            let evidence = told(self.app.evidence(self.person, &paper)?);
            let mut before = Vec::new();
            for slice in slices.iter().filter(|slice| slice.document == paper.id) {
                let evidence = told(self.app.former_evidence(self.person, slice)?);
                before.push(json!({ "from": slice.valid_from, "to": slice.valid_to, "ended_as": slice.ended_as, "evidence": evidence }));
            }
            papers.push(json!({ "label": paper.label.label(), "country": paper.key.country, "number": number, "status": paper.status, "from": paper.from(), "to": paper.valid_to, "ended_as": paper.ended_as, "evidence": evidence, "recorded_at": at(paper.created_at), "before": before }));
        }
        for code in documents::codes_of(self.tx, on).await? {
            let plain = match code.status {
                DocumentStatus::Withdrawn => None,
                _ => self.app.plain_code(self.person, &code)?.map(|plain| self.told(&plain)),
            };
            papers.push(json!({ "label": "学籍号", "number": plain, "status": code.status, "from": code.created_at.shanghai_date(), "to": code.valid_to, "recorded_at": at(code.created_at) }));
        }
        Ok(papers.into())
    }

    async fn contacts(&mut self, on: &TaskOn) -> Result<Value, Error> {
        let mut known = Vec::new();
        let mut all: Vec<_> = contacts::of_person(self.tx, on).await?.into_iter().map(|one| (one, true)).collect();
        all.extend(contacts::ended(self.tx, on).await?.into_iter().map(|one| (one, false)));
        for (contact, holds) in all {
            let plain = match &contact.value_sealed {
                Some(sealed) => self.app.open_for(self.person, "contact", "value_sealed", contact.id, sealed)?,
                None => None,
            };
            let plain = plain.map(|plain| self.told(&plain));
            known.push(json!({ "kind": contact.kind, "value": plain, "source": contact.source, "confirmed_at": contact.confirmed_at.map(at), "holds": holds, "recorded_at": at(contact.created_at) }));
        }
        Ok(known.into())
    }

    async fn profile(&mut self) -> Result<Option<Value>, Error> {
        let Some(sealed) = merge_seals::profile(self.tx, &self.task, self.person.id).await? else { return Ok(None) };
        let plain = self.app.open_for(self.person, "profile", "claims_sealed", self.person.id.0, &sealed.bytes)?;
        let mut profile: Option<Value> = plain.map(|plain| serde_json::from_str(&plain)).transpose()?;
        if let (Some(profile), Numbers::Masked) = (&mut profile, self.telling.numbers) {
            mask_all(profile);
        }
        Ok(profile)
    }

    async fn places(&mut self, on: &TaskOn) -> Result<Value, Error> {
        let mut places = Vec::new();
        let slices = enrolments::slices(self.tx, on).await?;
        for stay in enrolments::of_person(self.tx, on).await? {
            let school = self.org_name(Some(stay.org)).await?;
            let mut before = Vec::new();
            for slice in slices.iter().filter(|slice| slice.enrolment == stay.id) {
                let class = self.class_name(slice.class, Some(slice.valid_to)).await?;
                before.push(json!({ "class": class, "student_no": slice.student_no, "state": slice.state, "source": slice.source, "change": slice.began_by, "from": slice.valid_from, "to": slice.valid_to }));
            }
            let class = self.class_name(stay.class, stay.valid_to).await?;
            places.push(json!({ "as": "student", "institution": school, "class": class, "student_no": stay.student_no, "state": stay.state, "source": stay.source, "change": stay.began_by, "ended_by": stay.ended_by, "from": stay.valid_from, "to": stay.valid_to, "before": before }));
        }
        let taught = staffings::taught(self.tx, on).await?;
        let numbers = staffings::former_numbers(self.tx, on).await?;
        for post in staffings::of_person(self.tx, on).await? {
            let place = self.org_name(Some(post.org)).await?;
            let mut before = post.numbered(&numbers);
            before.pop();
            let before: Vec<Value> = before
                .into_iter()
                .map(|(staff_no, from, to)| json!({ "staff_no": staff_no, "from": from, "to": to }))
                .collect();
            let mut lessons = Vec::new();
            for lesson in taught.iter().filter(|lesson| lesson.staffing == post.id) {
                let class = self.class_name(Some(lesson.class), lesson.valid_to).await?;
                let subject = lesson.subject.map(|subject| subject.label());
                lessons.push(json!({ "class": class, "subject": subject, "head_teacher": lesson.head_teacher, "from": lesson.valid_from, "to": lesson.valid_to }));
            }
            places.push(json!({ "as": "staff", "institution": place, "staff_no": post.staff_no, "post": post.post.label(), "state": post.state, "from": post.valid_from, "to": post.valid_to, "taught": lessons, "before": before }));
        }
        for grant in admin_grants::all_of(self.tx, &self.task, self.person.id).await? {
            let place = self.org_name(Some(grant.org)).await?;
            places.push(json!({ "as": "administrator", "institution": place, "role": grant.role, "deputy": grant.deputy, "from": at(grant.valid_from), "to": grant.valid_to.map(at), "revoked_at": grant.revoked_at.map(at) }));
        }
        Ok(places.into())
    }

    async fn kin(&mut self, on: &TaskOn) -> Result<Value, Error> {
        let mut kin = Vec::new();
        if self.telling.reader == Reader::Herself {
            for one in guardianships::of_guardian(self.tx, on).await? {
                kin.push(self.ward(&one).await?);
            }
        }
        for one in guardianships::of_child(self.tx, on).await? {
            kin.extend(match self.telling.reader {
                Reader::Guardian(reader) if one.guardian != reader => self.other_guardian(&one).await?,
                _ => Some(self.guardian(&one).await?),
            });
        }
        Ok(kin.into())
    }

    /// One whose guardian she is or was. She is told of the child what she may know of her today: of one whom a court keeps her
    /// from neither the name nor the place.
    async fn ward(&mut self, one: &Guardianship) -> Result<Value, Error> {
        let name = self.ward_name(one).await?;
        if !one.is_live(self.telling.now) {
            return Ok(json!({
                "as": "guardian_of", "name": name, "relation": one.relation.label(), "legal": one.legal, "status": one.status,
                "restrictions": one.restrictions, "from": one.valid_from, "to": one.valid_to,
            }));
        }
        self.kinship("guardian_of", name, one).await
    }

    async fn ward_name(&mut self, one: &Guardianship) -> Result<Option<String>, Error> {
        if !one.restrictions.is_empty() {
            return Ok(None);
        }
        let name = self.name_of(one.child).await?;
        let known = one.is_live(self.telling.now);
        Ok(name.map(|name| if known { name } else { hint_of(&name) }))
    }

    async fn guardian(&mut self, one: &Guardianship) -> Result<Value, Error> {
        let name = self.name_of(one.guardian).await?;
        self.kinship("guarded_by", name, one).await
    }

    /// As on the first page of the other: never more of her than that she stands there.
    async fn other_guardian(&mut self, one: &Guardianship) -> Result<Option<Value>, Error> {
        if !one.is_standing() {
            return Ok(None);
        }
        let name = self.name_of(one.guardian).await?.map(|name| hint_of(&name));
        let told = json!({ "as": "guarded_by", "name": name, "relation": one.relation.label(), "status": one.status });
        Ok(Some(told))
    }

    async fn kinship(&mut self, how: &str, name: Option<String>, one: &Guardianship) -> Result<Value, Error> {
        let mut before = Vec::new();
        let parts = one.parts(&guardianships::slices(self.tx, &self.task.on(one.child)).await?);
        if let Some((_, past)) = parts.split_last() {
            for slice in past {
                let acts_for = self.org_name(slice.institution).await?;
                before.push(json!({ "relation": slice.relation.label(), "legal": slice.legal, "rank": slice.rank, "status": slice.status, "restrictions": slice.restrictions, "acts_for": acts_for, "from": slice.valid_from, "to": slice.valid_to }));
            }
        }
        let (acts_for, recorded_by) = (self.org_name(one.institution).await?, self.org_name(one.recorded_by).await?);
        // In whose name, and not who: an office answers for it.
        let said = one.confirmed;
        let office = self.org_name(said.and_then(|said| said.office)).await?;
        Ok(json!({
            "as": how, "name": name, "relation": one.relation.label(), "legal": one.legal, "rank": one.rank,
            "status": one.status, "verified_by": one.verified_by, "confirmed_through": said.map(|said| said.by), "confirmed_for": office, "confirmed_at": said.map(|said| at(said.at)), "recorded_by": recorded_by, "restrictions": one.restrictions, "acts_for": acts_for,
            "from": one.valid_from, "to": one.valid_to, "before": before,
        }))
    }

    async fn sign_in(&mut self, on: &TaskOn) -> Result<Value, Error> {
        let account = accounts::find(self.tx, on).await?;
        let (user_name, state) = account.map(|account| (account.user_name.to_string(), account.state)).unzip();
        if self.telling.reader != Reader::Herself {
            // When and where a child signs in says with whom she is.
            return Ok(json!({ "user_name": user_name, "state": state }));
        }
        let sessions: Vec<Value> = sessions::history(self.tx, on)
            .await?
            .iter()
            .map(|one| json!({ "began_at": at(one.created_at), "last_seen_at": at(one.last_seen_at), "ended_at": one.ended_at.map(at) }))
            .collect();
        let given: Vec<Value> = grants::history(self.tx, on)
            .await?
            .iter()
            .map(|one| json!({ "client": one.client, "scope": one.scope, "authorization_details": one.details, "at": at(one.created_at), "ended_at": one.revoked_at.map(at) }))
            .collect();
        Ok(json!({ "user_name": user_name, "state": state, "sessions": sessions, "grants": given }))
    }

    async fn consents(&mut self, on: &TaskOn) -> Result<Value, Error> {
        let mut told = Vec::new();
        for receipt in consents::of_person(self.tx, on).await? {
            told.push(self.receipt(&receipt).await?);
        }
        if self.telling.reader != Reader::Herself {
            return Ok(told.into());
        }
        // What she agreed to for her wards is hers to know too; of the ward what she may know of her.
        let wards = guardianships::of_guardian(self.tx, on).await?;
        for given in consents::given_by(self.tx, on).await? {
            let mut one = self.receipt(&given).await?;
            let ward = wards.iter().filter(|ward| ward.child == given.person).max_by_key(|ward| ward.is_standing());
            if let Some(ward) = ward {
                one["given_for"] = json!(self.ward_name(ward).await?);
            }
            told.push(one);
        }
        Ok(told.into())
    }

    async fn receipt(&mut self, one: &ConsentReceipt) -> Result<Value, Error> {
        let client = clients::find(self.tx, one.client).await?.map(|client| client.display_name(false));
        Ok(
            json!({ "client_id": one.client, "client": client, "claims": one.claims, "authorization_details": one.details.as_ref().map(|agreed| &agreed.details), "purpose": one.purpose, "notice": one.notice_version, "given_at": at(one.given_at), "withdrawn_at": one.withdrawn_at.map(at) }),
        )
    }

    async fn name_of(&mut self, person: PersonId) -> Result<Option<String>, Error> {
        let found = persons::find(self.tx, &self.task.on(person)).await?;
        Ok(found.and_then(|person| person.name).map(|name| name.as_str().to_owned()))
    }

    /// What a class was called when she was there last.
    async fn class_name(&mut self, class: Option<ClassId>, to: Option<NaiveDate>) -> Result<Option<String>, Error> {
        let Some(class) = class else { return Ok(None) };
        Ok(classes::find_on(self.tx, &self.task, class, last_day(to)).await?.map(|class| class.name))
    }

    async fn org_name(&mut self, org: Option<OrgId>) -> Result<Option<String>, Error> {
        let Some(org) = org else { return Ok(None) };
        Ok(institutions::find(self.tx, &self.task, org).await?.map(|org| org.name))
    }
}

/// Every text of a JSON value.
fn mask_all(value: &mut Value) {
    match value {
        Value::String(plain) => *plain = text::mask(plain),
        Value::Array(items) => items.iter_mut().for_each(mask_all),
        Value::Object(members) => members.values_mut().for_each(mask_all),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
