//! Questions that are asked on one device and answered on another: the device grant (RFC 8628) and client-initiated
//! backchannel authentication (CIBA Core 1.0). A row each, until the client has fetched what became of it.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::authorization_details::Details;
use super::error::{Code, ProtocolError};
use super::grant::CodeOffer;
use super::prompt::SAID_NO;
use super::resource::Targets;
use super::scope::ScopeSet;
use crate::domain::id::{ClientId, ElsewhereId, PersonId};
use crate::domain::time::Timestamp;

/// How often a client may ask what became of its question (RFC 8628, 3.2 and CIBA Core 7.3: the default of both).
pub const INTERVAL: Duration = Duration::from_secs(5);

/// Which way a question comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// A device without a keyboard shows a code, which somebody types here.
    Device,
    /// The client names the person, who finds the question at home here.
    Ciba,
}

impl Way {
    /// Both, for discovery and registration.
    pub const ALL: [Self; 2] = [Self::Device, Self::Ciba];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Ciba => "ciba",
        }
    }

    /// As it was stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == text)
    }

    /// The grant type with which the client asks what became of it.
    pub const fn grant_type(self) -> &'static str {
        match self {
            Self::Device => "urn:ietf:params:oauth:grant-type:device_code",
            Self::Ciba => "urn:openid:params:grant-type:ciba",
        }
    }
}

/// What the client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Cut to what the client may have.
    pub scope: ScopeSet,
    /// What is to be done in detail (RFC 9396).
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
    /// For which resources, and with which of their words (RFC 8707).
    #[serde(default, skip_serializing_if = "Targets::is_empty")]
    pub targets: Targets,
    /// A text that the client shows too, so that she knows which question this is (CIBA Core, 7.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_message: Option<String>,
    /// Where a device asked from, where it asks itself: one far away is perhaps not hers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
    /// The origin of the page that asked, where one did: from her own browser, perhaps, whose address says nothing then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

/// What travels with her browser while she answers, beside the request that it is answered as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// Which question.
    pub id: ElsewhereId,
    /// How it came.
    pub way: Way,
    /// The code on the device, or the client's text.
    pub shown: Option<String>,
    /// Where the device asked from.
    pub from: Option<IpAddr>,
    /// The page that asked in its stead.
    #[serde(default)]
    pub page: Option<String>,
}

/// What became of a question so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody answered yet.
    Pending,
    /// Somebody said yes.
    Approved,
    /// She said no, or may not say yes.
    Denied,
    /// The client has its tokens.
    Redeemed,
}

impl State {
    const ALL: [Self; 4] = [Self::Pending, Self::Approved, Self::Denied, Self::Redeemed];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Redeemed => "redeemed",
        }
    }

    /// As it was stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A question as it is stored.
#[derive(Clone, Debug)]
pub struct Question {
    /// Its id.
    pub id: ElsewhereId,
    /// How it came.
    pub way: Way,
    /// Who asks.
    pub client: ClientId,
    /// Whom, where the client named her.
    pub person: Option<PersonId>,
    /// What.
    pub asked: Asked,
    /// What became of it.
    pub state: State,
    /// What it leads to once somebody said yes.
    pub offer: Option<CodeOffer>,
    /// When it came.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What became of her answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// She said yes.
    Yes,
    /// She said no.
    No,
    /// She said no, and it had its answer before: the device may be in.
    Before,
}

/// What a client hears when it asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// It may have its tokens now.
    Ready,
    /// Nobody answered yet.
    Pending,
    /// It gets nothing.
    Over(ProtocolError),
}

impl Question {
    /// Whether somebody may still answer.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state == State::Pending && now < self.expires_at
    }

    /// What the client hears (RFC 8628, 3.5; CIBA Core, 11).
    pub fn polled(&self, client: ClientId, now: Timestamp) -> Polled {
        let over = |code, why| Polled::Over(ProtocolError::new(code, why));
        if self.client != client {
            return over(Code::InvalidGrant, "the code was issued to another client");
        }
        match self.state {
            State::Denied => over(Code::AccessDenied, SAID_NO),
            State::Redeemed => over(Code::InvalidGrant, "the code was redeemed before"),
            State::Pending | State::Approved if now >= self.expires_at => {
                over(Code::ExpiredToken, "nobody answered in time")
            }
            State::Pending => Polled::Pending,
            State::Approved => Polled::Ready,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn question(state: State) -> Question {
        Question {
            id: ElsewhereId(Uuid::nil()),
            way: Way::Device,
            client: ClientId(Uuid::nil()),
            person: None,
            asked: Asked {
                scope: ScopeSet::parse("openid"),
                targets: Targets::default(),
                details: Details::default(),
                binding_message: None,
                from: None,
                page: None,
            },
            state,
            offer: None,
            created_at: Timestamp::from_seconds(1000),
            expires_at: Timestamp::from_seconds(1600),
        }
    }

    #[test]
    fn the_client_hears_what_the_standards_say() {
        let own = ClientId(Uuid::nil());
        let hears = |state, at| match question(state).polled(own, Timestamp::from_seconds(at)) {
            Polled::Ready => "ready",
            Polled::Pending => "pending",
            Polled::Over(error) => error.code.as_str(),
        };
        let table = [
            (State::Pending, "pending", "expired_token"),
            (State::Approved, "ready", "expired_token"),
            (State::Denied, "access_denied", "access_denied"),
            (State::Redeemed, "invalid_grant", "invalid_grant"),
        ];
        for (state, before, after) in table {
            assert_eq!((hears(state, 1599), hears(state, 1600)), (before, after), "{state:?}");
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
    }

    #[test]
    fn another_client_hears_nothing_of_it() {
        let other = ClientId(Uuid::from_u128(1));
        for state in State::ALL {
            let Polled::Over(error) = question(state).polled(other, Timestamp::from_seconds(1001)) else { panic!() };
            assert_eq!(error.code, Code::InvalidGrant);
        }
    }
}
