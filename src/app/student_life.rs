//! What happens to students 学籍异动, one change in one transaction: the stay keeps its id, how it was is kept, and an end takes
//! with it what platforms held in its name.

use chrono::NaiveDate;
use serde::Serialize;

use super::person_digest::digest;
use super::relation_claim::Decider;
use super::work::{Outcome, Work};
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{ClassId, EnrolmentId, IdentityId, OrgId, PersonId};
use crate::domain::registry::class::Class;
use crate::domain::registry::codes::student_change::StudentChange;
use crate::domain::registry::codes::student_state::{StudentSource, StudentState};
use crate::domain::registry::enrolment::{Enrolment, Slice};
use crate::domain::registry::grade::Standing;
use crate::domain::registry::in_turn::last_day;
use crate::domain::registry::reason::read_reason;
use crate::domain::registry::roster::ClassKey;
use crate::domain::registry::student_life::{Moment, Step, StepError};
use crate::store::db::{StoreError, Tx};
use crate::store::{classes, enrolments, grants, institutions, persons};

/// What is to happen; classes by the name that their school has for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Another class of the same year.
    Move(ClassKey),
    /// 留级.
    Repeat(ClassKey),
    /// 跳级.
    Skip(ClassKey),
    /// 休学.
    Suspend,
    /// 停学.
    Halt,
    /// 复学.
    Resume(Option<ClassKey>),
    /// The end, in a state that holds no place.
    End(StudentState),
}

/// Whose stay, and from when on.
#[derive(Clone, Debug)]
pub struct Whose {
    /// The student.
    pub person: PersonId,
    /// The school's code; the one that holds her 学籍 when left out.
    pub org: Option<String>,
    /// The first day on which it is so; today when left out.
    pub day: Option<NaiveDate>,
    /// XJYDLB, where it is not the usual one of the order.
    pub code: Option<StudentChange>,
}

/// A stay, as it was for a time.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct StayPart {
    /// The stay: it keeps its id through all changes but a transfer.
    pub enrolment_id: EnrolmentId,
    /// The school.
    pub institution: String,
    /// The class.
    pub class: Option<String>,
    /// The grade on the first day of it, or on the day that was asked for.
    pub grade: Option<&'static str>,
    /// XSDQZT.
    pub state: &'static str,
    /// The same in words.
    pub state_label: &'static str,
    /// `normal`, `borrowed` …
    pub source: &'static str,
    /// XJYDLB: by which change it became so; none: it began so, or nobody said.
    pub began_by: Option<StudentChange>,
    /// XJYDLB: by which change the stay ended with it; none: it did not, or by a graduation.
    pub ended_by: Option<StudentChange>,
    /// XSDQZT: in which state the stay ended with it.
    pub ended_as: Option<StudentState>,
    /// First day.
    pub from: NaiveDate,
    /// First day on which it was no longer so; none: it is so.
    pub to: Option<NaiveDate>,
}

impl App {
    /// Changes a student's stay.
    ///
    /// # Errors
    /// `NotFound` for somebody without an open stay there, or at a school that is not below the administrator, and for a
    /// class that the school does not have; `Conflict` with the reason for what is not possible from where she stands.
    pub async fn change_student(
        &self,
        ctx: &Ctx,
        by: Decider,
        whose: &Whose,
        order: &Order,
    ) -> Result<StayPart, Error> {
        let (task, ctx) = (access::task(TaskName::StudentLife), by.acting(ctx));
        let mut work = self.begin(&ctx, Action::StudentChanged).await?;
        let missing = || Error::not_found("an open stay of the student");
        let person = persons::survivor(work.tx(), whose.person).await?.ok_or_else(missing)?;
        persons::hold_standing(work.tx(), &task, std::iter::once(person)).await?;
        work.about(person).await?;
        let on = task.on(person);
        let stay = self.changeable_stay(&mut work, &ctx, &task, by, person, whose.org.as_deref()).await?;
        let stay = stay.ok_or_else(missing)?;
        let seat = seat(work.tx(), &task, stay.class).await?;
        let target = self.class_of(&mut work, &task, stay.org, order).await?;
        let slices = enrolments::slices(work.tx(), &on).await?;
        let since =
            slices.iter().rfind(|slice| slice.enrolment == stay.id).map_or(stay.valid_from, |last| last.valid_to);
        let day = whose.day.unwrap_or_else(|| ctx.now.shanghai_date());
        let step = order.step(target.as_ref()).ok_or_else(|| Error::not_found("this class of her school"))?;
        let (identity, org) = (IdentityId(stay.id.0), stay.org);
        let salt = persons::find(work.tx(), &on).await?.and_then(|person| person.salt);
        let before = salt.as_ref().map(|salt| digest(salt, &content(&stay)));
        let changed =
            stay.step(step, seat.as_ref(), Moment { day, since, now: ctx.now, code: whose.code }).map_err(refused)?;
        if !enrolments::update_on(work.tx(), &on, &changed, day).await? {
            return Err(Error::busy("somebody changed the stay at the same moment"));
        }
        if changed.valid_to.is_some() {
            grants::revoke_of_identity(work.tx(), &on, identity, ctx.now, "left the school").await?;
        }
        persons::refresh_presence(work.tx(), &on).await?;
        work.target("person", person).target("institution", org).target("enrolment", changed.id);
        if let Some(salt) = &salt {
            work.digests(person, before, digest(salt, &content(&changed)));
        }
        let change = if changed.valid_to.is_some() { changed.ended_by } else { changed.began_by };
        work.detail("state", changed.state.as_str()).detail("day", day.to_string());
        work.detail("change", change.map(StudentChange::as_str));
        let told = if changed.valid_to.is_some() { "person.left" } else { "person.stay_changed" };
        work.event("person", person, told, &["enrolment"]);
        let part = self.told(&mut work, &task, &changed, day).await?;
        work.commit(Outcome::Done).await?;
        Ok(part)
    }

    /// The stays of a student and how they were in turn, the oldest first; on one day, where one is given. History is a
    /// full record (R19), so it is the operator's, who says why; audited.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not there; `Invalid` for a reason that is none.
    pub async fn enrolments_as_of(
        &self,
        ctx: &Ctx,
        why: &str,
        person: PersonId,
        day: Option<NaiveDate>,
    ) -> Result<Vec<StayPart>, Error> {
        let why = read_reason(why).map_err(|why| Error::invalid(why.to_string()))?;
        let task = access::task(TaskName::StudentLife);
        let mut tx = self.db.read().await?;
        let person = persons::survivor(&mut tx, person).await?.ok_or_else(|| Error::not_found("the person"))?;
        let on = task.on(person);
        let slices = enrolments::slices(&mut tx, &on).await?;
        let mut told = Vec::new();
        for stay in enrolments::of_person(&mut tx, &on).await? {
            let parts = match day {
                Some(day) => stay.as_of(&slices, day).into_iter().collect(),
                None => stay.parts(&slices),
            };
            let school = institutions::find(&mut tx, &task, stay.org).await?;
            for part in parts {
                let class = match part.class {
                    Some(class) => {
                        let told = day.unwrap_or_else(|| last_day(Some(part.valid_to)));
                        classes::find_on(&mut tx, &task, class, told).await?
                    }
                    None => None,
                };
                let seen = day.unwrap_or(part.valid_from);
                let school = school.as_ref().map_or_else(String::new, |school| school.name.clone());
                told.push(tell(&stay, &part, school, class.as_ref(), seen));
            }
        }
        drop(tx);
        self.disclose(ctx, why, person, &[]).await?;
        Ok(told)
    }

    /// The open stay meant, where this decider may change it.
    async fn changeable_stay(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        task: &Task,
        by: Decider,
        person: PersonId,
        org: Option<&str>,
    ) -> Result<Option<Enrolment>, Error> {
        let org = match org {
            Some(code) => match institutions::by_code(work.tx(), task, code).await? {
                Some(org) => Some(org.id),
                None => return Ok(None),
            },
            None => None,
        };
        let mut open = enrolments::of_person(work.tx(), &task.on(person)).await?;
        open.retain(|stay| stay.valid_to.is_none() && org.is_none_or(|org| org == stay.org));
        open.sort_by_key(|stay| stay.source != StudentSource::Normal);
        let Some(admin) = by.admin() else { return Ok(open.into_iter().next()) };
        let scope = self.roster_subtree(work.tx(), admin, ctx.now).await?;
        for stay in open {
            if admin != person && institutions::find_in(work.tx(), &scope, stay.org).await?.is_some() {
                return Ok(Some(stay));
            }
        }
        Ok(None)
    }

    async fn class_of(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        org: OrgId,
        order: &Order,
    ) -> Result<Option<Class>, Error> {
        let Some(key) = order.class() else { return Ok(None) };
        Ok(classes::share_at(work.tx(), task, org, key).await?)
    }

    async fn told(
        &self,
        work: &mut Work<'_>,
        task: &Task,
        stay: &Enrolment,
        day: NaiveDate,
    ) -> Result<StayPart, Error> {
        let school = institutions::find(work.tx(), task, stay.org).await?;
        let class = seat(work.tx(), task, stay.class).await?;
        let school = school.map_or_else(String::new, |school| school.name);
        let part = Slice {
            enrolment: stay.id,
            class: stay.class,
            student_no: stay.student_no.clone(),
            state: stay.state,
            source: stay.source,
            began_by: stay.began_by.filter(|_| stay.valid_to.is_none()),
            valid_from: day,
            valid_to: stay.valid_to.unwrap_or(NaiveDate::MAX),
        };
        Ok(tell(stay, &part, school, class.as_ref(), day))
    }
}

impl Order {
    fn class(&self) -> Option<&ClassKey> {
        match self {
            Self::Move(key) | Self::Repeat(key) | Self::Skip(key) | Self::Resume(Some(key)) => Some(key),
            Self::Suspend | Self::Halt | Self::Resume(None) | Self::End(_) => None,
        }
    }

    /// The step, with the class that was found; none where one is named and there is none.
    fn step<'a>(&self, class: Option<&'a Class>) -> Option<Step<'a>> {
        Some(match self {
            Self::Move(_) => Step::Move(class?),
            Self::Repeat(_) => Step::Repeat(class?),
            Self::Skip(_) => Step::Skip(class?),
            Self::Resume(Some(_)) => Step::Resume(Some(class?)),
            Self::Resume(None) => Step::Resume(None),
            Self::Suspend => Step::Suspend,
            Self::Halt => Step::Halt,
            Self::End(state) => Step::End(*state),
        })
    }
}

async fn seat(tx: &mut Tx, task: &Task, class: Option<ClassId>) -> Result<Option<Class>, StoreError> {
    match class {
        Some(class) => classes::find(tx, task, class).await,
        None => Ok(None),
    }
}

/// What can change about a stay.
fn content(stay: &Enrolment) -> Vec<String> {
    vec![
        stay.class.map(|class| class.to_string()).unwrap_or_default(),
        stay.student_no.clone().unwrap_or_default(),
        stay.state.as_str().to_owned(),
        stay.valid_to.map(|end| end.to_string()).unwrap_or_default(),
        stay.began_by.map(|change| change.to_string()).unwrap_or_default(),
        stay.ended_by.map(|change| change.to_string()).unwrap_or_default(),
    ]
}

fn tell(stay: &Enrolment, part: &Slice, institution: String, class: Option<&Class>, seen: NaiveDate) -> StayPart {
    let grade = class.and_then(|class| match class.standing(seen) {
        Standing::In(grade) => Some(grade.as_str()),
        Standing::Admitted | Standing::Ungraded | Standing::Graduated => None,
    });
    let to = Some(part.valid_to).filter(|end| *end != NaiveDate::MAX);
    let last = to.is_some() && to == stay.valid_to;
    StayPart {
        enrolment_id: stay.id,
        institution,
        class: class.map(|class| class.name.clone()),
        grade,
        state: part.state.as_str(),
        state_label: part.state.label(),
        source: part.source.as_str(),
        began_by: part.began_by,
        ended_by: stay.ended_by.filter(|_| last),
        ended_as: Some(stay.state).filter(|_| last),
        from: part.valid_from,
        to,
    }
}

fn refused(why: StepError) -> Error {
    match why {
        StepError::Future => Error::invalid(why.to_string()),
        _ => Error::new(Kind::Conflict, why.to_string()),
    }
}
