//! Whose word begins a post of somebody, or brings her back.

use std::collections::BTreeSet;

use super::{At, missing};
use crate::app::work::Work;
use crate::app::{App, Error};
use crate::domain::id::{OrgId, PersonId};
use crate::domain::registry::codes::status::Status;
use crate::store::{accounts, cases, relation_claims};

impl App {
    /// Whom others hold an administrator only claims, by a row of her roster (R1). Whoever belongs nowhere, or where only the
    /// decider said, comes back (`returns`) where she was last, and else is the operator's.
    pub(super) async fn held_by_decider(
        &self,
        work: &mut Work<'_>,
        at: &At<'_>,
        returns: Option<OrgId>,
    ) -> Result<(), Error> {
        let Some(admin) = at.by.admin() else { return Ok(()) };
        let free = match returns {
            Some(org) => self.comes_back_to(work, at, admin, org).await?,
            None => false,
        };
        if free || self.decides_about(work.tx(), admin, at.person, at.ctx.now).await? {
            return Ok(());
        }
        Err(Error {
            internal: "others hold her: bring her in by a row of a roster, which becomes a claim for them to confirm"
                .into(),
            ..missing()
        })
    }

    /// Whether the word of an administrator brings somebody back who was held by nobody else since. All of her comes with her post:
    /// what she made her own since an institution gets back by whoever stands above it, as by a row that says the same.
    async fn comes_back_to(
        &self,
        work: &mut Work<'_>,
        at: &At<'_>,
        admin: PersonId,
        org: OrgId,
    ) -> Result<bool, Error> {
        let sides: BTreeSet<OrgId> =
            cases::sides_of(work.tx(), at.task, &[at.person]).await?.into_iter().map(|side| side.org).collect();
        if !sides.is_empty() && !self.covers(work.tx(), admin, &sides, at.ctx.now).await? {
            return Ok(false);
        }
        let last = relation_claims::last_places(work.tx(), at.task, &[at.person]).await?.remove(&at.person);
        let last = last.unwrap_or_default();
        let Some(left) = last.iter().find(|place| place.at == org || place.org == org) else { return Ok(false) };
        let account = accounts::find(work.tx(), &at.task.on(at.person)).await?;
        if account.is_none_or(|account| account.state == Status::Inactive) {
            return Ok(true);
        }
        match left.above {
            Some(above) => self.covers(work.tx(), admin, &[above].into(), at.ctx.now).await,
            None => Ok(false),
        }
    }
}
