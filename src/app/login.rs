//! Sign-in: a login and a password lead to a session. Known and unknown logins are the same from outside,
//! in text and in time; throttling counts failures only and locks nobody out (ruling R17).

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::authorize::{PageStop, Reply};
use super::browser_state::BrowserState;
use super::interaction::{Opened, Unopened};
use super::remembered::KnownHere;
use super::session::Browser;
use super::work::Outcome;
use super::{App, Ctx, Error, access, metrics};
use crate::domain::access::Door;
use crate::domain::audit::{Action, Actor};
use crate::domain::auth::session::{ACR_PASSWORD, Session, SignIn, session_lifetimes};
use crate::domain::auth::throttle::{self, Attempt, Decision, Network};
use crate::domain::hex::hex;
use crate::domain::id::{GuardianshipId, InteractionId, SessionId};
use crate::domain::registry::login::Login;
use crate::keys::opaque;
use crate::store::db::Tx;
use crate::store::ephemeral::{Space, Tally};
use crate::store::{accounts, admin_grants, credentials, persons, sessions};

const BARE_SEAL: &str = "bare sign-in";
/// Of a login's HMAC, as a member of those that fail in a network: enough to tell a thousand apart.
pub(super) const MEMBER: usize = 16;
/// Of the same, where logins share their counters: 65,536 of them.
const SHARED: usize = 4;

/// The sign-in form.
pub struct LoginForm {
    /// Sealed state: of a request, or of the bare form.
    pub request: Option<String>,
    /// What was typed.
    pub login: String,
    /// The password.
    pub password: SecretString,
    /// “This is my own device.”
    pub own_device: bool,
}

/// How it ended.
pub enum LoginReply {
    /// A session began; go on.
    SignedIn(Box<SignedIn>),
    /// The page again, with a reason that tells nothing about the account.
    Again {
        /// Why.
        problem: LoginProblem,
        /// The opened request, for the page.
        request: Option<Box<Resealed>>,
    },
    /// The request is too late or foreign.
    Stop(PageStop),
}

/// What the page needs to show the form again.
pub struct Resealed {
    /// Sealed state.
    pub request: String,
    /// Who asks.
    pub client: std::sync::Arc<crate::domain::oidc::client::Client>,
    /// Languages the client asked for.
    pub ui_locales: Option<String>,
}

/// A fresh session and what follows.
pub struct SignedIn {
    /// For the session cookie.
    pub secret: SecretString,
    /// Whether the cookie outlives the browser, and for how long.
    pub keep_for: Option<std::time::Duration>,
    /// For the device cookie: this browser has its own budget from now on.
    pub device: SecretString,
    /// How the browser stands now.
    pub browser_state: Option<BrowserState>,
    /// The way on; none without a platform.
    pub reply: Option<Reply>,
    /// Where she came from by herself.
    pub then: Then,
}

/// Where somebody goes on who came by herself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Then {
    /// Home.
    #[default]
    Home,
    /// To the page where the code of another device is typed, with what stood in the address.
    Device(Option<String>),
    /// To the list of her devices.
    Devices,
    /// To the page where she changes her password.
    Password,
    /// To what she agreed to.
    Consents,
    /// To her own record, or a child's.
    Record(Option<GuardianshipId>),
    /// To a page of the console.
    Console(String),
}

/// Why the form comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginProblem {
    /// Unknown, wrong, not active: one sentence.
    Refused,
    /// Too many failures with this login from browsers nobody knows.
    TooMany {
        /// Whole minutes to wait.
        minutes: u64,
    },
    /// The password pool is full.
    Busy,
    /// The form was posted before and is finished (R3).
    StartedOver,
}

/// Keys of the throttle: HMACs of what was typed and where from (R7).
struct Keys {
    /// What was typed.
    typed: [u8; 32],
    account: String,
    known: Option<KnownHere>,
    network: Option<String>,
    /// What the attempt is charged to.
    budget: (Space, String),
}

impl App {
    /// Seals the form of somebody who comes by herself to her browser, so that no other site can post it for her
    /// (login CSRF). A new pre-session cookie where there was none.
    ///
    /// # Errors
    /// A failed seal.
    pub fn bare_form(&self, browser: &Browser, then: &Then) -> Result<(String, Option<SecretString>), Error> {
        let fresh = browser.pre_session.is_none().then(|| opaque::generate(&*self.random));
        let bound =
            Browser { pre_session: fresh.clone().or_else(|| browser.pre_session.clone()), ..Browser::default() };
        let binding = bound.binding().unwrap_or_default();
        let then = serde_json::to_vec(then)?;
        Ok((self.sealer.seal_state(BARE_SEAL, &binding, &then, &*self.random)?, fresh))
    }

    /// Where the form of somebody who comes by herself leads; `None` for one of a platform's request.
    pub fn where_to(&self, sealed: &str, browser: &Browser) -> Option<Then> {
        let plain = self.sealer.open_state(BARE_SEAL, &browser.binding()?, sealed).ok()?;
        // A form that an older release sealed says nothing.
        Some(serde_json::from_slice(&plain).unwrap_or_default())
    }

    /// Signs somebody in.
    ///
    /// # Errors
    /// A failed dependency; refusals are [`LoginReply`]s.
    pub async fn sign_in(&self, ctx: &Ctx, form: LoginForm, browser: &Browser) -> Result<LoginReply, Error> {
        let reply = self.try_sign_in(ctx, form, browser).await;
        self.metrics.signed_in(metrics::sign_in(&reply));
        reply
    }

    async fn try_sign_in(&self, ctx: &Ctx, form: LoginForm, browser: &Browser) -> Result<LoginReply, Error> {
        let then = form.request.as_deref().and_then(|sealed| self.where_to(sealed, browser));
        let opened = match &form.request {
            None => return Ok(LoginReply::Stop(PageStop::Expired)),
            Some(_) if then.is_some() => None,
            Some(sealed) => match self.open_request(ctx, sealed, browser).await? {
                Ok(opened) => Some(opened),
                Err(Unopened::Stop(stop)) => return Ok(LoginReply::Stop(stop)),
                Err(Unopened::Again(opened)) => return self.again(LoginProblem::StartedOver, Some(*opened), browser),
            },
        };
        let login = Login::parse(&form.login);
        let mut keys = self.throttle_keys(ctx, &login, browser);
        match self.throttle(&mut keys).await? {
            Decision::Go => {}
            Decision::Delay(pause) => {
                self.metrics.sign_in_delayed();
                tokio::time::sleep(pause).await;
            }
            Decision::Wait(left) => {
                return self.again(LoginProblem::TooMany { minutes: left.as_secs().div_ceil(60) }, opened, browser);
            }
        }
        let asker = keys.known.as_ref().map_or_else(|| ctx.stranger(), |known| ctx.known(&known.account));
        let door = access::door();
        let found = match self.knock(&door, &login).await {
            Ok(found) => found,
            Err(failed) => {
                // Only failures of whoever types count, not ours.
                self.refund(&keys).await?;
                return Err(failed);
            }
        };
        let phc = found.as_ref().map(|(_, phc)| phc.clone());
        let Ok(matches) = self.passwords.verify(form.password, phc, asker).await else {
            self.refund(&keys).await?;
            return self.again(LoginProblem::Busy, opened, browser);
        };
        let Some((account, verified)) = found.filter(|(account, _)| matches && account.may_sign_in) else {
            self.note_stranger(&keys).await?;
            self.note_refusal(ctx, &keys).await?;
            return self.again(LoginProblem::Refused, opened, browser);
        };
        self.refund(&keys).await?;
        let begun = self.begin_session(ctx, (&account, &verified), form.own_device, opened, browser, &keys).await?;
        Ok(match (begun, then) {
            (LoginReply::SignedIn(signed_in), Some(then)) => {
                LoginReply::SignedIn(Box::new(SignedIn { then, ..*signed_in }))
            }
            (begun, _) => begun,
        })
    }

    /// The account behind a login, before anybody signed in.
    pub(crate) async fn account_of(
        &self,
        tx: &mut Tx,
        door: &Door,
        login: &Login,
    ) -> Result<Option<accounts::Reference>, Error> {
        let found = match login {
            Login::UserName(name) => accounts::by_user_name(tx, door, name).await?,
            Login::Phone(phone) => accounts::by_alias(tx, door, "phone", self.index.login("phone", phone)).await?,
            Login::Email(email) => accounts::by_alias(tx, door, "email", self.index.login("email", email)).await?,
            Login::PersonalCode(code) => {
                accounts::by_alias(tx, door, "personal_code", self.index.login("personal_code", code.expose())).await?
            }
            Login::Unknown(_) => None,
        };
        // Who was merged signs in with either user name, and with the one password.
        match found {
            Some(gone) if gone.merged => match persons::survivor(tx, gone.person).await? {
                Some(survivor) => Ok(accounts::standing(tx, door, survivor).await?),
                None => Ok(None),
            },
            found => Ok(found),
        }
    }

    async fn knock(&self, door: &Door, login: &Login) -> Result<Option<(accounts::Reference, String)>, Error> {
        let mut tx = self.db.read().await?;
        let Some(account) = self.account_of(&mut tx, door, login).await? else { return Ok(None) };
        let phc = credentials::password(&mut tx, door, account.id).await?;
        Ok(phc.map(|phc| (account, phc)))
    }

    /// Whether what was verified still opens the account, which is held until the transaction ends: whoever sets another
    /// password, locks it or merges it meanwhile comes before, and is seen, or after, and ends this session too.
    async fn still_opens(&self, tx: &mut Tx, account: &accounts::Reference, verified: &str) -> Result<bool, Error> {
        let (door, own) = (access::door(), access::own_by_credential(account.person));
        if accounts::hold(tx, &own).await? != Some(account.id) {
            return Ok(false);
        }
        let now = accounts::by_id(tx, &door, account.id).await?;
        let stands = now.is_some_and(|now| now.may_sign_in && now.person == account.person);
        Ok(stands && credentials::password(tx, &door, account.id).await?.as_deref() == Some(verified))
    }

    async fn begin_session(
        &self,
        ctx: &Ctx,
        (opens, verified): (&accounts::Reference, &str),
        own_device: bool,
        opened: Option<Opened>,
        browser: &Browser,
        keys: &Keys,
    ) -> Result<LoginReply, Error> {
        let (account, person) = (opens.id, opens.person);
        let anybody = ctx;
        let ctx = ctx.acting(Actor::Person { id: person });
        let interaction = opened
            .as_ref()
            .map_or_else(|| InteractionId::new(ctx.now, &*self.random), |opened| opened.request.interaction);
        let secret = opaque::generate(&*self.random);
        let mut work = self.begin(&ctx, Action::SignIn).await?;
        work.target("person", person).target("account", account);
        if !self.still_opens(work.tx(), opens, verified).await? {
            drop(work);
            self.note_refusal(anybody, keys).await?;
            return self.again(LoginProblem::Refused, opened, browser);
        }
        let before = self.session_left(work.tx(), browser).await?;
        let (same, other) = match before {
            Some(session) if session.person == person => (Some(session).filter(|own| own.is_live(ctx.now)), None),
            other => (None, other),
        };
        let is_admin = !admin_grants::live(work.tx(), person, ctx.now).await?.is_empty();
        let (idle, absolute) = session_lifetimes(&self.lifetimes, is_admin);
        let sign_in = SignIn {
            id: interaction,
            account,
            person,
            amr: vec!["pwd".into()],
            created_at: ctx.now,
            expires_at: ctx.now.plus(self.lifetimes.interaction),
        };
        sessions::begin_sign_in(work.tx(), &sign_in).await?;
        let expires_at = ctx.now.plus(absolute);
        let session = Session {
            id: same.as_ref().map_or_else(|| SessionId::new(ctx.now, &*self.random), |same| same.id),
            account,
            person,
            auth_time: ctx.now,
            acr: ACR_PASSWORD.into(),
            amr: sign_in.amr,
            own_device,
            identity: same.as_ref().and_then(|same| same.identity),
            created_at: ctx.now,
            last_seen_at: ctx.now,
            idle_expires_at: ctx.now.plus(idle).min(expires_at),
            expires_at,
            ended_at: None,
            agent: browser.agent.clone(),
            client: None,
        };
        let digest = opaque::digest(secret.expose_secret());
        // Whoever was here before has left, even if her time had run out: her platforms do not know it yet.
        if let Some(other) = other {
            self.end_session_in(&mut work, other.id, ctx.now, "another person signed in").await?;
        }
        match same {
            // The same person again: the session goes on (its `sid`s survive, R13) under a new secret.
            Some(_) => sessions::renew(work.tx(), &session, digest).await?,
            None => sessions::insert(work.tx(), &session, digest).await?,
        }
        // One guarded UPDATE; a form that is posted again finds it finished and starts over (R3).
        if !sessions::finish_sign_in(work.tx(), interaction, ctx.now, session.id).await? {
            drop(work);
            return match opened {
                Some(opened) => Ok(LoginReply::Again {
                    problem: LoginProblem::StartedOver,
                    request: Some(Box::new(self.start_over(&ctx, opened, browser)?)),
                }),
                None => Ok(LoginReply::Stop(PageStop::Expired)),
            };
        }
        work.event("session", session.id, "session.began", &[]);
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        let device = self.remember(browser, account, &keys.typed)?;
        let browser = Browser { session: Some(secret.clone()), ..browser.clone() };
        let browser_state = self.stands(&ctx, Some(&session), &browser).cookie_to_set();
        let reply = match opened {
            Some(Opened { mut request, client }) => {
                // Whoever typed a user name has said which account.
                request.answered.account = true;
                Some(self.proceed(&ctx, request, client, &browser).await?)
            }
            None => None,
        };
        let keep_for = own_device.then_some(absolute);
        Ok(LoginReply::SignedIn(Box::new(SignedIn {
            secret,
            keep_for,
            device,
            browser_state,
            reply,
            then: Then::Home,
        })))
    }

    fn again(&self, problem: LoginProblem, opened: Option<Opened>, browser: &Browser) -> Result<LoginReply, Error> {
        let request = match opened {
            Some(opened) => Some(Box::new(self.reseal(opened, browser)?)),
            None => None,
        };
        Ok(LoginReply::Again { problem, request })
    }

    fn reseal(&self, opened: Opened, browser: &Browser) -> Result<Resealed, Error> {
        let (request, _) = self.seal_request(&opened.request, browser)?;
        let Opened { request: asked, client } = opened;
        Ok(Resealed { request, ui_locales: asked.ui_locales, client })
    }

    /// The same question under a new interaction.
    fn start_over(&self, ctx: &Ctx, mut opened: Opened, browser: &Browser) -> Result<Resealed, Error> {
        opened.request.interaction = InteractionId::new(ctx.now, &*self.random);
        self.reseal(opened, browser)
    }

    fn throttle_keys(&self, ctx: &Ctx, login: &Login, browser: &Browser) -> Keys {
        let typed = self.index.throttle(login.throttle_text());
        let account = hex(&typed);
        let known = self.known_here(browser, &typed);
        let network = ctx.ip.map(|ip| hex(&self.index.network(&Network::of(ip).to_string())));
        let budget = match &known {
            Some(known) => (Space::DeviceFailures, known.budget.clone()),
            None => (Space::StrangerFailures, account.clone()),
        };
        Keys { typed, account, known, network, budget }
    }

    /// Charges the attempt before the password is looked at, or parallel guesses would all read the same count.
    async fn throttle(&self, keys: &mut Keys) -> Result<Decision, Error> {
        let mut tally = self.charge(keys).await?;
        if keys.known.is_some() && tally.count > throttle::DEVICE_BUDGET {
            // From here on she is a stranger like any: whoever copied the cookie spends hers and does not keep her out by that
            // alone, and whoever spent it sees nothing at this login that another one would not show.
            keys.known = None;
            keys.budget = (Space::StrangerFailures, keys.account.clone());
            tally = self.charge(keys).await?;
        }
        if keys.known.is_none() && tally.count == 1 && !self.room_for_a_login().await? {
            // Strangers who type ever new names share what is left, rather than fill the store that everybody's codes lie in.
            self.refund(keys).await?;
            keys.budget.1.truncate(SHARED);
            tally = self.charge(keys).await?;
        }
        let attempt = match (&keys.known, &keys.network) {
            (Some(_), _) => Attempt::Device { attempts: tally.count },
            (None, None) => Attempt::Stranger { attempts: tally.count, network: 0 },
            (None, Some(network)) => {
                let network = self.ephemeral.distinct(Space::NetworkFailures, network).await?;
                Attempt::Stranger { attempts: tally.count, network }
            }
        };
        Ok(throttle::decide(attempt, tally.left))
    }

    async fn charge(&self, keys: &Keys) -> Result<Tally, Error> {
        let (space, key) = &keys.budget;
        Ok(self.ephemeral.incr(*space, key, throttle::WINDOW).await?)
    }

    /// Only failures count: takes the charge of an attempt back that was none.
    async fn refund(&self, keys: &Keys) -> Result<(), Error> {
        let (space, key) = &keys.budget;
        Ok(self.ephemeral.refund(*space, key).await?)
    }

    /// Failed sign-ins are kept (GB/T 22239, 8.1.4.3), known and unknown logins alike: by the throttle's HMAC, which
    /// says that two entries are about the same login and nothing more.
    async fn note_refusal(&self, ctx: &Ctx, keys: &Keys) -> Result<(), Error> {
        let mut work = self.begin(ctx, Action::SignIn).await?;
        work.detail("login", keys.account.get(..32).unwrap_or_default()).detail("known_device", keys.known.is_some());
        work.commit(Outcome::Refused("login or password")).await
    }

    /// A failure of a stranger counts for her network too.
    async fn note_stranger(&self, keys: &Keys) -> Result<(), Error> {
        if let (None, Some(network)) = (&keys.known, &keys.network) {
            let login = keys.account.get(..MEMBER).unwrap_or_default();
            self.ephemeral.count_distinct(Space::NetworkFailures, network, login, throttle::WINDOW).await?;
        }
        Ok(())
    }
}
