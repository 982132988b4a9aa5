//! The roster view (ruling R19): who studies and works where, with what a school needs every day. Whatever is shown of
//! somebody is noted for her.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;
use uuid::Uuid;

use super::relation_claim::Decider;
use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::{Subtree, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{ClassId, EnrolmentId, OrgId, PersonId, StaffingId};
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::codes::sex::Sex;
use crate::domain::registry::codes::staff::{StaffCategory, StaffPost, StaffState};
use crate::domain::registry::codes::student_state::{StudentSource, StudentState};
use crate::domain::registry::contact::ContactKind;
use crate::domain::registry::guardianship::{Guardianship, GuardianshipStatus};
use crate::domain::registry::person::Person;
use crate::domain::registry::text;
use crate::store::db::Tx;
use crate::store::roster_rows::{self, Span, StudentStay};
use crate::store::{classes, contacts, guardianships, institutions, person_names};

/// A student in a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Student)]
pub struct StudentRow {
    /// The stay.
    pub enrolment_id: EnrolmentId,
    /// Who.
    pub person_id: PersonId,
    /// Her name; on a day of a stay that ended, as it was then.
    pub name: String,
    /// GB/T 2261.1.
    pub sex: Sex,
    /// Her class.
    pub class_id: Option<ClassId>,
    /// Its name.
    pub class: Option<String>,
    /// 学号.
    pub student_no: Option<String>,
    /// XSDQZT.
    pub state: StudentState,
    /// Whether her 学籍 is there.
    pub source: StudentSource,
    /// Today's guardians, as far as they were confirmed or recorded here.
    pub guardians: Vec<GuardianRow>,
}

/// A guardian of a student.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Guardian)]
pub struct GuardianRow {
    /// Who; none for somebody whom others hold, and whom the school only named.
    pub person_id: Option<PersonId>,
    /// Her name, there as the school wrote it.
    pub name: String,
    /// JTGX and more.
    pub relation: Relation,
    /// First and last digit of her phone; none where others hold her too, whose word it may be.
    pub phone: Option<String>,
}

/// A member of staff in a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Staff)]
pub struct StaffRow {
    /// The post.
    pub staffing_id: StaffingId,
    /// Who.
    pub person_id: PersonId,
    /// Her name.
    pub name: String,
    /// GB/T 2261.1.
    pub sex: Sex,
    /// 教职工类别.
    pub category: StaffCategory,
    /// GWZY.
    pub post: StaffPost,
    /// 工号.
    pub staff_no: Option<String>,
    /// JZGDQZT.
    pub state: StaffState,
}

/// Rows of a page, and whether more stand behind them.
#[derive(Clone, Debug)]
pub struct Cut<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Whether more follow.
    pub more: bool,
}

impl<T> Cut<T> {
    /// Of rows that were read one beyond the end of the page.
    pub(super) fn at(mut items: Vec<T>, limit: usize) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        Self { items, more }
    }
}

/// Which students.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Of which institution.
    pub org: OrgId,
    /// Of which class alone.
    pub class: Option<ClassId>,
    /// On which day; today when left out.
    pub day: Option<NaiveDate>,
}

/// What was looked at.
#[derive(Clone, Copy)]
pub(super) struct Viewed {
    /// The institution.
    pub(super) org: OrgId,
    /// The day that was asked for: one list is a view, and many days in a row are a history.
    pub(super) day: Option<NaiveDate>,
}

impl App {
    /// Who studies at an institution, behind a row, at most `limit`. Audited, and noted for each of them.
    ///
    /// # Errors
    /// `NotFound` for an institution that is not below the administrator.
    pub async fn students_of(
        &self,
        ctx: &Ctx,
        by: Decider,
        wanted: Wanted,
        after: Option<EnrolmentId>,
        limit: usize,
    ) -> Result<Cut<StudentRow>, Error> {
        let today = ctx.now.shanghai_date();
        let day = wanted.day.unwrap_or(today);
        let mut tx = self.db.read().await?;
        let scope = self.scope_of(&mut tx, by, ctx).await?;
        self.seen(&mut tx, &scope, wanted.org).await?;
        let span = Span { day, after: after.map_or(Uuid::nil(), |stay| stay.0), limit: limit + 1 };
        let stays = match wanted.class {
            Some(class) => roster_rows::of_class(&mut tx, &scope, (wanted.org, class), span).await?,
            None => roster_rows::students(&mut tx, &scope, wanted.org, span).await?,
        };
        let Cut { items: stays, more } = Cut::at(stays, limit);
        let rows = self.student_rows(&mut tx, &scope, stays, (day, day == today)).await?;
        drop(tx);
        let shown = rows.iter().flat_map(|row| {
            let guardians = row.guardians.iter().filter_map(|guardian| guardian.person_id);
            guardians.chain([row.person_id]).collect::<Vec<_>>()
        });
        let of = Viewed { org: wanted.org, day: wanted.day };
        self.note_view(ctx, by, of, shown.collect(), rows.len()).await?;
        Ok(Cut { items: rows, more })
    }

    /// Who works at an institution, behind a row, at most `limit`. Audited, and noted for each of them.
    ///
    /// # Errors
    /// `NotFound` for an institution that is not below the administrator.
    pub async fn staff_of(
        &self,
        ctx: &Ctx,
        by: Decider,
        org: OrgId,
        day: Option<NaiveDate>,
        after: Option<StaffingId>,
        limit: usize,
    ) -> Result<Cut<StaffRow>, Error> {
        let mut tx = self.db.read().await?;
        let scope = self.scope_of(&mut tx, by, ctx).await?;
        self.seen(&mut tx, &scope, org).await?;
        let of = Viewed { org, day };
        let day = day.unwrap_or_else(|| ctx.now.shanghai_date());
        let span = Span { day, after: after.map_or(Uuid::nil(), |post| post.0), limit: limit + 1 };
        let posts = roster_rows::staff(&mut tx, &scope, org, span).await?;
        let Cut { items: posts, more } = Cut::at(posts, limit);
        let mut items = Vec::with_capacity(posts.len());
        for post in posts {
            items.push(StaffRow {
                staffing_id: post.id,
                name: name_until(&mut tx, post.person, post.valid_to, post.name.unwrap_or_default()).await?,
                person_id: post.person,
                sex: post.sex,
                category: post.category,
                post: post.post,
                staff_no: post.staff_no,
                state: post.state,
            });
        }
        drop(tx);
        self.note_view(ctx, by, of, items.iter().map(|row| row.person_id).collect(), items.len()).await?;
        Ok(Cut { items, more })
    }

    /// Audits that rows were shown, and notes it for whoever stands on them.
    pub(super) async fn note_view(
        &self,
        ctx: &Ctx,
        by: Decider,
        Viewed { org, day }: Viewed,
        shown: Vec<PersonId>,
        rows: usize,
    ) -> Result<(), Error> {
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::RosterViewed).await?;
        work.target("institution", org).detail("rows", rows);
        if let Some(day) = day {
            work.detail("on", day.to_string());
        }
        for person in shown {
            work.shows(person);
        }
        work.commit(Outcome::Done).await
    }

    /// Rows of stays as of a day; with guardians where they are asked for, which are those of today.
    pub(super) async fn student_rows(
        &self,
        tx: &mut Tx,
        scope: &Subtree,
        stays: Vec<StudentStay>,
        (day, guarded): (NaiveDate, bool),
    ) -> Result<Vec<StudentRow>, Error> {
        let task = access::task(TaskName::RosterView);
        let mut names: BTreeMap<ClassId, String> = BTreeMap::new();
        let mut rows = Vec::with_capacity(stays.len());
        for stay in stays {
            let class = match stay.class {
                Some(id) if !names.contains_key(&id) => {
                    let found = classes::find_on(tx, &task, id, day).await?;
                    Some(names.entry(id).or_insert(found.map(|class| class.name).unwrap_or_default()).clone())
                }
                Some(id) => names.get(&id).cloned(),
                None => None,
            };
            let guardians = match guarded {
                true => self.guardians_shown(tx, scope, stay.person, day).await?,
                false => Vec::new(),
            };
            rows.push(StudentRow {
                enrolment_id: stay.id,
                name: name_until(tx, stay.person, stay.valid_to, stay.name.clone().unwrap_or_default()).await?,
                person_id: stay.person,
                sex: stay.sex,
                class_id: stay.class,
                class,
                student_no: stay.student_no,
                state: stay.state,
                source: stay.source,
                guardians,
            });
        }
        Ok(rows)
    }

    /// The guardians of a child whom an administrator sees: confirmed ones where the child's 学籍 is hers, else those whom an
    /// institution of hers recorded.
    pub(super) async fn guardians_shown(
        &self,
        tx: &mut Tx,
        scope: &Subtree,
        child: PersonId,
        today: NaiveDate,
    ) -> Result<Vec<GuardianRow>, Error> {
        let mut shown = Vec::new();
        for keeper in self.keepers_here(tx, scope, child, today).await? {
            let phone = self.keeper_phone(tx, scope, &keeper, today).await?.map(|phone| text::mask(&phone));
            shown.push(GuardianRow {
                person_id: keeper.id(),
                relation: keeper.relation.relation,
                name: keeper.name,
                phone,
            });
        }
        Ok(shown)
    }

    /// The relations behind [`App::guardians_shown`].
    pub(super) async fn kept_here(
        &self,
        tx: &mut Tx,
        scope: &Subtree,
        child: PersonId,
    ) -> Result<Vec<Guardianship>, Error> {
        let task = access::task(TaskName::RosterView);
        let on = task.on(child);
        let holds = crate::store::enrolments::of_person(tx, &on).await?;
        let holder = holds.iter().find(|stay| stay.valid_to.is_none() && stay.source == StudentSource::Normal);
        let hers = match holder {
            Some(stay) => institutions::find_in(tx, scope, stay.org).await?.is_some(),
            None => false,
        };
        let mut kept = Vec::new();
        for known in guardianships::of_child(tx, &on).await? {
            let recorded = match known.recorded_by {
                Some(org) => institutions::find_in(tx, scope, org).await?.is_some(),
                None => false,
            };
            let confirmed = known.status == GuardianshipStatus::Confirmed;
            if (hers && confirmed) || (recorded && known.is_standing()) {
                kept.push(known);
            }
        }
        Ok(kept)
    }

    /// Somebody's phone, where everything that she is lies below the administrator.
    pub(super) async fn phone_shown(
        &self,
        tx: &mut Tx,
        scope: &Subtree,
        person: &Person,
        today: NaiveDate,
    ) -> Result<Option<String>, Error> {
        if !self.holds_all_of(tx, scope, person.id, today).await? {
            return Ok(None);
        }
        let task = access::task(TaskName::RosterView);
        let known = contacts::of_person(tx, &task.on(person.id)).await?;
        let phone = known.into_iter().find(|contact| contact.kind == ContactKind::Phone);
        let Some((phone, sealed)) = phone.and_then(|phone| phone.value_sealed.clone().map(|sealed| (phone, sealed)))
        else {
            return Ok(None);
        };
        self.open_for(person, "contact", "value_sealed", phone.id, &sealed)
    }
}

/// What somebody is called now; nothing after erasure.
pub(super) fn name_of(person: &Person) -> String {
    person.name.as_ref().map(|name| name.as_str().to_owned()).unwrap_or_default()
}

/// What somebody was called until she left; her later names are none of the business of whom she left.
pub(super) async fn name_until(
    tx: &mut Tx,
    person: PersonId,
    end: Option<NaiveDate>,
    now: String,
) -> Result<String, Error> {
    let Some(end) = end else { return Ok(now) };
    let task = access::task(TaskName::RosterView);
    let former = person_names::of_person(tx, &task.on(person)).await?;
    let then = former.into_iter().find(|name| name.ended_at.shanghai_date() >= end);
    Ok(then.map_or(now, |then| then.name.as_str().to_owned()))
}
