//! Rosters of any size, and what a correct import must find in them. The same size always makes the same bytes: nobody in
//! them was ever born, every number is well-formed (GB 11643).

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{self, Read};

/// A county with its schools: one of a hundred of its province that are alike, with nobody in two of them.
#[derive(Clone, Copy, Debug)]
pub struct County {
    pub students: u64,
    nth: u64,
}

/// What must be there after an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truth {
    pub institutions: u64,
    pub students: u64,
    pub staff: u64,
    pub guardians: u64,
    pub teacher_guardians: u64,
    pub persons: u64,
}

const STUDENTS: &str = "学校标识码,姓名,性别,身份证件类型,身份证件号,学籍号,学段,入学年份,班级,监护人姓名,监护人关系,监护人身份证件类型,监护人身份证件号,监护人手机号,监护人2姓名,监护人2关系,监护人2身份证件类型,监护人2身份证件号,监护人2手机号\n";
const STAFF: &str = "学校标识码,姓名,性别,身份证件类型,身份证件号,工号,手机号,岗位,任教学科,任教班级,班主任\n";
const INSTITUTIONS: &str = "机构标识码,机构名称,机构类型,办学类型,行政区划代码,上级机构标识码\n";
/// The school year that begins on 1 September.
const YEAR: u64 = 2026;
const STAFF_OF_A_SCHOOL: u64 = 60;

/// Ranges of birth years apart from each other, so that no two people have one number.
#[derive(Clone, Copy)]
enum Who {
    Child,
    Guardian,
    Second,
    Staff,
}

fn number(who: Who, n: u64) -> String {
    let (first, years) = match who {
        Who::Child => (2014, 6),
        Who::Guardian => (1984, 12),
        Who::Second => (1972, 12),
        Who::Staff => (1960, 12),
    };
    let (year, rest) = (first + n % years, n / years);
    let (day, rest) = (rest % 336, rest / 336);
    let (month, day) = (day / 28 + 1, day % 28 + 1);
    let (serial, area) = (rest % 1000, rest / 1000);
    let body = format!("33{:04}{year}{month:02}{day:02}{serial:03}", 101 + area);
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: usize = body.bytes().zip(weights).map(|(digit, weight)| usize::from(digit - b'0') * weight).sum();
    format!("{body}{}", char::from(b"10X98765432"[sum % 11]))
}

fn name(who: Who, n: u64) -> String {
    const FAMILY: [&str; 8] = ["王", "李", "张", "欧阳", "陈", "杨", "赵", "迪丽努尔·"];
    const GIVEN: [&str; 12] = ["伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "𠮷"];
    let n = usize::try_from(n).unwrap() * 7 + who as usize;
    format!("{}{}{}", FAMILY[n % 8], GIVEN[n / 8 % 12], GIVEN[n / 96 % 12])
}

fn phone(who: Who, n: u64) -> String {
    format!("1{}{:09}", 3 + who as u64, n)
}

impl County {
    /// The first of the province.
    pub const fn of(students: u64) -> Self {
        Self { students, nth: 0 }
    }

    /// The one that many after it; below 100.
    pub const fn after(self, counties: u64) -> Self {
        Self { nth: self.nth + counties, ..self }
    }

    fn schools(self) -> u64 {
        (self.students / 1000).max(1)
    }

    fn school(self, n: u64) -> String {
        format!("2133{:06}", self.nth * self.schools() + n % self.schools() + 1)
    }

    /// 行政区划代码 of its city and its own.
    fn divisions(self) -> (String, String) {
        let city = format!("33{:02}", self.nth / 10 + 1);
        (format!("{city}00"), format!("{city}{:02}", self.nth % 10 + 2))
    }

    /// The code of its authority.
    pub fn authority(self) -> String {
        format!("ED{}00", self.divisions().1)
    }

    /// Somebody's place among all of the province.
    fn overall(self, who: Who, n: u64) -> u64 {
        n + self.nth * if matches!(who, Who::Staff) { self.staff_count() } else { self.students }
    }

    fn named(self, who: Who, n: u64) -> (String, String, String) {
        let n = self.overall(who, n);
        (name(who, n), number(who, n), phone(who, n))
    }

    /// The name, the number and the first guardian's phone of a student.
    pub fn student(self, n: u64) -> (String, String, String) {
        let (name, number, _) = self.named(Who::Child, n);
        let (who, guardian) = self.first_guardian(n);
        (name, number, self.named(who, guardian).2)
    }

    fn staff_count(self) -> u64 {
        self.schools() * STAFF_OF_A_SCHOOL
    }

    pub fn institutions(self) -> String {
        let (city, own) = self.divisions();
        let mut file = format!("{INSTITUTIONS}ED33000000,浙江省教育厅,教育行政部门,,330000,\n");
        let _ = writeln!(file, "ED{city}00,{city}教育局,教育行政部门,,{city},ED33000000");
        let _ = writeln!(file, "{},{own}教育局,教育行政部门,,{own},ED{city}00", self.authority());
        for n in 0..self.schools() {
            let _ = writeln!(file, "{},第{}小学,学校,211,{own},{}", self.school(n), n + 1, self.authority());
        }
        file
    }

    pub fn staff(self) -> String {
        let mut file = STAFF.to_owned();
        for n in 0..self.staff_count() {
            let (school, class, year) = (self.school(n), n % 8 + 1, YEAR - n % 6);
            let (name, number, phone) = self.named(Who::Staff, n);
            let _ = writeln!(
                file,
                "{school},{name},,居民身份证,{number},{n:06},{phone},教师,语文,小学/{year}/{class}班,否"
            );
        }
        file
    }

    /// The students as a stream, whatever their number.
    pub fn students(self) -> impl Read + Send {
        Rows { county: self, next: 0, line: STUDENTS.as_bytes().to_vec(), at: 0 }
    }

    /// Every eighth is the brother of the one before; every fiftieth is a teacher's child.
    fn first_guardian(self, n: u64) -> (Who, u64) {
        match n {
            n if n % 8 == 7 => self.first_guardian(n - 1),
            n if n % 50 == 9 => (Who::Staff, n / 50 % self.staff_count()),
            n => (Who::Guardian, n),
        }
    }

    fn has_second(n: u64) -> bool {
        n % 10 < 3
    }

    fn row(self, n: u64) -> String {
        let (school, year, class) = (self.school(n), YEAR - n % 6, n / 6 % 8 + 1);
        let (child, document, _) = self.named(Who::Child, n);
        let (who, g) = self.first_guardian(n);
        let (guardian, guardian_number, guardian_phone) = self.named(who, g);
        let mut row = format!("{school},{child},,居民身份证,{document},G{document},小学,{year},{class}班");
        let _ = write!(row, ",{guardian},母亲,居民身份证,{guardian_number},{guardian_phone}");
        if Self::has_second(n) {
            let (name, number, phone) = self.named(Who::Second, n);
            let _ = write!(row, ",{name},父亲,居民身份证,{number},{phone}");
        } else {
            row += ",,,,,";
        }
        row + "\n"
    }

    pub fn truth(self) -> Truth {
        let (mut own, mut teachers, mut second) = (0, HashSet::new(), 0);
        for n in 0..self.students {
            match self.first_guardian(n) {
                _ if n % 8 == 7 => {}
                (Who::Staff, teacher) => {
                    teachers.insert(teacher);
                }
                _ => own += 1,
            }
            second += u64::from(Self::has_second(n));
        }
        let teacher_guardians = teachers.len() as u64;
        Truth {
            institutions: self.schools() + 3,
            students: self.students,
            staff: self.staff_count(),
            guardians: own + second + teacher_guardians,
            teacher_guardians,
            persons: self.students + self.staff_count() + own + second,
        }
    }
}

struct Rows {
    county: County,
    next: u64,
    line: Vec<u8>,
    at: usize,
}

impl Read for Rows {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.line.len() {
            if self.next == self.county.students {
                return Ok(0);
            }
            self.line = self.county.row(self.next).into_bytes();
            self.at = 0;
            self.next += 1;
        }
        let some = buffer.len().min(self.line.len() - self.at);
        buffer[..some].copy_from_slice(&self.line[self.at..self.at + some]);
        self.at += some;
        Ok(some)
    }
}
