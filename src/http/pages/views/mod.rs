//! View models: what a page shows, in words that know nothing of rows or protocols. Each has a
//! `render(&self, locale) -> String`; the template escapes every value.

mod activate;
mod choose_account;
mod choose_identity;
mod consent;
mod consents;
mod console;
mod details;
mod devices;
mod elsewhere;
mod erasure;
mod error;
mod form_post;
mod guardian;
mod home;
mod own_password;
mod papers;
mod qr;
mod record;
mod sign_in;
mod sign_out;
mod slips;
mod ward_password;

use askama::Template;
use form_urlencoded::byte_serialize;
use url::Url;

use super::locales::Messages;
use super::static_files::{ASSETS, Assets};
use crate::domain::locale::Locale;

pub use activate::{Activate, ActivateProblem, Activated, Onward, PasswordFault, SuggestedPassword};
pub use choose_account::{AccountChoice, ChooseAccount};
pub use choose_identity::{ChooseIdentity, IdentityChoice, IdentityKind};
pub use consent::{ClientCard, Consent, ConsentItem, Site};
pub use consents::{Agreed, Consents, WardAgreed};
pub use console::{
    ClientFacts, ConsoleClient, ConsoleForm, ConsoleList, ConsoleNote, ConsoleRow, ConsoleSecret, ConsoleTrial,
    FaultGroup, FaultLine, FieldFault, FormFields, FormPurpose, Got, OldSecretView, TrialVerdict,
};
pub use devices::{Device, Devices};
pub use elsewhere::{Answered, CodeProblem, Compare, Confirm, TypeCode, Whence};
pub use erasure::{Erasure, ErasureStands, ErasureStep};
pub use error::{ErrorId, ErrorPage};
pub use form_post::{ClientForm, FormPost, SUBMIT};
pub use guardian::{Back, GuardianNeeded};
pub use home::{Home, HomeNote, Look, OtherGuardian, Platform, Waiting, Ward, WardAccount, WardErasure};
pub use own_password::{OwnPassword, OwnPasswordProblem};
pub use papers::Papers;
pub use qr::Qr;
pub use record::{Record, RecordFact, RecordOf, RecordSection};
pub use sign_in::{SignIn, SignInProblem};
pub use sign_out::{GO_ON, GoOn, SignOutConfirm, SignedOut};
pub use slips::{SLIPS_ON_A_SHEET, SlipSheet, SlipView, slips_head};
pub use ward_password::WardPassword;

/// Who is signed in, shown on top of every page after sign-in (ruling R16) beside “not me”.
#[derive(Clone)]
pub struct Who {
    /// The name as it is shown; personal data, so this type has no `Debug`.
    pub name: String,
}

/// What the frame around a page needs.
struct Frame<'a> {
    common: &'static super::locales::Common,
    assets: &'static Assets,
    locale: Locale,
    title: String,
    who: Option<&'a Who>,
    /// The sealed state of an interaction, posted back by the language switch and by “not me”.
    request: Option<&'a str>,
    /// Query of the language switch on pages that carry no request.
    language_query: String,
}

impl<'a> Frame<'a> {
    fn new(locale: Locale, title: impl Into<String>) -> Self {
        Self {
            common: &Messages::of(locale).common,
            assets: &ASSETS,
            locale,
            title: title.into(),
            who: None,
            request: None,
            language_query: format!("?lang={}", locale.other()),
        }
    }

    fn who(mut self, who: Option<&'a Who>) -> Self {
        self.who = who;
        self
    }

    fn request(mut self, request: Option<&'a str>) -> Self {
        self.request = request;
        self
    }

    /// Keeps one parameter of the address when the language is switched.
    fn keep(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            let value: String = byte_serialize(value.as_bytes()).collect();
            self.language_query.push_str(&format!("&{name}={value}"));
        }
        self
    }
}

/// Renders a template. It can only fail when a value's own formatting fails, and none of ours does;
/// should that ever change, the person still gets a sentence and not an empty page.
fn finish(template: &impl Template, locale: Locale) -> String {
    template.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a page could not be rendered");
        format!(
            "<!DOCTYPE html><html lang=\"{}\"><title>Mingji</title><p>{}",
            locale.tag(),
            Messages::of(locale).errors.internal.sentence
        )
    })
}

/// An address that a client registered for people to read: only the web, since `javascript:` and its
/// kind would pass HTML escaping unharmed.
fn web_link(address: Option<&str>) -> Option<&str> {
    address.filter(|text| Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "https" | "http")))
}

/// An address that leads back to a client: the web, or the private-use scheme of a native client
/// (RFC 8252, 7.1), which carries a dot.
fn client_link(address: Option<&str>) -> Option<&str> {
    web_link(address).or_else(|| address.filter(|text| Url::parse(text).is_ok_and(|url| url.scheme().contains('.'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_could_act_are_dropped() {
        for bad in [
            "javascript:alert(1)",
            " JAVASCRIPT:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "//evil.example",
            "",
            "java\nscript:x",
        ] {
            assert_eq!(client_link(Some(bad)), None, "{bad}");
        }
        assert!(web_link(Some("https://platform.example/policy")).is_some());
        assert!(web_link(Some("cn.example.app:/cb")).is_none());
        assert!(client_link(Some("cn.example.app:/cb")).is_some());
    }
}
