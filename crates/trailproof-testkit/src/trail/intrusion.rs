//! One intrusion: logging stopped for four hours, a lifecycle rule that removes the first day, two
//! digests deleted, a log file replaced and one planted, all by one caller.
use super::attack::{plant, written};
use super::built::BuiltTrail;
use super::deed::{Deed, DigestAt, LogAt, NoSuchTarget};
use super::event::EventSpec;
use super::spec::TrailSpec;

/// Index of the first deleted digest; the next one is deleted too.
const DELETED: usize = 41;
const REPLACED: LogAt = LogAt { digest: DigestAt { chain: 0, index: 26 }, log: 0 };

/// Builds the trail: three days of one account and region, in a bucket that keeps versions.
///
/// # Errors
///
/// Returns an error if a deed has no target, which is a mistake here.
pub fn intrusion() -> Result<BuiltTrail, NoSuchTarget> {
    let base = || TrailSpec::new().seed(61).hours(72).pause(30, 34, 0).versioned();
    let before = base().build();
    let s3 = "s3.amazonaws.com";
    let bucket = "example-trail-logs";
    let at = |key: &str| format!("{{\"bucketName\":\"{bucket}\",\"key\":\"{key}\"}}");
    let digest = |index: usize| {
        let chain = before.chains.first();
        chain.and_then(|chain| chain.digests.get(index)).map(|digest| digest.key.clone())
    };
    let log = before.log(0, REPLACED.digest.index, 0).ok_or(NoSuchTarget)?.clone();
    let planted = super::attack::planted_key(&log.key, log.time + 600);
    let rule = "{\"bucketName\":\"example-trail-logs\",\"lifecycle\":\"\",\"LifecycleConfiguration\":\
                {\"Rule\":{\"Status\":\"Enabled\",\"Filter\":{\"Prefix\":\
                \"AWSLogs/111122223333/CloudTrail/\"},\"Expiration\":{\"Days\":1}}}}";
    let mut spec = base().event(36, EventSpec::new(s3, "PutBucketLifecycle").request(rule));
    for (number, index) in [DELETED, DELETED + 1].into_iter().enumerate() {
        let request = at(&digest(index).ok_or(NoSuchTarget)?);
        let event = EventSpec::new(s3, "DeleteObject").request(&request).data();
        spec = spec.event(50, event.id(&format!("delete-{number}")));
    }
    let wrote = spec.start + 53 * 3_600 - 300;
    for (number, key) in [&log.key, &planted].into_iter().enumerate() {
        let event = EventSpec::new(s3, "PutObject").request(&at(key)).data().at(wrote);
        spec = spec.event(52, event.id(&format!("put-{number}")));
    }
    let mut trail = spec.build();
    trail.apply_all(&[
        Deed::RangeDeleted { chain: 0, from: DELETED, to: DELETED + 2 },
        Deed::LogContentChanged(REPLACED),
    ])?;
    plant(&mut trail, bucket, &log.key, log.time + 600)?;
    [&log.key, &planted].into_iter().for_each(|key| written(&mut trail, bucket, key, wrote));
    // The rule removes the log files of the first day.
    let keys: Vec<String> = trail.world.buckets.get(bucket).map_or_else(Vec::new, |bucket| {
        let first_day = |key: &&String| key.contains("/CloudTrail/us-east-1/2026/03/01/");
        bucket.objects.keys().filter(first_day).cloned().collect()
    });
    // It acts at the first midnight after a day, in a bucket that keeps versions by delete markers.
    let midnight = (base().start.div_euclid(86_400) + 2) * 86_400;
    keys.iter().for_each(|key| {
        trail.delete_at(bucket, key, midnight);
    });
    Ok(trail)
}
