//! Another password, for whoever knows the one she has.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::activate::fault;
use super::interaction::name;
use super::respond::{FormTargets, page};
use super::sign_in::{bare, refused};
use super::views::{HomeNote, OwnPassword, OwnPasswordProblem};
use crate::app::App;
use crate::app::login::Then;
use crate::app::own_password::PasswordProblem;
use crate::domain::auth::password::MIN_LENGTH;
use crate::http::error;
use crate::http::extract::{Fields, Visit};
use crate::http::oidc::authorize::redirect;
use crate::http::urls::path;

/// The form.
pub async fn show(State(app): State<App>, visit: Visit) -> Response {
    form(&app, visit, None).await
}

/// The way there from the address that managers of passwords know.
pub async fn find(State(app): State<App>, visit: Visit) -> Response {
    redirect(visit, &app.issuer().at(path::PASSWORD))
}

/// Sets it.
pub async fn submit(State(app): State<App>, mut visit: Visit, fields: Fields) -> Response {
    let [old, new] = ["password", "new_password"].map(|name| fields.get(name).unwrap_or_default().to_owned());
    if fields.get("new_password_again").is_some_and(|again| again != new) {
        return form(&app, visit, Some(OwnPasswordProblem::Mismatch)).await;
    }
    match app.change_own_password(&visit.ctx, &visit.browser, old.into(), new.into()).await {
        Ok(Ok(changed)) => {
            visit.set_session(&changed.secret, changed.keep_for);
            visit.set_state(changed.browser_state.as_ref());
            redirect(visit, &app.issuer().at(&format!("/?told={}", HomeNote::OwnPassword.as_str())))
        }
        Ok(Err(problem)) => form(&app, visit, Some(shown(problem))).await,
        Err(why) => refused(&app, visit, &why, &Then::Password).await,
    }
}

fn shown(problem: PasswordProblem) -> OwnPasswordProblem {
    match problem {
        PasswordProblem::Wrong => OwnPasswordProblem::Wrong,
        PasswordProblem::TooMany { minutes } => {
            OwnPasswordProblem::TooMany { minutes: u32::try_from(minutes).unwrap_or(u32::MAX) }
        }
        PasswordProblem::Busy => OwnPasswordProblem::Busy,
        PasswordProblem::Weak(weakness) => OwnPasswordProblem::Weak(fault(weakness)),
    }
}

async fn form(app: &App, visit: Visit, error: Option<OwnPasswordProblem>) -> Response {
    match app.show_own_password(&visit.ctx, &visit.browser).await {
        Ok(Some(shown)) => {
            let status = match error {
                Some(OwnPasswordProblem::TooMany { .. }) => StatusCode::TOO_MANY_REQUESTS,
                Some(OwnPasswordProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::OK,
            };
            let view = OwnPassword {
                who: name(&shown.who),
                user_name: shown.user_name,
                by_family: shown.by_family,
                min_length: MIN_LENGTH,
                error,
            };
            let mut response = page(status, view.render(visit.ctx.locale), FormTargets::Ourselves);
            if status == StatusCode::SERVICE_UNAVAILABLE {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("3"));
            }
            visit.finish(response)
        }
        Ok(None) => bare(app, visit, &Then::Password),
        Err(why) => error::failure(visit, &why),
    }
}
