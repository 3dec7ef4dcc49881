//! `package.toml`: what a package is to hold. Whatever is unknown or malformed in it is a usage error.
use crate::console::refusal::Refusal;
use crate::report::package::document::{Pointer, Slot};
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use trailproof_core::vocab::budget::{PACKAGE_ATTACHMENTS, PACKAGE_FILE, PACKAGE_TEXT, SHOWN};
use trailproof_core::vocab::location::{escape, excerpt};

/// What a package is to hold, from `package.toml` and options.
#[derive(Debug, Default)]
pub(crate) struct PackageRequest {
    /// Name of the package.
    pub(crate) id: Option<String>,
    /// What it is about.
    pub(crate) description: Option<String>,
    /// Organization that submits it.
    pub(crate) organization: Option<String>,
    /// Person to ask.
    pub(crate) contact: Option<String>,
    /// Commands that make record and results first.
    pub(crate) runs: Runs,
    /// Run record.
    pub(crate) record: Option<Evidence>,
    /// Attestation of the record.
    pub(crate) attestation: Option<Evidence>,
    /// Public key that checks the signature of the attestation.
    pub(crate) attestation_key: Option<PathBuf>,
    /// Results of `trail-config --format json`.
    pub(crate) trail_config: Vec<Evidence>,
    /// Events that a review should have seen, of `events --review --format json`.
    pub(crate) review_events: Option<Evidence>,
    /// Folder of the package of the period before.
    pub(crate) previous: Option<PathBuf>,
    /// Private key that signs the package.
    pub(crate) key: Option<PathBuf>,
    /// Files that somebody gave.
    pub(crate) attachments: Vec<Attachment>,
    /// Evidence that is elsewhere.
    pub(crate) pointers: Vec<Pointer>,
}

/// The commands that make record and results. Each is what stands on a command line behind the name of
/// the command, with paths relative to the folder of `package.toml`.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    /// `verify`.
    pub(crate) verify: Option<Vec<String>>,
    /// `trail-config`, any number of times.
    pub(crate) trail_config: Vec<Vec<String>>,
    /// `events`, over the record.
    pub(crate) review_events: Option<Vec<String>>,
    /// Who runs `verify`, for the attestation.
    pub(crate) operator: Option<String>,
}

impl Runs {
    /// Returns whether there is nothing to run.
    pub(crate) fn is_empty(&self) -> bool {
        self.verify.is_none() && self.trail_config.is_empty() && self.review_events.is_none()
    }
}

/// A file that a command of trailproof made.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// The file.
    pub(crate) path: PathBuf,
    /// The command line that made it, if it was made for this package.
    pub(crate) made_by: Option<String>,
}

impl From<PathBuf> for Evidence {
    fn from(path: PathBuf) -> Self {
        Self { path, made_by: None }
    }
}

/// A file that somebody gave.
#[derive(Debug)]
pub(crate) struct Attachment {
    /// Part of the package to which it belongs.
    pub(crate) slot: Slot,
    /// The file.
    pub(crate) file: PathBuf,
    /// Title.
    pub(crate) title: String,
    /// Who gave it.
    pub(crate) given_by: String,
    /// From where and how it was taken.
    pub(crate) source: String,
    /// A remark.
    pub(crate) note: Option<String>,
}

impl PackageRequest {
    /// Reads `package.toml`. Paths in it are relative to its folder.
    ///
    /// # Errors
    ///
    /// It cannot be read, or says something that is not understood.
    pub(crate) fn read(path: &Path) -> Result<Self, Refusal> {
        read(path)
    }

    /// Makes every path absolute, so that none depends on the current folder any more.
    ///
    /// # Errors
    ///
    /// A path is empty, or the current folder is unknown.
    pub(crate) fn make_absolute(&mut self) -> io::Result<()> {
        let evidence = self.record.iter_mut().chain(&mut self.attestation);
        let evidence = evidence.chain(&mut self.trail_config).chain(&mut self.review_events);
        let evidence = evidence.map(|it| &mut it.path);
        let keys = self.attestation_key.iter_mut().chain(&mut self.key).chain(&mut self.previous);
        let attachments = self.attachments.iter_mut().map(|it| &mut it.file);
        for path in evidence.chain(keys).chain(attachments) {
            *path = std::path::absolute(&*path)?;
        }
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    id: Option<String>,
    description: Option<String>,
    organization: Option<String>,
    contact: Option<String>,
    record: Option<PathBuf>,
    attestation: Option<PathBuf>,
    attestation_key: Option<PathBuf>,
    #[serde(default)]
    trail_config: Vec<PathBuf>,
    review_events: Option<PathBuf>,
    previous: Option<PathBuf>,
    key: Option<PathBuf>,
    #[serde(default)]
    run: RunEntry,
    #[serde(default)]
    attachment: Vec<AttachmentEntry>,
    #[serde(default)]
    pointer: Vec<PointerEntry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RunEntry {
    verify: Option<Vec<String>>,
    #[serde(default)]
    trail_config: Vec<Vec<String>>,
    review_events: Option<Vec<String>>,
    operator: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AttachmentEntry {
    slot: u64,
    file: PathBuf,
    title: String,
    given_by: String,
    source: String,
    note: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PointerEntry {
    slot: u64,
    title: String,
    #[serde(rename = "where")]
    place: String,
    given_by: String,
    sha256: Option<String>,
    note: Option<String>,
}

fn read(path: &Path) -> Result<PackageRequest, Refusal> {
    let refused = |why: String| {
        Refusal::usage(format!(
            "cannot use `{}`: {why}\n\nhint: the guide \"Submit a quarter\" describes the file",
            escape(&path.to_string_lossy())
        ))
    };
    let mut bytes = Vec::new();
    // One byte more shows that the file is longer.
    let opened =
        File::open(path).and_then(|file| file.take(PACKAGE_FILE + 1).read_to_end(&mut bytes));
    opened.map_err(|error| refused(error.to_string()))?;
    parse(&bytes, crate::files::atomic::folder(path)).map_err(refused)
}

fn parse(bytes: &[u8], folder: &Path) -> Result<PackageRequest, String> {
    if u64::try_from(bytes.len()).map_or(true, |length| length > PACKAGE_FILE) {
        return Err(format!("it has more than {PACKAGE_FILE} bytes"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let document: Document = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        format!("line {line}: {}", excerpt(error.message(), SHOWN))
    })?;
    let many = document.attachment.len().max(document.pointer.len());
    if many > PACKAGE_ATTACHMENTS {
        return Err(format!("it has more than {PACKAGE_ATTACHMENTS} attachments or pointers"));
    }
    let at = |path: PathBuf| folder.join(path);
    let given = |path: PathBuf| Evidence::from(folder.join(path));
    for (name, is_given) in
        [("record", document.record.is_some()), ("attestation", document.attestation.is_some())]
    {
        if is_given && document.run.verify.is_some() {
            return Err(format!("`{name}` is given, and `run.verify` makes it"));
        }
    }
    if document.review_events.is_some() && document.run.review_events.is_some() {
        return Err("`review-events` is given, and `run.review-events` makes it".to_owned());
    }
    if document.run.trail_config.len() > PACKAGE_ATTACHMENTS {
        return Err(format!("`run.trail-config` has more than {PACKAGE_ATTACHMENTS} entries"));
    }
    Ok(PackageRequest {
        id: optional("id", document.id)?,
        description: optional("description", document.description)?,
        organization: optional("organization", document.organization)?,
        contact: optional("contact", document.contact)?,
        runs: Runs {
            verify: document.run.verify,
            trail_config: document.run.trail_config,
            review_events: document.run.review_events,
            operator: optional("run.operator", document.run.operator)?,
        },
        record: document.record.map(given),
        attestation: document.attestation.map(given),
        attestation_key: document.attestation_key.map(at),
        trail_config: document.trail_config.into_iter().map(given).collect(),
        review_events: document.review_events.map(given),
        previous: document.previous.map(at),
        key: document.key.map(at),
        attachments: each("attachment", document.attachment, |entry| {
            Ok(Attachment {
                slot: slot(entry.slot)?,
                file: at(entry.file),
                title: text_of("title", entry.title)?,
                given_by: text_of("given-by", entry.given_by)?,
                source: text_of("source", entry.source)?,
                note: optional("note", entry.note)?,
            })
        })?,
        pointers: each("pointer", document.pointer, |entry| {
            Ok(Pointer {
                slot: slot(entry.slot)?,
                title: text_of("title", entry.title)?,
                place: text_of("where", entry.place)?,
                given_by: text_of("given-by", entry.given_by)?,
                sha256: entry.sha256.map(sum).transpose()?,
                note: optional("note", entry.note)?,
            })
        })?,
    })
}

/// Reads each entry of a list, and says which of them is wrong.
fn each<E, T>(
    name: &str,
    entries: Vec<E>,
    read: impl Fn(E) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let numbered = entries.into_iter().enumerate();
    numbered
        .map(|(at, entry)| read(entry).map_err(|why| format!("{name} {}: {why}", at + 1)))
        .collect()
}

fn slot(number: u64) -> Result<Slot, String> {
    match Slot::numbered(number) {
        // What proves integrity is checked; nothing that somebody gave stands beside it.
        Some(Slot::Integrity) => {
            Err("`slot` 2 holds only the record and what is made from it".to_owned())
        }
        Some(slot) => Ok(slot),
        None => Err("`slot` is not a number from 1 to 6".to_owned()),
    }
}

fn text_of(name: &str, text: String) -> Result<String, String> {
    let length = text.chars().count();
    if text.trim().is_empty() || length > PACKAGE_TEXT {
        return Err(format!("`{name}` has {length} characters; it must have 1 to {PACKAGE_TEXT}"));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("`{name}` has a line break or another control character"));
    }
    Ok(text)
}

/// Checks a text that may be left out.
///
/// # Errors
///
/// It is empty, too long, or has control characters.
pub(super) fn optional(name: &str, text: Option<String>) -> Result<Option<String>, String> {
    text.map(|text| text_of(name, text)).transpose()
}

fn sum(text: String) -> Result<String, String> {
    let text = text.to_ascii_lowercase();
    match hex::decode(&text) {
        Ok(bytes) if bytes.len() == 32 => Ok(text),
        _ => Err("`sha256` is not a SHA-256 in hexadecimal".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTACHMENT: &str = "[[attachment]]\nslot = 4\nfile = \"t.csv\"\ntitle = \"Tickets\"\n\
                              given-by = \"A\"\nsource = \"B\"\n";

    fn of(text: &str) -> Result<PackageRequest, String> {
        parse(text.as_bytes(), Path::new("/folder"))
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let read = of(&format!("id = \"q\"\nrecord = \"r.jsonl\"\nkey = \"/k\"\n{ATTACHMENT}"));
        let read = read.unwrap();
        assert_eq!(read.record.unwrap().path, PathBuf::from("/folder/r.jsonl"));
        assert_eq!(read.key, Some(PathBuf::from("/k")));
        assert_eq!(read.attachments[0].file, PathBuf::from("/folder/t.csv"));
        assert_eq!(read.attachments[0].slot, Slot::Review);
    }

    #[test]
    fn whatever_is_not_understood_is_refused() {
        for (text, why) in [
            ("records = 1", "line 1"),
            ("[run]\nverify = \"a\"", "line 2"),
            ("[run]\nattest = [\"a\"]", "line 2"),
            ("record = \"r\"\n[run]\nverify = [\"a\"]", "`record` is given"),
            ("review-events = \"e\"\n[run]\nreview-events = []", "`review-events` is given"),
            ("attestation = \"r\"\n[run]\nverify = [\"a\"]", "`attestation` is given"),
            ("id = \"\"", "1 to 1000"),
            ("id = \"a\\u001b[2J\"", "control character"),
            (&ATTACHMENT.replace("slot = 4", "slot = 7"), "attachment 1: `slot` is not a number"),
            (&ATTACHMENT.replace("slot = 4", "slot = 2"), "slot` 2 holds only"),
            (&ATTACHMENT.replace("given-by = \"A\"\n", ""), "given-by"),
            (
                "[[pointer]]\nslot = 6\ntitle = \"a\"\nwhere = \"b\"\ngiven-by = \"c\"\nsha256 = \"0\"",
                "pointer 1: `sha256`",
            ),
        ] {
            let refused = of(text).map(drop).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
        assert!(parse(b"\xff", Path::new(".")).is_err());
        let long = "#".repeat(usize::try_from(PACKAGE_FILE).unwrap() + 1);
        assert!(of(&long).map(drop).unwrap_err().contains("bytes"));
        assert!(of(&ATTACHMENT.repeat(PACKAGE_ATTACHMENTS + 1)).is_err());
    }
}
