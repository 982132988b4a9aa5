//! What the register knows of the people in a batch, read at once and kept up to date while the rows are decided.

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::sight::Sight;
use super::stated::Stated;
use crate::app::{App, Error};
use crate::domain::access::Task;
use crate::domain::id::{ClassId, OrgId, PersonId, StaffingId};
use crate::domain::registry::case::Case;
use crate::domain::registry::codes::student_state::StudentSource;
use crate::domain::registry::document::{Document, DocumentClass};
use crate::domain::registry::enrolment::Enrolment;
use crate::domain::registry::guardianship::Guardianship;
use crate::domain::registry::institution::Institution;
use crate::domain::registry::person::PersonSalt;
use crate::domain::registry::personal_code::PersonalCode;
use crate::domain::registry::roster::PersonRow;
use crate::domain::registry::staffing::{Staffing, Teaching};
use crate::store::db::Tx;
use crate::store::documents::{self, DocumentKey, Named};
use crate::store::{
    accounts, admin_grants, cases, contacts, enrolments, erasures, guardianships, institutions, platforms,
    relation_claims, staffings,
};

/// An institution as rows need it.
#[derive(Clone)]
pub(super) struct Org {
    pub(super) id: OrgId,
    /// It, and everything that it stands under.
    pub(super) above: BTreeSet<OrgId>,
    /// Where names of its people are found: itself and what stands above it up to the county.
    pub(super) presence: Vec<OrgId>,
    pub(super) teaches: bool,
    /// The platform that its people call home.
    pub(super) home: Option<Uuid>,
}

/// A person of the register, or one who will be in it at the end of the batch.
#[derive(Clone)]
pub(super) struct Somebody {
    pub(super) id: PersonId,
    pub(super) name_key: Option<String>,
    pub(super) salt: Option<PersonSalt>,
    /// What the register does not know of her, and a row may say.
    pub(super) gaps: Gaps,
}

/// What is not known of somebody.
#[derive(Clone, Copy, Default)]
pub(super) struct Gaps {
    pub(super) sex: bool,
    pub(super) birth_date: bool,
}

/// The indexes under which a row's person is looked for.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) document: Option<DocumentKey>,
    /// The key of the same paper where nobody said its country.
    pub(super) without_country: Option<DocumentKey>,
    /// The paper whose country the row does not say, and that may be one of any.
    pub(super) of_any_country: Option<Document>,
    pub(super) code: Option<[u8; 32]>,
    /// The number inside her G 学籍号, where it is another one: never a link (R10).
    pub(super) hint: Option<DocumentKey>,
    /// The G 学籍号 that is made of her number, where the row has another one or none: no link either.
    pub(super) made_of_number: Option<[u8; 32]>,
}

#[derive(Default)]
pub(super) struct Known {
    pub(super) documents: HashMap<[u8; 32], Somebody>,
    /// Who holds a paper that a row may mean, by its key without a country; where several do, somebody of no name.
    countries: HashMap<[u8; 32], Somebody>,
    pub(super) codes: HashMap<[u8; 32], Somebody>,
    /// Of those whom a 学籍号 names, who holds no paper.
    pub(super) paperless: HashSet<PersonId>,
    /// Numbers and 学籍号 that nobody holds, of somebody who was erased (R18).
    pub(super) erased: HashMap<[u8; 32], PersonId>,
    /// What was asked about them.
    pub(super) questions: Vec<Case>,
    pub(super) enrolments: HashMap<PersonId, Vec<Enrolment>>,
    pub(super) staffings: HashMap<PersonId, Vec<Staffing>>,
    pub(super) taught: HashMap<StaffingId, Vec<Teaching>>,
    /// In which posts people are the head teacher of a class that was asked for: one, unless two are from before.
    pub(super) heads: HashMap<ClassId, BTreeSet<StaffingId>>,
    /// By child, ended and rejected ones too.
    pub(super) guardianships: HashMap<PersonId, Vec<Guardianship>>,
    /// By guardian, for an administrator: whose children are at her schools.
    pub(super) wards: HashMap<PersonId, Vec<Guardianship>>,
    ward_schools: HashMap<PersonId, Vec<OrgId>>,
    pub(super) stated: Stated,
    pub(super) contacts: HashSet<(PersonId, [u8; 32])>,
    /// Who died, and who asked to be erased: nothing comes to what the law keeps of them (R18), and nothing begins for them.
    pub(super) closed: HashSet<PersonId>,
    /// What rows before said of somebody of whom the register had nothing.
    pub(super) told: HashMap<PersonId, Gaps>,
    /// Who holds a right, for an administrator: no row of hers rewrites whoever may watch her.
    pub(super) privileged: BTreeSet<PersonId>,
    pub(super) user_names: HashMap<PersonId, String>,
    loaded: HashSet<PersonId>,
}

impl App {
    pub(super) fn keys_of(&self, row: &PersonRow) -> Keys {
        let document = row.document.as_ref().map(|document: &Document| self.document_key(document));
        let hint = row.personal_code.as_ref().and_then(|code| self.hinted(code));
        let code = row.personal_code.as_ref().map(|code| self.index.personal_code(code.expose()));
        let made = row.document.as_ref().and_then(PersonalCode::made_of);
        let made = made.map(|made| self.index.personal_code(made.expose()));
        Keys {
            without_country: row.document.as_ref().and_then(|document| self.key_without_country(document)),
            of_any_country: row.document.clone().filter(Document::is_of_any_country),
            code,
            made_of_number: made.filter(|made| code.as_ref() != Some(made)),
            hint: hint.filter(|hint| document.as_ref() != Some(hint)),
            document,
        }
    }

    /// The institution of a code.
    pub(super) async fn org_of(&self, tx: &mut Tx, task: &Task, code: &str) -> Result<Option<Org>, Error> {
        use crate::domain::registry::institution::InstitutionLevel::{Campus, County, School};
        let found = institutions::by_code(tx, task, code).await?.filter(Institution::stands);
        let Some(org) = found else { return Ok(None) };
        let above = institutions::ancestors(tx, task, org.id).await?;
        let found_at = above.iter().filter(|o| matches!(o.level, County | School | Campus));
        let presence = std::iter::once(&org).chain(found_at).map(|o| o.id).collect();
        let home = platforms::nearest(tx, task, org.id).await?;
        let above = std::iter::once(org.id).chain(above.into_iter().map(|o| o.id)).collect();
        Ok(Some(Org { id: org.id, above, presence, teaches: org.kind.teaches(), home }))
    }
}

impl Known {
    /// Reads what is not known yet.
    pub(super) async fn load(
        &mut self,
        app: &App,
        tx: &mut Tx,
        task: &Task,
        keys: &[Keys],
        sight: &Sight,
    ) -> Result<(), Error> {
        let fresh: Vec<[u8; 32]> = keys.iter().filter_map(|keys| keys.document.as_ref()).map(|key| key.index).collect();
        let mut by_class: HashMap<(DocumentClass, &str), Vec<[u8; 32]>> = HashMap::new();
        for key in keys.iter().flat_map(|keys| keys.document.iter().chain(&keys.hint).chain(&keys.without_country)) {
            if !self.documents.contains_key(&key.index) {
                by_class.entry((key.class, &key.country)).or_default().push(key.index);
            }
        }
        // First the codes, then the documents: each statement on PostgreSQL sees what was committed before it, and a row
        // whose code is known but whose document is not would be refused for good. Whoever is found by the document is
        // asked for no code.
        let codes: Vec<_> =
            keys.iter().filter_map(|keys| keys.code).filter(|code| !self.codes.contains_key(code)).collect();
        let made = keys.iter().filter_map(|keys| keys.made_of_number).filter(|code| !self.codes.contains_key(code));
        let asked: Vec<_> = codes.iter().copied().chain(made).collect();
        let found = documents::code_holders_of_many(tx, task, &asked).await?;
        let mut people: Vec<PersonId> = found.iter().map(|named| named.person).collect();
        self.closed.extend(closed(&found));
        self.codes.extend(found.into_iter().map(somebody));
        for ((class, country), indexes) in by_class {
            let found = documents::holders_of_many(tx, task, class, country, &indexes).await?;
            people.extend(found.iter().map(|named| named.person));
            self.closed.extend(closed(&found));
            self.documents.extend(found.into_iter().map(somebody));
        }
        people.extend(self.load_countries(app, tx, task, keys).await?);
        self.load_paperless(tx, task, keys).await?;
        self.load_erased(tx, task, keys).await?;
        people.sort_unstable();
        people.dedup();
        people.retain(|person| self.loaded.insert(*person));
        let (fresh, codes) = if sight.is_bounded() { (fresh, codes) } else { (Vec::new(), Vec::new()) };
        let claims = relation_claims::about_many(tx, task, &people, &fresh, &codes).await?;
        for claim in claims.into_iter().filter(|claim| sight.covers(claim.org)) {
            if self.loaded.insert(claim.person) {
                people.push(claim.person);
            }
            self.stated.remember(claim);
        }
        self.load_relations(tx, task, &people).await?;
        if sight.is_bounded() {
            self.load_wards(tx, task, &people).await?;
            self.privileged.extend(admin_grants::holders_among(tx, task, &people).await?);
        }
        Ok(())
    }

    /// Whoever is named by a 学籍号 and by a number that is not hers may have none.
    async fn load_paperless(&mut self, tx: &mut Tx, task: &Task, keys: &[Keys]) -> Result<(), Error> {
        let named = keys.iter().filter(|keys| keys.document.is_some()).filter_map(|keys| {
            let holder = self.codes.get(&keys.code?)?.id;
            (self.holder_of(keys).map(|holder| holder.id) != Some(holder)).then_some(holder)
        });
        let named: BTreeSet<PersonId> = named.collect();
        let bearers = documents::bearers_of_many(tx, task, &named.iter().copied().collect::<Vec<_>>()).await?;
        self.paperless.extend(named.into_iter().filter(|person| !bearers.contains(person)));
        Ok(())
    }

    /// Who holds, under some country, what rows name without one; the people found.
    async fn load_countries(
        &mut self,
        app: &App,
        tx: &mut Tx,
        task: &Task,
        keys: &[Keys],
    ) -> Result<Vec<PersonId>, Error> {
        let mut people = Vec::new();
        let unclear: Vec<(&Document, [u8; 32])> = keys
            .iter()
            .filter_map(|keys| Some((keys.of_any_country.as_ref()?, keys.document.as_ref()?.index)))
            .filter(|(_, index)| !self.documents.contains_key(index))
            .collect();
        let classes: BTreeSet<DocumentClass> = unclear.iter().map(|(document, _)| document.class).collect();
        for class in classes {
            for country in documents::countries(tx, task, class).await? {
                let of_class = unclear.iter().filter(|(document, _)| document.class == class);
                let asked: HashMap<[u8; 32], [u8; 32]> = of_class
                    .map(|(document, index)| (app.key_in(class, &country, document.number.expose()).index, *index))
                    .collect();
                let indexes: Vec<[u8; 32]> = asked.keys().copied().collect();
                let found = documents::holders_of_many(tx, task, class, &country, &indexes).await?;
                self.closed.extend(closed(&found));
                for (index, who) in found.into_iter().map(somebody) {
                    people.push(who.id);
                    if let Some(meant) = asked.get(&index) {
                        self.may_mean(*meant, who);
                    }
                }
            }
        }
        Ok(people)
    }

    /// A row that names a paper without its country may mean this holder of one. Of two nobody knows which.
    pub(super) fn may_mean(&mut self, without_country: [u8; 32], who: Somebody) {
        let known = self.countries.entry(without_country).or_insert_with(|| who.clone());
        if known.id != who.id {
            known.name_key = None;
        }
    }

    /// Who holds the paper of a row, as far as it can be told.
    pub(super) fn holder_of(&self, keys: &Keys) -> Option<&Somebody> {
        let index = keys.document.as_ref()?.index;
        let without_country = || keys.without_country.as_ref().and_then(|key| self.documents.get(&key.index));
        self.documents.get(&index).or_else(without_country).or_else(|| self.countries.get(&index))
    }

    /// Reads who is the head teacher of classes, where that is not known yet.
    pub(super) async fn load_heads(
        &mut self,
        tx: &mut Tx,
        task: &Task,
        classes: impl Iterator<Item = ClassId>,
    ) -> Result<(), Error> {
        let unread: Vec<ClassId> = classes.filter(|class| !self.heads.contains_key(class)).collect();
        let heads = staffings::heads_of_many(tx, task, &unread).await?;
        self.heads.extend(unread.into_iter().map(|class| (class, BTreeSet::new())));
        for lesson in heads {
            self.heads.entry(lesson.class).or_default().insert(lesson.staffing);
        }
        Ok(())
    }

    /// Of what nobody holds, what somebody held who was erased. Such people are few, and their index is small.
    async fn load_erased(&mut self, tx: &mut Tx, task: &Task, keys: &[Keys]) -> Result<(), Error> {
        let mut by_class: HashMap<(DocumentClass, &str), Vec<[u8; 32]>> = HashMap::new();
        for key in keys.iter().filter_map(|keys| keys.document.as_ref()) {
            if !self.documents.contains_key(&key.index) {
                by_class.entry((key.class, &key.country)).or_default().push(key.index);
            }
        }
        let codes: Vec<_> =
            keys.iter().filter_map(|keys| keys.code).filter(|code| !self.codes.contains_key(code)).collect();
        let mut erased = erasures::codes_of_many(tx, task, &codes).await?;
        for ((class, country), indexes) in by_class {
            erased.extend(erasures::documents_of_many(tx, task, class, country, &indexes).await?);
        }
        if erased.is_empty() {
            return Ok(());
        }
        erased.sort_by_key(|one| one.recorded_at);
        self.erased.extend(erased.iter().map(|one| (one.found, one.person)));
        let people: BTreeSet<PersonId> = erased.iter().map(|one| one.person).collect();
        self.questions = cases::of_erased(tx, task, &people.into_iter().collect::<Vec<_>>()).await?;
        Ok(())
    }

    async fn load_wards(&mut self, tx: &mut Tx, task: &Task, people: &[PersonId]) -> Result<(), Error> {
        let wards = guardianships::standing_of_guardians(tx, task, people).await?;
        let mut children: Vec<PersonId> = wards.iter().map(|ward| ward.child).collect();
        children.sort_unstable();
        children.dedup();
        children.retain(|child| !self.ward_schools.contains_key(child));
        let stays = enrolments::open_of_many(tx, task, &children).await?;
        for stay in stays.into_iter().filter(|stay| stay.source == StudentSource::Normal) {
            self.ward_schools.entry(stay.person).or_default().push(stay.org);
        }
        for ward in wards {
            self.wards.entry(ward.guardian).or_default().push(ward);
        }
        Ok(())
    }

    /// Whether the 学籍 of a child is at an institution of the actor.
    pub(super) fn holds(&self, sight: &Sight, child: PersonId) -> bool {
        let mut stays = self.enrolments.get(&child).into_iter().flatten();
        !sight.is_bounded() || stays.any(|stay| stay.source == StudentSource::Normal && sight.covers(stay.org))
    }

    /// Whether the actor sees the person: at one of her institutions, or as a guardian whom one of them recorded or who
    /// came with a child whose 学籍 is theirs. A guardian of whom they only made a claim is seen as they named her.
    pub(super) fn is_inside(&self, sight: &Sight, person: PersonId) -> bool {
        if !sight.is_bounded() {
            return true;
        }
        let at_school = self.enrolments.get(&person).into_iter().flatten().any(|stay| sight.covers(stay.org));
        let at_work = self.staffings.get(&person).into_iter().flatten().any(|post| sight.covers(post.org));
        at_school || at_work || (self.stated.of(person).next().is_none() && self.is_guardian_inside(sight, person))
    }

    /// Whether nobody whom the actor does not see holds the person: as a student, at work, or as somebody's guardian.
    pub(super) fn is_wholly_inside(&self, sight: &Sight, person: PersonId) -> bool {
        let stays = self.enrolments.get(&person).into_iter().flatten().map(|stay| stay.org);
        let posts = self.staffings.get(&person).into_iter().flatten().map(|post| post.org);
        let wards = self.wards.get(&person).into_iter().flatten();
        let schools = wards.clone().flat_map(|ward| self.ward_schools.get(&ward.child).into_iter().flatten().copied());
        let recorders = wards.filter_map(|ward| ward.recorded_by);
        !sight.is_bounded() || stays.chain(posts).chain(schools).chain(recorders).all(|org| sight.covers(org))
    }

    fn is_guardian_inside(&self, sight: &Sight, person: PersonId) -> bool {
        self.wards.get(&person).into_iter().flatten().any(|ward| {
            let recorded = ward.recorded_by.is_some_and(|org| sight.covers(org));
            let schools = self.ward_schools.get(&ward.child).into_iter().flatten();
            recorded || schools.into_iter().any(|org| sight.covers(*org))
        })
    }

    async fn load_relations(&mut self, tx: &mut Tx, task: &Task, people: &[PersonId]) -> Result<(), Error> {
        for enrolment in enrolments::open_of_many(tx, task, people).await? {
            self.enrolments.entry(enrolment.person).or_default().push(enrolment);
        }
        let posts = staffings::open_of_many(tx, task, people).await?;
        let ids: Vec<_> = posts.iter().map(|post| post.id).collect();
        for post in posts {
            self.staffings.entry(post.person).or_default().push(post);
        }
        for teaching in staffings::taught_in_many(tx, task, &ids).await? {
            self.taught.entry(teaching.staffing).or_default().push(teaching);
        }
        for guardianship in guardianships::of_children(tx, task, people).await? {
            self.guardianships.entry(guardianship.child).or_default().push(guardianship);
        }
        self.contacts.extend(contacts::indexes_of_many(tx, task, people).await?);
        self.user_names.extend(accounts::user_names_of_many(tx, task, people).await?);
        Ok(())
    }
}

fn closed(found: &[Named]) -> impl Iterator<Item = PersonId> {
    found.iter().filter(|named| named.status.is_over()).map(|named| named.person)
}

fn somebody(named: Named) -> ([u8; 32], Somebody) {
    let gaps = Gaps { sex: !named.sex.is_known(), birth_date: named.birth_date.is_none() };
    (named.found, Somebody { id: named.person, name_key: named.name_key, salt: named.salt, gaps })
}
