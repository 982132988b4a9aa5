//! What a client is told about a person: the standard claims by scope (OpenID Connect Core, 5.4) and the
//! space-login claims of the contract. Composed in one place from [`Facts`], so that what must never leave
//! (numbers, 学籍号, ids that vendors could join) has one gate to pass.

use chrono::NaiveDate;
use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::client::Client;
use super::grant::Grant;
use super::scope::{Scope, ScopeSet};
use crate::domain::id::{ClassId, IdentityId, OrgId, PersonId, SpaceId};
use crate::domain::registry::age::AgeBand;
use crate::domain::registry::codes::identity_kind::IdentityKind;
use crate::domain::time::Timestamp;

/// An identity 身份 with what is said about it.
#[derive(Clone, Debug)]
pub struct IdentityFacts {
    /// The enrolment, staffing or guardianship it rests on.
    pub id: IdentityId,
    /// Table U.
    pub kind: IdentityKind,
    /// Where.
    pub org: OrgId,
    /// Its current 学校标识码 or system code.
    pub org_code: Option<String>,
    /// Its name.
    pub org_name: String,
    /// Classes it stands in.
    pub classes: Vec<ClassId>,
    /// The first of its person.
    pub primary: bool,
    /// Since.
    pub from: NaiveDate,
}

/// A class 班级 with what is said about it.
#[derive(Clone, Debug)]
pub struct ClassFacts {
    /// Its id.
    pub id: ClassId,
    /// Its name.
    pub name: String,
    /// 学段, as the contract writes it.
    pub stage: String,
    /// 入学年份.
    pub entry_year: i64,
    /// Grade today; `None` once graduated.
    pub grade: Option<String>,
    /// administrative, teaching or network.
    pub kind: String,
    /// student, teacher or head_teacher.
    pub role: &'static str,
    /// Subjects taught.
    pub subjects: Vec<String>,
}

/// A confirmed ward.
#[derive(Clone, Debug)]
pub struct ChildFacts {
    /// The child.
    pub person: PersonId,
    /// Her name.
    pub name: String,
    /// JTGX code.
    pub relation: String,
    /// Legal guardian or not.
    pub legal: bool,
    /// Her school's name.
    pub school: Option<String>,
    /// Her class's name.
    pub class: Option<String>,
}

/// All that may be said; what is said is decided by [`id_token`] and [`userinfo`].
#[derive(Clone, Debug)]
pub struct Facts {
    /// Legal name.
    pub name: String,
    /// Age at the Shanghai date.
    pub age: AgeBand,
    /// Real-name level 0–4 and since when.
    pub realname: (i64, Option<Timestamp>),
    /// The home platform: division code, id, level.
    pub home: Option<(String, String, String)>,
    /// The personal space and its address.
    pub space: (SpaceId, Option<String>),
    /// Identities today, in their stable order.
    pub identities: Vec<IdentityFacts>,
    /// Classes of the active identity.
    pub classes: Vec<ClassFacts>,
    /// Wards this client may hear of.
    pub children: Vec<ChildFacts>,
    /// What live receipts name, as far as it is needed to decide what is said.
    pub consented: ScopeSet,
    /// Standard claims that the person gave herself (OpenID Connect Core, 5.1).
    pub profile: Map<String, Value>,
    /// When any of it changed last.
    pub updated_at: Timestamp,
}

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
    claims.extend(single(facts, grant, &grant.claims.id_token, ids));
    claims
}

/// An ID token after which nothing follows: it holds what the scopes ask for too (OpenID Connect Core, 5.4).
pub fn lone_id_token(facts: &Facts, grant: &Grant, client: &Client, ids: &dyn SectorIds) -> Map<String, Value> {
    let mut claims = id_token(facts, grant, client, ids);
    claims.extend(by_scope(facts, &grant.scope, ids));
    claims
}

/// The claims of the userinfo answer, by the scopes of the grant and by what was asked one by one.
pub fn userinfo(facts: &Facts, grant: &Grant, client: &Client, ids: &dyn SectorIds) -> Map<String, Value> {
    let mut claims = always(facts, grant, client, ids);
    claims.extend(by_scope(facts, &grant.scope, ids));
    claims.extend(single(facts, grant, &grant.claims.userinfo, ids));
    claims.insert("sub".into(), json!(grant.sub));
    claims
}

fn always(facts: &Facts, grant: &Grant, client: &Client, ids: &dyn SectorIds) -> Map<String, Value> {
    let mut claims = Map::new();
    if let Some((sys_code, platform, level)) = &facts.home {
        claims.insert("edu_home".into(), json!({ "sys_code": sys_code, "platform_id": platform, "level": level }));
    }
    if !client.is_application() || grant.scope.has(Scope::Space) {
        claims.insert("edu_space".into(), space(facts, ids));
    }
    if let Some(identity) = active(facts, grant) {
        claims.insert("edu_identity".into(), identity_claim(identity, ids));
    }
    claims.insert("age_band".into(), json!(facts.age.as_str()));
    claims.insert("edu_realname".into(), realname(facts));
    claims
}

/// What these names say, of all that stands behind the grant.
fn single(facts: &Facts, grant: &Grant, names: &BTreeSet<String>, ids: &dyn SectorIds) -> Map<String, Value> {
    if names.is_empty() {
        return Map::new();
    }
    by_scope(facts, &grant.reach(), ids).into_iter().filter(|(name, _)| names.contains(name)).collect()
}

fn by_scope(facts: &Facts, scope: &ScopeSet, ids: &dyn SectorIds) -> Map<String, Value> {
    let mut claims = Map::new();
    if scope.has(Scope::Space) {
        claims.insert("edu_space".into(), space(facts, ids));
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
        claims
            .insert("edu_children".into(), facts.children.iter().map(|child| child_claim(child, scope, ids)).collect());
    }
    if scope.has(Scope::EduRealname) {
        claims.insert("verified_claims".into(), verified(facts, scope));
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

/// The scope that tells a claim; `None` for claims that every client is told, and for unknown ones.
pub fn scope_of(claim: &str) -> Option<Scope> {
    Some(match claim {
        "name" | "updated_at" => Scope::Profile,
        "edu_space" => Scope::Space,
        "edu_identities" => Scope::Edu,
        "edu_classes" => Scope::EduClass,
        "edu_children" => Scope::EduGuardian,
        "verified_claims" => Scope::EduRealname,
        _ if PROFILE.contains(&claim) => Scope::Profile,
        _ if EMAIL.contains(&claim) => Scope::Email,
        _ if PHONE.contains(&claim) => Scope::Phone,
        _ if ADDRESS.contains(&claim) => Scope::Address,
        _ => return None,
    })
}

/// All standard claims, for discovery.
pub const SUPPORTED: &[&str] = &[
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
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

fn space(facts: &Facts, ids: &dyn SectorIds) -> Value {
    let (id, url) = &facts.space;
    match url {
        Some(url) => json!({ "space_id": ids.id("space", id.0), "url": url }),
        None => json!({ "space_id": ids.id("space", id.0) }),
    }
}

fn realname(facts: &Facts) -> Value {
    let (level, at) = facts.realname;
    let mut claim = json!({ "verified": level >= 2, "level": level });
    if let Some(at) = at {
        claim["at"] = json!(at.to_rfc3339());
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

/// OpenID Connect for Identity Assurance 1.0: only what the register itself verified.
fn verified(facts: &Facts, scope: &ScopeSet) -> Value {
    let mut verification =
        json!({ "trust_framework": "cn_edu_registry", "assurance_level": facts.realname.0.to_string() });
    if let Some(at) = facts.realname.1 {
        verification["time"] = json!(at.to_rfc3339());
    }
    let claims =
        if scope.has(Scope::Profile) && facts.realname.0 >= 1 { json!({ "name": facts.name }) } else { json!({}) };
    json!({ "verification": verification, "claims": claims })
}
