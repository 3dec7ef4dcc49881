//! What the checks of a configuration say about the controls that they serve: a table, and a state for
//! each control.
use super::document::{CheckShown, ControlShown, ControlState, ServingCheck};
use crate::report::controls::ServedStandard;
use crate::report::events::guarded;
use crate::report::trail_config::result::{CheckResult, ConfigReport, Control};
use crate::report::trail_config::words;
use csv::{Terminator, WriterBuilder};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io;
use trailproof_core::control::status::Status;

/// A result of `trail-config` in the package.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    /// Path in the package.
    pub(crate) path: String,
    /// SHA-256, in hex.
    pub(crate) sha256: String,
    /// The result.
    pub(crate) report: ConfigReport,
}

/// The integrity of the log files, as a result among those of the configuration.
#[derive(Debug)]
pub(crate) struct IntegrityFile {
    /// Path of the record in the package.
    pub(crate) path: String,
    /// SHA-256 of the record, in hex.
    pub(crate) sha256: String,
    /// What the run was about.
    pub(crate) subject: String,
    /// Code of the verdict.
    pub(crate) verdict: String,
    /// What the run was limited to, or did not search. Such a run decides no control.
    pub(crate) narrowed: Vec<&'static str>,
    /// End of the period.
    pub(crate) to: String,
    /// The controls that it serves.
    pub(crate) serves: Vec<ServedStandard>,
}

/// Id of the integrity of log files in tables of checks.
pub(super) const INTEGRITY: &str = "log-file-integrity";

/// Its title.
pub(super) const TITLE: &str = "Log files are complete and unchanged";

/// Code of its basis.
pub(super) const RECORD: &str = "record";

impl IntegrityFile {
    /// Returns the status. A run that proves nothing and contradicts nothing decides nothing, and one
    /// that proves a part of what lies there decides nothing of the rest.
    pub(super) fn status(&self) -> Status {
        match self.verdict.as_str() {
            "proven" if self.narrowed.is_empty() => Status::Pass,
            "contradicted" => Status::Fail,
            _ => Status::NotAvailable,
        }
    }

    fn observed(&self) -> Map<String, Value> {
        let mut observed = Map::new();
        observed.insert("verdict".to_owned(), self.verdict.clone().into());
        if !self.narrowed.is_empty() {
            observed.insert("narrowed".to_owned(), self.narrowed.clone().into());
        }
        observed
    }

    fn cells(&self, served: &ServedStandard, id: &str) -> [String; 14] {
        [
            INTEGRITY.to_owned(),
            TITLE.to_owned(),
            self.status().code().to_owned(),
            self.subject.clone(),
            Value::from(self.observed()).to_string(),
            String::new(),
            RECORD.to_owned(),
            self.to.clone(),
            self.path.clone(),
            self.sha256.clone(),
            served.name.clone(),
            served.version.clone().unwrap_or_default(),
            id.to_owned(),
            served.source.clone(),
        ]
    }
}

/// Columns of the table.
const COLUMNS: [&str; 14] = [
    "check_id",
    "title",
    "status",
    "subject",
    "observed",
    "wanted",
    "basis",
    "time",
    "evidence_file",
    "sha256",
    "framework",
    "framework_version",
    "control_id",
    "mapping_source",
];

/// Returns the table: one row for each check and each control that it serves. A check that serves none
/// has one row.
///
/// # Errors
///
/// It cannot be serialized.
pub(super) fn table(configs: &[ConfigFile], integrity: &IntegrityFile) -> io::Result<Vec<u8>> {
    let mut table = WriterBuilder::new();
    let mut table = table.terminator(Terminator::CRLF).from_writer(Vec::new());
    table.write_record(COLUMNS)?;
    for served in &integrity.serves {
        for id in &served.ids {
            table.write_record(integrity.cells(served, id).iter().map(|cell| guarded(cell)))?;
        }
    }
    for config in configs {
        for result in &config.report.results {
            let mut row = |control: Option<&Control>| {
                let cells = cells(config, result, control);
                table.write_record(cells.iter().map(|cell| guarded(cell)))
            };
            if result.controls.is_empty() {
                row(None)?;
            }
            for control in &result.controls {
                row(Some(control))?;
            }
        }
    }
    table.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

fn cells(config: &ConfigFile, result: &CheckResult, control: Option<&Control>) -> [String; 14] {
    let of = |field: fn(&Control) -> String| control.map(field).unwrap_or_default();
    [
        result.check.code().to_owned(),
        words::title(result.check).to_owned(),
        result.judgement.status.code().to_owned(),
        result.subject.clone(),
        Value::from(result.judgement.observed.clone()).to_string(),
        if result.wanted.is_null() { String::new() } else { result.wanted.to_string() },
        result.basis_code(),
        config.report.as_of.map(|at| at.to_string()).unwrap_or_default(),
        config.path.clone(),
        config.sha256.clone(),
        of(|it| it.name.clone()),
        of(|it| it.version.clone().unwrap_or_default()),
        of(|it| it.id.clone()),
        of(|it| it.source.clone()),
    ]
}

/// Returns the results of all checks as the package's document has them.
pub(super) fn checks(configs: &[ConfigFile]) -> Vec<CheckShown> {
    let shown = |config: &ConfigFile, result: &CheckResult| CheckShown {
        file: config.path.clone(),
        id: result.check.code().to_owned(),
        trail: result.trail.clone(),
        subject: result.subject.clone(),
        basis: result.basis_code(),
        status: result.judgement.status.code().to_owned(),
        reason: result.judgement.reason.code().to_owned(),
        observed: result.judgement.observed.clone(),
    };
    let each = configs
        .iter()
        .flat_map(|config| config.report.results.iter().map(move |result| shown(config, result)));
    each.collect()
}

/// Returns the state of each control that the checks serve. Checks of other tools are not controls.
///
/// Results about what runs decide. A file that describes what is to be made, or what was made once, shows
/// that a control is not satisfied, and never that it is.
pub(super) fn controls(configs: &[ConfigFile], integrity: &IntegrityFile) -> Vec<ControlShown> {
    let results = || configs.iter().flat_map(|config| &config.report.results);
    let observed = results().any(|result| !result.basis.is_static());
    let mut found: BTreeMap<(String, String, String), BTreeMap<&str, Serving>> = BTreeMap::new();
    let proven = Serving { status: integrity.status(), described: false };
    for served in &integrity.serves {
        for control in &served.ids {
            let id = (served.framework.clone(), served.standard(), control.clone());
            found.entry(id).or_default().insert(INTEGRITY, proven);
        }
    }
    for result in results() {
        let status = result.judgement.status;
        let described = result.basis.is_static();
        if observed && described && status != Status::Fail {
            continue;
        }
        let serving = Serving { status, described };
        for control in result.controls.iter().filter(|control| !control.tool) {
            let id = (control.framework.clone(), control.standard(), control.id.clone());
            let worst = found.entry(id).or_default();
            let worst = worst.entry(result.check.code()).or_insert(serving);
            if serving.rank() > worst.rank() {
                *worst = serving;
            }
        }
    }
    let shown = found.into_iter().map(|((framework, standard, id), serving)| ControlShown {
        framework,
        standard,
        id,
        state: state(serving.values().copied()),
        checks: serving
            .iter()
            .map(|(id, it)| ServingCheck {
                id: (*id).to_owned(),
                status: it.status.code().to_owned(),
                described: it.described,
            })
            .collect(),
    });
    shown.collect()
}

/// The status of a check that serves a control, and whether only a file describes it.
#[derive(Clone, Copy)]
struct Serving {
    status: Status,
    described: bool,
}

impl Serving {
    /// Orders statuses by what they mean for a control: a check that was not decided must not be hidden
    /// by one that passes.
    fn rank(self) -> u8 {
        match self.status {
            Status::NotApplicable => 0,
            Status::Pass if !self.described => 1,
            Status::Pass => 2,
            Status::NotAvailable => 3,
            Status::Manual => 4,
            Status::Fail => 5,
        }
    }
}

fn state(serving: impl Iterator<Item = Serving>) -> ControlState {
    match serving.map(Serving::rank).max() {
        Some(5) => ControlState::NotSatisfied,
        Some(2..=4) => ControlState::Undecided,
        Some(1) => ControlState::Satisfied,
        _ => ControlState::NotApplicable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pass_hides_what_fails_or_was_not_decided() {
        use Status::{Fail, Manual, NotApplicable, NotAvailable, Pass};
        for (statuses, observed, described) in [
            (&[Pass, NotApplicable][..], ControlState::Satisfied, ControlState::Undecided),
            (&[Pass, NotAvailable], ControlState::Undecided, ControlState::Undecided),
            (&[Pass, Manual, NotApplicable], ControlState::Undecided, ControlState::Undecided),
            (&[Pass, Manual, Fail], ControlState::NotSatisfied, ControlState::NotSatisfied),
            (&[NotApplicable], ControlState::NotApplicable, ControlState::NotApplicable),
            (&[], ControlState::NotApplicable, ControlState::NotApplicable),
        ] {
            let of = |described| {
                state(statuses.iter().map(move |status| Serving { status: *status, described }))
            };
            assert_eq!((of(false), of(true)), (observed, described), "{statuses:?}");
        }
    }
}
