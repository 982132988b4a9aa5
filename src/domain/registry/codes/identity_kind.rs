//! Kind of identity 身份.

use super::codes;
use super::staff::StaffCategory;

codes! {
    /// Table U: what a person can be somewhere. The national hub numbers them 0–4 ([`IdentityKind::hub_code`]);
    /// provincial clones of it number the last two differently, which is why numbers stay in adapters.
    IdentityKind {
        Student = "student", "学生";
        Teacher = "teacher", "教师";
        Parent = "parent", "家长";
        SchoolStaff = "school_staff", "学校工作人员";
        InstitutionStaff = "institution_staff", "机构工作人员";
    }
}

impl IdentityKind {
    /// The kind of a member of staff: who teaches at a school is a teacher, everybody else at a school is
    /// school staff, and whoever works at an authority or centre is institution staff.
    pub const fn of_staff(category: StaffCategory, at_school: bool) -> Self {
        match (at_school, category.teaches()) {
            (false, _) => Self::InstitutionStaff,
            (true, true) => Self::Teacher,
            (true, false) => Self::SchoolStaff,
        }
    }

    /// The national hub's `userIdentity`.
    pub const fn hub_code(self) -> u8 {
        match self {
            Self::Student => 0,
            Self::Teacher => 1,
            Self::Parent => 2,
            Self::SchoolStaff => 3,
            Self::InstitutionStaff => 4,
        }
    }
}
