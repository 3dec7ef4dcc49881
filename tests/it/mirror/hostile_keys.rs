//! Keys that anyone with write access to the bucket can choose.
use super::*;

/// Returns the trail with these objects beside it.
fn with_keys(trail: &BuiltTrail, keys: impl IntoIterator<Item = String>) -> BuiltTrail {
    let mut trail = trail.clone();
    let name = bucket(&trail);
    for key in keys {
        trail.put(&name, &key, object(b"x"));
    }
    trail
}

fn folder(key: &str) -> &str {
    &key[..=key.rfind('/').unwrap()]
}

/// Checks that the mirror is complete and that, read without a network, it gives the same events as
/// the bucket.
fn is_mirrored(trail: &BuiltTrail, name: &str, pages: usize) {
    let options = ServerOptions { list_page_size: pages, ..ServerOptions::default() };
    let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
    let at = fresh(name);
    let own = mirror(&server, trail, &at, &[]);
    let (whole, copy) = (verify_bucket(&server, trail), verify_offline(trail, &at));
    assert_eq!((own.status, copy.status), (whole.status, whole.status), "{name}: {}", own.stderr);
    assert!(!copy.stderr.contains("not whole"), "{name}: {}", copy.stderr);
    assert_eq!(copy.events(), whole.events(), "{name}, {pages} a page");
}

/// With the bucket's name in front, such a key is longer than a path may be.
#[test]
fn a_key_as_long_as_s3_allows_is_copied() {
    let trail = trail();
    let log = trail.logs().next().unwrap().1.key.clone();
    let mut key = folder(&log).to_owned();
    while key.len() + 200 < 1_024 {
        key += &"x".repeat(150);
        key.push('/');
    }
    key += &"y".repeat(1_024 - key.len());
    is_mirrored(&with_keys(&trail, [key]), "longest-key", 1_000);
}

#[test]
fn keys_that_sort_last_or_look_like_the_manifest_are_harmless() {
    let trail = trail();
    let log = trail.logs().next().unwrap().1.key.clone();
    let digest = trail.chains[0].digests[3].key.clone();
    let odd = [
        "\"",
        "\\",
        "\u{10ffff}",
        "\u{10ffff}\u{10ffff}",
        "\u{fc}",
        "file\"",
        "\\u0066ile",
        "a b",
        "\u{7f}",
        "A",
        "a",
        "metadata",
        "con",
        "x.",
        "x/",
        "x//y",
        "../z",
        "./z",
        "\",\"copied\":{\"size\":1",
        "}}",
        "\n",
        "\r",
        "\u{1}",
    ];
    let mut keys = Vec::new();
    for key in [&log, &digest] {
        for odd in odd {
            let above = folder(key);
            keys.extend([format!("{above}{odd}"), format!("{key}{odd}"), format!("{key}/{odd}")]);
            keys.push(format!("{above}{odd}/\u{10ffff}\u{10ffff}"));
            keys.push(key.replace(".json.gz", &format!("{odd}.json.gz")));
        }
        for (slash, _) in key.match_indices('/') {
            keys.push(key[..=slash].to_owned());
            keys.push(format!("{}-", &key[..slash]));
        }
    }
    let trail = with_keys(&trail, keys);
    for pages in [1_000, 7] {
        is_mirrored(&trail, "hostile-keys", pages);
    }
}
