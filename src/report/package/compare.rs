//! `package compare`: what changed from one package to the next, as text and JSON.
use super::document::PackageDocument;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use strum::{EnumIter, IntoEnumIterator as _, IntoStaticStr};
use trailproof_core::record::wire::write_json_pretty;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::excerpt;
use trailproof_core::vocab::time::Timestamp;

/// Changes of one kind that the text shows; the JSON document has all of them.
const LISTED: usize = 50;

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Area {
    /// The verdict of the run.
    Verdict,
    /// The status of a control.
    Control,
    /// The status of a check.
    Check,
    /// What the run looked at.
    Scope,
    /// A count of the run.
    Count,
    /// What a part of the package holds.
    Slot,
    /// An attachment.
    Attachment,
    /// A pointer to evidence that is elsewhere.
    Pointer,
}

impl Area {
    fn code(self) -> &'static str {
        self.into()
    }

    fn title(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Control => "controls",
            Self::Check => "checks",
            Self::Scope => "scope",
            Self::Count => "counts",
            Self::Slot => "parts",
            Self::Attachment => "attachments",
            Self::Pointer => "pointers",
        }
    }
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// What changed.
    pub(crate) area: Area,
    /// Its name.
    pub(crate) name: String,
    /// Its value in the old package; none if it is not there.
    pub(crate) old: Option<String>,
    /// Its value in the new package; none if it is not there.
    pub(crate) new: Option<String>,
}

/// One of the packages.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    /// Its document.
    pub(crate) document: PackageDocument,
    /// SHA-256 of its manifest, in hex.
    pub(crate) manifest_sha256: String,
}

/// The differences of two packages.
#[derive(Debug)]
pub(crate) struct PackagesCompared {
    old: Side,
    new: Side,
    changes: Vec<Change>,
}

/// How the period of the new package follows that of the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joint {
    /// It begins where the old one ends.
    Joined,
    /// This many seconds lie between them, in no package.
    Apart(i64),
    /// They share this many seconds.
    Overlapping(i64),
    /// One of them has no readable period.
    Unknown,
}

impl PackagesCompared {
    /// Compares two packages.
    pub(crate) fn of(old: Side, new: Side) -> Self {
        let mut changes = Vec::new();
        for area in Area::iter() {
            let (before, after) = (values(area, &old.document), values(area, &new.document));
            let names: std::collections::BTreeSet<&String> =
                before.keys().chain(after.keys()).collect();
            for name in names {
                let (old, new) = (before.get(name), after.get(name));
                if old != new {
                    let (old, new) = (old.cloned(), new.cloned());
                    changes.push(Change { area, name: name.clone(), old, new });
                }
            }
        }
        Self { old, new, changes }
    }

    fn joint(&self) -> Joint {
        let time = |side: &Side, at: &str| Timestamp::parse(side.document.run_text(at));
        match (time(&self.old, "/scope/to"), time(&self.new, "/scope/from")) {
            (Some(end), Some(start)) => match start.unix() - end.unix() {
                0 => Joint::Joined,
                apart @ 1.. => Joint::Apart(apart),
                shared => Joint::Overlapping(-shared),
            },
            _ => Joint::Unknown,
        }
    }

    /// Returns whether the new package names the old one as that of the period before.
    fn is_named(&self) -> bool {
        let named = self.new.document.declared.previous.as_ref();
        named.is_some_and(|named| named.manifest_sha256 == self.old.manifest_sha256)
    }
}

/// Returns everything of one kind in a package, by name.
fn values(area: Area, package: &PackageDocument) -> BTreeMap<String, String> {
    match area {
        Area::Verdict => {
            let verdict = package.run_text("/result/verdict").to_owned();
            BTreeMap::from([("verdict".to_owned(), verdict)])
        }
        Area::Control => package
            .controls
            .iter()
            .map(|it| (format!("{} {}", it.standard, it.id), it.state.code().to_owned()))
            .collect(),
        Area::Check => {
            // A result file may hold several trails, and a package several files.
            let mut found = BTreeMap::new();
            for check in &package.checks {
                let name = format!("{} {} ({})", check.id, check.subject, check.basis);
                let status = format!("{} {}", check.status, check.reason);
                let known: &mut String = found.entry(name).or_default();
                match known.is_empty() {
                    true => *known = status,
                    false => *known = format!("{known}, {status}"),
                }
            }
            found
        }
        Area::Scope => leaves(package, "scope"),
        Area::Count => leaves(package, "result"),
        Area::Slot => package
            .slots
            .iter()
            .map(|it| {
                let status: &str = it.status.into();
                (it.slot.code().to_owned(), status.to_owned())
            })
            .collect(),
        Area::Attachment => {
            let attached = package.declared.inputs.iter().filter(|it| it.title.is_some());
            let sums: BTreeMap<&str, &str> =
                package.files.iter().map(|it| (it.path.as_str(), it.sha256.as_str())).collect();
            let (mut found, mut seen) = (BTreeMap::new(), BTreeMap::new());
            for input in attached {
                let title = input.title.as_deref().unwrap_or_default();
                let name = format!("{}: {title}", input.slot.code());
                let number = seen.entry(name.clone()).or_insert(0_u64);
                *number += 1;
                let numbered = if *number > 1 { format!("{name} ({number})") } else { name };
                found.insert(
                    numbered,
                    sums.get(input.path.as_str()).copied().unwrap_or_default().to_owned(),
                );
            }
            found
        }
        Area::Pointer => package
            .declared
            .pointers
            .iter()
            .map(|it| (format!("{}: {}", it.slot.code(), it.title), it.place.clone()))
            .collect(),
    }
}

/// The verdict has its own area, and follows from it; each period is different.
const NOT_COMPARED: [&str; 9] = [
    "result/verdict",
    "result/exitStatus",
    "scope/from",
    "scope/to",
    "scope/endWasFuture",
    "scope/tailAllowedFrom",
    "scope/follows",
    "scope/evidence",
    "scope/readFrom",
];

/// Returns the values of a part of the run, by their paths.
fn leaves(package: &PackageDocument, part: &str) -> BTreeMap<String, String> {
    fn walk(path: &str, value: &Value, to: &mut BTreeMap<String, String>) {
        match value {
            _ if NOT_COMPARED.contains(&path) => {}
            Value::Object(fields) => {
                for (name, value) in fields {
                    walk(&format!("{path}/{name}"), value, to);
                }
            }
            // Each name of a list that grew or shrank is a difference of its own.
            Value::Array(list) => {
                for value in list {
                    to.insert(format!("{path} {}", plain(value)), "named".to_owned());
                }
            }
            Value::Null => {}
            other => {
                to.insert(path.to_owned(), plain(other));
            }
        }
    }
    let mut found = BTreeMap::new();
    if let Some(value) = package.run.get(part) {
        walk(part, value, &mut found);
    }
    found
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns the result as text.
pub(crate) fn text(compared: &PackagesCompared) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_text(compared, &mut out);
    out
}

fn write_text(compared: &PackagesCompared, out: &mut String) -> std::fmt::Result {
    for (name, side) in [("old", &compared.old), ("new", &compared.new)] {
        let text = |at: &str| excerpt(side.document.run_text(at), SHOWN);
        let id = excerpt(&side.document.declared.id, SHOWN);
        let (from, to) = (text("/scope/from"), text("/scope/to"));
        let verdict = text("/result/verdict").to_uppercase();
        writeln!(out, "{name}  {id}  {from} to {to}  {verdict}")?;
    }
    let joint = match compared.joint() {
        Joint::Joined => "begins where the old one ends".to_owned(),
        Joint::Apart(seconds) => format!("begins {seconds} s after the old one ends: a GAP"),
        Joint::Overlapping(seconds) => format!("begins {seconds} s before the old one ends"),
        Joint::Unknown => "has no period that can be compared".to_owned(),
    };
    writeln!(out, "\nthe period of the new package {joint}")?;
    let names = if compared.is_named() { "names" } else { "does not name" };
    writeln!(out, "the new package {names} the old one as that of the period before")?;
    writeln!(out, "no signature was checked: `trailproof package check --key` does that")?;
    if compared.changes.is_empty() {
        writeln!(out, "\nnothing else differs")?;
    }
    for area in Area::iter() {
        let changes: Vec<&Change> =
            compared.changes.iter().filter(|change| change.area == area).collect();
        if changes.is_empty() {
            continue;
        }
        writeln!(out, "\n{} ({})", area.title(), changes.len())?;
        for change in changes.iter().take(LISTED) {
            let name = excerpt(&change.name, SHOWN);
            let value = |value: &Option<String>| {
                value.as_ref().map_or_else(|| "none".to_owned(), |value| excerpt(value, SHOWN))
            };
            writeln!(out, "  {name}: {} -> {}", value(&change.old), value(&change.new))?;
        }
        if let Some(more) = changes.len().checked_sub(LISTED).filter(|more| *more > 0) {
            writeln!(out, "  … and {more} more; `--format json` lists all")?;
        }
    }
    Ok(())
}

/// Returns the result as JSON.
///
/// # Errors
///
/// It cannot be serialized.
pub(crate) fn json(compared: &PackagesCompared) -> io::Result<Vec<u8>> {
    let side = |side: &Side| {
        json!({
            "id": side.document.declared.id,
            "from": side.document.run_text("/scope/from"),
            "to": side.document.run_text("/scope/to"),
            "verdict": side.document.run_text("/result/verdict"),
            "manifest_sha256": side.manifest_sha256,
        })
    };
    let change = |change: &Change| {
        json!({
            "area": change.area.code(),
            "name": change.name,
            "old": change.old,
            "new": change.new,
        })
    };
    let seconds = match compared.joint() {
        Joint::Joined => Some(0),
        Joint::Apart(seconds) => Some(seconds),
        Joint::Overlapping(seconds) => Some(-seconds),
        Joint::Unknown => None,
    };
    let document = json!({
        "schema": 1,
        "old": side(&compared.old),
        "new": side(&compared.new),
        "seconds_between": seconds,
        "names_previous": compared.is_named(),
        "signatures": "not-checked",
        "changes": compared.changes.iter().map(change).collect::<Vec<Value>>(),
    });
    let mut bytes = Vec::new();
    write_json_pretty(&mut bytes, &document)?;
    bytes.push(b'\n');
    Ok(bytes)
}
