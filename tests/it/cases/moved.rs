//! Evidence that was moved, copied, emptied or hidden: nobody gets "proven" over it, and nothing hides
//! behind it.
use super::*;
use crate::support::program::empty_folder;
use trailproof_testkit::trail::{Deed, DigestAt, LogAt, TrailBuilder};
use trailproof_testkit::world::Bucket;

/// A trail, and one of a different account in the same bucket.
fn two() -> BuiltTrail {
    TrailBuilder::new().trail(spec(4).regions(&[HOME])).trail(second(4)).build()
}

fn objects(trail: &mut BuiltTrail) -> &mut Bucket {
    let name = bucket(trail);
    trail.world.buckets.get_mut(&name).unwrap()
}

/// Copies everything whose key begins with `from`, and removes it there if it `moves`.
fn copy_keys(trail: &mut BuiltTrail, from: &str, to: &str, moves: bool) {
    let bucket = objects(trail);
    let keys: Vec<String> =
        bucket.objects.keys().filter(|key| key.starts_with(from)).cloned().collect();
    assert!(!keys.is_empty(), "{from}");
    for key in keys {
        let versions = bucket.objects[&key].clone();
        bucket.objects.insert(format!("{to}{}", &key[from.len()..]), versions);
        if moves {
            bucket.objects.remove(&key);
        }
    }
}

fn account(of: &str) -> String {
    format!("AWSLogs/{of}/")
}

/// CloudTrail delivers into `AWSLogs`. Nothing leads to an account's folder anywhere else in the bucket,
/// whatever lies beside it, so that nothing in it is proven.
#[test]
fn an_account_outside_of_awslogs_is_never_proven() {
    let clean = two();
    let period = period(&clean);
    for (to, junk, digests) in [
        ("backup/444455556666/", None, true),
        ("444455556666/", None, true),
        ("backup/", None, true),
        ("AWSLogs /444455556666/", None, true),
        ("backup/444455556666/", None, false),
        ("backup/444455556666/", Some("CloudTrail-Digest/x"), false),
        ("backup/444455556666/", Some("CloudTrail-Digest/us-east-1/x"), false),
        ("backup/", None, false),
        ("backup/", Some("CloudTrail-Digest/x"), false),
    ] {
        let mut trail = clean.clone();
        if !digests {
            delete(&mut trail, |id| id.account == MEMBER, 0, false);
        }
        copy_keys(&mut trail, &account(MEMBER), to, true);
        if let Some(junk) = junk {
            plant(&mut trail, &format!("{to}{junk}"));
        }
        for (place, ran) in everywhere("moved", &trail, &period) {
            let context = format!("{to} {junk:?} {digests} {place}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.status, 3, "{context}");
            assert!(!doubts(&ran, "not-looked-at").is_empty(), "{context}");
            assert_eq!(ran.findings().len(), 0, "{context}");
        }
    }
    // A location that names the copy is read as one.
    let mut trail = clean.clone();
    copy_keys(&mut trail, &account(MEMBER), "backup/444455556666/", true);
    let ran = online(&trail, &format!("{LOCATION}/backup"), &period, &[]);
    assert_eq!((ran.status, &finished(&ran)["chains"]), (0, &json!(1)), "{}", ran.stderr);
    // Nobody is told of an account that is out of scope.
    assert_eq!(online(&trail, LOCATION, &period, &["--account", OWNER]).status, 0);
}

/// Whoever can write beside the evidence must not replace it: a copy of one account at the top of a
/// directory does not make the directory a folder `AWSLogs`.
#[test]
fn a_copied_account_does_not_hide_what_was_done_to_another() {
    let clean = two();
    let period = period(&clean);
    let altered = LogAt { digest: DigestAt { chain: 0, index: 2 }, log: 0 };
    let key = clean.chains[0].digests[2].logs[0].key.clone();
    for (to, moves) in [("444455556666/", false), ("444455556666/", true), ("x/", false)] {
        let mut trail = clean.clone();
        trail.apply(Deed::LogContentChanged(altered)).unwrap();
        copy_keys(&mut trail, &account(MEMBER), to, moves);
        for (place, ran) in everywhere("copied", &trail, &period) {
            let context = format!("{to} {moves} {place}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.status, 1, "{context}");
            let expected = [(key.clone(), "log-hash-mismatch".to_owned())].into();
            assert_eq!(ran.findings(), expected, "{context}");
        }
    }
}

/// What no reader takes for data is no reason to report an object in verified time. It is no proof that
/// nothing was delivered to a place whose digests are gone.
#[test]
fn emptied_and_hidden_log_files_still_show_that_something_was_delivered() {
    let clean = two();
    let period = period(&clean);
    for hide in ["empty", "underscore", "dot", "folder"] {
        let mut trail = clean.clone();
        delete(&mut trail, |id| id.account == MEMBER, 0, false);
        let folder = format!("{}CloudTrail/", account(MEMBER));
        let bucket = objects(&mut trail);
        let keys: Vec<String> =
            bucket.objects.keys().filter(|key| key.starts_with(&folder)).cloned().collect();
        for key in keys {
            let versions = bucket.objects.remove(&key).unwrap();
            let (above, name) = key.rsplit_once('/').unwrap();
            match hide {
                "empty" => bucket.put(&key, object(b"")),
                "folder" => bucket.put(&format!("{key}/"), object(b"")),
                "dot" => drop(bucket.objects.insert(format!("{above}/.{name}"), versions)),
                _ => drop(bucket.objects.insert(format!("{above}/_{name}"), versions)),
            }
        }
        // A directory cannot hold a file and a folder of one name.
        let ran = match hide {
            "folder" => vec![("bucket", online(&trail, LOCATION, &period, &[]))],
            _ => everywhere("hidden", &trail, &period),
        };
        for (place, ran) in ran {
            let context = format!("{hide} {place}: {}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.status, 3, "{context}");
            assert_eq!(without_digests(&ran).len(), 1, "{context}");
        }
        let ran = online(&trail, LOCATION, &period, &["--account", MEMBER]);
        assert_eq!(ran.status, 3, "{hide}: {}{}", ran.stdout, ran.stderr);
    }
}

/// A narrower scope leaves out what lies in other regions. It must not call it unlisted because the account
/// has no place in the scope.
#[test]
fn log_files_of_regions_out_of_scope_are_not_called_unlisted() {
    let trail = TrailBuilder::new().trail(spec(4)).trail(second(4)).build();
    let period = period(&trail);
    for (place, ran) in Places::of("regions", &trail, &period).verify(&["--region", AWAY]) {
        assert_eq!(ran.status, 0, "{place}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.of_kind("log-unlisted").len(), 0, "{place}: {}", ran.stdout);
    }
    // A region in odd spelling is searched all the same.
    let mut odd = trail.clone();
    let at = format!("{}CloudTrail/eu-west-1x/2026/03/01/x.json.gz", account(MEMBER));
    plant(&mut odd, &at);
    let ran = online(&odd, LOCATION, &period, &["--region", AWAY]);
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
}

/// `--relocate` says where a part of the bucket is now. What still lies there is not hidden by it.
#[test]
fn a_part_that_is_read_elsewhere_does_not_hide_what_lies_in_the_bucket() {
    let mut trail = two();
    let (period, of) = (period(&trail), bucket(&trail));
    let empty = empty_folder("cases-relocated-to-nothing");
    let rule = format!("s3://{of}/{}={}", account(MEMBER).trim_end_matches('/'), empty.display());
    let ran = online(&trail, LOCATION, &period, &["--relocate", &rule]);
    assert_eq!(ran.status, 3, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(doubts(&ran, "not-looked-at"), [account(MEMBER)]);
    // Nobody is told of an account that is out of scope.
    let others = online(&trail, LOCATION, &period, &["--relocate", &rule, "--account", OWNER]);
    assert_eq!(others.status, 0, "{}{}", others.stdout, others.stderr);
    // The part was moved: nothing of it lies in the bucket any more.
    let copy = empty_folder("cases-relocated");
    let keys: Vec<String> = objects(&mut trail).objects.keys().cloned().collect();
    for key in keys.iter().filter(|key| key.starts_with(&account(MEMBER))) {
        let versions = objects(&mut trail).objects.remove(key).unwrap();
        let at = copy.join(&key[account(MEMBER).len()..]);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, &versions.last().unwrap().body).unwrap();
    }
    let rule = format!("s3://{of}/{}={}", account(MEMBER).trim_end_matches('/'), copy.display());
    let ran = online(&trail, LOCATION, &period, &["--relocate", &rule]);
    assert!(doubts(&ran, "not-looked-at").is_empty(), "{}", ran.stdout);
}

/// Each folder that nothing leads to is named, so that none is accepted with the others.
#[test]
fn every_folder_that_nothing_leads_to_is_named() {
    let mut trail = two();
    let period = period(&trail);
    for number in 0..140 {
        plant(
            &mut trail,
            &format!("zz{number:03}/{MEMBER}/CloudTrail/{HOME}/2026/03/01/x.json.gz"),
        );
    }
    let ran = online(&trail, LOCATION, &period, &[]);
    assert_eq!((ran.status, doubts(&ran, "not-looked-at").len()), (3, 140), "{}", ran.stderr);
}
