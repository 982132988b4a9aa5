//! Who lives in the demo world. All people are invented; their numbers are well-formed and nobody's on purpose.

use chrono::{Datelike as _, NaiveDate};
use serde_json::{Map, Value, json};

use crate::app::Error;
use crate::domain::registry::codes::admin_role::AdminRole;
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::codes::sex::Sex;
use crate::domain::registry::codes::staff::StaffPost;
use crate::domain::registry::codes::subject::Subject;
use crate::domain::registry::document::{Document, DocumentLabel};
use crate::domain::registry::mod11;
use crate::domain::registry::personal_code::PersonalCode;

/// A post with the classes taught: class, subject, head teacher.
pub struct Post {
    /// Key of the institution.
    pub org: &'static str,
    /// As what.
    pub post: StaffPost,
    /// Classes.
    pub teaches: Vec<(&'static str, Option<Subject>, bool)>,
}

/// A person of the demo world.
pub struct Character {
    /// The contract's key.
    pub key: &'static str,
    /// Legal name.
    pub name: &'static str,
    /// GB/T 2261.1.
    pub sex: Sex,
    /// Birth date; children keep their age from year to year.
    pub born: NaiveDate,
    /// Three digits of the number; odd for men.
    sequence: u16,
    /// Keys of school and class.
    pub enrolled: Option<(&'static str, &'static str)>,
    /// Posts.
    pub posts: Vec<Post>,
    /// Wards: key of the child, relation, key of her school.
    pub wards: Vec<(&'static str, Relation, &'static str)>,
    /// Administrative role and code of its institution.
    pub admin: Option<(AdminRole, &'static str)>,
}

impl Character {
    /// Her identity number.
    pub fn number(&self) -> String {
        let digits = format!("360781{}{:03}", self.born.format("%Y%m%d"), self.sequence);
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "X"]
            .iter()
            .map(|check| format!("{digits}{check}"))
            .find(|number| mod11::passes(number))
            .unwrap_or(digits)
    }

    /// Her identity document.
    ///
    /// # Errors
    /// A cast that is not well-formed.
    pub fn document(&self) -> Result<Document, Error> {
        Document::parse(Some(DocumentLabel::ResidentId), None, &self.number())
            .map(|(document, _)| document)
            .map_err(Error::internal)
    }

    /// Her 学籍号, for students.
    ///
    /// # Errors
    /// A cast that is not well-formed.
    pub fn personal_code(&self) -> Result<Option<PersonalCode>, Error> {
        self.enrolled.map(|_| PersonalCode::parse(&format!("G{}", self.number())).map_err(Error::internal)).transpose()
    }

    /// Standard claims she gave herself (OpenID Connect Core, 5.1).
    pub fn profile(&self) -> Option<Map<String, Value>> {
        let claims = json!({
            "family_name": "钟", "given_name": "明远", "middle_name": "子期", "nickname": "远山", "preferred_username": "yuanshan", "profile": "https://space.example/yuanshan",
            "picture": "https://space.example/yuanshan.png", "website": "https://yuanshan.example", "email": "yuanshan@mail.example", "email_verified": true, "gender": "male",
            "birthdate": self.born.to_string(), "zoneinfo": "Asia/Shanghai", "locale": "zh-CN", "phone_number": "+8613900000781", "phone_number_verified": true,
            "address": { "formatted": "江西省瑞金市象湖镇红都大道", "region": "江西省", "locality": "瑞金市", "street_address": "红都大道", "country": "CN" },
        });
        (self.key == "full_claims").then(|| claims.as_object().cloned().unwrap_or_default())
    }
}

/// The school year that a day lies in: it turns on 1 September.
pub fn school_year(day: NaiveDate) -> i64 {
    i64::from(day.year()) - i64::from(day.month() < 9)
}

/// Everybody, wards before their guardians.
pub fn cast(today: NaiveDate) -> Vec<Character> {
    let born =
        |years: i32, month: u32, day: u32| NaiveDate::from_ymd_opt(today.year() - years, month, day).unwrap_or(today);
    let person = |key, name, sex, born, sequence| Character {
        key,
        name,
        sex,
        born,
        sequence,
        enrolled: None,
        posts: Vec::new(),
        wards: Vec::new(),
        admin: None,
    };
    let mathematics = Some(Subject::Mathematics);
    vec![
        Character {
            enrolled: Some(("primary", "primary_3_2")),
            ..person("child_under14", "刘雨桐", Sex::Female, born(9, 1, 18), 2)
        },
        Character {
            enrolled: Some(("complete", "senior_1_4")),
            ..person("child_15", "刘子墨", Sex::Male, born(16, 12, 31), 11)
        },
        Character {
            enrolled: Some(("nine_year", "nine_5_1")),
            ..person("child_of_teacher", "陈一诺", Sex::Female, born(11, 1, 5), 24)
        },
        Character {
            posts: vec![Post {
                org: "primary",
                post: StaffPost::Teacher,
                teaches: vec![("primary_3_2", mathematics, true), ("primary_3_3", mathematics, false)],
            }],
            wards: vec![("child_of_teacher", Relation::Mother, "nine_year")],
            ..person("teacher_parent", "欧阳若兰", Sex::Female, born(36, 5, 12), 42)
        },
        Character {
            wards: vec![("child_under14", Relation::Father, "primary"), ("child_15", Relation::Father, "complete")],
            ..person("guardian_of_two", "刘建国", Sex::Male, born(41, 3, 8), 57)
        },
        Character {
            posts: vec![Post {
                org: "complete",
                post: StaffPost::Teacher,
                teaches: vec![("senior_1_4", Some(Subject::Physics), false)],
            }],
            ..person("full_claims", "钟明远", Sex::Male, born(33, 8, 20), 63)
        },
        Character {
            posts: vec![Post { org: "primary", post: StaffPost::OfficeHead, teaches: Vec::new() }],
            admin: Some((AdminRole::School, "2136000781")),
            ..person("school_admin", "曾慧敏", Sex::Female, born(45, 10, 2), 88)
        },
        Character {
            posts: vec![Post { org: "county", post: StaffPost::OfficeHead, teaches: Vec::new() }],
            admin: Some((AdminRole::County, "ED36078100")),
            ..person("county_admin", "阿依古丽·买买提", Sex::Female, born(39, 4, 23), 106)
        },
    ]
}
