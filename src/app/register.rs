//! Entering people and institutions into the register, one audited change each. The roster import (issue 3)
//! batches the same steps; here they serve the operator's commands and the demo world.

use chrono::NaiveDate;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{OnePerson as _, Task, TaskName, TaskOn};
use crate::domain::audit::Action;
use crate::domain::id::{
    AccountId, ClassId, DocumentId, EnrolmentId, GuardianshipId, OrgId, PersonId, SpaceId, StaffingId, VerificationId,
    new_uuid,
};
use crate::domain::registry::account::{Account, AliasKind};
use crate::domain::registry::class::{Class, ClassKind, ClassStatus};
use crate::domain::registry::codes::realname::{Level, Method};
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::codes::school_type::SchoolType;
use crate::domain::registry::codes::sex::Sex;
use crate::domain::registry::codes::staff::{StaffPost, StaffState};
use crate::domain::registry::codes::stage::Stage;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::codes::student_state::{StudentSource, StudentState};
use crate::domain::registry::codes::subject::Subject;
use crate::domain::registry::division::Division;
use crate::domain::registry::document::{Document, DocumentStatus};
use crate::domain::registry::enrolment::Enrolment;
use crate::domain::registry::guardianship::{Evidence, Guardianship, GuardianshipStatus};
use crate::domain::registry::institution::{
    Institution, InstitutionCode, InstitutionKind, InstitutionLevel, InstitutionStatus,
};
use crate::domain::registry::institution_code::Code;
use crate::domain::registry::name::PersonName;
use crate::domain::registry::person::{Person, PersonSalt};
use crate::domain::registry::personal_code::PersonalCode;
use crate::domain::registry::space::Space;
use crate::domain::registry::staffing::{Staffing, Teaching};
use crate::domain::registry::user_name::UserName;
use crate::domain::registry::verification::{TRUST_FRAMEWORK, Verification, VerificationResult};
use crate::store::documents::{DocumentKey, StoredDocument};
use crate::store::{
    accounts, classes, documents, enrolments, guardianships, institutions, persons, platforms, profiles, spaces,
    staffings, verifications,
};

/// An institution to be opened.
pub struct NewInstitution {
    /// What it is.
    pub kind: InstitutionKind,
    /// Its name.
    pub name: String,
    /// GB/T 2260.
    pub division: Division,
    /// BXLX, for schools.
    pub school_type: Option<SchoolType>,
    /// Its code today.
    pub code: Code,
    /// Under which institution.
    pub parent: Option<OrgId>,
}

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

/// A member of staff to be employed.
pub struct NewStaffing {
    /// Where.
    pub org: OrgId,
    /// As what; the category follows from it.
    pub post: StaffPost,
    /// 工号.
    pub staff_no: Option<String>,
    /// Classes taught, with the subject and whether she is the head teacher.
    pub teaches: Vec<(ClassId, Option<Subject>, bool)>,
    /// Since.
    pub from: NaiveDate,
}

impl App {
    /// Opens an institution; the one that holds the code already, where there is one.
    ///
    /// # Errors
    /// A failed store.
    pub async fn open_institution(&self, ctx: &Ctx, task: TaskName, new: NewInstitution) -> Result<OrgId, Error> {
        let task = access::task(task);
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        if let Some(known) = institutions::by_code(work.tx(), &task, &new.code.value).await? {
            return Ok(known.id);
        }
        let org = Institution {
            id: OrgId::new(ctx.now, &*self.random),
            parent: new.parent,
            level: InstitutionLevel::of(new.kind, &new.division),
            kind: new.kind,
            name: new.name,
            division: new.division,
            school_type: new.school_type,
            status: InstitutionStatus::Active,
            merged_into: None,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
        };
        institutions::insert(work.tx(), &task, &org).await?;
        let code = InstitutionCode { org: org.id, code: new.code, valid_from: ctx.now.shanghai_date(), valid_to: None };
        institutions::insert_code(work.tx(), &task, new_uuid(ctx.now, &*self.random), &code).await?;
        work.target("institution", org.id).event("institution", org.id, "institution.opened", &[]);
        work.commit(Outcome::Done).await?;
        Ok(org.id)
    }

    /// Opens an administrative class, or finds it.
    ///
    /// # Errors
    /// A failed store.
    pub async fn open_class(
        &self,
        ctx: &Ctx,
        task: TaskName,
        org: OrgId,
        stage: Stage,
        entry_year: i64,
        class_no: &str,
    ) -> Result<ClassId, Error> {
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        let class = Class {
            id: ClassId::new(ctx.now, &*self.random),
            org,
            kind: ClassKind::Administrative,
            stage,
            entry_year,
            class_no: class_no.to_owned(),
            name: format!("{entry_year}级{class_no}"),
            schooling_years: i64::from(stage.usual_years()),
            status: ClassStatus::Open,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
        };
        let kept = classes::ensure(work.tx(), &access::task(task), &class).await?;
        if kept.id == class.id {
            work.target("class", class.id).event("class", class.id, "class.opened", &[]);
            work.commit(Outcome::Done).await?;
        }
        Ok(kept.id)
    }

    /// The platform that people of a division call home.
    ///
    /// # Errors
    /// A failed store.
    pub async fn home_platform(
        &self,
        ctx: &Ctx,
        task: TaskName,
        division: &Division,
        level: &'static str,
        name: &str,
    ) -> Result<Uuid, Error> {
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        let fresh = new_uuid(ctx.now, &*self.random);
        let id =
            platforms::ensure(work.tx(), &access::task(task), fresh, division.as_str(), level, name, ctx.now).await?;
        work.target("platform", id);
        work.commit(Outcome::Done).await?;
        Ok(id)
    }

    /// Registers a person with her space, document and 学籍号. Somebody who holds the document already under the
    /// same name is the same person and is returned; under another name it is a conflict, never a second record.
    ///
    /// # Errors
    /// `Conflict`; a failed store.
    pub async fn register_person(&self, ctx: &Ctx, task: TaskName, new: NewPerson) -> Result<PersonId, Error> {
        let task = access::task(task);
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        let key = new.document.as_ref().map(|document| self.document_key(document));
        if let Some(key) = &key
            && let Some(holder) = documents::holder(work.tx(), &task, key).await?
        {
            let same = holder.name_key.as_deref() == Some(new.name.name_key().as_str());
            return if same {
                Ok(holder.person)
            } else {
                Err(Error::new(Kind::Conflict, "the document belongs to a person of another name"))
            };
        }
        let person = self.insert_person(&mut work, ctx, &task, &new).await?;
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

    fn document_key(&self, document: &Document) -> DocumentKey {
        let (class, country) = (document.class.as_str(), document.country_text());
        DocumentKey {
            class: document.class,
            country: country.to_owned(),
            index: self.index.document(class, country, document.number.expose()),
        }
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
            };
            verifications::insert(work.tx(), &task.on(person.id), &verification).await?;
        }
        Ok(person)
    }

    async fn insert_document(
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

    async fn insert_personal_code(
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

    fn seal_for(
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

    /// Enrols a student; `false` when she has a current 学籍 already.
    ///
    /// # Errors
    /// A failed store.
    pub async fn enrol(
        &self,
        ctx: &Ctx,
        task: TaskName,
        person: PersonId,
        org: OrgId,
        class: ClassId,
        from: NaiveDate,
    ) -> Result<bool, Error> {
        let on = access::task(task).on(person);
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        let enrolment = Enrolment {
            id: EnrolmentId::new(ctx.now, &*self.random),
            person,
            org,
            class: Some(class),
            student_no: None,
            category: None,
            state: StudentState::Enrolled,
            source: StudentSource::Normal,
            valid_from: from,
            valid_to: None,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
        };
        if !enrolments::insert(work.tx(), &on, &enrolment).await? {
            return Ok(false);
        }
        persons::refresh_presence(work.tx(), &on).await?;
        work.target("person", person).target("institution", org).event(
            "person",
            person,
            "person.enrolled",
            &["enrolment"],
        );
        work.commit(Outcome::Done).await?;
        Ok(true)
    }

    /// Employs somebody and gives her classes; `false` when she has a current post there already.
    ///
    /// # Errors
    /// A failed store.
    pub async fn employ(&self, ctx: &Ctx, task: TaskName, person: PersonId, new: NewStaffing) -> Result<bool, Error> {
        let on = access::task(task).on(person);
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        let staffing = Staffing {
            id: StaffingId::new(ctx.now, &*self.random),
            person,
            org: new.org,
            category: new.post.category(),
            post: new.post,
            staff_no: new.staff_no,
            state: StaffState::Serving,
            valid_from: new.from,
            valid_to: None,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
        };
        if !staffings::insert(work.tx(), &on, &staffing).await? {
            return Ok(false);
        }
        for (class, subject, head_teacher) in new.teaches {
            let id = new_uuid(ctx.now, &*self.random);
            let teaching = Teaching {
                id,
                staffing: staffing.id,
                class,
                subject,
                head_teacher,
                valid_from: new.from,
                valid_to: None,
            };
            staffings::teach(work.tx(), &on, &teaching).await?;
        }
        persons::refresh_presence(work.tx(), &on).await?;
        work.target("person", person).target("institution", new.org).event(
            "person",
            person,
            "person.employed",
            &["staffing"],
        );
        work.commit(Outcome::Done).await?;
        Ok(true)
    }

    /// Records a guardian whom the school that holds the 学籍 confirmed; `false` when the relation is there.
    ///
    /// # Errors
    /// A failed store.
    pub async fn confirm_guardian(
        &self,
        ctx: &Ctx,
        task: TaskName,
        child: PersonId,
        guardian: PersonId,
        relation: Relation,
        school: OrgId,
    ) -> Result<bool, Error> {
        let on = access::task(task).on(child);
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        let rank = i64::try_from(guardianships::of_child(work.tx(), &on).await?.len()).unwrap_or(i64::MAX - 1) + 1;
        let guardianship = Guardianship {
            id: GuardianshipId::new(ctx.now, &*self.random),
            child,
            guardian,
            relation,
            legal: relation.is_parent(),
            rank,
            status: GuardianshipStatus::Confirmed,
            verified_by: Some(Evidence::School),
            recorded_by: Some(school),
            restrictions: std::collections::BTreeSet::new(),
            valid_from: ctx.now.shanghai_date(),
            valid_to: None,
            created_at: ctx.now,
            updated_at: ctx.now,
            version: 1,
        };
        if !guardianships::insert(work.tx(), &on, &guardianship).await? {
            return Ok(false);
        }
        work.target("person", child).target("guardian", guardian).event(
            "guardianship",
            guardianship.id,
            "guardianship.confirmed",
            &[],
        );
        work.commit(Outcome::Done).await?;
        Ok(true)
    }

    /// Opens the account of a person, not yet activated; the user name, also of one that is there.
    ///
    /// # Errors
    /// A failed store.
    pub async fn open_account(&self, ctx: &Ctx, task: TaskName, person: PersonId) -> Result<String, Error> {
        /// Of 23⁹ names one is taken about never; two in a row are a broken generator.
        const DRAWS: usize = 4;
        let task = access::task(task);
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        if let Some(known) = accounts::of_person(work.tx(), &task.on(person)).await? {
            return Ok(known.user_name);
        }
        for _ in 0..DRAWS {
            let account = Account::inactive(
                AccountId::new(ctx.now, &*self.random),
                person,
                UserName::generate(&*self.random),
                ctx.now,
            );
            if accounts::insert(work.tx(), &task, &account).await? {
                work.target("person", person).target("account", account.id).event(
                    "account",
                    account.id,
                    "account.opened",
                    &[],
                );
                work.commit(Outcome::Done).await?;
                return Ok(account.user_name.to_string());
            }
        }
        Err(Error::internal("no free user name was drawn"))
    }

    /// Lets a person sign in with her 学籍号 too (R9); `true` when another account's claim to it ended with that.
    ///
    /// # Errors
    /// `NotFound` without an account.
    pub async fn add_personal_code_alias(
        &self,
        ctx: &Ctx,
        task: TaskName,
        person: PersonId,
        code: &PersonalCode,
    ) -> Result<bool, Error> {
        let on = access::task(task).on(person);
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        let account = accounts::of_person(work.tx(), &on).await?.ok_or_else(|| Error::not_found("account"))?;
        let index = self.index.login("personal_code", code.expose());
        let id = new_uuid(ctx.now, &*self.random);
        let displaced =
            accounts::add_alias(work.tx(), &on, id, account.id, AliasKind::PersonalCode, index, ctx.now).await?;
        work.target("person", person)
            .target("account", account.id)
            .detail("alias", "personal_code")
            .detail("displaced", displaced);
        work.commit(Outcome::Done).await?;
        Ok(displaced)
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

    /// A note that belongs to this installation, sealed under `root.key`.
    ///
    /// # Errors
    /// A failed store; a note that does not open is none.
    pub async fn sealed_note(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let note = crate::store::facts::note(&mut self.db.read().await?, name).await?;
        Ok(note.and_then(|sealed| self.sealer.open_state(name, b"note", &sealed).ok()))
    }

    /// Keeps such a note.
    ///
    /// # Errors
    /// A failed store.
    pub async fn keep_sealed_note(&self, ctx: &Ctx, name: &str, plain: &[u8]) -> Result<(), Error> {
        let sealed = self.sealer.seal_state(name, b"note", plain, &*self.random)?;
        let mut tx = self.housekeeping(super::work::Housekeeping::Installation).await?;
        crate::store::facts::set_note(&mut tx, name, &sealed, ctx.now).await?;
        Ok(tx.commit().await?)
    }
}
