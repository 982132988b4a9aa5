//! A request of the API that is sent again, because its answer was lost on the way, is done once: under the same
//! `Idempotency-Key` it gets the same answer, for a day (draft-ietf-httpapi-idempotency-key-header, 2). What was asked is kept as
//! a keyed digest, what was answered is sealed: both may hold numbers (R7).

use std::time::Duration;

use super::administrator::Caller;
use super::work::Housekeeping;
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::id::PersonId;
use crate::keys::opaque;
use crate::store::admin_grants;
use crate::store::api_requests::{self, Kept};

const SEAL: &str = "api answer";
/// How long a key is known.
pub(super) const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Whoever sends again while the first is at work waits for its answer, so long.
const LOOKS: u32 = 30;
const LOOK: Duration = Duration::from_millis(100);

/// A request under a key, as it came.
pub struct Keyed<'a> {
    /// What the client calls it.
    pub key: &'a str,
    /// The method and path.
    pub operation: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// A request that is to be done now, once.
pub struct Ticket {
    person: PersonId,
    key: [u8; 32],
}

/// What a request under a key is.
pub enum Once {
    /// The first of them.
    First(Ticket),
    /// One that was answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: Vec<u8>,
    },
}

fn task() -> Task {
    access::task(TaskName::ApiRequests)
}

impl App {
    /// Begins a request under a key of this administrator at this client, or finds what it was answered.
    ///
    /// # Errors
    /// `Invalid` for a key that was used for something else; `Conflict` while the first is at work, and when it was cut off.
    pub async fn begin_once(&self, ctx: &Ctx, caller: Caller, asked: &Keyed<'_>) -> Result<Once, Error> {
        let key = opaque::digest(&format!("{} {}", caller.through, asked.key));
        // What is no text is no JSON either, and is refused whatever it was.
        let whole = opaque::s256(&String::from_utf8_lossy(asked.body));
        // An answer is for the rights under which it was given: whoever holds others since is not told it again.
        let rights = admin_grants::live(&mut self.db.read().await?, caller.person, ctx.now).await?;
        let rights = rights.iter().map(|grant| grant.id.to_string()).collect::<Vec<_>>().join(" ");
        let request = self.index.question(caller.person.0, &format!("{} {rights}", asked.operation), &whole);
        let at = (caller.person, key);
        let mut tx = self.housekeeping(Housekeeping::Repetition).await?;
        let first = api_requests::begin(&mut tx, &task(), at, request, ctx.now).await?;
        tx.commit().await?;
        if first {
            return Ok(Once::First(Ticket { person: caller.person, key }));
        }
        for _ in 0..LOOKS {
            match api_requests::find(&mut self.db.read().await?, &task(), at).await? {
                Some(kept) if kept.request != request => {
                    return Err(Error::invalid(
                        "this Idempotency-Key was used for something else, or under other rights",
                    ));
                }
                Some(Kept { answer: Some((status, sealed)), .. }) => {
                    let body = self.sealer.open_state(SEAL, &key, &sealed)?;
                    let status = u16::try_from(status).map_err(Error::internal)?;
                    return Ok(Once::Answered { status, body });
                }
                // At work.
                Some(_) => tokio::time::sleep(LOOK).await,
                None => break,
            }
        }
        Err(Error::new(
            Kind::Conflict,
            "the same request is at work, or was cut off: look at what it came to before it is sent under another key",
        ))
    }

    /// Keeps what a request was answered. What failed here, or wanted another sign-in first, may be sent again.
    ///
    /// # Errors
    /// A failed store or cipher.
    pub async fn end_once(&self, ticket: Ticket, status: u16, body: &[u8]) -> Result<(), Error> {
        let at = (ticket.person, ticket.key);
        let mut tx = self.housekeeping(Housekeeping::Repetition).await?;
        if status == 401 || status >= 500 {
            api_requests::take_back(&mut tx, &task(), at).await?;
        } else {
            let sealed = self.sealer.seal_state(SEAL, &ticket.key, body, &*self.random)?;
            api_requests::answer(&mut tx, &task(), at, status, sealed).await?;
        }
        Ok(tx.commit().await?)
    }
}
