//! A paper whose issuing country somebody did not say. Numbers are unique in a country, and the index of one holds the country, so a
//! passport that one school entered with its country and another without would be two people. Whoever asks for a paper asks for both:
//! of one holder and one name it is the same person; of another name, or where papers of two countries fit, a human decides.

use super::{App, Error};
use crate::domain::access::Task;
use crate::domain::registry::document::{Document, DocumentClass};
use crate::store::db::Tx;
use crate::store::documents::{self, DocumentKey, Holder};

impl App {
    /// The key of a number of a class as papers of one country have it.
    pub(super) fn key_in(&self, class: DocumentClass, country: &str, number: &str) -> DocumentKey {
        let index = self.index.document(class.as_str(), country, number);
        DocumentKey { class, country: country.to_owned(), index }
    }

    /// The key that the same paper has where its country was not said.
    pub(super) fn key_without_country(&self, document: &Document) -> Option<DocumentKey> {
        let named = document.class.has_many_issuers() && document.country.is_some();
        named.then(|| self.key_in(document.class, "", document.number.expose()))
    }

    /// The keys that the paper may have in the register besides its own.
    async fn other_keys(&self, tx: &mut Tx, task: &Task, document: &Document) -> Result<Vec<DocumentKey>, Error> {
        if !document.is_of_any_country() {
            return Ok(self.key_without_country(document).into_iter().collect());
        }
        let countries = documents::countries(tx, task, document.class).await?;
        let number = document.number.expose();
        Ok(countries.iter().map(|country| self.key_in(document.class, country, number)).collect())
    }

    /// Who holds a paper: under its own key, or else under any that it may have; one of each person. Of several nobody knows which is
    /// meant.
    pub(super) async fn holders(&self, tx: &mut Tx, task: &Task, document: &Document) -> Result<Vec<Holder>, Error> {
        if let Some(holder) = documents::holder(tx, task, &self.document_key(document)).await? {
            return Ok(vec![holder]);
        }
        let mut found: Vec<Holder> = Vec::new();
        for key in self.other_keys(tx, task, document).await? {
            let holder = documents::holder(tx, task, &key).await?;
            found.extend(holder.filter(|holder| found.iter().all(|known| known.person != holder.person)));
        }
        Ok(found)
    }
}
