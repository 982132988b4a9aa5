//! `/api/errands`: long work that is looked at first, confirmed and then done 交办: rosters in, the turn of the year, institutions
//! that go somewhere with their people.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt as _;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::page::{List, Page};
use super::problem::{Problem, ProblemCode, Problems};
use super::take::{Administrator, Asked, Body, Named, Recent};
use crate::app::App;
use crate::app::errand::{ErrandFault, ErrandView, Step};
use crate::domain::id::ErrandId;
use crate::domain::registry::errand::{ErrandKind, PlaceWish, SplitWish, Wish, YearWish};
use crate::domain::registry::institution::InstitutionKind;

/// What a file is sent as.
const TYPES: [&str; 3] =
    ["text/csv", "application/octet-stream", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"];

/// Which errands.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichErrands {
    /// Where the list goes on.
    cursor: Option<String>,
    /// Rows of a page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// Faults of which step.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// Of what it would do.
    Plan,
    /// Of what it did.
    Result,
}

/// Which faults.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichFaults {
    /// Of which step.
    #[param(inline)]
    of: Of,
    /// Where the list goes on.
    cursor: Option<String>,
    /// Rows of a page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// People whom a roster can bring in. Institutions are opened by the level above them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Roster {
    /// Staff.
    Staff,
    /// Students, with their guardians.
    Students,
}

/// Whose year.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct YearTurn {
    /// Code of an institution: it and everything under it.
    org: String,
    /// The year of the 1 September; the last one when left out.
    year: Option<i32>,
    /// Open a class of the new year in the place of each that graduates.
    #[serde(default)]
    open_classes: bool,
}

/// Which turn.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct YearUndo {
    /// Code of the institution whose year was turned.
    org: String,
    /// The year of the 1 September; the last one when left out.
    year: Option<i32>,
}

/// Where an institution goes, with everything below it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstitutionMove {
    /// Its code.
    org: String,
    /// Code of the institution to stand above it.
    under: String,
    /// GB/T 2260; that of the new place when left out, unless it lies there already.
    division: Option<String>,
}

/// Who takes an institution's people over.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstitutionHandover {
    /// Its code.
    org: String,
    /// Code of the one that takes everybody over.
    into: String,
}

/// What of a school is to stand for itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstitutionSplit {
    /// Code of the school.
    org: String,
    /// Code of the new one.
    code: String,
    /// Its name.
    name: String,
    /// A campus below the school, or a school beside it.
    kind: InstitutionKind,
    /// 学段/入学年份/班级, each that goes.
    classes: Vec<String>,
}

/// What is to be done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ErrandOrder {
    /// Bring a roster in, whose file is sent next.
    Roster(Roster),
    /// Turn the school year: whoever is through graduates.
    YearTurn(YearTurn),
    /// Take such a turn back, within its time.
    YearUndo(YearUndo),
    /// Put an institution under another one.
    InstitutionMove(InstitutionMove),
    /// Make an institution part of another one.
    InstitutionMerge(InstitutionHandover),
    /// Close an institution, and hand everybody over to a successor.
    InstitutionClose(InstitutionHandover),
    /// Open a campus or a school for some classes of a school, and hand them over.
    InstitutionSplit(InstitutionSplit),
}

impl ErrandOrder {
    fn read(self) -> (ErrandKind, Wish) {
        let handover = |InstitutionHandover { org, into }| Wish::Place(PlaceWish { org, to: into, division: None });
        match self {
            Self::Roster(Roster::Staff) => (ErrandKind::Staff, Wish::Roster),
            Self::Roster(Roster::Students) => (ErrandKind::Students, Wish::Roster),
            Self::YearTurn(YearTurn { org, year, open_classes }) => {
                (ErrandKind::YearTurn, Wish::Year(YearWish { org, year, open: open_classes }))
            }
            Self::YearUndo(YearUndo { org, year }) => {
                (ErrandKind::YearUndo, Wish::Year(YearWish { org, year, open: false }))
            }
            Self::InstitutionMove(InstitutionMove { org, under, division }) => {
                (ErrandKind::InstitutionMove, Wish::Place(PlaceWish { org, to: under, division }))
            }
            Self::InstitutionMerge(order) => (ErrandKind::InstitutionMerge, handover(order)),
            Self::InstitutionClose(order) => (ErrandKind::InstitutionClose, handover(order)),
            Self::InstitutionSplit(InstitutionSplit { org, code, name, kind, classes }) => {
                (ErrandKind::InstitutionSplit, Wish::Split(SplitWish { org, code, name, kind, classes }))
            }
        }
    }
}

/// Errands of hers, the newest first, for 90 days after their end.
#[utoipa::path(get, path = "/api/errands", tag = "errands", params(WhichErrands), responses((status = 200, body = Page<ErrandView>), Problems))]
pub async fn list(
    State(app): State<App>,
    admin: Administrator,
    Asked(which): Asked<WhichErrands>,
) -> Result<Json<Page<ErrandView>>, Problem> {
    let list = List::of(&admin, "errands", &[], which.limit)?;
    let before = list.place(&app, &admin.ctx, which.cursor.as_deref())?;
    let found = app.errands(admin.by(), before, list.limit() + 1).await.map_err(|error| admin.problem(&error))?;
    Ok(Json(list.page(&app, &admin.ctx, found, |one| one.id)?))
}

/// Asks for one. A roster waits for its file; everything else is looked at at once, and waits for a yes then.
#[utoipa::path(post, path = "/api/errands", tag = "errands", request_body = ErrandOrder, responses((status = 200, body = ErrandView), Problems))]
pub async fn ask(
    State(app): State<App>,
    admin: Administrator,
    Body(order): Body<ErrandOrder>,
) -> Result<Json<ErrandView>, Problem> {
    let (kind, wish) = order.read();
    let asked = app.ask_errand(&admin.ctx, admin.by(), kind, wish).await;
    asked.map(Json).map_err(|error| admin.problem(&error))
}

/// How far one is, what it would do and what it did.
#[utoipa::path(get, path = "/api/errands/{id}", tag = "errands", params(("id" = ErrandId, Path)), responses((status = 200, body = ErrandView), Problems))]
pub async fn show(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<ErrandId>,
) -> Result<Json<ErrandView>, Problem> {
    app.errand(admin.by(), id).await.map(Json).map_err(|error| admin.problem(&error))
}

/// Sends the file of a roster: CSV in UTF-8 or GB 18030, or the first visible sheet of an Excel workbook (.xlsx), told by its first bytes; 16 MiB and 200,000 rows at most, as it is. One that was cut off is sent again.
#[utoipa::path(post, path = "/api/errands/{id}/file", tag = "errands", params(("id" = ErrandId, Path)), request_body(content(([u8] = "text/csv"), ([u8] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), ([u8] = "application/octet-stream"))), responses((status = 200, body = ErrandView), Problems))]
pub async fn file(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<ErrandId>,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<ErrandView>, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !TYPES.contains(&kind.as_str()) {
        return Err(Problem::new(&admin.ctx, ProblemCode::UnsupportedMediaType)
            .saying("a file is sent as text/csv, or as a workbook (.xlsx)"));
    }
    let mut filing = app.file_errand(&admin.ctx, admin.by(), id).await.map_err(|error| admin.problem(&error))?;
    let mut body = request.into_body().into_data_stream();
    while let Some(bytes) = body.next().await {
        let cut_off = |_| Problem::new(&admin.ctx, ProblemCode::InvalidRequest).saying("the file did not come whole");
        let bytes = bytes.map_err(cut_off)?;
        if !filing.push(&bytes).await.map_err(|error| admin.problem(&error))? {
            return Err(Problem::new(&admin.ctx, ProblemCode::TooLarge));
        }
    }
    filing.end().await.map(Json).map_err(|error| admin.problem(&error))
}

/// Rows that are wrong or doubtful, in their order; never a value of one.
#[utoipa::path(get, path = "/api/errands/{id}/faults", tag = "errands", params(("id" = ErrandId, Path), WhichFaults), responses((status = 200, body = Page<ErrandFault>), Problems))]
pub async fn faults(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<ErrandId>,
    Asked(which): Asked<WhichFaults>,
) -> Result<Json<Page<ErrandFault>>, Problem> {
    let (name, step) = match which.of {
        Of::Plan => ("plan", Step::Plan),
        Of::Result => ("result", Step::Result),
    };
    let list = List::of(&admin, "faults", &[&id.to_string(), name], which.limit)?;
    let after = list.place(&app, &admin.ctx, which.cursor.as_deref())?;
    let found = app.errand_faults(admin.by(), id, step, after, list.limit() + 1).await;
    let found = found.map_err(|error| admin.problem(&error))?;
    let page = list.page(&app, &admin.ctx, found, |(place, _)| *place)?;
    Ok(Json(Page { items: page.items.into_iter().map(|(_, fault)| fault).collect(), next: page.next }))
}

/// Says yes to what was found: it is done then, with the rights that she has at that moment.
#[utoipa::path(post, path = "/api/errands/{id}/confirmation", tag = "errands", params(("id" = ErrandId, Path)), responses((status = 200, body = ErrandView), Problems))]
pub async fn confirm(
    State(app): State<App>,
    Recent(admin): Recent,
    Named(id): Named<ErrandId>,
) -> Result<Json<ErrandView>, Problem> {
    app.confirm_errand(&admin.ctx, admin.by(), id).await.map(Json).map_err(|error| admin.problem(&error))
}

/// Ends one that is not at its end. What was done of it stays; its file is thrown away. A change of institutions that it began is taken back; where somebody went over already it comes to its end.
#[utoipa::path(post, path = "/api/errands/{id}/cancellation", tag = "errands", params(("id" = ErrandId, Path)), responses((status = 200, body = ErrandView), Problems))]
pub async fn cancel(
    State(app): State<App>,
    admin: Administrator,
    Named(id): Named<ErrandId>,
) -> Result<Json<ErrandView>, Problem> {
    app.cancel_errand(&admin.ctx, admin.by(), id).await.map(Json).map_err(|error| admin.problem(&error))
}
