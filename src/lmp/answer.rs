//! Reads an answer as a stream: one entry at a time, so that memory does not grow with the answer.
//!
//! An answer counts only if it is whole: one JSON object with exactly one `reports` array and
//! nothing after it. Whether that is so is known only at its end, so the caller must be able to
//! throw away what it was given before.

use std::io::{self, Read};

use super::entry::RawEntry;
use super::json_text::JsonText;

/// Why an answer was not whole or not believable.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It is not the JSON it should be.
    #[error(
        "the answer is not a whole report list ({0}); LMP or something between may be in maintenance, or its format may have changed"
    )]
    Malformed(String),
    /// It could not be read back from the temporary file.
    #[error("cannot read the answer back from the temporary file: {0}")]
    Io(#[from] io::Error),
}

/// Reads an answer, handing each entry of `reports` with its position, counted from 0, to `receive`;
/// returns how many there were, good and bad.
///
/// # Errors
/// When the answer is not whole, cannot be read, or `receive` gives up.
pub fn read_answer<E: From<AnswerError>>(
    reader: impl Read,
    mut receive: impl FnMut(u32, RawEntry<'_>) -> Result<(), E>,
) -> Result<u32, E> {
    let mut json = JsonText::new(reader);
    if json.next()? != Some(b'{') {
        return Err(json.malformed("it is no object with a \"reports\" array").into());
    }
    let mut listed = None;
    if json.peek()? == Some(b'}') {
        json.next()?;
    } else {
        loop {
            let key = key(&mut json)?;
            if key != "reports" {
                json.value()?;
            } else if listed.is_some() {
                return Err(json.malformed("it has two \"reports\"").into());
            } else {
                listed = Some(reports(&mut json, &mut receive)?);
            }
            match json.next()? {
                Some(b',') => {}
                Some(b'}') => break,
                _ => return Err(json.malformed("its object does not go on as one").into()),
            }
        }
    }
    if json.peek()?.is_some() {
        return Err(json.malformed("something follows its end").into());
    }
    listed.ok_or_else(|| json.malformed("it has no \"reports\"").into())
}

fn key<R: Read>(json: &mut JsonText<R>) -> Result<String, AnswerError> {
    let text = json.value()?;
    let key =
        serde_json::from_str::<String>(text).map_err(|error| AnswerError::Malformed(error.to_string()))?;
    match json.next()? {
        Some(b':') => Ok(key),
        _ => Err(json.malformed("a field's name has no value")),
    }
}

fn reports<R: Read, E: From<AnswerError>>(
    json: &mut JsonText<R>,
    receive: &mut impl FnMut(u32, RawEntry<'_>) -> Result<(), E>,
) -> Result<u32, E> {
    if json.next()? != Some(b'[') {
        return Err(json.malformed("its \"reports\" is no array").into());
    }
    let mut entries = 0_u32;
    if json.peek()? == Some(b']') {
        json.next()?;
        return Ok(entries);
    }
    loop {
        json.entry(|entry| receive(entries, entry))??;
        entries = entries.checked_add(1).ok_or_else(|| json.malformed("it has too many entries"))?;
        match json.next()? {
            Some(b',') => {}
            Some(b']') => return Ok(entries),
            _ => return Err(json.malformed("its \"reports\" does not go on as an array").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, AnswerError> {
        let mut entries = Vec::new();
        let listed = read_answer(text.as_bytes(), |position, raw| {
            assert_eq!(position as usize, entries.len());
            entries.push(raw.text().to_owned());
            Ok::<_, AnswerError>(())
        })?;
        assert_eq!(listed as usize, entries.len());
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

    /// Gives so many bytes at a time, and so moves the ends of what is in memory over all places.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn entries_are_whole_wherever_the_window_ends() {
        let entry = |number: usize| match number % 3 {
            0 => format!("{}{number}", number + 1),
            1 => format!("{{\"é\\\"]\":[{number}, \"}}\"]}}"),
            _ => format!("\"{}\"", "x".repeat(number % 700)),
        };
        for count in [3_000, 3_001, 3_002, 3_007] {
            let entries: Vec<String> = (0..count).map(entry).collect();
            let text = format!(" {{\"a\": 12 ,\"reports\":[{}\n]}}\n", entries.join(" ,"));
            for step in [1, 7, 4096, usize::MAX] {
                let mut read = Vec::new();
                let listed = read_answer(Drip(text.as_bytes(), step), |_, raw| {
                    read.push(raw.text().to_owned());
                    Ok::<_, AnswerError>(())
                });
                assert_eq!(listed.unwrap() as usize, count);
                assert!(read == entries, "{count} entries came back differently");
            }
        }
    }

    #[test]
    fn an_entry_of_megabytes_is_taken() {
        let entry = format!("\"{}\"", "é".repeat(2 << 20));
        assert_eq!(read(&format!("{{\"reports\":[1,{entry},2]}}")).unwrap(), ["1", entry.as_str(), "2"]);
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
            r#"{"reports":[1 2]}"#,
            r#"{"reports":[,1]}"#,
            r#"{"reports":[01]}"#,
            r#"{"reports":[12"#,
            r#"{"reports":[]]"#,
            r#"{"reports":[],}"#,
            r#"{,"reports":[]}"#,
            r#"{"reports" []}"#,
            "{reports:[]}",
            r#"{"reports":[tru]}"#,
            r#"{"reports":[1}}"#,
            r#"{1:2,"reports":[]}"#,
            r#"{"reports":[]}{"reports":[]}"#,
            r#"{"reports":[]} x"#,
            r#"{"reports":[],"reports":[]}"#,
            r#"[{"reports":[]}]"#,
            "{\"reports\":[\"a\u{1}b\"]}",
        ] {
            assert!(matches!(read(text), Err(AnswerError::Malformed(_))), "{text:?} was believed");
        }
        let error = read(r#"{"error":"maintenance"}"#).unwrap_err().to_string();
        assert!(error.contains("it has no \"reports\""), "{error}");
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_refused() {
        let result = read_answer(&b"{\"reports\":[\"\xff\"]}"[..], |_, _| Ok::<_, AnswerError>(()));
        assert!(matches!(result, Err(AnswerError::Malformed(_))));
    }

    #[test]
    fn an_entry_that_would_fill_the_memory_is_refused() {
        let prefix: &[u8] = br#"{"reports":[""#;
        let endless = io::repeat(b'a').take(200 << 20);
        let result = read_answer(prefix.chain(endless), |_, _| Ok::<_, AnswerError>(()));
        assert!(matches!(result, Err(AnswerError::Malformed(problem)) if problem.contains("larger than")));
    }

    #[test]
    fn the_receivers_own_error_comes_back() {
        let result = read_answer(r#"{"reports":[1,2]}"#.as_bytes(), |position, _| {
            if position == 1 { Err(Box::<dyn std::error::Error>::from("enough")) } else { Ok(()) }
        });
        assert_eq!(result.unwrap_err().to_string(), "enough");
    }
}
