//! The options of `trail-config`.
use super::output::{REPORT, ReportFile};
use crate::report::controls::FRAMEWORKS;
use clap::{ArgGroup, Args, builder::PossibleValuesParser};
use std::path::PathBuf;

/// Formats of the result on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ConfigFormat {
    /// Text for people
    Text,
    /// One document, in JSON
    Json,
    /// One JSON object per line
    Jsonl,
    /// Failures as annotations of GitHub Actions
    Github,
}

/// What a value that is not known until a plan is applied means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Unknown {
    /// The check is not available
    NotAvailable,
    /// The check fails
    Fail,
}

/// The options of `trail-config`.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("from").required(true).args(["location", "trail_arn", "terraform", "cloudformation", "evidence", "evidence_script", "join"]))]
pub(crate) struct TrailConfigArgs {
    /// Check all trails that deliver to `s3://BUCKET[/PREFIX]` and that DescribeTrails returns in the
    /// configured region
    #[arg(value_name = "LOCATION")]
    pub(crate) location: Option<String>,
    /// Check the trail with this ARN
    #[arg(long, value_name = "ARN")]
    pub(crate) trail_arn: Option<String>,
    /// Role to assume for requests about the bucket
    #[arg(long, value_name = "ARN")]
    pub(crate) bucket_role: Option<String>,
    /// Role to assume for requests about the key
    #[arg(long, value_name = "ARN")]
    pub(crate) key_role: Option<String>,
    /// Role to assume for requests about the organization
    #[arg(long, value_name = "ARN")]
    pub(crate) organization_role: Option<String>,
    /// Keep each answer of AWS as it was received: `NNN.json` or `NNN.xml` in the new folder DIR
    #[arg(long, value_name = "DIR")]
    pub(crate) responses: Option<PathBuf>,
    /// Check a plan or state of Terraform, as `terraform show -json` prints it
    #[arg(long, value_name = "FILE")]
    pub(crate) terraform: Option<PathBuf>,
    /// Check a template of CloudFormation, in JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) cloudformation: Option<PathBuf>,
    /// Check evidence that was gathered beforehand: JSON as the AWS CLI prints it
    #[arg(long, value_name = "DIR")]
    pub(crate) evidence: Option<PathBuf>,
    /// Print the shell script that gathers such evidence, with commands that only read
    #[arg(long)]
    pub(crate) evidence_script: bool,
    /// Join two results that `--format json` wrote, made with different credentials
    #[arg(long, value_names = ["FILE", "FILE"], num_args = 2)]
    pub(crate) join: Vec<PathBuf>,
    /// Run record of the bucket: shows which accounts of the organization have chains that cover its
    /// period, and whether its files are encrypted with the trail's key, and locked
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Make only the checks that serve a framework
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(FRAMEWORKS))]
    pub(crate) framework: Option<String>,
    /// Days for which logs must be kept
    #[arg(long, value_name = "N", default_value_t = 365)]
    pub(crate) retention_days: u64,
    /// Days for which logs must be readable without a restore
    #[arg(long, value_name = "N", default_value_t = 90)]
    pub(crate) at_hand_days: u64,
    /// Bucket whose data events the trail must record (repeatable)
    #[arg(long, value_name = "BUCKET")]
    pub(crate) data_bucket: Vec<String>,
    /// Meaning of a value that is not known until a plan is applied
    #[arg(long, value_name = "MEANING", value_enum, default_value_t = Unknown::NotAvailable)]
    pub(crate) unknown: Unknown,
    /// Exit with status 3 if a check is not available or manual
    #[arg(long)]
    pub(crate) require_all: bool,
    /// Format of the result on stdout
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ConfigFormat::Text)]
    pub(crate) format: ConfigFormat,
    /// Also write a report to FILE: `html=FILE` (repeatable)
    #[arg(long, value_name = "KIND=FILE", value_parser = REPORT, hide_possible_values = true)]
    pub(crate) report: Vec<ReportFile>,
    /// Also write the result as JUnit XML, to gate a pipeline
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Also write the result as OCSF events, one JSON object per line
    #[arg(long, value_name = "FILE")]
    pub(crate) ocsf: Option<PathBuf>,
    /// Also write failures as SARIF, for code scanning
    #[arg(long, value_name = "FILE")]
    pub(crate) sarif: Option<PathBuf>,
    /// Overwrite output files that already exist
    #[arg(long)]
    pub(crate) force: bool,
}
