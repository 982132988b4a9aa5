//! The claims of the education system, beside those of OpenID Connect. All of them are optional: a
//! platform is told what its registration and the person's consent allow.

use std::fmt;

use openidconnect::AdditionalClaims;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What an ID token or userinfo says beyond OpenID Connect Core, 5.1.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EduClaims {
    /// The session at the provider; back-channel logout names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The platform where the person is at home.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edu_home: Option<Home>,
    /// The one personal space of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edu_space: Option<Space>,
    /// The identity that is active in this sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edu_identity: Option<Identity>,
    /// All identities of the person.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edu_identities: Vec<Identity>,
    /// Classes of the active identity.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edu_classes: Vec<Class>,
    /// Children of a guardian, as far as this platform may know them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edu_children: Vec<Child>,
    /// Guardians of a child, as far as this platform may know them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edu_guardians: Vec<Guardian>,
    /// How far the real name is verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edu_realname: Option<RealName>,
    /// `under14`, `14to17` or `adult`: enough to protect a child without knowing a birth date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_band: Option<String>,
    /// Everything that this platform does not know by name.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl AdditionalClaims for EduClaims {}

impl fmt::Debug for EduClaims {
    /// Says nothing: these are personal data, mostly of children, and `Debug` ends up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EduClaims").finish_non_exhaustive()
    }
}

/// The home platform of a person.
#[derive(Clone, Serialize, Deserialize)]
pub struct Home {
    /// Code of the system that runs it.
    pub sys_code: Option<Plain>,
    /// The platform.
    pub platform_id: Option<Plain>,
    /// `national`, `province`, `city`, `county` or `school`.
    pub level: Option<Plain>,
}

/// A personal space.
#[derive(Clone, Serialize, Deserialize)]
pub struct Space {
    /// Stable id, per sector for vendors.
    pub space_id: Option<Plain>,
    /// Where it opens.
    pub url: Option<String>,
}

/// What a person is somewhere.
#[derive(Clone, Serialize, Deserialize)]
pub struct Identity {
    /// `student`, `teacher`, `guardian`, `staff` …
    pub kind: String,
    /// Immutable id of the institution.
    pub org_id: Option<Plain>,
    /// Code of the institution; changes when the institution changes its kind.
    pub org_code: Option<Plain>,
    /// Its name.
    pub org_name: Option<String>,
    /// Classes of this identity.
    #[serde(default)]
    pub class_ids: Vec<Plain>,
    /// Whether it is the main one.
    pub primary: Option<bool>,
    /// Since which day.
    pub from: Option<String>,
    /// The first day on which it no longer holds; open where it is missing.
    pub to: Option<String>,
}

/// A class and what the person is in it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Class {
    /// Stable id.
    pub class_id: Option<Plain>,
    /// Its name.
    pub name: Option<String>,
    /// Year in which the cohort entered the stage.
    pub entry_year: Option<Plain>,
    /// Present grade.
    pub grade: Option<Plain>,
    /// `student`, `teacher` or `head_teacher`.
    pub role: Option<String>,
    /// Subjects that a teacher teaches there.
    #[serde(default)]
    pub subjects: Vec<Plain>,
}

/// A child of a guardian.
#[derive(Clone, Serialize, Deserialize)]
pub struct Child {
    /// The child's subject in our sector.
    pub sub: String,
    /// Name, where we may know it.
    pub name: Option<String>,
    /// `father`, `mother`, …
    pub relation: Option<String>,
    /// Whether the guardian is the legal one.
    pub legal: Option<bool>,
    /// The child's school.
    pub school: Option<Plain>,
    /// The child's class.
    pub class: Option<Plain>,
}

/// A guardian of a child.
#[derive(Clone, Serialize, Deserialize)]
pub struct Guardian {
    /// The guardian's subject in our sector.
    pub sub: String,
    /// Name, where we may know it.
    pub name: Option<String>,
    /// What she is to the child: `father`, `mother`, …
    pub relation: Option<String>,
    /// Whether she is the legal one.
    pub legal: Option<bool>,
}

/// Real-name state.
#[derive(Clone, Serialize, Deserialize)]
pub struct RealName {
    /// Whether the name counts as verified.
    pub verified: bool,
    /// 0 to 4.
    pub level: Option<Plain>,
    /// When it was verified.
    pub at: Option<Plain>,
}

/// A value whose JSON type the provider may choose: text, number, or an object with a name. A platform
/// that only shows it must not fail when a code becomes a number.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Plain {
    /// A text.
    Text(String),
    /// A number.
    Number(serde_json::Number),
    /// Something with a name.
    Named {
        /// The name.
        name: String,
    },
    /// Anything else; shown as JSON.
    Other(Value),
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Named { name: text } => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Other(value) => write!(f, "{value}"),
        }
    }
}
