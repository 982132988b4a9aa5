//! A database for each test: a copy of one that holds the demo world and its signing keys, made once for each
//! engine and run. Seeding afresh would cost every test eight password hashes and two RSA keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use mingji::app::{App, Ctx, secrets};
use mingji::demo::world::{self, Addresses, World};
use mingji::domain::time::Clock as _;
use mingji::keys::random::SystemRandom;
use mingji::keys::root::RootSecrets;
use mingji::store::db::Db;
use mingji::telemetry::SystemClock;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::OnceCell;
use url::Url;

use super::app::{Engine, parts};

/// A database that belongs to one test.
pub struct Database {
    pub url: String,
    pub keys: PathBuf,
    pub world: World,
    place: Place,
    /// Whether it outlives whoever made it.
    stays: AtomicBool,
}

enum Place {
    Folder(PathBuf),
    Server { server: Url, name: String },
}

struct Template {
    place: Place,
    keys: PathBuf,
    world: World,
}

static SQLITE: OnceCell<Template> = OnceCell::const_new();
static POSTGRES: OnceCell<Template> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);
const PREFIX: &str = "mingji_it_";

/// What a statement says, its first column as texts: for tests that look at rows from outside.
pub async fn select_texts(url: &str, sql: &str) -> Vec<String> {
    use sqlx::Row as _;
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    if url.starts_with("sqlite") {
        let mut db = sqlx::SqliteConnection::connect(url).await.unwrap();
        sqlx::query(sql).fetch_all(&mut db).await.unwrap().iter().map(|row| row.get(0)).collect()
    } else {
        let mut db = PgConnection::connect(url).await.unwrap();
        sqlx::query(sql).fetch_all(&mut db).await.unwrap().iter().map(|row| row.get(0)).collect()
    }
}

/// Changes rows behind the program's back: for what an earlier version left, or somebody else does at the same moment.
pub async fn change(url: &str, sql: &str) {
    let mut elsewhere = Elsewhere::begin(url).await;
    elsewhere.run(sql).await;
    elsewhere.commit().await;
}

/// A transaction of somebody else, who holds what she changed until she commits.
pub enum Elsewhere {
    Lite(sqlx::SqliteConnection),
    Pg(PgConnection),
}

impl Elsewhere {
    pub async fn begin(url: &str) -> Self {
        let mut begun = if url.starts_with("sqlite") {
            Self::Lite(sqlx::SqliteConnection::connect(url).await.unwrap())
        } else {
            Self::Pg(PgConnection::connect(url).await.unwrap())
        };
        let begin = if matches!(begun, Self::Lite(_)) { "BEGIN IMMEDIATE" } else { "BEGIN" };
        begun.run(begin).await;
        begun
    }

    pub async fn run(&mut self, sql: &str) {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        match self {
            Self::Lite(db) => drop(sqlx::raw_sql(sql).execute(db).await.unwrap()),
            Self::Pg(db) => drop(sqlx::raw_sql(sql).execute(db).await.unwrap()),
        }
    }

    pub async fn commit(mut self) {
        self.run("COMMIT").await;
    }
}

impl Database {
    /// A fresh copy of the template.
    pub async fn new(engine: Engine) -> Self {
        let name = fresh_name();
        let template = match &engine {
            Engine::Sqlite => SQLITE.get_or_init(sqlite_template).await,
            Engine::Postgres(server) => POSTGRES.get_or_init(|| postgres_template(server.clone())).await,
        };
        let (place, url) = match (&template.place, engine) {
            (Place::Folder(from), _) => {
                let folder = scratch().join(&name);
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::copy(from.join("mingji.db"), folder.join("mingji.db")).unwrap();
                let url = sqlite_url(&folder);
                (Place::Folder(folder), url)
            }
            (Place::Server { server, name: from }, _) => {
                run(server, &format!(r#"CREATE DATABASE "{name}" TEMPLATE "{from}""#)).await;
                let url = on(server, &name);
                (Place::Server { server: server.clone(), name }, url)
            }
        };
        Self { url, keys: template.keys.clone(), world: template.world.clone(), place, stays: AtomicBool::new(false) }
    }

    /// It stays when it is taken away, under another name. Where, and under which keys, as a benchmark takes it.
    #[allow(dead_code, reason = "a benchmark keeps what took an hour to load")]
    pub fn keep(&self) -> String {
        let Place::Server { server, name } = &self.place else { panic!("only what is on a server can be kept") };
        let (kept, keys) = (kept(name), scratch().join(kept(name)));
        std::fs::create_dir_all(&keys).unwrap();
        for key in std::fs::read_dir(&self.keys).unwrap() {
            let key = key.unwrap();
            std::fs::copy(key.path(), keys.join(key.file_name())).unwrap();
        }
        self.stays.store(true, Ordering::Relaxed);
        format!("--postgres {} --keys {}", on(server, &kept), keys.display())
    }

    /// Takes it away; everything that had it open is closed.
    pub async fn remove(&self) {
        match &self.place {
            Place::Server { server, name } if self.stays.load(Ordering::Relaxed) => {
                run(server, &format!(r#"ALTER DATABASE "{name}" RENAME TO "{}""#, kept(name))).await;
            }
            Place::Folder(folder) => std::fs::remove_dir_all(folder).unwrap(),
            Place::Server { server, name } => run(server, &format!(r#"DROP DATABASE "{name}" WITH (FORCE)"#)).await,
        }
    }

    /// The folder of an embedded database.
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(folder) => Some(folder),
            Place::Server { .. } => None,
        }
    }

    /// An installation whose commands work on it.
    pub fn installation(&self) -> super::binary::Place {
        super::binary::Place::new()
            .with("MINGJI_DATABASE_URL", self.url.clone())
            .with("MINGJI_KEYS_DIR", self.keys.to_str().unwrap())
    }

    /// The root secrets.
    pub fn secrets(&self) -> RootSecrets {
        RootSecrets::load(&self.keys).unwrap().unwrap()
    }
}

/// A name that no later run sweeps away.
fn kept(name: &str) -> String {
    format!("kept_{name}")
}

async fn sqlite_template() -> Template {
    let folder = scratch().join(fresh_name());
    std::fs::create_dir_all(&folder).unwrap();
    let keys = folder.join("keys");
    let world = seed(&sqlite_url(&folder), &keys).await;
    Template { place: Place::Folder(folder), keys, world }
}

async fn postgres_template(server: Url) -> Template {
    let name = fresh_name();
    sweep_server(&server).await;
    run(&server, &format!(r#"CREATE DATABASE "{name}""#)).await;
    let keys = scratch().join(&name).join("keys");
    let world = seed(&on(&server, &name), &keys).await;
    Template { place: Place::Server { server, name }, keys, world }
}

async fn seed(url: &str, keys: &Path) -> World {
    let db = Db::connect(url).await.unwrap();
    db.migrate().await.unwrap();
    let now = SystemClock.now();
    let secrets = secrets::create(&db, keys, &SystemRandom::new(), now).await.unwrap();
    let app = App::new(parts(db, Arc::new(SystemClock), secrets, "http://localhost:8080", "memory:").await);
    let at = |text: &str| Url::parse(text).unwrap();
    let addresses = Addresses {
        platform_a: at("http://localhost:8081/"),
        platform_b: at("http://localhost:8082/"),
        vendor: at("http://localhost:8081/vendor/"),
    };
    let world = world::seed(&app, &addresses, false).await.unwrap();
    app.ensure_keys(&Ctx::task(&app, "keys")).await.unwrap();
    // What waits would be numbered at some moment of each test.
    while app.number_pending().await.unwrap() > 0 {}
    app.close().await;
    world
}

/// Names carry the process, so that a later run knows what an earlier one left behind.
fn fresh_name() -> String {
    format!("{PREFIX}{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst))
}

fn is_abandoned(name: &str) -> bool {
    let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('_').next());
    process.is_some_and(|process| !Path::new("/proc").join(process).exists())
}

fn scratch() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(&folder).unwrap();
    if NUMBER.load(Ordering::SeqCst) <= 1 {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            if is_abandoned(&entry.file_name().to_string_lossy()) {
                // Another run may sweep at the same moment.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }
    folder
}

async fn sweep_server(server: &Url) {
    let mut connection = PgConnection::connect(server.as_str()).await.unwrap();
    let names: Vec<String> =
        sqlx::query_scalar("SELECT datname::text FROM pg_database WHERE datname LIKE 'mingji_it_%'")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    for name in names.iter().filter(|name| is_abandoned(name)) {
        run(server, &format!(r#"DROP DATABASE IF EXISTS "{name}" WITH (FORCE)"#)).await;
    }
}

async fn run(server: &Url, sql: &str) {
    let mut connection = PgConnection::connect(server.as_str()).await.unwrap();
    // Names of databases cannot be bound; ours are letters, digits and underscores.
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

fn on(server: &Url, name: &str) -> String {
    let mut url = server.clone();
    url.set_path(name);
    url.into()
}

fn sqlite_url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("mingji.db").display())
}
