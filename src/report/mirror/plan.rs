//! `mirror --dry-run`: what would be copied, and whether it fits.
use crate::report::numbers::{bytes, grouped};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::record::wire::{Time, write_json_pretty};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::location::escape;
use trailproof_core::vocab::time::Period;

/// Number of the schema. Any version may add a field; changing or removing one requires a new number.
const SCHEMA: u32 = 1;

/// Bytes that the documents of a mirror take for each object: the manifest some 700, the same again
/// while it is written, and the checksums some 300.
const DOCUMENTS: u64 = 2_048;

/// Maximum number of unread listings that are shown.
const SHOWN: usize = 10;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Digests.
    Digests,
    /// Everything else in folders of CloudTrail.
    LogFiles,
}

impl Kind {
    fn code(self) -> &'static str {
        match self {
            Self::Digests => "digests",
            Self::LogFiles => "log_files",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Digests => "digests",
            Self::LogFiles => "log files",
        }
    }
}

/// Objects of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The number of objects.
    pub(crate) objects: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Those of them that the mirror has already.
    pub(crate) held: u64,
    /// Those of them that have to be restored before they can be read.
    pub(crate) archived: u64,
}

/// The free space of the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Free {
    /// Free bytes.
    pub(crate) bytes: u64,
    /// Files that can still be created; `None` if there is no limit.
    pub(crate) files: Option<u64>,
}

/// What a mirror would copy, according to listings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MirrorPlan {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) directory: String,
    pub(crate) period: Option<Period>,
    /// Whether the directory is a mirror already.
    pub(crate) resumed: bool,
    pub(crate) kinds: BTreeMap<Kind, Listed>,
    /// The objects to copy.
    pub(crate) to_copy: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// The bytes that their files take, in whole blocks.
    pub(crate) taken: u64,
    /// The free space; `None` if the file system does not report it.
    pub(crate) free: Option<Free>,
    /// Folders that could not be listed, with the reason.
    pub(crate) unread: Vec<(String, ReadFailure)>,
}

impl MirrorPlan {
    /// Adds an object.
    pub(crate) fn add(&mut self, kind: Kind, size: u64, archived: bool, held: bool, taken: u64) {
        let of = self.kinds.entry(kind).or_default();
        of.objects += 1;
        of.bytes = of.bytes.saturating_add(size);
        if held {
            of.held += 1;
            return;
        }
        of.archived += u64::from(archived);
        self.to_copy += 1;
        self.bytes = self.bytes.saturating_add(size);
        self.taken = self.taken.saturating_add(taken);
    }

    /// Returns the bytes that the run needs, with those of the mirror's own documents.
    pub(crate) fn needed(&self) -> u64 {
        let documents = self.kinds.values().map(|of| of.objects).sum::<u64>();
        self.taken.saturating_add(documents.saturating_mul(DOCUMENTS))
    }

    /// Returns whether what is to be copied fits; `None` if the file system does not report its free
    /// space.
    pub(crate) fn fits(&self) -> Option<bool> {
        let free = self.free?;
        Some(self.needed() <= free.bytes && free.files.is_none_or(|files| self.to_copy <= files))
    }

    /// Returns the verdict whose exit status the dry run has, if everything fits.
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            _ if !self.unread.is_empty() => Verdict::NotProven,
            _ if self.kinds.is_empty() => Verdict::NothingFound,
            _ => Verdict::Proven,
        }
    }

    fn archived(&self) -> u64 {
        self.kinds.values().map(|of| of.archived).sum()
    }
}

/// Returns the plan as text.
pub(crate) fn text(plan: &MirrorPlan) -> String {
    let slash = if plan.prefix.is_empty() { "" } else { "/" };
    let mut lines = vec![
        format!(
            "DRY RUN  mirror of s3://{}{slash}{} in `{}`",
            escape(&plan.bucket),
            escape(&plan.prefix),
            escape(&plan.directory)
        ),
        "  Only the listing was read. Nothing was copied, verified or written.".to_owned(),
    ];
    if let Some(period) = plan.period {
        let days = "whole days";
        lines.push(format!("  period     {} to {} ({days})", period.start, period.end));
    }
    for (kind, of) in &plan.kinds {
        let mut line =
            format!("  {:<10} {}, {}", kind.words(), grouped(of.objects), bytes(of.bytes));
        if of.held > 0 {
            line += &format!("; {} of them are in the mirror already", grouped(of.held));
        }
        lines.push(line);
    }
    lines.push(format!("  to copy    {} objects, {}", grouped(plan.to_copy), bytes(plan.bytes)));
    if plan.archived() > 0 {
        lines.push(format!(
            "  archived   {} of these are in GLACIER or DEEP_ARCHIVE: they cannot be copied until \
             they are restored",
            grouped(plan.archived())
        ));
    }
    lines.push(space_line(plan));
    for (folder, why) in plan.unread.iter().take(SHOWN) {
        lines.push(format!("  UNREAD     {}: {why}", escape(folder)));
    }
    if plan.unread.len() > SHOWN {
        lines.push(format!("  UNREAD     and {} more", plan.unread.len() - SHOWN));
    }
    if plan.kinds.is_empty() && plan.unread.is_empty() {
        lines.push("  Nothing of this period was found.".to_owned());
    }
    lines.join("\n") + "\n"
}

fn space_line(plan: &MirrorPlan) -> String {
    let needed = bytes(plan.needed());
    let Some(free) = plan.free else {
        return format!(
            "  space      {needed} needed; the file system does not report its free space"
        );
    };
    let files = match free.files {
        Some(files) if plan.to_copy > files => {
            format!(", in at most {} more files", grouped(files))
        }
        _ => String::new(),
    };
    let fits = match plan.fits() {
        Some(true) => "it fits",
        _ => "IT DOES NOT FIT",
    };
    format!("  space      {needed} needed on disk, {} free{files}: {fits}", bytes(free.bytes))
}

/// Returns the plan as one JSON document.
///
/// # Errors
///
/// The document cannot be serialized.
pub(crate) fn json(plan: &MirrorPlan) -> io::Result<Vec<u8>> {
    let kinds: serde_json::Map<String, Value> = plan
        .kinds
        .iter()
        .map(|(kind, of)| {
            let of = json!({
                "objects": of.objects,
                "bytes": of.bytes,
                "in_mirror": of.held,
                "archived": of.archived,
            });
            (kind.code().to_owned(), of)
        })
        .collect();
    let unread = plan.unread.iter().map(
        |(folder, why)| json!({ "folder": folder, "code": why.kind.code(), "detail": why.detail }),
    );
    let document = json!({
        "schema": SCHEMA,
        "tool": "trailproof",
        "version": env!("CARGO_PKG_VERSION"),
        "dry_run": true,
        "bucket": plan.bucket,
        "prefix": plan.prefix,
        "directory": plan.directory,
        "period": plan.period.map(|period| json!({
            "from": Time(period.start),
            "to": Time(period.end),
        })),
        "is_mirror": plan.resumed,
        "listed": kinds,
        "to_copy": { "objects": plan.to_copy, "bytes": plan.bytes, "archived": plan.archived() },
        "space": {
            "needed_bytes": plan.needed(),
            "free_bytes": plan.free.map(|free| free.bytes),
            "free_files": plan.free.and_then(|free| free.files),
            "fits": plan.fits(),
        },
        "unread": unread.collect::<Vec<_>>(),
    });
    let mut out = Vec::new();
    write_json_pretty(&mut out, &document)?;
    out.push(b'\n');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(objects: u64, size: u64, free: Option<Free>) -> MirrorPlan {
        let mut plan = MirrorPlan { free, ..MirrorPlan::default() };
        for number in 0..objects {
            plan.add(Kind::LogFiles, size, number == 0, false, 4_096);
        }
        plan
    }

    #[test]
    fn it_fits_if_blocks_documents_and_files_do() {
        let free = |bytes, files| Some(Free { bytes, files });
        // Ten files of one block each, and 2,048 bytes of documents for each.
        let needed = 10 * (4_096 + 2_048);
        for (free, fits) in [
            (free(needed, None), Some(true)),
            (free(needed - 1, None), Some(false)),
            (free(needed, Some(10)), Some(true)),
            (free(needed, Some(9)), Some(false)),
            (None, None),
        ] {
            let plan = plan(10, 100, free);
            assert_eq!((plan.fits(), plan.needed(), plan.bytes), (fits, needed, 1_000));
        }
    }

    #[test]
    fn what_the_mirror_has_is_not_copied_again() {
        let mut plan = plan(2, 100, None);
        plan.add(Kind::Digests, 700, true, true, 4_096);
        assert_eq!((plan.to_copy, plan.bytes, plan.archived()), (2, 200, 1));
        let digests = plan.kinds.get(&Kind::Digests).copied();
        assert_eq!(digests, Some(Listed { objects: 1, bytes: 700, held: 1, archived: 0 }));
        let shown = text(&plan);
        assert!(shown.contains("1 of them are in the mirror"), "{shown}");
        assert!(shown.contains("1 of these are in GLACIER"), "{shown}");
    }
}
