//! Proofs of single objects.
use crate::support::attest_room::{ATTESTATION, AttestFolder};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Returns every digest and log file of the record.
fn objects(room: &AttestFolder) -> BTreeSet<String> {
    let text = String::from_utf8(room.read("record.jsonl")).unwrap();
    let judged = text.lines().filter(|line| line.contains("-judged\""));
    judged
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            format!("s3://{}/{}", text("bucket"), text("key"))
        })
        .collect()
}

fn check(room: &AttestFolder, proof: &str, attestation: &str) -> crate::support::program::Ran {
    let check = ["attest", "check-proof", proof, "--attestation", attestation];
    room.run(&[&check[..], &["--key", "public.pem"]].concat())
}

#[test]
fn every_object_is_proven_without_the_record() {
    let room = AttestFolder::new("proofs");
    let objects = objects(&room);
    assert_eq!(objects.len(), 241);
    for (number, object) in objects.iter().enumerate() {
        // The program starts twice per object. A fifth of the objects covers all kinds and places.
        if number % 5 != 0 && !object.contains("20260302T0625Z") && !object.contains("T020411Z") {
            continue;
        }
        room.run(&["attest", "prove", "record.jsonl", object, "-o", "proof.json", "--force"])
            .is(0, "");
        let ran = check(&room, "proof.json", ATTESTATION).is(0, object);
        assert!(ran.stdout.contains("not checked: the object itself"), "{ran:#?}");
    }
    let prove = |object: &str| room.run(&["attest", "prove", "record.jsonl", object]);
    let changed = objects.iter().find(|object| object.contains("20260302T0625Z_14DtgyWom2CB4PZm"));
    room.write("proof.json", prove(changed.unwrap()).is(0, "trailproof-inclusion-proof").stdout);
    let ran = check(&room, "proof.json", ATTESTATION).is(0, "finding    log-hash-mismatch");
    assert!(ran.stdout.contains("outcome    invalid"), "{ran:#?}");
    assert!(ran.stdout.contains("which is valid"), "{ran:#?}");
    prove("s3://example-trail-logs/no/such/key").is(1, "no digest or log file");
    prove("s3://other/key").is(1, "no digest or log file");
    for wrong in ["key", "s3://", "s3://bucket", "s3://bucket/", "s3:///key", "\u{1b}[2J"] {
        prove(wrong).is(2, "is not the location of an object");
    }
}

#[test]
fn a_changed_proof_proves_nothing() {
    let room = AttestFolder::new("changed-proof");
    let objects = objects(&room);
    let log = objects.iter().find(|object| !object.contains("Digest")).unwrap();
    room.run(&["attest", "prove", "record.jsonl", log, "-o", "proof.json"]).is(0, "");
    let proof = room.json("proof.json");
    check(&room, "proof.json", ATTESTATION).is(0, "proven");
    // Every value in the proof matters.
    let mut pointers = Vec::new();
    walk(&proof, String::new(), &mut pointers);
    assert!(pointers.len() > 30, "{pointers:?}");
    for pointer in pointers {
        let mut changed = proof.clone();
        let value = changed.pointer_mut(&pointer).unwrap();
        *value = match value {
            Value::String(text) if text.len() == 64 => json!("00".repeat(32)),
            Value::String(text) => json!(format!("{text} ")),
            Value::Number(number) => json!(number.as_u64().unwrap() + 1),
            _ => continue,
        };
        room.write("changed.json", changed.to_string());
        let ran = check(&room, "changed.json", ATTESTATION);
        assert!(ran.status == 1 || ran.status == 5, "{pointer}: {ran:#?}");
    }
    // The line of a different object of the record.
    let mut other = proof.clone();
    other["key"] = json!("another/key");
    room.write("changed.json", other.to_string());
    check(&room, "changed.json", ATTESTATION).is(1, "not about this object");
    // The line of a digest in place of a log file's.
    let mut other = proof.clone();
    other["places"][0]["line"] = other["places"][0]["digestLine"].clone();
    other["places"][0]["lineInDigest"] = other["places"][0]["digestInDigest"].clone();
    room.write("changed.json", other.to_string());
    check(&room, "changed.json", ATTESTATION).is(1, "not about this object");
}

fn walk(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| walk(value, format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            for (number, value) in items.iter().enumerate() {
                walk(value, format!("{at}/{number}"), found);
            }
        }
        _ => found.push(at),
    }
}

#[test]
fn a_proof_must_match_its_attestation_and_keep_within_bounds() {
    let room = AttestFolder::new("foreign-proof");
    let objects = objects(&room);
    let digest = objects.iter().find(|object| object.contains("Digest")).unwrap();
    room.run(&["attest", "prove", "record.jsonl", digest, "-o", "proof.json"]).is(0, "");
    check(&room, "proof.json", ATTESTATION).is(0, "kind       digest");
    room.sign_changed("other.json", |statement| {
        statement["predicate"]["commitment"]["root"] = json!("11".repeat(32));
    });
    check(&room, "proof.json", "other.json").is(1, "is not among those");
    room.sign_changed("other.json", |statement| {
        statement["predicate"]["commitment"]["days"] = json!(9)
    });
    check(&room, "proof.json", "other.json").is(1, "is not among those");
    room.run(&["attest", "keygen", "-o", "b.pem", "--public", "b-public.pem"]).is(0, "");
    let with_other_key = [
        "attest",
        "check-proof",
        "proof.json",
        "--attestation",
        ATTESTATION,
        "--key",
        "b-public.pem",
    ];
    room.run(&with_other_key).is(1, "is not signed by the key");
    let proof = room.json("proof.json");
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut proof = proof.clone();
        change(&mut proof);
        proof.to_string()
    };
    let path = json!(vec!["00".repeat(32); 65]);
    for (text, words) in [
        (String::new(), "as a proof"),
        ("{}".to_owned(), "not an inclusion proof"),
        ("[".repeat(100_000), "as a proof"),
        (changed(&|proof| proof["schema"] = json!(2)), "its schema is 2"),
        (changed(&|proof| proof["method"] = json!("\u{1b}v2")), "its method is `\\u{1b}v2`"),
        (changed(&|proof| proof["places"] = json!([])), "it has 0 places"),
        (changed(&|proof| proof["places"][0]["line"] = json!(1)), "as a proof"),
        (
            changed(&|proof| proof["places"] = json!(vec![proof["places"][0].clone(); 17])),
            "17 places",
        ),
    ] {
        room.write("wrong.json", text);
        check(&room, "wrong.json", ATTESTATION).is(5, words);
    }
    room.write(
        "wrong.json",
        changed(&|proof| proof["places"][0]["dayInAll"]["path"] = path.clone()),
    );
    check(&room, "wrong.json", ATTESTATION).is(1, "too long");
}
