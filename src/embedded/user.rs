//! Who runs the server: we ourselves, or, because PostgreSQL refuses root, a user root steps down to.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::error::EmbeddedError;

/// Users root steps down to, the better one first.
const STEP_DOWN_TO: [&str; 2] = ["postgres", "nobody"];

/// What the server and initdb get of our environment. Nothing else: ours may hold the settings'
/// secrets, and a stray `PGDATA` or `PGPORT` would mislead them.
const ENVIRONMENT: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// The user that runs the server and owns its data.
#[derive(Clone, Debug)]
pub(super) struct ServerUser {
    /// `None`: the user we are.
    other: Option<UnixUser>,
}

#[derive(Clone, Debug)]
struct UnixUser {
    name: String,
    uid: u32,
    gid: u32,
}

impl ServerUser {
    /// Ourselves, unless we are root: then the owner of the existing data, so that a change of mind
    /// about who runs the program does no harm, or a user that exists.
    pub(super) fn choose(cluster: &Path) -> Result<Self, EmbeddedError> {
        let we = rustix::process::geteuid().as_raw();
        let owner = fs::metadata(cluster).ok();
        if we != 0 {
            return match owner {
                Some(owner) if owner.uid() != we => {
                    Err(EmbeddedError::ForeignOwner { folder: cluster.to_owned(), owner: owner.uid(), we })
                }
                _ => Ok(Self { other: None }),
            };
        }
        let account = match owner {
            Some(owner) if owner.uid() == 0 => {
                return Err(EmbeddedError::ForeignOwner { folder: cluster.to_owned(), owner: 0, we });
            }
            Some(owner) => {
                UnixUser { name: format!("id {}", owner.uid()), uid: owner.uid(), gid: owner.gid() }
            }
            None => STEP_DOWN_TO.into_iter().find_map(look_up).ok_or(EmbeddedError::NoServerUser)?,
        };
        Ok(Self { other: Some(account) })
    }

    /// A command that runs as this user, in a process group of its own so that a Ctrl-C in the
    /// terminal reaches only us.
    ///
    /// The standard library steps down in the right order: it drops root's supplementary groups,
    /// then the group, then the user.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").process_group(0).stdin(Stdio::null());
        for name in ENVIRONMENT {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        // Ours may be one this user cannot enter, which PostgreSQL complains about.
        command.current_dir("/");
        if let Some(account) = &self.other {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    /// Makes a file or folder of ours the server's.
    pub(super) fn give(&self, path: &Path) -> Result<(), EmbeddedError> {
        match &self.other {
            Some(account) => chown(path, Some(account.uid), Some(account.gid))
                .map_err(EmbeddedError::io("hand over to the server's user", path)),
            None => Ok(()),
        }
    }

    /// Makes sure that this user can reach a folder: every folder above must let it pass.
    ///
    /// Tried out rather than computed from permission bits, which know nothing of access lists.
    pub(super) fn must_reach(&self, wanted: &Path) -> Result<(), EmbeddedError> {
        const FIRST_BARRED: &str =
            r#"for dir do cd "$dir" 2>/dev/null || { printf %s "$dir"; exit 1; }; done"#;

        let Some(account) = &self.other else { return Ok(()) };
        let mut way: Vec<&Path> = wanted.ancestors().collect();
        way.reverse();
        let sh = Path::new("/bin/sh");
        let tried = self
            .command(sh)
            .args(["-c", FIRST_BARRED, "sh"])
            .args(way)
            .output()
            .map_err(EmbeddedError::io("step down from root to an ordinary user and run", sh))?;
        if tried.status.success() {
            return Ok(());
        }
        if SERVICE_STATE.iter().any(|state| wanted.starts_with(state)) {
            return Err(EmbeddedError::ServiceDoesNotRun { folder: wanted.to_owned() });
        }
        Err(EmbeddedError::NotTraversable {
            user: account.name.clone(),
            barred: String::from_utf8_lossy(&tried.stdout).into_owned().into(),
            wanted: wanted.to_owned(),
        })
    }
}

/// Where systemd keeps the service's state, and what it makes of it for a user that comes and goes.
const SERVICE_STATE: [&str; 2] = ["/var/lib/lmp-billing-sync", "/var/lib/private/lmp-billing-sync"];

/// Asks `id`, which knows every source of users on Linux and macOS; reading `/etc/passwd` would not.
fn look_up(name: &str) -> Option<UnixUser> {
    let ask = |what: &str| -> Option<u32> {
        let answer = Command::new("id").args([what, name]).stderr(Stdio::null()).output().ok()?;
        String::from_utf8(answer.stdout).ok()?.trim().parse().ok()
    };
    Some(UnixUser { name: name.to_owned(), uid: ask("-u")?, gid: ask("-g")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_name() {
        assert_eq!(look_up("root").map(|root| root.uid), Some(0));
        assert!(look_up("no-such-user-here").is_none());
    }

    #[test]
    fn children_get_none_of_our_secrets() {
        let user = ServerUser { other: None };
        let printed = user.command(Path::new("/usr/bin/env")).output().unwrap();
        let printed = String::from_utf8(printed.stdout).unwrap();
        let names: Vec<_> = printed.lines().filter_map(|line| line.split('=').next()).collect();
        assert!(!names.is_empty());
        assert!(names.iter().all(|name| *name == "LC_ALL" || ENVIRONMENT.contains(name)), "{names:?}");
    }
}
