//! What a client asks to do in detail, on the pages where somebody agrees to it. What each type means is the operator's text.

use crate::domain::oidc::authorization_type::Member;

/// The texts of one language.
pub struct Details {
    pub heading: &'static str,
    pub only_this: &'static str,
    pub actions: &'static str,
    pub datatypes: &'static str,
    pub privileges: &'static str,
    pub identifier: &'static str,
    pub at: &'static str,
    /// Between values.
    pub comma: &'static str,
}

impl Details {
    /// What a member is called.
    pub fn of(&self, member: Member) -> &'static str {
        match member {
            Member::Actions => self.actions,
            Member::Datatypes => self.datatypes,
            Member::Privileges => self.privileges,
            Member::Identifier => self.identifier,
        }
    }
}

/// 简体中文。
pub const ZH: Details = Details {
    heading: "还请您同意办这些事",
    only_this: "只包括上面写明的内容；要办别的，会再来问您。",
    actions: "要做什么",
    datatypes: "哪些数据",
    privileges: "什么权限",
    identifier: "针对哪一项",
    at: "在哪里办",
    comma: "、",
};

/// English.
pub const EN: Details = Details {
    heading: "It also asks to do this",
    only_this: "This and nothing else: for anything more you are asked again.",
    actions: "To do",
    datatypes: "Data",
    privileges: "Rights",
    identifier: "Which one",
    at: "Where",
    comma: ", ",
};
