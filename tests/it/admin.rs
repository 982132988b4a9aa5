//! Roles of administration: a level names the level below, hands on what it has and for no longer, a school has one system
//! administrator, duties are apart where the profile says so, and every look can be explained.

mod lapses;
mod superiors;
mod undone;

use mingji::app::Kind;
use mingji::app::admin::{Granted, Wish};
use mingji::app::relation_claim::Decider;
use mingji::domain::id::PersonId;
use mingji::domain::registry::admin_rule::Protection;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::time::Clock as _;

use crate::support::app::{Engine, TestApp, both_engines, run_on};
use crate::support::binary::Place;
use crate::support::county::{self, COUNTY, INSTITUTIONS, OTHER, SCHOOL, STAFF, called, number, pupil, teacher, text};

const OPERATOR: Decider = Decider::Operator;
const CITY: &str = "ED32010000";

fn wish(role: AdminRole, org: &str) -> Wish {
    Wish { role, org: org.into(), deputy: false, may_delegate: false, until: None }
}

async fn grant(app: &TestApp, by: Decider, person: PersonId, wish: &Wish) -> Result<Granted, Kind> {
    app.app.grant_role(&app.operator(), by, person, wish).await.map_err(|error| error.kind)
}

async fn revoke(app: &TestApp, by: Decider, person: PersonId, role: AdminRole, org: &str) -> Result<(), Kind> {
    app.app.revoke_role(&app.operator(), by, person, role, org).await.map_err(|error| error.kind)
}

async fn missing(app: &TestApp, admin: PersonId, person: PersonId) -> Vec<&'static str> {
    let why = app.app.why_sees(&app.operator(), OPERATOR, admin, person).await.unwrap();
    assert!(!why.sees && why.chains.is_empty(), "{why:?}");
    why.missing
}

fn days(n: u64) -> std::time::Duration {
    std::time::Duration::from_secs(n * 86_400)
}

/// Teachers of the first school.
async fn staff(app: &TestApp, n: u32) -> Vec<PersonId> {
    county::open(app).await;
    let rows: Vec<String> =
        (0..n).map(|n| teacher(SCHOOL, &format!("教师{n}"), &number("19750203", 100 + 2 * n))).collect();
    assert_eq!(county::teachers(app, &rows).await.errors, []);
    let mut people = Vec::new();
    for n in 0..n {
        people.push(called(app, &format!("教师{n}")).await[0]);
    }
    people
}

both_engines! {
    async fn a_level_names_the_level_below_inside_its_own_subtree(app: TestApp) {
        let people = staff(&app, 4).await;
        let city = Decider::Admin(people[0]);
        grant(&app, OPERATOR, people[0], &wish(AdminRole::City, CITY)).await.unwrap();
        for (role, org) in [(AdminRole::City, CITY), (AdminRole::School, SCHOOL), (AdminRole::Province, "ED32000000")] {
            assert_eq!(grant(&app, city, people[1], &wish(role, org)).await.unwrap_err(), Kind::NotFound, "{role}");
        }
        assert_eq!(grant(&app, city, people[0], &wish(AdminRole::County, COUNTY)).await.unwrap_err(), Kind::Conflict, "not to herself");
        assert_eq!(grant(&app, city, people[1], &wish(AdminRole::School, COUNTY)).await.unwrap_err(), Kind::Conflict, "of another level");
        assert!(grant(&app, city, people[1], &wish(AdminRole::County, COUNTY)).await.unwrap().granted);
        let county = Decider::Admin(people[1]);
        assert!(grant(&app, county, people[2], &wish(AdminRole::School, SCHOOL)).await.unwrap().granted);
        let school = Decider::Admin(people[2]);
        assert_eq!(grant(&app, school, people[3], &wish(AdminRole::SchoolRoster, OTHER)).await.unwrap_err(), Kind::NotFound);
        assert!(grant(&app, school, people[3], &wish(AdminRole::SchoolRoster, SCHOOL)).await.unwrap().granted);
        assert_eq!(grant(&app, Decider::Admin(people[3]), people[1], &wish(AdminRole::SchoolRoster, SCHOOL)).await.unwrap_err(), Kind::NotFound);
        assert_eq!(revoke(&app, school, people[1], AdminRole::County, COUNTY).await.unwrap_err(), Kind::NotFound);
        revoke(&app, city, people[1], AdminRole::County, COUNTY).await.unwrap();
        assert_eq!(grant(&app, county, people[3], &wish(AdminRole::School, OTHER)).await.unwrap_err(), Kind::NotFound, "what was taken back gives nothing");
        let listed = app.app.list_grants(&app.operator(), OPERATOR, COUNTY).await.unwrap();
        assert_eq!(listed.iter().map(|row| row.role.as_str()).collect::<Vec<_>>(), ["school_admin", "school_roster"]);
        let seen = app.app.list_grants(&app.operator(), school, COUNTY).await.unwrap_err();
        assert_eq!(seen.kind, Kind::NotFound);
    }

    async fn a_school_has_one_system_administrator_and_named_deputies(app: TestApp) {
        let people = staff(&app, 5).await;
        grant(&app, OPERATOR, people[0], &wish(AdminRole::County, COUNTY)).await.unwrap();
        let county = Decider::Admin(people[0]);
        let first = Wish { may_delegate: true, ..wish(AdminRole::School, SCHOOL) };
        grant(&app, county, people[1], &first).await.unwrap();
        assert_eq!(grant(&app, county, people[2], &wish(AdminRole::School, SCHOOL)).await.unwrap_err(), Kind::Conflict, "there is one");
        let deputy = Wish { deputy: true, ..wish(AdminRole::School, SCHOOL) };
        let named = grant(&app, Decider::Admin(people[1]), people[2], &deputy).await.unwrap();
        assert!(named.granted && named.deputy);
        assert_eq!(grant(&app, Decider::Admin(people[2]), people[3], &deputy).await.unwrap_err(), Kind::NotFound, "a deputy names nobody");
        let by_operator = grant(&app, OPERATOR, people[3], &wish(AdminRole::School, SCHOOL)).await.unwrap();
        assert!(by_operator.deputy, "the operator's next one is a deputy");
        revoke(&app, county, people[1], AdminRole::School, SCHOOL).await.unwrap();
        let runs = wish(AdminRole::School, SCHOOL);
        let (one, other) = tokio::join!(
            grant(&app, county, people[1], &runs),
            grant(&app, county, people[4], &runs)
        );
        assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1, "{one:?} {other:?}");
        let listed = app.app.list_grants(&app.operator(), OPERATOR, SCHOOL).await.unwrap();
        assert_eq!(listed.iter().filter(|row| row.live && !row.deputy).count(), 1, "{listed:?}");
    }

    async fn of_two_records_that_are_one_the_one_that_runs_the_school_goes_on(app: TestApp) {
        let people = staff(&app, 3).await;
        grant(&app, OPERATOR, people[0], &wish(AdminRole::School, SCHOOL)).await.unwrap();
        assert!(grant(&app, OPERATOR, people[1], &wish(AdminRole::School, SCHOOL)).await.unwrap().deputy);
        app.app.merge_persons(&app.operator(), OPERATOR, people[1], people[0], "同一人").await.unwrap();
        let listed = async || {
            let rows = app.app.list_grants(&app.operator(), OPERATOR, SCHOOL).await.unwrap();
            let mut rows: Vec<_> = rows.iter().map(|row| (row.person_id, row.deputy, row.live)).collect();
            rows.sort_by_key(|(_, deputy, _)| *deputy);
            rows
        };
        assert_eq!(listed().await, [(people[1], false, true)]);
        app.app.undo_merge(&app.operator(), OPERATOR, people[0], "不是同一人").await.unwrap();
        assert_eq!(listed().await, [(people[0], false, true), (people[1], true, true)]);
    }

    async fn whoever_looks_at_grants_is_written_down(app: TestApp) {
        let people = staff(&app, 2).await;
        grant(&app, OPERATOR, people[0], &wish(AdminRole::County, COUNTY)).await.unwrap();
        let county = Decider::Admin(people[0]);
        app.app.list_grants(&app.operator(), county, SCHOOL).await.unwrap();
        app.app.why_sees(&app.operator(), county, people[0], people[1]).await.unwrap();
        assert!(app.app.list_grants(&app.operator(), county, CITY).await.is_err());
        let entries = text(&app, "SELECT CAST(actor AS TEXT) || CAST(target AS TEXT) FROM audit_entry WHERE action = 'admin.viewed' ORDER BY id").await;
        assert_eq!(entries.matches(&people[0].to_string()).count(), 3, "who looked, twice, and at whose rights: {entries}");
        assert_eq!(entries.matches(&people[1].to_string()).count(), 1, "{entries}");
        while app.app.number_pending().await.unwrap() > 0 {}
        assert!(app.app.verify_audit(&[]).await.unwrap().holds);
    }

    async fn what_is_handed_on_ends_no_later(app: TestApp) {
        let people = staff(&app, 3).await;
        let until = |ahead| Some(app.clock.now().shanghai_date() + chrono::Days::new(ahead));
        grant(&app, OPERATOR, people[0], &Wish { until: until(10), ..wish(AdminRole::County, COUNTY) }).await.unwrap();
        let county = Decider::Admin(people[0]);
        for end in [None, until(11)] {
            let longer = Wish { until: end, ..wish(AdminRole::School, SCHOOL) };
            assert_eq!(grant(&app, county, people[1], &longer).await.unwrap_err(), Kind::Conflict, "{end:?}");
        }
        grant(&app, county, people[1], &Wish { until: until(10), ..wish(AdminRole::School, SCHOOL) }).await.unwrap();
        let child = pupil(SCHOOL, "王芳", &number("20170203", 2), None);
        county::pupils(&app, &[child]).await;
        let child = called(&app, "王芳").await[0];
        app.clock.advance(days(9));
        assert!(app.app.why_sees(&app.operator(), OPERATOR, people[1], child).await.unwrap().sees);
        app.clock.advance(days(2));
        assert_eq!(missing(&app, people[1], child).await, ["expired"]);
        assert_eq!(grant(&app, county, people[2], &wish(AdminRole::School, SCHOOL)).await.unwrap_err(), Kind::NotFound);
        let anew = grant(&app, OPERATOR, people[2], &wish(AdminRole::School, SCHOOL)).await.unwrap();
        assert!(anew.granted && !anew.deputy, "who expired makes room");
    }

    async fn every_look_can_be_explained(app: TestApp) {
        let people = staff(&app, 3).await;
        let rows = [
            pupil(SCHOOL, "王芳", &number("20170203", 2), Some(("王母", &number("19850203", 6)))),
            pupil(OTHER, "李娜", &number("20170203", 4), None),
        ];
        county::pupils(&app, &rows).await;
        let (child, mother, elsewhere) = (called(&app, "王芳").await[0], called(&app, "王母").await[0], called(&app, "李娜").await[0]);
        assert_eq!(missing(&app, people[0], child).await, ["no_grant"]);
        grant(&app, OPERATOR, people[0], &wish(AdminRole::County, COUNTY)).await.unwrap();
        grant(&app, Decider::Admin(people[0]), people[1], &wish(AdminRole::School, SCHOOL)).await.unwrap();
        let why = app.app.why_sees(&app.operator(), OPERATOR, people[0], child).await.unwrap();
        assert_eq!((why.chains[0].path.clone(), why.chains[0].relation), (vec!["玄武区教育局".to_owned(), "第七实验小学".to_owned()], "student"));
        let why = app.app.why_sees(&app.operator(), OPERATOR, people[1], mother).await.unwrap();
        assert_eq!((why.chains[0].relation, why.chains[0].granted_by), ("guardian", Some(people[0])));
        assert_eq!(missing(&app, people[1], elsewhere).await, ["elsewhere"]);
        let asks = |by, admin, person| { let app = app.clone(); async move { app.app.why_sees(&app.operator(), by, admin, person).await.map(|why| why.sees).map_err(|error| error.kind) } };
        assert_eq!(asks(Decider::Admin(people[0]), people[1], child).await, Ok(true));
        assert_eq!(asks(Decider::Admin(people[1]), people[0], child).await, Err(Kind::NotFound), "a grant above hers does not exist for her");
        assert_eq!(asks(Decider::Admin(people[1]), people[1], elsewhere).await, Err(Kind::NotFound));
        grant(&app, OPERATOR, people[2], &wish(AdminRole::Audit, COUNTY)).await.unwrap();
        assert_eq!(missing(&app, people[2], child).await, ["no_roster_role"]);
        revoke(&app, OPERATOR, people[1], AdminRole::School, SCHOOL).await.unwrap();
        assert_eq!(missing(&app, people[1], child).await, ["revoked"]);
    }

    async fn what_an_administrator_gives_rests_on_a_post_inside_her_subtree(app: TestApp) {
        let people = staff(&app, 2).await;
        grant(&app, OPERATOR, people[0], &wish(AdminRole::County, COUNTY)).await.unwrap();
        let county = Decider::Admin(people[0]);
        county::pupils(&app, &[pupil(SCHOOL, "王芳", &number("20170203", 2), Some(("王母", &number("19850203", 6))))]).await;
        // Seventeen, and employed.
        let young = (app.clock.now().shanghai_date() - chrono::Months::new(12 * 17)).format("%Y%m%d").to_string();
        assert_eq!(county::teachers(&app, &[teacher(SCHOOL, "小赵", &number(&young, 70))]).await.errors, []);
        for name in ["王芳", "王母", "小赵"] {
            let person = called(&app, name).await[0];
            for role in [AdminRole::School, AdminRole::SchoolRoster, AdminRole::Audit] {
                assert_eq!(grant(&app, county, person, &wish(role, SCHOOL)).await.unwrap_err(), Kind::Conflict, "{name} {role}");
            }
        }
        assert!(grant(&app, county, people[1], &wish(AdminRole::School, OTHER)).await.unwrap().granted);
        let rests = "SELECT CASE WHEN staffing_id IS NULL THEN 'nothing' ELSE 'a post' END FROM admin_grant WHERE granted_by IS NOT NULL";
        assert_eq!(text(&app, rests).await, "a post");
        app.app.close_institution(&app.operator(), OPERATOR, OTHER).await.unwrap();
        assert_eq!(grant(&app, OPERATOR, people[1], &wish(AdminRole::SchoolRoster, OTHER)).await.unwrap_err(), Kind::NotFound, "what is closed has no administrator");
    }

    async fn whoever_runs_what_is_above_takes_back_what_is_below(app: TestApp) {
        let people = staff(&app, 6).await;
        grant(&app, OPERATOR, people[0], &wish(AdminRole::City, CITY)).await.unwrap();
        grant(&app, OPERATOR, people[1], &wish(AdminRole::County, COUNTY)).await.unwrap();
        let (city, county, runs) = (Decider::Admin(people[0]), Decider::Admin(people[1]), Decider::Admin(people[2]));
        grant(&app, county, people[2], &Wish { may_delegate: true, ..wish(AdminRole::School, SCHOOL) }).await.unwrap();
        for deputy in &people[3..] {
            let named = Wish { deputy: true, ..wish(AdminRole::School, SCHOOL) };
            assert!(grant(&app, runs, *deputy, &named).await.unwrap().granted);
        }
        revoke(&app, runs, people[3], AdminRole::School, SCHOOL).await.unwrap();
        revoke(&app, county, people[2], AdminRole::School, SCHOOL).await.unwrap();
        revoke(&app, city, people[5], AdminRole::School, SCHOOL).await.unwrap();
        let asked = grant(&app, county, people[4], &wish(AdminRole::School, SCHOOL)).await.unwrap();
        assert_eq!((asked.granted, asked.deputy), (true, false), "what she held as a deputy ended with whoever named her");
        revoke(&app, county, people[4], AdminRole::School, SCHOOL).await.unwrap();
        let anew = grant(&app, county, people[4], &wish(AdminRole::School, SCHOOL)).await.unwrap();
        assert_eq!((anew.granted, anew.deputy), (true, false), "whom the level above names runs the school");
        // Whatever she holds there since: she runs nothing there any more.
        revoke(&app, city, people[1], AdminRole::County, COUNTY).await.unwrap();
        for role in [AdminRole::SchoolRoster, AdminRole::Audit] {
            grant(&app, OPERATOR, people[1], &wish(role, COUNTY)).await.unwrap();
        }
        assert_eq!(revoke(&app, county, people[4], AdminRole::School, SCHOOL).await.unwrap_err(), Kind::NotFound);
    }

    async fn what_ends_by_itself_ends_at_once_and_is_written_down(app: TestApp) {
        let people = staff(&app, 5).await;
        let until = Some(app.clock.now().shanghai_date());
        grant(&app, OPERATOR, people[0], &wish(AdminRole::County, COUNTY)).await.unwrap();
        grant(&app, OPERATOR, people[4], &Wish { until, ..wish(AdminRole::SchoolRoster, SCHOOL) }).await.unwrap();
        let (county, runs) = (Decider::Admin(people[0]), Decider::Admin(people[1]));
        grant(&app, county, people[1], &Wish { may_delegate: true, ..wish(AdminRole::School, SCHOOL) }).await.unwrap();
        let named = Wish { deputy: true, ..wish(AdminRole::School, SCHOOL) };
        assert!(grant(&app, runs, people[2], &named).await.unwrap().granted);
        assert!(grant(&app, OPERATOR, people[3], &named).await.unwrap().deputy);
        let child = pupil(SCHOOL, "王芳", &number("20170203", 2), None);
        county::pupils(&app, &[child]).await;
        let child = called(&app, "王芳").await[0];
        let sees_child = async |who| app.app.why_sees(&app.operator(), OPERATOR, who, child).await.unwrap().sees;
        assert!(sees_child(people[2]).await && sees_child(people[3]).await && sees_child(people[4]).await);
        assert_eq!(app.app.end_lapsed_rights().await.unwrap(), 0);
        // The school gets another system administrator.
        revoke(&app, county, people[1], AdminRole::School, SCHOOL).await.unwrap();
        assert!(!sees_child(people[2]).await, "a deputy acts for whoever named her");
        assert!(sees_child(people[3]).await, "of the operator's nobody is asked");
        app.clock.advance(days(1));
        assert!(!sees_child(people[4]).await);
        let (one, other) = tokio::join!(app.app.end_lapsed_rights(), app.app.end_lapsed_rights());
        assert_eq!(one.unwrap() + other.unwrap(), 2, "each ends once");
        let written = text(&app, "SELECT CAST(details AS TEXT) FROM audit_entry WHERE action = 'admin.revoked' ORDER BY id").await;
        assert_eq!((written.matches("namer").count(), written.matches("time").count()), (1, 1), "{written}");
        let told = text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM event WHERE kind = 'admin.revoked'").await;
        assert_eq!(told, "3", "one by hand, two by themselves");
        assert_eq!(missing(&app, people[4], child).await, ["expired"]);
    }

    async fn a_low_role_over_a_high_institution_names_nobody_above_itself(app: TestApp) {
        let people = staff(&app, 2).await;
        // As the operator may have granted it before levels were asked for.
        grant(&app, OPERATOR, people[0], &wish(AdminRole::School, CITY)).await.unwrap();
        for role in [AdminRole::County, AdminRole::Audit] {
            assert_eq!(grant(&app, Decider::Admin(people[0]), people[1], &wish(role, COUNTY)).await.unwrap_err(), Kind::NotFound, "{role}");
        }
        grant(&app, OPERATOR, people[1], &wish(AdminRole::County, COUNTY)).await.unwrap();
        assert_eq!(revoke(&app, Decider::Admin(people[0]), people[1], AdminRole::County, COUNTY).await.unwrap_err(), Kind::NotFound);
    }
}

async fn duties_are_apart(engine: Engine) {
    let app = TestApp::start_with(engine, "memory:", |parts| parts.protection = Protection::Three).await;
    run_on(app, |app| async move {
        let people = staff(&app, 2).await;
        grant(&app, OPERATOR, people[0], &wish(AdminRole::County, COUNTY)).await.unwrap();
        assert_eq!(
            grant(&app, OPERATOR, people[0], &wish(AdminRole::Audit, COUNTY)).await.unwrap_err(),
            Kind::Conflict
        );
        let (audit, security) = (wish(AdminRole::Audit, COUNTY), wish(AdminRole::Security, COUNTY));
        let (one, other) =
            tokio::join!(grant(&app, OPERATOR, people[1], &audit), grant(&app, OPERATOR, people[1], &security));
        assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1, "{one:?} {other:?}");
        grant(&app, OPERATOR, people[0], &wish(AdminRole::School, OTHER)).await.unwrap();
        let misfit = grant(&app, OPERATOR, people[0], &wish(AdminRole::School, COUNTY)).await;
        assert_eq!(misfit.unwrap_err(), Kind::Conflict, "a role of another level, whoever gives it");
        let merge = async || app.app.merge_persons(&app.operator(), OPERATOR, people[0], people[1], "同一人").await;
        let joined = merge().await.unwrap_err();
        assert!(joined.kind == Kind::Conflict && joined.public.contains("三员分离"), "{joined}");
        let watches = if one.is_ok() { AdminRole::Audit } else { AdminRole::Security };
        revoke(&app, OPERATOR, people[1], watches, COUNTY).await.unwrap();
        merge().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duties_are_apart_on_sqlite() {
    duties_are_apart(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duties_are_apart_on_postgres() {
    let Some(server) = crate::support::need::postgres() else { return };
    duties_are_apart(Engine::Postgres(server)).await;
}

#[test]
fn the_command_explains_and_takes_back() {
    let place = Place::new().with("MINGJI_PROTECTION", "3");
    let rows = [("赵老师", 60), ("钱老师", 62)].map(|(name, n)| teacher(SCHOOL, name, &number("19750203", n))).concat();
    for (kind, file) in [("institutions", INSTITUTIONS.to_owned()), ("staff", format!("{STAFF}{rows}"))] {
        std::fs::write(place.path().join(kind), file).unwrap();
        place.json(&["roster", "import", "--kind", kind, kind], "");
    }
    let list = place.json(&["account", "list", "--org", SCHOOL], "");
    let [one, other] = [0, 1].map(|n| list[n]["user_name"].as_str().unwrap().to_owned());
    let grant = |login: &str, role: &str| place.run(&["admin", "grant", login, "--role", role, "--scope", SCHOOL]);
    assert_eq!(grant(&one, "school_admin").code, Some(0));
    let mixed = grant(&one, "audit_admin");
    assert!(mixed.code == Some(1) && mixed.err.contains("三员分离"), "{}", mixed.err);
    let why = place.run(&["admin", "why", &one, &other]);
    assert!(why.out.contains("school_admin (granted by the operator): 第七实验小学 : staff"), "{}{}", why.out, why.err);
    let listed = place.json(&["admin", "list", "--scope", SCHOOL], "");
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["live"]), (1, &true.into()));
    assert_eq!(place.run(&["admin", "revoke", &one, "--role", "school_admin", "--scope", SCHOOL]).code, Some(0));
    assert_eq!(place.run(&["admin", "revoke", &one, "--role", "school_admin", "--scope", SCHOOL]).code, Some(1));
    assert!(place.run(&["admin", "why", &one, &other]).out.contains("does not see: revoked"));
    // What was given before the profile was raised stays, until the doctor says whose duties are joined.
    let joined = grant(&one, "school_admin").code;
    let mut place = place;
    place.set("MINGJI_PROTECTION", "2");
    let mixed = place.run(&["admin", "grant", &one, "--role", "audit_admin", "--scope", SCHOOL]).code;
    assert_eq!((joined, mixed), (Some(0), Some(0)));
    let hers = place.run(&["doctor"]).out;
    place.set("MINGJI_PROTECTION", "3");
    let told = place.run(&["doctor"]).out;
    let id = list[0]["person_id"].as_str().unwrap();
    assert!(!hers.contains(id) && told.contains(id) && told.contains("三员分离"), "{hers}{told}");
    let wrong = Place::new().with("MINGJI_PROTECTION", "4").run(&["doctor"]);
    assert!(wrong.code != Some(0) && wrong.out.contains("MINGJI_PROTECTION"), "{}", wrong.out);
}
