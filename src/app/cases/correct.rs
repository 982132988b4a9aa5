//! A number that was mistyped: whoever decides so says how it is right, and the wrong one is free for its true holder.

use super::decide::{Right, present};
use super::returning::{Key, question};
use crate::app::relation_claim::Answer;
use crate::app::work::{Outcome, Work};
use crate::app::{App, Ctx, Error, Kind};
use crate::domain::access::Task;
use crate::domain::registry::case::{Case, CaseKind, CaseSource};
use crate::domain::registry::document::DocumentStatus;
use crate::domain::registry::person::Person;
use crate::store::documents;

impl App {
    /// Whether the right number of one side may be put there, before anything is decided. That it may not is an answer about a
    /// number: it is committed, so that it costs what every exact question costs (R1).
    ///
    /// # Errors
    /// `Invalid` when she is no side of it, or a case of this kind is not about a paper; `Conflict` when the right one is
    /// somebody else's.
    pub(super) async fn may_correct<'a>(
        &self,
        mut work: Work<'a>,
        task: &Task,
        case: &Case,
        right: &Right,
    ) -> Result<Work<'a>, Error> {
        if !case.kind.is_about_a_paper() {
            return Err(Error::invalid("a case of this kind is not about the number of a paper"));
        }
        let person = self.holder(&mut work, task, right.person).await?.id;
        if !present(work.tx(), case).await?.contains(&person) {
            return Err(Error::invalid("the right number belongs to one of the people of the case"));
        }
        let held = self.holders(work.tx(), task, &right.document).await?;
        let key = self.document_key(&right.document);
        let why = if held.iter().any(|holder| holder.person != person) {
            "the right number is somebody else's: that is another case, or these are one person"
        } else if held.is_empty()
            && question(work.tx(), task, Key::Document(&key), CaseSource::Correction).await?.is_some()
        {
            "the right number was somebody's who was erased: record it by itself, which asks"
        } else {
            return Ok(work);
        };
        work.commit(Outcome::Refused("the right number is not hers to take")).await?;
        Err(Error::new(Kind::Conflict, why))
    }

    /// Puts the right number of one side there, who may have it; what became of it, and what that answers to whoever said the
    /// same.
    ///
    /// # Errors
    /// A failed store.
    pub(super) async fn correct_in(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        case: &Case,
        right: &Right,
    ) -> Result<(&'static str, Option<Answer>), Error> {
        let person = self.holder(work, task, right.person).await?;
        let hers = self.holders(work.tx(), task, &right.document).await?.into_iter().next();
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
