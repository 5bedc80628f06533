//! Where an export goes: a file that appears whole or not at all, or the standard output.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use tempfile::TempPath;
use tokio::task::block_in_place;

use crate::cli::CliError;

/// Rows are handed on in pieces of this size.
const BUFFER: usize = 64 << 10;

pub(super) struct Destination {
    out: BufWriter<Waiting>,
    /// What takes the place of a file when all is written.
    file: Option<(TempPath, PathBuf)>,
}

impl Destination {
    pub(super) fn open(to: Option<&Path>) -> Result<Self, CliError> {
        let Some(to) = to else {
            // Not by way of `Stdout`, which would look for the ends of lines in all that passes.
            let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
            return Ok(Self { out: BufWriter::with_capacity(BUFFER, Waiting(out)), file: None });
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
        let (out, temporary) = temporary.into_parts();
        Ok(Self { out: BufWriter::with_capacity(BUFFER, Waiting(out)), file: Some((temporary, path)) })
    }

    /// Puts the file in its place, once all of it is on disk.
    pub(super) fn finish(self) -> Result<(), CliError> {
        let Some((temporary, path)) = self.file else { return Ok(()) };
        self.out.into_inner().map_err(io::IntoInnerError::into_error)?.0.sync_all()?;
        temporary
            .persist(&path)
            .map_err(|error| anyhow!("putting {} in its place: {}", path.display(), error.error))?;
        Ok(())
    }
}

/// A pipe is full until somebody reads on. Other tasks, and who listens for signals, are not to wait for that.
struct Waiting(File);

impl Write for Waiting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        block_in_place(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
