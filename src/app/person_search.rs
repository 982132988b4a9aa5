//! Finding people below an administrator: by the beginning of a name, or exactly by a number, a 学籍号, a phone or a 工号. Whoever is
//! outside her scope is not there.

use chrono::NaiveDate;
use serde::Serialize;

use super::relation_claim::Decider;
use super::roster_view::{Cut, name_of};
use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::{Subtree, Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::PersonId;
use crate::domain::registry::codes::sex::Sex;
use crate::domain::registry::codes::student_state::StudentSource;
use crate::domain::registry::contact::ContactKind;
use crate::domain::registry::document::{Document, DocumentClass};
use crate::domain::registry::personal_code::PersonalCode;
use crate::store::db::Tx;
use crate::store::{contacts, documents, enrolments, institutions, persons, staffings};

/// What is looked for.
pub enum Sought {
    /// The beginning of a present or former name.
    Name(String),
    /// A number.
    Document(Document),
    /// A 学籍号.
    PersonalCode(PersonalCode),
    /// A phone, as the register keeps it.
    Phone(String),
    /// A 工号, of now or before, of a post at one of her institutions.
    StaffNo(String),
}

impl Sought {
    fn kind(&self) -> &'static str {
        match self {
            Self::Name(_) => "name",
            Self::Document(_) => "document",
            Self::PersonalCode(_) => "personal_code",
            Self::Phone(_) => "phone",
            Self::StaffNo(_) => "staff_no",
        }
    }

    /// What a question says that names one person exactly, whoever holds her; nothing for the beginning of a name.
    fn asked(&self) -> Option<&str> {
        match self {
            Self::Name(_) => None,
            Self::Document(document) => Some(document.number.expose()),
            Self::PersonalCode(code) => Some(code.expose()),
            Self::Phone(phone) => Some(phone),
            // Of a school they are few and in a row: whoever counts through them has its staff.
            Self::StaffNo(number) => Some(number),
        }
    }
}

/// Somebody who was found.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Found {
    /// Who.
    pub person_id: PersonId,
    /// Her name now.
    pub name: String,
    /// GB/T 2261.1.
    pub sex: Sex,
}

impl App {
    /// People below an administrator, at most `limit`: by a name in its order, otherwise those whom it names. Audited, and
    /// noted for each of them.
    ///
    /// # Errors
    /// `NotFound` for somebody without a live grant over rosters.
    pub async fn search_persons(
        &self,
        ctx: &Ctx,
        by: Decider,
        sought: &Sought,
        limit: usize,
    ) -> Result<Cut<Found>, Error> {
        let mut tx = self.db.read().await?;
        let scope = self.scope_of(&mut tx, by, ctx).await?;
        let today = ctx.now.shanghai_date();
        let (ids, full) = self.sought(&mut tx, &scope, sought, today, limit).await?;
        let mut found: Vec<Found> = Vec::new();
        for id in ids {
            if found.len() > limit {
                break;
            }
            let person = persons::in_subtree(&mut tx, &scope, id, today).await?;
            let known = |found: &Vec<Found>| found.iter().any(|one| one.person_id == id);
            if let Some(person) = person.filter(|one| one.merged_into.is_none() && !known(&found)) {
                found.push(Found { person_id: person.id, name: name_of(&person), sex: person.sex });
            }
        }
        let more = full || found.len() > limit;
        found.truncate(limit);
        drop(tx);
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::PersonSearched).await?;
        // Before anything is told: whoever has asked enough today hears the same of a hit and of a miss.
        if let Some(asked) = sought.asked() {
            work = self.charge_question(work, &ctx, by, (sought.kind(), asked)).await?;
        }
        work.detail("by", sought.kind()).detail("found", found.len());
        for one in &found {
            work.shows(one.person_id);
        }
        work.commit(Outcome::Done).await?;
        Ok(Cut { items: found, more })
    }

    /// Whom it may mean, and whether there may be others; whether they are hers is looked at afterwards.
    async fn sought(
        &self,
        tx: &mut Tx,
        scope: &Subtree,
        sought: &Sought,
        today: NaiveDate,
        limit: usize,
    ) -> Result<(Vec<PersonId>, bool), Error> {
        let task = access::task(TaskName::RosterView);
        let found = match sought {
            Sought::Name(typed) => {
                // A present and a former name of one person may both fit.
                let most = u32::try_from(limit.saturating_mul(2)).unwrap_or(u32::MAX);
                let hits = persons::search(tx, scope, typed, most).await?;
                let full = hits.len() >= limit.saturating_mul(2);
                return Ok((hits.into_iter().map(|hit| hit.id).collect(), full));
            }
            Sought::Document(document) => {
                let mut hers = Vec::new();
                for holder in self.holders(tx, &task, document).await? {
                    // An identity number is what every row names people by. Of other papers a school may not learn which ones
                    // somebody showed elsewhere.
                    let names = document.class == DocumentClass::Cn18;
                    if names || self.holds_all_of(tx, scope, holder.person, today).await? {
                        hers.push(holder.person);
                    }
                }
                hers
            }
            Sought::StaffNo(number) => {
                let most = u32::try_from(limit + 1).unwrap_or(u32::MAX);
                staffings::by_number(tx, scope, number, most).await?
            }
            Sought::PersonalCode(code) => {
                let index = self.index.personal_code(code.expose());
                match documents::code_holder(tx, &task, index).await? {
                    // It is the word of the school that holds her 学籍: where she only sits or works it is as little known as
                    // her full record says it.
                    Some(person)
                        if self.holds_register(tx, &task, scope, person).await?
                            || self.holds_all_of(tx, scope, person, today).await? =>
                    {
                        vec![person]
                    }
                    _ => Vec::new(),
                }
            }
            Sought::Phone(phone) => {
                let index = self.index.contact(ContactKind::Phone.as_str(), phone);
                let mut hers = Vec::new();
                for person in contacts::holders(tx, &task, ContactKind::Phone, index).await? {
                    // Who recorded a phone is not known: it may be somebody else's word.
                    if self.holds_all_of(tx, scope, person, today).await? {
                        hers.push(person);
                    }
                }
                hers
            }
        };
        Ok((found, false))
    }

    /// Whether the 学籍 of somebody is in a scope.
    async fn holds_register(&self, tx: &mut Tx, task: &Task, scope: &Subtree, person: PersonId) -> Result<bool, Error> {
        for stay in enrolments::open_of_many(tx, task, &[person]).await? {
            if stay.source == StudentSource::Normal && institutions::find_in(tx, scope, stay.org).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
