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

/// A mobile phone of the mainland as rosters have it: eleven digits, without the country.
pub fn mobile(typed: &str) -> Option<String> {
    let digits: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let digits = digits.strip_prefix("+86").unwrap_or(&digits);
    let plausible = digits.len() == 11 && digits.starts_with('1') && digits.bytes().all(|b| b.is_ascii_digit());
    plausible.then(|| digits.to_owned())
}
