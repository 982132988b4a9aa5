//! The console: whoever answers for clients of an institution sees them, registers others, rotates their secrets, tries a
//! sign-in and reads why requests failed. What she has no right to does not exist for her (R5).

use std::sync::Arc;
use std::time::Duration;

use super::access::ClientDuty;
use super::client_faults;
use super::clients::Registered;
use super::session::{Browser, Who};
use super::work::Outcome;
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{ClientScope, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{ClientId, OrgId, PersonId};
use crate::domain::oidc::client::{Client, ClientMetadata, ClientStatus};
use crate::domain::oidc::fault::{Fault, FaultKind};
use crate::domain::oidc::initial_token::Policy;
use crate::domain::time::Timestamp;
use crate::keys::opaque;
use crate::store::db::Tx;
use crate::store::ephemeral::Space;
use crate::store::facts::{self, Cache};
use crate::store::{client_faults as rows, clients, feeds, institutions, suspensions};

/// A form of the console is good once, and for so long.
const FORM_LIFE: Duration = Duration::from_secs(3_600);

/// So many applications does one person register in a day.
const MOST_OF_PERSON: u64 = 30;
/// So many are registered for one institution in a day.
const MOST_OF_INSTITUTION: u64 = 100;
const A_DAY: Duration = Duration::from_secs(86_400);

/// Who is at the console.
#[derive(Clone)]
pub struct Visitor {
    /// Herself.
    pub who: Who,
    /// Whether she proved herself lately: only then is something changed.
    pub recent: bool,
}

/// A client in the list.
pub struct Listed {
    /// The client.
    pub client: Arc<Client>,
    /// The institution that answers for it.
    pub institution: String,
}

/// Failed requests of one kind.
pub struct Faults {
    /// What was wrong.
    pub kind: FaultKind,
    /// The last few, the newest first.
    pub last: Vec<Fault>,
}

/// A client's page.
pub struct Shown {
    /// Who looks.
    pub visitor: Visitor,
    /// The client.
    pub client: Arc<Client>,
    /// The institution that answers for it.
    pub institution: String,
    /// Whether she may change it.
    pub may_change: bool,
    /// Whether she may let it back in, where it is out of use.
    pub may_resume: bool,
    /// Failed requests by kind, the kind that failed last first.
    pub faults: Vec<Faults>,
}

/// Where she may register clients.
pub struct Desk {
    /// Who registers.
    pub visitor: Visitor,
    /// The institutions that may answer for them.
    pub institutions: Vec<(OrgId, String)>,
    /// Makes the form good once.
    pub once: String,
}

impl App {
    /// Who is at the console; `None` without a session.
    ///
    /// # Errors
    /// `NotFound` for whoever answers for no clients; a failed store.
    pub async fn console_visitor(&self, ctx: &Ctx, browser: &Browser) -> Result<Option<Visitor>, Error> {
        let Some(who) = self.who(ctx, browser).await? else { return Ok(None) };
        self.client_scope(&mut self.db.read().await?, who.session.person, ClientDuty::See, ctx.now).await?;
        self.touch_session(&who.session, ctx.now).await?;
        let recent = self.is_recent(&who.session, ctx.now);
        Ok(Some(Visitor { who, recent }))
    }

    /// The clients that she may see, by name; whether she may register others.
    ///
    /// # Errors
    /// A failed store.
    pub async fn console_clients(&self, ctx: &Ctx, visitor: &Visitor) -> Result<(Vec<Listed>, bool), Error> {
        let mut tx = self.db.read().await?;
        let admin = visitor.who.session.person;
        let scope = self.client_scope(&mut tx, admin, ClientDuty::See, ctx.now).await?;
        let found = clients::under(&mut tx, &scope).await?;
        let listed = found.into_iter().map(|(client, institution)| Listed { client: Arc::new(client), institution });
        let may_register = self.client_scope(&mut tx, admin, ClientDuty::Keep, ctx.now).await.is_ok();
        Ok((listed.collect(), may_register))
    }

    /// A client's page. What waits to be written of failed requests is written first, so that whoever tries something sees
    /// what came of it.
    ///
    /// # Errors
    /// `NotFound` outside her scope; a failed store.
    pub async fn console_client(&self, ctx: &Ctx, visitor: Visitor, id: ClientId) -> Result<Shown, Error> {
        self.write_faults().await?;
        let mut tx = self.db.read().await?;
        let admin = visitor.who.session.person;
        let scope = self.client_scope(&mut tx, admin, ClientDuty::See, ctx.now).await?;
        let (client, institution) = one(&mut tx, &scope, id).await?;
        let keeps = self.client_scope(&mut tx, admin, ClientDuty::Keep, ctx.now).await;
        let (may_change, may_resume) = match keeps {
            Ok(scope) if clients::find_under(&mut tx, &scope, id).await?.is_some() => {
                (true, suspensions::may_resume(&mut tx, &scope, admin, id).await?)
            }
            _ => (false, false),
        };
        let since = ctx.now.minus(client_faults::KEPT);
        let faults = by_kind(rows::of_client(&mut tx, &scope, id, since).await?);
        Ok(Shown { visitor, client: Arc::new(client), institution, may_change, may_resume, faults })
    }

    /// Where she may register clients.
    ///
    /// # Errors
    /// `NotFound` when she may nowhere; a failed store.
    pub async fn console_desk(&self, ctx: &Ctx, visitor: Visitor) -> Result<Desk, Error> {
        let mut tx = self.db.read().await?;
        let scope = self.client_scope(&mut tx, visitor.who.session.person, ClientDuty::Keep, ctx.now).await?;
        let mut institutions = Vec::new();
        for subtree in scope.subtrees() {
            for root in subtree.roots() {
                if let Some(org) = institutions::find_in(&mut tx, subtree, root).await?
                    && !institutions.iter().any(|(known, _)| *known == org.id)
                {
                    institutions.push((org.id, org.name));
                }
            }
        }
        let once = secrecy::ExposeSecret::expose_secret(&opaque::generate(&*self.random)).to_owned();
        Ok(Desk { visitor, institutions, once })
    }

    /// Registers an application of a vendor for an institution at the top of one of her subtrees, as somebody who registers
    /// it himself: nobody vouches for its addresses or a provider's name, and people read which institution answers for it.
    /// It is hers from then on. A platform, which asks nobody and hears of everybody by her
    /// `person_id`, is registered by the operator alone.
    ///
    /// # Errors
    /// `invalid_redirect_uri`, `invalid_client_metadata`; `NotFound` outside her scope; `Conflict` when the form was sent
    /// before or she proved herself too long ago; a failed dependency.
    pub async fn console_register(
        &self,
        ctx: &Ctx,
        visitor: &Visitor,
        (org, once): (OrgId, &str),
        metadata: ClientMetadata,
    ) -> Result<Registered, Error> {
        let admin = proved(visitor)?;
        let (metadata, sector) = self.admitted(metadata, &Policy::of_console()).await?;
        // What is wrong with the metadata uses nothing up.
        let key = opaque::lookup_key(&format!("console {admin} {once}"));
        if !self.ephemeral.put_if_absent(Space::Replay, &key, b"", FORM_LIFE).await? {
            return Err(Error::new(Kind::Conflict, "this form was sent before"));
        }
        // Nor does whoever names an institution that is not hers use up what it may register.
        self.may_register(&mut self.db.read().await?, admin, org, ctx.now).await?;
        self.charge_registration(admin, org).await?;
        let ctx = ctx.administering(admin);
        let mut work = self.begin(&ctx, Action::ClientCreated).await?;
        self.may_register(work.tx(), admin, org, ctx.now).await?;
        let (mut client, secret) = self.new_client(&ctx, metadata, sector)?;
        client.org = Some(org);
        self.add_client(&mut work, &client).await?;
        clients::set_keeper(work.tx(), client.id, admin).await?;
        work.target("institution", org);
        work.commit(Outcome::Done).await?;
        self.clients.look_again();
        Ok(Registered { client: Arc::new(client), secret })
    }

    async fn may_register(&self, tx: &mut Tx, admin: PersonId, org: OrgId, now: Timestamp) -> Result<(), Error> {
        let scope = self.client_scope(tx, admin, ClientDuty::Keep, now).await?;
        let hers = scope.parts().iter().any(|(root, _)| *root == org);
        hers.then_some(()).ok_or_else(|| Error::not_found("an institution of hers"))
    }

    /// An account that somebody took over, or a script, does not fill the table.
    async fn charge_registration(&self, admin: PersonId, org: OrgId) -> Result<(), Error> {
        for (whose, most) in
            [(format!("console {admin}"), MOST_OF_PERSON), (format!("console {org}"), MOST_OF_INSTITUTION)]
        {
            let tally = self.ephemeral.incr(Space::Registrations, &opaque::lookup_key(&whose), A_DAY).await?;
            if tally.count > most {
                return Err(Error::busy("too many registrations in the console on one day"));
            }
        }
        Ok(())
    }

    /// Another secret for a client of hers, in the version that her page showed.
    ///
    /// # Errors
    /// As [`App::rotate_secret`]; `NotFound` outside her scope, `Conflict` when she proved herself too long ago or the
    /// client is not as it was shown.
    pub async fn console_rotate(
        &self,
        ctx: &Ctx,
        visitor: &Visitor,
        (id, version): (ClientId, i64),
        overlap: Option<Duration>,
    ) -> Result<Registered, Error> {
        let admin = proved(visitor)?;
        let ctx = ctx.administering(admin);
        let mut work = self.begin(&ctx, Action::ClientSecretRotated).await?;
        let client = self.hers(work.tx(), &ctx, admin, (id, version)).await?;
        reaches_no_further(work.tx(), &client).await?;
        let registered = self.rotate_in(&mut work, client, overlap, ctx.now).await?;
        work.commit(Outcome::Done).await?;
        self.clients.look_again();
        Ok(registered)
    }

    /// The old secret of a client of hers ends at once.
    ///
    /// # Errors
    /// As [`App::end_old_secret`] and [`App::console_rotate`].
    pub async fn console_end_old_secret(
        &self,
        ctx: &Ctx,
        visitor: &Visitor,
        (id, version): (ClientId, i64),
    ) -> Result<(), Error> {
        let admin = proved(visitor)?;
        let ctx = ctx.administering(admin);
        let mut work = self.begin(&ctx, Action::ClientSecretEnded).await?;
        let client = self.hers(work.tx(), &ctx, admin, (id, version)).await?;
        self.end_old_in(&mut work, client, ctx.now).await?;
        work.commit(Outcome::Done).await?;
        self.clients.look_again();
        Ok(())
    }

    /// Removes an application of hers for good. A platform of the system is removed by the operator.
    ///
    /// # Errors
    /// `NotFound` outside her scope, `Conflict` as [`App::console_rotate`]; a failed store.
    pub async fn console_remove(
        &self,
        ctx: &Ctx,
        visitor: &Visitor,
        (id, version): (ClientId, i64),
    ) -> Result<(), Error> {
        let admin = proved(visitor)?;
        let ctx = ctx.administering(admin);
        let mut work = self.begin(&ctx, Action::ClientRemoved).await?;
        let client = self.hers(work.tx(), &ctx, admin, (id, version)).await?;
        if !client.is_application() || !clients::set_status(work.tx(), id, ClientStatus::Removed, ctx.now).await? {
            return Err(Error::not_found("an application of hers"));
        }
        facts::bump(work.tx(), Cache::Clients).await?;
        work.target("client", id).event("client", id, "client.removed", &[]);
        work.commit(Outcome::Done).await?;
        self.clients.look_again();
        Ok(())
    }

    /// A client that she keeps, in the version that her page showed.
    pub(super) async fn hers(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        admin: PersonId,
        (id, version): (ClientId, i64),
    ) -> Result<Client, Error> {
        let scope = self.client_scope(tx, admin, ClientDuty::Keep, ctx.now).await?;
        let (client, _) = one(tx, &scope, id).await?;
        if client.version == version {
            Ok(client)
        } else {
            Err(Error::new(Kind::Conflict, "the client was changed since the page was shown"))
        }
    }

    /// `mingji client assign`: says which institution answers for a client, nobody but the operator for none; and who
    /// besides those who run it: somebody of its vendor, who is an administrator there for that.
    ///
    /// # Errors
    /// `NotFound` for an unknown client or institution, `Invalid` for somebody without an institution; a failed store.
    pub async fn assign_client(
        &self,
        ctx: &Ctx,
        id: ClientId,
        code: Option<&str>,
        keeper: Option<PersonId>,
    ) -> Result<(), Error> {
        if code.is_none() && keeper.is_some() {
            return Err(Error::invalid("whoever answers for a client does so at an institution: say which"));
        }
        let mut work = self.begin_beside_sequencer(ctx, Action::ClientAssigned).await?;
        let org = match code {
            Some(code) => {
                let found = institutions::by_code(work.tx(), &access::task(TaskName::OperatorCommand), code).await?;
                Some(found.ok_or_else(|| Error::no_institution(code))?.id)
            }
            None => None,
        };
        if !clients::assign(work.tx(), id, (org, keeper), ctx.now).await? {
            return Err(Error::not_found("a client of this id"));
        }
        facts::bump(work.tx(), Cache::Clients).await?;
        work.target("client", id).detail("assigned", org.is_some());
        if let Some(org) = org {
            work.target("institution", org);
        }
        if let Some(keeper) = keeper {
            work.target("person", keeper);
        }
        work.event("client", id, "client.updated", &["org"]);
        // Whose parents agreed to another institution is out of its reach from here on.
        self.break_stale_stream(work.tx(), id).await?;
        work.commit(Outcome::Done).await?;
        self.clients.look_again();
        self.rebuild_stream(id).await
    }
}

/// What cannot be taken back takes a sign-in of a short while ago (RFC 9470 in spirit; the pages ask for it before).
/// Whoever has a platform's secret reads its feed: where it serves more than the institution that answers for it, the secret is
/// the operator's to replace.
async fn reaches_no_further(tx: &mut Tx, client: &Client) -> Result<(), Error> {
    let (task, Some(platform)) = (access::task(TaskName::OperatorCommand), access::platform(client)) else {
        return Ok(());
    };
    for served in feeds::reach_of(tx, &platform).await? {
        let inside = match client.org {
            Some(own) => institutions::depth(tx, &task, own, served).await?.is_some(),
            None => false,
        };
        if !inside {
            return Err(Error::new(
                Kind::Conflict,
                "this platform serves more than your institution: its secret is replaced by the operator",
            ));
        }
    }
    Ok(())
}

pub(super) fn proved(visitor: &Visitor) -> Result<PersonId, Error> {
    if visitor.recent {
        Ok(visitor.who.session.person)
    } else {
        Err(Error::new(Kind::Conflict, "she proved herself too long ago"))
    }
}

pub(super) async fn one(tx: &mut Tx, scope: &ClientScope, id: ClientId) -> Result<(Client, String), Error> {
    clients::find_under(tx, scope, id).await?.ok_or_else(|| Error::not_found("a client of hers"))
}

fn by_kind(all: Vec<Fault>) -> Vec<Faults> {
    let mut kinds: Vec<Faults> = Vec::new();
    for fault in all {
        match kinds.iter_mut().find(|known| known.kind == fault.kind) {
            Some(known) => known.last.push(fault),
            None => kinds.push(Faults { kind: fault.kind, last: vec![fault] }),
        }
    }
    kinds
}
