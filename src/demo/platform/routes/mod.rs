//! The paths below the base URL, one file each.

mod callback;
mod home;
mod login;
mod logout;
mod refresh;
mod space;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use serde::Deserialize;

use super::error::Error;
use super::session::{Session, SessionKey};
use super::visit::Visit;
use super::{Platform, pages};

/// A form of ours has one field; a logout token a few hundred bytes.
const MAX_FORM: usize = 16 * 1024;

/// Every path of a platform.
pub(super) fn router(platform: Arc<Platform>) -> Router {
    Router::new()
        .route(&platform.at(""), get(home::show))
        .route(&platform.at("style.css"), get(pages::style))
        .route(&platform.at("login"), get(login::by_query).post(login::by_form))
        .route(&platform.at("callback"), get(callback::receive))
        .route(&platform.at("space"), get(space::show))
        .route(&platform.at("refresh"), post(refresh::press))
        .route(&platform.at("logout"), post(logout::press))
        .route(&platform.at("signed-out"), get(logout::signed_out))
        .route(&platform.at("backchannel-logout"), post(logout::back_channel))
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .with_state(platform)
}

/// What each of our forms carries.
#[derive(Deserialize)]
struct OurForm {
    csrf: String,
}

/// The session that a form belongs to: signed in, and posted from a page of this very session.
fn session_of_form(visit: &Visit, form: &OurForm) -> Result<(SessionKey, Session), Error> {
    let (key, session) = visit.session.clone().ok_or(Error::NoSession)?;
    let same = super::attempt::digest(&session.csrf) == super::attempt::digest(&form.csrf);
    if same { Ok((key, session)) } else { Err(Error::Form) }
}
