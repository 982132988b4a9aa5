//! A guardian and her wards: what her home page shows of them, what she answers ("not my child"), and the password of a
//! child under 14, which she may set for her (ruling R5, `Ward`).

use secrecy::{ExposeSecret as _, SecretString};

use super::access::ClientDuty;
use super::activation::hint_of;
use super::consent_list::small_ward;
use super::disclosure::Disclosure;
use super::elsewhere::OpenQuestion;
use super::erasure_request::WardErasure;
use super::session::{Browser, Who};
use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::{OnePerson as _, Own, Ward};
use crate::domain::audit::{Action, Actor};
use crate::domain::auth::password::{self, Weakness};
use crate::domain::auth::suggestion::{self, Suggestion};
use crate::domain::auth::throttle::{self, Attempt, Decision};
use crate::domain::id::{GuardianshipId, IdentityId, PersonId};
use crate::domain::oidc::client::Client;
use crate::domain::registry::age::AgeBand;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::guardianship::GuardianshipStatus;
use crate::domain::time::Timestamp;
use crate::keys::opaque;
use crate::store::db::Tx;
use crate::store::ephemeral::Space;
use crate::store::wards::{self, Kept};
use crate::store::{accounts, activations, admin_grants, credentials, identities, relation_claims};

/// What the home page shows of somebody who is signed in.
pub struct Home {
    /// Who she is.
    pub who: Who,
    /// The children that she is recorded as a guardian of.
    pub wards: Vec<WardCard>,
    /// What waits to be erased of children that she speaks for.
    pub erasures: Vec<WardErasure>,
    /// Who looked at her record lately.
    pub looks: Vec<Disclosure>,
    /// What she may open from here.
    pub platforms: Vec<Client>,
    /// What clients ask of her now.
    pub questions: Vec<OpenQuestion>,
    /// Whether she answers for relying parties.
    pub console: bool,
}

/// How many of them.
const LOOKS: usize = 5;

/// One child, for her guardian.
pub struct WardCard {
    /// The relation, which is what she answers about.
    pub id: GuardianshipId,
    /// First and last character of the child's name.
    pub hint: String,
    /// The child's school.
    pub school: Option<String>,
    /// The child's class.
    pub class: Option<String>,
    /// Whether a school has still to confirm it.
    pub pending: bool,
    /// She decides for the child, and may read everything that is known about her.
    pub decides: bool,
    /// What she may set a password for.
    pub account: Option<WardAccount>,
    /// Who else is recorded.
    pub others: Vec<OtherCard>,
}

/// The account of a ward under 14.
#[derive(Clone)]
pub struct WardAccount {
    /// What the child types.
    pub user_name: String,
    /// Whether it has a password already.
    pub active: bool,
}

/// Another guardian of the same child; never more of her than this (R1: existing guardians are told).
pub struct OtherCard {
    /// First and last character of her name.
    pub hint: String,
    /// Whether a school has still to confirm it.
    pub pending: bool,
    /// The institution that recorded her.
    pub recorded_by: Option<String>,
}

/// What the form for a ward's password shows.
pub struct WardForm {
    /// Who is signed in.
    pub who: Who,
    /// First and last character of the child's name.
    pub hint: String,
    /// The child's account.
    pub account: WardAccount,
    /// A password to take or leave.
    pub suggestion: Suggestion,
}

impl App {
    /// The home page of whoever is signed in here.
    ///
    /// # Errors
    /// A failed store.
    pub async fn home(&self, ctx: &Ctx, browser: &Browser) -> Result<Option<Home>, Error> {
        let Some(who) = self.who(ctx, browser).await? else { return Ok(None) };
        let own = access::own(&who.session, ctx.now)?;
        let mut tx = self.db.read().await?;
        let mut cards = Vec::new();
        for kept in wards::of_guardian(&mut tx, &own).await? {
            cards.extend(card(&mut tx, &kept, ctx.now).await?);
        }
        let erasures = self.ward_erasures(&mut tx, &own, ctx.now).await?;
        let looks = self.disclosures_of(&mut tx, &own, None, LOOKS).await?;
        let console = self.client_scope(&mut tx, own.person(), ClientDuty::See, ctx.now).await.is_ok();
        drop(tx);
        let platforms = self.launchable(ctx, &own).await?;
        let questions = self.open_questions(ctx, &who).await?;
        Ok(Some(Home { who, wards: cards, erasures, looks, platforms, questions, console }))
    }

    /// "My child" is noted; "not my child" rejects what is pending and ends what was confirmed, with everything that rests
    /// on it: claims, receipts, the right to speak for the child.
    ///
    /// # Errors
    /// `NotFound` when the relation is not hers or stands no longer, `Invalid` without a session.
    pub async fn answer_guardianship(
        &self,
        ctx: &Ctx,
        browser: &Browser,
        id: GuardianshipId,
        is_hers: bool,
    ) -> Result<(), Error> {
        let (ctx, own) = self.guardian(ctx, browser).await?;
        let action = if is_hers { Action::GuardianshipAcknowledged } else { Action::GuardianshipDenied };
        let mut work = self.begin(&ctx, action).await?;
        let kept = kept(work.tx(), &own, id, ctx.now).await?;
        let (child, was) = (kept.guardianship.child, kept.guardianship.status);
        work.target("guardianship", id).target("person", child).target("guardian", own.person());
        work.detail("status", was.as_str());
        let ward = access::ward_at(&kept, ctx.now);
        if !is_hers {
            let answered = match was {
                GuardianshipStatus::Pending => kept.guardianship.reject(ctx.now),
                _ => kept.guardianship.end(ctx.now),
            };
            let answered = answered.map_err(|_| Error::not_found("guardianship"))?;
            // Before the guardianship, as whoever decides the claim does.
            relation_claims::deny(work.tx(), &own, child, ctx.now).await?;
            if !wards::answer(work.tx(), &own, &answered).await? {
                return Err(Error::not_found("guardianship"));
            }
            let kind = match answered.status {
                GuardianshipStatus::Rejected => "guardianship.rejected",
                _ => "guardianship.ended",
            };
            work.event("guardianship", id, kind, &["status"]);
            self.shut_out(&mut work, &own, IdentityId(id.0), ward, ctx.now).await?;
        }
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        Ok(())
    }

    /// The form for the password of a ward under 14.
    ///
    /// # Errors
    /// `NotFound` for a child that she may not set a password for, `Invalid` without a session.
    pub async fn show_ward(&self, ctx: &Ctx, browser: &Browser, id: GuardianshipId) -> Result<WardForm, Error> {
        let who = self.who(ctx, browser).await?.ok_or_else(|| Error::invalid("no live session"))?;
        let own = access::own(&who.session, ctx.now)?;
        let mut tx = self.db.read().await?;
        let (kept, _, account) = settable(&mut tx, &own, id, ctx.now).await?;
        let suggestion = suggestion::suggest(&*self.random);
        Ok(WardForm { who, hint: hint_of(&kept.child_name), account, suggestion })
    }

    /// Sets the password of a ward under 14, first or anew. Sessions of the child and codes that lie about end.
    ///
    /// # Errors
    /// As [`App::show_ward`]; a weak password is a [`Weakness`].
    pub async fn set_ward_password(
        &self,
        ctx: &Ctx,
        browser: &Browser,
        id: GuardianshipId,
        new_password: SecretString,
    ) -> Result<Result<(), Weakness>, Error> {
        let (ctx, own) = self.guardian(ctx, browser).await?;
        let known = {
            let mut tx = self.db.read().await?;
            let (kept, _, account) = settable(&mut tx, &own, id, ctx.now).await?;
            [account.user_name, kept.child_name]
        };
        if let Err(weakness) = password::check(new_password.expose_secret(), &[&known[0], &known[1]]) {
            return Ok(Err(weakness));
        }
        // Charged for good: each is a hash and a change, and nobody has so many children.
        let key = opaque::lookup_key(&format!("ward passwords {}", own.person()));
        let tally = self.ephemeral.incr(Space::DeviceFailures, &key, throttle::WINDOW).await?;
        if let Decision::Wait(_) = throttle::decide(Attempt::Device { attempts: tally.count }, tally.left) {
            return Err(Error::busy("one guardian sets too many passwords"));
        }
        let phc = self.passwords.hash(new_password, self.random.clone(), ctx.known(&own.person())).await?;
        let mut work = self.begin(&ctx, Action::PasswordSet).await?;
        // Read again: while the password was hashed, a court or a school may have decided otherwise. And once more when the child's
        // account is held: whoever keeps this guardian away holds it too ([`App::change_the_lock`]), and came first or takes back
        // what is set here.
        let (_, ward, _) = settable(work.tx(), &own, id, ctx.now).await?;
        let account = accounts::hold(work.tx(), &ward).await?.ok_or_else(|| Error::not_found("account"))?;
        settable(work.tx(), &own, id, ctx.now).await?;
        credentials::set_password(work.tx(), &ward, account, &phc, ctx.now).await?;
        let first = accounts::activate(work.tx(), &ward, account, ctx.now).await?;
        activations::end_open(work.tx(), account, ctx.now).await?;
        self.end_sessions_of(&mut work, &ward, ctx.now, "password set by a guardian").await?;
        work.target("person", ward.person()).target("account", account).target("guardian", ward.guardian());
        work.detail("by", "guardian").detail("first", first);
        if first {
            work.event("account", account, "account.activated", &["state"]);
        } else {
            work.event("account", account, "account.password_set", &[]);
        }
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        Ok(Ok(()))
    }

    /// Whoever is signed in here, as the actor.
    async fn guardian(&self, ctx: &Ctx, browser: &Browser) -> Result<(Ctx, Own), Error> {
        let session = self.session_at(browser, ctx.now).await?;
        let session = session.ok_or_else(|| Error::invalid("no live session"))?;
        Ok((ctx.acting(Actor::Person { id: session.person }), access::own(&session, ctx.now)?))
    }
}

/// One of her own guardianships that still counts: whoever asks for another's finds nothing.
async fn kept(tx: &mut Tx, own: &Own, id: GuardianshipId, now: Timestamp) -> Result<Kept, Error> {
    let all = wards::of_guardian(tx, own).await?;
    let found = all.into_iter().find(|kept| kept.guardianship.id == id && is_shown(kept, now));
    found.ok_or_else(|| Error::not_found("guardianship"))
}

/// The same of a ward whose password she may set.
async fn settable(
    tx: &mut Tx,
    own: &Own,
    id: GuardianshipId,
    now: Timestamp,
) -> Result<(Kept, Ward, WardAccount), Error> {
    let kept = kept(tx, own, id, now).await?;
    let (ward, account) = young_ward(tx, &kept, now).await?.ok_or_else(|| Error::not_found("ward"))?;
    Ok((kept, ward, account))
}

/// Whom a court keeps away is told nothing, not even that there is a child; at 18 nobody has a guardian, and before that
/// nobody is one: a child that a file names as guardian is not shown her classmate.
pub(super) fn is_shown(kept: &Kept, now: Timestamp) -> bool {
    let guardianship = &kept.guardianship;
    guardianship.restrictions.is_empty()
        && kept.keeper.is_of_age(now.shanghai_date())
        && AgeBand::at(kept.child_born, now) != AgeBand::Adult
        && (guardianship.status == GuardianshipStatus::Pending || guardianship.is_live(now))
}

async fn card(tx: &mut Tx, kept: &Kept, now: Timestamp) -> Result<Option<WardCard>, Error> {
    if !is_shown(kept, now) {
        return Ok(None);
    }
    let ward = access::ward_at(kept, now);
    let recorded_here = kept.school.as_ref().is_some_and(|(school, _)| kept.guardianship.recorded_by == Some(*school));
    // Before it is confirmed she sees what its recorder knows and nothing that others recorded (R1): a school that names a
    // stranger must not lead him to the child.
    let (school, class) = if ward.is_some() || recorded_here {
        (kept.school.as_ref().map(|(_, name)| name.clone()), kept.class_name.clone())
    } else {
        (kept.recorded_name.clone(), None)
    };
    let mut others = Vec::new();
    if let Some(ward) = &ward {
        others = wards::other_guardians(tx, ward).await?;
    }
    Ok(Some(WardCard {
        id: kept.guardianship.id,
        hint: hint_of(&kept.child_name),
        school,
        class,
        pending: ward.is_none(),
        decides: small_ward(kept, now).is_some(),
        account: young_ward(tx, kept, now).await?.map(|(_, account)| account),
        others: others
            .into_iter()
            .map(|other| OtherCard {
                hint: hint_of(&other.name),
                pending: other.status == GuardianshipStatus::Pending,
                recorded_by: other.recorded_name,
            })
            .collect(),
    }))
}

/// The ward, where her guardian may set her password: under 14, with an account that nobody locked, and never somebody
/// with an administrator's grant (R1).
async fn young_ward(tx: &mut Tx, kept: &Kept, now: Timestamp) -> Result<Option<(Ward, WardAccount)>, Error> {
    let Some(ward) = access::ward_at(kept, now) else { return Ok(None) };
    let child: PersonId = ward.person();
    if AgeBand::at(kept.child_born, now) != AgeBand::Under14 || !admin_grants::live(tx, child, now).await?.is_empty() {
        return Ok(None);
    }
    // An unknown birth date counts as a child's, but nobody's child has a post.
    if !identities::employed(tx, &ward, now.shanghai_date()).await?.is_empty() {
        return Ok(None);
    }
    let account = accounts::find(tx, &ward).await?;
    Ok(account.filter(|account| matches!(account.state, Status::Inactive | Status::Active)).map(|account| {
        let active = account.state == Status::Active;
        (ward, WardAccount { user_name: account.user_name.to_string(), active })
    }))
}
