//! `[sync]`: how a poll is made and when its answer is believed.

use std::path::PathBuf;
use std::time::Duration;

use super::secret::{Kind, Secret};
use super::section::Section;
use super::value::{bytes, duration, list, number, whole};

/// How polls are made and judged.
#[derive(Clone, Debug)]
pub struct Sync {
    /// The whole exchange of one attempt, body included.
    pub request_timeout: Duration,
    /// Attempts of one poll; at least one.
    pub max_attempts: u32,
    /// The longest answer taken, in bytes, after decompression.
    pub max_response_bytes: u64,
    /// The share of a cycle's listed reports that one answer may withdraw without being suspect.
    pub max_withdrawn_fraction: f64,
    /// How long suspect answers must agree until they are believed.
    pub believe_after: Duration,
    /// Unknown fields of a report that are not kept.
    pub ignore_fields: Vec<String>,
    /// The proxy to go through. A secret, because it may hold a password.
    pub proxy: Option<Secret>,
    /// Certificates to trust besides the system's, as PEM.
    pub ca_file: Option<PathBuf>,
}

impl Sync {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            request_timeout: section.or("request_timeout", Duration::from_mins(1), duration),
            max_attempts: section.or("max_attempts", 5, |value| whole(value, 1..=1000)),
            max_response_bytes: section.or("max_response_bytes", 1 << 30, bytes),
            max_withdrawn_fraction: section
                .or("max_withdrawn_fraction", 0.5, |value| number(value, 0.0..=1.0)),
            believe_after: section.or("believe_after", Duration::from_hours(24), duration),
            ignore_fields: section.or("ignore_fields", Vec::new(), list),
            proxy: section.secret("proxy", "proxy_file", Kind::Proxy),
            ca_file: section.readable_file("ca_file"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{load, problems, variables};

    #[test]
    fn durations_and_sizes_are_read() {
        let sync = load("[sync]\nrequest_timeout = '90s'\nmax_response_bytes = 1048576").sync;
        assert_eq!(sync.request_timeout, Duration::from_secs(90));
        assert_eq!(sync.max_response_bytes, 1 << 20);
    }

    #[test]
    fn a_fraction_lies_within_0_and_1() {
        assert!((load("[sync]\nmax_withdrawn_fraction = 1").sync.max_withdrawn_fraction - 1.0).abs() < 1e-9);
        for wrong in ["-0.1", "1.01", "nan", "'0.5'", "true"] {
            assert_eq!(
                problems(&format!("[sync]\nmax_withdrawn_fraction = {wrong}")),
                ["sync.max_withdrawn_fraction must be a number from 0 to 1, without quotes"]
            );
        }
    }

    #[test]
    fn a_list_of_the_environment_has_commas() {
        let settings =
            variables(&[("LMP_BILLING_SYNC__SYNC__IGNORE_FIELDS", "fetched_at, request_id")]).unwrap();
        assert_eq!(settings.sync.ignore_fields, ["fetched_at", "request_id"]);
    }

    #[test]
    fn the_ca_file_must_be_readable_at_the_start() {
        let found = problems("[sync]\nca_file = '/nonexistent/corporate-ca.pem'");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("sync.ca_file names a file that does not exist"), "{found:?}");
        assert!(
            problems("[sync]\nca_file = '/'")[0].starts_with("sync.ca_file names a file that cannot be read")
        );
    }
}
