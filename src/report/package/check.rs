//! `package check`: its result as text and JSON.
use super::document::PackageDocument;
use crate::report::numbers::{counted, grouped};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use strum::{EnumIter, IntoStaticStr};
use trailproof_core::record::wire::write_json_pretty;
use trailproof_core::vocab::budget::{PACKAGE_FAULTS, SHOWN, SHOWN_FAILURE};
use trailproof_core::vocab::location::{escape, excerpt};

/// What is wrong with a package, or could not be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum FaultCode {
    /// A file is not as it was when the package was made.
    FileChanged,
    /// A file is gone.
    FileMissing,
    /// A file is there that the package does not name.
    FileAdded,
    /// A desktop or a file system left a file of its own among those of the package.
    DesktopFile,
    /// Something is there that is not a regular file of a package: a link, a device, an odd name.
    NotAFile,
    /// A file or folder could not be read.
    FileUnread,
    /// There is more than is looked at.
    NotLookedAt,
    /// A line of a manifest names no file of a package.
    ManifestMalformed,
    /// `bagit.txt` or `bag-info.txt` is not that of a package.
    TagMalformed,
    /// `data/package.json` cannot be read by this version.
    DocumentUnknown,
    /// A different version made the pages and tables, and no signature that was checked vouches for them.
    NotMadeAgain,
    /// A record, attestation or result cannot be used.
    InputUnusable,
    /// A page or table is not what the record and the results give.
    MadeFileDiffers,
    /// A signature was expected, and there is none.
    SignatureMissing,
    /// The signature was not made by the expected key.
    SignatureForeign,
    /// The signed statement is not about this package.
    StatementDiffers,
    /// The attestation is not about the record.
    AttestationDiffers,
}

impl FaultCode {
    /// Returns the stable code for machines.
    pub(crate) fn code(self) -> &'static str {
        self.into()
    }

    /// Returns whether it leaves open what is the case, and contradicts nothing.
    fn is_open(self) -> bool {
        matches!(
            self,
            Self::FileUnread
                | Self::NotLookedAt
                | Self::DocumentUnknown
                | Self::NotMadeAgain
                | Self::DesktopFile
        )
    }
}

/// Number of files beside a package that the text names.
const BESIDE_SHOWN: usize = 10;

/// A fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PackageFault {
    /// What kind of fault it is.
    pub(crate) code: FaultCode,
    /// The file.
    pub(crate) path: String,
    /// More, in words.
    pub(crate) detail: String,
}

/// What was found out about a signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum SignatureState {
    /// There is none.
    Unsigned,
    /// There is one, and no key to check it with.
    #[default]
    NotChecked,
    /// It was made by the key with this id.
    MadeBy(String),
    /// It was not made by the expected key.
    Foreign,
}

impl SignatureState {
    fn code(&self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::NotChecked => "not-checked",
            Self::MadeBy(_) => "valid",
            Self::Foreign => "foreign",
        }
    }

    fn key(&self) -> Option<&str> {
        match self {
            Self::MadeBy(key) => Some(key),
            _ => None,
        }
    }
}

/// The state of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PackageState {
    /// Nothing is wrong.
    Intact,
    /// Nothing is contradicted, and not everything could be checked.
    NotProven,
    /// Something is contradicted.
    Contradicted,
}

/// The result of checking a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PackageChecked {
    /// Its folder.
    pub(crate) directory: String,
    /// Its name.
    id: Option<String>,
    /// The verdict of its run.
    verdict: Option<String>,
    /// The period of its run.
    period: Option<(String, String)>,
    /// The program that made it.
    made_by: Option<String>,
    /// Files below `data` that were read.
    pub(crate) files: u64,
    /// Their length.
    pub(crate) bytes: u64,
    /// The signature of the package.
    pub(crate) signature: SignatureState,
    /// The signature of the attestation in it.
    pub(crate) attestation: SignatureState,
    /// Whether everything that was made was made again.
    pub(crate) made_again: bool,
    /// The first faults.
    faults: Vec<PackageFault>,
    /// The files of these faults.
    faulty: BTreeSet<String>,
    left_out: u64,
    left_out_closed: bool,
    /// The first files beside the payload that no manifest names. They do not belong to the package.
    beside: Vec<String>,
    beside_left_out: u64,
}

impl PackageChecked {
    /// Adds a fault.
    pub(crate) fn add(&mut self, code: FaultCode, path: &str, detail: String) {
        if self.faults.len() < PACKAGE_FAULTS {
            self.faulty.insert(path.to_owned());
            self.faults.push(PackageFault { code, path: path.to_owned(), detail });
        } else {
            self.left_out += 1;
            self.left_out_closed |= !code.is_open();
        }
    }

    /// Adds a file beside the payload that no manifest names.
    pub(crate) fn add_beside(&mut self, path: &str) {
        match self.beside.len() < PACKAGE_FAULTS {
            true => self.beside.push(path.to_owned()),
            false => self.beside_left_out += 1,
        }
    }

    /// Returns whether a fault of this file is listed.
    pub(crate) fn names(&self, path: &str) -> bool {
        self.faulty.contains(path)
    }

    /// Takes what the document of the package says of it.
    pub(crate) fn describe(&mut self, document: &PackageDocument) {
        let text = |at: &str| document.run_text(at).to_owned();
        self.id = Some(document.declared.id.clone());
        self.verdict = Some(text("/result/verdict"));
        self.period = Some((text("/scope/from"), text("/scope/to")));
        self.made_by = Some(format!("{} {}", document.made_by.tool, document.made_by.version));
    }

    /// Returns the state.
    pub(crate) fn state(&self) -> PackageState {
        let closed = |fault: &PackageFault| !fault.code.is_open();
        if self.faults.iter().any(closed) || self.left_out_closed {
            PackageState::Contradicted
        } else if self.faults.is_empty() {
            PackageState::Intact
        } else {
            PackageState::NotProven
        }
    }

    /// Returns whether nothing is wrong but that a different version made the package, which matters
    /// only to a reader of its pages, or that a desktop left files in it.
    pub(crate) fn has_usable_inputs(&self) -> bool {
        let is_harmless = |fault: &PackageFault| {
            matches!(fault.code, FaultCode::NotMadeAgain | FaultCode::DesktopFile)
        };
        self.faults.iter().all(is_harmless) && self.left_out == 0
    }

    /// Returns the first contradiction, for a command that cannot use the package.
    pub(crate) fn first(&self) -> Option<String> {
        let closed = self.faults.iter().find(|fault| !fault.code.is_open());
        let fault = closed.or(self.faults.first())?;
        Some(format!("{} `{}`: {}", fault.code.code(), escape(&fault.path), escape(&fault.detail)))
    }
}

/// Returns the result as text.
pub(crate) fn text(checked: &PackageChecked) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_text(checked, &mut out);
    out
}

fn write_text(checked: &PackageChecked, out: &mut String) -> std::fmt::Result {
    let verdict = checked.verdict.as_deref().map(|verdict| excerpt(verdict, SHOWN).to_uppercase());
    let title = match (checked.state(), &verdict) {
        // An intact package does not mean that the evidence in it proves anything.
        (PackageState::Intact, Some(verdict)) => {
            format!("INTACT; the verdict in it is {verdict}")
        }
        (PackageState::Intact, None) => "INTACT".to_owned(),
        (PackageState::NotProven, _) => "NOT PROVEN".to_owned(),
        (PackageState::Contradicted, _) => "DOES NOT HOLD".to_owned(),
    };
    writeln!(out, "{title}: {}\n", escape(&checked.directory))?;
    let mut line = |name: &str, value: String| writeln!(out, "  {name:<12} {value}");
    if let Some(id) = &checked.id {
        line("package", excerpt(id, SHOWN))?;
    }
    if let Some((from, to)) = &checked.period {
        line("period", format!("{} to {}", excerpt(from, SHOWN), excerpt(to, SHOWN)))?;
    }
    if let Some(made_by) = &checked.made_by {
        line("made by", excerpt(made_by, SHOWN))?;
    }
    line("files", format!("{}, {} bytes", counted(checked.files, "file"), grouped(checked.bytes)))?;
    line(
        "signature",
        match &checked.signature {
            SignatureState::Unsigned => "none: nothing shows who made the package".to_owned(),
            SignatureState::NotChecked => "not checked: `--key` names the key".to_owned(),
            SignatureState::MadeBy(key) => format!("made by the key {key}"),
            SignatureState::Foreign => "NOT made by the expected key".to_owned(),
        },
    )?;
    line(
        "attestation",
        match &checked.attestation {
            SignatureState::Unsigned => "none: the record is not attested".to_owned(),
            SignatureState::NotChecked => {
                "signature not checked: `--attestation-key` names the key".to_owned()
            }
            SignatureState::MadeBy(key) => format!("signed by the key {key}"),
            SignatureState::Foreign => "NOT signed by the expected key".to_owned(),
        },
    )?;
    line(
        "made files",
        match checked.made_again {
            true => "made again from the record and the results, and compared".to_owned(),
            false => {
                "not made again: that needs its inputs, and the version that made them".to_owned()
            }
        },
    )?;
    if !checked.faults.is_empty() {
        writeln!(out, "\nfaults")?;
    }
    for fault in &checked.faults {
        let mark = if fault.code.is_open() { "OPEN" } else { "WRONG" };
        let (path, detail) = (excerpt(&fault.path, SHOWN), excerpt(&fault.detail, SHOWN_FAILURE));
        writeln!(out, "  {mark:<6} {} `{path}`: {detail}", fault.code.code())?;
    }
    if checked.left_out > 0 {
        writeln!(out, "  … and {} more", grouped(checked.left_out))?;
    }
    if !checked.beside.is_empty() {
        writeln!(out, "\nbeside the package, and not part of it")?;
    }
    for path in checked.beside.iter().take(BESIDE_SHOWN) {
        writeln!(out, "  `{}`", excerpt(path, SHOWN))?;
    }
    let more = u64::try_from(checked.beside.len().saturating_sub(BESIDE_SHOWN)).unwrap_or(u64::MAX);
    match more.saturating_add(checked.beside_left_out) {
        0 => Ok(()),
        more => writeln!(out, "  … and {} more", grouped(more)),
    }
}

/// Returns the result as JSON.
///
/// # Errors
///
/// It cannot be serialized.
pub(crate) fn json(checked: &PackageChecked) -> io::Result<Vec<u8>> {
    let fault = |fault: &PackageFault| json!({ "code": fault.code.code(), "path": fault.path, "detail": fault.detail });
    let signature =
        |state: &SignatureState| json!({ "state": state.code(), "key_id": state.key() });
    let state = match checked.state() {
        PackageState::Intact => "intact",
        PackageState::NotProven => "not-proven",
        PackageState::Contradicted => "contradicted",
    };
    let document = json!({
        "schema": 1,
        "directory": checked.directory,
        "state": state,
        "id": checked.id,
        "verdict": checked.verdict,
        "from": checked.period.as_ref().map(|(from, _)| from),
        "to": checked.period.as_ref().map(|(_, to)| to),
        "made_by": checked.made_by,
        "files": checked.files,
        "bytes": checked.bytes,
        "signature": signature(&checked.signature),
        "attestation": signature(&checked.attestation),
        "made_again": checked.made_again,
        "faults": checked.faults.iter().map(fault).collect::<Vec<Value>>(),
        "faults_left_out": checked.left_out,
        "beside": checked.beside,
        "beside_left_out": checked.beside_left_out,
    });
    let mut bytes = Vec::new();
    write_json_pretty(&mut bytes, &document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator as _;

    #[test]
    fn every_code_is_in_the_book() {
        let page = include_str!("../../../docs/src/format/package.md");
        let open = page.split("The first five").nth(1).unwrap();
        let rows: Vec<&str> = open.lines().filter(|line| line.starts_with("| `")).collect();
        assert_eq!(rows.len(), FaultCode::iter().count());
        for code in FaultCode::iter() {
            let row = format!("| `{}` |", code.code());
            let at = rows.iter().position(|line| line.starts_with(&row));
            assert!(at.is_some_and(|at| (at < 5) == code.is_open()), "{row}");
        }
    }

    #[test]
    fn what_was_not_read_is_open_and_everything_else_is_wrong() {
        let of = |codes: &[FaultCode]| {
            let mut checked = PackageChecked::default();
            codes.iter().for_each(|code| checked.add(*code, "data/x", String::new()));
            checked.state()
        };
        assert_eq!(of(&[]), PackageState::Intact);
        assert_eq!(of(&[FaultCode::FileUnread, FaultCode::NotLookedAt]), PackageState::NotProven);
        assert_eq!(of(&[FaultCode::FileUnread, FaultCode::FileAdded]), PackageState::Contradicted);
        let mut many = vec![FaultCode::FileUnread; PACKAGE_FAULTS];
        assert_eq!(of(&many), PackageState::NotProven);
        many.push(FaultCode::FileChanged);
        assert_eq!(of(&many), PackageState::Contradicted, "a fault beyond the limit is lost");
    }

    #[test]
    fn nothing_of_a_package_reaches_a_terminal_unescaped() {
        let mut checked =
            PackageChecked { directory: "\u{1b}[2J".to_owned(), ..Default::default() };
        checked.add(FaultCode::NotAFile, "data/\u{1b}]0;x\u{7}", "\u{202e}".to_owned());
        let shown = text(&checked);
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
        let json = String::from_utf8(json(&checked).unwrap()).unwrap();
        assert!(!json.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{json:?}");
    }
}
