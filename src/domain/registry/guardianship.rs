//! Guardianship 监护关系: its own record, confirmed by the school or a document, never resting on the child's password.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use thiserror::Error;

use super::age::{self, AgeBand};
use super::codes::codes;
use super::codes::relation::Relation;
use crate::domain::id::{GuardianshipId, OrgId, PersonId};
use crate::domain::time::Timestamp;

codes! {
    /// Its state: pending → confirmed → ended, or pending → rejected.
    GuardianshipStatus {
        Pending = "pending", "待确认";
        Confirmed = "confirmed", "已确认";
        Rejected = "rejected", "已拒绝";
        Ended = "ended", "已终止";
    }
}

codes! {
    /// What confirmed it.
    Evidence {
        School = "school", "学校";
        StudentRegister = "xueji", "学籍库";
        Document = "document", "证件材料";
        OtherGuardian = "other_guardian", "另一监护人";
    }
}

codes! {
    /// By which way it came to count.
    ConfirmedBy {
        Administrator = "administrator", "管理员";
        Operator = "operator", "运维";
        Import = "import", "名册导入";
    }
}

/// Whose word made it one that counts, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// By which way.
    pub by: ConfirmedBy,
    /// Who: an administrator, also whose file an import was; none: the operator.
    pub person: Option<PersonId>,
    /// The institution in whose name.
    pub office: Option<OrgId>,
    /// When.
    pub at: Timestamp,
}

codes! {
    /// What a court order takes away. Any of them keeps the child out of every claim and of consent.
    Restriction {
        Custody = "custody", "监护权限制";
        NoContact = "no_contact", "不得联系";
        NoLocation = "no_location", "不得获知行踪";
    }
}

/// The relation of a guardian to a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guardianship {
    /// Its id.
    pub id: GuardianshipId,
    /// The child.
    pub child: PersonId,
    /// The guardian.
    pub guardian: PersonId,
    /// JTGX + G1.
    pub relation: Relation,
    /// Guardian by law, or only a relative who helps.
    pub legal: bool,
    /// 1 第一监护人, 2 第二监护人.
    pub rank: i64,
    /// Its state.
    pub status: GuardianshipStatus,
    /// What confirmed it.
    pub verified_by: Option<Evidence>,
    /// Who confirmed it; none: nobody did, or it was before this was kept.
    pub confirmed: Option<Confirmation>,
    /// Which institution recorded it.
    pub recorded_by: Option<OrgId>,
    /// The institution that is the guardian, where one is: the person acts for it while she works there (民法典 32).
    pub institution: Option<OrgId>,
    /// What a court order takes away.
    pub restrictions: BTreeSet<Restriction>,
    /// First day.
    pub valid_from: NaiveDate,
    /// First day on which it no longer holds.
    pub valid_to: Option<NaiveDate>,
    /// First recorded.
    pub created_at: Timestamp,
    /// Last changed.
    pub updated_at: Timestamp,
    /// Counts changes.
    pub version: i64,
}

/// What tells whether somebody is of age to speak for a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeper {
    /// Her birth date.
    pub born: Option<NaiveDate>,
    /// Whether she is or was a student somewhere.
    pub studied: bool,
}

impl Keeper {
    /// Whether she is of age: a minor cannot be a guardian (民法典 27, 18). A birth date that nobody knows counts against
    /// a student alone: parents with a foreign document often have none.
    pub fn is_of_age(self, today: NaiveDate) -> bool {
        self.born.map_or(!self.studied, |born| age::is_of_age(born, today))
    }
}

/// The step does not follow from the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a guardianship that is {0} cannot take this step")]
pub struct WrongStep(pub GuardianshipStatus);

impl Guardianship {
    /// Whether it is neither rejected nor ended.
    pub fn is_standing(&self) -> bool {
        matches!(self.status, GuardianshipStatus::Pending | GuardianshipStatus::Confirmed)
    }

    /// Whether the guardian may speak for the child now: confirmed, unrestricted, unexpired.
    pub fn is_live(&self, now: Timestamp) -> bool {
        let today = now.shanghai_date();
        self.status == GuardianshipStatus::Confirmed
            && self.restrictions.is_empty()
            && self.valid_from <= today
            && self.valid_to.is_none_or(|end| today < end)
    }

    /// Whether this guardian may speak for a child born on that day: guardianship ends with majority (民法典, 17 and 27).
    pub fn is_live_for(&self, child_born: Option<NaiveDate>, keeper: Keeper, now: Timestamp) -> bool {
        self.is_live(now) && AgeBand::at(child_born, now) != AgeBand::Adult && keeper.is_of_age(now.shanghai_date())
    }

    /// Pending → confirmed.
    ///
    /// # Errors
    /// [`WrongStep`] from any other state.
    pub fn confirm(self, by: Evidence, who: Confirmation) -> Result<Self, WrongStep> {
        self.step(GuardianshipStatus::Pending, GuardianshipStatus::Confirmed, who.at).map(|confirmed| Self {
            verified_by: Some(by),
            confirmed: Some(who),
            ..confirmed
        })
    }

    /// Confirmed by its recorder's word alone, and now by somebody else's, who looked at it.
    ///
    /// # Errors
    /// [`WrongStep`] from any other state.
    pub fn reviewed(self, who: Confirmation) -> Result<Self, WrongStep> {
        self.step(GuardianshipStatus::Confirmed, GuardianshipStatus::Confirmed, who.at)
            .map(|confirmed| Self { confirmed: Some(who), ..confirmed })
    }

    /// Pending → rejected.
    ///
    /// # Errors
    /// [`WrongStep`] from any other state.
    pub fn reject(self, now: Timestamp) -> Result<Self, WrongStep> {
        self.step(GuardianshipStatus::Pending, GuardianshipStatus::Rejected, now)
    }

    /// Confirmed → ended, from today on.
    ///
    /// # Errors
    /// [`WrongStep`] from any other state.
    pub fn end(self, now: Timestamp) -> Result<Self, WrongStep> {
        let end = now.shanghai_date().max(self.valid_from);
        self.step(GuardianshipStatus::Confirmed, GuardianshipStatus::Ended, now)
            .map(|ended| Self { valid_to: Some(end), ..ended })
    }

    fn step(self, from: GuardianshipStatus, to: GuardianshipStatus, now: Timestamp) -> Result<Self, WrongStep> {
        if self.status != from {
            return Err(WrongStep(self.status));
        }
        Ok(Self { status: to, updated_at: now, version: self.version + 1, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);
    const WHO: Confirmation = Confirmation { by: ConfirmedBy::Operator, person: None, office: None, at: NOW };

    fn pending() -> Guardianship {
        Guardianship {
            id: GuardianshipId(Uuid::nil()),
            child: PersonId(Uuid::nil()),
            guardian: PersonId(Uuid::max()),
            relation: Relation::Mother,
            legal: true,
            rank: 1,
            status: GuardianshipStatus::Pending,
            verified_by: None,
            confirmed: None,
            recorded_by: None,
            institution: None,
            restrictions: BTreeSet::new(),
            valid_from: "2025-09-01".parse().unwrap(),
            valid_to: None,
            created_at: NOW,
            updated_at: NOW,
            version: 1,
        }
    }

    #[test]
    fn only_a_confirmed_unrestricted_one_is_live() {
        assert!(!pending().is_live(NOW));
        let confirmed = pending().confirm(Evidence::School, WHO).unwrap();
        assert!(confirmed.is_live(NOW));
        assert!(!Guardianship { restrictions: [Restriction::NoContact].into(), ..confirmed.clone() }.is_live(NOW));
        assert!(!Guardianship { valid_from: "2030-01-01".parse().unwrap(), ..confirmed.clone() }.is_live(NOW));
        let keeper = Keeper { born: None, studied: false };
        assert!(confirmed.is_live_for(None, keeper, NOW));
        assert!(!confirmed.is_live_for(Some("2000-01-01".parse().unwrap()), keeper, NOW));
        assert!(!confirmed.is_live_for(None, Keeper { studied: true, ..keeper }, NOW));
        assert!(!confirmed.end(NOW).unwrap().is_live(NOW));
    }

    #[test]
    fn a_guardian_is_of_age() {
        let today = NOW.shanghai_date();
        let keeper = |born: Option<&str>, studied| Keeper { born: born.map(|day| day.parse().unwrap()), studied };
        assert!(keeper(Some("1985-06-07"), true).is_of_age(today), "who studies at 40 may have children");
        assert!(!keeper(Some("2015-06-07"), false).is_of_age(today));
        assert!(!keeper(Some("2099-01-01"), false).is_of_age(today));
        assert!(keeper(None, false).is_of_age(today) && !keeper(None, true).is_of_age(today));
    }

    #[test]
    fn steps_come_in_order() {
        let rejected = pending().reject(NOW).unwrap();
        assert_eq!(rejected.confirm(Evidence::Document, WHO), Err(WrongStep(GuardianshipStatus::Rejected)));
        assert_eq!(pending().end(NOW), Err(WrongStep(GuardianshipStatus::Pending)));
        let confirmed = pending().confirm(Evidence::Document, WHO).unwrap();
        assert_eq!((confirmed.version, confirmed.verified_by), (2, Some(Evidence::Document)));
        let looked = Confirmation { by: ConfirmedBy::Administrator, ..WHO };
        assert_eq!(pending().reviewed(looked), Err(WrongStep(GuardianshipStatus::Pending)));
        let reviewed = confirmed.clone().reviewed(looked).unwrap();
        assert_eq!((reviewed.version, reviewed.confirmed), (3, Some(looked)));
        assert_eq!(confirmed.confirm(Evidence::School, WHO), Err(WrongStep(GuardianshipStatus::Confirmed)));
    }
}
