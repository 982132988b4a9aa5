//! The authorization endpoint: from a client's question to a code, a page, or an error (OpenID Connect
//! Core, 3.1.2). What was asked travels sealed with the browser (R3); who is there is read each time.

use std::sync::Arc;

use secrecy::SecretString;

use super::authorization_type::ShownDetails;
use super::browser_state::BrowserState;
use super::claims::Standing;
use super::consent::{ConsentCard, notice_of};
use super::interaction::Opened;
use super::par::Brought;
use super::session::{Browser, Who};
use super::{App, Ctx, Error, access};
use crate::domain::id::{IdentityId, InteractionId};
use crate::domain::oidc::authorization_type::Shown;
use crate::domain::oidc::checks::{self, Entrance, Failure, Stop};
use crate::domain::oidc::claims::IdentityFacts;
use crate::domain::oidc::client::{Client, ClientStatus};
use crate::domain::oidc::elsewhere::{Elsewhere, Said};
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::fault::{DocumentFault, Endpoint, FaultKind};
use crate::domain::oidc::params::Params;
use crate::domain::oidc::prompt::{self, Next, Present, Receipt};
use crate::domain::oidc::request::{Answered, AuthorizationRequest};
use crate::domain::oidc::response::{ClientAnswer, ResponseMode};
use crate::domain::registry::age::AgeBand;
use crate::domain::time::Timestamp;
use crate::store::sessions::Visited;
use crate::store::subjects;

/// What the browser gets.
pub struct Reply {
    /// A redirect or a page.
    pub answer: Answer,
    /// A new pre-session cookie, where there was none.
    pub pre_session: Option<SecretString>,
    /// Languages the client asked for.
    pub ui_locales: Option<String>,
    /// How the browser stands now, where its cookie says otherwise.
    pub browser_state: Option<BrowserState>,
}

/// An answer for the client or a page of ours.
pub enum Answer {
    /// To the client: a code, tokens or an error.
    Client(ClientAnswer),
    /// A page.
    Page(Box<Page>),
}

/// A page in the way to a code. `request` is the sealed state its form carries.
pub enum Page {
    /// Sign in.
    SignIn {
        /// Sealed state.
        request: String,
        /// User name to put into the form.
        login: Option<String>,
        /// Who asks.
        client: Arc<Client>,
    },
    /// Make an account.
    Create {
        /// Sealed state, for the same page in another language.
        request: String,
        /// Sealed state that goes on with the sign-in page.
        after: String,
    },
    /// Continue as this person, or somebody else.
    ChooseAccount {
        /// Sealed state.
        request: String,
        /// Who is there.
        who: Who,
    },
    /// Which identity.
    ChooseIdentity {
        /// Sealed state.
        request: String,
        /// Who is there.
        who: Who,
        /// Who asks.
        client: Arc<Client>,
        /// Hers today.
        identities: Vec<IdentityFacts>,
    },
    /// What the client may have.
    Consent {
        /// Sealed state.
        request: String,
        /// Who is there.
        who: Who,
        /// What is asked.
        card: ConsentCard,
    },
    /// A child whose guardian has not agreed.
    GuardianNeeded {
        /// Sealed state, for the language switch and “not me”.
        request: String,
        /// Who is there.
        who: Who,
        /// Who asks.
        client: Arc<Client>,
        /// What it asks for in detail (RFC 9396): her guardian agrees to that and nothing else.
        details: Vec<Shown>,
        /// Back to the client with `access_denied`; nowhere when it asked from another device.
        back: Option<ClientAnswer>,
    },
    /// Whether she began this on another device.
    Confirm {
        /// Sealed state.
        request: String,
        /// Who is there.
        who: Who,
        /// Who asks.
        client: Arc<Client>,
        /// What she compares.
        asked: Elsewhere,
    },
    /// The other device goes on, or not.
    Answered {
        /// Who asked.
        client: Arc<Client>,
        /// What became of it.
        said: Said,
    },
    /// Not to be trusted, or too late.
    Stop(PageStop),
}

/// Why there is nothing to go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageStop {
    /// Unknown or disabled client.
    Client,
    /// A client that is known by a document of its own, and what is wrong with that.
    Document(DocumentFault),
    /// An address that the client did not register.
    RedirectUri,
    /// The form waited too long, or belongs to another browser.
    Expired,
}

impl App {
    /// Begins an authorization request.
    ///
    /// # Errors
    /// A failed dependency; everything else is an [`Answer`].
    pub async fn authorize(&self, ctx: &Ctx, params: &Params, browser: &Browser) -> Result<Reply, Error> {
        let pushed = match self.brought(ctx, params).await? {
            Brought::Itself => None,
            Brought::Pushed { params, key } => Some((params, key)),
            Brought::Nothing => {
                if let Some(client) = self.named_client(ctx, params).await? {
                    self.note_visit(ctx, Endpoint::Authorize, &client, FaultKind::PushedUnknown, None);
                }
                return Ok(Reply::stop(PageStop::Expired));
            }
        };
        let params = pushed.as_ref().map_or(params, |(params, _)| params);
        let client = match self.named_client(ctx, params).await {
            Ok(Some(client)) => client,
            unknown => return self.unknown(ctx, params, unknown.err()).await.map(Reply::stop),
        };
        if client.requires_push() && pushed.is_none() {
            // Before anything is fetched. The error goes to the address beside it, if that is the client's.
            let failure = checks::run(Entrance::Beside, params, &client).err();
            let error = ProtocolError::new(Code::InvalidRequest, "the client pushes its requests (RFC 9126)");
            return self.failed(ctx, params, &client, failure.unwrap_or(Failure::Redirect(error))).await;
        }
        // Nothing is fetched for a client that was taken out of use.
        if client.status != ClientStatus::Active {
            return self.failed(ctx, params, &client, Failure::Page(Stop::Client)).await;
        }
        // A pushed request was read when it came.
        let carried = if pushed.is_some() { Ok(None) } else { self.carried(ctx, params, &client).await };
        let carried = match carried {
            Ok(carried) => carried,
            // Nothing in the object is believed: the error goes to the address beside it, if that is the client's.
            Err(error) => {
                let failure = checks::run(Entrance::Beside, params, &client).err();
                return self.failed(ctx, params, &client, failure.unwrap_or(Failure::Redirect(error))).await;
            }
        };
        let params = carried.as_ref().unwrap_or(params);
        let interaction = InteractionId::new(ctx.now, &*self.random);
        let mut request = match checks::authorize(params, &client, interaction, ctx.now) {
            Ok(request) => request,
            Err(failure) => return self.failed(ctx, params, &client, failure).await,
        };
        (request.targets, request.details) = match self.asked_of_resources(params, &client).await {
            Ok(asked) => asked,
            Err(Error { protocol: Some(error), .. }) => {
                return self.failed(ctx, params, &client, Failure::Redirect(error)).await;
            }
            Err(why) => return Err(why),
        };
        request.pushed = pushed.as_ref().map(|(_, key)| key.clone());
        if let Some(hint) = params.get("id_token_hint")
            && let Err(error) = self.take_hint(&mut request, hint, &client, ctx.now).await?
        {
            return self.failed(ctx, params, &client, Failure::Redirect(error)).await;
        }
        self.proceed(ctx, request, client, browser).await
    }

    /// Whom an `id_token_hint` means, for the request. `Ok(Err(_))` where it is refused.
    pub(super) async fn take_hint(
        &self,
        request: &mut AuthorizationRequest,
        hint: &str,
        client: &Client,
        now: Timestamp,
    ) -> Result<Result<(), ProtocolError>, Error> {
        let sub = self.hinted_subject(hint, client, now).await?;
        // Two subjects at once can only be a mistake, or somebody's probe.
        match sub.filter(|sub| request.hinted_sub.as_ref().is_none_or(|asked| asked == sub)) {
            Some(sub) => {
                request.hinted_sub = Some(sub);
                Ok(Ok(()))
            }
            None => {
                let why = "id_token_hint is not ours for this client and subject";
                Ok(Err(ProtocolError::new(Code::InvalidRequest, why)))
            }
        }
    }

    async fn named_client(&self, ctx: &Ctx, params: &Params) -> Result<Option<Arc<Client>>, Error> {
        match params.get("client_id") {
            Some(id) => self.arriving_client(ctx, id).await,
            None => Ok(None),
        }
    }

    /// Why nobody is known by a `client_id`: where it is the address of a document, what is wrong with that. Whoever answers
    /// for a client that was known before reads it as well.
    ///
    /// # Errors
    /// `otherwise`, where it is not that.
    pub async fn unknown(&self, ctx: &Ctx, params: &Params, otherwise: Option<Error>) -> Result<PageStop, Error> {
        let client_id = params.get("client_id").unwrap_or_default();
        match (self.document_fault(client_id, ctx.now), otherwise) {
            (Some(fault), _) => {
                if let Some(client) = self.known_client(client_id, ctx.now).await? {
                    self.note_visit(ctx, Endpoint::Authorize, &client, FaultKind::Document, None);
                }
                Ok(PageStop::Document(fault))
            }
            (None, Some(why)) => Err(why),
            (None, None) => Ok(PageStop::Client),
        }
    }

    async fn failed(&self, ctx: &Ctx, params: &Params, client: &Client, failure: Failure) -> Result<Reply, Error> {
        self.note_failure(ctx, params, client, &failure);
        match failure {
            Failure::Page(Stop::Client) => Ok(Reply::stop(PageStop::Client)),
            Failure::Page(Stop::RedirectUri) => Ok(Reply::stop(PageStop::RedirectUri)),
            Failure::Redirect(error) => {
                let redirect_uri = params.get("redirect_uri").unwrap_or_default();
                let mode = ResponseMode::for_error(params);
                let answer = self.refusal(redirect_uri, mode, params.get("state"), &error);
                self.jarm_reply(ctx, client, Reply::to(Answer::Client(answer))).await
            }
        }
    }

    /// For whoever answers for the client.
    fn note_failure(&self, ctx: &Ctx, params: &Params, client: &Client, failure: &Failure) {
        let at = Endpoint::Authorize;
        match (failure, params.get("redirect_uri")) {
            (Failure::Page(Stop::Client), _) => self.note_visit(ctx, at, client, FaultKind::ClientOff, None),
            (Failure::Page(Stop::RedirectUri), None) => {
                self.note_visit(ctx, at, client, FaultKind::RedirectUriMissing, None);
            }
            (Failure::Page(Stop::RedirectUri), Some(sent)) => {
                self.note_address(ctx, at, client, (FaultKind::RedirectUri, sent), &client.metadata.redirect_uris);
            }
            (Failure::Redirect(error), _) => {
                if let Some(kind) = FaultKind::of(error) {
                    self.note_visit(ctx, at, client, kind, Some(error));
                }
            }
        }
    }

    /// Goes on with a request that a form brought back.
    ///
    /// # Errors
    /// A failed dependency.
    pub async fn resume(&self, ctx: &Ctx, sealed: &str, browser: &Browser) -> Result<Reply, Error> {
        match self.open_request(ctx, sealed, browser).await? {
            Ok(Opened { request, client }) => self.proceed(ctx, request, client, browser).await,
            Err(why) => self.unopened(ctx, why, browser).await,
        }
    }

    /// “Continue as …”.
    ///
    /// # Errors
    /// A failed dependency.
    pub async fn continue_as(&self, ctx: &Ctx, sealed: &str, account: &str, browser: &Browser) -> Result<Reply, Error> {
        match self.open_request(ctx, sealed, browser).await? {
            Ok(Opened { mut request, client }) => {
                // Another tab may have signed somebody else in since the page was shown; then it is shown again.
                let session = self.session_at(browser, ctx.now).await?;
                request.answered.account = session.is_some_and(|session| session.account.to_string() == account);
                self.proceed(ctx, request, client, browser).await
            }
            Err(why) => self.unopened(ctx, why, browser).await,
        }
    }

    /// “Not me”: whoever was there has left, and her answers with her. A new interaction, because the sign-in of the
    /// old one is finished, and a finished one starts over (R3).
    ///
    /// # Errors
    /// A failed dependency.
    pub async fn continue_as_nobody(&self, ctx: &Ctx, sealed: &str, browser: &Browser) -> Result<Reply, Error> {
        match self.open_request(ctx, sealed, browser).await? {
            Ok(Opened { mut request, client }) => {
                request.interaction = InteractionId::new(ctx.now, &*self.random);
                // Whoever signs in now has said which account; which identity is hers to say.
                request.answered = Answered { account: true, ..Answered::default() };
                self.proceed(ctx, request, client, &Browser { session: None, ..browser.clone() }).await
            }
            Err(why) => self.unopened(ctx, why, browser).await,
        }
    }

    /// An identity was chosen.
    ///
    /// # Errors
    /// `Invalid` when it is not one of hers; a failed dependency.
    pub async fn continue_with_identity(
        &self,
        ctx: &Ctx,
        sealed: &str,
        identity: IdentityId,
        browser: &Browser,
    ) -> Result<Reply, Error> {
        let Opened { mut request, client } = match self.open_request(ctx, sealed, browser).await? {
            Ok(opened) => opened,
            Err(why) => return self.unopened(ctx, why, browser).await,
        };
        let session = self.session_at(browser, ctx.now).await?;
        if let Some(session) = session {
            self.choose_identity(ctx, &session, identity).await?;
            request.answered.account = true;
            request.answered.chosen = Some(identity);
        }
        self.proceed(ctx, request, client, browser).await
    }

    /// Decides and answers.
    pub(crate) async fn proceed(
        &self,
        ctx: &Ctx,
        mut request: AuthorizationRequest,
        client: Arc<Client>,
        browser: &Browser,
    ) -> Result<Reply, Error> {
        let ui_locales = request.ui_locales.clone();
        let (session, known_as) = match self.visited_at(browser, &client, ctx.now).await? {
            Some(Visited { session, known_as }) => (Some(session), known_as),
            None => (None, None),
        };
        let mut tx = self.db.read().await?;
        let stands = self.stands(ctx, session.as_ref(), browser);
        request.session_state = self.session_state(&client, &request.redirect_uri, &stands);
        let shown = match self.shown_details(&mut tx, &request.details, &client).await? {
            Ok(shown) => shown,
            // A type was changed or taken away while she was looking.
            Err(error) => {
                drop(tx);
                let reply = Reply::to(self.refuse(ctx, &request, &client, session.as_ref(), &error).await?);
                return self.jarm_reply(ctx, &client, reply).await;
            }
        };
        let mut institution = None;
        let (next, scene) = match session {
            None => (prompt::decide(&request, &client, None, ctx.now), None),
            Some(session) => {
                let own = access::own(&session, ctx.now)?;
                let Some(standing) = self.standing(&mut tx, &own, ctx.now).await? else {
                    return Err(Error::internal("a live session of nobody"));
                };
                let age = AgeBand::at(standing.base.birth_date, ctx.now);
                let receipt = match prompt::looks_at_receipt(&request, &client, age) {
                    true => self.receipt(&mut tx, &own, age, (&request, &shown.digest), &client, ctx.now).await?,
                    false => Receipt::Missing,
                };
                let sub = match &request.hinted_sub {
                    // A hint from before a merge still means her.
                    Some(hint) if subjects::is_called(&mut tx, session.person, &client.sector, hint).await? => {
                        Some(hint.clone())
                    }
                    Some(_) => subjects::find(&mut tx, session.person, &client.sector).await?,
                    None => None,
                };
                let ids: Vec<_> = standing.identities.iter().map(|identity| identity.id).collect();
                let present = Present { session: &session, sub: sub.as_deref(), identities: &ids, age, receipt };
                let next = prompt::decide(&request, &client, Some(&present), ctx.now);
                if next == Next::Consent {
                    institution = self.answering(&mut tx, &client).await?;
                }
                (next, Some((Who { session, name: standing.base.name.clone() }, standing)))
            }
        };
        drop(tx);
        let mut reply = match (next, scene) {
            (Next::Refuse(error), scene) => {
                let session = scene.as_ref().map(|(who, _)| &who.session);
                let reply = Reply::to(self.refuse(ctx, &request, &client, session, &error).await?);
                self.jarm_reply(ctx, &client, reply).await?
            }
            (Next::Issue(identity), Some((who, _))) => {
                self.touch_session(&who.session, ctx.now).await?;
                let reply = Reply::to(match &request.elsewhere {
                    None => {
                        let issued = self.issue(ctx, &request, &client, (&who.session, known_as), identity).await?;
                        Answer::Client(issued)
                    }
                    Some(asked) => self.approve(ctx, asked, (&request, &client), &who.session, identity).await?,
                });
                self.jarm_reply(ctx, &client, reply).await?
            }
            (Next::GuardianNeeded, Some(scene)) if request.elsewhere.is_some() => {
                // The other device hears of it now: nobody comes back to this page with an answer.
                if let Some(asked) = &request.elsewhere {
                    self.decline(ctx, asked, &client, &scene.0.session, "a guardian has not agreed yet").await?;
                }
                self.page(Next::GuardianNeeded, Some(scene), (request, shown), (client, None), browser)?
            }
            (Next::SignIn, _) => {
                // A page that is newly due is a new sign-in: the interaction of the last one may be finished (R3),
                // as after "not me", and would refuse the right password once.
                let interaction = InteractionId::new(ctx.now, &*self.random);
                let request = AuthorizationRequest { interaction, ..request };
                self.page(Next::SignIn, None, (request, shown), (client, None), browser)?
            }
            (next, scene) => {
                let reply = self.page(next, scene, (request, shown), (Arc::clone(&client), institution), browser)?;
                self.jarm_reply(ctx, &client, reply).await?
            }
        };
        reply.ui_locales = ui_locales;
        reply.browser_state = stands.cookie_to_set();
        Ok(reply)
    }

    fn page(
        &self,
        next: Next,
        scene: Option<(Who, Arc<Standing>)>,
        (mut request, shown): (AuthorizationRequest, ShownDetails),
        (client, institution): (Arc<Client>, Option<String>),
        browser: &Browser,
    ) -> Result<Reply, Error> {
        if next == Next::Confirm {
            request.answered.confirm_asked = scene.as_ref().map(|(who, _)| who.session.id);
        }
        if next == Next::Consent {
            request.answered.consent_asked = scene.as_ref().map(|(who, _)| who.session.id);
            request.notice = Some(notice_of(&client));
            request.details_shown = Some(shown.digest);
        }
        let (sealed, pre_session) = self.seal_request(&request, browser)?;
        let page = match (next, scene) {
            (Next::Create, _) => {
                request.answered.created = true;
                let known = pre_session.clone().or_else(|| browser.pre_session.clone());
                let bound = Browser { pre_session: known, ..Browser::default() };
                Page::Create { request: sealed, after: self.seal_request(&request, &bound)?.0 }
            }
            (Next::ChooseAccount, Some((who, _))) => Page::ChooseAccount { request: sealed, who },
            (Next::ChooseIdentity, Some((who, standing))) => {
                let identities = standing.identities.clone();
                Page::ChooseIdentity { request: sealed, who, client, identities }
            }
            (Next::Consent, Some((who, _))) => {
                let (scope, details) = (prompt::consent_scope(&request), shown.cards);
                let card = ConsentCard { client, scope, details, institution };
                Page::Consent { request: sealed, who, card }
            }
            (Next::GuardianNeeded, Some((who, _))) => {
                let denied = ProtocolError::new(Code::AccessDenied, prompt::SAID_NO);
                let back = request.elsewhere.is_none().then(|| self.refusal_of(&request, &denied));
                Page::GuardianNeeded { request: sealed, who, client, details: shown.cards, back }
            }
            (Next::Confirm, Some((who, _))) => {
                let asked = request.elsewhere.ok_or_else(|| Error::internal("nothing of another device to confirm"))?;
                Page::Confirm { request: sealed, who, client, asked }
            }
            _ => Page::SignIn { request: sealed, login: request.login_hint, client },
        };
        Ok(Reply { pre_session, ..Reply::to(Answer::Page(Box::new(page))) })
    }
}

impl Reply {
    /// The sealed state of the page for somebody who is not signed in, where that is what is shown.
    pub fn entrance_form(&self) -> Option<&str> {
        match &self.answer {
            Answer::Page(page) => match &**page {
                Page::SignIn { request, .. } | Page::Create { request, .. } => Some(request),
                _ => None,
            },
            Answer::Client(_) => None,
        }
    }

    pub(crate) fn to(answer: Answer) -> Self {
        Self { answer, pre_session: None, ui_locales: None, browser_state: None }
    }

    pub(crate) fn stop(stop: PageStop) -> Self {
        Self::to(Answer::Page(Box::new(Page::Stop(stop))))
    }
}
