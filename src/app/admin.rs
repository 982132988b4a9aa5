//! Administrators' grants (`mingji admin grant`).

use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::TaskName;
use crate::domain::audit::Action;
use crate::domain::id::{AdminGrantId, PersonId};
use crate::domain::registry::codes::admin_role::AdminRole;
use crate::store::admin_grants::{self, NewGrant};
use crate::store::{accounts, activations, institutions};

impl App {
    /// Grants a role over an institution's subtree, by the operator. `false` when the person holds it already. Codes that
    /// lie about for her account end: whoever found one was to get less than it would be worth now (R1).
    ///
    /// # Errors
    /// `NotFound` for an unknown institution.
    pub async fn grant_admin(
        &self,
        ctx: &Ctx,
        person: PersonId,
        role: AdminRole,
        org_code: &str,
    ) -> Result<bool, Error> {
        let task = access::task(TaskName::OperatorCommand);
        let mut work = self.begin(ctx, Action::AdminGranted).await?;
        let org =
            institutions::by_code(work.tx(), &task, org_code).await?.ok_or_else(|| Error::no_institution(org_code))?;
        let on = task.on(person);
        let staffing = admin_grants::post_for(work.tx(), &on, org.id).await?;
        let grant = NewGrant {
            id: AdminGrantId::new(ctx.now, &*self.random),
            role: role.as_str().to_owned(),
            org: org.id,
            granted_by: None,
            may_delegate: false,
            valid_from: ctx.now,
            valid_to: None,
            staffing,
        };
        // Held first: a run of slips that is under way either made her code before this, or sees the grant.
        let account = accounts::hold(work.tx(), &on).await?;
        if !admin_grants::insert(work.tx(), &on, &grant).await? {
            return Ok(false);
        }
        if let Some(account) = account {
            activations::end_open(work.tx(), account, ctx.now).await?;
        }
        work.target("person", person).target("institution", org.id).detail("role", role.as_str());
        work.event("admin_grant", grant.id, "admin.granted", &[]);
        work.commit(Outcome::Done).await?;
        Ok(true)
    }
}
