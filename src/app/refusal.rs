//! What an administrator was refused: whoever tries ids, institutions or roles that are not hers is seen by the auditors of where
//! her rights are. An entry for each refusal would let her fill the log, so one operation is written down at its first, tenth,
//! hundredth … refusal in an hour, with how many there were.

use std::time::Duration;

use super::work::Outcome;
use super::{App, Ctx, Error, Kind};
use crate::domain::audit::Action;
use crate::keys::opaque;
use crate::store::ephemeral::Space;

const HOUR: Duration = Duration::from_secs(3_600);

impl App {
    /// Notes that an administrator was refused something; whoever is none, and what was no refusal, is not. `operation` is the path
    /// of the API without what stands in its variable parts: what she asked for may be nobody.
    ///
    /// # Errors
    /// A failed store.
    pub async fn note_refused_administrator(&self, ctx: &Ctx, operation: &str, kind: Kind) -> Result<(), Error> {
        let (Some(admin), Some(why)) = (ctx.administrator(), reason_of(kind)) else { return Ok(()) };
        let key = opaque::lookup_key(&format!("{admin} {operation} {why}"));
        let times = self.ephemeral.incr(Space::Refusals, &key, HOUR).await?.count;
        if !is_told(times) {
            return Ok(());
        }
        let mut work = self.begin(ctx, Action::AdminRefused).await?;
        work.target("person", admin).detail("operation", operation).detail("times", times);
        work.commit(Outcome::Refused(why)).await
    }
}

/// What is not hers, and what the state or the rules do not let her do.
fn reason_of(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::NotFound => Some("not_found"),
        Kind::Conflict => Some("conflict"),
        Kind::Invalid | Kind::Busy | Kind::Internal => None,
    }
}

fn is_told(times: u64) -> bool {
    std::iter::successors(Some(1_u64), |power| power.checked_mul(10)).take_while(|power| *power <= times).last()
        == Some(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_by_powers_of_ten() {
        assert_eq!((0..=2_000).filter(|times| is_told(*times)).collect::<Vec<_>>(), [1, 10, 100, 1_000]);
    }
}
