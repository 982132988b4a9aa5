//! Entering people into the register, one audited change each; `roster_import` does many at once.

use chrono::NaiveDate;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::cases::returning::{Key, question};
use super::cases::{self, Dispute};
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{OnePerson as _, Task, TaskName, TaskOn};
use crate::domain::audit::Action;
use crate::domain::id::{DocumentId, PersonId, SpaceId, VerificationId, new_uuid};
use crate::domain::registry::case::{CaseKind, CaseSource, Stated};
use crate::domain::registry::codes::realname::{Level, Method};
use crate::domain::registry::codes::sex::Sex;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::document::{Document, DocumentStatus};
use crate::domain::registry::name::PersonName;
use crate::domain::registry::person::{Person, PersonSalt};
use crate::domain::registry::personal_code::PersonalCode;
use crate::domain::registry::space::Space;
use crate::domain::registry::verification::{TRUST_FRAMEWORK, Verification, VerificationResult};
use crate::store::documents::{DocumentKey, StoredDocument};
use crate::store::{documents, persons, profiles, spaces, verifications};

/// A person to be registered.
pub struct NewPerson {
    /// Legal name.
    pub name: PersonName,
    /// GB/T 2261.1.
    pub sex: Sex,
    /// Drives the age band.
    pub birth_date: Option<NaiveDate>,
    /// The document that makes her unique.
    pub document: Option<Document>,
    /// 学籍号.
    pub personal_code: Option<PersonalCode>,
    /// How she was verified, and to which level.
    pub verified: Option<(Method, Level)>,
    /// Division code of her home platform.
    pub home: Option<Uuid>,
}

/// What is said of a number whose holder was erased (R18).
pub(super) const ERASED: &str = "the number belonged to somebody who was erased: it registers again when the case is decided so (`mingji case list`)";

impl App {
    /// Registers a person with her space, document and 学籍号. Somebody who holds the document already under the
    /// same name is the same person and is returned, also when she came at the same moment; under another name it is a conflict,
    /// never a second record, and opens a case. So does a number of somebody who was erased.
    ///
    /// # Errors
    /// `Conflict`; a failed store.
    pub async fn register_person(&self, ctx: &Ctx, task: TaskName, new: NewPerson) -> Result<PersonId, Error> {
        let task = access::task(task);
        self.patiently(|| self.register_once(ctx, &task, &new)).await
    }

    async fn register_once(&self, ctx: &Ctx, task: &Task, new: &NewPerson) -> Result<PersonId, Error> {
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        let key = new.document.as_ref().map(|document| self.document_key(document));
        let held = match &new.document {
            Some(document) => self.holders(work.tx(), task, document).await?,
            None => Vec::new(),
        };
        if let Some(holder) = held.first() {
            let same = holder.name_key.as_deref() == Some(new.name.name_key().as_str());
            if same && held.len() == 1 {
                return Ok(holder.person);
            }
            let dispute = Dispute {
                kind: CaseKind::SameDocument,
                person: holder.person,
                other: None,
                subject_key: key.as_ref().map(|key| key.index),
                stated: Stated::of(Some(&new.name), new.document.as_ref()),
                org: None,
                source: CaseSource::Registration,
                unseen: false,
            };
            for case in cases::open(self, ctx, work.tx(), task, None, vec![dispute]).await? {
                work.event("case", case, "case.opened", &[]);
            }
            work.target("person", holder.person);
            work.commit(Outcome::Refused("the document is another name's")).await?;
            return Err(Error::new(Kind::Conflict, "the document belongs to a person of another name"));
        }
        for index in [key.as_ref().map(Key::Document), new.personal_code.as_ref().map(|code| self.code_key(code))] {
            let Some(index) = index else { continue };
            if let Some(dispute) = question(work.tx(), task, index, CaseSource::Registration).await? {
                work.target("person", dispute.person);
                for case in cases::open(self, ctx, work.tx(), task, None, vec![dispute]).await? {
                    work.event("case", case, "case.opened", &[]);
                }
                work.commit(Outcome::Refused("the number was erased")).await?;
                return Err(Error::new(Kind::Conflict, ERASED));
            }
        }
        let person = self.insert_person(&mut work, ctx, task, new).await?;
        let on = task.on(person.id);
        if let (Some(document), Some(key)) = (&new.document, key) {
            self.insert_document(&mut work, ctx, &on, &person, document, key).await?;
        }
        if let Some(code) = &new.personal_code {
            self.insert_personal_code(&mut work, ctx, &on, &person, code).await?;
        }
        persons::refresh_presence(work.tx(), &on).await?;
        work.target("person", person.id).event(
            "person",
            person.id,
            "person.registered",
            &["name", "sex", "birth_date"],
        );
        work.commit(Outcome::Done).await?;
        Ok(person.id)
    }

    pub(super) fn code_key(&self, code: &PersonalCode) -> Key<'static> {
        Key::Code(self.index.personal_code(code.expose()))
    }

    pub(super) fn document_key(&self, document: &Document) -> DocumentKey {
        self.key_in(document.class, document.country_text(), document.number.expose())
    }

    async fn insert_person(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        new: &NewPerson,
    ) -> Result<Person, Error> {
        let space = Space::personal(SpaceId::new(ctx.now, &*self.random), None, ctx.now);
        spaces::insert(work.tx(), task, &space).await?;
        let person = Person {
            id: PersonId::new(ctx.now, &*self.random),
            space: space.id,
            name: Some(new.name.clone()),
            sex: new.sex,
            birth_date: new.birth_date,
            nationality: None,
            status: Status::Active,
            realname_level: new.verified.map_or(Level::default(), |(_, level)| level),
            realname_at: new.verified.map(|_| ctx.now),
            salt: Some(PersonSalt::generate(&*self.random)),
            home_platform: new.home,
            merged_into: None,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
        };
        persons::insert(work.tx(), task, &person).await?;
        if let Some((method, level)) = new.verified {
            let verification = Verification {
                id: VerificationId::new(ctx.now, &*self.random),
                person: person.id,
                method,
                trust_framework: TRUST_FRAMEWORK.into(),
                level,
                verifier: "mingji".into(),
                claims: vec!["name".into(), "document".into()],
                result: VerificationResult::Confirmed,
                evidence_sealed: None,
                txn: None,
                verified_at: ctx.now,
                superseded_at: None,
            };
            verifications::insert(work.tx(), &task.on(person.id), &verification).await?;
        }
        Ok(person)
    }

    pub(super) async fn insert_document(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        on: &TaskOn,
        person: &Person,
        document: &Document,
        key: DocumentKey,
    ) -> Result<(), Error> {
        let id = DocumentId::new(ctx.now, &*self.random);
        let stored = StoredDocument {
            id,
            person: person.id,
            key,
            label: document.label,
            number_sealed: self.seal_for(
                person,
                "identity_document",
                "number_sealed",
                id.0,
                document.number.expose(),
            )?,
            status: DocumentStatus::Active,
            valid_from: None,
            valid_to: None,
            ended_as: None,
            end_evidence_sealed: None,
            verification: None,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
        };
        // A number that somebody took between the look and the insert is hers now: this transaction ends.
        if documents::insert(work.tx(), on, &stored).await? {
            Ok(())
        } else {
            Err(Error::busy("the document was registered at the same moment"))
        }
    }

    pub(super) async fn insert_personal_code(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        on: &TaskOn,
        person: &Person,
        code: &PersonalCode,
    ) -> Result<(), Error> {
        let id = new_uuid(ctx.now, &*self.random);
        let Some(sealed) = self.seal_for(person, "personal_code", "code_sealed", id, code.expose())? else {
            return Ok(());
        };
        let index = self.index.personal_code(code.expose());
        if documents::insert_code(work.tx(), on, id, code.kind(), sealed, index, ctx.now).await? {
            Ok(())
        } else {
            Err(Error::new(Kind::Conflict, "the 学籍号 belongs to another person"))
        }
    }

    pub(super) fn seal_for(
        &self,
        person: &Person,
        table: &str,
        column: &str,
        row: Uuid,
        plain: &str,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(salt) = &person.salt else { return Ok(None) };
        Ok(Some(self.sealer.seal_column(salt.expose(), table, column, row, plain.as_bytes(), &*self.random)?))
    }

    /// A sealed column of the person; nothing after erasure.
    pub(super) fn open_for(
        &self,
        person: &Person,
        table: &str,
        column: &str,
        row: Uuid,
        sealed: &[u8],
    ) -> Result<Option<String>, Error> {
        let Some(salt) = &person.salt else { return Ok(None) };
        let plain = self.sealer.open_column(salt.expose(), table, column, row, sealed)?;
        Ok(Some(String::from_utf8(plain).map_err(|_| Error::internal("a sealed column holds no text"))?))
    }

    /// Whom an id from outside means: whoever was merged is the survivor, for ever. An id of nobody stays as it is, and the
    /// use case says so.
    ///
    /// # Errors
    /// A failed store.
    pub async fn standing_person(&self, id: PersonId) -> Result<PersonId, Error> {
        Ok(persons::survivor(&mut self.db.read().await?, id).await?.unwrap_or(id))
    }

    /// Keeps standard claims that a person gave herself, sealed.
    ///
    /// # Errors
    /// `NotFound`; a failed store.
    pub async fn set_profile(
        &self,
        ctx: &Ctx,
        task: TaskName,
        person: PersonId,
        claims: &Map<String, Value>,
    ) -> Result<(), Error> {
        let on = access::task(task).on(person);
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        let known = persons::find(work.tx(), &on).await?.ok_or_else(|| Error::not_found("person"))?;
        let plain = serde_json::to_string(claims)?;
        let Some(sealed) = self.seal_for(&known, "profile", "claims_sealed", on.person().0, &plain)? else {
            return Err(Error::not_found("person"));
        };
        profiles::set(work.tx(), &on, sealed, ctx.now).await?;
        work.target("person", person).detail("claims", Value::from(claims.keys().cloned().collect::<Vec<_>>()));
        work.event("person", person, "person.profile_changed", &["profile"]);
        work.commit(Outcome::Done).await
    }
}
