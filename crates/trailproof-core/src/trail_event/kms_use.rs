//! The calls of KMS for objects of a bucket.
//!
//! For a trail with a key, S3 asks KMS once for each log file that CloudTrail delivers, and for each that
//! somebody reads. The encryption context of the call names the object (User Guide of CloudTrail,
//! "Encrypting CloudTrail log files"). Where bucket keys are on, it names the bucket only.
use super::TrailEvent;
use super::search::{KMS, KMS_READS, KMS_WRITES};
use crate::vocab::key_layout::ROOT;
use serde_json::Value;

/// A call of KMS for an object of the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsUse {
    /// The key of the object.
    pub object: String,
    /// Whether the object was written; it was read otherwise.
    pub writes: bool,
    /// Whether the context names a trail, as that of CloudTrail's own calls does. `invokedBy` has had
    /// different values over the years.
    pub by_cloudtrail: bool,
}

/// Returns what a call of KMS that succeeded was for, if that is an object of the evidence in this bucket.
pub fn kms_use(event: &TrailEvent, bucket: &str) -> Option<KmsUse> {
    let is_call = event.source == KMS && matches!(event.name.as_str(), KMS_WRITES | KMS_READS);
    if !is_call || !event.error.is_empty() {
        return None;
    }
    let json: Value = serde_json::from_str(&event.json).ok()?;
    let context = json.pointer("/requestParameters/encryptionContext")?;
    let arn = context.get("aws:s3:arn")?.as_str()?;
    let (_, place) = arn.split_once(":s3:::")?;
    let (of, object) = place.split_once('/')?;
    (of == bucket && object.contains(ROOT)).then(|| KmsUse {
        object: object.to_owned(),
        writes: event.name == KMS_WRITES,
        by_cloudtrail: context.get("aws:cloudtrail:arn").is_some_and(Value::is_string),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_call_names_the_object_that_it_is_for() {
        let key = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/x.json.gz";
        let of = |name: &str, context: Value| {
            let json = json!({"requestParameters": {"encryptionContext": context}}).to_string();
            let (source, name) = (KMS.to_owned(), name.to_owned());
            TrailEvent { source, name, json, ..TrailEvent::default() }
        };
        let arn = format!("arn:aws:s3:::logs/{key}");
        let trail = "arn:aws:cloudtrail:us-east-1:111122223333:trail/t";
        let context = json!({"aws:cloudtrail:arn": trail, "aws:s3:arn": arn});
        let used = |event: &TrailEvent| kms_use(event, "logs");
        let expected = KmsUse { object: key.to_owned(), writes: true, by_cloudtrail: true };
        assert_eq!(used(&of(KMS_WRITES, context.clone())), Some(expected.clone()));
        let read = KmsUse { writes: false, ..expected.clone() };
        assert_eq!(used(&of(KMS_READS, context.clone())), Some(read));
        let foreign = KmsUse { by_cloudtrail: false, ..expected };
        assert_eq!(used(&of(KMS_WRITES, json!({"aws:s3:arn": arn}))), Some(foreign));
        let refused =
            TrailEvent { error: "AccessDenied".to_owned(), ..of(KMS_WRITES, context.clone()) };
        for other in [
            refused,
            of("Encrypt", context.clone()),
            TrailEvent { source: "s3.amazonaws.com".to_owned(), ..of(KMS_WRITES, context) },
            of(KMS_WRITES, json!({"aws:s3:arn": "arn:aws:s3:::logs"})),
            of(KMS_WRITES, json!({"aws:s3:arn": arn.replace(":::logs/", ":::others/")})),
            of(KMS_WRITES, json!({"aws:s3:arn": "arn:aws:s3:::logs/tmp/x"})),
            of(KMS_WRITES, json!({})),
        ] {
            assert_eq!(used(&other), None, "{other:?}");
        }
    }
}
