//! How long things live (ruling R16). Every one is a setting; the defaults are the ruling's.

use std::time::Duration;

use crate::domain::audit::{DISCLOSURES_FLOOR, LOG_FLOOR};
use crate::domain::registry::feed::SHORTEST_WINDOW;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// How long what we issue stays good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Access token (RFC 9068). Short, because it is checked offline: a withdrawal reaches it only by its end.
    pub access_token: Duration,
    /// ID token: long enough to be read once after the code was redeemed.
    pub id_token: Duration,
    /// Authorization code (RFC 6749, 4.1.2 allows 10 minutes at most).
    pub code: Duration,
    /// A refresh family that nobody used for so long ends.
    pub refresh_idle: Duration,
    /// A refresh family ends then in any case.
    pub refresh_absolute: Duration,
    /// A session that nobody used for so long ends.
    pub session_idle: Duration,
    /// A session ends then in any case.
    pub session_absolute: Duration,
    /// As `session_idle`, for whoever holds an admin grant.
    pub admin_session_idle: Duration,
    /// As `session_absolute`, for whoever holds an admin grant.
    pub admin_session_absolute: Duration,
    /// How long ago an administrator may have signed in to decide, approve, merge or open a record at the API (RFC 9470).
    pub admin_step_up: Duration,
    /// From the arrival at the sign-in page to its end (R3: what the browser carries is good for so long).
    pub interaction: Duration,
    /// A printed activation code (R12).
    pub activation: Duration,
    /// From the merge of two records to the end of the time in which it can be undone.
    pub merge_undo: Duration,
    /// From the turn of a school year to the end of the time in which it can be undone.
    pub year_undo: Duration,
    /// A sign-on once it has ended: its session, what was granted in it and which clients took part; a spent code to begin with.
    pub sign_ons: Duration,
    /// How far back a platform can read the changes of its people (R4).
    pub feed: Duration,
    /// An entry of the audit log, once nothing needs it longer.
    pub audit_log: Duration,
    /// That somebody was shown a person's record, and the entry that says so.
    pub disclosures: Duration,
    /// From a request for a student to the time from which the authority above both schools decides.
    pub transfer_term: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access_token: 5 * MINUTE,
            id_token: 5 * MINUTE,
            code: MINUTE,
            refresh_idle: 30 * DAY,
            refresh_absolute: 180 * DAY,
            session_idle: 8 * HOUR,
            session_absolute: 7 * DAY,
            admin_session_idle: 30 * MINUTE,
            admin_session_absolute: 8 * HOUR,
            admin_step_up: 15 * MINUTE,
            interaction: 30 * MINUTE,
            activation: 14 * DAY,
            merge_undo: 90 * DAY,
            year_undo: 30 * DAY,
            sign_ons: LOG_FLOOR,
            feed: 60 * DAY,
            audit_log: 1_096 * DAY,
            disclosures: 1_096 * DAY,
            transfer_term: 15 * DAY,
        }
    }
}

/// Why a set of lifetimes cannot be used. The names are those of the fields.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LifetimeFault {
    /// Nothing lives for no time.
    #[error("{0} must be at least one second")]
    Zero(&'static str),
    /// Beyond what the protocol or the ruling bears.
    #[error("{name} must be {} seconds at most", most.as_secs())]
    TooLong {
        /// Which.
        name: &'static str,
        /// The longest that is allowed.
        most: Duration,
    },
    /// Less than what others rely on.
    #[error("{name} must be {} seconds at least", least.as_secs())]
    TooShort {
        /// Which.
        name: &'static str,
        /// The shortest that is allowed.
        least: Duration,
    },
    /// An idle time beyond the absolute one would never be reached.
    #[error("{idle} must not be longer than {absolute}")]
    IdleBeyondAbsolute {
        /// The idle time.
        idle: &'static str,
        /// The absolute time it exceeds.
        absolute: &'static str,
    },
}

impl Lifetimes {
    /// Refuses sets that contradict themselves or the protocol.
    ///
    /// # Errors
    /// The first fault, by name of the field.
    pub fn check(&self) -> Result<(), LifetimeFault> {
        // The upper bounds: a code by RFC 6749, 4.1.2; tokens that are checked offline by R16 (an hour of a token
        // that cannot be called back is the most anybody should accept).
        let bounded = [
            ("access_token", self.access_token, HOUR),
            ("id_token", self.id_token, HOUR),
            ("code", self.code, 10 * MINUTE),
            ("refresh_idle", self.refresh_idle, 366 * DAY),
            ("refresh_absolute", self.refresh_absolute, 366 * DAY),
            ("session_idle", self.session_idle, 366 * DAY),
            ("session_absolute", self.session_absolute, 366 * DAY),
            ("admin_session_idle", self.admin_session_idle, DAY),
            ("admin_session_absolute", self.admin_session_absolute, DAY),
            ("admin_step_up", self.admin_step_up, DAY),
            ("interaction", self.interaction, DAY),
            ("activation", self.activation, 90 * DAY),
            ("merge_undo", self.merge_undo, 3660 * DAY),
            ("year_undo", self.year_undo, 300 * DAY),
            ("sign_ons", self.sign_ons, 36_600 * DAY),
            ("feed", self.feed, 3660 * DAY),
            ("audit_log", self.audit_log, 36_600 * DAY),
            ("disclosures", self.disclosures, 36_600 * DAY),
            ("transfer_term", self.transfer_term, 366 * DAY),
        ];
        for (name, value, most) in bounded {
            if value < Duration::from_secs(1) {
                return Err(LifetimeFault::Zero(name));
            }
            if value > most {
                return Err(LifetimeFault::TooLong { name, most });
            }
        }
        // What law and others rely on is nobody's to shorten.
        let floors = [
            ("sign_ons", self.sign_ons, LOG_FLOOR),
            ("feed", self.feed, SHORTEST_WINDOW),
            ("audit_log", self.audit_log, LOG_FLOOR),
            ("disclosures", self.disclosures, DISCLOSURES_FLOOR),
        ];
        if let Some((name, _, least)) = floors.into_iter().find(|(_, value, least)| value < least) {
            return Err(LifetimeFault::TooShort { name, least });
        }
        self.check_pairs()
    }

    fn check_pairs(&self) -> Result<(), LifetimeFault> {
        let pairs = [
            ("refresh_idle", self.refresh_idle, "refresh_absolute", self.refresh_absolute),
            ("session_idle", self.session_idle, "session_absolute", self.session_absolute),
            ("admin_session_idle", self.admin_session_idle, "admin_session_absolute", self.admin_session_absolute),
        ];
        pairs
            .into_iter()
            .find(|(_, idle, _, absolute)| idle > absolute)
            .map_or(Ok(()), |(idle, _, absolute, _)| Err(LifetimeFault::IdleBeyondAbsolute { idle, absolute }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_cannot_be_configured_below() {
        let (second, usual) = (Duration::from_secs(1), Lifetimes::default());
        let refused = |lifetimes: Lifetimes| match lifetimes.check() {
            Err(LifetimeFault::TooShort { name, .. }) => name,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(Lifetimes { feed: SHORTEST_WINDOW - second, ..usual.clone() }), "feed");
        assert_eq!(refused(Lifetimes { audit_log: LOG_FLOOR - second, ..usual.clone() }), "audit_log");
        assert_eq!(refused(Lifetimes { disclosures: DISCLOSURES_FLOOR - second, ..usual.clone() }), "disclosures");
        assert_eq!(refused(Lifetimes { sign_ons: LOG_FLOOR - second, ..usual.clone() }), "sign_ons");
        let least = Lifetimes {
            sign_ons: LOG_FLOOR,
            feed: SHORTEST_WINDOW,
            audit_log: LOG_FLOOR,
            disclosures: DISCLOSURES_FLOOR,
            ..usual
        };
        assert_eq!(least.check(), Ok(()));
    }

    #[test]
    fn the_defaults_hold() {
        assert_eq!(Lifetimes::default().check(), Ok(()));
    }

    #[test]
    fn contradictions_are_named() {
        let zero = Lifetimes { code: Duration::ZERO, ..Lifetimes::default() };
        assert_eq!(zero.check(), Err(LifetimeFault::Zero("code")));
        let long = Lifetimes { code: 11 * MINUTE, ..Lifetimes::default() };
        assert!(matches!(long.check(), Err(LifetimeFault::TooLong { name: "code", .. })));
        let idle = Lifetimes { session_idle: 8 * DAY, ..Lifetimes::default() };
        assert!(matches!(idle.check(), Err(LifetimeFault::IdleBeyondAbsolute { idle: "session_idle", .. })));
    }
}
