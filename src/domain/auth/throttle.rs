//! How guessing is slowed down without locking anybody out (ruling R17).
//!
//! Three counters, each over [`WINDOW`], all keyed by HMACs:
//!
//! | counter | key | effect |
//! |---|---|---|
//! | strangers | what was typed, existing or not | wait once [`STRANGER_BUDGET`] is spent |
//! | device | what was typed and the device cookie of an earlier success | wait once [`DEVICE_BUDGET`] is spent |
//! | network | the number of *different* failing logins of a [`Network`] | a delay, never a refusal |
//!
//! Only failures count, yet the caller *charges before it checks the password*: it raises the counter, asks
//! [`decide`], verifies, and takes the charge back unless the password was wrong. Reading first and raising
//! after a failure would let a thousand parallel guesses all read zero. The network is charged after a failure
//! of a stranger.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// How long a failure counts. Long enough that the budgets below allow fewer than a thousand guesses a day,
/// short enough that a pupil who waits for it still has most of her lesson.
pub const WINDOW: Duration = Duration::from_secs(15 * 60);

/// Attempts on one login from browsers that never signed in to it. A person who forgot tries her three
/// passwords two or three times; NIST SP 800-63B (5.2.2) asks for fewer than a hundred.
pub const STRANGER_BUDGET: u64 = 10;

/// Attempts from a browser that signed in to this login before: more generous, for it is nearly always the
/// owner, and its own, so that strangers who spend theirs do not lock her out.
pub const DEVICE_BUDGET: u64 = 20;

/// Different failing logins of one network → delay of each answer to a stranger there. A school, often a
/// county, leaves through one address, and on the first day of term hundreds mistype: below a hundred nothing
/// happens, and above it the wait stays bearable. It takes the profit out of trying one password on everybody.
const NETWORK_STEPS: [(u64, Duration); 4] = [
    (100, Duration::from_millis(500)),
    (200, Duration::from_secs(1)),
    (400, Duration::from_secs(2)),
    (LAST_STEP, Duration::from_secs(4)),
];

/// From here on the delay grows no further; what counts members must reach it.
pub const LAST_STEP: u64 = 800;

/// Who is trying, with the number of attempts in the window, this one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// A browser that holds a device cookie of an earlier success with this login.
    Device {
        /// Attempts of this device on this login.
        attempts: u64,
    },
    /// Any other browser.
    Stranger {
        /// Attempts of all strangers on this login.
        attempts: u64,
        /// Different logins that failed from this network.
        network: u64,
    },
}

/// What to do before the password is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Verify now.
    Go,
    /// Verify after this pause.
    Delay(Duration),
    /// Do not verify; come back after this span. The page says the same for logins that do not exist.
    Wait(Duration),
}

/// Decides about one attempt; `left` is what remains of the window of the attempt's own counter.
pub fn decide(attempt: Attempt, left: Duration) -> Decision {
    match attempt {
        Attempt::Device { attempts } if attempts > DEVICE_BUDGET => Decision::Wait(left),
        Attempt::Device { .. } => Decision::Go,
        Attempt::Stranger { attempts, .. } if attempts > STRANGER_BUDGET => Decision::Wait(left),
        Attempt::Stranger { network, .. } => network_delay(network).map_or(Decision::Go, Decision::Delay),
    }
}

fn network_delay(different_logins: u64) -> Option<Duration> {
    NETWORK_STEPS.iter().rev().find(|(from, _)| different_logins >= *from).map(|(_, delay)| *delay)
}

impl Decision {
    /// Whole seconds for `Retry-After` (RFC 9110, 10.2.3), rounded up; `None` unless it is a wait.
    pub fn retry_after(self) -> Option<u64> {
        match self {
            Self::Wait(left) => Some(left.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX)),
            Self::Go | Self::Delay(_) => None,
        }
    }
}

/// What counts as one network: an IPv4 address, or the /56 that an IPv6 subscriber commonly gets whole and
/// could walk through (RFC 6177). Its text is what the counter's HMAC is made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The network of a client's address; an IPv4-mapped address is the IPv4 address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(IpAddr::V4(v4)),
            IpAddr::V6(v6) => Self(IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 72 << 72))),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An address is data about a person: not in a log by accident.
impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: Duration = Duration::from_millis(90_001);

    fn stranger(attempts: u64, network: u64) -> Decision {
        decide(Attempt::Stranger { attempts, network }, LEFT)
    }

    #[test]
    fn the_last_of_the_budget_still_goes() {
        assert_eq!(stranger(STRANGER_BUDGET, 0), Decision::Go);
        assert_eq!(stranger(STRANGER_BUDGET + 1, 0), Decision::Wait(LEFT));
        assert_eq!(decide(Attempt::Device { attempts: DEVICE_BUDGET }, LEFT), Decision::Go);
        assert_eq!(decide(Attempt::Device { attempts: DEVICE_BUDGET + 1 }, LEFT), Decision::Wait(LEFT));
    }

    #[test]
    fn a_network_is_delayed_in_steps_and_never_refused() {
        assert_eq!(stranger(1, 99), Decision::Go);
        assert_eq!(stranger(1, 100), Decision::Delay(Duration::from_millis(500)));
        assert_eq!(stranger(1, 399), Decision::Delay(Duration::from_secs(1)));
        assert_eq!(stranger(1, u64::MAX), Decision::Delay(Duration::from_secs(4)));
    }

    #[test]
    fn steps_rise() {
        assert!(NETWORK_STEPS.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1));
    }

    #[test]
    fn guesses_per_day_stay_below_a_thousand() {
        let windows_per_day = 24 * 3600 / WINDOW.as_secs();
        assert!(STRANGER_BUDGET * windows_per_day < 1000);
    }

    #[test]
    fn retry_after_is_rounded_up_and_never_zero() {
        assert_eq!(Decision::Wait(LEFT).retry_after(), Some(91));
        assert_eq!(Decision::Wait(Duration::ZERO).retry_after(), Some(1));
        assert_eq!(Decision::Go.retry_after(), None);
    }

    #[test]
    fn a_network_is_an_address_or_a_subscriber() {
        let of = |text: &str| Network::of(text.parse().unwrap()).to_string();
        assert_eq!(of("203.0.113.9"), "203.0.113.9");
        assert_eq!(of("::ffff:203.0.113.9"), "203.0.113.9");
        assert_eq!(of("2001:db8:1:22ff:3::4"), "2001:db8:1:2200::");
    }
}
