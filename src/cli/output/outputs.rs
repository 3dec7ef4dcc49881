//! Everything that a run writes: its report on stdout and files beside it.
//!
//! An output that fails is set aside and the run goes on: what the evidence proves must not depend
//! on who is listening or on a full disk. That an output was lost is said at the end, and the exit
//! status tells it unless the evidence is contradicted, which is louder.
use super::environment::surroundings;
use super::request::{Kind, ReportFormat, Wanted, wanted};
use super::sink::{Nowhere, Output, finish, in_file, in_record, on_stdout};
use crate::cli::args::output::{Format, OutputArgs, RecordArgs};
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::files::atomic::names_same;
use crate::session::open::{Caller, RunFacts};
use std::io::{self};
use std::path::Path;
use trailproof_core::record::RunEvent;
use trailproof_core::record::document::Circumstances;
use trailproof_core::vocab::location::escape;

/// Where the events of a run go.
pub(crate) struct Outputs {
    /// What is opened when the run begins: one that does not begin leaves no file.
    wanted: Vec<Wanted>,
    all: Vec<Output>,
    /// Whether what depends on the clock, the host and the network is left out.
    reproducible: bool,
    /// Whether files that are there are replaced.
    force: bool,
    /// Whether a run is told as it goes, and not from its record.
    live: bool,
    /// What the run knows of itself.
    own: RunFacts,
    /// Whether there is anything to tell: a run that did not begin has no report.
    begun: bool,
    /// Whether the run came to its end.
    ended: bool,
}

impl Outputs {
    /// The report on stdout and the files that were asked for.
    ///
    /// # Errors
    ///
    /// That what was typed cannot be meant.
    pub(crate) fn new(
        format: Format,
        record: &RecordArgs,
        args: &OutputArgs,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            wanted: wanted(record, args)?,
            all: vec![on_stdout(format)],
            reproducible: record.reproducible,
            force: args.force,
            live: true,
            own: RunFacts::default(),
            begun: false,
            ended: false,
        })
    }

    /// The same without a record, for events that come from one.
    ///
    /// # Errors
    ///
    /// That what was typed cannot be meant.
    pub(crate) fn of_reports(
        format: Format,
        args: &OutputArgs,
        record: &Path,
    ) -> Result<Self, Refusal> {
        let outputs = Self { live: false, ..Self::new(format, &RecordArgs::default(), args)? };
        outputs.beside(record)
    }

    /// The same, none of them in place of a file that the run reads.
    ///
    /// # Errors
    ///
    /// That one of them would be.
    pub(crate) fn beside(self, input: &Path) -> Result<Self, Refusal> {
        match self.wanted.iter().find(|file| names_same(&file.path, input)) {
            None => Ok(self),
            Some(file) => Err(Refusal::usage(format!(
                "`{}` is an input and cannot be an output as well",
                escape(&file.path.to_string_lossy())
            ))),
        }
    }

    /// Whether any of them tells who the caller of AWS is.
    pub(crate) fn caller(&self) -> Caller {
        let tells =
            |file: &Wanted| matches!(file.kind, Kind::Record | Kind::Report(ReportFormat::Html));
        match self.tells_surroundings() && self.wanted.iter().any(tells) {
            true => Caller::Wanted,
            false => Caller::Unwanted,
        }
    }

    /// What the run knows of itself from now on.
    pub(crate) fn know(&mut self, own: RunFacts) {
        self.own = own;
    }

    /// Whether any file may tell what surrounds the run.
    fn tells_surroundings(&self) -> bool {
        self.live && !self.reproducible && !self.wanted.is_empty()
    }

    /// Opens the files. One that cannot be made is lost, and the run goes on. Gives what surrounds
    /// the run, where any file may tell it: the record and the reports tell the same.
    fn begin(&mut self) -> Option<Circumstances> {
        self.begun = true;
        let tells = self.tells_surroundings();
        let wanted = std::mem::take(&mut self.wanted);
        let mut around = tells.then(|| surroundings(std::mem::take(&mut self.own)));
        let circumstances = around.as_ref().map(|around| around.circumstances.clone());
        for file in wanted {
            let name = format!("`{}`", escape(&file.path.to_string_lossy()));
            let opened = match file.kind {
                Kind::Record => in_record(&file.path, around.take(), self.force),
                Kind::Report(format) => in_file(format, &file.path, self.force),
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
        self.all.push(Output { name, to: Box::new(Nowhere), file: None, failed: Some(error) });
    }

    /// Tells an event to every output that did not fail.
    pub(crate) fn tell(&mut self, event: &RunEvent) {
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
            self.tell_circumstances(&circumstances);
        }
    }

    /// Tells every output that did not fail what surrounds the run.
    pub(crate) fn tell_circumstances(&mut self, circumstances: &Circumstances) {
        for output in &mut self.all {
            if output.failed.is_none() {
                output.failed = output.to.circumstances(circumstances).err();
            }
        }
    }

    /// Finishes every output; prints which were lost, and returns whether any was. The report on
    /// stdout of a run that was cut short tells what there is; a file is kept only where the run came
    /// to its end.
    pub(crate) fn close(self) -> bool {
        let mut lost = false;
        for output in self.all {
            let result = match output.failed {
                Some(error) => Err(error),
                None if !self.begun => Ok(()),
                None => finish(output.to, output.file, self.ended),
            };
            if let Err(error) = result {
                lost = true;
                print_to_stderr(&format!("error: cannot write {}: {error}", output.name));
            }
        }
        lost
    }
}
