//! The first page: what this is, who is signed in, what she may open, and whose guardian she is.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::erasure::stands;
use super::interaction::name;
use super::respond::{FormTargets, page};
use super::views::{Home, HomeNote, Look, OtherGuardian, Platform, Waiting, Ward, WardAccount, WardErasure};
use crate::app::App;
use crate::app::authorize::PageStop;
use crate::app::disclosure::Disclosure;
use crate::app::elsewhere::OpenQuestion;
use crate::app::ward::WardCard;
use crate::domain::locale::Locale;
use crate::domain::oidc::client::Client;
use crate::domain::oidc::params::Params;
use crate::domain::time::Timestamp;
use crate::http::error;
use crate::http::extract::Visit;
use crate::http::oidc::authorize::redirect;

/// Home.
pub async fn show(State(app): State<App>, RawQuery(query): RawQuery, visit: Visit) -> Response {
    let note = Params::parse(query.as_deref().unwrap_or_default()).get("told").and_then(HomeNote::parse);
    let view = match app.home(&visit.ctx, &visit.browser).await {
        Ok(Some(home)) => {
            let english = visit.ctx.locale == Locale::En;
            let named = |client: &Client| Platform { id: client.client_id(), name: client.display_name(english) };
            Home {
                who: Some(name(&home.who)),
                platforms: home.platforms.iter().map(named).collect(),
                looks: home.looks.into_iter().map(look).collect(),
                wards: home.wards.into_iter().map(ward).collect(),
                erasures: home.erasures.into_iter().map(erasure).collect(),
                waiting: home.questions.into_iter().map(|question| waiting(question, visit.ctx.locale)).collect(),
                console: home.console,
                note,
            }
        }
        Ok(None) => {
            let (platforms, wards, erasures) = (Vec::new(), Vec::new(), Vec::new());
            let (looks, waiting) = (Vec::new(), Vec::new());
            Home { who: None, platforms, wards, erasures, looks, waiting, console: false, note: None }
        }
        Err(why) => return error::failure(visit, &why),
    };
    let html = view.render(visit.ctx.locale);
    visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
}

fn look(one: Disclosure) -> Look {
    let who: Vec<String> = [one.by, one.institution].into_iter().flatten().collect();
    Look {
        day: Timestamp::from_rfc3339(&one.at).map(|at| at.shanghai_date().to_string()).unwrap_or_default(),
        who: (!who.is_empty()).then(|| who.join(" · ")),
        action: one.action,
        purpose: one.purpose,
        withheld: one.withheld,
    }
}

/// `?client_id=…`: a login at that client begins (OpenID Connect Core, 4).
pub async fn open(State(app): State<App>, RawQuery(query): RawQuery, visit: Visit) -> Response {
    let params = Params::parse(query.as_deref().unwrap_or_default());
    match app.launch(&visit.ctx, params.get("client_id").unwrap_or_default(), &visit.browser).await {
        Ok(Some(address)) => redirect(visit, &address),
        Ok(None) => error::stop(visit, PageStop::Client),
        Err(why) => error::failure(visit, &why),
    }
}

fn waiting(question: OpenQuestion, locale: Locale) -> Waiting {
    Waiting {
        id: question.id.to_string(),
        client_name: question.client.display_name(locale == Locale::En),
        text: question.binding_message,
    }
}

fn erasure(one: crate::app::erasure_request::WardErasure) -> WardErasure {
    WardErasure { id: one.ward.to_string(), hint: one.hint, stands: stands(one.waiting) }
}

fn ward(card: WardCard) -> Ward {
    let place: Vec<String> = [card.school, card.class].into_iter().flatten().collect();
    Ward {
        id: card.id.to_string(),
        hint: card.hint,
        place: (!place.is_empty()).then(|| place.join(" · ")),
        pending: card.pending,
        decides: card.decides,
        account: card.account.map(|account| WardAccount { user_name: account.user_name, active: account.active }),
        others: card
            .others
            .into_iter()
            .map(|other| OtherGuardian { hint: other.hint, pending: other.pending, recorded_by: other.recorded_by })
            .collect(),
    }
}
