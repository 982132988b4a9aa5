//! What a person is today 身份: computed from enrolments, posts and guardianships.

use chrono::NaiveDate;

use super::family::wards;
use crate::app::Error;
use crate::domain::access::OnePerson;
use crate::domain::id::IdentityId;
use crate::domain::oidc::claims::IdentityFacts;
use crate::domain::registry::codes::identity_kind::IdentityKind;
use crate::store::db::Tx;
use crate::store::identities::{self, Base, StaffRow, TaughtRow, WardRow};

/// A person's identities today, in their stable order: staff, student, parent (one for each school of her wards).
pub(crate) async fn identities(
    tx: &mut Tx,
    proof: &impl OnePerson,
    base: &Base,
    day: NaiveDate,
) -> Result<Vec<IdentityFacts>, Error> {
    let mut found = Vec::new();
    if base.has_posts {
        let taught = identities::taught(tx, proof, day).await?;
        let employed = identities::employed(tx, proof, day).await?;
        found.extend(employed.into_iter().map(|row| staff_identity(row, &taught)));
    }
    let stays = if base.has_stays { identities::enrolled(tx, proof, day).await? } else { Vec::new() };
    for row in stays {
        found.push(IdentityFacts {
            id: IdentityId(row.id.0),
            kind: IdentityKind::Student,
            org: row.place.org,
            org_code: row.place.code,
            org_name: row.place.name,
            classes: row.class.into_iter().collect(),
            primary: false,
            from: row.from,
            to: row.to,
        });
    }
    let wards = if base.has_wards { wards(tx, proof, day).await? } else { Vec::new() };
    for ward in wards {
        add_parent_identity(&mut found, ward);
    }
    if let Some(first) = found.first_mut() {
        first.primary = true;
    }
    Ok(found)
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
        to: row.to,
    }
}

fn add_parent_identity(found: &mut Vec<IdentityFacts>, ward: WardRow) {
    let Some(place) = ward.place else { return };
    let same = |known: &&mut IdentityFacts| known.kind == IdentityKind::Parent && known.org == place.org;
    if let Some(known) = found.iter_mut().find(same) {
        known.from = known.from.min(ward.from);
        // An end that is not known is the later one.
        known.to = known.to.zip(ward.to).map(|(one, other)| one.max(other));
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
        to: ward.to,
    });
}
