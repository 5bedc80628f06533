//! The program that is started once and left alone.

pub mod http;
