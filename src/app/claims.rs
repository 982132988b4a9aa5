//! Gathers what may be said about a person ([`Facts`]) under a proof that covers her; the domain decides
//! what is said.

use chrono::NaiveDate;

use super::{App, Error, access};
use crate::domain::access::OnePerson;
use crate::domain::id::{IdentityId, PersonId};
use crate::domain::oidc::claims::{ChildFacts, ClassFacts, Facts, IdentityFacts, SectorIds};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::grant::Grant;
use crate::domain::oidc::scope::{Scope, ScopeSet};
use crate::domain::registry::age::{self, AgeBand};
use crate::domain::registry::codes::identity_kind::IdentityKind;
use crate::domain::registry::codes::stage::Stage;
use crate::domain::registry::grade;
use crate::domain::time::Timestamp;
use crate::keys::blind_index::BlindIndex;
use crate::store::db::Tx;
use crate::store::identities::{self, ClassRow, StaffRow, TaughtRow, WardRow};
use crate::store::{guardianships, subjects};

/// A person's identities today, in their stable order: staff, student, parent (one for each school of her wards).
pub(crate) async fn identities(
    tx: &mut Tx,
    proof: &impl OnePerson,
    day: NaiveDate,
) -> Result<Vec<IdentityFacts>, Error> {
    let taught = identities::taught(tx, proof, day).await?;
    let mut found: Vec<IdentityFacts> =
        identities::employed(tx, proof, day).await?.into_iter().map(|row| staff_identity(row, &taught)).collect();
    for row in identities::enrolled(tx, proof, day).await? {
        found.push(IdentityFacts {
            id: IdentityId(row.id.0),
            kind: IdentityKind::Student,
            org: row.place.org,
            org_code: row.place.code,
            org_name: row.place.name,
            classes: row.class.into_iter().collect(),
            primary: false,
            from: row.from,
        });
    }
    for ward in wards(tx, proof, day).await? {
        add_parent_identity(&mut found, ward);
    }
    if let Some(first) = found.first_mut() {
        first.primary = true;
    }
    Ok(found)
}

/// Confirmed wards who are minors today, of somebody who is none: at 18 guardianship ends by itself (reference,
/// Guardianship), and nobody is a guardian before.
async fn wards(tx: &mut Tx, proof: &impl OnePerson, day: NaiveDate) -> Result<Vec<WardRow>, Error> {
    let minor = |ward: &WardRow| ward.birth_date.is_none_or(|born| age::completed_years(born, day) < 18);
    let found: Vec<WardRow> = identities::wards(tx, proof, day).await?.into_iter().filter(minor).collect();
    if found.is_empty() || guardianships::keeper(tx, proof).await?.is_some_and(|keeper| keeper.is_of_age(day)) {
        return Ok(found);
    }
    Ok(Vec::new())
}

fn staff_identity(row: StaffRow, taught: &[TaughtRow]) -> IdentityFacts {
    let mut classes: Vec<_> = taught.iter().filter(|t| t.staffing == row.id).map(|t| t.class.id).collect();
    classes.dedup();
    let kind = IdentityKind::of_staff(row.category, row.org_kind.teaches());
    IdentityFacts {
        id: IdentityId(row.id.0),
        kind,
        org: row.place.org,
        org_code: row.place.code,
        org_name: row.place.name,
        classes,
        primary: false,
        from: row.from,
    }
}

fn add_parent_identity(found: &mut Vec<IdentityFacts>, ward: WardRow) {
    let Some(place) = ward.place else { return };
    if found.iter().any(|known| known.kind == IdentityKind::Parent && known.org == place.org) {
        return;
    }
    found.push(IdentityFacts {
        id: IdentityId(ward.id.0),
        kind: IdentityKind::Parent,
        org: place.org,
        org_code: place.code,
        org_name: place.name,
        classes: Vec::new(),
        primary: false,
        from: ward.from,
    });
}

impl App {
    /// Everything that may be said to this client under this grant.
    pub(crate) async fn facts(
        &self,
        tx: &mut Tx,
        proof: &impl OnePerson,
        grant: &Grant,
        client: &Client,
        now: Timestamp,
    ) -> Result<Facts, Error> {
        let day = now.shanghai_date();
        let base = identities::base(tx, proof).await?.ok_or_else(|| Error::not_found("person"))?;
        let identities = identities(tx, proof, day).await?;
        let reach = grant.reach();
        let classes =
            if reach.has(Scope::EduClass) { classes_of(tx, proof, grant, &identities, day).await? } else { Vec::new() };
        let children =
            if reach.has(Scope::EduGuardian) { self.children(tx, proof, client, now).await? } else { Vec::new() };
        let profile = match (&base.profile_sealed, &base.salt) {
            (Some(sealed), Some(salt)) => {
                let plain = self
                    .sealer
                    .open_column(salt, "profile", "claims_sealed", proof.person().0, sealed)
                    .map_err(Error::internal)?;
                serde_json::from_slice(&plain)?
            }
            _ => serde_json::Map::new(),
        };
        let age = AgeBand::at(base.birth_date, now);
        let personal = [Scope::Email, Scope::Phone, Scope::Address].into_iter().any(|scope| reach.has(scope));
        let consented =
            if personal { self.consented(tx, proof, age, client.id, now).await? } else { ScopeSet::default() };
        Ok(Facts {
            name: base.name,
            age,
            consented,
            realname: (base.realname_level, base.realname_at),
            home: base.home.map(|(id, code, level)| (code, id.to_string(), level)),
            space: (base.space, base.space_url),
            identities,
            classes,
            children,
            profile,
            updated_at: base.updated_at,
        })
    }

    /// Wards whom this client may hear of: by a live receipt that lets it know the family (of a confirmed guardian, or
    /// from 14 on the child's own), or by its statutory basis (R8). Subjects of children that the sector meets for the
    /// first time are stored by the caller.
    async fn children(
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
            if client.is_statutory() || self.consented(tx, &child, age, client.id, now).await?.has(Scope::EduGuardian) {
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

    /// Ids as this client may see them, with the subjects of those children it already knows.
    pub(crate) async fn sector_ids(
        &self,
        tx: &mut Tx,
        client: &Client,
        children: &[ChildFacts],
    ) -> Result<Ids<'_>, Error> {
        let mut known = Vec::new();
        if client.is_application() {
            for child in children {
                if let Some(sub) = subjects::find(tx, child.person, &client.sector).await? {
                    known.push((child.person, sub));
                }
            }
        }
        Ok(Ids { index: &self.index, sector: client.is_application().then(|| client.sector.clone()), known })
    }

    /// What a sector will call a person when it meets her for the first time (R13).
    pub(crate) fn fresh_sub(&self, client: &Client, person: PersonId) -> String {
        if client.is_application() {
            self.index.sector_id(&client.sector, "sub", person.0).to_string()
        } else {
            person.to_string()
        }
    }
}

async fn classes_of(
    tx: &mut Tx,
    proof: &impl OnePerson,
    grant: &Grant,
    identities: &[IdentityFacts],
    day: NaiveDate,
) -> Result<Vec<ClassFacts>, Error> {
    let active = identities.iter().find(|identity| Some(identity.id) == grant.identity);
    match active.map(|identity| identity.kind) {
        Some(IdentityKind::Student) => Ok(identities::sat_in(tx, proof, day)
            .await?
            .into_iter()
            .map(|row| class_facts(row, "student", Vec::new(), day))
            .collect()),
        Some(IdentityKind::Teacher | IdentityKind::SchoolStaff) => {
            Ok(taught_classes(identities::taught(tx, proof, day).await?, grant, day))
        }
        _ => Ok(Vec::new()),
    }
}

fn taught_classes(rows: Vec<TaughtRow>, grant: &Grant, day: NaiveDate) -> Vec<ClassFacts> {
    let mut found: Vec<ClassFacts> = Vec::new();
    for row in rows.into_iter().filter(|row| grant.identity == Some(IdentityId(row.staffing.0))) {
        let subject = (!row.subject.is_empty()).then(|| row.subject.clone());
        let role = if row.head_teacher { "head_teacher" } else { "teacher" };
        match found.iter_mut().find(|class| class.id == row.class.id) {
            Some(class) => {
                class.subjects.extend(subject);
                if row.head_teacher {
                    class.role = role;
                }
            }
            None => found.push(class_facts(row.class, role, subject.into_iter().collect(), day)),
        }
    }
    found
}

fn class_facts(row: ClassRow, role: &'static str, subjects: Vec<String>, day: NaiveDate) -> ClassFacts {
    let stage: Option<Stage> = row.stage.parse().ok();
    let grade = stage
        .and_then(|stage| grade::at(stage, row.entry_year, row.schooling_years, day))
        .map(|grade| grade.to_string());
    ClassFacts {
        id: row.id,
        name: row.name,
        stage: row.stage,
        entry_year: row.entry_year,
        grade,
        kind: row.kind,
        role,
        subjects,
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
