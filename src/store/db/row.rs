//! Rows of either engine, read by column name.

use std::str::FromStr;

use chrono::NaiveDate;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::types::Json;
use uuid::Uuid;

use super::StoreError;
use crate::domain::time::Timestamp;

/// A row of either engine.
#[derive(Debug)]
pub enum Row {
    #[doc(hidden)]
    Lite(SqliteRow),
    #[doc(hidden)]
    Pg(PgRow),
}

/// A type that one column can be read as.
pub trait Column: Sized {
    #[doc(hidden)]
    fn lite(row: &SqliteRow, name: &str) -> Result<Self, sqlx::Error>;
    #[doc(hidden)]
    fn pg(row: &PgRow, name: &str) -> Result<Self, sqlx::Error>;
}

/// A type that a whole row can be read as.
pub trait FromRow: Sized {
    /// Reads the row.
    ///
    /// # Errors
    /// [`StoreError::Decode`] naming the column.
    fn from_row(row: &Row) -> Result<Self, StoreError>;
}

impl Row {
    /// A column by name.
    ///
    /// # Errors
    /// [`StoreError::Decode`] naming the column.
    pub fn get<T: Column>(&self, name: &'static str) -> Result<T, StoreError> {
        match self {
            Self::Lite(row) => T::lite(row, name),
            Self::Pg(row) => T::pg(row, name),
        }
        .map_err(|source| StoreError::decode(name, source))
    }

    /// A text column as a code with a closed set of values.
    ///
    /// # Errors
    /// [`StoreError::Decode`] when the text is none of them.
    pub fn code<T: FromStr>(&self, name: &'static str) -> Result<T, StoreError> {
        self.get::<String>(name)?.parse().map_err(|_| StoreError::unknown_code(name))
    }

    /// The same for a column that may be NULL.
    ///
    /// # Errors
    /// [`StoreError::Decode`] when the text is none of the codes.
    pub fn optional_code<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, StoreError> {
        self.get::<Option<String>>(name)?
            .map(|text| text.parse().map_err(|_| StoreError::unknown_code(name)))
            .transpose()
    }

    /// A JSON column as a value that serde knows.
    ///
    /// # Errors
    /// [`StoreError::Decode`] when it does not fit.
    pub fn json<T: serde::de::DeserializeOwned>(&self, name: &'static str) -> Result<T, StoreError> {
        serde_json::from_value(self.get::<serde_json::Value>(name)?).map_err(|_| StoreError::unknown_code(name))
    }

    /// The same for a column that may be NULL.
    ///
    /// # Errors
    /// [`StoreError::Decode`] when it does not fit.
    pub fn optional_json<T: serde::de::DeserializeOwned>(&self, name: &'static str) -> Result<Option<T>, StoreError> {
        let value = self.get::<Option<serde_json::Value>>(name)?;
        value.map(serde_json::from_value).transpose().map_err(|_| StoreError::unknown_code(name))
    }
}

macro_rules! columns {
    ($($t:ty => |$v:ident: $raw:ty| $convert:expr;)+) => {$(
        impl Column for $t {
            fn lite(row: &SqliteRow, name: &str) -> Result<Self, sqlx::Error> {
                let $v: $raw = sqlx::Row::try_get(row, name)?;
                Ok($convert)
            }
            fn pg(row: &PgRow, name: &str) -> Result<Self, sqlx::Error> {
                let $v: $raw = sqlx::Row::try_get(row, name)?;
                Ok($convert)
            }
        }
        impl Column for Option<$t> {
            fn lite(row: &SqliteRow, name: &str) -> Result<Self, sqlx::Error> {
                let value: Option<$raw> = sqlx::Row::try_get(row, name)?;
                value.map(|$v| Ok($convert)).transpose()
            }
            fn pg(row: &PgRow, name: &str) -> Result<Self, sqlx::Error> {
                let value: Option<$raw> = sqlx::Row::try_get(row, name)?;
                value.map(|$v| Ok($convert)).transpose()
            }
        }
    )+};
}

columns! {
    i64 => |v: i64| v;
    bool => |v: bool| v;
    String => |v: String| v;
    Uuid => |v: Uuid| v;
    Vec<u8> => |v: Vec<u8>| v;
    serde_json::Value => |v: Json<serde_json::Value>| v.0;
    Timestamp => |v: i64| Timestamp::from_micros(v);
    NaiveDate => |v: String| v.parse().map_err(|e: chrono::ParseError| sqlx::Error::Decode(Box::new(e)))?;
    [u8; 32] => |v: Vec<u8>| v.try_into().map_err(|_| sqlx::Error::Decode("not 32 bytes".into()))?;
}

macro_rules! id_columns {
    ($($id:ident),+ $(,)?) => {
        columns! { $(crate::domain::id::$id => |v: Uuid| crate::domain::id::$id(v);)+ }
    };
}

id_columns! {
    PersonId, AccountId, OrgId, ClassId, EnrolmentId, StaffingId, GuardianshipId, IdentityId, DocumentId, VerificationId,
    SpaceId, ClientId, ConsentId, SessionId, InteractionId, GrantId, FamilyId, AuditId, EventId, AdminGrantId, ActivationId,
    DeliveryId, ElsewhereId, RelationClaimId, CaseId, MergeId, InitialTokenId, TurnId, ApprovalId, ErasureId, ErrandId,
}
