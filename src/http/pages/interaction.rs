//! The pages in the way of an authorization request: what the use case answers, as a view.

use std::net::IpAddr;

use axum::http::StatusCode;
use axum::response::Response;

use super::respond::{FormTargets, page, posting_page};
use super::views;
use crate::app::authorize::{Answer, Page, Reply};
use crate::app::session;
use crate::domain::auth::throttle::Network;
use crate::domain::locale::Locale;
use crate::domain::oidc::claims::IdentityFacts;
use crate::domain::oidc::elsewhere::Way;
use crate::domain::oidc::response::ClientAnswer;
use crate::domain::oidc::scope::Scope;
use crate::domain::registry::codes::identity_kind::IdentityKind;
use crate::http::error;
use crate::http::extract::Visit;
use crate::http::oidc::authorize::redirect;

pub(super) const TOKEN_MINUTES: u32 = 5;

/// Shows a reply of the authorization endpoint.
pub fn show(mut visit: Visit, reply: Reply) -> Response {
    let locale = visit.locale_for(reply.ui_locales.as_deref());
    visit.ctx.locale = locale;
    visit.set_state(reply.browser_state.as_ref());
    match reply.answer {
        Answer::Client(answer) => match answer.url() {
            Some(url) => redirect(visit, &url),
            None => visit.finish(posting_page(views::FormPost { form: posted(answer) }.render(locale))),
        },
        Answer::Page(shown) => match *shown {
            Page::Stop(stop) => error::stop(visit, stop),
            other => {
                let (html, forms) = render(other, locale, visit.ctx.ip);
                visit.finish(page(StatusCode::OK, html, forms))
            }
        },
    }
}

/// Whether a device stands in the network that she is in.
fn is_near(device: IpAddr, here: Option<IpAddr>) -> bool {
    here.is_some_and(|here| Network::of(here.to_canonical()) == Network::of(device))
}

fn render(shown: Page, locale: Locale, here: Option<IpAddr>) -> (String, FormTargets) {
    let english = locale == Locale::En;
    match shown {
        Page::SignIn { request, login, client } => {
            let view = views::SignIn {
                request: Some(request),
                login: login.unwrap_or_default(),
                error: None,
                client_name: Some(client.display_name(english)),
                papers: views::Papers::of(&client.metadata),
                own_device: false,
                user_code: None,
            };
            (view.render(locale), FormTargets::Client)
        }
        Page::Create { request, after } => {
            let onward = views::Onward { request: Some(request), after };
            (views::Activate::blank(Some(onward), None).render(locale), FormTargets::Client)
        }
        Page::ChooseAccount { request, who } => {
            let account =
                views::AccountChoice { id: who.session.account.to_string(), name: who.name.clone(), detail: None };
            (views::ChooseAccount { request, who: name(&who), account }.render(locale), FormTargets::Client)
        }
        Page::ChooseIdentity { request, who, client, identities } => {
            let chosen = who.session.identity;
            let identities = identities.into_iter().map(|identity| choice(identity, chosen)).collect();
            let view = views::ChooseIdentity {
                request,
                who: name(&who),
                client_name: Some(client.display_name(english)),
                identities,
            };
            (view.render(locale), FormTargets::Client)
        }
        Page::Consent { request, who, card } => {
            let metadata = &card.client.metadata;
            let client = views::ClientCard {
                name: card.client.display_name(english),
                vendor: card.client.vendor().map(str::to_owned).or(card.institution),
                contact: metadata.contacts.first().cloned(),
                purpose: None,
                papers: views::Papers::of(metadata),
                site: card
                    .client
                    .document_host()
                    .map(|host| views::Site { host, answered_for: card.client.is_answered_for() }),
            };
            let scopes = card.scope.iter().map(Scope::as_str);
            let items = views::ConsentItem::all(card.client.is_application(), scopes);
            let details = card.details;
            let view =
                views::Consent { request, who: name(&who), client, items, details, token_minutes: TOKEN_MINUTES };
            (view.render(locale), FormTargets::Client)
        }
        Page::GuardianNeeded { request, who, client, details, back } => {
            let (back, forms) = match back.map(|back| (back.url(), back)) {
                None => (None, FormTargets::Client),
                Some((Some(url), _)) => (Some(views::Back::Link(url)), FormTargets::Client),
                Some((None, back)) => (Some(views::Back::Form(posted(back))), FormTargets::Client),
            };
            let view = views::GuardianNeeded {
                who: name(&who),
                request: Some(request),
                client_name: client.display_name(english),
                details,
                back,
            };
            (view.render(locale), forms)
        }
        Page::Confirm { request, who, client, asked } => {
            let compare = match asked.way {
                Way::Device => views::Compare::Device {
                    code: asked.shown.unwrap_or_default(),
                    from: match asked.page {
                        Some(page) => Some(views::Whence::Page(page)),
                        None => asked
                            .from
                            .filter(|from| !is_near(*from, here))
                            .map(|from| views::Whence::Network(from.to_string())),
                    },
                },
                Way::Ciba => views::Compare::Client(asked.shown),
            };
            let client_name = client.display_name(english);
            let view = views::Confirm { request, who: name(&who), client_name, compare };
            (view.render(locale), FormTargets::Ourselves)
        }
        Page::Answered { client, said } => {
            let view = views::Answered { client_name: client.display_name(english), said };
            (view.render(locale), FormTargets::Ourselves)
        }
        Page::Stop(_) => (String::new(), FormTargets::Ourselves),
    }
}

fn posted(answer: ClientAnswer) -> views::ClientForm {
    views::ClientForm { action: answer.redirect_uri, fields: answer.fields }
}

/// The name on top of the page.
pub fn name(who: &session::Who) -> views::Who {
    views::Who { name: who.name.clone() }
}

fn choice(identity: IdentityFacts, chosen: Option<crate::domain::id::IdentityId>) -> views::IdentityChoice {
    let kind = match identity.kind {
        IdentityKind::Student => views::IdentityKind::Student,
        IdentityKind::Teacher => views::IdentityKind::Teacher,
        IdentityKind::Parent => views::IdentityKind::Guardian,
        IdentityKind::SchoolStaff => views::IdentityKind::SchoolStaff,
        IdentityKind::InstitutionStaff => views::IdentityKind::OfficeStaff,
    };
    views::IdentityChoice {
        id: identity.id.to_string(),
        kind,
        org_name: identity.org_name,
        detail: None,
        selected: chosen == Some(identity.id),
    }
}
