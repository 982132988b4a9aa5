//! Identity documents 身份证件: what makes 用户实名唯一 enforceable. A number is normalised so that every way of typing
//! it gives the same text, and its *class* follows the number, not the label beside it (ruling R10).

use std::fmt;

use chrono::NaiveDate;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

use super::codes::codes;
use super::codes::sex::Sex;
use super::{division, mod11, text};

/// This country, as ISO 3166-1 writes it.
const OURS: [u8; 3] = *b"CHN";

codes! {
    /// What the paper is called: table D (SFZJLX of JY/T 1001-2012) and the `X…` extensions it lacks.
    DocumentLabel {
        ResidentId = "1", "居民身份证" | "身份证" | "中华人民共和国居民身份证";
        Officer = "2", "军官证";
        Soldier = "3", "士兵证";
        CivilCadre = "4", "文职干部证";
        RetiredMilitary = "5", "部队离退休证";
        HongKong = "6", "香港特区护照/身份证明" | "香港特区护照" | "香港身份证";
        Macao = "7", "澳门特区护照/身份证明" | "澳门特区护照" | "澳门身份证";
        TaiwanPermit = "8", "台湾居民来往大陆通行证" | "台胞证";
        PermanentResidence = "9", "境外永久居住证" | "外国人永久居留身份证" | "外国人永久居留证";
        Passport = "A", "护照";
        Household = "B", "户口簿" | "户口本";
        Other = "Z", "其他";
        ResidencePermit = "X1", "港澳台居民居住证";
        HongKongMacaoPermit = "X2", "港澳居民来往内地通行证" | "回乡证";
        BirthCertificate = "X3", "出生医学证明";
        NetNumber = "X4", "网号";
    }
}

codes! {
    /// The space in which a number is unique, together with the issuing country.
    DocumentClass {
        Cn18 = "cn18", "公民身份号码与同式号码";
        Officer = "officer", "军官证";
        Soldier = "soldier", "士兵证";
        CivilCadre = "civil_cadre", "文职干部证";
        RetiredMilitary = "retired_military", "部队离退休证";
        HongKong = "hk_document", "香港特区护照/身份证明";
        Macao = "mo_document", "澳门特区护照/身份证明";
        TaiwanPermit = "tw_permit", "台湾居民来往大陆通行证";
        PermanentResidence15 = "pr15", "外国人永久居留证(15位)";
        Passport = "passport", "护照";
        HongKongMacaoPermit = "hkmo_permit", "港澳居民来往内地通行证";
        BirthCertificate = "birth_certificate", "出生医学证明";
        NetNumber = "net_number", "网号";
        Other = "other", "其他";
    }
}

codes! {
    /// What has become of a recorded number (ruling R10): active and superseded ones stay taken, a withdrawn one is free
    /// for its true holder, and of an erased one only the index is left.
    DocumentStatus {
        Active = "active", "有效";
        Superseded = "superseded", "已换证";
        Withdrawn = "withdrawn", "已撤回";
        Erased = "erased", "已删除";
    }
}

codes! {
    /// What ended a paper that was hers, while its number stays hers.
    PaperEnd {
        Lost = "lost", "遗失";
        Void = "void", "作废";
        Recalled = "recalled", "签发机关收回";
    }
}

impl DocumentStatus {
    /// Whether nobody else can record the number.
    pub const fn holds_number(self) -> bool {
        matches!(self, Self::Active | Self::Superseded)
    }
}

/// A normalised number. Nothing shows it by accident.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentNumber(String);

impl DocumentNumber {
    /// The number itself, for sealing and for the blind index.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// First and last character only (ruling R7).
    pub fn masked(&self) -> String {
        text::mask(&self.0)
    }
}

impl fmt::Debug for DocumentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[number]")
    }
}

/// A document as the register knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The space in which the number is unique.
    pub class: DocumentClass,
    /// Issuing country, ISO 3166-1 alpha-3; only classes with many issuers have one.
    pub country: Option<[u8; 3]>,
    /// What the paper is called.
    pub label: DocumentLabel,
    /// The number.
    pub number: DocumentNumber,
}

/// Why a text is no document. Never repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DocumentError {
    /// Nothing there.
    #[error("the document number is missing")]
    Missing,
    /// A character that no number holds, as the `*` of a masked one.
    #[error("the document number holds a character that no number has; is it masked?")]
    Character,
    /// As a spreadsheet leaves a number that it took for one: fifteen digits of eighteen, and `000` or `E+17` for the rest.
    #[error("a spreadsheet rounded the number: format the column as text and type the numbers again")]
    Rounded,
    /// GB 11643-1999: the check character is wrong.
    #[error("the check character of the identity number is wrong")]
    Check,
    /// 15 digits: void since 2013.
    #[error("identity numbers of 15 digits are void since 2013; the 18-character number is needed")]
    FifteenDigits,
    /// The check is right but the date inside does not exist.
    #[error("the birth date inside the identity number does not exist")]
    BirthDate,
    /// The check is right but the first two digits belong to no province.
    #[error("the first digits of the identity number belong to no province")]
    Region,
    /// The number has not the form of this kind of document.
    #[error("the number does not have the form of such a document")]
    Form,
    /// A household register names a household; the child's own 18-character number stands inside it.
    #[error("a household register is shared by its members; enter the person's own identity number from it")]
    NamesNoPerson,
    /// Without a label only an 18-character number can be told.
    #[error("which kind of document this is was not said and cannot be told from the number")]
    LabelNeeded,
    /// Not three letters.
    #[error("the issuing country is not an ISO 3166-1 alpha-3 code")]
    Country,
}

impl DocumentError {
    /// The same in Chinese.
    pub const fn chinese(self) -> &'static str {
        match self {
            Self::Missing => "缺少证件号码",
            Self::Character => "证件号码含有不应出现的字符，可能已被遮盖（*）",
            Self::Rounded => "证件号码已被电子表格舍入，请将该列设为文本格式后重新填写",
            Self::Check => "公民身份号码校验位不正确",
            Self::FifteenDigits => "15 位身份证号已于 2013 年停用，请填写 18 位号码",
            Self::BirthDate => "公民身份号码中的出生日期不存在",
            Self::Region => "公民身份号码的前两位不是省级行政区划",
            Self::Form => "号码与该类证件的格式不符",
            Self::NamesNoPerson => "户口簿不是个人证件，请填写户口簿上本人的公民身份号码",
            Self::LabelNeeded => "未填写证件类型，且从号码无法判断",
            Self::Country => "签发国家应为三位字母代码（ISO 3166-1，如 KOR）",
        }
    }
}

/// Something a person should look at; the document stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentWarning {
    /// The number is of another class than the label says; the number decides (R10).
    LabelDisagrees,
    /// A passport without its issuing country: two countries' numbers may collide.
    CountryUnknown,
    /// A class with one issuer was given a country that is not ours, or none that can be read; it was dropped.
    CountryIgnored,
}

impl DocumentClass {
    /// Numbers are given by many countries, each for itself: what makes one unique is the number with its country.
    pub fn has_many_issuers(self) -> bool {
        matches!(self, Self::Passport | Self::Other)
    }
}

impl Document {
    /// Reads a document from what a person or a spreadsheet says.
    ///
    /// Any 18 characters that pass MOD 11-2 are class `cn18` whatever the label. Everything else is of the label's class.
    ///
    /// # Errors
    /// [`DocumentError`] says what is wrong with the number.
    pub fn parse(
        label: Option<DocumentLabel>,
        country: Option<&str>,
        raw: &str,
    ) -> Result<(Self, Vec<DocumentWarning>), DocumentError> {
        let number = normalise(raw, label)?;
        let country = country.map(str::trim).filter(|c| !c.is_empty()).map(read_country);
        if mod11::passes(&number) {
            return Self::identity_number(label, country, number);
        }
        let label = label.ok_or_else(|| untold(&number))?;
        let (class, number) = by_label(label, number)?;
        let mut warnings = Vec::new();
        let country = match (class.has_many_issuers(), country) {
            (true, None) if class == DocumentClass::Passport => {
                warnings.push(DocumentWarning::CountryUnknown);
                None
            }
            (true, country) => country.transpose()?,
            (false, country) => {
                warnings.extend(ignored(country));
                None
            }
        };
        Ok((Self { class, country, label, number: DocumentNumber(number) }, warnings))
    }

    fn identity_number(
        label: Option<DocumentLabel>,
        country: Option<Result<[u8; 3], DocumentError>>,
        number: String,
    ) -> Result<(Self, Vec<DocumentWarning>), DocumentError> {
        let told = label_of(&number);
        let agrees = match label {
            None | Some(DocumentLabel::Household) => true,
            Some(label) => label == told,
        };
        // Under a label of another kind the number may pass by chance (one in eleven does): it keeps its place in
        // the class, but its inside is no reason to refuse it.
        if agrees || matches!(label, Some(DocumentLabel::ResidentId | DocumentLabel::ResidencePermit)) {
            check_inside(&number)?;
        }
        let mut warnings = Vec::new();
        if !agrees {
            warnings.push(DocumentWarning::LabelDisagrees);
        }
        warnings.extend(ignored(country));
        let label = label.unwrap_or(told);
        Ok((Self { class: DocumentClass::Cn18, country: None, label, number: DocumentNumber(number) }, warnings))
    }

    /// Whether the issuing country could be one of many, and is not said: a paper with this number of any country may be this one.
    pub fn is_of_any_country(&self) -> bool {
        self.class.has_many_issuers() && self.country.is_none()
    }

    /// The country's three letters, empty for a class with one issuer: as stored, so that uniqueness sees one value.
    pub fn country_text(&self) -> &str {
        self.country.as_ref().and_then(|c| std::str::from_utf8(c).ok()).unwrap_or_default()
    }

    /// The birth date inside an 18-character number (GB 11643-1999; the same eight digits in residence permits and in
    /// permanent residence cards since 2023-12).
    pub fn birth_date(&self) -> Option<NaiveDate> {
        (self.class == DocumentClass::Cn18).then(|| inner_date(self.number.expose())).flatten()
    }

    /// Whether the number ends as one does that a spreadsheet rounded: one of eleven of those has a right check character.
    pub fn may_be_rounded(&self) -> bool {
        self.class == DocumentClass::Cn18 && ends_rounded(self.number.expose())
    }

    /// The sex inside an 18-character number: the seventeenth digit is odd for men (GB 11643-1999). Permanent residence
    /// cards (first digit 9) do not follow that standard, so nothing is read from them.
    pub fn sex(&self) -> Option<Sex> {
        let number = self.number.expose().as_bytes();
        if self.class != DocumentClass::Cn18 || number.first() == Some(&b'9') || self.birth_date().is_none() {
            return None;
        }
        number.get(16).map(|digit| if digit % 2 == 1 { Sex::Male } else { Sex::Female })
    }
}

/// A country beside a number that has one issuer; that it is ours says nothing.
fn ignored(country: Option<Result<[u8; 3], DocumentError>>) -> Option<DocumentWarning> {
    country.filter(|country| *country != Ok(OURS)).map(|_| DocumentWarning::CountryIgnored)
}

/// Folds width and case, drops separators and what spreadsheets leave behind.
fn normalise(raw: &str, label: Option<DocumentLabel>) -> Result<String, DocumentError> {
    if text::is_rounded(raw) {
        return Err(DocumentError::Rounded);
    }
    let mut out = String::with_capacity(raw.len());
    for c in raw.nfkc().filter(|c| !is_separator(*c)) {
        match c {
            // The number of a net identity is made by a machine and may tell cases apart.
            c if c.is_ascii_alphanumeric() && label == Some(DocumentLabel::NetNumber) => out.push(c),
            c if c.is_ascii_alphanumeric() => out.push(c.to_ascii_uppercase()),
            // Cyrillic and Greek letters and the multiplication sign are typed for the check character X.
            'Х' | 'х' | 'Χ' | 'χ' | '×' => out.push('X'),
            // Military documents carry Han characters (军字第…号).
            c if c.is_alphabetic() => out.push(c),
            _ => return Err(DocumentError::Character),
        }
    }
    if out.is_empty() { Err(DocumentError::Missing) } else { Ok(out) }
}

fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || text::is_invisible(c)
        || matches!(c, '-' | '.' | '·' | '/' | '(' | ')' | '\'' | '"' | '`' | '’' | '‘' | '“' | '”' | '_')
        || matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}')
}

fn read_country(text: &str) -> Result<[u8; 3], DocumentError> {
    // As the national form of students has it under 国籍/地区.
    if matches!(text, "中国" | "中华人民共和国" | "156") {
        return Ok(OURS);
    }
    let upper = text.to_ascii_uppercase();
    <[u8; 3]>::try_from(upper.as_bytes())
        .ok()
        .filter(|c| c.iter().all(u8::is_ascii_uppercase))
        .ok_or(DocumentError::Country)
}

fn untold(number: &str) -> DocumentError {
    if mod11::has_shape(number) {
        unchecked(number)
    } else if digits(number, 15..=15) {
        DocumentError::FifteenDigits
    } else {
        DocumentError::LabelNeeded
    }
}

/// Why an 18-character number has not the check character that it should have.
fn unchecked(number: &str) -> DocumentError {
    if ends_rounded(number) { DocumentError::Rounded } else { DocumentError::Check }
}

fn ends_rounded(number: &str) -> bool {
    number.ends_with("000")
}

/// What the paper with such an 18-character number is called.
fn label_of(number: &str) -> DocumentLabel {
    match (number.get(..1), number.get(..2)) {
        (Some("9"), _) => DocumentLabel::PermanentResidence,
        (_, Some("81" | "82" | "83")) => DocumentLabel::ResidencePermit,
        _ => DocumentLabel::ResidentId,
    }
}

/// The province must exist; the county need not: it is the one of the first issue, and codes are abolished.
fn check_inside(number: &str) -> Result<(), DocumentError> {
    let region = number.get(..2).unwrap_or_default();
    if !number.starts_with('9') && region != "83" && !division::is_province(region) {
        return Err(DocumentError::Region);
    }
    inner_date(number).map(|_| ()).ok_or(DocumentError::BirthDate)
}

fn inner_date(number: &str) -> Option<NaiveDate> {
    let part = |range: std::ops::Range<usize>| number.get(range)?.parse().ok();
    NaiveDate::from_ymd_opt(i32::try_from(part(6..10)?).ok()?, part(10..12)?, part(12..14)?)
}

/// The class and the comparable number of everything that is not an 18-character number with a right check.
fn by_label(label: DocumentLabel, number: String) -> Result<(DocumentClass, String), DocumentError> {
    let identity = || {
        if digits(&number, 15..=15) {
            DocumentError::FifteenDigits
        } else if mod11::has_shape(&number) {
            unchecked(&number)
        } else {
            DocumentError::Form
        }
    };
    let class = match label {
        DocumentLabel::ResidentId | DocumentLabel::ResidencePermit => return Err(identity()),
        DocumentLabel::Household if mod11::has_shape(&number) => return Err(unchecked(&number)),
        DocumentLabel::Household => return Err(DocumentError::NamesNoPerson),
        DocumentLabel::PermanentResidence if mod11::has_shape(&number) => return Err(unchecked(&number)),
        DocumentLabel::PermanentResidence => DocumentClass::PermanentResidence15,
        DocumentLabel::Officer => DocumentClass::Officer,
        DocumentLabel::Soldier => DocumentClass::Soldier,
        DocumentLabel::CivilCadre => DocumentClass::CivilCadre,
        DocumentLabel::RetiredMilitary => DocumentClass::RetiredMilitary,
        DocumentLabel::HongKong => DocumentClass::HongKong,
        DocumentLabel::Macao => DocumentClass::Macao,
        DocumentLabel::TaiwanPermit => DocumentClass::TaiwanPermit,
        DocumentLabel::Passport => DocumentClass::Passport,
        DocumentLabel::HongKongMacaoPermit => DocumentClass::HongKongMacaoPermit,
        DocumentLabel::BirthCertificate => DocumentClass::BirthCertificate,
        DocumentLabel::NetNumber => DocumentClass::NetNumber,
        DocumentLabel::Other => DocumentClass::Other,
    };
    comparable(class, number).map(|number| (class, number)).ok_or(DocumentError::Form)
}

fn comparable(class: DocumentClass, number: String) -> Option<String> {
    let fits = match class {
        DocumentClass::PermanentResidence15 => letters(&number, 3) && digits(number.get(3..)?, 12..=12),
        DocumentClass::Passport => latin(&number, 5..=15),
        DocumentClass::HongKong | DocumentClass::Macao => latin(&number, 6..=12),
        DocumentClass::BirthCertificate => letters(&number, 1) && digits(number.get(1..)?, 9..=9),
        DocumentClass::NetNumber => latin(&number, 8..=128),
        // The reissue count (two digits, sometimes a letter) changes with every card; the eight digits are the person's.
        DocumentClass::TaiwanPermit => {
            let tail = number.get(8..)?;
            let kept = digits(number.get(..8)?, 8..=8) && (tail.is_empty() || reissue(tail));
            return kept.then(|| number[..8].to_owned());
        }
        DocumentClass::HongKongMacaoPermit => {
            let tail = number.get(9..)?;
            let kept = number.starts_with(['H', 'M'])
                && digits(number.get(1..9)?, 8..=8)
                && (tail.is_empty() || reissue(tail));
            return kept.then(|| number[..9].to_owned());
        }
        _ => (4..=40).contains(&number.chars().count()) && number.chars().any(|c| c.is_ascii_digit()),
    };
    fits.then_some(number)
}

fn reissue(tail: &str) -> bool {
    let count = tail.strip_suffix(|c: char| c.is_ascii_uppercase()).unwrap_or(tail);
    digits(count, 2..=2)
}

fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn latin(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
        && text.bytes().any(|b| b.is_ascii_digit())
}

fn letters(text: &str, count: usize) -> bool {
    text.get(..count).is_some_and(|head| head.bytes().all(|b| b.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests;
