//! What tests of several replicas share: a database of their own, and people who sign on again and again.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::Mutex;
use url::Url;

use super::binary::free_ports;
use super::remote::{Answer, Tokens, Visitor};

/// Adults and a fifteen-year-old: nobody here needs a receipt at a platform of the system.
pub const PEOPLE: &[&str] =
    &["teacher_parent", "guardian_of_two", "school_admin", "county_admin", "full_claims", "child_15"];

/// An empty PostgreSQL database.
pub struct Database {
    server: Url,
    name: String,
}

impl Database {
    /// Makes it.
    pub async fn create(server: Url) -> Self {
        let name = format!("mingji_cluster_{}_{}", std::process::id(), free_ports(1));
        let mut admin = PgConnection::connect(server.as_str()).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await.unwrap();
        Self { server, name }
    }

    /// Its address.
    pub fn url(&self) -> String {
        let mut url = self.server.clone();
        url.set_path(&self.name);
        url.into()
    }

    /// Takes it away; everything that had it open is closed.
    pub async fn drop(self) {
        let mut admin = PgConnection::connect(self.server.as_str()).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("DROP DATABASE {} WITH (FORCE)", self.name)))
            .execute(&mut admin)
            .await
            .unwrap();
    }
}

/// What the load found out.
#[derive(Default)]
pub struct Ledger {
    /// Codes that gave tokens.
    pub redeemed: HashSet<String>,
    /// Rounds that had to begin again because an answer was lost with the replica.
    pub lost: usize,
}

/// One visitor signs on `count` times without a page. Every third code is sent to both replicas at once: one of
/// them at most may answer with tokens.
pub async fn rounds(
    count: usize,
    mut visitor: Visitor,
    ledger: Arc<Mutex<Ledger>>,
    done: Arc<AtomicUsize>,
) -> (Visitor, Tokens) {
    let mut kept = None;
    let mut finished = 0;
    while finished < count {
        let Answer::Back(answer) = visitor.authorize("prompt=none").await else {
            panic!("a page for somebody who is signed in")
        };
        assert_eq!(answer.error(), None, "signed out in the middle of the load");
        let code = answer.code();
        if finished % 3 == 2 {
            let both = visitor.redeem_at_both(&code).await;
            assert!(both <= 1, "one code gave tokens {both} times");
            ledger.lock().await.redeemed.insert(code);
        } else {
            match visitor.redeem(&code).await {
                Ok(tokens) => {
                    ledger.lock().await.redeemed.insert(code);
                    kept = Some(tokens);
                }
                // The answer went down with the replica: the code counts as used, the session answers again.
                Err(error) => {
                    assert_eq!(error, "invalid_grant");
                    ledger.lock().await.lost += 1;
                    continue;
                }
            }
        }
        finished += 1;
        done.fetch_add(1, Ordering::Relaxed);
    }
    (visitor, kept.expect("at least one round gave tokens"))
}
