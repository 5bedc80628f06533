//! Finding PostgreSQL's server binaries on this machine.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::EmbeddedError;

/// Folders that are on nobody's `PATH`: `parent`/`prefix`*/`rest`, where * is usually a version.
const USUAL_PLACES: [(&str, &str, &str); 6] = [
    ("/usr/lib/postgresql", "", "bin"),                      // Debian, Ubuntu
    ("/usr", "pgsql-", "bin"),                               // the project's own packages for Fedora, RHEL
    ("/opt/homebrew/opt", "postgresql", "bin"),              // Homebrew on Apple silicon
    ("/usr/local/opt", "postgresql", "bin"),                 // Homebrew on Intel
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"), // Homebrew on Linux
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// A folder that holds `initdb` and `postgres`, and their version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    dir: PathBuf,
    /// Major and minor.
    version: (u32, u32),
}

impl Binaries {
    /// The major version: what a data folder must have been made by.
    pub(super) fn major(&self) -> u32 {
        self.version.0
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.dir.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    /// Asks the server for its version, which also shows that it runs at all.
    fn in_dir(dir: &Path) -> Option<Self> {
        let answer =
            Command::new(dir.join("postgres")).arg("--version").stdin(Stdio::null()).output().ok()?;
        let version = read_version(&String::from_utf8_lossy(&answer.stdout))?;
        Some(Self { dir: dir.to_owned(), version })
    }
}

/// The binaries to use: those of the setting, else of everything installed the newest that fits the
/// data, if there is data already.
pub(super) fn binaries(
    bin_dir: Option<&Path>,
    cluster: &Path,
    data_major: Option<u32>,
) -> Result<Binaries, EmbeddedError> {
    let found = match bin_dir {
        Some(dir) => vec![named(dir)?],
        None => installed(env::var_os("PATH").as_deref(), &USUAL_PLACES)?,
    };
    pick(found, cluster, data_major)
}

/// What the setting names: it must be good.
fn named(dir: &Path) -> Result<Binaries, EmbeddedError> {
    let bad = |missing| EmbeddedError::BinDir { dir: dir.to_owned(), missing };
    if !dir.join("initdb").is_file() {
        return Err(bad("initdb"));
    }
    // The server's user starts it from another working folder.
    let dir = std::path::absolute(dir).map_err(|_| bad("initdb"))?;
    Binaries::in_dir(&dir).ok_or_else(|| bad("postgres"))
}

/// Everything that is installed, in the order of the search. What does not run is passed over.
fn installed(path: Option<&OsStr>, places: &[(&str, &str, &str)]) -> Result<Vec<Binaries>, EmbeddedError> {
    let found: Vec<Binaries> = folders(path, places).iter().filter_map(|dir| Binaries::in_dir(dir)).collect();
    if found.is_empty() {
        let mut searched = vec!["PATH".to_owned(), "pg_config --bindir".to_owned()];
        searched.extend(places.iter().map(|(parent, prefix, rest)| format!("{parent}/{prefix}*/{rest}")));
        return Err(EmbeddedError::NotInstalled { searched: searched.join(", ") });
    }
    Ok(found)
}

/// Folders that hold both binaries, each once, in the order of the search.
fn folders(path: Option<&OsStr>, places: &[(&str, &str, &str)]) -> Vec<PathBuf> {
    let on_path: Vec<PathBuf> = path.map(env::split_paths).into_iter().flatten().collect();
    let told = on_path.iter().map(|dir| dir.join("pg_config")).find(|tool| tool.is_file());
    let told = told.and_then(|tool| {
        let answer = Command::new(tool).arg("--bindir").stdin(Stdio::null()).output().ok()?;
        Some(PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim()))
    });
    let usual = places.iter().flat_map(matching);

    let mut seen = Vec::new();
    let mut folders = Vec::new();
    for dir in on_path.into_iter().chain(told).chain(usual) {
        if !dir.is_absolute() || !dir.join("initdb").is_file() {
            continue;
        }
        // The same server is often reachable by several names.
        if let Ok(server) = dir.join("postgres").canonicalize()
            && !seen.contains(&server)
        {
            seen.push(server);
            folders.push(dir);
        }
    }
    folders
}

fn matching((parent, prefix, rest): &(&str, &str, &str)) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().join(rest))
        .collect();
    // The file system's order is arbitrary, and of two equal versions always the same one should win.
    found.sort();
    found
}

/// The newest that fits; what comes earlier on the search goes first among equals.
fn pick(
    mut found: Vec<Binaries>,
    cluster: &Path,
    data_major: Option<u32>,
) -> Result<Binaries, EmbeddedError> {
    found.sort_by_key(|binaries| std::cmp::Reverse(binaries.version));
    let installed = found
        .iter()
        .map(|binaries| format!("{} ({})", binaries.major(), binaries.dir.display()))
        .collect::<Vec<_>>()
        .join(", ");
    let fits = |binaries: &Binaries| data_major.is_none_or(|major| binaries.major() == major);
    found.into_iter().find(fits).ok_or_else(|| EmbeddedError::WrongMajor {
        cluster: cluster.to_owned(),
        data_major: data_major.unwrap_or_default(),
        installed,
    })
}

/// Reads `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`, and `… 19beta1` too.
fn read_version(line: &str) -> Option<(u32, u32)> {
    let numbers = line.split("(PostgreSQL) ").nth(1)?.split_whitespace().next()?;
    let mut parts = numbers.split('.');
    Some((leading_number(parts.next()?)?, parts.next().and_then(leading_number).unwrap_or(0)))
}

/// The number a text begins with.
pub(super) fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binaries(dir: &str, version: (u32, u32)) -> Binaries {
        Binaries { dir: dir.into(), version }
    }

    fn pretend_install(root: &Path, name: &str, tools: &[&str]) {
        let bin = root.join(name).join("bin");
        fs::create_dir_all(&bin).unwrap();
        for tool in tools {
            fs::write(bin.join(tool), "").unwrap();
        }
    }

    #[test]
    fn versions_of_releases_packages_and_betas_are_read() {
        let read = |version| read_version(&format!("postgres (PostgreSQL) {version}\n"));
        assert_eq!(read("15.13 (Debian 15.13-0+deb12u1)"), Some((15, 13)));
        assert_eq!(read("9.6.24"), Some((9, 6)));
        assert_eq!(read("19beta1"), Some((19, 0)));
        assert_eq!(read("18.0"), Some((18, 0)));
        assert_eq!(read_version("something else"), None);
    }

    #[test]
    fn a_folder_needs_both_binaries_and_counts_once() {
        let root = tempfile::tempdir().unwrap();
        pretend_install(root.path(), "9", &["initdb", "postgres"]);
        pretend_install(root.path(), "15", &["initdb", "postgres"]);
        pretend_install(root.path(), "16", &["postgres"]);
        pretend_install(root.path(), "17", &["initdb"]);
        let parent = root.path().to_str().unwrap();
        let path = env::join_paths([root.path().join("15/bin"), "relative/bin".into()]).unwrap();

        let found = folders(Some(&path), &[(parent, "", "bin"), (parent, "1", "bin")]);
        assert_eq!(found, [root.path().join("15/bin"), root.path().join("9/bin")]);
    }

    #[test]
    fn nothing_installed_says_where_we_looked_and_what_to_install() {
        let none = tempfile::tempdir().unwrap();
        let place = (none.path().to_str().unwrap(), "postgresql@", "bin");
        let message = installed(None, &[place]).unwrap_err().to_string();
        for part in [place.0, "apt-get install postgresql", "dnf install", "brew install", "database.bin_dir"]
        {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
    }

    #[test]
    fn new_data_gets_the_newest_and_old_data_its_own() {
        let found = vec![binaries("/15", (15, 9)), binaries("/18", (18, 1)), binaries("/9.6", (9, 6))];
        let pick = |major| pick(found.clone(), Path::new("/data"), major).map(|b| b.dir);
        assert_eq!(pick(None).unwrap(), Path::new("/18"));
        assert_eq!(pick(Some(15)).unwrap(), Path::new("/15"));
        let message = pick(Some(14)).unwrap_err().to_string();
        for part in ["/data", "PostgreSQL 14", "18 (/18), 15 (/15)", "postgresql-14", "Nothing was changed"] {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
    }
}
