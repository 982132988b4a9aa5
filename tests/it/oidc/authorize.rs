//! The authorization endpoint.

use crate::support::app::both_engines;

both_engines! {
    async fn a_teacher_arrives(app: TestApp) {
        let rp = app.client("platform_a");
        let tokens = app.teacher().sign_in(&rp).await;
        assert_eq!(tokens.id_claims()["aud"], rp.id.as_str());
    }
}
