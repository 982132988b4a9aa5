//! A sign-in tried without anybody signing in: the request goes through the very checks of the authorization endpoint, and
//! the answer says what would happen. Nothing is stored, fetched or given out.

use std::sync::Arc;

use super::access::ClientDuty;
use super::console::Visitor;
use super::{App, Ctx, Error};
use crate::domain::id::{ClientId, InteractionId};
use crate::domain::oidc::checks::{self, Failure, Stop};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::error::ProtocolError;
use crate::domain::oidc::fault::FaultKind;
use crate::domain::oidc::params::Params;
use crate::domain::oidc::redirect::Difference;
use crate::keys::opaque;
use crate::store::clients;

/// No address of a request that is looked at is longer, in bytes.
const LONGEST: usize = 16 << 10;

/// What would happen.
pub enum Verdict {
    /// A person signs in, and the client gets its answer.
    Good {
        /// What it would get.
        scope: Vec<String>,
        /// What it asked for and would not get.
        dropped: Vec<String>,
        /// Where the answer goes.
        redirect_uri: String,
        /// Whether people of 14 and more are asked first.
        asks: bool,
        /// There is no `state`, or no `nonce`: nothing here needs them, and the client does (RFC 9700, 2.1; 4.7).
        unguarded: Vec<&'static str>,
    },
    /// It is refused.
    Bad {
        /// Why.
        kind: FaultKind,
        /// As the client would be told; a person sees a page where nothing is said to the client.
        said: Option<ProtocolError>,
        /// In what an address differs.
        difference: Option<Difference>,
    },
    /// It is another client's.
    Foreign,
    /// A request object stands for it, which is not opened here.
    Object,
    /// What was pasted is no such request.
    Unreadable,
}

/// A request that was looked at.
pub struct Trial {
    /// Whose.
    pub client: Arc<Client>,
    /// What would happen.
    pub verdict: Verdict,
    /// The client has to push its requests: one that comes through the browser is refused.
    pub must_push: bool,
}

impl App {
    /// What would become of a request whose address, or query, was pasted.
    ///
    /// # Errors
    /// `NotFound` outside her scope; a failed store.
    pub async fn console_try(&self, ctx: &Ctx, visitor: &Visitor, id: ClientId, pasted: &str) -> Result<Trial, Error> {
        let client = self.tried_client(ctx, visitor, id).await?;
        let verdict = self.verdict(ctx, &client, pasted.trim()).await?;
        Ok(Trial { must_push: client.requires_push(), client, verdict })
    }

    /// A request as a careful client would make it, to an address of its own: the text of its query.
    ///
    /// # Errors
    /// `NotFound` outside her scope; a failed store.
    pub async fn console_sample(&self, ctx: &Ctx, visitor: &Visitor, id: ClientId, at: usize) -> Result<String, Error> {
        let client = self.tried_client(ctx, visitor, id).await?;
        let fresh = || secrecy::ExposeSecret::expose_secret(&opaque::generate(&*self.random)).to_owned();
        let metadata = &client.metadata;
        let scope = client.allowed_scopes().to_string();
        let (state, nonce, challenge) = (fresh(), fresh(), opaque::s256(&fresh()));
        let id = client.client_id();
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("client_id", &id)
            .append_pair("redirect_uri", metadata.redirect_uris.get(at).map_or("", String::as_str))
            .append_pair("response_type", metadata.response_types.first().map_or("code", String::as_str))
            .append_pair("scope", &scope)
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(query.finish())
    }

    async fn tried_client(&self, ctx: &Ctx, visitor: &Visitor, id: ClientId) -> Result<Arc<Client>, Error> {
        let mut tx = self.db.read().await?;
        let scope = self.client_subtree(&mut tx, visitor.who.session.person, ClientDuty::See, ctx.now).await?;
        let found = clients::find_under(&mut tx, &scope, id).await?;
        let (client, _) = found.ok_or_else(|| Error::not_found("a client of hers"))?;
        Ok(Arc::new(client))
    }

    async fn verdict(&self, ctx: &Ctx, client: &Arc<Client>, pasted: &str) -> Result<Verdict, Error> {
        let query = pasted.split_once('?').map_or(pasted, |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        let params = Params::parse(query);
        if pasted.len() > LONGEST || params.get("client_id").is_none() {
            return Ok(Verdict::Unreadable);
        }
        if params.get("client_id") != Some(client.client_id().as_str()) {
            return Ok(Verdict::Foreign);
        }
        if params.get("request").is_some() || params.get("request_uri").is_some() {
            return Ok(Verdict::Object);
        }
        if client.metadata.require_signed_request_object {
            return Ok(Verdict::Bad { kind: FaultKind::ObjectMissing, said: None, difference: None });
        }
        let request = match checks::authorize(&params, client, InteractionId::new(ctx.now, &*self.random), ctx.now) {
            Ok(request) => request,
            Err(failure) => return Ok(refused(client, &params, failure)),
        };
        let targets = match self.asked_of_resources(&params, client).await {
            Ok((targets, _)) => targets,
            Err(Error { protocol: Some(error), .. }) => return Ok(refused(client, &params, Failure::Redirect(error))),
            Err(why) => return Err(why),
        };
        let asked = params.get("scope").unwrap_or_default();
        let given = request.scope.to_string();
        let is_given = |word: &&str| given.split(' ').any(|one| one == *word);
        let words = || asked.split(' ').filter(|word| !word.is_empty());
        // Words of resources are no scopes of ours, and are not dropped.
        let of_resource = |word: &&str| targets.has_word(word);
        Ok(Verdict::Good {
            scope: words().filter(is_given).map(str::to_owned).collect(),
            dropped: words().filter(|word| !is_given(word) && !of_resource(word)).map(str::to_owned).collect(),
            redirect_uri: request.redirect_uri,
            asks: client.is_application(),
            unguarded: ["state", "nonce"].into_iter().filter(|name| params.get(name).is_none()).collect(),
        })
    }
}

/// Why a request is refused, and in what its address differs where that is why.
pub(super) fn refused(client: &Client, params: &Params, failure: Failure) -> Verdict {
    match failure {
        Failure::Page(Stop::Client) => Verdict::Bad { kind: FaultKind::ClientOff, said: None, difference: None },
        Failure::Page(Stop::RedirectUri) => match params.get("redirect_uri") {
            None => Verdict::Bad { kind: FaultKind::RedirectUriMissing, said: None, difference: None },
            Some(sent) => {
                let difference = Some(Difference::between(sent, &client.metadata.redirect_uris));
                Verdict::Bad { kind: FaultKind::RedirectUri, said: None, difference }
            }
        },
        Failure::Redirect(error) => {
            let kind = FaultKind::of(&error).unwrap_or(FaultKind::Other);
            Verdict::Bad { kind, said: Some(error), difference: None }
        }
    }
}
