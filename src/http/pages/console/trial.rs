//! A sign-in that is tried.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{client_path, failed, visitor};
use crate::app::App;
use crate::app::console_trial::{Trial, Verdict};
use crate::domain::id::ClientId;
use crate::domain::locale::Locale;
use crate::http::error;
use crate::http::extract::{Fields, Visit};
use crate::http::pages::interaction::name;
use crate::http::pages::respond::{FormTargets, page};
use crate::http::pages::views::{ConsoleTrial, TrialVerdict};
use crate::http::urls::path;

/// Looks at a request that was pasted, or at one of ours.
pub async fn run(State(app): State<App>, Path(id): Path<String>, visit: Visit, fields: Fields) -> Response {
    let Ok(id) = id.parse::<ClientId>() else { return error::not_found(visit).await };
    let (visit, visitor) = match visitor(&app, visit, &client_path(id)).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let own = match fields.get("own") {
        Some(_) => {
            let at = fields.get("at").and_then(|at| at.parse().ok()).unwrap_or_default();
            match app.console_sample(&visit.ctx, &visitor, id, at).await {
                Ok(query) => Some(app.issuer().at(&format!("{}?{query}", path::AUTHORIZE))),
                Err(why) => return failed(visit, visitor.who.session.person, &why),
            }
        }
        None => None,
    };
    let pasted = own.as_deref().or_else(|| fields.get("pasted")).unwrap_or_default();
    match app.console_try(&visit.ctx, &visitor, id, pasted).await {
        Ok(Trial { client, verdict, must_push }) => {
            let view = ConsoleTrial {
                who: name(&visitor.who),
                id: id.to_string(),
                name: client.display_name(visit.ctx.locale == Locale::En),
                request: own,
                verdict: shown(verdict),
                must_push,
            };
            let html = view.render(visit.ctx.locale);
            visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
        }
        Err(why) => failed(visit, visitor.who.session.person, &why),
    }
}

fn shown(verdict: Verdict) -> TrialVerdict {
    match verdict {
        Verdict::Good { scope, dropped, redirect_uri, asks, unguarded } => {
            TrialVerdict::Good { scope: scope.join(" "), dropped: dropped.join(" "), redirect_uri, asks, unguarded }
        }
        Verdict::Bad { kind, said, difference } => TrialVerdict::Bad {
            kind,
            code: said.as_ref().map(|error| error.code.as_str()),
            said: said.as_ref().map(|error| error.description),
            difference,
        },
        Verdict::Foreign => TrialVerdict::Foreign,
        Verdict::Object => TrialVerdict::Object,
        Verdict::Unreadable => TrialVerdict::Unreadable,
    }
}
