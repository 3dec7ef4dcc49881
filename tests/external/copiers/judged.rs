//! Compares what `verify` reports for a bucket with what it reports for a copy, and defines how the
//! two may differ.
use super::*;

fn events(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the events of a run without the fields that only describe where and how it was read.
pub(super) fn comparable_events(case: &Case, output: &Output) -> Vec<Value> {
    let mut events = events(output);
    // The bucket is verified below a prefix, and the copy holds nothing beside it.
    events.retain(|event| event["why"] != "outside-location");
    // A copier that resolves the dots creates a folder that the bucket does not have. That folder
    // is in doubt.
    let dots = matches!(case.deed, Some(Deed::HostileKey(_, Hostile::DotDot)));
    if dots {
        events.retain(|event| {
            event["event"] != "place-in-doubt" && event["event"] != "places-answered"
        });
    }
    for event in &mut events {
        let event = event.as_object_mut().unwrap();
        for field in [
            "delivered_to",
            "read_from",
            "source",
            "etag",
            "version_id",
            "stored_as",
            "last_modified",
            "complete_copy_asserted",
        ] {
            event.remove(field);
        }
        if matches!(case.deed, Some(Deed::HostileKey(..))) {
            // Such a key is not a digest key, and each copier treats it in its own way.
            event.remove("keys_passed_over");
            event.remove("set_aside");
        }
        if dots {
            event.remove("places_in_doubt");
        }
        if let Some(why) = event.get_mut("read_failure").and_then(Value::as_object_mut) {
            why.retain(|name, _| name == "code");
        }
    }
    events
}

/// Returns the code of each finding or read failure, by key.
fn codes(output: &Output, field: &str) -> BTreeMap<String, String> {
    let of = |event: &Value| {
        let code = event[field]["code"].as_str()?;
        Some((event["key"].as_str().unwrap_or_default().to_owned(), code.to_owned()))
    };
    events(output).iter().filter_map(of).collect()
}

/// Returns the keys for which a copy can prove nothing while these digests are unproven: the
/// digests themselves, their log files, and the preceding digests that only they vouch for.
fn dependents(case: &Case, unproven: &BTreeSet<&String>) -> BTreeSet<String> {
    let mut keys: BTreeSet<String> = unproven.iter().map(|key| (*key).clone()).collect();
    for chain in &case.trail.chains {
        for (at, digest) in chain.digests.iter().enumerate() {
            if unproven.contains(&digest.key) {
                keys.extend(digest.logs.iter().map(|log| log.key.clone()));
                keys.extend(at.checked_sub(1).map(|before| chain.digests[before].key.clone()));
            }
        }
    }
    keys
}

/// The codes that describe a fault in an object's gzip encoding alone.
const GZIP: &[&str] = &["digest-malformed", "log-malformed", "log-trailing-data"];

/// Lists unexpected differences between the findings in the copy and those in the bucket.
pub(super) fn difference(
    case: &Case,
    whole: &Output,
    copy: &Output,
    at: &Path,
    bodies: Bodies,
) -> Vec<String> {
    let (found, there) = (codes(copy, "finding"), codes(whole, "finding"));
    let unread = codes(copy, "read_failure");
    // The copy lacks the digest's own signature. If an unproven digest recorded it, the read
    // failure reports the missing key instead.
    let is_unsigned = |reported: &str| ["no-signature", "keys-unavailable"].contains(&reported);
    let unsigned = unread.iter().filter(|(_, reported)| is_unsigned(reported)).map(|(key, _)| key);
    let left_out = |key: &String| !at.join(key).exists();
    let missing = found.keys().filter(|key| left_out(key));
    let lost = dependents(case, &unsigned.chain(missing).collect());
    let mut wrong = Vec::new();
    for (key, code) in &there {
        match found.get(key) {
            Some(reported) if reported == code => {}
            // The copy lacks the digest's own signature but has the hash that its successor
            // recorded.
            Some(reported) if reported == "digest-link-mismatch" && code.starts_with("digest-") => {
            }
            // The broken gzip is gone, and its content is not what was delivered.
            Some(_) if bodies == Bodies::Inflated => {}
            // Or the content is what was delivered, and the copy keeps no trace of the fault.
            None if bodies == Bodies::Inflated && GZIP.contains(&code.as_str()) => {}
            None if lost.contains(key) => {}
            reported => wrong.push(format!("{code} of `{key}` is {reported:?} in the copy")),
        }
    }
    for (key, code) in &found {
        let is_left_out = left_out(key) && code.ends_with("-missing");
        if !there.contains_key(key) && !is_left_out {
            wrong.push(format!("{code} of `{key}` is only in the copy"));
        }
    }
    wrong
}
