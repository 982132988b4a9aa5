//! One person below an administrator: the roster view of her, and the full record (ruling R19), which needs a purpose and
//! another person's approval.

use chrono::NaiveDate;
use serde::Serialize;

use super::confirming::ConfirmationView;
use super::relation_claim::Decider;
use super::roster_view::{GuardianRow, StudentRow, name_of, name_until};
use super::verification::VerificationView;
use super::work::Outcome;
use super::{App, Ctx, Error, Kind, access};
use crate::domain::access::{Subtree, Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::{ApprovalId, ClassId, OrgId, PersonId};
use crate::domain::registry::age;
use crate::domain::registry::approval::{MINORS, Opens};
use crate::domain::registry::codes::relation::Relation;
use crate::domain::registry::codes::sex::Sex;
use crate::domain::registry::codes::staff::{StaffPost, StaffState};
use crate::domain::registry::codes::student_change::StudentChange;
use crate::domain::registry::codes::student_state::{StudentSource, StudentState};
use crate::domain::registry::document::{DocumentClass, DocumentStatus, PaperEnd};
use crate::domain::registry::guardianship::{GuardianshipStatus, Restriction};
use crate::domain::registry::person::Person;
use crate::domain::registry::reason::read_reason;
use crate::domain::time::Timestamp;
use crate::store::db::Tx;
use crate::store::roster_rows::{self, Span};
use crate::store::{classes, documents, enrolments, institutions, person_names, persons, staffings};

/// How many are noted in one transaction.
const NOTED_AT_ONCE: usize = 1_000;
/// No export is longer.
const LONGEST_EXPORT: usize = 20_000;

/// A person, as her school sees her every day.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Person)]
pub struct PersonView {
    /// Who: an id that was merged leads to another.
    pub person_id: PersonId,
    /// Her name.
    pub name: String,
    /// GB/T 2261.1.
    pub sex: Sex,
    /// Where she studies today, of the administrator's institutions.
    pub stays: Vec<StayView>,
    /// Where she works today, of those.
    pub posts: Vec<PostView>,
    /// Her guardians, as far as they were confirmed or recorded there.
    pub guardians: Vec<GuardianRow>,
}

/// A stay.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Stay)]
pub struct StayView {
    /// The school.
    pub institution_id: OrgId,
    /// Its name.
    pub institution: String,
    /// The class.
    pub class: Option<String>,
    /// 学号.
    pub student_no: Option<String>,
    /// XSDQZT.
    pub state: StudentState,
    /// Whether her 学籍 is there.
    pub source: StudentSource,
    /// XJYDLB: by which change it became so; none: it began so, or nobody said.
    pub began_by: Option<StudentChange>,
    /// XJYDLB: by which change it ended.
    pub ended_by: Option<StudentChange>,
    /// First day.
    pub from: NaiveDate,
    /// First day on which it was no longer so.
    pub to: Option<NaiveDate>,
}

/// A post.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Post)]
pub struct PostView {
    /// The institution.
    pub institution_id: OrgId,
    /// Its name.
    pub institution: String,
    /// GWZY.
    pub post: StaffPost,
    /// 工号.
    pub staff_no: Option<String>,
    /// JZGDQZT.
    pub state: StaffState,
    /// First day.
    pub from: NaiveDate,
    /// First day on which it was no longer so.
    pub to: Option<NaiveDate>,
}

/// The full record: what the administrator's institutions hold of her.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub struct FullRecord {
    /// Who.
    pub person_id: PersonId,
    /// Her name.
    pub name: String,
    /// What she was called before.
    pub former_names: Vec<String>,
    /// GB/T 2261.1.
    pub sex: Sex,
    /// Her birth date.
    pub birth_date: Option<NaiveDate>,
    /// ISO 3166-1 alpha-3.
    pub nationality: Option<String>,
    /// How well she was verified, 0 to 4; this, birth date, nationality and former names only where nobody else holds her.
    pub realname_level: Option<u8>,
    /// Her papers in full.
    pub documents: Vec<Paper>,
    /// Her phone in full; none where others hold her too, whose word it may be.
    pub phone: Option<String>,
    /// All her stays at the administrator's institutions and how they were in turn.
    pub stays: Vec<StayView>,
    /// All her posts there.
    pub posts: Vec<PostView>,
    /// Her guardians and those that she had, in turn, as far as the administrator's institutions recorded them, or held her 学籍 while
    /// they were confirmed.
    pub guardians: Vec<GuardianRecord>,
    /// Who said that she is who the register says, superseded too; where nobody else holds her.
    pub verifications: Vec<VerificationView>,
}

/// A paper in full.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub struct Paper {
    /// What it is called.
    pub label: String,
    /// ISO 3166-1 alpha-3.
    pub country: Option<String>,
    /// Its number; none after erasure.
    pub number: Option<String>,
    /// Active or superseded.
    pub status: DocumentStatus,
    /// First day.
    pub from: NaiveDate,
    /// First day on which it was no longer so; none: it is so, or ended before days were kept.
    pub to: Option<NaiveDate>,
    /// What ended it, where no other paper took its place.
    pub ended_as: Option<PaperEnd>,
}

/// A guardian in full.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub struct GuardianRecord {
    /// Who; none for somebody whom others hold, and whom the school only named, and for whoever is nobody's here any more.
    pub person_id: Option<PersonId>,
    /// Her name.
    pub name: String,
    /// JTGX and more.
    pub relation: Relation,
    /// The institution that is or was the guardian, and for which she acts.
    pub institution: Option<String>,
    /// Guardian by law.
    pub legal: bool,
    /// 1 first, 2 second.
    pub rank: i64,
    /// Whether somebody confirmed it.
    pub status: GuardianshipStatus,
    /// Who did, as far as whoever asks may know; none: nobody, or it was before this was kept.
    pub confirmed: Option<ConfirmationView>,
    /// What a court order takes away.
    pub restrictions: Vec<Restriction>,
    /// Her phone in full; none where others hold her too, and for a time that is over.
    pub phone: Option<String>,
    /// First day.
    pub from: NaiveDate,
    /// First day on which it was no longer so.
    pub to: Option<NaiveDate>,
}

/// The list of an institution and of everything under it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Export {
    /// The students, without their guardians.
    pub students: Vec<StudentRow>,
}

impl App {
    /// The roster view of one person, today or as of a day before. Whoever left is told as the administrator's institutions
    /// recorded her, under the name that she had then, and with nothing later (R5). Audited, and noted for her.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not below the administrator, and was not on that day.
    pub async fn person(
        &self,
        ctx: &Ctx,
        by: Decider,
        id: PersonId,
        day: Option<NaiveDate>,
    ) -> Result<PersonView, Error> {
        let today = ctx.now.shanghai_date();
        let day = day.unwrap_or(today);
        let mut tx = self.db.read().await?;
        let scope = self.scope_of(&mut tx, by, ctx).await?;
        let (person, left) = match self.person_in(&mut tx, ctx, &scope, id).await {
            Ok(person) => (person, false),
            Err(Error { kind: Kind::NotFound, .. }) if day < today => (self.person_gone(&mut tx, id).await?, true),
            Err(error) => return Err(error),
        };
        let (mut stays, mut posts) = self.places_shown(&mut tx, &scope, person.id).await?;
        let last = stays.iter().map(|stay| stay.to).chain(posts.iter().map(|post| post.to)).max().flatten();
        let open = |from: NaiveDate, to: Option<NaiveDate>| from <= day && to.is_none_or(|to| day < to);
        stays.retain(|stay| open(stay.from, stay.to));
        posts.retain(|post| open(post.from, post.to));
        if left && stays.is_empty() && posts.is_empty() {
            return Err(missing());
        }
        let name = match left {
            true => name_until(&mut tx, person.id, last, name_of(&person)).await?,
            false => name_of(&person),
        };
        let guardians = match left || day != today {
            true => Vec::new(),
            false => self.guardians_shown(&mut tx, &scope, person.id, today).await?,
        };
        drop(tx);
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::PersonViewed).await?;
        work.target("person", person.id).detail("day", day.to_string()).shows(person.id);
        for guardian in guardians.iter().filter_map(|guardian| guardian.person_id) {
            work.shows(guardian);
        }
        work.commit(Outcome::Done).await?;
        Ok(PersonView { person_id: person.id, name, sex: person.sex, stays, posts, guardians })
    }

    /// The full record, opened by an approval. Audited with its purpose, and noted for her.
    ///
    /// # Errors
    /// `NotFound` for somebody who is not below the administrator, and for an approval that does not open this for her now.
    pub async fn full_record(
        &self,
        ctx: &Ctx,
        by: Decider,
        id: PersonId,
        approval: ApprovalId,
    ) -> Result<FullRecord, Error> {
        let mut tx = self.db.read().await?;
        let scope = self.scope_of(&mut tx, by, ctx).await?;
        let person = self.person_in(&mut tx, ctx, &scope, id).await?;
        let opened = self.opened_by_approval(&mut tx, ctx, by, Opens::Record(person.id), approval).await?;
        let record = self.record_shown(&mut tx, &scope, &person, ctx.now).await?;
        drop(tx);
        let ctx = by.acting(ctx);
        let mut work = self.begin(&ctx, Action::RecordViewed).await?;
        work.target("person", person.id).target("approval", approval).because(opened.purpose).shows(person.id);
        for guardian in record.guardians.iter().filter_map(|guardian| guardian.person_id) {
            work.shows(guardian);
        }
        work.commit(Outcome::Done).await?;
        Ok(record)
    }

    /// The students of an institution and of everything under it, at once. From fifty minors on it counts as full record, and
    /// needs an approval.
    ///
    /// # Errors
    /// `NotFound` for an institution that is not below the administrator, and for an approval that does not open this;
    /// `Conflict` when one is needed, or the list is too long.
    pub async fn export_students(
        &self,
        ctx: &Ctx,
        by: Decider,
        org: OrgId,
        purpose: Option<&str>,
        approval: Option<ApprovalId>,
    ) -> Result<Export, Error> {
        let purpose = purpose.map(read_reason).transpose().map_err(|why| Error::invalid(why.to_string()))?;
        let today = ctx.now.shanghai_date();
        let mut tx = self.db.read().await?;
        let scope = self.scope_of(&mut tx, by, ctx).await?;
        self.seen(&mut tx, &scope, org).await?;
        let span = Span { day: today, after: uuid::Uuid::nil(), limit: LONGEST_EXPORT + 1 };
        let stays = roster_rows::under(&mut tx, &scope, org, span).await?;
        if stays.len() > LONGEST_EXPORT {
            return Err(Error::new(
                Kind::Conflict,
                "the list is too long for one answer: export the institutions below one by one",
            ));
        }
        // Whose birth date is unknown may be one.
        let minors = stays.iter().filter(|stay| stay.born.is_none_or(|born| !age::is_of_age(born, today))).count();
        let purpose = match (approval, purpose) {
            // What somebody else agreed to is what it is for.
            (Some(id), said) => {
                let opened = self.opened_by_approval(&mut tx, ctx, by, Opens::Export(org), id).await?;
                if said.is_some_and(|said| said != opened.purpose) {
                    return Err(Error::invalid("the approval was given for another purpose: leave `purpose` out"));
                }
                opened.purpose
            }
            (None, _) if minors >= MINORS => {
                return Err(Error::new(
                    Kind::Conflict,
                    "a list of fifty minors or more needs another person's approval: ask for one at /api/approvals",
                ));
            }
            (None, Some(said)) => said,
            (None, None) => return Err(Error::invalid("say for what: `purpose`")),
        };
        let students = self.student_rows(&mut tx, &scope, stays, (today, false)).await?;
        drop(tx);
        let ctx = by.acting(ctx);
        // An entry for every so many, so that sign-ins do not wait for the whole of it (R15); all of them before the answer.
        let parts = students.chunks(NOTED_AT_ONCE).count().max(1);
        for part in 0..parts {
            let mut work = self.begin(&ctx, Action::RosterExported).await?;
            work.target("institution", org).detail("rows", students.len()).detail("minors", minors);
            work.detail("part", part + 1).detail("parts", parts).because(purpose.clone());
            if let Some(id) = approval {
                work.target("approval", id);
            }
            for student in students.iter().skip(part * NOTED_AT_ONCE).take(NOTED_AT_ONCE) {
                work.shows(student.person_id);
            }
            work.commit(Outcome::Done).await?;
        }
        Ok(Export { students })
    }

    /// What the administrator's institutions hold of her. Where others hold her too, what may be their word is left out:
    /// former names, birth date, nationality and level are nobody's in particular (R1).
    async fn record_shown(
        &self,
        tx: &mut Tx,
        scope: &Subtree,
        person: &Person,
        now: Timestamp,
    ) -> Result<FullRecord, Error> {
        let today = now.shanghai_date();
        let on = access::task(TaskName::Approvals).on(person.id);
        let all = self.holds_all_of(tx, scope, person.id, today).await?;
        let former = if all { person_names::of_person(tx, &on).await? } else { Vec::new() };
        let (stays, posts) = self.places_shown(tx, scope, person.id).await?;
        Ok(FullRecord {
            person_id: person.id,
            name: name_of(person),
            former_names: former.into_iter().map(|one| one.name.as_str().to_owned()).collect(),
            sex: person.sex,
            birth_date: person.birth_date.filter(|_| all),
            nationality: person.nationality.clone().filter(|_| all),
            realname_level: all.then(|| person.realname_level.get()),
            documents: self.papers_shown(tx, person, all).await?,
            phone: self.phone_shown(tx, scope, person, today).await?,
            stays,
            posts,
            guardians: self.guardian_records(tx, scope, person.id, now).await?,
            verifications: if all { self.verifications_in(tx, &on).await? } else { Vec::new() },
        })
    }

    /// Somebody below an administrator today, by any id that leads to her.
    pub(super) async fn person_in(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        scope: &Subtree,
        id: PersonId,
    ) -> Result<Person, Error> {
        let id = persons::survivor(tx, id).await?.ok_or_else(missing)?;
        persons::in_subtree(tx, scope, id, ctx.now.shanghai_date()).await?.ok_or_else(missing)
    }

    /// Stays and posts at institutions of the administrator, and how the stays were in turn.
    /// Somebody who belongs to nobody here today; what of her may be told is looked at then.
    async fn person_gone(&self, tx: &mut Tx, id: PersonId) -> Result<Person, Error> {
        let id = persons::survivor(tx, id).await?.ok_or_else(missing)?;
        let on = access::task(TaskName::RosterView).on(id);
        persons::find(tx, &on).await?.ok_or_else(missing)
    }

    async fn places_shown(
        &self,
        tx: &mut Tx,
        scope: &Subtree,
        person: PersonId,
    ) -> Result<(Vec<StayView>, Vec<PostView>), Error> {
        let task = access::task(TaskName::RosterView);
        let on = task.on(person);
        let slices = enrolments::slices(tx, &on).await?;
        let mut stays = Vec::new();
        for stay in enrolments::of_person(tx, &on).await? {
            let Some(org) = institutions::find_in(tx, scope, stay.org).await? else { continue };
            for part in stay.parts(&slices) {
                let span = (part.valid_from, part.valid_to);
                for (class, from, to) in called(tx, &task, part.class, span).await? {
                    stays.push(StayView {
                        institution_id: org.id,
                        institution: org.name.clone(),
                        class,
                        student_no: part.student_no.clone(),
                        state: part.state,
                        source: part.source,
                        began_by: part.began_by.filter(|_| from == part.valid_from),
                        ended_by: stay.ended_by.filter(|_| stay.valid_to == Some(to)),
                        from,
                        to: Some(to).filter(|end| *end != NaiveDate::MAX),
                    });
                }
            }
        }
        let mut posts = Vec::new();
        let numbers = staffings::former_numbers(tx, &on).await?;
        for post in staffings::of_person(tx, &on).await? {
            let Some(org) = institutions::find_in(tx, scope, post.org).await? else { continue };
            posts.extend(post.numbered(&numbers).into_iter().map(|(staff_no, from, to)| PostView {
                institution_id: org.id,
                institution: org.name.clone(),
                post: post.post,
                staff_no,
                state: post.state,
                from,
                to: Some(to).filter(|end| *end != NaiveDate::MAX),
            }));
        }
        Ok((stays, posts))
    }

    /// Papers in full. What was withdrawn is somebody else's number; of papers that others may have seen only the identity
    /// number of now is told, which every row names people by.
    async fn papers_shown(&self, tx: &mut Tx, person: &Person, all: bool) -> Result<Vec<Paper>, Error> {
        let on = access::task(TaskName::Approvals).on(person.id);
        let mut papers = Vec::new();
        for paper in documents::of_person(tx, &on).await? {
            let current = paper.key.class == DocumentClass::Cn18 && paper.status == DocumentStatus::Active;
            let told = all || current;
            if paper.status == DocumentStatus::Withdrawn || !told {
                continue;
            }
            papers.push(Paper {
                label: paper.label.label().to_owned(),
                country: Some(paper.key.country.clone()).filter(|country| !country.is_empty()),
                number: self.open_number(person, &paper).map(|document| document.number.expose().to_owned()),
                status: paper.status,
                from: paper.from(),
                to: paper.valid_to,
                ended_as: paper.ended_as,
            });
        }
        // A 学籍号 is the word of the school that holds her 学籍.
        for code in documents::codes_of(tx, &on).await?.into_iter().filter(|_| all) {
            if code.status != DocumentStatus::Withdrawn {
                let number = self.plain_code(person, &code)?;
                let (from, to) = (code.created_at.shanghai_date(), code.valid_to);
                let label = "学籍号".to_owned();
                papers.push(Paper { label, country: None, number, status: code.status, from, to, ended_as: None });
            }
        }
        Ok(papers)
    }

    async fn guardian_records(
        &self,
        tx: &mut Tx,
        scope: &Subtree,
        child: PersonId,
        now: Timestamp,
    ) -> Result<Vec<GuardianRecord>, Error> {
        let (task, today) = (access::task(TaskName::Approvals), now.shanghai_date());
        let mut records = Vec::new();
        for (keeper, part) in self.keepers_then(tx, scope, child, today).await? {
            let to = Some(part.valid_to).filter(|end| *end != NaiveDate::MAX);
            let (person_id, phone) = match to {
                None => (keeper.id(), self.keeper_phone(tx, scope, &keeper, today).await?),
                Some(_) => (keeper.id(), None),
            };
            let institution = match part.institution {
                Some(org) => institutions::find(tx, &task, org).await?.map(|org| org.name),
                None => None,
            };
            records.push(GuardianRecord {
                person_id,
                name: keeper.name,
                relation: part.relation,
                institution,
                legal: part.legal,
                rank: part.rank,
                status: part.status,
                confirmed: self.confirmation_shown(tx, &task, Some(scope), part.confirmed, now).await?,
                restrictions: part.restrictions.into_iter().collect(),
                phone,
                from: part.valid_from,
                to,
            });
        }
        Ok(records)
    }
}

/// What a class was called in turn between two days; of no class once, as none.
async fn called(
    tx: &mut Tx,
    task: &Task,
    class: Option<ClassId>,
    (from, to): (NaiveDate, NaiveDate),
) -> Result<Vec<(Option<String>, NaiveDate, NaiveDate)>, Error> {
    let class = match class {
        Some(class) => classes::find(tx, task, class).await?,
        None => None,
    };
    let Some(class) = class else { return Ok(vec![(None, from, to)]) };
    let former = classes::former_names(tx, task, &[class.id]).await?;
    Ok(class.called(&former, from, to).into_iter().map(|(name, from, to)| (Some(name), from, to)).collect())
}

fn missing() -> Error {
    Error::not_found("the person")
}
