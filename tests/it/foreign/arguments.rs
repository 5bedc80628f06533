//! Cycles and GUIDs, as people type them.

use lmp_billing_sync::domain::{Cycle, parse_guid};

use crate::checker::reference;

pub(crate) fn try_bytes(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(cycle) = text.parse::<Cycle>() {
        assert_eq!(cycle.to_string(), text, "a cycle is written as it was read");
        assert_eq!(cycle.next().back(1), cycle);
    }
    assert_eq!(parse_guid(text), reference::guid(text), "{text:?}");
}
