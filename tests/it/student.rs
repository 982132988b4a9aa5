//! What happens to students: every change keeps how it was, what is not possible is refused with its reason, and what rests
//! on a stay goes on with it and ends with it.

use mingji::app::Kind;
use mingji::app::relation_claim::Decider;
use mingji::app::student_life::{Order, StayPart, Whose};
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::student_state::StudentState;
use mingji::domain::registry::roster::ClassKey;

use crate::support::app::{TestApp, both_engines};
use crate::support::binary::Place;
use crate::support::county::{self, COUNTY, INSTITUTIONS, OTHER, SCHOOL, STUDENTS, called, number, pupil, text};

const OPERATOR: Decider = Decider::Operator;

fn class(year: &str, no: &str) -> ClassKey {
    ClassKey::read("小学", year, no, "2026-11-25".parse().unwrap()).unwrap()
}

async fn change(app: &TestApp, by: Decider, person: PersonId, order: Order) -> Result<StayPart, Kind> {
    let whose = Whose { person, org: None, day: None, code: None };
    app.app.change_student(&app.operator(), by, &whose, &order).await.map_err(|error| error.kind)
}

/// A school with pupils in classes of two years, and the first of them.
async fn school(app: &TestApp) -> PersonId {
    county::open(app).await;
    let beside = |row: String, year, no| row.replace(",2024,1班,", &format!(",{year},{no},"));
    let rows = [
        pupil(SCHOOL, "王芳", &number("20170203", 2), None),
        beside(pupil(SCHOOL, "同年级", &number("20170203", 4), None), "2024", "2班"),
        beside(pupil(SCHOOL, "低年级", &number("20170203", 6), None), "2025", "1班"),
    ];
    assert_eq!(county::pupils(app, &rows).await.errors, []);
    called(app, "王芳").await[0]
}

fn days(n: u64) -> std::time::Duration {
    std::time::Duration::from_secs(n * 86_400)
}

both_engines! {
    async fn a_life_at_a_school_is_told_as_it_was_on_any_day(app: TestApp) {
        let hers = school(&app).await;
        let today = || mingji::domain::time::Clock::now(&*app.clock).shanghai_date();
        let mut seen = vec![(today(), "01", "1班")];
        for (order, state, no) in [
            (Order::Move(class("2024", "2班")), "01", "2班"),
            (Order::Suspend, "02", "2班"),
            (Order::Resume(Some(class("2025", "1班"))), "05", "1班"),
            (Order::End(StudentState::Withdrawn), "03", "1班"),
        ] {
            app.clock.advance(days(10));
            let told = change(&app, OPERATOR, hers, order).await.unwrap();
            assert_eq!((told.state, told.from), (state, today()));
            seen.push((today(), state, no));
        }
        let stays = text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM enrolment e JOIN person p ON p.id = e.person_id WHERE p.name = '王芳'").await;
        assert_eq!(stays, "1", "one stay with one id");
        for (n, (day, state, no)) in seen.iter().enumerate() {
            let told = app.app.enrolments_as_of(&app.operator(), "核对档案", hers, Some(*day)).await.unwrap();
            if n == 4 {
                assert!(told.is_empty(), "from its end on there is none");
            } else {
                assert_eq!((told.len(), told[0].state), (1, *state));
                assert!(told[0].class.as_deref().unwrap().contains(no), "{told:?}");
            }
        }
        let all = app.app.enrolments_as_of(&app.operator(), "核对档案", hers, None).await.unwrap();
        assert_eq!(all.len(), 4);
        assert!(all.windows(2).all(|pair| pair[0].to == Some(pair[1].from)), "{all:?}");
        assert!(app.app.enrolments_as_of(&app.operator(), "核对档案", hers, Some("2001-01-01".parse().unwrap())).await.unwrap().is_empty());
        let verdict = async { while app.app.number_pending().await.unwrap() > 0 {} app.app.verify_audit(&[]).await.unwrap() };
        assert!(verdict.await.holds);
        app.accounted_for().await;
    }

    async fn what_is_not_possible_is_refused_and_changes_nothing(app: TestApp) {
        let hers = school(&app).await;
        for order in [
            Order::Resume(None),
            Order::Move(class("2025", "1班")),
            Order::Skip(class("2025", "1班")),
            Order::End(StudentState::Expelled),
            Order::End(StudentState::Suspended),
            Order::End(StudentState::TransferredOut),
        ] {
            assert_eq!(change(&app, OPERATOR, hers, order.clone()).await.unwrap_err(), Kind::Conflict, "{order:?}");
        }
        assert_eq!(change(&app, OPERATOR, hers, Order::Move(class("2024", "9班"))).await.unwrap_err(), Kind::NotFound);
        let whose = |day: &str| Whose { person: hers, org: None, day: Some(day.parse().unwrap()), code: None };
        for (day, kind) in [("2999-01-01", Kind::Invalid), ("2001-01-01", Kind::Conflict)] {
            let refused = app.app.change_student(&app.operator(), OPERATOR, &whose(day), &Order::Suspend).await;
            assert_eq!(refused.unwrap_err().kind, kind, "{day}");
        }
        let elsewhere = Whose { org: Some(OTHER.into()), day: None, code: None, person: hers };
        let refused = app.app.change_student(&app.operator(), OPERATOR, &elsewhere, &Order::Suspend).await;
        assert_eq!(refused.unwrap_err().kind, Kind::NotFound);
        assert_eq!(text(&app, "SELECT CAST(COUNT(*) AS TEXT) FROM enrolment_slice").await, "0");
        assert_eq!(change(&app, OPERATOR, hers, Order::Repeat(class("2025", "1班"))).await.unwrap().grade, Some("P2"));
    }

    async fn only_whose_school_it_is_changes_it(app: TestApp) {
        let hers = school(&app).await;
        let admin = async |serial, scope, role| Decider::Admin(county::administrator(&app, serial, scope, role).await);
        let other = admin(20, OTHER, AdminRole::School).await;
        let own = admin(22, SCHOOL, AdminRole::SchoolRoster).await;
        let above = admin(24, COUNTY, AdminRole::County).await;
        let Decider::Admin(nobody) = own else { panic!("an administrator") };
        assert_eq!(change(&app, other, hers, Order::Suspend).await.unwrap_err(), Kind::NotFound);
        assert_eq!(change(&app, Decider::Admin(hers), hers, Order::Suspend).await.unwrap_err(), Kind::NotFound);
        assert_eq!(change(&app, own, nobody, Order::Suspend).await.unwrap_err(), Kind::NotFound);
        assert_eq!(change(&app, own, hers, Order::Suspend).await.unwrap().state, "02");
        assert_eq!(change(&app, above, hers, Order::Resume(None)).await.unwrap().state, "05");
    }

    async fn of_two_at_once_one_is_done(app: TestApp) {
        let hers = school(&app).await;
        app.clock.advance(days(1));
        let leave = |state| change(&app, OPERATOR, hers, Order::End(state));
        let (one, other) = tokio::join!(leave(StudentState::Withdrawn), leave(StudentState::DroppedOut));
        assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1, "{one:?} {other:?}");
        assert_eq!(app.app.enrolments_as_of(&app.operator(), "核对档案", hers, None).await.unwrap().len(), 1, "and told once");
        app.accounted_for().await;
    }

    async fn platforms_keep_her_through_a_move_and_lose_her_with_the_end(app: TestApp) {
        let child = app.person("child_15").person_id;
        let (platform, mut visitor) = (app.client("platform_a"), app.visitor("child_15"));
        let tokens = visitor.sign_in(&platform).await;
        assert_eq!(change(&app, OPERATOR, child, Order::Suspend).await.unwrap().state, "02");
        assert_eq!(change(&app, OPERATOR, child, Order::Resume(None)).await.unwrap().state, "05");
        assert_eq!(platform.userinfo(&tokens.access()).await.status, 200, "the stay kept its id");
        change(&app, OPERATOR, child, Order::End(StudentState::Withdrawn)).await.unwrap();
        assert_eq!(platform.userinfo(&tokens.access()).await.status, 401);
        assert_eq!(platform.refresh(&tokens.refresh()).await.error(), "invalid_grant");
        app.accounted_for().await;
    }
}

#[test]
fn the_command_says_what_it_did_and_why_not() {
    let place = Place::new();
    let rows = pupil(SCHOOL, "王芳", &number("20170203", 2), None);
    for (kind, file) in [("institutions", INSTITUTIONS.to_owned()), ("students", format!("{STUDENTS}{rows}"))] {
        std::fs::write(place.path().join(kind), file).unwrap();
        place.json(&["roster", "import", "--kind", kind, kind], "");
    }
    let list = place.json(&["account", "list", "--org", SCHOOL], "");
    let person = list[0]["person_id"].as_str().unwrap();
    let away = place.json(&["student", "suspend", "--person", person], "");
    assert_eq!((&away["state"], &away["state_label"]), (&"02".into(), &"休学".into()));
    let twice = place.run(&["student", "suspend", "--person", person]);
    assert!(twice.code == Some(1) && twice.err.contains("`resume` first"), "{}", twice.err);
    let typed = place.run(&["student", "resume", "--person", person, "--class", "小学2024"]);
    assert!(typed.code == Some(1) && typed.err.contains("学段/入学年份/班级"), "{}", typed.err);
    let told = place.json(&["student", "history", "--person", person, "--reason", "核对学籍"], "");
    assert_eq!(told[0]["state"], "02", "{told}");
    let text = place.run(&["student", "history", "--person", person, "--reason", "核对学籍"]).out;
    assert!(text.contains("第七实验小学") && text.contains("休学"), "{text}");
}
