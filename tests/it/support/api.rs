//! Administrators at the API.

use mingji::domain::id::PersonId;
use serde_json::Value;

use super::app::TestApp;
use super::database::select_texts;
use super::relying_party::{Answer, RelyingParty};

impl TestApp {
    /// The resource that tokens of the API are for.
    pub fn api(&self) -> String {
        self.at("/api/")
    }

    /// Somebody of the demo world with a token for the API, from a platform.
    pub async fn at_api(&self, key: &str) -> Caller {
        let rp = self.client("platform_a");
        let token = self.visitor(key).sign_in_with(&rp, for_api(self, &rp)).await;
        Caller { app: self.clone(), token: token.access(), rp: None }
    }

    /// Somebody without a token.
    pub fn nobody_at_api(&self) -> Caller {
        Caller { app: self.clone(), token: String::new(), rp: None }
    }
}

/// Whoever holds a token, or none.
#[derive(Clone)]
pub struct Caller {
    pub app: TestApp,
    pub token: String,
    /// A platform that calls in its own name.
    pub rp: Option<RelyingParty>,
}

impl Caller {
    /// The same platform with a token of now.
    pub async fn renewed(&self) -> Self {
        let answer = self.rp.as_ref().unwrap().token(&[("grant_type", "client_credentials".into())]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.with(&answer.access())
    }

    /// The same with another token.
    pub fn with(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let request = self.app.http.request(method.parse().unwrap(), self.app.at(path));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request("GET", path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request("POST", path).json(body)).await
    }

    /// The same under an `Idempotency-Key`.
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> Answer {
        Answer::of(self.request("POST", path).header("idempotency-key", key).json(body)).await
    }

    /// A body as it is.
    pub async fn send(&self, path: &str, kind: &str, body: &[u8]) -> Answer {
        Answer::of(self.request("POST", path).header("content-type", kind).body(body.to_vec())).await
    }

    /// By any method, with a body that says nothing where one is taken.
    pub async fn call(&self, method: &str, path: &str) -> Answer {
        let request = self.request(method, path);
        Answer::of(if method == "GET" { request } else { request.json(&serde_json::json!({})) }).await
    }

    /// All rows of a list, page by page.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let (mut rows, mut next) = (Vec::new(), None::<String>);
        for _ in 0..100 {
            let mark = if path.contains('?') { '&' } else { '?' };
            let at = next.as_ref().map_or_else(|| path.to_owned(), |next| format!("{path}{mark}cursor={next}"));
            let page = self.get(&at).await;
            assert_eq!(page.status, 200, "{page:?}");
            rows.extend(page.body["items"].as_array().unwrap().clone());
            match page.body["next"].as_str() {
                Some(cursor) => next = Some(cursor.to_owned()),
                None => return rows,
            }
        }
        panic!("the list does not end")
    }
}

/// A client of the system that asks for the API in somebody's name.
pub fn for_api(app: &TestApp, rp: &RelyingParty) -> super::relying_party::Ask {
    rp.ask().with("scope", "openid mingji.admin mingji.self").with("resource", &app.api())
}

/// The code of a problem document, which is one.
pub fn problem(answer: &Answer) -> String {
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{answer:?}");
    assert_eq!(answer.body["status"], answer.status, "{answer:?}");
    let code = answer.text("code");
    assert_eq!(answer.text("type"), format!("urn:mingji:problem:{code}"));
    assert!(answer.text("title").chars().any(|c| c > '\u{4e00}') && answer.text("title_en").is_ascii(), "{answer:?}");
    assert!(answer.text("instance").starts_with("urn:uuid:"));
    code
}

impl TestApp {
    /// Somebody whom a roster brought in, with a password of her own and a token for the API.
    pub async fn at_api_as(&self, person: PersonId, org_code: &str) -> Caller {
        self.at_api_through("platform_a", person, org_code).await
    }

    /// The same through a platform of the demo world.
    pub async fn at_api_through(&self, client: &str, person: PersonId, _org_code: &str) -> Caller {
        let ctx = self.operator();
        self.app.set_password(&ctx, person, "tuzi-482-xigua-zhen".to_owned().into()).await.unwrap();
        // Read beside the register: a list of the operator's would stand in her list of who looked.
        let id = match self.database.url.starts_with("sqlite") {
            true => format!("X'{}'", person.0.simple()),
            false => format!("'{}'", person.0),
        };
        let names = format!("SELECT user_name FROM account WHERE person_id = {id} AND state <> 'merged'");
        let user_name = select_texts(&self.database.url, &names).await.pop().unwrap();
        let rp = self.client(client);
        let mut visitor = self.visitor("full_claims");
        visitor.person.user_name = user_name;
        visitor.person.password = "tuzi-482-xigua-zhen".into();
        let token = visitor.sign_in_with(&rp, for_api(self, &rp)).await;
        Caller { app: self.clone(), token: token.access(), rp: None }
    }

    /// A platform that reads its stream, and serves an institution when one is named.
    pub async fn feed_of(&self, own: Value, org_code: Option<&str>) -> Caller {
        let mut metadata = serde_json::json!({
            "edu_client_kind": "platform", "edu_lawful_basis": "statutory", "redirect_uris": null,
            "grant_types": ["client_credentials"], "edu_resources": [self.api()], "scope": "mingji.feed",
        });
        metadata.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let rp = self.register_machine(metadata).await;
        if let Some(code) = org_code {
            assert!(self.app.set_reach(&self.operator(), rp.id.parse().unwrap(), code, true).await.unwrap());
        }
        Caller { app: self.clone(), token: String::new(), rp: Some(rp) }.renewed().await
    }

    /// Waits until everything that was committed has its number.
    pub async fn numbered(&self) {
        loop {
            self.app.number_pending().await.unwrap();
            // Counting millions again and again would be what takes the time.
            let waiting = "SELECT CAST(COUNT(*) AS TEXT) FROM (SELECT id FROM pending LIMIT 1) one";
            if select_texts(&self.database.url, waiting).await == ["0"] {
                return;
            }
        }
    }
}
