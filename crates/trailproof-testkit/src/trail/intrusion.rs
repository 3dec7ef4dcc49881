//! One intrusion: logging stopped for four hours, a lifecycle rule that removes the first day, two
//! digests deleted, a log file replaced by one without an event and one planted, all by one caller.
use super::attack::{plant, written};
use super::built::{BuiltLog, BuiltTrail};
use super::deed::{Deed, NoSuchTarget};
use super::event::EventSpec;
use super::gzip::{self, Body};
use super::spec::TrailSpec;
use serde_json::Value;

/// Index of the first deleted digest; the next one is deleted too.
const DELETED: usize = 41;

/// Hour of the event that is taken out of its log file, and the id of that.
const HIDDEN: u32 = 25;
const HIDDEN_ID: &str = "hidden-create-access-key";

/// Builds the trail: three days of one account and region, in a bucket that keeps versions.
///
/// # Errors
///
/// Returns an error if a deed has no target, which is a mistake here.
pub fn intrusion() -> Result<BuiltTrail, NoSuchTarget> {
    let hidden = EventSpec::new("iam.amazonaws.com", "CreateAccessKey").id(HIDDEN_ID);
    let hidden = hidden.request("{\"userName\":\"backdoor\"}");
    let base = || {
        let spec = TrailSpec::new().seed(61).hours(72).pause(30, 34, 0).versioned();
        spec.event(HIDDEN, hidden.clone())
    };
    let before = base().build();
    let s3 = "s3.amazonaws.com";
    let bucket = "example-trail-logs";
    let at = |key: &str| format!("{{\"bucketName\":\"{bucket}\",\"key\":\"{key}\"}}");
    let digest = |index: usize| {
        let chain = before.chains.first();
        chain.and_then(|chain| chain.digests.get(index)).map(|digest| digest.key.clone())
    };
    let holds = |log: &&BuiltLog| {
        let body = before.current(bucket, &log.key).map(|version| gzip::read(&version.body));
        matches!(body, Some(Body::Inflated { bytes, .. })
            if String::from_utf8_lossy(&bytes).contains(HIDDEN_ID))
    };
    let log = before.logs().map(|(_, log)| log).find(holds).ok_or(NoSuchTarget)?.clone();
    let planted = super::attack::planted_key(&log.key, log.time + 600);
    let rule = "{\"bucketName\":\"example-trail-logs\",\"lifecycle\":\"\",\"LifecycleConfiguration\":\
                {\"Rule\":{\"Status\":\"Enabled\",\"Filter\":{\"Prefix\":\
                \"AWSLogs/111122223333/CloudTrail/\"},\"Expiration\":{\"Days\":1}}}}";
    let start = base().start;
    let put = EventSpec::new(s3, "PutBucketLifecycle").request(rule).at(start + 36 * 3_600 + 2_100);
    let mut spec = base().event(36, put);
    let deleted = start + 50 * 3_600 + 1_800;
    for (number, index) in [DELETED, DELETED + 1].into_iter().enumerate() {
        let request = at(&digest(index).ok_or(NoSuchTarget)?);
        let event = EventSpec::new(s3, "DeleteObject").request(&request).data();
        let event = event.id(&format!("delete-{number}")).at(deleted);
        spec = spec.event(50, event);
    }
    let wrote = start + 53 * 3_600 - 300;
    for (number, key) in [&log.key, &planted].into_iter().enumerate() {
        let event = EventSpec::new(s3, "PutObject").request(&at(key)).data().at(wrote);
        spec = spec.event(52, event.id(&format!("put-{number}")));
    }
    let mut trail = spec.build();
    trail.apply_all(&[Deed::RangeDeleted { chain: 0, from: DELETED, to: DELETED + 2 }])?;
    // A delete marker has the time of the call.
    for index in [DELETED, DELETED + 1] {
        written(&mut trail, bucket, &digest(index).ok_or(NoSuchTarget)?, deleted);
    }
    let mut version = trail.current(bucket, &log.key).ok_or(NoSuchTarget)?.clone();
    let Body::Inflated { bytes, .. } = gzip::read(&version.body) else { return Err(NoSuchTarget) };
    let mut content: Value = serde_json::from_slice(&bytes).map_err(|_| NoSuchTarget)?;
    let records = content.get_mut("Records").and_then(Value::as_array_mut).ok_or(NoSuchTarget)?;
    records.retain(|event| event.get("eventID").and_then(Value::as_str) != Some(HIDDEN_ID));
    version.body = gzip::member(content.to_string().as_bytes()).into();
    trail.put(bucket, &log.key, version);
    plant(&mut trail, bucket, &log.key, log.time + 600)?;
    [&log.key, &planted].into_iter().for_each(|key| written(&mut trail, bucket, key, wrote));
    // The rule removes the log files of the first day.
    let keys: Vec<String> = trail.world.buckets.get(bucket).map_or_else(Vec::new, |bucket| {
        let first_day = |key: &&String| key.contains("/CloudTrail/us-east-1/2026/03/01/");
        bucket.objects.keys().filter(first_day).cloned().collect()
    });
    // It acts at the first midnight after a day, in a bucket that keeps versions by delete markers.
    let midnight = (start.div_euclid(86_400) + 2) * 86_400;
    keys.iter().for_each(|key| {
        trail.delete_at(bucket, key, midnight);
    });
    Ok(trail)
}
