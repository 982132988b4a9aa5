//! What an audit entry says of the rows that it changed instead of what they say, and whether they are today what the last entry
//! said. What is about a person is keyed with her salt and means nothing once that is gone (R7, R18); the rest is public, and
//! its digest is plain.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::books::ROUND;
use super::work::Outcome;
use super::{App, Ctx, Error, access};
use crate::domain::access::{Task, TaskName};
use crate::domain::audit::Action;
use crate::domain::id::PersonId;
use crate::domain::registry::person::PersonSalt;
use crate::domain::row_state::{FORM, Marks, RowKind, RowState};
use crate::keys::audit::plain_digest;
use crate::keys::blind_index::salted;
use crate::store::books::{self, Linked};
use crate::store::db::{Noted, Tx};
use crate::store::row_states::{self, Sought};
use crate::store::{cases, persons};

/// So many rows an entry names at most.
pub(super) const MOST: usize = 100;
/// Under which an entry names rows.
pub(super) const STATES: &str = "states";
/// Under which it tells the kinds of rows that it changed besides, each with the marks of those that were there before.
pub(super) const UNNAMED: &str = "states_unnamed";
/// So many entries are looked through at once.
const WINDOW: i64 = 2_000;
/// The same of those with marks, of which each may be some ten kilobytes.
const WINDOW_OF_MARKS: i64 = 200;
/// So many entries are listed that may have changed a row without naming it.
const LISTED: usize = 20;
/// So often it is read again when somebody changes the row meanwhile.
const TRIES: usize = 5;

/// What the digests of people's rows are keyed with.
struct Salts(BTreeMap<PersonId, PersonSalt>);

impl Salts {
    async fn of(tx: &mut Tx, task: &Task, people: BTreeSet<PersonId>) -> Result<Self, Error> {
        let people: Vec<PersonId> = people.into_iter().collect();
        let found = cases::salts_of(tx, task, &people).await?;
        Ok(Self(found.into_iter().filter_map(|one| Some((one.person, one.salt?))).collect()))
    }

    /// None when what it was keyed with is gone.
    fn digest(&self, kind: RowKind, state: &RowState) -> Option<String> {
        let form = state.form(kind);
        let parts = [form[0].as_str(), form[1].as_str()];
        let mut people = state.of.iter();
        let Some(first) = people.next() else { return Some(STANDARD.encode(plain_digest(&parts))) };
        let mut digest = STANDARD.encode(salted(self.0.get(first)?.expose(), &parts));
        for person in people {
            digest = STANDARD.encode(salted(self.0.get(person)?.expose(), &[&digest]));
        }
        Some(digest)
    }
}

/// Says in an entry which rows its transaction changed: each before the first change and as it is now.
pub(super) async fn tell(tx: &mut Tx, details: &mut Map<String, Value>) -> Result<(), Error> {
    let Noted { named, unnamed, .. } = tx.take_noted();
    if !unnamed.is_empty() {
        let marked: Map<String, Value> =
            unnamed.iter().map(|(kind, marks)| (kind.to_string(), marks.text().into())).collect();
        details.insert(UNNAMED.into(), marked.into());
    }
    let task = access::task(TaskName::RowStates);
    let mut ids: BTreeMap<RowKind, Vec<Uuid>> = BTreeMap::new();
    for (kind, id) in named.keys() {
        ids.entry(*kind).or_default().push(*id);
    }
    let mut changed = Vec::new();
    for (kind, ids) in ids {
        let mut now = row_states::read(tx, &task, kind, &ids).await?;
        for id in ids {
            let (before, after) = (named.get(&(kind, id)).cloned().flatten(), now.remove(&id));
            if before != after {
                changed.push((kind, id, before, after));
            }
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    let states = changed.iter().flat_map(|(.., before, after)| before.iter().chain(after));
    let people = states.flat_map(|state| state.of.iter().copied()).collect();
    let salts = Salts::of(tx, &task, people).await?;
    let said = |(kind, id, before, after): &(RowKind, Uuid, Option<RowState>, Option<RowState>)| {
        let mut row = json!({ "kind": kind.as_str(), "id": id, "form": FORM });
        for (name, state) in [("before", before), ("after", after)] {
            if let Some(state) = state {
                // Of whoever is just erased nothing can be said any more.
                row[name] = salts.digest(*kind, state)?.into();
            }
        }
        if let Some(org) = after.iter().chain(before).find_map(|state| state.at) {
            row["institution"] = json!(org);
        }
        Some(row)
    };
    let told: Vec<Value> = changed.iter().filter_map(said).collect();
    if !told.is_empty() {
        details.insert(STATES.into(), told.into());
    }
    Ok(())
}

/// An entry that names a row.
#[derive(Clone, Debug, Serialize)]
pub struct Naming {
    /// Its number in the chain.
    pub seq: i64,
    /// When.
    pub at: String,
    /// What was done.
    pub action: String,
    /// What the row was before; none: it was not there.
    pub before: Option<String>,
    /// What it was from then on; none: it was gone.
    pub after: Option<String>,
    /// In which form it says so; what is said in two of them cannot be compared.
    pub form: u64,
}

/// An entry that changed the row without naming it.
#[derive(Clone, Debug, Serialize)]
pub struct Passing {
    /// Its number in the chain.
    pub seq: i64,
    /// When.
    pub at: String,
    /// What was done.
    pub action: String,
}

/// Whether a row is what the log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    /// It is what the last entry said that names it.
    Agrees,
    /// It is not, and nothing accounts for that.
    Differs,
    /// It is not, and that may be: entries since changed it without naming it, two changed it at the same moment, or the last word
    /// is in a form of before.
    Open,
    /// No entry names it: it is older than these digests, or came or changed among too many.
    Unnamed,
    /// It was somebody's who was erased, as the log says as far as it goes back: what its digests were keyed with is gone.
    Erased,
}

/// A row as it is today, and as the log says that it is.
#[derive(Clone, Debug, Serialize)]
pub struct RowReport {
    /// Of which kind.
    pub kind: &'static str,
    /// Which.
    pub id: Uuid,
    /// Whether the two are the same.
    pub agreement: Agreement,
    /// Its digest today; none: it is not there, or was somebody's who was erased.
    pub today: Option<String>,
    /// The entries that name it, the oldest first.
    pub entries: Vec<Naming>,
    /// Entries before which it was something that no other entry said, and for which nothing accounts as under `open`: it was
    /// changed beside the register.
    pub gaps: Vec<i64>,
    /// Where the two are not the same: the first entries since that changed it without naming it.
    pub unnamed_since: Vec<Passing>,
}

/// A row as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Today {
    Gone,
    /// Of whom nothing is left that it could be keyed with.
    Unkeyed(Vec<PersonId>),
    Is(String),
}

impl App {
    /// Compares a row as it is with what the log says of it. Digests show nobody anything; that it was asked is in the log.
    ///
    /// # Errors
    /// `NotFound` for a row that is not there and that no entry names; `Busy` when it is changed all the time.
    pub async fn audit_row(&self, ctx: &Ctx, kind: RowKind, id: Uuid) -> Result<RowReport, Error> {
        let (today, entries) = self.row_and_entries(kind, id).await?;
        let last = last_said(&entries);
        let gaps = self.unexplained(kind, id, &entries).await?;
        let mut unnamed_since = Vec::new();
        let (settled, today) = match today {
            Today::Gone if entries.is_empty() => {
                return Err(Error::not_found("such a row, or an entry that names it,"));
            }
            Today::Unkeyed(people) => {
                let said = last.iter().map(|one| one.seq).min();
                let erased = self.were_erased(&people, said).await?;
                // A salt that was taken beside the register excuses nothing, named or not.
                (Some(if erased { Agreement::Erased } else { Agreement::Differs }), None)
            }
            Today::Gone => (None, None),
            Today::Is(digest) => (None, Some(digest)),
        };
        let agreement = match (settled, &last[..]) {
            (Some(settled), _) => settled,
            (None, []) => Agreement::Unnamed,
            (None, said) if said.iter().any(|one| one.after == today) => Agreement::Agrees,
            (None, [said]) if said.form == FORM => {
                unnamed_since = self.passing(kind, id, said.seq, None).await?;
                if unnamed_since.is_empty() { Agreement::Differs } else { Agreement::Open }
            }
            _ => Agreement::Open,
        };
        let mut work = self.begin(ctx, Action::AuditRead).await?;
        work.target(kind.as_str(), id).detail("compared", kind.as_str());
        work.commit(Outcome::Done).await?;
        Ok(RowReport { kind: kind.as_str(), id, agreement, today, gaps, entries, unnamed_since })
    }

    /// Both of one moment: the row is read again behind the entries.
    async fn row_and_entries(&self, kind: RowKind, id: Uuid) -> Result<(Today, Vec<Naming>), Error> {
        let mut seen = self.row_today(kind, id).await?;
        for _ in 0..TRIES {
            if !self.numbers_until_now().await? {
                return Err(Error::busy("entries of the log wait for their numbers: ask again"));
            }
            let entries = self.naming(kind, id).await?;
            let again = self.row_today(kind, id).await?;
            if again == seen {
                return Ok((again, entries));
            }
            seen = again;
        }
        Err(Error::busy("the row is changed all the time: ask again"))
    }

    async fn row_today(&self, kind: RowKind, id: Uuid) -> Result<Today, Error> {
        let (task, mut tx) = (access::task(TaskName::RowStates), self.db.read().await?);
        let Some(state) = row_states::read(&mut tx, &task, kind, &[id]).await?.remove(&id) else {
            return Ok(Today::Gone);
        };
        let salts = Salts::of(&mut tx, &task, state.of.clone()).await?;
        let unkeyed = || state.of.iter().copied().filter(|person| !salts.0.contains_key(person)).collect();
        Ok(salts.digest(kind, &state).map_or_else(|| Today::Unkeyed(unkeyed()), Today::Is))
    }

    /// Whether the log says of each that she was erased. Else her salt was taken beside the register, and with it the word of every
    /// row of hers. `said`: the number of the row's last word, which was keyed: she was erased behind that. Of a row that nothing
    /// names it may have been before the first entry that is kept.
    async fn were_erased(&self, people: &[PersonId], said: Option<i64>) -> Result<bool, Error> {
        for person in people {
            let mut tx = self.db.read().await?;
            if said.is_none() && books::first_number(&mut tx).await?.is_some_and(|first| first > 1) {
                return Ok(true);
            }
            // With whom she was one then.
            let id = persons::survivor(&mut tx, *person).await?.unwrap_or(*person);
            drop(tx);
            let (since, mut erased) = (said.map_or(0, |said| said - ROUND), false);
            self.look_through(since, None, Sought::Done(Action::PersonErased, id.0), |linked| {
                erased = linked.entry.target["person"] == json!(id) && went_with(&linked.entry.details, *person, id);
                !erased
            })
            .await?;
            if !erased {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn naming(&self, kind: RowKind, id: Uuid) -> Result<Vec<Naming>, Error> {
        let mut found = Vec::new();
        self.look_through(0, None, Sought::Details(&id.to_string()), |linked| {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let is_meant = |row: &&Value| row["kind"] == kind.as_str() && row["id"] == json!(id);
            let rows = linked.entry.details[STATES].as_array();
            if let Some(row) = rows.into_iter().flatten().find(is_meant) {
                let (before, after) = (text(&row["before"]), text(&row["after"]));
                let (seq, at, action) = passed(linked);
                let form = row["form"].as_u64().unwrap_or_default();
                found.push(Naming { seq, at, action, before, after, form });
            }
            true
        })
        .await?;
        Ok(found)
    }

    /// Entries behind one, and up to another, that changed a row without naming it; and those of a round on either side, because a
    /// large change that began first and ended last has the smaller number.
    async fn passing(&self, kind: RowKind, id: Uuid, since: i64, until: Option<i64>) -> Result<Vec<Passing>, Error> {
        let mut found = Vec::new();
        let until = until.map(|until| until + ROUND);
        self.look_through(since - ROUND, until, Sought::Details(UNNAMED), |linked| {
            if may_have_changed(&linked.entry.details[UNNAMED], kind, id) {
                let (seq, at, action) = passed(linked);
                found.push(Passing { seq, at, action });
            }
            found.len() < LISTED
        })
        .await?;
        Ok(found)
    }

    /// The gaps for which nothing accounts. Where two changed the row at once, what the next one found is what neither said.
    async fn unexplained(&self, kind: RowKind, id: Uuid, entries: &[Naming]) -> Result<Vec<i64>, Error> {
        let mut all = Vec::new();
        for (before, at) in gaps(entries) {
            let forms = entries.iter().any(|entry| entry.form != FORM);
            if !forms && !is_forked(entries) && self.passing(kind, id, before, Some(at)).await?.is_empty() {
                all.push(at);
            }
        }
        Ok(all)
    }

    /// Looks at entries behind one, and before another, in which something is found, the oldest first, while `goes_on` says so.
    async fn look_through(
        &self,
        after: i64,
        until: Option<i64>,
        sought: Sought<'_>,
        mut goes_on: impl FnMut(&Linked) -> bool,
    ) -> Result<(), Error> {
        let (task, mut tx) = (access::task(TaskName::RowStates), self.db.read().await?.taking_time());
        let head = books::head(&mut tx).await?.seq;
        let end = until.map_or(head, |until| head.min(until));
        let window = if matches!(sought, Sought::Details(UNNAMED)) { WINDOW_OF_MARKS } else { WINDOW };
        let mut at = after.max(books::first_number(&mut tx).await?.map_or(0, |first| first - 1));
        while at < end {
            let through = end.min(at + window);
            for linked in row_states::entries(&mut tx, &task, (at, through), sought).await? {
                if !goes_on(&linked) {
                    return Ok(());
                }
            }
            at = through;
        }
        Ok(())
    }
}

/// Whether an entry about somebody's erasure is one about a record that is hers today as well. Entries of before do not list those.
fn went_with(details: &Value, record: PersonId, erased: PersonId) -> bool {
    record == erased || details["absorbed"].as_array().is_none_or(|all| all.contains(&json!(record)))
}

/// Whether an entry's marks say that it changed a row. Entries of before marks name the kind alone.
fn may_have_changed(marked: &Value, kind: RowKind, id: Uuid) -> bool {
    match marked {
        Value::Array(kinds) => kinds.iter().any(|one| one == kind.as_str()),
        _ => match marked[kind.as_str()].as_str() {
            Some(text) => Marks::parse(text).is_none_or(|marks| marks.hold(id)),
            None => false,
        },
    }
}

/// The entries that nobody went on from: one, or two who changed the row from the same state at the same moment. Numbers do not tell:
/// entries are numbered by their clocks, which may differ. Of other ends the last one counts, for the others were left for what no
/// entry says.
fn last_said(entries: &[Naming]) -> Vec<&Naming> {
    let mut left: BTreeMap<Option<&str>, i64> = BTreeMap::new();
    for entry in entries {
        *left.entry(entry.after.as_deref()).or_default() += 1;
        *left.entry(entry.before.as_deref()).or_default() -= 1;
    }
    let ends: Vec<&Naming> = {
        let said = left.into_iter().filter(|(_, count)| *count > 0).map(|(said, _)| said);
        said.filter_map(|end| entries.iter().rfind(|entry| entry.after.as_deref() == end)).collect()
    };
    let Some(last) = ends.iter().copied().max_by_key(|end| end.seq).or(entries.last()) else { return Vec::new() };
    let beside = |end: &&Naming| end.seq == last.seq || (end.before == last.before && end.before.is_some());
    let mut all: Vec<&Naming> = ends.into_iter().filter(beside).collect();
    if all.is_empty() {
        all.push(last);
    }
    all
}

/// Whether two went on from the same word without seeing each other.
fn is_forked(entries: &[Naming]) -> bool {
    let mut from: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for entry in entries {
        if let Some(before) = entry.before.as_deref() {
            from.entry(before).or_default().0 += 1;
        }
        if let Some(after) = entry.after.as_deref() {
            from.entry(after).or_default().1 += 1;
        }
    }
    from.values().any(|(left, came)| *left > 1 && left > came)
}

/// Entries that do not go on from what another one said, but for the first; behind which one each.
fn gaps(entries: &[Naming]) -> Vec<(i64, i64)> {
    let goes_on = |entry: &Naming| entry.before.is_none() || entries.iter().any(|other| other.after == entry.before);
    let pairs = entries.windows(2).filter_map(|pair| match pair {
        [one, next] if !goes_on(next) => Some((one.seq, next.seq)),
        _ => None,
    });
    pairs.collect()
}

fn passed(linked: &Linked) -> (i64, String, String) {
    (linked.head.seq, linked.entry.at.to_rfc3339(), linked.entry.action.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: i64, before: Option<&str>, after: Option<&str>) -> Naming {
        let text = |said: Option<&str>| said.map(str::to_owned);
        Naming { seq, at: String::new(), action: String::new(), before: text(before), after: text(after), form: FORM }
    }

    #[test]
    fn the_last_word_is_the_one_that_nobody_went_on_from() {
        let last = |entries: &[Naming]| last_said(entries).iter().map(|entry| entry.seq).collect::<Vec<_>>();
        let came = entry(1, None, Some("a"));
        assert_eq!(last(&[]), Vec::<i64>::new());
        assert_eq!(last(&[came.clone(), entry(2, Some("a"), Some("b"))]), [2]);
        // By a replica whose clock was behind.
        assert_eq!(last(&[came.clone(), entry(2, Some("b"), Some("c")), entry(3, Some("a"), Some("b"))]), [2]);
        // Back to what it was.
        let back = [came.clone(), entry(2, Some("a"), Some("b")), entry(3, Some("b"), Some("a"))];
        assert_eq!(last(&back), [3]);
        assert_eq!(last(&[came.clone(), entry(2, Some("a"), None)]), [2], "gone");
        assert_eq!(
            last(&[came.clone(), entry(2, Some("x"), Some("y"))]),
            [2],
            "what was left for no word counts no more"
        );
        let mut both = last(&[came, entry(2, Some("a"), Some("b")), entry(3, Some("a"), Some("c"))]);
        both.sort_unstable();
        assert_eq!(both, [2, 3], "two at once");
    }

    #[test]
    fn only_what_is_marked_may_have_changed() {
        let (id, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut marks = Marks::default();
        marks.extend([id]);
        let marked = json!({ "class": marks.text(), "enrolment": "" });
        assert!(may_have_changed(&marked, RowKind::Class, id));
        assert!(!may_have_changed(&marked, RowKind::Class, other));
        assert!(!may_have_changed(&marked, RowKind::Enrolment, id), "such rows only came");
        assert!(!may_have_changed(&marked, RowKind::Account, id));
        assert!(may_have_changed(&json!(["class"]), RowKind::Class, other), "an entry of before");
        assert!(!may_have_changed(&json!(["class"]), RowKind::Account, other));
        assert!(!may_have_changed(&Value::Null, RowKind::Class, id));
    }

    #[test]
    fn only_records_that_an_erasure_lists_went_with_it() {
        let [erased, hers, other] = [1, 2, 3].map(|n| PersonId(Uuid::from_u128(n)));
        let details = json!({ "absorbed": [hers], "records": 2 });
        assert!(went_with(&details, erased, erased) && went_with(&details, hers, erased));
        assert!(!went_with(&details, other, erased));
        assert!(went_with(&json!({ "records": 2 }), other, erased), "an entry of before");
    }

    #[test]
    fn what_no_entry_accounts_for_is_a_gap() {
        let came = entry(1, None, Some("a"));
        assert_eq!(gaps(&[came.clone(), entry(2, Some("a"), Some("b"))]), []);
        assert_eq!(gaps(&[came.clone(), entry(2, Some("x"), Some("y"))]), [(1, 2)]);
        assert_eq!(gaps(&[entry(1, Some("x"), Some("y"))]), [], "what was before the first nobody said");
        let (one, two) = (entry(2, Some("a"), Some("b")), entry(3, Some("a"), Some("c")));
        assert!(is_forked(&[came.clone(), one.clone(), two]));
        assert!(
            !is_forked(&[came, one.clone(), entry(3, Some("b"), Some("a")), entry(4, Some("a"), Some("c"))]),
            "back and on"
        );
    }
}
