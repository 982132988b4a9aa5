//! Every page, in both languages: what the contract promises, what a screen reader needs, what the
//! content security policy forbids. Leaves them in `target/pages/` to be looked at in a browser.

mod console;
mod samples;

use std::fs;
use std::path::Path;

use axum::body::Body;
use axum::http::{Request, header};
use mingji::domain::locale::Locale;
use mingji::domain::registry::holder::{Holder, SlipKind};
use mingji::http::pages::static_files::{ASSETS, static_router};
use mingji::http::pages::views::*;
use scraper::{ElementRef, Html, Selector};
use tower::ServiceExt;

use samples::{Values, samples};

const STYLE: &str = include_str!("../../src/http/pages/static/mingji.css");
const SEAL: &str = include_str!("../../src/http/pages/static/seal.svg");

fn all<'a>(html: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    html.select(&Selector::parse(selector).expect("a valid selector")).collect()
}

fn text_of(element: ElementRef<'_>) -> String {
    element.text().collect::<String>().trim().to_owned()
}

/// Writes one page so that a browser can open it as a file.
fn leave(name: &str, locale: Locale, html: &str) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pages");
    fs::create_dir_all(&dir).expect("target is writable");
    fs::write(dir.join("mingji.css"), STYLE).expect("target is writable");
    fs::write(dir.join("seal.svg"), SEAL).expect("target is writable");
    let local = html.replace(&ASSETS.style, "mingji.css").replace(&ASSETS.seal, "seal.svg");
    fs::write(dir.join(format!("{name}.{locale}.html")), local).expect("target is writable");
}

#[test]
fn every_page_is_whole_in_both_languages() {
    for (name, render) in samples(false) {
        let mut said = Vec::new();
        for locale in Locale::ALL {
            let text = render(locale);
            leave(name, locale, &text);
            let html = Html::parse_document(&text);
            let at = format!("{name} {locale}");
            check_frame(&html, locale, &at);
            check_forms(&html, &at);
            check_references(&html, &at);
            check_alike(&html, &at);
            check_closed(&html, &at);
            said.push(text_of(all(&html, "h1")[0]));
        }
        assert_ne!(said[0], said[1], "{name} says the same in both languages");
    }
}

fn check_frame(html: &Html, locale: Locale, at: &str) {
    assert_eq!(all(html, "html")[0].attr("lang"), Some(locale.tag()), "{at}");
    assert!(text_of(all(html, "title")[0]).len() > "· 名籍 Mingji".len(), "{at}: no title");
    assert_eq!(all(html, "meta[name=viewport]").len(), 1, "{at}");
    assert_eq!(all(html, "main h1").len(), 1, "{at}: one main heading");
    assert_eq!(all(html, "h3, h4").len(), 0, "{at}: headings do not go deeper than two");
    let switches = all(html, "form[action='/language'] button[name=lang], a[href^='?lang=']");
    // What is told once would be lost with the page.
    let once = !all(html, "#client-secret, p#code").is_empty();
    assert_eq!(switches.len(), usize::from(!once), "{at}: one language switch");
    assert!(switches.iter().all(|switch| switch.attr("lang") == Some(locale.other().tag())), "{at}");
    for who in all(html, "#who") {
        assert!(!text_of(who).is_empty(), "{at}");
        assert_eq!(all(html, "form[action='/not-me'] button").len(), 1, "{at}: who is shown beside “not me”");
    }
}

fn check_forms(html: &Html, at: &str) {
    for input in all(html, "input:not([type=hidden])") {
        let id = input.attr("id").unwrap_or_else(|| panic!("{at}: an input without id"));
        let labels = all(html, &format!("label[for='{id}']"));
        assert!(labels.len() == 1 && !text_of(labels[0]).is_empty(), "{at}: {id} has one label");
        assert!(input.attr("type") == Some("checkbox") || input.attr("autocomplete").is_some(), "{at}: {id}");
    }
    for button in all(html, "button, a.button") {
        assert!(!text_of(button).is_empty(), "{at}: a button without text");
    }
    for form in all(html, "form") {
        assert_eq!(form.attr("method"), Some("post"), "{at}: nothing of a form may stand in an address");
        assert!(form.attr("action").is_some_and(|action| action.starts_with('/') && !action.starts_with("//")), "{at}");
    }
    assert!(all(html, "[autofocus]").len() <= 1, "{at}: one place to start");
}

fn check_references(html: &Html, at: &str) {
    let mut seen = std::collections::BTreeSet::new();
    for element in all(html, "[id]") {
        assert!(seen.insert(element.attr("id").unwrap_or_default()), "{at}: an id twice");
    }
    for element in all(html, "[aria-describedby]") {
        for id in element.attr("aria-describedby").unwrap_or_default().split_ascii_whitespace() {
            assert!(seen.contains(id), "{at}: describedby {id} leads nowhere");
        }
    }
    for problem in all(html, "#problem") {
        assert_eq!(problem.attr("role"), Some("alert"), "{at}");
        assert!(!all(html, "[aria-describedby~=problem]").is_empty(), "{at}: the problem is tied to its field");
    }
}

/// Whoever hears a page hears buttons without what stands around them: of two with the same words each says of what it is.
fn check_alike(html: &Html, at: &str) {
    let mut said = std::collections::BTreeMap::new();
    for element in all(html, "main button, main a") {
        let ids = element.attr("aria-describedby").unwrap_or_default().split_ascii_whitespace();
        let of: Vec<String> = ids.flat_map(|id| all(html, &format!("[id='{id}']"))).map(text_of).collect();
        let before = said.insert((text_of(element), of.join(" ")), element.attr("href"));
        let same = before.is_some_and(|href| href.is_none() || href != element.attr("href"));
        assert!(!same, "{at}: two buttons sound the same: {}", text_of(element));
    }
}

/// Nothing that `default-src 'none'; style-src 'self'; img-src 'self'` would refuse.
fn check_closed(html: &Html, at: &str) {
    let forbidden = "script, style, iframe, object, embed, video, audio, base, [style]";
    assert!(all(html, forbidden).is_empty(), "{at}: content that the policy refuses");
    for element in all(html, "*") {
        for (name, value) in element.value().attrs() {
            assert!(!name.starts_with("on"), "{at}: event handler {name}");
            let is_link = matches!(name, "href" | "src" | "action");
            assert!(!is_link || !value.trim_start().to_ascii_lowercase().starts_with("javascript:"), "{at}: {value}");
        }
    }
    for loaded in all(html, "link[href], img[src]") {
        let address = loaded.attr("href").or(loaded.attr("src")).unwrap_or_default();
        assert!(address.starts_with("/static/"), "{at}: loads {address}");
    }
}

/// Whoever keeps her passwords in a program is helped by it: each field says what it is, and nothing stands in its way (ASVS 6.2.7).
#[test]
fn a_program_that_keeps_passwords_may_fill_them_in() {
    let mut seen = std::collections::BTreeSet::new();
    for (name, render) in samples(false) {
        let html = Html::parse_document(&render(Locale::Zh));
        for field in all(&html, "input[type=password]") {
            let is = field.attr("autocomplete").unwrap_or_default();
            assert!(matches!(is, "current-password" | "new-password"), "{name}: {is}");
            for barred in ["readonly", "disabled", "maxlength", "pattern", "onpaste"] {
                assert!(field.attr(barred).is_none(), "{name}: {barred}");
            }
            seen.insert(is.to_owned());
        }
        // Beside one that she has stands whose it is.
        if !all(&html, "input[autocomplete=current-password]").is_empty() {
            assert_eq!(all(&html, "input[autocomplete=username]").len(), 1, "{name}");
        }
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
}

/// All that anybody is asked for by our pages: no answer to a question that somebody else knows too, and no hint (ASVS 6.4.2).
#[test]
fn nobody_is_asked_a_secret_question() {
    let typed = "input[type=text], input[type=password], input:not([type]), textarea";
    let mut asked = std::collections::BTreeSet::new();
    for (_, render) in samples(false) {
        let html = Html::parse_document(&render(Locale::Zh));
        asked.extend(all(&html, typed).iter().filter_map(|field| Some(field.attr("name")?.to_owned())));
    }
    let known = [
        "code",
        "login",
        "new_password",
        "new_password_again",
        "password",
        "user_code",
        // The form of a client at the console.
        "backchannel_logout_uri",
        "client_name",
        "client_name_en",
        "initiate_login_uri",
        "pasted",
        "policy_uri",
        "post_logout_redirect_uris",
        "redirect_uris",
    ];
    assert_eq!(asked, known.iter().map(|name| (*name).to_owned()).collect());
}

/// Slips are paper: nothing on them may be fetched, run or pressed, whatever the names say.
#[test]
fn slips_are_whole_without_anything_else() {
    for hostile in [false, true] {
        let v = Values { hostile };
        let slip = |name: &str, holder, child: Option<&str>| SlipView {
            name: v.text(name),
            child: child.map(|name| v.text(name)),
            user_name: v.text("k7m-2xp-w9dt"),
            code: v.text("7qkd-m2xw-9fhj"),
            link: v.text("https://id.example.edu.cn/activate?code=7qkd-m2xw-9fhj"),
            holder,
        };
        let sheet = SlipSheet {
            kind: SlipKind::Guardians,
            org: v.text("云和县江滨实验小学"),
            class: Some(v.text("三年级 2024级2班")),
            number: (1, 1),
            address: v.text("https://id.example.edu.cn/activate"),
            valid_until: "2026-12-09".into(),
            slips: vec![
                slip("周𠮷", Holder::Child, None),
                slip("迪丽努尔·艾合买提", Holder::Guardian, Some("阿依古丽·买买提")),
                slip("陈晓兰", Holder::Staff, None),
                slip("刘子墨", Holder::Student, None),
            ],
        };
        let text = format!("{}{}", slips_head(), sheet.render());
        let html = Html::parse_document(&text);
        assert_eq!(all(&html, "article.slip").len(), 4);
        assert_eq!(all(&html, "article.slip svg path").len(), 4, "each has its QR code");
        let loads = "script, img, link, iframe, object, embed, a, form, base, [src], [href]";
        assert!(all(&html, loads).is_empty(), "{hostile}: it would load or lead somewhere");
        assert!(!text.contains("url(") && !text.contains("@import"));
        for element in all(&html, "*") {
            assert!(element.value().attrs().all(|(name, _)| !name.starts_with("on")), "{hostile}");
        }
        if !hostile {
            let said: Vec<_> = all(&html, "article.slip").into_iter().map(text_of).collect();
            assert!(said[0].contains("周𠮷") && said[0].contains("7qkd-m2xw-9fhj") && said[0].contains("2026-12-09"));
            assert!(said[1].contains("阿依古丽·买买提 的家长") && !said[0].contains("的家长"));
            let advice: std::collections::BTreeSet<_> =
                all(&html, ".advice").into_iter().map(|advice| text_of(advice)).collect();
            assert_eq!(advice.len(), 4, "each kind of holder is told something else");
        }
    }
}

#[test]
fn hostile_values_stay_text() {
    for (name, render) in samples(true) {
        for locale in Locale::ALL {
            let text = render(locale);
            let html = Html::parse_document(&text);
            check_closed(&html, &format!("{name} {locale} (hostile)"));
            assert!(!text.contains("<script") && !text.contains("<img src=x"), "{name} {locale}");
        }
    }
}

#[test]
fn the_end_of_a_session_opens_frames_that_cannot_move_it() {
    for hostile in [false, true] {
        let v = Values { hostile };
        for go_on in
            [v.uri("https://a.example/?x=1&y=2").map(GoOn::Client), Some(GoOn::Request(v.text("sealed"))), None]
        {
            let follows = !hostile && go_on.is_some();
            let page = SignedOut { go_on, frames: vec![v.text("https://b.example/out?iss=x&sid=y")], lost: true };
            let text = page.render(Locale::Zh);
            let html = Html::parse_document(&text);
            let frames = all(&html, "iframe[hidden][sandbox='allow-scripts allow-same-origin allow-forms']");
            assert_eq!((frames.len(), all(&html, "iframe").len()), (1, 1));
            for script in all(&html, "script") {
                assert_eq!(script.text().collect::<String>(), GO_ON);
            }
            assert_eq!(all(&html, "#go-on").len(), all(&html, "script").len(), "the script has its button");
            assert!(!follows || all(&html, "#go-on").len() == 1);
            assert!(!text.contains("javascript:") && !text.contains("<img src=x"), "{text}");
        }
    }
}

#[test]
fn the_names_of_the_contract_are_there() {
    let names = [
        ("sign-in", "form[action='/sign-in'] input[name=request][value='sealed-state']"),
        ("sign-in", "form[action='/sign-in'] input[name=login][autocapitalize=none][autocomplete=username]"),
        ("sign-in", "input[name=password][type=password][autocomplete=current-password]"),
        ("sign-in", "input[name=own_device][type=checkbox]:not([checked])"),
        ("sign-in", "a[href='/activate']"),
        ("sign-in-refused", "input[name=own_device][checked]"),
        ("activate", "form[action='/activate'] input[name=code][type=text]"),
        ("activate-link", "form[action='/activate'] input[name=code][type=hidden]"),
        ("activate-link", "a[href='?lang=en&code=7QKD-M2XW-9F']"),
        ("activate-unknown", "input[name=code][type=text][aria-invalid=true]"),
        ("activate", "input[name=new_password][autocomplete=new-password]"),
        ("activate", "input[name=new_password_again]:not([required])"),
        ("choose-identity", "form[action='/choose-identity'] button[name=identity][value='id-2']"),
        ("choose-account", "form[action='/choose-account'] button[name=account][value='acc-1']"),
        ("choose-account", "button[name=account][value=other]"),
        ("consent", "form[action='/consent'] button[name=decision][value=allow]"),
        ("consent", "form[action='/consent'] button[name=decision][value=deny]"),
        ("consent", "a[href='https://vendor.example/privacy']"),
        ("sign-in", "a[href='https://vendor.example/privacy']"),
        ("sign-in-refused", "a[href='https://vendor.example/terms']"),
        ("consent", "form[action='/not-me'] input[name=request][value='sealed-state']"),
        ("consent", "form[action='/language'] input[name=request][value='sealed-state']"),
        ("guardian-needed", "#guardian-consent-needed"),
        ("guardian-needed", "a[href='https://vendor.example/cb?error=access_denied']"),
        ("sign-out", "form[action='/sign-out'] button[name=confirm][value=yes]"),
        ("sign-out", "form[action='/sign-out'] button[name=confirm][value=no]"),
        ("signed-out", "#signed-out"),
        ("home-signed-in", "form[action='/sign-out'] button"),
        ("activate-child", "input[name=new_password][type=text][autocomplete=off]"),
        ("activate-on-the-way", "form[action='/activate'] input[name=request][value='sealed-after']"),
        ("activated-on-the-way", "form[action='/language'] input[name=request][value='sealed-after']"),
        ("activate-child", "form[action='/activate'] input[name=code][type=hidden]"),
        ("activate-guardian", "input[name=new_password][type=password]"),
        ("activated-child", "#next"),
        ("home-wards", "form[action='/sign-out'] button"),
        ("home-wards", "form[action='/wards']:has(input[name=ward][value='ward-3']) button[name=confirm][value=no]"),
        ("home-wards", "form[action='/wards']:has(input[name=ward][value='ward-1']) button[name=confirm][value=yes]"),
        ("home-wards", "a[href^='/ward-password?']"),
        ("home-wards-told", "#told"),
        ("ward-password", "form[action='/ward-password'] input[name=new_password]"),
        ("home-signed-in", "form[action='/take-up'] button[name=question]"),
        ("type-code", "form[action='/device'] input[name=user_code][autocapitalize=characters]"),
        ("type-code-unknown", "input[name=user_code][aria-invalid=true]"),
        ("confirm-device", "form[action='/confirm'] button[name=confirm][value=yes]"),
        ("confirm-device", "form[action='/confirm'] button[name=confirm][value=no]"),
        ("confirm-client", "form[action='/not-me'] input[name=request][value='sealed-state']"),
        ("answered-yes", "#answered-yes"),
        ("devices", "form[action='/devices'] button[name=others][value=yes]"),
        ("own-password", "form[action='/password'] input[name=password][autocomplete=current-password]"),
        ("own-password", "form[action='/password'] input[name=new_password][autocomplete=new-password]"),
        ("consents", "form[action='/consents'] input[name=ward][value='ward-1']"),
        ("consents-child", "form[action='/consents'] button[name=client]"),
        ("console", "a[href='/console/register']"),
        ("console-client", "form[action$='/secret'] input[name=overlap][value='keep'][checked]"),
        ("console-client", "form[action$='/old-secret'] input[name=version][value='3']"),
        ("console-client", "form[action$='/trial'] textarea[name=pasted]"),
        ("console-client-again", "#again"),
        ("console-register", "form[action='/console/register'] textarea[name=redirect_uris]"),
        ("console-register-bad", "textarea[name=redirect_uris][aria-invalid=true]"),
        ("console-rotated", "#client-secret"),
    ];
    let pages = samples(false);
    let errors = ErrorId::ALL.map(|id| (id.as_str(), format!("#{}", id.as_str())));
    let wanted = names.map(|(name, selector)| (name, selector.to_owned())).into_iter().chain(errors);
    for (name, selector) in wanted {
        let (_, render) = pages.iter().find(|(page, _)| *page == name).expect("a sample of that name");
        let html = Html::parse_document(&render(Locale::Zh));
        assert_eq!(all(&html, &selector).len(), 1, "{name}: {selector}");
    }
}

#[tokio::test]
async fn static_files_are_kept_for_ever_and_survive_an_upgrade() {
    let get = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        static_router::<()>().oneshot(request).await.expect("an answer")
    };
    let style = get(&ASSETS.style).await;
    assert_eq!(style.status(), 200);
    assert_eq!(style.headers()[header::CONTENT_TYPE], "text/css; charset=utf-8");
    assert!(style.headers()[header::CACHE_CONTROL].to_str().expect("text").contains("immutable"));
    assert_eq!(get(&ASSETS.seal).await.headers()[header::CONTENT_TYPE], "image/svg+xml");
    let other_release = get("/static/0000000000000000/mingji.css").await;
    assert_eq!(
        (other_release.status().as_u16(), &other_release.headers()[header::CACHE_CONTROL]),
        (200, &"no-cache".parse().expect("a header"))
    );
    assert_eq!(get("/static/x/other.css").await.status(), 404);
}

/// Relative luminance of `#rrggbb` (WCAG 2.2).
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).expect("hexadecimal")) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn colours_can_be_read_by_day_and_by_night() {
    let schemes: Vec<&str> = STYLE.split(":root {").skip(1).collect();
    assert_eq!(schemes.len(), 2, "one set of tokens for light, one for dark");
    for (scheme, tokens) in ["light", "dark"].into_iter().zip(schemes) {
        let token = |name: &str| {
            let start = tokens.find(&format!("--{name}: #")).unwrap_or_else(|| panic!("{scheme} has no {name}"));
            let value = tokens[start..].split(['#', ';']).nth(1).expect("a colour");
            format!("#{value}")
        };
        let text = [
            ("ink", "paper"),
            ("ink", "tint"),
            ("ink-soft", "paper"),
            ("ink-soft", "tint"),
            ("azurite", "paper"),
            ("azurite", "tint"),
            ("vermilion", "paper"),
            ("vermilion", "tint"),
            ("on-ink", "ink"),
            ("on-ink", "ink-hover"),
            ("on-ink", "ink-soft"),
        ];
        for (front, back) in text {
            let ratio = contrast(&token(front), &token(back));
            assert!(ratio >= 4.5, "{scheme}: {front} on {back} is {ratio:.2}, text needs 4.5 (WCAG 1.4.3)");
        }
        for back in ["paper", "tint"] {
            let ratio = contrast(&token("edge"), &token(back));
            assert!(ratio >= 3.0, "{scheme}: edge on {back} is {ratio:.2}, a field's edge needs 3 (WCAG 1.4.11)");
        }
    }
}
