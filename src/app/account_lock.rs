//! Accounts are locked 管理锁定 and unlocked by administrators. With a lock stands by which kind of duty it was laid and from which
//! institution, so that nobody below that place undoes it, and of what security locked nobody who only runs an institution
//! (三员分离). It goes with the person where she goes. The operator undoes any.

use std::collections::BTreeSet;

use super::account_life::{AccountState, Minded, Part, missing, task};
use super::relation_claim::Decider;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::Subtree;
use crate::domain::audit::Action;
use crate::domain::id::{AccountId, OrgId, PersonId};
use crate::domain::registry::admin_rule::Duty;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::reason::read_reason;
use crate::store::account_locks::{self, AccountLock};
use crate::store::db::Tx;
use crate::store::{accounts, activations, cases, credentials, institutions, merges};

impl App {
    /// Locks somebody out: sessions, what was granted in them, and codes that were not used end with it. What somebody else
    /// locked gets this lock too.
    ///
    /// # Errors
    /// As [`App::sessions_of`]; `Conflict` for an account that she locked already, or that is none to sign in with; `Invalid`
    /// for a reason that is none.
    pub async fn lock_account(
        &self,
        ctx: &Ctx,
        by: Decider,
        person: PersonId,
        reason: &str,
    ) -> Result<AccountState, Error> {
        let reason = read_reason(reason).map_err(|why| Error::invalid(why.to_string()))?;
        let ctx = by.acting(ctx);
        let admin = by.admin().ok_or_else(missing)?;
        let mut work = self.begin(&ctx, Action::AccountLocked).await?;
        let Minded { person, account } = self.minded(&mut work, &ctx, by, person, Part::Minding).await?;
        let before = account.state;
        let opens = matches!(before, Status::Active | Status::Inactive | Status::Locked | Status::AdminLocked);
        let mut added = false;
        if opens {
            for lock in self.locks_by(&mut work, &ctx, admin, (person, account.id)).await? {
                added |= account_locks::add(work.tx(), &task(), lock, ctx.now).await?;
            }
        }
        if !opens || (!added && before == Status::AdminLocked) {
            return Err(Error::new(Kind::Conflict, "you locked the account already, or it is none to sign in with"));
        }
        let on = task().on(person);
        let ended = self.end_sessions_of(&mut work, &on, ctx.now, "locked by an administrator").await?;
        activations::end_open(work.tx(), account.id, ctx.now).await?;
        work.target("person", person).target("account", account.id).because(reason);
        if accounts::set_state(work.tx(), &on, account.id, Status::AdminLocked, ctx.now).await? {
            work.event("account", account.id, "account.locked", &["state"]);
        }
        self.told_of(work, person, Status::AdminLocked, ended).await
    }

    /// Takes off the locks that are this decider's to take off, and lets somebody in again when none is left.
    ///
    /// # Errors
    /// As [`App::sessions_of`]; `Conflict` for an account that is not locked, and where no lock is hers to take off.
    pub async fn unlock_account(&self, ctx: &Ctx, by: Decider, person: PersonId) -> Result<AccountState, Error> {
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::AccountUnlocked).await?;
        let Minded { person, account } = self.minded(&mut work, &ctx, by, person, Part::Minding).await?;
        if !matches!(account.state, Status::AdminLocked | Status::Locked) {
            return Err(Error::new(Kind::Conflict, "the account is not locked"));
        }
        work.target("person", person).target("account", account.id);
        // A lock came along with whoever was merged into her.
        let people: Vec<PersonId> =
            merges::all_into(work.tx(), &task(), person).await?.into_iter().chain([person]).collect();
        let locks = account_locks::of_people(work.tx(), &task(), &people).await?;
        let mut left = 0_usize;
        for lock in &locks {
            if self.may_unlock(&mut work, &ctx, by, person, *lock).await? {
                account_locks::lift(work.tx(), &task(), *lock).await?;
            } else {
                left += 1;
            }
        }
        if left > 0 && left == locks.len() {
            work.commit(Outcome::Refused("locked from above, or by who minds security")).await?;
            return Err(Error::new(
                Kind::Conflict,
                "it was locked from above, or by who minds security: they take it off, or the operator does",
            ));
        }
        if left > 0 {
            work.detail("left", left);
            return self.told_of(work, person, Status::AdminLocked, 0).await;
        }
        // Whoever never chose a password begins with a code, as before.
        let chosen = credentials::password(work.tx(), &access::door(), account.id).await?.is_some();
        let state = if chosen { Status::Active } else { Status::Inactive };
        accounts::set_state(work.tx(), &task().on(person), account.id, state, ctx.now).await?;
        work.event("account", account.id, "account.unlocked", &["state"]);
        self.told_of(work, person, state, 0).await
    }

    /// The locks that an administrator lays: by security where that duty alone reaches the whole person, else by who runs
    /// institutions, and by both where it takes both.
    async fn locks_by(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        admin: PersonId,
        (person, account): (PersonId, AccountId),
    ) -> Result<Vec<AccountLock>, Error> {
        let sides: BTreeSet<OrgId> =
            cases::sides_of(work.tx(), &task(), &[person]).await?.into_iter().map(|side| side.org).collect();
        let mut all = Vec::new();
        for (duty, scope) in self.account_duties(work.tx(), admin, ctx.now).await? {
            let tops = tops(work, &scope, &sides).await?;
            let locks = tops.into_iter().map(|org| AccountLock { account, org, duty });
            if self.is_wholly_in(work, &scope, person, ctx.now).await? {
                return Ok(locks.collect());
            }
            all.extend(locks);
        }
        Ok(all)
    }

    async fn may_unlock(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        by: Decider,
        person: PersonId,
        lock: AccountLock,
    ) -> Result<bool, Error> {
        let Decider::Admin(admin) = by else { return Ok(true) };
        let places = places_of(work.tx(), person, lock).await?;
        for (duty, scope) in self.account_duties(work.tx(), admin, ctx.now).await? {
            if duty != lock.duty && duty != Duty::Security {
                continue;
            }
            let mut covers = true;
            for place in &places {
                covers &= institutions::find_in(work.tx(), &scope, *place).await?.is_some();
            }
            if covers {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Where a lock stands: where it was laid, as long as somebody has a side there. Whoever was transferred, or whose school was
/// moved or became part of another one, is left by it for whoever stands as high over her now: of each side the lowest
/// institution, itself or above, that stands at the level from which the lock was laid, or higher.
async fn places_of(tx: &mut Tx, person: PersonId, lock: AccountLock) -> Result<BTreeSet<OrgId>, Error> {
    let laid = BTreeSet::from([lock.org]);
    let sides: BTreeSet<OrgId> =
        cases::sides_of(tx, &task(), &[person]).await?.into_iter().map(|side| side.org).collect();
    for side in &sides {
        if institutions::depth(tx, &task(), lock.org, *side).await?.is_some() {
            return Ok(laid);
        }
    }
    let Some(from) = institutions::find(tx, &task(), lock.org).await? else { return Ok(laid) };
    let mut places = BTreeSet::new();
    for side in &sides {
        let mut above = institutions::find(tx, &task(), *side).await?.into_iter().collect::<Vec<_>>();
        above.extend(institutions::ancestors(tx, &task(), *side).await?);
        let as_high = above.into_iter().find(|org| org.level.rank() <= from.level.rank());
        places.insert(as_high.map_or(lock.org, |org| org.id));
    }
    Ok(if places.is_empty() { laid } else { places })
}

/// The uppermost institutions of a scope that cover a side of somebody.
async fn tops(work: &mut Work<'_>, scope: &Subtree, sides: &BTreeSet<OrgId>) -> Result<Vec<OrgId>, Error> {
    let mut covering = BTreeSet::new();
    for root in scope.roots() {
        for side in sides {
            if institutions::depth(work.tx(), &task(), root, *side).await?.is_some() {
                covering.insert(root);
            }
        }
    }
    let mut tops = Vec::new();
    for one in &covering {
        let mut below = false;
        for other in covering.iter().filter(|other| *other != one) {
            below |= institutions::depth(work.tx(), &task(), *other, *one).await?.is_some();
        }
        if !below {
            tops.push(*one);
        }
    }
    Ok(tops)
}
