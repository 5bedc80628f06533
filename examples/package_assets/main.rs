//! Writes what the package holds besides the program, from the program's own definitions:
//! `cargo run --example package_assets -- target/package`.
//!
//! - `man/`: a manual page for the program and one for each command
//! - `completions/`: what shells need to complete its commands and options
//! - `third-party-licenses.txt`: the licences of the crates that are linked into it
//!
//! An example rather than a hidden command, so that what makes them is no part of the program.

mod licences;
mod manual;
mod shells;

use std::path::Path;

use anyhow::{Context as _, bail};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [target] = arguments.as_slice() else { bail!("name the folder to write into, and nothing else") };
    let target = Path::new(target);
    for (folder, files) in [("man", manual::pages()?), ("completions", shells::completions())] {
        let folder = target.join(folder);
        std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        for (name, content) in files {
            let file = folder.join(name);
            std::fs::write(&file, content).with_context(|| format!("writing {}", file.display()))?;
        }
    }
    let file = target.join("third-party-licenses.txt");
    std::fs::write(&file, licences::of_linked_crates()?)
        .with_context(|| format!("writing {}", file.display()))
}
