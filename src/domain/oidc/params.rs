//! Parameters of a protocol request as they came, with the one rule that all of them share: none may be
//! repeated (RFC 6749, 3.1), and an empty one counts as left out.

use std::collections::HashSet;

use super::error::{Code, ProtocolError};

/// Decoded name/value pairs of a query or form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl FromIterator<(String, String)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl Params {
    /// From `application/x-www-form-urlencoded` text.
    pub fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// A value, unless it is missing, empty or repeated.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self.values(name).as_slice() {
            [value] if !value.is_empty() => Some(value),
            _ => None,
        }
    }

    /// The name of a parameter that stands twice, if there is one. RFC 8707, 2 lets `resource` do so.
    pub fn repeated(&self) -> Option<&str> {
        // A body may hold thousands of names, before anybody proved who sent it: each is looked at once.
        let mut seen = HashSet::new();
        self.0.iter().map(|(name, _)| name.as_str()).find(|name| *name != "resource" && !seen.insert(*name))
    }

    /// Whether this one stands more than once.
    pub fn is_repeated(&self, name: &str) -> bool {
        self.values(name).len() > 1
    }

    /// Refuses a request that repeats any parameter (RFC 6749, 3.1 and 3.2: "MUST NOT be included more than once").
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn refuse_repeated(&self) -> Result<(), ProtocolError> {
        match self.repeated() {
            Some(_) => Err(ProtocolError::new(Code::InvalidRequest, "a parameter is repeated")),
            None => Ok(()),
        }
    }

    /// Without these.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(name, _)| !names.contains(&name.as_str())).cloned().collect())
    }

    /// These and no others.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(name, _)| names.contains(&name.as_str())).cloned().collect())
    }

    /// With one more.
    #[must_use]
    pub fn and(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Back to `application/x-www-form-urlencoded` text.
    pub fn encode(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    /// Everything that a parameter says which may stand several times.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_is_nobody() {
        let params = Params::parse("a=1&b=2&a=3&c=");
        assert_eq!((params.get("a"), params.get("b"), params.get("c"), params.get("d")), (None, Some("2"), None, None));
        assert_eq!(params.repeated(), Some("a"));
        assert_eq!(Params::parse("resource=1&resource=2").repeated(), None);
        assert!(params.refuse_repeated().is_err());
        assert_eq!(Params::parse(&params.encode()), params);
    }
}
