//! One sample for each row as CloudTrail writes it, with variants that were denied, have a
//! different target, or widen.
#[path = "operations_samples.rs"]
mod samples;

use super::*;
use crate::trail_event::{Recorded, causes};
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::Timestamp;
use samples::*;
use serde_json::json;
use std::collections::BTreeSet;

#[test]
fn every_row_has_a_sample_and_its_variants() {
    for (row, source, _) in OPERATIONS {
        let Sample { event, does, other, widening } = sample(row);
        assert_eq!((&event["eventName"], &event["eventSource"]), (&json!(row), &json!(source)));
        let all: Vec<_> = found(std::slice::from_ref(&event))
            .into_iter()
            .map(|cause| (cause.subject, cause.effect))
            .collect();
        // What may stop delivery explains nothing.
        let expected = Some(does.clone()).filter(|(_, effect)| *effect != Effect::MayStop);
        assert_eq!(all, Vec::from_iter(expected), "{row}");
        let mut denied = event.clone();
        denied["errorCode"] = json!("AccessDenied");
        denied["errorMessage"] = json!("User is not authorized to perform this");
        assert_eq!(found(&[denied.clone()]), [], "{row} denied");
        denied["requestParameters"] = Value::Null;
        assert_eq!(found(&[denied]), [], "{row} denied, without parameters");
        assert!(!cited(&other).contains(&does), "{row} with a different target");
        assert_eq!(other["eventName"], json!(row));
        for widening in widening {
            assert_eq!(widening["eventName"], json!(row));
            assert_eq!(cited(&widening), [], "{row} widening: {widening}");
        }
        // The same call name of a different service is a different call.
        let mut elsewhere = event;
        elsewhere["eventSource"] = json!("ec2.amazonaws.com");
        assert_eq!(found(&[elsewhere]), [], "{row} elsewhere");
    }
}

#[test]
fn the_table_is_sorted_and_uses_cloudtrail_event_names() {
    assert!(OPERATIONS.is_sorted_by(|one, other| one.0 < other.0));
    for name in [
        "PutEventSelectors",
        "PutInsightSelectors",
        "PutBucketReplication",
        "PutBucketNotification",
    ] {
        assert!(!is_known(name.as_bytes()), "{name}");
    }
    let insights = json!({"trailName": ARN, "insightSelectors": []});
    assert_eq!(found(&[event(CLOUDTRAIL, "PutInsightSelectors", &insights)]), []);
}

#[test]
fn a_trail_update_is_judged_by_its_parameters() {
    let not_at = |bucket: Option<&str>, prefix: Option<&str>| {
        let (trail, owned) = (trail("management"), |it: &str| it.to_owned());
        Subject::TrailNotAt { trail, bucket: bucket.map(owned), prefix: prefix.map(owned) }
    };
    for (parameter, value, subject) in [
        ("s3BucketName", json!("c"), not_at(Some("c"), None)),
        ("s3KeyPrefix", json!("q"), not_at(None, Some("q"))),
        ("s3KeyPrefix", json!(""), not_at(None, Some(""))),
        ("enableLogFileValidation", json!(false), Subject::Trail(trail("management"))),
        ("isMultiRegionTrail", json!(false), Subject::TrailElsewhere(trail("management"))),
        ("isOrganizationTrail", json!(false), Subject::TrailMembers(trail("management"))),
    ] {
        let mut request = json!({"name": ARN});
        request[parameter] = value;
        let update = event(CLOUDTRAIL, "UpdateTrail", &request);
        assert_eq!(cited(&update), [(subject, Effect::Ends)], "{request}");
    }
}

#[test]
fn selectors_narrow_if_they_drop_management_events() {
    let classic = |management: bool, kind: &str, excludes: &[&str]| {
        json!({"readWriteType": kind, "includeManagementEvents": management,
            "excludeManagementEventSources": excludes})
    };
    let advanced = |fields: Value| json!({"name": "Management events", "fieldSelectors": fields});
    let management = json!({"field": "eventCategory", "equals": ["Management"]});
    let data = json!({"field": "eventCategory", "equals": ["Data"]});
    let read_only = json!({"field": "readOnly", "equals": ["true"]});
    let writes = json!({"field": "readOnly", "equals": ["false"]});
    let excludes = json!({"field": "eventSource", "notEquals": ["kms.amazonaws.com"]});
    for (selectors, narrows) in [
        (json!({"eventSelectors": [classic(true, "All", &[])]}), false),
        (json!({"eventSelectors": classic(true, "All", &[])}), false),
        (
            json!({"eventSelectors":
                [classic(true, "ReadOnly", &[]), classic(true, "WriteOnly", &[])]}),
            false,
        ),
        (json!({"eventSelectors": [classic(true, "ReadOnly", &[])]}), true),
        (json!({"eventSelectors": [classic(true, "WriteOnly", &[])]}), true),
        (json!({"eventSelectors": [classic(true, "All", &["kms.amazonaws.com"])]}), true),
        (json!({"advancedEventSelectors": [advanced(json!([management]))]}), false),
        (json!({"advancedEventSelectors": [advanced(json!([data]))]}), true),
        (json!({"advancedEventSelectors": [advanced(json!([management, read_only]))]}), true),
        (json!({"advancedEventSelectors": [advanced(json!([management, excludes]))]}), true),
        // What is left out narrows however it is spelled.
        (
            json!({"advancedEventSelectors": [advanced(json!([management,
                {"field": "eventName", "notEquals": ["StopLogging"]}]))]}),
            true,
        ),
        (
            json!({"advancedEventSelectors": [advanced(json!([management,
                {"field": "readOnly", "notEquals": ["true"]}]))]}),
            true,
        ),
        (
            json!({"advancedEventSelectors": [advanced(json!([management, read_only])),
                advanced(json!([management, writes]))]}),
            false,
        ),
    ] {
        let mut request = selectors.clone();
        request["trailName"] = json!("management");
        let put = event(CLOUDTRAIL, "PutEventSelectors", &request);
        let (chain, log) = (chain(), ObjectLocation::new("b", LOG));
        let recorded = Recorded { log: &log, chain: &chain, bucket: "b" };
        let record = serde_json::from_value(put.clone()).unwrap();
        assert_eq!(selectors_narrow(&Facts::new(&record, recorded)), narrows, "{selectors}");
        // Digests are delivered as before.
        assert_eq!(found(&[put]), [], "{selectors}");
    }
}

#[test]
fn a_citation_has_principal_place_and_time() {
    let other = event(S3, "GetObject", &Value::Null);
    let stop = sample("StopLogging").event;
    let causes = found(&[other, stop]);
    let [cause] = causes.as_slice() else { panic!("{causes:?}") };
    let cited = &cause.event;
    assert_eq!(cited.name, "StopLogging");
    assert_eq!(cited.id, "3c4226b0-1e81-48a8-a333-7fa5f3cbd118");
    assert_eq!(cited.principal, "arn:aws:sts::111122223333:assumed-role/admin/mallory");
    assert_eq!((cited.address.as_str(), cited.log.key.as_str()), ("192.0.2.1", LOG));
    assert_eq!(Some(cited.time), Timestamp::parse("2026-03-01T10:00:00Z"));
    assert_eq!(cause.recorded_in, chain().account);
}

#[test]
fn an_event_is_found_in_any_spelling() {
    let stop = sample("StopLogging").event.to_string();
    let many = vec![event(S3, "GetObject", &Value::Null).to_string(); 50].join(",");
    let log = ObjectLocation::new("b", LOG);
    let chain = chain();
    let recorded = Recorded { log: &log, chain: &chain, bucket: "b" };
    for (as_aws, other) in [
        ("\"eventName\":\"", "\"eventName\": \""),
        ("\"eventName\":\"", "\"eventName\"\n:\t\""),
        ("StopLogging", "\\u0053topLogging"),
        ("StopLogging", "StopLoggin\\u0067"),
    ] {
        let stop = stop.replace(as_aws, other);
        let content = format!("{{\"Records\":[{many},{stop},{many}]}}");
        assert_eq!(causes(content.as_bytes(), recorded).len(), 1, "{other}");
    }
    for content in ["", "7", "{\"Records\":7,\"eventName\":\"StopLogging\"}", "\"eventName\""] {
        assert_eq!(causes(content.as_bytes(), recorded), [], "{content}");
    }
}

#[test]
fn many_events_of_one_name_do_not_hide_others() {
    let deletions = vec![sample("DeleteObjects").event; 1_000];
    let events = [deletions, vec![sample("StopLogging").event]].concat();
    let names: BTreeSet<_> = found(&events).into_iter().map(|cause| cause.event.name).collect();
    assert_eq!(names, BTreeSet::from(["DeleteObjects".to_owned(), "StopLogging".to_owned()]));
    assert!(found(&events).len() < 32);
}

#[test]
fn an_alias_alone_does_not_identify_a_key() {
    let mut disable = event(KMS, "DisableKey", &json!({"keyId": "alias/logs"}));
    assert_eq!(found(&[disable.clone()]), []);
    disable["resources"] = json!({"ARN": KEY_ARN, "type": "AWS::KMS::Key"});
    assert_eq!(found(&[disable]).len(), 1);
}
