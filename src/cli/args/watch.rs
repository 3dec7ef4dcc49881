//! The options of `watch`.
use super::aws::concurrency;
use super::output::MetricsArgs;
use super::verify::EvidenceArgs;
use crate::session::period::span_seconds;
use clap::Args;
use std::path::PathBuf;

/// Formats of the output of `watch` on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum WatchFormat {
    /// One line for the step, and one for each alert
    Text,
    /// One JSON object
    Json,
}

/// The options of `watch`.
#[derive(Args, Debug)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) evidence: EvidenceArgs,
    /// Directory, or `s3://BUCKET/PREFIX`, for the records of all steps. The first step makes it and
    /// needs `--start-time`; each later step continues where the records end
    #[arg(long, value_name = "PLACE")]
    pub(crate) state: PathBuf,
    /// Alert if the newest proven digest of a chain is older than this
    #[arg(long, value_name = "SPAN", default_value = "6h", value_parser = span)]
    pub(crate) max_age: i64,
    /// Hash every record of the state again, and do nothing else
    #[arg(long)]
    pub(crate) check_state: bool,
    /// Leave out of the records whatever depends on the clock, the host and the network
    #[arg(long)]
    pub(crate) reproducible: bool,
    /// Format of the result on stdout
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = WatchFormat::Text)]
    pub(crate) format: WatchFormat,
    /// Limit of concurrent requests [default: adapts to the store, up to 256]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<usize>,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
}

fn span(text: &str) -> Result<i64, String> {
    span_seconds(text).ok_or_else(|| "must be a span, as in `6h` or `2d`".to_owned())
}
