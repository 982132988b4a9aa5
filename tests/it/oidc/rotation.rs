//! Keys rotate while tokens are about, and nobody notices.

use std::time::Duration;

use mingji::app::Kind;
use mingji::domain::oidc::signing_key::{KeyState, SigningAlg};

use super::backchannel::verified;
use crate::support::app::both_engines;
use crate::support::relying_party::part_of;

both_engines! {
    async fn tokens_of_the_old_key_live_out_their_time(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let before = teacher.sign_in(&rp).await;
        // The next key has been published for longer than anybody caches the key set.
        app.pass(Duration::from_secs(3600));
        let before_rotation = rp.refresh(&before.refresh()).await;
        app.app.rotate_keys(&app.operator(), SigningAlg::Es256).await.unwrap();
        app.pass(Duration::from_secs(3));

        let old = part_of(&before_rotation.access(), 0)["kid"].clone();
        assert_eq!(rp.userinfo(&before_rotation.access()).await.status, 200);
        verified(&app, &before_rotation.text("id_token")).await;
        let after = rp.refresh(&before.refresh()).await;
        let new = part_of(&after.access(), 0)["kid"].clone();
        assert_ne!(old, new);
        assert_eq!(rp.userinfo(&after.access()).await.status, 200);
        verified(&app, &after.text("id_token")).await;
        assert!(teacher.silently(&rp).await.contains_key("code"), "nobody was signed out");
        let bye = teacher.browser.open(&app.at(&format!("/end-session?id_token_hint={}", before.text("id_token")))).await;
        assert!(bye.has("signed-out"), "a hint of the old key still says who is meant");
    }

    async fn no_key_signs_before_everybody_can_have_it(app: TestApp) {
        app.pass(Duration::from_secs(3600));
        let rotate = async || app.app.rotate_keys(&app.operator(), SigningAlg::Es256).await;
        let first = rotate().await.unwrap();
        app.pass(Duration::from_secs(300));
        let again = rotate().await.unwrap_err();
        assert_eq!(again.kind, Kind::Conflict, "{again}");
        assert!(again.public.contains("--compromised"), "{again}");
        let keys = app.app.list_keys().await.unwrap();
        assert!(keys.iter().any(|key| key.kid == first && key.state == KeyState::Active), "it signs on");
        app.pass(Duration::from_secs(30));
        assert_ne!(rotate().await.unwrap(), first);
    }

    async fn a_copied_key_ends_at_once_and_people_stay(app: TestApp) {
        let rp = app.client("platform_a");
        let mut teacher = app.teacher();
        let before = teacher.sign_in(&rp).await;
        let (old, hint) = (before.access(), before.text("id_token"));
        assert_eq!(rp.userinfo(&old).await.status, 200);
        let kept = app.http.get(app.endpoint("jwks_uri").await).send().await.unwrap().text().await.unwrap();
        app.app.replace_keys(&app.operator(), SigningAlg::Es256).await.unwrap();
        app.pass(Duration::from_secs(3));

        assert_eq!(rp.userinfo(&old).await.status, 401, "whoever has the key makes nothing that is believed");
        let refused = teacher.browser.open(&app.at(&format!("/end-session?id_token_hint={hint}"))).await;
        assert!(refused.has("err-id-token-hint"), "{refused:#?}");
        let after = rp.refresh(&before.refresh()).await;
        assert_eq!(rp.userinfo(&after.access()).await.status, 200, "{after:?}");
        let kid = part_of(&after.access(), 0)["kid"].as_str().unwrap().to_owned();
        assert!(!kept.contains(&kid), "the published next key was copied with the others");
        verified(&app, &after.text("id_token")).await;
        assert!(teacher.silently(&rp).await.contains_key("code"), "nobody was signed out");
    }

    async fn a_retired_key_is_gone_when_its_time_is_over(app: TestApp) {
        let listed = async || -> serde_json::Value {
            app.http.get(app.endpoint("jwks_uri").await).send().await.unwrap().json().await.unwrap()
        };
        let count = |set: &serde_json::Value| set["keys"].as_array().unwrap().iter().filter(|key| key["alg"] == "ES256").count();
        app.pass(Duration::from_secs(3600));
        app.app.rotate_keys(&app.operator(), SigningAlg::Es256).await.unwrap();
        app.pass(Duration::from_secs(3));
        assert_eq!(count(&listed().await), 3, "active, next, and one that verifies");
        app.pass(Duration::from_secs(7 * 86_400));
        assert_eq!(count(&listed().await), 2, "without another rotation");
    }

    async fn a_client_that_kept_the_key_set_knows_the_new_key(app: TestApp) {
        let url = app.endpoint("jwks_uri").await;
        let kept = app.http.get(url).send().await.unwrap().text().await.unwrap();
        app.pass(Duration::from_secs(3600));
        for alg in SigningAlg::ALL {
            app.app.rotate_keys(&app.operator(), alg).await.unwrap();
        }
        app.pass(Duration::from_secs(3));
        for rp in [app.client("platform_a"), app.client("platform_b")] {
            let tokens = app.teacher().sign_in(&rp).await;
            let kid = part_of(&tokens.text("id_token"), 0)["kid"].as_str().unwrap().to_owned();
            assert!(kept.contains(&kid), "{kid} was published before it was used");
        }
    }
}
