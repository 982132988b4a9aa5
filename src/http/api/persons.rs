//! `/api/persons`: people below an administrator.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::{Problem, Problems};
use super::take::{Administrator, Asked, Body, Named, Recent};
use crate::app::person_change::Changed;
use crate::app::person_search::{Found, Sought};
use crate::app::record::{FullRecord, PersonView};
use crate::app::roster_view::Cut;
use crate::app::{App, Error};
use crate::domain::id::{ApprovalId, CaseId, PersonId};
use crate::domain::registry::approval::MINORS;
use crate::domain::registry::contact;
use crate::domain::registry::document::{Document, DocumentLabel};
use crate::domain::registry::name::PersonName;
use crate::domain::registry::personal_code::PersonalCode;
use crate::domain::registry::school_number;

/// Who is looked for. Only the body holds it: no number stands in an address or a log.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PersonSearch {
    /// The beginning of a present or former name.
    Name(String),
    /// A document, exactly.
    Document(PaperName),
    /// A 学籍号, exactly.
    PersonalCode(String),
    /// A phone, exactly.
    Phone(String),
    /// A 工号 that somebody has or had in a post of now, exactly.
    StaffNo(String),
}

/// A document as somebody writes it down.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaperName {
    /// What the paper is called, as in 居民身份证.
    pub label: String,
    /// Issuing country, ISO 3166-1 alpha-3.
    pub country: Option<String>,
    /// Its number.
    pub number: String,
}

/// Who was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundPeople {
    /// They.
    items: Vec<Found>,
    /// Whether the name may mean others too: more of it has to be said.
    more: bool,
}

/// As of when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AsOf {
    /// The day; today when left out. Guardians are told of today only.
    on: Option<NaiveDate>,
}

/// What opens a full record.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OpenedBy {
    /// The approval.
    approval: ApprovalId,
}

/// Another name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewName {
    /// Her name from now on.
    name: String,
}

/// Another birth date.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBirthDate {
    /// When she was born.
    birth_date: NaiveDate,
}

/// A 学籍号.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCode {
    /// The code.
    code: String,
}

/// A death.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Death {
    /// The day.
    date: NaiveDate,
}

/// What a change came to.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeResult {
    /// It is so now.
    Done,
    /// It was so already.
    Unchanged,
    /// It is somebody else's; a human decides.
    Case,
}

/// What became of a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct Change {
    /// What it came to.
    result: ChangeResult,
    /// The case that was opened, where one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    case_id: Option<CaseId>,
}

/// What was sent cannot be used.
pub fn invalid(admin: &Administrator, why: impl ToString) -> Problem {
    admin.problem(&Error::invalid(why.to_string()))
}

/// What a change came to.
pub fn told(admin: &Administrator, changed: Result<Changed, Error>) -> Result<Json<Change>, Problem> {
    let (result, case_id) = match changed.map_err(|error| admin.problem(&error))? {
        Changed::Done => (ChangeResult::Done, None),
        Changed::Unchanged => (ChangeResult::Unchanged, None),
        Changed::Case(id) => (ChangeResult::Case, Some(id)),
    };
    Ok(Json(Change { result, case_id }))
}

/// A document as it was written down.
pub fn paper(admin: &Administrator, paper: &PaperName) -> Result<Document, Problem> {
    let label = DocumentLabel::read(&paper.label).map_err(|why| invalid(admin, why))?;
    let read = Document::parse(Some(label), paper.country.as_deref(), &paper.number);
    read.map(|(document, _)| document).map_err(|why| invalid(admin, why))
}

/// People whom a name begins, a number, a 学籍号, a phone or a 工号 names; 49 at most, and nobody outside her scope. Audited. Of numbers, codes, phones and 工号 an administrator looks up 50 a day, whether somebody is found or not.
#[utoipa::path(post, path = "/api/persons/search", tag = "persons", request_body = PersonSearch, responses((status = 200, body = FoundPeople), Problems))]
pub async fn search(
    State(app): State<App>,
    admin: Administrator,
    Body(search): Body<PersonSearch>,
) -> Result<Json<FoundPeople>, Problem> {
    let sought = match search {
        PersonSearch::Name(typed) => Sought::Name(typed),
        PersonSearch::Document(name) => Sought::Document(paper(&admin, &name)?),
        PersonSearch::PersonalCode(code) => {
            Sought::PersonalCode(PersonalCode::parse(&code).map_err(|why| invalid(&admin, why))?)
        }
        PersonSearch::StaffNo(typed) => {
            let read = school_number::read(&typed).map_err(|why| invalid(&admin, why))?;
            Sought::StaffNo(read.ok_or_else(|| invalid(&admin, "say which number"))?)
        }
        PersonSearch::Phone(typed) => {
            Sought::Phone(contact::mobile(&typed).ok_or_else(|| invalid(&admin, "this is no mobile phone"))?)
        }
    };
    let found = app.search_persons(&admin.ctx, admin.by(), &sought, MINORS - 1).await;
    found.map(|Cut { items, more }| Json(FoundPeople { items, more })).map_err(|error| admin.problem(&error))
}

/// One person, as her school sees her every day, or as of a day before. Of whoever left, her former school is told what it recorded then, and nothing later. Her whole history is a full record. Audited.
#[utoipa::path(get, path = "/api/persons/{id}", tag = "persons", params(("id" = PersonId, Path), AsOf), responses((status = 200, body = PersonView), Problems))]
pub async fn show(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<PersonId>,
    Asked(AsOf { on }): Asked<AsOf>,
) -> Result<Json<PersonView>, Problem> {
    app.person(&admin.ctx, admin.by(), id, on).await.map(Json).map_err(|error| admin.problem(&error))
}

/// Her full record, for whoever holds an approval. Audited with its purpose.
#[utoipa::path(get, path = "/api/persons/{id}/record", tag = "persons", params(("id" = PersonId, Path), OpenedBy), responses((status = 200, body = FullRecord), Problems))]
pub async fn record(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<PersonId>,
    Asked(OpenedBy { approval }): Asked<OpenedBy>,
) -> Result<Json<FullRecord>, Problem> {
    let record = app.full_record(&admin.ctx, admin.by(), id, approval).await;
    record.map(Json).map_err(|error| admin.problem(&error))
}

/// Gives her another name. Whoever holds all of her may.
#[utoipa::path(post, path = "/api/persons/{id}/name", tag = "persons", params(("id" = PersonId, Path)), request_body = NewName, responses((status = 200, body = Change), Problems))]
pub async fn rename(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<PersonId>,
    Body(NewName { name }): Body<NewName>,
) -> Result<Json<Change>, Problem> {
    let name = PersonName::parse(&name).map_err(|why| invalid(&admin, why))?;
    told(&admin, app.rename_person(&admin.ctx, admin.by(), id, name).await)
}

/// Corrects a birth date that no number of hers holds.
#[utoipa::path(post, path = "/api/persons/{id}/birth-date", tag = "persons", params(("id" = PersonId, Path)), request_body = NewBirthDate, responses((status = 200, body = Change), Problems))]
pub async fn correct_birth_date(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<PersonId>,
    Body(NewBirthDate { birth_date }): Body<NewBirthDate>,
) -> Result<Json<Change>, Problem> {
    told(&admin, app.correct_birth_date(&admin.ctx, admin.by(), id, birth_date).await)
}

/// Records another document of hers; a number of somebody else opens a case.
#[utoipa::path(post, path = "/api/persons/{id}/documents", tag = "persons", params(("id" = PersonId, Path)), request_body = PaperName, responses((status = 200, body = Change), Problems))]
pub async fn add_document(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<PersonId>,
    Body(name): Body<PaperName>,
) -> Result<Json<Change>, Problem> {
    let document = paper(&admin, &name)?;
    told(&admin, app.record_document(&admin.ctx, admin.by(), id, &document).await)
}

/// Records the 学籍号 that she has now.
#[utoipa::path(post, path = "/api/persons/{id}/personal-code", tag = "persons", params(("id" = PersonId, Path)), request_body = NewCode, responses((status = 200, body = Change), Problems))]
pub async fn set_code(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<PersonId>,
    Body(NewCode { code }): Body<NewCode>,
) -> Result<Json<Change>, Problem> {
    let code = PersonalCode::parse(&code).map_err(|why| invalid(&admin, why))?;
    told(&admin, app.record_personal_code(&admin.ctx, admin.by(), id, &code).await)
}

/// Records her death: account, sessions, grants, stays, posts and guardianships end.
#[utoipa::path(post, path = "/api/persons/{id}/death", tag = "persons", params(("id" = PersonId, Path)), request_body = Death, responses((status = 200, body = Change), Problems))]
pub async fn record_death(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<PersonId>,
    Body(Death { date }): Body<Death>,
) -> Result<Json<Change>, Problem> {
    told(&admin, app.record_death(&admin.ctx, admin.by(), id, date).await)
}
