//! The console's pages with something in them.

use mingji::domain::oidc::fault::FaultKind;
use mingji::domain::oidc::redirect::{Difference, Part};
use mingji::http::pages::views::*;

use super::samples::{Sample, Values};

fn facts(v: Values) -> ClientFacts {
    ClientFacts {
        is_application: true,
        suspended: false,
        redirect_uris: vec![v.text("https://maths.example.edu.cn/signin-oidc/callback"), v.text("http://127.0.0.1/cb")],
        auth_method: "client_secret_basic",
        scope: v.text("openid profile edu edu.class"),
        grant_types: vec![v.text("authorization_code"), v.text("refresh_token")],
        id_token_alg: v.text("ES256"),
        requires_pkce: true,
        is_fapi: true,
        requires_push: true,
        requires_signed: false,
        dpop_bound: true,
        mtls_bound: false,
        post_logout_uris: vec![v.text("https://maths.example.edu.cn/signed-out")],
        backchannel_uri: None,
        initiate_login_uri: v.uri("https://maths.example.edu.cn/login"),
    }
}

fn difference(v: Values) -> Difference {
    Difference {
        sent: Some(v.text("https://maths.example.edu.cn/signin-oidc/callback/")),
        registered: Some(v.text("https://maths.example.edu.cn/signin-oidc/callback")),
        parts: vec![Part::TrailingSlash],
    }
}

fn groups(v: Values) -> Vec<FaultGroup> {
    let line = |code: Option<&str>, said: Option<&str>, times, proven, difference| FaultLine {
        at: "2026-11-26 09:40".into(),
        endpoint: if code.is_some() { "token" } else { "authorize" },
        code: code.map(|code| v.text(code)),
        said: said.map(|said| v.text(said)),
        request_id: v.text("019ab3c4-7d10-7000-8000-2f6e9b1c0d55"),
        times,
        proven,
        difference,
    };
    vec![
        FaultGroup { kind: FaultKind::RedirectUri, lines: vec![line(None, None, 1, false, Some(difference(v)))] },
        FaultGroup {
            kind: FaultKind::PkceVerifier,
            lines: vec![line(Some("invalid_grant"), Some("code_verifier does not match"), 17, true, None)],
        },
    ]
}

pub fn samples(v: Values) -> Vec<Sample> {
    let row = move |name: &str, is_application, suspended| ConsoleRow {
        id: v.text("019ab3c4-7d10-7000-8000-2f6e9b1c0d55"),
        name: v.text(name),
        is_application,
        institution: v.text("瑞金市教育科技体育局"),
        suspended,
    };
    let list = move |clients, note| ConsoleList { who: v.who("王主任"), clients, may_register: true, note };
    let client = move |recent, faults: bool| ConsoleClient {
        who: v.who("王主任"),
        id: v.text("019ab3c4-7d10-7000-8000-2f6e9b1c0d55"),
        client_id: v.text("019ab3c4-7d10-7000-8000-2f6e9b1c0d55"),
        name: v.text("口算小园"),
        institution: v.text("瑞金市教育科技体育局"),
        version: 3,
        facts: facts(v),
        has_secret: true,
        answered_unproven: faults,
        old_secret: Some(OldSecretView { good: recent, until: "2026-11-27 09:40".into() }),
        may_change: true,
        may_resume: false,
        has_document: false,
        recent,
        faults: if faults { groups(v) } else { Vec::new() },
        note: (!faults).then_some(ConsoleNote::OldEnded),
    };
    let form = move |error| ConsoleForm {
        who: v.who("王主任"),
        purpose: FormPurpose::Register {
            once: v.text("once"),
            institutions: vec![
                ("org-1".into(), v.text("瑞金市教育科技体育局")),
                ("org-2".into(), v.text("瑞金第一中学")),
            ],
        },
        offered: "profile edu edu.class edu.guardian edu.realname space email phone address offline_access".into(),
        fields: FormFields {
            client_name: v.text("识字小船"),
            redirect_uris: v.text("https://boat.example/cb"),
            policy_uri: v.text("https://boat.example/privacy"),
            scopes: vec!["profile".into()],
            kind: "browser".into(),
            ..FormFields::default()
        },
        error,
    };
    let edit = move |stands: bool| {
        let form = form(stands.then_some(FieldFault::Stale));
        let now = FormFields {
            client_name: v.text("识字大船"),
            redirect_uris: format!("{}\n{}", v.text("https://boat.example/cb"), v.text("https://boat.example/cb2")),
            scopes: vec!["profile".into(), "edu".into()],
            kind: "web".into(),
            ..FormFields::default()
        };
        let purpose = FormPurpose::Change {
            id: v.text("019ab3c4-7d10-7000-8000-2f6e9b1c0d55"),
            version: 4,
            name: v.text("识字小船"),
            redirects: true,
            stands: stands.then(|| Box::new(now)),
        };
        ConsoleForm { purpose, offered: "profile edu email".into(), ..form }
    };
    let suspended = move |may_resume| {
        let client = client(true, false);
        ConsoleClient { may_resume, facts: ClientFacts { suspended: true, ..client.facts }, ..client }
    };
    let secret = move |registered, secret: Option<&str>| ConsoleSecret {
        who: v.who("王主任"),
        got: if registered { Got::Registered } else { Got::Secret },
        id: v.text("019ab3c4-7d10-7000-8000-2f6e9b1c0d55"),
        name: v.text("识字小船"),
        secret: secret.map(|secret| v.text(secret)),
        old_until: (!registered).then(|| "2026-11-27 09:40".into()),
    };
    let trial = move |verdict, must_push| ConsoleTrial {
        who: v.who("王主任"),
        id: v.text("019ab3c4-7d10-7000-8000-2f6e9b1c0d55"),
        name: v.text("识字小船"),
        request: Some(
            v.text("https://id.example/authorize?client_id=019ab3c4&redirect_uri=https%3A%2F%2Fboat.example"),
        ),
        verdict,
        must_push,
    };
    let good = move || TrialVerdict::Good {
        scope: v.text("openid profile"),
        dropped: v.text("proflie"),
        redirect_uri: v.text("https://boat.example/cb"),
        asks: true,
        unguarded: vec!["state", "nonce"],
    };
    let bad = move || TrialVerdict::Bad {
        kind: FaultKind::RedirectUri,
        code: None,
        said: None,
        difference: Some(difference(v)),
    };
    let told = || TrialVerdict::Bad {
        kind: FaultKind::PkceMissing,
        code: Some("invalid_request"),
        said: Some("code_challenge is needed"),
        difference: None,
    };
    vec![
        (
            "console",
            Box::new(move |l| list(vec![row("口算小园", true, false), row("临江教育云", false, true)], None).render(l)),
        ),
        ("console-empty", Box::new(move |l| list(Vec::new(), Some(ConsoleNote::Removed)).render(l))),
        ("console-client", Box::new(move |l| client(true, true).render(l))),
        ("console-client-again", Box::new(move |l| client(false, false).render(l))),
        ("console-client-suspended", Box::new(move |l| suspended(true).render(l))),
        ("console-client-held", Box::new(move |l| suspended(false).render(l))),
        (
            "console-client-document",
            Box::new(move |l| ConsoleClient { has_document: true, ..client(true, false) }.render(l)),
        ),
        ("console-edit", Box::new(move |l| edit(false).render(l))),
        ("console-edit-stale", Box::new(move |l| edit(true).render(l))),
        ("console-register", Box::new(move |l| form(None).render(l))),
        ("console-register-bad", Box::new(move |l| form(Some(FieldFault::Bad("redirect_uris"))).render(l))),
        (
            "console-register-other",
            Box::new(move |l| form(Some(FieldFault::Other("a grant type is not served"))).render(l)),
        ),
        (
            "console-registered",
            Box::new(move |l| secret(true, Some("Zr8Zr8Zr8Zr8Zr8Zr8Zr8Zr8Zr8Zr8Zr8Zr8Zr8Zr8Z")).render(l)),
        ),
        ("console-public", Box::new(move |l| secret(true, None).render(l))),
        (
            "console-rotated",
            Box::new(move |l| secret(false, Some("Zr8Zr8Zr8Zr8Zr8Zr8Zr8Zr8Zr8Zr8Zr8Zr8Zr8Zr8Z")).render(l)),
        ),
        ("console-trial-good", Box::new(move |l| trial(good(), true).render(l))),
        ("console-trial-bad", Box::new(move |l| trial(bad(), false).render(l))),
        ("console-trial-told", Box::new(move |l| trial(told(), false).render(l))),
        ("console-trial-object", Box::new(move |l| trial(TrialVerdict::Object, false).render(l))),
    ]
}
