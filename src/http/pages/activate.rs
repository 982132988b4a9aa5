//! One-time activation: GET shows, POST consumes (R12: chat programs fetch links before people do).

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::respond::{FormTargets, page};
use super::views::{Activate, ActivateProblem, Activated, Onward, PasswordFault, SuggestedPassword};
use crate::app::App;
use crate::app::activation::{ActivationProblem, ActivationView};
use crate::domain::auth::password::Weakness;
use crate::domain::auth::suggestion::Suggestion;
use crate::domain::oidc::params::Params;
use crate::http::error;
use crate::http::extract::{Fields, Visit};

/// Shows whose code it is, or asks for one.
pub async fn show(State(app): State<App>, RawQuery(query): RawQuery, visit: Visit) -> Response {
    let params = Params::parse(query.as_deref().unwrap_or_default());
    let Some(code) = params.get("code") else { return form(visit, None, None, None, None) };
    match app.show_activation(&visit.ctx, code).await {
        Ok(Ok(view)) => form(visit, Some(code), Some(view), None, None),
        Ok(Err(problem)) => form(visit, None, None, Some(shown(problem)), None),
        Err(why) => error::failure(visit, &why),
    }
}

/// Sets the password.
pub async fn submit(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    let code = fields.get("code").unwrap_or_default();
    let password = fields.get("new_password").unwrap_or_default();
    let again = fields.get("new_password_again").unwrap_or(password);
    let after = fields.get("request").map(str::to_owned);
    let outcome = if again == password {
        app.activate(&visit.ctx, code, password.to_owned().into()).await.map(|result| result.map_err(shown))
    } else {
        Ok(Err(ActivateProblem::Mismatch))
    };
    match outcome {
        Ok(Ok(done)) => {
            let forms = targets(after.as_ref());
            let done = Activated {
                user_name: done.user_name,
                holder: done.holder,
                has_children_too: done.has_children_too,
                after,
            };
            let html = done.render(visit.ctx.locale);
            visit.finish(page(StatusCode::OK, html, forms))
        }
        Ok(Err(problem)) => retry(&app, visit, code, problem, after).await,
        Err(why) => error::failure(visit, &why),
    }
}

/// The same page, with the code kept where it is still good.
async fn retry(app: &App, visit: Visit, code: &str, problem: ActivateProblem, after: Option<String>) -> Response {
    if problem == ActivateProblem::UnknownCode {
        // Nothing is to be shown of it, and it was waited for once.
        return form(visit, None, None, Some(problem), after);
    }
    match app.show_activation(&visit.ctx, code).await {
        Ok(Ok(view)) => form(visit, Some(code), Some(view), Some(problem), after),
        Ok(Err(other)) => form(visit, None, None, Some(shown(other)), after),
        Err(why) => error::failure(visit, &why),
    }
}

/// A request that waits may end at its client.
fn targets(after: Option<&String>) -> FormTargets {
    if after.is_some() { FormTargets::Client } else { FormTargets::Ourselves }
}

fn form(
    visit: Visit,
    code: Option<&str>,
    view: Option<ActivationView>,
    error: Option<ActivateProblem>,
    after: Option<String>,
) -> Response {
    let forms = targets(after.as_ref());
    let onward = after.map(|after| Onward { request: None, after });
    let mut page_view = Activate { code: code.map(str::to_owned), ..Activate::blank(onward, error) };
    if let Some(view) = view {
        page_view.user_name = Some(view.user_name);
        page_view.person_hint = Some(view.person_hint);
        page_view.holder = Some(view.holder);
        page_view.suggestion = view.suggestion.map(suggested);
    }
    let html = page_view.render(visit.ctx.locale);
    visit.finish(page(StatusCode::OK, html, forms))
}

/// A drawn password, for a page.
pub fn suggested(drawn: Suggestion) -> SuggestedPassword {
    SuggestedPassword { password: drawn.password, reminder: drawn.reminder }
}

fn shown(problem: ActivationProblem) -> ActivateProblem {
    match problem {
        ActivationProblem::Unknown => ActivateProblem::UnknownCode,
        ActivationProblem::Used => ActivateProblem::Used,
        ActivationProblem::Expired => ActivateProblem::Expired,
        ActivationProblem::Weak(weakness) => ActivateProblem::WeakPassword(fault(weakness)),
    }
}

/// Why a password is refused, for a page.
pub fn fault(weakness: Weakness) -> PasswordFault {
    match weakness {
        Weakness::TooShort(least) => PasswordFault::TooShort(least),
        Weakness::TooLong(most) => PasswordFault::TooLong(most),
        Weakness::TooCommon => PasswordFault::TooCommon,
        Weakness::LikeUserName => PasswordFault::LikeUserName,
    }
}
