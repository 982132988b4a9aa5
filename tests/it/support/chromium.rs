//! A real browser. Each [`Chromium`] has a profile of its own and its own driver, so that tests run side by side
//! and no cookie of one reaches another.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use thirtyfour::ChromeCapabilities;
use thirtyfour::prelude::*;

use super::need::Browser;

const PATIENCE: Duration = Duration::from_secs(20);

/// A window.
pub struct Chromium {
    pub driver: WebDriver,
    process: Child,
    profile: tempfile::TempDir,
}

/// What differs between browsers.
#[derive(Default)]
pub struct Wish {
    /// More flags.
    pub flags: Vec<String>,
    /// No scripts.
    pub no_script: bool,
    /// Cookies are shown in frames of other sites too; this browser's own choice is no.
    pub foreign_cookies: bool,
    /// `accept-language`; Chinese where nothing is said.
    pub language: Option<&'static str>,
}

impl Chromium {
    /// Opens a window.
    pub async fn open(browser: &Browser, wish: Wish) -> Self {
        mingji::outbound::install_tls_provider();
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new(&browser.chromedriver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines
            .filter_map(|line| line.split("successfully on port ").nth(1).map(digits))
            .next()
            .expect("the driver names its port");
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities(browser, wish, profile.path()))
            .await
            .unwrap();
        driver.set_page_load_timeout(PATIENCE).await.unwrap();
        Self { driver, process, profile }
    }

    /// Goes to an address.
    pub async fn go(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    /// Waits for an element; fails with what is there instead.
    pub async fn find(&self, css: &str) -> WebElement {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.driver.find(By::Css(css)).await {
                Ok(found) => return found,
                Err(_) if Instant::now() < until => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(_) => panic!("{css} is not there.\n{}", self.here().await),
            }
        }
    }

    /// Whether an element is there now.
    pub async fn has(&self, css: &str) -> bool {
        self.driver.find(By::Css(css)).await.is_ok()
    }

    /// The text of an element.
    pub async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap()
    }

    /// Presses an element and waits until its page is gone.
    pub async fn press(&self, css: &str) {
        let element = self.find(css).await;
        element.click().await.unwrap_or_else(|e| panic!("{css}: {e}"));
    }

    /// Types into a field, in place of what stands there.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// The address.
    pub async fn url(&self) -> String {
        self.driver.current_url().await.map(|url| url.to_string()).unwrap_or_default()
    }

    /// Waits until the address begins like this.
    pub async fn arrive(&self, beginning: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.url().await.starts_with(beginning) {
            assert!(Instant::now() < until, "not at {beginning}\n{}", self.here().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Address and text of the page, for a failure.
    pub async fn here(&self) -> String {
        let text = match self.driver.find(By::Tag("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        };
        format!("at {}\n{text}", self.url().await)
    }

    /// All cookies of the profile, with their attributes.
    pub async fn cookies(&self) -> Vec<Value> {
        let all = self.devtools("Network.getAllCookies", json!({})).await;
        all["cookies"].as_array().cloned().unwrap_or_default()
    }

    /// A command of the DevTools protocol.
    pub async fn devtools(&self, command: &str, arguments: Value) -> Value {
        self.driver.cdp().send_raw(command, arguments).await.unwrap_or_else(|e| panic!("{command}: {e}"))
    }

    /// What the page shows on a phone (390 × 844) and on a desk (1280 × 800), as PNG.
    pub async fn picture(&self, file: &Path, phone: bool) {
        let (width, height, scale) = if phone { (390, 844, 2) } else { (1280, 800, 1) };
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let layout = self.devtools("Page.getLayoutMetrics", json!({})).await;
        let full = layout["cssContentSize"]["height"].as_f64().unwrap_or_default().max(f64::from(height));
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": full, "scale": 1 });
        let shot = self
            .devtools("Page.captureScreenshot", json!({ "format": "png", "clip": clip, "captureBeyondViewport": true }))
            .await;
        let png = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap_or_default()).unwrap();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, png).unwrap();
        // A page wider than the window makes people scroll sideways.
        let wide = layout["cssContentSize"]["width"].as_f64().unwrap_or_default();
        assert!(wide <= f64::from(width) + 1.0, "{} is {wide} wide in a window of {width}", file.display());
        self.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await;
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // The driver ends its browser when it is asked to go.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
        // On a busy machine it may forget that, and the browser would run until the machine stops.
        let profile = format!("user-data-dir={}", self.profile.path().display());
        let _ = Command::new("pkill").args(["-KILL", "-f", "--", &profile]).status();
    }
}

fn digits(text: &str) -> String {
    text.chars().take_while(char::is_ascii_digit).collect()
}

fn capabilities(browser: &Browser, wish: Wish, profile: &Path) -> ChromeCapabilities {
    let mut capabilities = DesiredCapabilities::chrome();
    capabilities.set_binary(&browser.chromium.to_string_lossy()).unwrap();
    let flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--window-size=1280,800",
    ];
    for flag in flags.into_iter().map(str::to_owned).chain(wish.flags) {
        capabilities.add_arg(&flag).unwrap();
    }
    capabilities.add_arg(&format!("--user-data-dir={}", profile.display())).unwrap();
    let language = wish.language.unwrap_or("zh-CN");
    let mut preferences = json!({ "intl": { "accept_languages": language } });
    if wish.no_script {
        preferences["profile"] = json!({ "managed_default_content_settings": { "javascript": 2 } });
    }
    if wish.foreign_cookies {
        preferences["profile"]["cookie_controls_mode"] = json!(0);
    }
    capabilities.add_experimental_option("prefs", preferences).unwrap();
    capabilities.accept_insecure_certs(true).unwrap();
    capabilities
}
