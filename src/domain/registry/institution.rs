//! Institutions 机构: one tree, nation → province → city → county → school → campus.

use chrono::NaiveDate;

use super::codes::codes;
use super::codes::school_type::SchoolType;
use super::codes::stage::Stage;
use super::division::{Division, DivisionLevel};
use super::institution_code::Code;
use crate::domain::id::OrgId;
use crate::domain::time::Timestamp;

codes! {
    /// Table O, as far as it means institutions (grades and classes are their own entities).
    InstitutionKind {
        Authority = "authority", "教育行政部门";
        EdTechCentre = "edtech_centre", "电教馆/信息中心" | "电教馆" | "信息中心";
        School = "school", "学校";
        Campus = "campus", "校区";
        TeachingPoint = "teaching_point", "教学点";
        Department = "department", "部门";
        Enterprise = "enterprise", "企业/服务商" | "企业" | "服务商";
        Studio = "studio", "工作室";
        PlatformOperator = "platform_operator", "平台运营方";
    }
}

impl InstitutionKind {
    /// Whether students can be enrolled there.
    pub const fn teaches(self) -> bool {
        matches!(self, Self::School | Self::Campus | Self::TeachingPoint)
    }
}

codes! {
    /// Level in the tree.
    InstitutionLevel {
        Nation = "nation", "国家";
        Province = "province", "省";
        City = "city", "市";
        County = "county", "区县";
        School = "school", "校";
        Campus = "campus", "校区";
    }
}

impl InstitutionLevel {
    /// How far from the top, which is 0.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Nation => 0,
            Self::Province => 1,
            Self::City => 2,
            Self::County => 3,
            Self::School => 4,
            Self::Campus => 5,
        }
    }

    /// The level of an institution: of a school its own, of everything else that of its division.
    pub fn of(kind: InstitutionKind, division: &Division) -> Self {
        match (kind, division.level()) {
            (InstitutionKind::School, _) => Self::School,
            (InstitutionKind::Campus | InstitutionKind::TeachingPoint, _) => Self::Campus,
            (_, DivisionLevel::Nation) => Self::Nation,
            (_, DivisionLevel::Province) => Self::Province,
            (_, DivisionLevel::City) => Self::City,
            (_, DivisionLevel::County) => Self::County,
        }
    }
}

codes! {
    /// Its state.
    InstitutionStatus {
        Inactive = "inactive", "未激活";
        Active = "active", "正常";
        Abolished = "abolished", "撤销";
        Locked = "locked", "锁定";
        Merged = "merged", "合并";
    }
}

/// An institution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Institution {
    /// For ever; codes come and go.
    pub id: OrgId,
    /// The node above; the top has none.
    pub parent: Option<OrgId>,
    /// What it is.
    pub kind: InstitutionKind,
    /// Where in the tree.
    pub level: InstitutionLevel,
    /// Its name.
    pub name: String,
    /// Where it lies.
    pub division: Division,
    /// 办学类型, for schools.
    pub school_type: Option<SchoolType>,
    /// Its state.
    pub status: InstitutionStatus,
    /// The survivor of a merge.
    pub merged_into: Option<OrgId>,
    /// First recorded.
    pub created_at: Timestamp,
    /// Last changed.
    pub updated_at: Timestamp,
    /// Counts changes.
    pub version: i64,
}

impl Institution {
    /// The stages it teaches.
    pub fn stages(&self) -> &'static [Stage] {
        self.school_type.map_or(&[], SchoolType::stages)
    }
}

/// A code for a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstitutionCode {
    /// Whose.
    pub org: OrgId,
    /// The code.
    pub code: Code,
    /// First day.
    pub valid_from: NaiveDate,
    /// First day on which it no longer holds.
    pub valid_to: Option<NaiveDate>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_of_an_authority_is_its_divisions() {
        let division: Division = "360100".parse().unwrap();
        assert_eq!(InstitutionLevel::of(InstitutionKind::Authority, &division), InstitutionLevel::City);
        assert_eq!(InstitutionLevel::of(InstitutionKind::School, &division), InstitutionLevel::School);
    }
}
