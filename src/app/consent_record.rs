//! A guardian's word about a child, as the operator records it (ruling R8): first what she reads, then that she agreed to that.

use std::sync::Arc;

use serde_json::json;

use super::consent::{note_kinds, notice_of};
use super::work::Outcome;
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::TaskName;
use crate::domain::audit::Action;
use crate::domain::id::{ConsentId, PersonId};
use crate::domain::oidc::authorization_details::{Agreed, Details};
use crate::domain::oidc::authorization_type::Shown;
use crate::domain::oidc::client::Client;
use crate::domain::oidc::scope::ScopeSet;
use crate::domain::registry::age::AgeBand;
use crate::domain::time::Timestamp;
use crate::keys::opaque;
use crate::store::db::Tx;
use crate::store::{consents, guardianships, identities};

/// What a guardian agrees to.
#[derive(Clone, Copy)]
pub struct Word<'a> {
    /// What the client may know.
    pub scope: &'a ScopeSet,
    /// What it may do (RFC 9396): exactly this.
    pub details: &'a Details,
    /// The digest of what she read ([`GuardianNotice::digest`]); `None` where nobody says what that was.
    pub read: Option<&'a str>,
}

/// What a guardian reads before her word is recorded.
pub struct GuardianNotice {
    /// Who asks.
    pub client: Arc<Client>,
    /// The institution that answers for the client, where nobody looked at who provides it.
    pub institution: Option<String>,
    /// What it may know.
    pub scope: ScopeSet,
    /// What it may do in detail.
    pub details: Vec<Shown>,
    /// Names all of this: another text has another one.
    pub digest: String,
    agreed: Option<Agreed>,
}

impl App {
    /// `mingji consent record --show`: what a guardian reads. Nothing is recorded.
    ///
    /// # Errors
    /// As [`App::record_guardian_consent`], of what is not about people.
    pub async fn guardian_notice(
        &self,
        client_id: &str,
        word: Word<'_>,
        now: Timestamp,
    ) -> Result<GuardianNotice, Error> {
        let client = self.named_by_operator(client_id, now).await?;
        self.notice_for_guardian(&mut self.db.read().await?, client, word).await
    }

    /// `mingji consent record`: a guardian's receipt for a child, for a scope alone.
    ///
    /// # Errors
    /// `NotFound` and `Invalid` with the reason.
    pub async fn record_guardian_consent(
        &self,
        ctx: &Ctx,
        child: PersonId,
        guardian: PersonId,
        client_id: &str,
        scope: &ScopeSet,
    ) -> Result<ConsentId, Error> {
        let word = Word { scope, details: &Details::default(), read: None };
        self.record_guardian_word(ctx, child, guardian, client_id, word).await.map(|(id, _)| id)
    }

    /// The same for everything that she may agree to: the receipt, and what it is for.
    ///
    /// # Errors
    /// As [`App::record_guardian_consent`]; `Conflict` where she read something else; `invalid_authorization_details`.
    pub async fn record_guardian_word(
        &self,
        ctx: &Ctx,
        child: PersonId,
        guardian: PersonId,
        client_id: &str,
        word: Word<'_>,
    ) -> Result<(ConsentId, GuardianNotice), Error> {
        let client = self.named_by_operator(client_id, ctx.now).await?;
        let on = access::task(TaskName::OperatorCommand).on(child);
        let mut work = self.begin(ctx, Action::ConsentGiven).await?;
        let base = identities::base(work.tx(), &on).await?.ok_or_else(|| Error::not_found("child"))?;
        if !guardianships::confirmed_guardians(work.tx(), &on, ctx.now).await?.contains(&guardian) {
            return Err(Error::invalid("this person is not a confirmed guardian of the child"));
        }
        let age = AgeBand::at(base.birth_date, ctx.now);
        if age != AgeBand::Under14 {
            return Err(Error::invalid("from 14 on a person consents for herself"));
        }
        let notice = self.notice_for_guardian(work.tx(), client, word).await?;
        if word.read.is_some_and(|read| read != notice.digest) {
            let why =
                "what is shown now is not what she read: let her read it again, and give the digest of that (--show)";
            return Err(Error::new(Kind::Conflict, why));
        }
        let of_client = (notice.client.id, notice_of(&notice.client));
        let agreed = notice.agreed.clone();
        let receipt = self.new_receipt(ctx, (child, guardian), of_client, (word.scope, agreed), age);
        consents::insert(work.tx(), &on, &receipt).await?;
        work.target("person", child)
            .target("given_by", guardian)
            .target("client", notice.client.id)
            .detail("scope", word.scope.to_string());
        if let Some(agreed) = &notice.agreed {
            note_kinds(&mut work, &agreed.details);
        }
        work.consent_event(receipt.id, "consent.given", &[notice.client.id].into());
        work.commit(Outcome::Done).await?;
        Ok((receipt.id, notice))
    }

    async fn notice_for_guardian(
        &self,
        tx: &mut Tx,
        client: Arc<Client>,
        word: Word<'_>,
    ) -> Result<GuardianNotice, Error> {
        if !client.is_answered_for() {
            return Err(Error::invalid(
                "nobody answers for this client, which is only a document: mingji client assign names an institution",
            ));
        }
        let details = self.settled_details(tx, word.details, &client).await?;
        let shown = self.shown_details(tx, &details, &client).await??;
        let institution = self.answering(tx, &client).await?;
        // The receipt names the institution by its id; what she reads is its name.
        let all = json!([notice_of(&client), institution, word.scope.to_string(), details, shown.digest]);
        let agreed = (!details.is_empty()).then_some(Agreed { details, shown: shown.digest });
        let digest = opaque::s256(&all.to_string());
        Ok(GuardianNotice { client, institution, scope: word.scope.clone(), details: shown.cards, digest, agreed })
    }
}
