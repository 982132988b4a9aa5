//! Of whose children and of which guardians a client may hear.

use chrono::NaiveDate;

use crate::app::{App, Error, access};
use crate::domain::access::OnePerson;
use crate::domain::oidc::claims::{ChildFacts, GuardianFacts};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::scope::Scope;
use crate::domain::registry::age::{self, AgeBand};
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::guardianships;
use crate::store::identities::{self, WardRow};

/// Confirmed wards who are minors today, of somebody who is none: at 18 guardianship ends by itself (reference,
/// Guardianship), and nobody is a guardian before.
pub(super) async fn wards(tx: &mut Tx, proof: &impl OnePerson, day: NaiveDate) -> Result<Vec<WardRow>, Error> {
    let minor = |ward: &WardRow| ward.birth_date.is_none_or(|born| !age::is_of_age(born, day));
    let found: Vec<WardRow> = identities::wards(tx, proof, day).await?.into_iter().filter(minor).collect();
    if found.is_empty() || guardianships::keeper(tx, proof).await?.is_some_and(|keeper| keeper.is_of_age(day)) {
        return Ok(found);
    }
    Ok(Vec::new())
}

impl App {
    /// Wards whom this client may hear of: by a live receipt that lets it know the family (of a confirmed guardian, or
    /// from 14 on the child's own), or by its statutory basis (R8). Subjects of children that the sector meets for the
    /// first time are stored by the caller.
    pub(super) async fn children(
        &self,
        tx: &mut Tx,
        proof: &impl OnePerson,
        client: &Client,
        now: Timestamp,
    ) -> Result<Vec<ChildFacts>, Error> {
        let mut told = Vec::new();
        for ward in wards(tx, proof, now.shanghai_date()).await? {
            let child = access::ward(proof, &ward);
            let age = AgeBand::at(ward.birth_date, now);
            if client.is_statutory() || self.consented(tx, &child, age, client, now).await?.has(Scope::EduGuardian) {
                told.push(ChildFacts {
                    person: ward.child,
                    name: ward.child_name,
                    relation: ward.relation,
                    legal: ward.legal,
                    school: ward.place.map(|place| place.name),
                    class: ward.class_name,
                });
            }
        }
        Ok(told)
    }

    /// Guardians of whom this client may hear. Platforms of the system need no receipt of an adult (R8); an application
    /// hears of those alone who let it know the family themselves, in the receipt that they gave for the child. A child of
    /// 14 agrees for herself, and for nobody else.
    pub(super) async fn guardians(
        &self,
        tx: &mut Tx,
        proof: &impl OnePerson,
        age: AgeBand,
        client: &Client,
        now: Timestamp,
    ) -> Result<Vec<GuardianFacts>, Error> {
        if age == AgeBand::Adult {
            return Ok(Vec::new());
        }
        let (day, agreed) = (now.shanghai_date(), self.openers_of_the_family(tx, proof, client).await?);
        let told = identities::guardians(tx, proof, day)
            .await?
            .into_iter()
            .filter(|row| row.keeper.is_of_age(day) && (!client.is_application() || agreed.contains(&row.guardian)));
        Ok(told
            .map(|row| GuardianFacts { person: row.guardian, name: row.name, relation: row.relation, legal: row.legal })
            .collect())
    }
}
