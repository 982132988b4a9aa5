//! What somebody types to say who she is (ruling R9): a user name, or an alias that its holder confirmed.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use super::personal_code::PersonalCode;
use super::text;
use super::user_name::UserName;

/// A typed login, told by its form and normalised. [`fmt::Debug`] shows the form only (ruling R7).
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// One of our user names.
    UserName(UserName),
    /// A phone number in E.164 form, `+8613…`.
    Phone(String),
    /// An e-mail address in lower case.
    Email(String),
    /// A 学籍号.
    PersonalCode(PersonalCode),
    /// Anything else, the bare identity number included: refused like any unknown login.
    Unknown(String),
}

/// Longer input is cut: it is no login, and the throttle's key needs no more.
const MAX_CHARS: usize = 254;

impl Login {
    /// Reads what was typed. Always gives something, so that known and unknown take the same way.
    pub fn parse(typed: &str) -> Self {
        let plain: String = text::trim(typed).nfkc().filter(|c| !text::is_invisible(*c)).take(MAX_CHARS).collect();
        let plain = plain.trim();
        if let Ok(name) = UserName::parse(plain) {
            Self::UserName(name)
        } else if let Some(phone) = phone(plain) {
            Self::Phone(phone)
        } else if let Some(email) = email(plain) {
            Self::Email(email)
        } else if let Ok(code) = PersonalCode::parse(plain) {
            Self::PersonalCode(code)
        } else {
            Self::Unknown(plain.to_lowercase())
        }
    }

    /// The text that the throttle's key is made of: the same for every way of typing one login.
    pub fn throttle_text(&self) -> &str {
        match self {
            Self::UserName(name) => name.as_str(),
            Self::PersonalCode(code) => code.expose(),
            Self::Phone(text) | Self::Email(text) | Self::Unknown(text) => text,
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UserName(_) => "Login::UserName([login])",
            Self::Phone(_) => "Login::Phone([login])",
            Self::Email(_) => "Login::Email([login])",
            Self::PersonalCode(_) => "Login::PersonalCode([login])",
            Self::Unknown(_) => "Login::Unknown([login])",
        })
    }
}

/// A phone number in E.164 form: eleven digits from 1 3–9 are a mobile of the mainland, others need their `+` or `00`.
pub fn phone(typed: &str) -> Option<String> {
    let dialled: String = typed.nfkc().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '(' | ')' | '.')).collect();
    let international = dialled.strip_prefix('+').or_else(|| dialled.strip_prefix("00"));
    let number = match international {
        Some(number) => number.to_owned(),
        None if dialled.len() == 13 && dialled.starts_with("861") => dialled,
        None if dialled.len() == 11 => format!("86{dialled}"),
        None => return None,
    };
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    let mainland =
        number.strip_prefix("86").map(|rest| rest.len() == 11 && matches!(rest.as_bytes(), [b'1', b'3'..=b'9', ..]));
    (digits && !number.starts_with('0') && (8..=15).contains(&number.len()) && mainland.unwrap_or(true))
        .then(|| format!("+{number}"))
}

/// An address in lower case: one `@`, something on both sides, a dot in the domain, no spaces. Whether it exists only a
/// message to it can tell.
pub fn email(typed: &str) -> Option<String> {
    let plain: String = text::trim(typed).nfkc().collect::<String>().to_lowercase();
    let (local, domain) = plain.split_once('@')?;
    let whole = !local.is_empty() && domain.split('.').count() > 1 && domain.split('.').all(|part| !part.is_empty());
    let clean = !domain.contains('@') && !plain.chars().any(|c| c.is_whitespace() || c.is_control());
    (whole && clean && plain.len() <= MAX_CHARS).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_form_is_told() {
        assert!(matches!(Login::parse("222 222 2222"), Login::UserName(_)));
        assert!(matches!(Login::parse("G11010519491231002x"), Login::PersonalCode(_)));
        assert!(matches!(Login::parse("王芳"), Login::Unknown(_)));
        assert!(matches!(Login::parse(""), Login::Unknown(_)));
    }

    #[test]
    fn the_bare_identity_number_is_unknown() {
        assert!(matches!(Login::parse("11010519491231002X"), Login::Unknown(_)));
        assert!(matches!(Login::parse("440524188001010014"), Login::Unknown(_)));
    }

    #[test]
    fn a_phone_is_one_phone_however_typed() {
        for typed in ["13812345678", "+86 138-1234-5678", "0086 13812345678", "8613812345678", "１３８１２３４５６７８"]
        {
            assert_eq!(Login::parse(typed), Login::Phone("+8613812345678".into()), "{typed}");
        }
        assert_eq!(phone("+85291234567").as_deref(), Some("+85291234567"));
        assert_eq!(phone("12012345678"), None);
        assert_eq!(phone("+8612345"), None);
    }

    #[test]
    fn an_address_is_folded() {
        assert_eq!(Login::parse(" Wang.Fang@Example.CN "), Login::Email("wang.fang@example.cn".into()));
        for typed in ["@example.cn", "a@b", "a@b@c.cn", "a b@c.cn", "a@c..cn"] {
            assert_eq!(email(typed), None, "{typed}");
        }
    }

    #[test]
    fn logs_show_no_login() {
        for typed in ["13812345678", "G11010519491231002X", "11010519491231002X", "wang@example.cn"] {
            assert!(!format!("{:?}", Login::parse(typed)).contains(&typed[1..4]));
        }
    }

    proptest! {
        #[test]
        fn the_normalised_text_is_read_as_itself(typed in "\\PC{0,40}") {
            let login = Login::parse(&typed);
            let again = Login::parse(login.throttle_text());
            prop_assert_eq!(again.throttle_text(), login.throttle_text());
        }
    }
}
