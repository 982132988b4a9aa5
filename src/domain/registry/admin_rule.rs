//! Who may give whom which role of administration: a level creates the level below it inside its own subtree, hands on only
//! what it has and for no longer, a school has one system administrator beside deputies that she names, and where the
//! protection profile demands it (GB/T 22239, 三员分离) one person holds duties of one kind alone.

use thiserror::Error;

use super::codes::admin_role::AdminRole;
use super::codes::codes;
use super::institution::InstitutionLevel;
use crate::domain::time::Timestamp;

codes! {
    /// 三员: what an administrator's duties are.
    Duty {
        System = "system", "系统管理";
        Security = "security", "安全管理";
        Audit = "audit", "审计管理";
    }
}

codes! {
    /// 等级保护: what the installation was filed as.
    Protection {
        Two = "2", "二级等保";
        Three = "3", "三级等保";
    }
}

impl AdminRole {
    /// The kind of its duties.
    pub const fn duty(self) -> Duty {
        match self {
            Self::Security | Self::Privacy => Duty::Security,
            Self::Audit => Duty::Audit,
            _ => Duty::System,
        }
    }

    /// The level of institution that the role runs; none for roles of any level.
    pub const fn level(self) -> Option<InstitutionLevel> {
        Some(match self {
            Self::National => InstitutionLevel::Nation,
            Self::Province => InstitutionLevel::Province,
            Self::City => InstitutionLevel::City,
            Self::County => InstitutionLevel::County,
            Self::School => InstitutionLevel::School,
            _ => return None,
        })
    }

    /// Whether the role runs its institution: whoever holds it names others.
    pub const fn runs(self) -> bool {
        self.level().is_some()
    }
}

/// A grant that somebody holds now, with where its institution stands towards the one that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// The role.
    pub role: AdminRole,
    /// How many steps the wanted institution stands below that of the grant; none: not below.
    pub depth: Option<u32>,
    /// Beside the one who runs the institution: a deputy names no other.
    pub deputy: bool,
    /// Whether she may hand the role itself on.
    pub may_delegate: bool,
    /// Until when she holds it.
    pub until: Option<Timestamp>,
}

/// A grant that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The role.
    pub role: AdminRole,
    /// The level of the institution.
    pub level: InstitutionLevel,
    /// Beside the one who runs the institution.
    pub deputy: bool,
    /// Whether it may be handed on.
    pub may_delegate: bool,
    /// Until when.
    pub until: Option<Timestamp>,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the sentence says it")]
pub enum GrantError {
    #[error("the role is of another level than the institution")]
    OtherLevel,
    #[error("the school has a system administrator: name a deputy (--deputy), or end her grant first")]
    HasOne,
    #[error("she holds duties of another kind: system, security and audit are different people's (三员分离)")]
    Separation,
    #[error("the grant would outlive yours")]
    Outlives,
    #[error("the end lies in the past")]
    Past,
    #[error("nobody gives herself a role")]
    Herself,
    #[error("she has no post at your institution or below it, on which the role would rest")]
    NoPost,
    #[error("nobody under 18 administers")]
    Minor,
    #[error("a deputy names no deputies (--may-delegate): whoever named her answers for her alone")]
    Deputy,
}

/// Whether a grant fits its institution, whoever gives it.
///
/// # Errors
/// [`GrantError::OtherLevel`].
pub fn fits(wanted: &Wanted) -> Result<(), GrantError> {
    use InstitutionLevel::{Campus, School};
    let at_school = matches!(wanted.level, School | Campus);
    match wanted.role {
        AdminRole::School if at_school => Ok(()),
        AdminRole::School | AdminRole::Class if !at_school => Err(GrantError::OtherLevel),
        role => match role.level() {
            Some(level) if level != wanted.level => Err(GrantError::OtherLevel),
            _ => Ok(()),
        },
    }
}

/// Whether a grant gives a deputy no right that would not count: a deputy of a deputy acts for nobody.
///
/// # Errors
/// [`GrantError::Deputy`].
pub fn fits_deputy(wanted: &Wanted) -> Result<(), GrantError> {
    if wanted.deputy && wanted.may_delegate { Err(GrantError::Deputy) } else { Ok(()) }
}

/// Whether what somebody holds lets her give this: `Ok(false)` when it does not reach there at all.
///
/// # Errors
/// [`GrantError::Outlives`] when it would, but only for a shorter time.
pub fn may_give(held: &Held, wanted: &Wanted) -> Result<bool, GrantError> {
    let Some(depth) = held.depth else { return Ok(false) };
    let reaches = match wanted.role {
        // The level below, one step down: counties of a directly governed city stand one step below the province too.
        role if role.runs() && depth > 0 => {
            depth == 1 && !wanted.deputy && role.level().is_some_and(|level| stands_above(held, level))
        }
        // Her own role handed on to a deputy, at her own institution.
        role if role.runs() => {
            role == held.role && wanted.deputy && held.may_delegate && !held.deputy && !wanted.may_delegate
        }
        // Who keeps rosters and classes is the institution's own choice.
        AdminRole::SchoolRoster | AdminRole::Class => held.role.runs() && !wanted.may_delegate,
        // Whoever watches over an institution is named from above it.
        _ => depth > 0 && !wanted.may_delegate && stands_above(held, wanted.level),
    };
    if !reaches {
        return Ok(false);
    }
    match (held.until, wanted.until) {
        (None, _) => Ok(true),
        (Some(held), Some(wanted)) if wanted <= held => Ok(true),
        (Some(_), _) => Err(GrantError::Outlives),
    }
}

/// Whether what somebody holds lets her take a role back over that institution: whoever runs one strictly above takes back
/// what is below, deputies included; at the institution itself who runs it takes back what is its own choice, and, where she
/// may name deputies, those. For how long is no question.
pub fn may_take(held: &Held, role: AdminRole, level: InstitutionLevel, deputy: bool) -> bool {
    match (held.depth, role) {
        (None, _) => false,
        _ if !held.role.runs() => false,
        (Some(_), AdminRole::SchoolRoster | AdminRole::Class) => true,
        (Some(0), role) => role == held.role && deputy && held.may_delegate,
        (Some(_), role) => stands_above(held, level) && role.level().is_none_or(|own| stands_above(held, own)),
    }
}

/// Whether a role over that institution is the choice of who runs it: who keeps rosters and classes, and her own deputies.
pub fn chooses(held: &Held, role: AdminRole, deputy: bool) -> bool {
    let own = matches!(role, AdminRole::SchoolRoster | AdminRole::Class) || (deputy && role == held.role);
    held.depth.is_some() && held.role.runs() && own
}

/// Whether the role that is held is of a level above this one. Where it lies does not say so: old grants of a low role over a
/// high institution exist.
fn stands_above(held: &Held, level: InstitutionLevel) -> bool {
    held.role.level().is_some_and(|own| own < level)
}

/// Whether somebody with these roles may hold another one.
///
/// # Errors
/// [`GrantError::Separation`].
pub fn separate(protection: Protection, held: &[AdminRole], wanted: AdminRole) -> Result<(), GrantError> {
    let apart = protection == Protection::Three && held.iter().any(|role| role.duty() != wanted.duty());
    if apart { Err(GrantError::Separation) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

    fn held(role: AdminRole, depth: u32) -> Held {
        Held { role, depth: Some(depth), deputy: false, may_delegate: false, until: None }
    }

    fn wanted(role: AdminRole, level: InstitutionLevel) -> Wanted {
        Wanted { role, level, deputy: false, may_delegate: false, until: None }
    }

    #[test]
    fn a_level_names_the_level_below_and_nobody_beside_or_above() {
        use AdminRole::{Audit, City, County, National, Province, School, SchoolRoster};
        use InstitutionLevel as Level;
        for (one, depth, role, level, allowed) in [
            (National, 1, Province, Level::Province, true),
            (Province, 1, City, Level::City, true),
            (Province, 1, County, Level::County, true),
            (Province, 2, County, Level::County, false),
            (City, 1, County, Level::County, true),
            (County, 1, School, Level::School, true),
            (County, 0, County, Level::County, false),
            (School, 0, School, Level::School, false),
            (School, 0, SchoolRoster, Level::School, true),
            (SchoolRoster, 0, SchoolRoster, Level::School, false),
            (County, 1, Audit, Level::School, true),
            (School, 0, Audit, Level::School, false),
            (Audit, 1, School, Level::School, false),
            (School, 1, County, Level::County, false),
            (School, 1, Audit, Level::County, false),
            (County, 1, City, Level::City, false),
        ] {
            let given = may_give(&held(one, depth), &wanted(role, level)).unwrap();
            assert_eq!(given, allowed, "{one} {depth} {role}");
        }
        let deputy = Wanted { deputy: true, ..wanted(School, Level::School) };
        assert!(!may_give(&held(School, 0), &deputy).unwrap());
        let names = Held { may_delegate: true, ..held(School, 0) };
        assert!(may_give(&names, &deputy).unwrap());
        assert!(!may_give(&Held { deputy: true, ..names }, &deputy).unwrap(), "a deputy of a deputy acts for nobody");
        assert_eq!(fits_deputy(&Wanted { may_delegate: true, ..deputy }), Err(GrantError::Deputy));
        assert_eq!(fits(&wanted(County, Level::School)), Err(GrantError::OtherLevel));
        assert_eq!(fits(&wanted(School, Level::County)), Err(GrantError::OtherLevel));
        assert_eq!(fits(&wanted(SchoolRoster, Level::County)), Ok(()), "as counties keep rosters for their schools");
    }

    #[test]
    fn whoever_runs_what_is_above_takes_back_what_is_below() {
        use AdminRole::{Audit, City, County, School, SchoolRoster};
        use InstitutionLevel as Level;
        for (one, depth, role, level, deputy, allowed) in [
            (County, Some(1), School, Level::School, true, true),
            (City, Some(2), School, Level::School, true, true),
            (City, Some(2), School, Level::School, false, true),
            (County, Some(1), Audit, Level::School, false, true),
            (School, Some(0), SchoolRoster, Level::School, false, true),
            (School, Some(0), School, Level::School, true, false),
            (County, None, School, Level::School, true, false),
            (County, Some(0), County, Level::County, false, false),
            (School, Some(1), County, Level::County, false, false),
            (SchoolRoster, Some(0), SchoolRoster, Level::School, false, false),
            (Audit, Some(1), School, Level::School, false, false),
        ] {
            let taken = may_take(&Held { depth, ..held(one, 0) }, role, level, deputy);
            assert_eq!(taken, allowed, "{one} {depth:?} {role} {deputy}");
        }
        let names = Held { may_delegate: true, ..held(School, 0) };
        assert!(may_take(&names, School, Level::School, true) && !may_take(&names, School, Level::School, false));
    }

    #[test]
    fn whoever_watches_over_an_institution_is_not_its_choice() {
        use AdminRole::{Audit, Class, Privacy, School, SchoolRoster, Security};
        let runs = held(School, 0);
        for (role, deputy, chosen) in [
            (SchoolRoster, false, true),
            (Class, false, true),
            (School, true, true),
            (School, false, false),
            (Audit, false, false),
            (Security, false, false),
            (Privacy, false, false),
        ] {
            assert_eq!(chooses(&runs, role, deputy), chosen, "{role} {deputy}");
        }
        assert!(
            !chooses(&held(SchoolRoster, 0), SchoolRoster, false)
                && !chooses(&Held { depth: None, ..runs }, Class, false)
        );
    }

    #[test]
    fn duties_are_apart_where_the_profile_says_so() {
        use AdminRole::{Audit, County, School, Security};
        assert_eq!(separate(Protection::Two, &[School], Audit), Ok(()));
        assert_eq!(separate(Protection::Three, &[School], Audit), Err(GrantError::Separation));
        assert_eq!(separate(Protection::Three, &[Security], Audit), Err(GrantError::Separation));
        assert_eq!(separate(Protection::Three, &[School], County), Ok(()));
        assert_eq!(separate(Protection::Three, &[], Audit), Ok(()));
    }

    proptest! {
        /// Whatever is handed on: nothing outside the subtree, nothing longer than it is held, no right to hand on, no
        /// role of a level that is not below hers, but to a deputy.
        #[test]
        fn nobody_gives_what_she_has_not(
            role in 0..AdminRole::ALL.len(), want in 0..AdminRole::ALL.len(), depth in proptest::option::of(0..4u32),
            may_delegate: bool, is_deputy: bool, deputy: bool, hand_on: bool, until in proptest::option::of(0..100i64), wish in proptest::option::of(0..100i64),
        ) {
            let at = |days: Option<i64>| days.map(|days| Timestamp::from_seconds(NOW.seconds() + days * 86_400));
            let held = Held { role: AdminRole::ALL[role], depth, deputy: is_deputy, may_delegate, until: at(until) };
            let level = AdminRole::ALL[want].level().unwrap_or(InstitutionLevel::School);
            let wanted = Wanted { role: AdminRole::ALL[want], level, deputy, may_delegate: hand_on, until: at(wish) };
            if may_give(&held, &wanted) == Ok(true) {
                prop_assert!(depth.is_some() && held.role.runs());
                prop_assert!(held.until.is_none_or(|end| wanted.until.is_some_and(|wish| wish <= end)));
                prop_assert!(!hand_on || (wanted.role.runs() && depth == Some(1)));
                let (own, given) = (held.role.level(), wanted.role.level());
                prop_assert!(given.is_none_or(|given| own < Some(given) || (deputy && !is_deputy && held.role == wanted.role)));
            }
        }
    }
}
