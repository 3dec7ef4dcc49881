//! `data/package.json`: everything that a package holds and shows, as codes and fields.
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strum::{EnumIter, IntoEnumIterator as _, IntoStaticStr};

/// Number of the schema. Any version may add a field; changing or removing one requires a new number.
pub(crate) const SCHEMA: u64 = 1;

/// The document of a package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PackageDocument {
    /// [`SCHEMA`].
    pub(crate) schema: u64,
    /// The program that made the package.
    pub(crate) made_by: MadeBy,
    /// What its maker declared.
    pub(crate) declared: Declared,
    /// What the run found, with the names of attestations.
    pub(crate) run: Map<String, Value>,
    /// Counts that must agree with each other.
    pub(crate) reconciliation: Vec<Reconciliation>,
    /// The attestation of the record, if there is one.
    pub(crate) attestation: Option<AttestationShown>,
    /// The events that a review should have seen, if the record was searched for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) review_events: Option<ReviewEvents>,
    /// All files below `data` but this document and the pages that are made from it.
    pub(crate) files: Vec<FileShown>,
    /// The results of `trail-config`.
    pub(crate) checks: Vec<CheckShown>,
    /// The controls that these checks serve.
    pub(crate) controls: Vec<ControlShown>,
    /// The parts of the package, with what is not provided.
    pub(crate) slots: Vec<SlotShown>,
}

/// A program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MadeBy {
    /// Name.
    pub(crate) tool: String,
    /// Version.
    pub(crate) version: String,
    /// Commit, if it is known.
    pub(crate) build: Option<String>,
}

/// What the maker of a package declares, and the files that are copied into it. All other files are
/// made from these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Declared {
    /// Name of the package.
    pub(crate) id: String,
    /// What it is about.
    pub(crate) description: Option<String>,
    /// Organization that submits it.
    pub(crate) organization: Option<String>,
    /// Person to ask.
    pub(crate) contact: Option<String>,
    /// The package of the period before.
    pub(crate) previous: Option<Previous>,
    /// Id of the key with which the signature of the attestation was checked.
    pub(crate) attestation_checked_with: Option<String>,
    /// Files that were copied.
    pub(crate) inputs: Vec<Input>,
    /// Evidence that is not in the package.
    pub(crate) pointers: Vec<Pointer>,
}

/// The package of the period before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Previous {
    /// Its name.
    pub(crate) id: String,
    /// SHA-256 of its `manifest-sha256.txt`.
    pub(crate) manifest_sha256: String,
}

/// A file that was copied into the package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Input {
    /// Path in the package.
    pub(crate) path: String,
    /// What it is.
    pub(crate) role: Role,
    /// Part of the package to which it belongs.
    pub(crate) slot: Slot,
    /// Its name before it was copied.
    pub(crate) original_name: String,
    /// Title, of an attachment.
    pub(crate) title: Option<String>,
    /// Who gave it, of an attachment.
    pub(crate) given_by: Option<String>,
    /// From where and how an attachment was taken, or the command line that made the file for this
    /// package.
    pub(crate) source: Option<String>,
    /// A remark.
    pub(crate) note: Option<String>,
}

/// Evidence that is not in the package, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pointer {
    /// Part of the package to which it belongs.
    pub(crate) slot: Slot,
    /// Title.
    pub(crate) title: String,
    /// The place.
    #[serde(rename = "where")]
    pub(crate) place: String,
    /// Who named it.
    pub(crate) given_by: String,
    /// SHA-256 of the evidence, as declared.
    pub(crate) sha256: Option<String>,
    /// A remark.
    pub(crate) note: Option<String>,
}

/// A part of a package.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    EnumIter,
    IntoStaticStr,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Slot {
    /// How the trail is configured.
    TrailConfiguration,
    /// What was verified.
    Integrity,
    /// Whether files could be deleted or changed.
    Immutability,
    /// Detections, tickets, reviews.
    Review,
    /// How the configuration was watched over the period.
    ContinuousConfiguration,
    /// Reports of AWS about itself.
    AwsSide,
}

impl Slot {
    /// Returns the stable code for machines.
    pub(crate) fn code(self) -> &'static str {
        self.into()
    }

    /// Returns the number, from 1 to 6.
    pub(crate) fn number(self) -> usize {
        Self::iter().position(|slot| slot == self).unwrap_or_default() + 1
    }

    /// Returns the part with this number.
    pub(crate) fn numbered(number: u64) -> Option<Self> {
        Self::iter().find(|slot| u64::try_from(slot.number()) == Ok(number))
    }

    /// Lists the parts.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// Returns the folder of the part, within the package.
    pub(crate) fn folder(self) -> String {
        format!("data/{}-{}", self.number(), self.code())
    }
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// The run record.
    Record,
    /// The attestation of the record.
    Attestation,
    /// A result of `trail-config`.
    TrailConfig,
    /// Verified events that a review should have seen, from `events --review`.
    ReviewEvents,
    /// A file that somebody gave.
    Attachment,
    /// The report, made from the record.
    Report,
    /// The summary, made from the record.
    Summary,
    /// The page of a result of `trail-config`, made from it.
    TrailConfigPage,
    /// How the objects of the period are stored and locked, made from the record and the results.
    Immutability,
    /// The table of controls, made from the results.
    Controls,
    /// The assessment results in OSCAL, made from the results.
    AssessmentResults,
}

/// A file of the package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileShown {
    /// Path in the package.
    pub(crate) path: String,
    /// What it is.
    pub(crate) role: Role,
    /// Part of the package; none for a file about all of it.
    pub(crate) slot: Option<Slot>,
    /// Length.
    pub(crate) bytes: u64,
    /// SHA-256.
    pub(crate) sha256: String,
}

/// A total and its parts, which were counted independently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reconciliation {
    /// What is counted: `log-files` or `coverage-seconds`.
    pub(crate) what: String,
    /// The total by the source: what digests name, or chains times period.
    pub(crate) total: u64,
    /// The parts.
    pub(crate) parts: Vec<Part>,
    /// Whether the parts add up to the total.
    pub(crate) adds_up: bool,
}

/// A part of a total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Code.
    pub(crate) name: String,
    /// Count.
    pub(crate) count: u64,
}

/// What a search of the record for events that a review should have seen found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReviewEvents {
    /// Their number.
    pub(crate) events: u64,
    /// Whether everything that the record covers was searched.
    pub(crate) complete: bool,
}

/// The attestation of the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttestationShown {
    /// Path in the package.
    pub(crate) path: String,
    /// Whether the record is a subject of it.
    pub(crate) names_record: bool,
    /// Names of the parts of its statement that differ from what the record gives.
    pub(crate) differs: Vec<String>,
}

impl AttestationShown {
    /// Returns whether it attests this very record.
    pub(crate) fn holds(&self) -> bool {
        self.names_record && self.differs.is_empty()
    }
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CheckShown {
    /// Path of the result file.
    pub(crate) file: String,
    /// Id of the check.
    pub(crate) id: String,
    /// Subject of the trail.
    pub(crate) trail: String,
    /// What the check is about.
    pub(crate) subject: String,
    /// Where the facts came from.
    pub(crate) basis: String,
    /// `PASS`, `FAIL`, `NOT_AVAILABLE`, `MANUAL` or `NOT_APPLICABLE`.
    pub(crate) status: String,
    /// Code of the reason.
    pub(crate) reason: String,
    /// Observed values.
    pub(crate) observed: Map<String, Value>,
}

/// A control of a framework, and what the checks that serve it found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ControlShown {
    /// Code of the framework.
    pub(crate) framework: String,
    /// Name and version of the framework.
    pub(crate) standard: String,
    /// Id of the control.
    pub(crate) id: String,
    /// What the checks found.
    pub(crate) state: ControlState,
    /// The checks that serve it, each with its worst status.
    pub(crate) checks: Vec<ServingCheck>,
}

/// A check that serves a control.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ServingCheck {
    /// Id of the check.
    pub(crate) id: String,
    /// Its status over all trails.
    pub(crate) status: String,
    /// Whether only a plan, a state or a template shows it, and not what runs.
    pub(crate) described: bool,
}

/// What the checks that serve a control found.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum ControlState {
    /// All of these checks pass or do not apply, by what runs.
    Satisfied,
    /// One of them fails.
    NotSatisfied,
    /// None fails, and one of them was not decided, or passes only by a file that describes it.
    Undecided,
    /// None of them applies.
    NotApplicable,
}

impl ControlState {
    /// Returns the stable code for machines.
    pub(crate) fn code(self) -> &'static str {
        self.into()
    }
}

/// A part of the package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotShown {
    /// The part.
    pub(crate) slot: Slot,
    /// What it holds.
    pub(crate) status: SlotStatus,
}

/// What a part of a package holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum SlotStatus {
    /// Files.
    Provided,
    /// Only names of evidence that is elsewhere.
    PointedAt,
    /// Nothing.
    NotProvided,
}

impl PackageDocument {
    /// Returns a value of the run at a path such as `/scope/from`.
    pub(crate) fn run(&self, pointer: &str) -> Option<&Value> {
        let mut parts = pointer.trim_start_matches('/').split('/');
        let first = self.run.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part)).filter(|value| !value.is_null())
    }

    /// Returns a text of the run; empty if there is none.
    pub(crate) fn run_text(&self, pointer: &str) -> &str {
        self.run(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns a list of texts of the run, and whether it is there.
    pub(crate) fn run_list(&self, pointer: &str) -> Vec<&str> {
        let list = self.run(pointer).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}
