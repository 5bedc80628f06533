//! What is shown to a person, wherever that is: ages, and texts from outside, made such that they can be shown.
//!
//! A name may hold characters that act instead of being seen: commands to a terminal, marks that turn the
//! direction of what follows and so shuffle a line.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};

/// The first so many characters, and a sign that there were more.
pub(crate) fn shortened(text: &str, room: usize) -> Cow<'_, str> {
    match text.char_indices().nth(room) {
        Some((cut, _)) => Cow::Owned(format!("{}…", &text[..cut])),
        None => Cow::Borrowed(text),
    }
}

/// Characters that would act are written out.
pub(crate) fn visible(text: &str) -> String {
    escaped(text, |character| character.is_control() || turns_direction(character))
}

/// The same for a file: there a text may have lines and tabs, and keeps its direction.
pub(crate) fn without_commands(text: &str) -> String {
    escaped(text, |character| character.is_control() && !matches!(character, '\t' | '\r' | '\n'))
}

fn escaped(text: &str, acts: impl Fn(char) -> bool) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, character| {
        if acts(character) {
            shown.extend(character.escape_debug());
        } else {
            shown.push(character);
        }
        shown
    })
}

fn turns_direction(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How long ago something was: `12 min ago`.
pub(crate) fn ago(now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    match now - at {
        since if since < TimeDelta::minutes(1) => "just now".to_owned(),
        since => format!("{} ago", span(since)),
    }
}

/// A length of time in the largest unit that says enough: `47 h`, `3 days`.
pub(crate) fn span(span: TimeDelta) -> String {
    match (span.num_days(), span.num_hours(), span.num_minutes()) {
        (0, 0, ..=0) => "less than a minute".to_owned(),
        (0, 0, minutes) => format!("{minutes} min"),
        (0 | 1, hours, _) => format!("{hours} h"),
        (days, _, _) => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_act_is_written_out() {
        assert_eq!(
            visible("\u{1b}[31mred\u{202e}\u{200f}\u{61c} ü\n"),
            "\\u{1b}[31mred\\u{202e}\\u{200f}\\u{61c} ü\\n"
        );
        assert_eq!(without_commands("a\tb\r\n\u{7}"), "a\tb\r\n\\u{7}");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(shortened("Bélanger", 3), "Bél…");
        assert_eq!(shortened("Bél", 3), "Bél");
    }

    #[test]
    fn spans_are_told_in_the_unit_people_use() {
        let minutes = |minutes| span(TimeDelta::minutes(minutes));
        assert_eq!(
            [0, 1, 59, 60, 47 * 60, 48 * 60].map(minutes),
            ["less than a minute", "1 min", "59 min", "1 h", "47 h", "2 days"]
        );
        let now = DateTime::UNIX_EPOCH;
        // A clock may be behind the other.
        assert_eq!(ago(now, now + TimeDelta::hours(1)), "just now");
        assert_eq!(ago(now, now - TimeDelta::hours(1)), "1 h ago");
    }
}
