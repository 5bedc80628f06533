//! What the tests share.

use lmp_billing_sync::store::Store;

mod afterwards;
pub(crate) mod authority;
pub(crate) mod db;
pub(crate) mod dir;
pub(crate) mod http;
pub(crate) mod lab;
pub(crate) mod manager;
pub(crate) mod pg_proxy;
mod server;
pub(crate) mod shifted;
mod template;
pub(crate) mod wait;

/// Brings an empty database to the schema the tests want; every connection is closed at the end.
async fn migrate_template(url: &str) {
    let store = Store::connect(&url.into(), 1).await.expect("the template can be connected to");
    store.migrate().await.expect("the template can be migrated");
    store.close().await;
}
