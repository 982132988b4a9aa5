//! What is printed on activation slips. Both languages stand on the same paper.

use super::With;
use crate::domain::registry::holder::{Holder, SlipKind};

/// The texts of one language.
pub struct Slips {
    pub title: &'static str,
    /// For the teacher, on top of every sheet.
    pub handling: &'static str,
    pub staff: &'static str,
    pub students: &'static str,
    pub guardians: &'static str,
    pub guardian_of: With,
    pub user_name: &'static str,
    pub code: &'static str,
    pub address: &'static str,
    pub valid_until: With,
    pub for_staff: &'static str,
    pub for_guardian: &'static str,
    pub for_student: &'static str,
    pub for_child: &'static str,
}

impl Slips {
    /// What a sheet of this kind is headed with.
    pub fn kind(&self, kind: SlipKind) -> &'static str {
        match kind {
            SlipKind::Staff => self.staff,
            SlipKind::Students => self.students,
            SlipKind::Guardians => self.guardians,
        }
    }

    /// What its holder does with a slip.
    pub fn advice(&self, holder: Holder) -> &'static str {
        match holder {
            Holder::Staff => self.for_staff,
            Holder::Guardian => self.for_guardian,
            Holder::Student => self.for_student,
            Holder::Child => self.for_child,
        }
    }
}

/// 简体中文。
pub const ZH: Slips = Slips {
    title: "激活小纸条",
    handling: "沿虚线剪开，当面交给本人或家长。谁拿到，谁就能设密码：没有发完的请锁好，过期的请撕碎。",
    staff: "教职工",
    students: "学生",
    guardians: "家长",
    guardian_of: |name| format!("{name} 的家长"),
    user_name: "用户名",
    code: "激活码",
    address: "网址",
    valid_until: |date| format!("有效期至 {date}"),
    for_staff: "扫码，或打开网址输入激活码，给自己设一个密码。",
    for_guardian: "请家长扫码设密码，再登录，看看孩子登记得对不对。",
    for_student: "扫码，自己设密码。密码不要告诉别人。",
    for_child: "请和爸爸妈妈一起扫码，一起设密码。",
};

/// English.
pub const EN: Slips = Slips {
    title: "Activation slips",
    handling: "Cut along the dashed lines and hand each slip over in person. Whoever holds it can set the password: lock up what is left, tear up what is too old.",
    staff: "Staff",
    students: "Students",
    guardians: "Parents and guardians",
    // The name stands before it, in the Chinese words.
    guardian_of: |_| "Parent or guardian".to_owned(),
    user_name: "User name",
    code: "Code",
    address: "Address",
    valid_until: |date| format!("good until {date}"),
    for_staff: "Scan it, or open the address and type the code. Then choose a password.",
    for_guardian: "Scan it and choose a password. Then sign in and check your children.",
    for_student: "Scan it and choose a password of your own. Tell it to nobody.",
    for_child: "Scan it together with your family, and choose the password together.",
};
