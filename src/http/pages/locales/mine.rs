//! What somebody does about her own account: another password, and what she agreed to.

use super::{Counted, With};

/// Another password.
pub struct OwnPassword {
    pub title: &'static str,
    pub link: &'static str,
    pub lead: &'static str,
    pub old: &'static str,
    pub forgot: &'static str,
    pub submit: &'static str,
    pub wrong: &'static str,
    pub child_lead: &'static str,
    pub child_who: &'static str,
    pub told: &'static str,
    pub home: &'static str,
}

/// What she agreed to.
pub struct Consents {
    pub title: &'static str,
    pub link: &'static str,
    pub lead: &'static str,
    pub not_here: &'static str,
    pub own: &'static str,
    pub none: &'static str,
    pub by_family: &'static str,
    pub of_child: With,
    pub vendor: &'static str,
    pub before: With,
    pub items: &'static str,
    pub since: &'static str,
    pub comma: &'static str,
    pub outdated: &'static str,
    pub take_back: &'static str,
    pub ends: Counted,
    pub told: &'static str,
    pub home: &'static str,
}

/// 中文。
pub const OWN_PASSWORD_ZH: OwnPassword = OwnPassword {
    title: "修改密码",
    link: "修改密码",
    lead: "改好以后，其他设备上的登录都会退出，要用新密码重新登录。这台设备不受影响。",
    old: "现在的密码",
    forgot: "忘了现在的密码？请让学校给您一个新的激活码。",
    submit: "修改密码",
    wrong: "现在的密码不对，请再输一次。",
    child_lead: "你还不到 14 岁，密码要和家人一起改。",
    child_who: "请爸爸妈妈在他们的首页上给你换一个，或者请老师帮忙。",
    told: "密码改好了。其他设备上的登录已经退出。",
    home: "回到首页",
};

/// English.
pub const OWN_PASSWORD_EN: OwnPassword = OwnPassword {
    title: "Change your password",
    link: "Change password",
    lead: "After this, all other devices are signed out and need the new password. This one stays signed in.",
    old: "Current password",
    forgot: "Forgotten? Ask your school for a new activation code.",
    submit: "Change password",
    wrong: "This is not your current password. Type it again.",
    child_lead: "You are under 14, so you change your password together with your family.",
    child_who: "Your parents can set a new one on their home page, or ask your teacher.",
    told: "Your password is changed. All other devices were signed out.",
    home: "Home page",
};

/// 中文。
pub const CONSENTS_ZH: Consents = Consents {
    title: "同意过的平台",
    link: "同意过的平台",
    lead: "这些平台得到过同意，可以知道下面写的信息。随时可以收回，按一下就行。",
    not_here: "教育系统自己的平台依法提供服务，不用逐个同意，所以不在这里。",
    own: "关于您自己",
    none: "没有同意过哪个平台。",
    by_family: "你还不到 14 岁，这些由家长决定。想收回，请告诉爸爸妈妈。",
    of_child: |hint| format!("关于孩子 {hint}"),
    vendor: "提供方",
    before: |names| format!("同意的时候由{names}负责，它已经并入现在这个机构。同意的内容没有变；不想继续，可以收回。"),
    items: "可以知道",
    since: "同意时间",
    comma: "、",
    outdated: "这个平台改过自己的介绍，原来的同意不再算数，它要重新询问。",
    take_back: "收回同意",
    ends: |minutes| {
        format!(
            "收回以后，平台会收到通知；最多再过 {minutes} 分钟，它就什么也取不到了。已经交给它的信息，请联系平台删除。"
        )
    },
    told: "已经收回，也通知了平台。",
    home: "回到首页",
};

/// English.
pub const CONSENTS_EN: Consents = Consents {
    title: "What you agreed to",
    link: "What you agreed to",
    lead: "These platforms may know what is listed here, because somebody agreed to it. One click takes it back, at any time.",
    not_here: "Platforms of the education system itself serve you by law and do not ask, so they are not listed.",
    own: "About you",
    none: "Nothing was agreed to.",
    by_family: "You are under 14, so your family decides. Tell your parents if you want to take something back.",
    of_child: |hint| format!("About your child {hint}"),
    vendor: "Provider",
    before: |names| {
        format!(
            "When you agreed it was {names}, which has become a part of this one. What you agreed to is the same; you can take it back."
        )
    },
    items: "May know",
    since: "Since",
    comma: ", ",
    outdated: "This platform has changed what it says about itself. The old consent no longer counts, and it has to ask again.",
    take_back: "Take it back",
    ends: |minutes| {
        format!(
            "The platform is told, and after {minutes} minutes at most it gets nothing more. Ask the platform to delete what it has."
        )
    },
    told: "Taken back. The platform was told.",
    home: "Home page",
};
