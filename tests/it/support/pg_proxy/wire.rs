//! Messages of the wire protocol: where one ends, and the little that has to be read of it.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// A message as it came, its type and length included.
pub(super) struct Message {
    pub(super) tag: u8,
    pub(super) bytes: Bytes,
}

impl Message {
    fn body(&self) -> &[u8] {
        &self.bytes[5..]
    }

    /// The texts the body begins with, each ended by a zero.
    fn texts(&self) -> impl Iterator<Item = String> {
        self.body().split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned())
    }

    /// The statement of a simple query, white space made plain.
    pub(super) fn query(&self) -> String {
        plain(&self.texts().next().unwrap_or_default())
    }

    /// Name and statement of what is to be prepared.
    pub(super) fn prepared(&self) -> (String, String) {
        let mut texts = self.texts();
        (texts.next().unwrap_or_default(), plain(&texts.next().unwrap_or_default()))
    }

    /// The name of the statement that is to be executed.
    pub(super) fn bound(&self) -> String {
        self.texts().nth(1).unwrap_or_default()
    }

    /// The SQLSTATE of an error.
    pub(super) fn sqlstate(&self) -> Option<String> {
        self.texts().find_map(|field| field.strip_prefix('C').map(str::to_owned))
    }
}

fn plain(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One direction of a connection. Given up in the middle, it loses nothing.
pub(super) struct Reader<R> {
    from: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, buffer: BytesMut::with_capacity(16 << 10) }
    }

    /// The first packet of a client, which has no type.
    pub(super) async fn startup(&mut self) -> io::Result<Bytes> {
        self.packet(0).await
    }

    pub(super) async fn next(&mut self) -> io::Result<Message> {
        let bytes = self.packet(1).await?;
        Ok(Message { tag: bytes[0], bytes })
    }

    /// A packet whose length stands behind so many bytes.
    async fn packet(&mut self, before: usize) -> io::Result<Bytes> {
        loop {
            if let Some(mut length) = self.buffer.get(before..before + 4) {
                let whole = before + usize::try_from(length.get_u32()).expect("a length");
                if self.buffer.len() >= whole {
                    return Ok(self.buffer.split_to(whole).freeze());
                }
                self.buffer.reserve(whole - self.buffer.len());
            }
            if self.from.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
