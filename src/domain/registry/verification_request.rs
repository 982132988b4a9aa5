//! A question to a service outside whether somebody is who the register says: it waits, is asked again when no answer came,
//! and ends with an answer or is given up. What is compared is read from the register when the service is called.

use std::time::Duration;

use super::codes::codes;
use super::codes::realname::Method;
use crate::domain::id::{PersonId, VerificationId};
use crate::domain::time::Timestamp;

codes! {
    /// What has become of it.
    RequestState {
        Waiting = "waiting", "待核验";
        Matched = "matched", "相符";
        Refused = "refused", "不相符";
        Failed = "failed", "未能核验";
    }
}

codes! {
    /// Why a call brought no answer.
    CallFault {
        Unreachable = "unreachable", "无法连接";
        Timeout = "timeout", "超时";
        Status = "status", "服务返回错误";
        Garbage = "garbage", "应答无法读取";
        Signature = "signature", "应答签名无效";
        NothingToCompare = "nothing_to_compare", "缺少可核验的信息";
        UnknownService = "unknown_service", "未配置该服务";
    }
}

/// A question that was asked.
#[derive(Clone, Debug)]
pub struct VerificationRequest {
    /// Its id, and that of the verification that its answer becomes.
    pub id: VerificationId,
    /// About whom.
    pub person: PersonId,
    /// Which service, by the name that the settings give it.
    pub service: String,
    /// Table V.
    pub method: Method,
    /// Its state.
    pub state: RequestState,
    /// Why the last call brought nothing.
    pub fault: Option<CallFault>,
    /// How often it was called.
    pub attempts: u32,
    /// When it is called next; while a call is under way, until when nobody else makes it.
    pub next_at: Timestamp,
    /// Which administrator asked; none: the operator, or the register because something changed.
    pub requested_by: Option<PersonId>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Longer than any call may take: whoever made one and died is followed by somebody else.
pub const LEASE: Duration = Duration::from_secs(60);

/// When to call again after so many calls without an answer; `None`: it is given up until somebody says `retry`.
pub fn retry_after(attempts: u32) -> Option<Duration> {
    const PAUSES: [u64; 8] = [10, 60, 300, 900, 3_600, 4 * 3_600, 12 * 3_600, 24 * 3_600];
    let at = usize::try_from(attempts.max(1) - 1).unwrap_or(usize::MAX);
    PAUSES.get(at).copied().map(Duration::from_secs)
}

/// What a method compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Name and number of an identity document.
    Document,
    /// Name and 学籍号.
    PersonalCode,
    /// Name, number and phone.
    Phone,
}

impl Compared {
    /// What a service of a method is told; `None` for what no service does.
    pub const fn by(method: Method) -> Option<Self> {
        match method {
            Method::PoliceNameId | Method::NetCredential | Method::TeacherRegister => Some(Self::Document),
            Method::StudentRegister => Some(Self::PersonalCode),
            Method::Operator => Some(Self::Phone),
            // A face is seen where the person is; the others are somebody's word.
            Method::PoliceFace
            | Method::DocumentSighted
            | Method::SchoolVouch
            | Method::GuardianVouch
            | Method::None => None,
        }
    }

    /// Names of the claims that a match supports.
    pub const fn claims(self) -> &'static [&'static str] {
        match self {
            Self::Document => &["name", "document"],
            Self::PersonalCode => &["name", "personal_code"],
            Self::Phone => &["name", "document", "phone"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let pauses: Vec<_> = (1..=8).map(|n| retry_after(n).unwrap()).collect();
        assert!(pauses.is_sorted() && pauses[0] == Duration::from_secs(10));
        assert_eq!(retry_after(9), None);
        assert_eq!(retry_after(0), retry_after(1));
    }

    #[test]
    fn a_service_compares_with_a_record() {
        for method in Method::ALL {
            assert!(Compared::by(*method).is_none() || method.is_record(), "{method}");
        }
    }
}
