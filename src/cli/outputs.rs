//! Everything that a run writes: its report on stdout and files beside it.
//!
//! An output that fails is set aside and the run goes on: what the evidence proves must not depend
//! on who is listening or on a full disk. That an output was lost is said at the end, and the exit
//! status tells it unless the evidence is contradicted, which is louder.
use super::args::Format;
use super::output_args::{OutputArgs, ReportKind};
use super::program::say;
use super::verify_plan::NoPlan;
use super::whole_file::{self, WholeFile};
use crate::core::location::escape;
use crate::core::verdict::Verdict;
use crate::event::RunEvent;
use crate::report::RunReporter;
use crate::report::html::Html;
use crate::report::json::Json;
use crate::report::json_lines::JsonLines;
use crate::report::junit::Junit;
use crate::report::ocsf::Ocsf;
use crate::report::text::Text;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

/// An output that was asked for could not be written.
const OUTPUT_LOST: u8 = 6;

/// A file of a run, and what is written into it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    kind: Kind,
    path: PathBuf,
}

/// What a file of a run holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Html,
    Junit,
    Ocsf,
}

/// Where the events of a run go.
pub(super) struct Outputs {
    all: Vec<Output>,
    /// Whether there is anything to tell: a run that did not begin has no report.
    begun: bool,
    /// Whether the run came to its end.
    ended: bool,
}

/// One place where the events go, until it fails.
struct Output {
    /// How it is called in a message.
    name: String,
    to: Box<dyn RunReporter>,
    /// The file to be, unless it is stdout.
    file: Option<WholeFile>,
    failed: Option<io::Error>,
}

impl Outputs {
    /// The report on stdout and the files that were asked for. A file that cannot be made is lost,
    /// and the run goes on.
    ///
    /// # Errors
    ///
    /// That what was typed cannot be meant.
    pub(super) fn new(format: Format, args: &OutputArgs) -> Result<Self, NoPlan> {
        let wanted = wanted(args)?;
        let mut outputs = Self { all: vec![on_stdout(format)], begun: false, ended: false };
        for file in wanted {
            let shown = escape(&file.path.to_string_lossy()).into_owned();
            let name = format!("`{shown}`");
            match in_file(file.kind, &file.path) {
                Ok((to, file)) => {
                    outputs.all.push(Output { name, to, file: Some(file), failed: None });
                }
                Err(error) => {
                    say(&format!("warning: cannot write {name}: {error}; the run goes on"));
                    outputs.lost(name, error);
                }
            }
        }
        Ok(outputs)
    }

    fn lost(&mut self, name: String, error: io::Error) {
        self.all.push(Output { name, to: Box::new(Nowhere), file: None, failed: Some(error) });
    }

    /// Tells an event to every output that did not fail.
    pub(super) fn tell(&mut self, event: &RunEvent) {
        self.begun = true;
        self.ended = matches!(event, RunEvent::RunFinished(_));
        for output in &mut self.all {
            if output.failed.is_none() {
                output.failed = output.to.event(event).err();
            }
        }
    }

    /// Finishes every output; says which were lost, and whether any was. The report on stdout of a
    /// run that was cut short tells what there is; a file is kept only where the run came to its
    /// end.
    pub(super) fn close(self) -> Lost {
        let mut lost = Lost(false);
        for output in self.all {
            let result = match output.failed {
                Some(error) => Err(error),
                None if !self.begun => Ok(()),
                None => finish(output.to, output.file.filter(|_| self.ended)),
            };
            if let Err(error) = result {
                lost.0 = true;
                say(&format!("error: cannot write {}: {error}", output.name));
            }
        }
        lost
    }
}

/// Whether an output was lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost(bool);

impl Lost {
    /// The exit status of a run with this verdict.
    pub(super) fn exit_status(self, verdict: Verdict) -> u8 {
        // A contradiction is louder than a lost output.
        if self.0 && verdict != Verdict::Contradicted { OUTPUT_LOST } else { verdict.exit_status() }
    }
}

fn finish(mut to: Box<dyn RunReporter>, file: Option<WholeFile>) -> io::Result<()> {
    to.finish()?;
    drop(to);
    file.map_or(Ok(()), WholeFile::keep)
}

/// The files that were asked for, none of them twice and none where stdout goes.
fn wanted(args: &OutputArgs) -> Result<Vec<Wanted>, NoPlan> {
    let reports = args.report.iter().map(|report| {
        let kind = match report.kind {
            ReportKind::Html => Kind::Html,
        };
        Wanted { kind, path: report.path.clone() }
    });
    let junit = args.junit.iter().map(|path| Wanted { kind: Kind::Junit, path: path.clone() });
    let ocsf = args.ocsf.iter().map(|path| Wanted { kind: Kind::Ocsf, path: path.clone() });
    let wanted: Vec<Wanted> = reports.chain(junit).chain(ocsf).collect();
    for (at, file) in wanted.iter().enumerate() {
        check_path(&file.path, wanted.iter().take(at).map(|earlier| earlier.path.as_path()))?;
    }
    Ok(wanted)
}

/// Refuses a path that is another output's too.
fn check_path<'a>(path: &Path, mut earlier: impl Iterator<Item = &'a Path>) -> Result<(), NoPlan> {
    let shown = escape(&path.to_string_lossy()).into_owned();
    if path == Path::new("-") {
        return Err(NoPlan::Usage(
            "`-` is no file\n\nhint: stdout has the report of `--format`; `--format jsonl` writes \
             the event stream there"
                .to_owned(),
        ));
    }
    if earlier.any(|earlier| earlier == path) {
        return Err(NoPlan::Usage(format!("`{shown}` is named for two outputs")));
    }
    let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let same = match (std::fs::metadata(path), stdout.and_then(|stdout| stdout.metadata())) {
        (Ok(one), Ok(other)) => whole_file::is_same(&one, &other),
        // What cannot be looked at is no file yet, or fails when it is opened.
        _ => false,
    };
    if same {
        return Err(NoPlan::Usage(format!("`{shown}` is where stdout goes")));
    }
    Ok(())
}

fn on_stdout(format: Format) -> Output {
    let out = BufWriter::new(io::stdout());
    let to: Box<dyn RunReporter> = match format {
        Format::Text => Box::new(Text::new(out, colour())),
        Format::Json => Box::new(Json::new(out)),
        Format::Jsonl => Box::new(JsonLines::new(out)),
    };
    Output { name: "the output".to_owned(), to, file: None, failed: None }
}

fn in_file(kind: Kind, path: &Path) -> io::Result<(Box<dyn RunReporter>, WholeFile)> {
    let file = WholeFile::create(path)?;
    let out = BufWriter::new(file.writer()?);
    let to: Box<dyn RunReporter> = match kind {
        Kind::Html => Box::new(Html::new(out)),
        Kind::Junit => Box::new(Junit::new(out)),
        Kind::Ocsf => Box::new(Ocsf::new(out)),
    };
    Ok((to, file))
}

/// An output that was lost before the run began.
struct Nowhere;

impl RunReporter for Nowhere {
    fn event(&mut self, _: &RunEvent) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Colour is for terminals, and not where `NO_COLOR` is set.
fn colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !refused
}
