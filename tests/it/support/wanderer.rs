//! A browser as plain as [`super::browser::PlainBrowser`] that wanders between programs of this machine, as people's
//! browsers do: it follows redirects from one to the other, and all ports of a host share its cookies.

use std::collections::BTreeMap;

use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use url::Url;

use super::binary::Person;
use super::browser::Page;
use super::remote::Proxy;

/// Somebody at a browser of her own.
pub struct Wanderer {
    http: reqwest::Client,
    jar: BTreeMap<(String, String), String>,
    person: Person,
    /// What she had to do, page by page.
    pub pages: Vec<&'static str>,
}

impl Wanderer {
    pub fn new(person: &Person) -> Self {
        let http = Proxy::client().build().unwrap();
        Self { http, jar: BTreeMap::new(), person: person.clone(), pages: Vec::new() }
    }

    /// Opens an address and does whatever its pages want, until there is nothing to do, or until an address that begins
    /// with `stop`, which is not opened.
    pub async fn go(&mut self, url: &str, stop: &str) -> Page {
        let page = self.follow(Url::parse(url).unwrap(), None, stop).await;
        self.answer(page, stop).await
    }

    /// Sends the form that holds what `wanted` selects, and goes on as [`Self::go`] does.
    pub async fn submit(&mut self, page: &Page, wanted: &str, filled: &[(&str, &str)], stop: &str) -> Page {
        let page = self.send(page, wanted, filled, stop).await;
        self.answer(page, stop).await
    }

    async fn answer(&mut self, mut page: Page, stop: &str) -> Page {
        self.pages.clear();
        while self.pages.len() < 6 {
            let (name, value) = if page.asks_for("password") {
                let login = self.person.user_name.clone();
                let filled = [("login", &*login), ("password", &*self.person.password.clone())];
                self.pages.push("password");
                page = self.send(&page, "[name=password]", &filled, stop).await;
                continue;
            } else if let Some(first) = page.buttons("identity").first() {
                ("identity", first.clone())
            } else if page.asks_for("decision") {
                ("decision", "allow".to_owned())
            } else if page.asks_for("confirm") {
                ("confirm", "yes".to_owned())
            } else {
                return page;
            };
            self.pages.push(name);
            page = self.send(&page, &format!("[name={name}]"), &[(name, &value)], stop).await;
        }
        panic!("the pages do not end: {page:#?}")
    }

    async fn send(&mut self, page: &Page, wanted: &str, filled: &[(&str, &str)], stop: &str) -> Page {
        let form = page.form_with(wanted).unwrap_or_else(|| panic!("no form with {wanted}: {page:#?}"));
        let kept = form.fields.iter().filter(|(name, _)| !filled.iter().any(|(other, _)| other == name));
        let fields = kept.map(|(name, value)| (&**name, &**value)).chain(filled.iter().copied());
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.follow(form.action, Some((page.url.origin().ascii_serialization(), body)), stop).await
    }

    async fn follow(&mut self, mut url: Url, mut form: Option<(String, String)>, stop: &str) -> Page {
        for _ in 0..12 {
            if !stop.is_empty() && url.as_str().starts_with(stop) {
                return Page { url, status: 0, headers: reqwest::header::HeaderMap::new(), text: String::new() };
            }
            let request = match form.take() {
                None => self.http.get(url.clone()),
                Some((origin, body)) => self.http.post(url.clone()).header(ORIGIN, origin).body(body),
            };
            let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            let response = request.header(COOKIE, self.cookies(&url)).send().await.unwrap();
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            for line in headers.get_all(SET_COOKIE) {
                self.keep(&url, line.to_str().unwrap());
            }
            match headers.get(LOCATION) {
                Some(to) => url = url.join(to.to_str().unwrap()).unwrap(),
                None => return Page { url, status, headers, text: response.text().await.unwrap() },
            }
        }
        panic!("redirects without end: {url}")
    }

    fn cookies(&self, url: &Url) -> String {
        let own = self.jar.iter().filter(|((host, _), _)| Some(&**host) == url.host_str());
        own.map(|((_, name), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn keep(&mut self, url: &Url, line: &str) {
        let cookie = cookie::Cookie::parse(line).unwrap();
        let key = (url.host_str().unwrap_or_default().to_owned(), cookie.name().to_owned());
        let gone = cookie.value().is_empty() || cookie.max_age().is_some_and(|age| age.is_zero());
        match gone {
            true => self.jar.remove(&key),
            false => self.jar.insert(key, cookie.value().to_owned()),
        };
    }
}
