//! `/api/feed`: what became of a platform's people, in numbers without a gap (ruling R4). A platform reads its own stream and
//! no other: its token says which.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::page::MOST;
use super::problem::{Document, Problem, Problems};
use super::take::{Asked, Platform};
use crate::app::feed::{Changes, Snapshot, Told};
use crate::app::{App, Ctx, Error};
use crate::http::urls::path;

/// A request waits no longer than this for something to happen, well below the end of every request.
const LONGEST_WAIT: u64 = 20;
const LOOK: Duration = Duration::from_millis(500);

/// Which changes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// The number of the last change that was worked off: `after` of the last answer, or of the snapshot. 0 at first.
    after: i64,
    /// Changes of an answer, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Seconds to wait while there is nothing, 20 at most; for four requests of a platform at a time, others are answered at once.
    wait: Option<u64>,
}

/// Where the snapshot goes on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Where {
    /// `next` of the last page.
    cursor: Option<String>,
    /// People of a page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

fn limit(platform: &Platform, asked: Option<usize>) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(MOST);
    match (1..=MOST).contains(&limit) {
        true => Ok(limit),
        false => Err(Problem::of(&platform.ctx, &Error::invalid(format!("limit is 1 to {MOST}")))),
    }
}

/// Changes behind a number. What is asked again is answered again; a gap between two numbers is a loss on the way.
#[utoipa::path(get, path = "/api/feed", tag = "feed", params(Which), security(("platform" = ["mingji.feed"])), responses((status = 200, body = Changes), (status = 410, description = "Not kept any more: `snapshot` says where to begin anew.", body = Document, content_type = "application/problem+json"), Problems))]
pub async fn changes(
    State(app): State<App>,
    platform: Platform,
    Asked(which): Asked<Which>,
) -> Result<Json<Changes>, Problem> {
    let limit = limit(&platform, which.limit)?;
    let until = tokio::time::Instant::now() + Duration::from_secs(which.wait.unwrap_or(0).min(LONGEST_WAIT));
    let waits = app.wait_for_changes(platform.reader);
    loop {
        // Whom it may know of is a question of the moment at which it is told.
        let ctx = Ctx { now: app.now(), ..platform.ctx.clone() };
        let told = app.changes(&ctx, platform.reader, which.after, limit).await;
        match told.map_err(|error| Problem::of(&ctx, &error))? {
            Told::Gone => return Err(Problem::gone(&platform.ctx, app.issuer().at(path::FEED_SNAPSHOT))),
            Told::Changes(changes)
                if changes.items.is_empty() && waits.is_some() && tokio::time::Instant::now() < until =>
            {
                tokio::time::sleep(LOOK).await;
            }
            Told::Changes(changes) => return Ok(Json(changes)),
        }
    }
}

/// Everybody in reach, page by page, and the number behind which the changes go on.
#[utoipa::path(get, path = "/api/feed/snapshot", tag = "feed", params(Where), security(("platform" = ["mingji.feed"])), responses((status = 200, body = Snapshot), Problems))]
pub async fn snapshot(
    State(app): State<App>,
    platform: Platform,
    Asked(place): Asked<Where>,
) -> Result<Json<Snapshot>, Problem> {
    let limit = limit(&platform, place.limit)?;
    let page = app.feed_snapshot(&platform.ctx, platform.reader, place.cursor.as_deref(), limit).await;
    page.map(Json).map_err(|error| Problem::of(&platform.ctx, &error))
}
