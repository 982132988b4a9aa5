//! Real-name verification: method 核验方式 and level 实名等级.

use super::{UnknownCode, codes};

codes! {
    /// Table V.
    Method {
        PoliceNameId = "police_name_id", "公安二要素";
        PoliceFace = "police_face", "公安实人";
        NetCredential = "ctid", "网证/网号";
        StudentRegister = "xueji", "学籍库";
        TeacherRegister = "teacher_db", "教师库";
        Operator = "operator3", "运营商三要素";
        DocumentSighted = "document_sighted", "现场核验";
        SchoolVouch = "school_vouch", "学校担保";
        GuardianVouch = "guardian_vouch", "监护人担保";
        None = "none", "未核验";
    }
}

impl Method {
    /// Whether it compares with a record that somebody else keeps; the others rest on the word of whoever looked.
    pub const fn is_record(self) -> bool {
        match self {
            Self::PoliceNameId
            | Self::PoliceFace
            | Self::NetCredential
            | Self::StudentRegister
            | Self::TeacherRegister
            | Self::Operator => true,
            Self::DocumentSighted | Self::SchoolVouch | Self::GuardianVouch | Self::None => false,
        }
    }

    /// The level that a confirmed verification by this method gives (table R). The table does not place the
    /// operators' check; like the registers it compares with a database that is not the police's, hence 2.
    pub const fn level(self) -> Level {
        Level(match self {
            Self::None => 0,
            Self::SchoolVouch | Self::GuardianVouch => 1,
            Self::StudentRegister | Self::TeacherRegister | Self::Operator => 2,
            Self::PoliceNameId | Self::NetCredential => 3,
            Self::PoliceFace | Self::DocumentSighted => 4,
        })
    }
}

/// Table R: 0 未实名, 1 学校录入未核验, 2 学籍/教师库比对, 3 公安二要素/网证, 4 实人或现场核验.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

impl Level {
    /// 未实名.
    pub const NONE: Self = Self(0);
    /// 学校录入未核验.
    pub const RECORDED: Self = Self(1);

    /// From 0–4.
    ///
    /// # Errors
    /// [`UnknownCode`] for any other number.
    pub fn new(level: i64) -> Result<Self, UnknownCode> {
        match u8::try_from(level) {
            Ok(level @ 0..=4) => Ok(Self(level)),
            _ => Err(UnknownCode { table: "Level" }),
        }
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Whether somebody other than the recording school or a guardian compared the person with something (2 and up).
    pub const fn is_verified(self) -> bool {
        self.0 >= 2
    }
}
