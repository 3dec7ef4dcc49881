//! The crates that were read are those that are built.
use std::fs;
use std::path::Path;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn crates_that_were_read_have_the_versions_of_the_lock_file() {
    let (page, lock) = (read("docs/src/contributing/supply-chain.md"), read("Cargo.lock"));
    let mut rows = 0;
    for line in page.lines() {
        let cells: Vec<&str> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let ["", name, version, sum, ""] = cells.as_slice() else { continue };
        if sum.len() != 64 {
            continue;
        }
        rows += 1;
        let locked = lock.split("[[package]]").filter(|package| {
            package.contains(&format!("\nname = \"{name}\"\n"))
                && package.contains(&format!("\nversion = \"{version}\"\n"))
                && package.contains(&format!("\nchecksum = \"{sum}\"\n"))
        });
        assert_eq!(locked.count(), 1, "`{name}` {version} is not the one of `Cargo.lock`: read it");
        let versions = lock.matches(&format!("\nname = \"{name}\"\n")).count();
        assert_eq!(versions, 1, "`{name}` is in `Cargo.lock` in several versions");
    }
    assert_eq!(rows, 7);
}
