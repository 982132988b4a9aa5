//! The list of devices: what it shows, and that whoever is signed out there has nothing left.

use crate::support::app::{TestApp, both_engines};
use crate::support::visitor::Visitor;

/// Values of the buttons that end one session each.
async fn others(visitor: &mut Visitor) -> Vec<String> {
    visitor.browser.open("/devices").await.buttons("session")
}

/// Presses a button of a list that was shown before.
async fn end(visitor: &mut Visitor, field: &str, value: &str) {
    let page = visitor.browser.post("/devices", &[(field, value)]).await;
    assert!(visitor.browser.follow(&page).await.has("devices"));
}

async fn three(app: &TestApp) -> [Visitor; 3] {
    let mut visitors = [app.teacher(), app.teacher(), app.teacher()];
    for visitor in &mut visitors {
        visitor.knock().await;
    }
    visitors
}

both_engines! {
    async fn one_is_signed_out_from_another(app: TestApp) {
        let rp = app.client("platform_a");
        let [mut phone, mut lost, mut desk] = three(&app).await;
        let asked = rp.ask().with("scope", "openid offline_access").with("prompt", "consent");
        let tokens = lost.sign_in_with(&rp, asked).await;
        assert_eq!(others(&mut phone).await.len(), 2);
        let page = phone.browser.open("/devices").await;
        assert!(!page.text.contains(&app.person("full_claims").person_id.to_string()));
        // Tried until the right one is found: the list names no ids.
        for handle in others(&mut phone).await {
            end(&mut phone, "session", &handle).await;
            if !lost.is_signed_in().await {
                break;
            }
            desk.knock().await;
        }
        assert!(phone.is_signed_in().await && !lost.is_signed_in().await);
        assert_eq!(rp.userinfo(&tokens.access()).await.error(), "invalid_token");
        assert_eq!(rp.refresh(&tokens.refresh()).await.error(), "invalid_grant", "what outlives a sign-out ends too");
    }

    async fn all_others_at_once(app: TestApp) {
        let rp = app.client("platform_a");
        let [mut phone, mut lost, mut desk] = three(&app).await;
        let mine = phone.sign_in(&rp).await;
        let theirs = lost.sign_in(&rp).await;
        end(&mut phone, "others", "yes").await;
        assert!(phone.is_signed_in().await && !lost.is_signed_in().await && !desk.is_signed_in().await);
        assert!(others(&mut phone).await.is_empty());
        assert_eq!(rp.userinfo(&mine.access()).await.status, 200);
        assert_eq!(rp.userinfo(&theirs.access()).await.error(), "invalid_token");
    }

    /// "No such page" would leave her believing that it was done, or that it cannot be.
    async fn whoever_presses_too_late_signs_in_and_comes_back(app: TestApp) {
        let mut teacher = app.teacher();
        teacher.knock().await;
        app.pass(std::time::Duration::from_secs(9 * 3600));
        let nobody = app.client("vendor").id;
        for (to, fields) in [("/devices", [("others", "yes")]), ("/consents", [("client", nobody.as_str())])] {
            let form = teacher.browser.post(to, &fields).await;
            assert!(form.asks_for("password") && !form.has("err-not-found"), "{to}: {form:#?}");
            let back = teacher.clone().type_password(&form).await.location().unwrap();
            assert!(back.ends_with(to), "{back}");
        }
    }

    async fn nobody_ends_what_is_not_hers(app: TestApp) {
        let [mut phone, mut desk, _] = three(&app).await;
        let mut other = app.visitor("child_15");
        other.knock().await;
        let handles = others(&mut phone).await;
        for handle in &handles {
            for thief in [&mut other, &mut desk] {
                let page = thief.browser.post("/devices", &[("session", handle.as_str())]).await;
                assert_eq!(page.status, 404, "a handle is good for whoever was shown it");
            }
        }
        assert_eq!(others(&mut phone).await.len(), 2);
        let forged = phone.browser.post_from("https://evil.example", "/devices", &[("others", "yes")]).await;
        assert_eq!(forged.status, 403);
        let stranger = app.teacher().browser.post("/devices", &[("others", "yes")]).await;
        assert!(stranger.asks_for("password"), "{stranger:#?}");
        assert!(desk.is_signed_in().await && other.is_signed_in().await);
    }

    async fn who_comes_without_a_session_signs_in_first(app: TestApp) {
        let mut teacher = app.teacher();
        let page = teacher.browser.open("/devices").await;
        let page = teacher.type_password(&page).await;
        assert!(teacher.browser.follow(&page).await.has("devices"));
        assert!(others(&mut teacher).await.is_empty());
    }
}
