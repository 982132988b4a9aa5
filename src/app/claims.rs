//! Gathers what may be said about a person ([`Facts`]) under a proof that covers her; the domain decides
//! what is said.

mod family;
mod identities;
mod sector;

use std::sync::Arc;

use chrono::NaiveDate;

use super::{App, Error};
use crate::domain::access::OnePerson;
use crate::domain::id::IdentityId;
use crate::domain::oidc::claims::{ClassFacts, Facts, IdentityFacts, SpaceFacts};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::grant::Grant;
use crate::domain::oidc::scope::{Scope, ScopeSet};
use crate::domain::registry::age::AgeBand;
use crate::domain::registry::codes::identity_kind::IdentityKind;
use crate::domain::registry::codes::stage::Stage;
use crate::domain::registry::{grade, verification};
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::identities::{self as rows, Base, ClassRow, TaughtRow};
use crate::store::platforms::{self, Home};
use crate::store::verifications;

pub(crate) use identities::identities;

/// Who a person is today, whoever asks.
pub(crate) struct Standing {
    /// She herself.
    pub(crate) base: Base,
    /// Hers today, in their stable order.
    pub(crate) identities: Vec<IdentityFacts>,
    home: Option<Home>,
}

impl App {
    /// Who a person is today, as it was read at most two seconds ago; nothing of whoever may not sign in.
    pub(crate) async fn standing(
        &self,
        tx: &mut Tx,
        proof: &impl OnePerson,
        now: Timestamp,
    ) -> Result<Option<Arc<Standing>>, Error> {
        // A request that waited is older than what is so.
        let (person, since, read_at) = (proof.person(), self.changes.now(), self.now());
        if let Some(known) = self.standings.get(&person, since, read_at) {
            return Ok(Some(known));
        }
        let Some(mut base) = rows::base(tx, proof).await? else { return Ok(None) };
        let identities = identities(tx, proof, &base, now.shanghai_date()).await?;
        let home = home(tx, proof, base.home.take(), &identities).await?;
        let standing = Arc::new(Standing { base, identities, home });
        self.standings.keep(person, Arc::clone(&standing), since, read_at);
        Ok(Some(standing))
    }

    /// Everything that may be said to this client under this grant.
    pub(crate) async fn facts(
        &self,
        tx: &mut Tx,
        proof: &impl OnePerson,
        standing: &Standing,
        grant: &Grant,
        client: &Client,
        now: Timestamp,
    ) -> Result<Facts, Error> {
        let day = now.shanghai_date();
        let Standing { base, identities, home } = standing;
        let reach = grant.reach();
        let classes =
            if reach.has(Scope::EduClass) { classes_of(tx, proof, grant, identities, day).await? } else { Vec::new() };
        let age = AgeBand::at(base.birth_date, now);
        let (mut children, mut guardians) = (Vec::new(), Vec::new());
        if reach.has(Scope::EduGuardian) {
            children = self.children(tx, proof, client, now).await?;
            guardians = self.guardians(tx, proof, age, client, now).await?;
        }
        let verified = if reach.has(Scope::EduRealname) {
            verification::best_for(verifications::of_person(tx, proof).await?, "name")
        } else {
            None
        };
        let door = home.as_ref().and_then(|home| home.space_url.clone()).unwrap_or_else(|| self.issuer().at("/"));
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
        let personal = [Scope::Email, Scope::Phone, Scope::Address].into_iter().any(|scope| reach.has(scope));
        let consented = if personal { self.consented(tx, proof, age, client, now).await? } else { ScopeSet::default() };
        Ok(Facts {
            name: base.name.clone(),
            age,
            consented,
            realname: (base.realname_level, base.realname_at),
            verified,
            home: home.as_ref().map(|home| (home.sys_code.clone(), home.id.to_string(), home.level.clone())),
            space: SpaceFacts { id: base.space, own: base.space_url.clone(), door },
            identities: identities.clone(),
            classes,
            children,
            guardians,
            profile,
            updated_at: base.updated_at,
        })
    }
}

/// The home platform that she was given, else the nearest to where she is first of all (平台就近服务): whoever came in
/// before the authorities there had a platform was given none.
async fn home(
    tx: &mut Tx,
    proof: &impl OnePerson,
    given: Option<Home>,
    identities: &[IdentityFacts],
) -> Result<Option<Home>, Error> {
    if given.is_some() {
        return Ok(given);
    }
    for identity in identities {
        if let Some(near) = platforms::near(tx, proof, identity.org).await? {
            return Ok(Some(near));
        }
    }
    Ok(None)
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
        Some(IdentityKind::Student) => Ok(rows::sat_in(tx, proof, day)
            .await?
            .into_iter()
            .map(|row| class_facts(row, "student", Vec::new(), day))
            .collect()),
        Some(IdentityKind::Teacher | IdentityKind::SchoolStaff) => {
            Ok(taught_classes(rows::taught(tx, proof, day).await?, grant, day))
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
