//! What the page of somebody's own record says, and the words for what its document holds: the names of its fields, and its codes.

use std::str::FromStr;

use super::{Counted, Messages, With};
use crate::domain::locale::Locale;
use crate::domain::registry::codes::admin_role::AdminRole;
use crate::domain::registry::codes::realname::Method;
use crate::domain::registry::codes::sex::Sex;
use crate::domain::registry::codes::staff::StaffState;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::codes::student_state::{StudentSource, StudentState};
use crate::domain::registry::contact::{ContactKind, ContactSource};
use crate::domain::registry::document::{DocumentStatus, PaperEnd};
use crate::domain::registry::guardianship::{ConfirmedBy, Evidence, GuardianshipStatus, Restriction};
use crate::domain::registry::verification::VerificationResult;
use crate::domain::registry::verification_request::RequestState;

/// The page around it.
pub struct Record {
    pub title: &'static str,
    pub link: &'static str,
    pub of_child: With,
    pub lead: &'static str,
    pub left_out: &'static str,
    pub masked: &'static str,
    pub full: &'static str,
    pub show_numbers: &'static str,
    pub take_along: &'static str,
    pub none: &'static str,
    pub more: Counted,
    pub older: &'static str,
    pub older_lead: &'static str,
    pub newest: &'static str,
    pub mistakes: &'static str,
    pub by_family: &'static str,
    pub by_family_who: &'static str,
    pub home: &'static str,
}

/// 中文。
pub const ZH: Record = Record {
    title: "我的全部信息",
    link: "我的全部信息",
    of_child: |hint| format!("孩子 {hint} 的全部信息"),
    lead: "系统里登记的内容都在这里。您看了什么，也会记在“谁看过”里。",
    left_out: "孩子还有其他监护人。住址、联系方式和登录时间可能透露对方的住处，这里不显示。需要的话，请联系孩子的学校。",
    masked: "号码、电话和住址只显示第一个和最后一个字。旁边没有别人的时候，再显示完整内容。",
    full: "现在显示的是完整号码。看完请关掉这个页面。",
    show_numbers: "显示完整号码",
    take_along: "下载一份（JSON 文件）",
    none: "没有记录。",
    more: |count| format!("还有 {count} 条，下载的文件里有全部。"),
    older: "更早的查看记录",
    older_lead: "更早的查看记录，从近到远。",
    newest: "回到全部信息",
    mistakes: "发现不对的地方，请联系登记的学校或单位更正。",
    by_family: "你还不到 14 岁，这些信息由家长来看。",
    by_family_who: "请爸爸妈妈在他们的首页上打开，或者请老师帮忙。",
    home: "回到首页",
};

/// English.
pub const EN: Record = Record {
    title: "Everything we know about you",
    link: "Everything we know about you",
    of_child: |hint| format!("Everything we know about your child {hint}"),
    lead: "This is all that is recorded. That you looked is noted under “who looked”.",
    left_out: "Your child has another guardian. Address, contacts and times of sign-in may tell where the other one lives, so they are not shown here. Ask your child’s school if you need them.",
    masked: "Of numbers, phones and addresses only the first and the last character is shown. Show them in full when nobody looks over your shoulder.",
    full: "Numbers are shown in full. Close this page when you are done.",
    show_numbers: "Show numbers in full",
    take_along: "Download a copy (JSON)",
    none: "Nothing is recorded.",
    more: |count| format!("{count} more; the file has all."),
    older: "Who looked before",
    older_lead: "Who looked before, the latest first.",
    newest: "Everything we know",
    mistakes: "If something is wrong, ask the school or institution that recorded it to correct it.",
    by_family: "You are under 14, so your family reads this for you.",
    by_family_who: "Your parents open it on their home page, or ask your teacher.",
    home: "Home page",
};

/// The parts of the page: where each stands in the document, and its name.
pub const SECTIONS: &[(&str, &str)] = &[
    ("/person", "person"),
    ("/documents", "documents"),
    ("/contacts", "contacts"),
    ("/profile", "profile"),
    ("/places", "places"),
    ("/guardianships", "guardianships"),
    ("/person/verifications", "verifications"),
    ("/person/questions_to_services", "questions"),
    ("/consents", "consents"),
    ("/sign_in", "sign_in"),
    ("/sign_in/sessions", "sessions"),
    ("/sign_in/grants", "grants"),
    ("/disclosures", "disclosures"),
];

const HEADINGS: &[(&str, &str, &str)] = &[
    ("person", "基本信息", "Person"),
    ("documents", "证件和学籍号", "Documents and student codes"),
    ("contacts", "联系方式", "Contacts"),
    ("profile", "自己填写的资料", "What was filled in"),
    ("places", "学校、工作和管理职责", "Schools, posts and duties"),
    ("guardianships", "监护关系", "Guardianships"),
    ("verifications", "实名核验", "Verifications"),
    ("questions", "向核验服务的查询", "Questions to verification services"),
    ("consents", "同意记录", "Consents"),
    ("sign_in", "账号", "Account"),
    ("sessions", "登录记录", "Sign-ins"),
    ("grants", "给平台的授权", "What platforms were given"),
    ("disclosures", "谁看过", "Who looked"),
];

/// The fields of the document in the order in which they are read.
const FIELDS: &[(&str, &str, &str)] = &[
    ("as", "身份", "As"),
    ("name", "姓名", "Name"),
    ("former_names", "曾用名", "Former names"),
    ("institution", "单位", "Institution"),
    ("class", "班级", "Class"),
    ("student_no", "学号", "Student no."),
    ("post", "岗位", "Post"),
    ("staff_no", "工号", "Staff no."),
    ("role", "管理角色", "Role"),
    ("deputy", "副职", "Deputy"),
    ("label", "种类", "Kind"),
    ("country", "签发国家", "Country"),
    ("number", "号码", "Number"),
    ("kind", "种类", "Kind"),
    ("value", "内容", "Value"),
    ("sex", "性别", "Sex"),
    ("birth_date", "出生日期", "Born"),
    ("nationality", "国籍", "Nationality"),
    ("relation", "关系", "Relation"),
    ("legal", "法定监护", "By law"),
    ("rank", "顺序", "Order"),
    ("acts_for", "代表单位", "Acts for"),
    ("restrictions", "法院限制", "Court order"),
    ("client", "平台", "Platform"),
    ("client_id", "平台编号", "Platform id"),
    ("given_for", "为谁同意", "Given for"),
    ("claims", "内容", "Facts"),
    ("scope", "内容", "Facts"),
    ("authorization_details", "办理事项", "In detail"),
    ("purpose", "用途", "Purpose"),
    ("withheld", "因法院裁定不显示是谁", "Who is not shown, because of a court's order"),
    ("notice", "告知书版本", "Notice"),
    ("service", "服务", "Service"),
    ("method", "方式", "Method"),
    ("level", "等级", "Level"),
    ("realname_level", "实名等级", "Real-name level"),
    ("result", "结果", "Result"),
    ("verifier", "核验方", "Verified by"),
    ("verified_by", "确认依据", "Confirmed by"),
    ("confirmed_through", "确认途径", "Confirmed through"),
    ("confirmed_for", "确认单位", "Confirmed in the name of"),
    ("recorded_by", "登记单位", "Recorded by"),
    ("status", "状态", "State"),
    ("state", "状态", "State"),
    ("source", "来源", "Source"),
    ("ended_as", "失效原因", "Ended as"),
    ("evidence", "依据", "Evidence"),
    ("holds", "现在有效", "Counts today"),
    ("user_name", "用户名", "User name"),
    ("subject", "科目", "Subject"),
    ("head_teacher", "班主任", "Head teacher"),
    ("taught", "任课", "Teaches"),
    ("action", "做了什么", "What"),
    ("by", "谁", "Who"),
    ("from", "开始", "From"),
    ("to", "结束（当天起不再有效）", "Until (no longer on that day)"),
    ("at", "时间", "When"),
    ("until", "到", "Until"),
    ("began_at", "开始", "Began"),
    ("last_seen_at", "最后使用", "Last used"),
    ("ended_at", "结束", "Ended"),
    ("given_at", "同意时间", "Given"),
    ("withdrawn_at", "收回时间", "Taken back"),
    ("confirmed_at", "确认时间", "Confirmed"),
    ("superseded_at", "失效时间", "Until"),
    ("revoked_at", "收回时间", "Ended"),
    ("recorded_at", "登记时间", "Recorded"),
    ("before", "以前", "Before"),
    ("space", "空间", "Space"),
    ("url", "网址", "Address"),
    ("merged_records", "并入的记录", "Merged records"),
    ("person_id", "编号", "Id"),
    ("id", "编号", "Id"),
    ("email", "电子邮箱", "E-mail"),
    ("email_verified", "邮箱已确认", "E-mail confirmed"),
    ("phone_number", "电话", "Phone"),
    ("phone_number_verified", "电话已确认", "Phone confirmed"),
    ("address", "住址", "Address"),
    ("formatted", "住址", "Address"),
    ("street_address", "街道", "Street"),
    ("locality", "城市", "City"),
    ("region", "省份", "Region"),
    ("postal_code", "邮政编码", "Postal code"),
    ("given_name", "名", "Given name"),
    ("family_name", "姓", "Family name"),
    ("middle_name", "中间名", "Middle name"),
    ("nickname", "昵称", "Nickname"),
    ("preferred_username", "常用名", "Preferred name"),
    ("gender", "性别", "Gender"),
    ("birthdate", "出生日期", "Born"),
    ("profile", "个人主页", "Profile"),
    ("picture", "照片", "Picture"),
    ("website", "网站", "Website"),
    ("zoneinfo", "时区", "Time zone"),
    ("locale", "语言", "Language"),
];

/// Words that are no code of a table.
const WORDS: &[(&str, &str, &str)] = &[
    ("student", "学生", "Student"),
    ("staff", "教职工", "Staff"),
    ("administrator", "管理员", "Administrator"),
    ("guardian_of", "您是监护人", "Guardian of"),
    ("guarded_by", "监护人", "Guardian"),
    ("document", "证件号码", "number"),
    ("personal_code", "学籍号", "student code"),
    ("birthdate", "出生日期", "birth date"),
    ("birth_date", "出生日期", "birth date"),
    ("gender", "性别", "sex"),
    ("sex", "性别", "sex"),
    ("name", "姓名", "name"),
    ("operator", "系统运维", "the operator"),
];

/// The English words for the labels of the code tables, which are Chinese.
const ENGLISH: &str = include_str!("codes_en.tsv");

/// Where a field stands among the others; what nobody named comes last.
pub fn place(key: &str) -> usize {
    FIELDS.iter().position(|(known, ..)| *known == key).unwrap_or(FIELDS.len())
}

/// What a field is called; what nobody named keeps the name it has in the file.
pub fn label(key: &str, locale: Locale) -> String {
    find(FIELDS, key, locale).unwrap_or(key).to_owned()
}

/// What a part is called.
pub fn heading(key: &'static str, locale: Locale) -> &'static str {
    find(HEADINGS, key, locale).unwrap_or(key)
}

/// Yes or no.
pub fn yes_or_no(yes: bool, locale: Locale) -> &'static str {
    match (yes, locale) {
        (true, Locale::Zh) => "是",
        (false, Locale::Zh) => "否",
        (true, Locale::En) => "yes",
        (false, Locale::En) => "no",
    }
}

/// Between the members of a list.
pub fn comma(locale: Locale) -> &'static str {
    Messages::of(locale).details.comma
}

/// What a text of the document says: codes in words, everything else as it is. A code means what the kind of its entry says.
pub fn word(kind: &str, key: &str, text: &str, locale: Locale) -> String {
    let said = match key {
        "action" => Some(Messages::of(locale).looks.of(text)),
        "scope" => return scopes(text, locale),
        "claims" if kind == "consents" => return scopes(text, locale),
        "as" | "claims" | "verifier" => find(WORDS, text, locale),
        _ => None,
    };
    if let Some(said) = said {
        return said.to_owned();
    }
    let is_label = matches!(key, "relation" | "label" | "post" | "subject");
    let label = label_of(kind, key, text).or(is_label.then_some(text));
    match (label, locale) {
        (None, _) => text.to_owned(),
        (Some(label), Locale::Zh) => label.to_owned(),
        (Some(label), Locale::En) => english(label).unwrap_or(label).to_owned(),
    }
}

fn scopes(text: &str, locale: Locale) -> String {
    let t = &Messages::of(locale).consent;
    let titles: Vec<&str> = text
        .split(' ')
        .map(|scope| match scope {
            "openid" => t.identifier.title,
            "profile" => t.profile.title,
            "email" => t.email.title,
            "phone" => t.phone.title,
            "address" => t.address.title,
            "offline_access" => t.offline.title,
            "edu" => t.identities.title,
            "edu.class" => t.classes.title,
            "edu.guardian" => t.children.title,
            "edu.realname" => t.real_name.title,
            "space" => t.space.title,
            other => other,
        })
        .collect();
    titles.join(comma(locale))
}

/// The label of a code, where the field holds one.
fn label_of(kind: &str, key: &str, code: &str) -> Option<&'static str> {
    macro_rules! of {
        ($table:ident) => {
            $table::from_str(code).ok().map($table::label)
        };
    }
    match (kind, key) {
        (_, "sex") => of!(Sex),
        ("documents", "status") => of!(DocumentStatus),
        (_, "ended_as") => of!(PaperEnd),
        ("guardian_of" | "guarded_by", "status") => of!(GuardianshipStatus),
        ("questions", "state") => of!(RequestState),
        ("student", "state") => of!(StudentState),
        ("student", "source") => of!(StudentSource),
        ("staff", "state") => of!(StaffState),
        ("contacts", "kind") => of!(ContactKind),
        ("contacts", "source") => of!(ContactSource),
        (_, "status" | "state") => of!(Status),
        (_, "role") => of!(AdminRole),
        (_, "method") => of!(Method),
        (_, "result") => of!(VerificationResult),
        (_, "verified_by") => of!(Evidence),
        (_, "confirmed_through") => of!(ConfirmedBy),
        (_, "restrictions") => of!(Restriction),
        _ => None,
    }
}

fn english(label: &str) -> Option<&'static str> {
    ENGLISH
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .find(|(chinese, _)| *chinese == label)
        .map(|(_, word)| word)
}

fn find(
    table: &'static [(&'static str, &'static str, &'static str)],
    key: &str,
    locale: Locale,
) -> Option<&'static str> {
    let (_, chinese, english) = table.iter().find(|(known, ..)| *known == key)?;
    Some(if locale == Locale::Zh { chinese } else { english })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::registry::codes::relation::Relation;
    use crate::domain::registry::codes::staff::StaffPost;
    use crate::domain::registry::codes::subject::Subject;
    use crate::domain::registry::document::DocumentLabel;

    #[test]
    fn every_label_that_the_page_may_show_has_an_english_word() {
        macro_rules! all {
            ($($table:ident),+) => {
                [$($table::ALL.iter().map(|code| code.label()).collect::<Vec<_>>()),+].concat()
            };
        }
        let labels = all!(
            Sex,
            PaperEnd,
            DocumentStatus,
            DocumentLabel,
            GuardianshipStatus,
            RequestState,
            StudentState,
            StudentSource,
            StaffState,
            StaffPost,
            Subject,
            ContactKind,
            ContactSource,
            Status,
            AdminRole,
            Method,
            VerificationResult,
            Evidence,
            Restriction,
            Relation
        );
        let missing: Vec<_> = labels.into_iter().filter(|label| english(label).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn every_part_has_a_heading_and_no_field_is_named_twice() {
        assert!(SECTIONS.iter().all(|(_, key)| HEADINGS.iter().any(|(known, ..)| known == key)));
        let mut names: Vec<_> = FIELDS.iter().map(|(key, ..)| key).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FIELDS.len());
    }
}
