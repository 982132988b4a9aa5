//! Pictures of every page on a phone and on a desk, in both languages, in `target/screens`: for people to look at.
//! What a test can see it checks: no page is wider than its window.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{choose_identity, open_space, sign_in, vendor};
use crate::support::binary::{Demo, Place, free_ports};
use crate::support::chromium::{Chromium, Wish};
use crate::support::document_site::{Site, Told};
use crate::support::need;

struct Album {
    window: Chromium,
    folder: PathBuf,
    language: &'static str,
}

impl Album {
    async fn take(&self, name: &str) {
        for (size, phone) in [("phone", true), ("desk", false)] {
            self.window.picture(&self.folder.join(format!("{name}-{}-{size}.png", self.language)), phone).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_on_a_phone_and_on_a_desk() {
    let Some(browser) = need::browser() else { return };
    // The command that prints a link has to know the issuer too.
    let port = free_ports(3);
    let site = Site::start().await;
    let mut place = Place::new().with("MINGJI_ISSUER", format!("http://localhost:{port}"));
    site.known_at(&mut place);
    let demo = Demo::start_at(&place, port);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screens");
    for (language, wanted, teacher) in [("zh", "zh-CN", "教师"), ("en", "en", "Teacher")] {
        let window = Chromium::open(&browser, Wish { language: Some(wanted), ..Wish::default() }).await;
        let album = Album { window, folder: folder.clone(), language };
        pages(&album, &place, &demo, teacher).await;
        documents(&album, &site, &demo).await;
    }
}

/// An application that is known by a document of its own alone, and one whose document is no good.
async fn documents(album: &Album, site: &Site, demo: &Demo) {
    let (window, issuer) = (&album.window, &demo.ready.issuer);
    window.go(&format!("{issuer}/end-session")).await;
    window.press("main button[value=yes]").await;
    window.find("#signed-out").await;
    let name = "识字小船 Reading Boat";
    site.tell(
        "boat.json",
        Told::json(&site.document("boat.json", json!({ "client_name": name, "policy_uri": site.url("privacy") }))),
    );
    site.tell(
        "broken.json",
        Told::json(&site.document("broken.json", json!({ "redirect_uris": ["https://boat.example/cb"] }))),
    );
    let url = |path: &str| {
        let mut fields = form_urlencoded::Serializer::new(String::new());
        fields.extend_pairs([
            ("client_id", &*site.url(path)),
            ("redirect_uri", &site.url("cb")),
            ("response_type", "code"),
        ]);
        fields.extend_pairs([("scope", "openid profile edu edu.class phone"), ("code_challenge_method", "S256")]);
        fields.append_pair("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        format!("{issuer}/authorize?{}", fields.finish())
    };
    window.go(&url("broken.json")).await;
    window.find("#document").await;
    album.take("error-document").await;
    window.go(&url("boat.json")).await;
    sign_in(window, demo.ready.person("full_claims")).await;
    window.find("button[name=decision]").await;
    album.take("consent-document").await;
    window.go(&format!("{issuer}/end-session")).await;
    window.press("main button[value=yes]").await;
    window.find("#signed-out").await;
}

async fn pages(album: &Album, place: &Place, demo: &Demo, teacher: &str) {
    let (window, issuer) = (&album.window, &demo.ready.issuer);
    let person = |key: &str| demo.ready.person(key);
    window.go(issuer).await;
    album.take("home").await;
    let a = demo.platform('a');
    window.go(&a).await;
    album.take("platform").await;
    open_space(window, &a).await;
    window.find("#password").await;
    album.take("sign-in").await;
    window.fill("#login", &person("teacher_parent").user_name).await;
    window.fill("#password", "not the password at all").await;
    window.press("main form button.main").await;
    window.find("#problem").await;
    album.take("sign-in-refused").await;
    sign_in(window, person("teacher_parent")).await;
    window.find("button[name=identity]").await;
    album.take("identity").await;
    choose_identity(window, teacher).await;
    window.arrive(&format!("{a}/space")).await;
    album.take("space").await;
    open_space(window, &vendor(demo)).await;
    window.find("button[name=decision]").await;
    album.take("consent").await;
    window.press("button[value=deny]").await;
    window.find("#rp-error").await;
    album.take("platform-refused").await;
    window.go(&format!("{a}/login?prompt=select_account")).await;
    window.find("button[name=account]").await;
    album.take("account").await;
    window.go(&format!("{issuer}/end-session")).await;
    window.find("button[name=confirm]").await;
    album.take("sign-out").await;
    window.press("main button[value=yes]").await;
    window.find("#signed-out").await;
    album.take("signed-out").await;
    window.go(&format!("{issuer}/authorize?client_id=nobody")).await;
    window.find("#err-client").await;
    album.take("error").await;
    open_space(window, &vendor(demo)).await;
    sign_in(window, person("child_under14")).await;
    window.find("#guardian-consent-needed").await;
    album.take("guardian").await;
    for key in ["full_claims", "child_under14", "child_15", "guardian_of_two"] {
        let issued = place.json(&["account", "link", &person(key).user_name], "");
        window.go(issued["link"].as_str().unwrap()).await;
        window.find("#new-password").await;
        album.take(&format!("activation-{key}")).await;
    }
    window.go(&format!("{issuer}/end-session")).await;
    window.press("main button[value=yes]").await;
    window.find("#signed-out").await;
    window.go(&format!("{issuer}/sign-in")).await;
    sign_in(window, person("guardian_of_two")).await;
    window.find("#wards").await;
    album.take("home-guardian").await;
    window.press("#wards a.button").await;
    window.find("#suggestion").await;
    album.take("ward-password").await;
    elsewhere(album, demo).await;
    console(album, place, demo).await;
}

/// The console, for whoever answers for the demo's clients; and her own account.
async fn console(album: &Album, place: &Place, demo: &Demo) {
    let (window, issuer, a) = (&album.window, &demo.ready.issuer, demo.platform('a'));
    let client = &demo.ready.client("platform_a").client_id;
    window.go(&format!("{issuer}/end-session")).await;
    window.press("main button[value=yes]").await;
    window.find("#signed-out").await;
    window.go(&format!("{issuer}/console")).await;
    sign_in(window, demo.ready.person("county_admin")).await;
    window.find("#clients").await;
    album.take("console").await;
    window.go(&format!("{issuer}/authorize?client_id={client}&redirect_uri={a}/callback/")).await;
    window.find("#err-redirect-uri").await;
    window.go(&format!("{issuer}/console/clients/{client}")).await;
    window.find("#failed .fault").await;
    album.take("console-client").await;
    window.fill("#pasted", &format!("{issuer}/authorize?client_id={client}&redirect_uri={a}/Callback")).await;
    window.press("form:has(#pasted) button").await;
    window.find("#verdict-bad").await;
    album.take("console-trial").await;
    window.go(&format!("{issuer}/console/clients/{client}")).await;
    window.press("form[action$='/secret'] button").await;
    window.find("#client-secret").await;
    album.take("console-secret").await;
    window.go(&format!("{issuer}/console/register")).await;
    window.fill("#client_name", "识字小船").await;
    window.fill("#redirect_uris", "http://boat.example/cb").await;
    window.press("main form button.main").await;
    window.find("#problem").await;
    album.take("console-register").await;
    corrected(album, place, demo).await;
    window.go(&format!("{issuer}/password")).await;
    window.find("#new-password").await;
    album.take("own-password").await;
    window.go(&format!("{issuer}/consents")).await;
    window.find("#own").await;
    album.take("consents").await;
    record(album, demo).await;
}

/// Everything that is known about her, and the way to have it erased and back.
async fn record(album: &Album, demo: &Demo) {
    let (window, issuer) = (&album.window, &demo.ready.issuer);
    window.go(&format!("{issuer}/record")).await;
    window.find("#record-person").await;
    album.take("record").await;
    let masked = window.text("#record-documents").await;
    window.press("button[value=numbers]").await;
    window.find("#record-documents").await;
    assert_ne!(window.text("#record-documents").await, masked, "a second click shows numbers in full");
    window.press("button[value=file]").await;
    window.press("button[value=ask]").await;
    window.find("#kept").await;
    window.press("main button[value=yes]").await;
    window.find("#has-role").await;
    album.take("erasure-administrator").await;
    window.go(&format!("{issuer}/end-session")).await;
    window.press("main button[value=yes]").await;
    window.find("#signed-out").await;
    window.go(&format!("{issuer}/record")).await;
    sign_in(window, demo.ready.person("guardian_of_two")).await;
    window.find("#record-person").await;
    window.go(issuer).await;
    window.press("#wards a[href^='/record']").await;
    window.find("#record-person").await;
    album.take("record-of-child").await;
    window.press("button[value=ask]").await;
    window.find("#kept").await;
    album.take("erasure-of-child").await;
    // The child has no account after this: at the end of the last round.
    if album.language == "en" {
        window.press("main button[value=yes]").await;
        window.find("#erasures").await;
        album.take("home-erasure").await;
        window.press("#erasures button").await;
        window.find("#told").await;
        assert!(window.has("#wards").await && !window.has("#erasures").await, "{}", window.here().await);
    }
    window.go(&format!("{issuer}/erasure")).await;
    window.fill("#code", "0000-0000-0000").await;
    window.press("main button.main").await;
    window.find("#problem").await;
    album.take("erasure-code").await;
}

/// The settings of an application, which somebody else changes at the same time; and what is out of use.
async fn corrected(album: &Album, place: &Place, demo: &Demo) {
    let (window, client) = (&album.window, &demo.ready.client("vendor").client_id);
    let page = format!("{}/console/clients/{client}", demo.ready.issuer);
    window.go(&page).await;
    window.press("#change").await;
    window.find("#client_name").await;
    album.take("console-edit").await;
    let name = json!({ "client_name#zh": format!("口算小园 {}", album.language) }).to_string();
    place.json(&["client", "update", client, "-"], &name);
    window.fill("#policy_uri", "https://maths.example.edu.cn/privacy").await;
    window.press("main form button.main").await;
    window.find("#refused").await;
    album.take("console-edit-stale").await;
    window.press("main form button.main").await;
    window.find("#told").await;
    window.press("#suspend summary").await;
    window.press("#suspend button").await;
    window.find("#resume").await;
    album.take("console-client-suspended").await;
    window.press("#resume button").await;
    window.find("#suspend").await;
}

/// What another device asks of whoever is signed in.
async fn elsewhere(album: &Album, demo: &Demo) {
    let (window, issuer, a) = (&album.window, &demo.ready.issuer, demo.platform('a'));
    window.go(&format!("{a}/screen")).await;
    let code = window.text("#code").await;
    album.take("screen").await;
    window.go(&format!("{issuer}/device")).await;
    window.fill("#user-code", "BBBB-BBBB").await;
    window.press("main button.main").await;
    window.find("#problem").await;
    album.take("type-code-unknown").await;
    window.fill("#user-code", &code).await;
    album.take("type-code").await;
    window.press("main button.main").await;
    assert_eq!(window.text("#shown").await, code);
    album.take("confirm-device").await;
    window.press("main button[value=yes]").await;
    window.press("button[name=identity]").await;
    window.find("#answered-yes").await;
    album.take("answered-yes").await;
    window.go(&format!("{a}/screen/{code}")).await;
    window.find("#screen-in").await;
    ask_at_home(demo).await;
    window.go(issuer).await;
    window.find("#waiting").await;
    album.take("home-waiting").await;
    window.press("#waiting button").await;
    window.find("#shown").await;
    album.take("confirm-client").await;
    window.press("main button[value=no]").await;
    window.find("#answered-no").await;
    album.take("answered-no").await;
    window.go(&format!("{issuer}/devices")).await;
    window.find("#devices").await;
    album.take("devices").await;
}

/// Platform A asks the guardian to confirm a sign-in.
async fn ask_at_home(demo: &Demo) {
    let platform = demo.ready.client("platform_a");
    let form = [
        ("scope", "openid profile"),
        ("login_hint", &*demo.ready.person("guardian_of_two").user_name),
        ("binding_message", "窗口 3 · W4SCT"),
    ];
    let asked = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = asked.post(format!("{}/backchannel-authentication", demo.ready.issuer));
    let asked = asked.basic_auth(&platform.client_id, platform.client_secret.as_ref()).form(&form);
    assert!(asked.send().await.unwrap().status().is_success());
}
