//! What a digest contains, and which documents are rejected.
use super::*;
use crate::bytes::content::read_whole;

const STARTING: &str = r#"{"awsAccountId":"123456789012","digestStartTime":"2023-07-10T11:00:00Z","digestEndTime":"2023-07-10T12:00:00Z","digestS3Bucket":"b","digestS3Object":"k\/d","digestPublicKeyFingerprint":"f","digestSignatureAlgorithm":"SHA256withRSA","newestEventTime":null,"oldestEventTime":null,"previousDigestS3Bucket":null,"previousDigestS3Object":null,"previousDigestHashValue":null,"previousDigestHashAlgorithm":null,"previousDigestSignature":null,"logFiles":[],"added":1}"#;

fn parse(text: &str) -> Result<DigestClaim, Malformed> {
    let content = read_whole(text.as_bytes(), 1 << 20, None).unwrap();
    DigestClaim::parse(&content, text.as_bytes())
}

#[test]
fn the_string_to_sign_is_four_lines_with_null_at_a_chain_start() {
    let claim = parse(STARTING).unwrap();
    assert_eq!(
        claim.string_to_sign(),
        format!("2023-07-10T12:00:00Z\nb/k/d\n{}\nnull", hex::encode(claim.hash))
    );
    let digest = claim.complete().unwrap();
    assert_eq!((digest.previous, digest.logs), (None, vec![]));
    assert_eq!(digest.end.unix() - digest.start.unix(), 3_600);
}

#[test]
fn an_absent_field_is_named() {
    for field in [
        "digestStartTime",
        "digestEndTime",
        "digestS3Bucket",
        "digestS3Object",
        "digestPublicKeyFingerprint",
        "previousDigestSignature",
    ] {
        let text = STARTING.replace(&format!("\"{field}\""), "\"x\"");
        assert_eq!(parse(&text), Err(Malformed::FieldAbsent(field)));
    }
    let text = STARTING.replace("logFiles", "x");
    assert_eq!(parse(&text).unwrap().complete(), Err(Malformed::FieldAbsent("logFiles")));
}

#[test]
fn invalid_documents_are_rejected_without_a_panic() {
    for (from, to) in [
        ("2023-07-10T12:00:00Z", "noon"),
        ("\"logFiles\":[]", "\"logFiles\":[{\"s3Bucket\":\"b\"}]"),
        (
            "\"logFiles\":[]",
            "\"logFiles\":[{\"s3Bucket\":\"b\",\"s3Object\":\"o\",\"hashValue\":\"00\"}]",
        ),
    ] {
        assert!(parse(&STARTING.replace(from, to)).unwrap().complete().is_err(), "{to}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in [
        "".to_owned(),
        "{".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        STARTING.replace("\"f\"", "7"),
        STARTING.replace("\"f\"", "\"\\ud800\""),
        STARTING.replace("\"b\"", &deep),
        STARTING.replace("\"added\":1", "\"digestS3Bucket\":\"c\""),
    ] {
        assert!(parse(&text).is_err(), "{}", &text[..text.len().min(80)]);
    }
    // Unknown fields are allowed, and deep nesting in one costs no stack.
    let unknown = STARTING.replace("\"added\":1", &format!("\"added\":{deep}"));
    assert!(parse(&unknown).is_ok());
}

/// No text of a claim is longer than its form allows, and longer ones are cut in reports.
#[test]
fn texts_longer_than_a_field_allows_are_rejected() {
    let linked = STARTING
        .replace("\"previousDigestS3Bucket\":null", "\"previousDigestS3Bucket\":\"b\"")
        .replace("\"previousDigestS3Object\":null", "\"previousDigestS3Object\":\"k\"")
        .replace("\"previousDigestSignature\":null", "\"previousDigestSignature\":\"00\"");
    let with = |field: &str, value: &str| {
        let (before, rest) = linked.split_once(&format!("\"{field}\":")).unwrap();
        let end = rest.find(",\"").unwrap();
        format!("{before}\"{field}\":\"{value}\"{}", &rest[end..])
    };
    for (field, most) in [
        ("digestS3Bucket", 255),
        ("digestS3Object", 1_024),
        ("digestPublicKeyFingerprint", 256),
        ("digestStartTime", 40),
        ("digestEndTime", 40),
        ("previousDigestS3Bucket", 255),
        ("previousDigestS3Object", 1_024),
        ("previousDigestSignature", 2_048),
    ] {
        assert!(parse(&with(field, &"x".repeat(most))).is_ok(), "{field}");
        for longer in [most + 1, 300_000] {
            let Err(Malformed::FieldInvalid { field: named, value }) =
                parse(&with(field, &"x".repeat(longer)))
            else {
                panic!("{field} of {longer}")
            };
            assert!(named == field && value.len() <= budget::SHOWN + 1, "{field}");
        }
    }
    let long = "x".repeat(300_000);
    let log = |bucket: &str, key: &str, hash: &str| {
        let log = format!(r#"[{{"s3Bucket":"{bucket}","s3Object":"{key}","hashValue":"{hash}"}}]"#);
        let text = STARTING.replace("\"logFiles\":[]", &format!("\"logFiles\":{log}"));
        parse(&text).unwrap().complete()
    };
    let hash = "0".repeat(64);
    assert!(log(&"b".repeat(255), &"k".repeat(1_024), &hash).is_ok());
    let previous = with("previousDigestHashValue", &long);
    for complete in [
        log(&"b".repeat(256), "k", &hash),
        log("b", &"k".repeat(1_025), &hash),
        log("b", "k", &long),
        parse(&previous).unwrap().complete(),
    ] {
        match complete {
            Err(Malformed::FieldInvalid { value, .. }) => assert!(value.len() <= 201),
            other => panic!("{other:?}"),
        }
    }
}
