//! A whole answer, kept until it has been applied: small ones in memory, large ones in a file.
//!
//! Keeping it lets the network and the database each fail and repeat on their own, and lets memory
//! stay flat however large the answer is.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Answers up to this size stay in memory, and larger ones are written in pieces of it. Several answers
/// may be on their way at once.
const MEMORY_LIMIT: usize = 256 << 10;

/// A decoded answer body.
#[derive(Debug)]
pub struct Body {
    held: Held,
    size: u64,
    sha256: [u8; 32],
}

#[derive(Debug)]
enum Held {
    Memory(Bytes),
    File(File),
}

impl Body {
    /// Size in bytes, decoded.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// SHA-256 of the decoded bytes.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// A reader over the whole body; each starts at the beginning, independent of the others.
    ///
    /// # Errors
    /// When the file's handle cannot be doubled (the process is out of file descriptors).
    pub fn reader(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match &self.held {
            Held::Memory(bytes) => Box::new(io::Cursor::new(bytes.clone())),
            Held::File(file) => Box::new(FileReader { file: file.try_clone()?, offset: 0 }),
        })
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            size: bytes.len() as u64,
            sha256: Sha256::digest(&bytes).into(),
            held: Held::Memory(bytes.into()),
        }
    }
}

/// Reads at an offset of its own, so that readers of one file do not move each other.
struct FileReader {
    file: File,
    offset: u64,
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

/// Takes a body chunk by chunk.
#[derive(Debug, Default)]
pub(super) struct Spool {
    /// What has not been written yet.
    memory: Vec<u8>,
    file: Option<File>,
    size: u64,
    hasher: Sha256,
}

impl Spool {
    /// Adds a chunk and returns the size so far.
    pub(super) async fn push(&mut self, chunk: &[u8]) -> io::Result<u64> {
        self.hasher.update(chunk);
        self.size += chunk.len() as u64;
        if self.memory.len() + chunk.len() > MEMORY_LIMIT {
            self.write().await?;
        }
        self.memory.extend_from_slice(chunk);
        Ok(self.size)
    }

    /// Writes what is in memory to the file, on a thread that may block.
    async fn write(&mut self) -> io::Result<()> {
        let (file, mut memory) = (self.file.take(), std::mem::take(&mut self.memory));
        let written = tokio::task::spawn_blocking(move || {
            // The file has no name, so it goes when the process does, however it ends.
            let mut file = file.map_or_else(tempfile::tempfile, Ok)?;
            file.write_all(&memory)?;
            memory.clear();
            Ok::<_, io::Error>((file, memory))
        });
        let (file, memory) = written.await.map_err(io::Error::other)??;
        (self.file, self.memory) = (Some(file), memory);
        Ok(())
    }

    pub(super) async fn finish(mut self) -> io::Result<Body> {
        if self.file.is_some() {
            self.write().await?;
        }
        let held = match self.file {
            Some(file) => Held::File(file),
            None => Held::Memory(self.memory.into()),
        };
        Ok(Body { held, size: self.size, sha256: self.hasher.finalize().into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn small_and_large_bodies_read_back_the_same_as_often_as_wanted() {
        for size in [0, 10, MEMORY_LIMIT, MEMORY_LIMIT + 1, 3 * MEMORY_LIMIT] {
            let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
            let mut spool = Spool::default();
            for chunk in bytes.chunks(MEMORY_LIMIT / 2) {
                spool.push(chunk).await.unwrap();
                assert!(spool.memory.len() <= MEMORY_LIMIT, "{} bytes in memory", spool.memory.len());
            }
            let body = spool.finish().await.unwrap();
            assert_eq!(matches!(body.held, Held::File(_)), size > MEMORY_LIMIT, "{size} bytes");
            assert_eq!(body.size(), size as u64);
            assert_eq!(body.sha256(), <[u8; 32]>::from(Sha256::digest(&bytes)));
            for _ in 0..2 {
                let mut read = Vec::new();
                body.reader().unwrap().read_to_end(&mut read).unwrap();
                assert!(read == bytes, "{size} bytes came back differently");
            }
        }
    }
}
