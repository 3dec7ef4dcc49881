//! `trailproof verify`: what does this bucket prove?
use super::args::{AwsArgs, Format, VerifyArgs};
use super::cost::say_cost;
use super::interrupt::unless_interrupted;
use super::key_files;
use super::place::Place;
use super::program::say;
use super::progress::Progress;
use super::validate_logs::{now, retry_policy};
use super::verify_plan::{Asked, NoPlan, bucket_of, make, read};
use super::{dry_run, evidence};
use crate::aws::config::{AwsConfig, AwsOptions, EndpointScope};
use crate::core::failure::ReadFailureKind;
use crate::core::location::escape;
use crate::core::verdict::Verdict;
use crate::event::RunEvent;
use crate::report::RunReporter;
use crate::report::json::Json;
use crate::report::json_lines::JsonLines;
use crate::report::text::Text;
use crate::source::ObjectSource;
use crate::source::count::{Counted, Counts};
use crate::source::limit::{InFlight, Limited};
use crate::source::mirror::MirrorSource;
use crate::source::retry::Retrying;
use crate::source::s3::{S3Source, Timeouts};
use crate::trust::bundle::{BundleKeys, NoKeys};
use crate::trust::cloudtrail::CloudTrail;
use crate::trust::{KeyService, TrailService};
use crate::verify::verify_run::{VerifyPlan, verify_counting};
use std::io::{self, BufWriter, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A mistake on the command line.
const USAGE: u8 = 2;
/// The run could not begin: credentials, trail, keys.
const NOT_STARTED: u8 = 5;
/// An output that was asked for could not be written.
const OUTPUT_LOST: u8 = 6;

/// Runs the command and returns the exit status.
pub(super) async fn run(aws: &AwsArgs, args: &VerifyArgs) -> u8 {
    if args.dry_run {
        return dry_run::run(aws, args).await;
    }
    let mut report = Report::new(args.format);
    let ended = unless_interrupted(attempt(aws, args, &mut report)).await;
    // Whatever ended the run, what was told until then is written.
    let lost = report.close();
    let status = match ended {
        Err(signal) => return 128 + signal,
        Ok(Ok(verdict)) => verdict.exit_status(),
        Ok(Err(no_plan)) => return refuse(&no_plan),
    };
    match lost {
        None => status,
        Some(error) => {
            say(&format!("error: cannot write the output: {error}"));
            // A verdict of contradiction is louder than a lost output.
            if status == Verdict::Contradicted.exit_status() { status } else { OUTPUT_LOST }
        }
    }
}

async fn attempt(aws: &AwsArgs, args: &VerifyArgs, report: &mut Report) -> Result<Verdict, NoPlan> {
    let counts = Arc::new(Counts::default());
    let progress = Progress::start(args.quiet, Arc::clone(&counts));
    let run = prepare(aws, args, &counts).await?;
    let (source, keys) = (Arc::clone(&run.source), Arc::clone(&run.keys));
    let unneeded = Arc::default();
    let summary = verify_counting(&run.plan, source, keys, &unneeded, &mut |event| {
        progress.note(event);
        report.tell(event);
    })
    .await;
    progress.stop();
    run.remarks();
    if let Some(billed) = &run.billed {
        billed.note_unneeded(unneeded.load(Ordering::Relaxed));
        say_cost(args.quiet, billed);
    }
    Ok(summary.verdict)
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
/// Requests are counted into `counts` from the first on.
pub(super) async fn prepare(
    aws: &AwsArgs,
    args: &VerifyArgs,
    counts: &Arc<Counts>,
) -> Result<Prepared, NoPlan> {
    let now = now();
    let asked = read(args, now)?;
    let bundle = key_files::read(&args.public_keys)?;
    let named = args.bucket.as_deref();
    let directory = match &asked.place {
        Some(Place::Directory(path)) => Some(path.clone()),
        _ => None,
    };
    let moved_to_s3 = asked.moved.iter().any(|moved| matches!(moved.to, Place::Bucket(..)));
    // What is read from a directory is counted apart: S3 charges nothing for it.
    let billed = if directory.is_some() { Arc::default() } else { Arc::clone(counts) };
    // A copy is verified without a request to anybody, unless a part of it was said to lie in S3.
    let online = match directory.is_none() || moved_to_s3 {
        true => Some(Online::start(aws, args.concurrency, &billed, &asked).await?),
        false => None,
    };
    let billed = online.is_some().then_some(billed);
    let rules = evidence::rules(&asked.moved, online.as_ref().map(|online| &online.source))?;
    let mut mirror = None;
    let (evidence, trust) = match (&directory, online) {
        (None, Some(Online { source, trust })) => {
            let bucket = bucket_of(&asked, trust.as_ref()).await?;
            (evidence::in_bucket(source, bucket, named, rules).await?, Some(trust))
        }
        (Some(path), _) => {
            let opened = &*mirror.insert(evidence::open(path)?);
            (evidence::in_directory(opened, path, named, rules, counts).await?, None)
        }
        (None, None) => return Err(NoPlan::Usage("a location is needed".to_owned())),
    };
    let keys: Arc<dyn KeyService> = match (bundle, &trust) {
        (Some(bundle), _) => Arc::new(BundleKeys::new(bundle)),
        (None, Some(trust)) => trust.clone(),
        (None, None) => Arc::new(NoKeys),
    };
    let no_keys = trust.is_none() && args.public_keys.is_empty();
    let trails = trust.map(|trust| -> Arc<dyn TrailService> { trust });
    let plan = make(asked, args, &evidence, trails, now);
    Ok(Prepared {
        plan,
        source: evidence.source,
        keys,
        billed,
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
            source: Arc::new(Retrying::new(limited, retry_policy(), seed)),
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

/// The report on stdout. Where that fails it is set aside and the run goes on: the verdict must not
/// depend on who is listening.
struct Report {
    to: Box<dyn RunReporter>,
    /// Whether there is anything to report: a run that did not begin has no report.
    begun: bool,
    failed: Option<io::Error>,
}

impl Report {
    fn new(format: Format) -> Self {
        let out = BufWriter::new(io::stdout());
        let to: Box<dyn RunReporter> = match format {
            Format::Text => Box::new(Text::new(out, colour())),
            Format::Json => Box::new(Json::new(out)),
            Format::Jsonl => Box::new(JsonLines::new(out)),
        };
        Self { to, begun: false, failed: None }
    }

    fn tell(&mut self, event: &RunEvent) {
        self.begun = true;
        if self.failed.is_none() {
            self.failed = self.to.event(event).err();
        }
    }

    fn close(&mut self) -> Option<io::Error> {
        if !self.begun {
            return None;
        }
        self.failed.take().or_else(|| self.to.finish().err())
    }
}

/// Colour is for terminals, and not where `NO_COLOR` is set.
fn colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !refused
}
