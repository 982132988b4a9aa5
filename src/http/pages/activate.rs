//! One-time activation: GET shows, POST consumes (R12: chat programs fetch links before people do).

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::respond::{FormTargets, page};
use super::views::{Activate, ActivateProblem, Activated, PasswordFault, SuggestedPassword};
use crate::app::App;
use crate::app::activation::{ActivationProblem, ActivationView};
use crate::domain::auth::password::{MIN_LENGTH, Weakness};
use crate::domain::auth::suggestion::Suggestion;
use crate::domain::oidc::params::Params;
use crate::http::error;
use crate::http::extract::{Fields, Visit};

/// Shows whose code it is, or asks for one.
pub async fn show(State(app): State<App>, RawQuery(query): RawQuery, visit: Visit) -> Response {
    let params = Params::parse(query.as_deref().unwrap_or_default());
    let Some(code) = params.get("code") else { return form(visit, None, None, None) };
    match app.show_activation(&visit.ctx, code).await {
        Ok(Ok(view)) => form(visit, Some(code), Some(view), None),
        Ok(Err(problem)) => form(visit, None, None, Some(shown(problem))),
        Err(why) => error::failure(visit, &why),
    }
}

/// Sets the password.
pub async fn submit(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    let code = fields.get("code").unwrap_or_default();
    let password = fields.get("new_password").unwrap_or_default();
    let again = fields.get("new_password_again").unwrap_or(password);
    let outcome = if again == password {
        app.activate(&visit.ctx, code, password.to_owned().into()).await.map(|result| result.map_err(shown))
    } else {
        Ok(Err(ActivateProblem::Mismatch))
    };
    match outcome {
        Ok(Ok(done)) => {
            let done =
                Activated { user_name: done.user_name, holder: done.holder, has_children_too: done.has_children_too };
            let html = done.render(visit.ctx.locale);
            visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
        }
        Ok(Err(problem)) => retry(&app, visit, code, problem).await,
        Err(why) => error::failure(visit, &why),
    }
}

/// The same page, with the code kept where it is still good.
async fn retry(app: &App, visit: Visit, code: &str, problem: ActivateProblem) -> Response {
    match app.show_activation(&visit.ctx, code).await {
        Ok(Ok(view)) => form(visit, Some(code), Some(view), Some(problem)),
        Ok(Err(other)) => form(visit, None, None, Some(shown(other))),
        Err(why) => error::failure(visit, &why),
    }
}

fn form(visit: Visit, code: Option<&str>, view: Option<ActivationView>, error: Option<ActivateProblem>) -> Response {
    let mut page_view = Activate {
        code: code.map(str::to_owned),
        user_name: None,
        person_hint: None,
        holder: None,
        suggestion: None,
        min_length: MIN_LENGTH,
        error,
    };
    if let Some(view) = view {
        page_view.user_name = Some(view.user_name);
        page_view.person_hint = Some(view.person_hint);
        page_view.holder = Some(view.holder);
        page_view.suggestion = view.suggestion.map(suggested);
    }
    let html = page_view.render(visit.ctx.locale);
    visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
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
