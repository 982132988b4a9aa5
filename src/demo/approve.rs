//! The demo's `approve_url`: answers a question of another device as its person would, with her password and through the
//! pages' own use cases, so that programs can try CIBA and the device grant. It exists in the demo only.

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::routing::get;

use super::world::{DemoPerson, World};
use crate::app::authorize::{Answer, Page, Reply};
use crate::app::device::Typed;
use crate::app::login::{LoginForm, LoginReply, Then};
use crate::app::session::Browser;
use crate::app::{App, Ctx, Error};
use crate::domain::locale::Locale;
use crate::domain::oidc::elsewhere::Said;
use crate::domain::oidc::params::Params;

/// Where it stands on platform A's port; the contract's place-holders are filled in by whoever calls it.
pub const TEMPLATE: &str = "approve?auth_req_id={auth_req_id}&action={action}";

/// Who answers for a device, which names nobody, where the caller does not say.
const ANYBODY: &str = "full_claims";

type Told = (StatusCode, &'static str);

#[derive(Clone)]
struct Stage {
    app: App,
    world: World,
}

/// The address. `auth_req_id` may be a device's `user_code`; `person` is a key of the demo world; `action` is `allow` or
/// `deny`.
pub fn router(app: App, world: World) -> Router {
    Router::new().route("/approve", get(answer).post(answer)).with_state(Stage { app, world })
}

async fn answer(State(stage): State<Stage>, RawQuery(query): RawQuery) -> Told {
    let params = Params::parse(query.as_deref().unwrap_or_default());
    let allow = match params.get("action") {
        Some("allow") => true,
        Some("deny") => false,
        _ => return (StatusCode::BAD_REQUEST, "action is allow or deny"),
    };
    let Some(code) = params.get("auth_req_id") else { return (StatusCode::BAD_REQUEST, "auth_req_id is missing") };
    match stage.play(code, params.get("person").unwrap_or(ANYBODY), allow).await {
        Ok(told) => told,
        Err(error) => {
            tracing::error!(%error, "a question could not be answered");
            (StatusCode::INTERNAL_SERVER_ERROR, "it failed; the log says why")
        }
    }
}

impl Stage {
    async fn play(&self, code: &str, key: &str, allow: bool) -> Result<Told, Error> {
        const NOBODY: Told = (StatusCode::NOT_FOUND, "no such question, or nobody of the demo world is asked");
        let ctx = Ctx::request(&self.app, None, Locale::Zh);
        let asked = self.app.question_to(code).await?;
        let named = |person: &&DemoPerson| match &asked {
            Some((_, meant)) => person.person_id == *meant,
            None => person.key == key,
        };
        let Some(person) = self.world.people.iter().find(named) else { return Ok(NOBODY) };
        let Some(browser) = self.sign_in(&ctx, person).await? else {
            return Ok((StatusCode::CONFLICT, "she cannot sign in with the password of the demo"));
        };
        let reply = match asked {
            Some((id, _)) => self.app.take_up(&ctx, id, &browser).await?,
            None => match self.app.type_user_code(&ctx, code, &browser).await? {
                Typed::Found(reply) => reply,
                _ => return Ok(NOBODY),
            },
        };
        let told = self.answer_pages(&ctx, reply, &browser, allow).await;
        if let Some(who) = self.app.who(&ctx, &browser).await? {
            self.app.sign_out(&ctx, &who.session, "signed out at home").await?;
        }
        told
    }

    async fn sign_in(&self, ctx: &Ctx, person: &DemoPerson) -> Result<Option<Browser>, Error> {
        let (request, pre_session) = self.app.bare_form(&Browser::default(), &Then::Home)?;
        let browser = Browser { pre_session, ..Browser::default() };
        let form = LoginForm {
            request: Some(request),
            login: person.user_name.clone(),
            password: person.password.clone().into(),
            own_device: false,
        };
        Ok(match self.app.sign_in(ctx, form, &browser).await? {
            LoginReply::SignedIn(signed_in) => Some(Browser { session: Some(signed_in.secret), ..browser }),
            _ => None,
        })
    }

    /// Presses the buttons that come: the first identity, and the same answer everywhere.
    async fn answer_pages(&self, ctx: &Ctx, mut reply: Reply, browser: &Browser, allow: bool) -> Result<Told, Error> {
        for _ in 0..4 {
            let Answer::Page(page) = reply.answer else { break };
            reply = match *page {
                Page::Confirm { request, .. } => self.app.confirm(ctx, &request, allow, browser).await?,
                Page::Consent { request, .. } => self.app.decide_consent(ctx, &request, allow, browser).await?,
                Page::ChooseIdentity { request, identities, .. } => match identities.first() {
                    Some(first) => self.app.continue_with_identity(ctx, &request, first.id, browser).await?,
                    None => break,
                },
                Page::Answered { said: Said::Yes, .. } => return Ok((StatusCode::OK, "allowed")),
                Page::Answered { said: Said::No, .. } => return Ok((StatusCode::OK, "denied")),
                Page::GuardianNeeded { .. } => return Ok((StatusCode::OK, "denied: a guardian has not agreed")),
                _ => break,
            };
        }
        Ok((StatusCode::CONFLICT, "the question is over, or cannot be answered so"))
    }
}
