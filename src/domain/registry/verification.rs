//! Real-name verification 实名核验: a record, not a flag.

use serde_json::Value;

use super::codes::codes;
use super::codes::realname::{Level, Method};
use super::person::Person;
use crate::domain::id::{PersonId, VerificationId};
use crate::domain::time::Timestamp;

codes! {
    /// How it went.
    VerificationResult {
        Pending = "pending", "待处理";
        Confirmed = "confirmed", "通过";
        Refused = "refused", "未通过";
    }
}

/// The only trust framework so far (OpenID Connect for Identity Assurance).
pub const TRUST_FRAMEWORK: &str = "cn_edu_registry";

/// Who verified which claims, by which method, when, at which level.
#[derive(Clone, Debug, PartialEq)]
pub struct Verification {
    /// Its id.
    pub id: VerificationId,
    /// Whose.
    pub person: PersonId,
    /// Table V.
    pub method: Method,
    /// OIDC4IDA trust framework.
    pub trust_framework: String,
    /// Table R.
    pub level: Level,
    /// The platform, institution or service that did it.
    pub verifier: String,
    /// Names of the claims that were compared.
    pub claims: Vec<String>,
    /// How it went.
    pub result: VerificationResult,
    /// Reference to the evidence, sealed; never the photo itself.
    pub evidence_sealed: Option<Vec<u8>>,
    /// The verifier's transaction number.
    pub txn: Option<String>,
    /// When.
    pub verified_at: Timestamp,
    /// Since when it counts no longer: what was compared has changed.
    pub superseded_at: Option<Timestamp>,
}

impl Verification {
    /// The names of the claims as they are stored.
    pub fn claims_json(&self) -> Value {
        Value::from(self.claims.clone())
    }

    /// Whether it was confirmed, and what was compared is still so.
    pub fn stands(&self) -> bool {
        self.result == VerificationResult::Confirmed && self.superseded_at.is_none()
    }

    /// Whether a service says no to what was seen of somebody: to the same facts, or some of them.
    pub fn denies(&self, seen: &[String]) -> bool {
        let refused = self.result == VerificationResult::Refused && self.superseded_at.is_none();
        refused && !self.claims.is_empty() && self.claims.iter().all(|claim| seen.contains(claim))
    }

    /// Whether a newer one about today's facts takes its place. One who verifies says one thing: what she said last. What
    /// somebody saw falls with the number that a service denies; what another service said does not.
    pub fn yields_to(&self, newer: &Self) -> bool {
        let is_hers = self.verifier == newer.verifier && self.method == newer.method;
        match newer.result {
            VerificationResult::Confirmed => is_hers && self.result == VerificationResult::Refused,
            VerificationResult::Refused => {
                let seen = self.method == Method::DocumentSighted && newer.denies(&self.claims);
                self.stands() && (is_hers || seen)
            }
            VerificationResult::Pending => false,
        }
    }

    /// Whether a claim may be asserted by it: it stands, by somebody other than who recorded it (level 2 and up), and among
    /// what was compared.
    pub fn supports(&self, claim: &str) -> bool {
        self.stands() && self.level.is_verified() && self.claims.iter().any(|compared| compared == claim)
    }
}

/// The level that stands after a person's verifications: the highest that was confirmed, and since when.
pub fn standing_level(all: &[Verification]) -> (Level, Option<Timestamp>) {
    let confirmed = || all.iter().filter(|v| v.stands());
    let level = confirmed().map(|v| v.level).max().unwrap_or_default();
    let since = confirmed().filter(|v| v.level == level).map(|v| v.verified_at).min();
    (level, since.filter(|_| level > Level::NONE))
}

/// The level of somebody whose verifications changed, and since when: what stands, and whoever was on record still is.
pub fn level_after(person: &Person, all: &[Verification], now: Timestamp) -> (Level, Option<Timestamp>) {
    let (standing, since) = standing_level(all);
    let level = standing.max(person.realname_level.min(Level::RECORDED));
    match level == person.realname_level {
        true => (level, person.realname_at),
        false => (level, since.filter(|_| level == standing).or(Some(now))),
    }
}

/// The verification that supports a claim best: of the highest level, and the newest of these.
pub fn best_for(all: Vec<Verification>, claim: &str) -> Option<Verification> {
    all.into_iter().filter(|v| v.supports(claim)).max_by_key(|v| (v.level, v.verified_at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn verification(method: Method, result: VerificationResult, at: i64) -> Verification {
        Verification {
            id: VerificationId(Uuid::nil()),
            person: PersonId(Uuid::nil()),
            method,
            trust_framework: TRUST_FRAMEWORK.into(),
            level: method.level(),
            verifier: "school".into(),
            claims: vec!["name".into()],
            result,
            evidence_sealed: None,
            txn: None,
            verified_at: Timestamp::from_seconds(at),
            superseded_at: None,
        }
    }

    #[test]
    fn the_highest_confirmed_level_stands() {
        use VerificationResult::{Confirmed, Refused};
        let all = [
            verification(Method::SchoolVouch, Confirmed, 1),
            verification(Method::StudentRegister, Confirmed, 3),
            verification(Method::StudentRegister, Confirmed, 2),
            verification(Method::PoliceFace, Refused, 4),
        ];
        let (level, since) = standing_level(&all);
        assert_eq!((level.get(), since), (2, Some(Timestamp::from_seconds(2))));
        assert_eq!(standing_level(&[]), (Level::NONE, None));
        let over = all.map(|one| Verification { superseded_at: Some(Timestamp::from_seconds(9)), ..one });
        assert_eq!(standing_level(&over), (Level::NONE, None), "what was compared has changed");
    }

    #[test]
    fn a_claim_is_supported_by_what_was_compared_and_confirmed() {
        use VerificationResult::{Confirmed, Pending, Refused};
        let of = |method, result, at| verification(method, result, at);
        let number_alone = Verification { claims: vec!["document".into()], ..of(Method::PoliceFace, Confirmed, 9) };
        let all = [
            of(Method::SchoolVouch, Confirmed, 1),
            of(Method::PoliceNameId, Refused, 2),
            of(Method::PoliceFace, Pending, 3),
            number_alone,
        ];
        assert_eq!(best_for(all.to_vec(), "name"), None);
        let register = of(Method::StudentRegister, Confirmed, 5);
        let newer = of(Method::TeacherRegister, Confirmed, 6);
        let mut more = all.to_vec();
        more.extend([newer.clone(), register]);
        assert_eq!(best_for(more.clone(), "name"), Some(newer));
        let police = of(Method::PoliceNameId, Confirmed, 4);
        more.push(police.clone());
        assert_eq!(best_for(more, "name"), Some(police));
    }
}
