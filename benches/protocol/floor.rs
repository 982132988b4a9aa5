//! What a round costs at least: the same requests, answered with fixed texts by the same web framework, one session read
//! and one durable insert in the same database (R15). A process of its own, on the same core as the provider.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};

const CODE: &str = "https://platform.example/callback?code=uY2fPq8nZ0m4sT7xW1kLr3vB6dHjC9aEgNiQoRtSyUw&state=s&iss=http%3A%2F%2Flocalhost";
const SESSION: &str = "SELECT holder FROM floor_session WHERE id = $1";
const GRANT: &str = "INSERT INTO floor_grant (holder, body) VALUES ($1, $2)";
/// As large as the rows of a grant and its audit entry.
const BODY: usize = 900;

#[derive(Clone)]
enum Floor {
    /// One writer, many readers, as the provider has them.
    Lite(SqlitePool, SqlitePool),
    Pg(PgPool),
}

impl Floor {
    async fn open(database: &str) -> Self {
        if database.starts_with("sqlite") {
            let options: SqliteConnectOptions = database.parse().unwrap();
            let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
            let write = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await.unwrap();
            sqlx::raw_sql(
                "CREATE TABLE IF NOT EXISTS floor_session (id INTEGER PRIMARY KEY, holder INTEGER);
                CREATE TABLE IF NOT EXISTS floor_grant (id INTEGER PRIMARY KEY, holder INTEGER, body TEXT);
                INSERT OR IGNORE INTO floor_session VALUES (1, 1)",
            )
            .execute(&write)
            .await
            .unwrap();
            Self::Lite(write, SqlitePoolOptions::new().max_connections(8).connect_with(options).await.unwrap())
        } else {
            let pool = sqlx::postgres::PgPoolOptions::new().max_connections(32).connect(database).await.unwrap();
            sqlx::raw_sql(
                "CREATE TABLE IF NOT EXISTS floor_session (id BIGINT PRIMARY KEY, holder BIGINT);
                CREATE TABLE IF NOT EXISTS floor_grant (id BIGSERIAL PRIMARY KEY, holder BIGINT, body TEXT);
                INSERT INTO floor_session VALUES (1, 1) ON CONFLICT DO NOTHING",
            )
            .execute(&pool)
            .await
            .unwrap();
            Self::Pg(pool)
        }
    }

    async fn session(&self) -> i64 {
        match self {
            Self::Lite(_, read) => sqlx::query_scalar(SESSION).bind(1_i64).fetch_one(read).await.unwrap(),
            Self::Pg(pool) => sqlx::query_scalar(SESSION).bind(1_i64).fetch_one(pool).await.unwrap(),
        }
    }

    async fn grant(&self, holder: i64) {
        let body = "g".repeat(BODY);
        match self {
            Self::Lite(write, _) => drop(sqlx::query(GRANT).bind(holder).bind(body).execute(write).await.unwrap()),
            Self::Pg(pool) => drop(sqlx::query(GRANT).bind(holder).bind(body).execute(pool).await.unwrap()),
        }
    }
}

/// Serves until it is killed.
pub async fn serve(port: u16, database: &str) {
    let floor = Arc::new(Floor::open(database).await);
    let routes = Router::new()
        .route("/authorize", get(authorize))
        .route("/token", post(token))
        .route("/userinfo", get(|| async { fixed(400) }))
        .route("/fixed", get(|| async { fixed(3_000) }))
        .with_state(floor);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    axum::serve(listener, routes).await.unwrap();
}

async fn authorize(State(floor): State<Arc<Floor>>) -> impl IntoResponse {
    floor.session().await;
    (StatusCode::SEE_OTHER, [(header::LOCATION, CODE)])
}

async fn token(State(floor): State<Arc<Floor>>, form: String) -> impl IntoResponse {
    floor.grant(i64::try_from(form.len()).unwrap()).await;
    let token = "t".repeat(700);
    let body = format!(r#"{{"access_token":"{token}","id_token":"{token}","refresh_token":"{}"}}"#, &token[..60]);
    ([(header::CONTENT_TYPE, "application/json")], body)
}

fn fixed(length: usize) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], format!(r#"{{"sub":"{}"}}"#, "s".repeat(length)))
}
