//! Finds the evidence of a run and whom to believe.
use super::aws_args::{AwsArgs, say_without_roots};
use super::environment::{now, retry_policy};
use super::place::{Place, bucket_name};
use super::refusal::Refusal;
use super::surroundings::Own;
use super::terminal::print_to_stderr;
use super::verify_args::VerifyArgs;
use super::verify_plan::{Asked, bucket_of, expected, make, read};
use super::{earlier, evidence, key_files};
use crate::aws::caller::caller;
use crate::aws::config::{AwsConfig, AwsOptions, EndpointScope};
use crate::source::ObjectSource;
use crate::source::count::{Counted, Counts};
use crate::source::limit::{InFlight, Limited};
use crate::source::mirror::MirrorSource;
use crate::source::retry::Retrying;
use crate::source::s3::{S3Source, StoreClock, Timeouts};
use crate::trust::bundle::{Bundle, BundleKeys, NoKeys};
use crate::trust::cloudtrail::CloudTrail;
use crate::trust::{KeyService, TrailService};
use crate::verify::plan::VerifyPlan;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::task::JoinHandle;
use trailproof_core::time::Timestamp;

/// Seconds that the store's clock may be off before the user is told. Machines that keep their time
/// are off by less than one.
const SKEWED: u64 = 60;

/// Whether anybody wants to know who the caller of AWS is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// An output tells it: it is asked for, where AWS is asked anyway.
    Wanted,
    /// It is not asked for.
    Unwanted,
}

/// Everything that a run needs.
pub(super) struct Prepared {
    pub(super) plan: VerifyPlan,
    pub(super) source: Arc<dyn ObjectSource>,
    pub(super) keys: Arc<dyn KeyService>,
    /// What was asked of S3, where anything may be.
    pub(super) billed: Option<Arc<Counts>>,
    /// The directory that is read, where it is one.
    mirror: Option<(PathBuf, Arc<MirrorSource>)>,
    no_keys: bool,
    /// When the run began, by the machine's clock.
    began: Timestamp,
    /// The clock of the store that is asked.
    clock: Option<Arc<StoreClock>>,
    /// Who the caller is, being asked.
    caller: Option<JoinHandle<Option<String>>>,
}

impl Prepared {
    /// Says what is worth knowing of a directory once it was read.
    pub(super) fn remarks(&self) {
        if let Some((path, mirror)) = &self.mirror {
            evidence::remarks(path, mirror, self.no_keys);
        }
    }

    /// Says where the store's clock and that by which the run judged are far from each other.
    pub(super) fn clock_remark(&self) {
        let ahead = self.clock.as_ref().and_then(|clock| clock.seconds_ahead());
        if let Some(words) = ahead.and_then(skew_words) {
            print_to_stderr(&format!("warning: {words}"));
        }
    }

    /// What the run knows of itself, with so many log files that were not read. The caller is waited
    /// for, as long as that may take.
    pub(super) async fn own(&mut self, counts: &Arc<Counts>, skipped: &Arc<AtomicU64>) -> Own {
        let caller = match self.caller.take() {
            // What went wrong is no concern of the run.
            Some(asked) => asked.await.unwrap_or_default(),
            None => None,
        };
        let (counts, skipped) = (Arc::clone(counts), Arc::clone(skipped));
        Own { counts, skipped, clock: self.clock.clone(), began: Some(self.began), caller }
    }
}

/// Finds the evidence and whom to believe.
/// Requests are counted into `counts` from the first on.
pub(super) async fn prepare(
    aws: &AwsArgs,
    args: &VerifyArgs,
    counts: &Arc<Counts>,
    caller: Caller,
) -> Result<Prepared, Refusal> {
    prepare_with(aws, args, key_files::read(&args.public_keys)?, counts, caller, &|s3| s3).await
}

/// Finds the evidence; the keys to believe are those of `bundle` where there is one, and S3 is read
/// through what `wrap` makes of it.
pub(super) async fn prepare_with(
    aws: &AwsArgs,
    args: &VerifyArgs,
    bundle: Option<Bundle>,
    counts: &Arc<Counts>,
    caller: Caller,
    wrap: &dyn Fn(Arc<dyn ObjectSource>) -> Arc<dyn ObjectSource>,
) -> Result<Prepared, Refusal> {
    let now = now();
    let mut asked = read(args, now)?;
    let known = args.resume.as_deref().map(earlier::known).transpose()?.map(Arc::new);
    let named = args.bucket.as_deref().map(bucket_name).transpose()?;
    let directory = match &asked.place {
        Some(Place::Directory(path)) => Some(path.clone()),
        _ => None,
    };
    // Nothing in a directory tells that a file is the one that was read before.
    let known = known.filter(|_| directory.is_none());
    if args.resume.is_some() && known.is_none() {
        print_to_stderr(
            "note: a directory does not tell what is unchanged: every log file in it is read",
        );
    }
    let moved_to_s3 = asked.moved.iter().any(|moved| matches!(moved.to, Place::Bucket(..)));
    // What is read from a directory is counted apart: S3 charges nothing for it.
    let billed = if directory.is_some() { Arc::default() } else { Arc::clone(counts) };
    // A copy is verified without a request to anybody, unless a part of it was said to lie in S3.
    let online = match directory.is_none() || moved_to_s3 {
        true => Some(Online::start(aws, args.concurrency, &billed, caller, &asked).await?),
        false => None,
    };
    let billed = online.is_some().then_some(billed);
    let mut online = online.map(|online| Online { source: wrap(online.source), ..online });
    let clock = online.as_ref().map(|online| Arc::clone(&online.clock));
    let caller = online.as_mut().and_then(|online| online.caller.take());
    let s3 = online.as_ref().map(|online| &online.source);
    let copies = evidence::rules(&asked.moved, s3, args.complete_copy)?;
    let elsewhere = evidence::elsewhere(&asked.moved);
    let mut mirror = None;
    let (evidence, trust) = match (&directory, online) {
        (None, Some(Online { source, trust, .. })) => {
            let bucket = bucket_of(&mut asked, trust.as_ref()).await?;
            let scope = &asked.scope;
            let found = evidence::in_bucket(source, bucket, scope, named, copies, elsewhere, None);
            (found.await?, Some(trust))
        }
        (Some(path), _) => {
            let opened = &*mirror.insert(evidence::open(path)?);
            let scope = &asked.scope;
            let found =
                evidence::in_directory(opened, path, scope, named, copies, elsewhere, counts);
            (found.await?, None)
        }
        (None, None) => return Err(Refusal::usage("a location is needed")),
    };
    let no_keys = trust.is_none() && bundle.is_none();
    let keys: Arc<dyn KeyService> = match (bundle, &trust) {
        (Some(bundle), _) => Arc::new(BundleKeys::new(bundle, key_files::names(&args.public_keys))),
        (None, Some(trust)) => trust.clone(),
        (None, None) => Arc::new(NoKeys),
    };
    let trails = trust.map(|trust| -> Arc<dyn TrailService> { trust });
    // What is late, and what lies in the future, is told by the clock that is ahead.
    let ahead = clock.as_ref().and_then(|clock| clock.seconds_ahead()).unwrap_or_default();
    let later = now.plus(ahead.max(0));
    let asked = asked.by_the_clock(args, later)?;
    let expected = expected(&asked.expect, trails.as_deref(), asked.period.0).await?;
    let plan = make(asked, args, &evidence, trails, known, expected, later);
    Ok(Prepared {
        plan,
        source: evidence.source,
        keys,
        billed,
        mirror: directory.zip(mirror),
        no_keys,
        began: now,
        clock,
        caller,
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
        aws: &AwsArgs,
        concurrency: Option<usize>,
        counts: &Arc<Counts>,
        wanted: Caller,
        asked: &Asked,
    ) -> Result<Self, Refusal> {
        let not_started = |error: &dyn std::fmt::Display| Refusal::not_started(error.to_string());
        let options = AwsOptions {
            profile: aws.profile.clone(),
            // `--region` says what to verify here. A trail is asked about in its home region;
            // everything else is asked in the region that it is about.
            region: asked.trail.as_ref().map(|arn| arn.home_region.to_string()),
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
        let s3 = S3Source::new(&config, Timeouts::default());
        let clock = s3.clock();
        let s3 = Counted::new(s3, Arc::clone(counts));
        let seed = u64::from(std::process::id());
        let limited = Limited::new(s3, concurrency.map_or(InFlight::Adaptive, InFlight::Fixed));
        Ok(Self {
            source: Arc::new(Retrying::new(limited, retry_policy(), seed)),
            trust: Arc::new(CloudTrail::new(&config)),
            clock,
            caller,
        })
    }
}
