//! `/api/persons/{id}/guardians`: who a child's guardians are 监护关系: named, put in order, restricted by a court, ended.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::problem::{Problem, Problems};
use super::take::{Administrator, Asked, Body, Named, Recent};
use crate::app::App;
use crate::app::guardian_life::{GuardianPart, Order};
use crate::app::guardian_view::KeeperRow;
use crate::domain::id::PersonId;
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::guardianship::{Evidence, Restriction};

/// A guardian who is named.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGuardian {
    /// What she is to the child.
    relation: Relation,
    /// Guardian by law, where it does not follow from the relation.
    legal: Option<bool>,
    /// Code of the institution that is the guardian, as a welfare home is, with relation `G1`: the person acts for it while she
    /// works there.
    institution: Option<String>,
}

/// What happens.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GuardianStep {
    /// She is named. The school's word counts at once while no other institution named guardians of the child, and the two were
    /// not related before; else it waits at `/api/claims`. Whom others hold comes in by a row of a roster.
    Add(NewGuardian),
    /// She is the guardian no longer; what rests on it ends.
    End,
    /// What a court took away, all of it: she neither sees the child, nor agrees for her. An empty list gives all back, which is
    /// for the authority above the school.
    Restrict(BTreeSet<Restriction>),
    /// Her place in the order, 第一监护人 being 1.
    Place(usize),
}

/// A change of a child's guardians.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardianChange {
    /// The guardian.
    guardian_id: PersonId,
    /// What happens.
    step: GuardianStep,
    /// The `version` of the guardianship as it was read: what another administrator changed since, as a court's second order, is
    /// not written over, and the answer is a conflict.
    version: Option<i64>,
}

/// As of when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Then {
    /// The day; today when left out.
    on: Option<NaiveDate>,
}

/// A child's guardians today, as her school sees them: confirmed ones for the school that holds her 学籍, and what an institution recorded for that institution. As of a day before, those whom the administrator's institutions had recorded, or who were confirmed while they held her 学籍; without phones, and whoever is nobody's there any more without her id. All of them in turn stand in her full record. Audited.
#[utoipa::path(get, path = "/api/persons/{id}/guardians", tag = "guardians", params(("id" = PersonId, Path), Then), responses((status = 200, body = Vec<KeeperRow>), Problems))]
pub async fn list(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<PersonId>,
    Asked(Then { on }): Asked<Then>,
) -> Result<Json<Vec<KeeperRow>>, Problem> {
    app.guardians_of_child(&admin.ctx, admin.by(), id, on).await.map(Json).map_err(|error| admin.problem(&error))
}

/// Changes who a child's guardians are, for whoever covers all sides of the child; the one who was named, as she is from then on. Claims about guardians are confirmed and rejected at `/api/claims`.
#[utoipa::path(post, path = "/api/persons/{id}/guardians", tag = "guardians", params(("id" = PersonId, Path)), request_body = GuardianChange, responses((status = 200, body = Vec<GuardianPart>), Problems))]
pub async fn change(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(child): Named<PersonId>,
    Body(GuardianChange { guardian_id, step, version }): Body<GuardianChange>,
) -> Result<Json<Vec<GuardianPart>>, Problem> {
    let order = match step {
        GuardianStep::Add(NewGuardian { relation, legal, institution }) => {
            Order::Add { relation, legal, evidence: Evidence::School, institution }
        }
        GuardianStep::End => Order::End,
        GuardianStep::Restrict(restrictions) => Order::Restrict(restrictions),
        GuardianStep::Place(place) => Order::Place(place),
    };
    let pair = (child, guardian_id);
    let changed = app.change_guardian_as_seen(&admin.ctx, admin.by(), pair, &order, version).await;
    changed.map(Json).map_err(|error| admin.problem(&error))
}
