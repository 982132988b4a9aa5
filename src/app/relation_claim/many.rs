//! Many claims, decided in one act: on 1 September each graduate who comes into her next school is one, and whoever covers both
//! sides is one desk.

use std::collections::BTreeSet;

use super::{Decided, Decider, Verdict};
use crate::app::{App, Ctx, Error, Kind};
use crate::domain::id::RelationClaimId;

/// So many are decided at once; more are a list to be looked at page by page.
pub const MOST_AT_ONCE: usize = 200;

/// What became of many claims.
#[derive(Debug, Default)]
pub struct Many {
    /// Those that were decided.
    pub decided: Vec<Decided>,
    /// Those that were not, each with the reason that whoever decided it alone would have heard.
    pub refused: Vec<(RelationClaimId, Error)>,
    /// Those at which nobody looked, because one before them failed for a reason that is not its own.
    pub untouched: Vec<RelationClaimId>,
}

impl App {
    /// Decides claims, each as [`App::decide_claim`] does: by itself, with its own right, its own transaction and its own entry in
    /// the audit log, so that one that is not hers, or not possible, stands in no other's way. At the first that is busy, or fails, it stops.
    ///
    /// # Errors
    /// `Invalid` for none, for too many and for a reason that is none; whatever else is wrong with one of them is told of that one.
    pub async fn decide_claims(
        &self,
        ctx: &Ctx,
        by: Decider,
        ids: &[RelationClaimId],
        verdict: &Verdict,
    ) -> Result<Many, Error> {
        if ids.is_empty() || ids.len() > MOST_AT_ONCE {
            return Err(Error::invalid(format!("1 to {MOST_AT_ONCE} claims are decided at once")));
        }
        verdict.check()?;
        Ok(one_by_one(ids, |id| self.patiently(move || self.decide_claim(ctx, by, id, verdict.clone()))).await)
    }
}

/// Each claim once, in the order in which they were named. That others are busy, or the database is away, is nothing of one claim's own: the
/// next would hear the same, a pause after the other, so there it stops.
async fn one_by_one<F, Fut>(ids: &[RelationClaimId], decide: F) -> Many
where
    F: Fn(RelationClaimId) -> Fut,
    Fut: Future<Output = Result<Decided, Error>>,
{
    let (mut named, mut many) = (BTreeSet::new(), Many::default());
    let mut wanted = ids.iter().copied().filter(|id| named.insert(*id));
    while let Some(id) = wanted.next() {
        match decide(id).await {
            Ok(decided) => many.decided.push(decided),
            Err(why) => {
                let stops = matches!(why.kind, Kind::Busy | Kind::Internal);
                many.refused.push((id, why));
                if stops {
                    many.untouched.extend(wanted.by_ref());
                }
            }
        }
    }
    many
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[tokio::test]
    async fn the_first_that_is_busy_ends_the_list_and_one_that_is_refused_does_not() {
        let claims: Vec<RelationClaimId> = [1, 2, 2, 3, 4, 3].map(|n| RelationClaimId(Uuid::from_u128(n))).to_vec();
        let told = one_by_one(&claims, async |id: RelationClaimId| match id.0.as_u128() {
            1 => Err(Error::not_found("the claim")),
            2 => Ok(Decided { id, state: "confirmed", transferred_from: None, class_over: false, head_taken: false }),
            _ => Err(Error::busy("somebody was quicker")),
        })
        .await;
        assert_eq!(told.decided.iter().map(|one| one.id).collect::<Vec<_>>(), claims[1..2]);
        assert_eq!(told.refused.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [claims[0], claims[3]]);
        assert_eq!(told.untouched, claims[4..5], "each claim once");
    }
}
