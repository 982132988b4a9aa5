//! Accounts 账号 and the aliases that lead to them.

use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::TaskName;
use crate::domain::audit::Action;
use crate::domain::id::{AccountId, PersonId, new_uuid};
use crate::domain::registry::account::{Account, AliasKind};
use crate::domain::registry::personal_code::PersonalCode;
use crate::domain::registry::user_name::UserName;
use crate::store::accounts;

impl App {
    /// Opens the account of a person, not yet activated; the user name, also of one that is there.
    ///
    /// # Errors
    /// A failed store.
    pub async fn open_account(&self, ctx: &Ctx, task: TaskName, person: PersonId) -> Result<String, Error> {
        /// Of 23⁹ names one is taken about never; two in a row are a broken generator.
        const DRAWS: usize = 4;
        let task = access::task(task);
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        if let Some(known) = accounts::of_person(work.tx(), &task.on(person)).await? {
            return Ok(known.user_name);
        }
        for _ in 0..DRAWS {
            let account = Account::inactive(
                AccountId::new(ctx.now, &*self.random),
                person,
                UserName::generate(&*self.random),
                ctx.now,
            );
            if accounts::insert(work.tx(), &task, &account).await? {
                work.target("person", person).target("account", account.id).event(
                    "account",
                    account.id,
                    "account.opened",
                    &[],
                );
                work.commit(Outcome::Done).await?;
                return Ok(account.user_name.to_string());
            }
        }
        Err(Error::internal("no free user name was drawn"))
    }

    /// Lets a person sign in with her 学籍号 too (R9). An older claim of another account ends; whether there was one.
    ///
    /// # Errors
    /// `NotFound` without an account.
    pub async fn add_personal_code_alias(
        &self,
        ctx: &Ctx,
        task: TaskName,
        person: PersonId,
        code: &PersonalCode,
    ) -> Result<bool, Error> {
        let on = access::task(task).on(person);
        let mut work = self.begin(ctx, Action::RegistryWritten).await?;
        let account = accounts::of_person(work.tx(), &on).await?.ok_or_else(|| Error::not_found("account"))?;
        let index = self.index.login("personal_code", code.expose());
        let id = new_uuid(ctx.now, &*self.random);
        let displaced =
            accounts::add_alias(work.tx(), &on, id, account.id, AliasKind::PersonalCode, index, ctx.now).await?;
        work.target("person", person)
            .target("account", account.id)
            .detail("alias", "personal_code")
            .detail("displaced", displaced);
        work.commit(Outcome::Done).await?;
        Ok(displaced)
    }
}
