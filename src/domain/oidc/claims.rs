//! What a client is told about a person: the standard claims by scope (OpenID Connect Core, 5.4) and the
//! space-login claims of the contract. Composed in one place from [`Facts`], so that what must never leave
//! (numbers, 学籍号, ids that vendors could join) has one gate to pass.

mod facts;
pub mod verified;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::client::Client;
use super::grant::Grant;
use super::scope::{Scope, ScopeSet};
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;

pub use facts::{ChildFacts, ClassFacts, Facts, GuardianFacts, IdentityFacts, SpaceFacts};

/// Ids that stand for a person (space, child, small class) as this client may see them (R13).
pub trait SectorIds {
    /// The id itself for platforms, one of its own for each application's sector.
    fn id(&self, kind: &str, id: uuid::Uuid) -> String;
    /// The subject of another person in the same sector.
    fn sub(&self, person: PersonId) -> String;
}

/// The space-login claims of the ID token (reference 5(b), column “id_token”), and what was asked for it one by one.
pub fn id_token(facts: &Facts, grant: &Grant, client: &Client, ids: &dyn SectorIds) -> Map<String, Value> {
    let mut claims = always(facts, grant, client, ids);
    claims.extend(single(facts, grant, client, &grant.claims.id_token, ids));
    claims
}

/// An ID token after which nothing follows: it holds what the scopes ask for too (OpenID Connect Core, 5.4).
pub fn lone_id_token(facts: &Facts, grant: &Grant, client: &Client, ids: &dyn SectorIds) -> Map<String, Value> {
    let mut claims = id_token(facts, grant, client, ids);
    claims.extend(by_scope(facts, &grant.scope, client, ids));
    claims
}

/// The claims of the userinfo answer, by the scopes of the grant and by what was asked one by one.
pub fn userinfo(facts: &Facts, grant: &Grant, client: &Client, ids: &dyn SectorIds) -> Map<String, Value> {
    let mut claims = always(facts, grant, client, ids);
    claims.extend(by_scope(facts, &grant.scope, client, ids));
    claims.extend(single(facts, grant, client, &grant.claims.userinfo, ids));
    claims.insert("sub".into(), json!(grant.sub));
    claims
}

fn always(facts: &Facts, grant: &Grant, client: &Client, ids: &dyn SectorIds) -> Map<String, Value> {
    let mut claims = Map::new();
    if let Some((sys_code, platform, level)) = &facts.home {
        claims.insert("edu_home".into(), json!({ "sys_code": sys_code, "platform_id": platform, "level": level }));
    }
    if !client.is_application() || grant.scope.has(Scope::Space) {
        claims.insert("edu_space".into(), space(facts, client, ids));
    }
    if let Some(identity) = active(facts, grant) {
        claims.insert("edu_identity".into(), identity_claim(identity, ids));
    }
    claims.insert("age_band".into(), json!(facts.age.as_str()));
    claims.insert("edu_realname".into(), realname(facts, client));
    claims
}

/// What these names say, of all that stands behind the grant.
fn single(
    facts: &Facts,
    grant: &Grant,
    client: &Client,
    names: &BTreeSet<String>,
    ids: &dyn SectorIds,
) -> Map<String, Value> {
    if names.is_empty() {
        return Map::new();
    }
    by_scope(facts, &grant.reach(), client, ids).into_iter().filter(|(name, _)| names.contains(name)).collect()
}

fn by_scope(facts: &Facts, scope: &ScopeSet, client: &Client, ids: &dyn SectorIds) -> Map<String, Value> {
    let mut claims = Map::new();
    if scope.has(Scope::Space) {
        claims.insert("edu_space".into(), space(facts, client, ids));
    }
    if scope.has(Scope::Profile) {
        copy(facts, &mut claims, PROFILE);
        claims.insert("name".into(), json!(facts.name));
        claims.insert("updated_at".into(), json!(facts.updated_at.seconds()));
    }
    // A whole phone, e-mail or address needs a receipt that names it, whatever the client is (table 5(b), R7).
    for (wanted, names) in [(Scope::Email, EMAIL), (Scope::Phone, PHONE), (Scope::Address, ADDRESS)] {
        if scope.has(wanted) && facts.consented.has(wanted) {
            copy(facts, &mut claims, names);
        }
    }
    if scope.has(Scope::Edu) {
        claims.insert("edu_identities".into(), facts.identities.iter().map(|i| full_identity(i, ids)).collect());
    }
    if scope.has(Scope::EduClass) {
        claims.insert("edu_classes".into(), facts.classes.iter().map(|class| class_claim(class, ids)).collect());
    }
    if scope.has(Scope::EduGuardian) {
        let children = facts.children.iter().map(|child| child_claim(child, scope, ids));
        claims.insert("edu_children".into(), children.collect());
        let guardians = facts.guardians.iter().map(|guardian| guardian_claim(guardian, scope, ids));
        claims.insert("edu_guardians".into(), guardians.collect());
    }
    if scope.has(Scope::EduRealname)
        && let Some(verified) = verified::verified(facts, scope)
    {
        claims.insert("verified_claims".into(), verified);
    }
    claims
}

const PROFILE: &[&str] = &[
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
];
const EMAIL: &[&str] = &["email", "email_verified"];
const PHONE: &[&str] = &["phone_number", "phone_number_verified"];
const ADDRESS: &[&str] = &["address"];

/// Claims that speak of other people, by subjects that the sector keeps (R13).
pub const FAMILY: &[&str] = &["edu_children", "edu_guardians"];

/// The scopes that tell a claim, all of them together; none for claims that every client is told, and for unknown ones.
pub fn scopes_of(claim: &str) -> &'static [Scope] {
    match claim {
        "name" | "updated_at" => &[Scope::Profile],
        "edu_space" => &[Scope::Space],
        "edu_identities" => &[Scope::Edu],
        "edu_classes" => &[Scope::EduClass],
        // It asserts the name, which stands under a scope of its own.
        "verified_claims" => &[Scope::Profile, Scope::EduRealname],
        _ if FAMILY.contains(&claim) => &[Scope::EduGuardian],
        _ if PROFILE.contains(&claim) => &[Scope::Profile],
        _ if EMAIL.contains(&claim) => &[Scope::Email],
        _ if PHONE.contains(&claim) => &[Scope::Phone],
        _ if ADDRESS.contains(&claim) => &[Scope::Address],
        _ => &[],
    }
}

/// All standard claims, for discovery.
pub const SUPPORTED: &[&str] = &[
    "sub",
    "iss",
    "aud",
    "azp",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "jti",
    "acr",
    "amr",
    "sid",
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
    "updated_at",
    "edu_home",
    "edu_space",
    "edu_identity",
    "edu_identities",
    "edu_classes",
    "edu_children",
    "edu_guardians",
    "edu_realname",
    "age_band",
    "verified_claims",
];

fn copy(facts: &Facts, claims: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        if let Some(value) = facts.profile.get(*name) {
            claims.insert((*name).to_owned(), value.clone());
        }
    }
}

fn active<'a>(facts: &'a Facts, grant: &Grant) -> Option<&'a IdentityFacts> {
    facts.identities.iter().find(|identity| Some(identity.id) == grant.identity)
}

/// An address that is the space's own would let vendors join their users (R13): they get the door that it shares.
fn space(facts: &Facts, client: &Client, ids: &dyn SectorIds) -> Value {
    let space = &facts.space;
    let own = space.own.as_ref().filter(|_| !client.is_application());
    json!({ "space_id": ids.id("space", space.id.0), "url": own.unwrap_or(&space.door) })
}

/// When somebody was verified is nearly hers alone to the second, and would let vendors join their users (R13): they get the
/// day, the beginning of it in Shanghai.
fn realname(facts: &Facts, client: &Client) -> Value {
    let (level, at) = facts.realname;
    let mut claim = json!({ "verified": level >= 2, "level": level });
    if let Some(at) = at {
        let told = if client.is_application() { Timestamp::shanghai_midnight(at.shanghai_date()) } else { at };
        claim["at"] = json!(told.to_rfc3339());
    }
    claim
}

fn identity_claim(identity: &IdentityFacts, ids: &dyn SectorIds) -> Value {
    let mut claim =
        json!({ "kind": identity.kind.as_str(), "org_id": identity.org.to_string(), "org_name": identity.org_name });
    if let Some(code) = &identity.org_code {
        claim["org_code"] = json!(code);
    }
    if !identity.classes.is_empty() {
        claim["class_ids"] = identity.classes.iter().map(|class| Value::String(ids.id("class", class.0))).collect();
    }
    claim
}

fn full_identity(identity: &IdentityFacts, ids: &dyn SectorIds) -> Value {
    let mut claim = identity_claim(identity, ids);
    claim["primary"] = json!(identity.primary);
    claim["from"] = json!(identity.from.to_string());
    if let Some(to) = identity.to {
        claim["to"] = json!(to.to_string());
    }
    claim
}

fn class_claim(class: &ClassFacts, ids: &dyn SectorIds) -> Value {
    let mut claim = json!({
        "class_id": ids.id("class", class.id.0), "name": class.name, "stage": class.stage, "entry_year": class.entry_year, "kind": class.kind, "role": class.role,
    });
    if let Some(grade) = &class.grade {
        claim["grade"] = json!(grade);
    }
    if !class.subjects.is_empty() {
        claim["subjects"] = json!(class.subjects);
    }
    claim
}

fn child_claim(child: &ChildFacts, scope: &ScopeSet, ids: &dyn SectorIds) -> Value {
    let mut claim = json!({ "sub": ids.sub(child.person), "relation": child.relation, "legal": child.legal });
    if scope.has(Scope::Profile) {
        claim["name"] = json!(child.name);
    }
    for (name, value) in [("school", &child.school), ("class", &child.class)] {
        if let Some(value) = value {
            claim[name] = json!(value);
        }
    }
    claim
}

fn guardian_claim(guardian: &GuardianFacts, scope: &ScopeSet, ids: &dyn SectorIds) -> Value {
    let mut claim = json!({ "sub": ids.sub(guardian.person), "relation": guardian.relation, "legal": guardian.legal });
    if scope.has(Scope::Profile) {
        claim["name"] = json!(guardian.name);
    }
    claim
}
