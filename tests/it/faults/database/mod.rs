//! Databases that restart, freeze, fill up, are read-only, or whose answers get lost.
