//! The part of the checker that the properties need.
#![allow(dead_code, unused_imports, reason = "the fuzzer reads, and applies nothing")]

#[path = "../../tests/it/checker/reference/mod.rs"]
pub(crate) mod reference;
