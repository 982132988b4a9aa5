//! Everything known about somebody, for herself (PIPL 45): numbers in full, other people by name alone.

use serde_json::{Value, json};

use super::work::{Outcome, Work};
use super::{App, Ctx, Error, access};
use crate::domain::access::{Task, TaskName, TaskOn};
use crate::domain::audit::Action;
use crate::domain::id::{ClassId, OrgId, PersonId};
use crate::domain::registry::consent::ConsentReceipt;
use crate::domain::registry::document::DocumentStatus;
use crate::domain::registry::person::Person;
use crate::domain::time::Timestamp;
use crate::store::{
    accounts, admin_grants, classes, consents, contacts, documents, enrolments, grants, guardianships, institutions,
    merge_seals, merges, person_names, persons, sessions, spaces, staffings, verification_requests, verifications,
};

fn at(moment: Timestamp) -> String {
    moment.to_rfc3339()
}

impl App {
    /// What the register, the sign-in and the consents hold about a person, as one JSON document. The operator hands it to
    /// her; that it was made is audited.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not there.
    pub async fn export_person(&self, ctx: &Ctx, id: PersonId) -> Result<Value, Error> {
        let task = access::task(TaskName::OperatorCommand);
        let mut work = self.begin(ctx, Action::PersonExported).await?;
        let missing = || Error::not_found("the person");
        let id = persons::survivor(work.tx(), id).await?.ok_or_else(missing)?;
        let on = task.on(id);
        let person = persons::find(work.tx(), &on).await?.ok_or_else(missing)?;
        let document = json!({
            "made_at": at(ctx.now),
            "person": self.about(&mut work, &on, &person).await?,
            "documents": self.papers_of(&mut work, &on, &person).await?,
            "contacts": self.contacts_of(&mut work, &on, &person).await?,
            "profile": self.profile_of(&mut work, &task, &person).await?,
            "places": self.places_of(&mut work, &task, &on).await?,
            "guardianships": self.kin_of(&mut work, &task, &on).await?,
            "sign_in": self.sign_in_of(&mut work, &on).await?,
            "consents": self.consents_of(&mut work, &on).await?,
            "disclosures": self.disclosures_of(work.tx(), &on, None, usize::MAX).await?,
        });
        work.target("person", id).shows(id);
        work.commit(Outcome::Done).await?;
        Ok(document)
    }

    async fn about(&self, work: &mut Work<'_>, on: &TaskOn, person: &Person) -> Result<Value, Error> {
        let former = person_names::of_person(work.tx(), on).await?;
        let former: Vec<Value> =
            former.iter().map(|one| json!({ "name": one.name.as_str(), "until": at(one.ended_at) })).collect();
        let merged = merges::into_person(work.tx(), &access::task(TaskName::OperatorCommand), person.id).await?;
        let merged: Vec<Value> =
            merged.iter().map(|one| json!({ "person_id": one.absorbed, "at": at(one.merged_at) })).collect();
        let verified = verifications::of_person(work.tx(), on).await?;
        let verified: Vec<Value> = verified
            .iter()
            .map(|one| json!({ "method": one.method, "level": one.level.get(), "claims": one.claims, "result": one.result, "verifier": one.verifier, "at": at(one.verified_at), "superseded_at": one.superseded_at.map(at) }))
            .collect();
        let asked: Vec<Value> = verification_requests::of_person(work.tx(), on)
            .await?
            .iter()
            .map(|one| json!({ "service": one.service, "method": one.method, "state": one.state, "at": at(one.created_at), "ended_at": one.ended_at.map(at) }))
            .collect();
        let space = spaces::of_person(work.tx(), on).await?;
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

    async fn papers_of(&self, work: &mut Work<'_>, on: &TaskOn, person: &Person) -> Result<Value, Error> {
        let mut papers = Vec::new();
        for paper in documents::of_person(work.tx(), on).await? {
            // What was withdrawn is somebody else's number.
            let hers = Some(&paper).filter(|paper| paper.status != DocumentStatus::Withdrawn);
            let number = hers.and_then(|paper| self.open_number(person, paper));
            let number = number.map(|document| document.number.expose().to_owned());
            papers.push(json!({ "label": paper.label.label(), "country": paper.key.country, "number": number, "status": paper.status, "recorded_at": at(paper.created_at) }));
        }
        for code in documents::codes_of(work.tx(), on).await? {
            let plain = match code.status {
                DocumentStatus::Withdrawn => None,
                _ => self.plain_code(person, &code)?,
            };
            papers.push(json!({ "label": "学籍号", "number": plain, "status": code.status, "recorded_at": at(code.created_at) }));
        }
        Ok(papers.into())
    }

    async fn contacts_of(&self, work: &mut Work<'_>, on: &TaskOn, person: &Person) -> Result<Value, Error> {
        let mut known = Vec::new();
        let mut all: Vec<_> = contacts::of_person(work.tx(), on).await?.into_iter().map(|one| (one, true)).collect();
        all.extend(contacts::ended(work.tx(), on).await?.into_iter().map(|one| (one, false)));
        for (contact, holds) in all {
            let plain = match &contact.value_sealed {
                Some(sealed) => self.open_for(person, "contact", "value_sealed", contact.id, sealed)?,
                None => None,
            };
            known.push(json!({ "kind": contact.kind, "value": plain, "source": contact.source, "confirmed_at": contact.confirmed_at.map(at), "holds": holds, "recorded_at": at(contact.created_at) }));
        }
        Ok(known.into())
    }

    async fn profile_of(&self, work: &mut Work<'_>, task: &Task, person: &Person) -> Result<Option<Value>, Error> {
        let Some(sealed) = merge_seals::profile(work.tx(), task, person.id).await? else { return Ok(None) };
        let plain = self.open_for(person, "profile", "claims_sealed", person.id.0, &sealed.bytes)?;
        Ok(plain.map(|plain| serde_json::from_str(&plain)).transpose()?)
    }

    async fn places_of(&self, work: &mut Work<'_>, task: &Task, on: &TaskOn) -> Result<Value, Error> {
        let mut places = Vec::new();
        let slices = enrolments::slices(work.tx(), on).await?;
        for stay in enrolments::of_person(work.tx(), on).await? {
            let school = org_name(work, task, stay.org).await?;
            let mut before = Vec::new();
            for slice in slices.iter().filter(|slice| slice.enrolment == stay.id) {
                let class = class_name(work, task, slice.class).await?;
                before.push(json!({ "class": class, "student_no": slice.student_no, "state": slice.state, "source": slice.source, "change": slice.began_by, "from": slice.valid_from, "to": slice.valid_to }));
            }
            let class = class_name(work, task, stay.class).await?;
            places.push(json!({ "as": "student", "institution": school, "class": class, "student_no": stay.student_no, "state": stay.state, "source": stay.source, "change": stay.began_by, "ended_by": stay.ended_by, "from": stay.valid_from, "to": stay.valid_to, "before": before }));
        }
        let taught = staffings::taught(work.tx(), on).await?;
        for post in staffings::of_person(work.tx(), on).await? {
            let place = org_name(work, task, post.org).await?;
            let mut lessons = Vec::new();
            for lesson in taught.iter().filter(|lesson| lesson.staffing == post.id) {
                let class = class_name(work, task, Some(lesson.class)).await?;
                let subject = lesson.subject.map(|subject| subject.label());
                lessons.push(json!({ "class": class, "subject": subject, "head_teacher": lesson.head_teacher, "from": lesson.valid_from, "to": lesson.valid_to }));
            }
            places.push(json!({ "as": "staff", "institution": place, "staff_no": post.staff_no, "post": post.post.label(), "state": post.state, "from": post.valid_from, "to": post.valid_to, "taught": lessons }));
        }
        let person = crate::domain::access::OnePerson::person(on);
        for grant in admin_grants::all_of(work.tx(), task, person).await? {
            let place = org_name(work, task, grant.org).await?;
            places.push(json!({ "as": "administrator", "institution": place, "role": grant.role, "deputy": grant.deputy, "from": at(grant.valid_from), "to": grant.valid_to.map(at), "revoked_at": grant.revoked_at.map(at) }));
        }
        Ok(places.into())
    }

    async fn kin_of(&self, work: &mut Work<'_>, task: &Task, on: &TaskOn) -> Result<Value, Error> {
        let mut kin = Vec::new();
        let (hers, over_her) = ("guardian_of", "guarded_by");
        let mut all: Vec<_> =
            guardianships::of_guardian(work.tx(), on).await?.into_iter().map(|one| (hers, one)).collect();
        all.extend(guardianships::of_child(work.tx(), on).await?.into_iter().map(|one| (over_her, one)));
        for (how, one) in all {
            let other = if how == hers { one.child } else { one.guardian };
            let name = persons::find(work.tx(), &task.on(other)).await?.and_then(|person| person.name);
            let mut before = Vec::new();
            for slice in guardianships::slices(work.tx(), &task.on(one.child)).await? {
                if slice.guardianship == one.id {
                    let acts_for = org_of(work, task, slice.institution).await?;
                    before.push(json!({ "relation": slice.relation.label(), "legal": slice.legal, "rank": slice.rank, "status": slice.status, "restrictions": slice.restrictions, "acts_for": acts_for, "from": slice.valid_from, "to": slice.valid_to }));
                }
            }
            let (acts_for, recorded_by) =
                (org_of(work, task, one.institution).await?, org_of(work, task, one.recorded_by).await?);
            kin.push(json!({
                "as": how, "name": name.map(|name| name.as_str().to_owned()), "relation": one.relation.label(), "legal": one.legal, "rank": one.rank,
                "status": one.status, "verified_by": one.verified_by, "recorded_by": recorded_by, "restrictions": one.restrictions, "acts_for": acts_for,
                "from": one.valid_from, "to": one.valid_to, "before": before,
            }));
        }
        Ok(kin.into())
    }

    async fn sign_in_of(&self, work: &mut Work<'_>, on: &TaskOn) -> Result<Value, Error> {
        let account = accounts::find(work.tx(), on).await?;
        let sessions: Vec<Value> = sessions::history(work.tx(), on)
            .await?
            .iter()
            .map(|one| json!({ "began_at": at(one.created_at), "last_seen_at": at(one.last_seen_at), "ended_at": one.ended_at.map(at) }))
            .collect();
        let given: Vec<Value> = grants::history(work.tx(), on)
            .await?
            .iter()
            .map(|one| json!({ "client": one.client, "scope": one.scope, "authorization_details": one.details, "at": at(one.created_at), "ended_at": one.revoked_at.map(at) }))
            .collect();
        Ok(json!({
            "user_name": account.as_ref().map(|account| account.user_name.to_string()),
            "state": account.map(|account| account.state),
            "sessions": sessions,
            "grants": given,
        }))
    }

    async fn consents_of(&self, work: &mut Work<'_>, on: &TaskOn) -> Result<Value, Error> {
        let mut told: Vec<Value> = consents::of_person(work.tx(), on).await?.iter().map(receipt).collect();
        // What she agreed to for her wards is hers to know too; of the ward her name.
        for given in consents::given_by(work.tx(), on).await? {
            let ward = persons::find(work.tx(), &access::task(TaskName::OperatorCommand).on(given.person)).await?;
            let mut one = receipt(&given);
            one["given_for"] = json!(ward.and_then(|person| person.name).map(|name| name.as_str().to_owned()));
            told.push(one);
        }
        Ok(told.into())
    }
}

fn receipt(one: &ConsentReceipt) -> Value {
    json!({ "client_id": one.client, "claims": one.claims, "authorization_details": one.details.as_ref().map(|agreed| &agreed.details), "purpose": one.purpose, "notice": one.notice_version, "given_at": at(one.given_at), "withdrawn_at": one.withdrawn_at.map(at) })
}

async fn class_name(work: &mut Work<'_>, task: &Task, class: Option<ClassId>) -> Result<Option<String>, Error> {
    let Some(class) = class else { return Ok(None) };
    Ok(classes::find(work.tx(), task, class).await?.map(|class| class.name))
}

async fn org_of(work: &mut Work<'_>, task: &Task, org: Option<OrgId>) -> Result<Option<String>, Error> {
    match org {
        Some(org) => org_name(work, task, org).await,
        None => Ok(None),
    }
}

async fn org_name(work: &mut Work<'_>, task: &Task, org: OrgId) -> Result<Option<String>, Error> {
    Ok(institutions::find(work.tx(), task, org).await?.map(|org| org.name))
}
