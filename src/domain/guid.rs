//! GUIDs as the vendor writes them.

use uuid::Uuid;

/// Reads a GUID of the form 8-4-4-4-12, in any letter case, with or without braces.
///
/// Stricter than [`Uuid::parse_str`], which also takes URNs and GUIDs without hyphens. The nil GUID
/// identifies nothing and is refused.
pub fn parse_guid(text: &str) -> Option<Uuid> {
    // Of these lengths only those two forms are read.
    let id = matches!(text.len(), 36 | 38).then(|| Uuid::try_parse(text).ok()).flatten()?;
    (!id.is_nil()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letter_case_and_braces_do_not_make_another_report() {
        let id = parse_guid("9c1f1a52-30c4-4f0e-9d6e-0a4b1c2d3e4f").unwrap();
        assert_eq!(parse_guid("9C1F1A52-30C4-4F0E-9D6E-0A4B1C2D3E4F"), Some(id));
        assert_eq!(parse_guid("{9c1f1a52-30c4-4F0E-9d6e-0a4b1c2d3e4f}"), Some(id));
    }

    #[test]
    fn anything_else_is_no_guid() {
        for wrong in [
            "",
            "{}",
            "00000000-0000-0000-0000-000000000000",
            "9c1f1a5230c44f0e9d6e0a4b1c2d3e4f",
            "urn:uuid:9c1f1a52-30c4-4f0e-9d6e-0a4b1c2d3e4f",
            "{9c1f1a52-30c4-4f0e-9d6e-0a4b1c2d3e4f",
            "9c1f1a52-30c4-4f0e-9d6e-0a4b1c2d3e4f}",
            "{{9c1f1a52-30c4-4f0e-9d6e-0a4b1c2d3e4f}}",
            " 9c1f1a52-30c4-4f0e-9d6e-0a4b1c2d3e4f",
            "9c1f1a52-30c4-4f0e-9d6e-0a4b1c2d3e4",
            "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
            "9c1f1a52-30c4-4f0e-9d6e0a4b-1c2d3e4f",
        ] {
            assert_eq!(parse_guid(wrong), None, "{wrong:?} was taken");
        }
    }
}
