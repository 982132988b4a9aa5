//! What people see: a real Chromium drives the program that people run.

mod screens;
mod sites;
mod stories;

use crate::support::binary::{Demo, Person};
use crate::support::chromium::Chromium;

/// Fills in the sign-in page that is there.
async fn sign_in(window: &Chromium, person: &Person) {
    window.fill("#login", &person.user_name).await;
    window.fill("#password", &person.password).await;
    window.press("main form button.main").await;
}

/// Chooses the identity whose button says this.
async fn choose_identity(window: &Chromium, kind: &str) {
    window.find("button[name=identity]").await;
    for button in window.driver.find_all(thirtyfour::By::Css("button[name=identity]")).await.unwrap() {
        if button.text().await.unwrap().contains(kind) {
            return button.click().await.unwrap();
        }
    }
    panic!("no identity {kind}\n{}", window.here().await);
}

/// From a platform's front page into its space.
async fn open_space(window: &Chromium, platform: &str) {
    window.go(&format!("{platform}/")).await;
    window.press("#open-space").await;
}

/// The vendor's application stands beside platform A.
fn vendor(demo: &Demo) -> String {
    format!("{}/vendor", demo.platform('a'))
}
