//! A window that moves over a JSON text, so that values are parsed in place and memory does not grow
//! with the text.

use std::io::Read;

use serde_json::value::RawValue;

use super::answer::AnswerError;
use super::entry::{Fields, RawEntry};

/// How much is read at a time, and held while its values fit.
const SIZE: usize = 64 << 10;

/// A value larger than this would have to be held in memory, and no report is as large.
const MAX_VALUE_BYTES: usize = 16 << 20;

/// What of the text is in memory.
pub(super) struct JsonText<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Where what has not been consumed begins and ends.
    start: usize,
    end: usize,
    /// Bytes consumed and given up, for telling places.
    before: u64,
    ended: bool,
}

impl<R: Read> JsonText<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; SIZE], start: 0, end: 0, before: 0, ended: false }
    }

    /// The next byte that is not white space, left in place; `None` at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, AnswerError> {
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
    pub(super) fn next(&mut self) -> Result<Option<u8>, AnswerError> {
        let byte = self.peek()?;
        self.start += usize::from(byte.is_some());
        Ok(byte)
    }

    /// Consumes the next value, whatever it is, and returns its text.
    pub(super) fn value(&mut self) -> Result<&str, AnswerError> {
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
                        .map_err(|error| AnswerError::Malformed(error.to_string()));
                }
                Some(Err(error)) if !error.is_eof() => return Err(self.malformed(&without_place(&error))),
                _ => {}
            }
            if !self.fill()? {
                return Err(self.malformed("it ends too early"));
            }
        }
    }

    /// Consumes the next value and hands it on as an entry: with its fields, found while its end was looked for,
    /// if it is an object of which every field's name can be read.
    pub(super) fn entry<T>(&mut self, take: impl FnOnce(RawEntry<'_>) -> T) -> Result<T, AnswerError> {
        while self.peek()? == Some(b'{') {
            let rest = &self.buffer[self.start..self.end];
            let mut objects = serde_json::Deserializer::from_slice(rest).into_iter::<Fields<'_>>();
            let may_go_on = match objects.next() {
                Some(Ok(fields)) => {
                    let end = objects.byte_offset();
                    let text = std::str::from_utf8(&rest[..end])
                        .map_err(|error| AnswerError::Malformed(error.to_string()))?;
                    let taken = take(RawEntry { text, fields: Some(fields) });
                    self.start += end;
                    return Ok(taken);
                }
                Some(Err(error)) => error.is_eof(),
                None => false,
            };
            if !may_go_on || !self.fill()? {
                break;
            }
        }
        // What is wrong with it, and with how much, is told by whoever reads it as any value.
        Ok(take(RawEntry { text: self.value()?, fields: None }))
    }

    /// What is wrong, and where.
    pub(super) fn malformed(&self, problem: &str) -> AnswerError {
        let place = self.before + self.start as u64;
        AnswerError::Malformed(format!("{problem}, at byte {place} or shortly after"))
    }

    /// Reads on; `false` if there is no more.
    fn fill(&mut self) -> Result<bool, AnswerError> {
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
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.end > before)
    }
}

/// What is wrong, without serde's place: that counts from where the window or the entry begins, not the answer.
pub(super) fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &mut JsonText<impl Read>) -> String {
        match json.value() {
            Ok(value) => value.to_owned(),
            Err(AnswerError::Malformed(problem)) => format!("malformed: {problem}"),
            Err(AnswerError::Io(error)) => format!("unreadable: {error}"),
        }
    }

    #[test]
    fn a_number_that_the_window_cuts_is_read_whole() {
        for blank in SIZE - 8..=SIZE {
            let text = format!("{}1234567 8", " ".repeat(blank));
            let mut json = JsonText::new(text.as_bytes());
            assert_eq!([value(&mut json), value(&mut json)], ["1234567", "8"], "after {blank} blanks");
        }
    }

    #[test]
    fn an_object_that_the_window_cuts_is_split_into_its_fields_all_the_same() {
        let object = r#"{"id":"x"}"#;
        for blank in SIZE - object.len()..=SIZE {
            let text = " ".repeat(blank) + object;
            let split = JsonText::new(text.as_bytes())
                .entry(|entry| (entry.fields.is_some(), entry.text().to_owned()));
            assert!(matches!(split, Ok((true, text)) if text == object), "after {blank} blanks");
        }
        let cut = JsonText::new(&b"{\"id\":"[..]).entry(|entry| entry.text().to_owned());
        assert!(
            matches!(cut, Err(AnswerError::Malformed(problem)) if problem.starts_with("it ends too early"))
        );
    }

    #[test]
    fn what_has_been_read_makes_room_for_what_comes() {
        let text = "[1,2,3] ".repeat(SIZE);
        let mut json = JsonText::new(text.as_bytes());
        for _ in 0..SIZE {
            assert_eq!(value(&mut json), "[1,2,3]");
            assert_eq!(json.buffer.len(), SIZE, "it grows though each value fits");
        }
        assert!(matches!(json.peek(), Ok(None)));
    }

    /// Fails once, in this way, before it gives what it has.
    struct Fails(Option<std::io::ErrorKind>, &'static [u8]);

    impl Read for Fails {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match self.0.take() {
                Some(kind) => Err(kind.into()),
                None => self.1.read(buffer),
            }
        }
    }

    #[test]
    fn an_interrupted_read_is_done_again_and_a_failed_one_is_told() {
        use std::io::ErrorKind;
        assert_eq!(value(&mut JsonText::new(Fails(Some(ErrorKind::Interrupted), b"1"))), "1");
        let failed = value(&mut JsonText::new(Fails(Some(ErrorKind::TimedOut), b"1")));
        assert_eq!(failed, "unreadable: timed out");
    }

    #[test]
    fn what_is_wrong_is_told_at_once_and_with_its_place() {
        let endless = std::io::repeat(b' ').take(1 << 40);
        let mut json = JsonText::new((&b"1 tru, "[..]).chain(endless));
        assert_eq!(value(&mut json), "1");
        let problem = value(&mut json);
        assert!(problem.starts_with("malformed: expected ident, at byte 1 "), "{problem}");
    }

    #[test]
    fn the_place_counts_what_has_been_given_up_too() {
        let text = "[1] ".repeat(SIZE) + "tru,";
        let mut json = JsonText::new(text.as_bytes());
        for _ in 0..SIZE {
            assert_eq!(value(&mut json), "[1]");
        }
        let (problem, place) = (value(&mut json), 4 * SIZE - 1);
        assert!(problem.ends_with(&format!("at byte {place} or shortly after")), "{problem}");
    }
}
