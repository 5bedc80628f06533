//! "Did you mean …?"

/// The known word a mistyped one most likely stands for, if any is close.
pub(super) fn closest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_ascii_lowercase();
    known
        .into_iter()
        .map(|word| (strsim::osa_distance(&typed, &word.to_ascii_lowercase()), word))
        .filter(|(distance, word)| *distance <= (word.len() / 3).max(1))
        .min()
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["url", "url_file", "max_connections", "migrate"];

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        assert_eq!(closest("max_conections", KNOWN), Some("max_connections"));
        assert_eq!(closest("ulr", KNOWN), Some("url"));
        assert_eq!(closest("URL_FILE", KNOWN), Some("url_file"));
        assert_eq!(closest("migrated", KNOWN), Some("migrate"));
        assert_eq!(closest("host", KNOWN), None);
        assert_eq!(closest("", KNOWN), None);
    }
}
