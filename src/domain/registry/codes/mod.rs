//! Code tables of the education data standards (JY/T 1001-2012, GB/T 2261.1, GB/T 4761) and our own.
//!
//! Every table is an enum whose text form is the code itself, as it is stored and exchanged. [`FromStr`](std::str::FromStr)
//! reads the code alone; `read` also takes the Chinese labels that people write into spreadsheets.

pub mod admin_role;
pub mod identity_kind;
pub mod realname;
pub mod relation;
pub mod school_type;
pub mod sex;
pub mod staff;
pub mod stage;
pub mod status;
pub mod student_change;
pub mod student_state;
pub mod subject;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

/// A text that is none of a table's codes or labels. The text itself is not repeated: it may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not one of the codes of table {table}")]
pub struct UnknownCode {
    /// The table.
    pub table: &'static str,
}

/// A typed label without the accidents of typing: compatibility forms folded (full-width brackets and digits), no white space.
pub(crate) fn plain_label(text: &str) -> String {
    text.nfkc().filter(|c| !c.is_whitespace()).collect()
}

/// Declares a code table: `Variant = "code", "label" | "alias" …;`.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $code:literal, $label:literal $(| $alias:literal)*;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $code, "` ", $label)] $variant,)+
        }

        impl $name {
            /// The whole table, in its order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The Chinese label of the table.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }

            /// Reads a code, a label or a customary other name of it; white space and character width are forgiven.
            ///
            /// # Errors
            /// [`UnknownCode`](crate::domain::registry::codes::UnknownCode) when it is none of them.
            pub fn read(text: &str) -> Result<Self, $crate::domain::registry::codes::UnknownCode> {
                match $crate::domain::registry::codes::plain_label(text).as_str() {
                    $($code | $label $(| $alias)* => Ok(Self::$variant),)+
                    _ => Err($crate::domain::registry::codes::UnknownCode { table: stringify!($name) }),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::registry::codes::UnknownCode;
            fn from_str(code: &str) -> Result<Self, Self::Err> {
                match code {
                    $($code => Ok(Self::$variant),)+
                    _ => Err($crate::domain::registry::codes::UnknownCode { table: stringify!($name) }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let text = utoipa::openapi::schema::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String);
                let labels = [$(concat!($code, " ", $label)),+].join("; ");
                text.enum_values(Some([$($code),+])).description(Some(labels)).build().into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let code = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                code.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use codes;

#[cfg(test)]
mod tests {
    use super::relation::Relation;
    use super::school_type::SchoolType;
    use super::sex::Sex;
    use super::staff::{StaffCategory, StaffPost, StaffState};
    use super::stage::Stage;
    use super::student_change::StudentChange;
    use super::student_state::StudentState;
    use super::subject::Subject;

    macro_rules! round_trips {
        ($($table:ident),+) => {$(
            for code in $table::ALL {
                assert_eq!(code.as_str().parse(), Ok(*code), "{}", stringify!($table));
                assert_eq!($table::read(code.as_str()), Ok(*code));
                assert_eq!($table::read(&format!(" {}\u{3000}", code.label())), Ok(*code), "{}", code.label());
            }
        )+};
    }

    #[test]
    fn every_code_and_every_label_leads_back() {
        round_trips!(
            Sex,
            Relation,
            Stage,
            StudentState,
            StudentChange,
            StaffCategory,
            StaffPost,
            StaffState,
            SchoolType,
            Subject
        );
        assert!(Sex::read("男性?").is_err());
    }

    #[test]
    fn full_width_brackets_are_the_same_label() {
        assert_eq!(SchoolType::read("小学（5年）"), Ok(SchoolType::Primary));
    }
}
