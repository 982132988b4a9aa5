//! The guardians of an institution's students, as the school sees them every day (ruling R19).

use chrono::NaiveDate;
use serde::Serialize;
use uuid::Uuid;

use super::confirming::ConfirmationView;
use super::keeper::Keeper;
use super::relation_claim::Decider;
use super::roster_view::{Cut, Viewed, name_of};
use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::{Subtree, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{GuardianshipId, OrgId, PersonId};
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::guardian_life::GuardianshipSlice;
use crate::domain::registry::guardianship::GuardianshipStatus;
use crate::domain::registry::text;
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::institutions;
use crate::store::roster_rows::{self, Span};

/// A guardian in a list, once for each child.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = GuardianOfStudent)]
pub struct KeeperRow {
    /// The relation.
    pub guardianship_id: GuardianshipId,
    /// The student.
    pub child_id: PersonId,
    /// The student's name.
    pub child: String,
    /// Who; none for somebody whom others hold, and whom the school only named.
    pub person_id: Option<PersonId>,
    /// Her name, there as the school wrote it.
    pub name: String,
    /// JTGX and more.
    pub relation: Relation,
    /// The institution that is the guardian, and for which she acts.
    pub institution: Option<String>,
    /// Guardian by law.
    pub legal: bool,
    /// 1 first, 2 second.
    pub rank: i64,
    /// Whether somebody confirmed it.
    pub status: GuardianshipStatus,
    /// Who did, as far as whoever asks may know; none: nobody, or it was before this was kept.
    pub confirmed: Option<ConfirmationView>,
    /// Counts its changes: sent along with a change, that is made only while nobody made another one.
    pub version: i64,
    /// First and last digit of her phone; none where others hold her too, whose word it may be.
    pub phone: Option<String>,
}

impl App {
    /// The guardians of who studies at an institution today, as far as they were confirmed or recorded there, behind a
    /// relation, at most `limit`. Audited, and noted for each of them and each child.
    ///
    /// # Errors
    /// `NotFound` for an institution that is not below the administrator.
    pub async fn guardians_of(
        &self,
        ctx: &Ctx,
        by: Decider,
        org: OrgId,
        after: Option<GuardianshipId>,
        limit: usize,
    ) -> Result<Cut<KeeperRow>, Error> {
        let mut tx = self.db.read().await?;
        let scope = self.scope_of(&mut tx, by, ctx).await?;
        self.seen(&mut tx, &scope, org).await?;
        let mut span = Span {
            day: ctx.now.shanghai_date(),
            after: after.map_or(Uuid::nil(), |relation| relation.0),
            limit: limit + 1,
        };
        let mut rows = Vec::new();
        // What others recorded of a child is passed over, and must not end the list.
        while rows.len() <= limit {
            let found = roster_rows::kept_children(&mut tx, &scope, org, span).await?;
            let Some(last) = found.last() else { break };
            span.after = last.guardianship.0;
            for kept in &found {
                let keepers = self.keepers_here(&mut tx, &scope, kept.child, span.day).await?;
                if let Some(keeper) = keepers.into_iter().find(|one| one.relation.id == kept.guardianship) {
                    rows.push(self.keeper_row(&mut tx, &scope, keeper, kept.name.as_deref(), ctx.now).await?);
                }
            }
        }
        drop(tx);
        let cut = Cut::at(rows, limit);
        let shown = cut.items.iter().flat_map(|row| [row.person_id, Some(row.child_id)]).flatten().collect();
        self.note_view(ctx, by, Viewed { org, day: None }, shown, cut.items.len()).await?;
        Ok(cut)
    }

    /// The same of one child, in their order; of a day before, as they were then, without phones. Audited, and noted for each of them and the
    /// child.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not below the administrator.
    pub async fn guardians_of_child(
        &self,
        ctx: &Ctx,
        by: Decider,
        child: PersonId,
        day: Option<NaiveDate>,
    ) -> Result<Vec<KeeperRow>, Error> {
        let mut tx = self.db.read().await?;
        let scope = self.scope_of(&mut tx, by, ctx).await?;
        let child = self.person_in(&mut tx, ctx, &scope, child).await?;
        let mut rows = Vec::new();
        let today = ctx.now.shanghai_date();
        match day.filter(|day| *day < today) {
            None => {
                for keeper in self.keepers_here(&mut tx, &scope, child.id, today).await? {
                    rows.push(self.keeper_row(&mut tx, &scope, keeper, Some(&name_of(&child)), ctx.now).await?);
                }
            }
            Some(day) => {
                let then = self.keepers_then(&mut tx, &scope, child.id, today).await?;
                for (keeper, part) in then.into_iter().filter(|(_, part)| part.stood_on(day)) {
                    let row = self.kept_row(&mut tx, &scope, keeper, &part, (Some(&name_of(&child)), ctx.now)).await?;
                    rows.push(row);
                }
                rows.sort_by_key(|row| row.rank);
            }
        }
        drop(tx);
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::PersonViewed).await?;
        work.target("person", child.id).detail("guardians", rows.len()).shows(child.id);
        if let Some(day) = day {
            work.detail("on", day.to_string());
        }
        for person in rows.iter().filter_map(|row| row.person_id) {
            work.shows(person);
        }
        work.commit(Outcome::Done).await?;
        Ok(rows)
    }

    /// A guardian of today, with her phone.
    async fn keeper_row(
        &self,
        tx: &mut Tx,
        scope: &Subtree,
        keeper: Keeper,
        child: Option<&str>,
        now: Timestamp,
    ) -> Result<KeeperRow, Error> {
        let phone = self.keeper_phone(tx, scope, &keeper, now.shanghai_date()).await?.map(|phone| text::mask(&phone));
        let part = keeper.relation.as_now();
        let row = self.kept_row(tx, scope, keeper, &part, (child, now)).await?;
        Ok(KeeperRow { phone, ..row })
    }

    /// A guardian as she was for a time.
    async fn kept_row(
        &self,
        tx: &mut Tx,
        scope: &Subtree,
        keeper: Keeper,
        part: &GuardianshipSlice,
        (child, now): (Option<&str>, Timestamp),
    ) -> Result<KeeperRow, Error> {
        let task = access::task(TaskName::RosterView);
        let (person_id, known) = (keeper.id(), keeper.relation);
        let institution = match part.institution {
            Some(org) => institutions::find(tx, &task, org).await?.map(|org| org.name),
            None => None,
        };
        Ok(KeeperRow {
            guardianship_id: known.id,
            child_id: known.child,
            child: child.unwrap_or_default().to_owned(),
            person_id,
            name: keeper.name,
            relation: part.relation,
            institution,
            legal: part.legal,
            rank: part.rank,
            status: part.status,
            confirmed: self.confirmation_shown(tx, &task, Some(scope), part.confirmed, now).await?,
            version: known.version,
            phone: None,
        })
    }
}
