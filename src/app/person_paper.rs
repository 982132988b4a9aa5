//! Papers over time: one that was lost, became void or was taken back by its issuer, outside of any dispute; and which papers were
//! somebody's on a day.

use chrono::NaiveDate;
use serde::Serialize;

use super::person_change::{Changed, replaced};
use super::relation_claim::Decider;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{PersonId, new_uuid};
use crate::domain::registry::document::{Document, DocumentStatus, PaperEnd};
use crate::domain::registry::person::Person;
use crate::domain::registry::reason::read_reason;
use crate::store::documents::{PaperSlice, StoredDocument};
use crate::store::{documents, persons};

/// The longest evidence, in characters.
const MOST_EVIDENCE: usize = 300;

/// Why a paper is hers no longer.
#[derive(Clone, Debug)]
pub struct PaperEnded {
    /// What ended it.
    pub ended_as: PaperEnd,
    /// From which day on; today when left out.
    pub day: Option<NaiveDate>,
    /// Why it is recorded; kept in the clear.
    pub reason: String,
    /// By what it is known; sealed.
    pub evidence: String,
}

/// A paper, as it was for a time. Its number is masked (R7).
#[derive(Clone, Debug, Serialize)]
pub struct PaperPart {
    /// What it is called.
    pub label: &'static str,
    /// ISO 3166-1 alpha-3.
    pub country: Option<String>,
    /// First and last character of its number; none after erasure.
    pub number: Option<String>,
    /// Active or superseded.
    pub status: DocumentStatus,
    /// What ended it, where no other paper took its place.
    pub ended_as: Option<PaperEnd>,
    /// First day.
    pub from: NaiveDate,
    /// First day on which it was no longer so; none: it is so, or ended before days were kept.
    pub to: Option<NaiveDate>,
}

impl App {
    /// Ends a paper of somebody's. Its number stays hers: nobody else registers it, and who shows it again has it issued anew.
    /// What was verified by it counts no longer.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not there or not wholly in the administrator's scope; `Conflict` where she has no such
    /// paper that counts; `Invalid` for a reason or evidence that is none, and for a day that cannot be.
    pub async fn end_paper(
        &self,
        ctx: &Ctx,
        by: Decider,
        id: PersonId,
        document: &Document,
        ended: &PaperEnded,
    ) -> Result<Changed, Error> {
        let reason = read_reason(&ended.reason).map_err(|why| Error::invalid(why.to_string()))?;
        let evidence = ended.evidence.trim();
        if evidence.is_empty() || evidence.chars().count() > MOST_EVIDENCE {
            return Err(Error::invalid("say in a sentence by what it is known"));
        }
        let day = ended.day.unwrap_or_else(|| ctx.now.shanghai_date());
        if day > ctx.now.shanghai_date() {
            return Err(Error::invalid("the day lies in the future"));
        }
        let ctx = by.acting(ctx);
        let how = (ended.ended_as, evidence, reason.as_str(), day);
        self.patiently(|| self.end_paper_once(&ctx, by, id, document, how)).await
    }

    async fn end_paper_once(
        &self,
        ctx: &Ctx,
        by: Decider,
        id: PersonId,
        document: &Document,
        (ended_as, evidence, reason, day): (PaperEnd, &str, &str, NaiveDate),
    ) -> Result<Changed, Error> {
        let task = access::task(TaskName::PersonChange);
        let mut work = self.begin(ctx, Action::PersonChanged).await?;
        let person = self.rewritable(&mut work, ctx, &task, by, id).await?;
        let (on, key) = (task.on(person.id), self.document_key(document));
        work.target("person", person.id);
        // Whether it is hers is a question (R1), and costs what every one costs.
        let mut work = self.charge_question(work, ctx, by, ("document", document.number.expose())).await?;
        let held = documents::of_person(work.tx(), &on).await?;
        let held = held.into_iter().find(|one| one.key == key && one.status == DocumentStatus::Active);
        let Some(held) = held.filter(|one| one.from() <= day) else {
            work.commit(Outcome::Refused("no such paper of hers that counts")).await?;
            return Err(Error::new(Kind::Conflict, "she has no such paper that counts on that day"));
        };
        let (table, column) = ("identity_document", "end_evidence_sealed");
        let sealed = self.seal_for(&person, table, column, held.id.0, evidence)?;
        if !documents::revoke(work.tx(), &on, held.id, (ended_as, sealed), day, ctx.now).await? {
            return Err(Error::busy("somebody changed the paper at the same moment"));
        }
        self.recorded_in(&mut work, ctx, &on).await?;
        let person = self.supersede_in(&mut work, ctx, &task, person, Some("document")).await?;
        self.write_person(&mut work, &task, &person, &["document"]).await?;
        work.detail("ended_as", ended_as.as_str()).because(reason.to_owned());
        work.commit(Outcome::Done).await?;
        Ok(Changed::Done)
    }

    /// A paper of hers is hers to show again, like any other that is recorded: in place of those of its class and country, by somebody's
    /// word, and with nothing verified by it yet. One that was lost, or void, is issued anew, and that it had ended, when and by what that
    /// was known stays. One in whose place another was recorded was hers all the time: the other one was the mistake. Part of a larger
    /// change.
    pub(super) async fn current_again_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        person: &Person,
        (paper, document): (&StoredDocument, &Document),
    ) -> Result<(), Error> {
        let on = task.on(person.id);
        let another = replaced(work, ctx, &on, &paper.key).await?;
        let is_hers = match paper.ended_as {
            None => documents::restore(work.tx(), &on, paper.id, ctx.now).await?,
            Some(ended_as) => {
                let before = self.until_it_ended(ctx, person, paper, ended_as)?;
                documents::reissue(work.tx(), &on, &before, ctx.now).await?
            }
        };
        if !is_hers {
            return Err(Error::busy("somebody changed the paper at the same moment"));
        }
        self.recorded_in(work, ctx, &on).await?;
        // Issued anew with nothing in between it says what it said.
        let compared = (paper.ended_as.is_some() && !another).then_some("document");
        self.takes_after(work, ctx, task, person, (Some(document), compared)).await
    }

    /// How a paper was until it ended.
    fn until_it_ended(
        &self,
        ctx: &Ctx,
        person: &Person,
        paper: &StoredDocument,
        ended_as: PaperEnd,
    ) -> Result<PaperSlice, Error> {
        let valid_to = paper.valid_to.ok_or_else(|| Error::internal("a paper that ended on no day"))?;
        let id = new_uuid(ctx.now, &*self.random);
        let evidence_sealed = match self.evidence(person, paper)? {
            Some(plain) => self.seal_for(person, "identity_document_slice", "evidence_sealed", id, &plain)?,
            None => None,
        };
        Ok(PaperSlice { id, document: paper.id, valid_from: paper.from(), valid_to, ended_as, evidence_sealed })
    }

    /// By what it is known that a paper ended.
    pub(super) fn evidence(&self, person: &Person, paper: &StoredDocument) -> Result<Option<String>, Error> {
        let Some(sealed) = &paper.end_evidence_sealed else { return Ok(None) };
        self.open_for(person, "identity_document", "end_evidence_sealed", paper.id.0, sealed)
    }

    /// The same of one that was issued anew since.
    pub(super) fn former_evidence(&self, person: &Person, slice: &PaperSlice) -> Result<Option<String>, Error> {
        let Some(sealed) = &slice.evidence_sealed else { return Ok(None) };
        self.open_for(person, "identity_document_slice", "evidence_sealed", slice.id, sealed)
    }

    /// Papers and 学籍号 of somebody in turn, the oldest first; those of one day, where one is given. It is a full record (R19),
    /// so it is the operator's, who says why; audited.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not there; `Invalid` for a reason that is none.
    pub async fn papers_as_of(
        &self,
        ctx: &Ctx,
        why: &str,
        person: PersonId,
        day: Option<NaiveDate>,
    ) -> Result<Vec<PaperPart>, Error> {
        let why = read_reason(why).map_err(|why| Error::invalid(why.to_string()))?;
        let missing = || Error::not_found("the person");
        let mut tx = self.db.read().await?;
        let id = persons::survivor(&mut tx, person).await?.ok_or_else(missing)?;
        let on = access::task(TaskName::OperatorCommand).on(id);
        let person: Person = persons::find(&mut tx, &on).await?.ok_or_else(missing)?;
        let mut told = Vec::new();
        let slices = documents::slices(&mut tx, &on).await?;
        for paper in documents::of_person(&mut tx, &on).await? {
            let part = PaperPart {
                label: paper.label.label(),
                country: Some(paper.key.country.clone()).filter(|country| !country.is_empty()),
                number: self.open_number(&person, &paper).map(|document| document.number.masked()),
                status: paper.status,
                ended_as: paper.ended_as,
                from: paper.from(),
                to: paper.valid_to,
            };
            // What was withdrawn since was never hers, of whatever day.
            let status =
                if paper.status == DocumentStatus::Withdrawn { paper.status } else { DocumentStatus::Superseded };
            told.extend(slices.iter().filter(|slice| slice.document == paper.id).map(|slice| PaperPart {
                status,
                ended_as: Some(slice.ended_as),
                from: slice.valid_from,
                to: Some(slice.valid_to),
                ..part.clone()
            }));
            told.push(part);
        }
        for code in documents::codes_of(&mut tx, &on).await? {
            let number = self.plain_code(&person, &code)?.map(|plain| crate::domain::registry::text::mask(&plain));
            let (from, to) = (code.created_at.shanghai_date(), code.valid_to);
            told.push(PaperPart {
                label: "学籍号",
                country: None,
                number,
                status: code.status,
                ended_as: None,
                from,
                to,
            });
        }
        // What was withdrawn was never hers.
        told.retain(|part| part.status != DocumentStatus::Withdrawn);
        told.retain(|part| day.is_none_or(|day| part.from <= day && part.to.is_none_or(|to| day < to)));
        drop(tx);
        self.disclose(ctx, why, id, &[]).await?;
        Ok(told)
    }
}
