//! Rights of whoever is above an administrator, or watches over her, do not end by what she may do to a person: by a post that
//! she leaves, a death, or a merge that is undone.

use mingji::app::Kind;
use mingji::app::staff_life::Order;
use mingji::domain::registry::codes::staff::StaffState;

use super::{Decider, OPERATOR, PersonId, TestApp, both_engines, grant, staff, wish};
use crate::support::county::{COUNTY, OTHER, SCHOOL, text};
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::time::Clock as _;

async fn change(app: &TestApp, by: PersonId, person: PersonId, order: Order) -> Result<(), Kind> {
    let changed = app.app.change_staff(&app.operator(), Decider::Admin(by), person, None, &order).await;
    changed.map(drop).map_err(|error| error.kind)
}

fn leave() -> Order {
    Order::Leave { org: Some(SCHOOL.into()), state: StaffState::Left }
}

async fn live(app: &TestApp) -> i64 {
    text(app, "SELECT CAST(COUNT(*) AS TEXT) FROM admin_grant WHERE revoked_at IS NULL").await.parse().unwrap()
}

both_engines! {
    async fn nobody_ends_rights_that_are_not_hers_to_take(app: TestApp) {
        let people = staff(&app, 7).await;
        let [runs, watches, county, keeps, one, two, deputy] = people[..] else { panic!("seven") };
        for (person, role, org) in [
            (runs, AdminRole::School, SCHOOL),
            (watches, AdminRole::Audit, SCHOOL),
            (county, AdminRole::County, COUNTY),
            (keeps, AdminRole::SchoolRoster, SCHOOL),
        ] {
            grant(&app, OPERATOR, person, &wish(role, org)).await.unwrap();
        }
        let named = mingji::app::admin::Wish { deputy: true, ..wish(AdminRole::School, SCHOOL) };
        grant(&app, OPERATOR, deputy, &named).await.unwrap();
        let before = live(&app).await;
        // Everybody's post lies at the school whose roster they keep.
        for (by, person) in [(keeps, runs), (keeps, watches), (keeps, county), (runs, watches), (runs, county), (runs, deputy)] {
            assert_eq!(change(&app, by, person, leave()).await, Err(Kind::Conflict));
        }
        let moves = Order::Move { org: Some(SCHOOL.into()), to: OTHER.into(), post: None };
        assert_eq!(change(&app, county, county, moves).await, Err(Kind::NotFound), "nor her own");
        let today = app.clock.now().shanghai_date();
        // Whose right lies above her is not wholly hers.
        for (person, why) in [(watches, Kind::Conflict), (county, Kind::NotFound), (deputy, Kind::Conflict)] {
            let death = app.app.record_death(&app.operator(), Decider::Admin(runs), person, today).await;
            assert_eq!(death.unwrap_err().kind, why);
        }
        assert_eq!(live(&app).await, before);

        // A record into which another one was merged watches over the school by now.
        app.app.merge_persons(&app.operator(), OPERATOR, one, two, "同一人").await.unwrap();
        grant(&app, OPERATOR, one, &wish(AdminRole::Audit, SCHOOL)).await.unwrap();
        let undo = app.app.undo_merge(&app.operator(), Decider::Admin(runs), two, "不是同一人").await;
        assert_eq!(undo.unwrap_err().kind, Kind::Conflict);
        app.app.undo_merge(&app.operator(), OPERATOR, two, "不是同一人").await.unwrap();

        // What is hers to take ends with the post.
        change(&app, runs, keeps, leave()).await.unwrap();
        change(&app, county, watches, leave()).await.unwrap();
        assert_eq!(live(&app).await, before - 1);
        app.app.record_death(&app.operator(), Decider::Admin(county), deputy, today).await.unwrap();
        assert_eq!(live(&app).await, before - 2);
    }
}
