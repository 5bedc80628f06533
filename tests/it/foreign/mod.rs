//! All that reads foreign bytes, held against what is certain of it whatever they are.
//!
//! They get a corpus (`tests/it/foreign/corpus`), and bytes made from that by chance.

pub(crate) mod arguments;
pub(crate) mod body;
#[cfg(test)]
mod corpus;
pub(crate) mod headers;
pub(crate) mod settings;
