//! Typed identifiers. Every one is a UUID version 7 (RFC 9562, 5.7): opaque, never derived from a
//! document number, and in the order of creation, which keeps index pages warm on both engines.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::random::Random;
use super::time::Timestamp;

/// Makes a UUID version 7 from the injected clock and generator.
pub fn new_uuid(now: Timestamp, random: &dyn Random) -> Uuid {
    let mut tail = [0u8; 10];
    random.fill(&mut tail);
    at_millis(now, &tail)
}

fn first_of(at: Timestamp) -> Uuid {
    at_millis(at, &[0; 10])
}

fn at_millis(at: Timestamp, tail: &[u8; 10]) -> Uuid {
    let millis = u64::try_from(at.micros() / 1_000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, tail).into_uuid()
}

fn made_at(id: Uuid) -> Timestamp {
    let (seconds, nanos) = id.get_timestamp().map_or((0, 0), |at| at.to_unix());
    let micros = seconds.saturating_mul(1_000_000).saturating_add(u64::from(nanos) / 1_000);
    Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh identifier.
            pub fn new(now: Timestamp, random: &dyn Random) -> Self {
                Self(new_uuid(now, random))
            }

            /// The smallest that is made at a moment: all of before are smaller.
            pub fn first_of(at: Timestamp) -> Self {
                Self(first_of(at))
            }

            /// When it was made, to the millisecond (RFC 9562, 5.7); 1970 where it is of another version.
            pub fn written_at(self) -> Timestamp {
                made_at(self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }
    )+};
}

ids! {
    /// A natural person 自然人, once in the whole system (体系用户标识).
    PersonId,
    /// A way for one person to sign in 账号.
    AccountId,
    /// A node of the institution tree 机构.
    OrgId,
    /// A class 班级.
    ClassId,
    /// A stay of a student at a school 学籍/在读.
    EnrolmentId,
    /// A post of a member of staff 任职.
    StaffingId,
    /// The relation of a guardian to a child 监护关系.
    GuardianshipId,
    /// What a person is somewhere 身份: the id of the enrolment, staffing or guardianship it rests on,
    /// or of the person for an identity that rests on nothing but the wards taken together.
    IdentityId,
    /// What an institution says of somebody it does not hold 待确认的关系.
    RelationClaimId,
    /// What only a human can settle 争议.
    CaseId,
    /// Two records that became one person 合并.
    MergeId,
    /// A turn of the school year 升级.
    TurnId,
    /// An identity document 身份证件.
    DocumentId,
    /// One act of verification 实名核验.
    VerificationId,
    /// A personal space 个人空间.
    SpaceId,
    /// A registered relying party, as a row; the protocol's `client_id` is its text form.
    ClientId,
    /// A consent receipt 同意.
    ConsentId,
    /// A browser session at the provider.
    SessionId,
    /// One way from the authorization request to the code: names the `sign_in` row.
    InteractionId,
    /// What a person granted to a client in one authorization.
    GrantId,
    /// A family of refresh tokens.
    FamilyId,
    /// An audit entry 审计.
    AuditId,
    /// An outbox event 变更.
    EventId,
    /// An administrator's grant 管理授权.
    AdminGrantId,
    /// A request for a full record 审批.
    ApprovalId,
    /// A request to be erased 删除申请.
    ErasureId,
    /// Long work that an administrator asked for 交办.
    ErrandId,
    /// A one-time activation 激活.
    ActivationId,
    /// An initial access token, with which a client registers itself.
    InitialTokenId,
    /// A delivery that waits in the outbox of calls.
    DeliveryId,
    /// A question that is answered on another device.
    ElsewhereId,
}
