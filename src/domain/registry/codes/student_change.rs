//! 学籍异动: by which change a student's stay became what it is.

use super::codes;
use super::student_state::StudentState;

codes! {
    /// XJYDLB of JY/T 1001-2012, as far as it is about primary and secondary schools. Graduation 毕业 is none of them.
    StudentChange {
        Repeat = "02", "留级";
        Demote = "03", "降级";
        Skip = "04", "跳级";
        Suspend = "11", "休学";
        Resume = "12", "复学";
        Halt = "13", "停学";
        ReservePlace = "14", "保留入学资格";
        Restore = "17", "恢复学籍";
        Cancel = "18", "取消学籍";
        Retain = "19", "保留学籍";
        TransferOut = "21", "转出";
        TransferIn = "22", "转入";
        ChangeClass = "29", "转班级" | "转班";
        Withdraw = "31", "退学";
        Expel = "42", "开除学籍" | "开除";
        Die = "51", "死亡";
        GraduateEarly = "61", "提前毕业";
        Complete = "62", "结业";
        LeaveIncomplete = "63", "肄业";
        Other = "99", "其他";
    }
}

impl StudentChange {
    /// The changes that a stay may end by in a state; the first one where nobody says which. Graduation needs none.
    pub const fn ending(state: StudentState) -> &'static [Self] {
        match state {
            StudentState::Withdrawn => &[Self::Withdraw, Self::Cancel],
            StudentState::Expelled => &[Self::Expel, Self::Cancel],
            StudentState::Completed => &[Self::Complete],
            StudentState::Incomplete => &[Self::LeaveIncomplete],
            StudentState::TransferredOut => &[Self::TransferOut],
            StudentState::Deceased => &[Self::Die],
            StudentState::DroppedOut | StudentState::Missing => &[Self::Other, Self::Cancel],
            StudentState::Graduated => &[Self::GraduateEarly],
            _ => &[],
        }
    }

    /// By which of them it ends where nobody says.
    pub fn usually_ending(state: StudentState) -> Option<Self> {
        let usual = Self::ending(state).first().copied();
        usual.filter(|_| state != StudentState::Graduated)
    }
}
