//! The streams of platforms (ruling R4): written by the sequencer, in the transaction that numbers the events. Whom a platform
//! was told of stands in a table, so that coming into its reach and leaving it are seen whatever the cause was.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use super::pace::Pace;
use super::work::Housekeeping;
use super::{App, Error, access};
use crate::domain::access::{OnePerson as _, Platform, Reached, TaskName};
use crate::domain::id::{ClientId, EventId, OrgId, PersonId};
use crate::domain::oidc::client::Client;
use crate::domain::registry::feed::{FeedKind, FeedRow, Part, told};
use crate::domain::time::Timestamp;
use crate::store::clients;
use crate::store::db::Tx;
use crate::store::feeds::{self, Told};

/// So many rows of a stream are forgotten in one transaction.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

/// A replica that is so far ahead is still believed about the day.
const AHEAD_AT_MOST: Duration = Duration::from_secs(86_400);

/// Whom or what an event is about.
enum About {
    Person(PersonId),
    /// What of a person some clients may know.
    Consent(PersonId, Option<Vec<ClientId>>),
    /// And where it was before.
    Institution(OrgId, Option<OrgId>),
    /// Two subjects of a sector that became one, or two again: whoever knows one of the two hears of it.
    Subjects(FeedKind, PersonId, [Option<PersonId>; 2]),
}

impl App {
    /// Tells every platform of these events, as far as they are about whom it knows or may know of now.
    pub(super) async fn feed_platforms(&self, tx: &mut Tx, events: &[EventId], now: Timestamp) -> Result<(), Error> {
        let streams = if events.is_empty() { Vec::new() } else { feeds::streams(tx).await? };
        if streams.is_empty() {
            return Ok(());
        }
        let now = as_told(now, events);
        let by_id: BTreeMap<EventId, Told> =
            feeds::events(tx, events).await?.into_iter().map(|event| (event.id, event)).collect();
        let mut about = Vec::new();
        for event in events.iter().filter_map(|id| by_id.get(id)) {
            about.extend(self.subject_of(tx, event).await?.map(|about| (event, about)));
        }
        for stream in streams {
            let Some(client) = clients::find(tx, stream).await? else { continue };
            if let Some(platform) = access::platform(&client) {
                let rows = self.rows_for(tx, &client, &platform, &about, now).await?;
                feeds::append(tx, &platform, &rows, now).await?;
            }
        }
        Ok(())
    }

    async fn subject_of(&self, tx: &mut Tx, event: &Told) -> Result<Option<About>, Error> {
        let (id, task) = (event.aggregate_id, access::task(TaskName::Feed));
        Ok(match event.aggregate.as_str() {
            // Addressed to one sector: what it calls two people that are one, or one that is two again (R13).
            "person" if event.sector.is_some() => {
                let kind = if event.kind == "subject.parted" { FeedKind::Parted } else { FeedKind::Merged };
                let called = |which: &str| event.fields[which].as_str().and_then(|id| id.parse().ok());
                Some(About::Subjects(kind, PersonId(id), ["old", "new"].map(called)))
            }
            "person" => Some(About::Person(PersonId(id))),
            // What is between a child and her guardians is shown to no platform: it may bring the child in or out.
            "guardianship" => {
                feeds::child_of(tx, &task, id).await?.map(|child| About::Consent(child, Some(Vec::new())))
            }
            "consent" => {
                let person = feeds::receipt_of(tx, &task, id).await?;
                let clients = serde_json::from_value(event.fields["clients"].clone()).ok();
                Some(About::Consent(person.unwrap_or(PersonId(id)), clients))
            }
            "institution" => {
                let from = event.fields["from"].as_str().and_then(|id| id.parse().ok());
                Some(About::Institution(OrgId(id), from.map(OrgId)))
            }
            "class" => feeds::school_of(tx, &task, id).await?.map(|school| About::Institution(school, None)),
            _ => None,
        })
    }

    async fn rows_for(
        &self,
        tx: &mut Tx,
        client: &Client,
        platform: &Platform,
        about: &[(&Told, About)],
        now: Timestamp,
    ) -> Result<Vec<FeedRow>, Error> {
        let (mut people, mut orgs) = (BTreeSet::new(), BTreeSet::new());
        for (_, about) in about {
            match about {
                About::Person(person) | About::Consent(person, _) => drop(people.insert(*person)),
                About::Subjects(_, person, both) => people.extend(both.iter().flatten().chain([person])),
                About::Institution(org, from) => orgs.extend([*org].into_iter().chain(*from)),
            }
        }
        let (people, orgs): (Vec<_>, Vec<_>) = (people.into_iter().collect(), orgs.into_iter().collect());
        let mut knows: BTreeSet<PersonId> = feeds::known_of(tx, platform, &people).await?.into_iter().collect();
        let knew = knows.clone();
        let may = self.reached(tx, client, &people, now).await?;
        let may: BTreeMap<PersonId, Reached> = may.into_iter().map(|reached| (reached.person(), reached)).collect();
        let serves: BTreeSet<OrgId> = feeds::served_of(tx, platform, &orgs).await?.into_iter().collect();
        let (mut rows, mut came, mut went) = (Vec::new(), Vec::new(), Vec::new());
        for (event, about) in about {
            let (id, fields) = (event.id, event.fields.clone());
            match about {
                About::Person(person) | About::Consent(person, _) => {
                    let mut parts = changed(event, about, client);
                    if let Some(reached) = may.get(person).filter(|_| !parts.is_empty() && knows.contains(person)) {
                        let shown = self.parts_of(tx, client, reached, now).await?;
                        parts.retain(|part| shown.contains(part));
                    }
                    let row = told(*person, knows.contains(person), may.contains_key(person), &parts, id);
                    match row.as_ref().map(|row| row.kind) {
                        Some(FeedKind::Entered) if knows.insert(*person) => came.push(*person),
                        Some(FeedKind::Left) if knows.remove(person) => went.push(*person),
                        _ => {}
                    }
                    rows.extend(row);
                }
                // For whoever knows her in the sector, and for nobody else; also where one of the two has left by this very change.
                About::Subjects(kind, person, both) => {
                    let known = |id: &PersonId| knew.contains(id) || knows.contains(id);
                    let hers = both.iter().flatten().chain([person]).any(known);
                    let hers = hers && event.sector.as_deref() == Some(client.sector.as_str());
                    rows.extend(hers.then(|| FeedRow { kind: *kind, subject: person.0, fields, event: id }));
                }
                About::Institution(org, from) => {
                    let hers = serves.contains(org) || from.is_some_and(|from| serves.contains(&from));
                    let kind = FeedKind::Institution;
                    // A class has a name too, which is not its school's.
                    let fields = if event.aggregate == "class" { json!(["classes"]) } else { names_only(fields) };
                    rows.extend(hers.then(|| FeedRow { kind, subject: org.0, fields, event: id }));
                }
            }
        }
        feeds::enter(tx, platform, &came).await?;
        for person in went {
            feeds::leave(tx, platform, person).await?;
        }
        Ok(rows)
    }

    /// Forgets what was numbered before the window, and what a stream that broke left behind. The rows go page by page, and never in
    /// the transaction that moves the floor: the sequencer waits for the stream's own row.
    pub(super) async fn forget_feeds(&self, now: Timestamp) -> Result<(), Error> {
        let streams = feeds::streams(&mut self.db.read().await?).await?;
        let mut pace = Pace::default();
        for stream in streams {
            let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
            let client = clients::find(&mut tx, stream).await?;
            let Some(platform) = client.as_ref().and_then(access::platform) else { continue };
            feeds::raise_floor(&mut tx, &platform, now.minus(self.lifetimes.feed)).await?;
            tx.commit().await?;
            while self.paced(&mut pace, || self.forget_page(&platform)).await? {}
        }
        Ok(())
    }

    /// Whether there may be more.
    async fn forget_page(&self, platform: &Platform) -> Result<bool, Error> {
        let mut tx = self.housekeeping(Housekeeping::Upkeep).await?;
        let gone = feeds::forget(&mut tx, platform, FORGOTTEN_AT_ONCE).await?;
        tx.commit().await?;
        Ok(i64::try_from(gone).is_ok_and(|gone| gone >= FORGOTTEN_AT_ONCE))
    }
}

/// The moment at which reach is looked at: whoever wrote an event may be ahead of the clock here, and what a day brings by itself is
/// told once, at its first moment. A clock that is wrong by more than that is not followed.
fn as_told(now: Timestamp, events: &[EventId]) -> Timestamp {
    let written = events.iter().map(|id| id.written_at()).max().unwrap_or(now);
    now.max(written.min(now.plus(AHEAD_AT_MOST)))
}

/// What of a person an event may have changed for a client.
fn changed(event: &Told, about: &About, client: &Client) -> BTreeSet<Part> {
    match about {
        About::Consent(_, Some(clients)) if clients.contains(&client.id) => Part::ALL.iter().copied().collect(),
        About::Person(_) => {
            let by_age = !client.is_statutory();
            let fields = event.fields.as_array().into_iter().flatten().filter_map(|field| field.as_str());
            fields.flat_map(|field| Part::of_field(field, by_age)).copied().collect()
        }
        _ => BTreeSet::new(),
    }
}

/// Names of fields: what else an event tells is for us.
fn names_only(mut fields: serde_json::Value) -> serde_json::Value {
    let names = fields.get_mut("names").map(serde_json::Value::take);
    match (fields.is_array(), names) {
        (true, _) => fields,
        (false, Some(names)) => names,
        (false, None) => serde_json::Value::Array(Vec::new()),
    }
}
