//! Which cycles a job polls. Pure: what is stored and what time it is, the caller says.

use crate::domain::{Cycle, Window};

/// A cycle was asked for that can no longer, or not yet, be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cycle {cycle} is outside the window of what can be read and kept: {oldest} to {newest}")]
pub struct OutsideWindow {
    cycle: Cycle,
    oldest: Cycle,
    newest: Cycle,
}

/// A manual run polls the cycles asked for, or the whole window; newest first, each once.
///
/// # Errors
/// When a cycle lies outside the window.
pub fn manual(window: Window, asked: &[Cycle]) -> Result<Vec<Cycle>, OutsideWindow> {
    if asked.is_empty() {
        return Ok(window.cycles().collect());
    }
    if let Some(cycle) = asked.iter().copied().find(|cycle| !window.contains(*cycle)) {
        return Err(OutsideWindow { cycle, oldest: window.oldest(), newest: window.current() });
    }
    Ok(window.cycles().filter(|cycle| asked.contains(cycle)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Retention;

    fn window() -> Window {
        Retention { months: 24 }.window("2026-11-23".parse().unwrap())
    }

    fn cycle(text: &str) -> Cycle {
        text.parse().unwrap()
    }

    #[test]
    fn without_a_wish_the_whole_window_is_polled() {
        assert_eq!(manual(window(), &[]).unwrap().len(), 25);
    }

    #[test]
    fn cycles_asked_for_twice_are_polled_once_and_newest_first() {
        let asked = ["2026-08", "2026-09", "2026-08"].map(cycle);
        assert_eq!(manual(window(), &asked).unwrap(), ["2026-09", "2026-08"].map(cycle));
    }

    #[test]
    fn a_cycle_outside_the_window_is_refused_by_name() {
        for text in ["2024-10", "2026-12"] {
            let message = manual(window(), &[cycle(text)]).unwrap_err().to_string();
            assert!(message.contains(text) && message.contains("2024-11 to 2026-11"), "{message}");
        }
    }
}
