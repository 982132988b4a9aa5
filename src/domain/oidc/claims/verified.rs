//! Verified claims (OpenID Connect for Identity Assurance 1.0, OpenID Identity Assurance Schema 1.0): only what a
//! verification record supports, and who can be asked about it.

use serde_json::{Map, Value, json};

use super::facts::Facts;
use crate::domain::oidc::scope::{Scope, ScopeSet};
use crate::domain::registry::codes::realname::Method;
use crate::domain::registry::verification::Verification;

/// What can be asserted at all, for discovery. The number is none of it.
pub const SUPPORTED: &[&str] = &["name"];
/// `electronic_record`: compared with a register that somebody else keeps; `vouch`: somebody stands for it (table 5(b)).
pub const EVIDENCE: &[&str] = &["electronic_record", "vouch"];

/// The registers, for discovery: codes of table V.
pub fn electronic_records() -> Vec<&'static str> {
    Method::ALL.iter().filter(|method| method.is_record()).map(|method| method.as_str()).collect()
}

/// `verified_claims`, where there is something to assert: its `claims` is never empty.
pub(super) fn verified(facts: &Facts, scope: &ScopeSet) -> Option<Value> {
    let verification = facts.verified.as_ref()?;
    let mut claims = Map::new();
    if scope.has(Scope::Profile) && verification.supports("name") {
        claims.insert("name".into(), json!(facts.name));
    }
    (!claims.is_empty()).then(|| json!({ "verification": described(verification), "claims": claims }))
}

fn described(verification: &Verification) -> Value {
    let method = verification.method;
    let evidence = if method.is_record() {
        json!({ "type": "electronic_record", "record": { "type": method.as_str() } })
    } else {
        json!({ "type": "vouch" })
    };
    json!({
        "trust_framework": verification.trust_framework,
        "assurance_level": verification.level.get().to_string(),
        "time": verification.verified_at.to_rfc3339(),
        "evidence": [evidence],
    })
}
