//! `mingji demo`: everything embedded.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::output::Output;
use super::serve::Listeners;
use super::{Failure, runtime, serve};
use crate::app::{App, Ctx};
use crate::config::{Preset, Settings, VerifierKeys, VerifierSettings, keys};
use crate::demo::approve;
use crate::demo::platform::{self, Accent, ClientId, ClientSecret, IssuerUrl, Look, PlatformSettings};
use crate::demo::screen::{self, Screen};
use crate::demo::verifier::Simulator;
use crate::demo::world::{self, Addresses, DemoClient, World};
use crate::domain::registry::codes::realname::Method;
use crate::domain::time::Clock as _;
use crate::http::server;
use crate::keys::random::SystemRandom;
use crate::outbound::address::Allow;
use crate::outbound::client::GuardedClient;
use crate::store::snapshot;
use crate::telemetry::SystemClock;

/// Options of `demo`.
#[derive(clap::Args)]
pub struct Args {
    /// Port of the provider; platform A stands on the next one and platform B on the one after.
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..=65_533))]
    port: u16,
    /// Lay the demo world out in the configured database and end.
    #[arg(long)]
    seed_only: bool,
    /// Add the demo world to a register that holds other people.
    #[arg(long)]
    into_existing: bool,
}

/// Runs the demo until a stop is asked for.
pub async fn run(config: Option<&Path>, args: &Args, output: &Output) -> Result<(), Failure> {
    let addresses = addresses(args.port)?;
    if args.seed_only {
        let settings = runtime::settings(config, &[])?;
        let app = runtime::command_on(&settings).await?;
        let world = world::seed(&app, &addresses, args.into_existing).await?;
        app.close().await;
        return output.say(&document(&settings, &world, None), |_| text(&settings, &world, &addresses));
    }
    let mut settings = runtime::settings(config, &presets(args.port))?;
    // All addresses first: a port that is taken is said before anything is written.
    let listeners = Listeners::bind(&settings).await?;
    let (port_a, port_b) = (args.port + 1, args.port + 2);
    let platforms = [server::bind(loopback(port_a)).await?, server::bind(loopback(port_b)).await?];
    let verifier = server::bind(loopback(0)).await?;
    let simulator = simulator(&mut settings, &verifier)?;
    let app = runtime::provider(&settings, true).await?;
    let world = world::seed(&app, &addresses, args.into_existing).await?;
    app.ensure_keys(&Ctx::task(&app, "keys")).await?;
    let stop = serve::stop_signal()?;
    let [a, b] = routers(&settings, &addresses, &world).await?;
    let a = a.merge(approve::router(app.clone(), world.clone())).merge(screen(&settings, &world)?);
    for (listener, router) in platforms.into_iter().zip([a, b]) {
        tokio::spawn(serve_platform(listener, router, stop.asked.clone()));
    }
    tokio::spawn(serve_platform(verifier, simulator.router(), stop.asked.clone()));
    let announced = announce(&app, &settings, &world, &addresses, output);
    let both = async {
        let (said, served) =
            tokio::join!(announced, serve::serve(&settings, app.clone(), listeners, stop.asked.clone()));
        said.and(served)
    };
    stop.unless_twice(both).await
}

/// What a demo needs that a service would not want: everything on loopback, logout tokens to the platforms here.
fn presets(port: u16) -> Vec<Preset> {
    vec![
        (&keys::ISSUER, format!("http://localhost:{port}")),
        (&keys::LISTEN, format!("127.0.0.1:{port}")),
        (&keys::OUTBOUND_ALLOW, "127.0.0.0/8,::1/128".into()),
        (&keys::DRAIN, "0s".into()),
    ]
}

/// A screen without a keyboard, beside platform A and as its client.
fn screen(settings: &Settings, world: &World) -> Result<axum::Router, Failure> {
    let client = world.client("platform_a").ok_or_else(|| Failure::new("the demo world lacks a client"))?;
    let screen = Screen {
        issuer: settings.issuer.as_str().to_owned(),
        client_id: client.client_id.clone(),
        client_secret: client.client_secret.clone(),
    };
    screen::router(screen).map_err(|e| Failure::new(e.to_string()))
}

fn loopback(port: u16) -> std::net::SocketAddr {
    (std::net::Ipv4Addr::LOCALHOST, port).into()
}

fn addresses(port: u16) -> Result<Addresses, Failure> {
    let at = |port: u16, path: &str| {
        Url::parse(&format!("http://localhost:{port}/{path}")).map_err(|e| Failure::new(e.to_string()))
    };
    Ok(Addresses { platform_a: at(port + 1, "")?, platform_b: at(port + 2, "")?, vendor: at(port + 1, "vendor/")? })
}

/// A service that verifies real names, as `simulator` among the settings. It stands wherever there is room.
fn simulator(settings: &mut Settings, listener: &TcpListener) -> Result<Simulator, Failure> {
    let at = listener.local_addr().map_err(|e| Failure::new(e.to_string()))?;
    let (url, timeout) = (format!("http://{at}/ask"), Duration::from_secs(5));
    let http = GuardedClient::new(vec![Allow::Net(at.ip().into())], None)?;
    let random = SystemRandom::new();
    let simulator = Simulator::new(settings.issuer.as_str(), &url, Arc::new(SystemClock), &random, http, 2 * timeout);
    let simulator = simulator.map_err(|e| Failure::new(e.to_string()))?;
    let keys = VerifierKeys::Inline(simulator.keys());
    settings.verifiers.push(VerifierSettings {
        name: "simulator".into(),
        method: Method::PoliceNameId,
        url,
        keys,
        timeout,
    });
    Ok(simulator)
}

/// Platform A with the vendor's application beside it, and platform B.
async fn routers(settings: &Settings, addresses: &Addresses, world: &World) -> Result<[axum::Router; 2], Failure> {
    let issuer = IssuerUrl::new(settings.issuer.as_str().to_owned()).map_err(|e| Failure::new(e.to_string()))?;
    let everything = ["openid", "profile", "edu", "edu.class", "edu.guardian", "edu.realname", "space"];
    let look = |zh: [&str; 2], en: [&str; 2], accent| Look {
        name_zh: zh[0].into(),
        name_en: en[0].into(),
        tagline_zh: zh[1].into(),
        tagline_en: en[1].into(),
        accent,
    };
    let settings_of =
        |client: &DemoClient, base: &Url, scopes: &[&str], look: Look, links: Vec<(String, Url)>| PlatformSettings {
            key: client.key.clone(),
            base_url: base.clone(),
            issuer: issuer.clone(),
            client_id: ClientId::new(client.client_id.clone()),
            client_secret: Some(ClientSecret::new(client.client_secret.clone())),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            look,
            links,
            state_file: Some(state_folder(settings).join(format!("demo-{}.json", client.key))),
            now: Arc::new(|| DateTime::from_timestamp_micros(SystemClock.now().micros()).unwrap_or_default()),
        };
    let client = |key: &str| world.client(key).ok_or_else(|| Failure::new("the demo world lacks a client"));
    let a = settings_of(
        client("platform_a")?,
        &addresses.platform_a,
        &everything,
        look(
            ["临江教育云", "市级平台，依法定职责服务"],
            ["Linjiang Education Cloud", "A city platform with a statutory duty"],
            Accent(0x1f, 0x5f, 0x8b),
        ),
        vec![
            ("江畔课堂 Riverside Classroom".into(), addresses.platform_b.clone()),
            ("口算小园 Mental Maths Garden".into(), addresses.vendor.clone()),
        ],
    );
    let vendor = settings_of(
        client("vendor")?,
        &addresses.vendor,
        &["openid", "profile", "edu", "edu.class"],
        look(["口算小园", "第三方应用"], ["Mental Maths Garden", "A vendor's application"], Accent(0x8a, 0x4b, 0x12)),
        vec![],
    );
    let b = settings_of(
        client("platform_b")?,
        &addresses.platform_b,
        &everything,
        look(
            ["江畔课堂", "县级平台，经监护人同意服务儿童"],
            ["Riverside Classroom", "A county platform; children by their guardian's consent"],
            Accent(0x2f, 0x6b, 0x3c),
        ),
        vec![("临江教育云 Linjiang Education Cloud".into(), addresses.platform_a.clone())],
    );
    let router = |settings| async { platform::router(settings).await.map_err(|e| Failure::new(e.to_string())) };
    Ok([router(a).await?.merge(router(vendor).await?), router(b).await?])
}

/// Beside the embedded database; beside the keys where the database is elsewhere.
fn state_folder(settings: &Settings) -> PathBuf {
    let file = snapshot::file_of(settings.database.expose());
    file.as_deref().and_then(Path::parent).unwrap_or(&settings.keys_dir).to_owned()
}

async fn serve_platform(listener: TcpListener, router: axum::Router, stop: CancellationToken) {
    if let Err(error) = server::serve(listener, router, None, stop).await {
        tracing::error!(%error, "a demo platform stopped");
    }
}

/// Says who can sign in, once the provider answers.
async fn announce(
    app: &App,
    settings: &Settings,
    world: &World,
    addresses: &Addresses,
    output: &Output,
) -> Result<(), Failure> {
    while !app.readiness().await.iter().all(|check| check.ok) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let approve_url = format!("{}{}", addresses.platform_a, approve::TEMPLATE);
    output.say(&document(settings, world, Some(approve_url)), |_| text(settings, world, addresses))
}

/// The contract's line. Without the demo's listeners nobody answers at an address of theirs.
fn document(settings: &Settings, world: &World, approve_url: Option<String>) -> serde_json::Value {
    let issuer = settings.issuer.as_str();
    json!({ "issuer": issuer, "people": world.people, "clients": world.clients, "approve_url": approve_url })
}

fn text(settings: &Settings, world: &World, addresses: &Addresses) -> String {
    let mut out = format!(
        "\n  名籍 Mingji    {}\n  平台 A          {}\n  平台 B          {}\n  第三方应用      {}\n  教室大屏        {}screen\n\n  打开平台 A，用下面任一账号登录。Open platform A and sign in as one of:\n\n",
        settings.issuer.as_str(),
        addresses.platform_a,
        addresses.platform_b,
        addresses.vendor,
        addresses.platform_a
    );
    for person in &world.people {
        out.push_str(&format!("    {:<17} {:<16} {}\n", person.key, person.user_name, person.password));
    }
    out.push_str("\n  Ctrl-C 停止；再次启动时数据与登录仍在。Ctrl-C stops; a second start keeps data and sessions.\n");
    out
}
