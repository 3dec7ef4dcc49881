//! One output of a run: stdout, or a file that gets its name when it is complete.
use super::request::ReportFormat;
use crate::cli::args::console::Colour;
use crate::cli::args::output::Format;
use crate::console::stream::print_to_stderr;
use crate::files::atomic::AtomicFile;
use crate::files::record_file::PartialFile;
use crate::report::RunReporter;
use crate::report::export::{VerifiedIntervals, VerifiedObjects};
use crate::report::export_exceptions::ExceptionsToReview;
use crate::report::html::Html;
use crate::report::json::Json;
use crate::report::json_lines::JsonLines;
use crate::report::junit::Junit;
use crate::report::metrics::{emf, prometheus};
use crate::report::ocsf::Ocsf;
use crate::report::record::{Record, RecordSink};
use crate::report::text::Text;
use std::io::{self, BufWriter, IsTerminal as _};
use std::path::Path;
use terminal_size::{Width, terminal_size_of};
use trailproof_core::record::RunEvent;
use trailproof_core::record::document::Circumstances;
use trailproof_core::vocab::location::{escape, shell_word};

/// One output, with the error that ended it, if any.
pub(crate) struct Output {
    /// Name for messages.
    pub(crate) name: String,
    pub(crate) to: Box<dyn RunReporter>,
    /// File that gets its name at the end; `None` for stdout.
    pub(crate) file: Option<OutputFile>,
    pub(crate) failed: Option<io::Error>,
}

/// A file that gets its name when it is complete.
pub(crate) enum OutputFile {
    Report(AtomicFile),
    Record(PartialFile),
}

impl OutputFile {
    fn keep(self) -> io::Result<()> {
        match self {
            Self::Report(file) => file.keep(),
            Self::Record(file) => file.keep(),
        }
    }
}

/// Writes what remains, and gives the file its name if the run finished. If it did not, and its record
/// is `resumable`, names that.
pub(crate) fn finish(
    mut to: Box<dyn RunReporter>,
    file: Option<OutputFile>,
    ended: bool,
    resumable: bool,
) -> io::Result<()> {
    to.finish()?;
    drop(to);
    match file {
        Some(file) if ended => file.keep(),
        Some(OutputFile::Record(file)) if resumable => {
            if let Some(partial) = file.partial() {
                let partial = partial.to_string_lossy();
                print_to_stderr(&format!(
                    "hint: the results so far are in `{}`; `trailproof verify --resume {}` does not \
                     read again what they prove",
                    escape(&partial),
                    shell_word(&partial)
                ));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Returns the output for the report on stdout.
pub(crate) fn on_stdout(format: Format, verbose: bool, colour: Colour) -> Output {
    let out = BufWriter::new(io::stdout());
    let to: Box<dyn RunReporter> = match format {
        Format::Text => {
            let colour = colour.is_used(&io::stdout());
            Box::new(Text::new(out, colour).verbose(verbose).on_terminal(columns()))
        }
        Format::Json => Box::new(Json::new(out)),
        Format::Jsonl => Box::new(JsonLines::new(out)),
    };
    Output { name: "the output".to_owned(), to, file: None, failed: None }
}

/// Returns the output for metrics on stdout.
pub(crate) fn metrics_on_stdout(per_chain: bool) -> Output {
    let to = Box::new(emf(BufWriter::new(io::stdout()), per_chain));
    Output { name: "the metrics".to_owned(), to, file: None, failed: None }
}

/// Creates a report in a file.
pub(crate) fn in_file(
    kind: ReportFormat,
    path: &Path,
    force: bool,
) -> io::Result<(Box<dyn RunReporter>, OutputFile)> {
    let file = AtomicFile::create(path, force)?;
    let out = BufWriter::new(file.writer()?);
    let to: Box<dyn RunReporter> = match kind {
        ReportFormat::Html => Box::new(Html::new(out)),
        ReportFormat::Junit => Box::new(Junit::new(out)),
        ReportFormat::Ocsf => Box::new(Ocsf::new(out)),
        ReportFormat::VerifiedIntervals => Box::new(VerifiedIntervals::new(out)),
        ReportFormat::VerifiedObjects => Box::new(VerifiedObjects::new(out)),
        ReportFormat::Exceptions => Box::new(ExceptionsToReview::new(out)),
        ReportFormat::Metrics { per_chain } => Box::new(prometheus(out, per_chain)),
    };
    Ok((to, OutputFile::Report(file)))
}

/// Creates the record of the run.
pub(crate) fn in_record(
    path: &Path,
    around: Option<Circumstances>,
    force: bool,
) -> io::Result<(Box<dyn RunReporter>, OutputFile)> {
    let file = PartialFile::create(path, force)?;
    let out = BufWriter::new(file.writer()?);
    let sink = if path.extension().is_some_and(|extension| extension == "zst") {
        RecordSink::zstd(out)?
    } else {
        RecordSink::Plain(out)
    };
    Ok((Box::new(Record::new(sink, around)), OutputFile::Record(file)))
}

/// The reporter of an output that was lost before the run began. It discards everything.
pub(crate) struct LostOutput;

impl RunReporter for LostOutput {
    fn event(&mut self, _: &RunEvent) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the columns of the terminal that stdout is.
fn columns() -> Option<usize> {
    let stdout = io::stdout();
    // Where the terminal does not say, the usual number.
    let columns = || terminal_size_of(&stdout).map_or(80, |(Width(columns), _)| columns.into());
    stdout.is_terminal().then(columns)
}
