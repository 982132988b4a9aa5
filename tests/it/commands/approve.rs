//! The demo's `approve_url` and its screen: programs answer questions of other devices there as their people would.

use serde_json::{Value, json};

use crate::support::binary::{Client, Demo, Place};
use crate::support::relying_party::Answer;

const CIBA: &str = "urn:openid:params:grant-type:ciba";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

struct Asker<'a> {
    http: reqwest::Client,
    issuer: &'a str,
    client: &'a Client,
}

impl Asker<'_> {
    async fn post(&self, endpoint: &str, form: &[(&str, &str)]) -> Answer {
        let at = format!("{}/.well-known/openid-configuration", self.issuer);
        let metadata: Value = self.http.get(at).send().await.unwrap().json().await.unwrap();
        let asked = self.http.post(metadata[endpoint].as_str().unwrap());
        Answer::of(asked.basic_auth(&self.client.client_id, self.client.client_secret.as_ref()).form(form)).await
    }

    async fn poll(&self, grant: &str, name: &str, code: &str) -> Answer {
        self.post("token_endpoint", &[("grant_type", grant), (name, code)]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_answer_for_the_people_of_the_demo() {
    mingji::outbound::install_tls_provider();
    let place = Place::new();
    let demo = Demo::start(&place);
    let url = demo.ready.approve_url.clone().expect("the demo says where");
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let asker = Asker { http: http.clone(), issuer: &demo.ready.issuer, client: demo.ready.client("platform_a") };
    let approve = async |code: &str, action: &str, more: &str| {
        let url = url.replace("{auth_req_id}", code).replace("{action}", action) + more;
        http.post(url).send().await.unwrap().status().as_u16()
    };

    for (action, wanted) in [("allow", 200), ("deny", 400)] {
        let teacher = demo.ready.person("teacher_parent");
        let form = [("scope", "openid"), ("login_hint", &*teacher.user_name), ("binding_message", "W4SCT")];
        let asked = asker.post("backchannel_authentication_endpoint", &form).await;
        let id = asked.text("auth_req_id");
        assert_eq!(approve(&id, "perhaps", "").await, 400);
        assert_eq!(approve(&id, action, "").await, 200);
        let answer = asker.poll(CIBA, "auth_req_id", &id).await;
        assert_eq!(answer.status, wanted, "{action}: {answer:?}");
        match action {
            "allow" => assert_eq!(answer.id_claims()["sub"], json!(teacher.person_id)),
            _ => assert_eq!(answer.error(), "access_denied"),
        }
        assert_eq!(approve(&id, action, "").await, 409, "an answer is final");
    }

    let codes = asker.post("device_authorization_endpoint", &[("scope", "openid")]).await;
    let (code, user_code) = (codes.text("device_code"), codes.text("user_code"));
    assert_eq!(approve(&user_code, "allow", "&person=nobody").await, 404);
    assert_eq!(approve(&user_code, "allow", "&person=child_15").await, 200);
    let answer = asker.poll(DEVICE, "device_code", &code).await;
    assert_eq!(answer.id_claims()["sub"], json!(demo.ready.person("child_15").person_id));
    assert_eq!(approve("x", "allow", "").await, 404);

    // The screen: a code, then somebody says yes, then it goes on by itself.
    let screen = http.get(format!("{}/screen", demo.platform('a'))).send().await.unwrap();
    let (at, text) = (screen.url().to_string(), screen.text().await.unwrap());
    let user_code = at.rsplit('/').next().unwrap().to_owned();
    assert!(text.contains(&user_code) && text.contains("id=qr") && text.contains("http-equiv=refresh"), "{text}");
    assert_eq!(approve(&user_code, "allow", "").await, 200);
    let text = http.get(at).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("id=screen-in"), "{text}");
}
