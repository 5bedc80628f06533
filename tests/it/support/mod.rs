//! What the tests share.

pub(crate) mod dir;
pub(crate) mod wait;
