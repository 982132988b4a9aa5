//! What ends by itself leaves an entry of its own, also where it makes room; a deputy names nobody, and whoever named her is she
//! under whatever record.

use mingji::app::Kind;
use mingji::app::admin::Wish;
use mingji::app::relation_claim::Decider;
use mingji::domain::registry::codes::admin_role::AdminRole;

use super::{OPERATOR, both_engines, grant, revoke, staff, wish};
use crate::support::county::{COUNTY, SCHOOL, called, number, pupil, pupils, text};
use crate::support::database::change;

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

    /// More than one page of rights that cannot be ended stand before one that can.
    async fn what_cannot_be_ended_stands_before_no_other(app: TestApp) {
        let last = staff(&app, 1).await[0];
        pupils(&app, &(0..51).map(|n| pupil(SCHOOL, "赵一", &number("20160203", 1 + n), None)).collect::<Vec<_>>()).await;
        grant(&app, OPERATOR, last, &wish(AdminRole::School, SCHOOL)).await.unwrap();
        let (fails, id, then) = match app.database.url.starts_with("sqlite") {
            true => ("CREATE TRIGGER stuck BEFORE UPDATE OF revoked_at ON admin_grant WHEN NEW.granted_by = NEW.person_id BEGIN SELECT RAISE(ABORT, 'stuck'); END", "randomblob(16)", "DROP TRIGGER stuck"),
            false => ("CREATE FUNCTION stuck() RETURNS trigger AS $$ BEGIN IF NEW.granted_by = NEW.person_id THEN RAISE EXCEPTION 'stuck'; END IF; RETURN NEW; END $$ LANGUAGE plpgsql; CREATE TRIGGER stuck BEFORE UPDATE OF revoked_at ON admin_grant FOR EACH ROW EXECUTE FUNCTION stuck()", "gen_random_uuid()", "DROP TRIGGER stuck ON admin_grant"),
        };
        let url = &app.database.url;
        for role in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
            change(url, &format!("INSERT INTO admin_grant (id, person_id, role, org_id, granted_by, may_delegate, valid_from, valid_to, deputy) SELECT {id}, p.id, '{role}', g.org_id, p.id, g.may_delegate, 0, 1, g.deputy FROM person p CROSS JOIN admin_grant g WHERE p.name = '赵一' AND g.valid_to IS NULL AND g.role = 'school_admin' AND g.person_id = (SELECT id FROM person WHERE name = '教师0')")).await;
        }
        change(url, fails).await;
        // The last of all by its id.
        let end = if url.starts_with("sqlite") { "X'ffffffffffffffffffffffffffffffff'" } else { "'ffffffff-ffff-ffff-ffff-ffffffffffff'" };
        change(url, &format!("UPDATE admin_grant SET id = {end}, valid_to = 1 WHERE role = 'school_admin' AND valid_to IS NULL AND person_id = (SELECT id FROM person WHERE name = '教师0')")).await;
        let told = app.app.end_lapsed_rights().await.unwrap_err();
        assert!(told.to_string().contains("510 rights that are over could not be ended, 1 were"), "{told}");
        let hers = "SELECT CAST(COUNT(*) AS TEXT) FROM audit_entry WHERE action = 'admin.revoked'";
        assert_eq!(text(&app, hers).await, "1");
        change(url, then).await;
        assert_eq!(app.app.end_lapsed_rights().await.unwrap(), 510, "and all of them when nothing is in the way");
    }

    async fn a_deputy_names_no_deputy(app: TestApp) {
        let people = staff(&app, 4).await;
        let refused = grant(&app, OPERATOR, people[0], &Wish { deputy: true, ..names() }).await;
        assert_eq!(refused.unwrap_err(), Kind::Conflict, "a right that would not count is not given");
        grant(&app, OPERATOR, people[0], &names()).await.unwrap();
        // Where a school has its administrator the operator's next one is a deputy, whatever was asked for.
        assert!(grant(&app, OPERATOR, people[1], &names()).await.unwrap().deputy);
        // And of those who were deputies before there was a rule.
        change(&app.database.url, "UPDATE admin_grant SET may_delegate = TRUE WHERE deputy = TRUE").await;
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
