//! For whom an account is activated: pages and slips speak to a teacher, a mother and a six-year-old in different words.

use super::age::AgeBand;
use super::codes::codes;

codes! {
    /// Whose slips are printed.
    SlipKind {
        Staff = "staff", "教职工";
        Students = "students", "学生";
        Guardians = "guardians", "家长";
    }
}

/// Who holds an account. Whoever is several things is met as the first that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A teacher or another member of staff, or an adult of whom nothing else is known.
    Staff,
    /// Somebody recorded as a guardian, confirmed or not yet.
    Guardian,
    /// A student of 14 or more.
    Student,
    /// A child under 14; her family does it with her.
    Child,
}

/// What decides it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Roles {
    /// She has a post somewhere.
    pub staff: bool,
    /// She is enrolled somewhere.
    pub student: bool,
    /// She is a guardian of somebody.
    pub guardian: bool,
}

impl Holder {
    /// From what she is and how old. Age alone decides where no role says more, so an unknown birth date is a child's
    /// (ruling R8) unless she works or has children.
    pub fn of(roles: Roles, age: AgeBand) -> Self {
        match (roles.staff, roles.student, roles.guardian, age) {
            (true, ..) | (false, false, false, AgeBand::Adult) => Self::Staff,
            (false, false, true, _) => Self::Guardian,
            (false, _, _, AgeBand::Under14) => Self::Child,
            (false, _, _, AgeBand::From14To17 | AgeBand::Adult) => Self::Student,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_fits() {
        let who = |staff, student, guardian| Roles { staff, student, guardian };
        for (roles, age, holder) in [
            (who(true, false, true), AgeBand::Adult, Holder::Staff),
            (who(true, false, false), AgeBand::Under14, Holder::Staff),
            (who(false, false, true), AgeBand::Under14, Holder::Guardian),
            (who(false, true, true), AgeBand::From14To17, Holder::Student),
            (who(false, true, false), AgeBand::Under14, Holder::Child),
            (who(false, true, false), AgeBand::Adult, Holder::Student),
            (who(false, false, false), AgeBand::Under14, Holder::Child),
            (who(false, false, false), AgeBand::Adult, Holder::Staff),
        ] {
            assert_eq!(Holder::of(roles, age), holder, "{roles:?} {age:?}");
        }
    }
}
