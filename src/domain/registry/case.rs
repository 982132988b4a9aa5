//! Cases 争议: what the register was told and cannot settle by itself. A human of the lowest institution that covers all
//! sides decides, once; the same facts never open a second one.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::codes::codes;
use super::document::{Document, DocumentLabel};
use super::name::PersonName;
use crate::domain::id::{CaseId, OrgId, PersonId};
use crate::domain::time::Timestamp;

codes! {
    /// What clashes.
    CaseKind {
        SameDocument = "same_document", "同一证件号码，姓名不同";
        SameDetails = "same_details", "同校同名同生日，证件号码不同";
        Correction = "correction", "更正后的号码属于他人";
        PersonalCode = "personal_code", "学籍号或其中的号码属于他人";
        ErasedNumber = "erased_number", "已注销人员的号码再次登记";
    }
}

codes! {
    /// Open until somebody decided.
    CaseState {
        Open = "open", "待处理";
        Decided = "decided", "已处理";
    }
}

codes! {
    /// What was opened by.
    CaseSource {
        Roster = "roster", "名册导入";
        Registration = "registration", "登记";
        Correction = "correction", "信息更正";
        Search = "search", "查重";
    }
}

codes! {
    /// What is true.
    Decision {
        SamePerson = "same_person", "同一人";
        TypingError = "typing_error", "录入错误";
        TwoPeople = "two_people", "不同的人";
    }
}

/// A case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// What clashes.
    pub kind: CaseKind,
    /// Keyed digest of the facts.
    pub facts_key: [u8; 32],
    /// Who holds what is in dispute.
    pub person: PersonId,
    /// The second record, where there is one.
    pub other: Option<PersonId>,
    /// Keyed index of the number or 学籍号 in dispute.
    pub subject_key: Option<[u8; 32]>,
    /// Whose row or order said otherwise.
    pub claimed_by_org: Option<OrgId>,
    /// Who may decide; none: the operator alone.
    pub org: Option<OrgId>,
    /// What opened it.
    pub source: CaseSource,
    /// Which administrator; none: the operator.
    pub opened_by: Option<PersonId>,
    /// [`Stated`], sealed with the salt of `person`; gone after erasure.
    pub evidence_sealed: Option<Vec<u8>>,
    /// Its state.
    pub state: CaseState,
    /// What is true.
    pub decision: Option<Decision>,
    /// Why.
    pub reason: Option<String>,
    /// By whom; none: the operator.
    pub decided_by: Option<PersonId>,
    /// First seen.
    pub created_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// Counts changes; a write names the version it read.
    pub version: i64,
}

/// What somebody said that the register has otherwise. Holds numbers, so it is sealed wherever it rests.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Stated {
    /// As it was written.
    pub name: Option<String>,
    /// As it was written.
    pub birth_date: Option<NaiveDate>,
    /// Label, country and number of a document.
    pub document: Option<(DocumentLabel, Option<String>, String)>,
}

impl Stated {
    /// A name and a document.
    pub fn of(name: Option<&PersonName>, document: Option<&Document>) -> Self {
        let country = |document: &Document| Some(document.country_text().to_owned()).filter(|text| !text.is_empty());
        Self {
            name: name.map(|name| name.as_str().to_owned()),
            birth_date: None,
            document: document.map(|document| (document.label, country(document), document.number.expose().to_owned())),
        }
    }

    /// The document, read again.
    pub fn read_document(&self) -> Option<Document> {
        let (label, country, number) = self.document.as_ref()?;
        Document::parse(Some(*label), country.as_deref(), number).ok().map(|(document, _)| document)
    }
}

/// What a decision does to the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The register was right.
    Nothing,
    /// The holder bears the stated name.
    TakeName,
    /// Two records become one person.
    Merge,
    /// The number or 学籍号 in dispute is withdrawn from whoever holds it.
    Withdraw,
    /// The same, and it goes to the other record, which it was asked for.
    WithdrawAndGive,
    /// The 学籍号 in dispute is withdrawn from the other record.
    WithdrawCode,
    /// The number of somebody who was erased registers again, as a new person (R18).
    Admit,
}

/// Why a case cannot be decided that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the case is decided already")]
pub struct DecidedAlready;

impl CaseKind {
    /// Whether a number that somebody holds may have been mistyped. A 学籍号 that was is withdrawn, and the right one recorded by
    /// itself.
    pub fn is_about_a_paper(self) -> bool {
        matches!(self, Self::SameDocument | Self::Correction | Self::SameDetails)
    }
}

impl Case {
    /// Whether it was decided that the number of somebody who was erased registers again at an institution (R18).
    pub fn admits(&self, index: &[u8; 32], org: Option<OrgId>) -> bool {
        self.kind == CaseKind::ErasedNumber
            && self.subject_key.as_ref() == Some(index)
            && (self.claimed_by_org == org || self.claimed_by_org.is_none())
            && self.decision.is_some_and(|decision| self.remedy(decision) == Remedy::Admit)
    }

    /// What a decision would do. A row that no record stands behind is about the holder, and the question is whose the
    /// number is and how she is called.
    pub fn remedy(&self, decision: Decision) -> Remedy {
        use Decision::{SamePerson, TwoPeople, TypingError};
        match (self.kind, decision, self.other) {
            // Nothing is known of who was erased: whoever comes is new, whether she is the same human being or not.
            (CaseKind::ErasedNumber, SamePerson | TwoPeople, _) => Remedy::Admit,
            (CaseKind::ErasedNumber, TypingError, _) => Remedy::Nothing,
            (_, SamePerson, Some(_)) => Remedy::Merge,
            (CaseKind::SameDocument, SamePerson, None) => Remedy::TakeName,
            (CaseKind::SameDocument, TwoPeople, _) => Remedy::Withdraw,
            (CaseKind::Correction, TwoPeople, Some(_)) => Remedy::WithdrawAndGive,
            (CaseKind::PersonalCode, TypingError, Some(_)) => Remedy::WithdrawCode,
            (CaseKind::PersonalCode, TwoPeople, _) => Remedy::Withdraw,
            (CaseKind::SameDocument, TypingError, _)
            | (CaseKind::Correction | CaseKind::PersonalCode, _, _)
            | (CaseKind::SameDetails, ..) => Remedy::Nothing,
        }
    }

    /// Open → decided.
    ///
    /// # Errors
    /// [`DecidedAlready`].
    pub fn decide(
        self,
        decision: Decision,
        reason: String,
        by: Option<PersonId>,
        now: Timestamp,
    ) -> Result<Self, DecidedAlready> {
        if self.state == CaseState::Decided {
            return Err(DecidedAlready);
        }
        Ok(Self {
            state: CaseState::Decided,
            decision: Some(decision),
            reason: Some(reason),
            decided_by: by,
            decided_at: Some(now),
            version: self.version + 1,
            ..self
        })
    }

    /// Decided → open, because what was done about it was undone.
    #[must_use]
    pub fn reopen(self) -> Self {
        Self {
            state: CaseState::Open,
            decision: None,
            reason: None,
            decided_by: None,
            decided_at: None,
            version: self.version + 1,
            ..self
        }
    }

    /// Handed to another institution, because the sides are elsewhere by now.
    #[must_use]
    pub fn assign(self, org: Option<OrgId>) -> Self {
        Self { org, version: self.version + 1, ..self }
    }
}

/// The lowest institution that stands above all sides or is one of them. Each side is given as the institutions from
/// itself upwards; nothing stands above no side.
pub fn lowest_above(sides: &[Vec<OrgId>]) -> Option<OrgId> {
    let (first, others) = sides.split_first()?;
    first.iter().copied().find(|org| others.iter().all(|side| side.contains(org)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

    fn org(n: u128) -> OrgId {
        OrgId(Uuid::from_u128(n))
    }

    fn case(kind: CaseKind, other: bool) -> Case {
        Case {
            id: CaseId(Uuid::nil()),
            kind,
            facts_key: [0; 32],
            person: PersonId(Uuid::nil()),
            other: other.then_some(PersonId(Uuid::max())),
            subject_key: None,
            claimed_by_org: None,
            org: None,
            source: CaseSource::Roster,
            opened_by: None,
            evidence_sealed: None,
            state: CaseState::Open,
            decision: None,
            reason: None,
            decided_by: None,
            created_at: NOW,
            decided_at: None,
            version: 1,
        }
    }

    #[test]
    fn it_is_decided_once() {
        let decided = case(CaseKind::SameDetails, true).decide(Decision::TwoPeople, "不是".into(), None, NOW).unwrap();
        assert_eq!((decided.state, decided.version), (CaseState::Decided, 2));
        assert!(decided.clone().decide(Decision::SamePerson, "x".into(), None, NOW).is_err());
        assert_eq!(decided.reopen().decision, None);
    }

    #[test]
    fn a_decision_does_what_it_says() {
        for kind in CaseKind::ALL.iter().filter(|kind| **kind != CaseKind::ErasedNumber) {
            assert_eq!(case(*kind, true).remedy(Decision::SamePerson), Remedy::Merge);
            assert_ne!(case(*kind, false).remedy(Decision::SamePerson), Remedy::Merge, "nobody to merge with");
        }
        assert_eq!(case(CaseKind::SameDocument, false).remedy(Decision::SamePerson), Remedy::TakeName);
        assert_eq!(case(CaseKind::SameDocument, false).remedy(Decision::TypingError), Remedy::Nothing);
        assert_eq!(case(CaseKind::SameDocument, false).remedy(Decision::TwoPeople), Remedy::Withdraw);
        assert_eq!(case(CaseKind::Correction, true).remedy(Decision::TwoPeople), Remedy::WithdrawAndGive);
        assert_eq!(case(CaseKind::PersonalCode, true).remedy(Decision::TypingError), Remedy::WithdrawCode);
        assert_eq!(case(CaseKind::SameDetails, true).remedy(Decision::TwoPeople), Remedy::Nothing);
        assert_eq!(case(CaseKind::ErasedNumber, false).remedy(Decision::SamePerson), Remedy::Admit);
        assert_eq!(case(CaseKind::ErasedNumber, false).remedy(Decision::TypingError), Remedy::Nothing);
    }

    #[test]
    fn what_was_stated_comes_back() {
        let (document, _) = Document::parse(Some(DocumentLabel::Passport), Some("FRA"), "12AB34567").unwrap();
        let stated = Stated::of(Some(&PersonName::parse("王芳").unwrap()), Some(&document));
        let json = serde_json::to_string(&stated).unwrap();
        let back: Stated = serde_json::from_str(&json).unwrap();
        assert_eq!((back.read_document(), back.name.as_deref()), (Some(document), Some("王芳")));
    }

    proptest! {
        #[test]
        fn who_decides_covers_all_sides_and_nobody_lower_does(paths in prop::collection::vec(1_u128..=6, 1..5)) {
            // A chain of counties: institution n stands under n - 1, and side n is reached from 1.
            let sides: Vec<Vec<OrgId>> = paths.iter().map(|n| (1..=*n).rev().map(org).collect()).collect();
            let lowest = paths.iter().min().copied().unwrap();
            prop_assert_eq!(lowest_above(&sides), Some(org(lowest)));
        }
    }

    #[test]
    fn strangers_have_nobody_above_them() {
        assert_eq!(lowest_above(&[]), None);
        assert_eq!(lowest_above(&[vec![org(1)], vec![org(2)]]), None);
        assert_eq!(lowest_above(&[vec![org(5), org(3), org(1)], vec![org(6), org(3), org(1)]]), Some(org(3)));
    }
}
