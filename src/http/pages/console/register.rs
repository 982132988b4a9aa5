//! The form for a new client.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::client::shown_once;
use super::recent_visitor;
use crate::app::console::Visitor;
use crate::app::{App, Error, Kind};
use crate::domain::oidc::client::ClientMetadata;
use crate::domain::oidc::scope::Scope;
use crate::http::error;
use crate::http::extract::{Fields, Visit};
use crate::http::pages::interaction::name;
use crate::http::pages::respond::{FormTargets, page};
use crate::http::pages::views::{ConsoleForm, FieldFault, FormFields};
use crate::http::urls::path;

/// The form.
pub async fn show(State(app): State<App>, visit: Visit) -> Response {
    match recent_visitor(&app, visit, path::CONSOLE_REGISTER).await {
        Ok((visit, visitor)) => form(&app, visit, visitor, FormFields::default(), None).await,
        Err(answer) => answer,
    }
}

/// Registers what it says.
pub async fn submit(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    let (visit, visitor) = match recent_visitor(&app, visit, path::CONSOLE_REGISTER).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let said = read(&fields);
    let needed = [("client_name", &said.client_name), ("redirect_uris", &said.redirect_uris)];
    let empty = needed.into_iter().find(|(_, text)| text.is_empty()).map(|(name, _)| name);
    if let Some(empty) = empty {
        return form(&app, visit, visitor, said, Some(FieldFault::Missing(empty))).await;
    }
    let (Ok(org), Ok(metadata)) = (said.org.parse(), metadata(&said)) else { return error::not_found(visit).await };
    let once = fields.get("once").unwrap_or_default();
    match app.console_register(&visit.ctx, &visitor, (org, once), metadata.clone()).await {
        Ok(registered) => shown_once(visit, &visitor, &registered, true),
        Err(Error { kind: Kind::Conflict, .. }) => form(&app, visit, visitor, said, Some(FieldFault::SentBefore)).await,
        Err(Error { protocol: Some(refused), .. }) => {
            let field = App::console_field_at_fault(&metadata, &refused);
            let fault = field.map_or(FieldFault::Other(refused.description), FieldFault::Bad);
            form(&app, visit, visitor, said, Some(fault)).await
        }
        Err(why) => error::failure(visit, &why),
    }
}

async fn form(app: &App, visit: Visit, visitor: Visitor, fields: FormFields, error: Option<FieldFault>) -> Response {
    match app.console_desk(&visit.ctx, visitor).await {
        Ok(desk) => {
            let view = ConsoleForm {
                who: name(&desk.visitor.who),
                once: desk.once,
                institutions: desk.institutions.into_iter().map(|(id, name)| (id.to_string(), name)).collect(),
                fields,
                error,
            };
            let html = view.render(visit.ctx.locale);
            visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
        }
        Err(why) => error::failure(visit, &why),
    }
}

fn read(fields: &Fields) -> FormFields {
    let text = |name: &str| fields.get(name).unwrap_or_default().trim().to_owned();
    let ticked = |scope: &Scope| fields.get(&format!("scope.{}", scope.as_str())).is_some();
    FormFields {
        org: text("org"),
        client_name: text("client_name"),
        client_name_en: text("client_name_en"),
        kind: text("kind"),
        redirect_uris: text("redirect_uris"),
        scopes: Scope::ALL.iter().filter(|scope| ticked(scope)).map(|scope| scope.as_str().to_owned()).collect(),
        post_logout_redirect_uris: text("post_logout_redirect_uris"),
        backchannel_logout_uri: text("backchannel_logout_uri"),
        initiate_login_uri: text("initiate_login_uri"),
        policy_uri: text("policy_uri"),
        rs256: fields.get("rs256").is_some(),
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

/// As RFC 7591 says it, with defaults that are safe.
fn metadata(said: &FormFields) -> Result<ClientMetadata, serde_json::Error> {
    let scope: Vec<&str> = std::iter::once("openid").chain(said.scopes.iter().map(String::as_str)).collect();
    let is_public = matches!(said.kind.as_str(), "browser" | "native");
    let mut document = json!({
        "client_name": said.client_name,
        "redirect_uris": lines(&said.redirect_uris),
        "post_logout_redirect_uris": lines(&said.post_logout_redirect_uris),
        "scope": scope.join(" "),
        "grant_types": ["authorization_code", "refresh_token"],
        "application_type": if said.kind == "native" { "native" } else { "web" },
        "token_endpoint_auth_method": if is_public { "none" } else { "client_secret_basic" },
        "id_token_signed_response_alg": if said.rs256 { "RS256" } else { "ES256" },
        "backchannel_logout_session_required": true,
    });
    for (member, text) in [
        ("client_name#en", &said.client_name_en),
        ("backchannel_logout_uri", &said.backchannel_logout_uri),
        ("initiate_login_uri", &said.initiate_login_uri),
        ("policy_uri", &said.policy_uri),
    ] {
        if !text.is_empty() {
            document[member] = json!(text);
        }
    }
    serde_json::from_value(document)
}
