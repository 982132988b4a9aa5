//! Which passwords are refused (NIST SP 800-63B-4, 3.1.1.2): the short and the common, not the simple-looking;
//! no rules about kinds of characters, which only make people write them down.

use unicode_normalization::UnicodeNormalization as _;

/// Characters at least.
pub const MIN_LENGTH: u32 = 8;
/// Characters at most: a longer one only costs time.
pub const MAX_LENGTH: u32 = 128;

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Characters at least.
    #[error("it has fewer than {0} characters")]
    TooShort(u32),
    /// Characters at most.
    #[error("it has more than {0} characters")]
    TooLong(u32),
    /// One of those that everybody tries first.
    #[error("it is one of the commonest")]
    TooCommon,
    /// The user name, or it holds it.
    #[error("it is made from the user name")]
    LikeUserName,
}

/// The commonest first, as seen in public leaks and in Chinese habits (digits, birthdays, names of love).
const COMMON: &[&str] = &[
    "password",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "qwertyui",
    "qwertyuiop",
    "asdfghjk",
    "asdfghjkl",
    "zxcvbnm",
    "zxcvbnm1",
    "1qaz2wsx",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "qazwsxedc",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "trustno1",
    "letmein1",
    "welcome1",
    "admin123",
    "administrator",
    "changeme",
    "woaini520",
    "woaini1314",
    "5201314",
    "52013140",
    "13145200",
    "woaini123",
    "iloveyou1",
    "woaiwojia",
    "woaizuguo",
    "xuexi123",
    "student1",
    "student123",
    "teacher123",
    "xuesheng",
    "laoshi123",
    "abcd1234",
    "a1234567",
    "a12345678",
    "a123456789",
    "aa123456",
    "aa123456789",
    "abc12345",
    "abc123456",
    "abc123456789",
    "qq123456",
    "qq123456789",
    "qwer1234",
    "qwe123456",
    "zxc123456",
    "asd123456",
    "q1w2e3r4",
    "1234qwer",
    "123456aa",
    "123456abc",
    "12345678a",
    "123456789a",
    "123qweasd",
    "147258369",
    "159357456",
    "987654321",
    "9876543210",
    "88888888",
    "66666666",
    "00000000",
    "11111111",
    "12121212",
    "11223344",
    "112233445566",
    "123123123",
    "12344321",
    "1234554321",
    "123654789",
    "12341234",
    "147852369",
    "789456123",
    "741852963",
];

/// Checks a new password. `names` are texts it must not be made from.
///
/// # Errors
/// The first [`Weakness`].
pub fn check(password: &str, names: &[&str]) -> Result<(), Weakness> {
    let normal: String = password.nfc().collect();
    let length = u32::try_from(normal.chars().count()).unwrap_or(u32::MAX);
    if length < MIN_LENGTH {
        return Err(Weakness::TooShort(MIN_LENGTH));
    }
    if length > MAX_LENGTH {
        return Err(Weakness::TooLong(MAX_LENGTH));
    }
    let folded: String = normal.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    if COMMON.contains(&folded.as_str()) || is_run(&folded) || is_repeat(&folded) {
        return Err(Weakness::TooCommon);
    }
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "");
    if names.iter().map(|name| plain(name)).any(|name| name.chars().count() >= 4 && plain(&folded).contains(&name)) {
        return Err(Weakness::LikeUserName);
    }
    Ok(())
}

/// 12345678, 87654321, abcdefgh: each character one step from the one before, all in one direction.
fn is_run(text: &str) -> bool {
    let codes: Vec<i64> = text.chars().map(|c| i64::from(u32::from(c))).collect();
    [1, -1].iter().any(|step| codes.windows(2).all(|pair| pair[1] - pair[0] == *step || (pair[0], pair[1]) == (57, 48)))
}

/// aaaaaaaa, 12121212, abcabcabc: one short piece over and over.
fn is_repeat(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=chars.len() / 2)
        .filter(|period| *period <= 4)
        .any(|period| chars.iter().zip(chars.iter().skip(period)).all(|(a, b)| a == b))
}

/// The form that is hashed: one spelling of what looks the same.
pub fn normalised(password: &str) -> String {
    password.nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn habits_are_refused_and_sentences_are_not() {
        for bad in [
            "12345678",
            "1234567890",
            "87654321",
            "abcdefgh",
            "aaaaaaaa",
            "19191919",
            "Woaini1314",
            "PASSWORD",
            "a123456789",
        ] {
            assert_eq!(check(bad, &[]), Err(Weakness::TooCommon), "{bad}");
        }
        for good in ["小明爱吃红烧肉和糖", "correct horse battery", "kf9-2mxq-7a"] {
            assert_eq!(check(good, &["abcd-efgh-jk"]), Ok(()), "{good}");
        }
        assert_eq!(check("short", &[]), Err(Weakness::TooShort(8)));
        assert_eq!(check(&"x9".repeat(65), &[]), Err(Weakness::TooLong(128)));
        assert_eq!(check("my-abcd-efgh-jk", &["abcd-efgh-jk"]), Err(Weakness::LikeUserName));
    }
}
