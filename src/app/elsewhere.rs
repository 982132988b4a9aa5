//! What is asked on one device and answered on another: the answer is given through the same decisions as at the
//! authorization endpoint (identity, consent, guardians: R8), and fetched once at the token endpoint.

use std::sync::Arc;

use secrecy::ExposeSecret as _;

use super::authorize::{Answer, Page, PageStop, Reply};
use super::interaction::Opened;
use super::session::{Browser, Who};
use super::token::Tokens;
use super::work::Outcome;
use super::{App, Ctx, Error, Kind, access};
use crate::domain::audit::{Action, Actor};
use crate::domain::auth::session::{Session, session_lifetimes};
use crate::domain::id::{ElsewhereId, GrantId, IdentityId, InteractionId, PersonId, SessionId};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::confirmation::Confirmation;
use crate::domain::oidc::elsewhere::{Elsewhere, INTERVAL, Polled, Question, Said, Way};
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::grant::CodeOffer;
use crate::domain::oidc::prompt;
use crate::domain::oidc::request::AuthorizationRequest;
use crate::domain::oidc::token::Wanted;
use crate::keys::opaque;
use crate::store::ephemeral::Space;
use crate::store::{accounts, admin_grants, elsewhere, sessions};

/// A question that waits for the person who is signed in.
pub struct OpenQuestion {
    /// Which.
    pub id: ElsewhereId,
    /// Who asks.
    pub client: Arc<Client>,
    /// The text that the client shows too.
    pub binding_message: Option<String>,
}

impl App {
    /// What clients ask of her now.
    pub(super) async fn open_questions(&self, ctx: &Ctx, who: &Who) -> Result<Vec<OpenQuestion>, Error> {
        let own = access::own(&who.session, ctx.now)?;
        let open = elsewhere::open_of(&mut self.db.read().await?, &own, ctx.now).await?;
        let mut questions = Vec::with_capacity(open.len());
        for question in open {
            if let Some(client) = self.client_by_id(question.client, ctx.now).await? {
                let binding_message = question.asked.binding_message;
                questions.push(OpenQuestion { id: question.id, client, binding_message });
            }
        }
        Ok(questions)
    }

    /// Which question a client holds under this code, and whom it asks; none where the client named nobody.
    ///
    /// # Errors
    /// A failed store.
    pub async fn question_to(&self, code: &str) -> Result<Option<(ElsewhereId, PersonId)>, Error> {
        let found = elsewhere::by_code(&mut self.db.read().await?, Way::Ciba, opaque::digest(code)).await?;
        Ok(found.and_then(|question| Some((question.id, question.person?))))
    }

    /// Takes a question up that waits at home.
    ///
    /// # Errors
    /// A failed dependency; a question that is not hers, or over, is a page.
    pub async fn take_up(&self, ctx: &Ctx, id: ElsewhereId, browser: &Browser) -> Result<Reply, Error> {
        let mut tx = self.db.read().await?;
        let session = self.live_session(&mut tx, browser, ctx.now).await?;
        let question = elsewhere::find(&mut tx, id).await?;
        drop(tx);
        let hers = |question: &Question| {
            question.is_open(ctx.now) && session.as_ref().is_some_and(|one| question.person == Some(one.person))
        };
        match question.filter(hers) {
            Some(question) => {
                let shown = question.asked.binding_message.clone();
                self.begin_answer(ctx, question, shown, browser).await
            }
            None => Ok(Reply::stop(PageStop::Expired)),
        }
    }

    /// Begins to answer: from here on it is a request like those of the authorization endpoint.
    pub(super) async fn begin_answer(
        &self,
        ctx: &Ctx,
        question: Question,
        shown: Option<String>,
        browser: &Browser,
    ) -> Result<Reply, Error> {
        let Some(client) = self.client_by_id(question.client, ctx.now).await? else {
            return Ok(Reply::stop(PageStop::Client));
        };
        let (id, way, from, page) = (question.id, question.way, question.asked.from, question.asked.page.clone());
        let interaction = InteractionId::new(ctx.now, &*self.random);
        let elsewhere = Elsewhere { id, way, shown, from, page };
        let mut request = AuthorizationRequest::elsewhere(elsewhere, client.id, question.asked, interaction, ctx.now);
        // No parameter of these requests says how fresh a sign-in must be: the registration does.
        request.max_age = client.metadata.default_max_age;
        self.proceed(ctx, request, client, browser).await
    }

    /// Her answer to "did you begin this, on that device?".
    ///
    /// # Errors
    /// A failed dependency.
    pub async fn confirm(&self, ctx: &Ctx, sealed: &str, yes: bool, browser: &Browser) -> Result<Reply, Error> {
        let Opened { mut request, client } = match self.open_request(ctx, sealed, browser).await? {
            Ok(opened) => opened,
            Err(why) => return self.unopened(ctx, why, browser).await,
        };
        let session = self.session_at(browser, ctx.now).await?;
        // Only whom the page named; after another tab signed somebody else in, the page is shown again.
        let asked = session.filter(|session| request.answered.confirm_asked == Some(session.id));
        match asked {
            Some(session) if !yes => {
                let denied = ProtocolError::new(Code::AccessDenied, prompt::SAID_NO);
                Ok(Reply::to(self.refuse(ctx, &request, &client, Some(&session), &denied).await?))
            }
            asked => {
                request.answered.confirmed = asked.map(|session| session.id);
                self.proceed(ctx, request, client, browser).await
            }
        }
    }

    /// Says yes: what the client fetches lives in a session of its own, which her list shows and which outlives a sign-out
    /// of the browser that she said it in, but not the time that was left there.
    pub(super) async fn approve(
        &self,
        ctx: &Ctx,
        asked: &Elsewhere,
        (request, client): (&AuthorizationRequest, &Arc<Client>),
        session: &Session,
        identity: Option<IdentityId>,
    ) -> Result<Answer, Error> {
        let own = access::own(session, ctx.now)?;
        let ctx = ctx.acting(Actor::Person { id: session.person });
        let mut work = self.begin(&ctx, Action::QuestionAnswered).await?;
        // As a sign-in holds it: whoever sets another password, locks the account or ends what is open comes before, and is
        // seen, or after, and finds the session that begins here.
        if accounts::hold(work.tx(), &own).await? != Some(session.account) {
            return Ok(Answer::Page(Box::new(Page::Stop(PageStop::Expired))));
        }
        let is_admin = !admin_grants::live(work.tx(), session.person, ctx.now).await?.is_empty();
        let (idle, absolute) = session_lifetimes(&self.lifetimes, is_admin);
        // Her password opens so much and no more; what is to outlive it is asked for as `offline_access`.
        let expires_at = ctx.now.plus(absolute).min(session.expires_at);
        let begun = Session {
            id: SessionId::new(ctx.now, &*self.random),
            own_device: false,
            identity,
            agent: None,
            client: Some(client.id),
            created_at: ctx.now,
            last_seen_at: ctx.now,
            idle_expires_at: ctx.now.plus(idle).min(expires_at),
            expires_at,
            ..session.clone()
        };
        let grant = GrantId::new(ctx.now, &*self.random);
        let offer = self.offer(&ctx, request, &begun, identity, grant);
        if !sessions::hold(work.tx(), session.id).await?
            || !elsewhere::decide(work.tx(), asked.id, &own, Some(&offer), ctx.now).await?
        {
            return Ok(Answer::Page(Box::new(Page::Stop(PageStop::Expired))));
        }
        // Nobody has its secret: no browser can go on with it.
        let secret = opaque::generate(&*self.random);
        sessions::insert(work.tx(), &begun, opaque::digest(secret.expose_secret())).await?;
        work.target("person", session.person).target("client", client.id).target("session", begun.id);
        work.detail("way", asked.way.as_str()).detail("scope", request.scope.to_string());
        work.event("session", begun.id, "session.began", &[]);
        work.commit(Outcome::Done).await?;
        self.wake.pings.notify_one();
        Ok(Answer::Page(Box::new(Page::Answered { client: client.clone(), said: Said::Yes })))
    }

    /// Says no; whether that was the answer, and not another before it.
    pub(super) async fn decline(
        &self,
        ctx: &Ctx,
        asked: &Elsewhere,
        client: &Client,
        session: &Session,
        why: &'static str,
    ) -> Result<bool, Error> {
        let own = access::own(session, ctx.now)?;
        let ctx = ctx.acting(Actor::Person { id: session.person });
        let mut work = self.begin(&ctx, Action::QuestionAnswered).await?;
        if !elsewhere::decide(work.tx(), asked.id, &own, None, ctx.now).await? {
            return Ok(false);
        }
        work.target("person", session.person).target("client", client.id).detail("way", asked.way.as_str());
        work.commit(Outcome::Refused(why)).await?;
        self.wake.pings.notify_one();
        Ok(true)
    }

    /// An error: for the client at its address, or for whoever asked elsewhere and is told when it asks again.
    pub(super) async fn refuse(
        &self,
        ctx: &Ctx,
        request: &AuthorizationRequest,
        client: &Arc<Client>,
        session: Option<&Session>,
        error: &ProtocolError,
    ) -> Result<Answer, Error> {
        let Some(asked) = &request.elsewhere else { return Ok(Answer::Client(self.refusal_of(request, error))) };
        // Whoever left meanwhile refuses nothing, and is not told that she did.
        let Some(session) = session else { return Ok(Answer::Page(Box::new(Page::Stop(PageStop::Expired)))) };
        let said = match self.decline(ctx, asked, client, session, error.description).await? {
            true => Said::No,
            false => Said::Before,
        };
        Ok(Answer::Page(Box::new(Page::Answered { client: client.clone(), said })))
    }

    /// Answers a client that asks what became of its question (RFC 8628, 3.4; CIBA Core, 10.1).
    pub(super) async fn fetch(
        &self,
        ctx: &Ctx,
        client: &Arc<Client>,
        way: Way,
        code: &str,
        wanted: &Wanted,
        proved: Confirmation,
    ) -> Result<Tokens, Error> {
        let invalid = |why| Error::from(ProtocolError::new(Code::InvalidGrant, why));
        let ready = self.ready(client, ctx.now).await?;
        let question = elsewhere::by_code(&mut self.db.read().await?, way, opaque::digest(code)).await?;
        let question = question.ok_or_else(|| invalid("the code is unknown or was forgotten"))?;
        match question.polled(client.id, ctx.now) {
            Polled::Over(error) => return Err(error.into()),
            Polled::Pending => return Err(self.not_yet(code).await?.into()),
            Polled::Ready => {}
        }
        let offer = question.offer.ok_or_else(|| Error::internal("a yes without an offer"))?;
        let mut work = self.begin(ctx, Action::GrantCreated).await?;
        // Of any number of requests at once one gets the tokens.
        if !elsewhere::redeem(work.tx(), question.id, ctx.now).await? {
            return Err(invalid("the code was redeemed before"));
        }
        work.detail("way", way.as_str());
        let grant = offer.grant;
        match self.give(work, &ready, ctx, client, (CodeOffer { cnf: proved, ..offer }, wanted), grant).await {
            Err(error) if error.kind == Kind::Conflict => Err(invalid("the code was redeemed before")),
            given => given,
        }
    }

    /// `authorization_pending`, or `slow_down` for whoever asks more often than it was told.
    async fn not_yet(&self, code: &str) -> Result<ProtocolError, Error> {
        // A second of grace: the way of a request takes its time, now more, now less.
        let pause = INTERVAL.saturating_sub(std::time::Duration::from_secs(1));
        let first = self.ephemeral.put_if_absent(Space::Poll, &opaque::lookup_key(code), b"", pause).await?;
        Ok(match first {
            true => ProtocolError::new(Code::AuthorizationPending, "nobody answered yet"),
            false => ProtocolError::new(Code::SlowDown, "asked more often than the interval allows"),
        })
    }
}
