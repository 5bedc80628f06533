//! Everything that needs a process, a port or a database, in one test binary: one link, one server.

mod embedded;
mod http;
mod support;
mod sync;
mod test_databases;
