//! The form for a new client.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::client::shown_once;
use super::form::{read, said};
use super::{failed, recent_visitor, refused as refused_to};
use crate::app::client_change::HOST_STAYS;
use crate::app::console::Visitor;
use crate::app::{App, Error, Kind};
use crate::domain::oidc::client::ClientMetadata;
use crate::domain::oidc::client_form::ClientForm;
use crate::domain::oidc::error::ProtocolError;
use crate::domain::oidc::initial_token::Policy;
use crate::http::error;
use crate::http::extract::{Fields, Visit};
use crate::http::pages::interaction::name;
use crate::http::pages::respond::{FormTargets, page};
use crate::http::pages::views::{ConsoleForm, FieldFault, FormFields, FormPurpose, Got};
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
    let typed = read(&fields);
    let (said, Ok(blank)) = (said(&typed), ClientForm::blank()) else { return error::not_found(visit).await };
    if let Some(empty) = said.missing(&blank) {
        return form(&app, visit, visitor, typed, Some(FieldFault::Missing(empty))).await;
    }
    let Ok(org) = typed.org.parse() else { return error::not_found(visit).await };
    let once = fields.get("once").unwrap_or_default();
    let admin = visitor.who.session.person;
    match app.console_register(&visit.ctx, &visitor, (org, once), said.applied_to(&blank)).await {
        Ok(registered) => shown_once(visit, &visitor, &registered, Got::Registered),
        Err(Error { kind: Kind::Conflict, .. }) => {
            let ctx = visit.ctx.administering(admin);
            let answer = form(&app, visit, visitor, typed, Some(FieldFault::SentBefore)).await;
            refused_to(&ctx, Kind::Conflict, answer)
        }
        Err(Error { protocol: Some(why), .. }) => {
            let fault = refused(&said, (&blank, false), &why);
            form(&app, visit, visitor, typed, Some(fault)).await
        }
        Err(why) => failed(visit, admin, &why),
    }
}

/// Beside which field a refusal stands.
pub(super) fn refused(
    said: &ClientForm,
    (registered, vouched): (&ClientMetadata, bool),
    why: &ProtocolError,
) -> FieldFault {
    if why.description == HOST_STAYS {
        return FieldFault::Host;
    }
    let field = said.field_at_fault(registered, vouched, why);
    field.map_or(FieldFault::Other(why.description), FieldFault::Bad)
}

async fn form(app: &App, visit: Visit, visitor: Visitor, fields: FormFields, error: Option<FieldFault>) -> Response {
    let admin = visitor.who.session.person;
    match app.console_desk(&visit.ctx, visitor).await {
        Ok(desk) => {
            let view = ConsoleForm {
                who: name(&desk.visitor.who),
                purpose: FormPurpose::Register {
                    once: desk.once,
                    institutions: desk.institutions.into_iter().map(|(id, name)| (id.to_string(), name)).collect(),
                },
                offered: Policy::of_console().allowed_scope().to_string(),
                fields,
                error,
            };
            let html = view.render(visit.ctx.locale);
            visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
        }
        Err(why) => failed(visit, admin, &why),
    }
}
