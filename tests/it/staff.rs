//! Members of staff over time: several posts, classes taken over and given up, leaving with everything that rested on the
//! post, and coming back.

use mingji::app::Kind;
use mingji::app::relation_claim::{Decider, Verdict};
use mingji::app::roster_import::{Listener, Login};
use mingji::app::staff_life::{Order, PostPart};
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::codes::staff::{StaffPost, StaffState};
use mingji::domain::registry::roster::{ClassKey, RosterKind};
use mingji::domain::time::Clock as _;

use crate::support::app::{TestApp, both_engines};
use crate::support::binary::Place;
use crate::support::county::{self, COUNTY, INSTITUTIONS, OTHER, SCHOOL, STAFF, called, number, teacher, text};
use crate::support::database::{self, Elsewhere};

const OPERATOR: Decider = Decider::Operator;

struct Silent;

impl Listener for Silent {
    fn progress(&mut self, _: u64, _: u64) {}
    fn login(&mut self, _: &Login) -> std::io::Result<()> {
        Ok(())
    }
}

async fn change(app: &TestApp, by: Decider, person: PersonId, order: Order) -> Result<Vec<PostPart>, Kind> {
    app.app.change_staff(&app.operator(), by, person, None, &order).await.map_err(|error| error.kind)
}

fn join(org: &str) -> Order {
    Order::Join { org: org.into(), post: StaffPost::Teacher, staff_no: None }
}

fn leave(org: Option<&str>) -> Order {
    Order::Leave { org: org.map(Into::into), state: StaffState::Resigned }
}

fn class(no: &str) -> ClassKey {
    ClassKey::read("小学", "2024", no, "2026-11-25".parse().unwrap()).unwrap()
}

fn teach(no: &str, subject: Option<&str>, head: bool) -> Order {
    let subject = subject.map(|code| code.parse().unwrap());
    Order::Teach { org: Some(SCHOOL.into()), class: class(no), subject, head }
}

/// Two teachers of the first school.
async fn school(app: &TestApp) -> [PersonId; 2] {
    county::open(app).await;
    let rows = [teacher(SCHOOL, "赵老师", &number("19750203", 60)), teacher(SCHOOL, "钱老师", &number("19750203", 62))];
    assert_eq!(county::teachers(app, &rows).await.errors, []);
    [called(app, "赵老师").await[0], called(app, "钱老师").await[0]]
}

fn days(n: u64) -> std::time::Duration {
    std::time::Duration::from_secs(n * 86_400)
}

both_engines! {
    async fn a_life_of_work_is_told_as_it_was_on_any_day(app: TestApp) {
        let [hers, _] = school(&app).await;
        let today = || app.clock.now().shanghai_date();
        let mut seen = vec![(today(), vec!["第七实验小学"])];
        for (order, at) in [
            (join(OTHER), vec!["第七实验小学", "第八实验小学"]),
            (leave(Some(SCHOOL)), vec!["第八实验小学"]),
            (Order::Leave { org: None, state: StaffState::Retired }, vec![]),
            (Order::Return { org: SCHOOL.into(), post: Some(StaffPost::Principal) }, vec!["第七实验小学"]),
            (Order::Move { org: None, to: OTHER.into(), post: None }, vec!["第八实验小学"]),
        ] {
            app.clock.advance(days(10));
            let told = change(&app, OPERATOR, hers, order).await.unwrap();
            assert_eq!(told.len(), at.len(), "{told:?}");
            seen.push((today(), at));
        }
        for (day, at) in &seen {
            let told = app.app.posts_as_of(&app.operator(), "核对档案", hers, Some(*day)).await.unwrap();
            let names: Vec<_> = told.iter().map(|part| part.institution.as_str()).collect();
            assert_eq!(&names, at, "{day}");
        }
        let all = app.app.posts_as_of(&app.operator(), "核对档案", hers, None).await.unwrap();
        assert_eq!(all.len(), 4, "each time is a slice of its own");
        let back = all.iter().find(|part| part.post == "31" && part.institution == "第七实验小学").unwrap();
        assert_eq!(back.state, "05", "returned as 在职, and moved on (调出)");
        while app.app.number_pending().await.unwrap() > 0 {}
        assert!(app.app.verify_audit(&[]).await.unwrap().holds);
        app.accounted_for().await;
    }

    async fn a_class_has_one_head_teacher_and_lessons_have_their_time(app: TestApp) {
        let [one, other] = school(&app).await;
        app.clock.advance(days(5));
        change(&app, OPERATOR, one, teach("1班", Some("13"), true)).await.unwrap();
        app.clock.advance(days(5));
        change(&app, OPERATOR, other, teach("1班", None, true)).await.unwrap();
        let heads = "SELECT p.name FROM teaching t JOIN staffing s ON s.id = t.staffing_id JOIN person p ON p.id = s.person_id JOIN institution o ON o.id = s.org_id WHERE t.head_teacher = TRUE AND t.valid_to IS NULL AND o.name = '第七实验小学'";
        assert_eq!(text(&app, heads).await, "钱老师");
        let told = app.app.posts_as_of(&app.operator(), "核对档案", one, Some(app.clock.now().shanghai_date())).await.unwrap();
        assert!(told[0].teaches.iter().any(|lesson| lesson.subject == Some("语文") && !lesson.head_teacher), "{told:?}");
        let before = app.clock.now().shanghai_date() - chrono::Days::new(3);
        let told = app.app.posts_as_of(&app.operator(), "核对档案", one, Some(before)).await.unwrap();
        assert!(told[0].teaches.iter().any(|lesson| lesson.head_teacher), "as it was: {told:?}");
        assert_eq!(change(&app, OPERATOR, one, teach("1班", Some("13"), false)).await.unwrap_err(), Kind::Conflict, "twice");
        assert_eq!(change(&app, OPERATOR, one, teach("9班", Some("13"), false)).await.unwrap_err(), Kind::NotFound);
        assert_eq!(change(&app, OPERATOR, one, teach("1班", None, false)).await.unwrap_err(), Kind::Invalid);
        let cease = Order::Cease { org: None, class: class("1班"), subject: None };
        assert!(change(&app, OPERATOR, one, cease.clone()).await.unwrap()[0].teaches.is_empty());
        assert_eq!(change(&app, OPERATOR, one, cease).await.unwrap_err(), Kind::NotFound);
        let principal = Order::Move { org: None, to: SCHOOL.into(), post: Some(StaffPost::Principal) };
        let told = change(&app, OPERATOR, other, principal).await.unwrap();
        assert_eq!((told.len(), told[0].post, told[0].teaches.len()), (1, "31", 1), "lessons go on under the new post");
        app.accounted_for().await;
    }

    async fn of_two_who_become_the_head_teacher_at_once_one_is(app: TestApp) {
        let [one, other] = school(&app).await;
        let heads = "SELECT p.name FROM teaching t JOIN staffing s ON s.id = t.staffing_id JOIN person p ON p.id = s.person_id WHERE t.head_teacher = TRUE AND t.valid_to IS NULL AND p.name IN ('赵老师', '钱老师')";
        for subject in ["13", "14", "15", "16"] {
            app.clock.advance(days(1));
            let head = || teach("1班", Some(subject), true);
            let (first, second) = tokio::join!(change(&app, OPERATOR, one, head()), change(&app, OPERATOR, other, head()));
            assert!(first.is_ok() || second.is_ok(), "{first:?} {second:?}");
            assert_eq!(text(&app, heads).await.split(',').count(), 1, "{first:?} {second:?}");
        }
        app.accounted_for().await;
    }

    async fn who_leaves_while_another_takes_over_leaves_no_lesson_behind(app: TestApp) {
        let [old, new] = school(&app).await;
        app.clock.advance(days(1));
        change(&app, OPERATOR, old, teach("1班", Some("13"), true)).await.unwrap();
        app.clock.advance(days(1));
        let lite = app.database.url.starts_with("sqlite");
        let today = app.clock.now().shanghai_date();
        let post = "(SELECT s.id FROM staffing s JOIN person p ON p.id = s.person_id WHERE p.name = '赵老师')";
        let behind = "SELECT CAST(COUNT(*) AS TEXT) FROM teaching t JOIN staffing s ON s.id = t.staffing_id WHERE t.valid_to IS NULL AND s.valid_to IS NOT NULL";
        // She is on her way out, and has not given up her classes yet: whoever takes one over waits.
        let mut leaving = Elsewhere::begin(&app.database.url).await;
        leaving.run(&format!("UPDATE staffing SET valid_to = '{today}', version = version + 1 WHERE id = {post}")).await;
        let taking = app.clone();
        let mut taking = tokio::spawn(async move { change(&taking, OPERATOR, new, teach("1班", None, true)).await });
        let a_moment = std::time::Duration::from_millis(400);
        assert!(tokio::time::timeout(a_moment, &mut taking).await.is_err(), "she would teach under a post that is over");
        leaving.run(&format!("UPDATE teaching SET valid_to = '{today}' WHERE valid_to IS NULL AND staffing_id = {post}")).await;
        leaving.commit().await;
        taking.await.unwrap().unwrap();
        assert_eq!(text(&app, behind).await, "0");

        // The class was just taken over, and what she goes on teaching there is not to be seen yet: who leaves waits, and sees it.
        change(&app, OPERATOR, old, Order::Return { org: SCHOOL.into(), post: None }).await.unwrap();
        change(&app, OPERATOR, old, teach("1班", Some("13"), true)).await.unwrap();
        let post = "(SELECT s.id FROM staffing s JOIN person p ON p.id = s.person_id WHERE p.name = '赵老师' AND s.valid_to IS NULL)";
        let (fresh, hold) = if lite { ("randomblob(16)", "") } else { ("gen_random_uuid()", " FOR NO KEY UPDATE") };
        let mut taking = Elsewhere::begin(&app.database.url).await;
        if !lite {
            taking.run(&format!("SELECT 1 FROM staffing WHERE id = {post}{hold}")).await;
        }
        taking.run(&format!("UPDATE teaching SET valid_to = '{today}' WHERE valid_to IS NULL AND head_teacher = TRUE AND staffing_id = {post}")).await;
        taking
            .run(&format!(
                "INSERT INTO teaching (id, staffing_id, class_id, subject, head_teacher, valid_from)
                 SELECT {fresh}, t.staffing_id, t.class_id, t.subject, FALSE, '{today}' FROM teaching t WHERE t.head_teacher = TRUE AND t.staffing_id = {post}"
            ))
            .await;
        let leaving = app.clone();
        let mut leaving = tokio::spawn(async move { change(&leaving, OPERATOR, old, leave(Some(SCHOOL))).await });
        assert!(tokio::time::timeout(a_moment, &mut leaving).await.is_err(), "who does not wait looks too early");
        taking.commit().await;
        leaving.await.unwrap().unwrap();
        assert_eq!(text(&app, behind).await, "0");
    }

    /// She is on her way out, and a class is given to her, by hand or by a row: whoever gives it waits, and gives none.
    async fn nobody_gives_a_class_to_whoever_is_leaving(app: TestApp) {
        let [old, _] = school(&app).await;
        app.clock.advance(days(1));
        let today = app.clock.now().shanghai_date();
        let behind = "SELECT CAST(COUNT(*) AS TEXT) FROM teaching t JOIN staffing s ON s.id = t.staffing_id WHERE t.valid_to IS NULL AND s.valid_to IS NOT NULL";
        for by_row in [false, true] {
            let post = "(SELECT s.id FROM staffing s JOIN person p ON p.id = s.person_id WHERE p.name = '赵老师' AND s.valid_to IS NULL)";
            let hers = "SELECT s.id FROM staffing s JOIN person p ON p.id = s.person_id WHERE p.name = '赵老师'";
            let mut leaving = Elsewhere::begin(&app.database.url).await;
            leaving.run(&format!("UPDATE teaching SET valid_to = '{today}' WHERE valid_to IS NULL AND staffing_id IN ({hers})")).await;
            leaving.run(&format!("UPDATE staffing SET valid_to = '{today}', version = version + 1 WHERE id = {post}")).await;
            let giving = app.clone();
            let mut giving = tokio::spawn(async move {
                if by_row {
                    let row = teacher(SCHOOL, "赵老师", &number("19750203", 60)).replace("1班", "3班");
                    county::teachers(&giving, &[row]).await;
                } else {
                    let given = change(&giving, OPERATOR, old, teach("1班", Some("14"), false)).await;
                    assert!(given.is_err(), "{given:?}");
                }
            });
            let a_moment = std::time::Duration::from_millis(400);
            assert!(tokio::time::timeout(a_moment, &mut giving).await.is_err(), "she would teach under a post that is over");
            leaving.commit().await;
            giving.await.unwrap();
            assert_eq!(text(&app, behind).await, "0", "{by_row}");
            if !by_row {
                change(&app, OPERATOR, old, Order::Return { org: SCHOOL.into(), post: None }).await.unwrap();
            }
        }
    }

    async fn a_class_with_two_heads_of_before_stops_no_import(app: TestApp) {
        school(&app).await;
        let heads = "SELECT p.name FROM teaching t JOIN staffing s ON s.id = t.staffing_id JOIN person p ON p.id = s.person_id WHERE t.head_teacher = TRUE AND t.valid_to IS NULL AND p.name IN ('赵老师', '钱老师') ORDER BY p.name";
        let both = "UPDATE teaching SET head_teacher = TRUE WHERE staffing_id IN (SELECT s.id FROM staffing s JOIN person p ON p.id = s.person_id WHERE p.name IN ('赵老师', '钱老师'))";
        database::change(&app.database.url, both).await;
        assert_eq!(text(&app, heads).await.split(',').count(), 2);
        // Each says of another subject that she is the head teacher.
        for (name, serial) in [("赵老师", 60), ("钱老师", 62)] {
            let row = teacher(SCHOOL, name, &number("19750203", serial));
            let file = format!("{},任教学科,班主任\n{},语文,是\n", STAFF.trim_end(), row.trim_end());
            let told = app.app.import_roster(&app.operator(), RosterKind::Staff, file.as_bytes(), false, &mut Silent).await.unwrap();
            let warned: Vec<_> = told.warnings.iter().map(|one| one.code).collect();
            assert_eq!((told.updated, warned), (1, vec!["value_differs"]), "{told:?}");
        }
        assert_eq!(text(&app, heads).await.split(',').count(), 2, "who it is, somebody says");
    }

    async fn a_claim_that_is_late_makes_no_second_head_teacher(app: TestApp) {
        let [hers, _] = school(&app).await;
        let next = county::administrator(&app, 22, OTHER, AdminRole::School).await;
        let above = Decider::Admin(county::administrator(&app, 24, COUNTY, AdminRole::County).await);
        assert_eq!(county::teachers(&app, &[teacher(OTHER, "孙老师", &number("19750203", 64))]).await.errors, []);
        let file = format!("{},班主任\n{},是\n", STAFF.trim_end(), teacher(OTHER, "赵老师", &number("19750203", 60)).trim_end());
        let told = app.app.import_roster_as(&app.operator(), next, RosterKind::Staff, file.as_bytes(), false, &mut Silent).await.unwrap();
        assert_eq!(told.errors.len(), 0, "{told:?}");
        let head = Order::Teach { org: Some(OTHER.into()), class: class("1班"), subject: None, head: true };
        change(&app, OPERATOR, called(&app, "孙老师").await[0], head).await.unwrap();
        let [claim] = &app.app.pending_claims(&app.operator(), above, OTHER, None).await.unwrap()[..] else { panic!("one claim") };
        let decided = app.app.decide_claim(&app.operator(), above, claim.id, Verdict::Confirm).await.unwrap();
        assert!(decided.head_taken, "{decided:?}");
        let heads = "SELECT p.name FROM teaching t JOIN staffing s ON s.id = t.staffing_id JOIN person p ON p.id = s.person_id JOIN institution o ON o.id = s.org_id WHERE t.head_teacher = TRUE AND t.valid_to IS NULL AND o.name = '第八实验小学'";
        assert_eq!(text(&app, heads).await, "孙老师");
        let told = app.app.posts_as_of(&app.operator(), "核对档案", hers, None).await.unwrap();
        let there = told.iter().find(|part| part.institution == "第八实验小学").unwrap();
        assert_eq!(there.teaches.len(), 1, "she teaches there: {told:?}");
    }

    async fn whoever_left_comes_to_another_school_by_who_governs_both(app: TestApp) {
        let [hers, _] = school(&app).await;
        let next = county::administrator(&app, 22, OTHER, AdminRole::School).await;
        let above = Decider::Admin(county::administrator(&app, 24, COUNTY, AdminRole::County).await);
        change(&app, OPERATOR, hers, leave(None)).await.unwrap();
        let file = format!("{STAFF}{}", teacher(OTHER, "赵老师", &number("19750203", 60)));
        app.app.import_roster_as(&app.operator(), next, RosterKind::Staff, file.as_bytes(), false, &mut Silent).await.unwrap();
        let [claim] = &app.app.pending_claims(&app.operator(), above, OTHER, None).await.unwrap()[..] else { panic!("one claim") };
        let alone = app.app.decide_claim(&app.operator(), Decider::Admin(next), claim.id, Verdict::Confirm).await;
        assert_eq!(alone.unwrap_err().kind, Kind::NotFound);
        app.app.decide_claim(&app.operator(), above, claim.id, Verdict::Confirm).await.unwrap();
        let told = app.app.posts_as_of(&app.operator(), "核对档案", hers, Some(app.clock.now().shanghai_date())).await.unwrap();
        assert_eq!(told.iter().map(|part| part.institution.as_str()).collect::<Vec<_>>(), ["第八实验小学"]);
    }

    async fn nobody_holds_one_post_twice_on_a_day(app: TestApp) {
        let [hers, _] = school(&app).await;
        let first = app.clock.now().shanghai_date();
        app.clock.advance(days(20));
        change(&app, OPERATOR, hers, leave(None)).await.unwrap();
        app.clock.advance(days(5));
        for order in [join(SCHOOL), Order::Return { org: SCHOOL.into(), post: None }] {
            let during = app.app.change_staff(&app.operator(), OPERATOR, hers, first.succ_opt(), &order).await;
            assert_eq!(during.unwrap_err().kind, Kind::Conflict, "she held it then");
        }
        change(&app, OPERATOR, hers, join(OTHER)).await.unwrap();
        let back = Order::Move { org: None, to: SCHOOL.into(), post: None };
        change(&app, OPERATOR, hers, back).await.unwrap();
    }

    async fn leaving_ends_what_rested_on_the_post(app: TestApp) {
        let teacher = app.person("full_claims").person_id;
        let (platform, mut visitor) = (app.client("platform_a"), app.teacher());
        let tokens = visitor.sign_in(&platform).await;
        let code = text(&app, &format!("SELECT k.value FROM institution_code k JOIN staffing s ON s.org_id = k.org_id JOIN account a ON a.person_id = s.person_id WHERE k.valid_to IS NULL AND a.user_name = '{}'", app.person("full_claims").user_name)).await;
        app.app.grant_admin(&app.operator(), teacher, AdminRole::School, &code).await.unwrap();
        assert_eq!(platform.userinfo(&tokens.access()).await.status, 200);
        let admin = Decider::Admin(teacher);
        app.app.pending_claims(&app.operator(), admin, &code, None).await.unwrap();
        change(&app, OPERATOR, teacher, leave(None)).await.unwrap();
        assert_eq!(platform.userinfo(&tokens.access()).await.status, 401);
        assert_eq!(platform.refresh(&tokens.refresh()).await.error(), "invalid_grant");
        let gone = app.app.pending_claims(&app.operator(), admin, &code, None).await.unwrap_err();
        assert_eq!(gone.kind, Kind::NotFound, "who left administers nothing");
        let told = text(&app, "SELECT kind FROM event WHERE kind IN ('admin.revoked', 'person.left_post') ORDER BY kind").await;
        assert_eq!(told, "admin.revoked,person.left_post");
        change(&app, OPERATOR, teacher, Order::Return { org: code.clone(), post: None }).await.unwrap();
        let still = app.app.pending_claims(&app.operator(), admin, &code, None).await.unwrap_err();
        assert_eq!(still.kind, Kind::NotFound, "coming back brings no rights back");
        app.accounted_for().await;
    }

    async fn rights_rest_on_the_post_they_were_given_to(app: TestApp) {
        let [hers, _] = school(&app).await;
        change(&app, OPERATOR, hers, join(OTHER)).await.unwrap();
        for (scope, role) in [(SCHOOL, AdminRole::School), (OTHER, AdminRole::SchoolRoster)] {
            app.app.grant_admin(&app.operator(), hers, role, scope).await.unwrap();
        }
        let live = "SELECT g.role FROM admin_grant g JOIN person p ON p.id = g.person_id WHERE g.revoked_at IS NULL AND p.name = '赵老师' ORDER BY g.role";
        change(&app, OPERATOR, hers, leave(Some(SCHOOL))).await.unwrap();
        assert_eq!(text(&app, live).await, "school_roster", "the other post stands");
        change(&app, OPERATOR, hers, leave(None)).await.unwrap();
        assert_eq!(text(&app, live).await, "");
        app.accounted_for().await;
    }

    async fn an_administrator_keeps_her_own_staff(app: TestApp) {
        let [hers, _] = school(&app).await;
        let admin = async |serial, scope, role| county::administrator(&app, serial, scope, role).await;
        let own = admin(20, SCHOOL, AdminRole::School).await;
        let other = Decider::Admin(admin(22, OTHER, AdminRole::School).await);
        let above = Decider::Admin(admin(24, COUNTY, AdminRole::County).await);
        assert_eq!(change(&app, other, hers, join(OTHER)).await.unwrap_err(), Kind::NotFound, "others hold her (R1)");
        assert_eq!(change(&app, other, hers, leave(None)).await.unwrap_err(), Kind::NotFound);
        assert_eq!(change(&app, Decider::Admin(own), own, leave(None)).await.unwrap_err(), Kind::NotFound, "not about herself");
        assert_eq!(change(&app, Decider::Admin(own), hers, join(OTHER)).await.unwrap_err(), Kind::NotFound);
        let away = Order::Move { org: None, to: OTHER.into(), post: None };
        assert_eq!(change(&app, Decider::Admin(own), hers, away.clone()).await.unwrap_err(), Kind::NotFound);
        assert_eq!(change(&app, above, hers, away).await.unwrap()[0].institution, "第八实验小学");
        change(&app, other, hers, leave(None)).await.unwrap();
        let back = Order::Return { org: OTHER.into(), post: None };
        assert_eq!(change(&app, other, hers, back).await.unwrap().len(), 1, "whoever belongs nowhere comes back");
    }

    async fn of_two_at_once_one_is_done(app: TestApp) {
        let [hers, _] = school(&app).await;
        app.clock.advance(days(1));
        let (one, other) = tokio::join!(change(&app, OPERATOR, hers, leave(None)), change(&app, OPERATOR, hers, leave(None)));
        assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1, "{one:?} {other:?}");
        let (one, other) = tokio::join!(change(&app, OPERATOR, hers, join(OTHER)), change(&app, OPERATOR, hers, join(OTHER)));
        assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1, "{one:?} {other:?}");
        assert_eq!(app.app.posts_as_of(&app.operator(), "核对档案", hers, None).await.unwrap().len(), 2);
    }
}

#[test]
fn the_command_says_what_it_did_and_why_not() {
    let place = Place::new();
    let rows = teacher(SCHOOL, "赵老师", &number("19750203", 60));
    for (kind, file) in [("institutions", INSTITUTIONS.to_owned()), ("staff", format!("{STAFF}{rows}"))] {
        std::fs::write(place.path().join(kind), file).unwrap();
        place.json(&["roster", "import", "--kind", kind, kind], "");
    }
    let list = place.json(&["account", "list", "--org", SCHOOL], "");
    let person = list[0]["person_id"].as_str().unwrap();
    let held = place.json(&["staff", "join", "--person", person, "--org", OTHER, "--post", "校领导"], "");
    assert_eq!(held.as_array().unwrap().len(), 2, "{held}");
    let unclear = place.run(&["staff", "leave", "--person", person]);
    assert!(unclear.code == Some(1) && unclear.err.contains("--org CODE"), "{}", unclear.err);
    let wrong = place.run(&["staff", "leave", "--person", person, "--org", OTHER, "--state", "在职"]);
    assert!(wrong.code == Some(1) && wrong.err.contains("does not end a post"), "{}", wrong.err);
    let left = place.json(&["staff", "leave", "--person", person, "--org", OTHER, "--state", "退休"], "");
    assert_eq!(left.as_array().unwrap().len(), 1, "{left}");
    let text = place.run(&["staff", "show", "--person", person, "--reason", "核对任职"]).out;
    assert!(text.contains("第七实验小学") && text.contains("2024级1班") && text.contains("校领导"), "{text}");
}
