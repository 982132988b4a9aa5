//! Dynamic client registration (RFC 7591) and its management (RFC 7592). What opens a registration comes as a bearer
//! token in the Authorization header, and nowhere else.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::app::clients::Registered;
use crate::app::{App, Error};
use crate::domain::oidc::client::ClientMetadata;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::http::error;
use crate::http::extract::{Visit, bearer};
use crate::http::urls::path;

type Document = Result<Json<Value>, JsonRejection>;

/// Registers a client.
pub async fn create(State(app): State<App>, visit: Visit, headers: HeaderMap, body: Document) -> Response {
    let created = async {
        let (metadata, _) = read_document(body)?;
        let (registered, keeper) = app.register_client(&visit.ctx, bearer(&headers), metadata).await?;
        document(&app, &registered, keeper.expose_secret())
    };
    answer(&visit, &headers, StatusCode::CREATED, created.await)
}

/// Says what is registered.
pub async fn read(State(app): State<App>, visit: Visit, headers: HeaderMap, Path(client_id): Path<String>) -> Response {
    let read = async {
        let keeper = keeper(&headers)?;
        document(&app, &app.read_registration(&client_id, keeper).await?, keeper)
    };
    answer(&visit, &headers, StatusCode::OK, read.await)
}

/// Replaces what is registered.
pub async fn update(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
    Path(client_id): Path<String>,
    body: Document,
) -> Response {
    let updated = async {
        let keeper = keeper(&headers)?;
        let (metadata, said) = read_document(body)?;
        // RFC 7592, 2.2: "MUST include the client_id field".
        if said["client_id"] != client_id.as_str() {
            return Err(
                ProtocolError::new(Code::InvalidClientMetadata, "client_id is not the one of this address").into()
            );
        }
        let secret = said["client_secret"].as_str();
        document(&app, &app.update_registration(&visit.ctx, &client_id, keeper, metadata, secret).await?, keeper)
    };
    answer(&visit, &headers, StatusCode::OK, updated.await)
}

/// Ends a registration.
pub async fn delete(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
    Path(client_id): Path<String>,
) -> Response {
    let deleted = async { app.delete_registration(&visit.ctx, &client_id, keeper(&headers)?).await };
    match deleted.await {
        Ok(()) => (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]).into_response(),
        Err(why) => refusal(&visit, &headers, &why),
    }
}

fn keeper(headers: &HeaderMap) -> Result<&str, Error> {
    bearer(headers)
        .ok_or_else(|| ProtocolError::new(Code::InvalidToken, "the registration access token is missing").into())
}

/// The metadata and the document it came in. A member that is `null` counts as left out (RFC 7592, 2.2).
fn read_document(body: Document) -> Result<(ClientMetadata, Value), Error> {
    let invalid = |why| Error::from(ProtocolError::new(Code::InvalidClientMetadata, why));
    let Ok(Json(Value::Object(mut members))) = body else { return Err(invalid("a JSON object is expected")) };
    members.retain(|_, value| !value.is_null());
    let said = Value::Object(members);
    let metadata =
        serde_json::from_value(said.clone()).map_err(|_| invalid("a member has a value of the wrong kind"))?;
    Ok((metadata, said))
}

/// RFC 7591, 3.2.1 and RFC 7592, 3.
fn document(app: &App, registered: &Registered, keeper: &str) -> Result<Value, Error> {
    let mut document = registered.document()?;
    let at = path::REGISTRATION.replace("{client_id}", &registered.client.id.to_string());
    document["registration_client_uri"] = json!(app.issuer().at(&at));
    document["registration_access_token"] = json!(keeper);
    Ok(document)
}

fn answer(visit: &Visit, headers: &HeaderMap, status: StatusCode, outcome: Result<Value, Error>) -> Response {
    match outcome {
        Ok(document) => (status, [(header::CACHE_CONTROL, "no-store")], Json(document)).into_response(),
        Err(why) => refusal(visit, headers, &why),
    }
}

/// RFC 6750, 3 where the token was not good. Where there was none, 3.1: "the resource server SHOULD NOT include an
/// error code or other error information".
fn refusal(visit: &Visit, headers: &HeaderMap, why: &Error) -> Response {
    let mut response = error::protocol(visit, why);
    if response.status() == StatusCode::UNAUTHORIZED {
        let challenge = match bearer(headers) {
            Some(_) => "Bearer realm=\"mingji\", error=\"invalid_token\"",
            None => "Bearer realm=\"mingji\"",
        };
        if bearer(headers).is_none() {
            response = (StatusCode::UNAUTHORIZED, [(header::CACHE_CONTROL, "no-store")]).into_response();
        }
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}
