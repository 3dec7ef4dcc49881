//! Options for what a run writes: the report on stdout, and files.
use clap::Args;
use clap::builder::{PossibleValue, TypedValueParser};
use std::ffi::OsStr;
use std::path::PathBuf;

/// Formats of the output on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Text for people
    Text,
    /// One summary document, in JSON
    Json,
    /// The event stream, one JSON object per line
    Jsonl,
}

/// Reports that a run writes into files, in addition to the report on stdout.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Additional outputs")]
pub(crate) struct OutputArgs {
    /// Also write a report to FILE: `html=FILE` (repeatable)
    #[arg(long, value_name = "KIND=FILE", value_parser = REPORT, hide_possible_values = true)]
    pub(crate) report: Vec<ReportFile>,
    /// Also write the result as JUnit XML, to gate a pipeline
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Also write the result as OCSF events, one JSON object per line
    #[arg(long, value_name = "FILE")]
    pub(crate) ocsf: Option<PathBuf>,
    /// Write a table of what is proven as CSV (`verified-intervals=FILE` or `verified-objects=FILE`),
    /// or what forbids `proven` as a file for `--accept` to fill in (`exceptions=FILE`) (repeatable)
    #[arg(long, value_name = "KIND=FILE", value_parser = EXPORT, hide_possible_values = true)]
    pub(crate) export: Vec<ExportFile>,
    /// List every entry in the text report, instead of the first ones of each cause
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Overwrite output files that already exist
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
}

impl OutputArgs {
    /// Returns whether any file is to be written.
    pub(crate) fn names_a_file(&self) -> bool {
        let files = [&self.junit, &self.ocsf, &self.metrics.metrics];
        !self.report.is_empty() || !self.export.is_empty() || files.into_iter().any(Option::is_some)
    }
}

/// Options for numbers that a monitoring system reads.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Metrics")]
pub(crate) struct MetricsArgs {
    /// Write metrics for the textfile collector of Prometheus's node exporter, and replace the file
    #[arg(long, value_name = "FILE.prom")]
    pub(crate) metrics: Option<PathBuf>,
    /// Print metrics on stdout, in lines of CloudWatch's embedded metric format
    #[arg(long)]
    pub(crate) metrics_emf: bool,
    /// Add the newest proven digest of each chain to the metrics
    #[arg(long)]
    pub(crate) metrics_per_chain: bool,
}

/// Options for the run record.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Additional outputs")]
pub(crate) struct RecordArgs {
    /// Write the run record, from which every report can be regenerated; `.zst` compresses it
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Leave out of every output whatever depends on the clock, the host and the network
    #[arg(long)]
    pub(crate) reproducible: bool,
}

/// The options of `replay`.
#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// Run record, written by `verify --record`
    #[arg(value_name = "RECORD")]
    pub(crate) record: PathBuf,
    /// Format of the report on stdout
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) outputs: OutputArgs,
}

/// A report to write, and its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReportFile {
    pub(crate) kind: ReportKind,
    pub(crate) path: PathBuf,
}

/// Kinds of report that `--report` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportKind {
    /// One HTML page that loads nothing.
    Html,
}

/// A table in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExportFile {
    pub(crate) kind: ExportKind,
    pub(crate) path: PathBuf,
}

/// Kinds of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExportKind {
    /// Stretches of time, by chain.
    VerifiedIntervals,
    /// Digests and log files.
    VerifiedObjects,
    /// What forbids "proven", as a file of exceptions to fill in.
    Exceptions,
}

/// A parser of `KIND=FILE` that offers the kinds to shells, which complete a file name behind them.
#[derive(Clone, Copy, Debug)]
pub(super) struct KindParser<T> {
    kinds: &'static [&'static str],
    parse: fn(&str) -> Result<T, String>,
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for KindParser<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        self.parse.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.kinds.iter().map(|kind| PossibleValue::new(*kind))))
    }
}

/// Parses the value of `--report`.
pub(super) const REPORT: KindParser<ReportFile> = KindParser { kinds: &["html="], parse: report };

/// Parses the value of `--export`.
const EXPORT: KindParser<ExportFile> = KindParser {
    kinds: &["verified-intervals=", "verified-objects=", "exceptions="],
    parse: export,
};

fn export(text: &str) -> Result<ExportFile, String> {
    let kind = match text.split_once('=') {
        Some((_, "")) | None => return Err("must be of the form `KIND=FILE`".to_owned()),
        Some(("verified-intervals", path)) => (ExportKind::VerifiedIntervals, path),
        Some(("verified-objects", path)) => (ExportKind::VerifiedObjects, path),
        Some(("exceptions", path)) => (ExportKind::Exceptions, path),
        Some(_) => {
            let kinds = "verified-intervals, verified-objects, exceptions";
            return Err(format!("the kinds are: {kinds}"));
        }
    };
    let (kind, path) = kind;
    Ok(ExportFile { kind, path: path.into() })
}

fn report(text: &str) -> Result<ReportFile, String> {
    match text.split_once('=') {
        Some((_, "")) | None => Err("must be of the form `html=FILE`".to_owned()),
        Some(("html", path)) => Ok(ReportFile { kind: ReportKind::Html, path: path.into() }),
        Some(_) => Err("the kinds of report are: html".to_owned()),
    }
}
