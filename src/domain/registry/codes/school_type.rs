//! Type of school 办学类型.

use super::codes;
use super::stage::Stage;

codes! {
    /// BXLX of JY/T 1001-2012, with the names of the founding document's form 3 as aliases
    /// (小学(5年) and 小学(6年) differ in length of schooling only: [`SchoolType::primary_years`]).
    SchoolType {
        Kindergarten = "111", "幼儿园";
        AttachedKindergarten = "119", "附设幼儿班";
        Primary = "211", "小学" | "小学(5年)" | "小学(6年)";
        PrimaryTeachingPoint = "218", "小学教学点" | "教学点";
        AttachedPrimary = "219", "附设小学班";
        Junior = "311", "初级中学" | "普通初中" | "初中";
        NineYear = "312", "九年一贯制学校" | "九年一贯";
        AttachedJunior = "319", "附设普通初中班";
        VocationalJunior = "321", "职业初中";
        Complete = "341", "完全中学";
        Senior = "342", "高级中学" | "普通高中" | "高中";
        TwelveYear = "345", "十二年一贯制学校" | "十二年一贯";
        AttachedSenior = "349", "附设普通高中班";
        VocationalAdjusted = "361", "调整后中等职业学校" | "调整后中职";
        TechnicalSecondary = "362", "中等技术学校" | "中等技术";
        NormalSecondary = "363", "中等师范学校" | "中等师范";
        AdultVocational = "364", "成人中等专业学校" | "成人中专";
        VocationalSenior = "365", "职业高中" | "职业高中学校";
        SkilledWorker = "366", "技工学校";
        AttachedVocational = "368", "附设中职班";
        Reformatory = "371", "工读学校" | "工读";
        University = "411", "大学";
        College = "412", "学院";
        IndependentCollege = "413", "独立学院";
        JuniorCollege = "414", "高等专科学校" | "高专";
        VocationalCollege = "415", "高等职业学校" | "高职";
        Blind = "511", "盲人学校" | "盲校";
        Deaf = "512", "聋人学校" | "聋校";
        MentallyDisabled = "513", "弱智学校" | "培智学校";
        OtherSpecial = "514", "其他特教学校" | "特殊教育学校" | "特殊教育";
        AttachedSpecial = "519", "附设特教班";
    }
}

impl SchoolType {
    /// The stages that a school of this type teaches; empty where it depends on the school.
    pub const fn stages(self) -> &'static [Stage] {
        match self {
            Self::Kindergarten | Self::AttachedKindergarten => &[Stage::Preschool],
            Self::Primary | Self::PrimaryTeachingPoint | Self::AttachedPrimary => &[Stage::Primary],
            Self::Junior | Self::AttachedJunior => &[Stage::Junior],
            Self::NineYear => &[Stage::Primary, Stage::Junior],
            Self::VocationalJunior => &[Stage::VocationalJunior],
            Self::Complete => &[Stage::Junior, Stage::Senior],
            Self::Senior | Self::AttachedSenior => &[Stage::Senior],
            Self::TwelveYear => &[Stage::Primary, Stage::Junior, Stage::Senior],
            Self::VocationalAdjusted
            | Self::TechnicalSecondary
            | Self::NormalSecondary
            | Self::VocationalSenior
            | Self::SkilledWorker
            | Self::AttachedVocational => &[Stage::VocationalSenior],
            Self::AdultVocational => &[Stage::AdultVocational],
            Self::Blind | Self::Deaf | Self::MentallyDisabled | Self::OtherSpecial | Self::AttachedSpecial => {
                &[Stage::Special]
            }
            Self::Reformatory
            | Self::University
            | Self::College
            | Self::IndependentCollege
            | Self::JuniorCollege
            | Self::VocationalCollege => &[],
        }
    }

    /// The length of primary schooling that a label such as 小学(5年) carries.
    pub fn primary_years(label: &str) -> Option<u8> {
        match super::plain_label(label).as_str() {
            "小学(5年)" => Some(5),
            "小学(6年)" => Some(6),
            _ => None,
        }
    }
}
