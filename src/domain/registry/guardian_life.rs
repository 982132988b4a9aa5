//! What becomes of guardianships: restricted by a court, put into another order, ended, and over at 18. How one was before is
//! kept as slices.

use std::collections::BTreeSet;

use chrono::{Days, Months, NaiveDate};
use thiserror::Error;

use super::codes::relation::Relation;
use super::guardianship::{Confirmation, Guardianship, GuardianshipStatus, Restriction};
use crate::domain::id::{GuardianshipId, OrgId};
use crate::domain::time::Timestamp;

/// How a guardianship was for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardianshipSlice {
    /// Which.
    pub guardianship: GuardianshipId,
    /// JTGX + G1.
    pub relation: Relation,
    /// Guardian by law.
    pub legal: bool,
    /// 1 第一监护人 …
    pub rank: i64,
    /// Its state.
    pub status: GuardianshipStatus,
    /// Who had confirmed it.
    pub confirmed: Option<Confirmation>,
    /// What a court order took away.
    pub restrictions: BTreeSet<Restriction>,
    /// The institution that was the guardian.
    pub institution: Option<OrgId>,
    /// First day.
    pub valid_from: NaiveDate,
    /// First day on which it was no longer so.
    pub valid_to: NaiveDate,
}

impl GuardianshipSlice {
    /// Whether it was one of a guardian, or of who waited to be one.
    pub fn stands(&self) -> bool {
        matches!(self.status, GuardianshipStatus::Pending | GuardianshipStatus::Confirmed)
    }

    /// The same on a day.
    pub fn stood_on(&self, day: NaiveDate) -> bool {
        self.stands() && self.valid_from <= day && day < self.valid_to
    }

    /// What of it lies between two days.
    pub fn between(&self, from: NaiveDate, to: NaiveDate) -> Option<Self> {
        let (valid_from, valid_to) = (self.valid_from.max(from), self.valid_to.min(to));
        (valid_from < valid_to).then(|| Self { valid_from, valid_to, ..self.clone() })
    }
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the sentence says it")]
pub enum GuardianError {
    #[error("the guardianship ended before")]
    Over,
    #[error("it is so already")]
    Unchanged,
    #[error("nobody has a guardian from 18 on")]
    OfAge,
    #[error("nobody under 18 is a guardian")]
    Minor,
    #[error("nobody is her own guardian")]
    Herself,
    #[error("her record is closed: she asked to be erased, or died")]
    Closed,
    #[error("this relation is none of a guardian to a child")]
    NoGuardian,
    #[error("an institution as guardian (G1) is named with --institution, and acts through one of its staff")]
    Institution,
}

impl Relation {
    /// Whether somebody in this relation may be a child's guardian (民法典 27, 32): not the child herself, her spouse or her
    /// descendants.
    pub const fn keeps(self) -> bool {
        !matches!(
            self,
            Self::Myself
                | Self::Householder
                | Self::Spouse
                | Self::Son
                | Self::AdoptedSon
                | Self::Daughter
                | Self::AdoptedDaughter
                | Self::Grandchild
        )
    }
}

impl Guardianship {
    /// With what a court took away; nothing: all is given back.
    ///
    /// # Errors
    /// [`GuardianError`]: why not.
    pub fn restricted(self, restrictions: BTreeSet<Restriction>, now: Timestamp) -> Result<Self, GuardianError> {
        if restrictions == self.restrictions {
            return Err(GuardianError::Unchanged);
        }
        Ok(Self { restrictions, ..self.changed(now)? })
    }

    /// At another place in the order.
    ///
    /// # Errors
    /// [`GuardianError::Over`].
    pub fn ranked(self, rank: i64, now: Timestamp) -> Result<Self, GuardianError> {
        Ok(Self { rank, ..self.changed(now)? })
    }

    /// Of another institution, which takes over what the one that was the guardian did.
    ///
    /// # Errors
    /// [`GuardianError::Over`]; [`GuardianError::Institution`] where no institution is the guardian.
    pub fn handed_to(self, heir: OrgId, now: Timestamp) -> Result<Self, GuardianError> {
        match self.institution {
            Some(_) => Ok(Self { institution: Some(heir), ..self.changed(now)? }),
            None => Err(GuardianError::Institution),
        }
    }

    /// Over from a day on, whether it was confirmed or still waited.
    ///
    /// # Errors
    /// [`GuardianError::Over`].
    pub fn over(self, day: NaiveDate, now: Timestamp) -> Result<Self, GuardianError> {
        let pending = self.status == GuardianshipStatus::Pending;
        let status = if pending { GuardianshipStatus::Rejected } else { GuardianshipStatus::Ended };
        let valid_to = Some(day.max(self.valid_from));
        Ok(Self { status, valid_to, ..self.changed(now)? })
    }

    /// What was over by mistake goes on: a confirmed one is confirmed, and what still waited waits.
    #[must_use]
    pub fn goes_on(self, now: Timestamp) -> Self {
        let waited = self.status == GuardianshipStatus::Rejected;
        let status = if waited { GuardianshipStatus::Pending } else { GuardianshipStatus::Confirmed };
        Self { status, valid_to: None, updated_at: now, version: self.version + 1, ..self }
    }

    fn changed(self, now: Timestamp) -> Result<Self, GuardianError> {
        if self.is_standing() {
            Ok(Self { updated_at: now, version: self.version + 1, ..self })
        } else {
            Err(GuardianError::Over)
        }
    }

    /// It from its first day on, as it was in turn; what is so now ends at the end of time. One that ended on a day before its last
    /// change, as by a death that is recorded late, was nothing from that day on.
    pub fn parts(&self, slices: &[GuardianshipSlice]) -> Vec<GuardianshipSlice> {
        let end = self.valid_to.unwrap_or(NaiveDate::MAX);
        let own = slices.iter().filter(|slice| slice.guardianship == self.id && slice.valid_from < end);
        let until =
            |slice: &GuardianshipSlice| GuardianshipSlice { valid_to: slice.valid_to.min(end), ..slice.clone() };
        let mut parts: Vec<_> = own.map(until).collect();
        let since = parts.last().map_or(self.valid_from, |last| last.valid_to);
        parts.push(GuardianshipSlice { valid_from: since, ..self.as_now() });
        parts
    }

    /// How it is, as if it had been so from its first day on.
    pub fn as_now(&self) -> GuardianshipSlice {
        GuardianshipSlice {
            guardianship: self.id,
            relation: self.relation,
            legal: self.legal,
            rank: self.rank,
            status: self.status,
            confirmed: self.confirmed,
            restrictions: self.restrictions.clone(),
            institution: self.institution,
            valid_from: self.valid_from,
            valid_to: NaiveDate::MAX,
        }
    }
}

/// The standing guardians of a child in their new order, one of them at a place counted from 1; only those who move.
pub fn reordered(standing: &[Guardianship], moved: GuardianshipId, place: usize) -> Vec<(GuardianshipId, i64)> {
    let mut order: Vec<GuardianshipId> = standing.iter().map(|one| one.id).filter(|id| *id != moved).collect();
    order.insert(place.saturating_sub(1).min(order.len()), moved);
    let rank = |id: &GuardianshipId| standing.iter().find(|one| one.id == *id).map_or(0, |one| one.rank);
    order.into_iter().zip(1..).filter(|(id, place)| rank(id) != *place).collect()
}

/// The first day of full age (民法典 17, 201): the day after the birthday, as [`super::age::is_of_age`] counts.
pub fn majority(born: NaiveDate) -> NaiveDate {
    let birthday = born.checked_add_months(Months::new(12 * 18));
    birthday.and_then(|day| day.checked_add_days(Days::new(1))).unwrap_or(NaiveDate::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::super::age;
    use super::*;
    use crate::domain::id::PersonId;

    const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

    fn guardian(n: u128, rank: i64) -> Guardianship {
        Guardianship {
            id: GuardianshipId(Uuid::from_u128(n)),
            child: PersonId(Uuid::nil()),
            guardian: PersonId(Uuid::from_u128(n)),
            relation: Relation::Mother,
            legal: true,
            rank,
            status: GuardianshipStatus::Confirmed,
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
    fn what_ended_on_an_earlier_day_was_nothing_from_then_on() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let whole = guardian(1, 1).parts(&[]).remove(0);
        let slice = |from, to| GuardianshipSlice { valid_from: day(from), valid_to: day(to), ..whole.clone() };
        let slices =
            [slice("2025-09-01", "2026-05-10"), slice("2026-05-10", "2026-05-20"), slice("2026-05-20", "2026-05-22")];
        let died =
            Guardianship { status: GuardianshipStatus::Ended, valid_to: Some(day("2026-05-16")), ..guardian(1, 1) };
        let told: Vec<_> =
            died.parts(&slices).into_iter().map(|part| (part.valid_from, part.valid_to, part.status)).collect();
        let (first, change, end) = (day("2025-09-01"), day("2026-05-10"), day("2026-05-16"));
        let confirmed = GuardianshipStatus::Confirmed;
        assert_eq!(
            told,
            [(first, change, confirmed), (change, end, confirmed), (end, NaiveDate::MAX, GuardianshipStatus::Ended)]
        );
    }

    proptest! {
        #[test]
        fn an_order_counts_from_one_and_moves_nobody_needlessly(n in 1..8usize, moved in 0..8usize, place in 0..10usize) {
            let all: Vec<Guardianship> = (0..n).map(|at| guardian(at as u128, i64::try_from(at).unwrap() + 1)).collect();
            let moved = all[moved % n].id;
            let changed = reordered(&all, moved, place);
            let rank = |one: &Guardianship| changed.iter().find(|(id, _)| *id == one.id).map_or(one.rank, |(_, rank)| *rank);
            let mut ranks: Vec<i64> = all.iter().map(rank).collect();
            let hers = all.iter().find(|one| one.id == moved).map(rank).unwrap();
            prop_assert_eq!(usize::try_from(hers).unwrap(), place.clamp(1, n));
            ranks.sort_unstable();
            prop_assert_eq!(ranks, (1..=i64::try_from(n).unwrap()).collect::<Vec<_>>());
            prop_assert!(changed.iter().all(|(id, rank)| all.iter().any(|one| one.id == *id && one.rank != *rank)));
        }

        #[test]
        fn majority_is_the_first_day_of_full_age(days in 0..20_000u64) {
            let born = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + Days::new(days);
            let first = majority(born);
            prop_assert!(age::is_of_age(born, first) && !age::is_of_age(born, first - Days::new(1)));
        }

        #[test]
        fn what_is_over_stays_over(steps in proptest::collection::vec(0..3u8, 1..8)) {
            let mut one = guardian(1, 1);
            for step in steps {
                let stood = one.is_standing();
                let before = one.clone();
                let changed = match step {
                    0 => before.clone().over(NOW.shanghai_date(), NOW),
                    1 => before.clone().ranked(before.rank + 1, NOW),
                    _ => {
                        let mut other = before.restrictions.clone();
                        if !other.remove(&Restriction::Custody) {
                            other.insert(Restriction::Custody);
                        }
                        before.clone().restricted(other, NOW)
                    }
                };
                prop_assert_eq!(changed.is_ok(), stood);
                if let Ok(changed) = changed {
                    prop_assert_eq!(changed.version, before.version + 1);
                    prop_assert!(changed.is_live(NOW) == (changed.is_standing() && changed.restrictions.is_empty()));
                    one = changed;
                }
            }
        }
    }

    #[test]
    fn a_child_keeps_nobody_and_nobody_keeps_her_parents() {
        assert!(Relation::Mother.keeps() && Relation::Institution.keeps() && Relation::NotRelated.keeps());
        assert!(!Relation::Daughter.keeps() && !Relation::Myself.keeps() && !Relation::Spouse.keeps());
    }
}
