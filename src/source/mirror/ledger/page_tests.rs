//! Pages from a manifest that anyone may have written.
use super::*;
use crate::source::mirror::ledger::MANIFEST;

fn ledger(keys: &[String]) -> (tempfile::TempDir, Layers) {
    let folder = tempfile::tempdir().unwrap();
    let mut keys = keys.to_vec();
    keys.sort();
    let line = |key: &String| {
        let key = serde_json::to_string(key).unwrap();
        format!("{{\"bucket\":\"b\",\"key\":{key},\"listed\":{{\"size\":1}}}}\n")
    };
    let text: String = keys.iter().map(line).collect();
    std::fs::write(folder.path().join(MANIFEST), text).unwrap();
    let ledger = Layers::open(folder.path(), folder.path()).unwrap();
    (folder, ledger)
}

/// Returns the folders and objects of all pages, in order, and the number of pages.
fn all(ledger: &Layers, prefix: &str, limit: usize) -> (Vec<String>, usize) {
    let mut request = ListRequest { folders: true, ..ListRequest::names("b", prefix) };
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let after = request.continuation.clone().unwrap_or_default();
        let page = page(ledger, &Asked { request: &request, after: &after, limit }).unwrap();
        pages += 1;
        let mut names: Vec<String> = page.objects.into_iter().map(|object| object.key).collect();
        names.extend(page.folders);
        names.sort();
        found.extend(names);
        match page.next {
            Some(next) => request.continuation = Some(next),
            None => return (found, pages),
        }
    }
}

/// Whatever is in a folder, the folder is listed once and then skipped in one step.
#[test]
fn a_folder_is_listed_once_whatever_it_holds() {
    for name in ["a", "\u{10ffff}", "\u{10ffff}\u{10ffff}x", "0", "~"] {
        let keys: Vec<String> = (0..30).map(|n| format!("f/{n:02}/{name}")).collect();
        let (_folder, ledger) = ledger(&keys);
        let folders: Vec<String> = (0..30).map(|n| format!("f/{n:02}/")).collect();
        assert_eq!(all(&ledger, "f/", 1_000), (folders.clone(), 1), "{name:?}");
        assert_eq!(all(&ledger, "f/", 7).0, folders, "{name:?}");
    }
}

/// An object whose key is the prefix itself, as consoles create for a folder, must not hide what
/// follows.
#[test]
fn an_object_named_like_the_prefix_hides_nothing() {
    let keys = ["f/", "f/a/x", "f/a0", "f/b/x", "f/b/y", "f/c"].map(str::to_owned);
    let (_folder, ledger) = ledger(&keys);
    for limit in 1..8 {
        assert_eq!(all(&ledger, "f/", limit).0, ["f/", "f/a/", "f/a0", "f/b/", "f/c"], "{limit}");
    }
}

#[test]
fn the_end_of_a_folder_sorts_after_all_its_keys() {
    let longest = format!("f/{}~~", "\u{10ffff}".repeat(255));
    assert_eq!(longest.len(), 1_024);
    assert!(end_of("f/") >= longest && end_of("f/") < behind("f/"));
}
