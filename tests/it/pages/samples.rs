//! Every page with something in it: what people and clients choose is friendly, or hostile.

use mingji::domain::locale::Locale;
use mingji::domain::oidc::authorization_type::{Member, Shown, Text};
use mingji::domain::oidc::elsewhere::Said;
use mingji::domain::oidc::fault::DocumentFault;
use mingji::domain::registry::erasure::Keeps;
use mingji::domain::registry::holder::Holder;
use mingji::http::pages::views::*;

const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>' onfocus='x";

/// A way to render one page, with a name for its file.
pub type Sample = (&'static str, Box<dyn Fn(Locale) -> String>);

/// Whether values that people or clients choose are friendly or hostile.
#[derive(Clone, Copy)]
pub struct Values {
    pub hostile: bool,
}

impl Values {
    pub fn text(self, friendly: &str) -> String {
        if self.hostile { HOSTILE.to_owned() } else { friendly.to_owned() }
    }

    pub fn uri(self, friendly: &str) -> Option<String> {
        Some(if self.hostile { "javascript:alert(1)".to_owned() } else { friendly.to_owned() })
    }

    pub fn who(self, name: &str) -> Who {
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

fn details(v: Values) -> Vec<Shown> {
    let text = |zh: &str| Text { zh: v.text(zh), en: v.text(zh) };
    vec![Shown {
        title: text("导出成绩"),
        description: text("把这一学期的成绩单交给这个应用。"),
        lines: vec![(Member::Actions, vec![text("查看"), text("下载")]), (Member::Identifier, vec![text("“2026-1”")])],
        at: vec![v.text("成绩库")],
    }]
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
            site: Some(Site { host: v.text("app.example.cn"), answered_for: false }),
        },
        items: ["openid", "profile", "edu", "edu.class", "space"]
            .into_iter()
            .filter_map(ConsentItem::from_scope)
            .collect(),
        details: details(v),
        token_minutes: 5,
    };
    let guardian = move || GuardianNeeded {
        who: v.who("李子墨"),
        request: Some(v.text("sealed-state")),
        client_name: v.text("口算天天练"),
        details: details(v),
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
                let (platforms, wards, looks, waiting) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
                Home { who: None, platforms, wards, erasures: Vec::new(), looks, waiting, console: false, note: None }
                    .render(l)
            }),
        ),
        (
            "home-signed-in",
            Box::new(move |l| {
                Home {
                    who: Some(v.who("陈晓兰")),
                    platforms: platforms(v),
                    wards: Vec::new(),
                    erasures: Vec::new(),
                    looks: looks(v),
                    waiting: vec![Waiting {
                        id: v.text("q-1"),
                        client_name: v.text("三平学习空间"),
                        text: Some(v.text("W4SCT")),
                    }],
                    console: true,
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
            document: (id == ErrorId::Client).then_some(DocumentFault::RedirectUris),
        };
        samples.push((id.as_str(), Box::new(move |l| page().render(l))));
    }
    samples
}

fn looks(v: Values) -> Vec<Look> {
    let look = |who: Option<&str>, action: &str, purpose: Option<&str>| Look {
        withheld: false,
        day: "2026-11-20".into(),
        who: who.map(|who| v.text(who)),
        action: action.into(),
        purpose: purpose.map(|why| v.text(why)),
    };
    vec![
        look(Some("曾慧敏 · 瑞金市怡安希望小学"), "person.record_viewed", Some("职称评审")),
        look(Some("曾慧敏 · 瑞金市怡安希望小学"), "roster.viewed", None),
        look(None, "person.exported", None),
        Look { withheld: true, ..look(None, "roster.viewed", None) },
    ]
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
        decides: account.is_some(),
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
        erasures: vec![WardErasure { id: v.text("ward-4"), hint: v.text("刘*一"), stands: erasing() }],
        looks: Vec::new(),
        waiting: Vec::new(),
        console: false,
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

fn erasing() -> ErasureStands {
    let kept = vec![Keeps::Stay, Keeps::Ward];
    ErasureStands { asked: "2026-11-26 08:05".into(), earliest: "2026-12-03 08:05".into(), kept }
}

fn erasure_samples(v: Values) -> Vec<Sample> {
    let ward = move || RecordOf { id: v.text("ward-1"), hint: v.text("刘*桐") };
    let ask = move |of_child: bool, has_role| ErasureStep::Ask {
        ward: of_child.then(ward),
        kept: if of_child { vec![Keeps::Stay] } else { Vec::new() },
        has_role,
    };
    let signed_in = move |step| Erasure { who: Some(v.who("刘建国")), step };
    let alone = |step| Erasure { who: None, step };
    let code = move || v.text("7qkd-m2xw-9fhj");
    vec![
        ("erasure", Box::new(move |l| signed_in(ask(false, true)).render(l))),
        ("erasure-of-child", Box::new(move |l| signed_in(ask(true, false)).render(l))),
        ("erasure-asked", Box::new(move |l| alone(ErasureStep::Asked { code: code(), stands: erasing() }).render(l))),
        ("erasure-code", Box::new(move |l| alone(ErasureStep::Code { unknown: false }).render(l))),
        ("erasure-unknown", Box::new(move |l| alone(ErasureStep::Code { unknown: true }).render(l))),
        ("erasure-waits", Box::new(move |l| alone(ErasureStep::Waits { code: code(), stands: erasing() }).render(l))),
        ("erasure-taken-back", Box::new(move |l| alone(ErasureStep::TakenBack).render(l))),
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
    let shown = move |from: Option<Whence>| Compare::Device { code: v.text("WDJB-MJHT"), from };
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
        (
            "confirm-device-elsewhere",
            Box::new(move |l| confirm(shown(Some(Whence::Network(v.text("203.0.113.7"))))).render(l)),
        ),
        (
            "confirm-device-page",
            Box::new(move |l| confirm(shown(Some(Whence::Page(v.text("https://screen.example"))))).render(l)),
        ),
        ("confirm-client", Box::new(move |l| confirm(Compare::Client(Some(v.text("W4SCT")))).render(l))),
        ("devices", Box::new(move |l| devices().render(l))),
        ("answered-yes", Box::new(move |l| answered(Said::Yes).render(l))),
        ("answered-no", Box::new(move |l| answered(Said::No).render(l))),
        ("answered-before", Box::new(move |l| answered(Said::Before).render(l))),
    ]
}

fn own_samples(v: Values) -> Vec<Sample> {
    let password = move |by_family, error| OwnPassword {
        who: v.who("陈晓兰"),
        user_name: v.text("k7mw-3fqd"),
        by_family,
        min_length: 8,
        error,
    };
    let agreed = move |name: &str, scopes: &[&str], outdated| Agreed {
        client: v.text("client-1"),
        name: v.text(name),
        vendor: Some(v.text("杭州某某教育科技有限公司")),
        before: if outdated { Vec::new() } else { vec![v.text("杭州旧某某小学")] },
        items: scopes.iter().copied().filter_map(ConsentItem::from_scope).collect(),
        details: details(v),
        since: "2026-11-20 08:05".into(),
        outdated,
    };
    let consents = move |by_family, taken_back| Consents {
        who: v.who("刘建国"),
        own: vec![
            agreed("口算天天练", &["openid", "profile", "edu", "edu.class", "offline_access"], false),
            agreed("阅读小屋", &["openid"], true),
        ],
        by_family,
        wards: vec![
            WardAgreed {
                id: v.text("ward-1"),
                hint: v.text("刘*桐"),
                agreed: vec![agreed("口算天天练", &["profile"], false)],
            },
            WardAgreed { id: v.text("ward-2"), hint: v.text("刘*墨"), agreed: Vec::new() },
        ],
        token_minutes: 5,
        taken_back,
    };
    let fact = move |label: &str, values: &[&str]| RecordFact {
        label: label.into(),
        values: values.iter().map(|value| v.text(value)).collect(),
    };
    let record = move |ward: Option<&str>, known: bool, full| Record {
        who: v.who("刘建国"),
        ward: ward.map(|hint| RecordOf { id: v.text("ward-1"), hint: v.text(hint) }),
        sections: known.then(|| {
            let person = vec![vec![fact("姓名", &["刘建国"]), fact("曾用名", &["姓名 刘卫 · 到 2020-01-01"])]];
            let papers = vec![vec![fact("种类", &["居民身份证"]), fact("号码", &["3****X"])]];
            let section = |key, entries, more| RecordSection { key, entries, more };
            vec![section("person", person, 0), section("documents", papers, 3), section("contacts", Vec::new(), 0)]
        }),
        full,
        left_out: ward.is_some(),
        before: None,
        older: None,
        newest: "/record".into(),
    };
    let looks = move |older: bool| {
        let look = vec![fact("时间", &["2026-03-02 09:10"]), fact("谁", &["陈晓燕"])];
        Record {
            sections: Some(vec![RecordSection { key: "disclosures", entries: vec![look], more: 0 }]),
            before: Some(v.text("before")),
            older: older.then(|| "/record?before=older".into()),
            ..record(None, true, false)
        }
    };
    let weak = OwnPasswordProblem::Weak(PasswordFault::TooCommon);
    vec![
        ("record", Box::new(move |l| record(None, true, false).render(l))),
        ("record-in-full", Box::new(move |l| record(None, true, true).render(l))),
        ("record-of-child", Box::new(move |l| record(Some("刘*桐"), true, false).render(l))),
        ("record-older-looks", Box::new(move |l| looks(true).render(l))),
        ("record-oldest-looks", Box::new(move |l| looks(false).render(l))),
        ("record-by-family", Box::new(move |l| record(None, false, false).render(l))),
        ("own-password", Box::new(move |l| password(false, None).render(l))),
        ("own-password-wrong", Box::new(move |l| password(false, Some(OwnPasswordProblem::Wrong)).render(l))),
        ("own-password-weak", Box::new(move |l| password(false, Some(weak)).render(l))),
        ("own-password-child", Box::new(move |l| password(true, None).render(l))),
        ("consents", Box::new(move |l| consents(false, true).render(l))),
        ("consents-child", Box::new(move |l| consents(true, false).render(l))),
    ]
}

pub fn samples(hostile: bool) -> Vec<Sample> {
    let v = Values { hostile };
    [
        sign_in_samples(v),
        activation_samples(v),
        choice_samples(v),
        consent_samples(v),
        end_samples(v),
        ward_samples(v),
        elsewhere_samples(v),
        own_samples(v),
        erasure_samples(v),
        super::console::samples(v),
    ]
    .into_iter()
    .flatten()
    .collect()
}
