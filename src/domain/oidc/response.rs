//! What the authorization endpoint answers with, and on which way: response types (OAuth 2.0 Multiple Response
//! Types 1.0), response modes (the same, 2.1; Form Post 1.0), and the answer itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::ProtocolError;
use super::params::Params;

/// What is given at the authorization endpoint itself. `token` alone signs nobody in and is not served (RFC 9700, 2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResponseType {
    code: bool,
    id_token: bool,
    token: bool,
}

/// A text that is no response type of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a response type that is served")]
pub struct Unserved;

impl ResponseType {
    /// The code flow.
    pub const CODE: Self = Self { code: true, id_token: false, token: false };

    /// All that are served, for discovery and registration.
    pub const ALL: [Self; 6] = [
        Self::CODE,
        Self { code: false, id_token: true, token: false },
        Self { code: false, id_token: true, token: true },
        Self { code: true, id_token: true, token: false },
        Self { code: true, id_token: false, token: true },
        Self { code: true, id_token: true, token: true },
    ];

    /// Reads it; the order of the words does not matter (RFC 6749, 3.1.1).
    pub fn parse(text: &str) -> Option<Self> {
        let mut found = Self { code: false, id_token: false, token: false };
        for word in text.split(' ') {
            let known = match word {
                "code" => &mut found.code,
                "id_token" => &mut found.id_token,
                "token" => &mut found.token,
                _ => return None,
            };
            if std::mem::replace(known, true) {
                return None;
            }
        }
        Self::ALL.contains(&found).then_some(found)
    }

    /// The wire text.
    pub fn as_str(self) -> &'static str {
        match (self.code, self.id_token, self.token) {
            (true, true, true) => "code id_token token",
            (true, true, false) => "code id_token",
            (true, false, true) => "code token",
            (false, true, true) => "id_token token",
            (false, true, false) => "id_token",
            _ => "code",
        }
    }

    /// Whether a code is given.
    pub fn has_code(self) -> bool {
        self.code
    }

    /// Whether an ID token is given at once.
    pub fn has_id_token(self) -> bool {
        self.id_token
    }

    /// Whether an access token is given at once.
    pub fn has_token(self) -> bool {
        self.token
    }

    /// Whether tokens come through the browser.
    pub fn is_front(self) -> bool {
        self.id_token || self.token
    }
}

impl TryFrom<String> for ResponseType {
    type Error = Unserved;
    fn try_from(text: String) -> Result<Self, Unserved> {
        Self::parse(&text).ok_or(Unserved)
    }
}

impl From<ResponseType> for String {
    fn from(kind: ResponseType) -> Self {
        kind.as_str().to_owned()
    }
}

/// How the answer travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the client's address.
    Query,
    /// In its fragment, which no server sees.
    Fragment,
    /// As a form that the browser posts there.
    FormPost,
    /// As one signed token in the query (JARM, 2.3).
    QueryJwt,
    /// As one signed token in the fragment.
    FragmentJwt,
    /// As one signed token in a form.
    FormPostJwt,
}

impl ResponseMode {
    /// All, for discovery.
    pub const ALL: [Self; 6] =
        [Self::Query, Self::Fragment, Self::FormPost, Self::QueryJwt, Self::FragmentJwt, Self::FormPostJwt];

    /// The one of JARM that suits the response type (2.3.4).
    pub const JWT: &'static str = "jwt";

    /// The wire text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
            Self::QueryJwt => "query.jwt",
            Self::FragmentJwt => "fragment.jwt",
            Self::FormPostJwt => "form_post.jwt",
        }
    }

    /// Whether the answer is one token.
    pub fn is_jwt(self) -> bool {
        matches!(self, Self::QueryJwt | Self::FragmentJwt | Self::FormPostJwt)
    }

    fn named(text: &str, is_front: bool) -> Option<Self> {
        match text {
            Self::JWT if is_front => Some(Self::FragmentJwt),
            Self::JWT => Some(Self::QueryJwt),
            text => Self::parse(text),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }

    /// The mode of a request; `None` when it names one that is not served, or the query for tokens, which would stand
    /// in histories and logs (Multiple Response Types, 5: "MUST NOT be returned in the query").
    pub fn of(kind: ResponseType, named: Option<&str>) -> Option<Self> {
        match named.map(|text| Self::named(text, kind.is_front())) {
            None if kind.is_front() => Some(Self::Fragment),
            None => Some(Self::Query),
            // JARM, 2.3.1, allows the token in a query where it is encrypted; a history is no place for it all the same.
            Some(Some(Self::Query | Self::QueryJwt)) if kind.is_front() => None,
            Some(mode) => mode,
        }
    }

    /// The way for an error in a request that may be wrong in these very parameters: as named where that can be, else
    /// where the response type would be looked for.
    pub fn for_error(params: &Params) -> Self {
        let text = params.get("response_type").unwrap_or_default();
        let front = text.split(' ').any(|word| matches!(word, "id_token" | "token"));
        match params.get("response_mode").and_then(|text| Self::named(text, front)) {
            Some(Self::Query) | None if front => Self::Fragment,
            Some(Self::QueryJwt) if front => Self::FragmentJwt,
            Some(mode) => mode,
            None => Self::Query,
        }
    }
}

/// An answer on its way to a client.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientAnswer {
    /// One of the client's registered addresses.
    pub redirect_uri: String,
    /// How it travels.
    pub mode: ResponseMode,
    /// What it says.
    pub fields: Vec<(&'static str, String)>,
}

impl ClientAnswer {
    /// An error (RFC 6749, 4.1.2.1). `state` and `iss` are added by whoever knows them.
    pub fn error(redirect_uri: &str, mode: ResponseMode, error: &ProtocolError) -> Self {
        let fields =
            vec![("error", error.code.as_str().to_owned()), ("error_description", error.description.to_owned())];
        Self { redirect_uri: redirect_uri.to_owned(), mode, fields }
    }

    /// The same with `state` as it came, and `iss` (RFC 9207, 2).
    #[must_use]
    pub fn from_issuer(mut self, issuer: &str, state: Option<&str>) -> Self {
        self.fields.extend(state.map(|state| ("state", state.to_owned())));
        self.fields.push(("iss", issuer.to_owned()));
        self
    }

    /// The same with how the browser stands (Session Management 1.0, 2).
    #[must_use]
    pub fn with_session_state(mut self, session_state: Option<&str>) -> Self {
        self.fields.extend(session_state.map(|state| ("session_state", state.to_owned())));
        self
    }

    /// The address that the browser is sent to; `None` for a form.
    pub fn url(&self) -> Option<String> {
        let mark = match self.mode {
            // The registered text stays as it is, byte by byte; a query of its own is kept (RFC 6749, 3.1.2).
            ResponseMode::Query | ResponseMode::QueryJwt if self.redirect_uri.contains('?') => '&',
            ResponseMode::Query | ResponseMode::QueryJwt => '?',
            ResponseMode::Fragment | ResponseMode::FragmentJwt => '#',
            ResponseMode::FormPost | ResponseMode::FormPostJwt => return None,
        };
        let fields = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish();
        Some(format!("{}{mark}{fields}", self.redirect_uri))
    }
}

impl fmt::Debug for ClientAnswer {
    /// Names only: the values are codes and tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.fields.iter().map(|(name, _)| *name).collect();
        write!(f, "ClientAnswer({} {names:?})", self.mode.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_words_does_not_matter_and_token_alone_is_none() {
        for kind in ResponseType::ALL {
            assert_eq!(ResponseType::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(ResponseType::parse("token code id_token"), ResponseType::parse("code id_token token"));
        for bad in ["", "token", "none", "code code", "code  token", "code none", "Code"] {
            assert_eq!(ResponseType::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn tokens_never_travel_in_a_query() {
        for kind in ResponseType::ALL {
            for named in ["query", "query.jwt"] {
                assert_eq!(ResponseMode::of(kind, Some(named)).is_none(), kind.is_front());
            }
            let suiting = if kind.is_front() { ResponseMode::FragmentJwt } else { ResponseMode::QueryJwt };
            assert_eq!(ResponseMode::of(kind, Some("jwt")), Some(suiting));
            let params = Params::parse(&format!("response_type={}&response_mode=query", kind.as_str()));
            assert_eq!(ResponseMode::for_error(&params) == ResponseMode::Query, !kind.is_front());
        }
        assert_eq!(ResponseMode::of(ResponseType::CODE, Some("web_message")), None);
    }
}
