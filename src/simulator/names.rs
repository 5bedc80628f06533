//! Company names: varied, plausible and awkward where real ones are.

use super::dice::{Purpose, dice};

/// How companies of one region are called: a proper name, a trade and a legal form.
struct Region {
    proper: &'static [&'static str],
    trade: &'static [&'static str],
    form: &'static [&'static str],
    /// What stands between the parts.
    space: &'static str,
}

const REGIONS: &[Region] = &[
    Region {
        proper: &[
            "Northgate",
            "O'Brien",
            "Harrow & Finch",
            "Blue Heron",
            "St. Alban's",
            "McKenzie",
            "Copperfield",
            "Silver Birch",
            "D'Arcy",
            "Ironbridge",
            "Penrose & Daughters",
            "Fairweather",
        ],
        trade: &[
            "IT Services",
            "Managed Services",
            "Networks",
            "Cyber Security",
            "Cloud Solutions",
            "Systems",
        ],
        form: &["Ltd", "Limited", "LLP", "Inc.", "Group plc"],
        space: " ",
    },
    Region {
        proper: &[
            "Müller & Söhne",
            "Nordlicht",
            "Grünwald",
            "Weißenburger",
            "Bergblick",
            "Elbtal",
            "Krüger",
            "Schäfer",
            "Alpstein",
            "Hafen-City",
        ],
        trade: &["IT-Systeme", "Datentechnik", "Systemhaus", "Netzwerke", "EDV-Beratung"],
        form: &["GmbH", "AG", "GmbH & Co. KG", "SE", "e.K."],
        space: " ",
    },
    Region {
        proper: &[
            "L'Étoile",
            "Château d'Eau",
            "Mistral",
            "Côte Bleue",
            "Rhône-Alpes",
            "Bélanger",
            "Garçon Frères",
        ],
        trade: &["Informatique", "Réseaux", "Sécurité", "Infogérance", "Télécoms"],
        form: &["SARL", "SAS", "SA", "& Cie"],
        space: " ",
    },
    Region {
        proper: &["Cañada", "Peñalara", "São João", "Araújo", "Núñez", "Ipanema", "Sol y Mar"],
        trade: &["Informática", "Soluções", "Tecnología", "Redes", "Seguridad"],
        form: &["S.L.", "Lda.", "S.A.", "Ltda.", "S.A. de C.V."],
        space: " ",
    },
    Region {
        proper: &["Łukasik", "Žižka", "Øresund", "Åkesson", "Kaşgar", "Dvořák", "Ørsted & Søn", "Sjöstrand"],
        trade: &["IT", "Data", "Sieci", "Systemer", "Bilişim"],
        form: &["sp. z o.o.", "s.r.o.", "A/S", "AB", "A.Ş."],
        space: " ",
    },
    Region {
        proper: &["さくら", "富士見", "東海", "みなと", "青葉", "北斗"],
        trade: &["システム", "ネットワークス", "情報", "セキュリティ"],
        form: &["株式会社", "合同会社", "(株)"],
        space: "",
    },
];

/// The name of the partner behind `key` after `renames` renames: the proper name stays, trade and
/// legal form move on, so that one name never equals the one before.
pub(super) fn company(seed: u64, key: &[u64], renames: u32) -> String {
    let mut dice = dice(seed, Purpose::Name, key);
    let region = pick(REGIONS, dice.u32(..));
    let proper = pick(region.proper, dice.u32(..));
    let trade = pick(region.trade, (dice.u32(..) / 2).wrapping_add(renames / 2));
    let form = pick(region.form, (dice.u32(..) / 2).wrapping_add(renames));
    [*proper, trade, form].join(region.space)
}

fn pick<T>(list: &[T], number: u32) -> &T {
    &list[number as usize % list.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_varied_awkward_and_within_the_documented_length() {
        let names: HashSet<_> = (0..500).map(|partner| company(1, &[partner], 0)).collect();
        assert!(names.len() > 250, "only {} different names", names.len());
        assert!(names.iter().all(|name| (1..=128).contains(&name.chars().count())));
        for awkward in ["'", "&", "ß", "株"] {
            assert!(names.iter().any(|name| name.contains(awkward)), "no name has {awkward}");
        }
    }

    #[test]
    fn a_rename_changes_the_name_and_keeps_its_heart() {
        for partner in 0..200 {
            for renames in 0..8 {
                let old = company(7, &[partner], renames);
                let new = company(7, &[partner], renames + 1);
                assert_ne!(old, new);
                assert_eq!(old.chars().next(), new.chars().next());
            }
        }
    }
}
