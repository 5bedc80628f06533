//! Reads an answer as a stream: one entry at a time, so that memory does not grow with the answer.
//!
//! An answer counts only if it is whole: one JSON object with exactly one `reports` array and
//! nothing after it. Whether that is so is known only at its end, so the caller must be able to
//! throw away what it was given before.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// An entry larger than this is no report, and would have to be held in memory.
const MAX_ENTRY_BYTES: u64 = 16 << 20;

const READ_BUFFER: usize = 128 << 10;

/// Why an answer was not whole or not believable.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError<E> {
    /// It is not the JSON it should be.
    #[error(
        "the answer is not a whole report list ({0}); LMP or something between may be in maintenance, or its format may have changed"
    )]
    Malformed(String),
    /// It could not be read back from the temporary file.
    #[error("cannot read the answer back from the temporary file: {0}")]
    Io(io::Error),
    /// The receiver of the entries gave up.
    #[error(transparent)]
    Receiver(E),
}

/// What a whole answer held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Entries of `reports`, good and bad.
    pub entries: u32,
}

/// Reads an answer, handing each entry of `reports` with its position, counted from 0, to `receive`.
///
/// # Errors
/// When the answer is not whole, cannot be read, or `receive` gives up.
pub fn read_answer<E>(
    reader: impl Read,
    receive: impl FnMut(u32, &str) -> Result<(), E>,
) -> Result<Listed, AnswerError<E>> {
    let since_entry = Rc::new(Cell::new(0));
    let bounded = Bounded { inner: reader, since_entry: Rc::clone(&since_entry) };
    let state = State { receive: RefCell::new(receive), gave_up: RefCell::new(None), since_entry };
    let mut deserializer =
        serde_json::Deserializer::from_reader(BufReader::with_capacity(READ_BUFFER, bounded));
    let result = Document(&state).deserialize(&mut deserializer).and_then(|listed| {
        deserializer.end()?;
        Ok(listed)
    });
    if let Some(error) = state.gave_up.into_inner() {
        return Err(AnswerError::Receiver(error));
    }
    result.map_err(|error| match error.io_error_kind() {
        Some(io::ErrorKind::InvalidData) | None => AnswerError::Malformed(error.to_string()),
        Some(_) => AnswerError::Io(error.into()),
    })
}

struct State<F, E> {
    receive: RefCell<F>,
    gave_up: RefCell<Option<E>>,
    since_entry: Rc<Cell<u64>>,
}

/// Fails when too much is read between two entries.
struct Bounded<R> {
    inner: R,
    since_entry: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let total = self.since_entry.get() + count as u64;
        self.since_entry.set(total);
        if total > MAX_ENTRY_BYTES + READ_BUFFER as u64 {
            let problem = format!("an entry or other field is larger than {MAX_ENTRY_BYTES} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        Ok(count)
    }
}

/// The top-level object.
struct Document<'s, F, E>(&'s State<F, E>);

impl<'de, F, E> DeserializeSeed<'de> for Document<'_, F, E>
where
    F: FnMut(u32, &str) -> Result<(), E>,
{
    type Value = Listed;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Listed, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F, E> Visitor<'de> for Document<'_, F, E>
where
    F: FnMut(u32, &str) -> Result<(), E>,
{
    type Value = Listed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a \"reports\" array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Listed, A::Error> {
        let mut listed = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == "reports" {
                if listed.is_some() {
                    return Err(A::Error::duplicate_field("reports"));
                }
                listed = Some(map.next_value_seed(Reports(self.0))?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        listed.ok_or_else(|| A::Error::missing_field("reports"))
    }
}

/// The `reports` array.
struct Reports<'s, F, E>(&'s State<F, E>);

impl<'de, F, E> DeserializeSeed<'de> for Reports<'_, F, E>
where
    F: FnMut(u32, &str) -> Result<(), E>,
{
    type Value = Listed;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Listed, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F, E> Visitor<'de> for Reports<'_, F, E>
where
    F: FnMut(u32, &str) -> Result<(), E>,
{
    type Value = Listed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of reports")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Listed, A::Error> {
        let mut position = 0_u32;
        let mut receive = self.0.receive.borrow_mut();
        while let Some(entry) = entries.next_element::<Box<RawValue>>()? {
            self.0.since_entry.set(0);
            if let Err(error) = receive(position, entry.get()) {
                *self.0.gave_up.borrow_mut() = Some(error);
                return Err(A::Error::custom("the receiver gave up"));
            }
            position = position.checked_add(1).ok_or_else(|| A::Error::custom("too many entries"))?;
        }
        Ok(Listed { entries: position })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, AnswerError<()>> {
        let mut entries = Vec::new();
        let listed = read_answer(text.as_bytes(), |position, raw| {
            assert_eq!(position as usize, entries.len());
            entries.push(raw.to_owned());
            Ok(())
        })?;
        assert_eq!(listed.entries as usize, entries.len());
        Ok(entries)
    }

    #[test]
    fn entries_come_one_by_one_as_they_were_sent() {
        assert_eq!(read(r#"{"reports":[]}"#).unwrap(), [""; 0]);
        assert_eq!(read(r#" {"reports": [ {"id": 1} , 7,null ] } "#).unwrap(), [r#"{"id": 1}"#, "7", "null"]);
        assert_eq!(
            read(r#"{"count":1,"reports":[{"a":"\ud800"}],"next":null}"#).unwrap(),
            [r#"{"a":"\ud800"}"#]
        );
    }

    #[test]
    fn what_is_not_one_whole_list_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            "null",
            "<html>Maintenance</html>",
            r#"{"error":{"code":1}}"#,
            r#"{"reports":null}"#,
            r#"{"reports":{}}"#,
            r#"{"reports":[]"#,
            r#"{"reports":[{"id":1}"#,
            r#"{"reports":[{"id":1},]}"#,
            r#"{"reports":[]}{"reports":[]}"#,
            r#"{"reports":[]} x"#,
            r#"{"reports":[],"reports":[]}"#,
            r#"[{"reports":[]}]"#,
            "{\"reports\":[\"a\u{1}b\"]}",
        ] {
            assert!(matches!(read(text), Err(AnswerError::Malformed(_))), "{text:?} was believed");
        }
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_refused() {
        let result = read_answer(&b"{\"reports\":[\"\xff\"]}"[..], |_, _| Ok::<_, ()>(()));
        assert!(matches!(result, Err(AnswerError::Malformed(_))));
    }

    #[test]
    fn an_entry_that_would_fill_the_memory_is_refused() {
        let prefix: &[u8] = br#"{"reports":[""#;
        let endless = io::repeat(b'a').take(10 * MAX_ENTRY_BYTES);
        let result = read_answer(prefix.chain(endless), |_, _| Ok::<_, ()>(()));
        assert!(matches!(result, Err(AnswerError::Malformed(problem)) if problem.contains("larger than")));
    }

    #[test]
    fn the_receivers_own_error_comes_back() {
        let result = read_answer(r#"{"reports":[1,2]}"#.as_bytes(), |position, _| {
            if position == 1 { Err("enough") } else { Ok(()) }
        });
        assert!(matches!(result, Err(AnswerError::Receiver("enough"))));
    }
}
