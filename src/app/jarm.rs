//! Authorization answers as one token (JWT Secured Authorization Response Mode, JARM): signed, and encrypted where the
//! client registered that, so that nobody on the way changes, mixes or reads what it says.

use std::time::Duration;

use serde_json::{Map, Value};

use super::authorize::{Answer, Page, Reply};
use super::{App, Ctx, Error};
use crate::domain::oidc::assertion::ClientAlg;
use crate::domain::oidc::client::Client;
use crate::domain::oidc::fault::Endpoint;
use crate::domain::oidc::response::{ClientAnswer, ResponseMode};

const WITHOUT_CODE: Duration = Duration::from_secs(600);

impl App {
    /// A reply whose answer to the client, if it has one, travels as it was asked for.
    ///
    /// # Errors
    /// Busy: a key of ours is still being made, or one of the client's cannot be had; a fault of the client's that has none.
    pub(super) async fn jarm_reply(&self, ctx: &Ctx, client: &Client, mut reply: Reply) -> Result<Reply, Error> {
        match &mut reply.answer {
            Answer::Client(answer) => self.jarm(ctx, client, answer).await?,
            Answer::Page(page) => {
                if let Page::GuardianNeeded { back: Some(back), .. } = &mut **page {
                    self.jarm(ctx, client, back).await?;
                }
            }
        }
        Ok(reply)
    }

    /// Whether an answer could be made in this mode, before anything is used up for it: whoever cannot be answered now
    /// may ask again with the same pushed request.
    ///
    /// # Errors
    /// As [`App::jarm_reply`].
    pub(super) async fn jarm_ready(&self, ctx: &Ctx, client: &Client, mode: ResponseMode) -> Result<(), Error> {
        let mut rehearsal = ClientAnswer { redirect_uri: String::new(), mode, fields: Vec::new() };
        self.jarm(ctx, client, &mut rehearsal).await
    }

    /// JARM, 2.1: the parameters of the answer become claims, beside `iss`, `aud` and `exp`.
    async fn jarm(&self, ctx: &Ctx, client: &Client, answer: &mut ClientAnswer) -> Result<(), Error> {
        if !answer.mode.is_jwt() {
            return Ok(());
        }
        let fields = std::mem::take(&mut answer.fields);
        let mut claims: Map<String, Value> =
            fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        claims.insert("iss".into(), self.issuer().as_str().into());
        claims.insert("aud".into(), client.client_id().into());
        // 2.1: "A maximum JWT lifetime of 10 minutes is RECOMMENDED". What holds no code may stand on a page that is read first.
        let life = if claims.contains_key("code") { self.lifetimes.code } else { WITHOUT_CODE };
        claims.insert("exp".into(), ctx.now.plus(life).seconds().into());
        let alg = client.metadata.authorization_signed_response_alg.unwrap_or(ClientAlg::Rs256);
        let keyring = self.keyring(ctx.now).await?;
        let token = self.sign_for(&keyring, client, alg, "JWT", &claims)?;
        // JARM, 2.2: signed, then encrypted.
        let token = match client.metadata.authorization_encrypted_response_alg {
            // Where that fails nothing goes back to the client: only the page and its console can say why.
            Some(_) => self.encrypt_for(client, token.as_bytes(), true).await.inspect_err(|why| {
                if let Some(kind) = why.fault {
                    self.note_visit(ctx, Endpoint::Authorize, client, kind, why.protocol.as_ref());
                }
            })?,
            None => token,
        };
        answer.fields = vec![("response", token)];
        Ok(())
    }
}
