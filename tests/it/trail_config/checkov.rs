//! Checkov on the same plan. `testdata/trail-config/checkov.json` is what Checkov 3.3.30 decided, and the
//! result names Checkov's checks: both must agree, except where ours asks more.
use super::{fixture, json};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

/// What Checkov passes and a check here does not: the alias of AWS is not a customer's key, and `aws:kms`
/// without a key is the one that AWS manages.
const STRICTER: [(&str, &str); 2] =
    [("CKV_AWS_35", "aws_cloudtrail.bad"), ("CKV_AWS_145", "module.logs.aws_s3_bucket.audit_logs")];

#[test]
fn both_agree_except_where_ours_asks_more() {
    let text = fs::read_to_string(fixture("checkov.json")).unwrap();
    let theirs: Value = serde_json::from_str(&text).unwrap();
    let (_, ours) = json(&fixture("plan.json"), &[]);
    let names = |found: &Value, id: &str| {
        let mut controls = found["controls"].as_array().unwrap().iter();
        controls.any(|it| it["framework"] == "checkov" && it["id"] == id)
    };
    let (mut compared, mut differ) = (BTreeSet::new(), BTreeSet::new());
    for entry in theirs["results"].as_array().unwrap() {
        let id = entry["check"].as_str().unwrap();
        // The block of public access is a setting of the bucket.
        let resource = entry["resource"].as_str().unwrap();
        let resource = resource.replace("aws_s3_bucket_public_access_block", "aws_s3_bucket");
        let found = ours["results"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| names(it, id) && it["subject"] == resource);
        let Some(found) = found else { continue };
        compared.insert(id.to_owned());
        if found["status"] != entry["result"] {
            assert_eq!(
                (&found["status"], &entry["result"]),
                (&"FAIL".into(), &"PASS".into()),
                "{found:#}"
            );
            differ.insert((id.to_owned(), resource));
        }
    }
    let stricter = STRICTER.map(|(id, resource)| (id.to_owned(), resource.to_owned()));
    assert_eq!(differ, BTreeSet::from(stricter));
    assert!(compared.len() >= 14, "{compared:?}");
    // Checkov does not look at a separate configuration of Object Lock.
    assert!(!text.contains("CKV_AWS_143"));
    let lock = super::result(&ours, "aws_cloudtrail.compliance", "bucket-object-lock");
    assert!(names(lock, "CKV_AWS_143") && lock["status"] == "PASS");
}
