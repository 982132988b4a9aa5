//! What stands at the door: decode a request, call one use case, encode its answer.

pub mod api;
mod cookies;
mod error;
mod extract;
mod health;
mod layer;
pub mod metrics;
pub mod oidc;
pub mod pages;
pub mod server;
pub mod urls;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use axum::{Extension, Router};
use ipnet::IpNet;

use crate::app::App;
use urls::path;

/// Forms and token requests are small; a roster upload gets its own limit when it comes.
const BODY_LIMIT: usize = 64 * 1024;

/// What every handler can reach.
#[derive(Clone)]
pub struct Door {
    /// The use cases.
    pub app: App,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// Whether they are believed about certificates too: on a listener of its own, which they alone reach.
    pub forwarded_certificates: bool,
}

impl Door {
    /// Whether what this peer says of others is believed.
    fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|net| net.contains(&peer.to_canonical()))
    }
}

impl FromRef<Door> for App {
    fn from_ref(door: &Door) -> Self {
        door.app.clone()
    }
}

/// All routes of the provider.
pub fn router(door: Door) -> Router {
    // What an administrator is refused at the console is noted as at the API.
    let noted = from_fn_with_state(door.clone(), api::noted);
    let console_forms = Router::new()
        .route(path::CONSOLE_REGISTER, post(pages::console::register))
        .route(path::CONSOLE_EDIT, post(pages::console::edit))
        .route(path::CONSOLE_SUSPENSION, post(pages::console::suspend).get(pages::console::back))
        .route(path::CONSOLE_SECRET, post(pages::console::rotate).get(pages::console::back))
        .route(path::CONSOLE_OLD_SECRET, post(pages::console::end_old_secret).get(pages::console::back))
        .route(path::CONSOLE_REMOVAL, post(pages::console::remove).get(pages::console::back))
        .route(path::CONSOLE_TRIAL, post(pages::console::run_trial).get(pages::console::back))
        .route_layer(noted.clone());
    let console = Router::new()
        .route(path::CONSOLE, get(pages::console::show))
        .route(path::CONSOLE_REGISTER, get(pages::console::show_register))
        .route(path::CONSOLE_CLIENT, get(pages::console::show_client))
        .route(path::CONSOLE_EDIT, get(pages::console::show_edit))
        .route(path::CONSOLE_AGAIN, get(pages::console::again))
        .route_layer(noted);
    let forms = Router::new()
        .route(path::SIGN_IN, post(pages::sign_in::submit))
        .route(path::CHOOSE_ACCOUNT, post(pages::choose::account).get(error::too_late))
        .route(path::CHOOSE_IDENTITY, post(pages::choose::identity).get(error::too_late))
        .route(path::CONSENT, post(pages::consent::submit).get(error::too_late))
        .route(path::DEVICE, post(pages::elsewhere::submit))
        .route(path::DEVICES, post(pages::devices::end))
        .route(path::PASSWORD, post(pages::own_password::submit))
        .route(path::CONSENTS, post(pages::consents::take_back))
        .route(path::RECORD, post(pages::record::open))
        .route(path::ERASURE, post(pages::erasure::submit))
        .route(path::CONFIRM, post(pages::elsewhere::confirm).get(error::too_late))
        .route(path::TAKE_UP, post(pages::elsewhere::take_up).get(error::too_late))
        .route(path::NOT_ME, post(pages::sign_out::not_me).get(error::too_late))
        .route(path::LANGUAGE, post(pages::language::submit).get(error::too_late))
        .route(path::SIGN_OUT, post(pages::sign_out::submit).get(pages::sign_out::show))
        .route(path::ACTIVATE, post(pages::activate::submit))
        .route(path::WARDS, post(pages::wards::answer).get(error::too_late))
        .route(path::WARD_PASSWORD, post(pages::wards::submit))
        .merge(console_forms)
        // Only our own pages post here; protocol endpoints are called from anywhere.
        .layer(from_fn_with_state(door.clone(), layer::same_origin));
    // What takes proofs of possession.
    let proving = Router::new()
        .route(path::TOKEN, post(oidc::token::answer))
        .route(path::USERINFO, get(oidc::userinfo::get).post(oidc::userinfo::post))
        .route(path::PAR, post(oidc::par::push))
        .layer(from_fn_with_state(door.clone(), layer::next_nonce));
    let described = Router::new()
        .route(path::DISCOVERY, get(oidc::discovery::metadata))
        .route(path::OAUTH_METADATA, get(oidc::discovery::metadata))
        .layer(Extension(oidc::discovery::Kept::default()));
    // Single-page clients call these from their own origin.
    let open = Router::new()
        .merge(proving)
        .merge(described)
        .route(path::JWKS, get(oidc::jwks::keys))
        .route(path::REVOKE, post(oidc::token_status::revoke))
        // Screens in classrooms are pages in a browser.
        .route(path::DEVICE_AUTHORIZATION, post(oidc::device::ask))
        .layer(from_fn(layer::any_origin));
    let routes = Router::new()
        .merge(forms)
        .merge(open)
        .merge(console)
        .route("/", get(pages::home::show))
        .route(path::OPEN, get(pages::home::open))
        .route(path::SIGN_IN, get(pages::sign_in::show))
        .route(path::ACTIVATE, get(pages::activate::show))
        .route(path::DEVICE, get(pages::elsewhere::show))
        .route(path::DEVICES, get(pages::devices::show))
        .route(path::PASSWORD, get(pages::own_password::show))
        .route(path::CHANGE_PASSWORD, get(pages::own_password::find))
        .route(path::CONSENTS, get(pages::consents::show))
        .route(path::RECORD, get(pages::record::show))
        .route(path::ERASURE, get(pages::erasure::show))
        .route(path::WARD_PASSWORD, get(pages::wards::show))
        .route(path::SIGNED_OUT, get(pages::sign_out::signed_out))
        .route(path::AUTHORIZE, get(oidc::authorize::get).post(oidc::authorize::post))
        .route(path::END_SESSION, get(oidc::end_session::get).post(oidc::end_session::post))
        .route(path::CHECK_SESSION, get(oidc::check_session::frame))
        .route(path::BACKCHANNEL_AUTHENTICATION, post(oidc::ciba::ask))
        .route(path::INTROSPECT, post(oidc::token_status::introspect))
        .route(path::REGISTER, post(oidc::registration::create))
        .route(
            path::REGISTRATION,
            get(oidc::registration::read).put(oidc::registration::update).delete(oidc::registration::delete),
        )
        .route(path::HEALTHZ, get(health::alive))
        .route(path::READYZ, get(health::ready))
        .merge(api::routes(&door).layer(from_fn_with_state(door.clone(), layer::next_nonce)))
        .merge(pages::static_files::static_router())
        .fallback(error::not_found);
    routes
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(door.clone(), layer::client_certificate))
        .layer(from_fn_with_state(door.clone(), layer::observe))
        .with_state(door)
}
