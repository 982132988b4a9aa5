//! Current state of a student 学生当前状态, and where she came from.

use super::codes;

codes! {
    /// XSDQZT of JY/T 1001-2012.
    StudentState {
        Enrolled = "01", "在读";
        Suspended = "02", "休学";
        Withdrawn = "03", "退学";
        Halted = "04", "停学";
        Resumed = "05", "复学";
        DroppedOut = "06", "流失";
        Graduated = "07", "毕业";
        Completed = "08", "结业";
        Incomplete = "09", "肄业";
        TransferredOut = "10", "转学(转出)" | "转学" | "转出";
        Deceased = "11", "死亡";
        PlaceReserved = "12", "保留入学资格";
        SentAbroad = "13", "公派出国";
        Expelled = "14", "开除";
        Missing = "15", "下落不明";
        Other = "99", "其他";
    }
}

impl StudentState {
    /// Whether the 学籍 stands, so that the person is a student of the school although perhaps not in it today.
    pub const fn holds_place(self) -> bool {
        matches!(
            self,
            Self::Enrolled
                | Self::Suspended
                | Self::Halted
                | Self::Resumed
                | Self::PlaceReserved
                | Self::SentAbroad
                | Self::Other
        )
    }
}

impl StudentState {
    /// Whether whoever is in this state graduates when her class does: of those who are suspended, stopped or abroad somebody
    /// decides each time.
    pub const fn graduates_with_class(self) -> bool {
        matches!(self, Self::Enrolled | Self::Resumed | Self::Other)
    }
}

codes! {
    /// ZXXXSLY of JY/T 1001-2012: a 借读 student sits in another school than the one that holds her 学籍.
    StudentSource {
        Normal = "normal", "正常入学" | "1";
        Borrowed = "borrowed", "借读" | "2";
        Other = "other", "其他" | "9";
    }
}

impl StudentSource {
    /// How a stay ends when its class is through: a 借读 student graduates where her 学籍 is.
    pub const fn leaves_as(self) -> StudentState {
        match self {
            Self::Normal | Self::Other => StudentState::Graduated,
            Self::Borrowed => StudentState::Completed,
        }
    }
}
