//! One-time activation: GET shows, POST consumes (R12: chat programs fetch links before people do).

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::respond::{FormTargets, page};
use super::views::{Activate, ActivateProblem, Activated, PasswordFault};
use crate::app::App;
use crate::app::activation::{ActivationProblem, ActivationView};
use crate::domain::auth::password::{MIN_LENGTH, Weakness};
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
        Ok(Ok(user_name)) => {
            let html = Activated { user_name }.render(visit.ctx.locale);
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
    let (user_name, person_hint) = view.map_or((None, None), |view| (Some(view.user_name), Some(view.person_hint)));
    let page_view = Activate { code: code.map(str::to_owned), user_name, person_hint, min_length: MIN_LENGTH, error };
    let html = page_view.render(visit.ctx.locale);
    visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
}

fn shown(problem: ActivationProblem) -> ActivateProblem {
    match problem {
        ActivationProblem::Unknown => ActivateProblem::UnknownCode,
        ActivationProblem::Used => ActivateProblem::Used,
        ActivationProblem::Expired => ActivateProblem::Expired,
        ActivationProblem::Weak(weakness) => ActivateProblem::WeakPassword(fault(weakness)),
    }
}

fn fault(weakness: Weakness) -> PasswordFault {
    match weakness {
        Weakness::TooShort(least) => PasswordFault::TooShort(least),
        Weakness::TooLong(most) => PasswordFault::TooLong(most),
        Weakness::TooCommon => PasswordFault::TooCommon,
        Weakness::LikeUserName => PasswordFault::LikeUserName,
    }
}
