//! Contacts: how to reach somebody. A roster's phone is a contact and never a login (ruling R9).

use super::codes::codes;

codes! {
    /// What it is.
    ContactKind {
        Phone = "phone", "手机号";
        Email = "email", "电子邮箱";
    }
}

codes! {
    /// Who said that it is the person's.
    ContactSource {
        Roster = "roster", "名册";
        Own = "self", "本人";
        Admin = "admin", "管理员";
    }
}
