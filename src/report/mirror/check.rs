//! `mirror check`: whether the files are what they were when they were copied.
use crate::report::numbers::{bytes, grouped};
use crate::report::words::custody_fault;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use trailproof_core::codes::fixity::{CustodyFault, FixityFault};
use trailproof_core::record::wire::write_json_pretty;
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::location::escape;

/// Number of the schema. Any version may add a field; changing or removing one requires a new number.
const SCHEMA: u32 = 1;

/// Faults that the text shows without `--verbose`.
const SHOWN: usize = 20;

/// A number of files and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

/// The sample that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SampleRead {
    /// The share in percent, as it was typed.
    pub(crate) percent: String,
    /// The seed that draws it again.
    pub(crate) seed: u64,
}

/// A file that is not as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileFault {
    pub(crate) code: FixityFault,
    /// The path below the directory.
    pub(crate) file: String,
    /// The bucket and the key of the object.
    pub(crate) object: Option<(String, String)>,
    /// The size and the SHA-256 that it should have.
    pub(crate) expected: Option<(u64, String)>,
    /// The size that it has.
    pub(crate) found_bytes: Option<u64>,
    /// The SHA-256 that it has, if it was read.
    pub(crate) found_sha256: Option<String>,
    /// Why it could not be read.
    pub(crate) why: Option<String>,
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CheckReport {
    pub(crate) directory: String,
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    /// Whether the last run of `mirror` finished.
    pub(crate) complete: bool,
    pub(crate) began: String,
    pub(crate) ended: String,
    pub(crate) sample: Option<SampleRead>,
    pub(crate) recorded: Files,
    pub(crate) read: Files,
    /// Documents that were compared with the custody log.
    pub(crate) documents: u64,
    /// Files that no reader takes for evidence.
    pub(crate) set_aside: u64,
    pub(crate) counts: BTreeMap<FixityFault, u64>,
    pub(crate) faults: Vec<FileFault>,
    /// The number of entries of the custody log; `None` if there is no log.
    pub(crate) custody_entries: Option<u64>,
    pub(crate) custody_faults: BTreeSet<CustodyFault>,
    /// Whether the check is an entry of the custody log.
    pub(crate) logged: bool,
}

impl CheckReport {
    /// Returns whether nothing was found.
    pub(crate) fn is_intact(&self) -> bool {
        // A line that is not an entry may be what a power cut left, and stays there for good.
        let broken = |fault: &CustodyFault| *fault != CustodyFault::CustodyUnreadable;
        self.counts.is_empty() && !self.custody_faults.iter().any(broken)
    }

    /// Returns the verdict whose exit status the check has. A damaged copy is not proven, and
    /// contradicts nobody.
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            _ if !self.is_intact() => Verdict::NotProven,
            _ if self.recorded.files == 0 => Verdict::NothingFound,
            _ => Verdict::Proven,
        }
    }

    fn result(&self) -> &'static str {
        match self.verdict() {
            Verdict::NothingFound => "nothing-found",
            _ if self.is_intact() => "intact",
            _ => "not-intact",
        }
    }
}

/// Returns the report as text.
pub(crate) fn text(report: &CheckReport, verbose: bool) -> String {
    let result = match report.result() {
        "intact" if report.sample.is_some() => "INTACT, AS FAR AS THE SAMPLE SHOWS",
        "intact" => "INTACT",
        "nothing-found" => "NOTHING FOUND",
        _ => "NOT INTACT",
    };
    let slash = if report.prefix.is_empty() { "" } else { "/" };
    let mut lines = vec![
        format!(
            "{result}  mirror of s3://{}{slash}{} in `{}`",
            escape(&report.bucket),
            escape(&report.prefix),
            escape(&report.directory)
        ),
        format!(
            "  recorded  {} files, {}",
            grouped(report.recorded.files),
            bytes(report.recorded.bytes)
        ),
        read_line(report),
    ];
    if report.documents > 0 {
        let changed = report.counts.get(&FixityFault::DocumentChanged).copied();
        let words = match changed {
            None => "as the last run wrote them",
            Some(_) => "not all as the last run wrote them",
        };
        lines.push(format!("  documents {} compared: {words}", grouped(report.documents)));
    }
    lines.push(match report.custody_entries {
        Some(entries) => format!("  custody   {} entries in the log", grouped(entries)),
        None => "  custody   the mirror has no log".to_owned(),
    });
    if report.set_aside > 0 {
        lines.push(format!(
            "  set aside {} files that no reader takes for evidence, such as those of desktops",
            grouped(report.set_aside)
        ));
    }
    if !report.complete {
        lines.push(
            "  The last run of `mirror` did not finish: run it again before you rely on this."
                .to_owned(),
        );
    }
    for fault in &report.custody_faults {
        lines.push(format!("  {}: {}", fault.code(), custody_fault(*fault)));
    }
    for (code, count) in &report.counts {
        lines.push(format!("{}: {}", code.code(), grouped(*count)));
        let mut of_code = report.faults.iter().filter(|fault| fault.code == *code);
        let shown = if verbose { usize::MAX } else { SHOWN };
        lines.extend(of_code.by_ref().take(shown).map(fault_line));
        let listed = report.faults.iter().filter(|fault| fault.code == *code).count().min(shown);
        let more = count.saturating_sub(u64::try_from(listed).unwrap_or(u64::MAX));
        if more > 0 {
            lines.push(format!("    and {} more", grouped(more)));
        }
    }
    lines.extend(next_step(report));
    lines.join("\n") + "\n"
}

fn read_line(report: &CheckReport) -> String {
    let read = format!("{} files, {}", grouped(report.read.files), bytes(report.read.bytes));
    match &report.sample {
        None => format!("  read      {read}"),
        Some(sample) => format!(
            "  read      {read}: a random sample of {} %, with seed {}; of the others only the size \
             was compared",
            escape(&sample.percent),
            sample.seed
        ),
    }
}

fn fault_line(fault: &FileFault) -> String {
    let mut line = format!("    {}", escape(&fault.file));
    if let Some(why) = &fault.why {
        line += &format!(": {}", escape(why));
    }
    if let (FixityFault::CopyDamaged | FixityFault::DocumentChanged, Some((bytes, sha256))) =
        (fault.code, &fault.expected)
    {
        let then = match (bytes, fault.found_bytes) {
            (bytes, Some(found)) if *bytes != found => format!("{bytes} bytes, {found} now"),
            _ => format!("sha256 {}", escape(sha256)),
        };
        line += &format!("\n      recorded: {then}");
        if let Some(found) = &fault.found_sha256 {
            line += &format!("\n      now: sha256 {found}");
        }
    }
    line
}

fn next_step(report: &CheckReport) -> Option<String> {
    let has = |code| report.counts.contains_key(&code);
    let lost = has(FixityFault::CopyDamaged)
        || has(FixityFault::Missing)
        || has(FixityFault::Unreadable)
        || has(FixityFault::DocumentChanged);
    let words = if lost {
        "Next: take these files from another copy, or run the same `trailproof mirror` command \
         again: it fetches what is damaged or missing while the bucket has it. A damaged copy says \
         nothing about the bucket."
    } else if has(FixityFault::Extra) {
        "Next: find out who put the extra files there. `trailproof verify` judges those in \
         CloudTrail's folders like any other file."
    } else {
        return None;
    };
    Some(words.to_owned())
}

/// Returns the report as one JSON document.
///
/// # Errors
///
/// The document cannot be serialized.
pub(crate) fn json(report: &CheckReport) -> io::Result<Vec<u8>> {
    let counts: Map<String, Value> =
        report.counts.iter().map(|(code, count)| (code.code().into(), (*count).into())).collect();
    let custody: Vec<&str> = report.custody_faults.iter().map(|fault| fault.code()).collect();
    let document = json!({
        "schema": SCHEMA,
        "tool": "trailproof",
        "version": env!("CARGO_PKG_VERSION"),
        "directory": report.directory,
        "bucket": report.bucket,
        "prefix": report.prefix,
        "complete": report.complete,
        "began": report.began,
        "ended": report.ended,
        "sample": report.sample.as_ref().map(|sample| json!({
            "percent": sample.percent,
            "seed": sample.seed,
        })),
        "recorded": { "files": report.recorded.files, "bytes": report.recorded.bytes },
        "read": { "files": report.read.files, "bytes": report.read.bytes },
        "documents_compared": report.documents,
        "set_aside": report.set_aside,
        "result": report.result(),
        "exit_status": report.verdict().exit_status(),
        "counts": counts,
        "faults": report.faults.iter().map(fault).collect::<Vec<_>>(),
        "custody": {
            "entries": report.custody_entries,
            "faults": custody,
            "logged": report.logged,
        },
    });
    let mut out = Vec::new();
    write_json_pretty(&mut out, &document)?;
    out.push(b'\n');
    Ok(out)
}

fn fault(fault: &FileFault) -> Value {
    let mut value = Map::new();
    value.insert("code".into(), fault.code.code().into());
    value.insert("file".into(), fault.file.clone().into());
    if let Some((bucket, key)) = &fault.object {
        value.insert("bucket".into(), bucket.clone().into());
        value.insert("key".into(), key.clone().into());
    }
    if let Some((bytes, sha256)) = &fault.expected {
        value.insert("expected".into(), json!({ "bytes": bytes, "sha256": sha256 }));
    }
    if let Some(bytes) = fault.found_bytes {
        value.insert("found".into(), json!({ "bytes": bytes, "sha256": fault.found_sha256 }));
    }
    if let Some(why) = &fault.why {
        value.insert("detail".into(), why.clone().into());
    }
    value.into()
}
