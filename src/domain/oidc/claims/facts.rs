//! What may be said about a person, before it is decided what is.

use chrono::NaiveDate;
use serde_json::{Map, Value};

use crate::domain::id::{ClassId, IdentityId, OrgId, PersonId, SpaceId};
use crate::domain::oidc::scope::ScopeSet;
use crate::domain::registry::age::AgeBand;
use crate::domain::registry::codes::identity_kind::IdentityKind;
use crate::domain::registry::verification::Verification;
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
    /// The first day on which it no longer holds, where that is recorded. A parent's is not computed from the child's
    /// majority: it would tell the birth date.
    pub to: Option<NaiveDate>,
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

/// A confirmed guardian.
#[derive(Clone, Debug)]
pub struct GuardianFacts {
    /// The guardian.
    pub person: PersonId,
    /// Her name.
    pub name: String,
    /// JTGX code: what she is to the child.
    pub relation: String,
    /// Legal guardian or not.
    pub legal: bool,
}

/// The personal space 个人空间.
#[derive(Clone, Debug)]
pub struct SpaceFacts {
    /// Its id.
    pub id: SpaceId,
    /// An address that is its own.
    pub own: Option<String>,
    /// Where everybody of her home platform opens the space that is hers; our own home page where that platform has no
    /// address. It names nobody.
    pub door: String,
}

/// All that may be said; what is said is decided by [`id_token`](super::id_token) and [`userinfo`](super::userinfo).
#[derive(Clone, Debug)]
pub struct Facts {
    /// Legal name.
    pub name: String,
    /// Age at the Shanghai date.
    pub age: AgeBand,
    /// Real-name level 0–4 and since when.
    pub realname: (i64, Option<Timestamp>),
    /// The verification that supports the legal name, where one of level 2 or more does.
    pub verified: Option<Verification>,
    /// The home platform: division code, id, level.
    pub home: Option<(String, String, String)>,
    /// The personal space.
    pub space: SpaceFacts,
    /// Identities today, in their stable order.
    pub identities: Vec<IdentityFacts>,
    /// Classes of the active identity.
    pub classes: Vec<ClassFacts>,
    /// Wards this client may hear of.
    pub children: Vec<ChildFacts>,
    /// Guardians this client may hear of.
    pub guardians: Vec<GuardianFacts>,
    /// What live receipts name, as far as it is needed to decide what is said.
    pub consented: ScopeSet,
    /// Standard claims that the person gave herself (OpenID Connect Core, 5.1).
    pub profile: Map<String, Value>,
    /// When any of it changed last.
    pub updated_at: Timestamp,
}

impl Facts {
    /// Everybody else of whom it speaks.
    pub fn family(&self) -> Vec<PersonId> {
        let children = self.children.iter().map(|child| child.person);
        children.chain(self.guardians.iter().map(|guardian| guardian.person)).collect()
    }
}
