//! Audit entries: who did what to whom, with which result. Ids and names of fields only; values and
//! numbers never come here (R7).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::id::{AuditId, ClientId, OrgId, PersonId};
use super::time::Timestamp;

/// No entry of the log is kept shorter: six months (网络安全法, 23).
pub const LOG_FLOOR: Duration = Duration::from_secs(184 * 86_400);
/// Nor who was shown whose record: three years (网络数据安全管理条例, 12).
pub const DISCLOSURES_FLOOR: Duration = Duration::from_secs(1_096 * 86_400);

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// Nobody who is known yet (before sign-in).
    Anonymous,
    /// A person with a session or a token.
    Person {
        /// Who.
        id: PersonId,
    },
    /// A client that authenticated itself.
    Client {
        /// Which.
        id: ClientId,
    },
    /// A command at the machine, or a job.
    Task {
        /// Its name.
        name: String,
    },
}

/// What was done. The text form is part of the log's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the text form says it")]
pub enum Action {
    SignIn,
    SignOut,
    SessionsEnded,
    Activate,
    PasswordSet,
    ActivationIssued,
    AccountLocked,
    AccountUnlocked,
    SessionsViewed,
    AccountsViewed,
    IdentityChosen,
    ConsentGiven,
    ConsentWithdrawn,
    GrantCreated,
    GrantRefreshed,
    GrantRevoked,
    QuestionAsked,
    QuestionAnswered,
    ClientCreated,
    ClientUpdated,
    ClientRemoved,
    ClientSecretRotated,
    ClientSecretEnded,
    ClientAssigned,
    InitialTokenIssued,
    InitialTokenEnded,
    RegistrationRenewed,
    ResourceRegistered,
    AuthorizationTypeDefined,
    AuthorizationTypeRemoved,
    TokenIssued,
    TokenExchanged,
    TokenRevoked,
    AdminGranted,
    AdminRevoked,
    AdminViewed,
    AdminRefused,
    KeyCreated,
    KeyRotated,
    RegistryWritten,
    RosterImported,
    RosterPreviewed,
    RelationAsked,
    RelationViewed,
    RelationDecided,
    CaseOpened,
    CaseViewed,
    CaseDecided,
    PersonChanged,
    StudentChanged,
    InstitutionChanged,
    ClassChanged,
    StaffChanged,
    YearTurned,
    YearUndone,
    PersonsMerged,
    MergeUndone,
    PersonExported,
    PersonSearched,
    PersonViewed,
    RecordViewed,
    RosterViewed,
    RosterExported,
    ApprovalAsked,
    ApprovalViewed,
    ApprovalDecided,
    AuditRead,
    DisclosuresViewed,
    ErrandAsked,
    ErrandFiled,
    ErrandConfirmed,
    ErrandCancelled,
    ErrandWorked,
    ReachChanged,
    DayTurned,
    FeedRead,
    LogTrimmed,
    PersonErased,
    ErasureAsked,
    ErasureWithdrawn,
    PersonVerified,
    VerificationRequested,
    GuardianshipChanged,
    GuardianshipAcknowledged,
    GuardianshipDenied,
    BackedUp,
    Restored,
}

impl Action {
    /// The stable text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::SignOut => "sign_out",
            Self::SessionsEnded => "sessions.ended",
            Self::Activate => "account.activate",
            Self::PasswordSet => "account.password_set",
            Self::ActivationIssued => "account.activation_issued",
            Self::AccountLocked => "account.locked",
            Self::AccountUnlocked => "account.unlocked",
            Self::SessionsViewed => "sessions.viewed",
            Self::AccountsViewed => "accounts.viewed",
            Self::IdentityChosen => "session.identity_chosen",
            Self::ConsentGiven => "consent.given",
            Self::ConsentWithdrawn => "consent.withdrawn",
            Self::GrantCreated => "grant.created",
            Self::GrantRefreshed => "grant.refreshed",
            Self::GrantRevoked => "grant.revoked",
            Self::QuestionAsked => "question.asked",
            Self::QuestionAnswered => "question.answered",
            Self::ClientCreated => "client.created",
            Self::ClientUpdated => "client.updated",
            Self::ClientRemoved => "client.removed",
            Self::ClientSecretRotated => "client.secret_rotated",
            Self::ClientSecretEnded => "client.secret_ended",
            Self::ClientAssigned => "client.assigned",
            Self::InitialTokenIssued => "client.initial_token_issued",
            Self::InitialTokenEnded => "client.initial_token_ended",
            Self::RegistrationRenewed => "client.registration_renewed",
            Self::ResourceRegistered => "resource.registered",
            Self::AuthorizationTypeDefined => "authorization_type.defined",
            Self::AuthorizationTypeRemoved => "authorization_type.removed",
            Self::TokenIssued => "token.issued",
            Self::TokenExchanged => "token.exchanged",
            Self::TokenRevoked => "token.revoked",
            Self::AdminGranted => "admin.granted",
            Self::AdminRevoked => "admin.revoked",
            Self::AdminViewed => "admin.viewed",
            Self::AdminRefused => "admin.refused",
            Self::KeyCreated => "key.created",
            Self::KeyRotated => "key.rotated",
            Self::RegistryWritten => "registry.written",
            Self::RosterImported => "roster.imported",
            Self::RosterPreviewed => "roster.previewed",
            Self::RelationAsked => "relation.asked",
            Self::RelationViewed => "relation.viewed",
            Self::RelationDecided => "relation.decided",
            Self::CaseOpened => "case.opened",
            Self::CaseViewed => "case.viewed",
            Self::CaseDecided => "case.decided",
            Self::PersonChanged => "person.changed",
            Self::StudentChanged => "student.changed",
            Self::StaffChanged => "staff.changed",
            Self::InstitutionChanged => "institution.changed",
            Self::ClassChanged => "class.changed",
            Self::YearTurned => "year.turned",
            Self::YearUndone => "year.undone",
            Self::PersonsMerged => "person.merged",
            Self::MergeUndone => "person.merge_undone",
            Self::PersonExported => "person.exported",
            Self::PersonSearched => "person.searched",
            Self::PersonViewed => "person.viewed",
            Self::RecordViewed => "person.record_viewed",
            Self::RosterViewed => "roster.viewed",
            Self::RosterExported => "roster.exported",
            Self::ApprovalAsked => "approval.asked",
            Self::ApprovalViewed => "approval.viewed",
            Self::ApprovalDecided => "approval.decided",
            Self::AuditRead => "audit.read",
            Self::DisclosuresViewed => "disclosures.viewed",
            Self::ErrandAsked => "errand.asked",
            Self::ErrandFiled => "errand.filed",
            Self::ErrandConfirmed => "errand.confirmed",
            Self::ErrandCancelled => "errand.cancelled",
            Self::ErrandWorked => "errand.worked",
            Self::LogTrimmed => "audit.trimmed",
            Self::DayTurned => "feed.day_turned",
            Self::FeedRead => "feed.read",
            Self::ReachChanged => "platform.reach_changed",
            Self::PersonErased => "person.erased",
            Self::ErasureAsked => "erasure.asked",
            Self::ErasureWithdrawn => "erasure.withdrawn",
            Self::PersonVerified => "person.verified",
            Self::VerificationRequested => "verification.requested",
            Self::GuardianshipChanged => "guardianship.changed",
            Self::GuardianshipAcknowledged => "guardianship.acknowledged",
            Self::GuardianshipDenied => "guardianship.denied",
            Self::BackedUp => "register.backed_up",
            Self::Restored => "register.restored",
        }
    }
}

/// An entry before it has a number.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who, from where.
    pub actor: Value,
    /// What.
    pub action: String,
    /// To whom or what: kind → id.
    pub target: Value,
    /// `done` or `refused`.
    pub result: String,
    /// Why refused, or the reason that was given.
    pub reason: Option<String>,
    /// The request it belongs to.
    pub request_id: Uuid,
    /// Names of fields, scopes, counts.
    pub details: Value,
}

impl Entry {
    /// The institutions that it concerns: by whose rights it was done, about which it was, and those that were named because of
    /// whom it was done to.
    pub fn institutions(&self) -> BTreeSet<OrgId> {
        let rights = self.actor["rights"].as_array().into_iter().flatten().map(|right| &right["institution"]);
        let named = self.details["institutions"].as_array().into_iter().flatten();
        let all = rights.chain(named).chain([&self.target["institution"]]);
        all.filter_map(|id| id.as_str()?.parse().ok()).collect()
    }

    /// The bytes that the chain covers. Lengths stand before the parts, so that no two entries share a form;
    /// JSON objects are written with sorted keys: neither jsonb nor a build of `serde_json` keeps their order.
    pub fn canonical(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        let parts = [
            self.id.to_string(),
            self.at.micros().to_string(),
            sorted(&self.actor),
            self.action.clone(),
            sorted(&self.target),
            self.result.clone(),
            self.reason.clone().unwrap_or_default(),
            self.request_id.to_string(),
            sorted(&self.details),
        ];
        if self.reason.as_deref() == Some("") {
            // No entry is written with one; a reason that was emptied, or put in, must not look like none.
            bytes.push(0);
        }
        for part in parts {
            bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

/// Compact JSON with the keys of every object in order.
pub fn sorted(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let ordered: BTreeMap<_, _> = members.iter().collect();
            let parts: Vec<String> = ordered
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), sorted(value)))
                .collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(",")),
        plain => plain.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_reason_is_not_none() {
        let entry = |reason: Option<&str>| Entry {
            id: AuditId(Uuid::nil()),
            at: Timestamp::from_seconds(1_800_000_000),
            actor: Value::Null,
            action: "sign_in".into(),
            target: Value::Null,
            result: "done".into(),
            reason: reason.map(str::to_owned),
            request_id: Uuid::nil(),
            details: Value::Null,
        };
        assert_ne!(entry(None).canonical(), entry(Some("")).canonical());
    }

    #[test]
    fn the_order_of_keys_is_ours() {
        let one: Value = serde_json::from_str(r#"{"b":[{"z":1,"a":"x"}],"a":null}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"a":null,"b":[{"a":"x","z":1}]}"#).unwrap();
        assert_eq!(sorted(&one), r#"{"a":null,"b":[{"a":"x","z":1}]}"#);
        assert_eq!(sorted(&one), sorted(&other));
    }
}
