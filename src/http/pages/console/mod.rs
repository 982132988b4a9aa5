//! The console at `/console`: the clients that somebody answers for.

mod client;
mod edit;
mod form;
mod register;
mod trial;

pub use client::{again, back, end_old_secret, remove, rotate, show as show_client, suspend};
pub use edit::{show as show_edit, submit as edit};
pub use register::{show as show_register, submit as register};
pub use trial::run as run_trial;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::interaction::name;
use super::respond::{FormTargets, page};
use super::sign_in::bare;
use super::views::{ConsoleList, ConsoleNote, ConsoleRow};
use crate::app::console::Visitor;
use crate::app::login::Then;
use crate::app::{App, Ctx, Error, Kind};
use crate::domain::id::PersonId;
use crate::domain::locale::Locale;
use crate::domain::oidc::client::ClientStatus;
use crate::domain::oidc::params::Params;
use crate::http::api::problem::Refused;
use crate::http::error;
use crate::http::extract::Visit;
use crate::http::urls::path;

/// The list.
pub async fn show(State(app): State<App>, RawQuery(query): RawQuery, visit: Visit) -> Response {
    let (visit, visitor) = match visitor(&app, visit, path::CONSOLE).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    match app.console_clients(&visit.ctx, &visitor).await {
        Ok((clients, may_register)) => {
            let locale = visit.ctx.locale;
            let row = |one: crate::app::console::Listed| ConsoleRow {
                id: one.client.id.to_string(),
                name: one.client.display_name(locale == Locale::En),
                is_application: one.client.is_application(),
                institution: one.institution,
                suspended: one.client.status != ClientStatus::Active,
            };
            let view = ConsoleList {
                who: name(&visitor.who),
                clients: clients.into_iter().map(row).collect(),
                may_register,
                note: note(query.as_deref()),
            };
            visit.finish(page(StatusCode::OK, view.render(locale), FormTargets::Ourselves))
        }
        Err(why) => failed(visit, visitor.who.session.person, &why),
    }
}

/// Whoever is at the console, or the page that she gets instead: to sign in, after which she comes to `back`, or none.
async fn visitor(app: &App, visit: Visit, back: &str) -> Result<(Visit, Visitor), Response> {
    match app.console_visitor(&visit.ctx, &visit.browser).await {
        Ok(Some(visitor)) => Ok((visit, visitor)),
        Ok(None) => Err(sign_in(app, visit, back)),
        Err(why) => Err(error::failure(visit, &why)),
    }
}

/// The same for what takes a sign-in of a short while ago.
async fn recent_visitor(app: &App, visit: Visit, back: &str) -> Result<(Visit, Visitor), Response> {
    let (visit, visitor) = visitor(app, visit, back).await?;
    if visitor.recent { Ok((visit, visitor)) } else { Err(sign_in(app, visit, back)) }
}

/// What failed, as a page.
fn failed(visit: Visit, admin: PersonId, why: &Error) -> Response {
    let ctx = visit.ctx.administering(admin);
    refused(&ctx, why.kind, error::failure(visit, why))
}

/// An answer to an administrator who was refused something, for the audit.
fn refused(ctx: &Ctx, kind: Kind, mut answer: Response) -> Response {
    answer.extensions_mut().insert(Refused { ctx: ctx.clone(), kind });
    answer
}

fn sign_in(app: &App, visit: Visit, back: &str) -> Response {
    bare(app, visit, &Then::Console(back.to_owned()))
}

fn note(query: Option<&str>) -> Option<ConsoleNote> {
    Params::parse(query.unwrap_or_default()).get("told").and_then(ConsoleNote::parse)
}

/// The page of a client.
fn client_path(id: crate::domain::id::ClientId) -> String {
    format!("{}/clients/{id}", path::CONSOLE)
}
