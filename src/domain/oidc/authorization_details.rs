//! What a client asks to do, in detail (RFC 9396): what it is that somebody agrees to, beyond words of a scope. What a type
//! lets stand in it is the operator's to say ([`super::authorization_type`]); what stands here is how it is written, how
//! one covers another, and whom it is for.

use std::collections::BTreeSet;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::error::{Code, ProtocolError};

/// No request's details are longer, in bytes: they travel with the browser and in tokens.
const LONGEST: usize = 4096;
/// So many in one request: a person reads all of them before she agrees.
const MOST: usize = 8;
/// So many values in one member.
const MOST_VALUES: usize = 16;

/// One of them, with the common members alone (RFC 9396, 2.2): no other is known to any type here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detail {
    /// Which type of the operator's.
    #[serde(rename = "type")]
    pub kind: String,
    /// The resources that it is for; filled in where a request leaves it out, so that a type which grows later opens
    /// nothing that nobody agreed to.
    #[serde(default, deserialize_with = "several", skip_serializing_if = "BTreeSet::is_empty")]
    pub locations: BTreeSet<String>,
    /// What may be done.
    #[serde(default, deserialize_with = "several", skip_serializing_if = "BTreeSet::is_empty")]
    pub actions: BTreeSet<String>,
    /// With which data.
    #[serde(default, deserialize_with = "several", skip_serializing_if = "BTreeSet::is_empty")]
    pub datatypes: BTreeSet<String>,
    /// With what rights.
    #[serde(default, deserialize_with = "several", skip_serializing_if = "BTreeSet::is_empty")]
    pub privileges: BTreeSet<String>,
    /// With which one.
    #[serde(default, deserialize_with = "one", skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
}

/// A member that is there says something, and each thing once.
fn several<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<String>, D::Error> {
    let said = Vec::<String>::deserialize(from)?;
    let values: BTreeSet<String> = said.iter().cloned().collect();
    match (1..=MOST_VALUES).contains(&said.len()) && values.len() == said.len() {
        true => Ok(values),
        false => Err(D::Error::custom("a list of different texts")),
    }
}

fn one<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    String::deserialize(from).map(Some)
}

/// A refusal. What was sent may hold anything and is never repeated.
pub(super) const fn invalid(why: &'static str) -> ProtocolError {
    ProtocolError::new(Code::InvalidAuthorizationDetails, why)
}

impl Detail {
    /// Whether everything that another asks for lies within this. A member that is missing on one side alone may mean
    /// more or less to whoever reads it, so it covers nothing.
    pub fn covers(&self, asked: &Self) -> bool {
        let within = |asked: &BTreeSet<String>, own: &BTreeSet<String>| {
            asked.is_subset(own) && asked.is_empty() == own.is_empty()
        };
        asked.kind == self.kind
            && within(&asked.locations, &self.locations)
            && within(&asked.actions, &self.actions)
            && within(&asked.datatypes, &self.datatypes)
            && within(&asked.privileges, &self.privileges)
            && asked.identifier == self.identifier
    }
}

/// All details of a request, a grant or a token. Neither their order nor that of their values says anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Details(BTreeSet<Detail>);

impl FromIterator<Detail> for Details {
    fn from_iter<I: IntoIterator<Item = Detail>>(details: I) -> Self {
        Self(details.into_iter().collect())
    }
}

impl Details {
    /// Reads the parameter: a JSON list of objects that hold the common members, each once, and no other.
    ///
    /// # Errors
    /// `invalid_authorization_details`.
    pub fn parse(text: &str) -> Result<Self, ProtocolError> {
        if text.len() > LONGEST {
            return Err(invalid("authorization_details is too long"));
        }
        let read: Vec<Detail> = serde_json::from_str(text).map_err(|_| {
            invalid("authorization_details is not a JSON list of objects with the members that are served")
        })?;
        if !(1..=MOST).contains(&read.len()) {
            return Err(invalid("authorization_details holds nothing, or too much at once"));
        }
        Ok(read.into_iter().collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Detail> {
        self.0.iter()
    }

    /// Their types, which are the operator's words and may be written down.
    pub fn kinds(&self) -> BTreeSet<&str> {
        self.0.iter().map(|detail| detail.kind.as_str()).collect()
    }

    /// The resources that they are for.
    pub fn locations(&self) -> BTreeSet<&str> {
        self.0.iter().flat_map(|detail| &detail.locations).map(String::as_str).collect()
    }

    /// Those for one resource, which hears of no other (RFC 9396, 9.1).
    #[must_use]
    pub fn at(&self, uri: &str) -> Self {
        let there = self.0.iter().filter(|detail| detail.locations.contains(uri));
        there.map(|detail| Detail { locations: BTreeSet::from([uri.to_owned()]), ..detail.clone() }).collect()
    }

    /// Those of the types that are named.
    #[must_use]
    pub fn of(mut self, kinds: &[String]) -> Self {
        self.0.retain(|detail| kinds.contains(&detail.kind));
        self
    }

    /// Those that another set still covers.
    #[must_use]
    pub fn within(mut self, most: &Self) -> Self {
        self.0.retain(|detail| most.0.iter().any(|one| one.covers(detail)));
        self
    }

    /// Cut down to what a token request asks for (RFC 9396, 6), for one resource.
    ///
    /// # Errors
    /// `invalid_authorization_details` for whatever was not granted, or is for another resource.
    pub fn narrowed(&self, asked: &Self, uri: &str) -> Result<Self, ProtocolError> {
        let here = || BTreeSet::from([uri.to_owned()]);
        let asked = asked.0.iter().map(|detail| match detail.locations.is_empty() {
            true => (detail, Detail { locations: here(), ..detail.clone() }),
            false => (detail, detail.clone()),
        });
        let mut narrow = BTreeSet::new();
        for (said, detail) in asked {
            let granted = self.0.iter().any(|one| match said.locations.is_empty() {
                true => Detail { locations: here(), ..one.clone() }.covers(&detail) && one.locations.contains(uri),
                false => one.covers(&detail),
            });
            if !granted {
                return Err(invalid("authorization_details are wider than what was granted"));
            }
            narrow.insert(detail);
        }
        let narrow = Self(narrow).at(uri);
        match narrow.is_empty() {
            true => Err(invalid("authorization_details are for another resource")),
            false => Ok(narrow),
        }
    }
}

/// What somebody agreed to: these details, as they were shown to her.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// The details.
    pub details: Details,
    /// A digest of what stood on the page, in both languages: a type that says something else of itself asks again.
    pub shown: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Details {
        Details::parse(text).unwrap()
    }

    #[test]
    fn what_is_not_written_as_it_should_be_is_refused() {
        let deep = format!("{}1{}", "[".repeat(2000), "]".repeat(2000));
        let many = format!("[{}]", [r#"{"type":"a"}"#; MOST + 1].join(","));
        let long = format!(r#"[{{"type":"a","identifier":"{}"}}]"#, "x".repeat(LONGEST));
        let values = format!(r#"[{{"type":"a","actions":{:?}}}]"#, (0..17).map(|n| n.to_string()).collect::<Vec<_>>());
        for bad in [
            "",
            "x",
            "null",
            "{}",
            "[]",
            "[1]",
            "[null]",
            r#"{"type":"a"}"#,
            r#"[{}]"#,
            r#"[{"type":1}]"#,
            r#"[{"type":null}]"#,
            r#"[{"type":"a","type":"a"}]"#,
            r#"[{"type":"a","actions":["x"],"actions":["y"]}]"#,
            r#"[{"type":"a","other":1}]"#,
            r#"[{"type":"a","actions":"x"}]"#,
            r#"[{"type":"a","actions":[]}]"#,
            r#"[{"type":"a","actions":["x","x"]}]"#,
            r#"[{"type":"a","actions":[["x"]]}]"#,
            r#"[{"type":"a","identifier":null}]"#,
            r#"[{"type":"a","identifier":["x"]}]"#,
            r#"[{"type":"a"}] x"#,
            &deep,
            &many,
            &long,
            &values,
        ] {
            let code = Details::parse(bad).map_err(|error| error.code);
            assert_eq!(code, Err(Code::InvalidAuthorizationDetails), "{}", &bad[..bad.len().min(80)]);
        }
    }

    #[test]
    fn order_says_nothing_and_what_is_stored_is_what_is_read() {
        let one = read(r#"[{"type":"b"},{"type":"a","actions":["y","x"]}]"#);
        assert_eq!(one, read(r#"[{"actions":["x","y"],"type":"a"},{"type":"b"}]"#));
        assert_eq!(serde_json::from_value::<Details>(serde_json::json!(one)).unwrap(), one);
    }

    #[test]
    fn only_what_lies_within_is_covered() {
        let all = read(r#"[{"type":"a","locations":["x","y"],"actions":["r","w"],"identifier":"1"}]"#);
        let narrow = |text: &str, at: &str| all.narrowed(&read(text), at).map_err(|error| error.code);
        let good = read(r#"[{"type":"a","locations":["x"],"actions":["r"],"identifier":"1"}]"#);
        assert_eq!(narrow(r#"[{"type":"a","actions":["r"],"identifier":"1"}]"#, "x"), Ok(good.clone()));
        assert_eq!(narrow(r#"[{"type":"a","locations":["x","y"],"actions":["r"],"identifier":"1"}]"#, "x"), Ok(good));
        for wide in [
            r#"[{"type":"a","actions":["r","d"],"identifier":"1"}]"#,
            r#"[{"type":"a","actions":["r"]}]"#,
            r#"[{"type":"a","identifier":"1"}]"#,
            r#"[{"type":"a","actions":["r"],"identifier":"2"}]"#,
            r#"[{"type":"a","actions":["r"],"identifier":"1","datatypes":["d"]}]"#,
            r#"[{"type":"a","actions":["r"],"identifier":"1","locations":["x","z"]}]"#,
            r#"[{"type":"a","actions":["r"],"identifier":"1"},{"type":"b"}]"#,
            r#"[{"type":"a","actions":["r"],"identifier":"1","locations":["y"]}]"#,
        ] {
            assert_eq!(narrow(wide, "x"), Err(Code::InvalidAuthorizationDetails), "{wide}");
        }
        assert_eq!(
            narrow(r#"[{"type":"a","actions":["r"],"identifier":"1"}]"#, "z"),
            Err(Code::InvalidAuthorizationDetails)
        );
        assert!(all.at("z").is_empty() && all.at("x").locations() == BTreeSet::from(["x"]));
    }
}
