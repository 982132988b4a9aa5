//! Who undoes a lock: nobody below the place from which it was laid, of security's nobody who only runs an institution, and the
//! operator any.

use mingji::app::pace::Listener;
use mingji::app::relation_claim::{Decider, Verdict};
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::institution_life::ChangeKind;
use serde_json::json;

use super::duties::with;
use super::students::{Schools, schools};
use crate::support::api::{Caller, problem};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{
    self, COUNTY, INSTITUTIONS, OTHER, SCHOOL, called, number, pupil, pupils, teacher, teachers, text,
};
use crate::support::database::{change, select_texts};

const NEXT: &str = "ED32010400";

struct Silent;

impl Listener for Silent {
    fn progress(&mut self, _: u64, _: u64) {}
}

async fn locks(by: &Caller, person: PersonId) {
    let answer = by.post(&format!("/api/persons/{person}/account-lock"), &json!({ "reason": "账号被盗用" })).await;
    assert_eq!((answer.status, answer.text("state").as_str()), (200, "admin_locked"), "{answer:?}");
}

/// What somebody hears who would let a person in again.
async fn unlocks(by: &Caller, person: PersonId) -> u16 {
    by.post(&format!("/api/persons/{person}/account-unlock"), &json!({})).await.status
}

/// A pupil goes to another school, as its own row and the operator's word bring it about.
async fn goes_to(app: &TestApp, org: &str) {
    pupils(app, &[pupil(org, "王小明", &number("20160203", 2), None)]).await;
    let claim = app.app.pending_claims(&app.operator(), Decider::Operator, org, None).await.unwrap()[0].id;
    app.app.decide_claim(&app.operator(), Decider::Operator, claim, Verdict::Confirm).await.unwrap();
}

both_engines! {
    async fn a_lock_goes_where_its_person_goes(app: TestApp) {
        county::open(&app).await;
        county::import_all(&app, &format!("{INSTITUTIONS}{NEXT},秦淮区教育局,教育行政部门,,320104,ED32010000\n")).await;
        pupils(&app, &[pupil(SCHOOL, "王小明", &number("20160203", 2), None)]).await;
        let child = called(&app, "王小明").await[0];
        let Schools { school, other, .. } = schools(&app).await;
        let (head, next) = (with(&app, 76, COUNTY, AdminRole::County).await, with(&app, 78, NEXT, AdminRole::County).await);

        // With a transfer: a school's to the school, and a county's not to a school.
        locks(&school, child).await;
        goes_to(&app, OTHER).await;
        assert_eq!((unlocks(&school, child).await, unlocks(&other, child).await), (404, 200));
        locks(&head, child).await;
        goes_to(&app, SCHOOL).await;
        assert_eq!((unlocks(&school, child).await, unlocks(&head, child).await), (409, 200));

        // With a merger, and with a move to another county.
        locks(&school, child).await;
        app.app.hand_over_institution(&app.operator(), Decider::Operator, SCHOOL, OTHER, ChangeKind::Merged, &mut Silent).await.unwrap();
        assert_eq!(unlocks(&other, child).await, 200);
        locks(&head, child).await;
        app.app.move_institution(&app.operator(), Decider::Operator, OTHER, NEXT, None, &mut Silent).await.unwrap();
        assert_eq!((unlocks(&head, child).await, unlocks(&other, child).await, unlocks(&next, child).await), (404, 409, 200));
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM account_lock").await, "0");
    }

    async fn a_lock_of_which_nobody_knows_who_laid_it_is_the_school_s(app: TestApp) {
        county::open(&app).await;
        let both = number("19750203", 104);
        teachers(&app, &[teacher(SCHOOL, "教师甲", &number("19750203", 102)), teacher(SCHOOL, "教师乙", &both), teacher(OTHER, "教师乙", &both)]).await;
        let (hers, shared) = (called(&app, "教师甲").await[0], called(&app, "教师乙").await[0]);
        change(&app.database.url, "UPDATE account SET state = 'admin_locked' WHERE person_id IN (SELECT id FROM person WHERE name IN ('教师甲', '教师乙'))").await;
        let [lite, pg] = [include_str!("../../../migrations/sqlite/0041_locks_of_before.sql"), include_str!("../../../migrations/postgres/0041_locks_of_before.sql")];
        assert!(lite == pg, "one text for both engines");
        change(&app.database.url, lite).await;
        let Schools { school, other, .. } = schools(&app).await;
        let head = with(&app, 76, COUNTY, AdminRole::County).await;
        assert_eq!((unlocks(&other, hers).await, unlocks(&school, hers).await), (404, 200));
        assert_eq!((unlocks(&other, shared).await, unlocks(&school, shared).await, unlocks(&head, shared).await), (404, 404, 200));
        // It goes along too.
        change(&app.database.url, "UPDATE account SET state = 'admin_locked' WHERE person_id IN (SELECT id FROM person WHERE name = '教师甲')").await;
        change(&app.database.url, lite).await;
        assert_eq!(text(&app, "SELECT o.name || l.duty FROM account_lock l JOIN institution o ON o.id = l.org_id").await, "第七实验小学system");
    }

    async fn each_takes_off_what_is_hers(app: TestApp) {
        county::open(&app).await;
        teachers(&app, &[teacher(SCHOOL, "教师甲", &number("19750203", 102)), teacher(SCHOOL, "教师丙", &number("19750203", 106))]).await;
        let (hers, double) = (called(&app, "教师甲").await[0], called(&app, "教师丙").await[0]);
        let Schools { school, .. } = schools(&app).await;
        let guard = with(&app, 72, SCHOOL, AdminRole::Security).await;
        let (above, head) = (with(&app, 74, COUNTY, AdminRole::Security).await, with(&app, 76, COUNTY, AdminRole::County).await);
        let why = json!({ "reason": "账号被盗用" });
        let lock = async |by: &Caller| {
            let answer = by.post(&format!("/api/persons/{hers}/account-lock"), &why).await;
            (answer.status, answer.body["state"].as_str().unwrap_or_default().to_owned())
        };
        let unlock = async |by: &Caller| {
            let answer = by.post(&format!("/api/persons/{hers}/account-unlock"), &json!({})).await;
            if answer.status != 200 {
                assert_eq!(problem(&answer), "conflict", "{answer:?}");
            }
            (answer.status, answer.body["state"].as_str().unwrap_or_default().to_owned())
        };
        let (locked, open, refused) = ((200, "admin_locked".to_owned()), (200, "inactive".to_owned()), (409, String::new()));

        // Security undoes what the school locked, and the school nothing of security's.
        assert_eq!((lock(&school).await, lock(&school).await), (locked.clone(), refused.clone()), "once");
        assert_eq!(lock(&guard).await, locked, "and by whoever else finds reason");
        assert_eq!(unlock(&school).await, locked, "hers is off, security's is not");
        assert_eq!((unlock(&school).await, unlock(&guard).await), (refused.clone(), open.clone()));

        // From above: neither the school, nor its security, nor who runs the county.
        assert_eq!((lock(&school).await, lock(&above).await), (locked.clone(), locked.clone()));
        assert_eq!((unlock(&guard).await, unlock(&guard).await, unlock(&head).await), (locked.clone(), refused.clone(), refused.clone()));
        assert_eq!(school.post(&format!("/api/persons/{hers}/activation-code"), &json!({})).await.status, 409);
        let refusals = "SELECT CAST(COUNT(*) AS TEXT) FROM audit_entry WHERE action = 'account.unlocked' AND result = 'refused'";
        assert_eq!(text(&app, refusals).await, "3");
        assert_eq!(unlock(&above).await, open);
        assert_eq!((lock(&head).await, unlock(&guard).await), (locked.clone(), refused.clone()), "nor lower security what the county runs");
        assert_eq!((unlock(&above).await, unlock(&above).await), (open.clone(), refused.clone()), "none is left");

        // Whoever comes first of two at once: the lock from above stands.
        assert_eq!(lock(&school).await, locked);
        let (one, _) = tokio::join!(lock(&above), unlock(&school));
        assert_eq!((one, unlock(&school).await), (locked.clone(), refused.clone()));

        // It comes along with a record that is merged into another one, and the operator takes it off.
        app.app.merge_persons(&app.operator(), Decider::Operator, double, hers, "同一人，两次录入").await.unwrap();
        assert_eq!(unlock(&school).await, refused);
        // One that was laid on what is left is not undone with the merge, by whomever.
        assert_eq!(lock(&above).await, locked);
        app.app.undo_merge(&app.operator(), Decider::Operator, hers, "核实为两人").await.unwrap();
        let states = "SELECT a.state FROM account a JOIN person p ON p.id = a.person_id WHERE p.name IN ('教师甲', '教师丙')";
        assert_eq!(select_texts(&app.database.url, states).await, ["admin_locked", "admin_locked"]);
        app.app.merge_persons(&app.operator(), Decider::Operator, double, hers, "同一人，两次录入").await.unwrap();
        let freed = app.app.unlock_account(&app.operator(), Decider::Operator, hers).await.unwrap();
        assert_eq!((freed.person_id, freed.state.as_str()), (double, "inactive"));
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM account_lock").await, "0");
    }
}
