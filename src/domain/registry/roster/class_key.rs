//! Which class of a school a row means.

use chrono::{Datelike as _, NaiveDate};

use crate::domain::registry::codes::plain_label;
use crate::domain::registry::codes::stage::Stage;
use crate::domain::registry::text;

/// A class as schools name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassKey {
    /// 学段.
    pub stage: Stage,
    /// 入学年份.
    pub entry_year: i64,
    /// `3班`.
    pub class_no: String,
}

impl ClassKey {
    /// Reads 学段/入学年份/班级 in one text, as in 小学/2024/2班.
    pub fn parse(text: &str, today: NaiveDate) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts[..] {
            [stage, year, class] => Self::read(stage, year, class, today),
            _ => None,
        }
    }

    /// Reads a class on a day (Asia/Shanghai); none when the three do not name one.
    pub fn read(stage: &str, year: &str, class: &str, today: NaiveDate) -> Option<Self> {
        let stage = Stage::read(stage).ok()?;
        let entry_year: i64 = plain_label(year).trim_end_matches(['级', '年']).parse().ok()?;
        let this = i64::from(today.year());
        let class_no = class_no(&plain_label(class));
        let named = (1..=40).contains(&class_no.chars().count()) && !text::names_a_person(&class_no);
        let plausible = (this - 15..=this + 1).contains(&entry_year) && named;
        plausible.then_some(Self { stage, entry_year, class_no })
    }
}

/// One class has one label, however it is typed: `(3)班`, `三班`, `03` and `3班` are `3班`; `实验班` is itself.
fn class_no(label: &str) -> String {
    let core = label.strip_suffix('班').unwrap_or(label);
    let core = core.strip_prefix('(').and_then(|core| core.strip_suffix(')')).unwrap_or(core);
    let digits = !core.is_empty() && core.len() <= 3 && core.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { core.parse().ok() } else { chinese_number(core) };
    number.map_or_else(|| label.to_owned(), |number| format!("{number}班"))
}

/// 一 to 九十九.
fn chinese_number(text: &str) -> Option<u32> {
    let digit = |text: &str| {
        let value = (1..).zip("一二三四五六七八九".chars()).find(|(_, c)| text.starts_with(*c))?.0;
        text.chars().nth(1).is_none().then_some(value)
    };
    match text.split_once('十') {
        None => digit(text),
        Some((tens, ones)) => {
            let tens = if tens.is_empty() { 1 } else { digit(tens)? };
            let ones = if ones.is_empty() { 0 } else { digit(ones)? };
            Some(tens * 10 + ones)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_has_one_label_however_it_is_typed() {
        for typed in ["3班", "３班", "(3)班", "（3）班", "03班", "三班", "3", " 3 班"] {
            assert_eq!(
                ClassKey::read("小学", "２０２４级", typed, "2026-11-24".parse().unwrap()).unwrap().class_no,
                "3班",
                "{typed}"
            );
        }
        assert_eq!(class_no("二十一班"), "21班");
        assert_eq!(class_no("十班"), "10班");
        for named in ["实验班", "高一(3)班", "A班", "班"] {
            assert_eq!(class_no(named), named);
        }
    }
}
