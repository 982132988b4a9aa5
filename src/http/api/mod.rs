//! The admin and roster API under `/api/`: JSON in and out, one file for each noun. An operation is described where it
//! stands, and its description and its route are one thing: what is served is in the document, and nothing else.

#![allow(unused_qualifications, reason = "what utoipa writes for a parameter list says where it stands")]

mod accounts;
mod approvals;
mod audit;
mod cases;
mod claims;
mod classes;
mod errands;
mod feed;
mod guardians;
mod institutions;
mod me;
mod merges;
mod once;
mod page;
mod papers;
mod persons;
pub mod problem;
mod reference;
mod rights;
mod roster;
mod staff;
mod students;
mod take;
mod verifications;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi, ServerBuilder};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Door;
use super::extract::Visit;
use super::urls::path;
use crate::app::{App, Ctx, Kind};
use problem::{Problem, ProblemCode, Refused};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "名籍接口 Mingji API",
        description = "管理与名册接口。令牌：平台须由运营方登记 `<issuer>/api/`，再以 scope `mingji.admin`、resource `<issuer>/api/` 登录取得（RFC 8707）。列表按 cursor 翻页；错误为 application/problem+json。\n\nThe admin and roster API. Tokens: sign in with scope `mingji.admin` and resource `<issuer>/api/` (RFC 8707), through a platform that the operator registered for it (`edu_resources`, or the word in `scope`). Lists page by cursor; errors are application/problem+json.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(problem::Document)),
    modifiers(&Schemes),
    security(("administrator" = ["mingji.admin"])),
    tags(
        (name = "me", description = "当前管理员 The administrator who asks"),
        (name = "institutions", description = "机构 The tree below her"),
        (name = "roster", description = "名册 Who studies and works there"),
        (name = "classes", description = "班级 Classes, and who teaches them"),
        (name = "persons", description = "人 People below her"),
        (name = "guardians", description = "监护人 Who a child's guardians are"),
        (name = "verifications", description = "实名核验 Who says that somebody is who the register says"),
        (name = "merges", description = "合并 Two records that are one person"),
        (name = "approvals", description = "审批 Another person's word before a full record is opened"),
        (name = "claims", description = "待确认的关系 What is said of people whom somebody else holds"),
        (name = "feed", description = "变更 What became of a platform's people"),
        (name = "rights", description = "管理授权 Roles of administration"),
        (name = "accounts", description = "账号 How people sign in, for who runs an institution and for security"),
        (name = "audit", description = "审计 What was done, and whose record was shown to whom"),
        (name = "errands", description = "交办 Rosters in, turns of the year, institutions that go somewhere: looked at, confirmed, done"),
        (name = "cases", description = "争议 What only a human can settle"),
    ),
)]
struct Description;

/// How whoever asks proves herself.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut OpenApi) {
        let bearer = |text: &str| {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(text));
            SecurityScheme::Http(scheme.build())
        };
        let components = document.components.get_or_insert_with(Components::new);
        components.add_security_scheme(
            "platform",
            bearer("RFC 9068; aud <issuer>/api/, scope mingji.feed: a platform, by client_credentials"),
        );
        components.add_security_scheme(
            "administrator",
            bearer("RFC 9068; aud <issuer>/api/, scope mingji.admin: whoever signed in and administers something now"),
        );
        components.add_security_scheme(
            "person",
            bearer("RFC 9068; aud <issuer>/api/, scope mingji.self: whoever signed in, about herself"),
        );
    }
}

/// Routes and their description.
fn described() -> OpenApiRouter<Door> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(me::show))
        .routes(routes!(me::disclosures))
        .routes(routes!(institutions::list, institutions::open))
        .routes(routes!(institutions::show))
        .routes(routes!(institutions::counts))
        .routes(routes!(institutions::rename))
        .routes(routes!(institutions::recode))
        .routes(routes!(institutions::close))
        .routes(routes!(institutions::history))
        .routes(routes!(institutions::by_code))
        .routes(routes!(classes::list, classes::open))
        .routes(routes!(classes::rename))
        .routes(routes!(classes::close))
        .routes(routes!(classes::lessons))
        .routes(routes!(roster::students, students::bring_in))
        .routes(routes!(roster::guardians))
        .routes(routes!(roster::staff))
        .routes(routes!(roster::export))
        .routes(routes!(roster::borrow))
        .routes(routes!(persons::search))
        .routes(routes!(persons::show))
        .routes(routes!(persons::record))
        .routes(routes!(persons::rename))
        .routes(routes!(persons::correct_birth_date))
        .routes(routes!(persons::add_document))
        .routes(routes!(papers::end))
        .routes(routes!(persons::set_code))
        .routes(routes!(persons::record_death))
        .routes(routes!(students::change_stay))
        .routes(routes!(guardians::list, guardians::change))
        .routes(routes!(staff::change_post))
        .routes(routes!(verifications::list, verifications::record))
        .routes(routes!(merges::merge))
        .routes(routes!(merges::undo))
        .routes(routes!(approvals::list, approvals::ask))
        .routes(routes!(approvals::decide))
        .routes(routes!(claims::list))
        .routes(routes!(claims::decide))
        .routes(routes!(claims::decide_many))
        .routes(routes!(cases::list))
        .routes(routes!(cases::show))
        .routes(routes!(cases::decide))
        .routes(routes!(cases::search))
        .routes(routes!(errands::list, errands::ask))
        .routes(routes!(errands::show))
        .routes(routes!(errands::file))
        .routes(routes!(errands::faults))
        .routes(routes!(errands::confirm))
        .routes(routes!(errands::cancel))
        .routes(routes!(rights::list, rights::give))
        .routes(routes!(rights::withdraw))
        .routes(routes!(rights::why))
        .routes(routes!(audit::entries))
        .routes(routes!(audit::disclosures))
        .routes(routes!(accounts::list))
        .routes(routes!(accounts::sessions))
        .routes(routes!(accounts::sign_out))
        .routes(routes!(accounts::lock))
        .routes(routes!(accounts::unlock))
        .routes(routes!(accounts::code))
        .routes(routes!(feed::changes))
        .routes(routes!(feed::snapshot))
}

/// The document, without the address of a server.
pub fn document() -> OpenApi {
    let mut document = described().into_openapi();
    complete(&mut document);
    document
}

/// What concerns all operations. Each has its handler's name, of which ten are called `list`: with its tag before it an id is
/// one among all (OpenAPI 3.1.0, Operation Object: "The id MUST be unique among all operations described in the API").
fn complete(document: &mut OpenApi) {
    once::describe(document);
    let all = document.paths.paths.values_mut();
    for operation in all.flat_map(|item| [&mut item.get, &mut item.post]).flatten() {
        let tag = operation.tags.iter().flatten().next();
        operation.operation_id = tag.zip(operation.operation_id.as_ref()).map(|(tag, id)| format!("{tag}_{id}"));
    }
}

/// The routes of the API.
pub fn routes(door: &Door) -> Router<Door> {
    let (routes, mut document) = described().split_for_parts();
    complete(&mut document);
    document.servers = Some(vec![ServerBuilder::new().url(door.app.issuer().as_str()).build()]);
    // As text it is a tenth of what it is in parts, for as long as the process lives.
    let document = document.to_json().map(Bytes::from);
    let document = document.inspect_err(|error| tracing::error!(%error, "the API's document cannot be written")).ok();
    let routes = routes.route_layer(from_fn_with_state(door.clone(), once::once));
    let routes = routes.route_layer(from_fn_with_state(door.clone(), noted));
    routes
        .route(path::OPENAPI, get(move || async move { openapi(document) }))
        .method_not_allowed_fallback(not_with_this_method)
        .route("/api/", any(not_found))
        .route("/api/{*rest}", any(not_found))
        .layer(map_response(kept_by_nobody))
}

fn openapi(document: Option<Bytes>) -> Response {
    let Some(document) = document else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    ([(header::CACHE_CONTROL, "public, max-age=300"), (header::CONTENT_TYPE, "application/json")], document)
        .into_response()
}

/// What an administrator was refused is written down before she reads it. She is answered all the same where it could not be.
/// So it is at the console, whose answers carry the same mark.
pub(super) async fn noted(State(door): State<Door>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let operation = format!("{} {path}", request.method());
    let response = next.run(request).await;
    if let Some(Refused { ctx, kind }) = response.extensions().get::<Refused>() {
        note_refusal(&door.app, ctx, &operation, *kind).await;
    }
    response
}

/// One refusal, also where it is one of many in an answer.
async fn note_refusal(app: &App, ctx: &Ctx, operation: &str, kind: Kind) {
    if let Err(error) = app.note_refused_administrator(ctx, operation, kind).await {
        crate::http::error::note(ctx, &error);
    }
}

/// Answers are about people: no cache on the way keeps one, unless an answer says otherwise.
async fn kept_by_nobody(mut response: Response) -> Response {
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn not_found(visit: Visit) -> Problem {
    Problem::new(&visit.ctx, ProblemCode::NotFound)
}

async fn not_with_this_method(visit: Visit) -> Problem {
    Problem::new(&visit.ctx, ProblemCode::MethodNotAllowed)
}
