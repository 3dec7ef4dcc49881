//! From a request to what a run needs: sources, keys, clock, counts.
use super::custody;
use super::evidence::{self, Evidence};
use super::location::Location;
use super::period::RequestedPeriod;
use super::reading::{self, Reading};
use super::request::{VerifyRequest, bucket_of, expected};
use super::store::{configured, s3};
use crate::aws::advice;
use crate::aws::caller::{caller, is_of_aws};
use crate::aws::config::{AwsOptions, Service};
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::source::ObjectSource;
use crate::source::directory::DirectorySource;
use crate::source::layer::count::Counts;
use crate::source::layer::overlay::VersionsView;
use crate::source::mirror::writer::{MirrorWriter, MirroringSource};
use crate::source::s3::StoreClock;
use crate::source::version::VersionSource;
use crate::trust::bundle::{Bundle, BundleKeys, NoKeys};
use crate::trust::cloudtrail::CloudTrail;
use crate::trust::{KeyService, TrailService};
use crate::verify::plan::VerifyPlan;
use crate::verify::trail_status::StatusOf;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::task::JoinHandle;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::record::ReadVersions;
use trailproof_core::vocab::ids::TrailArn;
use trailproof_core::vocab::time::Timestamp;

/// Seconds that the store's clock may differ from this machine's before a warning is printed.
/// Synchronized machines differ by less than one second.
const SKEWED: u64 = 60;

/// Facts about a run, for the outputs that report them.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunFacts {
    /// Requests made and bytes received.
    pub(crate) counts: Arc<Counts>,
    /// The number of log files that were not read again.
    pub(crate) skipped: Arc<AtomicU64>,
    /// The clock of the store, if a store is used.
    pub(crate) clock: Option<Arc<StoreClock>>,
    /// When the run began, by this machine's clock, which is read once.
    pub(crate) began: Option<Timestamp>,
    /// The AWS caller, if it was requested and is known.
    pub(crate) caller: Option<String>,
}

/// Whether a run needs to know who the AWS caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallerLookup {
    /// An output includes the caller. It is looked up if the run uses AWS anyway.
    Requested,
    /// The caller is not looked up.
    Skipped,
}

/// The keys that a planned run trusts.
#[derive(Debug)]
pub(crate) enum PlannedKeys {
    /// Those that CloudTrail returns.
    CloudTrail,
    /// Those of files, with the names that records show.
    Files(Bundle, String),
    /// None.
    None,
}

/// An opened run: its evidence, keys and plan. Every command that reads evidence starts here.
pub(crate) struct Session {
    pub(crate) plan: VerifyPlan,
    pub(crate) source: Arc<dyn ObjectSource>,
    /// The view of versions below that source, in a run over other versions than the current ones.
    pub(crate) view: Option<Arc<VersionsView>>,
    pub(crate) keys: Arc<dyn KeyService>,
    /// The source that keeps everything it reads, in a run that makes a mirror.
    pub(crate) copying: Option<MirroringSource>,
    /// Requests to S3, in a run that may make any.
    pub(crate) billed: Option<Arc<Counts>>,
    /// The endpoint of S3 as it is configured, with whatever secrets it has, if it is not AWS's.
    pub(crate) endpoint: Option<String>,
    /// The directory that is read, if the location is one.
    directory: Option<(PathBuf, Arc<DirectorySource>)>,
    no_keys: bool,
    /// How the evidence is read; `None` if no other process can read it in the same way.
    pub(crate) reading: Option<Reading>,
    /// When the run began, by this machine's clock.
    began: Timestamp,
    /// The clock of the store, if a store is used.
    clock: Option<Arc<StoreClock>>,
    /// The lookup of the AWS caller, in progress.
    caller: Option<JoinHandle<Option<String>>>,
}

impl Session {
    /// Finds the evidence and the keys to trust. All requests are counted in `counts`. If a mirror
    /// is made, everything read from S3 is kept in it.
    pub(crate) async fn open(
        aws: &AwsOptions,
        mut request: VerifyRequest,
        counts: &Arc<Counts>,
        caller: CallerLookup,
        mirroring: Option<&MirrorWriter>,
    ) -> Result<Self, Refusal> {
        let directory = match &request.place {
            Some(Location::Directory(path)) => Some(path.clone()),
            _ => None,
        };
        // Nothing in a directory shows that a file is still the one that was read before.
        if directory.is_some() && request.known.take().is_some() {
            print_to_stderr(
                "note: a directory does not show which files are unchanged: every log file is read \
                 again",
            );
        }
        let moved_to_s3 =
            request.moved.iter().any(|moved| matches!(moved.to, Location::Bucket(..)));
        // Reads from a directory are counted separately: S3 does not charge for them.
        let billed = if directory.is_some() { Arc::default() } else { Arc::clone(counts) };
        // A copy is verified without any request, unless `--relocate` names a part of it in S3.
        let mut online = match directory.is_none() || moved_to_s3 {
            true => {
                let (trail, concurrency) = (request.trail.as_ref(), request.concurrency);
                Some(Online::start(aws, &billed, caller, trail, concurrency).await?)
            }
            false => None,
        };
        let billed = online.is_some().then_some(billed);
        let view = online.as_mut().and_then(|online| online.show(request.versions));
        let copying = mirroring.zip(online.as_mut()).map(|(mirroring, online)| {
            let copying = mirroring.source(Arc::clone(&online.source));
            online.source = Arc::new(copying.clone());
            copying
        });
        let clock = online.as_ref().map(|online| Arc::clone(&online.clock));
        let caller = online.as_mut().and_then(|online| online.caller.take());
        let endpoint = online.as_mut().and_then(|online| online.endpoint.take());
        let renewal = online.as_ref().map(|online| online.renewal.clone()).unwrap_or_default();
        // The permission that all requests before the run need.
        let hint = |why: &ReadFailure| advice::failure_hint(why, "s3:ListBucket", &renewal);
        let advised = |refusal: Refusal| {
            let hint = refusal.cause().and_then(hint);
            refusal.with_hint(hint)
        };
        let s3 = online.as_ref().map(|online| &online.source);
        let copies = evidence::rules(&request.moved, s3, request.complete_copy)?;
        let elsewhere = evidence::elsewhere(&request.moved);
        let mut opened = None;
        let (mut evidence, trust) = match (&directory, online) {
            (None, Some(Online { source, trust, .. })) => {
                let bucket = bucket_of(&mut request, (trust.as_ref(), &renewal)).await?;
                let (scope, named) = (&request.scope, request.of_bucket.as_deref());
                let found =
                    evidence::in_bucket(source, bucket, scope, named, copies, elsewhere, None);
                (found.await.map_err(advised)?, Some(trust))
            }
            (Some(path), _) => {
                let opened = &*opened.insert(reading::open(path)?);
                let (scope, named) = (&request.scope, request.of_bucket.as_deref());
                let found = {
                    let within = request.within.is_some();
                    evidence::in_directory(
                        opened,
                        path,
                        (scope, within),
                        named,
                        copies,
                        elsewhere,
                        counts,
                    )
                };
                (found.await?, None)
            }
            (None, None) => return Err(Refusal::usage("a location is required")),
        };
        if let Some(versions) = request.versions {
            evidence.of_versions(versions)?;
        }
        let no_keys = trust.is_none() && request.keys.is_none();
        let keys: Arc<dyn KeyService> = match (request.keys.take(), &trust) {
            (Some((bundle, names)), _) => Arc::new(BundleKeys::new(bundle, names)),
            (None, Some(trust)) => trust.clone(),
            (None, None) => Arc::new(NoKeys),
        };
        let trails = trust.map(|trust| -> Arc<dyn TrailService> { trust });
        // The clock that is ahead decides what is late and what lies in the future.
        let ahead = clock.as_ref().and_then(|clock| clock.seconds_ahead()).unwrap_or_default();
        let later = request.began.plus(ahead.max(0));
        // A run over the versions of a time judges as one at that time would have.
        let later = match request.versions {
            Some(ReadVersions::AsOf(time)) => time.min(later),
            Some(ReadVersions::Oldest) | None => later,
        };
        let began = request.began;
        if let Some(path) =
            directory.as_ref().filter(|_| request.period == RequestedPeriod::OfEvidence)
        {
            request.period = evidence.period_of_evidence(path, &request.scope, later).await?;
        }
        let (period, _) = request.period_at(later)?;
        evidence.doubt_beyond_mirror(period, &request.scope);
        if let Some(path) = directory.as_ref().filter(|_| request.scope_of_mirror) {
            evidence.doubt_outside_scope(path, &request.scope);
        }
        let plan = plan(request, &evidence, (trails, &renewal), later).await?;
        Ok(Self {
            plan,
            source: evidence.source,
            view,
            keys,
            copying,
            billed,
            endpoint,
            directory: directory.zip(opened),
            no_keys,
            reading: evidence.reading,
            began,
            clock,
            caller,
        })
    }

    /// Opens the evidence of a run that was planned elsewhere. Nothing is searched: `reading` says how
    /// it is read. If a trail is named, its status is requested.
    pub(crate) async fn planned(
        aws: &AwsOptions,
        mut plan: VerifyPlan,
        reading: Reading,
        (trail, keys): (Option<TrailArn>, PlannedKeys),
        counts: &Arc<Counts>,
        concurrency: Option<usize>,
    ) -> Result<Self, Refusal> {
        let mut online = match reading.uses_s3() {
            true => {
                let skipped = CallerLookup::Skipped;
                Some(Online::start(aws, counts, skipped, trail.as_ref(), concurrency).await?)
            }
            false => None,
        };
        let view = online.as_mut().and_then(|online| online.show(plan.place.versions()));
        let source = reading.open(online.as_ref().map(|online| &online.source), counts)?;
        let clock = online.as_ref().map(|online| Arc::clone(&online.clock));
        let endpoint = online.as_mut().and_then(|online| online.endpoint.take());
        let trust = online.map(|online| online.trust);
        let keys: Arc<dyn KeyService> = match (keys, &trust) {
            (PlannedKeys::Files(bundle, names), _) => Arc::new(BundleKeys::new(bundle, names)),
            (PlannedKeys::CloudTrail, Some(trust)) => trust.clone(),
            (PlannedKeys::CloudTrail | PlannedKeys::None, _) => Arc::new(NoKeys),
        };
        plan.status = trail.zip(trust).map(|(arn, service)| StatusOf { arn, service });
        Ok(Self {
            began: plan.now,
            billed: reading.uses_s3().then(|| Arc::clone(counts)),
            plan,
            source,
            view,
            keys,
            copying: None,
            endpoint,
            directory: None,
            no_keys: false,
            reading: Some(reading),
            clock,
            caller: None,
        })
    }

    /// Prints what is worth knowing about a directory after it was read.
    pub(crate) fn remarks(&self) {
        if let Some((path, mirror)) = &self.directory {
            evidence::remarks(path, mirror, self.no_keys);
        }
    }

    /// Prints what the custody log says of the directory that was read, if it is a mirror.
    pub(crate) fn remark_custody(&self, quiet: bool) {
        if let Some((path, _)) = &self.directory {
            custody::remark(path, quiet);
        }
    }

    /// Warns if the store's clock differs too much from this machine's.
    pub(crate) fn warn_clock_skew(&self) {
        let ahead = self.clock.as_ref().and_then(|clock| clock.seconds_ahead());
        if let Some(words) = ahead.and_then(skew_warning) {
            print_to_stderr(&format!("warning: {words}"));
        }
    }

    /// Returns the facts of the run, with the number of log files that were not read. Waits until
    /// the lookup of the caller has finished.
    pub(crate) async fn own(&mut self, counts: &Arc<Counts>, skipped: &Arc<AtomicU64>) -> RunFacts {
        let caller = match self.caller.take() {
            // A failed lookup does not affect the run.
            Some(asked) => asked.await.unwrap_or_default(),
            None => None,
        };
        let (counts, skipped) = (Arc::clone(counts), Arc::clone(skipped));
        RunFacts { counts, skipped, clock: self.clock.clone(), began: Some(self.began), caller }
    }
}

/// Makes the plan of a run over evidence that was found. `trails` answers for the trail's status
/// and the organization's accounts; `None` if AWS is not asked. `renewal` is how credentials are
/// renewed.
async fn plan(
    request: VerifyRequest,
    evidence: &Evidence,
    (trails, renewal): (Option<Arc<dyn TrailService>>, &str),
    later: Timestamp,
) -> Result<VerifyPlan, Refusal> {
    let (period, cut) = request.period_at(later)?;
    let asked = trails.as_deref().map(|trails| (trails, renewal));
    let expected = expected(&request.expect, asked, &request.scope, period).await?;
    let (now, end_was_future) = request.repeats.unwrap_or((later, cut));
    Ok(VerifyPlan {
        place: evidence.place.clone(),
        bucket: evidence.bucket.clone(),
        roots: evidence.roots.clone(),
        scope: request.scope,
        period,
        end_was_future,
        now,
        // A copy may lag behind the deliveries that the trail reports.
        status: request
            .trail
            .zip(trails)
            .filter(|_| !evidence.copy)
            .map(|(arn, service)| StatusOf { arn, service }),
        unlisted: request.unlisted,
        complete_copy: request.complete_copy && evidence.copy,
        known: request.known,
        since: request.since,
        copied_earlier: BTreeSet::new(),
        expected,
        accepted: request.accepted,
        left_open: evidence.left_open.clone(),
        workload: Arc::default(),
    })
}

/// Returns the warning about a store's clock that is `ahead` seconds ahead, if it differs too much.
fn skew_warning(ahead: i64) -> Option<String> {
    let off = ahead.unsigned_abs();
    let side = if ahead < 0 { "behind" } else { "ahead of" };
    (off > SKEWED).then(|| {
        format!(
            "the store's clock is {off} seconds {side} this machine's: the later of the \
             two decides what is still to come and what lies in the future"
        )
    })
}

/// S3 and CloudTrail with the configured credentials.
struct Online {
    source: Arc<dyn ObjectSource>,
    versions: Arc<dyn VersionSource>,
    trust: Arc<CloudTrail>,
    clock: Arc<StoreClock>,
    caller: Option<JoinHandle<Option<String>>>,
    /// The endpoint of S3, if it is not AWS's.
    endpoint: Option<String>,
    /// How the credentials are renewed.
    renewal: String,
}

impl Online {
    async fn start(
        aws: &AwsOptions,
        counts: &Arc<Counts>,
        wanted: CallerLookup,
        trail: Option<&TrailArn>,
        concurrency: Option<usize>,
    ) -> Result<Self, Refusal> {
        let options = AwsOptions {
            // `--region` selects what to verify here. A trail is looked up in its home region;
            // everything else in the region that it belongs to.
            region: trail.map(|arn| arn.home_region.to_string()),
            ..aws.clone()
        };
        let config = configured(options).await?;
        // The lookup runs while the run is prepared.
        let caller = (wanted == CallerLookup::Requested).then(|| {
            let config = config.clone();
            tokio::spawn(async move { caller(&config).await })
        });
        let (source, clock) = s3(&config, counts, concurrency);
        let endpoint = config.endpoint(Service::S3).filter(|endpoint| !is_of_aws(endpoint));
        let versions = source;
        let source: Arc<dyn ObjectSource> = versions.clone();
        let trust = Arc::new(CloudTrail::new(&config));
        let renewal = config.renewal();
        Ok(Self { source, versions, trust, clock, caller, endpoint, renewal })
    }

    /// Shows these versions instead of the current objects.
    fn show(&mut self, versions: Option<ReadVersions>) -> Option<Arc<VersionsView>> {
        let view = Arc::new(VersionsView::new(Arc::clone(&self.versions), versions?));
        self.source = view.clone();
        Some(view)
    }
}
