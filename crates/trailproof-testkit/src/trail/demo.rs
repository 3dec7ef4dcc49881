//! The demo: three days in which one log file was changed and one digest deleted.
use super::built::BuiltTrail;
use super::deed::{Deed, DigestAt, LogAt};
use super::event::EventSpec;
use super::spec::{LogPlan, LogSizes, TrailSpec};
use std::io;
use std::path::Path;

/// The demo's trail, and the keys of the changed and the deleted object.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The trail after the deeds.
    pub trail: BuiltTrail,
    /// Key of the log file that was changed.
    pub changed_log: String,
    /// Key of the digest that was deleted.
    pub deleted_digest: String,
}

/// Builds the demo's trail before any deeds: one account, two regions, 2 × 72 hours from
/// 2026-03-01, two log files every third hour.
pub fn untouched() -> BuiltTrail {
    let mallory = EventSpec::new("s3.amazonaws.com", "PutBucketPolicy")
        .by("arn:aws:iam::111122223333:user/mallory")
        .from_address("198.51.100.23")
        .request("{\"bucketName\":\"example-trail-logs\"}");
    TrailSpec::new()
        .seed(2026)
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-03-01T00:04:11Z", 72)
        .logs(LogPlan::Every { hours: 3, logs: 2 }, LogSizes::Realistic)
        .event(38, mallory)
        .build()
}

/// Builds the demo, with the same bytes on every machine and for every call.
pub fn demo() -> Demo {
    let mut trail = untouched();
    let home = trail.chain("111122223333", "us-east-1", "management-events").unwrap_or(0);
    let other = trail.chain("111122223333", "eu-west-1", "management-events").unwrap_or(0);
    // Hour 30 of the home region has log files; index 0 is the starting digest.
    let log = LogAt { digest: DigestAt { chain: home, index: 31 }, log: 0 };
    let digest = DigestAt { chain: other, index: 50 };
    let changed_log = trail.log(home, 31, 0).map(|log| log.key.clone()).unwrap_or_default();
    let deleted_digest = trail.target(digest).map(|(_, digest)| digest.key).unwrap_or_default();
    let done = trail.apply_all(&[Deed::LogContentChanged(log), Deed::DigestDeleted(digest)]);
    debug_assert_eq!(done, Ok(()), "the demo's targets exist");
    Demo { trail, changed_log, deleted_digest }
}

/// Writes the demo to a directory: `BUCKET/KEY`, `trailproof-objects.json`, `public-keys.json`.
pub fn write_demo(directory: &Path) -> io::Result<Demo> {
    let demo = demo();
    demo.trail.write_to(directory)?;
    Ok(demo)
}
