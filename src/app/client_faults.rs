//! Failed requests of relying parties, for whoever answers for them (the console). A refusal is noted in memory, where it
//! costs the request next to nothing, and written a moment later: few of each kind, so that a flood of one takes no place
//! from another, and what strangers can send none from what only the client can.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::work::Housekeeping;
use super::{App, Ctx, Error};
use crate::domain::id::{ClientId, new_uuid};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::fault::{Endpoint, Fault, FaultKind};
use crate::domain::oidc::redirect::Difference;
use crate::keys::foreign;
use crate::store::client_faults;

/// So many of a kind are kept for each client.
const KEPT_OF_KIND: i64 = 5;
/// So many of a kind wait in memory to be written; more are counted with the last.
const WAITING_OF_KIND: usize = 3;
/// So many wait in all. A flood beyond it is not told.
const MOST_WAITING: usize = 300;
/// So many are written at once: SQLite's writer is free in between (R15).
const BATCH: usize = 100;
/// How long they are kept.
pub const KEPT: Duration = Duration::from_secs(14 * 86_400);

type Key = (ClientId, FaultKind, bool);

/// What waits to be written.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<BTreeMap<Key, VecDeque<Fault>>>);

impl Waiting {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Key, VecDeque<Fault>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, fault: Fault) {
        let mut all = self.all();
        let key = (fault.client, fault.kind, fault.proven);
        let full = all.values().map(VecDeque::len).sum::<usize>() >= MOST_WAITING;
        let Some(known) = all.get_mut(&key) else {
            if !full {
                all.insert(key, VecDeque::from([fault]));
            }
            return;
        };
        let crowded = full || known.len() >= WAITING_OF_KIND;
        match known.back_mut() {
            Some(last) if crowded => *last = Fault { times: last.times.saturating_add(1), ..fault },
            _ => known.push_back(fault),
        }
    }

    /// Takes what waits, the oldest first.
    fn take(&self) -> Vec<Fault> {
        let mut taken: Vec<Fault> = std::mem::take(&mut *self.all()).into_values().flatten().collect();
        taken.sort_by_key(|fault| fault.at);
        taken
    }
}

/// Who asked, as far as the request says it.
pub struct Claimed {
    /// The `client_id`.
    pub client_id: Option<String>,
    /// An assertion, which may say it alone (RFC 7521, 4.2).
    pub assertion: Option<SecretString>,
    /// Whether something came along that could prove it.
    pub offered: bool,
}

impl App {
    /// Notes that a request was refused. Whoever the request names may be nobody, then nothing is noted.
    pub async fn note_fault(&self, ctx: &Ctx, endpoint: Endpoint, claimed: &Claimed, why: &Error) {
        let Some(protocol) = &why.protocol else { return };
        let Some(kind) = why.fault.or_else(|| FaultKind::of(protocol)) else { return };
        let by_assertion =
            || claimed.assertion.as_ref().and_then(|jwt| foreign::unverified_subject(jwt.expose_secret()));
        let Some(id) = claimed.client_id.clone().or_else(by_assertion) else { return };
        // A store that fails now has failed the request too, which said so.
        let Ok(Some(client)) = self.known_client(&id, ctx.now).await else { return };
        let fault = Fault {
            code: Some(protocol.code.as_str().to_owned()),
            said: Some(protocol.description.to_owned()),
            proven: claimed.offered && !client.is_public() && kind.is_of_the_client_alone(),
            ..fault(ctx, &client, endpoint, kind)
        };
        self.faults.add(fault);
    }

    /// The same where a browser brought the request, and where the client is known.
    pub(super) fn note_visit(
        &self,
        ctx: &Ctx,
        endpoint: Endpoint,
        client: &Client,
        kind: FaultKind,
        said: Option<&crate::domain::oidc::error::ProtocolError>,
    ) {
        self.faults.add(Fault {
            code: said.map(|error| error.code.as_str().to_owned()),
            said: said.map(|error| error.description.to_owned()),
            ..fault(ctx, client, endpoint, kind)
        });
    }

    /// The same for an address that is not the client's.
    pub(super) fn note_address(
        &self,
        ctx: &Ctx,
        endpoint: Endpoint,
        client: &Client,
        (kind, sent): (FaultKind, &str),
        registered: &[String],
    ) {
        let difference = Some(Difference::between(sent, registered));
        self.faults.add(Fault { difference, ..fault(ctx, client, endpoint, kind) });
    }

    /// Writes what waits; how many rows. Every replica writes its own.
    ///
    /// # Errors
    /// A failed store; what could not be written is lost, as a flood would be.
    pub async fn write_faults(&self) -> Result<usize, Error> {
        let taken = self.faults.take();
        for batch in taken.chunks(BATCH) {
            let mut tx = self.housekeeping(Housekeeping::Faults).await?;
            let rows: Vec<_> = batch.iter().map(|one| (new_uuid(one.at, &*self.random), one.clone())).collect();
            client_faults::insert_all(&mut tx, &rows).await?;
            let kinds: std::collections::BTreeSet<Key> =
                batch.iter().map(|one| (one.client, one.kind, one.proven)).collect();
            for (client, kind, proven) in kinds {
                client_faults::trim(&mut tx, client, kind, proven, KEPT_OF_KIND).await?;
            }
            tx.commit().await?;
        }
        Ok(taken.len())
    }
}

fn fault(ctx: &Ctx, client: &Client, endpoint: Endpoint, kind: FaultKind) -> Fault {
    Fault {
        client: client.id,
        endpoint,
        kind,
        code: None,
        said: None,
        difference: None,
        proven: false,
        at: ctx.now,
        request_id: ctx.request_id,
        times: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use uuid::Uuid;

    fn of(client: u128, kind: FaultKind, at: i64) -> Fault {
        Fault {
            client: ClientId(Uuid::from_u128(client)),
            endpoint: Endpoint::Token,
            kind,
            code: None,
            said: None,
            difference: None,
            proven: false,
            at: Timestamp::from_seconds(at),
            request_id: Uuid::nil(),
            times: 1,
        }
    }

    #[test]
    fn a_flood_is_counted_and_takes_no_room() {
        let waiting = Waiting::default();
        waiting.add(of(1, FaultKind::CodeUnknown, 1));
        for at in 0..10_000 {
            waiting.add(of(1, FaultKind::SecretWrong, at));
        }
        let taken = waiting.take();
        assert_eq!(taken.len(), 1 + WAITING_OF_KIND);
        let counted = taken.iter().filter(|one| one.kind == FaultKind::SecretWrong).map(|one| one.times).sum::<u32>();
        assert_eq!(counted, 10_000);
        assert!(waiting.take().is_empty());
        for client in 0..10_000 {
            waiting.add(of(client, FaultKind::SecretWrong, 1));
        }
        assert_eq!(waiting.take().len(), MOST_WAITING);
    }
}
