//! A question to a service outside whether somebody is who the register says: it waits, is asked again when no answer came,
//! and ends with an answer or is given up. What is compared is read from the register when the service is called.

use std::time::Duration;

use super::codes::codes;
use super::codes::realname::Method;
use super::document::Document;
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

/// Between two questions about one person at one service that a change or an administrator causes: whoever renames somebody
/// again and again has the last name compared, and not each.
pub const REASK_PAUSE: Duration = Duration::from_secs(600);
/// What an administrator's questions and changes may cost on a day; what goes beyond waits for the next.
pub const QUESTIONS_A_DAY: i64 = 500;

/// When to call again after so many calls without an answer; `None`: it is given up until somebody says `retry`.
pub fn retry_after(attempts: u32) -> Option<Duration> {
    const PAUSES: [u64; 8] = [10, 60, 300, 900, 3_600, 4 * 3_600, 12 * 3_600, 24 * 3_600];
    let at = usize::try_from(attempts.max(1) - 1).unwrap_or(usize::MAX);
    PAUSES.get(at).copied().map(Duration::from_secs)
}

/// Whether a service's number for what it did may be kept in the clear: graphic characters, and no identity number or phone
/// among them. Serial numbers, however long, are what such services give.
pub fn is_plain_txn(txn: &str) -> bool {
    const LONGEST: usize = 64;
    const IDENTITY_NUMBER: usize = 18;
    const PHONE: usize = 11;
    if txn.len() > LONGEST || !txn.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    let bare: String = txn.chars().filter(char::is_ascii_alphanumeric).collect();
    let holds_number = (0..=bare.len().saturating_sub(IDENTITY_NUMBER)).any(|at| {
        let part = bare.get(at..at + IDENTITY_NUMBER);
        part.and_then(|part| Document::parse(None, None, part).ok()).is_some_and(|(it, _)| it.birth_date().is_some())
    });
    let phone = |digits: &str| digits.len() == PHONE && digits.starts_with('1');
    !holds_number && !txn.split(|c: char| !c.is_ascii_digit()).any(phone)
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
    fn a_txn_is_kept_unless_it_is_somebodys_number() {
        for plain in ["sim-019a0000-0000-7000-8000-000000000001", "202611260253000000123456", "A/7:b"] {
            assert!(is_plain_txn(plain), "{plain}");
        }
        let number = "11010519491231002X";
        for none in [number, &format!("police-{number}-1"), "110105-19491231-002x", "tel:13900000001", "a b"] {
            assert!(!is_plain_txn(none), "{none}");
        }
        assert!(!is_plain_txn(&"7".repeat(65)));
    }

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
