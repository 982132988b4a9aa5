//! Where a list goes on: sealed, so that nobody reads or makes one, and bound to whoever asked and for what.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{App, Error};

const SEAL: &str = "list cursor";

impl App {
    /// Seals where a list of this actor goes on. `list` names the list and everything that it was asked for with.
    ///
    /// # Errors
    /// A failed cipher.
    pub fn seal_cursor(&self, list: &[u8], place: &impl Serialize) -> Result<String, Error> {
        Ok(self.sealer.seal_state(SEAL, list, &serde_json::to_vec(place)?, &*self.random)?)
    }

    /// Opens it again.
    ///
    /// # Errors
    /// `Invalid` for one of another list, another actor, or none of ours.
    pub fn open_cursor<P: DeserializeOwned>(&self, list: &[u8], sealed: &str) -> Result<P, Error> {
        let foreign = || Error::invalid("this cursor is not of this list: begin at its beginning");
        let plain = self.sealer.open_state(SEAL, list, sealed).map_err(|_| foreign())?;
        serde_json::from_slice(&plain).map_err(|_| foreign())
    }
}
