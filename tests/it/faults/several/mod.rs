//! Several daemons and commands on one database.

mod command;
mod frozen;
mod one_tick;
mod versions;
