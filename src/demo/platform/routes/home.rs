//! `GET {base}`: the front door.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::demo::platform::Platform;
use crate::demo::platform::pages;
use crate::demo::platform::visit::Visit;

/// Who we are, and the one button that matters.
pub(super) async fn show(State(platform): State<Arc<Platform>>, visit: Visit) -> Response {
    pages::home(&platform, &visit)
}
