//! The listener as the program opens it.

use serde_json::Value;

use crate::support::binary::{Demo, Place, free_ports, serve};
use crate::support::exposition::Scrape;

async fn get(url: &str) -> reqwest::Result<reqwest::Response> {
    mingji::outbound::install_tls_provider();
    reqwest::Client::builder().no_proxy().build().unwrap().get(url).send().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_opens_it_and_stops() {
    let port = free_ports(2);
    let metrics = format!("127.0.0.1:{}", port + 1);
    let place = Place::new()
        .with("MINGJI_ISSUER", format!("http://localhost:{port}"))
        .with("MINGJI_METRICS_LISTEN", metrics.clone());
    let mut running = serve(&place, port).await;
    let scrape = Scrape::read(get(&format!("http://{metrics}/metrics")).await.unwrap().text().await.unwrap());
    assert_eq!(scrape.value("mingji_dependency_up", &[("dependency", "database")]), 1.0);
    let version = [("version", env!("CARGO_PKG_VERSION")), ("engine", "sqlite")];
    assert_eq!(scrape.value("mingji_build_info", &version), 1.0);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    let age = now - scrape.value("process_start_time_seconds", &[]);
    assert!((0.0..120.0).contains(&age), "it started {age} s ago");
    let open = scrape.value("process_open_fds", &[]);
    assert!(open > 5.0 && open < scrape.value("process_max_fds", &[]));
    assert_eq!(get(&format!("http://localhost:{port}/metrics")).await.unwrap().status(), 404);
    assert!(running.stop().success());
    assert!(get(&format!("http://{metrics}/metrics")).await.is_err(), "it stopped too");
}

/// With huge pages all over its heap it holds twice the memory that it uses.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hashes_nothing_has_no_huge_pages() {
    let place = Place::new();
    let server = serve(&place, free_ports(1)).await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    // Older kernels do not tell.
    let told = status.lines().find_map(|line| line.strip_prefix("THP_enabled:"));
    assert!(told.is_none_or(|enabled| enabled.trim() == "0"), "{status}");
}

/// Nobody signs in once it is over, and no other metric shows that coming.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_the_certificate_is_told() {
    let port = free_ports(2);
    let metrics = format!("127.0.0.1:{}", port + 1);
    let mut place = Place::new()
        .with("MINGJI_ISSUER", format!("https://localhost:{port}"))
        .with("MINGJI_METRICS_LISTEN", metrics.clone());
    let key = rcgen::KeyPair::generate().unwrap();
    let mut asked = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    asked.not_after = rcgen::date_time_ymd(2096, 10, 2);
    let cert = asked.self_signed(&key).unwrap();
    for (setting, text) in [("MINGJI_TLS_CERT", cert.pem()), ("MINGJI_TLS_KEY", key.serialize_pem())] {
        let file = place.path().join(setting);
        std::fs::write(&file, text).unwrap();
        place.set(setting, file.to_string_lossy());
    }
    let mut running = serve(&place, port).await;
    let text = get(&format!("http://{metrics}/metrics")).await.unwrap().text().await.unwrap();
    let told = Scrape::read(text).value("mingji_tls_certificate_not_after_timestamp_seconds", &[]);
    assert_eq!(told, 3_999_974_400.0);
    assert!(running.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_obeys_the_setting() {
    let metrics = format!("127.0.0.1:{}", free_ports(1));
    let place = Place::new().with("MINGJI_METRICS_LISTEN", metrics.clone());
    let mut demo = Demo::start(&place);
    let text = get(&format!("http://{metrics}/metrics")).await.unwrap().text().await.unwrap();
    assert_eq!(Scrape::read(text).value("mingji_dependency_up", &[("dependency", "keys")]), 1.0);
    assert!(demo.process.stop().success());
}

#[test]
fn a_taken_address_is_named_before_anything_is_written() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = Place::new()
        .with("MINGJI_LISTEN", "127.0.0.1:0")
        .with("MINGJI_METRICS_LISTEN", taken.local_addr().unwrap().to_string());
    let ended = place.run(&["serve"]);
    assert!(ended.code == Some(1) && ended.err.contains("another program"), "{}", ended.err);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn the_doctor_warns_of_an_open_listener() {
    let mut place = Place::new();
    assert_eq!(place.run(&["keys", "init"]).code, Some(0));
    let mut doctor = |address: &str| {
        place.set("MINGJI_METRICS_LISTEN", address);
        let findings = place.json(&["doctor"], "");
        let finding = findings.as_array().unwrap().iter().find(|finding| finding["what"] == "metrics").cloned();
        finding.map_or(Value::Null, |finding| finding["state"].clone())
    };
    assert_eq!(doctor("127.0.0.1:9464"), "ok");
    assert_eq!(doctor("[::1]:9464"), "ok");
    for open in ["0.0.0.0:9464", "[::]:9464", "10.1.2.3:9464"] {
        assert_eq!(doctor(open), "warning", "{open}");
    }
    assert_eq!(doctor(""), Value::Null, "off");
}
