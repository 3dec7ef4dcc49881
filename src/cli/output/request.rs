//! The files that a run is requested to write.
use crate::cli::args::output::{ExportKind, OutputArgs, RecordArgs, ReportKind};
use crate::console::refusal::Refusal;
use crate::files::atomic::{self, check_absent, names_same};
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use trailproof_core::vocab::location::escape;

/// A file to write, and its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutputRequest {
    pub(crate) kind: Kind,
    pub(crate) path: PathBuf,
}

/// The content of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Report(ReportFormat),
    Record,
}

impl Kind {
    /// Returns whether each run replaces the file of the run before.
    pub(crate) fn is_replaced(self) -> bool {
        matches!(self, Self::Report(ReportFormat::Metrics { .. }))
    }
}

/// Formats of reports that are written into files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportFormat {
    Html,
    Junit,
    Ocsf,
    VerifiedIntervals,
    VerifiedObjects,
    Exceptions,
    Metrics {
        /// Whether each chain has a series of its own.
        per_chain: bool,
    },
}

/// Returns the requested files, after a check that they differ from each other and from stdout.
pub(crate) fn requests(
    record: &RecordArgs,
    args: &OutputArgs,
) -> Result<Vec<OutputRequest>, Refusal> {
    let reports = args.report.iter().map(|report| {
        let kind = match report.kind {
            ReportKind::Html => Kind::Report(ReportFormat::Html),
        };
        OutputRequest { kind, path: report.path.clone() }
    });
    let junit = args
        .junit
        .iter()
        .map(|path| OutputRequest { kind: Kind::Report(ReportFormat::Junit), path: path.clone() });
    let ocsf = args
        .ocsf
        .iter()
        .map(|path| OutputRequest { kind: Kind::Report(ReportFormat::Ocsf), path: path.clone() });
    let exports = args.export.iter().map(|export| {
        let kind = match export.kind {
            ExportKind::VerifiedIntervals => ReportFormat::VerifiedIntervals,
            ExportKind::VerifiedObjects => ReportFormat::VerifiedObjects,
            ExportKind::Exceptions => ReportFormat::Exceptions,
        };
        OutputRequest { kind: Kind::Report(kind), path: export.path.clone() }
    });
    let per_chain = args.metrics.metrics_per_chain;
    let metrics = args.metrics.metrics.iter().map(|path| {
        let kind = Kind::Report(ReportFormat::Metrics { per_chain });
        OutputRequest { kind, path: path.clone() }
    });
    let record =
        record.record.iter().map(|path| OutputRequest { kind: Kind::Record, path: path.clone() });
    let requests: Vec<OutputRequest> =
        record.chain(reports).chain(junit).chain(ocsf).chain(exports).chain(metrics).collect();
    for (at, file) in requests.iter().enumerate() {
        check_path(&file.path, requests.iter().take(at).map(|earlier| earlier.path.as_path()))?;
        check_absent(&file.path, args.force || file.kind.is_replaced())?;
    }
    Ok(requests)
}

/// Returns a usage error if `path` is also the file of a different output.
fn check_path<'a>(path: &Path, mut earlier: impl Iterator<Item = &'a Path>) -> Result<(), Refusal> {
    let shown = escape(&path.to_string_lossy()).into_owned();
    if path == Path::new("-") {
        return Err(Refusal::usage(
            "`-` is not a file\n\nhint: stdout receives the report of `--format`; use `--format \
             jsonl` to write the event stream there"
                .to_owned(),
        ));
    }
    if earlier.any(|earlier| names_same(earlier, path)) {
        return Err(Refusal::usage(format!("`{shown}` is named for two outputs")));
    }
    let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let same = match (std::fs::metadata(path), stdout.and_then(|stdout| stdout.metadata())) {
        (Ok(one), Ok(other)) => atomic::is_same(&one, &other),
        // A path without metadata does not exist yet, or fails when it is opened.
        _ => false,
    };
    if same {
        return Err(Refusal::usage(format!("`{shown}` is the file that stdout is redirected to")));
    }
    Ok(())
}
