//! What somebody agreed to, for herself and for her small children, and how she takes it back with one click (R8, R16; OWASP
//! ASVS 5.0, 10.7.3).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::activation::hint_of;
use super::consent::{notice_of, notices_of};
use super::session::{Browser, Who};
use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::{OnePerson as _, Own, Ward};
use crate::domain::audit::{Action, Actor};
use crate::domain::id::{ClientId, GuardianshipId};
use crate::domain::oidc::authorization_type::Shown;
use crate::domain::oidc::client::Client;
use crate::domain::registry::age::AgeBand;
use crate::domain::registry::consent::ConsentReceipt;
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::{consents, identities, wards};

/// What one client was allowed, about one person.
pub struct ConsentCard {
    /// To whom.
    pub client: Arc<Client>,
    /// Scopes, in the order of their names.
    pub scopes: Vec<String>,
    /// What in detail (RFC 9396), as far as it still counts.
    pub details: Vec<Shown>,
    /// Since when.
    pub since: Timestamp,
    /// The client shows itself otherwise since then: it counts no more, and is asked for again.
    pub outdated: bool,
    /// The institution that answers for the client, where nobody looked at who provides it.
    pub institution: Option<String>,
    /// Who did when it was agreed to, where that was merged into the one of now.
    pub before: Vec<String>,
}

/// A child under 14, for whom her guardian decides.
pub struct WardConsents {
    /// The relation, which is what the form posts.
    pub ward: GuardianshipId,
    /// First and last character of the child's name.
    pub hint: String,
    /// What her guardians agreed to.
    pub cards: Vec<ConsentCard>,
}

/// What the page shows.
pub struct ConsentList {
    /// Who is signed in.
    pub who: Who,
    /// About herself.
    pub own: Vec<ConsentCard>,
    /// Her guardians decide about that, and she only sees it.
    pub by_family: bool,
    /// About her children.
    pub wards: Vec<WardConsents>,
}

impl App {
    /// The list of whoever is signed in here.
    ///
    /// # Errors
    /// A failed store.
    pub async fn list_consents(&self, ctx: &Ctx, browser: &Browser) -> Result<Option<ConsentList>, Error> {
        let Some(who) = self.who(ctx, browser).await? else { return Ok(None) };
        let own = access::own(&who.session, ctx.now)?;
        let mut tx = self.db.read().await?;
        let by_family = is_child(&mut tx, &own, ctx.now).await?;
        let mut live = consents::live_of_person(&mut tx, &own).await?;
        // Whoever answers for herself has only her own word; what a guardian said while she was small counts no more.
        live.retain(|receipt| by_family || receipt.given_by == own.person());
        let mut of_wards = Vec::new();
        for kept in wards::of_guardian(&mut tx, &own).await? {
            if let Some(ward) = small_ward(&kept, ctx.now) {
                let live = consents::live_of_person(&mut tx, &ward).await?;
                of_wards.push((kept.guardianship.id, hint_of(&kept.child_name), live));
            }
        }
        drop(tx);
        let own = self.cards(live, ctx.now).await?;
        let mut wards = Vec::with_capacity(of_wards.len());
        for (ward, hint, live) in of_wards {
            let cards = self.cards(live, ctx.now).await?;
            wards.push(WardConsents { ward, hint, cards });
        }
        Ok(Some(ConsentList { who, own, by_family, wards }))
    }

    /// Takes back what a client was allowed: about herself, or about a child under 14 of hers, whichever of her guardians
    /// agreed to it. Nothing happens when there is nothing to take back any more.
    ///
    /// # Errors
    /// `NotFound` without a session, for a child of somebody else, and for a child under 14 who would take back what her
    /// guardians decided; a failed store.
    pub async fn take_back_consent(
        &self,
        ctx: &Ctx,
        browser: &Browser,
        client: ClientId,
        ward: Option<GuardianshipId>,
    ) -> Result<(), Error> {
        let session = self.session_at(browser, ctx.now).await?;
        let session = session.ok_or_else(|| Error::not_found("session"))?;
        let own = access::own(&session, ctx.now)?;
        let ctx = ctx.acting(Actor::Person { id: session.person });
        let mut work = self.begin(&ctx, Action::ConsentWithdrawn).await?;
        let ended = match ward {
            Some(id) => {
                let all = wards::of_guardian(work.tx(), &own).await?;
                let kept = all.into_iter().find(|kept| kept.guardianship.id == id);
                let ward = kept.and_then(|kept| small_ward(&kept, ctx.now));
                let ward = ward.ok_or_else(|| Error::not_found("guardianship"))?;
                work.target("guardian", ward.guardian()).target("guardianship", id);
                self.end_consents(&mut work, &ward, client, ctx.now).await?
            }
            None if is_child(work.tx(), &own, ctx.now).await? => return Err(Error::not_found("a consent of her own")),
            None => self.end_consents(&mut work, &own, client, ctx.now).await?,
        };
        if ended == 0 {
            return Ok(());
        }
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        Ok(())
    }

    /// One card for each client, the newest first.
    async fn cards(&self, live: Vec<ConsentReceipt>, now: Timestamp) -> Result<Vec<ConsentCard>, Error> {
        let mut of_client: BTreeMap<ClientId, Vec<ConsentReceipt>> = BTreeMap::new();
        for receipt in live {
            of_client.entry(receipt.client).or_default().push(receipt);
        }
        let mut cards = Vec::with_capacity(of_client.len());
        for (id, receipts) in of_client {
            let Some(client) = self.client_by_id(id, now).await? else { continue };
            let notices = notices_of(&client);
            let details = self.still_in_detail(&receipts, &client, &notices).await?;
            let counts = |receipt: &&ConsentReceipt| notices.contains(&receipt.notice_version);
            let outdated = !receipts.iter().any(|receipt| counts(&receipt));
            // What was agreed to under another text is listed where nothing else was, to be taken back, and said to be so.
            let meant: Vec<_> = receipts.iter().filter(|receipt| outdated || counts(receipt)).collect();
            let mut scopes: Vec<String> = meant.iter().flat_map(|receipt| receipt.claims.iter().cloned()).collect();
            scopes.sort_unstable();
            scopes.dedup();
            let since = meant.iter().map(|receipt| receipt.given_at).min().unwrap_or(now);
            let mut tx = self.db.read().await?;
            let institution = self.answering(&mut tx, &client).await?;
            let under_another = meant.iter().any(|receipt| receipt.notice_version != notice_of(&client));
            let before = match under_another && !outdated {
                true => self.answered_before(&mut tx, &client).await?,
                false => Vec::new(),
            };
            cards.push(ConsentCard { client, scopes, details, since, outdated, institution, before });
        }
        cards.sort_by_key(|card| std::cmp::Reverse(card.since));
        Ok(cards)
    }

    /// What receipts allow in detail, each thing once. What a type says otherwise today is nobody's word any more.
    async fn still_in_detail(
        &self,
        receipts: &[ConsentReceipt],
        client: &Client,
        notices: &[String],
    ) -> Result<Vec<Shown>, Error> {
        let mut all = Vec::new();
        let counting = receipts.iter().filter(|receipt| notices.contains(&receipt.notice_version));
        for agreed in counting.filter_map(|receipt| receipt.details.as_ref()) {
            let shown = self.shown_details(&mut self.db.read().await?, &agreed.details, client).await?;
            let same = shown.ok().filter(|shown| shown.digest == agreed.shown);
            for card in same.map(|shown| shown.cards).unwrap_or_default() {
                if !all.contains(&card) {
                    all.push(card);
                }
            }
        }
        Ok(all)
    }
}

/// Whether her guardians decide for her: she is under 14, or not known to be older (R8).
async fn is_child(tx: &mut Tx, own: &Own, now: Timestamp) -> Result<bool, Error> {
    let base = identities::base(tx, own).await?.ok_or_else(|| Error::not_found("person"))?;
    Ok(AgeBand::at(base.birth_date, now) == AgeBand::Under14)
}

/// A child for whom this guardian decides now.
pub(super) fn small_ward(kept: &wards::Kept, now: Timestamp) -> Option<Ward> {
    access::ward_at(kept, now).filter(|_| AgeBand::at(kept.child_born, now) == AgeBand::Under14)
}
