//! Many claims, decided in one act: on 1 September each graduate who comes into her next school is one, and whoever covers both
//! sides is one desk.

use std::collections::BTreeSet;

use super::{Decided, Decider, Verdict};
use crate::app::{App, Ctx, Error};
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
}

impl App {
    /// Decides claims, each as [`App::decide_claim`] does: by itself, with its own right, its own transaction and its own entry in
    /// the audit log, so that one that is not hers, or not possible, stands in no other's way.
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
        let (mut named, mut many) = (BTreeSet::new(), Many::default());
        for id in ids.iter().filter(|id| named.insert(**id)) {
            match self.patiently(|| self.decide_claim(ctx, by, *id, verdict.clone())).await {
                Ok(decided) => many.decided.push(decided),
                Err(why) => many.refused.push((*id, why)),
            }
        }
        Ok(many)
    }
}
