//! What a run writes: its report on stdout, and files beside it.
use clap::Args;
use std::path::PathBuf;

/// Forms of a `verify` run's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One summary document
    Json,
    /// The event stream, a line an event
    Jsonl,
}

/// Files that a run writes beside its report on stdout.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Outputs beside the one on stdout")]
pub(crate) struct OutputArgs {
    /// Write a report of this kind too: `html=FILE`; may be given again
    #[arg(long, value_name = "KIND=FILE", value_parser = report)]
    pub(crate) report: Vec<ReportFile>,
    /// Write the findings as JUnit XML too, for pipelines that gate on it
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Write the findings as OCSF events too, a JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) ocsf: Option<PathBuf>,
    /// Write a table of what is proven as CSV: `verified-intervals=FILE` or `verified-objects=FILE`
    /// (repeatable)
    #[arg(long, value_name = "KIND=FILE", value_parser = export)]
    pub(crate) export: Vec<ExportFile>,
    /// Overwrite output files that already exist
    #[arg(long)]
    pub(crate) force: bool,
}

/// Where a run writes its record.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Outputs beside the one on stdout")]
pub(crate) struct RecordArgs {
    /// Write the run record, from which every report can be made again; `.zst` compresses it
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Leave out of every output what depends on the clock, the host and the network
    #[arg(long)]
    pub(crate) reproducible: bool,
}

/// The options of `replay`.
#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// The run record, as `verify --record FILE` wrote it
    #[arg(value_name = "RECORD")]
    pub(crate) record: PathBuf,
    /// Form of the output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) outputs: OutputArgs,
}

/// A report of a kind, in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReportFile {
    pub(crate) kind: ReportKind,
    pub(crate) path: PathBuf,
}

/// Kinds of report that are files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportKind {
    /// One self-contained page.
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
}

fn export(text: &str) -> Result<ExportFile, String> {
    let kind = match text.split_once('=') {
        Some((_, "")) | None => return Err("must be of the form `KIND=FILE`".to_owned()),
        Some(("verified-intervals", path)) => (ExportKind::VerifiedIntervals, path),
        Some(("verified-objects", path)) => (ExportKind::VerifiedObjects, path),
        Some(_) => return Err("the kinds are: verified-intervals, verified-objects".to_owned()),
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
