//! The reports of `recover`: what became of the affected objects, what was recovered, and how to
//! repair the bucket in place.
use super::numbers::counted;
use super::words;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io;
use trailproof_core::bytes::content::Hash;
use trailproof_core::record::EvidencePlace;
use trailproof_core::record::wire::{DeliveredToShape, Time, write_json_pretty};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::budget::VERSIONS_OF_KEY;
use trailproof_core::vocab::location::{ObjectLocation, escape, shell_word};
use trailproof_core::vocab::time::{Period, Timestamp};

/// Versions of one object that the text shows.
const VERSIONS_SHOWN: usize = 8;

/// The result of `recover`.
#[derive(Clone, Debug)]
pub(crate) struct RecoverReport {
    /// Where the evidence was delivered.
    pub(crate) place: EvidencePlace,
    /// The period that was looked at again.
    pub(crate) period: Period,
    /// The verdict over the current objects.
    pub(crate) as_it_lies: Verdict,
    /// The verdict over the versions that are left.
    pub(crate) with_versions: Verdict,
    /// The affected objects.
    pub(crate) objects: Vec<RecoveredObject>,
    /// Affected objects that are not listed here.
    pub(crate) left_out: u64,
    /// What was written; `None` if nothing was.
    pub(crate) written: Option<Written>,
}

/// What was written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// The directory.
    pub(crate) directory: String,
    /// Objects in it.
    pub(crate) objects: u64,
    /// The verdict over it.
    pub(crate) verdict: Verdict,
}

/// An affected object.
#[derive(Clone, Debug)]
pub(crate) struct RecoveredObject {
    pub(crate) at: ObjectLocation,
    /// The code of its class.
    pub(crate) class: &'static str,
    /// What the first run found.
    pub(crate) fault: &'static str,
    /// SHA-256 of its content, as far as a proven digest records it.
    pub(crate) expected: Option<Hash>,
    /// End of the digest, or of the one that names the log file.
    pub(crate) end: Timestamp,
    /// Its versions, the newest first.
    pub(crate) versions: Vec<RecoveredVersion>,
    /// The number of all of them.
    pub(crate) count: usize,
    /// Why the versions could not be listed.
    pub(crate) unlisted: Option<String>,
    /// How many versions were tried and do not prove it, if some were not tried.
    pub(crate) untried: Option<usize>,
    /// Whether a version proves it that is not the current one.
    pub(crate) recoverable: bool,
    /// Whether it is lost for good.
    pub(crate) lost: bool,
}

/// A version of an affected object.
#[derive(Clone, Debug)]
pub(crate) struct RecoveredVersion {
    pub(crate) id: String,
    pub(crate) last_modified: Timestamp,
    /// The size in bytes; `None` for a delete marker.
    pub(crate) size: Option<u64>,
    /// Whether it proves the object.
    pub(crate) proves: bool,
}

impl RecoverReport {
    /// Returns the verdict that decides the exit status. A copy without an object accuses nobody, but what
    /// is lost for good in the bucket is a contradiction.
    pub(crate) fn verdict(&self) -> Verdict {
        match &self.written {
            Some(written) if self.objects.iter().any(|object| object.lost) => {
                written.verdict.max(Verdict::Contradicted)
            }
            Some(written) => written.verdict,
            None => self.with_versions,
        }
    }
}

impl RecoveredObject {
    /// Returns the commands that repair the object in the bucket. They are quoted for a shell.
    fn repair(&self) -> Vec<String> {
        if !self.recoverable {
            return Vec::new();
        }
        let Some(proves) = self.versions.iter().position(|version| version.proves) else {
            return Vec::new();
        };
        let above = self.versions.get(..proves).unwrap_or_default();
        let (bucket, key) = (shell_word(&self.at.bucket), shell_word(&self.at.key));
        let of = format!("--bucket {bucket} --key {key}");
        // If some of the versions are not listed here, the markers are not removed one by one.
        let in_full = self.count == self.versions.len();
        if in_full && above.iter().all(|version| version.size.is_none()) {
            let remove = |marker: &RecoveredVersion| {
                format!("aws s3api delete-object {of} --version-id {}", shell_word(&marker.id))
            };
            return above.iter().map(remove).collect();
        }
        let id = self.versions.get(proves).map_or("", |version| version.id.as_str());
        let source =
            format!("{}/{}?versionId={}", self.at.bucket, percent(&self.at.key), percent(id));
        vec![format!("aws s3api copy-object {of} --copy-source {}", shell_word(&source))]
    }
}

/// Encodes a key for the header that names the source of a copy.
fn percent(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
        if is_plain {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Returns the report as text.
pub(crate) fn text(report: &RecoverReport) -> String {
    let mut lines = vec![
        format!(
            "{}  {} to {}",
            words::evidence(&report.place),
            report.period.start,
            report.period.end
        ),
        String::new(),
        format!("As it lies there: {}.", report.as_it_lies.words()),
        format!("With the versions that are left: {}.", report.with_versions.words()),
    ];
    let mut classes: Vec<&str> = report.objects.iter().map(|object| object.class).collect();
    classes.sort_unstable();
    classes.dedup();
    for class in classes {
        let objects = report.objects.iter().filter(|object| object.class == class);
        lines.push(format!("\n{class} ({})", objects.clone().count()));
        for object in objects {
            lines.extend(object_lines(object));
        }
    }
    if report.left_out > 0 {
        lines.push(format!("\n… and {} more objects that are not listed", report.left_out));
    }
    match &report.written {
        Some(written) => {
            let word = shell_word(&written.directory).into_owned();
            lines.push(format!(
                "\nWrote {} to `{}`: {}. Check it with `trailproof verify {word}`.",
                counted(written.objects, "object"),
                escape(&written.directory),
                written.verdict.words(),
            ));
        }
        None => lines.push("\nNothing was written.".to_owned()),
    }
    let repair: Vec<String> = report.objects.iter().flat_map(RecoveredObject::repair).collect();
    if !repair.is_empty() {
        lines.push(
            "\ntrailproof writes nothing to the bucket. To repair it in place, after the evidence \
             is preserved:"
                .to_owned(),
        );
        lines.extend(repair.iter().map(|command| format!("  {command}")));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn object_lines(object: &RecoveredObject) -> Vec<String> {
    let mut lines = vec![format!("    {}  {}", object.at, object.fault)];
    if let Some(expected) = &object.expected {
        lines.push(format!("        sha256 {}, digest to {}", hex::encode(expected), object.end));
    } else {
        lines.push(format!("        digest to {}", object.end));
    }
    if let Some(why) = &object.unlisted {
        lines.push(format!("        its versions could not be listed: {why}"));
    }
    if let Some(tried) = object.untried {
        let all = object.count;
        lines.push(format!(
            "        over-budget: {tried} of its {all} versions and delete markers were tried, and \
             none proves; whether another one does is not known"
        ));
        lines.push(format!(
            "        to try more of them: `--try-versions {}`",
            all.max(tried.saturating_mul(2)).clamp(1, VERSIONS_OF_KEY)
        ));
    }
    for version in object.versions.iter().take(VERSIONS_SHOWN) {
        let what = match version.size {
            Some(size) => format!("{size} bytes"),
            None => "delete marker".to_owned(),
        };
        let proves = if version.proves { ", proves" } else { "" };
        let id = escape(&version.id);
        lines.push(format!("        version {id} of {}: {what}{proves}", version.last_modified));
    }
    if object.count > VERSIONS_SHOWN {
        lines.push(format!("        … and {} more versions", object.count - VERSIONS_SHOWN));
    }
    lines
}

/// Returns the report as a JSON document.
///
/// # Errors
///
/// The document cannot be written.
pub(crate) fn json(report: &RecoverReport) -> io::Result<Vec<u8>> {
    let objects = report.objects.iter().map(|object| {
        let versions = object.versions.iter().map(|version| {
            json!({
                "version_id": version.id,
                "last_modified": Time(version.last_modified),
                "size": version.size,
                "delete_marker": version.size.is_none(),
                "proves": version.proves,
            })
        });
        json!({
            "bucket": object.at.bucket,
            "key": object.at.key,
            "class": object.class,
            "fault": object.fault,
            "expected_sha256": object.expected.map(hex::encode),
            "digest_end": Time(object.end),
            "versions": versions.collect::<Vec<Value>>(),
            "version_count": object.count,
            "versions_unlisted": object.unlisted,
            "versions_tried": object.untried,
            "repair": object.repair(),
        })
    });
    let written = report.written.as_ref().map(|written| {
        json!({
            "directory": written.directory,
            "objects": written.objects,
            "verdict": written.verdict.words(),
        })
    });
    let document = json!({
        "delivered_to": serde_json::to_value(DeliveredToShape::from(&report.place.delivered_to))?,
        "from": Time(report.period.start),
        "to": Time(report.period.end),
        "verdict": report.as_it_lies.words(),
        "verdict_with_versions": report.with_versions.words(),
        "objects": objects.collect::<Vec<Value>>(),
        "objects_left_out": report.left_out,
        "written": written,
    });
    let mut bytes = Vec::new();
    write_json_pretty(&mut bytes, &document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, versions: &[(&str, Option<u64>, bool)]) -> RecoveredObject {
        let version = |(id, size, proves): &(&str, Option<u64>, bool)| RecoveredVersion {
            id: (*id).to_owned(),
            last_modified: Timestamp::from_unix(0),
            size: *size,
            proves: *proves,
        };
        RecoveredObject {
            at: ObjectLocation::new("b", key),
            class: "deleted-recoverable",
            fault: "log-missing",
            expected: None,
            end: Timestamp::from_unix(0),
            versions: versions.iter().map(version).collect(),
            count: versions.len(),
            unlisted: None,
            untried: None,
            recoverable: true,
            lost: false,
        }
    }

    #[test]
    fn markers_are_removed_and_contents_are_copied_back() {
        let deleted =
            object("k", &[("m2", None, false), ("m1", None, false), ("v", Some(1), true)]);
        let remove =
            |id: &str| format!("aws s3api delete-object --bucket b --key k --version-id {id}");
        assert_eq!(deleted.repair(), [remove("m2"), remove("m1")]);
        let replaced =
            object("k", &[("m", None, false), ("w", Some(1), false), ("v", Some(1), true)]);
        let copy = "aws s3api copy-object --bucket b --key k --copy-source 'b/k?versionId=v'";
        assert_eq!(replaced.repair(), [copy]);
    }

    /// A key comes from whoever can write to the bucket, and the reader pastes the command.
    #[test]
    fn no_key_ends_its_word() {
        let hostile = object("k'; rm -rf ~ #\n", &[("w", Some(1), false), ("v", Some(1), true)]);
        let repair = hostile.repair().remove(0);
        let script = format!("aws() {{ printf '%s\\0' \"$@\"; }}; {repair}");
        let ran = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
        let words: Vec<&[u8]> = ran.stdout.split(|byte| *byte == 0).collect();
        assert_eq!(words[5], b"k'; rm -rf ~ #\n");
        assert_eq!(words[7], b"b/k%27%3B%20rm%20-rf%20~%20%23%0A?versionId=v");
    }
}
