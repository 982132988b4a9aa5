//! People of the demo world at a browser of their own.

use mingji::demo::world::DemoPerson;

use super::app::TestApp;
use super::browser::{Page, PlainBrowser};
use super::relying_party::{Answer, Ask, RelyingParty};

/// Somebody who signs in, picks an identity and agrees when asked.
#[derive(Clone)]
pub struct Visitor {
    pub browser: PlainBrowser,
    pub person: DemoPerson,
    /// Which identity is pressed where several are offered.
    pub identity: usize,
    pub own_device: bool,
}

/// A finished authorization.
pub struct Arrived {
    pub ask: Ask,
    pub code: String,
}

impl TestApp {
    /// Somebody of the demo world, at a fresh browser.
    pub fn visitor(&self, key: &str) -> Visitor {
        let person = self.person(key).clone();
        Visitor { browser: PlainBrowser::new(self), person, identity: 0, own_device: false }
    }

    /// A teacher with one identity who knows every standard claim about herself.
    pub fn teacher(&self) -> Visitor {
        self.visitor("full_claims")
    }

    /// A teacher who is a parent too: two identities.
    pub fn teacher_parent(&self) -> Visitor {
        self.visitor("teacher_parent")
    }

    /// A child under 14, whose guardian agreed to platform B.
    pub fn child(&self) -> Visitor {
        self.visitor("child_under14")
    }
}

impl Visitor {
    /// Types user name and password into a sign-in page.
    pub async fn type_password(&mut self, page: &Page) -> Page {
        let login = self.person.user_name.clone();
        self.type_in(page, &login, &self.person.password.clone()).await
    }

    /// Types something into a sign-in page.
    pub async fn type_in(&mut self, page: &Page, login: &str, password: &str) -> Page {
        let mut fields = vec![("login", login), ("password", password)];
        if self.own_device {
            fields.push(("own_device", "yes"));
        }
        self.browser.submit(page, "password", &fields).await
    }

    /// Comes by herself and types her password; the answer.
    pub async fn knock(&mut self) -> Page {
        let form = self.browser.open("/sign-in").await;
        self.type_password(&form).await
    }

    /// Comes by herself and types a wrong password for somebody; the answer.
    pub async fn guess(&mut self, login: &str) -> Page {
        let form = self.browser.open("/sign-in").await;
        self.type_in(&form, login, "a guess").await
    }

    /// Goes with a request as far as the client, answering every page on the way; the last answer.
    pub async fn go(&mut self, rp: &RelyingParty, ask: &Ask) -> Page {
        let page = self.browser.open(&rp.url(ask)).await;
        self.answer_pages(page).await
    }

    /// Answers pages until one leads away or there is nothing to answer.
    pub async fn answer_pages(&mut self, mut page: Page) -> Page {
        for _ in 0..6 {
            page = if page.asks_for("password") {
                self.type_password(&page).await
            } else if let Some(identity) = page.buttons("identity").get(self.identity).cloned() {
                self.browser.press(&page, "identity", &identity).await
            } else if page.asks_for("decision") {
                self.browser.press(&page, "decision", "allow").await
            } else {
                return page;
            };
        }
        panic!("the pages do not end: {page:#?}")
    }

    /// The whole way to a code.
    pub async fn arrive_with(&mut self, rp: &RelyingParty, ask: Ask) -> Arrived {
        let page = self.go(rp, &ask).await;
        let answer = page.answer();
        assert_eq!(answer.get("state"), Some(&ask.get("state")), "{page:#?}");
        let code = answer.get("code").unwrap_or_else(|| panic!("no code: {answer:?}")).clone();
        Arrived { ask, code }
    }

    pub async fn arrive(&mut self, rp: &RelyingParty) -> Arrived {
        self.arrive_with(rp, rp.ask()).await
    }

    /// The whole way to tokens.
    pub async fn sign_in_with(&mut self, rp: &RelyingParty, ask: Ask) -> Answer {
        let arrived = self.arrive_with(rp, ask).await;
        let tokens = rp.redeem(&arrived.ask, &arrived.code).await;
        assert_eq!(tokens.status, 200, "{tokens:?}");
        tokens
    }

    pub async fn sign_in(&mut self, rp: &RelyingParty) -> Answer {
        self.sign_in_with(rp, rp.ask()).await
    }

    /// Without a page: what the session answers, as a client in a hidden frame would ask.
    pub async fn silently(&mut self, rp: &RelyingParty) -> super::relying_party::Parameters {
        self.browser.open(&rp.url(&rp.ask().with("prompt", "none"))).await.answer()
    }

    /// Whether a session is there.
    pub async fn is_signed_in(&mut self) -> bool {
        self.browser.open("/").await.has("who")
    }
}
