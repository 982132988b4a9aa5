//! Grants: what a person let a client have in one authorization; the code that leads to one; the family of
//! refresh tokens that hangs on it (rulings R3 and R11).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::authorization_details::Details;
use super::claims_request::SingleClaims;
use super::confirmation::Confirmation;
use super::error::{Code, ProtocolError};
use super::pkce::Challenge;
use super::resource::Targets;
use super::scope::ScopeSet;
use crate::domain::auth::lifetimes::Lifetimes;
use crate::domain::id::{ClientId, FamilyId, GrantId, IdentityId, PersonId, SessionId};
use crate::domain::time::Timestamp;

/// The names by which a client knows somebody and her session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownAs {
    /// What its sector calls her.
    pub sub: String,
    /// What it calls the session.
    pub sid: String,
}

/// What a code stands for, kept in the ephemeral store until it is redeemed. The grant's id was chosen before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CodeOffer {
    /// The grant it becomes.
    pub grant: GrantId,
    /// To whom.
    pub client: ClientId,
    /// The address it was sent to.
    pub redirect_uri: String,
    /// S256 challenge.
    pub challenge: Option<Challenge>,
    /// The key that it is bound to from the request on (RFC 9449, 10).
    #[serde(default)]
    pub jkt: Option<String>,
    /// What the redemption proved: its tokens are bound to that.
    #[serde(default)]
    pub cnf: Confirmation,
    /// For the ID token.
    pub nonce: Option<String>,
    /// What was granted.
    pub scope: ScopeSet,
    /// Claims that were asked for one by one.
    #[serde(default)]
    pub claims: SingleClaims,
    /// Resources that were asked for.
    #[serde(default)]
    pub targets: Targets,
    /// What was agreed to there in detail (RFC 9396).
    #[serde(default)]
    pub details: Details,
    /// Who.
    pub person: PersonId,
    /// In which session.
    pub session: SessionId,
    /// How the client knew both when it asked, where it did: whoever redeems need not ask, and is told where it is so no longer.
    #[serde(default)]
    pub known_as: Option<KnownAs>,
    /// As what.
    pub identity: Option<IdentityId>,
    /// When the person proved herself.
    pub auth_time: Timestamp,
    /// How strongly.
    pub acr: String,
    /// By which factors (RFC 8176).
    pub amr: Vec<String>,
    /// When the code ends.
    pub expires_at: Timestamp,
}

impl CodeOffer {
    /// Binds a redemption to the request that the code answers (RFC 6749, 4.1.3; RFC 7636, 4.6).
    /// `verifier_digest` is the base64url SHA-256 of the verifier, where one was sent; `proved` what came with it.
    ///
    /// # Errors
    /// `invalid_grant`.
    pub fn redeemed_by(
        mut self,
        client: ClientId,
        redirect_uri: Option<&str>,
        verifier_digest: Option<&str>,
        proved: Confirmation,
        now: Timestamp,
    ) -> Result<Self, ProtocolError> {
        let refuse = |why| Err(ProtocolError::new(Code::InvalidGrant, why));
        // "ensure that the authorization code was issued to the authenticated confidential client"
        if self.client != client {
            return refuse("the code was issued to another client");
        }
        // "ensure that the redirect_uri parameter is present if […] included in the initial authorization request […] and […] identical"
        if redirect_uri != Some(self.redirect_uri.as_str()) {
            return refuse("redirect_uri differs from the authorization request");
        }
        if now >= self.expires_at {
            return refuse("the code has expired");
        }
        // RFC 9449, 10: "the authorization server MUST reject the request" when it differs.
        if self.jkt.is_some() && self.jkt != proved.jkt {
            return refuse("the code is bound to another key");
        }
        self.cnf = proved;
        match (&self.challenge, verifier_digest) {
            (Some(challenge), Some(digest)) if challenge.is(digest) => Ok(self),
            (Some(_), _) => refuse("code_verifier does not match"),
            // RFC 9700, 4.8.2: a verifier without a challenge means that the challenge was stripped.
            (None, Some(_)) => refuse("code_verifier without a code_challenge in the request"),
            (None, None) => Ok(self),
        }
    }
}

/// A grant as it is stored.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Who may use it.
    pub client: ClientId,
    /// Whose data.
    pub person: PersonId,
    /// The session it was made in.
    pub session: SessionId,
    /// The active identity (R16).
    pub identity: Option<IdentityId>,
    /// The subject, kept for life (R13).
    pub sub: String,
    /// The client's name for the session.
    pub sid: String,
    /// What was granted.
    pub scope: ScopeSet,
    /// Claims that were asked for one by one.
    pub claims: SingleClaims,
    /// Resources that its tokens may be for.
    pub targets: Targets,
    /// What was agreed to there in detail.
    pub details: Details,
    /// What its tokens are bound to.
    pub cnf: Confirmation,
    /// When the person proved herself.
    pub auth_time: Timestamp,
    /// How strongly.
    pub acr: String,
    /// By which factors.
    pub amr: Vec<String>,
    /// Whether it outlives the session.
    pub offline: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ended.
    pub revoked_at: Option<Timestamp>,
}

impl Grant {
    /// Everything that a receipt has to cover: the scopes, and those of single claims.
    pub fn reach(&self) -> ScopeSet {
        self.scope.union(&self.claims.scopes())
    }

    /// What is left of it for a client that may have these scopes today, or asked for no more.
    #[must_use]
    pub fn within(mut self, scope: &ScopeSet) -> Self {
        self.scope = self.scope.intersect(scope);
        self.claims = self.claims.within(scope);
        self
    }
}

/// A family of refresh tokens: the row behind `family.counter.MAC`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its id.
    pub id: FamilyId,
    /// What it refreshes.
    pub grant: GrantId,
    /// The counter of the newest token.
    pub counter: u32,
    /// When that one was made.
    pub rotated_at: Timestamp,
    /// Unused until then, it ends.
    pub idle_expires_at: Timestamp,
    /// It ends then in any case.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// How long the predecessor still gives the same successor (R11).
pub const REPEAT_WINDOW: Duration = Duration::from_secs(60);

const IDLE_STEP: Duration = Duration::from_secs(60);

/// What a presented refresh token leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented {
    /// The family moves on; a new token is given. Store it, guarded by the old counter.
    Rotated(Family),
    /// The client keeps its token; only the idle time moves.
    Kept(Family),
    /// The answer was lost: the same successor again. Nothing is stored.
    Repeated(Family),
    /// A token that was replaced long ago, or twice: somebody else has it. Revoke the family.
    Replayed,
    /// It has ended.
    Ended,
}

impl Family {
    /// A new family for a grant.
    pub fn begin(id: FamilyId, grant: GrantId, now: Timestamp, lifetimes: &Lifetimes) -> Self {
        let expires_at = now.plus(lifetimes.refresh_absolute);
        Self {
            id,
            grant,
            counter: 0,
            rotated_at: now,
            idle_expires_at: now.plus(lifetimes.refresh_idle).min(expires_at),
            expires_at,
            revoked_at: None,
        }
    }

    /// Whether its newest token is good.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at && now < self.idle_expires_at
    }

    /// Whether it is to be stored again: it moved, its idle end came nearer (the setting was cut down), or that moved on by
    /// more than what need not be written (R15: idle time is written at most once a minute; of a short one a tenth, so that
    /// nobody who comes back in time finds it over).
    pub fn is_to_be_stored_after(&self, before: &Self, lifetimes: &Lifetimes) -> bool {
        self.counter != before.counter
            || self.idle_expires_at < before.idle_expires_at
            || self.idle_expires_at.since(before.idle_expires_at) >= IDLE_STEP.min(lifetimes.refresh_idle / 10)
    }

    /// A token of this family is presented. `rotates` is true for public clients without sender constraint.
    pub fn present(self, counter: u32, rotates: bool, now: Timestamp, lifetimes: &Lifetimes) -> Presented {
        if !self.is_live(now) {
            return Presented::Ended;
        }
        let idle_expires_at = now.plus(lifetimes.refresh_idle).min(self.expires_at);
        if counter == self.counter {
            return if rotates {
                match self.counter.checked_add(1) {
                    Some(next) => Presented::Rotated(Self { counter: next, rotated_at: now, idle_expires_at, ..self }),
                    None => Presented::Ended,
                }
            } else {
                Presented::Kept(Self { idle_expires_at, ..self })
            };
        }
        // Only we give counters out: one ahead of ours was given by a register that came back from an older copy since
        // (promise 8). It goes on from there, and whoever holds one from before it is found out as ever.
        if counter > self.counter {
            return Self { counter, ..self }.present(counter, rotates, now, lifetimes);
        }
        // The newest token was never presented (else the counter would have moved on), so its predecessor may
        // come from a client that lost the answer.
        if counter.checked_add(1) == Some(self.counter) && now.since(self.rotated_at) <= REPEAT_WINDOW {
            return Presented::Repeated(self);
        }
        Presented::Replayed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn family(now: Timestamp) -> Family {
        Family::begin(FamilyId(Uuid::nil()), GrantId(Uuid::nil()), now, &Lifetimes::default())
    }

    proptest! {
        /// An honest client that loses any answers within the window is never signed out; whoever presents a
        /// token that was replaced twice ends the family.
        #[test]
        fn honest_clients_survive_lost_answers(lost in proptest::collection::vec(any::<bool>(), 1..60)) {
            let lifetimes = Lifetimes::default();
            let mut now = Timestamp::from_seconds(1_800_000_000);
            let (mut server, mut held) = (family(now), 0u32);
            for lose in lost {
                now = now.plus(Duration::from_secs(20));
                let current = match server.clone().present(held, true, now, &lifetimes) {
                    Presented::Rotated(next) => { server = next; server.counter }
                    Presented::Repeated(same) => same.counter,
                    other => return Err(TestCaseError::fail(format!("{other:?}"))),
                };
                // After three losses in a row the window would close; a client that retries at once stays inside.
                if lose && now.since(server.rotated_at) < Duration::from_secs(40) { continue; }
                held = current;
            }
            if held >= 2 {
                prop_assert_eq!(server.present(held - 2, true, now, &lifetimes), Presented::Replayed);
            }
        }
    }

    #[test]
    fn a_late_predecessor_is_a_replay_and_an_ended_family_gives_nothing() {
        let lifetimes = Lifetimes::default();
        let now = Timestamp::from_seconds(1_800_000_000);
        let Presented::Rotated(next) = family(now).present(0, true, now, &lifetimes) else { panic!("rotates") };
        assert_eq!(next.clone().present(0, true, now.plus(Duration::from_secs(61)), &lifetimes), Presented::Replayed);
        assert!(matches!(
            next.clone().present(0, true, now.plus(Duration::from_secs(60)), &lifetimes),
            Presented::Repeated(_)
        ));
        assert_eq!(next.present(1, true, now.plus(lifetimes.refresh_idle), &lifetimes), Presented::Ended);
        assert!(matches!(family(now).present(0, false, now, &lifetimes), Presented::Kept(f) if f.counter == 0));
    }

    #[test]
    fn a_register_of_before_takes_the_token_that_was_given_since() {
        let lifetimes = Lifetimes::default();
        let now = Timestamp::from_seconds(1_800_000_000);
        let Presented::Rotated(next) = family(now).present(10, true, now, &lifetimes) else { panic!("goes on") };
        assert_eq!(next.counter, 11);
        assert_eq!(next.clone().present(7, true, now, &lifetimes), Presented::Replayed, "an older one is found out");
        assert!(matches!(family(now).present(3, false, now, &lifetimes), Presented::Kept(f) if f.counter == 3));
        assert_eq!(family(now).present(u32::MAX, true, now, &lifetimes), Presented::Ended);
        assert_eq!(next.present(30, true, now.plus(lifetimes.refresh_idle), &lifetimes), Presented::Ended);
    }

    #[test]
    fn idle_time_is_stored_at_most_once_a_minute() {
        let lifetimes = Lifetimes::default();
        let now = Timestamp::from_seconds(1_800_000_000);
        let stored = |lifetimes: &Lifetimes, seconds, rotates| match family(now).present(
            0,
            rotates,
            now.plus(Duration::from_secs(seconds)),
            lifetimes,
        ) {
            Presented::Kept(next) | Presented::Rotated(next) => next.is_to_be_stored_after(&family(now), lifetimes),
            other => panic!("{other:?}"),
        };
        let stored_after = |seconds, rotates| stored(&lifetimes, seconds, rotates);
        assert!(!stored_after(59, false));
        assert!(stored_after(60, false));
        assert!(stored_after(0, true), "what moved is stored at once");
        let cut_down = Lifetimes { refresh_idle: lifetimes.refresh_idle / 2, ..Lifetimes::default() };
        assert!(stored(&cut_down, 0, false), "a nearer end is stored at once");
        let short = Duration::from_secs(90);
        let (brief, began) = (Lifetimes { refresh_idle: short, ..Lifetimes::default() }, family(now));
        let began = Family { idle_expires_at: now.plus(short), ..began };
        let later = began.clone().present(0, false, now.plus(short / 2), &brief);
        assert!(
            matches!(later, Presented::Kept(next) if next.is_to_be_stored_after(&began, &brief)),
            "who comes in time stays"
        );
    }
}
