//! The folder `data_dir/postgres`: what lies where, who may read it, and that one program owns it.
//!
//! ```text
//! postgres/
//!   lock          held by the program that owns all of this; says its process id
//!   password      of the role lmp_billing; only the program's user may read it
//!   port          the server's last port, so that saved connections stay good
//!   postgres.log  what the server says; held by every process of the server
//!   data/         the PostgreSQL data folder, the server user's
//!   initdb.tmp/   a data folder in the making, left over only when that was cut short
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::error::EmbeddedError;

/// How long a lock may outlive the program that held it: until what that program was starting when it
/// was killed has begun to run.
const DEAD_HOLDER_GONE_WITHIN: Duration = Duration::from_secs(5);

const PASSWORD: &str = "password";
const PORT: &str = "port";

/// The folder, owned for as long as this value lives.
#[derive(Debug)]
pub(super) struct Home {
    dir: PathBuf,
    lock: File,
}

impl Home {
    /// Makes the folder, and those above it, where they are missing, and takes possession of it.
    pub(super) async fn open(data_dir: &Path) -> Result<Self, EmbeddedError> {
        // The server changes its working folder, so a relative path would come to mean another place.
        let data_dir =
            std::path::absolute(data_dir).map_err(EmbeddedError::io("find the folder", data_dir))?;
        let dir = data_dir.join("postgres");
        leave_to_its_owner(&data_dir)?;
        create_passable(&dir)?;
        let lock = lock(&dir).await?;
        Ok(Self { dir, lock })
    }

    /// Port and password of the server that another program runs on this data directory, if one does.
    pub(super) fn of_another(data_dir: &Path) -> Result<Option<(u16, SecretString)>, EmbeddedError> {
        let dir = data_dir.join("postgres");
        let path = dir.join("lock");
        let lock = match File::open(&path) {
            Ok(lock) => lock,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(foreign(&dir).unwrap_or_else(|| EmbeddedError::io("open", path)(error))),
        };
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(EmbeddedError::io("lock", path)(error)),
            Ok(()) => return Ok(None),
        }
        Ok(read_port(&dir).zip(read_password(&dir)?))
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the server's data would be, or are.
    pub(super) fn cluster_of(data_dir: &Path) -> PathBuf {
        data_dir.join("postgres").join("data")
    }

    pub(super) fn cluster(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub(super) fn half_made(&self) -> PathBuf {
        self.dir.join("initdb.tmp")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("postgres.log")
    }

    /// The role's password, if one was ever kept.
    pub(super) fn password(&self) -> Result<Option<SecretString>, EmbeddedError> {
        read_password(&self.dir)
    }

    /// Keeps the password for the next start.
    pub(super) fn keep_password(&self, password: &SecretString) -> Result<(), EmbeddedError> {
        self.replace(PASSWORD, password.expose_secret())
    }

    /// The port of the previous start.
    pub(super) fn port(&self) -> Option<u16> {
        read_port(&self.dir)
    }

    /// Keeps the port for the next start.
    pub(super) fn keep_port(&self, port: u16) -> Result<(), EmbeddedError> {
        self.replace(PORT, &port.to_string())
    }

    /// Makes what was created or renamed in this folder survive a power loss.
    pub(super) fn sync(&self) -> Result<(), EmbeddedError> {
        File::open(&self.dir)
            .and_then(|dir| dir.sync_all())
            .map_err(EmbeddedError::io("write to disk the folder", &self.dir))
    }

    /// Writes a file that only we may read, whole or not at all.
    fn replace(&self, name: &str, content: &str) -> Result<(), EmbeddedError> {
        let path = self.dir.join(name);
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
            writeln!(file, "{content}")?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(EmbeddedError::io("write", path))?;
        self.sync()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Closing is not enough: a process that another thread is just starting holds a copy of all
        // our files for a moment.
        if let Err(error) = self.lock.unlock() {
            tracing::debug!(%error, "the lock on the data directory goes only with the program");
        }
    }
}

fn read_password(dir: &Path) -> Result<Option<SecretString>, EmbeddedError> {
    let path = dir.join(PASSWORD);
    match fs::read_to_string(&path) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some(text.trim().into())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(EmbeddedError::io("read the server's password from", path)(error)),
    }
}

fn read_port(dir: &Path) -> Option<u16> {
    fs::read_to_string(dir.join(PORT)).ok()?.trim().parse().ok()
}

/// A password nobody can guess: twice 122 bits from the operating system, safe in a URL and a shell.
pub(super) fn generate_password() -> SecretString {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()).into()
}

/// Root makes nothing in another user's folder that holds no data yet: that user, the service's for example,
/// could not use it.
fn leave_to_its_owner(data_dir: &Path) -> Result<(), EmbeddedError> {
    if !rustix::process::geteuid().is_root() || Home::cluster_of(data_dir).exists() {
        return Ok(());
    }
    match fs::metadata(data_dir) {
        Ok(folder) if folder.uid() != 0 => {
            Err(EmbeddedError::OfTheService { folder: data_dir.to_owned(), owner: folder.uid() })
        }
        _ => Ok(()),
    }
}

/// Creates a folder and those above it. As root they let others pass whatever the umask says, since
/// the server runs as somebody else; as anybody else the folder is ours alone.
fn create_passable(dir: &Path) -> Result<(), EmbeddedError> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        create_passable(parent)?;
    }
    let failed = || EmbeddedError::io("create the folder", dir);
    let mode = if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 };
    match DirBuilder::new().create(dir) {
        Ok(()) => fs::set_permissions(dir, Permissions::from_mode(mode)).map_err(failed()),
        // Another program was faster; the lock decides who goes on.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed()(error)),
    }
}

/// A lock of the kernel's, gone with its holder however that ends: no stale lock files.
async fn lock(dir: &Path) -> Result<File, EmbeddedError> {
    let path = dir.join("lock");
    let failed = || EmbeddedError::io("lock", &path);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| foreign(dir).unwrap_or_else(|| failed()(error)))?;
    let deadline = Instant::now() + DEAD_HOLDER_GONE_WITHIN;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(failed()(error)),
        }
        let pid = fs::read_to_string(&path).map_err(failed())?;
        let pid = pid.trim();
        // A process that the killed holder was just starting has a copy of all its files for a moment.
        let holder = pid.parse().ok().and_then(Pid::from_raw);
        let is_dead = holder.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH));
        if !is_dead || Instant::now() > deadline {
            let pid = if pid.is_empty() { "unknown" } else { pid }.to_owned();
            return Err(EmbeddedError::AlreadyRunning { home: dir.to_owned(), pid });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    file.set_len(0).map_err(failed())?;
    writeln!(file, "{}", std::process::id()).map_err(failed())?;
    Ok(file)
}

/// Whether the folder is another user's, which explains better than "permission denied".
fn foreign(dir: &Path) -> Option<EmbeddedError> {
    let we = rustix::process::geteuid().as_raw();
    let owner = fs::metadata(dir).ok()?.uid();
    (we != 0 && owner != we).then(|| EmbeddedError::ForeignOwner { folder: dir.to_owned(), owner, we })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn passwords_are_long_plain_and_never_the_same() {
        let (one, other) = (generate_password(), generate_password());
        assert_eq!(one.expose_secret().len(), 64);
        assert!(one.expose_secret().bytes().all(|b| b.is_ascii_alphanumeric()));
        assert_ne!(one.expose_secret(), other.expose_secret());
    }

    #[tokio::test]
    async fn folders_above_are_made() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(&dir.path().join("a/b")).await.unwrap();
        assert!(home.dir().ends_with("a/b/postgres"));
        let expected = if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 };
        assert_eq!(mode(home.dir()), expected);
    }
}
