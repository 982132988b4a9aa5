//! The closed set of values a statement can be given. NULL is typed, because PostgreSQL infers a
//! parameter's type from its binding.

use uuid::Uuid;

use crate::domain::time::Timestamp;

/// A bindable value; `None` is the NULL of that type.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names are the column types")]
pub enum Value {
    Uuid(Option<Uuid>),
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Bool(Option<bool>),
    Json(Option<serde_json::Value>),
}

impl Value {
    pub(super) fn is_null(&self) -> bool {
        match self {
            Self::Uuid(v) => v.is_none(),
            Self::Int(v) => v.is_none(),
            Self::Text(v) => v.is_none(),
            Self::Bytes(v) => v.is_none(),
            Self::Bool(v) => v.is_none(),
            Self::Json(v) => v.is_none(),
        }
    }
}

macro_rules! values {
    ($($from:ty => $variant:ident, |$v:ident| $convert:expr;)+) => {$(
        impl From<$from> for Value {
            fn from($v: $from) -> Self {
                Self::$variant(Some($convert))
            }
        }
        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self {
                Self::$variant(value.map(|$v| $convert))
            }
        }
    )+};
}

values! {
    Uuid => Uuid, |v| v;
    i64 => Int, |v| v;
    u32 => Int, |v| i64::from(v);
    Timestamp => Int, |v| v.micros();
    String => Text, |v| v;
    &str => Text, |v| v.to_owned();
    chrono::NaiveDate => Text, |v| v.to_string();
    Vec<u8> => Bytes, |v| v;
    &[u8] => Bytes, |v| v.to_vec();
    [u8; 32] => Bytes, |v| v.to_vec();
    &[u8; 32] => Bytes, |v| v.to_vec();
    bool => Bool, |v| v;
    serde_json::Value => Json, |v| v;
}

macro_rules! id_values {
    ($($id:ident),+ $(,)?) => {
        values! { $(crate::domain::id::$id => Uuid, |v| v.0;)+ }
    };
}

id_values! {
    PersonId, AccountId, OrgId, ClassId, EnrolmentId, StaffingId, GuardianshipId, IdentityId, DocumentId, VerificationId,
    SpaceId, ClientId, ConsentId, SessionId, InteractionId, GrantId, FamilyId, AuditId, EventId, AdminGrantId, ActivationId,
    DeliveryId, ElsewhereId,
    RelationClaimId, CaseId, MergeId, InitialTokenId, TurnId, ApprovalId, ErasureId, ErrandId,
}
