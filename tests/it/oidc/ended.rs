//! What ends with a person, a post or a client ends on every way to a token: whatever waited to be redeemed, within seconds.

use std::time::Duration;

use mingji::app::relation_claim::Decider;
use mingji::app::staff_life::Order;
use mingji::domain::id::PersonId;
use mingji::domain::oidc::registration::GRANT_TYPES;
use mingji::domain::registry::codes::staff::{StaffPost, StaffState};
use mingji::domain::time::Clock as _;
use serde_json::json;

use super::client_credentials::{self, GRADES, machine, resource};
use super::{ciba, device, exchange};
use crate::support::app::{TestApp, both_engines};
use crate::support::county::{self, OTHER};
use crate::support::relying_party::{Answer, RelyingParty};
use crate::support::visitor::Visitor;

const OPERATOR: Decider = Decider::Operator;
const LIBRARY: &str = "https://library.example/api";

/// Ways that end with the first answer, whatever that is: a second one would say nothing of the first.
const ONCE: [&str; 3] = ["authorization_code", device::DEVICE, ciba::CIBA];
/// So old is what is believed at most.
const CACHED: Duration = Duration::from_secs(5);

/// A way to a token, ready to be gone: the grant type, who goes it, what is sent.
type Way = (String, RelyingParty, Vec<(&'static str, String)>);

fn form(pairs: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// Every way that is served, in the name of somebody, and with the last one of the client itself.
async fn ways(app: &TestApp, visitor: &mut Visitor) -> Vec<Way> {
    resource(app, GRADES, &["grades.read", "grades.write"]).await;
    resource(app, LIBRARY, &["library.read"]).await;
    let mut ways: Vec<Way> = Vec::new();
    let mut add = |rp: &RelyingParty, form: Vec<(&'static str, String)>| {
        ways.push((form.iter().find(|(name, _)| *name == "grant_type").unwrap().1.clone(), rp.clone(), form));
    };

    let rp = app.register(json!({})).await;
    let arrived = visitor.arrive(&rp).await;
    add(&rp, rp.redemption(&arrived.ask, &arrived.code));

    let rp = app.register(json!({})).await;
    let refresh = visitor.sign_in_with(&rp, rp.ask().with("scope", "openid offline_access")).await.refresh();
    add(&rp, form(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]));

    let rp = device::screen(app, json!({})).await;
    let codes = device::begin(&rp, "openid").await;
    let page = device::typed(visitor, &codes.text("user_code")).await;
    assert!(device::yes(visitor, &page).await.has("answered-yes"));
    add(&rp, form(&[("grant_type", device::DEVICE), ("device_code", &codes.text("device_code"))]));

    let rp = ciba::platform(app, json!({})).await;
    let asked = ciba::ask(&rp, &ciba::question(&visitor.person.user_name)).await;
    assert!(ciba::yes(visitor).await.has("answered-yes"));
    add(&rp, form(&[("grant_type", ciba::CIBA), ("auth_req_id", &asked.text("auth_req_id"))]));

    let rp = app.register(json!({ "edu_resources": [GRADES], "scope": "openid grades.read" })).await;
    let wish = rp.ask().with("scope", "openid grades.read").with("resource", GRADES);
    let token = visitor.sign_in_with(&rp, wish).await.access();
    let rp = exchange::service(app, GRADES, &[LIBRARY], "library.read").await;
    let subject = [("subject_token", token.as_str()), ("subject_token_type", exchange::TOKEN)];
    add(&rp, form(&[&[("grant_type", exchange::GRANT), ("resource", LIBRARY)], &subject[..]].concat()));

    let rp = machine(app, json!({})).await;
    assert_eq!(client_credentials::ask(&rp, &[]).await.status, 200);
    add(&rp, form(&[("grant_type", "client_credentials")]));

    // Tokens that come through the browser are asked for there.
    let gone: Vec<&str> = ways.iter().map(|(name, ..)| name.as_str()).collect();
    for name in GRANT_TYPES.iter().filter(|name| **name != "implicit") {
        assert!(gone.contains(name), "{name} is served and missing here");
    }
    ways
}

/// What a way answers: one that can be gone once is gone once, when nothing that is cached is believed any more, and every other
/// until it is a refusal.
async fn refused(name: &str, rp: &RelyingParty, form: &[(&'static str, String)]) -> Answer {
    let begun = std::time::Instant::now();
    loop {
        let answer = rp.token(form).await;
        if answer.status != 200 || ONCE.contains(&name) || begun.elapsed() > CACHED {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// All ways are closed; that of the client itself where it is the client that ended.
async fn closed(ways: &[Way], by: &str) {
    tokio::time::sleep(CACHED).await;
    for (name, rp, form) in ways {
        let answer = refused(name, rp, form).await;
        let own = name == "client_credentials" && by != "client";
        let wanted: &[&str] = match by {
            _ if own => &[""],
            "client" => &["invalid_client"],
            // RFC 8693, 2.2.2: "invalid_request" where the subject token is unacceptable.
            _ if name == exchange::GRANT => &["invalid_request"],
            _ => &["invalid_grant", "access_denied"],
        };
        assert!(wanted.contains(&answer.error()) && (answer.status == 200) == own, "{name} after {by}: {answer:?}");
    }
}

fn hers(app: &TestApp) -> PersonId {
    app.person("full_claims").person_id
}

both_engines! {
    async fn a_locked_account_closes_every_way(app: TestApp) {
        let ways = ways(&app, &mut app.teacher()).await;
        let by = Decider::Admin(app.person("county_admin").person_id);
        app.app.lock_account(&app.operator(), by, hers(&app), "手机丢失").await.unwrap();
        closed(&ways, "the lock").await;
    }

    async fn a_person_who_is_no_more_closes_every_way(app: TestApp) {
        let ways = ways(&app, &mut app.teacher()).await;
        let today = app.clock.now().shanghai_date();
        app.app.record_death(&app.operator(), OPERATOR, hers(&app), today).await.unwrap();
        closed(&ways, "her death").await;
    }

    /// An institution closes when nobody belongs there any more: what was given for a post there ends with it.
    async fn a_school_that_closed_closes_every_way(app: TestApp) {
        county::open(&app).await;
        let change = async |order: Order| app.app.change_staff(&app.operator(), OPERATOR, hers(&app), None, &order).await.unwrap();
        let leave = |org: Option<&str>| Order::Leave { org: org.map(Into::into), state: StaffState::Resigned };
        change(leave(None)).await;
        change(Order::Join { org: OTHER.into(), post: StaffPost::Teacher, staff_no: None }).await;
        let ways = ways(&app, &mut app.teacher()).await;
        change(leave(Some(OTHER))).await;
        app.app.close_institution(&app.operator(), OPERATOR, OTHER).await.unwrap();
        closed(&ways, "the end of the school").await;
    }

    async fn a_suspended_client_closes_every_way(app: TestApp) {
        let ways = ways(&app, &mut app.teacher()).await;
        for (_, rp, _) in &ways {
            app.suspend(rp).await;
        }
        closed(&ways, "client").await;
    }
}
