//! What the pages say. One field per text, one constant per language: a text that is missing in a
//! language does not compile. Sentences with a value in them are functions, because word order
//! differs between languages. Values are plain text here and escaped by the template.
#![allow(missing_docs, reason = "each field is named after the text it holds, and the texts stand in `zh` and `en`")]

pub mod console;
mod console_en;
mod console_zh;
pub mod details;
pub mod documents;
pub mod elsewhere;
mod en;
pub mod erasure;
pub mod faults;
mod faults_en;
mod faults_zh;
pub mod holders;
pub mod looks;
pub mod mine;
pub mod record;
pub mod slips;
pub mod wards;
mod zh;

use crate::domain::locale::Locale;
use crate::domain::oidc::fault::DocumentFault;

pub use en::EN;
pub use zh::ZH;

/// Every text of one language, by page.
pub struct Messages {
    pub common: Common,
    pub sign_in: SignIn,
    pub activate: Activate,
    pub identity: Identity,
    pub account: Account,
    pub consent: Consent,
    pub details: details::Details,
    pub guardian: Guardian,
    pub form_post: FormPost,
    pub sign_out: SignOut,
    pub home: Home,
    pub holders: holders::Holders,
    pub looks: looks::Looks,
    pub wards: wards::Wards,
    pub slips: slips::Slips,
    pub elsewhere: elsewhere::Elsewhere,
    pub devices: elsewhere::Devices,
    pub own_password: mine::OwnPassword,
    pub consents: mine::Consents,
    pub record: record::Record,
    pub erasure: erasure::Erasure,
    pub console: console::Console,
    pub faults: faults::Faults,
    pub errors: Errors,
}

impl Messages {
    /// The texts of a language.
    pub fn of(locale: Locale) -> &'static Self {
        match locale {
            Locale::Zh => &ZH,
            Locale::En => &EN,
        }
    }
}

/// A text with one name or number (already text) in it.
pub type With = fn(&str) -> String;
/// A text with a number in it.
pub type Counted = fn(u32) -> String;

/// The frame around every page.
pub struct Common {
    pub brand_line: &'static str,
    pub language_label: &'static str,
    /// The name of the *other* language, written in that language.
    pub other_language: &'static str,
    pub signed_in_as: &'static str,
    pub not_me: &'static str,
    pub never_asks: &'static str,
    pub back_to: With,
}

/// The sign-in page.
pub struct SignIn {
    pub title: &'static str,
    pub for_client: With,
    pub lead: &'static str,
    pub login: &'static str,
    pub login_hint: &'static str,
    pub password: &'static str,
    pub own_device: &'static str,
    pub own_device_hint: &'static str,
    pub submit: &'static str,
    pub first_time: &'static str,
    pub activate: &'static str,
    pub forgot: &'static str,
    pub refused: &'static str,
    pub too_many: Counted,
    pub busy: &'static str,
    pub expired: &'static str,
}

/// The page that turns an activation code into a password, and the one after it.
pub struct Activate {
    pub title: &'static str,
    pub lead: &'static str,
    pub code: &'static str,
    pub code_hint: &'static str,
    pub user_name: &'static str,
    pub user_name_hint: &'static str,
    pub new_password: &'static str,
    pub new_password_hint: Counted,
    pub again: &'static str,
    pub submit: &'static str,
    pub unknown_code: &'static str,
    pub used: &'static str,
    pub expired: &'static str,
    pub too_short: Counted,
    pub too_long: Counted,
    pub too_common: &'static str,
    pub like_user_name: &'static str,
    pub mismatch: &'static str,
    pub done_title: &'static str,
    pub done_lead: &'static str,
    pub done_next: &'static str,
    pub children_too: &'static str,
    pub sign_in_instead: &'static str,
}

/// The name of an identity, and the single character of its seal.
pub struct Kind {
    pub name: &'static str,
    pub glyph: &'static str,
}

/// The choice of an identity.
pub struct Identity {
    pub title: &'static str,
    pub lead: With,
    pub lead_plain: &'static str,
    pub last_used: &'static str,
    pub student: Kind,
    pub teacher: Kind,
    pub guardian: Kind,
    pub school_staff: Kind,
    pub office_staff: Kind,
    pub other: Kind,
}

/// Going on as who is signed in, or as somebody else.
pub struct Account {
    pub title: &'static str,
    pub lead: &'static str,
    pub continue_as: With,
    pub other: &'static str,
}

/// One thing that a platform may be told, and what it is for.
pub struct Shared {
    pub title: &'static str,
    pub detail: &'static str,
}

/// The consent page of an adult for a vendor's application.
pub struct Consent {
    pub title: With,
    pub receiver: With,
    pub stranger: With,
    pub site: &'static str,
    pub vendor: &'static str,
    pub contact: &'static str,
    pub purpose: &'static str,
    pub default_purpose: With,
    pub items_heading: &'static str,
    pub number_stays: &'static str,
    pub withdraw: Counted,
    pub policy: &'static str,
    pub terms: &'static str,
    pub allow: &'static str,
    pub deny: &'static str,
    pub identifier: Shared,
    pub system_number: Shared,
    pub always: Shared,
    pub profile: Shared,
    pub email: Shared,
    pub phone: Shared,
    pub address: Shared,
    pub offline: Shared,
    pub identities: Shared,
    pub classes: Shared,
    pub children: Shared,
    pub real_name: Shared,
    pub space: Shared,
}

/// Where a child is kindly stopped: the first part speaks to the child, the second to the grown-ups.
pub struct Guardian {
    pub title: &'static str,
    pub sentence: &'static str,
    pub why: With,
    pub not_your_fault: &'static str,
    pub adults_heading: &'static str,
    pub adults: With,
    pub steps: [&'static str; 3],
}

/// The way back to a platform that wants its answer posted.
pub struct FormPost {
    pub title: &'static str,
    pub lead: &'static str,
    pub go_on: &'static str,
}

/// Signing out: the question and the end.
pub struct SignOut {
    pub title: &'static str,
    pub asked_by: With,
    pub lead: &'static str,
    pub yes: &'static str,
    pub no: &'static str,
    pub done_title: &'static str,
    pub done_sentence: &'static str,
    pub lost: &'static str,
    pub done_shared: &'static str,
    pub go_on: &'static str,
}

/// The page at `/`.
pub struct Home {
    pub title: &'static str,
    pub lead: &'static str,
    pub how_heading: &'static str,
    pub steps: [&'static str; 3],
    pub signed_in: With,
    pub one_sign_in: &'static str,
    pub platforms: &'static str,
    pub sign_out: &'static str,
    pub activate: &'static str,
}

/// One error page: the heading, the stable sentence of the contract, and what to do next.
pub struct ErrorText {
    pub title: &'static str,
    pub sentence: &'static str,
    pub advice: &'static str,
}

/// All error pages.
pub struct Errors {
    pub request_id: &'static str,
    pub home: &'static str,
    pub redirect_uri: ErrorText,
    pub post_logout_uri: ErrorText,
    pub id_token_hint: ErrorText,
    pub client: ErrorText,
    pub client_keys: ErrorText,
    pub expired: ErrorText,
    pub internal: ErrorText,
    pub not_found: ErrorText,
    pub busy: ErrorText,
    pub document_heading: &'static str,
    pub document: fn(DocumentFault) -> &'static str,
}
