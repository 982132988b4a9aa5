//! Who signed in at a browser before (ruling R17): its device cookie. One browser serves a family, or a class; each of them keeps
//! a budget of her own there, however she types herself, so that strangers who fail at her login do not keep her out.

use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::session::Browser;
use super::{App, Error, access};
use crate::domain::id::AccountId;
use crate::domain::registry::login::Login;
use crate::keys::opaque::lookup_key;

const SEAL: &str = "devices";
/// A family with its children. A browser that serves a whole class forgets who was here longest ago.
const MOST: usize = 8;
/// Two identifiers.
const BYTES: usize = 32;

/// Somebody who signed in here before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Remembered {
    account: AccountId,
    /// Names this browser in her budget.
    device: Uuid,
}

/// Somebody who signs in at a browser that knows her.
pub(super) struct KnownHere {
    pub(super) account: AccountId,
    /// Her budget here, as the ephemeral store knows it (R7).
    pub(super) budget: String,
}

impl App {
    /// Who is meant by what was typed, where she signed in here before. A browser that remembers nobody asks nothing, and one
    /// that does asks the same for logins that nobody has.
    pub(super) async fn known_here(&self, browser: &Browser, login: &Login) -> Result<Option<KnownHere>, Error> {
        let remembered = self.remembered(browser);
        if remembered.is_empty() {
            return Ok(None);
        }
        let mut tx = self.db.read().await?;
        let meant = self.account_of(&mut tx, &access::door(), login).await?;
        let known = meant.and_then(|meant| remembered.into_iter().find(|known| known.account == meant.id));
        Ok(known.map(|Remembered { account, device }| KnownHere {
            account,
            budget: lookup_key(&format!("device {account} {device}")),
        }))
    }

    /// The cookie of this browser, now that somebody signed in.
    pub(super) fn remember(&self, browser: &Browser, account: AccountId) -> Result<SecretString, Error> {
        let fresh = || Uuid::from_bytes(crate::domain::random::bytes(&*self.random));
        let plain = written(&with(self.remembered(browser), account, fresh));
        Ok(self.sealer.seal_state(SEAL, b"", &plain, &*self.random)?.into())
    }

    fn remembered(&self, browser: &Browser) -> Vec<Remembered> {
        let opened = browser.device.as_ref().map(|cookie| self.sealer.open_state(SEAL, b"", cookie.expose_secret()));
        opened.and_then(Result::ok).map(|plain| read(&plain)).unwrap_or_default()
    }
}

/// Whoever signed in comes first; her budget here stays the one that it was.
fn with(mut all: Vec<Remembered>, account: AccountId, fresh: impl FnOnce() -> Uuid) -> Vec<Remembered> {
    let before = all.iter().position(|known| known.account == account).map(|at| all.remove(at));
    all.insert(0, before.unwrap_or_else(|| Remembered { account, device: fresh() }));
    all.truncate(MOST);
    all
}

fn written(all: &[Remembered]) -> Vec<u8> {
    all.iter().flat_map(|known| [known.account.0.into_bytes(), known.device.into_bytes()].concat()).collect()
}

fn read(plain: &[u8]) -> Vec<Remembered> {
    let pairs = plain.chunks_exact(BYTES).map(|pair| pair.split_at(BYTES / 2));
    pairs
        .filter_map(|(account, device)| {
            Some(Remembered {
                account: AccountId(Uuid::from_slice(account).ok()?),
                device: Uuid::from_slice(device).ok()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_again_keeps_her_budget_and_the_one_longest_gone_is_forgotten() {
        let somebody = |n: u8| AccountId(Uuid::from_bytes([n; 16]));
        let device = |n: u8| Uuid::from_bytes([100 + n; 16]);
        let mut all = Vec::new();
        for n in 0..=u8::try_from(MOST).unwrap() {
            all = with(all, somebody(n), || device(n));
        }
        assert_eq!(all.len(), MOST);
        assert!(!all.iter().any(|known| known.account == somebody(0)));
        let again = with(all.clone(), somebody(1), || device(99));
        assert_eq!((again[0].account, again[0].device, again.len()), (somebody(1), device(1), MOST));
        assert_eq!(read(&written(&again)), again);
    }
}
