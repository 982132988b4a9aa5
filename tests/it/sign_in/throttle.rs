//! Guessing is slowed down, and locks nobody out (R17).

use std::time::Duration;

use mingji::domain::auth::throttle::{DEVICE_BUDGET, STRANGER_BUDGET, WINDOW};
use mingji::domain::registry::user_name::UserName;
use mingji::keys::random::SystemRandom;

use super::password::number_of;
use crate::ephemeral::{ask_redis, database_of_its_own, keys_of};
use crate::support::app::{Engine, TestApp, both_engines, run_on, run_with};
use crate::support::need;
use crate::support::visitor::Visitor;

/// Strangers fail at a login until it is closed to them, after so many who did before.
async fn spend_but(app: &TestApp, login: &str, before: u64) {
    for _ in before..STRANGER_BUDGET {
        assert_eq!(app.teacher().guess(login).await.status, 200);
    }
    assert_eq!(app.teacher().guess(login).await.status, 429);
}

async fn spend(app: &TestApp, login: &str) {
    spend_but(app, login, 0).await;
}

/// A login that nobody has.
fn nobody() -> String {
    UserName::generate(&SystemRandom::new()).to_string()
}

both_engines! {
    async fn strangers_spend_one_budget_and_the_owner_keeps_hers(app: TestApp) {
        let mut owner = app.teacher();
        owner.knock().await;
        let home = owner.browser.open("/").await;
        owner.browser.press(&home, "confirm", "yes").await;

        let user_name = owner.person.user_name.clone();
        for _ in 0..STRANGER_BUDGET {
            let answer = app.teacher().guess(&user_name).await;
            assert_eq!(answer.status, 200);
        }
        // Each guess comes from a browser of its own, so it is the login that is charged. The right password
        // of a stranger is not even looked at.
        let mut stranger = app.teacher();
        let refused = stranger.knock().await;
        assert_eq!(refused.status, 429);
        assert!(refused.has("problem") && !stranger.is_signed_in().await);
        // The colleague behind the same address, and the owner at her own device, go in.
        let mut colleague = app.visitor("guardian_of_two");
        colleague.knock().await;
        assert!(colleague.is_signed_in().await);
        owner.knock().await;
        assert!(owner.is_signed_in().await);
        // The window ends for everybody.
        app.pass(WINDOW + Duration::from_secs(1));
        stranger.knock().await;
        assert!(stranger.is_signed_in().await);
    }

    async fn a_login_that_does_not_exist_is_throttled_alike(app: TestApp) {
        let nobody = UserName::generate(&SystemRandom::new()).to_string();
        for _ in 0..STRANGER_BUDGET {
            assert_eq!(app.teacher().guess(&nobody).await.status, 200);
        }
        assert_eq!(app.teacher().guess(&nobody).await.status, 429);
    }

    async fn parallel_guesses_share_the_budget(app: TestApp) {
        let mut guesses = Vec::new();
        for _ in 0..3 * STRANGER_BUDGET {
            let mut stranger = app.teacher();
            guesses.push(tokio::spawn(async move {
                let user_name = stranger.person.user_name.clone();
                stranger.guess(&user_name).await.status
            }));
        }
        let mut looked_at = 0;
        for guess in guesses {
            looked_at += u64::from(guess.await.unwrap() == 200);
        }
        assert_eq!(looked_at, STRANGER_BUDGET);
    }

    async fn right_passwords_cost_nothing(app: TestApp) {
        for _ in 0..STRANGER_BUDGET + 2 {
            let mut teacher = app.teacher();
            teacher.knock().await;
            assert!(teacher.is_signed_in().await);
        }
    }

    async fn a_device_cookie_of_another_login_is_a_strangers(app: TestApp) {
        let mut thief = app.visitor("guardian_of_two");
        thief.knock().await;
        let victim = app.teacher().person.user_name;
        for _ in 0..STRANGER_BUDGET {
            assert_eq!(thief.guess(&victim).await.status, 200);
        }
        assert_eq!(thief.guess(&victim).await.status, 429);
    }

    async fn a_stolen_device_has_a_budget_too(app: TestApp) {
        let mut device = app.teacher();
        device.knock().await;
        let user_name = device.person.user_name.clone();
        // What is beyond its own is charged as to any stranger.
        for _ in 0..DEVICE_BUDGET + STRANGER_BUDGET {
            assert_eq!(device.guess(&user_name).await.status, 200);
        }
        assert_eq!(device.guess(&user_name).await.status, 429);
        assert_eq!(app.teacher().guess(&user_name).await.status, 429);
    }

    /// Who copied the cookie spends the budget of a browser; the next right password there gives her another one.
    async fn a_copy_of_her_cookie_keeps_nobody_out(app: TestApp) {
        let mut owner = app.teacher();
        owner.knock().await;
        let mut copy = owner.clone();
        let user_name = owner.person.user_name.clone();
        for _ in 0..DEVICE_BUDGET {
            assert_eq!(copy.guess(&user_name).await.status, 200);
        }
        assert_ne!(owner.knock().await.status, 429, "nobody failed at her login but the copy");
        spend(&app, &user_name).await;
        assert_eq!(copy.guess(&user_name).await.status, 429);
        owner.knock().await;
        assert!(owner.is_signed_in().await);
        for _ in 0..DEVICE_BUDGET {
            assert_eq!(copy.guess(&user_name).await.status, 429, "the copy is of no use");
        }
        assert_ne!(owner.knock().await.status, 429);
    }

    /// A 学籍号 holds an identity number: no browser says whose it is.
    async fn a_browser_tells_nobody_whose_another_login_is(app: TestApp) {
        let mut pupil = app.visitor("child_15");
        pupil.knock().await;
        let mut curious = pupil.clone();
        let user_name = pupil.person.user_name.clone();
        for _ in 0..DEVICE_BUDGET {
            assert_eq!(curious.guess(&user_name).await.status, 200);
        }
        let hers = format!("G{}", number_of(&app, "child_15"));
        for login in [hers, nobody()] {
            for tries in 0..STRANGER_BUDGET {
                assert_eq!(curious.guess(&login).await.status, 200, "{login} after {tries}");
            }
            assert_eq!(curious.guess(&login).await.status, 429, "{login}");
        }
    }

    async fn everybody_who_shares_a_browser_keeps_her_own_budget(app: TestApp) {
        let (mut mother, mut father) = (app.teacher(), app.visitor("guardian_of_two"));
        mother.knock().await;
        father.browser = mother.browser;
        father.knock().await;
        mother.browser = father.browser;
        let login = mother.person.user_name.clone();
        spend(&app, &login).await;
        assert_ne!(mother.knock().await.status, 429, "another one signed in here since");
        assert!(mother.is_signed_in().await);
        // Her budget is hers, whoever was here in between.
        for _ in 0..DEVICE_BUDGET {
            assert_eq!(mother.guess(&login).await.status, 200);
        }
        assert_eq!(mother.guess(&login).await.status, 429);
    }

    async fn a_browser_knows_her_by_every_login_that_she_came_in_with(app: TestApp) {
        let mut pupil = app.visitor("child_15");
        pupil.knock().await;
        let code = format!("G{}", number_of(&app, "child_15"));
        let password = pupil.person.password.clone();
        let form = pupil.browser.open("/sign-in").await;
        pupil.type_in(&form, &code, &password).await;
        spend(&app, &code).await;
        let form = pupil.browser.open("/sign-in").await;
        assert_ne!(pupil.type_in(&form, &code, &password).await.status, 429);
        // And back, where strangers spent what the other one allows.
        let login = pupil.person.user_name.clone();
        spend(&app, &login).await;
        assert_ne!(pupil.knock().await.status, 429);
        // One budget for all of them.
        for login in [&code, &login].into_iter().cycle().take(usize::try_from(DEVICE_BUDGET).unwrap()) {
            assert_eq!(pupil.guess(login).await.status, 200);
        }
        assert_eq!(pupil.guess(&code).await.status, 429);
    }
}

/// One hash at a time, and a long line.
async fn with_a_line(engine: Engine) -> TestApp {
    TestApp::start_with(engine, "memory:", |parts| parts.password_workers = (1, 512)).await
}

/// Whoever hangs up waits for no hash: over HTTP, where a handler goes on without her.
async fn whoever_hangs_up_leaves_the_line(app: TestApp) {
    const PEOPLE: usize = 80;
    let mut stranger = app.teacher();
    let form = stranger.browser.open("/sign-in").await;
    let posts: Vec<_> = (0..PEOPLE)
        .map(|_| {
            let (mut stranger, form) = (stranger.clone(), form.clone());
            tokio::spawn(async move { stranger.type_in(&form, &nobody(), "a guess").await.status })
        })
        .collect();
    let waiting = async || app.scrape().await.value("mingji_password_pool_waiting", &[]);
    while waiting().await < 20.0 {
        assert!(!posts.iter().all(tokio::task::JoinHandle::is_finished), "there is no line");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    posts.iter().for_each(tokio::task::JoinHandle::abort);
    let ended = async |outcome| app.scrape().await.value("mingji_sign_ins_total", &[("outcome", outcome)]);
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while waiting().await > 0.0 || app.scrape().await.value("mingji_password_pool_busy", &[]) > 0.0 {
        assert!(std::time::Instant::now() < until, "the line does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(ended("busy").await >= 10.0, "they were hashed for nobody: {} refused", ended("refused").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_hangs_up_leaves_the_line_sqlite() {
    run_on(with_a_line(Engine::Sqlite).await, whoever_hangs_up_leaves_the_line).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_hangs_up_leaves_the_line_postgres() {
    let Some(server) = need::postgres() else { return };
    run_on(with_a_line(Engine::Postgres(server)).await, whoever_hangs_up_leaves_the_line).await;
}

/// What signs in, and what is turned away before its password is looked at, leaves nothing in the store that all share.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_failures_leave_counters() {
    let Some(redis) = database_of_its_own(11) else { return };
    let url = redis.clone();
    // One is hashed, and nobody may wait.
    let app = TestApp::start_with(Engine::Sqlite, &redis, |parts| parts.password_workers = (1, 0)).await;
    run_on(app, move |app: TestApp| async move {
        let mut owner = app.teacher();
        for _ in 0..3 {
            owner.knock().await;
        }
        assert!(owner.is_signed_in().await);
        assert_eq!(keys_of(&url, "mingji:{f"), [""; 0], "sign-ins that went well");
        let mut stranger = app.teacher();
        let form = stranger.browser.open("/sign-in").await;
        let posts: Vec<_> = (0..30)
            .map(|_| {
                let (mut stranger, form): (Visitor, _) = (stranger.clone(), form.clone());
                tokio::spawn(async move { stranger.type_in(&form, &nobody(), "a guess").await.status })
            })
            .collect();
        let mut looked_at = 0;
        for post in posts {
            looked_at += usize::from(post.await.unwrap() == 200);
        }
        assert!(looked_at < 30, "nobody was turned away");
        assert_eq!(keys_of(&url, "mingji:{fs:").len(), looked_at);
    })
    .await;
}

/// A flood of logins fills no store: those that come too late in a minute share their counters, and are throttled none the less.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_without_number_share_their_counters() {
    let Some(redis) = database_of_its_own(12) else { return };
    let url = redis.clone();
    run_with(Engine::Sqlite, &redis, move |app: TestApp| async move {
        let early = nobody();
        app.teacher().guess(&early).await;
        let own = keys_of(&url, "mingji:{fs:");
        assert_eq!(own.len(), 1);
        let room = keys_of(&url, "mingji:{rm:");
        assert_eq!(room.len(), 1, "{room:?}");
        let mut set = ::redis::cmd("SET");
        ask_redis(&url, set.arg(&room[0]).arg(1_000_000).arg("KEEPTTL").clone());
        let late = nobody();
        spend(&app, &late).await;
        let mut all = keys_of(&url, "mingji:{fs:");
        all.retain(|key| *key != own[0]);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].len(), "mingji:{fs:0123}n".len(), "{all:?}");
        // Whoever has one of her own keeps it, and whoever knows her password goes in.
        spend_but(&app, &early, 1).await;
        let mut owner = app.teacher();
        owner.knock().await;
        assert!(owner.is_signed_in().await);
    })
    .await;
}
