//! Cases 争议: what only a human can settle, and whoever may. The lowest institution that covers all sides decides;
//! outside of it a case does not exist.

mod correct;
mod decide;
mod doubles;
mod open;
pub(crate) mod returning;

use chrono::NaiveDate;
use serde::Serialize;

pub use decide::{Decided, Right, Verdict};
pub(crate) use open::{Dispute, open};

use super::relation_claim::Decider;
use super::roster_view::Cut;
use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{CaseId, OrgId, PersonId};
use crate::domain::registry::case::{Case, Stated};
use crate::domain::registry::document::Document;
use crate::domain::registry::person::Person;
use crate::domain::time::{Timestamp, rfc3339};
use crate::store::db::Tx;
use crate::store::documents::StoredDocument;
use crate::store::{cases, documents, institutions, persons};

/// A list longer than that is worked off from its beginning.
const LISTED: usize = 1000;

/// A case that waits.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = OpenCase)]
pub struct Listed {
    /// Its id.
    pub id: CaseId,
    /// What clashes.
    pub kind: &'static str,
    /// The name of whoever holds what is in dispute.
    pub name: String,
    /// Who may decide; none: the operator alone.
    pub institution: Option<String>,
    /// What opened it.
    pub source: &'static str,
    /// Since when it waits.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// A side of a case, as whoever decides may see her.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CaseSide)]
pub struct SideView {
    /// Who.
    pub person_id: PersonId,
    /// Her name.
    pub name: String,
    /// GB/T 2261.1.
    pub sex: &'static str,
    /// Her birth date.
    pub birth_date: Option<NaiveDate>,
    /// Her documents, masked (ruling R7).
    pub documents: Vec<DocumentView>,
    /// Where she belongs.
    pub institutions: Vec<String>,
}

/// A document without its number.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = MaskedDocument)]
pub struct DocumentView {
    /// What the paper is called.
    pub label: &'static str,
    /// First and last character.
    pub masked: String,
    /// Active, superseded, withdrawn.
    pub status: &'static str,
}

/// A case with its sides.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Case)]
pub struct CaseView {
    /// Its id.
    pub id: CaseId,
    /// What clashes.
    pub kind: &'static str,
    /// `open` or `decided`.
    pub state: &'static str,
    /// Who may decide; none: the operator alone.
    pub institution: Option<String>,
    /// What opened it.
    pub source: &'static str,
    /// The records in question: the holder of what is in dispute first.
    pub sides: Vec<SideView>,
    /// The name that was said.
    pub stated_name: Option<String>,
    /// The document that was said, masked.
    pub stated_document: Option<String>,
    /// What was decided.
    pub decision: Option<&'static str>,
    /// Why.
    pub reason: Option<String>,
    /// Since when it waits.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

impl App {
    /// Open cases: those assigned to an institution and what stands under it, or all that this decider may see; the oldest
    /// first, behind `after`, a thousand at most.
    ///
    /// # Errors
    /// `NotFound` for an institution that is unknown or not below the administrator, and for a case `after` that is not there.
    pub async fn open_cases(
        &self,
        ctx: &Ctx,
        by: Decider,
        org_code: Option<&str>,
        after: Option<CaseId>,
    ) -> Result<Vec<Listed>, Error> {
        let after = match after {
            None => None,
            Some(id) => {
                let task = access::task(TaskName::CaseDecision);
                let case = self.case_for(ctx, &mut self.db.read().await?, &task, by, id).await?;
                Some((case.created_at, case.id))
            }
        };
        Ok(self.cases_behind(ctx, by, org_code, after, LISTED).await?.items)
    }

    /// The same behind a place, at most `limit`. Audited, and noted for whoever is named. The case that stood there may be decided
    /// by now, or another one's.
    ///
    /// # Errors
    /// `NotFound` for an institution that is unknown or not below the administrator.
    pub async fn cases_behind(
        &self,
        ctx: &Ctx,
        by: Decider,
        org_code: Option<&str>,
        mut after: Option<cases::Stands>,
        limit: usize,
    ) -> Result<Cut<Listed>, Error> {
        let task = access::task(TaskName::CaseDecision);
        let mut tx = self.db.read().await?;
        let scope = match by {
            Decider::Operator => None,
            Decider::Admin(admin) => Some(self.case_subtree(&mut tx, admin, ctx.now).await?),
        };
        let under = match org_code {
            None => None,
            Some(code) => {
                let org = institutions::by_code(&mut tx, &task, code).await?;
                let org = org.ok_or_else(|| Error::no_institution(code))?;
                if let Some(scope) = &scope
                    && institutions::find_in(&mut tx, scope, org.id).await?.is_none()
                {
                    return Err(Error::no_institution(code));
                }
                Some(org.id)
            }
        };
        let (mut hers, beyond) = (Vec::new(), limit + 1);
        // Until a page is full or nothing is left: what is not hers must not end the list.
        while hers.len() < beyond {
            let found = match (under, &scope) {
                (Some(org), _) => cases::open_under(&mut tx, &task, org, after, beyond).await?,
                (None, Some(scope)) => cases::open_in(&mut tx, scope, after, beyond).await?,
                (None, None) => cases::open(&mut tx, &task, after, beyond).await?,
            };
            let Some(last) = found.last() else { break };
            after = Some((last.created_at, last.id));
            let full = found.len() >= beyond;
            for case in found {
                match by {
                    Decider::Admin(admin) if !self.covers_case(&mut tx, &task, admin, &case, ctx.now).await? => {}
                    _ => hers.push(case),
                }
            }
            if !full {
                break;
            }
        }
        let Cut { items: hers, more } = Cut::at(hers, limit);
        let shown: Vec<PersonId> = hers.iter().map(|case| case.person).collect();
        let mut listed = Vec::with_capacity(hers.len());
        for case in hers {
            let holder = persons::find(&mut tx, &task.on(case.person)).await?;
            listed.push(Listed {
                id: case.id,
                kind: case.kind.as_str(),
                name: name_of(holder.as_ref()),
                institution: org_name(&mut tx, &task, case.org).await?,
                source: case.source.as_str(),
                since: case.created_at,
            });
        }
        drop(tx);
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::CaseViewed).await?;
        work.detail("view", "list").detail("rows", listed.len());
        if let Some(org) = under {
            work.target("institution", org);
        }
        for person in shown {
            work.shows(person);
        }
        work.commit(Outcome::Done).await?;
        Ok(Cut { items: listed, more })
    }

    /// A case with its sides. Looking at it is audited: it names people.
    ///
    /// # Errors
    /// `NotFound` for a case that is not there or not for this decider.
    pub async fn show_case(&self, ctx: &Ctx, by: Decider, id: CaseId) -> Result<CaseView, Error> {
        let task = access::task(TaskName::CaseDecision);
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::CaseViewed).await?;
        let case = self.case_for(&ctx, work.tx(), &task, by, id).await?;
        if let Decider::Admin(admin) = by
            && !self.covers_case(work.tx(), &task, admin, &case, ctx.now).await?
        {
            return Err(Error::not_found("the case"));
        }
        let mut sides = Vec::new();
        for person in [Some(case.person), case.other].into_iter().flatten() {
            sides.extend(self.side_view(work.tx(), &task, person).await?);
        }
        let holder = persons::find(work.tx(), &task.on(case.person)).await?;
        let stated = holder.as_ref().map(|holder| self.stated(holder, &case)).transpose()?.unwrap_or_default();
        let institution = org_name(work.tx(), &task, case.org).await?;
        work.target("case", case.id).target("person", case.person).detail("kind", case.kind.as_str());
        for side in &sides {
            work.shows(side.person_id);
        }
        work.commit(Outcome::Done).await?;
        Ok(CaseView {
            id: case.id,
            kind: case.kind.as_str(),
            state: case.state.as_str(),
            institution,
            source: case.source.as_str(),
            sides,
            stated_document: stated.read_document().map(|document| document.number.masked()),
            stated_name: stated.name,
            decision: case.decision.map(|decision| decision.as_str()),
            reason: case.reason,
            since: case.created_at,
        })
    }

    /// A case, if this decider may see it.
    async fn case_for(&self, ctx: &Ctx, tx: &mut Tx, task: &Task, by: Decider, id: CaseId) -> Result<Case, Error> {
        let missing = || Error::not_found("the case");
        let case = cases::find(tx, task, id).await?.ok_or_else(missing)?;
        if let Decider::Admin(admin) = by {
            let scope = self.case_subtree(tx, admin, ctx.now).await.map_err(|_| missing())?;
            let org = case.org.ok_or_else(missing)?;
            institutions::find_in(tx, &scope, org).await?.ok_or_else(missing)?;
        }
        Ok(case)
    }

    async fn side_view(&self, tx: &mut Tx, task: &Task, id: PersonId) -> Result<Option<SideView>, Error> {
        let Some(person) = persons::find(tx, &task.on(id)).await? else { return Ok(None) };
        let mut shown = Vec::new();
        for document in documents::of_person(tx, &task.on(id)).await? {
            shown.push(self.document_view(&person, &document));
        }
        let mut orgs: Vec<OrgId> = cases::sides_of(tx, task, &[id]).await?.into_iter().map(|side| side.org).collect();
        orgs.sort_unstable();
        orgs.dedup();
        let mut places = Vec::new();
        for org in orgs {
            places.extend(org_name(tx, task, Some(org)).await?);
        }
        Ok(Some(SideView {
            person_id: id,
            name: name_of(Some(&person)),
            sex: person.sex.as_str(),
            birth_date: person.birth_date,
            documents: shown,
            institutions: places,
        }))
    }

    /// A document as somebody may see it who must tell two apart.
    pub(super) fn document_view(&self, person: &Person, document: &StoredDocument) -> DocumentView {
        let number = self.open_number(person, document);
        let masked = number.map_or_else(|| "****".into(), |number| number.number.masked());
        DocumentView { label: document.label.label(), masked, status: document.status.as_str() }
    }

    /// The document with its number; none after erasure.
    pub(super) fn open_number(&self, person: &Person, document: &StoredDocument) -> Option<Document> {
        let sealed = document.number_sealed.as_ref()?;
        let plain = self.open_for(person, "identity_document", "number_sealed", document.id.0, sealed).ok()??;
        let country = Some(document.key.country.as_str()).filter(|country| !country.is_empty());
        Document::parse(Some(document.label), country, &plain).ok().map(|(document, _)| document)
    }

    /// What was said; nothing after erasure.
    fn stated(&self, holder: &Person, case: &Case) -> Result<Stated, Error> {
        let Some(sealed) = &case.evidence_sealed else { return Ok(Stated::default()) };
        let plain = self.open_for(holder, "conflict_case", "evidence_sealed", case.id.0, sealed)?;
        Ok(plain.map(|plain| serde_json::from_str(&plain)).transpose()?.unwrap_or_default())
    }
}

fn name_of(person: Option<&Person>) -> String {
    person.and_then(|person| person.name.as_ref()).map(|name| name.as_str().to_owned()).unwrap_or_default()
}

async fn org_name(tx: &mut Tx, task: &Task, org: Option<OrgId>) -> Result<Option<String>, Error> {
    let Some(org) = org else { return Ok(None) };
    Ok(institutions::find(tx, task, org).await?.map(|org| org.name))
}
