//! Sex 性别.

use super::codes;

codes! {
    /// GB/T 2261.1. Other systems number differently (0 is *female* in some): their numbers stay in their adapters.
    Sex {
        Unknown = "0", "未知的性别" | "未知";
        Male = "1", "男性" | "男";
        Female = "2", "女性" | "女";
        Unstated = "9", "未说明的性别" | "未说明" | "保密";
    }
}

impl Sex {
    /// Whether somebody said it.
    pub const fn is_known(self) -> bool {
        matches!(self, Self::Male | Self::Female)
    }
}
