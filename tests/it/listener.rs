//! What a listener does with connections, and says on all of them.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::binary::{Place, free_ports, serve};

/// Sends this and nothing more, and waits for the end of the connection: what came until then.
async fn until_it_ends(port: u16, sent: &str) -> String {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    connection.write_all(sent.as_bytes()).await.unwrap();
    let mut heard = String::new();
    let ended = tokio::time::timeout(Duration::from_secs(50), connection.read_to_string(&mut heard)).await;
    assert!(ended.is_ok(), "kept for ever: {sent:?}");
    heard
}

/// A laptop with some thousand half requests takes nobody's place.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_begins_and_says_no_more_is_let_go() {
    let (place, port) = (Place::new(), free_ports(1));
    let _server = serve(&place, port).await;
    let form = "POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\na=b";
    let (silent, head, body) = tokio::join!(
        until_it_ends(port, ""),
        until_it_ends(port, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Half: "),
        until_it_ends(port, form),
    );
    assert_eq!((silent.as_str(), head.as_str()), ("", ""));
    // The handler is done with it too, and says so.
    assert!(body.starts_with("HTTP/1.1 4"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_issuer_has_tls_browsers_come_over_nothing_else() {
    let told = async |issuer: &str| {
        let (place, port) = (Place::new().with("MINGJI_ISSUER", issuer), free_ports(1));
        let _server = serve(&place, port).await;
        let mut said = Vec::new();
        for path in ["/", "/jwks", "/nowhere"] {
            let answer = reqwest::get(format!("http://127.0.0.1:{port}{path}")).await.unwrap();
            said.push(answer.headers().get("strict-transport-security").cloned());
        }
        said
    };
    let kept = told("https://id.example.edu.cn").await;
    assert!(kept.iter().all(|value| value.as_ref().is_some_and(|value| value == "max-age=31536000")), "{kept:?}");
    assert_eq!(told("http://localhost:8080").await, [None, None, None]);
}
