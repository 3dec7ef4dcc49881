//! From what is asked for to what a run needs: sources, keys, clock, counts.
use super::evidence::{self, Evidence};
use super::location::Place;
use super::request::{VerifyRequest, bucket_of, expected};
use super::store::{s3, say_without_roots};
use crate::aws::caller::caller;
use crate::aws::config::{AwsConfig, AwsOptions, EndpointScope};
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::source::ObjectSource;
use crate::source::directory::DirectorySource;
use crate::source::layer::count::Counts;
use crate::source::mirror::writer::{MirrorWriter, MirroringSource};
use crate::source::s3::StoreClock;
use crate::trust::bundle::{BundleKeys, NoKeys};
use crate::trust::cloudtrail::CloudTrail;
use crate::trust::{KeyService, TrailService};
use crate::verify::plan::VerifyPlan;
use crate::verify::trail_status::StatusOf;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::task::JoinHandle;
use trailproof_core::vocab::time::Timestamp;

/// Seconds that the store's clock may be off before the user is told. Machines that keep their time
/// are off by less than one.
const SKEWED: u64 = 60;

/// How AWS is reached, as far as that was typed; everything else is configured as for any AWS tool.
#[derive(Clone, Debug, Default)]
pub(crate) struct AwsAccess {
    /// Profile of the configuration files.
    pub(crate) profile: Option<String>,
    /// Endpoint of every service.
    pub(crate) endpoint_url: Option<String>,
}

/// What a run knows about itself, for those of its outputs that report it.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunFacts {
    /// Requests made and bytes received.
    pub(crate) counts: Arc<Counts>,
    /// Log files that were not read again.
    pub(crate) skipped: Arc<AtomicU64>,
    /// The clock of the store, if a store is asked.
    pub(crate) clock: Option<Arc<StoreClock>>,
    /// When the run began, by the machine's clock, which is read once.
    pub(crate) began: Option<Timestamp>,
    /// The caller of AWS, if it was asked for and is known.
    pub(crate) caller: Option<String>,
}

/// Whether anybody wants to know who the caller of AWS is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// An output tells it: it is asked for, where AWS is asked anyway.
    Wanted,
    /// It is not asked for.
    Unwanted,
}

/// What a run has once its evidence is found: every command that looks at evidence starts here.
pub(crate) struct Session {
    pub(crate) plan: VerifyPlan,
    pub(crate) source: Arc<dyn ObjectSource>,
    pub(crate) keys: Arc<dyn KeyService>,
    /// What keeps all that is read, of a run that makes a mirror.
    pub(crate) copying: Option<MirroringSource>,
    /// What was asked of S3, where anything may be.
    pub(crate) billed: Option<Arc<Counts>>,
    /// The directory that is read, where it is one.
    directory: Option<(PathBuf, Arc<DirectorySource>)>,
    no_keys: bool,
    /// When the run began, by the machine's clock.
    began: Timestamp,
    /// The clock of the store that is asked.
    clock: Option<Arc<StoreClock>>,
    /// Who the caller is, being asked.
    caller: Option<JoinHandle<Option<String>>>,
}

impl Session {
    /// Finds the evidence and whom to believe. Requests are counted into `counts` from the first on;
    /// what is read from S3 is kept in the mirror, where one is made.
    pub(crate) async fn open(
        aws: &AwsAccess,
        mut request: VerifyRequest,
        counts: &Arc<Counts>,
        caller: Caller,
        mirroring: Option<&MirrorWriter>,
    ) -> Result<Self, Refusal> {
        let directory = match &request.place {
            Some(Place::Directory(path)) => Some(path.clone()),
            _ => None,
        };
        // Nothing in a directory tells that a file is the one that was read before.
        if directory.is_some() && request.known.take().is_some() {
            print_to_stderr(
                "note: a directory does not tell what is unchanged: every log file in it is read",
            );
        }
        let moved_to_s3 = request.moved.iter().any(|moved| matches!(moved.to, Place::Bucket(..)));
        // What is read from a directory is counted apart: S3 charges nothing for it.
        let billed = if directory.is_some() { Arc::default() } else { Arc::clone(counts) };
        // A copy is verified without a request to anybody, unless a part of it was said to lie in S3.
        let mut online = match directory.is_none() || moved_to_s3 {
            true => Some(Online::start(aws, &billed, caller, &request).await?),
            false => None,
        };
        let billed = online.is_some().then_some(billed);
        let copying = mirroring.zip(online.as_mut()).map(|(mirroring, online)| {
            let copying = mirroring.source(Arc::clone(&online.source));
            online.source = Arc::new(copying.clone());
            copying
        });
        let clock = online.as_ref().map(|online| Arc::clone(&online.clock));
        let caller = online.as_mut().and_then(|online| online.caller.take());
        let s3 = online.as_ref().map(|online| &online.source);
        let copies = evidence::rules(&request.moved, s3, request.complete_copy)?;
        let elsewhere = evidence::elsewhere(&request.moved);
        let mut opened = None;
        let (evidence, trust) = match (&directory, online) {
            (None, Some(Online { source, trust, .. })) => {
                let bucket = bucket_of(&mut request, trust.as_ref()).await?;
                let (scope, named) = (&request.scope, request.of_bucket.as_deref());
                let found =
                    evidence::in_bucket(source, bucket, scope, named, copies, elsewhere, None);
                (found.await?, Some(trust))
            }
            (Some(path), _) => {
                let opened = &*opened.insert(evidence::open(path)?);
                let (scope, named) = (&request.scope, request.of_bucket.as_deref());
                let found =
                    evidence::in_directory(opened, path, scope, named, copies, elsewhere, counts);
                (found.await?, None)
            }
            (None, None) => return Err(Refusal::usage("a location is needed")),
        };
        let no_keys = trust.is_none() && request.keys.is_none();
        let keys: Arc<dyn KeyService> = match (request.keys.take(), &trust) {
            (Some((bundle, names)), _) => Arc::new(BundleKeys::new(bundle, names)),
            (None, Some(trust)) => trust.clone(),
            (None, None) => Arc::new(NoKeys),
        };
        let trails = trust.map(|trust| -> Arc<dyn TrailService> { trust });
        // What is late, and what lies in the future, is told by the clock that is ahead.
        let ahead = clock.as_ref().and_then(|clock| clock.seconds_ahead()).unwrap_or_default();
        let later = request.began.plus(ahead.max(0));
        let began = request.began;
        let plan = plan(request, &evidence, trails, later).await?;
        Ok(Self {
            plan,
            source: evidence.source,
            keys,
            copying,
            billed,
            directory: directory.zip(opened),
            no_keys,
            began,
            clock,
            caller,
        })
    }

    /// Says what is worth knowing of a directory once it was read.
    pub(crate) fn remarks(&self) {
        if let Some((path, mirror)) = &self.directory {
            evidence::remarks(path, mirror, self.no_keys);
        }
    }

    /// Says where the store's clock and that by which the run judged are far from each other.
    pub(crate) fn clock_remark(&self) {
        let ahead = self.clock.as_ref().and_then(|clock| clock.seconds_ahead());
        if let Some(words) = ahead.and_then(skew_words) {
            print_to_stderr(&format!("warning: {words}"));
        }
    }

    /// What the run knows of itself, with so many log files that were not read. The caller is waited
    /// for, as long as that may take.
    pub(crate) async fn own(&mut self, counts: &Arc<Counts>, skipped: &Arc<AtomicU64>) -> RunFacts {
        let caller = match self.caller.take() {
            // What went wrong is no concern of the run.
            Some(asked) => asked.await.unwrap_or_default(),
            None => None,
        };
        let (counts, skipped) = (Arc::clone(counts), Arc::clone(skipped));
        RunFacts { counts, skipped, clock: self.clock.clone(), began: Some(self.began), caller }
    }
}

/// The plan over evidence that was found. `trails` is who knows the trail's status and the
/// organization's accounts, if anybody may be asked.
async fn plan(
    request: VerifyRequest,
    evidence: &Evidence,
    trails: Option<Arc<dyn TrailService>>,
    later: Timestamp,
) -> Result<VerifyPlan, Refusal> {
    let (period, cut) = request.period_at(later)?;
    let expected = expected(&request.expect, trails.as_deref(), &request.scope, period).await?;
    let (now, end_was_future) = request.repeats.unwrap_or((later, cut));
    Ok(VerifyPlan {
        place: evidence.place.clone(),
        bucket: evidence.bucket.clone(),
        roots: evidence.roots.clone(),
        scope: request.scope,
        period,
        end_was_future,
        now,
        // A copy may lag behind what the trail says that it delivered.
        status: request
            .trail
            .zip(trails)
            .filter(|_| !evidence.copy)
            .map(|(arn, service)| StatusOf { arn, service }),
        unlisted: request.unlisted,
        complete_copy: request.complete_copy && evidence.copy,
        known: request.known,
        since: request.since,
        expected,
        left_open: evidence.left_open.clone(),
    })
}

/// What is to be said of a store's clock that is so many seconds ahead, if anything.
fn skew_words(ahead: i64) -> Option<String> {
    let off = ahead.unsigned_abs();
    let side = if ahead < 0 { "behind" } else { "ahead of" };
    (off > SKEWED).then(|| {
        format!(
            "the store's clock is {off} seconds {side} this machine's: what is still to come and \
             what is in the future is judged by the later of the two"
        )
    })
}

/// S3 and CloudTrail, asked with the credentials that are configured.
struct Online {
    source: Arc<dyn ObjectSource>,
    trust: Arc<CloudTrail>,
    clock: Arc<StoreClock>,
    caller: Option<JoinHandle<Option<String>>>,
}

impl Online {
    async fn start(
        aws: &AwsAccess,
        counts: &Arc<Counts>,
        wanted: Caller,
        request: &VerifyRequest,
    ) -> Result<Self, Refusal> {
        let not_started = |error: &dyn std::fmt::Display| Refusal::not_started(error.to_string());
        let options = AwsOptions {
            profile: aws.profile.clone(),
            // `--region` says what to verify here. A trail is asked about in its home region;
            // everything else is asked in the region that it is about.
            region: request.trail.as_ref().map(|arn| arn.home_region.to_string()),
            endpoint_url: aws.endpoint_url.clone(),
            endpoint_scope: EndpointScope::Every,
        };
        let config = AwsConfig::load(options).await.map_err(|error| not_started(&error))?;
        say_without_roots(&config);
        config.check_credentials().await.map_err(|error| not_started(&error))?;
        // The run is prepared meanwhile.
        let caller = (wanted == Caller::Wanted).then(|| {
            let config = config.clone();
            tokio::spawn(async move { caller(&config).await })
        });
        let (source, clock) = s3(&config, counts, request.concurrency);
        Ok(Self { source, trust: Arc::new(CloudTrail::new(&config)), clock, caller })
    }
}
