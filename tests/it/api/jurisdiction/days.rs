//! The same while days pass and administrators lie: people come, leave and go to the next school, posts and rights end, and between the
//! questions a desk says whatever it is told to by chance. What each of them sees is what is hers on that day, and of a day before what was
//! hers then.

#![allow(clippy::print_stderr, reason = "which story a failed test was told by chance")]

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use chrono::{Days, NaiveDate};
use mingji::app::Kind;
use mingji::app::admin::Wish;
use mingji::app::relation_claim::{Decider, Verdict};
use mingji::app::staff_life::Order;
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::staff::{StaffPost, StaffState};
use mingji::domain::registry::roster::RosterKind;
use mingji::domain::time::Clock as _;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use super::{Place, TOP, Truth, World, everything, keeper, people, truth, worlds};
use crate::support::api::Caller;
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, STAFF, called, number, pupil, teacher, teachers, text};

const OPERATOR: Decider = Decider::Operator;
const NOBODY: &str = "01900000-0000-7000-8000-00000000abcd";

/// What happens, to the so-and-so-manieth of those to whom it can happen.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A pupil goes to another school.
    Transfer(usize, usize),
    /// A teacher begins at a school.
    Join(usize, usize),
    /// A teacher leaves one.
    Leave(usize),
    /// An administrator leaves the post on which her right rests.
    Resign(usize),
}

/// What a desk says that is not so, of the so-and-so-manieth of whom it can be said.
#[derive(Clone, Copy, Debug)]
enum Lie {
    /// A teacher is the guardian of a pupil of hers, by a row.
    Guardian(usize),
    /// Somebody who works elsewhere works here, by a row.
    Staff(usize),
    /// A pupil of another school is hers, by a row.
    Pupil(usize),
    /// The same of a guardian, by hand and by her id.
    ByHand(usize),
    /// A colleague has the number of somebody else.
    Number(usize),
    /// Somebody who never worked here comes back.
    Return(usize),
}

#[derive(Clone, Debug)]
struct Step {
    days: u64,
    events: Vec<Event>,
    lies: Vec<Lie>,
}

#[derive(Clone, Debug)]
struct Story {
    world: World,
    /// For each administrator after how many days her right ends.
    until: Vec<Option<u64>>,
    steps: Vec<Step>,
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (any::<usize>(), any::<usize>()).prop_map(|(who, to)| Event::Transfer(who, to)),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(who, to)| Event::Join(who, to)),
        3 => any::<usize>().prop_map(Event::Leave),
        1 => any::<usize>().prop_map(Event::Resign),
    ]
}

fn lies() -> impl Strategy<Value = Lie> {
    prop_oneof![
        3 => any::<usize>().prop_map(Lie::Guardian),
        1 => any::<usize>().prop_map(Lie::Staff),
        1 => any::<usize>().prop_map(Lie::Pupil),
        1 => any::<usize>().prop_map(Lie::ByHand),
        1 => any::<usize>().prop_map(Lie::Number),
        1 => any::<usize>().prop_map(Lie::Return),
    ]
}

fn stories() -> impl Strategy<Value = Story> {
    let step = (1u64..90, proptest::collection::vec(events(), 0..3), proptest::collection::vec(lies(), 1..4))
        .prop_map(|(days, events, lies)| Step { days, events, lies });
    let until = proptest::collection::vec(proptest::option::of(1u64..150), 4);
    (worlds(), until, proptest::collection::vec(step, 3)).prop_map(|(mut world, mut until, steps)| {
        // The first of them runs a school that has pupils, and goes on doing so.
        world.admins[0] = Place::School(world.pupils[0]);
        until[0] = None;
        Story { world, until, steps }
    })
}

fn told(n: u8) -> Story {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[n; 32]);
    stories().new_tree(&mut TestRunner::new_with_rng(Config::default(), rng)).unwrap().current()
}

/// Whom a desk named as the guardian of a pupil.
struct Named {
    teacher: usize,
    child: usize,
    /// The school that said so.
    by: usize,
    /// It is confirmed; what is pending shows her to nobody at all.
    counts: bool,
    /// Nobody else looked at it: it shows her to nobody who answers for that school. Where the child goes next, it is somebody
    /// else's word.
    hidden: bool,
}

/// What is so, as the story goes on.
struct Model<'a> {
    app: &'a TestApp,
    world: &'a World,
    truth: Truth,
    admins: Vec<(PersonId, Place, Option<NaiveDate>, bool)>,
    keepers: Vec<PersonId>,
    pupils: Vec<usize>,
    teachers: Vec<BTreeSet<usize>>,
    /// Where each teacher ever worked.
    worked: Vec<BTreeSet<usize>>,
    /// Pupils of whom a school has recorded guardians: the first one.
    recorded: Vec<usize>,
    named: Vec<Named>,
    /// Teachers whose numbers were given to a colleague: the case about it is open.
    given: BTreeSet<usize>,
    /// Each day that was looked at, and where the pupils and the teachers were.
    before: Vec<(NaiveDate, Vec<usize>, Vec<BTreeSet<usize>>)>,
}

fn paper_of_teacher(n: usize) -> String {
    number("19800203", u32::try_from(n).unwrap() + 1)
}

fn paper_of_pupil(n: usize) -> String {
    number("20160203", u32::try_from(n).unwrap() + 1)
}

impl<'a> Model<'a> {
    async fn begin(app: &'a TestApp, story: &'a Story) -> Self {
        let world = &story.world;
        people(app, world).await;
        let colleagues = (0..world.schools.len()).map(|n| {
            teacher(&world.school(n), &format!("同事{n}"), &number("19720203", u32::try_from(n).unwrap() + 1))
        });
        teachers(app, &colleagues.collect::<Vec<_>>()).await;
        let mut admins = Vec::new();
        for (n, place) in world.admins.iter().enumerate() {
            let (code, role) = world.code(*place);
            let admin = called(app, &format!("管理{n}")).await[0];
            let until = story.until[n].map(|days| app.clock.now().shanghai_date() + Days::new(days));
            let wish = Wish { role, org: code.as_str().into(), deputy: false, may_delegate: false, until };
            app.app.grant_role(&app.operator(), OPERATOR, admin, &wish).await.unwrap();
            admins.push((admin, *place, until, true));
        }
        let mut keepers = Vec::new();
        for n in 0..world.pupils.len() {
            keepers.push(called(app, &keeper(n).0).await[0]);
        }
        let teachers: Vec<BTreeSet<usize>> = world.teachers.iter().map(|(one, two)| [*one, *two].into()).collect();
        let (pupils, worked, recorded) = (world.pupils.clone(), teachers.clone(), world.pupils.clone());
        let truth = truth(app, world).await;
        Self {
            app,
            world,
            truth,
            admins,
            keepers,
            pupils,
            teachers,
            worked,
            recorded,
            named: Vec::new(),
            given: BTreeSet::new(),
            before: Vec::new(),
        }
    }

    fn today(&self) -> NaiveDate {
        self.app.clock.now().shanghai_date()
    }

    fn shows(&self, place: Place, teacher: usize) -> bool {
        let works = self.teachers[teacher].iter().any(|school| self.world.covers(place, *school));
        let kept = |one: &Named| {
            let told = one.counts && (!one.hidden || !self.world.covers(place, one.by));
            one.teacher == teacher && told && self.world.covers(place, self.pupils[one.child])
        };
        works || self.named.iter().any(kept)
    }

    async fn happens(&mut self, event: Event) {
        let (app, world) = (self.app, self.world);
        match event {
            Event::Transfer(who, to) => {
                let (who, to) = (who % self.pupils.len(), to % world.schools.len());
                if self.pupils[who] == to {
                    return;
                }
                let (code, name) = (world.school(to), format!("学生{who}"));
                county::pupils(app, &[pupil(&code, &name, &paper_of_pupil(who), None)]).await;
                let waiting = app.app.pending_claims(&app.operator(), OPERATOR, &code, None).await.unwrap();
                let asked =
                    waiting.iter().find(|claim| claim.kind == "student" && claim.name == name && claim.transfer);
                app.app.decide_claim(&app.operator(), OPERATOR, asked.unwrap().id, Verdict::Confirm).await.unwrap();
                self.pupils[who] = to;
            }
            Event::Join(who, to) => {
                let (who, to) = (who % self.teachers.len(), to % world.schools.len());
                if !self.teachers[who].insert(to) {
                    return;
                }
                let order = Order::Join { org: world.school(to), post: StaffPost::Teacher, staff_no: None };
                app.app.change_staff(&app.operator(), OPERATOR, self.truth.teachers[who], None, &order).await.unwrap();
                self.worked[who].insert(to);
            }
            Event::Leave(who) => {
                let posts: Vec<(usize, usize)> = (0..self.teachers.len())
                    .flat_map(|who| self.teachers[who].iter().map(move |at| (who, *at)).collect::<Vec<_>>())
                    .collect();
                let Some((who, from)) = posts.get(who % posts.len().max(1)).copied() else { return };
                let order = Order::Leave { org: Some(world.school(from)), state: StaffState::Left };
                app.app.change_staff(&app.operator(), OPERATOR, self.truth.teachers[who], None, &order).await.unwrap();
                self.teachers[who].remove(&from);
                for one in self.named.iter_mut().filter(|one| one.teacher == who) {
                    one.hidden |= !self.teachers[who].contains(&one.by);
                }
            }
            Event::Resign(who) => {
                let who = who % self.admins.len();
                if who == 0 || !self.admins[who].3 {
                    return;
                }
                let order = Order::Leave { org: None, state: StaffState::Left };
                app.app.change_staff(&app.operator(), OPERATOR, self.admins[who].0, None, &order).await.unwrap();
                self.admins[who].3 = false;
            }
        }
    }

    /// Tells a lie where it can be told, and sees to it that it was taken as such lies are.
    async fn lies(&mut self, (desk, school): (PersonId, usize), caller: &Caller, lie: Lie) -> bool {
        let (app, code) = (self.app, self.world.school(school));
        let away: Vec<usize> = (0..self.teachers.len()).filter(|who| !self.teachers[*who].contains(&school)).collect();
        let hers: Vec<usize> = (0..self.pupils.len()).filter(|who| self.pupils[*who] == school).collect();
        match lie {
            Lie::Guardian(at) => {
                let fresh = |(child, who): &(usize, usize)| {
                    !self.named.iter().any(|one| (one.child, one.teacher) == (*child, *who))
                };
                let pairs: Vec<(usize, usize)> = hers
                    .iter()
                    .flat_map(|child| (0..self.teachers.len()).map(move |who| (*child, who)))
                    .filter(fresh)
                    .collect();
                let Some((child, who)) = pairs.get(at % pairs.len().max(1)).copied() else { return false };
                let (name, paper) = (format!("教师{who}"), paper_of_teacher(who));
                let row = pupil(&code, &format!("学生{child}"), &paper_of_pupil(child), Some((&name, &paper)));
                county::desk(app, desk, &row).await;
                let counts = self.recorded[child] == school;
                let hidden = !self.teachers[who].contains(&school);
                let state = format!(
                    "SELECT g.status FROM guardianship g JOIN person p ON p.id = g.guardian_id JOIN person c ON c.id = g.child_id WHERE p.name = '{name}' AND c.name = '学生{child}'"
                );
                assert_eq!(
                    text(app, &state).await,
                    if counts { "confirmed" } else { "pending" },
                    "{name}, 学生{child}"
                );
                self.named.push(Named { teacher: who, child, by: school, counts, hidden });
            }
            Lie::Staff(at) => {
                let Some(who) = away.get(at % away.len().max(1)) else { return false };
                let file = format!("{STAFF}{}", teacher(&code, &format!("教师{who}"), &paper_of_teacher(*who)));
                county::desk_file(app, desk, RosterKind::Staff, &file).await;
                self.is_asked("staff", &format!("教师{who}"), &code).await;
            }
            Lie::Pupil(at) => {
                let others: Vec<usize> = (0..self.pupils.len()).filter(|who| self.pupils[*who] != school).collect();
                let Some(who) = others.get(at % others.len().max(1)) else { return false };
                county::desk(app, desk, &pupil(&code, &format!("学生{who}"), &paper_of_pupil(*who), None)).await;
                self.is_asked("student", &format!("学生{who}"), &code).await;
            }
            Lie::ByHand(at) => {
                let strangers: Vec<usize> =
                    away.into_iter().filter(|who| !self.shows(Place::School(school), *who)).collect();
                let (Some(who), Some(child)) = (strangers.get(at % strangers.len().max(1)), hers.first()) else {
                    return false;
                };
                let path = format!("/api/persons/{}/guardians", self.truth.pupils[*child]);
                let add = |id: &str| json!({ "guardian_id": id, "step": { "add": { "relation": "52" } } });
                let [known, unknown] = [
                    caller.post(&path, &add(&self.truth.teachers[*who].to_string())).await,
                    caller.post(&path, &add(NOBODY)).await,
                ];
                assert_eq!((super::said(&known), known.status), (super::said(&unknown), 404));
            }
            Lie::Number(at) => {
                let strangers: Vec<usize> =
                    away.into_iter().filter(|who| !self.shows(Place::School(school), *who)).collect();
                let Some(who) = strangers.get(at % strangers.len().max(1)) else { return false };
                let colleague = called(app, &format!("同事{school}")).await[0];
                let paper = json!({ "label": "居民身份证", "number": paper_of_teacher(*who) });
                let given = caller.post(&format!("/api/persons/{colleague}/documents"), &paper).await;
                if !self.given.insert(*who) {
                    assert_eq!(given.status, 409, "she said the same before: {given:?}");
                    return true;
                }
                assert_eq!((given.status, &given.body["result"]), (200, &json!("case")), "{given:?}");
                let case = caller.get(&format!("/api/cases/{}", given.text("case_id"))).await;
                assert_eq!(case.status, 404, "{case:?}");
            }
            Lie::Return(at) => {
                let never: Vec<usize> = (0..self.worked.len())
                    .filter(|who| !self.worked[*who].contains(&school) && !self.shows(Place::School(school), *who))
                    .collect();
                let Some(who) = never.get(at % never.len().max(1)) else { return false };
                let returns = json!({ "step": { "return": { "org": code } } });
                let path = |id: &str| format!("/api/persons/{id}/post");
                let [known, unknown] = [
                    caller.post(&path(&self.truth.teachers[*who].to_string()), &returns).await,
                    caller.post(&path(NOBODY), &returns).await,
                ];
                assert_eq!((super::said(&known), known.status), (super::said(&unknown), 404));
            }
        }
        true
    }

    /// What a desk said of somebody waits to be decided.
    async fn is_asked(&self, kind: &str, name: &str, code: &str) {
        let sql = format!(
            "SELECT DISTINCT r.state FROM relation_claim r JOIN person p ON p.id = r.person_id JOIN institution_code k ON k.org_id = r.org_id
                WHERE r.kind = '{kind}' AND p.name = '{name}' AND k.value = '{code}' AND r.claimed_by IS NOT NULL AND r.state = 'pending'"
        );
        assert_eq!(text(self.app, &sql).await, "pending", "{kind} {name} {code}");
    }

    /// What an administrator sees today, and saw on the days before.
    async fn looks(&self, place: Place, caller: &Caller, why: &str) {
        let inside = |school: usize| self.world.covers(place, school);
        for (school, org) in &self.truth.orgs {
            let list = async |what: &str, on: &str, begins: &str| {
                let path = format!("/api/institutions/{org}/{what}{on}");
                if !inside(*school) {
                    assert_eq!(caller.get(&path).await.status, 404, "{place:?} {path} {why}");
                    return BTreeSet::new();
                }
                let rows = caller.all(&path).await;
                let names = rows.iter().map(|row| row["name"].as_str().unwrap().to_owned());
                names.filter(|name| name.starts_with(begins)).collect::<BTreeSet<_>>()
            };
            let then = self.before.last().map(|(day, pupils, teachers)| (format!("?on={day}"), pupils, teachers));
            let now = (String::new(), &self.pupils, &self.teachers);
            for (on, pupils, teachers) in [Some(now), then].into_iter().flatten() {
                let here = inside(*school);
                let sat = |(n, at): (usize, &usize)| (here && at == school).then(|| format!("学生{n}"));
                let sat: BTreeSet<String> = pupils.iter().enumerate().filter_map(sat).collect();
                assert_eq!(list("students", &on, "学生").await, sat, "{place:?} {on} {why}");
                let worked =
                    |(n, at): (usize, &BTreeSet<usize>)| (here && at.contains(school)).then(|| format!("教师{n}"));
                let worked: BTreeSet<String> = teachers.iter().enumerate().filter_map(worked).collect();
                assert_eq!(list("staff", &on, "教师").await, worked, "{place:?} {on} {why}");
            }
        }
        let is_there = async |id: &PersonId| match caller.get(&format!("/api/persons/{id}")).await.status {
            200 => true,
            404 => false,
            other => panic!("{other}: {place:?} {why}"),
        };
        for (n, school) in self.pupils.iter().enumerate() {
            assert_eq!(is_there(&self.truth.pupils[n]).await, inside(*school), "学生{n}: {place:?} {why}");
            assert_eq!(is_there(&self.keepers[n]).await, inside(*school), "家长{n}: {place:?} {why}");
        }
        for (n, id) in self.truth.teachers.iter().enumerate() {
            assert_eq!(is_there(id).await, self.shows(place, n), "教师{n}: {place:?} {why}");
        }
    }

    /// Somebody who is not there for her is answered by everything like nobody.
    async fn asks_everything(&self, place: Place, caller: &Caller, document: &Value, why: &str) {
        let stranger = (0..self.teachers.len()).find(|n| !self.shows(place, *n)).map(|n| self.truth.teachers[n]);
        let strange = || (0..self.pupils.len()).find(|n| !self.world.covers(place, self.pupils[*n]));
        let Some(stranger) = stranger.or_else(|| strange().map(|n| self.keepers[n])) else { return };
        let missing = everything(self.app, caller, document, NOBODY).await;
        let told = everything(self.app, caller, document, &stranger.to_string()).await;
        assert_eq!(told, missing, "{place:?} {why}");
    }
}

/// How many of the lies of a story found somebody to tell them about: by chance none does.
async fn hold(app: &TestApp, story: &Story) -> usize {
    let why = format!("{story:?}");
    let document: Value = app.http.get(app.at("/api/openapi.json")).send().await.unwrap().json().await.unwrap();
    let mut model = Model::begin(app, story).await;
    let (desk, Place::School(school)) = (model.admins[0].0, model.admins[0].1) else { panic!("{why}") };
    let mut taken = 0;
    for step in &story.steps {
        for event in &step.events {
            model.happens(*event).await;
        }
        let caller = app.at_api_as(desk, TOP).await;
        for lie in &step.lies {
            taken += usize::from(model.lies((desk, school), &caller, *lie).await);
        }
        for n in 0..model.admins.len() {
            let (admin, place, until, works) = model.admins[n];
            if !works || until.is_some_and(|last| last < model.today()) {
                let by = Decider::Admin(admin);
                let seen = app.app.person(&app.operator(), by, model.truth.pupils[0], None).await;
                assert_eq!(seen.unwrap_err().kind, Kind::NotFound, "her right is over: {place:?} {why}");
                continue;
            }
            let caller = app.at_api_as(admin, TOP).await;
            model.looks(place, &caller, &why).await;
            if n == 0 {
                model.asks_everything(place, &caller, &document, &why).await;
            }
        }
        model.before.push((model.today(), model.pupils.clone(), model.teachers.clone()));
        app.pass(Duration::from_secs(step.days * 86_400));
    }
    taken
}

both_engines! {
    async fn what_is_hers_on_a_day_is_there_on_that_day(app: TestApp) {
        assert!(hold(&app, &told(1)).await > 0, "somebody lied");
    }

    async fn and_in_another_story(app: TestApp) {
        assert!(hold(&app, &told(4)).await > 0, "somebody lied");
    }

    /// One that nobody told before; a failure prints its number.
    async fn nor_in_any_story_is_more(app: TestApp) {
        let [seed, ..] = RandomState::new().build_hasher().finish().to_le_bytes();
        eprintln!("the story that {seed} tells");
        hold(&app, &told(seed)).await;
    }
}
