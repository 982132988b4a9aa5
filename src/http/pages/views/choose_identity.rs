//! The choice of an identity 身份: one big button each.

use askama::Template;

use super::{Frame, Who, finish};
use crate::domain::locale::Locale;
use crate::http::pages::locales::{self, Kind, Messages};

/// What somebody is somewhere, as the national platforms count it (学生 教师 家长 学校工作人员 机构工作人员).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityKind {
    /// 学生
    Student,
    /// 教师
    Teacher,
    /// 家长
    Guardian,
    /// 学校工作人员
    SchoolStaff,
    /// 机构工作人员
    OfficeStaff,
    /// None of these.
    Other,
}

impl IdentityKind {
    fn text(self, t: &'static locales::Identity) -> &'static Kind {
        match self {
            Self::Student => &t.student,
            Self::Teacher => &t.teacher,
            Self::Guardian => &t.guardian,
            Self::SchoolStaff => &t.school_staff,
            Self::OfficeStaff => &t.office_staff,
            Self::Other => &t.other,
        }
    }
}

/// One identity to choose.
pub struct IdentityChoice {
    /// Value of the button.
    pub id: String,
    /// What she is there.
    pub kind: IdentityKind,
    /// Name of the school or institution.
    pub org_name: String,
    /// Class, subject or the children's names.
    pub detail: Option<String>,
    /// Chosen the last time in this session.
    pub selected: bool,
}

/// The page; its form posts `request` and `identity` to `/choose-identity`.
pub struct ChooseIdentity {
    /// Sealed state of the authorization request; comes back unchanged.
    pub request: String,
    /// Who is signed in, for the top of the page.
    pub who: Who,
    /// Name of the platform that asks.
    pub client_name: Option<String>,
    /// Hers today, in their stable order.
    pub identities: Vec<IdentityChoice>,
}

struct Row<'a> {
    choice: &'a IdentityChoice,
    kind: &'static Kind,
}

#[derive(Template)]
#[template(path = "choose_identity.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::Identity,
    m: &'a ChooseIdentity,
    lead: String,
    rows: Vec<Row<'a>>,
}

impl ChooseIdentity {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let t = &Messages::of(locale).identity;
        let page = Page {
            frame: Frame::new(locale, t.title).who(Some(&self.who)).request(Some(&self.request)),
            t,
            m: self,
            lead: self.client_name.as_deref().map_or_else(|| t.lead_plain.to_owned(), t.lead),
            rows: self.identities.iter().map(|choice| Row { choice, kind: choice.kind.text(t) }).collect(),
        };
        finish(&page, locale)
    }
}
