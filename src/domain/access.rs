//! Proofs of scope (ruling R5): a family of values that say *why* somebody may touch a record. A store
//! function takes the narrowest proof it needs and cannot be called without one; there is no "all".
//!
//! Every `prove_…` constructor is called in one place, `app/access.rs`, from evidence that was just
//! checked; a test reads the sources and fails when another file calls one.

use super::id::{AdminGrantId, ClientId, GrantId, OrgId, PersonId, SessionId};

/// An administrator's live grants: the institutions at the top of her subtrees.
#[derive(Clone, Debug)]
pub struct Subtree {
    admin: PersonId,
    roots: Vec<(AdminGrantId, OrgId)>,
}

/// What somebody answers for of the relying parties: all of the institutions in her subtrees, or of those of others only
/// the applications that she registered herself or was named for.
#[derive(Clone, Debug)]
pub struct ClientScope {
    all: Option<Subtree>,
    hers: Option<Subtree>,
}

/// The person herself, at the keyboard of a live session (or holding her own activation code).
#[derive(Clone, Copy, Debug)]
pub struct Own(PersonId);

/// A confirmed, unrestricted, unexpired guardian and the child.
#[derive(Clone, Copy, Debug)]
pub struct Ward {
    guardian: PersonId,
    child: PersonId,
}

/// A client that acts under a grant that is alive: tokens, userinfo.
#[derive(Clone, Copy, Debug)]
pub struct ViaGrant {
    client: ClientId,
    person: PersonId,
    grant: GrantId,
}

/// A platform that proved itself, for what it serves today.
#[derive(Clone, Copy, Debug)]
pub struct Platform(ClientId);

/// Somebody whom a platform reaches today.
#[derive(Clone, Copy, Debug)]
pub struct Reached {
    platform: ClientId,
    person: PersonId,
}

/// Before sign-in: a login leads to an account reference and to nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Door(());

/// The uniqueness question: yes or no, and a handle that can only be linked.
#[derive(Clone, Copy, Debug)]
pub struct Probe(());

/// A job or an operator's command, from the closed list [`TaskName`].
#[derive(Clone, Copy, Debug)]
pub struct Task(TaskName);

/// Who may act over the whole tree without being an administrator: jobs and the operator's own commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskName {
    /// `mingji account …`, `mingji admin grant`, `mingji consent …`: whoever can run them owns the machine.
    OperatorCommand,
    /// `mingji roster import` with the operator's rights.
    OperatorImport,
    /// A roster under an administrator's rights: what it reads outside her subtree serves to link and to nothing else.
    RosterDesk,
    /// Claimed relations that somebody may decide; who may is checked against her evidence.
    RelationDecision,
    /// Cases that somebody may decide; who may is checked against her evidence.
    CaseDecision,
    /// A change of one person's record, by the operator or whoever holds all of her.
    PersonChange,
    /// A change of a student's stay; whether the stay is hers is checked against an administrator's evidence.
    StudentLife,
    /// What the roster view adds to rows that an administrator's evidence found: names of classes, guardians, phones.
    RosterView,
    /// Everything that is known about somebody, for herself or the guardian of a small child; who reads it was proven by a session.
    OwnRecord,
    /// The daily look at who is erased now.
    Erasures,
    /// The sequencer, which asks whom an event is about.
    Feed,
    /// Requests of the API that may be sent again, each found by whoever sent it.
    ApiRequests,
    /// Errands of administrators, each found by whoever asked; what one does is checked against her evidence when it is done.
    Errands,
    /// Approvals of full records; who may ask and decide is checked against an administrator's evidence.
    Approvals,
    /// Guardians of a child; whether she is wholly an administrator's is checked against evidence.
    GuardianLife,
    /// The daily look at who came of age.
    Majority,
    /// Roles of administration; who may give them is checked against the giver's own.
    AdminDesk,
    /// Accounts; whether she is wholly an administrator's is checked against evidence.
    AccountCare,
    /// Where an entry of the audit about somebody belongs.
    AuditPlaces,
    /// What rows say, of which the audit has digests.
    RowStates,
    /// Classes of a school; whether the school is hers is checked against an administrator's evidence.
    ClassLife,
    /// Rights that ended by themselves, to be written down.
    Lapses,
    /// Posts and classes of a member of staff; whether the institution is hers is checked against evidence.
    StaffLife,
    /// What becomes of institutions and of whoever belongs to them; whether one is hers is checked against evidence.
    InstitutionLife,
    /// The turn of the school year in a subtree, by the operator or whoever covers it.
    YearTurn,
    /// Verifications of real names, by services and by whoever looked; who may ask is checked against her evidence.
    Verification,
    /// The name of the institution that answers for a client, for whoever is asked to agree to it.
    ConsentPage,
    /// `mingji registry count`.
    OperatorReport,
    /// Laying out the demo world.
    DemoSeed,
}

/// A task that works on one person.
#[derive(Clone, Copy, Debug)]
pub struct TaskOn {
    task: TaskName,
    person: PersonId,
}

/// A proof that covers exactly one person, and says whom.
pub trait OnePerson {
    /// The person it covers.
    fn person(&self) -> PersonId;
}

impl Subtree {
    /// From grants that were read as live in the same transaction.
    pub(crate) fn prove_from_live_grants(admin: PersonId, roots: Vec<(AdminGrantId, OrgId)>) -> Option<Self> {
        if roots.is_empty() { None } else { Some(Self { admin, roots }) }
    }

    /// The administrator.
    pub fn admin(&self) -> PersonId {
        self.admin
    }

    /// Each of its subtrees as a scope of its own.
    pub fn apart(&self) -> impl Iterator<Item = Self> + '_ {
        self.roots.iter().map(|root| Self { admin: self.admin, roots: vec![*root] })
    }

    /// The institutions at the top.
    pub fn roots(&self) -> impl Iterator<Item = OrgId> + '_ {
        self.roots.iter().map(|(_, org)| *org)
    }
}

impl ClientScope {
    /// From grants that were read as live in the same transaction: of roles that run institutions, and of roles that speak
    /// for a vendor.
    pub(crate) fn prove_from_live_roles(all: Option<Subtree>, hers: Option<Subtree>) -> Option<Self> {
        if all.is_none() && hers.is_none() { None } else { Some(Self { all, hers }) }
    }

    /// The subtrees, whichever of their clients are hers.
    pub fn subtrees(&self) -> impl Iterator<Item = &Subtree> {
        self.all.iter().chain(&self.hers)
    }

    /// Each root, and whose clients alone count there.
    pub fn parts(&self) -> Vec<(OrgId, Option<PersonId>)> {
        let all = self.all.iter().flat_map(|scope| scope.roots().map(|root| (root, None)));
        let hers = self.hers.iter().flat_map(|scope| scope.roots().map(|root| (root, Some(scope.admin()))));
        all.chain(hers).collect()
    }
}

impl Own {
    /// From a session that was read as live.
    pub(crate) fn prove_by_session(_session: SessionId, person: PersonId) -> Self {
        Self(person)
    }

    /// From a password that was just verified, or an activation code that was just shown.
    pub(crate) fn prove_by_credential(person: PersonId) -> Self {
        Self(person)
    }
}

impl Ward {
    /// From a guardianship that was read as confirmed, unrestricted and unexpired.
    pub(crate) fn prove_by_guardianship(guardian: PersonId, child: PersonId) -> Self {
        Self { guardian, child }
    }

    /// The guardian.
    pub fn guardian(&self) -> PersonId {
        self.guardian
    }
}

impl ViaGrant {
    /// From a grant that was read as alive.
    pub(crate) fn prove_by_grant(client: ClientId, person: PersonId, grant: GrantId) -> Self {
        Self { client, person, grant }
    }

    /// The client.
    pub fn client(&self) -> ClientId {
        self.client
    }

    /// The grant.
    pub fn grant(&self) -> GrantId {
        self.grant
    }
}

impl Platform {
    /// From a client of the system that is active, or that its stream is written for.
    pub(crate) fn prove_by_client(client: ClientId) -> Self {
        Self(client)
    }

    /// The client.
    pub fn client(&self) -> ClientId {
        self.0
    }
}

impl Reached {
    /// From what the platform serves, the person's places and the receipts about her, just read.
    pub(crate) fn prove_by_reach(platform: &Platform, person: PersonId) -> Self {
        Self { platform: platform.client(), person }
    }

    /// The platform.
    pub fn platform(&self) -> ClientId {
        self.platform
    }
}

impl OnePerson for Reached {
    fn person(&self) -> PersonId {
        self.person
    }
}

impl Door {
    /// Anybody may knock.
    pub(crate) fn prove_by_knocking() -> Self {
        Self(())
    }
}

impl Probe {
    /// From a budget that was just charged, or from a task.
    #[allow(
        dead_code,
        reason = "the admin API's uniqueness question (issue 4) makes this proof; a roster's questions go through TaskName::RosterDesk"
    )]
    pub(crate) fn prove_by_budget() -> Self {
        Self(())
    }
}

impl Task {
    /// For a job or command that names itself.
    pub(crate) fn prove_by_name(name: TaskName) -> Self {
        Self(name)
    }

    /// Its name, for the audit.
    pub fn name(&self) -> TaskName {
        self.0
    }

    /// The same task at work on one person.
    pub fn on(&self, person: PersonId) -> TaskOn {
        TaskOn { task: self.0, person }
    }
}

impl TaskOn {
    /// Its name, for the audit.
    pub fn name(&self) -> TaskName {
        self.task
    }
}

impl OnePerson for Own {
    fn person(&self) -> PersonId {
        self.0
    }
}

impl OnePerson for Ward {
    fn person(&self) -> PersonId {
        self.child
    }
}

impl OnePerson for ViaGrant {
    fn person(&self) -> PersonId {
        self.person
    }
}

impl OnePerson for TaskOn {
    fn person(&self) -> PersonId {
        self.person
    }
}

/// Proofs without evidence, for the tests of the store: the only other place that makes them.
#[cfg(test)]
pub(crate) mod for_tests {
    use super::{AdminGrantId, Door, OrgId, Own, PersonId, Probe, Subtree, Task, TaskName, Ward};

    pub(crate) fn task() -> Task {
        Task(TaskName::DemoSeed)
    }

    pub(crate) fn own(person: PersonId) -> Own {
        Own(person)
    }

    pub(crate) fn ward(guardian: PersonId, child: PersonId) -> Ward {
        Ward { guardian, child }
    }

    pub(crate) fn door() -> Door {
        Door(())
    }

    pub(crate) fn probe() -> Probe {
        Probe(())
    }

    pub(crate) fn subtree(admin: PersonId, roots: &[OrgId]) -> Subtree {
        Subtree { admin, roots: roots.iter().map(|root| (AdminGrantId(root.0), *root)).collect() }
    }
}
