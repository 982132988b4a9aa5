//! The form for an application that is registered.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::client::shown_once;
use super::form::{read, said, typed};
use super::register::refused;
use super::{client_path, failed, recent_visitor, refused as refused_to};
use crate::app::console_change::Settings;
use crate::app::{App, Error, Kind};
use crate::domain::id::ClientId;
use crate::domain::locale::Locale;
use crate::domain::oidc::client_form::ClientForm;
use crate::http::error;
use crate::http::extract::{Fields, Visit};
use crate::http::oidc::authorize::redirect;
use crate::http::pages::interaction::name;
use crate::http::pages::respond::{FormTargets, page};
use crate::http::pages::views::{ConsoleForm, ConsoleNote, FieldFault, FormFields, FormPurpose, Got};

/// The form, as it is registered.
pub async fn show(State(app): State<App>, Path(id): Path<String>, visit: Visit) -> Response {
    match settings(&app, visit, &id).await {
        Ok((visit, settings)) => {
            let fields = typed(ClientForm::of(&settings.client.metadata));
            form(visit, &settings, settings.client.version, fields, None)
        }
        Err(answer) => answer,
    }
}

/// Registers what it says instead. A form that was shown before somebody else changed something is shown again as it was
/// filled in, beside what stands now.
pub async fn submit(State(app): State<App>, Path(id): Path<String>, visit: Visit, fields: Fields) -> Response {
    let (visit, settings) = match settings(&app, visit, &id).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let Some(version) = fields.get("version").and_then(|text| text.parse().ok()) else {
        return error::not_found(visit).await;
    };
    let admin = settings.visitor.who.session.person;
    let (client, typed) = (&settings.client, read(&fields));
    let said = said(&typed);
    if let Some(empty) = said.missing(&client.metadata) {
        return form(visit, &settings, version, typed, Some(FieldFault::Missing(empty)));
    }
    let told = |note: ConsoleNote| format!("{}?told={}", client_path(client.id), note.as_str());
    match app.console_change(&visit.ctx, &settings.visitor, (client.id, version), &said).await {
        Ok(Some(registered)) if registered.secret.is_some() => {
            shown_once(visit, &settings.visitor, &registered, Got::Secret)
        }
        Ok(Some(_)) => redirect(visit, &app.issuer().at(&told(ConsoleNote::Changed))),
        Ok(None) => redirect(visit, &app.issuer().at(&told(ConsoleNote::Unchanged))),
        Err(Error { kind: Kind::Conflict, .. }) => {
            match app.console_settings(&visit.ctx, settings.visitor.clone(), client.id).await {
                Ok(now) => {
                    let ctx = visit.ctx.administering(admin);
                    let answer = form(visit, &now, now.client.version, typed, Some(FieldFault::Stale));
                    refused_to(&ctx, Kind::Conflict, answer)
                }
                Err(why) => failed(visit, admin, &why),
            }
        }
        Err(Error { protocol: Some(why), .. }) => {
            let fault = refused(&said, (&client.metadata, client.vouched), &why);
            form(visit, &settings, version, typed, Some(fault))
        }
        Err(why) => failed(visit, admin, &why),
    }
}

async fn settings(app: &App, visit: Visit, id: &str) -> Result<(Visit, Settings), Response> {
    let Ok(id) = id.parse::<ClientId>() else { return Err(error::not_found(visit).await) };
    let (visit, visitor) = recent_visitor(app, visit, &format!("{}/edit", client_path(id))).await?;
    let admin = visitor.who.session.person;
    match app.console_settings(&visit.ctx, visitor, id).await {
        Ok(settings) => Ok((visit, settings)),
        Err(why) => Err(failed(visit, admin, &why)),
    }
}

/// The form. `version` is the one that whoever fills it in has seen.
fn form(visit: Visit, settings: &Settings, version: i64, fields: FormFields, error: Option<FieldFault>) -> Response {
    let client = &settings.client;
    let stands = (error == Some(FieldFault::Stale)).then(|| Box::new(typed(ClientForm::of(&client.metadata))));
    let view = ConsoleForm {
        who: name(&settings.visitor.who),
        purpose: FormPurpose::Change {
            id: client.id.to_string(),
            version,
            name: client.display_name(visit.ctx.locale == Locale::En),
            redirects: !client.metadata.response_types.is_empty(),
            stands,
        },
        offered: settings.policy.allowed_scope().to_string(),
        fields,
        error,
    };
    let html = view.render(visit.ctx.locale);
    visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
}
