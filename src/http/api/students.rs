//! `/api/institutions/{id}/students` and `/api/persons/{id}/stay`: what becomes of students 学籍.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::persons::PaperName;
use super::problem::{Problem, Problems};
use super::take::{Administrator, Body, Named, Recent};
use crate::app::App;
use crate::app::roster_import::single::BroughtIn;
use crate::app::student_life::{Order, StayPart, Whose};
use crate::domain::id::{OrgId, PersonId};
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::codes::sex::Sex;
use crate::domain::registry::codes::student_change::StudentChange;
use crate::domain::registry::codes::student_state::StudentState;
use crate::domain::registry::roster::Column;

/// A student as a row of a roster names her.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStudent {
    /// Her name.
    name: String,
    /// Her paper.
    document: Option<PaperName>,
    /// 学籍号, of whoever has no paper too.
    personal_code: Option<String>,
    /// GB/T 2261.1; that of the number when left out.
    sex: Option<Sex>,
    /// That of the number when left out.
    birth_date: Option<NaiveDate>,
    /// 学段/入学年份/班级. It is opened where the school has none such.
    class: String,
    /// 学号.
    student_no: Option<String>,
    /// Her guardians, two at most.
    #[serde(default)]
    guardians: Vec<NewKeeper>,
}

/// A guardian in the row of a student.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKeeper {
    /// Her name.
    name: String,
    /// What she is to the child.
    relation: Relation,
    /// What her paper is called, as in 居民身份证.
    document_label: String,
    /// Its number.
    document_number: String,
    /// Her phone.
    phone: Option<String>,
}

const KEEPERS: [[Column; 5]; 2] = [
    [
        Column::GuardianName,
        Column::GuardianRelation,
        Column::GuardianDocumentLabel,
        Column::GuardianDocumentNumber,
        Column::GuardianPhone,
    ],
    [
        Column::Guardian2Name,
        Column::Guardian2Relation,
        Column::Guardian2DocumentLabel,
        Column::Guardian2DocumentNumber,
        Column::Guardian2Phone,
    ],
];

impl NewStudent {
    fn cells(self, admin: &Administrator) -> Result<Vec<(Column, String)>, Problem> {
        let class = admin.class(&self.class)?;
        let (label, number, country) = match self.document {
            Some(PaperName { label, number, country }) => (label, number, country.unwrap_or_default()),
            None => Default::default(),
        };
        let mut cells = vec![
            (Column::Name, self.name),
            (Column::DocumentLabel, label),
            (Column::DocumentNumber, number),
            (Column::Country, country),
            (Column::PersonalCode, self.personal_code.unwrap_or_default()),
            (Column::Sex, self.sex.map(|sex| sex.to_string()).unwrap_or_default()),
            (Column::BirthDate, self.birth_date.map(|born| born.to_string()).unwrap_or_default()),
            (Column::Stage, class.stage.label().to_owned()),
            (Column::EntryYear, class.entry_year.to_string()),
            (Column::Class, class.class_no),
            (Column::StudentNo, self.student_no.unwrap_or_default()),
        ];
        if self.guardians.len() > KEEPERS.len() {
            return Err(super::persons::invalid(admin, "a row names two guardians at most"));
        }
        for (columns, keeper) in KEEPERS.into_iter().zip(self.guardians) {
            let NewKeeper { name, relation, document_label, document_number, phone } = keeper;
            let relation = relation.label().to_owned();
            let values = [name, relation, document_label, document_number, phone.unwrap_or_default()];
            cells.extend(columns.into_iter().zip(values));
        }
        Ok(cells)
    }
}

/// What happens to a stay; classes as 学段/入学年份/班级.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum StayStep {
    /// Into another class of the same year.
    Move(String),
    /// 留级, or 降级.
    Repeat(String),
    /// 跳级.
    Skip(String),
    /// 休学, or 保留学籍.
    Suspend,
    /// 停学.
    Halt,
    /// 复学, or 恢复学籍, into her class.
    Resume,
    /// The same into another one.
    ResumeIn(String),
    /// The end, in a state that holds no place. A transfer 转学 is asked for by the receiving school.
    End(StudentState),
}

/// A change of a student's stay 学籍异动.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StayChange {
    /// What happens.
    step: StayStep,
    /// XJYDLB, where it is not the usual one of the step: 03 with `repeat`, 19 with `suspend`, 17 with `resume`, 61 with the end
    /// as 毕业, 18 with the end as 退学, 开除, 流失 or 下落不明. A seat 借读 has none.
    change: Option<StudentChange>,
    /// The school's code; the one that holds her 学籍 when left out.
    org: Option<String>,
    /// The first day on which it is so; today when left out.
    on: Option<NaiveDate>,
}

/// Brings one student in, as a row of a roster does: whoever is new is enrolled, whoever is known is linked, and whoever studies elsewhere is asked for 转学, which her school answers at `/api/claims`, and after its term the authority above both. Of whom others hold the answer says no more than of whoever is new. Guardians come along. Its questions come from the budget of rosters. Like the yes to an errand it asks for a sign-in of a short while ago (RFC 9470).
#[utoipa::path(post, path = "/api/institutions/{id}/students", tag = "roster", params(("id" = OrgId, Path)), request_body = NewStudent, responses((status = 200, body = BroughtIn), Problems))]
pub async fn bring_in(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<OrgId>,
    Body(student): Body<NewStudent>,
) -> Result<Json<BroughtIn>, Problem> {
    let cells = student.cells(&admin)?;
    let brought = app.bring_in_student(&admin.ctx, admin.person, id, &cells).await;
    brought.map(Json).map_err(|error| admin.problem(&error))
}

/// Changes a student's stay, with the code of the change. Its end asks for a sign-in of a short while ago (RFC 9470).
#[utoipa::path(post, path = "/api/persons/{id}/stay", tag = "persons", params(("id" = PersonId, Path)), request_body = StayChange, responses((status = 200, body = StayPart), Problems))]
pub async fn change_stay(
    State(app): State<App>,
    admin: Administrator,
    Named(person): Named<PersonId>,
    Body(StayChange { step, change: code, org, on }): Body<StayChange>,
) -> Result<Json<StayPart>, Problem> {
    // Whoever left is not taken back by the same hand alone.
    if matches!(step, StayStep::End(_)) {
        admin.proved_recently(&app)?;
    }
    let order = match step {
        StayStep::Move(text) => Order::Move(admin.class(&text)?),
        StayStep::Repeat(text) => Order::Repeat(admin.class(&text)?),
        StayStep::Skip(text) => Order::Skip(admin.class(&text)?),
        StayStep::Suspend => Order::Suspend,
        StayStep::Halt => Order::Halt,
        StayStep::Resume => Order::Resume(None),
        StayStep::ResumeIn(text) => Order::Resume(Some(admin.class(&text)?)),
        StayStep::End(state) => Order::End(state),
    };
    let changed = app.change_student(&admin.ctx, admin.by(), &Whose { person, org, day: on, code }, &order).await;
    changed.map(Json).map_err(|error| admin.problem(&error))
}
