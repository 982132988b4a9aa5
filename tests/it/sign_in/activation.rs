//! A printed code or a link becomes a password of one's own (R12).

use std::time::Duration;

use mingji::app::Ctx;
use mingji::app::activation::ActivationProblem;
use tokio::task::JoinSet;

use crate::support::app::both_engines;
use crate::support::county::{self, SCHOOL, number, pupil, pupils, text};

const GOOD: &str = "一只安静的旧钢笔";
const FIELDS: [(&str, &str); 2] = [("new_password", GOOD), ("new_password_again", GOOD)];

both_engines! {
    async fn looking_does_not_consume_it_and_posting_does(app: TestApp) {
        let mut teacher = app.teacher();
        let old = teacher.person.password.clone();
        let (_, link) = app.app.issue_activation(&app.operator(), teacher.person.person_id).await.unwrap();
        assert!(link.starts_with(&app.issuer));
        for _ in 0..3 {
            let page = teacher.browser.open(&link).await;
            assert!(page.asks_for("new_password") && page.text.contains(&teacher.person.user_name), "{page:#?}");
            assert!(!page.text.contains("钟明远"), "a name is masked");
            assert_eq!(page.headers["referrer-policy"], "no-referrer");
        }
        let page = teacher.browser.open(&link).await;
        let done = teacher.browser.submit(&page, "new_password", &FIELDS).await;
        assert!(done.text.contains(&teacher.person.user_name) && !done.asks_for("new_password"));
        let again = teacher.browser.submit(&page, "new_password", &FIELDS).await;
        assert!(again.has("problem"), "{again:#?}");
        assert!(teacher.browser.open(&link).await.has("problem"));

        let form = teacher.browser.open("/sign-in").await;
        let user_name = teacher.person.user_name.clone();
        assert!(teacher.type_in(&form, &user_name, &old).await.has("problem"), "the old password is gone");
        teacher.type_in(&form, &user_name, GOOD).await;
        assert!(teacher.is_signed_in().await);
    }

    /// ASVS 6.3.2: an account that a roster brought opens to nobody before its person chose a password.
    async fn whoever_was_imported_has_no_way_in_yet(app: TestApp) {
        county::open(&app).await;
        pupils(&app, &[pupil(SCHOOL, "赵一", &number("20160203", 1), None)]).await;
        let made = "FROM account a JOIN person p ON p.id = a.person_id WHERE p.name = '赵一'";
        assert_eq!(text(&app, &format!("SELECT a.state {made}")).await, "inactive");
        assert_eq!(text(&app, &format!("SELECT CAST(COUNT(*) AS TEXT) FROM password_credential c WHERE c.account_id IN (SELECT a.id {made})")).await, "0");
        let name = text(&app, &format!("SELECT a.user_name {made}")).await;
        let mut visitor = app.teacher();
        for guess in [name.as_str(), "123456", "赵一", ""] {
            let page = visitor.browser.open("/sign-in").await;
            visitor.type_in(&page, &name, guess).await;
            assert!(!visitor.is_signed_in().await, "{guess}");
        }
    }

    async fn of_eight_who_post_together_one_wins(app: TestApp) {
        let mut teacher = app.teacher();
        let (_, link) = app.app.issue_activation(&app.operator(), teacher.person.person_id).await.unwrap();
        let page = teacher.browser.open(&link).await;
        let mut posts = Vec::new();
        for at in 0..8 {
            let (mut browser, page) = (app.teacher().browser, page.clone());
            posts.push(tokio::spawn(async move {
                let own = format!("{GOOD}{at}");
                let fields = [("new_password", own.as_str()), ("new_password_again", own.as_str())];
                browser.submit(&page, "new_password", &fields).await.has("problem")
            }));
        }
        let mut winners = 0;
        for post in posts {
            winners += usize::from(!post.await.unwrap());
        }
        assert_eq!(winners, 1);
    }

    async fn a_weak_password_is_refused_and_the_code_stays_good(app: TestApp) {
        let mut teacher = app.teacher();
        let (_, link) = app.app.issue_activation(&app.operator(), teacher.person.person_id).await.unwrap();
        let page = teacher.browser.open(&link).await;
        let own = format!("{}!", teacher.person.user_name);
        let long = "长".repeat(129);
        for weak in ["short", "12345678", "woaini1314", own.as_str(), long.as_str()] {
            let fields = [("new_password", weak), ("new_password_again", weak)];
            let refused = teacher.browser.submit(&page, "new_password", &fields).await;
            assert!(refused.has("problem") && refused.asks_for("new_password"), "{weak}");
            assert_eq!(refused.value_of("new_password").as_deref(), Some(""), "a password never comes back");
        }
        let differing = [("new_password", GOOD), ("new_password_again", "另一句话不一样的")];
        assert!(teacher.browser.submit(&page, "new_password", &differing).await.has("problem"));
        assert!(!teacher.browser.submit(&page, "new_password", &FIELDS).await.has("problem"));
    }

    async fn it_lives_fourteen_days_and_a_new_one_ends_the_old(app: TestApp) {
        let mut teacher = app.teacher();
        let person = teacher.person.person_id;
        let (_, first) = app.app.issue_activation(&app.operator(), person).await.unwrap();
        let (_, second) = app.app.issue_activation(&app.operator(), person).await.unwrap();
        assert!(teacher.browser.open(&first).await.has("problem"));
        app.pass(Duration::from_secs(14 * 24 * 3600 - 60));
        let page = teacher.browser.open(&second).await;
        assert!(!page.has("problem"));
        app.pass(Duration::from_secs(120));
        assert!(teacher.browser.open(&second).await.has("problem"));
        assert!(teacher.browser.submit(&page, "new_password", &FIELDS).await.has("problem"));
    }

    async fn a_code_is_typed_as_it_is_read(app: TestApp) {
        let mut teacher = app.teacher();
        let (code, _) = app.app.issue_activation(&app.operator(), teacher.person.person_id).await.unwrap();
        let typed = code.to_uppercase().replace('-', " ").replace('0', "O").replace('1', "I");
        let page = teacher.browser.open("/activate").await;
        let mut fields = FIELDS.to_vec();
        fields.push(("code", &typed));
        let done = teacher.browser.submit(&page, "new_password", &fields).await;
        assert!(done.text.contains(&teacher.person.user_name) && !done.has("problem"), "{done:#?}");
        let nonsense = [("code", "zzzz-zzzz-zzzz"), ("new_password", GOOD)];
        assert!(teacher.browser.post("/activate", &nonsense).await.has("problem"));
    }

    /// Nobody else's request waits for a connection that somebody who guesses sleeps with.
    async fn whoever_waits_for_guessing_keeps_nobody_waiting(app: TestApp) {
        let ctx = Ctx { ip: Some("192.0.2.7".parse().unwrap()), ..app.operator() };
        let guess = |n: u32| {
            let (app, ctx) = (app.clone(), ctx.clone());
            async move { app.app.show_activation(&ctx, &format!("zzzz-{n:08}")).await.unwrap().err() }
        };
        let mut before = JoinSet::new();
        (0..420).for_each(|n| drop(before.spawn(guess(n))));
        while let Some(told) = before.join_next().await {
            assert_eq!(told.unwrap(), Some(ActivationProblem::Unknown));
        }
        // Each of these waits two seconds.
        let mut waiting = JoinSet::new();
        (500..564).for_each(|n| drop(waiting.spawn(guess(n))));
        tokio::time::sleep(Duration::from_millis(300)).await;
        let begun = std::time::Instant::now();
        assert_eq!(app.http.get(app.at("/readyz")).send().await.unwrap().status(), 200);
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        assert!(waiting.try_join_next().is_none(), "they still wait");
    }

    async fn it_ends_the_sessions_of_whoever_was_inside(app: TestApp) {
        let rp = app.client("platform_a");
        let mut thief = app.teacher();
        let tokens = thief.sign_in(&rp).await;
        let (_, link) = app.app.issue_activation(&app.operator(), thief.person.person_id).await.unwrap();
        assert!(thief.is_signed_in().await, "the link alone changes nothing");
        let mut owner = app.teacher();
        let page = owner.browser.open(&link).await;
        owner.browser.submit(&page, "new_password", &FIELDS).await;
        assert!(!thief.is_signed_in().await);
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_grant");
    }
}
