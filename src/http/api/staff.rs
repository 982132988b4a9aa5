//! `/api/persons/{id}/post`: what becomes of members of staff 任职: posts, and classes that are taught.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::problem::{Problem, Problems};
use super::take::{Administrator, Body, Named};
use crate::app::App;
use crate::app::staff_life::{Order, PostPart};
use crate::domain::id::PersonId;
use crate::domain::registry::codes::staff::{StaffPost, StaffState};
use crate::domain::registry::codes::subject::Subject;

/// A post that begins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Code of the institution.
    org: String,
    /// As what.
    post: StaffPost,
    /// 工号.
    staff_no: Option<String>,
}

/// A post that ends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// Code of the institution; the only one where she has a post when left out.
    org: Option<String>,
    /// Why.
    state: StaffState,
}

/// Whoever left comes back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComeBack {
    /// Code of the institution that she left.
    org: String,
    /// As what; as before when left out.
    post: Option<StaffPost>,
}

/// To another institution, or to another post at the same one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// Code of the institution that she leaves; the only one where she has a post when left out.
    org: Option<String>,
    /// Code of the institution to which she goes.
    to: String,
    /// As what; as before when left out.
    post: Option<StaffPost>,
}

/// A class that she takes over.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Teach {
    /// Code of the school; the only one where she has a post when left out.
    org: Option<String>,
    /// 学段/入学年份/班级, of the school.
    class: String,
    /// What; nothing by a head teacher alone.
    subject: Option<Subject>,
    /// 班主任: whoever was it before is it no longer.
    #[serde(default)]
    head_teacher: bool,
}

/// A class that she gives up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cease {
    /// Code of the school; the only one where she has a post when left out.
    org: Option<String>,
    /// 学段/入学年份/班级, of the school.
    class: String,
    /// One subject; everything there when left out.
    subject: Option<Subject>,
}

/// What happens.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PostStep {
    /// A post begins. Whom others hold comes in by a row of a roster.
    Join(Join),
    /// A post ends, with sign-ins as its holder and rights that rest on it.
    Leave(Leave),
    /// Whoever left comes back.
    Return(ComeBack),
    /// To another institution or post.
    Move(Move),
    /// A class is taken over.
    Teach(Teach),
    /// A class is given up.
    Cease(Cease),
}

/// A change of what somebody is at an institution.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostChange {
    /// What happens.
    step: PostStep,
    /// The first day on which it is so; today when left out.
    on: Option<NaiveDate>,
}

impl PostStep {
    fn order(self, admin: &Administrator) -> Result<Order, Problem> {
        Ok(match self {
            Self::Join(Join { org, post, staff_no }) => Order::Join { org, post, staff_no },
            Self::Leave(Leave { org, state }) => Order::Leave { org, state },
            Self::Return(ComeBack { org, post }) => Order::Return { org, post },
            Self::Move(Move { org, to, post }) => Order::Move { org, to, post },
            Self::Teach(Teach { org, class, subject, head_teacher: head }) => {
                Order::Teach { org, class: admin.class(&class)?, subject, head }
            }
            Self::Cease(Cease { org, class, subject }) => Order::Cease { org, class: admin.class(&class)?, subject },
        })
    }
}

/// Changes a post of somebody, or what she teaches; what she is from then on, as far as the administrator sees it. Leaving a
/// post asks for a sign-in of a short while ago (RFC 9470).
#[utoipa::path(post, path = "/api/persons/{id}/post", tag = "persons", params(("id" = PersonId, Path)), request_body = PostChange, responses((status = 200, body = Vec<PostPart>), Problems))]
pub async fn change_post(
    State(app): State<App>,
    admin: Administrator,
    Named(person): Named<PersonId>,
    Body(PostChange { step, on }): Body<PostChange>,
) -> Result<Json<Vec<PostPart>>, Problem> {
    // What ended with the post does not come back with the next one.
    if matches!(step, PostStep::Leave(_) | PostStep::Move(_)) {
        admin.proved_recently(&app)?;
    }
    let order = step.order(&admin)?;
    let changed = app.change_staff(&admin.ctx, admin.by(), person, on, &order).await;
    changed.map(Json).map_err(|error| admin.problem(&error))
}
