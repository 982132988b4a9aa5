//! The context of one request or command: who acts, from where, in which language, and when.

use std::net::IpAddr;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::App;
use crate::domain::audit::Actor;
use crate::domain::auth::throttle::Network;
use crate::domain::id::{PersonId, new_uuid};
use crate::domain::locale::Locale;
use crate::domain::time::Timestamp;
use crate::keys::password::{Asker, Who};

/// First argument of every use case.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// Who acts, as far as it is known.
    pub actor: Actor,
    /// Names the request in logs, audit entries and error pages.
    pub request_id: Uuid,
    /// From where.
    pub ip: Option<IpAddr>,
    /// In which language.
    pub locale: Locale,
    /// The present, the same for the whole request.
    pub now: Timestamp,
    /// Whether the actor uses her rights as an administrator: the audit then says which.
    pub administers: bool,
    /// Cancelled once nobody waits for the answer any more. What was begun is ended; what has not begun need not be.
    pub gone: CancellationToken,
}

impl Ctx {
    /// For a request whose actor is not known yet.
    pub fn request(app: &App, ip: Option<IpAddr>, locale: Locale) -> Self {
        let now = app.now();
        Self {
            actor: Actor::Anonymous,
            request_id: new_uuid(now, &*app.random),
            ip,
            locale,
            now,
            administers: false,
            gone: CancellationToken::new(),
        }
    }

    /// In line for a password hash, as a stranger of her network.
    pub(super) fn stranger(&self) -> Asker {
        let network = self.ip.map(|ip| Network::of(ip).to_string()).unwrap_or_default();
        Asker { who: Who::Stranger(network), gone: self.gone.clone() }
    }

    /// The same, as somebody we know.
    pub(super) fn known(&self, whose: &impl std::fmt::Display) -> Asker {
        Asker { who: Who::Known(whose.to_string()), gone: self.gone.clone() }
    }

    /// For a command or job.
    pub fn task(app: &App, name: &str) -> Self {
        Self { actor: Actor::Task { name: name.to_owned() }, ..Self::request(app, None, Locale::Zh) }
    }

    /// The same request, now that the actor is known.
    #[must_use]
    pub fn acting(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }

    /// The same request, in the name of an administrator who uses her rights.
    #[must_use]
    pub fn administering(&self, admin: PersonId) -> Self {
        Self { administers: true, ..self.acting(Actor::Person { id: admin }) }
    }

    /// Who uses her rights as an administrator, if somebody does.
    pub fn administrator(&self) -> Option<PersonId> {
        match self.actor {
            Actor::Person { id } if self.administers => Some(id),
            _ => None,
        }
    }
}
