//! Settings and people.
