//! Ids and subjects as one client may see them (ruling R13).

use crate::app::work::Housekeeping;
use crate::app::{App, Ctx, Error};
use crate::domain::id::PersonId;
use crate::domain::oidc::claims::SectorIds;
use crate::domain::oidc::client::Client;
use crate::keys::blind_index::BlindIndex;
use crate::store::db::Tx;
use crate::store::subjects;

impl App {
    /// Ids as this client may see them, with the subjects of those relatives whom it already knows.
    pub(crate) async fn sector_ids(&self, tx: &mut Tx, client: &Client, family: &[PersonId]) -> Result<Ids<'_>, Error> {
        let mut known = Vec::new();
        if client.is_application() {
            for person in family {
                if let Some(sub) = subjects::find(tx, *person, &client.sector).await? {
                    known.push((*person, sub));
                }
            }
        }
        Ok(self.ids(client, known))
    }

    /// The same for whoever holds no connection: one is taken where something is to be looked up.
    pub(crate) async fn sector_ids_of(&self, client: &Client, family: &[PersonId]) -> Result<Ids<'_>, Error> {
        if client.is_application() && !family.is_empty() {
            return self.sector_ids(&mut self.db.read().await?, client, family).await;
        }
        Ok(self.ids(client, Vec::new()))
    }

    fn ids(&self, client: &Client, known: Vec<(PersonId, String)>) -> Ids<'_> {
        Ids { index: &self.index, sector: client.is_application().then(|| client.sector.clone()), known }
    }

    /// What a sector will call a person when it meets her for the first time (R13).
    pub(crate) fn fresh_sub(&self, client: &Client, person: PersonId) -> String {
        if client.is_application() {
            self.index.sector_id(&client.sector, "sub", person.0).to_string()
        } else {
            person.to_string()
        }
    }

    /// Relatives of whom a sector hears for the first time keep the subject they were given.
    pub(crate) async fn keep_subjects_of(&self, client: &Client, family: &[PersonId], ctx: &Ctx) -> Result<(), Error> {
        if family.is_empty() {
            return Ok(());
        }
        let mut unknown = Vec::new();
        let mut tx = self.db.read().await?;
        for person in family {
            if subjects::find(&mut tx, *person, &client.sector).await?.is_none() {
                unknown.push(*person);
            }
        }
        drop(tx);
        if unknown.is_empty() {
            return Ok(());
        }
        let mut tx = self.housekeeping(Housekeeping::Subject).await?;
        for person in unknown {
            subjects::first_use(&mut tx, person, &client.sector, &self.fresh_sub(client, person), ctx.now).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// See [`SectorIds`].
pub(crate) struct Ids<'a> {
    index: &'a BlindIndex,
    /// `None` for platforms of the system.
    sector: Option<String>,
    known: Vec<(PersonId, String)>,
}

impl SectorIds for Ids<'_> {
    fn id(&self, kind: &str, id: uuid::Uuid) -> String {
        match &self.sector {
            Some(sector) => self.index.sector_id(sector, kind, id).to_string(),
            None => id.to_string(),
        }
    }

    fn sub(&self, person: PersonId) -> String {
        match self.known.iter().find(|(known, _)| *known == person) {
            Some((_, sub)) => sub.clone(),
            None => self.id("sub", person.0),
        }
    }
}
