//! "My space" as the template wants it: what the provider said, in words.

use chrono::{DateTime, FixedOffset, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::words::{self, Words};
use crate::demo::platform::claims::{Child, Class, EduClaims, Guardian, Identity};
use crate::demo::platform::grant::payload;
use crate::demo::platform::session::Session;
use crate::domain::locale::Locale;

/// Everything that this platform was told about the person.
pub(super) struct Told {
    pub name: String,
    pub active: Option<Line>,
    pub lists: Vec<Card<Line>>,
    pub tables: Vec<Card<Row>>,
    pub can_refresh: bool,
    /// The verified ID token's claims as JSON.
    pub raw_id_token: String,
    /// The userinfo answer as JSON.
    pub raw_userinfo: String,
}

/// A card of the page; `id` is stable.
pub(super) struct Card<T> {
    pub id: &'static str,
    pub title: &'static str,
    pub rows: Vec<T>,
}

/// Label and value.
type Row = (&'static str, String);

/// A row of a list: a short word, what it is about, and more about it.
pub(super) struct Line {
    pub word: String,
    pub text: String,
    pub more: String,
}

impl Told {
    pub fn of(session: &Session, locale: Locale, now: DateTime<Utc>) -> Self {
        let w = words::of(locale);
        let id_token = payload(&session.id_token);
        let edu = merged(&id_token, &session.userinfo);
        Self {
            name: name(session),
            active: edu.edu_identity.as_ref().map(|identity| identity_line(identity, locale)),
            lists: lists(&edu, w, locale),
            tables: vec![
                Card { id: "about", title: w.about_you, rows: facts(&edu, session, w, locale) },
                Card { id: "tokens", title: w.tokens, rows: tokens(session, &id_token, w, now) },
            ],
            can_refresh: session.refresh_token.is_some(),
            raw_id_token: pretty(&id_token),
            raw_userinfo: pretty(&session.userinfo),
        }
    }
}

/// What to call the person: the name if we were told it, else the subject.
pub(super) fn name(session: &Session) -> String {
    let token = payload(&session.id_token);
    let told = |claims: &Value| claims.get("name").and_then(Value::as_str).map(str::to_owned);
    told(&session.userinfo).or_else(|| told(&token)).unwrap_or_else(|| session.sub.clone())
}

/// The claims of both places; where both speak, userinfo is the fresher one.
fn merged(id_token: &Value, userinfo: &Value) -> EduClaims {
    let mut all = id_token.clone();
    if let (Some(all), Some(fresh)) = (all.as_object_mut(), userinfo.as_object()) {
        all.extend(fresh.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    EduClaims::deserialize(all).unwrap_or_default()
}

/// Identities, classes, children and guardians, as far as there are any.
fn lists(edu: &EduClaims, w: &'static Words, locale: Locale) -> Vec<Card<Line>> {
    let identities = edu.edu_identities.iter().map(|identity| identity_line(identity, locale)).collect();
    let classes = edu.edu_classes.iter().map(|class| class_line(class, locale)).collect();
    let children = edu.edu_children.iter().map(|child| child_line(child, locale)).collect();
    let guardians = edu.edu_guardians.iter().map(|guardian| guardian_line(guardian, locale)).collect();
    [
        ("identities", w.identities, identities),
        ("classes", w.classes, classes),
        ("children", w.children, children),
        ("guardians", w.guardians, guardians),
    ]
    .into_iter()
    .map(|(id, title, rows)| Card { id, title, rows })
    .filter(|card: &Card<Line>| !card.rows.is_empty())
    .collect()
}

fn identity_line(identity: &Identity, locale: Locale) -> Line {
    let org = identity.org_name.clone().or_else(|| identity.org_id.as_ref().map(ToString::to_string));
    let code = identity.org_code.as_ref().map(ToString::to_string);
    Line { word: words::kind(&identity.kind, locale), text: org.unwrap_or_default(), more: code.unwrap_or_default() }
}

fn class_line(class: &Class, locale: Locale) -> Line {
    let name = class.name.clone().or_else(|| class.class_id.as_ref().map(ToString::to_string));
    let grade = class.grade.iter().map(|grade| words::grade(&grade.to_string(), locale));
    let subjects = class.subjects.iter().map(|subject| words::subject(&subject.to_string(), locale));
    Line {
        word: class.role.as_deref().map(|role| words::kind(role, locale)).unwrap_or_default(),
        text: name.unwrap_or_default(),
        more: grade.chain(subjects).collect::<Vec<_>>().join(" · "),
    }
}

fn child_line(child: &Child, locale: Locale) -> Line {
    let place = child.school.iter().chain(&child.class).map(ToString::to_string).collect::<Vec<_>>();
    Line {
        word: child.relation.as_deref().map(|code| words::relation(code, locale)).unwrap_or_default(),
        text: child.name.clone().unwrap_or_else(|| child.sub.clone()),
        more: place.join(" · "),
    }
}

fn guardian_line(guardian: &Guardian, locale: Locale) -> Line {
    Line {
        word: guardian.relation.as_deref().map(|code| words::relation(code, locale)).unwrap_or_default(),
        text: guardian.name.clone().unwrap_or_else(|| guardian.sub.clone()),
        more: String::new(),
    }
}

fn facts(edu: &EduClaims, session: &Session, w: &'static Words, locale: Locale) -> Vec<Row> {
    let mut facts = Vec::new();
    if let Some(band) = &edu.age_band {
        facts.push((w.age_band, words::age_band(band, locale)));
    }
    if let Some(real) = &edu.edu_realname {
        let state = if real.verified { w.verified } else { w.unverified };
        let level = real.level.as_ref().map(|level| format!(" · {} {level}", w.level)).unwrap_or_default();
        facts.push((w.real_name, format!("{state}{level}")));
    }
    if let Some(home) = &edu.edu_home {
        let parts = [&home.platform_id, &home.sys_code].into_iter().flatten().map(ToString::to_string);
        facts.push((w.home_platform, parts.collect::<Vec<_>>().join(" · ")));
    }
    if let Some(space) = edu.edu_space.as_ref() {
        let id = space.space_id.as_ref().map(ToString::to_string);
        facts.push((w.space_id, space.url.clone().or(id).unwrap_or_default()));
    }
    facts.push((w.subject, session.sub.clone()));
    facts
}

fn tokens(session: &Session, id_token: &Value, w: &'static Words, now: DateTime<Utc>) -> Vec<Row> {
    let mut rows = vec![(w.access_token, until(session.access_ends, w, now))];
    if let Some(ends) = id_token["exp"].as_i64().and_then(|at| DateTime::from_timestamp(at, 0)) {
        rows.push((w.id_token, until(ends, w, now)));
    }
    rows.push((w.refresh_token, if session.refresh_token.is_some() { w.held } else { w.not_held }.to_owned()));
    rows.push((w.signed_in_at, clock_time(session.since)));
    if !session.scope.is_empty() {
        rows.push((w.scope, session.scope.clone()));
    }
    rows
}

fn until(ends: DateTime<Utc>, w: &Words, now: DateTime<Utc>) -> String {
    let left = ends.signed_duration_since(now).num_seconds();
    if left <= 0 {
        return format!("{} · {}", clock_time(ends), w.over);
    }
    format!("{} · {} {}:{:02}", clock_time(ends), w.left, left / 60, left % 60)
}

/// The time of day in China, where every reader of this page is.
fn clock_time(at: DateTime<Utc>) -> String {
    const BEIJING: i32 = 8 * 3600;
    match FixedOffset::east_opt(BEIJING) {
        Some(offset) => at.with_timezone(&offset).format("%m-%d %H:%M:%S").to_string(),
        None => at.to_rfc3339(),
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
