//! `Idempotency-Key` on everything that writes: a request that is sent again is done once.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts as _, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, OpenApi, Required, Type};

use super::problem::{Problem, ProblemCode};
use super::take::{Administrator, whole};
use crate::app::administrator::Caller;
use crate::app::idempotency::{Keyed, Once, Ticket};
use crate::app::{App, Error};
use crate::http::Door;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// On an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// No answer to a write is longer.
const LONGEST: usize = 1 << 20;
/// What takes no key: what is posted and changes nothing, since each is a look of its own and audited as one; and a file, which
/// is never in one piece here and takes the place of one that was cut off; and a code that is shown once, and so kept nowhere.
const WITHOUT: [&str; 4] = [
    "/api/persons/search",
    "/api/institutions/{id}/export",
    "/api/errands/{id}/file",
    "/api/persons/{id}/activation-code",
];

/// Whether an operation takes a key.
fn writes(method: &Method, path: &str) -> bool {
    method != Method::GET && !WITHOUT.contains(&path)
}

/// Does what carries a key once.
pub async fn once(State(door): State<Door>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let sent = request.headers().get(KEY).cloned().filter(|_| writes(request.method(), &path));
    match sent {
        Some(sent) => keyed(&door, &sent, request, next).await.unwrap_or_else(IntoResponse::into_response),
        None => next.run(request).await,
    }
}

async fn keyed(door: &Door, sent: &HeaderValue, request: Request, next: Next) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let admin = Administrator::from_request_parts(&mut parts, door).await?;
    let key = sent.to_str().ok().filter(|key| (1..=128).contains(&key.len())).ok_or_else(|| {
        Problem::new(&admin.ctx, ProblemCode::InvalidRequest)
            .saying("an Idempotency-Key has 1 to 128 characters of ASCII")
    })?;
    let operation = format!("{} {}", parts.method, parts.uri);
    // The limit of every body stands in what the request carries along.
    let copy = parts.clone();
    let body = whole(Request::from_parts(copy, body), door, &admin.ctx).await?;
    let caller = Caller { person: admin.person, through: admin.through, auth_time: admin.auth_time };
    let asked = Keyed { key, operation: &operation, body: &body };
    let begun = door.app.begin_once(&admin.ctx, caller, &asked).await.map_err(|error| admin.problem(&error))?;
    let ticket = match begun {
        Once::First(ticket) => ticket,
        Once::Answered { status, body } => return Ok(again(status, body)),
    };
    let ctx = admin.ctx.clone();
    parts.extensions.insert(admin);
    let (app, request) = (door.app.clone(), Request::from_parts(parts, Body::from(body)));
    // Whoever goes away while it is done finds its answer when she comes back.
    let done = tokio::spawn(async move { keep(&app, ticket, next.run(request).await).await }).await;
    let failed = |error: Error| Problem::of(&ctx, &error);
    done.map_err(|why| failed(Error::internal(why)))?.map_err(failed)
}

async fn keep(app: &App, ticket: Ticket, response: Response) -> Result<Response, Error> {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, LONGEST).await.map_err(Error::internal)?;
    app.end_once(ticket, parts.status.as_u16(), &body).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn again(status: u16, body: Vec<u8>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
    let mut response = (status, body).into_response();
    for (name, value) in [(header::CONTENT_TYPE, kind), (REPLAYED, "true")] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Says in the document where a key may be sent.
pub fn describe(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        if let Some(operation) = item.post.as_mut().filter(|_| writes(&Method::POST, path)) {
            take_key(operation);
        }
    }
}

fn take_key(operation: &mut Operation) {
    let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(128)).build();
    let key = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "A request that is sent again under the same key is done once and gets the same answer, for a day.",
        ))
        .schema(Some(text))
        .build();
    operation.parameters.get_or_insert_with(Vec::new).push(key.into());
}
