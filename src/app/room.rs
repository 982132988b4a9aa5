//! How much strangers may leave in an ephemeral store that replicas share: one room for all kinds of it, for when that store is
//! full nobody signs in. A process's own memory bounds each kind by itself and forgets the oldest, so nobody is charged there.

use std::time::Duration;

use super::{App, Ctx, Error};
use crate::domain::auth::throttle::Network;
use crate::domain::hex::hex;
use crate::store::ephemeral::Space;

const WINDOW: Duration = Duration::from_secs(60);
/// Bytes a minute from one network: a county's schools may share one (R17).
const OF_A_NETWORK: u64 = 4 << 20;
/// Bytes a minute from all of them together. What lies there at once is at most some six minutes of it: 96 MiB.
/// A wrong code lies longer, and takes a quarter of what it is charged.
const OF_ALL: u64 = 16 << 20;
/// What an entry takes beside its value.
const OF_AN_ENTRY: usize = 256;

/// Logins a minute that get a counter of their own; from there on they share some. A counter lies for a quarter of an hour and
/// takes some 200 bytes: 60 MB at once. Those of sign-ins that went well are gone after a moment.
const LOGINS: u64 = 20_000;

impl App {
    /// Whether there is room for a counter of a login that had none.
    pub(super) async fn room_for_a_login(&self) -> Result<bool, Error> {
        if self.ephemeral.is_own() {
            return Ok(true);
        }
        let key = hex(&self.index.network("room of logins"));
        Ok(self.ephemeral.incr(Space::Room, &key, WINDOW).await?.count <= LOGINS)
    }

    /// Counts what somebody leaves who has proved nothing; `bytes` as they are stored.
    ///
    /// # Errors
    /// `Busy` when this minute's room is used up; a failed ephemeral store.
    pub(super) async fn charge_room(&self, ctx: &Ctx, bytes: usize) -> Result<(), Error> {
        if self.ephemeral.is_own() {
            return Ok(());
        }
        let network = ctx.ip.map(|ip| Network::of(ip).to_string()).unwrap_or_default();
        let by = u64::try_from(bytes + OF_AN_ENTRY).map_err(Error::internal)?;
        for (whose, most) in [(format!("room of {network}"), OF_A_NETWORK), ("room of all".into(), OF_ALL)] {
            let key = hex(&self.index.network(&whose));
            if self.ephemeral.raise(Space::Room, &key, by, WINDOW).await?.count > most {
                return Err(Error::busy("strangers leave more than there is room for"));
            }
        }
        Ok(())
    }
}
