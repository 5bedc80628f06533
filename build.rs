//! Tells cargo when to build anew, and the linker how.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // They are read into the program, which the compiler does not notice of new ones.
    println!("cargo::rerun-if-changed=migrations");
    if loader_takes_packed_relocations() {
        // The addresses that the loader has to put right are a megabyte of the program otherwise, and read at
        // each start: the tables of time zones have very many.
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// glibc's does since 2.36; who builds for another machine than this one knows nothing of that one's.
fn loader_takes_packed_relocations() -> bool {
    let set = |name| env::var(name).unwrap_or_default();
    let ours = set("HOST") == set("TARGET") && set("CARGO_CFG_TARGET_ENV") == "gnu";
    ours && glibc().is_some_and(|version| version >= (2, 36))
}

fn glibc() -> Option<(u32, u32)> {
    let told = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let told = String::from_utf8(told.stdout).ok()?;
    let (major, minor) = told.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
