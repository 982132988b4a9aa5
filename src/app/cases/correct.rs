//! A number that was mistyped: whoever decides so says how it is right, and the wrong one is free for its true holder.

use super::decide::{Right, present};
use super::returning::{Key, question};
use crate::app::relation_claim::Answer;
use crate::app::work::Work;
use crate::app::{App, Ctx, Error, Kind};
use crate::domain::access::Task;
use crate::domain::registry::case::{Case, CaseKind, CaseSource};
use crate::domain::registry::document::DocumentStatus;
use crate::domain::registry::person::Person;
use crate::store::documents;

impl App {
    /// Puts the right number of one side there; what became of it, and what that answers to whoever said the same.
    ///
    /// # Errors
    /// `Invalid` when she is no side of it, or a case of this kind is not about a paper; `Conflict` when the right one is
    /// somebody else's.
    pub(super) async fn correct_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        case: &Case,
        right: &Right,
    ) -> Result<(&'static str, Option<Answer>), Error> {
        if !case.kind.is_about_a_paper() {
            return Err(Error::invalid("a case of this kind is not about the number of a paper"));
        }
        let person = self.holder(work, task, right.person).await?;
        if !present(work.tx(), case).await?.contains(&person.id) {
            return Err(Error::invalid("the right number belongs to one of the people of the case"));
        }
        let conflict = |why: &str| Error::new(Kind::Conflict, why);
        let held = self.holders(work.tx(), task, &right.document).await?;
        if held.iter().any(|holder| holder.person != person.id) {
            return Err(conflict("the right number is somebody else's: that is another case, or these are one person"));
        }
        let hers = held.first();
        let key = self.document_key(&right.document);
        if hers.is_none() && question(work.tx(), task, Key::Document(&key), CaseSource::Correction).await?.is_some() {
            return Err(conflict("the right number was somebody's who was erased: record it by itself, which asks"));
        }
        let wrong = self.mistyped(work, task, case, &person, right).await?;
        if let Some(wrong) = wrong {
            self.withdraw_in(work, ctx, task, &person, wrong).await?;
        }
        // As she is since.
        let person = self.holder(work, task, person.id).await?;
        match hers {
            Some(holder) => {
                self.hers_in(work, ctx, task, &person, (holder.document, &right.document)).await?;
            }
            None => self.replace_document_in(work, ctx, task, &person, &right.document).await?,
        }
        // What was asked for in the other's name was wrong; what the holder had is free.
        let answer = if wrong.is_some() { Answer::Lapsed } else { Answer::Rejected };
        Ok(("corrected", Some(answer)))
    }

    /// The number that she has and should not: the one in dispute, or of two who only look alike the paper that the right one
    /// takes the place of.
    async fn mistyped(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        case: &Case,
        person: &Person,
        right: &Right,
    ) -> Result<Option<[u8; 32]>, Error> {
        let key = self.document_key(&right.document);
        let papers = documents::of_person(work.tx(), &task.on(person.id)).await?;
        let wrong = papers.iter().find(|paper| match case.kind {
            CaseKind::SameDetails => paper.status == DocumentStatus::Active && paper.key.class == key.class,
            _ => paper.status.holds_number() && Some(paper.key.index) == case.subject_key,
        });
        Ok(wrong.map(|paper| paper.key.index).filter(|index| *index != key.index))
    }
}
