//! Activation slips 小纸条: a fresh one-time code for everybody of an institution who never activated her account, by class
//! for students and guardians and by institution for staff. Codes are shown once, to whoever prints them; the database
//! keeps digests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use serde::Serialize;

use super::activation::{activation_code, canonical};
use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{ActivationId, ClassId, OrgId};
use crate::domain::registry::age::AgeBand;
use crate::domain::registry::grade::{self, Grade};
use crate::domain::registry::holder::{Holder, SlipKind};
use crate::domain::time::Timestamp;
use crate::keys::opaque;
use crate::store::slips::{self, Waiting, WaitingClass};
use crate::store::{activations, classes, institutions};

/// Accounts of one transaction: a few milliseconds, so that SQLite's writer is never held for long (R15).
const BATCH: usize = 200;

/// Whose slips.
#[derive(Clone, Debug, Default)]
pub struct SlipWish {
    /// Only of this kind.
    pub kind: Option<SlipKind>,
    /// Only of this class.
    pub class: Option<ClassId>,
    /// Only of classes in this grade today.
    pub grade: Option<Grade>,
    /// Also for those whose code from an earlier run would still work; it ends.
    pub reprint: bool,
}

/// One slip.
#[derive(Clone)]
pub struct Slip {
    /// Whose; the teacher hands it to nobody else.
    pub name: String,
    /// What she will type.
    pub user_name: String,
    /// The one-time code.
    pub code: String,
    /// The address that the code is part of.
    pub link: String,
    /// Whom the words on it speak to.
    pub holder: Holder,
    /// Whose guardian she is.
    pub child: Option<String>,
}

/// The slips that one teacher hands out.
pub struct Bundle {
    /// What they are.
    pub kind: SlipKind,
    /// Name of the institution.
    pub org: String,
    /// Name of the class.
    pub class: Option<String>,
    /// Its grade today, where it has one.
    pub grade: Option<Grade>,
    /// The slips.
    pub slips: Vec<Slip>,
    /// Until when their codes are good.
    pub valid_until: Timestamp,
}

/// A line of the report.
#[derive(Clone, Debug, Serialize)]
pub struct BundleCount {
    /// Staff, students or guardians.
    pub kind: &'static str,
    /// Name of the institution.
    pub org: String,
    /// The class, for `--class`.
    pub class_id: Option<ClassId>,
    /// Its name.
    pub class: Option<String>,
    /// How many slips.
    pub slips: usize,
}

/// What was printed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SlipReport {
    /// All slips.
    pub slips: usize,
    /// Of staff.
    pub staff: usize,
    /// Of students.
    pub students: usize,
    /// Of guardians.
    pub guardians: usize,
    /// Accounts without a slip because a code made earlier would still work.
    pub skipped_open: usize,
    /// Accounts without a slip because this institution does not hold all of the person, or because an administrator's
    /// claim that she is a guardian waits to be decided.
    pub skipped_elsewhere: usize,
    /// By class or institution.
    pub bundles: Vec<BundleCount>,
}

/// Takes slips whose codes are durable.
pub type Press<'a> = dyn FnMut(&Bundle) -> std::io::Result<()> + Send + 'a;

/// People who wait together.
struct Queue {
    kind: SlipKind,
    /// Whose run it is.
    within: OrgId,
    org: OrgId,
    org_name: String,
    class: Option<WaitingClass>,
    people: Vec<Waiting>,
}

/// What came of one transaction.
struct Issued {
    slips: Vec<Slip>,
    skipped_open: usize,
    skipped_elsewhere: usize,
    /// How long it held the writer.
    took: Duration,
}

impl App {
    /// `mingji account slips`: a code for everybody who waits and of whom the institution holds everything (R1). Whose
    /// code from an earlier run would still work keeps it, unless a reprint is wished for. Who was activated meanwhile gets
    /// none, and one account gets one slip, whatever its holder is.
    ///
    /// # Errors
    /// `NotFound` for an unknown institution or class; a failed store or press. Codes that were made until then are good,
    /// and a reprint ends them.
    pub async fn print_slips(
        &self,
        ctx: &Ctx,
        org_code: &str,
        wish: &SlipWish,
        press: &mut Press<'_>,
    ) -> Result<SlipReport, Error> {
        let task = access::task(TaskName::OperatorCommand);
        let (queues, skipped_elsewhere) = self.queues(ctx, &task, org_code, wish).await?;
        let mut report = SlipReport { skipped_elsewhere, ..SlipReport::default() };
        for queue in queues {
            let class_id = queue.class.as_ref().map(|class| class.id);
            let (bundle, skipped_open, skipped_elsewhere) = self.fill(ctx, &task, queue, wish.reprint).await?;
            report.skipped_open += skipped_open;
            report.skipped_elsewhere += skipped_elsewhere;
            if !bundle.slips.is_empty() {
                press(&bundle).map_err(Error::internal)?;
                report.add(&bundle, class_id);
            }
        }
        Ok(report)
    }

    /// Who gets one, in order, and how many do not because they belong elsewhere too.
    async fn queues(
        &self,
        ctx: &Ctx,
        task: &Task,
        org_code: &str,
        wish: &SlipWish,
    ) -> Result<(Vec<Queue>, usize), Error> {
        let mut tx = self.db.read().await?;
        let org =
            institutions::by_code(&mut tx, task, org_code).await?.ok_or_else(|| Error::no_institution(org_code))?;
        if let Some(class) = wish.class {
            classes::find(&mut tx, task, class).await?.ok_or_else(|| Error::not_found("class"))?;
        }
        let (today, mut seen, mut beyond) = (ctx.now.shanghai_date(), BTreeSet::new(), BTreeSet::new());
        let mut queues = Vec::new();
        for kind in SlipKind::ALL.iter().copied().filter(|kind| wish.kind.is_none_or(|wanted| wanted == *kind)) {
            let people = match kind {
                SlipKind::Staff => slips::staff(&mut tx, task, org.id, ctx.now).await?,
                SlipKind::Students => slips::students(&mut tx, task, org.id, ctx.now).await?,
                SlipKind::Guardians => slips::guardians(&mut tx, task, org.id, ctx.now).await?,
            };
            // A second code would end the first: who teaches and has children gets the teacher's slip.
            let (left, people): (Vec<_>, Vec<_>) =
                people.into_iter().filter(|one| wish.fits(one, today)).partition(|one| one.is_beyond);
            beyond.extend(left.iter().map(|one| one.account));
            let people = people.into_iter().filter(|one| seen.insert(one.account)).collect();
            queues.extend(line_up(kind, org.id, people));
        }
        // Of two children one may be in question: she has her slip with the other.
        Ok((queues, beyond.difference(&seen).count()))
    }

    /// Codes for a queue, in as many transactions as it takes, and how many were skipped because they have one, or because
    /// they were granted something beyond the institution meanwhile.
    async fn fill(&self, ctx: &Ctx, task: &Task, queue: Queue, reprint: bool) -> Result<(Bundle, usize, usize), Error> {
        let today = ctx.now.shanghai_date();
        let mut bundle = Bundle {
            kind: queue.kind,
            org: queue.org_name.clone(),
            class: queue.class.as_ref().map(|class| class.name.clone()),
            grade: queue.class.as_ref().and_then(|class| grade_of(class, today)),
            slips: Vec::with_capacity(queue.people.len()),
            valid_until: ctx.now.plus(self.lifetimes.activation),
        };
        let (mut held, mut skipped_open, mut skipped_elsewhere) = (Duration::ZERO, 0, 0);
        for people in queue.people.chunks(BATCH) {
            // Whoever waits for SQLite's writer has it as long as it was held (R15).
            if self.db.is_awaited() {
                tokio::time::sleep(held).await;
            }
            let issued = self.issue_many(ctx, task, &queue, people, bundle.valid_until, reprint).await?;
            bundle.slips.extend(issued.slips);
            skipped_open += issued.skipped_open;
            skipped_elsewhere += issued.skipped_elsewhere;
            held = issued.took;
        }
        Ok((bundle, skipped_open, skipped_elsewhere))
    }

    /// Slips of one transaction.
    async fn issue_many(
        &self,
        ctx: &Ctx,
        task: &Task,
        queue: &Queue,
        people: &[Waiting],
        valid_until: Timestamp,
        reprint: bool,
    ) -> Result<Issued, Error> {
        let mut accounts: Vec<_> = people.iter().map(|one| one.account).collect();
        let mut work = self.begin(ctx, Action::ActivationIssued).await?;
        let since = Instant::now();
        if !reprint {
            // The code may be on a slip that another institution handed out.
            let open = activations::with_open(work.tx(), task, &accounts, ctx.now).await?;
            accounts.retain(|account| !open.contains(account));
        }
        let skipped_open = people.len() - accounts.len();
        let mut inactive = activations::end_open_of_many(work.tx(), task, &accounts, ctx.now).await?;
        // After the accounts are held: a grant or a claim that made somebody more since the queue was read either stands by
        // now, or ends these codes (`App::grant_admin`, `App::decide_claim`).
        let outgrown = slips::outgrown(work.tx(), task, queue.within, &accounts, ctx.now).await?;
        let before = inactive.len();
        inactive.retain(|account| !outgrown.contains(account));
        let skipped_elsewhere = before - inactive.len();
        let (mut rows, mut slips) = (Vec::with_capacity(people.len()), Vec::with_capacity(people.len()));
        for one in people.iter().filter(|one| inactive.contains(&one.account)) {
            let code = activation_code(self);
            let digest = opaque::digest(&canonical(&code));
            rows.push((ActivationId::new(ctx.now, &*self.random), one.account, digest));
            slips.push(Slip {
                name: one.name.clone(),
                user_name: one.user_name.clone(),
                link: self.activation_link(&code),
                code,
                holder: holder(queue.kind, one, ctx.now),
                child: one.child.clone(),
            });
        }
        if rows.is_empty() {
            return Ok(Issued { slips, skipped_open, skipped_elsewhere, took: since.elapsed() });
        }
        activations::insert_all(work.tx(), task, &rows, ctx.now, valid_until).await?;
        work.target("institution", queue.org).detail("kind", queue.kind.as_str());
        if let Some(class) = &queue.class {
            work.target("class", class.id);
        }
        work.detail("accounts", rows.iter().map(|(_, account, _)| account.to_string()).collect::<Vec<_>>());
        work.commit(Outcome::Done).await?;
        Ok(Issued { slips, skipped_open, skipped_elsewhere, took: since.elapsed() })
    }
}

impl SlipWish {
    fn fits(&self, one: &Waiting, today: NaiveDate) -> bool {
        let class = one.class.as_ref();
        self.class.is_none_or(|wanted| class.is_some_and(|class| class.id == wanted))
            && self.grade.is_none_or(|wanted| class.is_some_and(|class| grade_of(class, today) == Some(wanted)))
    }
}

impl SlipReport {
    fn add(&mut self, bundle: &Bundle, class_id: Option<ClassId>) {
        let slips = bundle.slips.len();
        self.slips += slips;
        *match bundle.kind {
            SlipKind::Staff => &mut self.staff,
            SlipKind::Students => &mut self.students,
            SlipKind::Guardians => &mut self.guardians,
        } += slips;
        self.bundles.push(BundleCount {
            kind: bundle.kind.as_str(),
            org: bundle.org.clone(),
            class_id,
            class: bundle.class.clone(),
            slips,
        });
    }
}

/// By institution, then by class from the lowest grade up; within a class as they came.
fn line_up(kind: SlipKind, within: OrgId, people: Vec<Waiting>) -> Vec<Queue> {
    let mut queues: BTreeMap<_, Queue> = BTreeMap::new();
    for one in people {
        let place = one.class.as_ref().map(|class| (class.stage, -class.entry_year, natural(&class.name), class.id));
        let queue = queues.entry((one.org_name.clone(), one.org, place)).or_insert_with(|| Queue {
            kind,
            within,
            org: one.org,
            org_name: one.org_name.clone(),
            class: one.class.clone(),
            people: Vec::new(),
        });
        queue.people.push(one);
    }
    queues.into_values().collect()
}

/// "10班" comes after "9班".
fn natural(name: &str) -> (usize, String) {
    (name.chars().count(), name.to_owned())
}

fn grade_of(class: &WaitingClass, today: NaiveDate) -> Option<Grade> {
    grade::at(class.stage, class.entry_year, class.schooling_years, today)
}

fn holder(kind: SlipKind, one: &Waiting, now: Timestamp) -> Holder {
    match kind {
        SlipKind::Staff => Holder::Staff,
        SlipKind::Guardians => Holder::Guardian,
        SlipKind::Students if AgeBand::at(one.birth_date, now) == AgeBand::Under14 => Holder::Child,
        SlipKind::Students => Holder::Student,
    }
}
