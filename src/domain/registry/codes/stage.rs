//! Stage of education 学段.

use super::codes;

codes! {
    /// 任课学段 RKXD of JY/T 1001-2012.
    Stage {
        Preschool = "1", "学前教育" | "学前" | "幼儿园";
        Primary = "2", "小学";
        Junior = "3", "普通初中" | "初中";
        Senior = "4", "普通高中" | "高中";
        VocationalJunior = "5", "职业初中";
        VocationalSenior = "6", "职业高中" | "职高";
        AdultVocational = "7", "成人中专";
        AdultSecondary = "8", "成人中学";
        Special = "A", "特殊教育";
        Other = "Z", "其他";
    }
}

impl Stage {
    /// The usual length of schooling in years, for a class whose school did not say.
    /// Primary schools of five years and junior schools of four (五四制) must say.
    pub const fn usual_years(self) -> u8 {
        match self {
            Self::Primary => 6,
            Self::Special => 9,
            _ => 3,
        }
    }
}
