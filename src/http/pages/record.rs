//! Everything that is known about somebody, as a page and as a file: her own, or a small child's.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use serde_json::{Map, Value};

use super::interaction::name;
use super::locales::record::{self as words, SECTIONS};
use super::respond::{FormTargets, page};
use super::sign_in::bare;
use super::views::{Record, RecordFact, RecordOf, RecordSection};
use crate::app::App;
use crate::app::login::Then;
use crate::app::own_record::{Form, OwnRecord, Told};
use crate::app::record_file::RecordFile;
use crate::domain::id::GuardianshipId;
use crate::domain::locale::Locale;
use crate::domain::oidc::params::Params;
use crate::domain::time::Timestamp;
use crate::http::error;
use crate::http::extract::{Fields, Visit};
use crate::http::urls::path;

/// Of a list, so many entries stand on the page; the file has all.
const SHOWN: usize = 20;

/// The page, or an older one of who looked (`before`).
pub async fn show(State(app): State<App>, RawQuery(query): RawQuery, visit: Visit) -> Response {
    let params = Params::parse(query.as_deref().unwrap_or_default());
    told(&app, visit, &params, Form::Page).await
}

/// With numbers in full, or as a file.
pub async fn open(State(app): State<App>, visit: Visit, fields: Fields) -> Response {
    match fields.get("form") {
        Some("numbers") => told(&app, visit, &fields.0, Form::Numbers).await,
        Some("file") => told(&app, visit, &fields.0, Form::File).await,
        _ => error::not_found(visit).await,
    }
}

/// Where the page of a child, or her own, stands.
pub fn address(ward: Option<GuardianshipId>) -> String {
    ward.map_or_else(|| path::RECORD.to_owned(), |ward| format!("{}?ward={ward}", path::RECORD))
}

async fn told(app: &App, visit: Visit, params: &Params, form: Form) -> Response {
    let Ok(ward) = params.get("ward").map(str::parse).transpose() else { return error::not_found(visit).await };
    let before = params.get("before").filter(|_| form == Form::Page).map(str::parse).transpose();
    let Ok(before) = before else { return error::not_found(visit).await };
    match app.own_record(&visit.ctx, &visit.browser, ward, form, before).await {
        Ok(Some(OwnRecord { told: Some(Told::File(told)), .. })) => file(visit, *told),
        Ok(Some(OwnRecord { who, ward: child, told })) => {
            let locale = visit.ctx.locale;
            let (document, older) = match told {
                Some(Told::Page { document, older }) => (Some(document), older),
                _ => (None, None),
            };
            let at = address(ward);
            let joint = if ward.is_some() { '&' } else { '?' };
            let view = Record {
                who: name(&who),
                ward: child.map(|(id, hint)| RecordOf { id: id.to_string(), hint }),
                left_out: document.as_ref().is_some_and(|told| told["left_out"] != Value::Array(Vec::new())),
                sections: document.map(|told| sections(&told, locale)),
                full: form == Form::Numbers,
                before: before.map(|before| before.to_string()),
                older: older.map(|older| format!("{at}{joint}before={older}")),
                newest: at,
            };
            visit.finish(page(StatusCode::OK, view.render(locale), FormTargets::Ourselves))
        }
        Ok(None) => bare(app, visit, &Then::Record(ward)),
        Err(why) => error::failure(visit, &why),
    }
}

/// Told while it is read. One that breaks off is no JSON, and its download fails.
fn file(visit: Visit, told: RecordFile) -> Response {
    let pieces = stream::try_unfold(told, async |mut told| {
        let piece = told.piece().await;
        let piece = piece
            .inspect_err(|why| tracing::error!(reason = %why.internal, "a record that was taken along broke off"))?;
        Ok::<_, crate::app::Error>(piece.map(|piece| (piece, told)))
    });
    // The headers of a page keep it out of caches and referrers; the browser saves it and shows nothing.
    let mut response = page(StatusCode::OK, String::new(), FormTargets::Ourselves);
    *response.body_mut() = Body::from_stream(pieces);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
        .insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"mingji-record.json\""));
    visit.finish(response)
}

/// The document in words: the same that the file holds, in the order of the page.
fn sections(told: &Value, locale: Locale) -> Vec<RecordSection> {
    let section = |(pointer, key): &(&str, &'static str)| {
        let found = told.pointer(pointer)?;
        let entries: Vec<&Map<String, Value>> = match found {
            Value::Object(one) => vec![one],
            Value::Array(all) => all.iter().filter_map(Value::as_object).collect(),
            _ => Vec::new(),
        };
        let more = entries.len().saturating_sub(SHOWN);
        let entries = entries.into_iter().take(SHOWN).map(|entry| facts(key, entry, locale)).collect();
        Some(RecordSection { key, entries, more: u32::try_from(more).unwrap_or(u32::MAX) })
    };
    SECTIONS.iter().filter_map(section).collect()
}

fn facts(section: &str, entry: &Map<String, Value>, locale: Locale) -> Vec<RecordFact> {
    // What an entry is about decides what its codes mean.
    let kind = entry.get("as").and_then(Value::as_str).unwrap_or(section);
    // What has a part of its own stands there.
    let apart = |key: &str| SECTIONS.iter().any(|(pointer, _)| *pointer == format!("/{section}/{key}"));
    let mut known: Vec<(&String, &Value)> = entry.iter().filter(|(key, _)| !apart(key)).collect();
    known.sort_by_key(|(key, _)| words::place(key));
    let fact = |(key, value): (&String, &Value)| {
        let values = said(kind, key, value, locale);
        (!values.is_empty()).then(|| RecordFact { label: words::label(key, locale), values })
    };
    known.into_iter().filter_map(fact).collect()
}

/// What a value says, line by line; nothing where there is none.
fn said(kind: &str, key: &str, value: &Value, locale: Locale) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Bool(yes) => vec![words::yes_or_no(*yes, locale).to_owned()],
        Value::Number(number) => vec![number.to_string()],
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![
            Timestamp::from_rfc3339(text)
                .map_or_else(|| words::word(kind, key, text, locale), Timestamp::shanghai_minute),
        ],
        Value::Array(all) if all.iter().any(Value::is_object) => {
            all.iter().flat_map(|one| said(kind, key, one, locale)).collect()
        }
        Value::Array(all) => {
            let all: Vec<String> = all.iter().flat_map(|one| said(kind, key, one, locale)).collect();
            if all.is_empty() { all } else { vec![all.join(words::comma(locale))] }
        }
        Value::Object(entry) => {
            let parts = facts(kind, entry, locale);
            let parts = parts.into_iter().map(|fact| format!("{} {}", fact.label, fact.values.join(" ")));
            vec![parts.collect::<Vec<_>>().join(" · ")]
        }
    }
}
