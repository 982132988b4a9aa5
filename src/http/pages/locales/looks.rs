//! Who looked at somebody's record, on her home page.

/// The texts of one language.
pub struct Looks {
    pub heading: &'static str,
    pub lead: &'static str,
    /// The operator's own commands have no name.
    pub operator: &'static str,
    /// Who it was might lead to a child whom a court keeps from her.
    pub withheld: &'static str,
    pub record: &'static str,
    pub roster: &'static str,
    pub export: &'static str,
    pub search: &'static str,
    pub person: &'static str,
    pub case: &'static str,
    pub copy: &'static str,
    pub other: &'static str,
    pub purpose: super::With,
}

impl Looks {
    /// What was done, by the name that the audit has for it.
    pub fn of(&self, action: &str) -> &'static str {
        match action {
            "person.record_viewed" => self.record,
            "roster.viewed" => self.roster,
            "roster.exported" => self.export,
            "person.searched" => self.search,
            "person.viewed" => self.person,
            "case.viewed" => self.case,
            "person.exported" => self.copy,
            _ => self.other,
        }
    }
}

/// 简体中文。
pub const ZH: Looks = Looks {
    heading: "谁看过您的信息",
    lead: "最近几次：学校或主管部门的管理员看过什么、为什么。",
    operator: "系统运维",
    withheld: "某位管理员（因法院裁定，不显示是谁）",
    record: "查看了完整档案",
    roster: "查看了名册",
    export: "导出了名册",
    search: "按姓名或号码查找",
    person: "查看了基本信息",
    case: "处理信息争议时查看",
    copy: "查看或下载了全部信息",
    other: "查看了信息",
    purpose: |why| format!("用途：{why}"),
};

/// English.
pub const EN: Looks = Looks {
    heading: "Who looked at your record",
    lead: "The latest: what an administrator of a school or authority saw, and why.",
    operator: "The operator",
    withheld: "An administrator (who is not shown, because of a court's order)",
    record: "saw the full record",
    roster: "saw the roster",
    export: "exported the roster",
    search: "searched by name or number",
    person: "saw the basic record",
    case: "saw it while settling a dispute",
    copy: "saw everything, or took a copy of it",
    other: "saw it",
    purpose: |why| format!("for: {why}"),
};
