//! The device grant (RFC 8628): a device asks, shows a code, and somebody types it here.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::authorize::Reply;
use super::client_auth::Credentials;
use super::session::{Browser, Who};
use super::work::Housekeeping;
use super::{App, Ctx, Error};
use crate::domain::auth::throttle::Network;
use crate::domain::hex::hex;
use crate::domain::id::ElsewhereId;
use crate::domain::oidc::checks::{self, Entrance};
use crate::domain::oidc::elsewhere::{Asked, INTERVAL, Question, State, Way};
use crate::domain::oidc::params::Params;
use crate::domain::oidc::user_code::UserCode;
use crate::keys::opaque;
use crate::store::elsewhere::{self, Handles};
use crate::store::ephemeral::Space;

/// How long a person has to find a browser and type.
const LIFE: Duration = Duration::from_secs(600);
/// In which tries of a person and questions of a network are counted.
const WINDOW: Duration = Duration::from_secs(600);
/// Wrong codes that one person may type in a window: of 20⁸ codes she finds none by guessing.
const MOST_TRIES: u64 = 10;
/// Questions of one client from one network in a window: a school's whole set of screens, and no flood.
const MOST_QUESTIONS: u64 = 600;

/// What a device shows.
pub struct DeviceCodes {
    /// It keeps this one to itself.
    pub device_code: SecretString,
    /// A person types this one.
    pub user_code: UserCode,
    /// For how long.
    pub expires_in: Duration,
    /// How often it may ask.
    pub interval: Duration,
}

/// What becomes of a code that was typed.
pub enum Typed {
    /// Nobody is signed in.
    Nobody,
    /// The way on.
    Found(Reply),
    /// No such code, or it is over.
    Unknown(Who),
    /// Too many wrong ones.
    TooMany {
        /// Who typed them.
        who: Who,
        /// Whole minutes to wait.
        minutes: u64,
    },
}

impl App {
    /// A device asks (RFC 8628, 3.1); `page` is the origin of the page that asks in a browser, if it is one.
    ///
    /// # Errors
    /// `invalid_client`, `unauthorized_client`, `invalid_scope`, `invalid_request`; busy when it asks too often.
    pub async fn ask_by_device(
        &self,
        ctx: &Ctx,
        credentials: &Credentials,
        params: &Params,
        page: Option<String>,
    ) -> Result<DeviceCodes, Error> {
        let client = self.authenticate_client(credentials, ctx.now).await?;
        let asked = checks::elsewhere(Entrance::Device, params, &client)?;
        let asked = self.asked_elsewhere(params, &client, asked).await?;
        let network = ctx.ip.map(|ip| Network::of(ip).to_string()).unwrap_or_default();
        let key = hex(&self.index.network(&format!("device {} {network}", client.id)));
        if self.ephemeral.incr(Space::Questions, &key, WINDOW).await?.count > MOST_QUESTIONS {
            return Err(Error::busy("too many devices of one client ask from one network"));
        }
        // A client with a secret asks from its server, and where that stands says nothing. Nor does the address of a page that
        // asks: it may lie open in her own browser, and hand what it reads to somebody far away.
        let from = ctx.ip.filter(|_| client.is_public() && page.is_none()).map(|ip| ip.to_canonical());
        let device_code = opaque::generate(&*self.random);
        let mut question = Question {
            id: ElsewhereId::new(ctx.now, &*self.random),
            way: Way::Device,
            client: client.id,
            person: None,
            asked: Asked { from, page, ..asked },
            state: State::Pending,
            offer: None,
            created_at: ctx.now,
            expires_at: ctx.now.plus(LIFE),
        };
        let mut tx = self.housekeeping(Housekeeping::Question).await?;
        // A code that another screen shows now is drawn again.
        for _ in 0..8 {
            let user_code = UserCode::generate(&*self.random);
            let handles = Handles {
                code: opaque::digest(device_code.expose_secret()),
                user_code: Some(self.index.user_code(user_code.as_str())),
                notify: None,
            };
            if elsewhere::insert(&mut tx, &question, &handles).await? {
                tx.commit().await?;
                return Ok(DeviceCodes { device_code, user_code, expires_in: LIFE, interval: INTERVAL });
            }
            question.id = ElsewhereId::new(ctx.now, &*self.random);
        }
        Err(Error::busy("no free code was drawn"))
    }

    /// Somebody types what a device shows. Tries are counted before the code is looked for, or parallel guesses would
    /// all be the first.
    ///
    /// # Errors
    /// A failed dependency.
    pub async fn type_user_code(&self, ctx: &Ctx, typed: &str, browser: &Browser) -> Result<Typed, Error> {
        let Some(who) = self.who(ctx, browser).await? else { return Ok(Typed::Nobody) };
        let key = hex(&self.index.throttle(&format!("user code {}", who.session.person)));
        let tally = self.ephemeral.incr(Space::CodeTries, &key, WINDOW).await?;
        if tally.count > MOST_TRIES {
            return Ok(Typed::TooMany { who, minutes: tally.left.as_secs().div_ceil(60) });
        }
        let Some(code) = UserCode::parse(typed) else { return Ok(Typed::Unknown(who)) };
        let index = self.index.user_code(code.as_str());
        let question = elsewhere::by_user_code(&mut self.db.read().await?, index, ctx.now).await?;
        let Some(question) = question else { return Ok(Typed::Unknown(who)) };
        self.ephemeral.refund(Space::CodeTries, &key).await?;
        Ok(Typed::Found(self.begin_answer(ctx, question, Some(code.to_string()), browser).await?))
    }
}
