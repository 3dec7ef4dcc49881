//! `trailproof verify`: what does this bucket prove?
use super::args::{AwsArgs, VerifyArgs};
use super::earlier;
use super::evidence;
use super::interrupt::unless_interrupted;
use super::key_files;
use super::outputs::Outputs;
use super::place::Place;
use super::program::say;
use super::progress::Progress;
use super::validate_logs::now;
use super::verify_plan::{Asked, NoPlan, bucket_of, make, read};
use crate::aws::config::{AwsConfig, AwsOptions, EndpointScope};
use crate::core::failure::ReadFailureKind;
use crate::core::location::escape;
use crate::core::verdict::Verdict;
use crate::source::ObjectSource;
use crate::source::count::{Counted, Counts};
use crate::source::limit::{InFlight, Limited};
use crate::source::mirror::MirrorSource;
use crate::source::retry::{RetryPolicy, Retrying};
use crate::source::s3::{S3Source, Timeouts};
use crate::trust::bundle::{Bundle, BundleKeys, NoKeys};
use crate::trust::cloudtrail::CloudTrail;
use crate::trust::{KeyService, TrailService};
use crate::verify::verify_run::{VerifyPlan, verify};
use std::path::PathBuf;
use std::sync::Arc;

/// A mistake on the command line.
const USAGE: u8 = 2;
/// The run could not begin: credentials, trail, keys.
pub(super) const NOT_STARTED: u8 = 5;

/// Runs the command and returns the exit status.
pub(super) async fn run(aws: &AwsArgs, args: &VerifyArgs) -> u8 {
    let mut outputs = match Outputs::new(args.format, &args.record, &args.outputs) {
        Ok(outputs) => outputs,
        Err(no_plan) => return refuse(&no_plan),
    };
    let ended = unless_interrupted(attempt(aws, args, &mut outputs)).await;
    // Whatever ended the run, what was told until then is written.
    let lost = outputs.close();
    match ended {
        Err(signal) => 128 + signal,
        Ok(Ok(verdict)) => lost.exit_status(verdict),
        Ok(Err(no_plan)) => refuse(&no_plan),
    }
}

async fn attempt(
    aws: &AwsArgs,
    args: &VerifyArgs,
    outputs: &mut Outputs,
) -> Result<Verdict, NoPlan> {
    let run = prepare(aws, args).await?;
    let progress = Progress::start(args.quiet, Arc::clone(&run.counts));
    let known = run.plan.known.as_ref();
    outputs.count(&run.counts, &known.map(|known| Arc::clone(known.skipped())).unwrap_or_default());
    let (source, keys) = (Arc::clone(&run.source), Arc::clone(&run.keys));
    let summary = verify(&run.plan, source, keys, &mut |event| {
        progress.note(event);
        outputs.tell(event);
    })
    .await;
    progress.stop();
    run.remarks();
    if let Some(known) = known {
        earlier::tell_skipped(known);
    }
    Ok(summary.verdict)
}

/// Everything that a run needs.
pub(super) struct Prepared {
    pub(super) plan: VerifyPlan,
    pub(super) source: Arc<dyn ObjectSource>,
    pub(super) keys: Arc<dyn KeyService>,
    pub(super) counts: Arc<Counts>,
    /// The directory that is read, where it is one.
    mirror: Option<(PathBuf, Arc<MirrorSource>)>,
    no_keys: bool,
}

impl Prepared {
    /// Says what is worth knowing of a directory once it was read.
    pub(super) fn remarks(&self) {
        if let Some((path, mirror)) = &self.mirror {
            evidence::remarks(path, mirror, self.no_keys);
        }
    }
}

/// Finds the evidence and whom to believe.
pub(super) async fn prepare(aws: &AwsArgs, args: &VerifyArgs) -> Result<Prepared, NoPlan> {
    prepare_with(aws, args, key_files::read(&args.public_keys)?, &|s3| s3).await
}

/// Finds the evidence; the keys to believe are those of `bundle` where there is one, and S3 is read
/// through what `wrap` makes of it.
pub(super) async fn prepare_with(
    aws: &AwsArgs,
    args: &VerifyArgs,
    bundle: Option<Bundle>,
    wrap: &dyn Fn(Arc<dyn ObjectSource>) -> Arc<dyn ObjectSource>,
) -> Result<Prepared, NoPlan> {
    let now = now();
    let asked = read(args, now)?;
    let known = args.resume.as_deref().map(earlier::known).transpose()?.map(Arc::new);
    let counts = Arc::new(Counts::default());
    let named = args.bucket.as_deref();
    let directory = match &asked.place {
        Some(Place::Directory(path)) => Some(path.clone()),
        _ => None,
    };
    // Nothing in a directory tells that a file is the one that was read before.
    let known = known.filter(|_| directory.is_none());
    if args.resume.is_some() && known.is_none() {
        say("note: a directory does not tell what is unchanged: every log file in it is read");
    }
    let moved_to_s3 = asked.moved.iter().any(|moved| matches!(moved.to, Place::Bucket(..)));
    // A copy is verified without a request to anybody, unless a part of it was said to lie in S3.
    let online = match directory.is_none() || moved_to_s3 {
        true => Some(Online::start(aws, args.concurrency, &counts, &asked).await?),
        false => None,
    };
    let online = online.map(|online| Online { source: wrap(online.source), ..online });
    let rules = evidence::rules(&asked.moved, online.as_ref().map(|online| &online.source))?;
    let mut mirror = None;
    let (evidence, trust) = match (&directory, online) {
        (None, Some(Online { source, trust })) => {
            let bucket = bucket_of(&asked, trust.as_ref()).await?;
            (evidence::in_bucket(source, bucket, named, rules, None).await?, Some(trust))
        }
        (Some(path), _) => {
            let opened = &*mirror.insert(evidence::open(path)?);
            (evidence::in_directory(opened, path, named, rules, &counts).await?, None)
        }
        (None, None) => return Err(NoPlan::Usage("a location is needed".to_owned())),
    };
    let no_keys = trust.is_none() && bundle.is_none();
    let keys: Arc<dyn KeyService> = match (bundle, &trust) {
        (Some(bundle), _) => Arc::new(BundleKeys::new(bundle, key_files::names(&args.public_keys))),
        (None, Some(trust)) => trust.clone(),
        (None, None) => Arc::new(NoKeys),
    };
    let trails = trust.map(|trust| -> Arc<dyn TrailService> { trust });
    let plan = make(asked, args, &evidence, trails, known, now);
    Ok(Prepared {
        plan,
        source: evidence.source,
        keys,
        counts,
        mirror: directory.zip(mirror),
        no_keys,
    })
}

/// S3 and CloudTrail, asked with the credentials that are configured.
struct Online {
    source: Arc<dyn ObjectSource>,
    trust: Arc<CloudTrail>,
}

impl Online {
    async fn start(
        aws: &AwsArgs,
        concurrency: Option<usize>,
        counts: &Arc<Counts>,
        asked: &Asked,
    ) -> Result<Self, NoPlan> {
        let not_started = |error: &dyn std::fmt::Display| NoPlan::NotStarted(error.to_string());
        let options = AwsOptions {
            profile: aws.profile.clone(),
            // `--region` says what to verify here. A trail is asked about in its home region;
            // everything else is asked in the region that it is about.
            region: asked.trail.as_ref().map(|arn| arn.home_region.to_string()),
            endpoint_url: aws.endpoint_url.clone(),
            endpoint_scope: EndpointScope::Every,
        };
        let config = AwsConfig::load(options).await.map_err(|error| not_started(&error))?;
        config.check_credentials().await.map_err(|error| not_started(&error))?;
        let s3 = Counted::new(S3Source::new(&config, Timeouts::default()), Arc::clone(counts));
        let seed = u64::from(std::process::id());
        let limited = Limited::new(s3, concurrency.map_or(InFlight::Adaptive, InFlight::Fixed));
        Ok(Self {
            source: Arc::new(Retrying::new(limited, RetryPolicy::default(), seed)),
            trust: Arc::new(CloudTrail::new(&config)),
        })
    }
}

/// Says why nothing was run, and gives the exit status for that.
pub(super) fn refuse(no_plan: &NoPlan) -> u8 {
    match no_plan {
        NoPlan::Usage(words) => {
            say(&format!("error: {words}"));
            USAGE
        }
        NoPlan::NotStarted(words) => {
            say(&format!("error: {words}"));
            NOT_STARTED
        }
        NoPlan::Unread(bucket, why) => {
            say(&format!("error: cannot list `s3://{}`: {why}", escape(bucket)));
            if why.kind == ReadFailureKind::NoSuchBucket {
                Verdict::NothingFound.exit_status()
            } else {
                NOT_STARTED
            }
        }
        NoPlan::NothingThere(words) => {
            say(&format!("error: {words}"));
            Verdict::NothingFound.exit_status()
        }
    }
}
