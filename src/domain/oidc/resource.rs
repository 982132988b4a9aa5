//! Resources that tokens are made for (RFC 8707): services of the system that clients call in their own name.

use std::collections::BTreeSet;

use url::Url;

use super::client::Client;
use super::error::{Code, ProtocolError};
use crate::domain::time::Timestamp;

/// A registered resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its identifier, which becomes the audience.
    pub uri: String,
    /// Its name for people.
    pub name: String,
    /// Words it understands in `scope`.
    pub scopes: BTreeSet<String>,
    /// When it was registered.
    pub created_at: Timestamp,
}

impl Resource {
    /// Checks what the operator registers.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, issuer: &str) -> Result<(), &'static str> {
        // RFC 8707, 2: "MUST be an absolute URI […] MUST NOT include a fragment component".
        let url = Url::parse(&self.uri).map_err(|_| "a resource is an absolute URI")?;
        if url.fragment().is_some() || url.cannot_be_a_base() || self.uri.len() > 512 {
            return Err("a resource is an https URI without fragment");
        }
        // Its tokens would be good for userinfo.
        if self.uri.trim_end_matches('/') == issuer {
            return Err("the issuer itself is no resource");
        }
        if self.name.trim().is_empty() || self.name.len() > 256 {
            return Err("a resource has a name");
        }
        if self.scopes.iter().any(|word| !is_scope_word(word)) {
            return Err("a scope is printable ASCII without blanks, quotes and backslashes");
        }
        Ok(())
    }

    /// What a client gets here: what it asked for, or everything it may have. Both lists are the operator's.
    ///
    /// # Errors
    /// `invalid_target`, `invalid_scope`.
    pub fn grants(&self, client: &Client, asked: Option<&str>) -> Result<BTreeSet<String>, ProtocolError> {
        if !client.metadata.edu_resources.contains(&self.uri) {
            return Err(ProtocolError::new(Code::InvalidTarget, "the client may not ask for this resource"));
        }
        let words = |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let registered: BTreeSet<String> = client.metadata.scope.as_deref().map(words).unwrap_or_default();
        let most: BTreeSet<String> = registered.intersection(&self.scopes).cloned().collect();
        let granted: BTreeSet<String> = asked.map_or_else(|| most.clone(), words);
        if granted.is_empty() || !granted.is_subset(&most) {
            return Err(ProtocolError::new(Code::InvalidScope, "the client may not have this scope at this resource"));
        }
        Ok(granted)
    }
}

/// RFC 6749, 3.3: `scope-token`.
fn is_scope_word(word: &str) -> bool {
    !word.is_empty()
        && word.len() <= 128
        && word.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}
