//! `[retention]`: how long reports are kept.

use super::section::Section;
use super::value::{number, whole};
use crate::domain;

/// How long reports are kept, and how much may be deleted at once.
#[derive(Clone, Debug)]
pub struct Retention {
    /// Months, at least one; 24 is what the vendor keeps.
    pub months: u32,
    /// The share of all reports that a prune may delete without `--force`.
    pub max_prune_fraction: f64,
}

impl Retention {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            // A century is for ever, and keeps dates within what PostgreSQL and chrono can hold.
            months: section.or("months", 24, |value| whole(value, 1..=1200)),
            max_prune_fraction: section.or("max_prune_fraction", 0.25, |value| number(value, 0.0..=1.0)),
        }
    }

    /// The cutoff rule for planning, applying and pruning.
    pub fn rule(&self) -> domain::Retention {
        domain::Retention { months: self.months }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{load, problems};

    #[test]
    fn the_rule_has_the_months_of_the_settings() {
        assert_eq!(load("").retention.rule().months, 24);
        assert_eq!(load("[retention]\nmonths = 120").retention.rule().months, 120);
    }

    #[test]
    fn nothing_can_be_kept_for_less_than_a_month() {
        for wrong in ["0", "-1", "1201", "0.5", "24.0", "'24'", "true"] {
            assert_eq!(
                problems(&format!("[retention]\nmonths = {wrong}")),
                ["retention.months must be a whole number from 1 to 1200, without quotes"]
            );
        }
    }
}
