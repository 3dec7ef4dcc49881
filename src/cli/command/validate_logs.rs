//! `trailproof validate-logs`: the AWS CLI's command, with its output and its exit statuses.
use crate::aws::config::{AwsConfig, AwsOptions, EndpointScope};
use crate::aws::words::SetupError;
use crate::cli::args::aws::AwsArgs;
use crate::cli::args::commands::ValidateLogsArgs;
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::cli::terminal::waits::watch;
use crate::compat::plan::{Abort, AwsPlan, AwsRequest};
use crate::compat::run::validate_logs;
use crate::compat::text::AwsText;
use crate::console::exit::ExitStatus;
use crate::console::stream::print_to_stderr;
use crate::session::environment::{max_attempts, now};
use crate::session::store::{s3, warn_without_roots};
use crate::session::time_text::parse_time;
use crate::source::layer::count::Counts;
use crate::trust::cloudtrail::CloudTrail;
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::str::FromStr;
use std::sync::Arc;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::compat::event::Tallies;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::{escape, excerpt};
use trailproof_core::vocab::time::{InclusivePeriod, Timestamp};

/// Runs the command and returns the exit status.
pub(crate) async fn run(aws: &AwsArgs, args: &ValidateLogsArgs) -> ExitStatus {
    let mut report = None;
    let work = validate(aws, args, &mut report);
    let ended = unless_interrupted(work).await;
    // The results so far are shown even if the run was interrupted.
    let lost = report.and_then(|mut report: Report| report.close());
    let status = match ended {
        Err(signal) => {
            let _ = io::stdout().write_all(b"\n");
            // As above: the AWS CLI prints nothing here.
            if io::stderr().is_terminal() {
                print_to_stderr(
                    "hint: what was validated is above, and is not kept; the same command starts \
                     again. `trailproof verify --record FILE` can be resumed",
                );
            }
            return signal;
        }
        Ok(Ok(tallies)) if tallies.contradicted() => ExitStatus::Contradicted,
        Ok(Ok(tallies)) if tallies.incomplete() => ExitStatus::AwsCliFailure,
        Ok(Ok(_)) => ExitStatus::Success,
        Ok(Err(refusal)) => {
            refusal.show();
            return ExitStatus::AwsCliFailure;
        }
    };
    match lost {
        None => status,
        Some(error) => {
            print_to_stderr(&format!("\ncannot write the output: {error}"));
            if status == ExitStatus::Contradicted { status } else { ExitStatus::AwsCliFailure }
        }
    }
}

async fn validate(
    aws: &AwsArgs,
    args: &ValidateLogsArgs,
    report: &mut Option<Report>,
) -> Result<Tallies, AwsCliError> {
    let period = period(args, now())?;
    let options = AwsOptions {
        region: aws.region.clone(),
        endpoint_scope: EndpointScope::CloudTrail,
        ..aws.access()
    };
    let config = AwsConfig::load(options).await?;
    warn_without_roots(&config);
    config.region()?;
    let request = request(aws, args, period)?;
    config.check_credentials().await?;

    let attempts = max_attempts();
    let trust = match attempts {
        None => CloudTrail::new(&config),
        Some(attempts) => CloudTrail::new(&config).with_attempts(attempts),
    };
    let home_region = request.arn.home_region.clone();
    let plan = AwsPlan::make(request, &trust).await?;
    let counts = Arc::new(Counts::default());
    let (source, _) = s3(&config, &counts, args.concurrency);
    // Stderr is byte-equal to the AWS CLI's unless it is a terminal.
    let waits = io::stderr().is_terminal().then(|| watch(counts));
    let report = report.insert(Report::new(args.verbose, home_region.as_str()));
    let tallies = validate_logs(plan, source, &trust, &mut |event| report.emit(event)).await;
    if let Some(waits) = waits {
        waits.abort();
    }
    Ok(tallies?)
}

fn period(args: &ValidateLogsArgs, now: Timestamp) -> Result<InclusivePeriod, AwsCliError> {
    let read = |text: &str| {
        parse_time(text).ok_or_else(|| {
            AwsCliError::new(format!("Unable to parse date value: {}", excerpt(text, SHOWN))).hint(
                "a time looks like `2026-07-01T00:00:00Z`, `2026-07-01` or `2026-07-01 12:00`",
            )
        })
    };
    let start = read(&args.start_time)?;
    let end = args.end_time.as_deref().map_or(Ok(now), read)?;
    if start > end {
        let words = "Invalid time range specified: start-time must occur before end-time";
        return Err(AwsCliError::new(words).hint(format!("the range is `{start}` to `{end}`")));
    }
    Ok(InclusivePeriod { start, end })
}

fn request(
    aws: &AwsArgs,
    args: &ValidateLogsArgs,
    period: InclusivePeriod,
) -> Result<AwsRequest, AwsCliError> {
    let arn = args.trail_arn.parse().map_err(|_| {
        let arn = excerpt(&args.trail_arn, SHOWN);
        AwsCliError::new(format!("Invalid trail ARN provided: {arn}"))
            .hint("a trail ARN looks like `arn:aws:cloudtrail:us-east-1:123456789012:trail/NAME`")
    })?;
    Ok(AwsRequest {
        arn,
        period,
        source_region: match aws.region.as_deref().filter(|region| !region.is_empty()) {
            None => None,
            Some(region) => Some(region.parse().map_err(|_| {
                let region = excerpt(region, SHOWN);
                AwsCliError::new(format!(
                    "Provided region_name '{region}' doesn't match a supported format."
                ))
                .hint("a region looks like `us-east-1`")
            })?),
        },
        bucket: args.s3_bucket.clone().filter(|bucket| !bucket.is_empty()),
        prefix: args.s3_prefix.clone(),
        account: optional(args.account_id.as_deref(), "--account-id")?,
    })
}

fn optional<T: FromStr>(text: Option<&str>, option: &str) -> Result<Option<T>, AwsCliError> {
    match text {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            AwsCliError::new(format!("invalid value `{}` for `{option}`", excerpt(text, SHOWN)))
        }),
    }
}

/// The report on stdout and stderr. If a stream fails, the run continues without it: the exit
/// status must not depend on a closed pipe.
struct Report {
    text: AwsText<BufWriter<io::Stdout>, io::Stderr>,
    failed: Option<io::Error>,
}

impl Report {
    fn new(verbose: bool, home_region: &str) -> Self {
        let out = BufWriter::new(io::stdout());
        Self { text: AwsText::new(out, io::stderr(), verbose, home_region), failed: None }
    }

    fn emit(&mut self, event: &trailproof_core::compat::event::Event) {
        if self.failed.is_none() {
            self.failed = self.text.event(event).err();
        }
    }

    fn close(&mut self) -> Option<io::Error> {
        let end = self.text.finish().err();
        self.failed.take().or(end)
    }
}

/// Why the run was aborted, in the AWS CLI's words if it has any.
struct AwsCliError {
    words: String,
    hint: Option<String>,
    /// Whether an empty line precedes the message, as it does for most errors of the AWS CLI.
    apart: bool,
}

impl AwsCliError {
    fn new(words: impl Into<String>) -> Self {
        Self { words: words.into(), hint: None, apart: true }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn show(&self) {
        let lead = if self.apart { "\n" } else { "" };
        print_to_stderr(&format!("{lead}{}", self.words));
        if let Some(hint) = &self.hint {
            print_to_stderr(&format!("\nhint: {hint}"));
        }
    }
}

impl From<SetupError> for AwsCliError {
    fn from(error: SetupError) -> Self {
        let apart = !matches!(error, SetupError::NoCredentials | SetupError::NoRegion);
        let words = error.to_string();
        let (words, hint) = match words.split_once("\n\nhint: ") {
            Some((words, hint)) => (words, Some(escape(hint).into_owned())),
            None => (words.as_str(), None),
        };
        Self { words: escape(words).into_owned(), hint, apart }
    }
}

impl From<Abort> for AwsCliError {
    fn from(abort: Abort) -> Self {
        match abort {
            Abort::Service(error) => {
                Self { apart: !error.no_credentials, ..Self::new(error.to_string()) }
            }
            Abort::TrailNotFound(arn) => {
                Self::new(format!("A trail could not be found for {}", escape(&arn))).hint(
                    "DescribeTrails lists trails of this account and region only; if the trail \
                     belongs to another account or was deleted, name its bucket with `--s3-bucket`",
                )
            }
            Abort::AccountNeeded => {
                Self::new("Missing required parameter for organization trail: '--account-id'")
            }
            Abort::Listing { bucket, why } => listing_refused(&bucket, &why),
            Abort::NoPublicKeys { from, to } => {
                Self::new(format!("No public keys found between {from} and {to}")).hint(
                    "public keys are stored by region: `--region` must name the region whose log \
                     files to validate",
                )
            }
            Abort::SeveralOrganizations(names) => {
                let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
                Self::new(format!(
                    "the bucket holds digests of this trail under several organizations: `{}`",
                    names.join("`, `")
                ))
            }
        }
    }
}

fn listing_refused(bucket: &str, why: &ReadFailure) -> AwsCliError {
    let hint = match why.kind {
        ReadFailureKind::NoSuchBucket => {
            "name the bucket that holds the digests with `--s3-bucket`"
        }
        ReadFailureKind::Denied => "`s3:ListBucket` on the bucket is required",
        _ => "",
    };
    let operation = match why.kind {
        ReadFailureKind::NoSuchBucket => "GetBucketLocation",
        // The operation that the AWS CLI names. We call ListObjectsV2, which needs the same
        // permission.
        _ => "ListObjects",
    };
    let retries = match why.attempts.saturating_sub(1) {
        0 => String::new(),
        retries => format!(" (reached max retries: {retries})"),
    };
    let words = match why.code_and_message() {
        Some((code, message)) => format!(
            "An error occurred ({}) when calling the {operation} operation{retries}: {}",
            escape(code),
            escape(message)
        ),
        None => format!("cannot list `s3://{}`: {why}", escape(bucket)),
    };
    let refusal = AwsCliError::new(words);
    if hint.is_empty() {
        refusal
    } else {
        refusal.hint(format!("bucket `{}`: {hint}", escape(bucket)))
    }
}
