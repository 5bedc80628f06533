//! Where an export goes: a file that appears whole or not at all, or the standard output.

use std::fs::{self, Permissions};
use std::io::{self, BufWriter, Stdout, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use tempfile::NamedTempFile;

use crate::cli::CliError;

/// Rows are handed on in pieces of this size.
const BUFFER: usize = 64 << 10;

pub(super) enum Destination {
    Stdout(BufWriter<Stdout>),
    File { temporary: BufWriter<NamedTempFile>, path: PathBuf },
}

impl Destination {
    pub(super) fn open(to: Option<&Path>) -> Result<Self, CliError> {
        let Some(to) = to else {
            return Ok(Self::Stdout(BufWriter::with_capacity(BUFFER, io::stdout())));
        };
        // A link stays a link: what it points to is replaced.
        let path = fs::canonicalize(to).unwrap_or_else(|_| to.to_owned());
        if fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
            return Err(CliError::Usage(format!(
                "{} is not a file, and cannot be replaced by one",
                to.display()
            )));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = tempfile::Builder::new()
            .prefix(".lmp-export-")
            // As any new file: the umask takes away what it takes away.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .with_context(|| format!("making a file in {}", folder.display()))?;
        Ok(Self::File { temporary: BufWriter::with_capacity(BUFFER, temporary), path })
    }

    /// Puts the file in its place, once all of it is on disk.
    pub(super) fn finish(self) -> Result<(), CliError> {
        let Self::File { temporary, path } = self else { return Ok(()) };
        let temporary = temporary.into_inner().map_err(io::IntoInnerError::into_error)?;
        temporary.as_file().sync_all()?;
        temporary
            .persist(&path)
            .map_err(|error| anyhow!("putting {} in its place: {}", path.display(), error.error))?;
        Ok(())
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File { temporary, .. } => temporary.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File { temporary, .. } => temporary.flush(),
        }
    }
}
