//! Databases that restart, freeze, fill up, are read-only, or whose answers get lost.
//!
//! Each fault strikes at a statement chosen by a proxy ([`crate::support::pg_proxy`]) or in the server
//! itself, while a [`story::Story`] of reports is told chapter by chapter. After each chapter the whole
//! history in the database is compared with the story: nothing lost, nothing invented, nothing doubled.

mod aged;
mod backups;
mod certificates;
mod check;
mod cluster;
mod crashes;
mod diskfull;
mod frozen;
mod kills;
mod locks;
mod lost_answers;
mod pooler;
mod privileges;
mod readonly;
mod replica;
mod rig;
mod rounds;
mod server;
mod standby;
mod story;
