//! The conformance suite: every aggregate, every statement and the schema itself, on both engines. It stands here and
//! not under `tests/` because only the crate itself can name statements and make proofs of scope.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on says where")]

mod accounts;
mod activations;
mod admin_grants;
mod audit_places;
mod books;
mod clients;
mod consents;
mod deliveries;
mod documents;
#[path = "../../../tests/it/support/door.rs"]
#[allow(dead_code, missing_docs, reason = "shared with the tests from outside")]
mod door;
mod errands;
mod facts;
mod families;
mod grants;
mod institutions;
#[path = "../../../tests/it/support/need.rs"]
#[allow(dead_code, missing_docs, reason = "shared with the tests from outside, which need more than a database")]
mod need;
mod persons;
mod platforms;
mod profiles;
mod registrations;
mod relations;
mod row_states;
mod scene;
mod schema;
mod sessions;
mod shared;
mod sign_ins;
mod signing_keys;
mod snapshot;
mod subjects;
pub(crate) mod support;
mod wire;

/// Runs each scenario on a fresh database of each engine.
macro_rules! on_both_engines {
    ($($scenario:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $scenario() {
                let (db, _folder) = crate::store::conformance::support::sqlite().await;
                super::$scenario(&db).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $scenario() {
                let Some(fresh) = crate::store::conformance::support::postgres().await else { return };
                super::$scenario(&fresh.db).await;
                fresh.remove().await;
            })+
        }
    };
}

pub(crate) use on_both_engines;
