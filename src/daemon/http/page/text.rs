//! Texts, numbers and times as people read them.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use maud::{Markup, html};

use crate::domain::Cycle;
pub(super) use crate::visible::{ago, span};
use crate::visible::{shortened, visible};

/// Room for a name; the vendor says that its names have up to 128 characters.
const LONGEST_NAME: usize = 128;

/// Room for an error and what to do about it.
const LONGEST_SENTENCE: usize = 400;

/// A text from outside: cut, set apart so that its direction of writing stays its own, and without
/// characters that act instead of being seen. Escaping is the template's.
pub(super) fn foreign(text: &str) -> Markup {
    html! { bdi { (visible(&shortened(text, LONGEST_NAME))) } }
}

/// The same for a sentence, which needs more room.
pub(super) fn sentence(text: &str) -> Markup {
    html! { bdi { (visible(&shortened(text, LONGEST_SENTENCE))) } }
}

/// A count with its thousands apart: `1,234,567`.
pub(super) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut shown = if number < 0 { "-".to_owned() } else { String::new() };
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// So many of something: `1 report`, `2 reports`.
pub(super) fn many(number: i64, one: &str, more: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { more })
}

/// A billing month: `Nov 2026`.
pub(super) fn month(cycle: Cycle) -> Markup {
    html! { time datetime=(cycle.to_string()) { (month_name(cycle)) } }
}

/// The same as plain text.
pub(super) fn month_name(cycle: Cycle) -> String {
    cycle.first_day().format("%b %Y").to_string()
}

/// A moment on the zone's clock: `23 Nov 2026, 14:05`.
pub(super) fn moment(at: DateTime<Utc>, zone: Tz) -> Markup {
    let local = at.with_timezone(&zone).format("%-d %b %Y, %H:%M").to_string();
    html! { time datetime=(at.to_rfc3339_opts(SecondsFormat::Secs, true)) { (local) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_is_escaped_cut_and_harmless() {
        let shown = |text: &str| foreign(text).into_string();
        assert_eq!(shown("<b>\"&"), "<bdi>&lt;b&gt;&quot;&amp;</bdi>");
        assert_eq!(shown("\u{1b}[31m\u{202e}x\0"), "<bdi>\\u{1b}[31m\\u{202e}x\\0</bdi>");
        assert_eq!(shown("שלום ü 株"), "<bdi>שלום ü 株</bdi>");
        assert_eq!(shown(&"x".repeat(10_000)).len(), "<bdi></bdi>".len() + LONGEST_NAME + '…'.len_utf8());
        assert_eq!(shown(&"x".repeat(LONGEST_NAME)).len(), "<bdi></bdi>".len() + LONGEST_NAME);
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1000, 1_234_567, -1000].map(count), ["0", "999", "1,000", "1,234,567", "-1,000"]);
        assert_eq!(many(1, "report", "reports"), "1 report");
        assert_eq!(many(0, "report", "reports"), "0 reports");
    }
}
