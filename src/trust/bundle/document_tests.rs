//! Every format of a bundle is read, and an invalid bundle is refused with a reason.
use super::*;
use serde_json::json;

/// A key of the demo, with this start of its validity.
fn key(start: impl Into<Value>) -> Value {
    let demo: Value =
        serde_json::from_str(include_str!("../../../testdata/demo/public-keys.json")).unwrap();
    let mut key = demo["eu-west-1"]["PublicKeyList"][0].clone();
    key["ValidityStartTime"] = start.into();
    key.as_object_mut().unwrap().remove("ValidityEndTime");
    key
}

fn parsed(value: &Value) -> Result<Bundle, BundleError> {
    Bundle::parse(value.to_string().as_bytes())
}

#[test]
fn a_time_is_read_in_every_spelling_that_tools_print() {
    for spelt in [
        json!(1_600_000_000),
        json!(1_600_000_000.0),
        json!(1_600_000_000.75),
        json!("2020-09-13T12:26:40Z"),
        json!("2020-09-13T14:26:40+02:00"),
        json!("/Date(1600000000000)/"),
        json!("/Date(1600000000000+0200)/"),
    ] {
        let bundle = parsed(&json!({ "PublicKeyList": [key(spelt.clone())] })).unwrap();
        let from = bundle.of_any_region.first().and_then(|key| key.valid_from);
        assert_eq!(from.map(Timestamp::unix), Some(1_600_000_000), "{spelt}");
    }
    for spelt in [json!("noon"), json!([]), json!(true), json!("/Date(x)/"), json!(1e300)] {
        let bundle = parsed(&json!([key(spelt.clone())])).unwrap();
        assert_eq!((bundle.of_any_region.len(), bundle.unusable.len()), (0, 1), "{spelt}");
    }
}

#[test]
fn every_format_is_read_with_its_coverage() {
    let own = json!({ "format": FORMAT, "schema": SCHEMA, "regions": { "us-east-1": {
        "requested": [{ "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z" }],
        "PublicKeyList": [key(0)] } } });
    let own = parsed(&own).unwrap();
    assert_eq!(own.regions.values().next().map(|region| region.covered.len()), Some(1));
    let by_region = parsed(&json!({ "us-east-1": { "PublicKeyList": [key(0)] } })).unwrap();
    assert_eq!(by_region.regions.values().next().map(|region| region.keys.len()), Some(1));
    assert!(parsed(&json!({ "PublicKeyList": [key(0)], "NextToken": "x" })).unwrap().cut);
    assert!(!parsed(&json!({ "PublicKeyList": [key(0)], "NextToken": null })).unwrap().cut);
}

/// A response with missing pages must not lead to a contradiction.
#[test]
fn a_response_with_a_next_page_covers_nothing() {
    let day = |number: i64| json!(number * 86_400);
    let keys: Vec<Value> = (0..4)
        .map(|n| {
            let mut key = key(day(n * 19));
            key["ValidityEndTime"] = day(n * 19 + 30);
            key
        })
        .collect();
    for (token, stretches) in [(json!(null), 1), (json!("x"), 0)] {
        let answer = json!({ "PublicKeyList": keys, "NextToken": token });
        let bundle = parsed(&json!({ "us-east-1": answer })).unwrap();
        let covered = bundle.regions.values().next().map(|region| region.covered.len());
        assert_eq!(covered, Some(stretches));
    }
}

#[test]
fn an_invalid_bundle_is_refused_with_a_reason() {
    for wrong in [
        json!({}),
        json!([]),
        json!(7),
        json!({ "a_b": [] }),
        json!({ "us-east-1": 7 }),
        json!({ "format": "other" }),
        json!({ "format": FORMAT, "schema": 2 }),
        json!({ "format": FORMAT, "schema": 1, "regions": { "us-east-1": {
            "requested": [{ "from": "x" }], "PublicKeyList": [] } } }),
    ] {
        assert!(parsed(&wrong).is_err(), "{wrong}");
    }
    assert!(Bundle::parse(b"").is_err() && Bundle::parse(b"\xff").is_err());
    let vast = vec![b' '; usize::try_from(budget::KEY_BUNDLE).unwrap() + 1];
    assert!(Bundle::parse(&vast).is_err());
}

#[test]
fn an_invalid_key_is_reported_and_the_rest_is_used() {
    let long = "A".repeat(budget::PUBLIC_KEY * 2 + 4);
    let bundle = parsed(&json!([
        key(0), {}, 7, { "Fingerprint": "f" }, { "Fingerprint": "\u{1b}", "Value": "*" },
        { "Fingerprint": "f", "Value": long },
    ]));
    let bundle = bundle.unwrap();
    assert_eq!((bundle.of_any_region.len(), bundle.unusable.len()), (1, 5));
    assert!(bundle.unusable.iter().all(|why| !why.contains('\u{1b}')));
}

/// The missing key is then unknown, so a digest that names it is not contradicted.
#[test]
fn a_list_with_an_invalid_entry_covers_nothing() {
    let own = |keys: Value| {
        let own = json!({ "format": FORMAT, "schema": SCHEMA, "regions": { "us-east-1": {
            "requested": [{ "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z" }],
            "PublicKeyList": keys } } });
        let bundle = parsed(&own).unwrap();
        bundle.regions.values().map(|region| region.covered.len()).sum::<usize>()
    };
    assert_eq!(own(json!([key(0)])), 1);
    let (mut no_name, mut no_base64, mut no_time) = (key(0), key(0), key("x"));
    no_name["Fingerprint"] = Value::Null;
    no_base64["Value"] = "*".into();
    no_time["ValidityEndTime"] = "x".into();
    for wrong in [no_name, no_base64, no_time, json!({})] {
        assert_eq!(own(json!([key(0), wrong])), 0, "{wrong}");
    }
}
