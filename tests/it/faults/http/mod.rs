//! Upstreams that misbehave, and answers that are not what they should be.
