//! Whoever knows her password gives herself another one (OWASP ASVS 5.0, 6.2.2 and 6.2.3). A child under 14 does not: her
//! family or her school does, as when she began.

use secrecy::{ExposeSecret as _, SecretString};

use super::activation::is_small_child;
use super::browser_state::BrowserState;
use super::session::{Browser, Who};
use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::Own;
use crate::domain::audit::{Action, Actor};
use crate::domain::auth::password::{self, Weakness};
use crate::domain::auth::session::{Session, session_lifetimes};
use crate::domain::auth::throttle::{self, Attempt, Decision};
use crate::domain::id::AccountId;
use crate::keys::opaque;
use crate::store::db::Tx;
use crate::store::ephemeral::Space;
use crate::store::{accounts, activations, admin_grants, credentials, identities, sessions};

/// What the page shows.
pub struct OwnPassword {
    /// Who is signed in.
    pub who: Who,
    /// What she signs in with.
    pub user_name: String,
    /// Somebody else sets it: she is a child under 14.
    pub by_family: bool,
}

/// Why it stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordProblem {
    /// The old one is another.
    Wrong,
    /// Too many wrong ones in this session.
    TooMany {
        /// Whole minutes to wait.
        minutes: u64,
    },
    /// The password pool is full.
    Busy,
    /// The new one is too easy.
    Weak(Weakness),
}

/// It is done.
pub struct Changed {
    /// For the session cookie: the session goes on under another secret.
    pub secret: SecretString,
    /// Whether the cookie outlives the browser, and for how long.
    pub keep_for: Option<std::time::Duration>,
    /// How the browser stands now.
    pub browser_state: Option<BrowserState>,
}

/// Her account, and what others know about her.
struct Account {
    id: AccountId,
    user_name: String,
    name: String,
    by_family: bool,
}

impl App {
    /// The page of whoever is signed in here.
    ///
    /// # Errors
    /// A failed store.
    pub async fn show_own_password(&self, ctx: &Ctx, browser: &Browser) -> Result<Option<OwnPassword>, Error> {
        let Some(who) = self.who(ctx, browser).await? else { return Ok(None) };
        let own = access::own(&who.session, ctx.now)?;
        let account = account(&mut self.db.read().await?, ctx, &own).await?;
        Ok(Some(OwnPassword { who, user_name: account.user_name, by_family: account.by_family }))
    }

    /// Sets another password. All other sessions end with everything that was granted in them; this one goes on, under
    /// another secret, as one in which she proved herself just now.
    ///
    /// # Errors
    /// `NotFound` without a session and for a child under 14; a failed dependency. Refusals are [`PasswordProblem`]s.
    pub async fn change_own_password(
        &self,
        ctx: &Ctx,
        browser: &Browser,
        old: SecretString,
        new: SecretString,
    ) -> Result<Result<Changed, PasswordProblem>, Error> {
        let who = self.who(ctx, browser).await?.ok_or_else(|| Error::not_found("session"))?;
        let own = access::own(&who.session, ctx.now)?;
        let ctx = ctx.acting(Actor::Person { id: who.session.person });
        let door = access::door();
        let (account, phc) = {
            let mut tx = self.db.read().await?;
            let account = account(&mut tx, &ctx, &own).await?;
            let phc = credentials::password(&mut tx, &door, account.id).await?;
            (account, phc)
        };
        if account.by_family {
            return Err(Error::not_found("a password of her own"));
        }
        // What is wrong with the new one says nothing about the old one, and costs no try.
        if let Err(weakness) = password::check(new.expose_secret(), &[&account.user_name, &account.name]) {
            return Ok(Err(PasswordProblem::Weak(weakness)));
        }
        if let Err(problem) = self.check_old(&ctx, &who.session, old, phc.clone()).await? {
            return Ok(Err(problem));
        }
        let hash = self.passwords.hash(new, self.random.clone(), ctx.known(&who.session.person)).await?;
        let mut work = self.begin(&ctx, Action::PasswordSet).await?;
        // Before its codes, as whoever prints or ends them does.
        let held = accounts::hold(work.tx(), &own).await? == Some(account.id);
        // Of two that post together one knew the old one: the other finds it gone.
        if !held || credentials::password(work.tx(), &door, account.id).await? != phc {
            return Ok(Err(PasswordProblem::Wrong));
        }
        if !sessions::hold(work.tx(), who.session.id).await? {
            return Err(Error::not_found("session"));
        }
        credentials::set_password(work.tx(), &own, account.id, &hash, ctx.now).await?;
        // A slip that lies about somewhere would replace the password again.
        activations::end_open(work.tx(), account.id, ctx.now).await?;
        let others = |session: &Session| session.id != who.session.id;
        let ended = self.end_meant(&mut work, &own, ctx.now, "password changed", others).await?;
        let is_admin = !admin_grants::live(work.tx(), who.session.person, ctx.now).await?.is_empty();
        let (idle, absolute) = session_lifetimes(&self.lifetimes, is_admin);
        let expires_at = ctx.now.plus(absolute);
        let idle_expires_at = ctx.now.plus(idle).min(expires_at);
        let session = Session { auth_time: ctx.now, last_seen_at: ctx.now, idle_expires_at, expires_at, ..who.session };
        let secret = opaque::generate(&*self.random);
        sessions::renew(work.tx(), &session, opaque::digest(secret.expose_secret())).await?;
        work.target("person", session.person).target("account", account.id);
        work.detail("by", "herself").detail("sessions", ended);
        work.event("account", account.id, "account.password_set", &[]);
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        let browser = Browser { session: Some(secret.clone()), ..browser.clone() };
        let browser_state = self.stands(&ctx, Some(&session), &browser).cookie_to_set();
        Ok(Ok(Changed { secret, keep_for: session.own_device.then_some(absolute), browser_state }))
    }

    /// Charged before it is looked at, like a sign-in (R17), and to a budget of this session: strangers who fail at her
    /// login do not keep her from changing her password, and whoever sits down at her browser gets no more tries than at
    /// the sign-in page.
    async fn check_old(
        &self,
        ctx: &Ctx,
        session: &Session,
        old: SecretString,
        phc: Option<String>,
    ) -> Result<Result<(), PasswordProblem>, Error> {
        let key = opaque::lookup_key(&format!("own password {}", session.id));
        let tally = self.ephemeral.incr(Space::DeviceFailures, &key, throttle::WINDOW).await?;
        if let Decision::Wait(left) = throttle::decide(Attempt::Device { attempts: tally.count }, tally.left) {
            return Ok(Err(PasswordProblem::TooMany { minutes: left.as_secs().div_ceil(60) }));
        }
        let Ok(matches) = self.passwords.verify(old, phc, ctx.known(&session.person)).await else {
            self.ephemeral.refund(Space::DeviceFailures, &key).await?;
            return Ok(Err(PasswordProblem::Busy));
        };
        if matches {
            self.ephemeral.refund(Space::DeviceFailures, &key).await?;
            return Ok(Ok(()));
        }
        let mut work = self.begin(ctx, Action::PasswordSet).await?;
        work.target("person", session.person).target("account", session.account);
        work.commit(Outcome::Refused("the old password")).await?;
        Ok(Err(PasswordProblem::Wrong))
    }
}

async fn account(tx: &mut Tx, ctx: &Ctx, own: &Own) -> Result<Account, Error> {
    let found = accounts::of_person(tx, own).await?.ok_or_else(|| Error::not_found("account"))?;
    let base = identities::base(tx, own).await?.ok_or_else(|| Error::not_found("person"))?;
    let by_family = is_small_child(tx, own, base.birth_date, ctx.now).await?;
    Ok(Account { id: found.id, user_name: found.user_name, name: base.name, by_family })
}
