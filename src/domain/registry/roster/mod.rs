//! Rosters 名册: what a school writes about its people, read into intents without I/O. A row is a claim; what the
//! register makes of it is decided by `app::roster_import`.

mod class_key;
mod column;
mod fault;
mod read;

pub use class_key::ClassKey;
pub use column::{Column, Header, HeaderError};
pub use fault::{Code, Fault, Warning};
pub use read::{Cells, InstitutionRow, PersonRow, StaffRow, StudentRow, read_institution, read_staff, read_student};

use super::codes::codes;

codes! {
    /// What the file lists.
    RosterKind {
        Institutions = "institutions", "机构";
        Staff = "staff", "教职工";
        Students = "students", "学生";
    }
}
