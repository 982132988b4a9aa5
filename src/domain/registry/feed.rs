//! What platforms are told of changes (ruling R4): that somebody came into their reach, changed in it or left it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::codes::codes;
use crate::domain::id::{ClassId, EventId, PersonId};
use crate::domain::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// No platform may be told less far back.
pub const SHORTEST_WINDOW: Duration = Duration::from_secs(30 * 24 * 3600);

codes! {
    /// What became of somebody or something.
    FeedKind {
        Entered = "person.entered", "进入服务范围";
        Changed = "person.changed", "信息变更";
        Left = "person.left", "离开服务范围";
        Institution = "institution.changed", "机构变更";
        Merged = "subject.merged", "标识合并";
        Parted = "subject.parted", "标识恢复";
    }
}

/// A row of a platform's stream, before it has a number.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedRow {
    /// What became of it.
    pub kind: FeedKind,
    /// The person or institution.
    pub subject: Uuid,
    /// Names of fields; of two subjects that were merged or parted the two.
    pub fields: Value,
    /// The event behind it.
    pub event: EventId,
}

/// A numbered row.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbered {
    /// Its number: one more than that of the row before.
    pub seq: i64,
    /// The row.
    pub row: FeedRow,
    /// The class, where it is one of the institution's that changed.
    pub class: Option<ClassId>,
    /// When it got its number.
    pub at: Timestamp,
}

/// How far a stream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The last number given.
    pub head: i64,
    /// The last one that is not kept any more.
    pub floor: i64,
    /// While everybody in reach is looked at anew: up to whom that went.
    pub rebuilding_after: Option<PersonId>,
}

impl Stream {
    /// Whether whoever has read up to a number can go on from there. Nobody is ahead of the head, unless the register was
    /// brought back from an older copy; and while everybody is looked at anew nobody goes on.
    pub fn goes_on_after(self, seq: i64) -> bool {
        self.rebuilding_after.is_none() && (self.floor..=self.head).contains(&seq)
    }
}

codes! {
    /// What of a person a platform is shown.
    Part {
        Name = "name", "姓名";
        Sex = "sex", "性别";
        Identities = "identities", "身份";
    }
}

impl Part {
    /// What a field of an event is to a platform. Most are nothing: that a court's order, a paper, a phone or a consent to
    /// somebody else changed is not told by a name either. `by_age`: how old she is decides what it is shown.
    pub fn of_field(field: &str, by_age: bool) -> &'static [Self] {
        match field {
            "name" => &[Self::Name],
            "sex" => &[Self::Sex],
            "enrolment" | "staffing" | "identities" => &[Self::Identities],
            "merge" | "merged_into" => Self::ALL,
            "age_band" | "birth_date" if by_age => Self::ALL,
            _ => &[],
        }
    }
}

/// What an event about a person is to a platform: by whether it knew her before, and may know of her now. A change of nothing
/// that it is shown is none.
pub fn told(person: PersonId, knew: bool, may: bool, parts: &BTreeSet<Part>, event: EventId) -> Option<FeedRow> {
    let kind = match (knew, may) {
        (false, true) => FeedKind::Entered,
        (true, true) if parts.is_empty() => return None,
        (true, true) => FeedKind::Changed,
        (true, false) => FeedKind::Left,
        (false, false) => return None,
    };
    // Who leaves is told of by her id alone: why is none of its business any more.
    let named = parts.iter().filter(|_| kind == FeedKind::Changed).map(|part| Value::from(part.as_str()));
    Some(FeedRow { kind, subject: person.0, fields: named.collect(), event })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_platform_is_not_shown_does_not_change_for_it() {
        for field in
            ["restrictions", "rank", "document", "personal_code", "contact", "home", "realname", "status", "teaching"]
        {
            assert!(Part::of_field(field, true).is_empty(), "{field}");
        }
        assert_eq!((Part::of_field("age_band", false), Part::of_field("age_band", true)), (&[][..], Part::ALL));
        let (person, event) = (PersonId(Uuid::from_u128(1)), EventId(Uuid::from_u128(2)));
        assert_eq!(told(person, true, true, &BTreeSet::new(), event), None);
    }

    #[test]
    fn whoever_is_and_was_outside_is_not_told_of() {
        let (person, event) = (PersonId(Uuid::from_u128(1)), EventId(Uuid::from_u128(2)));
        let parts = BTreeSet::from([Part::Name]);
        let kind = |knew, may| told(person, knew, may, &parts, event).map(|row| (row.kind, row.fields));
        assert_eq!(kind(false, false), None);
        assert_eq!(kind(false, true), Some((FeedKind::Entered, json!([]))));
        assert_eq!(kind(true, true), Some((FeedKind::Changed, json!(["name"]))));
        assert_eq!(kind(true, false), Some((FeedKind::Left, json!([]))));
    }

    #[test]
    fn a_stream_goes_on_between_floor_and_head() {
        let stream = Stream { head: 9, floor: 4, rebuilding_after: None };
        let goes = [3, 4, 9, 10].map(|seq| stream.goes_on_after(seq));
        assert_eq!(goes, [false, true, true, false]);
        let rebuilding = Stream { rebuilding_after: Some(PersonId(Uuid::nil())), ..stream };
        assert!(!rebuilding.goes_on_after(9), "nothing is complete meanwhile");
    }
}
