//! Login and password.

use std::time::Duration;

use mingji::demo::world::cast;
use mingji::domain::registry::user_name::UserName;
use mingji::domain::time::Clock as _;
use mingji::keys::random::SystemRandom;
use scraper::{Html, Selector};

use crate::support::app::{TestApp, both_engines};
use crate::support::browser::Page;

/// What a person reads, without what differs from one showing to the next.
fn words(page: &Page) -> String {
    let html = Html::parse_document(&page.text);
    let parts = Selector::parse("main, title").unwrap();
    html.select(&parts).flat_map(|part| part.text().map(str::to_owned).collect::<Vec<_>>()).collect()
}

pub(super) fn number_of(app: &TestApp, key: &str) -> String {
    let today = app.clock.now().shanghai_date();
    cast(today).iter().find(|character| character.key == key).unwrap().number()
}

both_engines! {
    async fn the_right_password_goes_straight_on(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let page = teacher.browser.open(&rp.url(&rp.ask())).await;
        let page = teacher.type_password(&page).await;
        assert!(page.answer().contains_key("code"), "one page between the platform and the code");
    }

    /// ASVS 6.2.10: nothing ends a password but a new one.
    async fn it_is_as_good_after_ten_years(app: TestApp) {
        let mut teacher = app.teacher();
        teacher.knock().await;
        for _ in 0..10 {
            app.pass(Duration::from_secs(366 * 86_400));
            app.app.upkeep().await.unwrap();
        }
        assert!(!teacher.is_signed_in().await, "her session ended long ago");
        let page = teacher.browser.open("/sign-in").await;
        let page = teacher.type_password(&page).await;
        assert_eq!(page.location(), Some(app.at("/")), "nothing is asked of her first: {page:#?}");
        assert!(teacher.is_signed_in().await);
    }

    /// ASVS 6.3.6: an e-mail address that is known of somebody opens nothing, and what clients are told of how she signed in is the
    /// password alone.
    async fn an_address_is_no_proof(app: TestApp) {
        let mut teacher = app.teacher();
        let address = app.exported(teacher.person.person_id).await["profile"]["email"].as_str().unwrap().to_owned();
        let password = teacher.person.password.clone();
        let page = teacher.browser.open("/sign-in").await;
        for guess in ["", "000000", &address, &password] {
            let refused = teacher.type_in(&page, &address, guess).await;
            assert!(refused.asks_for("password") && !teacher.is_signed_in().await, "{guess}");
        }
        let rp = app.client("platform_a");
        assert_eq!(teacher.sign_in(&rp).await.id_claims()["amr"], serde_json::json!(["pwd"]));
    }

    async fn wrong_and_unknown_are_the_same(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let known = teacher.person.user_name.clone();
        let unknown = UserName::generate(&SystemRandom::new()).to_string();
        let page = teacher.browser.open(&rp.url(&rp.ask())).await;
        let wrong = teacher.type_in(&page, &known, "not her password").await;
        let nobody = teacher.type_in(&page, &unknown, "not her password").await;
        assert_eq!((wrong.status, words(&wrong)), (nobody.status, words(&nobody)));
        assert!(wrong.has("problem") && wrong.asks_for("password"));
        let names = |page: &Page| page.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&wrong), names(&nobody));
        assert!(!wrong.headers.contains_key("set-cookie"));
        assert_eq!(wrong.value_of("login"), Some(known), "a user name may come back into the form");
        // The page that came back works.
        assert!(teacher.type_password(&wrong).await.answer().contains_key("code"));
    }

    async fn a_user_name_is_read_generously(app: TestApp) {
        let mut teacher = app.teacher();
        let typed = format!("  {} ", teacher.person.user_name.to_uppercase());
        let password = teacher.person.password.clone();
        let page = teacher.browser.open("/sign-in").await;
        assert_eq!(teacher.type_in(&page, &typed, &password).await.location(), Some(app.at("/")));
        assert!(teacher.is_signed_in().await);
    }

    async fn a_student_may_use_her_code_but_never_the_bare_number(app: TestApp) {
        let number = number_of(&app, "child_under14");
        let code = format!("G{number}");
        let mut child = app.child();
        let password = child.person.password.clone();
        let page = child.browser.open("/sign-in").await;
        let refused = child.type_in(&page, &number, &password).await;
        assert!(refused.has("problem") && !child.is_signed_in().await);
        let mistyped = child.type_in(&page, &code, "not her password").await;
        for page in [&refused, &mistyped] {
            assert_eq!(page.value_of("login").as_deref(), Some(""), "neither comes back into the form");
            assert!(!page.text.contains(&number));
        }
        let inside = child.type_in(&page, &code.to_lowercase(), &password).await;
        assert_eq!(inside.location(), Some(app.at("/")), "{:?}", inside.text_of("problem"));
        assert!(child.is_signed_in().await);
    }

    async fn a_form_that_was_posted_starts_over(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let form = teacher.browser.open(&rp.url(&rp.ask())).await;
        assert!(teacher.type_password(&form).await.answer().contains_key("code"));
        let again = teacher.type_password(&form).await;
        assert!(again.asks_for("password") && again.has("problem"), "{again:#?}");
        assert!(teacher.is_signed_in().await, "the session is as it was");
        assert!(teacher.type_password(&again).await.answer().contains_key("code"), "and the way on is open");
    }

    async fn a_form_belongs_to_its_browser_and_its_half_hour(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let form = teacher.browser.open(&rp.url(&rp.ask())).await;
        let mut elsewhere = app.teacher();
        assert!(elsewhere.type_password(&form).await.has("err-expired"), "another browser");
        elsewhere.browser.open(&rp.url(&rp.ask())).await;
        // With a cookie of its own, as one of two tabs that came at once has it: the form again, and nothing was done.
        let again = elsewhere.type_password(&form).await;
        assert!(again.asks_for("password") && !elsewhere.is_signed_in().await, "{again:#?}");
        app.pass(Duration::from_secs(1801));
        assert!(teacher.type_password(&form).await.has("err-expired"));
    }

    /// A browser that opens its tabs of yesterday sends both without a cookie, and keeps the last one that it is given.
    async fn two_tabs_that_come_at_once_both_lead_somewhere(app: TestApp) {
        let (a, b) = (app.client("platform_a"), app.client("platform_b"));
        let mut teacher = app.teacher();
        let (first, second) = (a.ask(), b.ask());
        let form_a = teacher.browser.open(&a.url(&first)).await;
        teacher.browser.jar.clear();
        teacher.browser.open(&b.url(&second)).await;
        let again = teacher.type_password(&form_a).await;
        assert!(again.asks_for("password"), "{again:#?}");
        let answer = teacher.type_password(&again).await.answer();
        assert_eq!(a.redeem(&first, &answer["code"]).await.status, 200, "and nothing of her request is lost");
    }

    async fn a_form_that_was_tampered_with_is_nothing(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let form = teacher.browser.open(&rp.url(&rp.ask())).await;
        let sealed = form.value_of("request").unwrap();
        let middle = sealed.len() / 2;
        let flipped = if sealed.as_bytes()[middle] == b'A' { "B" } else { "A" };
        let tampered = format!("{}{flipped}{}", &sealed[..middle], &sealed[middle + 1..]);
        let person = teacher.person.clone();
        for request in [tampered.as_str(), "x", &sealed[1..]] {
            let fields = [("request", request), ("login", &person.user_name), ("password", &person.password)];
            assert!(teacher.browser.post("/sign-in", &fields).await.has("err-expired"));
        }
        assert!(!teacher.is_signed_in().await);
    }

    async fn a_foreign_page_cannot_sign_somebody_in(app: TestApp) {
        let mut teacher = app.teacher();
        let person = teacher.person.clone();
        let fields = [("login", person.user_name.as_str()), ("password", person.password.as_str())];
        assert_eq!(teacher.browser.post_from("https://evil.example", "/sign-in", &fields).await.status, 403);
        assert!(!teacher.is_signed_in().await);
    }
}
