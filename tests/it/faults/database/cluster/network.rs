//! A network namespace for each node, joined by a bridge at which the daemons are.

use std::process::Command;

use super::node::{NODES, address, namespace};

const BRIDGE: &str = "lmpc-bridge";

/// The machine's own address at the bridge.
const HERE: &str = "10.213.77.254";

pub(super) struct Network;

impl Network {
    /// Made anew: one that a killed trial has left is taken down first.
    pub(super) fn new() -> Self {
        take_down();
        ip(&["link", "add", BRIDGE, "type", "bridge"]);
        ip(&["addr", "add", &format!("{HERE}/24"), "dev", BRIDGE]);
        ip(&["link", "set", BRIDGE, "up"]);
        for number in 1..=NODES {
            let (space, here) = (namespace(number), format!("lmpc-port{number}"));
            ip(&["netns", "add", &space]);
            ip(&["link", "add", &here, "type", "veth", "peer", "name", "eth0", "netns", &space]);
            ip(&["link", "set", &here, "master", BRIDGE, "up"]);
            ip(&["-n", &space, "addr", "add", &format!("{}/24", address(number)), "dev", "eth0"]);
            ip(&["-n", &space, "link", "set", "eth0", "up"]);
            ip(&["-n", &space, "link", "set", "lo", "up"]);
        }
        Self
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        take_down();
    }
}

fn take_down() {
    for number in 1..=NODES {
        let space = namespace(number);
        kill_all_in(number);
        let _ = Command::new("ip").args(["netns", "delete", &space]).output();
        // The namespace takes its end of the link with it, but only after a while.
        let _ = Command::new("ip").args(["link", "delete", &format!("lmpc-port{number}")]).output();
    }
    let _ = Command::new("ip").args(["link", "delete", BRIDGE]).output();
}

/// Ends what runs in a namespace without asking it.
pub(super) fn kill_all_in(number: usize) {
    for (pid, _) in processes_in(number) {
        kill(pid);
    }
}

/// The processes in a namespace, with their names.
pub(super) fn processes_in(number: usize) -> Vec<(i32, String)> {
    let Ok(output) = Command::new("ip").args(["netns", "pids", &namespace(number)]).output() else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let pids = text.split_whitespace().filter_map(|pid| pid.parse().ok());
    pids.map(|pid: i32| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        (pid, name.trim().to_owned())
    })
    .collect()
}

pub(super) fn kill(pid: i32) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

/// A rule of a namespace's packet filter.
pub(super) fn iptables(number: usize, args: &[&str]) {
    ip(&[&["netns", "exec", &namespace(number), "iptables"], args].concat());
}

fn ip(args: &[&str]) {
    let output = Command::new("ip").args(args).output().expect("iproute2 is installed");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {}: {error}; this needs root", args.join(" "));
}
