//! A window that moves over a JSON text, so that values are parsed in place and memory does not grow
//! with the text.

use std::io::Read;

use serde_json::value::RawValue;

use super::answer::Problem;

/// How much is read at a time, and held while its values fit.
const SIZE: usize = 64 << 10;

/// A value larger than this would have to be held in memory, and no report is as large.
const MAX_VALUE_BYTES: usize = 16 << 20;

/// What of the text is in memory.
pub(super) struct Window<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Where what has not been consumed begins and ends.
    start: usize,
    end: usize,
    /// Bytes consumed and given up, for telling places.
    before: u64,
    ended: bool,
}

impl<R: Read> Window<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; SIZE], start: 0, end: 0, before: 0, ended: false }
    }

    /// The next byte that is not white space, left in place; `None` at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Problem> {
        loop {
            let skip = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            let rest = &self.buffer[self.start..self.end];
            let blank = rest.iter().take_while(|byte| skip(byte)).count();
            self.start += blank;
            if self.start < self.end {
                return Ok(Some(self.buffer[self.start]));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Consumes the next byte that is not white space.
    pub(super) fn next(&mut self) -> Result<Option<u8>, Problem> {
        let byte = self.peek()?;
        self.start += usize::from(byte.is_some());
        Ok(byte)
    }

    /// Consumes the next value, whatever it is, and returns its text.
    pub(super) fn value(&mut self) -> Result<&str, Problem> {
        loop {
            let rest = &self.buffer[self.start..self.end];
            let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<&RawValue>();
            match values.next() {
                // At the very end of the window a number may go on.
                Some(Ok(value)) if self.ended || values.byte_offset() < rest.len() => {
                    // White space before a value belongs to what the iterator consumed, not to the value.
                    let end = self.start + values.byte_offset();
                    let begin = end - value.get().len();
                    self.start = end;
                    return std::str::from_utf8(&self.buffer[begin..end])
                        .map_err(|error| Problem::Malformed(error.to_string()));
                }
                Some(Err(error)) if !error.is_eof() => return Err(self.malformed(&without_place(&error))),
                _ => {}
            }
            if !self.fill()? {
                return Err(self.malformed("it ends too early"));
            }
        }
    }

    /// What is wrong, and where.
    pub(super) fn malformed(&self, problem: &str) -> Problem {
        Problem::Malformed(format!("{problem}, at byte {} or shortly after", self.before + self.start as u64))
    }

    /// Reads on; `false` if there is no more.
    fn fill(&mut self) -> Result<bool, Problem> {
        if self.ended {
            return Ok(false);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.before += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            if self.end >= MAX_VALUE_BYTES {
                return Err(self
                    .malformed(&format!("an entry or other field is larger than {MAX_VALUE_BYTES} bytes")));
            }
            self.buffer.resize(self.end * 2, 0);
        }
        let before = self.end;
        while self.end < self.buffer.len() && !self.ended {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    self.ended = count == 0;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Problem::Io(error)),
            }
        }
        Ok(self.end > before)
    }
}

/// The place serde names is one in the window, or in an entry.
pub(super) fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}
