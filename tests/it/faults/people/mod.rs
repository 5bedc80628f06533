//! Settings and people.

mod canary;
mod hands;
mod rotated;
mod settings;
mod twice;
