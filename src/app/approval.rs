//! Asking for a full record, or for the export of many, and another person's word on it (ruling R19).

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use super::relation_claim::Decider;
use super::work::Outcome;
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Subtree, Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{ApprovalId, ClientId, OrgId, PersonId};
use crate::domain::registry::approval::{Approval, ApprovalState, MOST_WAITING, Opens};
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::reason::read_reason;
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::{accounts, approvals, institutions, persons};

/// A request, as those see it who made or may decide it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Approval)]
pub struct ApprovalView {
    /// Its id.
    pub id: ApprovalId,
    /// Whose full record it opens.
    pub person_id: Option<PersonId>,
    /// Or the list of which institution.
    pub institution_id: Option<OrgId>,
    /// For what.
    pub purpose: String,
    /// Who asked.
    pub asked_by: PersonId,
    /// When.
    #[schema(format = DateTime)]
    pub asked_at: String,
    /// Its state.
    pub state: ApprovalState,
    /// Who decided.
    pub decided_by: Option<PersonId>,
    /// Until when it may be decided, or used.
    #[schema(format = DateTime)]
    pub expires_at: String,
}

impl From<Approval> for ApprovalView {
    fn from(approval: Approval) -> Self {
        let (person_id, institution_id) = match approval.opens {
            Opens::Record(person) => (Some(person), None),
            Opens::Export(org) => (None, Some(org)),
        };
        Self {
            id: approval.id,
            person_id,
            institution_id,
            purpose: approval.purpose,
            asked_by: approval.asked_by,
            asked_at: approval.asked_at.to_rfc3339(),
            state: approval.state,
            decided_by: approval.decided_by,
            expires_at: approval.expires_at.to_rfc3339(),
        }
    }
}

/// Which requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Her own.
    Asked,
    /// Those of others that she may decide.
    Waiting,
}

/// A decision.
#[derive(Clone, Copy, Debug)]
pub enum Ruling {
    /// For this long, a day at most.
    Approve(Duration),
    /// No.
    Refuse,
}

fn missing() -> Error {
    Error::not_found("the request")
}

impl App {
    /// Asks for a full record or an export, through a client.
    ///
    /// # Errors
    /// `NotFound` for somebody or an institution outside her scope; `Invalid` for a purpose that is none; `Conflict` while too many of hers wait.
    pub async fn ask_approval(
        &self,
        ctx: &Ctx,
        (by, through): (Decider, ClientId),
        opens: Opens,
        purpose: &str,
    ) -> Result<ApprovalView, Error> {
        let purpose = read_reason(purpose).map_err(|why| Error::invalid(why.to_string()))?;
        let asker = by.admin().ok_or_else(missing)?;
        let (task, ctx) = (access::task(TaskName::Approvals), by.acting(ctx));
        let mut work = self.begin(&ctx, Action::ApprovalAsked).await?;
        let scope = self.scope_of(work.tx(), by, &ctx).await?;
        let opens = covered(work.tx(), &scope, opens, ctx.now).await?;
        let opens = opens.ok_or_else(|| Error::not_found("the person or institution"))?;
        let id = ApprovalId::new(ctx.now, &*self.random);
        let approval = Approval::asked(id, opens, purpose, (asker, through), ctx.now);
        approvals::insert(work.tx(), &task, &approval).await?;
        if approvals::count_waiting(work.tx(), &task, asker, ctx.now).await? > MOST_WAITING {
            return Err(Error::new(Kind::Conflict, "too many of your requests wait: have some of them decided first"));
        }
        match opens {
            Opens::Record(person) => work.target("person", person),
            Opens::Export(org) => work.target("institution", org),
        };
        work.target("client", through);
        work.target("approval", id).because(approval.purpose.clone());
        work.commit(Outcome::Done).await?;
        Ok(approval.into())
    }

    /// Requests that this administrator made, or that wait for somebody like her; the oldest first, behind `after`. Audited, as the
    /// other lists of what waits to be decided: nothing of whom they are about is shown but her id.
    ///
    /// # Errors
    /// `NotFound` for somebody who neither keeps rosters nor decides.
    pub async fn approvals(
        &self,
        ctx: &Ctx,
        by: Decider,
        whose: Whose,
        after: Option<ApprovalId>,
        limit: usize,
    ) -> Result<Vec<ApprovalView>, Error> {
        let listed = self.approvals_of(ctx, by, whose, after, limit).await?;
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::ApprovalViewed).await?;
        work.detail("whose", if whose == Whose::Asked { "asked" } else { "waiting" }).detail("rows", listed.len());
        work.commit(Outcome::Done).await?;
        Ok(listed)
    }

    async fn approvals_of(
        &self,
        ctx: &Ctx,
        by: Decider,
        whose: Whose,
        after: Option<ApprovalId>,
        limit: usize,
    ) -> Result<Vec<ApprovalView>, Error> {
        let asker = by.admin().ok_or_else(missing)?;
        let task = access::task(TaskName::Approvals);
        let mut tx = self.db.read().await?;
        // For whoever neither asks nor decides there is nothing here.
        let decides = self.approval_subtree(&mut tx, asker, ctx.now).await?;
        if decides.is_none() {
            self.scope_of(&mut tx, by, ctx).await?;
        }
        let mut after = after.unwrap_or(ApprovalId(Uuid::nil()));
        if whose == Whose::Asked {
            let found = approvals::asked(&mut tx, &task, asker, after, limit).await?;
            return Ok(found.into_iter().map(ApprovalView::from).collect());
        }
        let Some(scope) = decides else { return Ok(Vec::new()) };
        let mut listed = Vec::new();
        loop {
            let found = approvals::waiting(&mut tx, &scope, after, limit, ctx.now).await?;
            let Some(last) = found.last() else { return Ok(listed) };
            after = last.id;
            for approval in found {
                if self.may_decide(&mut tx, &approval, asker, ctx.now).await? {
                    listed.push(approval.into());
                }
            }
            if listed.len() >= limit {
                listed.truncate(limit);
                return Ok(listed);
            }
        }
    }

    /// Decides a request of somebody else, once: by a role that decides cases or minds privacy, at or above every right by which the other sees
    /// what it is about.
    ///
    /// # Errors
    /// `NotFound` for a request that is not there, or not hers to decide; `Conflict` as
    /// [`crate::domain::registry::approval::ApprovalError`] says.
    pub async fn decide_approval(
        &self,
        ctx: &Ctx,
        (by, through): (Decider, ClientId),
        id: ApprovalId,
        ruling: Ruling,
    ) -> Result<ApprovalView, Error> {
        let decider = by.admin().ok_or_else(missing)?;
        let (task, ctx) = (access::task(TaskName::Approvals), by.acting(ctx));
        let mut work = self.begin(&ctx, Action::ApprovalDecided).await?;
        let found = approvals::find(work.tx(), &task, id).await?.ok_or_else(missing)?;
        // Her own request is hers to see, and the answer says why she cannot decide it.
        if found.asked_by != decider && !self.may_decide(work.tx(), &found, decider, ctx.now).await? {
            return Err(missing());
        }
        let decided = match ruling {
            Ruling::Approve(span) => found.approve((decider, through), span, ctx.now),
            Ruling::Refuse => found.refuse(decider, ctx.now),
        };
        let decided = decided.map_err(|error| Error::new(Kind::Conflict, error.to_string()))?;
        if !approvals::update(work.tx(), &task, &decided).await? {
            return Err(Error::busy("somebody decided the request at the same moment"));
        }
        // Whoever audits where she works who asked hears of it, like whoever audits where the record is that it opens.
        work.about(decided.asked_by).await?;
        match decided.opens {
            Opens::Record(person) => work.target("person", person),
            Opens::Export(org) => work.target("institution", org),
        };
        work.target("approval", id).target("asker", decided.asked_by).target("client", through);
        work.detail("state", decided.state.as_str()).detail("until", decided.expires_at.to_rfc3339());
        work.because(decided.purpose.clone());
        work.commit(Outcome::Done).await?;
        Ok(decided.into())
    }

    /// Whether an approval opens something for this administrator now: its approver could still give it.
    pub(super) async fn opened_by_approval(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        by: Decider,
        opens: Opens,
        id: ApprovalId,
    ) -> Result<Approval, Error> {
        let task = access::task(TaskName::Approvals);
        let asker = by.admin().ok_or_else(missing)?;
        let found = approvals::find(tx, &task, id).await?.ok_or_else(missing)?;
        let approver = found.opened_by(opens, asker, ctx.now).ok_or_else(missing)?;
        if !self.acts_still(tx, &task, approver).await? || !self.may_decide(tx, &found, approver, ctx.now).await? {
            return Err(missing());
        }
        Ok(found)
    }

    /// Whether somebody in whose name something is done that she said earlier could sign in and say it now.
    pub(super) async fn acts_still(&self, tx: &mut Tx, task: &Task, person: PersonId) -> Result<bool, Error> {
        let on = task.on(person);
        let here = persons::find(tx, &on).await?.is_some_and(|person| person.status == Status::Active);
        let free = accounts::find(tx, &on).await?.is_some_and(|account| account.state == Status::Active);
        Ok(here && free)
    }

    /// Whether a request is somebody's to decide. Nobody decides for whoever stands above her.
    async fn may_decide(
        &self,
        tx: &mut Tx,
        approval: &Approval,
        decider: PersonId,
        now: Timestamp,
    ) -> Result<bool, Error> {
        if approval.opens == Opens::Record(decider) {
            return Ok(false);
        }
        let scope = match self.roster_subtree(tx, approval.asked_by, now).await {
            Err(Error { kind: Kind::NotFound, .. }) => return Ok(false),
            other => other?,
        };
        let mut tops = BTreeSet::new();
        for part in scope.apart() {
            if covered(tx, &part, approval.opens, now).await? == Some(approval.opens) {
                tops.extend(part.roots());
            }
        }
        self.approves(tx, decider, &tops, now).await
    }
}

/// What a request is about, where it lies in a scope: whoever was merged is the survivor.
async fn covered(tx: &mut Tx, scope: &Subtree, opens: Opens, now: Timestamp) -> Result<Option<Opens>, Error> {
    Ok(match opens {
        Opens::Record(person) => {
            let Some(person) = persons::survivor(tx, person).await? else { return Ok(None) };
            persons::in_subtree(tx, scope, person, now.shanghai_date()).await?.map(|person| Opens::Record(person.id))
        }
        Opens::Export(org) => institutions::find_in(tx, scope, org).await?.map(|org| Opens::Export(org.id)),
    })
}
