//! A row names somebody by a number that belonged to a person who was erased (ruling R18): it goes to checking, and is
//! registered as a new person by a later import, once that was decided.

use super::desk::Desk;
use super::known::Keys;
use crate::app::cases::Dispute;
use crate::domain::registry::case::{Case, CaseKind, CaseSource, Stated};
use crate::domain::registry::roster::{Code, Column, Fault};

impl Desk<'_> {
    /// Why the person of a row cannot be registered yet; `None`: she can. `column` is that of her number.
    pub(super) fn is_checked(&mut self, keys: &Keys, column: Column) -> Option<Fault> {
        let document = keys.document.as_ref().map(|document| (document.index, column));
        let named = [document, keys.code.map(|code| (code, Column::PersonalCode))];
        for (index, column) in named.into_iter().flatten() {
            let Some(person) = self.known.erased.get(&index).copied() else { continue };
            let of_hers = |case: &&Case| case.person == person && case.subject_key == Some(index);
            let mut asked = self.known.questions.iter().filter(of_hers);
            if asked.clone().any(|case| case.admits(&index, self.school)) {
                continue;
            }
            self.asked_before = asked.any(|case| case.claimed_by_org == self.school);
            self.plan.disputes.push(Dispute {
                kind: CaseKind::ErasedNumber,
                person,
                other: None,
                subject_key: Some(index),
                stated: Stated::default(),
                org: self.school,
                source: CaseSource::Roster,
                unseen: false,
            });
            let why = "该号码曾属于已注销的人员，请先处理争议，再导入此行。The number belonged to somebody who was erased: decide the case, then import the row again";
            return Some(Fault::new(column, Code::DocumentErased, why));
        }
        None
    }

    /// Whether a fault is none of the actor's business: an administrator learns of nobody whom she does not hold (R1).
    pub(super) fn is_kept(&self, fault: &Fault) -> bool {
        fault.code == Code::DocumentErased && self.sight.is_bounded()
    }
}
