//! What a batch writes, gathered while its rows are decided.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::NaiveDate;
use serde_json::json;
use uuid::Uuid;

use super::{Login, Outcome};
use crate::app::cases::Dispute;
use crate::app::{App, Ctx};
use crate::domain::event::Event;
use crate::domain::hex::hex;
use crate::domain::id::{AccountId, ClassId, EventId, OrgId, PersonId, RelationClaimId};
use crate::domain::registry::account::Account;
use crate::domain::registry::codes::sex::Sex;
use crate::domain::registry::enrolment::Enrolment;
use crate::domain::registry::guardianship::Guardianship;
use crate::domain::registry::person::Person;
use crate::domain::registry::relation_claim::RelationClaim;
use crate::domain::registry::roster::Fault;
use crate::domain::registry::space::Space;
use crate::domain::registry::staffing::{Staffing, Teaching};
use crate::keys::opaque;
use crate::store::contacts::NewContact;
use crate::store::documents::{NewCode, StoredDocument};

/// What a row says of somebody known of whom the register had nothing.
pub(super) struct Filled {
    pub(super) person: PersonId,
    pub(super) sex: Option<Sex>,
    pub(super) birth_date: Option<NaiveDate>,
}

#[derive(Default)]
pub(super) struct Plan {
    pub(super) spaces: Vec<Space>,
    pub(super) people: Vec<Person>,
    pub(super) filled: Vec<Filled>,
    pub(super) documents: Vec<StoredDocument>,
    pub(super) codes: Vec<NewCode>,
    pub(super) contacts: Vec<NewContact>,
    pub(super) enrolments: Vec<Enrolment>,
    pub(super) moved: Vec<Enrolment>,
    pub(super) staffings: Vec<Staffing>,
    pub(super) renumbered: Vec<Staffing>,
    /// Lessons that go on as others.
    pub(super) ended: Vec<Uuid>,
    pub(super) teachings: Vec<(PersonId, Teaching)>,
    /// Classes into which somebody may come with this batch: open ones.
    pub(super) seated: BTreeSet<ClassId>,
    pub(super) guardianships: Vec<Guardianship>,
    pub(super) related: Vec<Guardianship>,
    pub(super) claims: Vec<RelationClaim>,
    pub(super) restated: BTreeMap<RelationClaimId, RelationClaim>,
    pub(super) accounts: Vec<Account>,
    pub(super) aliases: Vec<(Uuid, AccountId, [u8; 32])>,
    pub(super) presence: Vec<(OrgId, String, PersonId)>,
    /// First events of aggregates that begin here.
    pub(super) births: Vec<Event>,
    pub(super) changes: Vec<Event>,
    told: HashSet<Uuid>,
    /// Students whom the rows name, by the beginning of the key that names them.
    pub(super) named: HashSet<u64>,
    pub(super) logins: Vec<Login>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) faults: Vec<(u64, Fault)>,
    pub(super) warnings: Vec<(u64, Fault)>,
    /// What only a human can settle.
    pub(super) disputes: Vec<Dispute>,
    /// How many people the rows name whom the actor does not see (R1): known elsewhere or to nobody.
    pub(super) probes: i64,
    /// How many rows say of a number or 学籍号 of somebody whom the actor sees what the register does not: an answer, too.
    pub(super) contradictions: i64,
}

impl Plan {
    /// Whom and what the batch began or changed: SHA-256 of their sorted ids, as hexadecimal digits one behind the
    /// other. Whoever holds the events of a batch, which bear its time, can show that they are those of its entry.
    pub(super) fn told_digest(&self) -> String {
        let ids: BTreeSet<String> = self.told.iter().map(|id| id.simple().to_string()).collect();
        hex(&opaque::digest(&ids.into_iter().collect::<String>()))
    }

    /// An aggregate begins.
    pub(super) fn birth(&mut self, app: &App, ctx: &Ctx, aggregate: &'static str, id: Uuid, kind: &'static str) {
        if self.told.insert(id) {
            let fields = if aggregate == "person" { &["name", "sex", "birth_date"][..] } else { &[] };
            self.births.push(event(app, ctx, aggregate, id, kind, fields));
        }
    }

    /// One event for each aggregate and batch: the first says that there is something new, the reader looks.
    pub(super) fn change(&mut self, app: &App, ctx: &Ctx, person: PersonId, kind: &'static str, fields: &[&str]) {
        if self.told.insert(person.0) {
            self.changes.push(event(app, ctx, "person", person.0, kind, fields));
        }
    }
}

fn event(
    app: &App,
    ctx: &Ctx,
    aggregate: &'static str,
    aggregate_id: Uuid,
    kind: &'static str,
    fields: &[&str],
) -> Event {
    let id = EventId::new(ctx.now, &*app.random);
    Event { id, aggregate, aggregate_id, kind, fields: json!(fields), sector: None, at: ctx.now }
}
