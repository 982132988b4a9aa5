//! What ends by itself leaves an entry of its own, also where it makes room; a deputy names nobody, and whoever named her is she
//! under whatever record.

use mingji::app::Kind;
use mingji::app::admin::Wish;
use mingji::app::relation_claim::Decider;
use mingji::domain::registry::codes::admin_role::AdminRole;

use super::{OPERATOR, both_engines, grant, revoke, staff, wish};
use crate::support::county::{COUNTY, SCHOOL, called, number, pupil, pupils, text};

fn deputy() -> Wish {
    Wish { deputy: true, ..wish(AdminRole::School, SCHOOL) }
}

fn names() -> Wish {
    Wish { may_delegate: true, ..wish(AdminRole::School, SCHOOL) }
}

both_engines! {
    async fn what_makes_room_ends_with_an_entry_of_its_own(app: TestApp) {
        let people = staff(&app, 6).await;
        grant(&app, OPERATOR, people[0], &wish(AdminRole::County, COUNTY)).await.unwrap();
        let (county, runs) = (Decider::Admin(people[0]), Decider::Admin(people[1]));
        grant(&app, county, people[1], &names()).await.unwrap();
        for who in [people[2], people[3]] {
            grant(&app, runs, who, &deputy()).await.unwrap();
        }
        revoke(&app, county, people[1], AdminRole::School, SCHOOL).await.unwrap();
        // Two are named for the one place before the job has run.
        let next = wish(AdminRole::School, SCHOOL);
        let (one, other) = tokio::join!(grant(&app, county, people[4], &next), grant(&app, county, people[5], &next));
        assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1, "{one:?} {other:?}");
        let ended = "SELECT CAST(e.target AS TEXT) || CAST(e.details AS TEXT) FROM audit_entry e WHERE e.action = 'admin.revoked' AND CAST(e.details AS TEXT) LIKE '%namer%'";
        let written = text(&app, ended).await;
        assert_eq!(written.matches("namer").count(), 2, "each once: {written}");
        for who in [people[2], people[3]] {
            assert!(written.contains(&who.to_string()), "{who}: {written}");
        }
        assert_eq!(app.app.end_lapsed_rights().await.unwrap(), 0, "nothing is left to the job");
        let told = text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM event WHERE kind = 'admin.revoked'").await;
        assert_eq!(told, "3", "one by hand, two by themselves");
    }

    async fn a_deputy_names_no_deputy(app: TestApp) {
        let people = staff(&app, 4).await;
        let refused = grant(&app, OPERATOR, people[0], &Wish { deputy: true, ..names() }).await;
        assert_eq!(refused.unwrap_err(), Kind::Conflict, "a right that would not count is not given");
        grant(&app, OPERATOR, people[0], &names()).await.unwrap();
        // Where a school has its administrator the operator's next one is a deputy, whatever was asked for.
        assert!(grant(&app, OPERATOR, people[1], &names()).await.unwrap().deputy);
        // And of those who were deputies before there was a rule.
        crate::support::database::change(&app.database.url, "UPDATE admin_grant SET may_delegate = TRUE WHERE deputy = TRUE").await;
        assert!(grant(&app, Decider::Admin(people[1]), people[2], &deputy()).await.is_err());
        assert!(grant(&app, Decider::Admin(people[0]), people[2], &deputy()).await.unwrap().granted);
        assert_eq!(app.app.end_lapsed_rights().await.unwrap(), 0);
    }

    async fn whoever_named_a_deputy_is_she_after_two_merges(app: TestApp) {
        let people = staff(&app, 4).await;
        let [names_her, second, third, named] = people[..] else { panic!("four") };
        grant(&app, OPERATOR, names_her, &names()).await.unwrap();
        grant(&app, Decider::Admin(names_her), named, &deputy()).await.unwrap();
        pupils(&app, &[pupil(SCHOOL, "王芳", &number("20170203", 2), None)]).await;
        let child = called(&app, "王芳").await[0];
        let sees = async || app.app.why_sees(&app.operator(), OPERATOR, named, child).await.unwrap().sees;
        app.app.merge_persons(&app.operator(), OPERATOR, second, names_her, "同一人").await.unwrap();
        app.app.merge_persons(&app.operator(), OPERATOR, third, second, "同一人").await.unwrap();
        assert!(sees().await && app.app.end_lapsed_rights().await.unwrap() == 0, "her name is another one, and she runs it still");
        for absorbed in [second, names_her] {
            app.app.undo_merge(&app.operator(), OPERATOR, absorbed, "核实为两人").await.unwrap();
            assert!(sees().await && app.app.end_lapsed_rights().await.unwrap() == 0);
        }
        revoke(&app, OPERATOR, names_her, AdminRole::School, SCHOOL).await.unwrap();
        assert!(!sees().await, "hers again, she ends with her");
        assert_eq!(app.app.end_lapsed_rights().await.unwrap(), 1);
    }
}
