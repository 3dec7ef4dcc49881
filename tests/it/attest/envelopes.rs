//! Attestations that were changed or are malformed.
use crate::support::attest_room::{ATTESTATION, AttestFolder};
use serde_json::{Value, json};
use trailproof::attest::dsse::IN_TOTO;

/// A change to a document.
type Change = Box<dyn FnOnce(&mut Value)>;

#[test]
fn a_changed_envelope_is_not_signed() {
    let room = AttestFolder::new("changed");
    let envelope = room.json(ATTESTATION);
    let altered = room.envelope(ATTESTATION);
    let changes: [(&str, Change); 4] = [
        (
            "payload",
            Box::new(move |envelope| {
                let text = String::from_utf8(altered.payload.clone()).unwrap();
                let text = text.replace("contradicted", "proven");
                envelope["payload"] = base64(text.as_bytes()).into();
            }),
        ),
        ("type", Box::new(|envelope| envelope["payloadType"] = "application/json".into())),
        (
            "signature",
            Box::new(|envelope| {
                envelope["signatures"][0]["sig"] = base64(b"0000").into();
            }),
        ),
        ("none", Box::new(|envelope| envelope["signatures"] = json!([]))),
    ];
    for (name, change) in changes {
        let mut changed = envelope.clone();
        change(&mut changed);
        room.write("changed.json", changed.to_string());
        let ran = room.verify("changed.json", &[]).is(1, "is not signed by the key");
        // Nothing from an unsigned payload is printed.
        assert!(!ran.stdout.contains("verdict"), "{name}: {ran:#?}");
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn one_valid_signature_is_enough_and_the_others_are_not_reported() {
    let room = AttestFolder::new("several");
    room.run(&["attest", "keygen", "-o", "b.pem", "--public", "b-public.pem"]).is(0, "key id");
    room.run(&["attest", "sign", "record.jsonl", "--key", "b.pem", "-o", "b.json"]).is(0, "");
    let mut envelope = room.json(ATTESTATION);
    let stranger = room.json("b.json")["signatures"][0].clone();
    envelope["signatures"].as_array_mut().unwrap().insert(0, stranger);
    envelope["unknown"] = json!({ "field": 1 });
    room.write("two.json", envelope.to_string());
    room.verify("two.json", &[]).is(0, "not checked  signatures: 1 more, by other keys");
    // A bundle and a time stamp belong to one signature.
    room.run(&["attest", "bundle", "two.json", "-o", "x"])
        .is(5, "it has 2 signatures instead of one");
    room.run(&["attest", "timestamp-request", "two.json", "-o", "x"]).is(5, "it has 2 signatures");
    envelope["signatures"] = Value::Array(vec![envelope["signatures"][0].clone(); 17]);
    room.write("many.json", envelope.to_string());
    room.verify("many.json", &[]).is(5, "it has 17 signatures");
}

#[test]
fn a_file_that_is_not_an_attestation_is_unreadable() {
    let room = AttestFolder::new("unreadable");
    let envelope = room.json(ATTESTATION);
    let text = envelope.to_string();
    let without = |field: &str| {
        let mut less = envelope.clone();
        less.as_object_mut().unwrap().remove(field);
        less.to_string()
    };
    let bundle = |media: &str| json!({ "mediaType": media, "dsseEnvelope": envelope }).to_string();
    let twice = format!("{},\"payload\":\"e30=\"}}", text.strip_suffix('}').unwrap());
    let cases: &[(&str, String, &str)] = &[
        ("empty", String::new(), "cannot use"),
        ("text", "no JSON".to_owned(), "cannot use"),
        ("deep", "[".repeat(100_000), "cannot use"),
        ("cut", text[..text.len() / 2].to_owned(), "cannot use"),
        ("twice", twice, "`payload` stands twice"),
        ("payload", without("payload"), "`payload` is missing"),
        ("type", without("payloadType"), "`payloadType` is missing"),
        ("signatures", without("signatures"), "`signatures` is missing"),
        ("media", bundle("application/vnd.dev.sigstore.bundle.v0.9+json"), "its media type is"),
        ("hostile", bundle("\u{1b}[2J\u{202e}"), "\\u{1b}[2J\\u{202e}"),
        ("record", String::from_utf8(room.read("record.jsonl")).unwrap(), "cannot use"),
    ];
    for (name, text, words) in cases {
        room.write("wrong.json", text);
        let ran = room.verify("wrong.json", &[]).is(5, words);
        assert!(ran.stderr.len() < 2_000, "{name}: {} bytes", ran.stderr.len());
    }
    let stamps = json!({ "rfc3161Timestamps": vec![json!({ "signedTimestamp": "" }); 17] });
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "dsseEnvelope": envelope,
        "verificationMaterial": { "timestampVerificationData": stamps },
    });
    room.write("stamps.json", bundle.to_string());
    room.verify("stamps.json", &[]).is(5, "it has 17 time stamps");
    let huge = std::fs::File::create(room.0.join("huge.json")).unwrap();
    huge.set_len(40 << 20).unwrap();
    room.verify("huge.json", &[]).is(5, "it is longer than");
    room.verify("no-such-file", &[]).is(5, "cannot read `no-such-file`");
}

#[test]
fn a_signed_payload_of_a_different_kind_is_rejected() {
    let room = AttestFolder::new("kinds");
    let payload = room.envelope(ATTESTATION).payload;
    room.sign_payload(&payload, "application/json", "other-type.json");
    room.verify("other-type.json", &[]).is(5, "its payload is `application/json`");
    let twice = String::from_utf8(payload).unwrap().replacen('{', r#"{"subject":[],"#, 1);
    room.sign_payload(twice.as_bytes(), IN_TOTO, "twice.json");
    room.verify("twice.json", &[]).is(5, "`subject` stands twice");
    let set =
        |name: &'static str, value: Value| move |statement: &mut Value| statement[name] = value;
    let record = room.statement(ATTESTATION)["subject"][0].clone();
    let mut other = record.clone();
    other["digest"]["sha256"] = json!("00".repeat(32));
    let mut report = record.clone();
    report["annotations"]["role"] = json!("report");
    let verdict = |verdict: Value| -> Change {
        Box::new(move |all| all["predicate"]["result"]["verdict"] = verdict)
    };
    let cases: [(Change, &str); 15] = [
        (Box::new(set("subject", json!([]))), "none of its subjects is a record"),
        (Box::new(set("subject", json!([report]))), "none of its subjects is a record"),
        (Box::new(set("subject", json!([record, other]))), "2 of its subjects are records"),
        (verdict(json!("Proven")), "its verdict is \"Proven\", which"),
        (verdict(json!("proven\u{200b}")), "which this version does not know"),
        (verdict(json!(["proven"])), "its verdict is [\"proven\"], which"),
        (verdict(json!(null)), "it has no verdict"),
        (Box::new(|all: &mut Value| all["predicate"]["result"] = json!({})), "it has no verdict"),
        (
            Box::new(set("predicateType", json!("urn:trailproof:attestation:v2"))),
            "a newer trailproof",
        ),
        (
            Box::new(set("predicateType", json!("https://slsa.dev/provenance/v1"))),
            "of a different kind",
        ),
        (Box::new(set("_type", json!("https://in-toto.io/Statement/v0.1"))), "its payload is no"),
        (Box::new(set("subject", json!([{ "name": "x" }]))), "no role or SHA-256"),
        (Box::new(set("predicate", json!(null))), "it has no predicate"),
        (
            Box::new(|all: &mut Value| all["predicate"]["commitment"]["root"] = json!("00")),
            "no root",
        ),
        (
            Box::new(|all: &mut Value| all["predicate"]["commitment"]["method"] = json!("v2")),
            "its commitment is `v2`",
        ),
    ];
    for (change, words) in cases {
        room.sign_changed("kind.json", change);
        let ran = room.verify("kind.json", &["--require", "proven"]).is(5, words);
        assert_eq!(ran.stdout, "", "{ran:#?}");
    }
}

#[test]
fn the_record_exposes_a_false_statement_by_the_signer() {
    let room = AttestFolder::new("lies");
    let cases: [(Change, &str); 9] = [
        (
            Box::new(|predicate| predicate["result"]["verdict"] = json!("proven")),
            "`result` differs",
        ),
        (
            Box::new(|predicate| predicate["result"]["counts"]["logFiles"]["valid"] = json!(97)),
            "`result`",
        ),
        (Box::new(|predicate| predicate["exceptions"]["listed"] = json!([])), "`exceptions`"),
        (
            Box::new(|predicate| predicate["gaps"]["listed"][0]["explainedBy"] = json!([{}])),
            "`gaps`",
        ),
        (Box::new(|predicate| predicate["scope"]["evidence"] = json!("live")), "`scope`"),
        (Box::new(|predicate| predicate["method"]["publicKeys"]["listed"] = json!([])), "`method`"),
        (
            Box::new(|predicate| predicate["invocation"]["host"] = json!("elsewhere")),
            "`invocation`",
        ),
        (Box::new(|predicate| predicate["commitment"]["lines"] = json!(1)), "`commitment` differs"),
        (Box::new(|predicate| predicate["more"] = json!("than the record tells")), "`more`"),
    ];
    for (lie, words) in cases {
        room.sign_changed("lie.json", |statement| lie(&mut statement["predicate"]));
        // Without the record the lie cannot be detected, and the output does not claim that it was
        // checked.
        room.verify("lie.json", &[]).is(0, "not checked  record");
        room.verify("lie.json", &["--record", "record.jsonl"]).is(1, words).is(1, "DOES NOT HOLD");
    }
    let root = "00".repeat(32);
    room.sign_changed("lie.json", |statement| {
        statement["predicate"]["commitment"]["root"] = json!(root)
    });
    let ran = room.verify("lie.json", &["--record", "record.jsonl"]);
    ran.is(1, "WRONG        commitment: the root of the record differs");
}

#[test]
fn hostile_text_does_not_reach_the_terminal() {
    let room = AttestFolder::new("hostile");
    let hostile = "\u{1b}[2J\u{202e}<script>\n\u{7}";
    room.sign_changed("hostile.json", |statement| {
        statement["predicate"]["operator"]["declared"] = json!(hostile);
        statement["predicate"]["scope"]["deliveredTo"]["bucket"] = json!(hostile.repeat(10_000));
        statement["predicate"][hostile] = json!(1);
        let report = json!(
            { "name": hostile, "digest": { "sha256": "11".repeat(32) }, "annotations": { "role": "report" } }
        );
        statement["subject"].as_array_mut().unwrap().push(report);
    });
    let ran = room.verify("hostile.json", &[]).is(0, "\\u{1b}[2J\\u{202e}");
    assert!(ran.stdout.len() < 10_000, "{} bytes", ran.stdout.len());
    room.verify("hostile.json", &["--record", "record.jsonl"])
        .is(1, "WRONG        statement: `\\u{1b}[2J\\u{202e}");
    room.sign_changed("verdict.json", |statement| {
        statement["predicate"]["result"]["verdict"] = json!(hostile.repeat(10_000));
    });
    let ran = room.verify("verdict.json", &[]).is(5, "its verdict is");
    assert!(ran.stderr.len() < 2_000 && !ran.stderr.contains('\u{1b}'), "{ran:#?}");
}
