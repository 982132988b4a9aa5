//! A batch of staff or students: decided against the register and written, in one transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::classes::{Classes, Seat};
use super::desk::Desk;
use super::known::{Known, Org};
use super::people::{Entry, Intent};
use super::plan::Plan;
use super::sight::Sight;
use super::{Outcome, TRIES};
use crate::app::work::Outcome as Ended;
use crate::app::{App, Ctx, Error, Kind, access, cases};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::OrgId;
use crate::domain::registry::class::Class;
use crate::domain::registry::roster::{Code, Column, Fault, RosterKind};
use crate::store::db::Tx;
use crate::store::institutions;

/// One import, as its batches share it.
pub(super) struct Import {
    pub(super) app: App,
    pub(super) ctx: Ctx,
    task: Task,
    pub(super) sight: Sight,
    pub(super) kind: RosterKind,
    pub(super) dry: bool,
    orgs: Mutex<HashMap<String, Option<Org>>>,
    classes: Mutex<Classes>,
    /// Students whom committed rows named, eight bytes each.
    named: Mutex<HashSet<u64>>,
    /// A dry run writes nothing, so what it would have written is remembered here.
    imagined: tokio::sync::Mutex<Known>,
}

/// Of so many rows that are brought in at once the audit names what they change: a large file waits for no digests.
const NAMED: usize = 10;

impl Import {
    pub(super) fn new(app: App, ctx: Ctx, sight: Sight, kind: RosterKind, dry: bool) -> Self {
        let task = access::task(if sight.is_bounded() { TaskName::RosterDesk } else { TaskName::OperatorImport });
        let imagined = tokio::sync::Mutex::default();
        Self {
            app,
            ctx,
            task,
            sight,
            kind,
            dry,
            orgs: Mutex::default(),
            classes: Mutex::default(),
            named: Mutex::default(),
            imagined,
        }
    }

    /// One batch in one transaction, tried again when another import was quicker. How long the writer was held; the rows
    /// come back.
    pub(super) async fn apply(&self, entries: Vec<Entry>) -> (Vec<Entry>, Result<(Plan, Duration), Error>) {
        // Ids follow the time, so a batch's rows lie together; one time for a whole file would scatter them.
        let ctx = Ctx { now: self.app.now(), ..self.ctx.clone() };
        let mut attempt = 1;
        let result = loop {
            let result = if self.dry { self.imagine(&ctx, &entries).await } else { self.write(&ctx, &entries).await };
            match result {
                Err(error) if error.kind == Kind::Busy && attempt < TRIES && !self.dry => self.app.pause(attempt).await,
                other => break other,
            }
            attempt += 1;
            // Whoever was quicker may have opened classes too, or moved an institution.
            *self.classes.lock().unwrap_or_else(PoisonError::into_inner) = Classes::default();
            self.orgs.lock().unwrap_or_else(PoisonError::into_inner).clear();
        };
        if let Ok((plan, _)) = &result {
            self.named.lock().unwrap_or_else(PoisonError::into_inner).extend(&plan.named);
        }
        (entries, result)
    }

    async fn imagine(&self, ctx: &Ctx, entries: &[Entry]) -> Result<(Plan, Duration), Error> {
        let mut known = self.imagined.lock().await;
        self.still_hers(ctx, &mut self.app.db.read().await?).await?;
        let (plan, _) = self.decide(ctx, entries, &mut known, &mut self.app.db.read().await?).await?;
        // What was imagined is remembered by now: deciding these rows again would find them there.
        let mut attempt = 1;
        while let Err(error) = self.charge_preview(ctx, entries.len(), &plan).await {
            if error.kind != Kind::Busy || attempt >= TRIES {
                return Err(error);
            }
            self.app.pause(attempt).await;
            attempt += 1;
        }
        Ok((plan, Duration::ZERO))
    }

    /// A preview answers too, so an administrator's is charged and audited like the import itself.
    async fn charge_preview(&self, ctx: &Ctx, rows: usize, plan: &Plan) -> Result<(), Error> {
        if !self.sight.is_bounded() {
            return Ok(());
        }
        let mut work = self.app.begin(ctx, Action::RosterPreviewed).await?;
        self.sight.charge(ctx, work.tx(), plan).await?;
        work.detail("kind", self.kind.as_str()).detail("rows", rows);
        work.detail("probes", plan.probes).detail("contradictions", plan.contradictions);
        work.commit(Ended::Done).await
    }

    async fn write(&self, ctx: &Ctx, entries: &[Entry]) -> Result<(Plan, Duration), Error> {
        let mut work = self.app.begin(ctx, Action::RosterImported).await?;
        let since = Instant::now();
        work.tx().expect_many().await?;
        if entries.len() > NAMED {
            work.tx().naming_none();
        }
        self.still_hers(ctx, work.tx()).await?;
        let (mut plan, opened) = self.decide(ctx, entries, &mut Known::default(), work.tx()).await?;
        self.sight.charge(ctx, work.tx(), &plan).await?;
        let asked = plan.probes > 0 || plan.contradictions > 0;
        let changed = !plan.is_empty() || !opened.is_empty() || asked;
        if changed {
            for class in &opened {
                plan.birth(&self.app, ctx, "class", class.id.0, "class.opened");
            }
            plan.sort();
            plan.write(work.tx(), &self.task, ctx).await?;
            self.app.phones_changed_in(&mut work, ctx, &self.task, &plan.given_phones()).await?;
            self.app.birth_dates_told_in(&mut work, ctx, &self.task, &plan.given_birth_dates()).await?;
            self.app.homes_follow(&mut work, ctx, &self.task, &plan.arrived()).await?;
            self.still_there(work.tx(), entries).await?;
            if self.sight.is_bounded() {
                work.detail("probes", plan.probes).detail("claims", plan.claims.len());
                work.detail("contradictions", plan.contradictions);
            }
            work.detail("persons", plan.people.len()).detail("classes", opened.len());
        }
        // Behind the people they are about; the same facts again open nothing.
        let disputes = std::mem::take(&mut plan.disputes);
        let cases = cases::open(&self.app, ctx, work.tx(), &self.task, self.sight.admin(), disputes).await?;
        for case in &cases {
            work.event("case", case.0, "case.opened", &[]);
        }
        if changed || !cases.is_empty() {
            let first = entries.first().map_or(0, |entry| entry.number);
            let last = entries.last().map_or(0, |entry| entry.number);
            work.detail("kind", self.kind.as_str()).detail("from_row", first).detail("to_row", last);
            work.detail("institutions", self.meant(entries));
            work.detail("told_digest", plan.told_digest());
            work.detail("cases", cases.len());
            work.commit(Ended::Done).await?;
        }
        self.classes.lock().unwrap_or_else(PoisonError::into_inner).remember(opened);
        Ok((plan, since.elapsed()))
    }

    /// An import lasts: what the administrator had when it began she has in each batch, by rights that count and over
    /// institutions that are hers.
    async fn still_hers(&self, ctx: &Ctx, tx: &mut Tx) -> Result<(), Error> {
        let Some(admin) = self.sight.admin() else { return Ok(()) };
        let scope = self.app.roster_subtree(tx, admin, ctx.now).await?;
        if self.sight.stands(tx, &scope).await? {
            return Ok(());
        }
        Err(Error::new(
            Kind::Conflict,
            "读取文件期间管理范围发生变化，已导入的保留，可用同一文件继续。What you administer changed while the file was read; \
             what was imported stays, and the same file goes on",
        ))
    }

    /// The institutions of these rows, which are held by now, stand where they stood when the rows were decided: their people
    /// are found by name there.
    async fn still_there(&self, tx: &mut Tx, entries: &[Entry]) -> Result<(), Error> {
        let mut stood = BTreeMap::new();
        {
            let known = self.orgs.lock().unwrap_or_else(PoisonError::into_inner);
            for org in entries.iter().filter_map(|entry| known.get(entry.intent.school())?.as_ref()) {
                stood.entry(org.id).or_insert_with(|| org.above.clone());
            }
        }
        let mut stand: BTreeMap<OrgId, BTreeSet<OrgId>> = BTreeMap::new();
        let orgs: Vec<OrgId> = stood.keys().copied().collect();
        for (below, above) in institutions::above_many(tx, &self.task, &orgs).await? {
            stand.entry(below).or_default().insert(above);
        }
        if stand == stood { Ok(()) } else { Err(Error::busy("an institution was moved at the same moment")) }
    }

    /// The institutions that rows are about, each once.
    fn meant(&self, entries: &[Entry]) -> Vec<String> {
        let known = self.orgs.lock().unwrap_or_else(PoisonError::into_inner);
        let meant = entries.iter().filter_map(|entry| known.get(entry.intent.school())?.as_ref());
        meant.map(|org| org.id.0.to_string()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The institution of a code, read once.
    async fn org(&self, tx: &mut Tx, code: &str) -> Result<Option<Org>, Error> {
        let known = self.orgs.lock().unwrap_or_else(PoisonError::into_inner).get(code).cloned();
        if let Some(org) = known {
            return Ok(org);
        }
        let org = self.app.org_of(tx, &self.task, code).await?;
        self.orgs.lock().unwrap_or_else(PoisonError::into_inner).insert(code.to_owned(), org.clone());
        Ok(org)
    }

    fn desk<'d>(
        &'d self,
        ctx: &'d Ctx,
        org: Option<&Org>,
        earlier: &'d HashSet<u64>,
        known: &'d mut Known,
        plan: &'d mut Plan,
    ) -> Desk<'d> {
        let (home, school) = (org.and_then(|org| org.home), org.map(|org| org.id));
        Desk { app: &self.app, ctx, sight: &self.sight, home, school, earlier, known, plan, asked_before: false }
    }

    /// What the rows come to, and the classes that had to be opened.
    async fn decide(
        &self,
        ctx: &Ctx,
        entries: &[Entry],
        known: &mut Known,
        tx: &mut Tx,
    ) -> Result<(Plan, Vec<Class>), Error> {
        let mut orgs = Vec::with_capacity(entries.len());
        let mut wanted = BTreeSet::new();
        for entry in entries {
            let org = self.org(tx, entry.intent.school()).await?;
            let org = org.filter(|org| org.teaches || entry.intent.classes().is_empty());
            // Outside the actor's scope an institution is unknown, never forbidden.
            let org = org.filter(|org| self.sight.covers(org.id));
            if let Some(org) = &org {
                wanted.extend(entry.intent.classes().iter().map(|class| (org.id, class.clone())));
            }
            orgs.push(org);
        }
        let (places, opened) = self.app.places(ctx, &self.task, wanted, &self.classes, tx, self.dry).await?;
        let mut keys = Vec::new();
        for entry in entries {
            keys.extend_from_slice(&entry.keys);
        }
        known.load(&self.app, tx, &self.task, &keys, &self.sight).await?;
        if self.kind == RosterKind::Staff {
            known.load_heads(tx, &self.task, places.values().map(|seat| seat.id)).await?;
        }
        let mut plan = Plan::default();
        let earlier = &*self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if self.sight.is_bounded() {
            self.desk(ctx, None, earlier, known, &mut plan).count_probes(&keys);
        }
        for (entry, org) in entries.iter().zip(orgs) {
            let Some(org) = org else {
                let fault = Fault::new(
                    Column::School,
                    Code::InstitutionUnknown,
                    "没有使用此代码的在办学校。No institution with this code teaches here",
                );
                plan.faults.push((entry.number, fault));
                plan.outcomes.push(Outcome::Rejected);
                continue;
            };
            let seats: Vec<Seat> = entry
                .intent
                .classes()
                .iter()
                .filter_map(|class| places.get(&(org.id, class.clone())).copied())
                .collect();
            let mut desk = self.desk(ctx, Some(&org), earlier, known, &mut plan);
            let outcome = match (&entry.intent, seats.first()) {
                (Intent::Student(row), Some(seat)) => desk.student(entry.number, row, &entry.keys, &org, *seat)?,
                (Intent::Staff(row), _) => desk.staff(entry.number, row, &entry.keys, &org, &seats)?,
                (Intent::Student(_), None) => return Err(Error::internal("a student without a class")),
            };
            plan.outcomes.push(outcome);
        }
        if self.sight.is_bounded() {
            let contradicts = |code: Code| matches!(code, Code::DocumentConflict | Code::PersonalCodeConflict);
            let contradicting = plan.faults.iter().filter(|(_, fault)| contradicts(fault.code)).count();
            plan.contradictions = i64::try_from(contradicting).unwrap_or(i64::MAX);
        }
        Ok((plan, opened))
    }
}
