//! The policies of the book are those of the table that the tests run commands under.
use crate::support::permissions::{PERMISSIONS, Permissions, policy};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const FOLDER: &str = "docs/src/reference/policies";

#[test]
fn the_policies_of_the_book_are_those_that_are_tested() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    if std::env::var_os("TRAILPROOF_BLESS").is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for permissions in &PERMISSIONS {
            let policy = policy(permissions.actions);
            let file = folder.join(format!("{}.json", permissions.name));
            fs::write(file, format!("{policy:#}\n")).unwrap();
        }
    }
    let mut names = BTreeSet::new();
    for permissions in &PERMISSIONS {
        let name = format!("{}.json", permissions.name);
        let committed = fs::read_to_string(folder.join(&name)).unwrap_or_default();
        let current = format!("{:#}\n", policy(permissions.actions));
        assert!(committed == current, "`{name}` is stale; `cargo xtask docs` writes it anew");
        names.insert(name);
    }
    let listed = fs::read_dir(&folder).unwrap();
    let listed: BTreeSet<String> =
        listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(listed, names);
}

/// The page lists each policy with its commands, and each action with what it is needed for.
#[test]
fn the_page_lists_every_policy_and_every_action() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/reference/permissions.md");
    let page = fs::read_to_string(page).unwrap();
    for Permissions { name, commands, actions } in &PERMISSIONS {
        let commands: Vec<String> = commands.iter().map(|it| format!("`{it}`")).collect();
        let row = format!("| [`{name}.json`](policies/{name}.json) | {} |", commands.join(", "));
        assert!(page.contains(&row), "the row `{row}` is missing");
        for (action, _) in *actions {
            assert!(page.contains(&format!("`{action}`")), "`{action}` is not on the page");
        }
    }
}
