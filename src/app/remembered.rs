//! Who signed in at a browser before (ruling R17): its device cookie. One browser serves a family, or a class; each of them keeps
//! a budget of her own there, under every login that she came in with, so that strangers who fail at it do not keep her out.

use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::session::Browser;
use super::{App, Error};
use crate::domain::id::AccountId;
use crate::keys::opaque::lookup_key;

/// Under another name than the cookies of an older form, which say nothing any more.
const SEAL: &str = "devices by login";
/// A family with its children. A browser that serves a whole class forgets who was here longest ago.
const MOST: usize = 8;
/// Her user name, her phone or e-mail, her 学籍号.
const LOGINS: usize = 3;
const ID: usize = 16;
const MARK: usize = 8;
/// Two identifiers and her logins.
const BYTES: usize = 2 * ID + LOGINS * MARK;

/// What was typed, as a cookie knows it: the beginning of the throttle's HMAC (R7).
type Mark = [u8; MARK];
/// A place without a login: no HMAC that anybody will see begins like this.
const NONE: Mark = [0; MARK];

/// Somebody who signed in here before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Remembered {
    account: AccountId,
    /// Names this browser in her budget.
    device: Uuid,
    /// With what she came in here, the last one first.
    logins: [Mark; LOGINS],
}

/// Somebody who signs in at a browser that knows her.
pub(super) struct KnownHere {
    pub(super) account: AccountId,
    /// Her budget here, as the ephemeral store knows it (R7).
    pub(super) budget: String,
}

impl App {
    /// Who came in here with what is typed now. Nothing is looked up: how an attempt is charged would say whose login it is, and a
    /// browser that many use would tell whoever sits down there which 学籍号 is whose.
    pub(super) fn known_here(&self, browser: &Browser, typed: &[u8; 32]) -> Option<KnownHere> {
        let mark = mark_of(typed);
        let known = self.remembered(browser).into_iter().find(|known| known.logins.contains(&mark))?;
        let Remembered { account, device, .. } = known;
        Some(KnownHere { account, budget: lookup_key(&format!("device {account} {device}")) })
    }

    /// The cookie of this browser, now that somebody signed in with what was typed.
    pub(super) fn remember(
        &self,
        browser: &Browser,
        account: AccountId,
        typed: &[u8; 32],
    ) -> Result<SecretString, Error> {
        let device = Uuid::from_bytes(crate::domain::random::bytes(&*self.random));
        let plain = written(&with(self.remembered(browser), account, device, mark_of(typed)));
        Ok(self.sealer.seal_state(SEAL, b"", &plain, &*self.random)?.into())
    }

    fn remembered(&self, browser: &Browser) -> Vec<Remembered> {
        let opened = browser.device.as_ref().map(|cookie| self.sealer.open_state(SEAL, b"", cookie.expose_secret()));
        opened.and_then(Result::ok).map(|plain| read(&plain)).unwrap_or_default()
    }
}

fn mark_of(typed: &[u8; 32]) -> Mark {
    *typed.first_chunk().unwrap_or(&NONE)
}

/// Whoever signed in comes first. Her budget here is a fresh one: who copied the cookie before goes on spending the old one, which
/// is nobody's any more. The budgets of the others stay as they were, or anybody with an account would renew them.
fn with(mut all: Vec<Remembered>, account: AccountId, device: Uuid, typed: Mark) -> Vec<Remembered> {
    let before = all.iter().position(|known| known.account == account).map(|at| all.remove(at).logins);
    let others = before.into_iter().flatten().filter(|login| ![NONE, typed].contains(login));
    let mut logins = [NONE; LOGINS];
    for (place, login) in logins.iter_mut().zip(std::iter::once(typed).chain(others)) {
        *place = login;
    }
    // It is hers now, whose ever it was.
    for login in all.iter_mut().flat_map(|known| &mut known.logins).filter(|login| **login == typed) {
        *login = NONE;
    }
    all.insert(0, Remembered { account, device, logins });
    all.truncate(MOST);
    all
}

fn written(all: &[Remembered]) -> Vec<u8> {
    let one = |known: &Remembered| {
        [known.account.0.as_bytes().as_slice(), known.device.as_bytes(), known.logins.as_flattened()].concat()
    };
    all.iter().flat_map(one).collect()
}

fn read(plain: &[u8]) -> Vec<Remembered> {
    plain.as_chunks::<BYTES>().0.iter().filter_map(|entry| read_one(entry)).collect()
}

fn read_one(entry: &[u8]) -> Option<Remembered> {
    let (account, rest) = entry.split_first_chunk::<ID>()?;
    let (device, logins) = rest.split_first_chunk::<ID>()?;
    let logins = logins.as_chunks::<MARK>().0.try_into().ok()?;
    Some(Remembered { account: AccountId(Uuid::from_bytes(*account)), device: Uuid::from_bytes(*device), logins })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody(n: u8) -> AccountId {
        AccountId(Uuid::from_bytes([n; 16]))
    }

    fn device(n: u8) -> Uuid {
        Uuid::from_bytes([100 + n; 16])
    }

    #[test]
    fn whoever_comes_again_gets_a_budget_that_no_copy_spends_and_the_one_longest_gone_is_forgotten() {
        let mut all = Vec::new();
        for n in 0..=u8::try_from(MOST).unwrap() {
            all = with(all, somebody(n), device(n), [1 + n; MARK]);
        }
        assert_eq!(all.len(), MOST);
        assert!(!all.iter().any(|known| known.account == somebody(0)));
        let again = with(all.clone(), somebody(1), device(99), [2; MARK]);
        assert_eq!((again[0].account, again[0].device, again.len()), (somebody(1), device(99), MOST));
        assert!(again[1..].iter().all(|other| all.contains(other)), "the others keep theirs");
        assert_eq!(read(&written(&again)), again);
    }

    #[test]
    fn she_is_known_by_the_logins_that_she_came_in_with_and_each_is_one_persons() {
        let mut all = Vec::new();
        for n in [1, 2, 1, 3] {
            all = with(all, somebody(1), device(n), [n; MARK]);
        }
        assert_eq!((all.len(), all[0].logins), (1, [[3; MARK], [1; MARK], [2; MARK]]));
        all = with(all, somebody(1), device(4), [4; MARK]);
        assert_eq!(all[0].logins, [[4; MARK], [3; MARK], [1; MARK]], "the oldest is forgotten");
        // A phone that belongs to somebody else now.
        all = with(all, somebody(2), device(5), [3; MARK]);
        assert_eq!((all[0].account, all[1].logins), (somebody(2), [[4; MARK], NONE, [1; MARK]]));
    }
}
