//! The answer of the authorization endpoint: a code, tokens or an error, on the way that the client asked for.

use secrecy::ExposeSecret as _;

use super::signing::{Bound, Ready, scope_of};
use super::work::Outcome;
use super::{App, Ctx, Error};
use crate::domain::audit::{Action, Actor};
use crate::domain::auth::session::Session;
use crate::domain::id::{GrantId, IdentityId};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::confirmation::Confirmation;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::fault::Endpoint;
use crate::domain::oidc::grant::{CodeOffer, KnownAs};
use crate::domain::oidc::request::AuthorizationRequest;
use crate::domain::oidc::resource::Target;
use crate::domain::oidc::response::{ClientAnswer, ResponseMode};
use crate::domain::oidc::scope::Scope;
use crate::domain::oidc::token::Wanted;
use crate::keys::opaque;
use crate::store::ephemeral::Space;

type Fields = Vec<(&'static str, String)>;

/// What is sealed with it.
const OFFER_SEAL: &str = "code";

/// What an offer is sealed to: its code and its grant.
fn offer_binding(key: &str, grant: GrantId) -> Vec<u8> {
    [key.as_bytes(), grant.0.as_bytes()].concat()
}

impl App {
    /// An error for the client, counted.
    pub(super) fn refusal(
        &self,
        redirect_uri: &str,
        mode: ResponseMode,
        state: Option<&str>,
        error: &ProtocolError,
    ) -> ClientAnswer {
        self.metrics.refused("/authorize", error.code);
        ClientAnswer::error(redirect_uri, mode, error).from_issuer(self.issuer().as_str(), state)
    }

    /// An error in a request that passed the checks.
    pub(super) fn refusal_of(&self, request: &AuthorizationRequest, error: &ProtocolError) -> ClientAnswer {
        self.refusal(&request.redirect_uri, request.response_mode, request.state.as_deref(), error)
            .with_session_state(request.session_state.as_deref())
    }

    /// Everything that the response type asks for.
    pub(super) async fn issue(
        &self,
        ctx: &Ctx,
        request: &AuthorizationRequest,
        client: &Client,
        (session, known_as): (&Session, Option<KnownAs>),
        identity: Option<IdentityId>,
    ) -> Result<ClientAnswer, Error> {
        let kind = request.response_type;
        let mut fields = Fields::new();
        // Before anything is made that the client could not be told of.
        let ready = match kind.is_front() {
            true => match self.ready(client, ctx.now).await {
                Ok(ready) => Some(ready),
                Err(why) => {
                    tracing::warn!(request_id = %ctx.request_id, client = %client.id, %why, "nobody is answered");
                    let now = || ProtocolError::new(Code::ServerError, "the answer cannot be signed or encrypted now");
                    if let Some(kind) = why.fault {
                        self.note_visit(ctx, Endpoint::Authorize, client, kind, why.protocol.as_ref());
                    }
                    return Ok(self.refusal_of(request, &why.protocol.unwrap_or_else(now)));
                }
            },
            false => None,
        };
        self.jarm_ready(ctx, client, request.response_mode).await?;
        if !self.is_first_answer(request).await? {
            let error = ProtocolError::new(Code::InvalidRequestUri, "the pushed request was answered before");
            return Ok(self.refusal_of(request, &error));
        }
        if kind.has_code() {
            let code = self.offer_code(ctx, (request, client), (session, known_as), identity).await?;
            fields.push(("code", code));
        }
        if let Some(ready) = ready {
            // A grant of its own: this token ends with the session, whatever becomes of the code.
            let offer = CodeOffer {
                scope: request.scope.clone().without(Scope::OfflineAccess),
                ..self.offer(ctx, request, session, identity, GrantId::new(ctx.now, &*self.random))
            };
            let code = fields.first().map(|(_, code)| code.clone());
            match self.front_tokens(&ready, ctx, (request, client), offer, code.as_deref()).await? {
                Ok(tokens) => fields.extend(tokens),
                Err(error) => return Ok(self.refusal_of(request, &error)),
            }
        }
        let answer = ClientAnswer { redirect_uri: request.redirect_uri.clone(), mode: request.response_mode, fields };
        let answer = answer.from_issuer(self.issuer().as_str(), request.state.as_deref());
        Ok(answer.with_session_state(request.session_state.as_deref()))
    }

    /// Puts a code into the ephemeral store. The grant's id follows from the code, so that a replay names it even
    /// when the ephemeral store has forgotten the code (R3).
    async fn offer_code(
        &self,
        ctx: &Ctx,
        (request, client): (&AuthorizationRequest, &Client),
        (session, known_as): (&Session, Option<KnownAs>),
        identity: Option<IdentityId>,
    ) -> Result<String, Error> {
        let code = opaque::generate(&*self.random);
        let code = code.expose_secret();
        let life = client.code_life(self.lifetimes.code);
        let offer = CodeOffer {
            expires_at: ctx.now.plus(life),
            known_as,
            ..self.offer(ctx, request, session, identity, GrantId(opaque::named_by(code)))
        };
        let key = opaque::lookup_key(code);
        let sealed = self.seal_offer(&key, &offer)?;
        self.ephemeral.offer(Space::Code, &key, offer.grant.0, sealed.as_bytes(), life).await?;
        Ok(code.to_owned())
    }

    /// What lies in a server that other people may administer: nobody reads there who signs on where, and nobody writes whose
    /// code it is.
    fn seal_offer(&self, key: &str, offer: &CodeOffer) -> Result<String, Error> {
        let plain = serde_json::to_vec(offer)?;
        Ok(self.sealer.seal_state(OFFER_SEAL, &offer_binding(key, offer.grant), &plain, &*self.random)?)
    }

    /// What was offered under this name; nothing where it is not what was put there.
    pub(super) fn open_offer(&self, key: &str, grant: GrantId, sealed: &[u8]) -> Option<CodeOffer> {
        let text = std::str::from_utf8(sealed).ok()?;
        let plain = self.sealer.open_state(OFFER_SEAL, &offer_binding(key, grant), text).ok()?;
        serde_json::from_slice(&plain).ok()
    }

    pub(super) fn offer(
        &self,
        ctx: &Ctx,
        request: &AuthorizationRequest,
        session: &Session,
        identity: Option<IdentityId>,
        grant: GrantId,
    ) -> CodeOffer {
        CodeOffer {
            grant,
            client: request.client_id,
            redirect_uri: request.redirect_uri.clone(),
            challenge: request.challenge.clone(),
            jkt: request.dpop_jkt.clone(),
            cnf: Confirmation::default(),
            nonce: request.nonce.clone(),
            scope: request.scope.clone(),
            claims: request.claims.clone(),
            targets: request.targets.clone(),
            details: request.details.clone(),
            person: session.person,
            session: session.id,
            known_as: None,
            identity,
            auth_time: session.auth_time,
            acr: session.acr.clone(),
            amr: session.amr.clone(),
            expires_at: ctx.now.plus(self.lifetimes.code),
        }
    }

    /// Tokens that come through the browser (OpenID Connect Core, 3.2.2.5 and 3.3.2.5), on a grant that is committed
    /// before anything is signed.
    async fn front_tokens(
        &self,
        ready: &Ready,
        ctx: &Ctx,
        (request, client): (&AuthorizationRequest, &Client),
        offer: CodeOffer,
        code: Option<&str>,
    ) -> Result<Result<Fields, ProtocolError>, Error> {
        let kind = request.response_type;
        let ctx = ctx.acting(Actor::Person { id: offer.person });
        let grant = offer.grant;
        let mut work = self.begin(&ctx, Action::GrantCreated).await?;
        let (grant, facts) = match self.establish(&mut work, &ctx, client, offer, grant).await? {
            Ok(established) => established,
            Err(why) => return Ok(Err(ProtocolError::new(Code::LoginRequired, why))),
        };
        work.detail("response_type", kind.as_str());
        // An address bar, a history and every script of the page read it: it is no key to the register.
        let target =
            self.target(work.tx(), &grant, client, &Wanted::default(), ctx.now).await?.map(Target::without_own);
        if kind.has_token() {
            ready.signs(target.as_ref())?;
        }
        work.commit(Outcome::Done).await?;
        let mut fields = Fields::new();
        let access_token = match kind.has_token() {
            true => Some(self.access_token(ready, &ctx, client, &grant, target.as_ref())?),
            false => None,
        };
        if let Some(token) = &access_token {
            let life = self.lifetimes.access_token.as_secs().to_string();
            let scope = scope_of(&grant, target.as_ref());
            let fixed = [("token_type", "Bearer".to_owned()), ("expires_in", life), ("scope", scope)];
            fields.push(("access_token", token.clone()));
            fields.extend(fixed);
        }
        if kind.has_id_token() {
            let bound = Bound {
                nonce: request.nonce.as_deref(),
                access_token: access_token.as_deref(),
                code,
                state: request.state.as_deref(),
                alone: !kind.has_token() && !kind.has_code(),
            };
            fields.push(("id_token", self.id_token(ready, &ctx, client, &grant, &facts, &bound).await?));
        }
        self.metrics.tokens_issued("implicit");
        Ok(Ok(fields))
    }
}
