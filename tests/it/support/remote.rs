//! A plain HTTP visitor with cookies of her own, and the proxy she comes through.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::header::{AUTHORIZATION, COOKIE, LOCATION, SET_COOKIE};
use scraper::{Html, Selector};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::support::binary::{Client, Person};

const VERIFIER: &str = "a-verifier-that-is-long-enough-for-rfc-7636-section-4.1";
const SCOPE: &str = "openid profile edu";

/// Sends requests for the issuer to one of two doors, and to the other one when the first does not answer.
pub struct Proxy {
    issuer: String,
    /// Without a slash at the end.
    doors: [String; 2],
    turn: AtomicUsize,
    /// 2: both in turn.
    only: AtomicUsize,
    http: reqwest::Client,
}

impl Proxy {
    /// Plays the proxy in front of two replicas.
    pub fn new(issuer: String, ports: [u16; 2]) -> Self {
        Self::at(issuer, ports.map(|port| format!("http://127.0.0.1:{port}")), Self::client())
    }

    /// A real one stands in front of them, and is asked a second time where it has no answer.
    pub fn real(issuer: String, http: reqwest::ClientBuilder) -> Self {
        let doors = [issuer.clone(), issuer.clone()];
        Self::at(issuer, doors, http)
    }

    /// What a browser's and a platform's requests are sent with.
    pub fn client() -> reqwest::ClientBuilder {
        mingji::outbound::install_tls_provider();
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none())
    }

    fn at(issuer: String, doors: [String; 2], http: reqwest::ClientBuilder) -> Self {
        Self { issuer, doors, turn: AtomicUsize::new(0), only: AtomicUsize::new(2), http: http.build().unwrap() }
    }

    /// From now on to this one alone.
    pub fn only(&self, replica: usize) {
        self.only.store(replica, Ordering::Relaxed);
    }

    fn order(&self) -> Vec<&str> {
        match self.only.load(Ordering::Relaxed) {
            2 => {
                let first = self.turn.fetch_add(1, Ordering::Relaxed) % 2;
                vec![&self.doors[first], &self.doors[1 - first]]
            }
            one => vec![&self.doors[one]],
        }
    }

    /// The request as it would reach this door.
    fn request(&self, door: &str, target: &Target<'_>) -> reqwest::RequestBuilder {
        let url = format!("{door}{}", target.path);
        let request = match target.form {
            Some(form) => {
                self.http.post(url).header("content-type", "application/x-www-form-urlencoded").body(form.to_owned())
            }
            None => self.http.get(url),
        };
        let request = if target.cookies.is_empty() { request } else { request.header(COOKIE, target.cookies) };
        match &target.authorization {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        }
    }

    async fn send(&self, target: &Target<'_>) -> reqwest::Response {
        let mut fault = String::new();
        for door in self.order() {
            match self.request(door, target).send().await {
                // What a proxy says of a replica that is gone.
                Ok(response) if matches!(response.status().as_u16(), 502..=504) => {
                    fault = response.status().to_string();
                }
                Ok(response) => return response,
                Err(error) => fault = error.to_string(),
            }
        }
        panic!("neither replica answers: {fault}")
    }
}

struct Target<'a> {
    path: &'a str,
    form: Option<&'a str>,
    cookies: &'a str,
    authorization: Option<String>,
}

/// What a browser shows, or where it is sent.
pub enum Answer {
    Page(Page),
    /// To the client.
    Back(Back),
}

/// A page with a form.
pub struct Page(String);

impl Page {
    fn first(&self, selector: &str, attribute: &str) -> Option<String> {
        let html = Html::parse_document(&self.0);
        html.select(&Selector::parse(selector).unwrap())
            .next()
            .and_then(|found| found.attr(attribute).map(str::to_owned))
    }

    pub fn has(&self, field: &str) -> bool {
        self.first(&format!("[name={field}]"), "name").is_some()
    }

    pub fn has_id(&self, id: &str) -> bool {
        self.first(&format!("#{id}"), "id").is_some()
    }

    #[track_caller]
    pub fn value(&self, field: &str) -> String {
        self.first(&format!("[name={field}]"), "value").unwrap_or_else(|| panic!("no {field} in {}", self.text()))
    }

    pub fn text(&self) -> String {
        Html::parse_document(&self.0).root_element().text().collect()
    }
}

/// An answer for the client.
pub struct Back(Url);

impl Back {
    fn get(&self, name: &str) -> Option<String> {
        self.0.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    pub fn error(&self) -> Option<String> {
        self.get("error")
    }

    #[track_caller]
    pub fn code(&self) -> String {
        self.get("code").unwrap_or_else(|| panic!("no code but {:?}", self.error()))
    }
}

/// What the token endpoint gave.
pub struct Tokens {
    access: String,
    refresh: String,
    id: String,
}

/// One browser and the platform's server behind it.
pub struct Visitor {
    proxy: Arc<Proxy>,
    client: Client,
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    pub fn new(proxy: Arc<Proxy>, client: &Client) -> Self {
        Self { proxy, client: client.clone(), cookies: BTreeMap::new() }
    }

    /// What a browser sends along.
    pub fn cookie_header(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// One step of the browser; redirects within the provider are followed.
    async fn visit(&mut self, path: &str, form: Option<&str>) -> Answer {
        let (mut path, mut form) = (path.to_owned(), form);
        for _ in 0..5 {
            let cookies = self.cookie_header();
            let response = self.proxy.send(&Target { path: &path, form, cookies: &cookies, authorization: None }).await;
            self.remember(&response);
            let Some(location) = response.headers().get(LOCATION) else {
                assert!(
                    response.status().is_success() || response.status().as_u16() == 400,
                    "{path}: {}",
                    response.status()
                );
                return Answer::Page(Page(response.text().await.unwrap()));
            };
            let next = Url::parse(&self.proxy.issuer).unwrap().join(location.to_str().unwrap()).unwrap();
            match next.as_str().strip_prefix(&self.proxy.issuer) {
                Some(own) => (path, form) = (own.to_owned(), None),
                None => return Answer::Back(Back(next)),
            }
        }
        panic!("redirects without end")
    }

    fn remember(&mut self, response: &reqwest::Response) {
        for line in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie::Cookie::parse(line.to_str().unwrap().to_owned()).unwrap();
            let gone = cookie.max_age().is_some_and(|age| age.is_zero());
            match gone {
                true => self.cookies.remove(cookie.name()),
                false => self.cookies.insert(cookie.name().to_owned(), cookie.value().to_owned()),
            };
        }
    }

    /// Asks for a code; `more` is added to the query.
    pub async fn authorize(&mut self, more: &str) -> Answer {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let query = encode(&[
            ("response_type", "code"),
            ("client_id", &self.client.client_id),
            ("redirect_uri", &self.client.redirect_uris[0]),
            ("scope", SCOPE),
            ("state", "s"),
            ("nonce", "n"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        self.visit(&format!("/authorize?{query}&{more}"), None).await
    }

    /// Sends a page's form with these answers; its hidden fields go back unchanged.
    pub async fn submit(&mut self, page: &Page, answers: &[(&str, &str)]) -> Answer {
        let field = format!("[name={}]", answers[0].0);
        let (action, hidden) = {
            let html = Html::parse_document(&page.0);
            let wanted = Selector::parse(&field).unwrap();
            let forms = Selector::parse("form").unwrap();
            let form =
                html.select(&forms).find(|form| form.select(&wanted).next().is_some()).expect("a form with this field");
            let inputs = Selector::parse("input[type=hidden]").unwrap();
            let own = |name: &str, input: scraper::ElementRef<'_>| input.attr(name).unwrap_or_default().to_owned();
            let hidden: Vec<_> = form.select(&inputs).map(|input| (own("name", input), own("value", input))).collect();
            (form.attr("action").unwrap().to_owned(), hidden)
        };
        let fields: Vec<(&str, &str)> =
            hidden.iter().map(|(name, value)| (&**name, &**value)).chain(answers.iter().copied()).collect();
        self.visit(&action, Some(&encode(&fields))).await
    }

    pub async fn sign_in(&mut self, page: &Page, person: &Person) -> Answer {
        self.submit(page, &[("login", &person.user_name), ("password", &person.password)]).await
    }

    /// Signs in, whatever pages come.
    pub async fn enter(&mut self, person: &Person) {
        let mut answer = self.authorize("").await;
        loop {
            answer = match answer {
                Answer::Back(back) => {
                    back.code();
                    return;
                }
                Answer::Page(page) if page.has("password") => {
                    assert!(!page.has_id("problem"), "{}", page.text());
                    self.sign_in(&page, person).await
                }
                Answer::Page(page) => {
                    let identity = page.value("identity");
                    self.submit(&page, &[("identity", &identity)]).await
                }
            }
        }
    }

    /// As the platform's server, which proves itself by its secret.
    fn token_request<'a>(&self, form: &'a str) -> Target<'a> {
        let secret = self.client.client_secret.as_deref().unwrap_or_default();
        let basic = STANDARD.encode(format!("{}:{secret}", self.client.client_id));
        Target { path: "/token", form: Some(form), cookies: "", authorization: Some(format!("Basic {basic}")) }
    }

    async fn tokens(response: reqwest::Response) -> Result<Tokens, String> {
        let ok = response.status().is_success();
        let body: Value = response.json().await.map_err(|error| error.to_string())?;
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        if ok {
            Ok(Tokens { access: text("access_token"), refresh: text("refresh_token"), id: text("id_token") })
        } else {
            Err(text("error"))
        }
    }

    fn redemption(&self, code: &str) -> String {
        encode(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.client.redirect_uris[0]),
            ("code_verifier", VERIFIER),
        ])
    }

    async fn token_endpoint(&self, form: &str) -> Result<Tokens, String> {
        Self::tokens(self.proxy.send(&self.token_request(form)).await).await
    }

    /// The platform redeems a code; the error code where it is refused.
    pub async fn redeem(&self, code: &str) -> Result<Tokens, String> {
        self.token_endpoint(&self.redemption(code)).await
    }

    /// Sends one code to both replicas at the same time; how many answered with tokens.
    pub async fn redeem_at_both(&self, code: &str) -> usize {
        let form = self.redemption(code);
        let ask = |door: &str| {
            let sent = self.proxy.request(door, &self.token_request(&form)).send();
            async move {
                match sent.await {
                    Ok(response) => usize::from(Self::tokens(response).await.is_ok()),
                    Err(_) => 0,
                }
            }
        };
        let (one, other) = tokio::join!(ask(&self.proxy.doors[0]), ask(&self.proxy.doors[1]));
        one + other
    }

    pub async fn refresh(&self, tokens: &Tokens) -> Result<Tokens, String> {
        let form = encode(&[("grant_type", "refresh_token"), ("refresh_token", &tokens.refresh)]);
        let mut fresh = self.token_endpoint(&form).await?;
        if fresh.refresh.is_empty() {
            fresh.refresh.clone_from(&tokens.refresh);
        }
        Ok(fresh)
    }

    /// Whether userinfo answers.
    pub async fn knows_me(&self, tokens: &Tokens) -> bool {
        self.userinfo(tokens).await.status().is_success()
    }

    /// Who userinfo says it is.
    pub async fn subject(&self, tokens: &Tokens) -> Option<String> {
        let claims: Value = self.userinfo(tokens).await.json().await.ok()?;
        claims["sub"].as_str().map(str::to_owned)
    }

    async fn userinfo(&self, tokens: &Tokens) -> reqwest::Response {
        let target = Target {
            path: "/userinfo",
            form: None,
            cookies: "",
            authorization: Some(format!("Bearer {}", tokens.access)),
        };
        self.proxy.send(&target).await
    }

    pub async fn sign_out(&mut self, tokens: &Tokens) -> Answer {
        self.visit(&format!("/end-session?{}", encode(&[("id_token_hint", &tokens.id)])), None).await
    }
}

fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
