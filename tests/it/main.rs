//! Everything that needs a process, a port or a database, in one test binary: one link, one server.

mod checker;
mod cli;
mod daemon;
mod documents;
mod embedded;
mod faults;
mod foreign;
mod http;
mod model;
mod package;
mod prune;
mod schema;
mod support;
mod sync;
mod test_databases;
