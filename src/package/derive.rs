//! Makes everything in a package that is not copied into it.
use super::manifest::Sums;
use super::tree::Tree;
use crate::attest::agreement::disagreements;
use crate::attest::dsse::Envelope;
use crate::attest::predicate::{Declared as Signer, predicate};
use crate::attest::record::{Record, read_open_record};
use crate::attest::statement::{Role as SubjectRole, Statement};
use crate::report::RunReporter;
use crate::report::controls::Controls;
use crate::report::html::Html;
use crate::report::json::Json;
use crate::report::package::document::{
    AttestationShown, Declared, FileShown, Input, MadeBy, PackageDocument, Part, Reconciliation,
    ReviewEvents, Role, SCHEMA, Slot, SlotShown, SlotStatus,
};
use crate::report::package::made::{self, ConfigFile, IntegrityFile};
use crate::report::trail_config;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use trailproof_core::codes::finding::Outcome;
use trailproof_core::record::document::{RecordLine, record_from};
use trailproof_core::record::{RunEvent, StorageTallies, Tool};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::escape;

/// The files that were made, and the document of the package.
#[derive(Debug)]
pub(super) struct Derived {
    /// The document.
    pub(super) document: PackageDocument,
    /// The files, by their paths.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// Hashes and lengths of the files that were copied.
pub(super) type Copied = BTreeMap<String, (trailproof_core::bytes::content::Hash, u64)>;

/// Returns the program that makes packages.
pub(super) fn this_program() -> MadeBy {
    let Tool { version, build, .. } = Tool::this();
    MadeBy { tool: "trailproof".to_owned(), version, build }
}

/// Makes the files of the package in `tree`.
///
/// # Errors
///
/// Returns which copied file cannot be used and why, in words that are safe to show.
pub(super) fn derive(tree: &Tree, declared: Declared, copied: &Copied) -> Result<Derived, String> {
    consistent(&declared)?;
    let unusable = |input: &Input, why: &dyn std::fmt::Display| {
        format!("`{}` cannot be used: {why}", escape(&input.path))
    };
    let one = |role: Role| declared.inputs.iter().find(|input| input.role == role);
    let input = one(Role::Record).ok_or("it has no run record")?;
    let run = Run::read(tree, &input.path).map_err(|why| unusable(input, &why))?;
    if copied.get(&input.path).is_none_or(|(hash, _)| *hash != run.record.hash) {
        return Err(unusable(input, &"it changed while it was read"));
    }
    let attestation = match one(Role::Attestation) {
        Some(input) => {
            let read = attestation(tree, &input.path, &run.record);
            Some(read.map_err(|why| unusable(input, &why))?)
        }
        None => None,
    };
    let mut configs = Vec::new();
    for input in declared.inputs.iter().filter(|input| input.role == Role::TrailConfig) {
        let config = config(tree, &input.path).map_err(|why| unusable(input, &why))?;
        if config.report.records.iter().any(|it| it.sha256 != run.lines_sha256) {
            let why = "it judges the files of a different run record: run `trail-config` with \
                       `--record` and the record of the package";
            return Err(unusable(input, &why));
        }
        configs.push(config);
    }
    let review_events = match one(Role::ReviewEvents) {
        Some(input) => {
            let read = review_events(tree, &input.path, &run.lines_sha256);
            Some(read.map_err(|why| unusable(input, &why))?)
        }
        None => None,
    };
    let failed = |error: io::Error| format!("a file cannot be made: {error}");
    let mut made = Made::default();
    for config in &configs {
        let page = config.path.strip_suffix(".json").unwrap_or(&config.path);
        let bytes = trail_config::html::html(&config.report).map_err(failed)?;
        let (role, slot) = (Role::TrailConfigPage, Slot::TrailConfiguration);
        made.add(format!("{page}.html"), role, Some(slot), bytes);
    }
    let of_run = integrity_of(&input.path, &run).map_err(|error| failed(error.into()))?;
    let integrity = Slot::Integrity.folder();
    made.add(format!("{integrity}/report.html"), Role::Report, Some(Slot::Integrity), run.page);
    made.add(
        format!("{integrity}/summary.json"),
        Role::Summary,
        Some(Slot::Integrity),
        run.summary,
    );
    let (checks, controls) = made::judged(&configs, &of_run);
    made.add(
        format!("{}/immutability.json", Slot::Immutability.folder()),
        Role::Immutability,
        Some(Slot::Immutability),
        made::immutability(&checks, &run.tallies).map_err(failed)?,
    );
    let slots = slots(&declared, made::tells_of_immutability(&checks, &run.tallies));
    let mut document = PackageDocument {
        schema: SCHEMA,
        made_by: this_program(),
        run: run.facts,
        reconciliation: run.reconciliation,
        attestation,
        review_events,
        files: Vec::new(),
        checks,
        controls,
        slots,
        declared,
    };
    let table = made::controls_table(&configs, &of_run).map_err(failed)?;
    made.add("data/controls.csv".to_owned(), Role::Controls, None, table);
    let results = made::assessment_results(&document, &configs, &of_run).map_err(failed)?;
    let path = "data/oscal-assessment-results.json".to_owned();
    made.add(path, Role::AssessmentResults, None, results);
    let inputs = document.declared.inputs.iter().map(|input| {
        let (hash, bytes) = copied.get(&input.path).copied().unwrap_or_default();
        let (path, role, slot) = (input.path.clone(), input.role, Some(input.slot));
        FileShown { path, role, slot, bytes, sha256: hex::encode(hash) }
    });
    let mut files: Vec<FileShown> = inputs.chain(made.shown).collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    document.files = files;
    let (html, markdown) = made::index(&document, &run.tallies).map_err(failed)?;
    made.files.insert("data/index.html".to_owned(), html);
    made.files.insert("data/index.md".to_owned(), markdown);
    let bytes = made::document(&document).map_err(failed)?;
    made.files.insert(super::manifest::DOCUMENT.to_owned(), bytes);
    Ok(Derived { document, files: made.files })
}

/// Returns what the run says about the controls that integrity serves.
fn integrity_of(path: &str, run: &Run) -> serde_json::Result<IntegrityFile> {
    let text = |at: &[&str]| {
        let first = at.first().and_then(|name| run.facts.get(*name));
        let found = at.iter().skip(1).fold(first, |value, name| value?.get(*name));
        found.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let bucket = text(&["scope", "deliveredTo", "bucket"]);
    Ok(IntegrityFile {
        path: path.to_owned(),
        sha256: hex::encode(run.record.hash),
        subject: if bucket.is_empty() { "unknown".to_owned() } else { format!("s3://{bucket}") },
        verdict: text(&["result", "verdict"]),
        narrowed: narrowed(&run.facts),
        to: text(&["scope", "to"]),
        serves: Controls::load()?.of_integrity(),
    })
}

/// Returns what a run was limited to, and what it did not search.
fn narrowed(facts: &Map<String, Value>) -> Vec<&'static str> {
    let of = |part: &str, name: &str| facts.get(part).and_then(|part| part.get(name));
    let named = of("scope", "named");
    let is_named = |name: &str| {
        let value = named.and_then(|named| named.get(name)).filter(|value| !value.is_null());
        // An organization that is named is all of it; no organization is a part.
        value.is_some_and(|value| name != "organization" || value == "")
    };
    let mut narrowed = ["accounts", "organization", "regions", "trails"].to_vec();
    narrowed.retain(|name| is_named(name));
    if of("method", "searchedUnlisted") != Some(&Value::Bool(true)) {
        narrowed.push("unlisted-logs");
    }
    narrowed
}

/// Checks that the inputs are such as a package has.
fn consistent(declared: &Declared) -> Result<(), String> {
    let mut paths = std::collections::BTreeSet::new();
    for input in &declared.inputs {
        let fits = match input.role {
            Role::Record | Role::Attestation => input.slot == Slot::Integrity,
            Role::TrailConfig => input.slot == Slot::TrailConfiguration,
            Role::ReviewEvents => input.slot == Slot::Review,
            Role::Attachment => input.slot != Slot::Integrity,
            _ => false,
        };
        let inside = input.path.strip_prefix(&format!("{}/", input.slot.folder()));
        let fits = fits && inside.is_some_and(|name| !name.contains('/'));
        if !fits || !paths.insert(&input.path) {
            return Err(format!("`{}` cannot be an input of a package", escape(&input.path)));
        }
    }
    for role in [Role::Record, Role::Attestation, Role::ReviewEvents] {
        if declared.inputs.iter().filter(|input| input.role == role).count() > 1 {
            return Err("it has more than one record, attestation or list of events".to_owned());
        }
    }
    Ok(())
}

#[derive(Default)]
struct Made {
    files: BTreeMap<String, Vec<u8>>,
    shown: Vec<FileShown>,
}

impl Made {
    fn add(&mut self, path: String, role: Role, slot: Option<Slot>, content: Vec<u8>) {
        let bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let sha256 = hex::encode(Sha256::digest(&content));
        self.shown.push(FileShown { path: path.clone(), role, slot, bytes, sha256 });
        self.files.insert(path, content);
    }
}

/// Returns `bag-info.txt`.
pub(super) fn bag_info(document: &PackageDocument, bytes: u64, files: u64) -> Vec<u8> {
    let declared = &document.declared;
    let made_by = format!("{} {}", document.made_by.tool, document.made_by.version);
    let fields = [
        ("Source-Organization", declared.organization.clone()),
        ("Contact-Name", declared.contact.clone()),
        ("External-Identifier", Some(declared.id.clone())),
        ("External-Description", declared.description.clone()),
        ("Bag-Software-Agent", Some(made_by)),
        ("Payload-Oxum", Some(format!("{bytes}.{files}"))),
        (
            "Previous-Package-SHA256",
            declared.previous.as_ref().map(|previous| previous.manifest_sha256.clone()),
        ),
    ];
    let given = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
    super::manifest::info(&given.collect::<Vec<_>>())
}

/// Returns the hashes of files that were made.
pub(super) fn sums(files: &BTreeMap<String, Vec<u8>>) -> Sums {
    files.iter().map(|(path, bytes)| (path.clone(), Sha256::digest(bytes).into())).collect()
}

fn slots(declared: &Declared, tells_of_immutability: bool) -> Vec<SlotShown> {
    let status = |slot: Slot| {
        // It is made from the record and the results.
        let made = slot == Slot::Immutability && tells_of_immutability;
        // What a review should have seen shows of no review that there was one.
        let given = |input: &Input| input.slot == slot && input.role != Role::ReviewEvents;
        if made || declared.inputs.iter().any(given) {
            SlotStatus::Provided
        } else if declared.pointers.iter().any(|pointer| pointer.slot == slot) {
            SlotStatus::PointedAt
        } else {
            SlotStatus::NotProvided
        }
    };
    Slot::all().map(|slot| SlotShown { slot, status: status(slot) }).collect()
}

fn config(tree: &Tree, path: &str) -> Result<ConfigFile, String> {
    let bytes = tree.read(path, budget::PACKAGE_DOCUMENT).map_err(|error| error.to_string())?;
    let text = std::str::from_utf8(&bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let report = trail_config::json::read(text).map_err(|why| format!("it {why}"))?;
    Ok(ConfigFile { path: path.to_owned(), sha256: hex::encode(Sha256::digest(&bytes)), report })
}

/// Reads what a search of events covered. It must have searched the record of the package.
fn review_events(tree: &Tree, path: &str, record: &str) -> Result<ReviewEvents, String> {
    #[derive(Deserialize)]
    struct Document {
        searched: Searched,
    }
    #[derive(Deserialize)]
    struct Searched {
        complete: bool,
        events: u64,
        record_sha256: Option<String>,
    }
    let bytes = tree.read(path, budget::PACKAGE_DOCUMENT).map_err(|error| error.to_string())?;
    let Document { searched } = serde_json::from_slice(&bytes)
        .map_err(|_| "it is not a document of `trailproof events --format json`".to_owned())?;
    if searched.record_sha256.as_deref() != Some(record) {
        return Err("it lists the events of a different run record".to_owned());
    }
    Ok(ReviewEvents { events: searched.events, complete: searched.complete })
}

/// Compares an attestation with the record, as `attest verify --record` does.
fn attestation(tree: &Tree, path: &str, record: &Record) -> Result<AttestationShown, String> {
    let bytes = tree.read(path, budget::ATTESTATION).map_err(|error| error.to_string())?;
    let (envelope, _) = Envelope::parse(&bytes)?;
    let statement = Statement::read(&envelope)?;
    let committed = statement.commitment()?;
    let names = |it: &crate::attest::statement::Subject| {
        it.role == SubjectRole::Record && it.hash == record.hash
    };
    let names_record = statement.subjects.iter().any(names);
    let again = predicate(&record.facts, &record.commitment, &Signer::default());
    let mut differs = disagreements(&statement.predicate, &again);
    let root = (record.commitment.root, record.commitment.days);
    if root != (committed.root, committed.days) && !differs.iter().any(|it| it == "commitment") {
        differs.push("commitment".to_owned());
    }
    Ok(AttestationShown { path: path.to_owned(), names_record, differs })
}

/// What a record gives.
struct Run {
    record: Record,
    /// SHA-256 of the lines of the record, in hexadecimal.
    lines_sha256: String,
    facts: Map<String, Value>,
    reconciliation: Vec<Reconciliation>,
    tallies: StorageTallies,
    page: Vec<u8>,
    summary: Vec<u8>,
}

impl Run {
    /// Reads a record twice, as `replay` does: first to check all of it, then to report it.
    fn read(tree: &Tree, path: &str) -> Result<Self, String> {
        let open = || tree.file(path).map_err(|error| error.to_string());
        let record = read_open_record(open()?, None);
        let record = record.map_err(|why| why.to_string())?;
        let mut counting = Counting::default();
        let mut tallies = StorageTallies::of_run();
        let (mut page, mut summary) = (Vec::new(), Vec::new());
        let mut html = Html::new(&mut page);
        let mut json = Json::new(&mut summary);
        let lost = |error: io::Error| format!("a report cannot be made: {error}");
        let lines_sha256 = each_line(open()?, |line| match line {
            RecordLine::Event(event) => {
                counting.take(&event);
                tallies.take(&event);
                html.event(&event)?;
                json.event(&event)
            }
            RecordLine::Circumstances(around) => {
                html.circumstances(&around)?;
                json.circumstances(&around)
            }
            _ => Ok(()),
        })?;
        html.finish().and_then(|()| json.finish()).map_err(lost)?;
        drop((html, json));
        let facts = facts(&record);
        let reconciliation = counting.reconciliation();
        Ok(Self { record, lines_sha256, facts, reconciliation, tallies, page, summary })
    }
}

/// Passes each line of a record to `take`, and returns the SHA-256 of all of them in hexadecimal.
fn each_line(
    file: File,
    mut take: impl FnMut(RecordLine) -> io::Result<()>,
) -> Result<String, String> {
    let mut record = record_from(Box::new(file)).map_err(|why| why.to_string())?;
    while let Some(line) = record.next_line().map_err(|why| why.to_string())? {
        take(line).map_err(|error| format!("a report cannot be made: {error}"))?;
    }
    Ok(record.sha256().unwrap_or_default().to_owned())
}

/// Returns what the run found, by the names of attestations.
fn facts(record: &Record) -> Map<String, Value> {
    let mut all = predicate(&record.facts, &record.commitment, &Signer::default());
    let mut facts = Map::new();
    for name in ["verifier", "scope", "method", "result", "commitment", "acceptedExceptions"] {
        if let Some(value) = all.remove(name) {
            facts.insert(name.to_owned(), value);
        }
    }
    // They are in the record and in the attestation, and may be hundreds.
    if let Some(Value::Object(method)) = facts.get_mut("method") {
        method.remove("publicKeys");
    }
    for name in ["exceptions", "gaps"] {
        let list = all.get(name);
        let listed = list.and_then(|it| it.get("listed")?.as_array()).map_or(0, Vec::len);
        let left_out = list.and_then(|it| it.get("leftOut")?.as_u64()).unwrap_or_default();
        let listed = u64::try_from(listed).unwrap_or(u64::MAX);
        facts.insert(name.to_owned(), json!({ "count": listed.saturating_add(left_out) }));
    }
    facts
}

/// Counts what must agree.
#[derive(Default)]
struct Counting {
    named_logs: u64,
    logs: BTreeMap<&'static str, u64>,
    period: u64,
    chains: u64,
    coverage: BTreeMap<String, u64>,
}

impl Counting {
    fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::RunStarted(start) => {
                self.period = seconds(start.period.end.unix() - start.period.start.unix());
            }
            RunEvent::DigestJudged(judged) => {
                if let (Outcome::Valid(proof), true) = (&judged.outcome, judged.counts) {
                    self.named_logs += proof.logs;
                }
            }
            RunEvent::LogJudged(judged) => {
                let name = match judged.outcome {
                    Outcome::Valid(_) => "proven",
                    Outcome::Invalid(_) => "contradicted",
                    Outcome::Unverified(_) => "not read",
                };
                *self.logs.entry(name).or_default() += 1;
            }
            RunEvent::ChainFinished(chain) if !chain.segments.is_empty() => {
                self.chains += 1;
                for segment in &chain.segments {
                    let length = seconds(segment.to.unix() - segment.from.unix());
                    let name = segment.coverage.code().to_owned();
                    *self.coverage.entry(name).or_default() += length;
                }
            }
            _ => {}
        }
    }

    fn reconciliation(&self) -> Vec<Reconciliation> {
        let line = |what: &str, total: u64, parts: Vec<Part>| {
            let sum: u64 = parts.iter().map(|part| part.count).sum();
            Reconciliation { what: what.to_owned(), total, adds_up: sum == total, parts }
        };
        let part = |(name, count): (String, u64)| Part { name, count };
        let logs = self.logs.iter().map(|(name, count)| ((*name).to_owned(), *count));
        let coverage = self.coverage.iter().map(|(name, count)| (name.clone(), *count));
        vec![
            line("log-files", self.named_logs, logs.map(part).collect()),
            line(
                "coverage-seconds",
                self.period.saturating_mul(self.chains),
                coverage.map(part).collect(),
            ),
        ]
    }
}

fn seconds(length: i64) -> u64 {
    u64::try_from(length).unwrap_or_default()
}
