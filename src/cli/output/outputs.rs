//! All outputs of a run: its report on stdout and files.
//!
//! If an output fails, the run continues without it: the verdict must not depend on a closed pipe
//! or a full disk. A lost output is reported at the end. It also sets the exit status, unless the
//! evidence is contradicted, which takes precedence.
use super::environment::environment;
use super::request::{Kind, OutputRequest, ReportFormat, requests};
use super::sink::{LostOutput, Output, finish, in_file, in_record, metrics_on_stdout, on_stdout};
use crate::cli::args::console::ConsoleArgs;
use crate::cli::args::output::{Format, OutputArgs, RecordArgs};
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::files::atomic::names_same;
use crate::report::record::Ended;
use crate::session::open::{CallerLookup, RunFacts};
use std::io::{self};
use std::path::Path;
use trailproof_core::record::RunEvent;
use trailproof_core::record::document::{Circumstances, RunEnded};
use trailproof_core::vocab::location::escape;

/// The outputs to which the events of a run are written.
pub(crate) struct Outputs {
    /// Files to open when the run begins. A run that does not begin leaves no file.
    requests: Vec<OutputRequest>,
    all: Vec<Output>,
    /// Whether to leave out whatever depends on the clock, the host and the network.
    reproducible: bool,
    /// Whether to overwrite existing files.
    force: bool,
    /// Whether to report at the end which files were written.
    names_files: bool,
    /// Whether an interrupted run leaves its record.
    resumable: bool,
    /// Whether the events come from a run, and not from its record.
    live: bool,
    /// Facts about the run for its circumstances.
    facts: RunFacts,
    /// Measures the run when it has ended.
    measure: Option<Ended>,
    /// Whether the run began. A run that did not begin has no report.
    begun: bool,
    /// Whether the run finished.
    ended: bool,
}

impl Outputs {
    /// Returns the report on stdout and the requested files.
    ///
    /// # Errors
    ///
    /// Returns a usage error if a file cannot be an output.
    pub(crate) fn new(
        console: &ConsoleArgs,
        format: Format,
        record: &RecordArgs,
        args: &OutputArgs,
    ) -> Result<Self, Refusal> {
        let requests = requests(record, args)?;
        let mut all = vec![on_stdout(format, args.verbose, console.color)];
        if args.metrics.metrics_emf {
            if format != Format::Text {
                return Err(Refusal::usage(
                    "`--metrics-emf` and `--format` both need stdout\n\nhint: use `--metrics FILE`, \
                     or write the report to a file",
                ));
            }
            all.push(metrics_on_stdout(args.metrics.metrics_per_chain));
        }
        Ok(Self {
            requests,
            all,
            reproducible: record.reproducible,
            force: args.force,
            names_files: !console.quiet,
            resumable: true,
            live: true,
            facts: RunFacts::default(),
            measure: None,
            begun: false,
            ended: false,
        })
    }

    /// Returns only the requested files, for a command with a result of its own on stdout.
    ///
    /// # Errors
    ///
    /// Returns a usage error if a file cannot be an output.
    pub(crate) fn of_files(
        console: &ConsoleArgs,
        record: &RecordArgs,
        args: &OutputArgs,
    ) -> Result<Self, Refusal> {
        let mut outputs = Self::new(console, Format::Text, record, args)?;
        // The report of the run is the first one.
        outputs.all.remove(0);
        Ok(outputs.unnamed())
    }

    /// Reports nothing about the files at the end, for a command that says itself what it wrote.
    pub(crate) fn unnamed(self) -> Self {
        Self { names_files: false, ..self }
    }

    /// Returns the outputs of a command that removes the record of an interrupted run.
    pub(crate) fn passing(self) -> Self {
        Self { resumable: false, ..self }
    }

    /// Returns the outputs for events that are read from `record`.
    ///
    /// # Errors
    ///
    /// Returns a usage error if a file cannot be an output.
    pub(crate) fn of_reports(
        console: &ConsoleArgs,
        format: Format,
        args: &OutputArgs,
        record: &Path,
    ) -> Result<Self, Refusal> {
        let outputs =
            Self { live: false, ..Self::new(console, format, &RecordArgs::default(), args)? };
        outputs.beside(record)
    }

    /// Checks that no output is a file that the run reads.
    ///
    /// # Errors
    ///
    /// Returns a usage error if an output is `input`.
    pub(crate) fn beside(self, input: &Path) -> Result<Self, Refusal> {
        match self.requests.iter().find(|file| names_same(&file.path, input)) {
            None => Ok(self),
            Some(file) => Err(Refusal::usage(format!(
                "`{}` is an input and cannot be an output as well",
                escape(&file.path.to_string_lossy())
            ))),
        }
    }

    /// Returns whether any output needs the identity of the AWS caller.
    pub(crate) fn caller(&self) -> CallerLookup {
        let tells = |file: &OutputRequest| {
            matches!(file.kind, Kind::Record | Kind::Report(ReportFormat::Html))
        };
        match self.has_circumstances() && self.requests.iter().any(tells) {
            true => CallerLookup::Requested,
            false => CallerLookup::Skipped,
        }
    }

    /// Sets the facts about the run.
    pub(crate) fn set_facts(&mut self, facts: RunFacts) {
        self.facts = facts;
    }

    /// Returns whether the files include the circumstances of the run.
    fn has_circumstances(&self) -> bool {
        let metrics = self.all.len() > 1;
        self.live && !self.reproducible && (metrics || !self.requests.is_empty())
    }

    /// Opens the files. A file that cannot be created counts as lost, and the run continues.
    /// Returns the circumstances of the run if the files include them, so that record and reports
    /// agree.
    fn begin(&mut self) -> Option<Circumstances> {
        self.begun = true;
        let tells = self.has_circumstances();
        let requests = std::mem::take(&mut self.requests);
        let around = tells.then(|| environment(std::mem::take(&mut self.facts)));
        let (circumstances, measure) = match around {
            Some(around) => (Some(around.circumstances), Some(around.ended)),
            None => (None, None),
        };
        self.measure = measure;
        for file in requests {
            let name = format!("`{}`", escape(&file.path.to_string_lossy()));
            let opened = match file.kind {
                Kind::Record => in_record(&file.path, circumstances.clone(), self.force),
                Kind::Report(format) => {
                    in_file(format, &file.path, self.force || file.kind.is_replaced())
                }
            };
            match opened {
                Ok((to, file)) => {
                    self.all.push(Output { name, to, file: Some(file), failed: None });
                }
                Err(error) => {
                    print_to_stderr(&format!(
                        "warning: cannot write {name}: {error}; the run continues"
                    ));
                    self.lost(name, error);
                }
            }
        }
        circumstances
    }

    fn lost(&mut self, name: String, error: io::Error) {
        self.all.push(Output { name, to: Box::new(LostOutput), file: None, failed: Some(error) });
    }

    /// Writes an event to every output that has not failed.
    pub(crate) fn emit(&mut self, event: &RunEvent) {
        let circumstances = if self.begun { None } else { self.begin() };
        self.ended = matches!(event, RunEvent::RunFinished(_));
        let reproducible = if self.reproducible { event.reproducible() } else { None };
        let event = reproducible.as_ref().unwrap_or(event);
        for output in &mut self.all {
            if output.failed.is_none() {
                output.failed = output.to.event(event).err();
            }
        }
        if let Some(circumstances) = circumstances {
            self.emit_circumstances(&circumstances);
        }
    }

    /// Writes the circumstances of the run to every output that has not failed.
    pub(crate) fn emit_circumstances(&mut self, circumstances: &Circumstances) {
        for output in &mut self.all {
            if output.failed.is_none() {
                output.failed = output.to.circumstances(circumstances).err();
            }
        }
    }

    /// Writes the measurements of the run to every output that has not failed.
    pub(crate) fn emit_ended(&mut self, ended: &RunEnded) {
        for output in &mut self.all {
            if output.failed.is_none() {
                output.failed = output.to.ended(ended).err();
            }
        }
    }

    /// Finishes every output, reports those that were lost, and returns whether there were any. If
    /// the run was interrupted, the report on stdout shows the results so far, and files are
    /// dropped.
    pub(crate) fn close(mut self) -> bool {
        if let Some(measure) = self.measure.take().filter(|_| self.ended) {
            self.emit_ended(&measure());
        }
        let (mut lost, mut written) = (false, Vec::new());
        for output in self.all {
            let is_file = output.file.is_some();
            let result = match output.failed {
                Some(error) => Err(error),
                None if !self.begun => Ok(()),
                None => finish(output.to, output.file, self.ended, self.resumable),
            };
            match result {
                Ok(()) if is_file && self.ended => written.push(output.name),
                Ok(()) => {}
                Err(error) => {
                    lost = true;
                    print_to_stderr(&format!("error: cannot write {}: {error}", output.name));
                }
            }
        }
        if self.names_files && !written.is_empty() {
            print_to_stderr(&format!("note: wrote {}", written.join(", ")));
        }
        lost
    }
}
