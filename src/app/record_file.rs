//! Somebody's record to be taken along: one JSON document, told in pieces. Who looked at her may be years of class lists, and is read
//! page by page while it is written, so that nobody holds all of it.

use serde_json::Value;

use super::activation::hint_of;
use super::disclosure::Disclosure;
use super::person_export::Reader;
use super::{App, Error};
use crate::domain::access::TaskOn;
use crate::domain::id::AuditId;
use crate::store::db::Tx;

/// So many looks are told in one piece.
const PAGE: usize = 200;

/// What is told next.
enum Next {
    /// What stands before who looked.
    Head(Value),
    /// Who looked before an entry; none: the newest. Whether some were told already.
    Looks(Option<AuditId>, bool),
    /// Nothing.
    End,
}

/// The document. Its pieces, in turn, are its text; without the last one it is no JSON, so that nobody takes a part for the whole.
pub struct RecordFile {
    app: App,
    on: TaskOn,
    reader: Reader,
    next: Next,
}

impl RecordFile {
    pub(super) fn new(app: &App, head: Value, on: TaskOn, reader: Reader) -> Self {
        Self { app: app.clone(), on, reader, next: Next::Head(head) }
    }

    /// The next piece; `None` after the last one.
    ///
    /// # Errors
    /// A failed store.
    pub async fn piece(&mut self) -> Result<Option<String>, Error> {
        match std::mem::replace(&mut self.next, Next::End) {
            Next::Head(head) => {
                self.next = Next::Looks(None, false);
                let text = format!("{head:#}");
                let open = text.strip_suffix("\n}").ok_or_else(|| Error::internal("a record that is no object"))?;
                Ok(Some(format!("{open},\n  \"disclosures\": [")))
            }
            Next::Looks(before, some) => {
                let mut tx = self.app.db.read().await?;
                let page = self.app.looks_at(&mut tx, &self.on, self.reader, before, PAGE).await?;
                drop(tx);
                let mut text = String::new();
                for (at, look) in page.iter().enumerate() {
                    text.push_str(if some || at > 0 { ",\n    " } else { "\n    " });
                    text.push_str(&serde_json::to_string(look)?);
                }
                match page.last() {
                    Some(last) if page.len() == PAGE => self.next = Next::Looks(Some(last.id), true),
                    _ => text.push_str("\n  ]\n}\n"),
                }
                Ok(Some(text))
            }
            Next::End => Ok(None),
        }
    }
}

impl App {
    /// Who looked at somebody before an entry, the newest first. A guardian is not told the name of another one who did.
    ///
    /// # Errors
    /// A failed store.
    pub(super) async fn looks_at(
        &self,
        tx: &mut Tx,
        on: &TaskOn,
        reader: Reader,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<Disclosure>, Error> {
        let mut looks = self.disclosures_of(tx, on, before, limit).await?;
        if reader != Reader::Herself {
            for look in looks.iter_mut().filter(|look| look.institution.is_none()) {
                look.by = look.by.as_deref().map(hint_of);
            }
        }
        Ok(looks)
    }
}
