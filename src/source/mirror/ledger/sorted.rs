//! A file of records in ascending order, read only where needed.
use super::lines::{At, Lines, disorder, object, order, parse, regular};
use super::merged::{Scan, Told};
use super::record::{Order, Record, bounded};
use memchr::memmem;
use serde::Deserialize;
use std::cell::Cell;
use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, BufRead as _, Read as _};
use std::path::Path;
use std::sync::Arc;
use trailproof_core::record::StoredAs;
use trailproof_core::record::wire::StoredAsShape;

/// Bytes between two lines whose positions are kept, unless the file is too large for that.
const STEP: u64 = 8 << 10;

/// The most positions that are kept: some 300 KB, regardless of the file's size. If two of them are
/// far apart, a line is searched for in the file.
const PLACES: u64 = 1_024;

/// Bytes that are read at once for one record: a step, and a line that extends past its end.
const BLOCK: u64 = 2 * STEP;

/// The most bytes of one folder that are read for its remarks: 150,000 log files.
const FOLDER: usize = 64 << 20;

/// The most bytes of remarks that are kept of one folder: 100 digests.
const REMARKS: usize = 128 << 10;

/// The most bytes about plain files that are kept of one folder: 2,000 log files.
const PLAIN: usize = 512 << 10;

/// Bytes in memory about a plain file besides its name.
const PLAIN_FILE: usize = 160;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The file, and the positions of some of its lines.
#[derive(Debug)]
pub(super) struct Sorted {
    file: Arc<File>,
    length: u64,
    places: Vec<(Order, u64)>,
}

/// The range of the file that contains an object's line, if the file has one.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// The start of a line that is not after it.
    from: u64,
    /// The start of a line that is after it.
    till: u64,
}

impl Sorted {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::with_places(path, PLACES)
    }

    fn with_places(path: &Path, most: u64) -> io::Result<Self> {
        let file = regular(path)?;
        let length = file.metadata()?.len();
        let mut sorted = Self { file: Arc::new(file), length, places: Vec::new() };
        let step = STEP.max(length / most);
        let mut at = 0;
        while at < length {
            let Some((order, start)) = sorted.first_from(at)? else { break };
            if sorted.places.last().is_some_and(|(last, _)| *last >= order) {
                // A line longer than a step is found again; anything else is out of order.
                if sorted.places.last().is_some_and(|(_, place)| *place != start) {
                    return Err(disorder());
                }
            } else {
                sorted.places.push((order, start));
            }
            at = start.max(at).saturating_add(step);
        }
        Ok(sorted)
    }

    /// Returns the first line that begins there or later.
    fn first_from(&self, at: u64) -> io::Result<Option<(Order, u64)>> {
        let mut lines = Lines::few(Arc::clone(&self.file), at.saturating_sub(1));
        let mut start = at;
        if at > 0 {
            // Up to the end of the line that extends across, or of the newline directly before.
            let rest = lines.next()?.map_or(0, <[u8]>::len);
            start = at.saturating_add(u64::try_from(rest).unwrap_or(u64::MAX));
        }
        let Some(line) = lines.next()? else { return Ok(None) };
        Ok(Some((order(line)?, start)))
    }

    /// Returns where to look for a record; `None` if the file has no line before it.
    fn stretch(&self, wanted: &Order) -> io::Result<Option<Stretch>> {
        let after = self.places.partition_point(|(order, _)| order <= wanted);
        let from = after.checked_sub(1).and_then(|at| self.places.get(at));
        let Some(mut from) = from.map(|(_, at)| *at) else { return Ok(None) };
        let mut till = self.places.get(after).map_or(self.length, |(_, place)| *place);
        // The record begins before this position.
        let mut before = till;
        while before.saturating_sub(from) > BLOCK {
            let middle = from + (before - from) / 2;
            match self.first_from(middle)? {
                Some((order, at)) if order <= *wanted && at < till => from = at,
                Some((_, at)) => {
                    till = at.min(till);
                    before = middle;
                }
                None => before = middle,
            }
        }
        Ok(Some(Stretch { from, till }))
    }

    /// Returns the record at this position in the order.
    pub(super) fn get(&self, wanted: &Order) -> io::Result<Option<Record>> {
        if let Some(found) = self.spelt_as_usual(wanted)? {
            return Ok(Some(found));
        }
        let Some(mut lines) = self.near(wanted)? else { return Ok(None) };
        let mut last = Order::default();
        while let Some(line) = lines.next()? {
            let order = order(line)?;
            if order <= last {
                return Err(disorder());
            }
            last.clone_from(&order);
            match order.cmp(wanted) {
                Ordering::Less => {}
                Ordering::Equal => return parse(line).map(Some),
                Ordering::Greater => break,
            }
        }
        Ok(None)
    }

    /// Returns the record of an object if it is in its place and its line begins as trailproof
    /// writes it. Each verified digest is looked up, and this saves parsing the lines before it as
    /// JSON.
    fn spelt_as_usual(&self, wanted: &Order) -> io::Result<Option<Record>> {
        let (Some(place), Some((bucket, key))) =
            (self.stretch(wanted)?, wanted.path.split_once('/'))
        else {
            return Ok(None);
        };
        let begins = begins(bucket, key)? + "\",";
        let length = place.till.saturating_sub(place.from).min(BLOCK);
        let mut block = BUFFER.take();
        block.clear();
        let at = At { file: Arc::clone(&self.file), at: place.from };
        let read = at.take(length).read_to_end(&mut block);
        let mut rest = block.as_slice();
        let mut found = None;
        while found.is_none() && !rest.is_empty() {
            let line = rest;
            let length = rest.skip_until(b'\n')?;
            // A line without its newline extends past the block.
            let Some(line) = line.get(..length).and_then(|line| line.strip_suffix(b"\n")) else {
                break;
            };
            if line.starts_with(begins.as_bytes()) {
                found = Some(parse(line));
            }
        }
        BUFFER.set(block);
        read?;
        Ok(found.transpose()?.filter(|record| record.order() == *wanted))
    }

    /// Returns lines from shortly before that position.
    fn near(&self, wanted: &Order) -> io::Result<Option<Lines>> {
        let first = self.places.first().map(|(_, at)| *at);
        let from = self.stretch(wanted)?.map(|stretch| stretch.from).or(first);
        Ok(from.map(|from| Lines::at(Arc::clone(&self.file), from)))
    }

    /// Returns what is recorded about the files directly in this folder, as far as it is more than
    /// that there is a file under its own name, without metadata. `None` if that is too much, or
    /// cannot be recognized.
    pub(super) fn remarks(&self, folder: &str) -> io::Result<Option<FolderRemarks>> {
        let wanted = Order::at(folder);
        let mut remarks = FolderRemarks::default();
        let (Some((bucket, prefix)), Some(mut lines)) =
            (folder.split_once('/'), self.near(&wanted)?)
        else {
            return Ok(Some(remarks));
        };
        let begins = begins(bucket, prefix)?;
        let (mut read, mut kept, mut plain) = (0_usize, 0_usize, 0_usize);
        while let Some(line) = lines.next()? {
            let Some(rest) = line.strip_prefix(begins.as_bytes()) else {
                match order(line)? {
                    order if order < wanted => continue,
                    // Spelled differently from what trailproof writes.
                    order if order.path.starts_with(folder) => return Ok(None),
                    _ => break,
                }
            };
            let end = memchr::memchr2(b'"', b'/', rest).and_then(|end| rest.get(end));
            let has_field = |what: &[u8]| memmem::find(rest, what).is_some();
            let is_remarkable =
                [&b"\"file\""[..], b"\"metadata\"", b"\"end_unknown\""].into_iter().any(has_field);
            read = read.saturating_add(line.len());
            kept = kept.saturating_add(if is_remarkable { line.len() } else { 0 });
            // A folder in it may have any size.
            let is_below = end != Some(&b'"');
            let is_escaped = memchr::memchr(b'\\', rest).is_some();
            if is_below || is_escaped || read > FOLDER || kept > REMARKS || plain > PLAIN {
                return Ok(None);
            }
            if !is_remarkable && has_field(b"\"stored_as\"") {
                let name = rest.get(..memchr::memchr(b'"', rest).unwrap_or_default());
                let name = name.and_then(|name| str::from_utf8(name).ok());
                if let (Some(name), Some(stored_as)) = (name, plain_file(line)?) {
                    plain += name.len() + PLAIN_FILE;
                    remarks.plain.push((name.into(), stored_as));
                }
            }
            if is_remarkable {
                let mut remark = parse(line)?;
                // A listing of the folder with this name may have any size in memory.
                if remark.folder.is_some() {
                    return Ok(None);
                }
                remark.earlier.clear();
                remarks.records.push(remark);
            }
        }
        Ok(Some(remarks))
    }

    /// Returns all records from there on.
    pub(super) fn scan<T: Told>(&self, from: &Order) -> io::Result<Scan<T>> {
        let mut scan = Scan::new(self.near(from)?);
        loop {
            scan.advance()?;
            if scan.next.as_ref().is_none_or(|(order, _)| order >= from) {
                return Ok(scan);
            }
        }
    }
}

/// What is recorded about the files of one folder.
#[derive(Debug, Default)]
pub(super) struct FolderRemarks {
    /// The records of those that are more than a file under its own name.
    pub(super) records: Vec<Record>,
    /// Names of the others, and how their objects are stored.
    pub(super) plain: Vec<(Box<str>, Box<StoredAs>)>,
}

/// Returns how the object of this line is stored.
fn plain_file(line: &[u8]) -> io::Result<Option<Box<StoredAs>>> {
    #[derive(Deserialize)]
    struct Line<'l> {
        #[serde(borrow, default)]
        copied: Option<Copied<'l>>,
    }
    #[derive(Deserialize)]
    struct Copied<'l> {
        #[serde(borrow, default)]
        stored_as: Option<StoredAsShape<'l>>,
    }
    let Line { copied } = object(line)?;
    Ok(copied.and_then(|copied| copied.stored_as).and_then(bounded))
}

/// Returns how a line written by trailproof for this object begins, up to the end of its key.
fn begins(bucket: &str, key: &str) -> io::Result<String> {
    let bucket = serde_json::to_string(bucket)?;
    let mut begins = format!("{{\"bucket\":{bucket},\"key\":{}", serde_json::to_string(key)?);
    // Removes the closing quotation mark: the key may continue.
    begins.pop();
    Ok(begins)
}

#[cfg(test)]
#[path = "sorted_tests.rs"]
mod tests;
