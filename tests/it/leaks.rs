//! Ruling R7: after people have done what people do, neither database nor ephemeral store, log or answer holds
//! an identity number, a 学籍号 or a phone, nor what anybody could compute from one without a key.

use base64::Engine as _;
use mingji::demo::world::cast;
use mingji::domain::time::Clock as _;
use sqlx::{Connection as _, PgConnection};

use crate::support::app::{Engine, TestApp, run_with};
use crate::support::needles::Needles;
use crate::support::record::logs;
use crate::support::{need, visitor::Visitor};

const PHONE: &str = "13900000781";
const EVERYTHING: &str =
    "openid profile email phone address offline_access edu edu.class edu.guardian edu.realname space";

/// Numbers and 学籍号 of everybody, and the phone that one of them gave.
fn secrets(app: &TestApp) -> Vec<(String, String)> {
    let mut values = vec![("phone".to_owned(), PHONE.to_owned())];
    for character in cast(app.clock.now().shanghai_date()) {
        values.push((format!("number of {}", character.key), character.number()));
        values.push((format!("code of {}", character.key), format!("G{}", character.number())));
    }
    values
}

/// Types into the sign-in form what belongs there and what does not.
async fn type_everything(app: &TestApp, number: &str) {
    let rp = app.client("platform_a");
    let mut child = app.child();
    let password = child.person.password.clone();
    for typed in [number, PHONE, &format!("+86{PHONE}"), &format!("G{number}")] {
        let page = child.browser.open(&rp.url(&rp.ask().with("login_hint", typed))).await;
        let page = child.type_in(&page, typed, "not her password").await;
        let parked = rp.ask().with("login_hint", typed);
        let parked = child.browser.post_from("https://rp.example", "/authorize", parked.parameters()).await;
        child.browser.follow(&parked).await;
        assert!(page.has("problem"));
    }
    let page = child.browser.open(&rp.url(&rp.ask())).await;
    assert!(child.type_in(&page, &format!("G{number}"), &password).await.answer().contains_key("code"));
}

/// Signs in everywhere and out again, with everything that can be asked for.
async fn go_everywhere(app: &TestApp, visitor: &mut Visitor) {
    for key in ["platform_a", "platform_b", "vendor"] {
        let rp = app.client(key);
        let ask = rp.ask().with("scope", EVERYTHING).with("prompt", "consent");
        let page = visitor.go(&rp, &ask).await;
        let Some(code) = page.location().and_then(|_| page.answer().remove("code")) else { continue };
        let tokens = rp.redeem(&ask, &code).await;
        assert_eq!(rp.userinfo(&tokens.access()).await.status, 200);
        assert_eq!(rp.refresh(&tokens.refresh()).await.status, 200);
        assert_eq!(rp.redeem(&ask, &code).await.error(), "invalid_grant");
    }
    let home = visitor.browser.open("/").await;
    visitor.browser.press(&home, "confirm", "yes").await;
}

async fn nothing_is_left_lying_about(app: TestApp) {
    let secrets = secrets(&app);
    let needles = Needles::new(&secrets);
    let number = &secrets.iter().find(|(name, _)| name == "number of child_under14").unwrap().1;
    type_everything(&app, number).await;
    for person in &app.world().people {
        go_everywhere(&app, &mut app.visitor(&person.key)).await;
    }
    let (_, link) = app.app.issue_activation(&app.operator(), app.person("child_under14").person_id).await.unwrap();
    app.child().browser.open(&link).await;

    let said = app.said.all();
    assert!(
        said.iter().any(|said| said.path == "/userinfo" && said.text.contains("edu_identity")),
        "answers were recorded"
    );
    for said in said {
        let mut found = needles.found_in(said.text.as_bytes());
        // The phone that a person agreed to give is what userinfo is for; nobody else's answer may hold it.
        found.retain(|name| said.path != "/userinfo" || !name.starts_with("phone"));
        assert!(found.is_empty(), "{} answers with {found:?}", said.path);
    }
    let metrics = app.scrape().await.text;
    assert!(metrics.contains("mingji_sign_ins_total"), "the metrics were scraped");
    assert_eq!(needles.found_in(metrics.as_bytes()), [""; 0], "in the metrics");
    let logs = logs();
    assert!(logs.contains("answered"), "logs were captured");
    // All tests share the log, so the line tells who wrote it.
    let lines: Vec<&str> = logs.lines().filter(|line| !needles.found_in(line.as_bytes()).is_empty()).collect();
    assert!(lines.is_empty(), "in the logs: {:#?}", &lines[..lines.len().min(5)]);
    let database = database(&app).await;
    let user_name = app.person("full_claims").user_name.as_bytes();
    assert!(database.windows(user_name.len()).any(|part| part == user_name), "the database was read");
    assert_eq!(needles.found_in(&database), [""; 0], "in the database");
}

/// Every byte of the database: the files of one, every row of every table of the other.
async fn database(app: &TestApp) -> Vec<u8> {
    if let Some(folder) = app.database.folder() {
        let files = std::fs::read_dir(folder).unwrap().flatten();
        return files.flat_map(|file| std::fs::read(file.path()).unwrap()).collect();
    }
    let mut connection = PgConnection::connect(&app.database.url).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let mut bytes = Vec::new();
    for table in tables {
        // bytea comes as hexadecimal text, so its digests and clear texts are found as such.
        let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(r#"SELECT t::text FROM "{table}" t"#)))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        bytes.extend(rows.concat().into_bytes());
    }
    bytes
}

/// Every key and value of the ephemeral store, whatever its type.
async fn ephemeral(url: &str) -> Vec<u8> {
    let mut redis = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await.unwrap();
    let mut bytes = keys.concat();
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut redis).await.unwrap();
        let read = match kind.as_str() {
            "string" => redis::cmd("GET"),
            "hash" => redis::cmd("HGETALL"),
            "set" => redis::cmd("SMEMBERS"),
            // It ended meanwhile, or is of a kind without members of its own.
            _ => continue,
        };
        let value: redis::Value = { read }.arg(&key).query_async(&mut redis).await.unwrap();
        flatten(value, &mut bytes);
    }
    bytes
}

fn flatten(value: redis::Value, bytes: &mut Vec<u8>) {
    match value {
        redis::Value::BulkString(part) => bytes.extend(part),
        redis::Value::Array(parts) | redis::Value::Set(parts) => {
            parts.into_iter().for_each(|part| flatten(part, bytes));
        }
        redis::Value::Map(pairs) => pairs.into_iter().for_each(|(key, value)| {
            flatten(key, bytes);
            flatten(value, bytes);
        }),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    run_with(Engine::Sqlite, "memory:", nothing_is_left_lying_about).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    let Some(server) = need::postgres() else { return };
    run_with(Engine::Postgres(server), "memory:", nothing_is_left_lying_about).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cluster() {
    let (Some(server), Some(redis)) = (need::postgres(), need::redis()) else { return };
    let store = redis.to_string();
    run_with(Engine::Postgres(server), redis.as_str(), async move |app: TestApp| {
        let needles = Needles::new(&secrets(&app));
        nothing_is_left_lying_about(app).await;
        let kept = ephemeral(&store).await;
        assert!(!kept.is_empty(), "the store was read");
        assert_eq!(needles.found_in(&kept), [""; 0], "in the ephemeral store");
    })
    .await;
}

#[test]
fn the_search_finds_every_form() {
    let value = "360781199001010029";
    let needles = Needles::new(&[("n".into(), value.into())]);
    let sum = ring::digest::digest(&ring::digest::SHA256, value.as_bytes());
    let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    for (text, form) in [
        (format!("x{value}x"), "n in clear"),
        (mingji::domain::hex::hex(value.as_bytes()), "n as hex"),
        (encode(&format!(r#"{{"a":"{value}"}}"#)), "n as base64"),
        (encode(&format!(r#"{{"ab":"{value}"}}"#)), "n as base64"),
        (encode(&format!(r#"{{"abc":"{value}"}}"#)), "n as base64"),
        (mingji::domain::hex::hex(sum.as_ref()), "n as SHA-256"),
    ] {
        assert_eq!(needles.found_in(text.as_bytes()), [form], "{text}");
    }
    assert!(needles.found_in(b"360781199001010028").is_empty());
}
