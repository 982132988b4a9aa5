//! Somebody changes her password while she knows it: what that takes, what it ends, and who may not.

use std::time::Duration;

use serde_json::json;

use crate::support::app::{TestApp, both_engines};
use crate::support::browser::Page;
use crate::support::database::Elsewhere;
use crate::support::receiver::Receiver;
use crate::support::relying_party::claims_of;
use crate::support::visitor::Visitor;

const GOOD: &str = "一只安静的旧钢笔";

async fn change(visitor: &mut Visitor, old: &str, new: &str) -> Page {
    let form = visitor.browser.open("/password").await;
    post(visitor, &form, old, new).await
}

async fn post(visitor: &mut Visitor, form: &Page, old: &str, new: &str) -> Page {
    let fields = [("password", old), ("new_password", new), ("new_password_again", new)];
    visitor.browser.submit(form, "new_password", &fields).await
}

async fn knocked(app: &TestApp, key: &str) -> Visitor {
    let mut visitor = app.visitor(key);
    visitor.knock().await;
    visitor
}

async fn opens(app: &TestApp, key: &str, password: &str) -> bool {
    let mut visitor = app.visitor(key);
    visitor.person.password = password.into();
    visitor.knock().await;
    visitor.is_signed_in().await
}

/// The password of the demo world, whatever became of it.
async fn change_back(app: &TestApp, name: &str) {
    let teacher = app.teacher();
    let old = teacher.person.password.clone();
    app.app.set_password(&app.operator(), teacher.person.person_id, old.into()).await.unwrap();
    crate::support::database::change(
        &app.database.url,
        &format!("UPDATE account SET state = 'active' WHERE user_name = '{name}'"),
    )
    .await;
}

both_engines! {
    async fn it_ends_all_other_sessions_and_keeps_this_one(app: TestApp) {
        let receiver = Receiver::start().await;
        let rp = app.register(json!({ "backchannel_logout_uri": receiver.url })).await;
        let (mut here, mut lost) = (app.teacher(), app.teacher());
        let kept = here.sign_in(&rp).await;
        let ask = rp.ask().with("scope", "openid offline_access").with("prompt", "consent");
        let gone = lost.sign_in_with(&rp, ask).await;
        let slip = app.app.issue_activation(&app.operator(), here.person.person_id).await.unwrap().1;
        let before = here.browser.jar.clone();

        let home = here.browser.open("/").await;
        assert!(home.text.contains("href=\"/password\""), "{home:#?}");
        let old = here.person.password.clone();
        let done = change(&mut here, &old, GOOD).await;
        let home = here.browser.follow(&done).await;
        assert!(home.has("told") && home.has("who"), "{home:#?}");
        assert!(!lost.is_signed_in().await);
        assert_eq!(rp.userinfo(&gone.access()).await.error(), "invalid_token");
        assert_eq!(rp.refresh(&gone.refresh()).await.error(), "invalid_grant", "what outlives a sign-out ends too");
        assert_eq!(rp.refresh(&kept.refresh()).await.status, 200, "what lives in this session goes on");
        assert_eq!(claims_of(&receiver.wait_for(1).await.remove(0))["sid"], gone.id_claims()["sid"], "its platform is told");
        assert!(app.teacher().browser.open(&slip).await.has("problem"), "a slip that lies about ends");

        let changed: Vec<_> = before.iter().filter(|(name, value)| here.browser.jar.get(*name) != Some(value)).collect();
        assert!(!changed.is_empty(), "the session goes on under another secret");
        here.browser.jar = before;
        assert!(!here.is_signed_in().await, "and the old one is nobody's");
        assert!(!opens(&app, "full_claims", &old).await && opens(&app, "full_claims", GOOD).await);
    }

    async fn it_takes_the_old_one_and_a_good_new_one(app: TestApp) {
        let mut teacher = knocked(&app, "full_claims").await;
        let old = teacher.person.password.clone();
        for weak in ["short", "12345678", "password2026!", &teacher.person.user_name.clone()] {
            let again = change(&mut teacher, &old, weak).await;
            assert!(again.has("problem") && !again.text.contains(&format!("\"{weak}\"")) || *weak == *teacher.person.user_name, "{weak}");
        }
        let form = teacher.browser.open("/password").await;
        assert!(form.text.contains("autocomplete=\"current-password\"") && form.text.contains("autocomplete=\"new-password\""));
        let differ = [("password", old.as_str()), ("new_password", GOOD), ("new_password_again", "另一只安静的旧钢笔")];
        assert!(teacher.browser.submit(&form, "new_password", &differ).await.has("problem"));
        for wrong in ["", "not the password at all", GOOD] {
            assert!(change(&mut teacher, wrong, GOOD).await.has("problem"), "{wrong}");
        }
        assert!(opens(&app, "full_claims", &old).await && !opens(&app, "full_claims", GOOD).await);
    }

    async fn guesses_at_the_old_one_run_out(app: TestApp) {
        let mut teacher = knocked(&app, "full_claims").await;
        let old = teacher.person.password.clone();
        for _ in 0..20 {
            assert_eq!(change(&mut teacher, "a guess", GOOD).await.status, 200);
        }
        assert_eq!(change(&mut teacher, &old, GOOD).await.status, 429);
        assert!(!opens(&app, "full_claims", GOOD).await, "the right one neither, for a while");
        app.pass(Duration::from_secs(16 * 60));
        assert_eq!(change(&mut teacher, &old, GOOD).await.status, 303);
    }

    async fn of_two_at_once_one_knew_the_old_one(app: TestApp) {
        let mut teacher = knocked(&app, "full_claims").await;
        let old = teacher.person.password.clone();
        // Before anybody posts: whoever came to the page after one was done would stand at the sign-in page.
        let form = teacher.browser.open("/password").await;
        let news = ["一只安静的旧钢笔", "另一只安静的旧钢笔", "第三只安静的旧钢笔"];
        let tries = news.map(|new| {
            let (mut teacher, form, old) = (teacher.clone(), form.clone(), old.clone());
            async move { post(&mut teacher, &form, &old, new).await.status }
        });
        let answers = futures_util::future::join_all(tries).await;
        assert_eq!(answers.iter().filter(|status| **status == 303).count(), 1, "{answers:?}");
        let mut good = 0;
        for new in news {
            good += usize::from(opens(&app, "full_claims", new).await);
        }
        assert_eq!((good, opens(&app, "full_claims", &old).await), (1, false));
    }

    async fn whoever_signs_in_with_the_old_one_at_the_same_moment_is_out(app: TestApp) {
        let mut teacher = knocked(&app, "full_claims").await;
        let old = teacher.person.password.clone();
        let thieves = (0..6).map(|_| {
            let mut thief = app.teacher();
            async move {
                thief.knock().await;
                thief
            }
        });
        let (thieves, done) = tokio::join!(futures_util::future::join_all(thieves), change(&mut teacher, &old, GOOD));
        assert_eq!(done.status, 303, "{done:#?}");
        for mut thief in thieves {
            assert!(!thief.is_signed_in().await);
        }
        assert!(teacher.is_signed_in().await);
    }

    /// What stands when the session begins counts, not what stood when the password was looked at.
    async fn what_changes_while_a_password_is_looked_at_counts(app: TestApp) {
        let name = app.teacher().person.user_name.clone();
        let other = app.person("school_admin").user_name.clone();
        for changed in [
            format!(
                "UPDATE password_credential SET phc = (SELECT o.phc FROM password_credential o JOIN account a ON a.id = o.account_id WHERE a.user_name = '{other}')
                 WHERE account_id = (SELECT id FROM account WHERE user_name = '{name}')"
            ),
            format!("UPDATE account SET state = 'locked' WHERE user_name = '{name}'"),
        ] {
            let mut teacher = app.teacher();
            let form = teacher.browser.open("/sign-in").await;
            let mut elsewhere = Elsewhere::begin(&app.database.url).await;
            // As whoever sets a password does.
            elsewhere.run(&format!("UPDATE account SET state = state WHERE user_name = '{name}'")).await;
            elsewhere.run(&changed).await;
            let mut trying = tokio::spawn(async move {
                let page = teacher.type_password(&form).await;
                (teacher, page)
            });
            let early = tokio::time::timeout(Duration::from_secs(2), &mut trying).await;
            assert!(early.is_err(), "{changed}: whoever does not wait has looked too early");
            elsewhere.commit().await;
            let (mut teacher, page) = trying.await.unwrap();
            assert!(page.has("problem") && !teacher.is_signed_in().await, "{changed}: {page:#?}");
            change_back(&app, &name).await;
        }
    }

    async fn it_is_nobody_elses(app: TestApp) {
        let mut nobody = app.teacher();
        let form = nobody.browser.open("/password").await;
        assert!(!form.asks_for("new_password"), "without a session she signs in first");
        let page = nobody.type_password(&form).await;
        assert!(nobody.browser.follow(&page).await.asks_for("new_password"), "and goes on where she was");
        let fields = [("password", "x"), ("new_password", GOOD)];
        assert!(app.teacher().browser.post("/password", &fields).await.asks_for("login"));
        let old = nobody.person.password.clone();
        let fields = [("password", old.as_str()), ("new_password", GOOD)];
        assert_eq!(nobody.browser.post_from("https://evil.example", "/password", &fields).await.status, 403);
        let known = nobody.browser.open("/.well-known/change-password").await;
        assert!(nobody.browser.follow(&known).await.asks_for("new_password"));

        let mut child = knocked(&app, "child_under14").await;
        let page = child.browser.open("/password").await;
        assert!(page.has("by-family") && !page.asks_for("new_password"), "{page:#?}");
        let old = child.person.password.clone();
        let fields = [("password", old.as_str()), ("new_password", GOOD)];
        assert_eq!(child.browser.post("/password", &fields).await.status, 404);
        assert!(opens(&app, "child_under14", &old).await);
        for key in ["child_15", "guardian_of_two", "school_admin"] {
            let mut visitor = knocked(&app, key).await;
            let old = visitor.person.password.clone();
            assert_eq!(change(&mut visitor, &old, GOOD).await.status, 303, "{key}");
        }
    }
}
