//! The register: persons, documents, institutions and the relations between them.

pub mod account;
pub mod age;
pub mod class;
pub mod codes;
pub mod consent;
pub mod contact;
pub mod division;
pub mod document;
pub mod enrolment;
pub mod grade;
pub mod guardianship;
pub mod holder;
pub mod institution;
pub mod institution_code;
pub mod login;
pub mod mod11;
pub mod name;
pub mod person;
pub mod personal_code;
pub mod roster;
pub mod space;
pub mod staffing;
pub mod text;
pub mod uscc;
pub mod user_name;
pub mod verification;
