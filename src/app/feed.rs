//! What platforms read: changes behind a number, and everybody in reach. Values are read when they are delivered, under what
//! the platform serves and may know of at that moment (ruling R4).

use std::collections::BTreeSet;

use chrono::NaiveDate;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::per_client::Place as Waiting;
use super::possession::AccessToken;
use super::shown::detail_of;
use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::{OnePerson as _, Platform, Reached, TaskName};
use crate::domain::audit::{Action, Actor};
use crate::domain::id::{ClassId, ClientId, OrgId, PersonId};
use crate::domain::oidc::client::Client;
use crate::domain::oidc::error::{Code, ProtocolError};
use crate::domain::oidc::resource::{API, Bearer, FEED, Resource};
use crate::domain::oidc::scope::{Scope, ScopeSet};
use crate::domain::registry::age::AgeBand;
use crate::domain::registry::class::ClassStatus;
use crate::domain::registry::codes::identity_kind::IdentityKind;
use crate::domain::registry::codes::sex::Sex;
use crate::domain::registry::feed::{FeedKind, Numbered, Part};
use crate::domain::registry::institution::InstitutionStatus;
use crate::domain::registry::person::Person;
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::{classes, feeds, identities, institutions, persons, revoked_tokens};

/// So many requests of one platform wait at a time.
const MOST_WAITING: usize = 4;

/// A platform that reads its stream.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    client: ClientId,
}

impl Reader {
    /// Which client.
    pub fn client(&self) -> ClientId {
        self.client
    }
}

/// Changes behind a number.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Changes {
    /// In the order of their numbers, without a gap.
    pub items: Vec<Item>,
    /// To be sent as `after` the next time.
    pub after: i64,
    /// The last number of the stream.
    pub head: i64,
}

/// A change.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = FeedItem)]
pub struct Item {
    /// Its number: one more than that of the change before.
    pub seq: i64,
    /// When it got its number.
    #[schema(format = DateTime)]
    pub at: String,
    /// What happened.
    pub kind: FeedKind,
    /// The person, of a change about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person_id: Option<PersonId>,
    /// The institution, of a change about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub institution_id: Option<OrgId>,
    /// What changed of what the platform is shown: `name`, `sex`, `identities`; of subjects that were merged or parted `old` and `new`; of
    /// an institution its `name` and the like, or its `classes`.
    pub fields: Value,
    /// The person as she is now; none once she has left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Member>,
    /// The institution as it is now, of a change about one that the platform still serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub institution: Option<Served>,
    /// Its class as it is now, where it was one of its `classes` that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<ServedClass>,
}

/// An institution that a platform serves.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = FeedInstitution)]
pub struct Served {
    /// Its present code.
    pub code: Option<String>,
    /// Its name.
    pub name: String,
    /// Its state.
    pub status: InstitutionStatus,
}

/// A class of an institution that a platform serves.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = FeedClass)]
pub struct ServedClass {
    /// Its id, as in the `class_id` of its students.
    pub class_id: ClassId,
    /// Its name.
    pub name: String,
    /// Its state.
    pub status: ClassStatus,
}

/// A person, as a platform of the system may know her.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = FeedPerson)]
pub struct Member {
    /// Who, as in `sub`.
    pub person_id: PersonId,
    /// Her name; of a child under 14 only where a guardian agreed to `profile`, or the platform has a basis of its own.
    pub name: Option<String>,
    /// GB/T 2261.1; likewise.
    pub sex: Option<Sex>,
    /// What she is where the platform serves; likewise with `edu`, and the class with `edu.class`.
    pub identities: Vec<Identity>,
}

/// What she is somewhere.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = FeedIdentity)]
pub struct Identity {
    /// Table U.
    pub kind: IdentityKind,
    /// Where.
    pub institution_id: OrgId,
    /// Its present code.
    pub institution_code: Option<String>,
    /// Its name.
    pub institution: String,
    /// The class of a student.
    pub class_id: Option<ClassId>,
    /// Its name.
    pub class: Option<String>,
    /// First day.
    pub from: NaiveDate,
    /// First day on which it no longer holds.
    pub to: Option<NaiveDate>,
}

/// Everybody in reach, page by page.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Snapshot {
    /// People, in the order of their ids.
    pub items: Vec<Member>,
    /// Where the snapshot goes on. None: it is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The number behind which the changes go on once the snapshot is complete.
    pub after: i64,
}

/// Where a snapshot goes on.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    after: i64,
    person: PersonId,
}

/// What whoever asks for changes gets.
pub enum Told {
    /// These.
    Changes(Changes),
    /// It was away too long, or is ahead of the register: a snapshot is needed.
    Gone,
}

/// Today's values, as of people: only what the platform serves at this moment.
async fn served(tx: &mut Tx, platform: &Platform, org: OrgId) -> Result<Option<Served>, Error> {
    let task = access::task(TaskName::Feed);
    if feeds::served_of(tx, platform, &[org]).await?.is_empty() {
        return Ok(None);
    }
    let codes = institutions::codes(tx, &task, org).await?;
    let code = codes.into_iter().rev().find(|code| code.valid_to.is_none()).map(|code| code.code.value);
    let found = institutions::find(tx, &task, org).await?;
    Ok(found.map(|org| Served { code, name: org.name, status: org.status }))
}

fn invalid_token() -> Error {
    ProtocolError::new(Code::InvalidToken, "the access token is not for this API, or has ended").into()
}

impl App {
    /// The platform that a token of the API speaks for, in its own name.
    ///
    /// # Errors
    /// `invalid_token`, `insufficient_scope`, or a failed dependency.
    pub async fn feed_reader(&self, ctx: &Ctx, token: &AccessToken) -> Result<Reader, Error> {
        let own = self.own_token(ctx, token.text.expose_secret()).await?.ok_or_else(invalid_token)?;
        if own.claims["aud"] != self.issuer().at(API).as_str() {
            return Err(invalid_token());
        }
        self.check_holder(ctx, token, &own.claims).await?;
        let words = own.claims["scope"].as_str().unwrap_or_default();
        if !own.is_about_nobody() || !words.split(' ').any(|word| word == FEED) {
            return Err(ProtocolError::new(Code::InsufficientScope, "scope mingji.feed is needed").into());
        }
        // What the operator took away since is refused at once, as it is to a token that is asked for anew.
        let stream = Resource::api(self.issuer(), Bearer::Client);
        if stream.grants(&own.client, Some(FEED)).is_err() {
            return Err(invalid_token());
        }
        let called_back = revoked_tokens::holds(&mut self.db.read().await?, own.digest()).await?;
        match access::platform(&own.client) {
            Some(platform) if !called_back => Ok(Reader { client: platform.client() }),
            _ => Err(invalid_token()),
        }
    }

    /// A place among those of a platform who wait for something to happen; without one the answer comes at once.
    pub fn wait_for_changes(&self, reader: Reader) -> Option<Waiting<'_>> {
        self.feed_waits.begin(reader.client, MOST_WAITING)
    }

    async fn reader(&self, ctx: &Ctx, reader: Reader) -> Result<(std::sync::Arc<Client>, Platform), Error> {
        let client = self.client_by_id(reader.client, ctx.now).await?.ok_or_else(invalid_token)?;
        let platform = access::platform(&client).ok_or_else(invalid_token)?;
        Ok((client, platform))
    }

    /// Changes behind a number, at most `limit`.
    ///
    /// # Errors
    /// `NotFound` for a platform that serves nothing; a failed store.
    pub async fn changes(&self, ctx: &Ctx, reader: Reader, after: i64, limit: usize) -> Result<Told, Error> {
        let (client, platform) = self.reader(ctx, reader).await?;
        let mut tx = self.db.read().await?;
        // The rows first: what the upkeep takes away meanwhile is then seen by the floor.
        let rows = feeds::after(&mut tx, &platform, after, limit).await?;
        let stream =
            feeds::stream(&mut tx, &platform).await?.ok_or_else(|| Error::not_found("a stream of this platform"))?;
        if !stream.goes_on_after(after) {
            return Ok(Told::Gone);
        }
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            items.push(self.item(&mut tx, ctx, &client, &platform, row).await?);
        }
        let last = items.last().map_or(after, |item| item.seq);
        drop(tx);
        let read: Vec<PersonId> =
            items.iter().filter_map(|item| item.person.as_ref()).map(|one| one.person_id).collect();
        self.note_read(ctx, &client, ("changes", after, last), read).await?;
        Ok(Told::Changes(Changes { items, after: last, head: stream.head.max(last) }))
    }

    async fn item(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        client: &Client,
        platform: &Platform,
        Numbered { seq, row, class, at }: Numbered,
    ) -> Result<Item, Error> {
        let about_person = row.kind != FeedKind::Institution;
        let person_id = about_person.then_some(PersonId(row.subject));
        let mut person = None;
        if let (Some(id), FeedKind::Entered | FeedKind::Changed) = (person_id, row.kind) {
            for reached in self.reached(tx, client, &[id], ctx.now).await? {
                person = self.member(tx, ctx, (client, platform), &reached).await?;
            }
        }
        let institution = match person_id {
            Some(_) => None,
            None => served(tx, platform, OrgId(row.subject)).await?,
        };
        let class = match class.filter(|_| institution.is_some()) {
            Some(id) => classes::find(tx, &access::task(TaskName::Feed), id).await?,
            None => None,
        };
        Ok(Item {
            seq,
            at: at.to_rfc3339(),
            kind: row.kind,
            person_id,
            institution_id: (!about_person).then_some(OrgId(row.subject)),
            fields: row.fields,
            person,
            institution,
            class: class.map(|class| ServedClass { class_id: class.id, name: class.name, status: class.status }),
        })
    }

    async fn member(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        (client, platform): (&Client, &Platform),
        reached: &Reached,
    ) -> Result<Option<Member>, Error> {
        let Some(person) = persons::find(tx, reached).await? else { return Ok(None) };
        let agreed = self.agreed_of(tx, client, reached, &person, ctx.now).await?;
        let may = |scope: Scope| agreed.as_ref().is_none_or(|agreed| agreed.has(scope));
        let (day, task) = (ctx.now.shanghai_date(), access::task(TaskName::Feed));
        let mut all = Vec::new();
        for row in identities::enrolled(tx, reached, day).await? {
            let class_id = row.class.filter(|_| may(Scope::EduClass));
            let class = match class_id {
                Some(id) => classes::find(tx, &task, id).await?.map(|class| class.name),
                None => None,
            };
            all.push((row.place, IdentityKind::Student, class_id, class, row.from, row.to));
        }
        for row in identities::employed(tx, reached, day).await? {
            let kind = IdentityKind::of_staff(row.category, row.org_kind.teaches());
            all.push((row.place, kind, None, None, row.from, row.to));
        }
        let orgs: Vec<OrgId> = all.iter().map(|one| one.0.org).collect();
        let served = feeds::served_of(tx, platform, &orgs).await?;
        let identities = all.into_iter().filter(|one| may(Scope::Edu) && served.contains(&one.0.org));
        let identities = identities.map(|(place, kind, class_id, class, from, to)| Identity {
            kind,
            institution_id: place.org,
            institution_code: place.code,
            institution: place.name,
            class_id,
            class,
            from,
            to,
        });
        Ok(Some(Member {
            person_id: reached.person(),
            name: person.name.filter(|_| may(Scope::Profile)).map(|name| name.as_str().to_owned()),
            sex: may(Scope::Profile).then_some(person.sex),
            identities: identities.collect(),
        }))
    }

    /// Of a child a platform without a basis of its own is told what a guardian agreed to, claim by claim, as at a sign-in; none:
    /// it is told everything.
    async fn agreed_of(
        &self,
        tx: &mut Tx,
        client: &Client,
        reached: &Reached,
        person: &Person,
        now: Timestamp,
    ) -> Result<Option<ScopeSet>, Error> {
        let age = AgeBand::at(person.birth_date, now);
        if age != AgeBand::Under14 || client.is_statutory() {
            return Ok(None);
        }
        self.consented(tx, reached, age, client, now).await.map(Some)
    }

    /// Which parts of somebody a platform is shown.
    pub(super) async fn parts_of(
        &self,
        tx: &mut Tx,
        client: &Client,
        reached: &Reached,
        now: Timestamp,
    ) -> Result<BTreeSet<Part>, Error> {
        let Some(person) = persons::find(tx, reached).await? else { return Ok(BTreeSet::new()) };
        let agreed = self.agreed_of(tx, client, reached, &person, now).await?;
        let scope_of = |part: &Part| if *part == Part::Identities { Scope::Edu } else { Scope::Profile };
        let shown = |part: &Part| agreed.as_ref().is_none_or(|agreed| agreed.has(scope_of(part)));
        Ok(Part::ALL.iter().copied().filter(shown).collect())
    }

    /// Everybody a platform may know of, a page at a time, and the number behind which its changes go on.
    ///
    /// # Errors
    /// `Invalid` for a cursor of another platform; `NotFound` for one that serves nothing; a failed store.
    pub async fn feed_snapshot(
        &self,
        ctx: &Ctx,
        reader: Reader,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Snapshot, Error> {
        let (client, platform) = self.reader(ctx, reader).await?;
        let name = [b"snapshot".as_slice(), platform.client().0.as_bytes()].concat();
        let mut tx = self.db.read().await?;
        let place = match cursor {
            Some(cursor) => self.open_cursor(&name, cursor)?,
            // The number first: whoever comes or goes while pages are read stands behind it.
            None => {
                let stream = feeds::stream(&mut tx, &platform).await?;
                let stream = stream.ok_or_else(|| Error::not_found("a stream of this platform"))?;
                if stream.rebuilding_after.is_some() {
                    return Err(Error::busy("the people of this stream are being looked at anew"));
                }
                Place { after: stream.head, person: PersonId(Uuid::nil()) }
            }
        };
        let members = feeds::members(&mut tx, &platform, place.person, limit).await?;
        let next = match members.last().filter(|_| members.len() == limit) {
            Some(last) => Some(self.seal_cursor(&name, &Place { after: place.after, person: *last })?),
            None => None,
        };
        let mut items = Vec::with_capacity(members.len());
        for reached in self.reached(&mut tx, &client, &members, ctx.now).await? {
            items.extend(self.member(&mut tx, ctx, (&client, &platform), &reached).await?);
        }
        drop(tx);
        let read: Vec<PersonId> = items.iter().map(|one| one.person_id).collect();
        self.note_read(ctx, &client, ("snapshot", place.after, place.after), read).await?;
        Ok(Snapshot { items, next, after: place.after })
    }

    /// That values of people were given to a platform (网络数据安全管理条例 12): one entry for each page, with a digest of whom it
    /// was about. A page of nobody is none.
    async fn note_read(
        &self,
        ctx: &Ctx,
        client: &Client,
        (what, after, through): (&'static str, i64, i64),
        mut people: Vec<PersonId>,
    ) -> Result<(), Error> {
        if people.is_empty() {
            return Ok(());
        }
        people.sort_unstable();
        people.dedup();
        let ctx = ctx.acting(Actor::Client { id: client.id });
        let mut work = self.begin(&ctx, Action::FeedRead).await?;
        let (_, told) = detail_of(&people);
        work.target("client", client.id).detail("what", what).detail("people", told);
        work.detail("after", after).detail("through", through);
        work.commit(Outcome::Done).await
    }
}
