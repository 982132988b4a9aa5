//! Every page, in both languages: what the contract promises, what a screen reader needs, what the
//! content security policy forbids. Leaves them in `target/pages/` to be looked at in a browser.

use std::fs;
use std::path::Path;

use axum::body::Body;
use axum::http::{Request, header};
use mingji::domain::locale::Locale;
use mingji::domain::oidc::elsewhere::Said;
use mingji::domain::registry::holder::{Holder, SlipKind};
use mingji::http::pages::static_files::{ASSETS, static_router};
use mingji::http::pages::views::*;
use scraper::{ElementRef, Html, Selector};
use tower::ServiceExt;

const STYLE: &str = include_str!("../../src/http/pages/static/mingji.css");
const SEAL: &str = include_str!("../../src/http/pages/static/seal.svg");
const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>' onfocus='x";

/// A way to render one page, with a name for its file.
type Sample = (&'static str, Box<dyn Fn(Locale) -> String>);

/// Whether values that people or clients choose are friendly or hostile.
#[derive(Clone, Copy)]
struct Values {
    hostile: bool,
}

impl Values {
    fn text(self, friendly: &str) -> String {
        if self.hostile { HOSTILE.to_owned() } else { friendly.to_owned() }
    }

    fn uri(self, friendly: &str) -> Option<String> {
        Some(if self.hostile { "javascript:alert(1)".to_owned() } else { friendly.to_owned() })
    }

    fn who(self, name: &str) -> Who {
        Who { name: self.text(name) }
    }

    fn papers(self) -> Papers {
        Papers {
            policy_uri: self.uri("https://vendor.example/privacy"),
            tos_uri: self.uri("https://vendor.example/terms"),
        }
    }

    fn suggestion(self) -> SuggestedPassword {
        SuggestedPassword { password: self.text("tuzi482xigua"), reminder: self.text("兔子 482 西瓜") }
    }
}

fn sign_in_samples(v: Values) -> Vec<Sample> {
    let page = move |request: bool, login: &str, error, own_device| SignIn {
        request: request.then(|| v.text("sealed-state")),
        login: v.text(login),
        error,
        client_name: request.then(|| v.text("三平学习空间")),
        papers: if request { v.papers() } else { Papers::default() },
        own_device,
        user_code: None,
    };
    vec![
        ("sign-in", Box::new(move |l| page(true, "", None, false).render(l))),
        ("sign-in-direct", Box::new(move |l| page(false, "", None, false).render(l))),
        ("sign-in-refused", Box::new(move |l| page(true, "k7mw-3fqd", Some(SignInProblem::Refused), true).render(l))),
        (
            "sign-in-too-many",
            Box::new(move |l| page(true, "k7mw-3fqd", Some(SignInProblem::TooMany { minutes: 1 }), false).render(l)),
        ),
        ("sign-in-busy", Box::new(move |l| page(true, "k7mw-3fqd", Some(SignInProblem::Busy), false).render(l))),
        ("sign-in-expired", Box::new(move |l| page(true, "", Some(SignInProblem::Expired), false).render(l))),
    ]
}

fn activation_samples(v: Values) -> Vec<Sample> {
    let page_of = move |holder: Option<Holder>, error| Activate {
        code: holder.map(|_| v.text("7QKD-M2XW-9F")),
        user_name: holder.map(|_| v.text("k7mw-3fqd")),
        person_hint: holder.map(|_| v.text("王*明")),
        holder,
        suggestion: (holder == Some(Holder::Child)).then(|| v.suggestion()),
        min_length: 8,
        error,
        onward: None,
    };
    let page = move |from_link: bool, error| page_of(from_link.then_some(Holder::Staff), error);
    let done = move |holder| Activated { user_name: v.text("k7mw-3fqd"), holder, has_children_too: false, after: None };
    let weak = ActivateProblem::WeakPassword(PasswordFault::TooCommon);
    vec![
        ("activate", Box::new(move |l| page(false, None).render(l))),
        (
            "activate-on-the-way",
            Box::new(move |l| {
                let onward = Onward { request: Some(v.text("sealed-state")), after: v.text("sealed-after") };
                Activate::blank(Some(onward), None).render(l)
            }),
        ),
        (
            "activated-on-the-way",
            Box::new(move |l| Activated { after: Some(v.text("sealed-after")), ..done(Holder::Staff) }.render(l)),
        ),
        ("activate-link", Box::new(move |l| page(true, None).render(l))),
        ("activate-weak", Box::new(move |l| page(true, Some(weak)).render(l))),
        ("activate-unknown", Box::new(move |l| page(true, Some(ActivateProblem::UnknownCode)).render(l))),
        ("activate-guardian", Box::new(move |l| page_of(Some(Holder::Guardian), None).render(l))),
        ("activate-student", Box::new(move |l| page_of(Some(Holder::Student), None).render(l))),
        ("activate-child", Box::new(move |l| page_of(Some(Holder::Child), None).render(l))),
        ("activate-child-weak", Box::new(move |l| page_of(Some(Holder::Child), Some(weak)).render(l))),
        ("activated", Box::new(move |l| done(Holder::Staff).render(l))),
        ("activated-parent", Box::new(move |l| Activated { has_children_too: true, ..done(Holder::Staff) }.render(l))),
        ("activated-guardian", Box::new(move |l| done(Holder::Guardian).render(l))),
        ("activated-student", Box::new(move |l| done(Holder::Student).render(l))),
        ("activated-child", Box::new(move |l| done(Holder::Child).render(l))),
    ]
}

fn identity(v: Values, id: &str, kind: IdentityKind, org: &str, detail: &str, selected: bool) -> IdentityChoice {
    IdentityChoice { id: v.text(id), kind, org_name: v.text(org), detail: Some(v.text(detail)), selected }
}

fn choice_samples(v: Values) -> Vec<Sample> {
    let identities = move || ChooseIdentity {
        request: v.text("sealed-state"),
        who: v.who("陈晓兰"),
        client_name: Some(v.text("三平学习空间")),
        identities: vec![
            identity(v, "id-1", IdentityKind::Teacher, "云和县江滨实验小学", "三年级（2）班 班主任", true),
            identity(
                v,
                "id-2",
                IdentityKind::Guardian,
                "云和县第三中学教育集团实验学校",
                "李子墨、李子涵的家长",
                false,
            ),
            identity(v, "id-3", IdentityKind::OfficeStaff, "云和县教育局", "基础教育科", false),
        ],
    };
    let account = move || ChooseAccount {
        request: v.text("sealed-state"),
        who: v.who("陈晓兰"),
        account: AccountChoice {
            id: v.text("acc-1"),
            name: v.text("陈晓兰"),
            detail: Some(v.text("云和县江滨实验小学")),
        },
    };
    vec![
        ("choose-identity", Box::new(move |l| identities().render(l))),
        ("choose-account", Box::new(move |l| account().render(l))),
    ]
}

fn consent_samples(v: Values) -> Vec<Sample> {
    let consent = move || Consent {
        request: v.text("sealed-state"),
        who: v.who("陈晓兰"),
        client: ClientCard {
            name: v.text("口算天天练"),
            vendor: Some(v.text("杭州某某教育科技有限公司")),
            contact: Some(v.text("privacy@vendor.example")),
            purpose: None,
            papers: v.papers(),
        },
        items: ["openid", "profile", "edu", "edu.class", "space"]
            .into_iter()
            .filter_map(ConsentItem::from_scope)
            .collect(),
        token_minutes: 5,
    };
    let guardian = move || GuardianNeeded {
        who: v.who("李子墨"),
        request: Some(v.text("sealed-state")),
        client_name: v.text("口算天天练"),
        back: v.uri("https://vendor.example/cb?error=access_denied").map(Back::Link),
    };
    vec![
        ("consent", Box::new(move |l| consent().render(l))),
        ("guardian-needed", Box::new(move |l| guardian().render(l))),
    ]
}

fn end_samples(v: Values) -> Vec<Sample> {
    let confirm = move || SignOutConfirm {
        request: Some(v.text("sealed")),
        who: v.who("陈晓兰"),
        client_name: Some(v.text("三平学习空间")),
    };
    let signed_out = || SignedOut::default();
    let mut samples: Vec<Sample> = vec![
        ("sign-out", Box::new(move |l| confirm().render(l))),
        ("signed-out", Box::new(move |l| signed_out().render(l))),
        (
            "home",
            Box::new(|l| {
                let (platforms, wards, waiting) = (Vec::new(), Vec::new(), Vec::new());
                Home { who: None, platforms, wards, waiting, note: None }.render(l)
            }),
        ),
        (
            "home-signed-in",
            Box::new(move |l| {
                Home {
                    who: Some(v.who("陈晓兰")),
                    platforms: platforms(v),
                    wards: Vec::new(),
                    waiting: vec![Waiting {
                        id: v.text("q-1"),
                        client_name: v.text("三平学习空间"),
                        text: Some(v.text("W4SCT")),
                    }],
                    note: None,
                }
                .render(l)
            }),
        ),
    ];
    for id in ErrorId::ALL {
        let page = move || ErrorPage {
            id,
            request_id: Some(v.text("01JD8Z6Q3K")),
            detail: Some(v.text("redirect_uri: not registered")),
        };
        samples.push((id.as_str(), Box::new(move |l| page().render(l))));
    }
    samples
}

fn platforms(v: Values) -> Vec<Platform> {
    let named = |id: &str, name: &str| Platform { id: v.text(id), name: v.text(name) };
    vec![
        named("01890000-0000-7000-8000-000000000001", "临江教育云"),
        named("01890000-0000-7000-8000-000000000002", "江畔课堂"),
    ]
}

fn ward_samples(v: Values) -> Vec<Sample> {
    let ward = move |id: &str, hint: &str, place: &str, pending, account: Option<bool>, others| Ward {
        id: v.text(id),
        hint: v.text(hint),
        place: Some(v.text(place)),
        pending,
        account: account.map(|active| WardAccount { user_name: v.text("p4nx-8wtc-k"), active }),
        others,
    };
    let other = move |hint: &str, pending, org: &str| OtherGuardian {
        hint: v.text(hint),
        pending,
        recorded_by: Some(v.text(org)),
    };
    let home = move |note| Home {
        who: Some(v.who("刘建国")),
        platforms: platforms(v),
        wards: vec![
            ward(
                "ward-1",
                "刘*桐",
                "瑞金市怡安希望小学 · 2024级2班",
                false,
                Some(true),
                vec![
                    other("陈*兰", false, "瑞金市怡安希望小学"),
                    other("王*明", true, "云和县第三中学教育集团江滨实验学校"),
                ],
            ),
            ward("ward-2", "刘*墨", "瑞金第一中学 · 2026级4班", false, None, Vec::new()),
            ward("ward-3", "迪*提", "瑞金市思源实验学校", true, None, Vec::new()),
        ],
        waiting: Vec::new(),
        note,
    };
    let form = move |error| WardPassword {
        who: v.who("刘建国"),
        ward: v.text("ward-1"),
        hint: v.text("刘*桐"),
        user_name: v.text("p4nx-8wtc-k"),
        suggestion: v.suggestion(),
        min_length: 8,
        error,
    };
    vec![
        ("home-wards", Box::new(move |l| home(None).render(l))),
        ("home-wards-told", Box::new(move |l| home(Some(HomeNote::No)).render(l))),
        ("ward-password", Box::new(move |l| form(None).render(l))),
        ("ward-password-weak", Box::new(move |l| form(Some(PasswordFault::TooShort(8))).render(l))),
    ]
}

fn elsewhere_samples(v: Values) -> Vec<Sample> {
    let typed = move |code: &str, problem| TypeCode { who: v.who("陈晓兰"), user_code: v.text(code), problem };
    let confirm = move |compare| Confirm {
        request: v.text("sealed-state"),
        who: v.who("陈晓兰"),
        client_name: v.text("三平学习空间"),
        compare,
    };
    let shown =
        move |from: Option<&str>| Compare::Device { code: v.text("WDJB-MJHT"), from: from.map(|from| v.text(from)) };
    let device = move |name: Option<&str>, client: Option<&str>, here, lasting| Device {
        handle: v.text("handle"),
        agent: name.map(|name| v.text(name)),
        client_name: client.map(|client| v.text(client)),
        since: "2026-11-26 08:05".into(),
        last_seen: "2026-11-26 09:40".into(),
        here,
        lasting,
    };
    let devices = move || Devices {
        who: v.who("陈晓兰"),
        devices: vec![
            device(Some("Edge · Windows"), None, true, false),
            device(None, Some("教室大屏"), false, true),
            device(None, None, false, false),
        ],
    };
    let answered = move |said| Answered { client_name: v.text("三平学习空间"), said };
    vec![
        ("type-code", Box::new(move |l| typed("WDJB-MJHT", None).render(l))),
        ("type-code-unknown", Box::new(move |l| typed("WDJB-MJHT", Some(CodeProblem::Unknown)).render(l))),
        ("type-code-too-many", Box::new(move |l| typed("", Some(CodeProblem::TooMany { minutes: 9 })).render(l))),
        ("confirm-device", Box::new(move |l| confirm(shown(None)).render(l))),
        ("confirm-device-elsewhere", Box::new(move |l| confirm(shown(Some("203.0.113.7"))).render(l))),
        ("confirm-client", Box::new(move |l| confirm(Compare::Client(Some(v.text("W4SCT")))).render(l))),
        ("devices", Box::new(move |l| devices().render(l))),
        ("answered-yes", Box::new(move |l| answered(Said::Yes).render(l))),
        ("answered-no", Box::new(move |l| answered(Said::No).render(l))),
        ("answered-before", Box::new(move |l| answered(Said::Before).render(l))),
    ]
}

fn samples(hostile: bool) -> Vec<Sample> {
    let v = Values { hostile };
    [
        sign_in_samples(v),
        activation_samples(v),
        choice_samples(v),
        consent_samples(v),
        end_samples(v),
        ward_samples(v),
        elsewhere_samples(v),
    ]
    .into_iter()
    .flatten()
    .collect()
}

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
    assert_eq!(switches.len(), 1, "{at}: one language switch");
    assert_eq!(switches[0].attr("lang"), Some(locale.other().tag()), "{at}");
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
            let page = SignedOut { go_on, frames: vec![v.text("https://b.example/out?iss=x&sid=y")] };
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
