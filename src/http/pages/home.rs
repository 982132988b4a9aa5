//! The first page: what this is, who is signed in, and whose guardian she is.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::interaction::name;
use super::respond::{FormTargets, page};
use super::views::{Home, HomeNote, OtherGuardian, Waiting, Ward, WardAccount};
use crate::app::App;
use crate::app::elsewhere::OpenQuestion;
use crate::app::ward::WardCard;
use crate::domain::locale::Locale;
use crate::domain::oidc::params::Params;
use crate::http::error;
use crate::http::extract::Visit;

/// Home.
pub async fn show(State(app): State<App>, RawQuery(query): RawQuery, visit: Visit) -> Response {
    let note = Params::parse(query.as_deref().unwrap_or_default()).get("told").and_then(HomeNote::parse);
    let view = match app.home(&visit.ctx, &visit.browser).await {
        Ok(Some(home)) => Home {
            who: Some(name(&home.who)),
            wards: home.wards.into_iter().map(ward).collect(),
            waiting: home.questions.into_iter().map(|question| waiting(question, visit.ctx.locale)).collect(),
            note,
        },
        Ok(None) => Home { who: None, wards: Vec::new(), waiting: Vec::new(), note: None },
        Err(why) => return error::failure(visit, &why),
    };
    let html = view.render(visit.ctx.locale);
    visit.finish(page(StatusCode::OK, html, FormTargets::Ourselves))
}

fn waiting(question: OpenQuestion, locale: Locale) -> Waiting {
    Waiting {
        id: question.id.to_string(),
        client_name: question.client.display_name(locale == Locale::En),
        text: question.binding_message,
    }
}

fn ward(card: WardCard) -> Ward {
    let place: Vec<String> = [card.school, card.class].into_iter().flatten().collect();
    Ward {
        id: card.id.to_string(),
        hint: card.hint,
        place: (!place.is_empty()).then(|| place.join(" · ")),
        pending: card.pending,
        account: card.account.map(|account| WardAccount { user_name: account.user_name, active: account.active }),
        others: card
            .others
            .into_iter()
            .map(|other| OtherGuardian { hint: other.hint, pending: other.pending, recorded_by: other.recorded_by })
            .collect(),
    }
}
