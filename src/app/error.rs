//! What kind of failure a use case ended with. Public and internal text are apart: the public one holds no
//! personal data and goes to whoever asked, the internal one goes to the log with the request id.

use std::fmt;
use std::time::Duration;

use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::fault::FaultKind;
use crate::keys::password::PoolFull;
use crate::keys::seal::SealError;
use crate::keys::signer::KeyError;
use crate::store::db::StoreError;
use crate::store::ephemeral::EphemeralError;

/// What the presenter needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is not there, or not for this actor.
    NotFound,
    /// The input cannot be used.
    Invalid,
    /// The state does not allow it.
    Conflict,
    /// Too much at once; try again.
    Busy,
    /// A dependency or the program failed.
    Internal,
}

/// A failed use case.
#[derive(Debug)]
pub struct Error {
    /// What kind.
    pub kind: Kind,
    /// For whoever asked.
    pub public: String,
    /// For the log.
    pub internal: String,
    /// The code, where a protocol endpoint failed.
    pub protocol: Option<ProtocolError>,
    /// What a client did wrong, for whoever answers for it, where its answer says less.
    pub fault: Option<FaultKind>,
    /// When it is worth another try, where that is known and not at once.
    pub after: Option<Duration>,
}

impl Error {
    /// A failure that explains itself.
    pub fn new(kind: Kind, public: impl Into<String>) -> Self {
        let public = public.into();
        Self { kind, internal: public.clone(), public, protocol: None, fault: None, after: None }
    }

    /// Not there.
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("{what} was not found"))
    }

    /// No institution has this code, which somebody typed. A code is no secret, and a typing error is seen at once; what has
    /// not the form of one may be anything, a number too, and is not repeated.
    pub fn no_institution(code: &str) -> Self {
        let formed = code.len() == 10 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let named = if formed { format!(" {code}") } else { String::new() };
        Self::new(
            Kind::NotFound,
            format!("no institution has the code{named}: give the code that stands in the roster of institutions"),
        )
    }

    /// Input that cannot be used.
    pub fn invalid(why: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, why)
    }

    /// The program or a dependency failed.
    pub fn internal(why: impl fmt::Display) -> Self {
        Self {
            kind: Kind::Internal,
            public: "something went wrong here; it was noted".into(),
            internal: why.to_string(),
            protocol: None,
            fault: None,
            after: None,
        }
    }

    /// Too much at once.
    pub fn busy(why: impl fmt::Display) -> Self {
        Self {
            kind: Kind::Busy,
            public: "too much at once; try again in a moment".into(),
            internal: why.to_string(),
            protocol: None,
            fault: None,
            after: None,
        }
    }

    /// So many came from somewhere that the next one is looked at when the window ends.
    pub fn busy_for(left: Duration, told: &'static str) -> Self {
        let protocol = Some(ProtocolError::new(Code::TemporarilyUnavailable, told));
        Self { public: told.into(), protocol, after: Some(left), ..Self::busy(told) }
    }

    /// The protocol's code for it: what is not a protocol error is the provider's own fault.
    pub fn as_protocol(&self) -> ProtocolError {
        match (&self.protocol, self.kind) {
            (Some(error), _) => error.clone(),
            (None, Kind::Busy) => ProtocolError::new(Code::TemporarilyUnavailable, "try again in a moment"),
            (None, _) => ProtocolError::new(Code::ServerError, "something went wrong here"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.internal)
    }
}

impl std::error::Error for Error {}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            // A fail-over ends by itself: whoever comes back in a moment lost nothing.
            StoreError::Busy | StoreError::Unavailable(_) | StoreError::Failing(_) => Self::busy(error),
            other => Self::internal(other),
        }
    }
}

impl From<EphemeralError> for Error {
    fn from(error: EphemeralError) -> Self {
        match error {
            EphemeralError::Timeout | EphemeralError::Server(_) | EphemeralError::Full(_) => Self::busy(error),
            EphemeralError::Url(_) | EphemeralError::Foreign => Self::internal(error),
        }
    }
}

impl From<PoolFull> for Error {
    fn from(_: PoolFull) -> Self {
        Self::busy("the password pool is full")
    }
}

impl From<SealError> for Error {
    fn from(error: SealError) -> Self {
        Self::internal(error)
    }
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        Self::internal(error)
    }
}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Self {
        Self {
            kind: Kind::Invalid,
            public: error.description.into(),
            internal: error.to_string(),
            protocol: Some(error),
            fault: None,
            after: None,
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        // Never the value: serde_json names line and column only for syntax, and our own values always parse.
        Self::internal(format!("JSON at line {} column {}", error.line(), error.column()))
    }
}
