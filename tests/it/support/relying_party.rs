//! A relying party that can be told to do everything wrong.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mingji::domain::random::{Random as _, bytes};
use mingji::keys::random::SystemRandom;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::app::TestApp;
use super::client_key::{ClientKey, assertion};

/// How it proves itself.
#[derive(Clone)]
pub enum Auth {
    Basic(String),
    Post(String),
    /// An assertion of `client_secret_jwt` or `private_key_jwt`.
    Key(ClientKey),
    Public,
}

/// A registered client.
#[derive(Clone)]
pub struct RelyingParty {
    pub app: TestApp,
    pub id: String,
    pub auth: Auth,
    pub redirect_uri: String,
}

/// An authorization request, honest until it is changed.
#[derive(Clone)]
pub struct Ask {
    pub verifier: String,
    parameters: Vec<(String, String)>,
}

/// An answer of an endpoint that speaks JSON.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

fn secret() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<32>(&SystemRandom::new()))
}

impl RelyingParty {
    /// Asks for everything a platform usually wants.
    pub fn ask(&self) -> Ask {
        let verifier = secret();
        let mut nonce = [0u8; 8];
        SystemRandom::new().fill(&mut nonce);
        let ask = Ask { verifier, ..Ask::bare() };
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, ask.verifier.as_bytes()));
        ask.with("client_id", &self.id)
            .with("redirect_uri", &self.redirect_uri)
            .with("response_type", "code")
            .with("scope", "openid profile edu")
            .with("state", &secret())
            .with("nonce", &URL_SAFE_NO_PAD.encode(nonce))
            .with("code_challenge", &challenge)
            .with("code_challenge_method", "S256")
    }

    /// The address that the browser is sent to.
    pub fn url(&self, ask: &Ask) -> String {
        self.app.at(&format!("/authorize?{}", ask.query()))
    }

    /// Redeems a code as it should be.
    pub async fn redeem(&self, ask: &Ask, code: &str) -> Answer {
        self.token(&self.redemption(ask, code)).await
    }

    /// The form of an honest redemption.
    pub fn redemption(&self, ask: &Ask, code: &str) -> Vec<(&'static str, String)> {
        vec![
            ("grant_type", "authorization_code".into()),
            ("code", code.to_owned()),
            ("redirect_uri", ask.get("redirect_uri")),
            ("code_verifier", ask.verifier.clone()),
        ]
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token".into()), ("refresh_token", token.to_owned())]).await
    }

    /// Sends a form to the token endpoint, authenticated as registered.
    pub async fn token(&self, form: &[(&'static str, String)]) -> Answer {
        self.post("/token", form).await
    }

    /// Sends a form to an endpoint, authenticated as registered.
    pub async fn post(&self, path: &str, form: &[(&'static str, String)]) -> Answer {
        self.post_with(path, form, &[]).await
    }

    /// The same with headers.
    pub async fn post_with(
        &self,
        path: &str,
        form: &[(&'static str, String)],
        headers: &[(&'static str, String)],
    ) -> Answer {
        let mut form = form.to_vec();
        let request = self.app.http.post(self.app.at(path));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        let request = match &self.auth {
            Auth::Basic(secret) => request.basic_auth(&self.id, Some(secret)),
            Auth::Post(secret) => {
                form.extend([("client_id", self.id.clone()), ("client_secret", secret.clone())]);
                request
            }
            Auth::Key(key) => {
                form.extend(asserted(key.sign(json!({}), &self.assertion())));
                request
            }
            Auth::Public => {
                form.push(("client_id", self.id.clone()));
                request
            }
        };
        Answer::of(request.form(&form)).await
    }

    /// The claims of an assertion as it should be.
    pub fn assertion(&self) -> Value {
        assertion(&self.id, &self.app.issuer, self.app.app.now().seconds())
    }

    pub async fn userinfo(&self, access_token: &str) -> Answer {
        Answer::of(self.app.http.get(self.app.at("/userinfo")).bearer_auth(access_token)).await
    }
}

/// The fields that carry an assertion.
pub fn asserted(jwt: String) -> [(&'static str, String); 2] {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    [("client_assertion_type", kind.into()), ("client_assertion", jwt)]
}

impl Ask {
    /// A request that says nothing yet.
    pub fn bare() -> Self {
        Self { verifier: String::new(), parameters: Vec::new() }
    }

    /// Sets a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.and(name, value)
    }

    /// Adds a parameter, also one that is there.
    #[must_use]
    pub fn and(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves a parameter out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.parameters.retain(|(known, _)| known != name);
        self
    }

    pub fn get(&self, name: &str) -> String {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    fn query(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.parameters).finish()
    }
}

impl Answer {
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Self { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null) }
    }

    /// The error code, empty where there is none.
    pub fn error(&self) -> &str {
        self.body["error"].as_str().unwrap_or_default()
    }

    pub fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("no {name} in {self:?}")).to_owned()
    }

    pub fn access(&self) -> String {
        self.text("access_token")
    }

    pub fn refresh(&self) -> String {
        self.text("refresh_token")
    }

    /// The claims of the ID token; who verifies it is another test's business.
    pub fn id_claims(&self) -> Value {
        claims_of(&self.text("id_token"))
    }
}

/// A part of a JWT, unverified.
pub fn part_of(jwt: &str, at: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwt.split('.').nth(at).unwrap()).unwrap()).unwrap()
}

/// The claims of a JWT, unverified.
pub fn claims_of(jwt: &str) -> Value {
    part_of(jwt, 1)
}

/// Parameters by name.
pub type Parameters = BTreeMap<String, String>;
