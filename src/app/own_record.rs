//! Everything that is known about somebody, at home: for herself, and for a confirmed guardian of a child under 14 (PIPL 45, 31). It
//! takes a sign-in of a short while ago, stands in the audit and in the list of who looked, and never leaves by the API:
//! a platform would have her numbers.

use serde_json::{Value, json};

use super::activation::{hint_of, is_small_child};
use super::consent_list::small_ward;
use super::person_export::{Numbers, Reader, Telling};
use super::record_file::RecordFile;
use super::session::{Browser, Who};
use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::{OnePerson as _, TaskName};
use crate::domain::audit::{Action, Actor};
use crate::domain::id::{AuditId, GuardianshipId, PersonId};
use crate::store::db::Tx;
use crate::store::{identities, wards};

/// Of those who looked, so many stand on one page; the file has all.
const LOOKS: usize = 20;

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// To be read, numbers masked: the family's computer has other eyes.
    Page,
    /// To be read, numbers in full.
    Numbers,
    /// To be taken along.
    File,
}

impl Form {
    fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Numbers => "numbers",
            Self::File => "file",
        }
    }
}

/// What she reads.
pub struct OwnRecord {
    /// Who is signed in.
    pub who: Who,
    /// The child it is about: the relation, first and last character of the name.
    pub ward: Option<(GuardianshipId, String)>,
    /// Everything; nothing for a child under 14, to whom her family or her school shows it.
    pub told: Option<Told>,
}

/// Everything, in its form.
pub enum Told {
    /// To be read.
    Page {
        /// The document, with a page of who looked; nothing but that where it is an older one.
        document: Value,
        /// Before which entry the next page of who looked begins; none after the last one.
        older: Option<AuditId>,
    },
    /// To be taken along.
    File(Box<RecordFile>),
}

/// Whom it is about, and who reads it.
struct About {
    person: PersonId,
    reader: Reader,
    hint: Option<String>,
}

impl App {
    /// The record of whoever is signed in here, or of a child under 14 of hers; `None` when she has to sign in (again) first. `before`
    /// is an older page of who looked, which is read alone.
    ///
    /// # Errors
    /// `NotFound` for a child that she does not speak for; a failed store.
    pub async fn own_record(
        &self,
        ctx: &Ctx,
        browser: &Browser,
        ward: Option<GuardianshipId>,
        form: Form,
        before: Option<AuditId>,
    ) -> Result<Option<OwnRecord>, Error> {
        let Some(who) = self.who(ctx, browser).await?.filter(|who| self.is_recent(&who.session, ctx.now)) else {
            return Ok(None);
        };
        let mut tx = self.db.read().await?;
        let Some(about) = self.about_whom(&mut tx, ctx, &who, ward).await? else {
            return Ok(Some(OwnRecord { who, ward: None, told: None }));
        };
        let telling = Telling {
            reader: about.reader,
            numbers: if form == Form::Page { Numbers::Masked } else { Numbers::Full },
            now: ctx.now,
        };
        let task = access::task(TaskName::OwnRecord);
        let on = task.on(about.person);
        let mut document = match before {
            Some(_) => json!({ "left_out": [] }),
            None => self.everything_about(&mut tx, task, about.person, telling).await?,
        };
        let told = if form == Form::File {
            Told::File(Box::new(RecordFile::new(self, document, on, about.reader)))
        } else {
            let mut looks = self.looks_at(&mut tx, &on, about.reader, before, LOOKS + 1).await?;
            let more = looks.len() > LOOKS;
            looks.truncate(LOOKS);
            document["disclosures"] = json!(looks);
            Told::Page { document, older: looks.last().filter(|_| more).map(|look| look.id) }
        };
        drop(tx);
        let ctx = ctx.acting(Actor::Person { id: who.session.person });
        let mut work = self.begin(&ctx, Action::PersonExported).await?;
        work.target("person", about.person).detail("form", form.as_str()).shows(about.person);
        if let Some(ward) = ward {
            work.target("guardian", who.session.person).target("guardianship", ward);
        }
        work.commit(Outcome::Done).await?;
        Ok(Some(OwnRecord { who, ward: ward.zip(about.hint), told: Some(told) }))
    }

    /// Nobody for a child under 14 herself: what her classmates know is her password.
    async fn about_whom(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        who: &Who,
        ward: Option<GuardianshipId>,
    ) -> Result<Option<About>, Error> {
        let own = access::own(&who.session, ctx.now)?;
        let Some(id) = ward else {
            let base = identities::base(tx, &own).await?.ok_or_else(|| Error::not_found("person"))?;
            let child = is_small_child(tx, &own, base.birth_date, ctx.now).await?;
            let herself = About { person: own.person(), reader: Reader::Herself, hint: None };
            return Ok((!child).then_some(herself));
        };
        let all = wards::of_guardian(tx, &own).await?;
        let kept = all.iter().find(|kept| kept.guardianship.id == id);
        let found = kept.and_then(|kept| Some((small_ward(kept, ctx.now)?, hint_of(&kept.child_name))));
        let (ward, hint) = found.ok_or_else(|| Error::not_found("guardianship"))?;
        Ok(Some(About { person: ward.person(), reader: Reader::Guardian(ward.guardian()), hint: Some(hint) }))
    }
}
