//! A way to a server that a test can cut without a word: whoever is inside hears nothing any more, and nobody says so, as when
//! a machine loses its power or a network drops what it is given. Whoever comes after that is led to where the door leads then.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The door, open as long as it is kept.
pub struct Door {
    pub port: u16,
    leads_to: Arc<Mutex<SocketAddr>>,
    cut: watch::Sender<u32>,
}

impl Door {
    /// One to a server at this host and port.
    pub async fn to(host: &str, port: u16) -> Self {
        let server = tokio::net::lookup_host((host, port)).await.unwrap().next().unwrap();
        let leads_to = Arc::new(Mutex::new(server));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let cut = watch::Sender::new(0);
        let (way, hears) = (Arc::clone(&leads_to), cut.subscribe());
        tokio::spawn(async move {
            while let Ok((mut visitor, _)) = listener.accept().await {
                let server = *way.lock().unwrap_or_else(PoisonError::into_inner);
                let mut hears = hears.clone();
                hears.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(mut server) = TcpStream::connect(server).await else { return };
                    let inside = tokio::io::copy_bidirectional(&mut visitor, &mut server);
                    // Of a door that is gone both ends hear at once.
                    tokio::select! {
                        _ = inside => {}
                        cut = hears.changed() => if cut.is_ok() { std::future::pending::<()>().await },
                    }
                });
            }
        });
        Self { port: own, leads_to, cut }
    }

    /// Nobody inside hears anything from now on.
    pub fn cut(&self) {
        self.cut.send_modify(|times| *times += 1);
    }

    /// Where it leads whoever comes from now on.
    pub async fn lead_to(&self, host: &str, port: u16) {
        let server = tokio::net::lookup_host((host, port)).await.unwrap().next().unwrap();
        *self.leads_to.lock().unwrap_or_else(PoisonError::into_inner) = server;
    }
}
