//! The check of identity numbers: ISO 7064 MOD 11-2 with the weights of GB 11643-1999.

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: &[u8; 11] = b"10X98765432";

/// The check character of 17 digits.
pub(crate) fn check_character(digits: &[u8; 17]) -> Option<u8> {
    let mut sum = 0;
    for (digit, weight) in digits.iter().zip(WEIGHTS) {
        sum += u32::from(digit.is_ascii_digit().then(|| digit - b'0')?) * weight;
    }
    CHECKS.get(sum as usize % 11).copied()
}

/// Whether the text is 17 digits and their check character (a capital `X` stands for ten).
pub fn passes(text: &str) -> bool {
    let Ok(bytes) = <&[u8; 18]>::try_from(text.as_bytes()) else { return false };
    let [digits @ .., last] = bytes;
    check_character(digits) == Some(*last)
}

/// Whether the text looks like such a number: 17 digits and a digit or `X`, right or wrong.
pub(crate) fn has_shape(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 18 && bytes[..17].iter().all(u8::is_ascii_digit) && (bytes[17].is_ascii_digit() || bytes[17] == b'X')
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 17 digits with the right check character.
    pub(crate) fn complete(digits: &str) -> String {
        let bytes: &[u8; 17] = digits.as_bytes().try_into().unwrap();
        format!("{digits}{}", char::from(check_character(bytes).unwrap()))
    }

    #[test]
    fn the_standards_own_examples() {
        assert!(passes("11010519491231002X"));
        assert!(passes("440524188001010014"));
        assert!(!passes("110105194912310021"));
        for specimen in ["810000199408230021", "830000199201300022", "911124198108030024"] {
            assert!(passes(specimen), "{specimen}");
        }
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_always_seen(digits in "[0-9]{17}", at in 0usize..17, by in 1u8..10) {
            let mut typed = complete(&digits).into_bytes();
            typed[at] = b'0' + (typed[at] - b'0' + by) % 10;
            prop_assert!(!passes(std::str::from_utf8(&typed).unwrap()));
        }

        #[test]
        fn two_swapped_neighbours_are_always_seen(digits in "[0-9]{17}", at in 0usize..16) {
            let mut typed = complete(&digits).into_bytes();
            prop_assume!(typed[at] != typed[at + 1]);
            typed.swap(at, at + 1);
            prop_assert!(!passes(std::str::from_utf8(&typed).unwrap()));
        }
    }
}
