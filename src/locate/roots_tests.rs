//! What a search for roots finds and leaves out.
use super::*;
use crate::source::{ListPage, ListRequest, ObjectReader, ReadError, ReadFrom};
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::vocab::location::ObjectLocation;

/// The folders of these keys, which are sorted. Listing the folder `denied` fails.
#[derive(Debug, Default)]
struct Keys {
    keys: Vec<String>,
    denied: Option<&'static str>,
}

impl ObjectSource for Keys {
    fn list<'a>(
        &'a self,
        request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        Box::pin(async move {
            if self.denied == Some(request.prefix.as_str()) {
                return Err(ReadFailure::new(ReadFailureKind::Denied, ""));
            }
            let mut page = ListPage::default();
            for key in &self.keys {
                let name = key.strip_prefix(&request.prefix).and_then(|rest| rest.split_once('/'));
                let Some((name, _)) = name else { continue };
                let folder = format!("{}{name}/", request.prefix);
                if page.folders.last() != Some(&folder) {
                    page.folders.push(folder);
                }
            }
            Ok(page)
        })
    }

    fn open<'a>(
        &'a self,
        _: &'a ObjectLocation,
        _: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        Box::pin(async move { Err(ReadError::Missing) })
    }
}

fn keys(keys: impl IntoIterator<Item = String>) -> Keys {
    Keys { keys: keys.into_iter().collect(), denied: None }
}

/// Ten folders with one below each, and a root after them.
fn many() -> Keys {
    let beside = (0..10).map(|number| format!("a{number}/b/x"));
    keys(beside.chain(["zz/AWSLogs/111122223333/CloudTrail/us-east-1/x".to_owned()]))
}

/// CloudTrail's folders are in accounts' folders in `AWSLogs`. Where somebody else put one, nothing in
/// it is read.
#[tokio::test]
async fn log_folders_of_accounts_outside_of_awslogs_are_reported() {
    let at = |folder: &str| format!("{folder}/us-east-1/2026/01/01/x");
    for (folders, hidden, loose) in [
        (vec!["awslogs/111122223333/CloudTrail"], vec!["awslogs/111122223333/CloudTrail/"], vec![]),
        (
            vec!["AWSLogs /111122223333/CloudTrail"],
            vec!["AWSLogs /111122223333/CloudTrail/"],
            vec![],
        ),
        (
            vec!["old/o-abcdefghij/111122223333/cloudtrail"],
            vec!["old/o-abcdefghij/111122223333/cloudtrail/"],
            vec![],
        ),
        // Log files of no account, which `mv AWSLogs/ACCOUNT/* old/` leaves.
        (vec!["old/CloudTrail"], vec!["old/CloudTrail/"], vec![]),
        // Load balancers' logs, and prefixes of trails.
        (
            vec![
                "CloudTrail/AWSLogs/111122223333/CloudTrail",
                "awslogs/111122223333/elasticloadbalancing",
                "cloudtrail",
            ],
            vec![],
            vec![],
        ),
        // A copy of an account's folder, which is read.
        (
            vec!["old/111122223333/CloudTrail", "old/111122223333/CloudTrail-Digest"],
            vec![],
            vec!["old/111122223333/CloudTrail-Digest/"],
        ),
    ] {
        let found =
            find_roots(&keys(folders.iter().map(|folder| at(folder))), "b", "").await.unwrap();
        assert_eq!(
            (found.hidden, found.loose),
            (
                hidden.into_iter().map(str::to_owned).collect::<Vec<_>>(),
                loose.into_iter().map(str::to_owned).collect::<Vec<_>>()
            ),
            "{folders:?}"
        );
    }
}

#[tokio::test]
async fn left_out_folders_are_counted_by_their_parent() {
    let left_out = |folder: &str, count| PlaceInDoubt {
        folders: Some(count),
        ..PlaceInDoubt::folder(PlaceDoubt::NotLookedAt, folder)
    };
    let found = find_roots_within(&many(), "b", "", 4).await.unwrap();
    let below = (0..4).map(|number| left_out(&format!("a{number}/"), 1));
    let expected: Vec<_> = std::iter::once(left_out("", 7)).chain(below).collect();
    assert_eq!((found.prefixes, found.left_out), (vec![], expected));
    let found = find_roots_within(&many(), "b", "", 1_000).await.unwrap();
    assert_eq!((found.prefixes, found.left_out), (vec!["zz".to_owned()], vec![]));
}

#[tokio::test]
async fn a_denied_folder_does_not_end_the_search() {
    let found = find_roots(&Keys { denied: Some("a3/"), ..many() }, "b", "").await.unwrap();
    assert_eq!(found.prefixes, ["zz"]);
    let unread: Vec<&str> = found.unread.iter().map(|(folder, _)| folder.as_str()).collect();
    assert_eq!(unread, ["a3/"]);
    // If the top folder is denied, nothing can be searched.
    find_roots(&Keys { denied: Some(""), ..many() }, "b", "").await.unwrap_err();
}

#[tokio::test]
async fn a_root_is_found_at_any_depth_and_below_another() {
    for (key, prefix) in [
        ("AWSLogs/1/x", ""),
        ("a/b/c/d/e/f/AWSLogs/1/x", "a/b/c/d/e/f"),
        ("AWSLogs/AWSLogs/1/x", "AWSLogs"),
        ("AWSLogs/x/AWSLogs/1/x", "AWSLogs/x"),
        ("AWSLogs/111122223333/AWSLogs/1/x", "AWSLogs/111122223333"),
        ("AWSLogs/o-a1b2c3d4e5/AWSLogs/1/x", "AWSLogs/o-a1b2c3d4e5"),
        ("AWSLogs/111122223333/Config/x/AWSLogs/1/x", "AWSLogs/111122223333/Config/x"),
        ("zz//AWSLogs/1/x", "zz/"),
        ("//AWSLogs/1/x", "/"),
    ] {
        let found = find_roots(&keys([key.to_owned()]), "b", "").await.unwrap();
        assert!(found.prefixes.contains(&prefix.to_owned()), "{key}: {found:?}");
        assert_eq!((found.left_out, found.unread), (vec![], vec![]), "{key}");
    }
    // It cannot be distinguished from a root without a prefix.
    let found = find_roots(&keys(["/AWSLogs/1/x".to_owned()]), "b", "").await.unwrap();
    let doubt = PlaceInDoubt::folder(PlaceDoubt::NotLookedAt, "/AWSLogs/");
    assert_eq!((found.prefixes, found.left_out), (vec![], vec![doubt]));
}
