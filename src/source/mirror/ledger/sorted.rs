//! A file of records in ascending order, read where it is needed.
use super::lines::{At, Lines, disorder, order, parse, regular};
use super::merged::{Scan, Told};
use super::record::{Order, Record};
use memchr::memmem;
use std::cell::Cell;
use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, BufRead as _, Read as _};
use std::path::Path;
use std::sync::Arc;

/// Bytes between two lines whose place is kept, of a file that is not too large for it.
const STEP: u64 = 8 << 10;

/// Places that are kept: some 300 KB, whatever the file's size. Between two that are far from each
/// other a line is looked for in the file.
const PLACES: u64 = 1_024;

/// Bytes that are read at once for one record: a step, and a line that lies across its end.
const BLOCK: u64 = 2 * STEP;

/// Bytes of one folder that are read for its remarks: 150,000 log files.
const FOLDER: usize = 64 << 20;

/// Bytes of remarks that are kept of one folder: 100 digests.
const REMARKS: usize = 128 << 10;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The file, and where some of its lines begin.
#[derive(Debug)]
pub(super) struct Sorted {
    file: Arc<File>,
    length: u64,
    places: Vec<(Order, u64)>,
}

/// Where the line of an object begins and what lies there, if it is in the file.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// Where a line begins that is not behind it.
    from: u64,
    /// Where one begins that is.
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
                // A line longer than a step is met again; anything else is out of order.
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

    /// The first line that begins there or later.
    fn first_from(&self, at: u64) -> io::Result<Option<(Order, u64)>> {
        let mut lines = Lines::few(Arc::clone(&self.file), at.saturating_sub(1));
        let mut start = at;
        if at > 0 {
            // Up to the end of the line that lies across, or the newline right before.
            let rest = lines.next()?.map_or(0, <[u8]>::len);
            start = at.saturating_add(u64::try_from(rest).unwrap_or(u64::MAX));
        }
        let Some(line) = lines.next()? else { return Ok(None) };
        Ok(Some((order(line)?, start)))
    }

    /// Where to look for a record; `None` where the file has no line before it.
    fn stretch(&self, wanted: &Order) -> io::Result<Option<Stretch>> {
        let after = self.places.partition_point(|(order, _)| order <= wanted);
        let from = after.checked_sub(1).and_then(|at| self.places.get(at));
        let Some(mut from) = from.map(|(_, at)| *at) else { return Ok(None) };
        let mut till = self.places.get(after).map_or(self.length, |(_, place)| *place);
        // What is wanted begins before this.
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

    /// The record that stands there.
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

    /// The record of an object, where it stands in its place and its line begins as we write it. Each
    /// digest that is verified is looked up, and this saves reading the lines before it as JSON.
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
            // One without its newline goes on behind the block.
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

    /// Lines from shortly before that place.
    fn near(&self, wanted: &Order) -> io::Result<Option<Lines>> {
        let first = self.places.first().map(|(_, at)| *at);
        let from = self.stretch(wanted)?.map(|stretch| stretch.from).or(first);
        Ok(from.map(|from| Lines::at(Arc::clone(&self.file), from)))
    }

    /// The records of the files right in this folder that say more than that one lies under its own
    /// name, without metadata. `None` where they are too many, or it is not seen which they are.
    pub(super) fn remarks(&self, folder: &str) -> io::Result<Option<Vec<Record>>> {
        let wanted = Order::at(folder);
        let mut remarks = Vec::new();
        let (Some((bucket, prefix)), Some(mut lines)) =
            (folder.split_once('/'), self.near(&wanted)?)
        else {
            return Ok(Some(remarks));
        };
        let begins = begins(bucket, prefix)?;
        let (mut read, mut kept) = (0_usize, 0_usize);
        while let Some(line) = lines.next()? {
            let Some(rest) = line.strip_prefix(begins.as_bytes()) else {
                match order(line)? {
                    order if order < wanted => continue,
                    // Spelt otherwise than we do.
                    order if order.path.starts_with(folder) => return Ok(None),
                    _ => break,
                }
            };
            let end = memchr::memchr2(b'"', b'/', rest).and_then(|end| rest.get(end));
            let says_more = |what: &[u8]| memmem::find(rest, what).is_some();
            let is_remarkable =
                [&b"\"file\""[..], b"\"metadata\"", b"\"end_unknown\""].into_iter().any(says_more);
            read = read.saturating_add(line.len());
            kept = kept.saturating_add(if is_remarkable { line.len() } else { 0 });
            // A folder in it may have any size.
            let is_below = end != Some(&b'"');
            let is_escaped = memchr::memchr(b'\\', rest).is_some();
            if is_below || is_escaped || read > FOLDER || kept > REMARKS {
                return Ok(None);
            }
            if is_remarkable {
                let mut remark = parse(line)?;
                // A listing, of the folder that has this name, may have any size in memory.
                if remark.folder.is_some() {
                    return Ok(None);
                }
                remark.earlier.clear();
                remarks.push(remark);
            }
        }
        Ok(Some(remarks))
    }

    /// All records from there on.
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

/// How the line of an object begins that we wrote, up to the end of its key.
fn begins(bucket: &str, key: &str) -> io::Result<String> {
    let bucket = serde_json::to_string(bucket)?;
    let mut begins = format!("{{\"bucket\":{bucket},\"key\":{}", serde_json::to_string(key)?);
    // The quotation mark, behind which the key may go on.
    begins.pop();
    Ok(begins)
}

#[cfg(test)]
#[path = "sorted_tests.rs"]
mod tests;
