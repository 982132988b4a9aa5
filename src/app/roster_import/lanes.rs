//! Which rows may be written at the same time. Rows that name the same person, or a class that is not there yet, keep
//! their order: two transactions that meet there would wait for each other and one of them begin again.

use std::collections::{HashMap, HashSet, VecDeque};

use super::people::Entry;
use super::{Outcome, Report};
use crate::domain::registry::roster::{ClassKey, Code, Column, Fault};
use crate::store::documents::DocumentKey;

/// Transactions at the same time on PostgreSQL. More would wait for the same disk and the same few cores, which belong
/// to those who sign in.
pub(super) const LANES: usize = 3;

/// Numbers that were rounded for certain, from which on no other is believed that may have been.
const ROUNDED: u64 = 3;
const WITH_OTHERS: &str = "文件中多个号码已被电子表格舍入，此号码末三位为 000，不可信：请将该列设为文本格式后重新填写。A spreadsheet rounded \
     numbers of this file, and this one ends as those do: format the column as text and type the numbers again";

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Person([u8; 32]),
    Class(String, ClassKey),
}

/// The rows on their way.
#[derive(Default)]
pub(super) struct Lanes {
    /// What rows in flight touch, and how many of them do.
    busy: HashMap<Key, usize>,
    waiting: VecDeque<Entry>,
    /// Rows with a number that may be what a spreadsheet made of another one: they wait for the end of the file.
    doubtful: Vec<Entry>,
    /// How many numbers of the file a spreadsheet rounded for certain.
    rounded: u64,
    /// Classes that a finished batch named, and that are there since.
    classes: HashSet<(String, ClassKey)>,
}

impl Lanes {
    /// How many rows wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Adds a row behind the others.
    pub(super) fn add(&mut self, entry: Entry) {
        if entry.intent.doubtful().is_empty() {
            self.waiting.push_back(entry);
        } else {
            self.doubtful.push(entry);
        }
    }

    /// Hears what is wrong with a row.
    pub(super) fn note(&mut self, fault: &Fault) {
        self.rounded += u64::from(fault.code == Code::NumberRounded);
    }

    /// At the end of the file: in one whose numbers were rounded, one of eleven has a right check character all the same,
    /// and is nobody's, or somebody else's.
    pub(super) fn settle(&mut self, report: &mut Report) {
        for mut entry in std::mem::take(&mut self.doubtful) {
            let columns = if self.rounded < ROUNDED { Vec::new() } else { entry.intent.doubtful() };
            for column in &columns {
                report.fault(entry.number, Fault::new(*column, Code::NumberRounded, WITH_OTHERS));
            }
            if columns.contains(&Column::DocumentNumber) {
                report.count(Outcome::Rejected);
                continue;
            }
            // A guardian costs no child.
            if !columns.is_empty() {
                entry.leave_doubtful_out();
            }
            self.waiting.push_back(entry);
        }
    }

    /// The next batch: rows, in order, that touch nothing that is in flight or waits before them.
    pub(super) fn take(&mut self, size: usize) -> Vec<Entry> {
        let mut taken = Vec::with_capacity(size.min(self.waiting.len()));
        let mut left = VecDeque::new();
        let mut before: HashSet<Key> = HashSet::new();
        while let Some(entry) = self.waiting.pop_front() {
            let keys = self.keys(&entry);
            if taken.len() < size && keys.iter().all(|key| !self.busy.contains_key(key) && !before.contains(key)) {
                taken.push(entry);
            } else {
                before.extend(keys);
                left.push_back(entry);
            }
            if taken.len() == size {
                left.append(&mut self.waiting);
            }
        }
        self.waiting = left;
        for key in taken.iter().flat_map(|entry| self.keys(entry)).collect::<Vec<_>>() {
            *self.busy.entry(key).or_default() += 1;
        }
        taken
    }

    /// A batch is committed.
    pub(super) fn done(&mut self, entries: &[Entry]) {
        for key in entries.iter().flat_map(|entry| self.keys(entry)).collect::<Vec<_>>() {
            if let Some(rows) = self.busy.get_mut(&key) {
                *rows -= 1;
                if *rows == 0 {
                    self.busy.remove(&key);
                }
            }
        }
        for entry in entries {
            let school = entry.intent.school();
            self.classes.extend(entry.intent.classes().iter().map(|class| (school.to_owned(), class.clone())));
        }
    }

    fn keys(&self, entry: &Entry) -> Vec<Key> {
        let school = entry.intent.school();
        // Two rows of which one does not say the country meet under the key without it.
        let index = |key: &DocumentKey| key.index;
        let people = entry
            .keys
            .iter()
            .flat_map(|keys| [keys.document.as_ref().map(index), keys.without_country.as_ref().map(index), keys.code]);
        let places = entry.intent.classes().iter().map(|class| (school.to_owned(), class.clone()));
        let places = places.filter(|place| !self.classes.contains(place));
        people.flatten().map(Key::Person).chain(places.map(|(school, class)| Key::Class(school, class))).collect()
    }
}
