//! What happens to members of staff 任职, one change in one transaction: posts at several schools, classes taught for a time,
//! leaving and coming back. Leaving a post ends what rested on it: what platforms held in that identity, and the rights of an
//! administrator that were given to whoever holds the post.

mod held;
mod posts;

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::activation::end_outgrown_codes;
use super::guardianship::WardsOf;
use super::relation_claim::Decider;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{ClassId, IdentityId, OrgId, PersonId, StaffingId, new_uuid};
use crate::domain::registry::codes::staff::{StaffPost, StaffState};
use crate::domain::registry::codes::subject::Subject;
use crate::domain::registry::institution::Institution;
use crate::domain::registry::roster::ClassKey;
use crate::domain::registry::school_number;
use crate::domain::registry::staff_life::StaffError;
use crate::domain::registry::staffing::{Staffing, Teaching};
use crate::store::handovers::{self, Way};
use crate::store::{admin_grants, classes, grants, institutions, persons, staffings};

pub use posts::{LessonPart, NumberPart, PostPart};

/// What is to happen; institutions by code, the only one where she has a post when left out.
#[derive(Clone, Debug)]
pub enum Order {
    /// A post begins.
    Join {
        /// Where.
        org: String,
        /// As what.
        post: StaffPost,
        /// 工号.
        staff_no: Option<String>,
    },
    /// A post ends, in a state that says why.
    Leave {
        /// Where.
        org: Option<String>,
        /// JZGDQZT.
        state: StaffState,
    },
    /// Whoever left comes back, as what she was unless said otherwise.
    Return {
        /// Where.
        org: String,
        /// As what.
        post: Option<StaffPost>,
    },
    /// To another institution, or to another post at the same one.
    Move {
        /// From where.
        org: Option<String>,
        /// Where to.
        to: String,
        /// As what.
        post: Option<StaffPost>,
    },
    /// A class is taken over.
    Teach {
        /// At which school.
        org: Option<String>,
        /// Which.
        class: ClassKey,
        /// What is taught; nothing by a head teacher alone.
        subject: Option<Subject>,
        /// 班主任: whoever was it before is it no longer.
        head: bool,
    },
    /// A class is given up.
    Cease {
        /// At which school.
        org: Option<String>,
        /// Which.
        class: ClassKey,
        /// One subject; everything there when left out.
        subject: Option<Subject>,
    },
}

/// Who changes, from when on.
struct At<'a> {
    ctx: &'a Ctx,
    task: &'a Task,
    by: Decider,
    person: PersonId,
    day: NaiveDate,
}

impl App {
    /// Changes what somebody is at an institution; what she is from then on, as far as the administrator sees it.
    ///
    /// # Errors
    /// `NotFound` for somebody, a post, a class or an institution that is not there or not below the administrator;
    /// `Conflict` with the reason for what is not possible.
    pub async fn change_staff(
        &self,
        ctx: &Ctx,
        by: Decider,
        person: PersonId,
        day: Option<NaiveDate>,
        order: &Order,
    ) -> Result<Vec<PostPart>, Error> {
        let (task, ctx) = (access::task(TaskName::StaffLife), by.acting(ctx));
        let day = day.unwrap_or_else(|| ctx.now.shanghai_date());
        let mut work = self.begin(&ctx, Action::StaffChanged).await?;
        let standing = persons::survivor(work.tx(), person).await?;
        let person = standing.filter(|person| by.admin() != Some(*person)).ok_or_else(missing)?;
        persons::hold_standing(work.tx(), &task, std::iter::once(person)).await?;
        work.about(person).await?;
        let at = At { ctx: &ctx, task: &task, by, person, day };
        let step = match self.step(&mut work, &at, order).await {
            Err(why) if self.is_strange(&mut work, &at).await? => return Err(read_as_nobody(why)),
            other => other?,
        };
        persons::refresh_presence(work.tx(), &task.on(person)).await?;
        work.target("person", person).detail("step", step).detail("day", day.to_string());
        // What she is elsewhere is not an administrator's to know.
        let seen = match by.admin() {
            None => None,
            Some(admin) => Some(self.roster_subtree(work.tx(), admin, ctx.now).await?),
        };
        let told = self.posts_in(work.tx(), &task, person, Some(ctx.now.shanghai_date()), seen.as_ref()).await?;
        work.commit(Outcome::Done).await?;
        self.wake.deliveries.notify_one();
        Ok(told)
    }

    async fn step(&self, work: &mut Work<'_>, at: &At<'_>, order: &Order) -> Result<&'static str, Error> {
        match order {
            Order::Join { org, post, staff_no } => self.join(work, at, org, *post, staff_no.clone()).await,
            Order::Leave { org, state } => self.leave(work, at, org.as_deref(), *state).await,
            Order::Return { org, post } => self.come_back(work, at, org, *post).await,
            Order::Move { org, to, post } => self.change_post(work, at, org.as_deref(), to, *post).await,
            Order::Teach { org, class, subject, head } => {
                self.take_class(work, at, org.as_deref(), class, *subject, *head).await
            }
            Order::Cease { org, class, subject } => self.give_up_class(work, at, org.as_deref(), class, *subject).await,
        }
    }

    /// Whether she is nobody whom this administrator sees: what is said of her then is what is said of nobody.
    async fn is_strange(&self, work: &mut Work<'_>, at: &At<'_>) -> Result<bool, Error> {
        let Some(admin) = at.by.admin() else { return Ok(false) };
        let scope = self.roster_subtree(work.tx(), admin, at.ctx.now).await?;
        let seen = persons::in_subtree(work.tx(), &scope, at.person, at.ctx.now.shanghai_date()).await?;
        Ok(seen.is_none())
    }

    async fn join(
        &self,
        work: &mut Work<'_>,
        at: &At<'_>,
        org: &str,
        post: StaffPost,
        staff_no: Option<String>,
    ) -> Result<&'static str, Error> {
        let staff_no = school_number::read(staff_no.as_deref().unwrap_or_default());
        let staff_no = staff_no.map_err(|why| Error::invalid(why.to_string()))?;
        let org = self.workplace(work, at, org).await?;
        self.held_by_decider(work, at, None).await?;
        self.begin_post(work, at, org.id, post, staff_no, StaffState::Serving).await?;
        Ok("joined")
    }

    async fn leave(
        &self,
        work: &mut Work<'_>,
        at: &At<'_>,
        org: Option<&str>,
        state: StaffState,
    ) -> Result<&'static str, Error> {
        let post = self.open_post(work, at, org).await?;
        self.end_post(work, at, post, state).await?;
        Ok("left")
    }

    async fn come_back(
        &self,
        work: &mut Work<'_>,
        at: &At<'_>,
        org: &str,
        post: Option<StaffPost>,
    ) -> Result<&'static str, Error> {
        let org = self.workplace(work, at, org).await?;
        let before = staffings::of_person(work.tx(), &at.task.on(at.person)).await?;
        let last = before.into_iter().rfind(|post| post.org == org.id && post.valid_to.is_some());
        let last = last.ok_or_else(|| Error::not_found("a post that she left there: `join` begins one; it"))?;
        self.held_by_decider(work, at, Some(org.id)).await?;
        let state = last.state.returns_as();
        self.begin_post(work, at, org.id, post.unwrap_or(last.post), last.staff_no, state).await?;
        Ok("returned")
    }

    async fn change_post(
        &self,
        work: &mut Work<'_>,
        at: &At<'_>,
        org: Option<&str>,
        to: &str,
        post: Option<StaffPost>,
    ) -> Result<&'static str, Error> {
        let left = self.open_post(work, at, org).await?;
        let to = self.workplace(work, at, to).await?;
        let (post, staff_no) = (post.unwrap_or(left.post), left.staff_no.clone());
        if to.id != left.org {
            self.end_post(work, at, left, StaffState::TransferredOut).await?;
            self.begin_post(work, at, to.id, post, staff_no, StaffState::Serving).await?;
            return Ok("moved");
        }
        if post == left.post {
            return Err(Error::new(Kind::Conflict, "she holds this post already"));
        }
        left.day_fits(at.day, at.ctx.now).map_err(refused)?;
        let old = left.id;
        let fresh = Staffing {
            id: StaffingId::new(at.ctx.now, &*self.random),
            post,
            category: post.category(),
            valid_from: at.day,
            created_at: at.ctx.now,
            updated_at: at.ctx.now,
            version: 1,
            ..left
        };
        // Classes before posts, as whoever takes one of them over has it.
        let taught = staffings::taught_in_many(work.tx(), at.task, &[old]).await?;
        let classes_taught: BTreeSet<ClassId> = taught.iter().map(|lesson| lesson.class).collect();
        classes::still(work.tx(), at.task, classes_taught.into_iter()).await?;
        let way = Way { from: to.id, to: to.id, day: at.day, now: at.ctx.now, whole: false };
        handovers::hand_posts(work.tx(), at.task, &way, &[old], std::slice::from_ref(&fresh)).await?;
        let taught = staffings::taught_in_many(work.tx(), at.task, &[old]).await?;
        let goes_on = |lesson: &Teaching| Teaching {
            id: new_uuid(at.ctx.now, &*self.random),
            staffing: fresh.id,
            valid_from: at.day.max(lesson.valid_from),
            ..lesson.clone()
        };
        let lessons: Vec<Teaching> = taught.iter().map(goes_on).collect();
        handovers::hand_lessons(work.tx(), at.task, &way, &taught, &lessons).await?;
        work.target("institution", to.id).target("staffing", fresh.id);
        work.event("person", at.person, "person.post_changed", &["staffing"]);
        Ok("another post")
    }

    async fn take_class(
        &self,
        work: &mut Work<'_>,
        at: &At<'_>,
        org: Option<&str>,
        class: &ClassKey,
        subject: Option<Subject>,
        head: bool,
    ) -> Result<&'static str, Error> {
        if subject.is_none() && !head {
            return Err(Error::invalid("say what she teaches (--subject), or that she is the head teacher (--head)"));
        }
        let post = self.open_post(work, at, org).await?;
        // A class has one head teacher: of two who become it at once, the second sees the first.
        let class = if head {
            classes::hold_at(work.tx(), at.task, post.org, class).await?
        } else {
            classes::share_at(work.tx(), at.task, post.org, class).await?
        };
        let class = class.ok_or_else(|| Error::not_found("this class of the school"))?;
        let still = if head {
            staffings::still_heads(work.tx(), at.task, class.id, post.id).await?
        } else {
            staffings::still_open(work.tx(), at.task, &[post.id].into()).await?
        };
        if !still {
            return Err(Error::busy("the post was ended at the same moment"));
        }
        post.may_teach(&class, at.day, at.ctx.now).map_err(refused)?;
        let hers = staffings::taught_in_many(work.tx(), at.task, &[post.id]).await?;
        let mut same = hers.iter().filter(|lesson| (lesson.class, lesson.subject) == (class.id, subject));
        if same.clone().any(|lesson| lesson.head_teacher == head) {
            return Err(Error::new(Kind::Conflict, "she teaches this already"));
        }
        if let Some(lesson) = same.next() {
            staffings::end_lesson(work.tx(), at.task, lesson.id, at.day).await?;
        }
        if head {
            self.replace_heads(work, at, class.id).await?;
        }
        let lesson = Teaching {
            id: new_uuid(at.ctx.now, &*self.random),
            staffing: post.id,
            class: class.id,
            subject,
            head_teacher: head,
            valid_from: at.day,
            valid_to: None,
        };
        if !staffings::teach(work.tx(), &at.task.on(at.person), &lesson).await? {
            return Err(Error::busy("somebody gave her the class at the same moment"));
        }
        work.target("institution", post.org).target("class", class.id).target("staffing", post.id);
        work.event("person", at.person, "person.teaching_changed", &["teaching"]);
        Ok("teaches")
    }

    /// Whoever was the head teacher, in a post that is held, goes on teaching what she taught there, unless she left.
    async fn replace_heads(&self, work: &mut Work<'_>, at: &At<'_>, class: ClassId) -> Result<(), Error> {
        for (person, head) in staffings::heads(work.tx(), at.task, class).await? {
            staffings::end_lesson(work.tx(), at.task, head.id, at.day).await?;
            if head.subject.is_some() {
                let lesson = Teaching {
                    id: new_uuid(at.ctx.now, &*self.random),
                    head_teacher: false,
                    valid_from: at.day.max(head.valid_from),
                    ..head
                };
                staffings::teach(work.tx(), &at.task.on(person), &lesson).await?;
            }
            if person != at.person {
                work.event("person", person, "person.teaching_changed", &["teaching"]);
            }
        }
        Ok(())
    }

    async fn give_up_class(
        &self,
        work: &mut Work<'_>,
        at: &At<'_>,
        org: Option<&str>,
        class: &ClassKey,
        subject: Option<Subject>,
    ) -> Result<&'static str, Error> {
        let post = self.open_post(work, at, org).await?;
        post.day_fits(at.day, at.ctx.now).map_err(refused)?;
        let missing = || Error::not_found("what she teaches in this class");
        let class = classes::at(work.tx(), at.task, post.org, class).await?.ok_or_else(missing)?;
        let hers = staffings::taught_in_many(work.tx(), at.task, &[post.id]).await?;
        let ends = |lesson: &&Teaching| {
            lesson.class == class.id && subject.is_none_or(|subject| lesson.subject == Some(subject))
        };
        let mut ended = 0;
        for lesson in hers.iter().filter(ends) {
            staffings::end_lesson(work.tx(), at.task, lesson.id, at.day).await?;
            ended += 1;
        }
        if ended == 0 {
            return Err(missing());
        }
        work.target("institution", post.org).target("class", class.id).target("staffing", post.id);
        work.event("person", at.person, "person.teaching_changed", &["teaching"]);
        Ok("gave up")
    }

    async fn begin_post(
        &self,
        work: &mut Work<'_>,
        at: &At<'_>,
        org: OrgId,
        post: StaffPost,
        staff_no: Option<String>,
        state: StaffState,
    ) -> Result<(), Error> {
        if at.day > at.ctx.now.shanghai_date() {
            return Err(refused(StaffError::Future));
        }
        let before = staffings::of_person(work.tx(), &at.task.on(at.person)).await?;
        if before.iter().any(|post| post.org == org && post.valid_to.is_some_and(|end| at.day < end)) {
            return Err(Error::new(Kind::Conflict, "she held the post on this day"));
        }
        self.may_begin(work.tx(), at.task, &[at.person]).await?;
        end_outgrown_codes(work.tx(), at.task, [at.person], [], at.ctx.now).await?;
        let staffing = Staffing {
            id: StaffingId::new(at.ctx.now, &*self.random),
            person: at.person,
            org,
            category: post.category(),
            post,
            staff_no,
            state,
            valid_from: at.day,
            valid_to: None,
            created_at: at.ctx.now,
            updated_at: at.ctx.now,
            version: 1,
        };
        if !staffings::insert(work.tx(), &at.task.on(at.person), &staffing).await? {
            return Err(Error::new(Kind::Conflict, "she has a post there already"));
        }
        self.homes_follow(work, at.ctx, at.task, &[(at.person, org)].into()).await?;
        work.target("institution", org).target("staffing", staffing.id);
        work.event("person", at.person, "person.employed", &["staffing"]);
        Ok(())
    }

    /// Ends a post with everything that rests on it.
    async fn end_post(&self, work: &mut Work<'_>, at: &At<'_>, post: Staffing, state: StaffState) -> Result<(), Error> {
        let on = at.task.on(at.person);
        let (id, org) = (post.id, post.org);
        // First of all: what she agreed to for a child is taken back by the voice that she still has.
        self.leave_wards(work, at.ctx, at.task, (&[at.person], org), WardsOf::Nobody(at.day)).await?;
        let left = post.left(state, at.day, at.ctx.now).map_err(refused)?;
        if !staffings::update(work.tx(), &on, &left).await? {
            return Err(Error::busy("somebody changed the post at the same moment"));
        }
        // Behind the post: what somebody who takes a class over just left her to teach is there by now.
        staffings::end_teaching(work.tx(), &on, id, at.day).await?;
        grants::revoke_of_identity(work.tx(), &on, IdentityId(id.0), at.ctx.now, "left the post").await?;
        let open = staffings::open_of_many(work.tx(), at.task, &[at.person]).await?;
        let ended = admin_grants::end_with_post(work.tx(), &on, id, open.is_empty(), at.ctx.now).await?;
        self.may_end_rights(work, at.ctx, at.task, at.by, ended.iter().copied()).await?;
        for grant in ended {
            work.event("admin_grant", grant, "admin.revoked", &[]);
        }
        let still: BTreeSet<OrgId> = open.iter().map(|post| post.org).collect();
        self.words_of_whom_they_lose(work, at.ctx, at.task, (at.person, at.by), (org, &still)).await?;
        work.target("institution", org).target("staffing", id);
        work.detail("state", state.as_str());
        work.event("person", at.person, "person.left_post", &["staffing"]);
        Ok(())
    }

    /// An institution where this decider keeps the staff.
    async fn workplace(&self, work: &mut Work<'_>, at: &At<'_>, code: &str) -> Result<Institution, Error> {
        let found = institutions::by_code(work.tx(), at.task, code).await?.filter(Institution::stands);
        let org = found.ok_or_else(|| Error::no_institution(code))?;
        let Some(admin) = at.by.admin() else { return Ok(org) };
        let scope = self.roster_subtree(work.tx(), admin, at.ctx.now).await?;
        institutions::find_in(work.tx(), &scope, org.id).await?.ok_or_else(|| Error::no_institution(code))
    }

    /// Her open post at an institution, or the only one that this decider keeps.
    async fn open_post(&self, work: &mut Work<'_>, at: &At<'_>, org: Option<&str>) -> Result<Staffing, Error> {
        let org = match org {
            Some(code) => Some(self.workplace(work, at, code).await?.id),
            None => None,
        };
        let mut open = staffings::open_of_many(work.tx(), at.task, &[at.person]).await?;
        open.retain(|post| org.is_none_or(|org| org == post.org));
        if let Some(admin) = at.by.admin() {
            let scope = self.roster_subtree(work.tx(), admin, at.ctx.now).await?;
            let mut hers = Vec::new();
            for post in open {
                if institutions::find_in(work.tx(), &scope, post.org).await?.is_some() {
                    hers.push(post);
                }
            }
            open = hers;
        }
        match (open.pop(), open.is_empty()) {
            (Some(post), true) => Ok(post),
            (Some(_), false) => {
                Err(Error::new(Kind::Conflict, "she has several posts: say at which institution (--org CODE)"))
            }
            (None, _) => Err(Error::not_found("an open post of hers")),
        }
    }
}

fn missing() -> Error {
    Error::not_found("the person")
}

fn read_as_nobody(why: Error) -> Error {
    match why.kind {
        Kind::NotFound | Kind::Invalid => Error { internal: why.internal, ..missing() },
        _ => why,
    }
}

fn refused(why: StaffError) -> Error {
    match why {
        StaffError::Future => Error::invalid(why.to_string()),
        _ => Error::new(Kind::Conflict, why.to_string()),
    }
}
