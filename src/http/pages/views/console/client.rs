//! A client's page: its settings in words, its secret, a sign-in to try, what failed.

use askama::Template;

use super::list::ConsoleNote;
use super::{DifferenceText, difference};
use crate::domain::locale::Locale;
use crate::domain::oidc::fault::FaultKind;
use crate::domain::oidc::redirect::Difference;
use crate::http::pages::locales::faults::FaultText;
use crate::http::pages::locales::{self, Messages};
use crate::http::pages::views::{Frame, Who, finish};

/// The page `GET /console/clients/{client_id}`.
#[allow(clippy::struct_excessive_bools, reason = "each decides about a part of the page")]
pub struct ConsoleClient {
    /// Who is signed in.
    pub who: Who,
    /// Names it in our paths.
    pub id: String,
    /// Its `client_id`.
    pub client_id: String,
    /// Its name.
    pub name: String,
    /// Who answers for it.
    pub institution: String,
    /// Which version is shown: what is changed is this one.
    pub version: i64,
    /// Its settings.
    pub facts: ClientFacts,
    /// Whether it has a secret.
    pub has_secret: bool,
    /// Whether something is signed with its secret that it gets without proving itself.
    pub answered_unproven: bool,
    /// The secret before.
    pub old_secret: Option<OldSecretView>,
    /// Whether she may change it.
    pub may_change: bool,
    /// Whether she may let it back in, where it is out of use.
    pub may_resume: bool,
    /// Whether its settings stand in a document of its own.
    pub has_document: bool,
    /// Whether she proved herself lately.
    pub recent: bool,
    /// Failed requests by kind.
    pub faults: Vec<FaultGroup>,
    /// What she did just before.
    pub note: Option<ConsoleNote>,
}

/// What was registered.
#[allow(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct ClientFacts {
    /// A vendor's application.
    pub is_application: bool,
    /// Out of use.
    pub suspended: bool,
    /// Exact addresses.
    pub redirect_uris: Vec<String>,
    /// The registered name of the method.
    pub auth_method: &'static str,
    /// What it may ask for.
    pub scope: String,
    /// Grant types.
    pub grant_types: Vec<String>,
    /// Algorithm of ID tokens.
    pub id_token_alg: String,
    /// PKCE.
    pub requires_pkce: bool,
    /// FAPI 2.0.
    pub is_fapi: bool,
    /// PAR.
    pub requires_push: bool,
    /// Signed request objects.
    pub requires_signed: bool,
    /// DPoP.
    pub dpop_bound: bool,
    /// Bound to certificates.
    pub mtls_bound: bool,
    /// Addresses after a sign-out.
    pub post_logout_uris: Vec<String>,
    /// Told of sign-outs there.
    pub backchannel_uri: Option<String>,
    /// Where a sign-in begins.
    pub initiate_login_uri: Option<String>,
}

/// The secret before the one of now.
#[derive(Clone)]
pub struct OldSecretView {
    /// Whether it is still good.
    pub good: bool,
    /// Until when, or when it ended.
    pub until: String,
}

/// Failed requests of one kind.
pub struct FaultGroup {
    /// What was wrong.
    pub kind: FaultKind,
    /// The newest first.
    pub lines: Vec<FaultLine>,
}

/// One failed request.
pub struct FaultLine {
    /// When, in Shanghai.
    pub at: String,
    /// Where.
    pub endpoint: &'static str,
    /// What was answered; none where a page was shown.
    pub code: Option<String>,
    /// Our sentence.
    pub said: Option<String>,
    /// Its request id.
    pub request_id: String,
    /// How many are told together.
    pub times: u32,
    /// The client had proved who it is.
    pub proven: bool,
    /// In what an address differs.
    pub difference: Option<Difference>,
}

/// A setting: its name, its values, what it means.
struct Fact<'a> {
    name: &'static str,
    values: Vec<&'a str>,
    note: Option<&'static str>,
}

/// A setting whose meaning is its value.
fn note<'a>(name: &'static str, note: &'static str) -> Fact<'a> {
    Fact { name, values: Vec::new(), note: Some(note) }
}

fn list<'a>(name: &'static str, all: &'a [String]) -> Fact<'a> {
    Fact { name, values: all.iter().map(String::as_str).collect(), note: None }
}

struct Group<'a> {
    text: FaultText,
    times: Option<String>,
    lines: Vec<Line<'a>>,
}

struct Line<'a> {
    line: &'a FaultLine,
    endpoint: &'static str,
    difference: Option<DifferenceText<'a>>,
}

#[derive(Template)]
#[template(path = "console_client.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::console::Console,
    m: &'a ConsoleClient,
    facts: Vec<Fact<'a>>,
    old: Option<String>,
    keep: Option<String>,
    groups: Vec<Group<'a>>,
    note: Option<&'static str>,
}

impl ConsoleClient {
    fn facts(&self, t: &locales::console::Facts) -> Vec<Fact<'_>> {
        let f = &self.facts;
        let mut facts = vec![
            note(t.kind, if f.is_application { t.kind_application } else { t.kind_platform }),
            note(t.state, if f.suspended { t.state_suspended } else { t.state_active }),
            Fact { note: Some(t.redirect_uris_note), ..list(t.redirect_uris, &f.redirect_uris) },
            Fact { name: t.auth, values: vec![f.auth_method], note: Some((t.auth_note)(f.auth_method)) },
            Fact { name: t.scope, values: vec![&f.scope], note: Some(t.scope_note) },
            note(t.subject, if f.is_application { t.subject_pairwise } else { t.subject_public }),
            list(t.grants, &f.grant_types),
            Fact { name: t.alg, values: vec![&f.id_token_alg], note: Some(t.alg_note) },
            note(t.pkce, if f.requires_pkce { t.pkce_yes } else { t.pkce_no }),
        ];
        for (holds, rule) in [
            (f.is_fapi, t.rule_fapi),
            (f.requires_push, t.rule_push),
            (f.requires_signed, t.rule_signed),
            (f.dpop_bound, t.rule_dpop),
            (f.mtls_bound, t.rule_mtls),
        ] {
            facts.extend(holds.then(|| note(t.rules, rule)));
        }
        if !f.post_logout_uris.is_empty() {
            facts.push(list(t.post_logout, &f.post_logout_uris));
        }
        facts.push(match &f.backchannel_uri {
            Some(uri) => Fact { name: t.backchannel, values: vec![uri], note: Some(t.backchannel_note) },
            None => note(t.backchannel, t.no_backchannel),
        });
        facts.extend(f.initiate_login_uri.as_ref().map(|uri| Fact { name: t.open, values: vec![uri], note: None }));
        facts
    }

    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let messages = Messages::of(locale);
        let (t, f) = (&messages.console, &messages.faults);
        let groups = self.faults.iter().map(|group| {
            let times = group.lines.iter().map(|line| line.times).fold(0, u32::saturating_add);
            Group {
                text: (f.of)(group.kind),
                times: (times > 1).then(|| (t.failed.times)(times)),
                lines: group
                    .lines
                    .iter()
                    .map(|line| Line {
                        line,
                        endpoint: (t.failed.endpoint)(line.endpoint),
                        difference: line.difference.as_ref().map(|one| difference(one, f, messages.consents.comma)),
                    })
                    .collect(),
            }
        });
        let old = self
            .old_secret
            .as_ref()
            .map(|old| if old.good { (t.secret.old_until)(&old.until) } else { (t.secret.old_ended)(&old.until) });
        let page = Page {
            frame: Frame::new(locale, (t.client_title)(&self.name)).who(Some(&self.who)),
            t,
            m: self,
            facts: self.facts(&t.facts),
            old,
            keep: self.old_secret.as_ref().filter(|old| old.good).map(|old| (t.secret.keep)(&old.until)),
            groups: groups.collect(),
            note: self.note.map(|told| told.text(t)),
        };
        finish(&page, locale)
    }
}
