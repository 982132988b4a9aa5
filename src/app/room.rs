//! How much strangers may leave in the ephemeral store. A process's own memory bounds each kind by itself; a server that
//! replicas share has one room for all, and when that is full nobody signs in.

use std::time::Duration;

use super::{App, Ctx, Error};
use crate::domain::auth::throttle::Network;
use crate::keys::hex;
use crate::store::ephemeral::Space;

const WINDOW: Duration = Duration::from_secs(60);
/// KiB a minute from one network: a county's schools may share one (R17).
const OF_A_NETWORK: u64 = 8 << 10;
/// KiB a minute from all of them together.
const OF_ALL: u64 = 48 << 10;

impl App {
    /// Counts what somebody leaves who has proved nothing.
    ///
    /// # Errors
    /// `Busy` when this minute's room is used up; a failed ephemeral store.
    pub(super) async fn charge_room(&self, ctx: &Ctx, space: Space, bytes: usize) -> Result<(), Error> {
        let network = ctx.ip.map(|ip| Network::of(ip).to_string()).unwrap_or_default();
        let by = u64::try_from(bytes.div_ceil(1 << 10)).map_err(Error::internal)?;
        for (whose, most) in [(format!("room of {network}"), OF_A_NETWORK), ("room of all".into(), OF_ALL)] {
            let key = hex(&self.index.network(&whose));
            if self.ephemeral.raise(space, &key, by, WINDOW).await?.count > most {
                return Err(Error::busy("strangers leave more than there is room for"));
            }
        }
        Ok(())
    }
}
