//! `HAProxy`, which asks Patroni who is primary.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::free_port;
use super::node::{NODES, address};

pub(super) struct HaProxy {
    process: Child,
    /// Leads to the primary.
    pub(super) primary: u16,
    /// Lead to the standbys in turn.
    pub(super) standbys: u16,
}

impl HaProxy {
    pub(super) fn start(folder: &Path) -> Self {
        let (primary, standbys) = (free_port(), free_port());
        let server = |number| format!("  server n{number} {}:5432 check port 8008\n", address(number));
        let servers = (1..=NODES).map(server).collect::<Vec<_>>().concat();
        let listen = |name: &str, port: u16, path: &str| {
            format!(
                "listen {name}\n  bind 127.0.0.1:{port}\n  option httpchk OPTIONS {path}\n  http-check expect status 200\n\
                 \x20 default-server inter 1s fastinter 500ms fall 3 rise 1 on-marked-down shutdown-sessions\n{servers}"
            )
        };
        let text = format!(
            "global\n  maxconn 500\ndefaults\n  mode tcp\n  timeout connect 2s\n  timeout check 5s\n  timeout client 30m\n  \
             timeout server 30m\n{}{}",
            listen("primary", primary, "/primary"),
            listen("standbys", standbys, "/replica")
        );
        let file = folder.join("haproxy.cfg");
        std::fs::write(&file, text).expect("it can be written");
        let mut command = Command::new("haproxy");
        command
            .args(["-db", "-q", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command.spawn().expect("haproxy is installed; make cluster-trial does it");
        Self { process, primary, standbys }
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
