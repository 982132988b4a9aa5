//! State of a person or account 账号状态.

use super::codes;

codes! {
    /// P-status; the reference numbers the states 0–6 ([`Status::number`]).
    Status {
        Inactive = "inactive", "未激活";
        Active = "active", "正常";
        Cancelled = "cancelled", "注销";
        Locked = "locked", "锁定";
        AdminLocked = "admin_locked", "管理锁定";
        Merged = "merged", "已合并";
        Deceased = "deceased", "已故";
    }
}

impl Status {
    /// Whether no stay, post or ward begins for her any more: she died, or asked to be erased.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Cancelled | Self::Deceased)
    }

    /// The number of the state in table P-status.
    pub const fn number(self) -> u8 {
        match self {
            Self::Inactive => 0,
            Self::Active => 1,
            Self::Cancelled => 2,
            Self::Locked => 3,
            Self::AdminLocked => 4,
            Self::Merged => 5,
            Self::Deceased => 6,
        }
    }
}
