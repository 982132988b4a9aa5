//! Types of authorization details (RFC 9396, 2.1): the operator says which there are, what may stand in them, which
//! services read them, and what people are told of them before they agree.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::authorization_details::{Detail, Details, invalid};
use super::client::Client;
use super::error::ProtocolError;
use super::resource::is_scope_word;
use crate::domain::locale::Locale;
use crate::domain::registry::text::{hold_personal_number, is_shown};

/// In characters.
const LONGEST_TITLE: usize = 40;
/// In characters.
const LONGEST_TEXT: usize = 300;
/// Free text is no longer in any type, in characters: a phone shows it whole.
const LONGEST_FREE: usize = 128;
/// Free text stands between such.
const QUOTES: [char; 18] =
    ['"', '“', '”', '„', '‟', '\'', '‘', '’', '‚', '‛', '«', '»', '「', '」', '『', '』', '＂', '＇'];
/// And values of a list between such.
const SEPARATORS: [char; 6] = ['、', ',', '，', '/', ';', '；'];
/// So many values in a closed list, and resources of a type.
const MOST: usize = 64;

/// What people read, in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// 中文。
    pub zh: String,
    /// English.
    pub en: String,
}

impl Text {
    /// In the language of a page.
    pub fn of(&self, locale: Locale) -> &str {
        match locale {
            Locale::Zh => &self.zh,
            Locale::En => &self.en,
        }
    }

    fn is_shown(&self, longest: usize) -> bool {
        is_shown(&self.zh, longest) && is_shown(&self.en, longest)
    }
}

/// Members that a type may let in; `locations` are the type's resources and need no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are the specification's (RFC 9396, 2.2)")]
pub enum Member {
    Actions,
    Datatypes,
    Privileges,
    Identifier,
}

impl Member {
    /// All of them, in the order in which people read them.
    pub const ALL: [Self; 4] = [Self::Actions, Self::Datatypes, Self::Privileges, Self::Identifier];

    /// What a detail says there.
    fn values(self, detail: &Detail) -> Vec<&str> {
        let values = match self {
            Self::Actions => &detail.actions,
            Self::Datatypes => &detail.datatypes,
            Self::Privileges => &detail.privileges,
            Self::Identifier => return detail.identifier.as_deref().into_iter().collect(),
        };
        values.iter().map(String::as_str).collect()
    }
}

/// How a member is checked: by a list that is closed, or as free text that is bounded. Exactly one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Value on the wire → what people read in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<BTreeMap<String, Text>>,
    /// Free text of so many characters at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest: Option<usize>,
    /// Whether it must be there.
    #[serde(default)]
    pub required: bool,
}

impl Rule {
    fn check(&self) -> Result<(), &'static str> {
        match (&self.values, self.longest) {
            (Some(values), None) => {
                let good = |(value, text): (&String, &Text)| is_scope_word(value) && text.is_shown(LONGEST_TITLE);
                match (1..=MOST).contains(&values.len()) && values.iter().all(good) {
                    true => Ok(()),
                    false => Err("values: one or more words of printable ASCII, each with a short zh and en"),
                }
            }
            (None, Some(longest)) if (1..=LONGEST_FREE).contains(&longest) => Ok(()),
            _ => Err("a member has either values, or longest from 1 to 128"),
        }
    }

    /// What people read for the values of a member; nothing where one may not stand there.
    fn read_all(&self, values: &[&str]) -> Option<Vec<Text>> {
        // A number of a person would stand in tokens and at services in the clear (R7), split over values too.
        if self.longest.is_some() && hold_personal_number(values) {
            return None;
        }
        values.iter().map(|value| self.read(value, values.len() > 1)).collect()
    }

    /// Free text is the client's and stands in quotes, which it does not close; in a list it does not look like two.
    fn read(&self, value: &str, in_list: bool) -> Option<Text> {
        if let Some(values) = &self.values {
            return values.get(value).cloned();
        }
        let parts = |c: char| QUOTES.contains(&c) || (in_list && SEPARATORS.contains(&c));
        let free = is_shown(value, self.longest?) && !value.contains(parts);
        free.then(|| Text { zh: format!("“{value}”"), en: format!("“{value}”") })
    }
}

/// A type as the operator defines it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizationType {
    /// Its name on the wire.
    #[serde(rename = "type")]
    pub kind: String,
    /// What people read first.
    pub title: Text,
    /// What it means for them.
    pub description: Text,
    /// The registered resources that understand it: nobody else gets it.
    pub resources: BTreeSet<String>,
    /// RFC 9396, 2.2; a member without a rule must not be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<Rule>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datatypes: Option<Rule>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privileges: Option<Rule>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<Rule>,
    /// Whether a client that registered itself may have it.
    #[serde(default)]
    pub self_registered: bool,
}

impl AuthorizationType {
    /// Checks what the operator defines.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), &'static str> {
        if !is_scope_word(&self.kind) {
            return Err("a type is named in printable ASCII without blanks, quotes and backslashes");
        }
        if !self.title.is_shown(LONGEST_TITLE) || !self.description.is_shown(LONGEST_TEXT) {
            return Err("title and description say in zh and en what people agree to: 40 and 300 characters at most");
        }
        if !(1..=MOST).contains(&self.resources.len()) {
            return Err("a type names the resources that understand it");
        }
        Member::ALL.into_iter().filter_map(|member| self.rule(member)).try_for_each(Rule::check)
    }

    fn rule(&self, member: Member) -> Option<&Rule> {
        match member {
            Member::Actions => self.actions.as_ref(),
            Member::Datatypes => self.datatypes.as_ref(),
            Member::Privileges => self.privileges.as_ref(),
            Member::Identifier => self.identifier.as_ref(),
        }
    }

    /// What people read of a detail of this type (RFC 9396, 5: what does not conform to its type is refused).
    ///
    /// # Errors
    /// `invalid_authorization_details`.
    fn read(&self, detail: &Detail) -> Result<Vec<(Member, Vec<Text>)>, ProtocolError> {
        if detail.locations.is_empty() || !detail.locations.is_subset(&self.resources) {
            return Err(invalid("locations are resources of the type"));
        }
        let mut lines = Vec::new();
        for member in Member::ALL {
            let values = member.values(detail);
            match self.rule(member) {
                None if values.is_empty() => {}
                None => return Err(invalid("a member is not known to the type")),
                Some(rule) if rule.required && values.is_empty() => {
                    return Err(invalid("a member that the type needs is missing"));
                }
                Some(rule) => {
                    let read = rule.read_all(&values).ok_or(invalid("a value is not one that the type lets in"))?;
                    lines.extend((!read.is_empty()).then_some((member, read)));
                }
            }
        }
        Ok(lines)
    }
}

/// One detail as people read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Of its type.
    pub title: Text,
    /// Of its type.
    pub description: Text,
    /// Member by member.
    pub lines: Vec<(Member, Vec<Text>)>,
    /// The names of the services that it is for.
    pub at: Vec<String>,
}

/// All types there are, with the names of their resources.
#[derive(Clone, Debug, Default)]
pub struct AuthorizationTypes {
    /// By name.
    pub all: BTreeMap<String, AuthorizationType>,
    /// Resource → its name for people.
    pub names: BTreeMap<String, String>,
}

impl AuthorizationTypes {
    /// What a client asks for, checked against its registration and the types, with its locations filled in.
    ///
    /// # Errors
    /// `invalid_authorization_details`.
    pub fn settle(&self, details: &Details, client: &Client) -> Result<Details, ProtocolError> {
        let settled = details.iter().map(|detail| {
            let kind = self.kind(detail, client)?;
            let locations = if detail.locations.is_empty() { &kind.resources } else { &detail.locations };
            let detail = Detail { locations: locations.clone(), ..detail.clone() };
            kind.read(&detail).map(|_| detail)
        });
        settled.collect()
    }

    /// What people read of details that were settled before.
    ///
    /// # Errors
    /// `invalid_authorization_details` where a type or the client's registration is not what it was.
    pub fn show(&self, details: &Details, client: &Client) -> Result<Vec<Shown>, ProtocolError> {
        let shown = details.iter().map(|detail| {
            let kind = self.kind(detail, client)?;
            let lines = kind.read(detail)?;
            let name = |uri: &String| self.names.get(uri).cloned().unwrap_or_else(|| uri.clone());
            let at = detail.locations.iter().map(name).collect();
            Ok(Shown { title: kind.title.clone(), description: kind.description.clone(), lines, at })
        });
        shown.collect()
    }

    fn kind(&self, detail: &Detail, client: &Client) -> Result<&AuthorizationType, ProtocolError> {
        // RFC 9396, 10: "indicate what authorization details types the client will use".
        let registered = client.metadata.authorization_details_types.contains(&detail.kind);
        // A type that is closed to those whom nobody vouches for is closed to those who had it before.
        let open = |kind: &&AuthorizationType| registered && (client.vouched || kind.self_registered);
        let kind = self.all.get(&detail.kind).filter(open);
        kind.ok_or(invalid("the client is not registered for this type of authorization details"))
    }
}
