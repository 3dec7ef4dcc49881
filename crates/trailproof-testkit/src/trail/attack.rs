//! Techniques against evidence, as an attacker or an owner does them: what they do to the world, and
//! the events that they leave in other log files, as AWS writes them.
use super::built::BuiltTrail;
use super::deed::{Deed, DigestAt, LogAt, NoSuchTarget};
use super::event::EventSpec;
use super::location::{day_folder, log_name};
use super::spec::TrailSpec;
use super::{TrailBuilder, log_file};
use strum::{EnumIter, IntoStaticStr};

/// The hour in which the event is recorded, and after which delivery ends.
const EVENT_HOUR: u32 = 9;
const SECOND_ACCOUNT: &str = "444455556666";
const ORGANIZATION: &str = "o-a1b2c3d4e5";
const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// A technique. Its name in kebab case is the code of the program under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Attack {
    /// StopLogging, and StartLogging four hours later.
    TrailStopped,
    /// DeleteTrail, and CreateTrail four hours later.
    TrailDeleted,
    /// PutEventSelectors without management events: the chain goes on, without log files.
    TrailNarrowed,
    /// UpdateTrail without validation: log files go on, without digests.
    ValidationOff,
    /// UpdateTrail to a different bucket, where the chain goes on.
    TrailRedirected,
    /// PutBucketPolicy that denies CloudTrail's deliveries.
    DeliveryBroken,
    /// DisableKey of the key that the trail uses.
    KeyWithheld,
    /// DeleteObject of a log file and a digest.
    ObjectsDeleted,
    /// DeleteObject of a version.
    VersionsDeleted,
    /// PutObject over a log file.
    ObjectsReplaced,
    /// CopyObject of a log file onto itself with a key of the caller's own.
    ObjectsRansomed,
    /// PutObject of a log file that CloudTrail never wrote.
    ObjectsPlanted,
    /// PutBucketLifecycle that expires after a day.
    LifecycleExpiry,
    /// PutBucketObjectLockConfiguration without a default retention.
    LockWeakened,
    /// PutBucketLifecycle that moves to DEEP_ARCHIVE.
    ArchiveHidden,
    /// DeleteBucketReplication.
    ReplicaCut,
    /// RemoveAccountFromOrganization.
    OrgLeft,
    /// DisableRegion.
    RegionOff,
    /// DisableRule of EventBridge.
    WatchersOff,
    /// RunInstances with parameters too large to be recorded.
    EventStarved,
}

/// What is left of a technique's event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is in a log file that CloudTrail delivered.
    Recorded,
    /// The log file that held it is deleted too.
    Lost,
    /// The call has the same name and does no harm, and nothing else was done.
    Innocent,
}

/// A world in which a technique was used.
#[derive(Clone, Debug)]
pub struct Attacked {
    /// The trail.
    pub trail: BuiltTrail,
    /// When the event happened.
    pub when: i64,
    /// Key of a log file that only the holder of the attacker's key can read.
    pub ransomed: Option<String>,
}

impl Attack {
    /// Returns the name.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Builds the world.
    ///
    /// # Errors
    ///
    /// Returns an error if a deed has no target, which is a mistake here.
    pub fn built(self, told: Told) -> Result<Attacked, NoSuchTarget> {
        let base = TrailSpec::new().seed(31).hours(self.hours());
        let when = base.start + i64::from(self.event_hour() + 1) * 3_600 - 300;
        let (source, name, request) = self.event(told, &self.keys());
        let mut event = EventSpec::new(source, name).request(&request).at(when);
        if source == "s3.amazonaws.com" && name.contains("Object") && !name.contains("Lock") {
            event = event.data();
        }
        let done = told != Told::Innocent;
        let mut builder = TrailBuilder::new();
        for spec in self.specs(base, done) {
            let first = spec.regions.iter().any(|region| region == "us-east-1")
                && spec.accounts.iter().any(|account| account == "111122223333");
            builder = builder.trail(match first {
                true => {
                    let spec = spec.event(self.event_hour(), event.clone());
                    self.restart(spec, done)
                }
                false => spec,
            });
        }
        let mut trail = builder.build();
        if done {
            self.apply(&mut trail)?;
            let [log, _, planted] = self.keys();
            let bucket = TrailSpec::new().bucket;
            [log, planted].iter().for_each(|key| match self {
                Self::ObjectsReplaced | Self::ObjectsPlanted => {
                    written(&mut trail, &bucket, key, when);
                }
                _ => {}
            });
        }
        let ransomed = (done && self == Self::ObjectsRansomed)
            .then(|| trail.log(0, 5, 0).map(|log| log.key.clone()))
            .flatten();
        if told == Told::Lost {
            let chain = trail.chains.iter().position(|chain| {
                chain.id.account == "111122223333" && chain.id.region == "us-east-1"
            });
            let index = usize::try_from(self.event_hour()).unwrap_or(0) + 1;
            let digest = DigestAt { chain: chain.unwrap_or(0), index };
            // All log files of that hour, because the event may be in any of them.
            let built = trail.chains.get(digest.chain).and_then(|chain| chain.digests.get(index));
            for log in 0..built.map_or(0, |digest| digest.logs.len()) {
                trail.apply(Deed::LogDeleted(LogAt { digest, log }))?;
            }
        }
        Ok(Attacked { trail, when, ransomed })
    }

    fn hours(self) -> u32 {
        if self == Self::LifecycleExpiry { 72 } else { 24 }
    }

    fn event_hour(self) -> u32 {
        match self {
            // The rule's own log file must outlive the day that it removes.
            Self::LifecycleExpiry => 30,
            // Objects are deleted, replaced or planted after they were delivered.
            Self::ObjectsDeleted
            | Self::VersionsDeleted
            | Self::ObjectsReplaced
            | Self::ObjectsRansomed
            | Self::ObjectsPlanted
            | Self::ArchiveHidden => 14,
            _ => EVENT_HOUR,
        }
    }

    fn specs(self, base: TrailSpec, done: bool) -> Vec<TrailSpec> {
        let begins = EVENT_HOUR + 1;
        if !done {
            return vec![base];
        }
        match self {
            Self::TrailStopped
            | Self::TrailDeleted
            | Self::ValidationOff
            | Self::DeliveryBroken
            | Self::KeyWithheld => vec![base.unexplained_pause(begins, begins + 4, 0)],
            Self::TrailNarrowed => vec![base.empty_hours(begins..24)],
            Self::TrailRedirected => {
                vec![base.relocated(begins, "other-bucket", "us-east-1", None)]
            }
            Self::OrgLeft => {
                let base = base.organization(ORGANIZATION);
                let left = base.clone().accounts(&[SECOND_ACCOUNT]).hours(begins);
                vec![base, left]
            }
            Self::RegionOff => {
                let other = base.clone().regions(&["eu-west-1"]).hours(begins);
                vec![base.clone(), base.regions(&["eu-central-1"]), other]
            }
            _ => vec![base],
        }
    }

    /// Adds the event that ends the technique.
    fn restart(self, spec: TrailSpec, done: bool) -> TrailSpec {
        let name = match self {
            Self::TrailStopped => "StartLogging",
            Self::TrailDeleted => "CreateTrail",
            _ => return spec,
        };
        if !done {
            return spec;
        }
        let request = format!("{{\"name\":\"{}\"}}", spec.arn());
        let at = spec.start + i64::from(EVENT_HOUR + 5) * 3_600 + 60;
        let event = EventSpec::new("cloudtrail.amazonaws.com", name).request(&request).at(at);
        spec.event(EVENT_HOUR + 5, event)
    }

    /// Keys of objects that the event names: a log file, a digest, and a planted log file.
    fn keys(self) -> [String; 3] {
        let trail = TrailSpec::new().seed(31).hours(self.hours()).build();
        let chain = trail.chains.first();
        let digest = |at: usize| chain.and_then(|chain| chain.digests.get(at));
        let log = digest(5).and_then(|digest| digest.logs.first());
        let planted = log.map(|log| planted_key(&log.key, log.time + 600));
        [
            log.map(|log| log.key.clone()).unwrap_or_default(),
            digest(7).map(|digest| digest.key.clone()).unwrap_or_default(),
            planted.unwrap_or_default(),
        ]
    }

    fn event(self, told: Told, keys: &[String; 3]) -> (&'static str, &'static str, String) {
        let spec = TrailSpec::new();
        let (arn, bucket) = (spec.arn(), spec.bucket.clone());
        let harm = told != Told::Innocent;
        let [log, _, planted] = keys;
        const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";
        const S3: &str = "s3.amazonaws.com";
        let at = |key: &str| format!("{{\"bucketName\":\"{bucket}\",\"key\":\"{key}\"}}");
        let rule = |rule: &str| {
            format!(
                "{{\"bucketName\":\"{bucket}\",\"lifecycle\":\"\",\"LifecycleConfiguration\":\
                 {{\"Rule\":{rule}}}}}"
            )
        };
        match self {
            Self::TrailStopped => {
                let name = if harm { arn } else { arn + "-2" };
                (CLOUDTRAIL, "StopLogging", format!("{{\"name\":\"{name}\"}}"))
            }
            Self::TrailDeleted => {
                let name = if harm { arn } else { arn + "-2" };
                (CLOUDTRAIL, "DeleteTrail", format!("{{\"name\":\"{name}\"}}"))
            }
            Self::TrailNarrowed => (
                CLOUDTRAIL,
                "PutEventSelectors",
                format!(
                    "{{\"trailName\":\"{arn}\",\"eventSelectors\":[{{\"readWriteType\":\"All\",\
                     \"includeManagementEvents\":{}}}]}}",
                    !harm
                ),
            ),
            Self::ValidationOff => (
                CLOUDTRAIL,
                "UpdateTrail",
                format!("{{\"name\":\"{arn}\",\"enableLogFileValidation\":{}}}", !harm),
            ),
            Self::TrailRedirected => {
                let to = if harm { "other-bucket" } else { bucket.as_str() };
                (
                    CLOUDTRAIL,
                    "UpdateTrail",
                    format!("{{\"name\":\"{arn}\",\"s3BucketName\":\"{to}\"}}"),
                )
            }
            Self::DeliveryBroken => {
                let effect = if harm { "Deny" } else { "Allow" };
                let policy = format!(
                    "{{\"bucketName\":\"{bucket}\",\"policy\":\"\",\"bucketPolicy\":{{\"Statement\":\
                     [{{\"Effect\":\"{effect}\",\"Principal\":{{\"Service\":\
                     \"cloudtrail.amazonaws.com\"}},\"Action\":\"s3:PutObject\",\"Resource\":\"*\"}}]}}}}"
                );
                (S3, "PutBucketPolicy", policy)
            }
            Self::KeyWithheld => {
                let name = if harm { "DisableKey" } else { "EnableKey" };
                ("kms.amazonaws.com", name, format!("{{\"keyId\":\"{KEY}\"}}"))
            }
            Self::ObjectsDeleted => {
                (S3, "DeleteObject", at(if harm { log.as_str() } else { "tmp/x" }))
            }
            Self::VersionsDeleted => {
                let key = if harm { log.as_str() } else { "tmp/x" };
                let request = format!(
                    "{{\"bucketName\":\"{bucket}\",\"key\":\"{key}\",\"versionId\":\"3HL4kqtJ\"}}"
                );
                (S3, "DeleteObject", request)
            }
            Self::ObjectsReplaced => {
                (S3, "PutObject", at(if harm { log.as_str() } else { "tmp/x" }))
            }
            Self::ObjectsRansomed => {
                let key = if harm { log.as_str() } else { "tmp/x" };
                let request = format!(
                    "{{\"bucketName\":\"{bucket}\",\"key\":\"{key}\",\
                     \"x-amz-server-side-encryption-customer-algorithm\":\"AES256\",\
                     \"x-amz-copy-source\":\"{bucket}/{key}\"}}"
                );
                (S3, "CopyObject", request)
            }
            Self::ObjectsPlanted => {
                (S3, "PutObject", at(if harm { planted.as_str() } else { "tmp/x" }))
            }
            Self::LifecycleExpiry => {
                let prefix = if harm { "AWSLogs/" } else { "tmp/" };
                let text = format!(
                    "{{\"Status\":\"Enabled\",\"Filter\":{{\"Prefix\":\"{prefix}\"}},\
                     \"Expiration\":{{\"Days\":1}}}}"
                );
                (S3, "PutBucketLifecycle", rule(&text))
            }
            Self::LockWeakened => {
                let retention =
                    ",\"Rule\":{\"DefaultRetention\":{\"Mode\":\"COMPLIANCE\",\"Years\":7}}";
                let text = format!(
                    "{{\"bucketName\":\"{bucket}\",\"object-lock\":\"\",\"ObjectLockConfiguration\":\
                     {{\"ObjectLockEnabled\":\"Enabled\"{}}}}}",
                    if harm { "" } else { retention }
                );
                (S3, "PutBucketObjectLockConfiguration", text)
            }
            Self::ArchiveHidden => {
                let class = if harm { "DEEP_ARCHIVE" } else { "STANDARD_IA" };
                let text = format!(
                    "{{\"Status\":\"Enabled\",\"Transition\":{{\"Days\":0,\"StorageClass\":\"{class}\"}}}}"
                );
                (S3, "PutBucketLifecycle", rule(&text))
            }
            Self::ReplicaCut => {
                let bucket = if harm { bucket.as_str() } else { "another-bucket" };
                (S3, "DeleteBucketReplication", format!("{{\"bucketName\":\"{bucket}\"}}"))
            }
            Self::OrgLeft => {
                let account = if harm { SECOND_ACCOUNT } else { "777788889999" };
                let request = format!("{{\"accountId\":\"{account}\"}}");
                ("organizations.amazonaws.com", "RemoveAccountFromOrganization", request)
            }
            Self::RegionOff => {
                let name = if harm { "DisableRegion" } else { "EnableRegion" };
                ("account.amazonaws.com", name, "{\"RegionName\":\"eu-west-1\"}".to_owned())
            }
            Self::WatchersOff => {
                let name = if harm { "DisableRule" } else { "EnableRule" };
                ("events.amazonaws.com", name, "{\"name\":\"cloudtrail-watch\"}".to_owned())
            }
            Self::EventStarved => {
                let request = match harm {
                    true => {
                        "{\"omitted\":true,\"originalSize\":190123,\"reason\":\
                             \"requestParameters too large\"}"
                    }
                    false => "{\"instancesSet\":{}}",
                };
                ("ec2.amazonaws.com", "RunInstances", request.to_owned())
            }
        }
    }

    /// Does what the event says to the objects.
    fn apply(self, trail: &mut BuiltTrail) -> Result<(), NoSuchTarget> {
        let log = LogAt { digest: DigestAt { chain: 0, index: 5 }, log: 0 };
        match self {
            Self::KeyWithheld => {
                store_as(
                    trail,
                    &[
                        ("x-amz-server-side-encryption", "aws:kms"),
                        ("x-amz-server-side-encryption-aws-kms-key-id", KEY),
                    ],
                );
                Ok(())
            }
            Self::LockWeakened => {
                store_as(
                    trail,
                    &[
                        ("x-amz-object-lock-mode", "COMPLIANCE"),
                        ("x-amz-object-lock-retain-until-date", "2033-03-01T00:00:00Z"),
                    ],
                );
                Ok(())
            }
            Self::ObjectsDeleted | Self::VersionsDeleted => trail.apply(Deed::LogDeleted(log)),
            Self::ObjectsReplaced => trail.apply(Deed::LogContentChanged(log)),
            Self::ObjectsPlanted => {
                let built = trail.log(0, 5, 0).ok_or(NoSuchTarget)?.clone();
                plant(trail, &built.bucket, &built.key, built.time + 600)
            }
            Self::LifecycleExpiry => {
                let time = trail.chains.first().and_then(|chain| chain.digests.first());
                let time = time.ok_or(NoSuchTarget)?.end;
                trail.apply(Deed::DayDeleted { time })
            }
            Self::ArchiveHidden => trail.apply(Deed::LogArchived(log)),
            Self::ValidationOff => {
                // CloudTrail goes on to deliver log files; their number in the gap does not matter.
                let built = trail.log(0, 9, 0).ok_or(NoSuchTarget)?.clone();
                plant(trail, &built.bucket, &built.key, built.time + 3 * 3_600)
            }
            _ => Ok(()),
        }
    }
}

/// Makes the store report these headers for all objects.
pub(super) fn store_as(trail: &mut BuiltTrail, headers: &[(&str, &str)]) {
    let named = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let headers: Vec<_> = headers.iter().map(named).collect();
    let objects = trail.world.buckets.values_mut().flat_map(|bucket| bucket.objects.values_mut());
    objects.flatten().for_each(|version| version.headers.clone_from(&headers));
}

/// Makes the store report that the newest version of an object was written at a time.
pub(super) fn written(trail: &mut BuiltTrail, bucket: &str, key: &str, time: i64) {
    let bucket = trail.world.buckets.get_mut(bucket);
    let versions = bucket.and_then(|bucket| bucket.objects.get_mut(key));
    if let Some(version) = versions.and_then(|versions| versions.last_mut()) {
        version.last_modified = time;
    }
}

/// Puts a log file with different content beside the one at `key`, named for this time.
pub(super) fn plant(
    trail: &mut BuiltTrail,
    bucket: &str,
    key: &str,
    time: i64,
) -> Result<(), NoSuchTarget> {
    let mut version = trail.current(bucket, key).ok_or(NoSuchTarget)?.clone();
    let mut dice = super::dice::Dice::new(77, key);
    let scene = log_file::Scene { account: "111122223333", region: "us-east-1", time };
    version.body = log_file::log_file(&mut dice, super::LogSizes::Small, scene, &[]).body;
    version.last_modified = time + 30;
    trail.put(bucket, &planted_key(key, time), version);
    Ok(())
}

/// Returns the key of a log file in the folder of `key`'s place, named for this time.
pub(super) fn planted_key(key: &str, time: i64) -> String {
    let folder = key.split("/CloudTrail/us-east-1/").next().unwrap_or_default();
    let name =
        log_name("111122223333", "us-east-1", time.div_euclid(300) * 300, "PlantedPlanted01");
    format!("{folder}/CloudTrail/us-east-1/{}/{name}", day_folder(time))
}
