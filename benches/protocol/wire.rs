//! One connection that is kept, and as little work for an answer as can be: what is measured is the server.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection to a server on loopback.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

/// Where an answer lies in the buffer.
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    head: &'a str,
    /// What follows the head.
    pub body: &'a str,
}

impl Answer<'_> {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// A member of a JSON body that is a plain text.
    pub fn text(&self, name: &str) -> &str {
        let found = self.body.split_once(&format!("\"{name}\":\"")).and_then(|(_, rest)| rest.split_once('"'));
        found.unwrap_or_else(|| panic!("no {name} in {} {}", self.status, self.body)).0
    }
}

impl Wire {
    /// Opens it.
    pub async fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: vec![0; 64 << 10], filled: 0 }
    }

    /// Sends a whole request and waits for the whole answer.
    pub async fn ask(&mut self, request: &[u8]) -> Answer<'_> {
        self.stream.write_all(request).await.unwrap();
        self.filled = 0;
        let (head, length) = loop {
            self.more().await;
            let text = std::str::from_utf8(&self.buffer[..self.filled]).expect("text");
            if let Some(end) = text.find("\r\n\r\n") {
                let answer = Answer { status: 0, head: &text[..end], body: "" };
                let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
                break (end, length);
            }
        };
        while self.filled < head + 4 + length {
            self.more().await;
        }
        let text = std::str::from_utf8(&self.buffer[..self.filled]).expect("text");
        Answer { status: text[9..12].parse().unwrap(), head: &text[..head], body: &text[head + 4..] }
    }

    async fn more(&mut self) {
        let read = self.stream.read(&mut self.buffer[self.filled..]).await.unwrap();
        assert!(read > 0, "the server hung up");
        self.filled += read;
    }
}

/// A request without a body.
pub fn get(path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n").into_bytes()
}

/// A form.
pub fn post(path: &str, headers: &[(&str, &str)], form: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}
