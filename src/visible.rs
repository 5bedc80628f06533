//! Texts from outside, made such that they can be shown to a person.
//!
//! A name may hold characters that act instead of being seen: commands to a terminal, marks that turn the
//! direction of what follows and so shuffle a line.

use std::borrow::Cow;

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

/// The same for a text of several lines and columns.
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
}
