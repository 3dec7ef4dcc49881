//! The files of a ledger, read as one.
use super::entry::Entry;
use super::lines::{Lines, parse, regular};
use super::merged::{Merged, Told, take};
use super::record::{Order, Record};
use super::remarks::{Remarks, Said};
use super::sorted::{FolderRemarks, Sorted};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The manifest: all records of a finished mirror, or of the earlier runs.
pub(in crate::source::mirror) const MANIFEST: &str = "trailproof-manifest.jsonl";
/// The changes since then, in the folder of the run.
pub(super) const JOURNAL: &str = "journal.jsonl";
/// Bytes of the journal that are read, since all of it is kept in memory. A journal that trailproof
/// writes has at most a fourth of that.
pub(super) const JOURNAL_BYTES: u64 = 64 << 20;
/// Sorted parts of the journal: `sorted-LEVEL-NUMBER.jsonl`.
const SEGMENT: &str = "sorted-";

/// A sorted part of the journal. A higher level is merged from several lower ones and is older.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    pub(super) level: u32,
    pub(super) number: u64,
}

impl Segment {
    pub(super) fn path(self, work: &Path) -> PathBuf {
        work.join(format!("{SEGMENT}{}-{}.jsonl", self.level, self.number))
    }

    fn parse(name: &str) -> Option<Self> {
        let (level, number) =
            name.strip_prefix(SEGMENT)?.strip_suffix(".jsonl")?.split_once('-')?;
        Some(Self { level: level.parse().ok()?, number: number.parse().ok()? })
    }

    /// Returns the segments of this folder, oldest first.
    pub(super) fn all(work: &Path) -> io::Result<Vec<Self>> {
        let mut segments = Vec::new();
        match std::fs::read_dir(work) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(segments),
            Err(error) => return Err(error),
            Ok(entries) => {
                for entry in entries {
                    segments.extend(entry?.file_name().to_str().and_then(Self::parse));
                }
            }
        }
        segments.sort_by_key(|segment| (std::cmp::Reverse(segment.level), segment.number));
        Ok(segments)
    }
}

/// Everything that is known, from several files of which the later ones take precedence.
#[derive(Debug, Default)]
pub(in crate::source::mirror) struct Layers {
    files: Vec<Sorted>,
    recent: BTreeMap<Order, Record>,
    remarks: Remarks,
}

impl Layers {
    /// Opens all files of the directory and its working folder.
    ///
    /// # Errors
    ///
    /// A file cannot be read or was not written by trailproof.
    pub(in crate::source::mirror) fn open(root: &Path, work: &Path) -> io::Result<Self> {
        let mut layers = Self::default();
        let mut files = vec![root.join(MANIFEST)];
        files.extend(Segment::all(work)?.into_iter().map(|segment| segment.path(work)));
        for path in files {
            match Sorted::open(&path) {
                Ok(file) => layers.files.push(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        match regular(&work.join(JOURNAL)) {
            Ok(file) if file.metadata()?.len() > JOURNAL_BYTES => {
                let words =
                    "the mirror's journal is damaged: it is longer than trailproof writes it";
                return Err(io::Error::new(io::ErrorKind::InvalidData, words));
            }
            Ok(file) => {
                let mut lines = Lines::new(file);
                while let Some(line) = lines.next()? {
                    // Only a line that was being written when the machine stopped is incomplete.
                    let Ok(record) = parse(line) else { break };
                    note(&mut layers.recent, record);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(layers)
    }

    /// Opens these files, oldest first, with the changes since then.
    pub(super) fn of(paths: &[PathBuf], recent: BTreeMap<Order, Record>) -> io::Result<Self> {
        let files = paths.iter().map(|path| Sorted::open(path)).collect::<io::Result<_>>()?;
        Ok(Self { files, recent, ..Self::default() })
    }

    pub(in crate::source::mirror) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.recent.is_empty()
    }

    /// Returns what is known about one object or folder.
    pub(in crate::source::mirror) fn get(&self, at: &Order) -> io::Result<Option<Record>> {
        let mut known: Option<Record> = None;
        for file in &self.files {
            take(&mut known, file.get(at)?);
        }
        take(&mut known, self.recent.get(at).cloned());
        Ok(known)
    }

    /// Returns what is recorded about the object at this path, beyond a file under its own name, as
    /// far as that is quick to determine.
    pub(in crate::source::mirror) fn said(&self, path: &str) -> Said {
        self.remarks.of(path, |folder| {
            let mut recent = self.recent.range(Order::at(folder)..);
            if recent.next().is_some_and(|(order, _)| order.path.starts_with(folder)) {
                return None;
            }
            let mut remarks = FolderRemarks::default();
            for file in &self.files {
                // If a file is damaged, looking up an object reports it.
                let FolderRemarks { records, plain } = file.remarks(folder).unwrap_or(None)?;
                remarks.records.extend(records);
                remarks.plain.extend(plain);
            }
            // With several files, a later one may add to the record of an earlier one.
            let is_empty = remarks.records.is_empty() && remarks.plain.is_empty();
            (is_empty || self.files.len() == 1).then_some(remarks)
        })
    }

    /// Returns all records from there on, ascending.
    pub(in crate::source::mirror) fn scan(&self, from: &Order) -> io::Result<Merged<'_, Record>> {
        self.told(from)
    }

    /// Returns the listing entries of all records from there on.
    pub(in crate::source::mirror) fn entries(&self, from: &Order) -> io::Result<Merged<'_, Entry>> {
        self.told(from)
    }

    fn told<T: Told>(&self, from: &Order) -> io::Result<Merged<'_, T>> {
        let files = self.files.iter().map(|file| file.scan(from)).collect::<io::Result<_>>()?;
        Ok(Merged::new(files, self.recent.range(from.clone()..)))
    }
}

/// Merges a record into the others.
pub(super) fn note(records: &mut BTreeMap<Order, Record>, record: Record) {
    match records.entry(record.order()) {
        std::collections::btree_map::Entry::Occupied(mut known) => known.get_mut().absorb(record),
        std::collections::btree_map::Entry::Vacant(place) => {
            place.insert(record);
        }
    }
}
