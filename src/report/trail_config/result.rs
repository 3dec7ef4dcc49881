//! The result of `trail-config`: codes and fields, never sentences.
use serde_json::Value;
use std::collections::BTreeMap;
use strum::{EnumString, IntoStaticStr};
use trailproof_core::control::check::CheckId;
use trailproof_core::control::facts::Wanted;
use trailproof_core::control::status::{Judgement, Status};
use trailproof_core::vocab::time::{Period, Timestamp};

/// Where facts came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumString, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Basis {
    /// The running services.
    Live,
    /// A plan of Terraform: what will be.
    Plan,
    /// A state of Terraform: what was made, as Terraform knows it.
    State,
    /// A template of CloudFormation.
    Template,
    /// Files that the AWS CLI printed.
    Given,
}

impl Basis {
    /// Returns the stable code for machines.
    pub(crate) fn code(self) -> &'static str {
        self.into()
    }

    /// Returns whether the facts come from a file that describes what is to be made.
    pub(crate) fn is_static(self) -> bool {
        matches!(self, Self::Plan | Self::State | Self::Template)
    }
}

/// The result of a run of `trail-config`.
#[derive(Clone, Debug)]
pub(crate) struct ConfigReport {
    /// When AWS was asked; files do not record it.
    pub(crate) as_of: Option<Timestamp>,
    /// Framework that selected the checks.
    pub(crate) framework: Option<String>,
    /// What the user requires.
    pub(crate) wanted: Wanted,
    /// Files that were read.
    pub(crate) inputs: Vec<InputFile>,
    /// Run records from which facts about files and accounts were read.
    pub(crate) records: Vec<RecordUsed>,
    /// Whether a file says that it is only a part of what would be done.
    pub(crate) incomplete: bool,
    /// The trails.
    pub(crate) trails: Vec<TrailShown>,
    /// The results, by trail and then in the order of the checks.
    pub(crate) results: Vec<CheckResult>,
    /// Requests to AWS, in the order in which they were made.
    pub(crate) calls: Vec<Call>,
    /// Where the ids of controls come from.
    pub(crate) sources: Vec<ControlSource>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InputFile {
    /// Name, without its folder.
    pub(crate) name: String,
    /// SHA-256 in hexadecimal.
    pub(crate) sha256: String,
}

/// A run record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordUsed {
    /// Name of its file, without its folder.
    pub(crate) name: String,
    /// SHA-256 of its lines, in hexadecimal: the same whether its file is compressed or not.
    pub(crate) sha256: String,
    /// The bucket to which its evidence was delivered.
    pub(crate) bucket: String,
    /// Its period.
    pub(crate) period: Period,
}

/// A trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrailShown {
    /// ARN, or the address of the resource.
    pub(crate) subject: String,
    /// Name, if it is known.
    pub(crate) name: Option<String>,
    /// Bucket, if it is known.
    pub(crate) bucket: Option<String>,
    /// Key, if it is known.
    pub(crate) key: Option<String>,
    /// Where its facts came from.
    pub(crate) basis: Basis,
}

/// The result of a check on a trail.
#[derive(Clone, Debug)]
pub(crate) struct CheckResult {
    /// The check.
    pub(crate) check: CheckId,
    /// The trail's subject.
    pub(crate) trail: String,
    /// What the check is about: the trail, its bucket, its key or its organization.
    pub(crate) subject: String,
    /// Where the facts came from.
    pub(crate) basis: Basis,
    /// The decision.
    pub(crate) judgement: Judgement,
    /// What the check requires, as fields.
    pub(crate) wanted: Value,
    /// Indices of the requests whose answers it rests on.
    pub(crate) calls: Vec<usize>,
    /// Controls of frameworks, and checks of other tools.
    pub(crate) controls: Vec<Control>,
    /// The different decision of the other result, where two were joined and disagree.
    pub(crate) contradicts: Option<Status>,
}

/// A control of a framework, or a check of another tool, that asks about the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Control {
    /// Code of the framework or tool.
    pub(crate) framework: String,
    /// Name of the framework or tool.
    pub(crate) name: String,
    /// Version, if it has several.
    pub(crate) version: Option<String>,
    /// Whether it is a tool.
    pub(crate) tool: bool,
    /// Id of the control.
    pub(crate) id: String,
    /// Code of the source that maps it.
    pub(crate) source: String,
}

impl Control {
    /// Returns name and version of the framework.
    pub(crate) fn standard(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Where ids of controls come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ControlSource {
    /// Code.
    pub(crate) code: String,
    /// Name.
    pub(crate) name: String,
    /// Date.
    pub(crate) date: String,
}

/// A request to AWS and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Service, as IAM actions spell it.
    pub(crate) service: String,
    /// Operation.
    pub(crate) operation: String,
    /// Region.
    pub(crate) region: String,
    /// What it is about: a trail, bucket, key, account or policy.
    pub(crate) target: String,
    /// Request id.
    pub(crate) request_id: Option<String>,
    /// When the answer arrived.
    pub(crate) time: Timestamp,
    /// HTTP status; without one there was no answer.
    pub(crate) http_status: Option<u16>,
    /// Code of the error.
    pub(crate) error_code: Option<String>,
    /// SHA-256 of the answer's body.
    pub(crate) response_sha256: Option<String>,
}

/// How many results have each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Passed.
    pub(crate) pass: usize,
    /// Failed.
    pub(crate) fail: usize,
    /// Not available.
    pub(crate) not_available: usize,
    /// To be decided by a person.
    pub(crate) manual: usize,
    /// Not applicable.
    pub(crate) not_applicable: usize,
}

impl ConfigReport {
    /// Counts the results.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for result in &self.results {
            let count = match result.judgement.status {
                Status::Pass => &mut counts.pass,
                Status::Fail => &mut counts.fail,
                Status::NotAvailable => &mut counts.not_available,
                Status::Manual => &mut counts.manual,
                Status::NotApplicable => &mut counts.not_applicable,
            };
            *count += 1;
        }
        counts
    }

    /// Returns the results of each trail, by its subject.
    pub(crate) fn by_trail(&self) -> BTreeMap<&str, Vec<&CheckResult>> {
        let mut by_trail: BTreeMap<&str, Vec<&CheckResult>> = BTreeMap::new();
        for result in &self.results {
            by_trail.entry(&result.trail).or_default().push(result);
        }
        by_trail
    }
}

impl CheckResult {
    /// Returns the basis as outputs name it.
    pub(crate) fn basis_code(&self) -> String {
        let by_reference = if self.judgement.by_reference { ", by reference" } else { "" };
        format!("{}{by_reference}", self.basis.code())
    }
}
