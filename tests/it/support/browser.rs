//! A browser as plain as HtmlUnit: cookies, links and forms, no script. It follows no redirect by itself, so that
//! a test sees every step.

use std::collections::BTreeMap;

use reqwest::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::app::TestApp;

/// One person's browser.
#[derive(Clone)]
pub struct PlainBrowser {
    app: TestApp,
    pub jar: BTreeMap<String, String>,
    pub language: Option<String>,
}

/// What it shows.
#[derive(Clone, Debug)]
pub struct Page {
    pub url: Url,
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

/// A form as it would be sent, before anything is filled in.
pub(super) struct Form {
    pub(super) action: Url,
    pub(super) fields: Vec<(String, String)>,
}

impl PlainBrowser {
    pub fn new(app: &TestApp) -> Self {
        Self { app: app.clone(), jar: BTreeMap::new(), language: None }
    }

    pub async fn open(&mut self, url: &str) -> Page {
        let url = Url::parse(&self.app.issuer).unwrap().join(url).unwrap();
        self.send(self.app.http.get(url.clone()), url).await
    }

    /// Fills the form that holds the control `control` and sends it. What is not filled goes back as it came.
    pub async fn submit(&mut self, page: &Page, control: &str, filled: &[(&str, &str)]) -> Page {
        let form = page.form(control).unwrap_or_else(|| panic!("no form with {control} on {page:#?}"));
        let mut fields = form.fields;
        for (name, value) in filled {
            fields.retain(|(known, _)| known != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        self.post(form.action.as_str(), &fields).await
    }

    /// Presses a button that has a name.
    pub async fn press(&mut self, page: &Page, name: &str, value: &str) -> Page {
        assert!(page.buttons(name).iter().any(|known| known == value), "no button {name}={value} on {page:#?}");
        self.submit(page, name, &[(name, value)]).await
    }

    /// Posts fields from one of our own pages.
    pub async fn post<N: AsRef<str>, V: AsRef<str>>(&mut self, url: &str, fields: &[(N, V)]) -> Page {
        let origin = self.app.issuer.clone();
        self.post_from(&origin, url, fields).await
    }

    /// Posts fields from a page of some origin.
    pub async fn post_from<N: AsRef<str>, V: AsRef<str>>(
        &mut self,
        origin: &str,
        url: &str,
        fields: &[(N, V)],
    ) -> Page {
        let url = Url::parse(&self.app.issuer).unwrap().join(url).unwrap();
        let pairs = fields.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = self.app.http.post(url.clone()).header(ORIGIN, origin);
        self.send(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body), url).await
    }

    /// Follows a redirect that stays at the provider.
    pub async fn follow(&mut self, page: &Page) -> Page {
        let to = page.location().unwrap_or_else(|| panic!("no redirect: {page:#?}"));
        assert!(to.starts_with(&self.app.issuer), "it leads away: {to}");
        self.open(&to).await
    }

    /// Closes the browser and opens it again: cookies without a life of their own are gone.
    pub fn restart(&mut self) {
        let lasting = self.jar.clone();
        self.jar.retain(|name, _| name.contains(';') || lasting.contains_key(&format!("{name};max-age")));
    }

    async fn send(&mut self, mut request: reqwest::RequestBuilder, url: Url) -> Page {
        let cookies: Vec<String> = self
            .jar
            .iter()
            .filter(|(name, _)| !name.contains(';'))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        if let Some(language) = &self.language {
            request = request.header(ACCEPT_LANGUAGE, language);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for cookie in headers.get_all(SET_COOKIE) {
            self.keep(cookie.to_str().unwrap());
        }
        Page { url, status, headers, text: response.text().await.unwrap() }
    }

    fn keep(&mut self, set: &str) {
        let (pair, attributes) = set.split_once(';').unwrap_or((set, ""));
        let (name, value) = pair.split_once('=').unwrap();
        let age = attributes.split(';').find_map(|part| part.trim().strip_prefix("Max-Age=").map(str::to_owned));
        self.jar.remove(&format!("{name};max-age"));
        if value.is_empty() || age.as_deref() == Some("0") {
            self.jar.remove(name);
            return;
        }
        self.jar.insert(name.to_owned(), value.to_owned());
        if let Some(age) = age {
            self.jar.insert(format!("{name};max-age"), age);
        }
    }

    /// The life of a cookie in seconds, where it has one.
    pub fn life_of(&self, cookie: &str) -> Option<u64> {
        self.jar.get(&format!("{cookie};max-age")).and_then(|age| age.parse().ok())
    }
}

impl Page {
    pub fn location(&self) -> Option<String> {
        self.headers.get(LOCATION).map(|to| to.to_str().unwrap().to_owned())
    }

    /// The parameters of the redirect, in the query or in the fragment.
    pub fn answer(&self) -> BTreeMap<String, String> {
        let to = self.location().unwrap_or_else(|| panic!("no redirect: {self:#?}"));
        let url = Url::parse(&to).unwrap();
        let text = url.fragment().or(url.query()).unwrap_or_default();
        form_urlencoded::parse(text.as_bytes()).into_owned().collect()
    }

    /// The address and the fields of the form that is posted to the client.
    pub fn posted(&self) -> (String, BTreeMap<String, String>) {
        let html = Html::parse_document(&self.text);
        let form = html.select(&Selector::parse("form#answer[method=post]").unwrap()).next();
        let form = form.unwrap_or_else(|| panic!("no form for the client: {self:#?}"));
        let hidden = Selector::parse("input[type=hidden]").unwrap();
        let fields = form.select(&hidden).map(|input| {
            let value = |name| input.attr(name).unwrap_or_default().to_owned();
            (value("name"), value("value"))
        });
        (form.attr("action").unwrap_or_default().to_owned(), fields.collect())
    }

    /// Whether an element has this id.
    pub fn has(&self, id: &str) -> bool {
        self.text_of(id).is_some()
    }

    /// What an element says.
    pub fn text_of(&self, id: &str) -> Option<String> {
        let html = Html::parse_document(&self.text);
        let found = html.select(&Selector::parse(&format!("#{id}")).unwrap()).next()?;
        Some(found.text().collect::<String>().trim().to_owned())
    }

    /// Whether a form has a control of this name.
    pub fn asks_for(&self, control: &str) -> bool {
        self.form(control).is_some()
    }

    /// Values of the buttons of this name.
    pub fn buttons(&self, name: &str) -> Vec<String> {
        let html = Html::parse_document(&self.text);
        let selector = Selector::parse(&format!("button[name={name}]")).unwrap();
        html.select(&selector).filter_map(|button| button.attr("value").map(str::to_owned)).collect()
    }

    /// What the form with a control would send.
    pub fn fields(&self, control: &str) -> Vec<(String, String)> {
        self.form(control).map(|form| form.fields).unwrap_or_default()
    }

    /// What stands in a field.
    pub fn value_of(&self, field: &str) -> Option<String> {
        let form = self.form(field)?;
        form.fields.into_iter().find(|(name, _)| name == field).map(|(_, value)| value)
    }

    /// The language it is written in.
    pub fn language(&self) -> String {
        Html::parse_document(&self.text).root_element().attr("lang").unwrap_or_default().to_owned()
    }

    fn form(&self, control: &str) -> Option<Form> {
        self.form_with(&format!("[name={control}]"))
    }

    /// The form that holds what this selects.
    pub(super) fn form_with(&self, wanted: &str) -> Option<Form> {
        let html = Html::parse_document(&self.text);
        let wanted = Selector::parse(wanted).unwrap();
        let inputs = Selector::parse("input[name], textarea[name]").unwrap();
        let form = html.select(&Selector::parse("form").unwrap()).find(|form| form.select(&wanted).next().is_some())?;
        let fields = form.select(&inputs).filter(is_sent).map(|input| {
            let value = |name| input.attr(name).unwrap_or_default().to_owned();
            match input.value().name() {
                "textarea" => (value("name"), input.text().collect()),
                _ => (value("name"), value("value")),
            }
        });
        Some(Form { action: self.url.join(form.attr("action").unwrap_or_default()).unwrap(), fields: fields.collect() })
    }
}

/// A box that is not ticked is not sent.
fn is_sent(input: &ElementRef<'_>) -> bool {
    !matches!(input.attr("type"), Some("checkbox" | "radio")) || input.attr("checked").is_some()
}
