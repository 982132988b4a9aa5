//! What somebody agreed to, and the buttons that take it back.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::interaction::{TOKEN_MINUTES, name};
use super::respond::{FormTargets, page};
use super::sign_in::{bare, refused};
use super::views::{Agreed, ConsentItem, Consents, WardAgreed};
use crate::app::App;
use crate::app::consent_list::ConsentCard;
use crate::app::login::Then;
use crate::domain::locale::Locale;
use crate::domain::oidc::params::Params;
use crate::http::error;
use crate::http::extract::{Fields, Visit};
use crate::http::oidc::authorize::redirect;
use crate::http::urls::path;

/// The list.
pub async fn show(State(app): State<App>, RawQuery(query): RawQuery, visit: Visit) -> Response {
    let taken_back = Params::parse(query.as_deref().unwrap_or_default()).get("told") == Some("back");
    match app.list_consents(&visit.ctx, &visit.browser).await {
        Ok(Some(list)) => {
            let locale = visit.ctx.locale;
            let cards = |cards: Vec<ConsentCard>| cards.into_iter().map(|card| agreed(card, locale)).collect();
            let wards = list.wards.into_iter();
            let wards =
                wards.map(|one| WardAgreed { id: one.ward.to_string(), hint: one.hint, agreed: cards(one.cards) });
            let view = Consents {
                who: name(&list.who),
                own: cards(list.own),
                by_family: list.by_family,
                wards: wards.collect(),
                token_minutes: TOKEN_MINUTES,
                taken_back,
            };
            visit.finish(page(StatusCode::OK, view.render(locale), FormTargets::Ourselves))
        }
        Ok(None) => bare(&app, visit, &Then::Consents),
        Err(why) => error::failure(visit, &why),
    }
}

/// Takes one back.
pub async fn take_back(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    let client = fields.get("client").and_then(|id| id.parse().ok());
    let ward = fields.get("ward").map(str::parse);
    let (Some(client), Ok(ward)) = (client, ward.transpose()) else { return error::not_found(visit).await };
    match app.take_back_consent(&visit.ctx, &visit.browser, client, ward).await {
        Ok(()) => redirect(visit, &app.issuer().at(&format!("{}?told=back", path::CONSENTS))),
        Err(why) => refused(&app, visit, &why, &Then::Consents).await,
    }
}

fn agreed(card: ConsentCard, locale: Locale) -> Agreed {
    Agreed {
        client: card.client.id.to_string(),
        name: card.client.display_name(locale == Locale::En),
        vendor: card.client.vendor().map(str::to_owned).or(card.institution),
        before: card.before,
        items: ConsentItem::all(card.client.is_application(), card.scopes.iter().map(AsRef::as_ref)),
        details: card.details,
        since: card.since.shanghai_minute(),
        outdated: card.outdated,
    }
}
