//! The platform that people call home 平台就近服务: the one near to where they belong. It follows them, and they keep subject and
//! space.

use std::collections::{BTreeMap, BTreeSet};

use super::work::Work;
use super::{App, Ctx, Error};
use crate::domain::access::Task;
use crate::domain::id::{OrgId, PersonId};
use crate::store::{enrolments, handovers, platforms, relation_claims, staffings};

impl App {
    /// After people began to study or work at institutions: whoever belongs nowhere else has her home go along from where she
    /// belonged last, be it by a row of a roster. One that somebody gave her stays.
    pub(super) async fn homes_follow(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        arrived: &BTreeSet<(PersonId, OrgId)>,
    ) -> Result<(), Error> {
        let people: Vec<PersonId> = arrived.iter().map(|(person, _)| *person).collect();
        if people.is_empty() {
            return Ok(());
        }
        let stays = enrolments::open_of_many(work.tx(), task, &people).await?;
        let posts = staffings::open_of_many(work.tx(), task, &people).await?;
        let mut belongs: BTreeSet<(PersonId, OrgId)> =
            stays.iter().filter(|stay| stay.is_register()).map(|stay| (stay.person, stay.org)).collect();
        belongs.extend(posts.iter().map(|post| (post.person, post.org)));
        let last = relation_claims::last_places(work.tx(), task, &people).await?;
        let mut ways: BTreeMap<(OrgId, OrgId), Vec<PersonId>> = BTreeMap::new();
        for (person, to) in arrived {
            if belongs.iter().any(|(who, at)| who == person && at != to) {
                continue;
            }
            // Of several that she left on one day each may be the one near to which her home is.
            for from in last.get(person).into_iter().flatten().map(|place| place.at).filter(|from| from != to) {
                ways.entry((from, *to)).or_default().push(*person);
            }
        }
        for (way, people) in ways {
            self.homes_go(work, ctx, task, way, &people).await?;
        }
        Ok(())
    }

    /// Whoever calls the platform near to one institution home calls the one near to another home.
    pub(super) async fn homes_go(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        (from, to): (OrgId, OrgId),
        people: &[PersonId],
    ) -> Result<(), Error> {
        let from = platforms::nearest(work.tx(), task, from).await?;
        let to = platforms::nearest(work.tx(), task, to).await?;
        match from.zip(to).filter(|(from, to)| from != to) {
            Some(homes) => self.rehome(work, ctx, task, homes, people).await,
            None => Ok(()),
        }
    }

    /// Whoever calls one platform home calls another one home.
    pub(super) async fn rehome(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        homes: (uuid::Uuid, uuid::Uuid),
        people: &[PersonId],
    ) -> Result<(), Error> {
        for person in handovers::hand_homes(work.tx(), task, homes, people, ctx.now).await? {
            work.event("person", person, "person.home_changed", &["home"]);
        }
        Ok(())
    }
}
