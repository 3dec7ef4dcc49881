//! The options of `lookup`.
use super::args::{Format, VerifyArgs};
use clap::Args;
use std::path::PathBuf;

/// The options of `lookup`.
#[derive(Args, Debug)]
pub(super) struct LookupArgs {
    /// Files to look up: log files, gzip or inflated, under whatever names
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Where the evidence lies: `s3://BUCKET[/PREFIX]`, or a directory with a copy of it
    #[arg(long = "in", value_name = "LOCATION", required = true)]
    pub(super) place: String,
    /// First second of the period to search: `2026-07-01` or `2026-07-01T00:00:00Z`
    #[arg(long, visible_alias = "since", value_name = "TIME", group = "from")]
    pub(super) start_time: Option<String>,
    /// End of the period [default: now]
    #[arg(long, value_name = "TIME", conflicts_with_all = ["last", "quarter"])]
    pub(super) end_time: Option<String>,
    /// The time up to now: `90d`, `12h`
    #[arg(long, value_name = "SPAN", group = "from")]
    pub(super) last: Option<String>,
    /// A calendar quarter, in UTC: `2026Q3`
    #[arg(long, value_name = "QUARTER", group = "from")]
    pub(super) quarter: Option<String>,
    /// Only this trail, by name or ARN; may be given again
    #[arg(long, value_name = "TRAIL")]
    pub(super) trail: Vec<String>,
    /// Only this account; may be given again
    #[arg(long, value_name = "ID")]
    pub(super) account: Vec<String>,
    /// Only log files of this region; may be given again
    #[arg(long = "region", id = "region", value_name = "REGION")]
    pub(super) regions: Vec<String>,
    /// Believe the public keys in this file and ask AWS for none; may be given again
    #[arg(long, value_name = "FILE")]
    pub(super) public_keys: Vec<PathBuf>,
    /// Bucket that a copy is of, where its digests do not agree on one
    #[arg(long, value_name = "BUCKET")]
    pub(super) bucket: Option<String>,
    /// Look elsewhere for what was delivered to OLD: `s3://OLD[/PREFIX]=s3://NEW[/PREFIX]` or
    /// `…=DIRECTORY`; may be given again
    #[arg(long, value_name = "OLD=NEW")]
    pub(super) relocate: Vec<String>,
    /// No progress on stderr
    #[arg(long, short)]
    pub(super) quiet: bool,
}

impl LookupArgs {
    /// The run of `verify` that finds the digests to search.
    pub(super) fn as_verify(&self) -> VerifyArgs {
        VerifyArgs {
            location: Some(self.place.clone()),
            trail_arn: None,
            start_time: self.start_time.clone(),
            end_time: self.end_time.clone(),
            last: self.last.clone(),
            quarter: self.quarter.clone(),
            trail: self.trail.clone(),
            account: self.account.clone(),
            regions: self.regions.clone(),
            public_keys: self.public_keys.clone(),
            bucket: self.bucket.clone(),
            relocate: self.relocate.clone(),
            dry_run: false,
            no_unlisted: true,
            unlisted: false,
            format: Format::Text,
            quiet: self.quiet,
            concurrency: None,
        }
    }
}
