//! One-time activation: a printed code or a link leads to a password of one's own (R12). GET shows, POST
//! consumes. The operator's commands that issue links and set passwords live here too.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret as _, SecretString};

use super::login::MEMBER;
use super::work::Outcome;
use super::{App, Ctx, Error, Kind, access, ward};
use crate::domain::access::{OnePerson as _, Own, Task, TaskName, TaskOn};
use crate::domain::audit::Action;
use crate::domain::auth::password::{self, Weakness};
use crate::domain::auth::suggestion::{self, Suggestion};
use crate::domain::auth::throttle::{self, Attempt, Decision, Network};
use crate::domain::hex::hex;
use crate::domain::id::{AccountId, PersonId};
use crate::domain::registry::age::AgeBand;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::holder::{Holder, Roles};
use crate::domain::time::Timestamp;
use crate::keys::opaque;
use crate::store::db::Tx;
use crate::store::ephemeral::Space;
use crate::store::wards::Kept;
use crate::store::{accounts, activations, credentials, guardianships, identities, wards};

/// What the activation page shows before anything is consumed.
pub struct ActivationView {
    /// The user name to sign in with from then on.
    pub user_name: String,
    /// First and last character of the name, to see that the slip is one's own.
    pub person_hint: String,
    /// Whom the page speaks to.
    pub holder: Holder,
    /// She is met as somebody else than a guardian, and has children on her home page.
    pub has_children_too: bool,
    /// A password for a child to take or leave.
    pub suggestion: Option<Suggestion>,
    /// The whole name, against which a new password is judged.
    name: String,
}

/// Why an activation does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationProblem {
    /// Nobody's code.
    Unknown,
    /// Used before.
    Used,
    /// Too late.
    Expired,
    /// The password is too easy.
    Weak(Weakness),
}

impl App {
    /// Shows whose code it is.
    ///
    /// # Errors
    /// A failed store.
    pub async fn show_activation(
        &self,
        ctx: &Ctx,
        code: &str,
    ) -> Result<Result<ActivationView, ActivationProblem>, Error> {
        let door = access::door();
        let mut tx = self.db.read().await?;
        let activation = match usable_activation(&mut tx, ctx, code).await? {
            Ok(activation) => activation,
            Err(problem) => {
                drop(tx);
                return self.refused(ctx, code, problem).await;
            }
        };
        let Some(account) = accounts::by_id(&mut tx, &door, activation.account).await? else {
            return Ok(Err(ActivationProblem::Unknown));
        };
        let own = access::own_by_credential(account.person);
        let (name, born) = match identities::base(&mut tx, &own).await? {
            Some(base) => (base.name, base.birth_date),
            None => (String::new(), None),
        };
        let kept = wards::of_guardian(&mut tx, &own).await?;
        let holder = Holder::of(roles(&mut tx, &own, &kept, ctx.now).await?, AgeBand::at(born, ctx.now));
        Ok(Ok(ActivationView {
            user_name: account.user_name,
            person_hint: hint_of(&name),
            holder,
            has_children_too: holder != Holder::Guardian && kept.iter().any(|one| ward::is_shown(one, ctx.now)),
            suggestion: (holder == Holder::Child).then(|| suggestion::suggest(&*self.random)),
            name,
        }))
    }

    /// Whoever waits holds nothing of the database meanwhile: the delay is hers, and not everybody's.
    async fn refused<T>(
        &self,
        ctx: &Ctx,
        code: &str,
        problem: ActivationProblem,
    ) -> Result<Result<T, ActivationProblem>, Error> {
        if problem == ActivationProblem::Unknown {
            self.slow_down(ctx, code).await?;
        }
        Ok(Err(problem))
    }

    /// Guesses at codes are delayed like guesses at logins (R17): by how many different ones fail in a network.
    pub(super) async fn slow_down(&self, ctx: &Ctx, code: &str) -> Result<(), Error> {
        let Some(ip) = ctx.ip else { return Ok(()) };
        let network = hex(&self.index.network(&Network::of(ip).to_string()));
        let member = opaque::lookup_key(&canonical(code));
        // No password was looked at, which bounds how often somebody fails at the sign-in page.
        self.charge_room(ctx, MEMBER).await?;
        let member = member.get(..MEMBER).unwrap_or(&member);
        let network = self.ephemeral.count_distinct(Space::NetworkFailures, &network, member, throttle::WINDOW).await?;
        if let Decision::Delay(pause) = throttle::decide(Attempt::Stranger { attempts: 0, network }, throttle::WINDOW) {
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    /// Consumes the code and sets the password.
    ///
    /// # Errors
    /// A failed dependency; refusals are [`ActivationProblem`]s.
    pub async fn activate(
        &self,
        ctx: &Ctx,
        code: &str,
        new_password: SecretString,
    ) -> Result<Result<ActivationView, ActivationProblem>, Error> {
        let view = match self.show_activation(ctx, code).await? {
            Ok(view) => view,
            Err(problem) => return Ok(Err(problem)),
        };
        if let Err(weakness) = password::check(new_password.expose_secret(), &[&view.user_name, &view.name]) {
            return Ok(Err(ActivationProblem::Weak(weakness)));
        }
        let phc = self.passwords.hash(new_password, self.random.clone(), ctx.stranger()).await?;
        let mut work = self.begin(ctx, Action::Activate).await?;
        let activation = match usable_activation(work.tx(), ctx, code).await? {
            Ok(activation) => activation,
            Err(problem) => {
                drop(work);
                return self.refused(ctx, code, problem).await;
            }
        };
        let Some(account) = accounts::by_id(work.tx(), &access::door(), activation.account).await? else {
            return Ok(Err(ActivationProblem::Unknown));
        };
        let own = access::own_by_credential(account.person);
        // Before its codes, as whoever prints or ends them does.
        if accounts::hold(work.tx(), &own).await? != Some(account.id) {
            return Ok(Err(ActivationProblem::Used));
        }
        // Guarded: of two that post together one wins.
        if !activations::consume(work.tx(), activation.id, ctx.now).await? {
            return Ok(Err(ActivationProblem::Used));
        }
        credentials::set_password(work.tx(), &own, account.id, &phc, ctx.now).await?;
        accounts::activate(work.tx(), &own, account.id, ctx.now).await?;
        self.end_sessions_of(&mut work, &own, ctx.now, "activated again").await?;
        work.target("person", account.person).target("account", account.id).event(
            "account",
            account.id,
            "account.activated",
            &["state"],
        );
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        Ok(Ok(view))
    }

    /// `mingji account link`: a fresh code; earlier ones of the account end.
    ///
    /// # Errors
    /// `NotFound` when nobody has this login; `Conflict` for an account that is closed.
    pub async fn issue_activation(&self, ctx: &Ctx, person: PersonId) -> Result<(String, String), Error> {
        let on = access::task(TaskName::OperatorCommand).on(person);
        let mut work = self.begin(ctx, Action::ActivationIssued).await?;
        // Before its codes, as whoever grants its holder something does.
        let account = open_account(work.tx(), &on).await?;
        let (code, _) = self.fresh_code(&mut work, ctx, account).await?;
        work.target("person", on.person()).target("account", account);
        work.commit(Outcome::Done).await?;
        let link = self.activation_link(&code);
        Ok((code, link))
    }

    /// The address that leads to the form with the code in it.
    pub(super) fn activation_link(&self, code: &str) -> String {
        self.issuer().at(&format!("/activate?code={code}"))
    }

    /// `mingji account set-password`: for operators and tests. Ends all sessions of the person.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` for a weak password, or `Conflict` for an account that is closed.
    pub async fn set_password(&self, ctx: &Ctx, person: PersonId, new_password: SecretString) -> Result<(), Error> {
        let on = access::task(TaskName::OperatorCommand).on(person);
        let user_name = accounts::of_person(&mut self.db.read().await?, &on).await?.ok_or_else(no_account)?.user_name;
        password::check(new_password.expose_secret(), &[&user_name])
            .map_err(|weakness| Error::invalid(format!("the password is too weak: {weakness}")))?;
        let phc = self.passwords.hash(new_password, self.random.clone(), ctx.known(&person)).await?;
        let mut work = self.begin(ctx, Action::PasswordSet).await?;
        let account = open_account(work.tx(), &on).await?;
        credentials::set_password(work.tx(), &on, account, &phc, ctx.now).await?;
        accounts::activate(work.tx(), &on, account, ctx.now).await?;
        // A slip that lies about somewhere would replace the password again.
        activations::end_open(work.tx(), account, ctx.now).await?;
        self.end_sessions_of(&mut work, &on, ctx.now, "password set by the operator").await?;
        work.target("person", person).target("account", account).event("account", account, "account.password_set", &[]);
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        Ok(())
    }

    /// The person behind a login, for the operator's commands.
    ///
    /// # Errors
    /// `NotFound`, the same for every kind of login.
    pub async fn person_of_login(&self, login: &str) -> Result<PersonId, Error> {
        let login = crate::domain::registry::login::Login::parse(login);
        let mut tx = self.db.read().await?;
        let found = self.account_of(&mut tx, &access::door(), &login).await?;
        found.map(|account| account.person).ok_or_else(|| {
            Error::new(
                Kind::NotFound,
                "nobody has this login: give a user name from `mingji account list --org CODE`, an alias, or --person ID",
            )
        })
    }
}

async fn usable_activation(
    tx: &mut Tx,
    ctx: &Ctx,
    code: &str,
) -> Result<Result<activations::Activation, ActivationProblem>, Error> {
    let found = activations::find(tx, &access::door(), opaque::digest(&canonical(code))).await?;
    Ok(match found {
        None => Err(ActivationProblem::Unknown),
        Some(activation) if activation.used_at.is_some() => Err(ActivationProblem::Used),
        Some(activation) if ctx.now >= activation.expires_at => Err(ActivationProblem::Expired),
        Some(activation) => Ok(activation),
    })
}

/// A code was drawn by whoever held all of its person then, and is worth what she is from now on (R1): it ends with each post,
/// stay and ward that comes to her. Students come with their guardians. Before any of it is written: whoever draws a code at the
/// same moment either drew it before this, or sees what she is.
pub(super) async fn end_outgrown_codes(
    tx: &mut Tx,
    task: &Task,
    people: impl IntoIterator<Item = PersonId>,
    students: impl IntoIterator<Item = PersonId>,
    now: Timestamp,
) -> Result<(), Error> {
    let students: Vec<PersonId> = students.into_iter().collect();
    let keepers = guardianships::of_children(tx, task, &students).await?;
    let keepers = keepers.iter().filter(|known| known.is_standing()).map(|known| known.guardian);
    let grown: BTreeSet<PersonId> = people.into_iter().chain(keepers).chain(students).collect();
    Ok(activations::end_open_of_people(tx, task, &grown.into_iter().collect::<Vec<_>>(), now).await?)
}

/// An account, held. One that was closed gets no credential back that went with it (R18).
async fn open_account(tx: &mut Tx, on: &TaskOn) -> Result<AccountId, Error> {
    let held = accounts::hold(tx, on).await?.ok_or_else(no_account)?;
    let state = accounts::find(tx, on).await?.map(|account| account.state);
    if matches!(state, Some(Status::Cancelled | Status::Deceased)) {
        return Err(Error::new(
            Kind::Conflict,
            "the account is closed: its holder died, or asked to be erased, which `mingji person keep` takes back",
        ));
    }
    Ok(held)
}

/// Whoever the operator means by her id.
fn no_account() -> Error {
    Error::new(Kind::NotFound, "this person has no account: `mingji account list --org CODE` names those who have one")
}

/// What she is today; a guardian also before the school confirmed it.
pub(super) async fn roles(tx: &mut Tx, own: &Own, kept: &[Kept], now: Timestamp) -> Result<Roles, Error> {
    let day = now.shanghai_date();
    Ok(Roles {
        staff: !identities::employed(tx, own, day).await?.is_empty(),
        student: !identities::enrolled(tx, own, day).await?.is_empty(),
        guardian: kept.iter().any(|one| one.keeper.is_of_age(day)),
    })
}

/// Whether her family decides about her account: she is a child under 14, or nobody knows that she is older.
pub(super) async fn is_small_child(
    tx: &mut Tx,
    own: &Own,
    born: Option<chrono::NaiveDate>,
    now: Timestamp,
) -> Result<bool, Error> {
    let kept = wards::of_guardian(tx, own).await?;
    Ok(Holder::of(roles(tx, own, &kept, now).await?, AgeBand::at(born, now)) == Holder::Child)
}

/// Sixty bits in Crockford's Base32, in groups of four: typable from a slip (R12 asks for 40 at least).
pub(super) fn activation_code(app: &App) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let bytes: [u8; 12] = crate::domain::random::bytes(&*app.random);
    let mut code = String::with_capacity(14);
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 && at % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    code
}

/// Case, spaces and hyphens do not count, and look-alikes read as what Crockford's Base32 means by them.
pub(super) fn canonical(code: &str) -> String {
    let fold = |c: char| match c.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    };
    code.chars().filter(char::is_ascii_alphanumeric).map(fold).collect()
}

/// First and last character, which is all that is ever shown of a name to somebody who may be the wrong one.
pub(super) fn hint_of(name: &str) -> String {
    let mut chars = name.chars();
    match (chars.next(), chars.next_back()) {
        (Some(first), Some(last)) => format!("{first}*{last}"),
        (Some(first), None) => first.to_string(),
        _ => String::new(),
    }
}
