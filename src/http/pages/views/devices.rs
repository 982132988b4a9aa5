//! Where somebody is signed in.

use askama::Template;

use super::{Frame, Who, finish};
use crate::domain::locale::Locale;
use crate::http::pages::locales::{self, Messages};

/// The page; each button posts `session` (a handle) or `others=yes` to `/devices`.
pub struct Devices {
    /// Who is signed in.
    pub who: Who,
    /// This one first.
    pub devices: Vec<Device>,
}

/// One place.
pub struct Device {
    /// What the form posts.
    pub handle: String,
    /// Browser and system.
    pub agent: Option<String>,
    /// Whose device it is, where she let one in from elsewhere.
    pub client_name: Option<String>,
    /// Since when, in Shanghai.
    pub since: String,
    /// When it was last used.
    pub last_seen: String,
    /// It is the one in which she looks.
    pub here: bool,
    /// Its session is over, and an app there may go on without it.
    pub lasting: bool,
}

#[derive(Template)]
#[template(path = "devices.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static locales::elsewhere::Devices,
    m: &'a Devices,
}

impl Page<'_> {
    fn title_of(&self, device: &Device) -> String {
        let agent = || device.agent.clone().unwrap_or_else(|| self.t.unknown.to_owned());
        device.client_name.as_deref().map_or_else(agent, self.t.of_client)
    }
}

impl Devices {
    /// The page in a language.
    pub fn render(&self, locale: Locale) -> String {
        let t = &Messages::of(locale).devices;
        finish(&Page { frame: Frame::new(locale, t.title).who(Some(&self.who)), t, m: self }, locale)
    }
}
