//! Staff: category 教职工类别, post 岗位职业, state 当前状态.

use super::codes;

codes! {
    /// ZXXBZLB of JY/T 1001-2012.
    StaffCategory {
        Teacher = "1", "专任教师";
        Administrator = "2", "行政人员";
        TeachingSupport = "3", "教辅人员";
        Worker = "4", "工勤人员";
        SchoolEnterprise = "5", "校办企业职工";
        SubstituteTeacher = "6", "代课教师";
        PartTimeTeacher = "7", "兼任教师";
        Other = "9", "其他";
    }
}

impl StaffCategory {
    /// Whether teaching is the job.
    pub const fn teaches(self) -> bool {
        matches!(self, Self::Teacher | Self::SubstituteTeacher | Self::PartTimeTeacher)
    }
}

codes! {
    /// GWZY of JY/T 1001-2012, as far as its labels could be read.
    StaffPost {
        Teacher = "10", "教师";
        TeacherAdministrator = "20", "教师兼行政";
        ResearchGroupHead = "21", "教研室主任(组长)" | "教研室主任" | "教研组长";
        GradeHead = "22", "年级主任(组长)" | "年级主任" | "年级组长";
        HeadTeacher = "23", "班主任";
        Counsellor = "24", "辅导员、教练员" | "辅导员" | "教练员";
        YouthLeague = "25", "共青团";
        Union = "26", "工会";
        OtherTeaching = "28", "其他教学岗位";
        Administration = "30", "行政" | "行政人员";
        Principal = "31", "校领导" | "校长" | "副校长";
        OfficeHead = "32", "行政处室负责人";
        AdministratorTeaching = "34", "行政兼教学";
        Support = "40", "教辅" | "教辅人员";
        Library = "45", "图书";
        EdTech = "47", "电教";
        Worker = "60", "工勤" | "工勤人员";
        Medical = "61", "医护";
        Enterprise = "70", "校办企业";
        Other = "80", "其他";
    }
}

impl StaffPost {
    /// The category that goes with the post when a roster names only the post.
    pub const fn category(self) -> StaffCategory {
        match self {
            Self::Teacher
            | Self::TeacherAdministrator
            | Self::ResearchGroupHead
            | Self::GradeHead
            | Self::HeadTeacher
            | Self::Counsellor
            | Self::OtherTeaching => StaffCategory::Teacher,
            Self::YouthLeague
            | Self::Union
            | Self::Administration
            | Self::Principal
            | Self::OfficeHead
            | Self::AdministratorTeaching => StaffCategory::Administrator,
            Self::Support | Self::Library | Self::EdTech => StaffCategory::TeachingSupport,
            Self::Worker | Self::Medical => StaffCategory::Worker,
            Self::Enterprise => StaffCategory::SchoolEnterprise,
            Self::Other => StaffCategory::Other,
        }
    }
}

codes! {
    /// JZGDQZT of JY/T 1001-2012.
    StaffState {
        Retired = "01", "退休";
        RetiredVeteran = "02", "离休";
        Deceased = "03", "死亡";
        Rehired = "04", "返聘";
        TransferredOut = "05", "调出";
        Resigned = "06", "辞职";
        Left = "07", "离职";
        Dismissed = "08", "开除";
        Missing = "09", "下落不明";
        Serving = "11", "在职";
        Extended = "12", "延聘";
        AwaitingRetirement = "13", "待退休";
        LongSickLeave = "14", "长病假";
        Abroad = "15", "因公出国";
        UnpaidLeave = "16", "停薪留职";
        AwaitingPost = "17", "待岗";
        Other = "99", "其他";
    }
}

impl StaffState {
    /// Whether the person still belongs to the institution's staff.
    pub const fn serves(self) -> bool {
        matches!(
            self,
            Self::Rehired
                | Self::Serving
                | Self::Extended
                | Self::AwaitingRetirement
                | Self::LongSickLeave
                | Self::Abroad
                | Self::UnpaidLeave
                | Self::AwaitingPost
                | Self::Other
        )
    }
}
