//! What is fuzzed: the properties that `tests/it/foreign` holds against its corpus.

mod checker;
#[path = "../../tests/it/foreign/mod.rs"]
mod foreign;

/// Cycles and GUIDs, as people type them.
pub fn arguments(bytes: &[u8]) {
    foreign::arguments::try_bytes(bytes);
}

/// The body of an answer.
pub fn body(bytes: &[u8]) {
    foreign::body::try_bytes(bytes);
}

/// `Retry-After` and `Date`.
pub fn headers(bytes: &[u8]) {
    foreign::headers::try_bytes(bytes);
}

/// The file of settings.
pub fn settings(bytes: &[u8]) {
    foreign::settings::try_bytes(bytes);
}
