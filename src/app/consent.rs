//! Consent: receipts, the page's decision, and the operator's commands (ruling R8).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::authorize::Reply;
use super::claims::Standing;
use super::interaction::Opened;
use super::session::Browser;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, access};
use crate::domain::access::{OnePerson, TaskName, Ward};
use crate::domain::audit::{Action, Actor};
use crate::domain::id::{ClientId, ConsentId, OrgId, PersonId};
use crate::domain::oidc::authorization_details::{Agreed, Details};
use crate::domain::oidc::authorization_type::Shown;
use crate::domain::oidc::client::Client;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::grant::Grant;
use crate::domain::oidc::prompt::{self, Receipt};
use crate::domain::oidc::request::AuthorizationRequest;
use crate::domain::oidc::scope::{Scope, ScopeSet};
use crate::domain::registry::age::AgeBand;
use crate::domain::registry::consent::ConsentReceipt;
use crate::domain::time::Timestamp;
use crate::keys::opaque;
use crate::store::db::Tx;
use crate::store::{clients, consents, deliveries, grants, guardianships, identities, institutions};

/// The text that people agreed to; a change of it asks again.
pub const NOTICE_VERSION: &str = "2026-11-26";
/// Texts of before that asked for the same and said less of it: what was agreed to under them goes on, for nobody is signed out by
/// a better sentence; whoever comes to the page herself agrees to the new one.
const NOTICES_BEFORE: &[&str] = &["2026-11"];
const PURPOSE: &str = "sign-in";

/// What the consent page shows.
pub struct ConsentCard {
    /// Who asks.
    pub client: Arc<Client>,
    /// For what.
    pub scope: ScopeSet,
    /// And for what in detail (RFC 9396).
    pub details: Vec<Shown>,
    /// The institution that answers for the client, where nobody looked at who provides it.
    pub institution: Option<String>,
}

impl App {
    /// Institutions that answered for a client before their heir did: people are told that another one is there now.
    pub(super) async fn answered_before(&self, tx: &mut Tx, client: &Client) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for org in client.heir_of.iter().filter(|_| client.vendor().is_none()) {
            let org = institutions::find(tx, &access::task(TaskName::ConsentPage), *org).await?;
            names.extend(org.map(|org| org.name));
        }
        Ok(names)
    }

    /// The institution that answers for a client, where nobody looked at who provides it: people read its name instead.
    pub(super) async fn answering(&self, tx: &mut Tx, client: &Client) -> Result<Option<String>, Error> {
        let Some(org) = client.org.filter(|_| client.vendor().is_none()) else { return Ok(None) };
        let org = institutions::find(tx, &access::task(TaskName::ConsentPage), org).await?;
        Ok(org.map(|org| org.name))
    }

    /// Whether a live receipt stands behind a request: her own, or while she is under 14 that of a guardian
    /// who is confirmed now.
    pub(crate) async fn receipt(
        &self,
        tx: &mut Tx,
        proof: &impl OnePerson,
        age: AgeBand,
        (request, shown): (&AuthorizationRequest, &str),
        client: &Client,
        now: Timestamp,
    ) -> Result<Receipt, Error> {
        let (wanted, agreed) = (prompt::consent_scope(request), request.agreed(shown));
        let given = self.is_agreed(tx, proof, age, client, (&wanted, agreed.as_ref()), now).await?;
        Ok(given.map_or(Receipt::Missing, Receipt::Covers))
    }

    /// When somebody who may last agreed to all of this at once: what is asked in detail is agreed to as it is, in full and
    /// as it is shown now, and a receipt for other details is none.
    pub(super) async fn is_agreed(
        &self,
        tx: &mut Tx,
        proof: &impl OnePerson,
        age: AgeBand,
        client: &Client,
        (wanted, agreed): (&ScopeSet, Option<&Agreed>),
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Error> {
        let mut live = self.live_receipts(tx, proof, age, client, now).await?;
        if age != AgeBand::Under14 {
            live.retain(|receipt| receipt.notice_version.split('/').next() == Some(NOTICE_VERSION));
        }
        Ok(covered_at(&live, wanted, agreed))
    }

    /// What live receipts let a client have of a person, taken together.
    pub(crate) async fn consented(
        &self,
        tx: &mut Tx,
        proof: &impl OnePerson,
        age: AgeBand,
        client: &Client,
        now: Timestamp,
    ) -> Result<ScopeSet, Error> {
        Ok(self
            .live_receipts(tx, proof, age, client, now)
            .await?
            .iter()
            .flat_map(|receipt| scopes(receipt).iter().collect::<Vec<_>>())
            .collect())
    }

    /// Who lets a client know the family, by a live receipt that she gave for this person.
    pub(super) async fn openers_of_the_family(
        &self,
        tx: &mut Tx,
        proof: &impl OnePerson,
        client: &Client,
    ) -> Result<BTreeSet<PersonId>, Error> {
        let live = consents::live(tx, proof, client.id).await?;
        let notices = notices_of(client);
        let opens = |receipt: &ConsentReceipt| {
            notices.contains(&receipt.notice_version) && scopes(receipt).has(Scope::EduGuardian)
        };
        Ok(live.into_iter().filter(opens).map(|receipt| receipt.given_by).collect())
    }

    /// Whether anybody who may agreed that a client knows of a person at all.
    pub(super) async fn has_receipt(
        &self,
        tx: &mut Tx,
        proof: &impl OnePerson,
        age: AgeBand,
        client: &Client,
        now: Timestamp,
    ) -> Result<bool, Error> {
        Ok(!self.live_receipts(tx, proof, age, client, now).await?.is_empty())
    }

    async fn live_receipts(
        &self,
        tx: &mut Tx,
        proof: &impl OnePerson,
        age: AgeBand,
        client: &Client,
        now: Timestamp,
    ) -> Result<Vec<ConsentReceipt>, Error> {
        let all = consents::live(tx, proof, client.id).await?;
        self.that_count(tx, all, proof, age, client, now).await
    }

    /// Of receipts that nobody withdrew, those that say something today.
    async fn that_count(
        &self,
        tx: &mut Tx,
        mut all: Vec<ConsentReceipt>,
        proof: &impl OnePerson,
        age: AgeBand,
        client: &Client,
        now: Timestamp,
    ) -> Result<Vec<ConsentReceipt>, Error> {
        // A client that shows itself otherwise than it did has nobody's word.
        let notices = notices_of(client);
        all.retain(|receipt| notices.contains(&receipt.notice_version));
        if age != AgeBand::Under14 {
            return Ok(all.into_iter().filter(|receipt| receipt.given_by == proof.person()).collect());
        }
        // Whoever let an institution answer for a client and then no more has taken the ground from under the receipts.
        if !client.is_answered_for() {
            return Ok(Vec::new());
        }
        let guardians = guardianships::confirmed_guardians(tx, proof, now).await?;
        Ok(all.into_iter().filter(|receipt| guardians.contains(&receipt.given_by)).collect())
    }

    /// The person herself, while a grant may still be used: the receipt that it rests on is alive (R8, R16), and so is the
    /// identity that it was given for. The one check that token, refresh and userinfo share.
    pub(crate) async fn still_allowed(
        &self,
        tx: &mut Tx,
        proof: &impl OnePerson,
        grant: &Grant,
        client: &Client,
        now: Timestamp,
    ) -> Result<Option<Arc<Standing>>, Error> {
        let Some((standing, age)) = self.stands_on(tx, proof, grant, client, now).await? else { return Ok(None) };
        let Some(wanted) = needed(grant, client, age) else { return Ok(Some(standing)) };
        let live = self.live_receipts(tx, proof, age, client, now).await?;
        Ok(covered_at(&live, &wanted, None).map(|_| standing))
    }

    /// The same of a grant that is being made, whose receipts stay as they are until it is committed: whoever withdraws one at
    /// the same moment comes before, and is seen, or after, and ends this grant too.
    pub(super) async fn may_be_given(
        &self,
        work: &mut Work<'_>,
        proof: &impl OnePerson,
        grant: &Grant,
        client: &Client,
        now: Timestamp,
    ) -> Result<Option<Arc<Standing>>, Error> {
        let Some((standing, age)) = self.stands_on(work.tx(), proof, grant, client, now).await? else {
            return Ok(None);
        };
        let Some(wanted) = needed(grant, client, age) else { return Ok(Some(standing)) };
        if work.attendance().is_some() {
            return Err(Error::busy("whoever shares a commit keeps no receipt"));
        }
        let tx = work.tx();
        let held = consents::hold(tx, proof, client.id).await?;
        let live = self.that_count(tx, held, proof, age, client, now).await?;
        Ok(covered_at(&live, &wanted, None).map(|_| standing))
    }

    /// Who a grant is about, and how old she is, while what it was given for has not ended.
    async fn stands_on(
        &self,
        tx: &mut Tx,
        proof: &impl OnePerson,
        grant: &Grant,
        client: &Client,
        now: Timestamp,
    ) -> Result<Option<(Arc<Standing>, AgeBand)>, Error> {
        if !client.allowed_scopes().has(Scope::Openid) {
            return Ok(None);
        }
        let Some(standing) = self.standing(tx, proof, now).await? else { return Ok(None) };
        // Whoever ended the identity ended the grants that were there. One that was made at that moment, by what was known of
        // her two seconds ago, is found here, and so is one that a handover moves to another identity at this moment: only
        // what is read now tells them apart.
        let there = grant.identity.is_none_or(|chosen| standing.identities.iter().any(|one| one.id == chosen));
        if !there && !grants::stands(tx, grant, now.shanghai_date()).await? {
            return Ok(None);
        }
        let age = AgeBand::at(standing.base.birth_date, now);
        Ok(Some((standing, age)))
    }

    /// The consent page's answer. Only somebody of 14 or more answers for herself.
    ///
    /// # Errors
    /// A failed dependency.
    pub async fn decide_consent(
        &self,
        ctx: &Ctx,
        sealed: &str,
        allow: bool,
        browser: &Browser,
    ) -> Result<Reply, Error> {
        let Opened { mut request, client } = match self.open_request(ctx, sealed, browser).await? {
            Ok(opened) => opened,
            Err(why) => return self.unopened(ctx, why, browser).await,
        };
        if !allow {
            let session = self.session_at(browser, ctx.now).await?;
            let stands = self.stands(ctx, session.as_ref(), browser);
            request.session_state = self.session_state(&client, &request.redirect_uri, &stands);
            let denied = ProtocolError::new(Code::AccessDenied, prompt::SAID_NO);
            let reply = Reply::to(self.refuse(ctx, &request, &client, session.as_ref(), &denied).await?);
            return self.jarm_reply(ctx, &client, reply).await;
        }
        let session = self.session_at(browser, ctx.now).await?;
        // Only whom the page named; after another tab signed somebody else in, the page is shown again.
        let asked = session.filter(|session| request.answered.consent_asked == Some(session.id));
        if let (Some(session), Some(notice)) = (asked, request.notice.clone()) {
            let own = access::own(&session, ctx.now)?;
            let ctx = ctx.acting(Actor::Person { id: session.person });
            let mut work = self.begin(&ctx, Action::ConsentGiven).await?;
            let base = identities::base(work.tx(), &own).await?.ok_or_else(|| Error::not_found("person"))?;
            let age = AgeBand::at(base.birth_date, ctx.now);
            if age != AgeBand::Under14 {
                let scope = prompt::consent_scope(&request);
                let by = (session.person, session.person);
                let agreed = request.agreed(request.details_shown.as_deref().unwrap_or_default());
                let receipt = self.new_receipt(&ctx, by, (client.id, notice), (&scope, agreed), age);
                consents::insert(work.tx(), &own, &receipt).await?;
                work.target("person", session.person).target("client", client.id).detail("scope", scope.to_string());
                note_kinds(&mut work, &request.details);
                work.consent_event(receipt.id, "consent.given", &[client.id].into());
                work.commit(Outcome::Done).await?;
            }
        }
        self.proceed(ctx, request, client, browser).await
    }

    /// What was given can be taken back whatever became of the client's document.
    pub(super) async fn named_by_operator(&self, client_id: &str, now: Timestamp) -> Result<Arc<Client>, Error> {
        let unknown = || Error::not_found("client");
        let id = self.id_of_client(&client_id.parse().map_err(|_| unknown())?).await?;
        self.client_by_id(id, now).await?.ok_or_else(unknown)
    }

    /// `mingji consent withdraw`: receipts end, and with them everything the client holds.
    ///
    /// # Errors
    /// `NotFound` when there is no live receipt.
    pub async fn withdraw_consent(&self, ctx: &Ctx, person: PersonId, client_id: &str) -> Result<u64, Error> {
        let client = self.named_by_operator(client_id, ctx.now).await?;
        let on = access::task(TaskName::OperatorCommand).on(person);
        let mut work = self.begin(ctx, Action::ConsentWithdrawn).await?;
        let ended = self.end_consents(&mut work, &on, client.id, ctx.now).await?;
        if ended == 0 {
            return Err(Error::not_found("a live receipt"));
        }
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        Ok(ended)
    }

    /// Receipts about a person end, and with them everything the client holds, and it is told (design, idea 6); how many
    /// there were. Part of a larger change.
    pub(super) async fn end_consents(
        &self,
        work: &mut Work<'_>,
        proof: &impl OnePerson,
        client: ClientId,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let ended = consents::withdraw(work.tx(), proof, client, now).await?;
        if ended == 0 {
            return Ok(0);
        }
        let person = proof.person();
        let receivers = deliveries::receivers_of_person(work.tx(), proof, client).await?;
        let told = self.tell(work, receivers, now).await?;
        let grants = grants::revoke_of_client(work.tx(), person, client, now, "consent withdrawn").await?;
        work.target("person", person)
            .target("client", client)
            .detail("receipts", ended)
            .detail("grants_ended", grants)
            .detail("sessions_told", told);
        work.consent_event(person, "consent.withdrawn", &[client].into());
        Ok(ended)
    }

    /// A guardian who is none takes back what she agreed to for the child: receipts end for good, and a client loses what
    /// nothing else allows it, and is told. What a ward of 14 or more agreed to herself stays (R8). Part of a larger change,
    /// after which she speaks for nobody.
    pub(super) async fn take_back_consents(
        &self,
        work: &mut Work<'_>,
        ward: &Ward,
        now: Timestamp,
    ) -> Result<(), Error> {
        let clients = consents::take_back(work.tx(), ward, now).await?;
        if !clients.is_empty() {
            work.consent_event(ward.person(), "consent.withdrawn", &clients);
            work.detail("receipts_of_clients", clients.len());
        }
        for client in clients {
            let Some(client) = clients::find(work.tx(), client).await? else { continue };
            let mut ended = BTreeSet::new();
            for grant in grants::held(work.tx(), ward, client.id).await? {
                if self.still_allowed(work.tx(), ward, &grant, &client, now).await?.is_none() {
                    grants::revoke(work.tx(), grant.id, now, "guardian withdrew").await?;
                    ended.insert(grant.sid);
                }
            }
            let mut receivers = deliveries::receivers_of_person(work.tx(), ward, client.id).await?;
            receivers.retain(|receiver| ended.contains(&receiver.sid));
            self.tell(work, receivers, now).await?;
        }
        Ok(())
    }

    pub(super) fn new_receipt(
        &self,
        ctx: &Ctx,
        (person, given_by): (PersonId, PersonId),
        (client, notice): (ClientId, String),
        (scope, details): (&ScopeSet, Option<Agreed>),
        age: AgeBand,
    ) -> ConsentReceipt {
        ConsentReceipt {
            id: ConsentId::new(ctx.now, &*self.random),
            person,
            given_by,
            client,
            claims: scope.iter().map(|scope| scope.as_str().to_owned()).collect(),
            details,
            purpose: PURPOSE.into(),
            notice_version: notice,
            given_at: ctx.now,
            withdrawn_at: None,
            age_band: age,
        }
    }
}

/// Which text somebody agrees to: ours, what the client shows of itself, and which institution answers for it where the page
/// says so. A receipt for another counts no more.
pub(super) fn notice_of(client: &Client) -> String {
    notice_under(NOTICE_VERSION, client, client.org)
}

/// All texts that count for a client: the one of now, and the same under institutions whose heir answers now. Whoever steps in
/// by a merger goes on with what was agreed to, for the same purpose, and people are told (PIPL 22); another text asks again.
pub(super) fn notices_of(client: &Client) -> Vec<String> {
    let orgs = std::iter::once(client.org).chain(client.heir_of.iter().copied().map(Some));
    let texts = std::iter::once(&NOTICE_VERSION).chain(NOTICES_BEFORE);
    orgs.flat_map(|org| texts.clone().map(move |text| notice_under(text, client, org))).collect()
}

fn notice_under(text: &str, client: &Client, org: Option<OrgId>) -> String {
    let mut shown = client.metadata.shown();
    shown.extend(org.filter(|_| client.vendor().is_none()).map(|org| org.to_string()));
    format!("{text}/{}", opaque::s256(&serde_json::json!(shown).to_string()))
}

/// Names of types for the books: they are the operator's words, and what stands in the details is not repeated there.
pub(super) fn note_kinds(work: &mut Work<'_>, details: &Details) {
    if !details.is_empty() {
        work.detail("authorization_types", details.kinds().into_iter().collect::<Vec<_>>().join(" "));
    }
}

/// What somebody must have agreed to for a grant; `None` where nobody has to.
fn needed(grant: &Grant, client: &Client, age: AgeBand) -> Option<ScopeSet> {
    let needs_receipt = if age == AgeBand::Under14 { !client.is_statutory() } else { client.is_application() };
    needs_receipt.then(|| grant.reach().without(Scope::Openid))
}

/// When the last of these receipts was given that covers all of this at once.
fn covered_at(live: &[ConsentReceipt], wanted: &ScopeSet, agreed: Option<&Agreed>) -> Option<Timestamp> {
    let names = |receipt: &&ConsentReceipt| agreed.is_none() || receipt.details.as_ref() == agreed;
    let covering = live.iter().filter(|receipt| wanted.is_subset(&scopes(receipt))).filter(names);
    covering.map(|receipt| receipt.given_at).max()
}

fn scopes(receipt: &ConsentReceipt) -> ScopeSet {
    receipt.claims.iter().filter_map(|text| text.parse().ok()).collect()
}
