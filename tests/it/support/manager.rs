//! The service manager's end of the line on which the daemon says how it is.

use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::UnixDatagram;
use tokio::time::timeout;

pub(crate) struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Manager {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { socket: UnixDatagram::bind(folder.path().join("notify")).unwrap(), folder }
    }

    /// What belongs into `NOTIFY_SOCKET`.
    pub(crate) fn path(&self) -> String {
        self.folder.path().join("notify").to_str().unwrap().to_owned()
    }

    /// The next message, if one comes within this time.
    pub(crate) async fn told(&self, within: Duration) -> Option<String> {
        let mut message = [0; 4096];
        let length = timeout(within, self.socket.recv(&mut message)).await.ok()?.unwrap();
        Some(String::from_utf8(message[..length].to_vec()).unwrap())
    }

    /// Waits for a message with this in it, and hands over all that came until then.
    pub(crate) async fn until(&self, wanted: &str) -> String {
        let start = Instant::now();
        let mut all = String::new();
        loop {
            let told = self.told(Duration::from_mins(1)).await.expect(wanted);
            all += &told;
            if told.contains(wanted) {
                return all;
            }
            assert!(start.elapsed() < Duration::from_secs(90), "{wanted:?} is not said");
        }
    }
}
