//! Writes a ledger. A change is recorded in the journal before anything that depends on it is done.
use super::layers::{JOURNAL, JOURNAL_BYTES, Layers, MANIFEST, Segment, note};
use super::record::{Order, Record};
use crate::source::mirror::header::new_file;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// Records that are kept in memory: some 10 MB.
const RECENT: usize = 16_384;

/// Records that are written at once: some 1 MB.
const TOGETHER: usize = 4_096;

/// Bytes of a journal after which it is sorted into a file, even if it has few distinct records.
const BYTES: u64 = JOURNAL_BYTES / 4;

/// The number of sorted files of one level that are merged into one of the next level.
const FAN: usize = 8;

/// The journal of one run. Its owner holds the lock of the directory.
#[derive(Debug)]
pub(in crate::source::mirror) struct Journal {
    root: PathBuf,
    work: PathBuf,
    file: File,
    /// The bytes of the file.
    bytes: u64,
    recent: BTreeMap<Order, Record>,
    /// The number of records that are kept until they are sorted into a file.
    keep: usize,
    segments: Vec<Segment>,
    next: u64,
}

impl Journal {
    /// Starts a journal. What earlier runs left is first merged into one manifest.
    pub(in crate::source::mirror) fn begin(root: &Path, work: &Path) -> io::Result<Self> {
        let left = Segment::all(work)?;
        if !left.is_empty() || work.join(JOURNAL).exists() {
            write_sorted(&Layers::open(root, work)?, root, work)?;
            for segment in left {
                std::fs::remove_file(segment.path(work))?;
            }
        }
        let file = begin_file(work)?;
        let (root, work) = (root.to_owned(), work.to_owned());
        Ok(Self {
            root,
            work,
            file,
            bytes: 0,
            recent: BTreeMap::new(),
            keep: RECENT,
            segments: Vec::new(),
            next: 0,
        })
    }

    /// Records these changes. They are then in the file, and durable after [`Self::sync`].
    pub(in crate::source::mirror) fn note(&mut self, records: Vec<Record>) -> io::Result<()> {
        let mut records = records.into_iter().peekable();
        while records.peek().is_some() {
            // A page may report any number of objects as gone, and a run may be killed at any
            // length that the file reaches here.
            let part: Vec<Record> = records.by_ref().take(TOGETHER).collect();
            let mut lines = Vec::with_capacity(part.len() * 256);
            for record in &part {
                serde_json::to_writer(&mut lines, record)?;
                lines.push(b'\n');
            }
            if let Err(error) = self.file.write_all(&lines) {
                // Nothing after an incomplete line would be read.
                self.file.set_len(self.bytes)?;
                return Err(error);
            }
            self.bytes += u64::try_from(lines.len()).unwrap_or(u64::MAX);
            for record in part {
                note(&mut self.recent, record);
            }
            if self.recent.len() >= self.keep || self.bytes >= BYTES {
                self.roll()?;
            }
        }
        Ok(())
    }

    /// Makes the recorded changes durable.
    pub(in crate::source::mirror) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn roll(&mut self) -> io::Result<()> {
        let recent = std::mem::take(&mut self.recent);
        self.segment(0, &Layers::of(&[], recent)?)?;
        self.file = begin_file(&self.work)?;
        self.bytes = 0;
        let mut level = 0;
        loop {
            let same: Vec<Segment> =
                self.segments.iter().filter(|segment| segment.level == level).copied().collect();
            if same.len() < FAN {
                return Ok(());
            }
            let paths: Vec<PathBuf> = same.iter().map(|one| one.path(&self.work)).collect();
            level += 1;
            self.segment(level, &Layers::of(&paths, BTreeMap::new())?)?;
            self.segments.retain(|segment| !same.contains(segment));
            for path in paths {
                std::fs::remove_file(path)?;
            }
        }
    }

    fn segment(&mut self, level: u32, layers: &Layers) -> io::Result<()> {
        let segment = Segment { level, number: self.next };
        self.next += 1;
        write_all(layers, &segment.path(&self.work), &self.work, true)?;
        self.segments.push(segment);
        self.segments.sort_by_key(|one| (std::cmp::Reverse(one.level), one.number));
        Ok(())
    }

    /// Returns everything that is known now.
    pub(in crate::source::mirror) fn all(&self) -> io::Result<Layers> {
        let mut paths: Vec<PathBuf> =
            self.segments.iter().map(|segment| segment.path(&self.work)).collect();
        let manifest = self.root.join(MANIFEST);
        if manifest.exists() {
            paths.insert(0, manifest);
        }
        Layers::of(&paths, self.recent.clone())
    }

    /// Merges everything into one manifest and ends the journal.
    pub(in crate::source::mirror) fn finish(&mut self) -> io::Result<()> {
        write_sorted(&self.all()?, &self.root, &self.work)?;
        std::fs::remove_file(self.work.join(JOURNAL))?;
        for segment in self.segments.drain(..) {
            std::fs::remove_file(segment.path(&self.work))?;
        }
        Ok(())
    }
}

/// Removes the records of a run that copied nothing.
pub(in crate::source::mirror) fn forget(work: &Path) -> io::Result<()> {
    let sorted = Segment::all(work)?.into_iter().map(|segment| segment.path(work));
    for path in sorted.chain([work.join(JOURNAL)]) {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Creates an empty journal under the name of the old one, whose records are in other files by now.
fn begin_file(work: &Path) -> io::Result<File> {
    let path = work.join(JOURNAL);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().append(true).create_new(true).open(path)
}

fn write_sorted(layers: &Layers, root: &Path, work: &Path) -> io::Result<()> {
    write_all(layers, &root.join(MANIFEST), work, false)
}

/// Writes all records to `path`: complete and synced before the file gets its name. `deltas` keeps
/// the fields that only other layers need.
fn write_all(layers: &Layers, path: &Path, work: &Path, deltas: bool) -> io::Result<()> {
    let part = work.join("sorted.part");
    let mut to = BufWriter::with_capacity(256 << 10, new_file(&part)?);
    let mut records = layers.scan(&Order::default())?;
    while let Some((_, mut record)) = records.next()? {
        record.unlisted &= deltas;
        serde_json::to_writer(&mut to, &record)?;
        to.write_all(b"\n")?;
    }
    to.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(&part, path)?;
    for folder in [path.parent(), Some(work)].into_iter().flatten() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::mirror::ledger::{Copied, ListedAs};

    fn listed(number: usize, size: u64) -> Record {
        let key = format!("k{number:06}");
        Record { listed: Some(ListedAs { size, ..ListedAs::default() }), ..Record::new("b", &key) }
    }

    fn all(layers: &Layers) -> Vec<Record> {
        let mut scan = layers.scan(&Order::default()).unwrap();
        let mut records = Vec::new();
        while let Some((_, record)) = scan.next().unwrap() {
            records.push(record);
        }
        records
    }

    /// The same is read whether a run finished, continues, or was killed at any merge; the
    /// reference is a single map.
    #[test]
    fn a_ledger_of_many_files_agrees_with_one_map() {
        let folder = tempfile::tempdir().unwrap();
        let (root, work) = (folder.path(), folder.path().join("work"));
        std::fs::create_dir(&work).unwrap();
        let mut expected = BTreeMap::new();
        for run in 0..2 {
            let mut journal = Journal::begin(root, &work).unwrap();
            journal.keep = 300;
            for batch in 0..70_usize {
                let records: Vec<Record> = (0..200)
                    .map(|n| {
                        let number = (n * 37 + batch * 401) % 3_000;
                        let mut record = listed(number, u64::try_from(batch + run).unwrap());
                        if n % 3 == 0 {
                            record.listed = None;
                            record.copied = Some(Copied { size: 7, ..Copied::default() });
                        } else if n % 100 == 1 {
                            record.listed = None;
                            (record.absent, record.unlisted) = (true, true);
                        }
                        record
                    })
                    .collect();
                for record in records.clone() {
                    expected
                        .entry(record.order())
                        .and_modify(|known: &mut Record| known.absorb(record.clone()))
                        .or_insert(record);
                }
                journal.note(records).unwrap();
            }
            for record in expected.values_mut() {
                record.unlisted = false;
            }
            let clean = |layers: &Layers| -> Vec<Record> {
                all(layers).into_iter().map(|record| Record { unlisted: false, ..record }).collect()
            };
            let wanted: Vec<Record> = expected.values().cloned().collect();
            assert!(clean(&journal.all().unwrap()) == wanted, "while it goes on");
            assert!(clean(&Layers::open(root, &work).unwrap()) == wanted, "as if it were killed");
            assert!(journal.segments.iter().any(|segment| segment.level > 0), "some were joined");
            if run == 1 {
                journal.finish().unwrap();
                assert!(all(&Layers::open(root, &work).unwrap()) == wanted, "at the end");
                assert_eq!(std::fs::read_dir(&work).unwrap().count(), 0);
            }
        }
    }

    #[test]
    fn an_incomplete_line_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let mut journal = Journal::begin(root, root).unwrap();
        journal.note(vec![listed(1, 1), listed(2, 1)]).unwrap();
        let path = root.join(JOURNAL);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.truncate(bytes.len() - 3);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(all(&Layers::open(root, root).unwrap()), [listed(1, 1)]);
    }

    /// A run may be killed at any time, and the next run does not read a journal that exceeds the
    /// limit.
    #[test]
    fn many_records_at_once_are_written_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let (root, work) = (folder.path(), folder.path().join("work"));
        std::fs::create_dir(&work).unwrap();
        let mut journal = Journal::begin(root, &work).unwrap();
        journal.keep = 300;
        let records: Vec<Record> = (0..3 * TOGETHER).map(|number| listed(number, 1)).collect();
        journal.note(records.clone()).unwrap();
        assert_eq!(journal.segments.len(), 3);
        assert_eq!(all(&journal.all().unwrap()), records);
    }
}
