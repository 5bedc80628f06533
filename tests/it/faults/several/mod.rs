//! Several daemons and commands on one database.
