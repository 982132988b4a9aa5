//! `GET {base}space`: "my space", and what this platform was told about the person.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::refresh;
use crate::demo::platform::error::Error;
use crate::demo::platform::visit::Visit;
use crate::demo::platform::{Platform, pages};

/// Shows the space to whoever is signed in and begins a sign-in for everybody else. A token that is about
/// to end is refreshed on the way; when the provider does not answer, what we know is shown.
pub(super) async fn show(State(platform): State<Arc<Platform>>, visit: Visit) -> Response {
    let Some((key, session)) = visit.session.clone() else {
        return pages::redirect(&platform.at("login"), Vec::new());
    };
    let session = match refresh::when_due(&platform, &key, session).await {
        Ok(session) => session,
        Err(error @ Error::NoSession) => return refresh::ended(&platform, &visit, &error),
        Err(error) => return pages::error(&platform, &visit, &error),
    };
    pages::space(&platform, &visit, &session)
}
