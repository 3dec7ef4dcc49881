//! A file of records in ascending order, read where it is needed.
use super::record::{Order, Record};
use serde::Deserialize;
use std::borrow::Cow;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

/// Bytes between two lines whose place is kept: a million objects of 450 bytes take 55,000 places.
const STEP: u64 = 8 << 10;

/// Bytes of a line. One has a key, an ETag and a digest's metadata; a folder's has the stretches in
/// which it was listed, of which there are as many as runs of other periods.
const LINE: u64 = 8 << 20;

/// Bytes that are read at once for one record: a step, and a line that lies across its end.
const BLOCK: u64 = 2 * STEP;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What tells where a line stands.
#[derive(Deserialize)]
struct Head<'l> {
    #[serde(borrow)]
    bucket: Cow<'l, str>,
    #[serde(borrow)]
    key: Cow<'l, str>,
    #[serde(default)]
    folder: Option<serde::de::IgnoredAny>,
}

/// A place in a file that others read too, and that may have lost its name since.
#[derive(Debug)]
struct At {
    file: Arc<File>,
    at: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let length = std::os::unix::fs::FileExt::read_at(&*self.file, buffer, self.at)?;
        #[cfg(windows)]
        let length = std::os::windows::fs::FileExt::seek_read(&*self.file, buffer, self.at)?;
        self.at = self.at.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        Ok(length)
    }
}

/// Reads lines, each with its newline; one without is no line: it was cut.
#[derive(Debug)]
pub(super) struct Lines {
    file: BufReader<At>,
    line: Vec<u8>,
    /// Of a journal, the end may be missing; of a file that had its name when it was whole, never.
    may_be_cut: bool,
}

impl Lines {
    pub(super) fn new(file: File) -> Self {
        Self { may_be_cut: true, ..Self::at(Arc::new(file), 0) }
    }

    fn at(file: Arc<File>, at: u64) -> Self {
        let file = BufReader::with_capacity(16 << 10, At { file, at });
        Self { file, line: Vec::new(), may_be_cut: false }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        (&mut self.file).take(LINE).read_until(b'\n', &mut self.line)?;
        match self.line.pop() {
            Some(b'\n') => {}
            Some(_) if !self.may_be_cut => {
                let words = "the mirror's manifest is damaged: a line of it is cut or too long";
                return Err(io::Error::new(io::ErrorKind::InvalidData, words));
            }
            _ => return Ok(None),
        }
        Ok(Some(&self.line))
    }
}

/// What a line says.
pub(super) fn parse(line: &[u8]) -> io::Result<Record> {
    serde_json::from_slice(line).map_err(|error| damaged(&error))
}

fn damaged(error: &serde_json::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the mirror's manifest is damaged: {error}"))
}

fn disorder() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the mirror's manifest is not in order")
}

fn order(line: &[u8]) -> io::Result<Order> {
    let head: Head<'_> = serde_json::from_slice(line).map_err(|error| damaged(&error))?;
    Ok(Order { path: format!("{}/{}", head.bucket, head.key), folder: head.folder.is_some() })
}

/// The file, and where some of its lines begin.
#[derive(Debug)]
pub(super) struct Sorted {
    file: Arc<File>,
    places: Vec<(Order, u64)>,
}

impl Sorted {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = regular(path)?;
        let length = file.metadata()?.len();
        let mut sorted = Self { file: Arc::new(file), places: Vec::new() };
        let mut at = 0;
        while at < length {
            let mut lines = sorted.lines(at.saturating_sub(1));
            let mut start = at;
            if at > 0 {
                // Up to the end of the line that lies across, or the newline right before.
                let rest = lines.next()?.map_or(0, <[u8]>::len);
                start = at.saturating_add(u64::try_from(rest).unwrap_or(u64::MAX));
            }
            let Some(line) = lines.next()? else { break };
            let order = order(line)?;
            if sorted.places.last().is_some_and(|(last, _)| *last >= order) {
                // A line longer than a step is met again; anything else is out of order.
                if sorted.places.last().is_some_and(|(_, place)| *place != start) {
                    return Err(disorder());
                }
            } else {
                sorted.places.push((order, start));
            }
            at = start.max(at).saturating_add(STEP);
        }
        Ok(sorted)
    }

    fn lines(&self, at: u64) -> Lines {
        Lines::at(Arc::clone(&self.file), at)
    }

    /// The record that stands there.
    pub(super) fn get(&self, wanted: &Order) -> io::Result<Option<Record>> {
        if let Some(found) = self.spelt_as_usual(wanted)? {
            return Ok(Some(found));
        }
        let Some(mut lines) = self.near(wanted) else { return Ok(None) };
        let mut last = Order::default();
        while let Some(line) = lines.next()? {
            let order = order(line)?;
            if order <= last {
                return Err(disorder());
            }
            last.clone_from(&order);
            match order.cmp(wanted) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return parse(line).map(Some),
                std::cmp::Ordering::Greater => break,
            }
        }
        Ok(None)
    }

    /// The record of an object, where it stands in its place and its line begins as we write it. Each
    /// log file that is verified is looked up, and this saves reading the lines before it as JSON,
    /// which took as long as a fifth of hashing the file.
    fn spelt_as_usual(&self, wanted: &Order) -> io::Result<Option<Record>> {
        let after = self.places.partition_point(|(order, _)| order <= wanted);
        let from = after.checked_sub(1).and_then(|at| self.places.get(at));
        let (Some((_, from)), Some((bucket, key))) = (from, wanted.path.split_once('/')) else {
            return Ok(None);
        };
        let till = self.places.get(after).map_or(u64::MAX, |(_, place)| *place);
        let length = till.saturating_sub(*from).min(BLOCK);
        let mut begins = String::from("{\"bucket\":");
        for (text, then) in [(bucket, ",\"key\":"), (key, ",")] {
            begins += &serde_json::to_string(text)?;
            begins += then;
        }
        let mut block = BUFFER.take();
        block.clear();
        let at = At { file: Arc::clone(&self.file), at: *from };
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
    fn near(&self, wanted: &Order) -> Option<Lines> {
        let after = self.places.partition_point(|(order, _)| order <= wanted);
        let place = after.checked_sub(1).and_then(|at| self.places.get(at)).or(self.places.first());
        place.map(|(_, at)| self.lines(*at))
    }

    /// All records from there on.
    pub(super) fn scan(&self, from: &Order) -> io::Result<Scan> {
        let mut scan = Scan { lines: self.near(from), last: Order::default(), next: None };
        loop {
            scan.advance()?;
            if scan.next.as_ref().is_none_or(|(order, _)| order >= from) {
                return Ok(scan);
            }
        }
    }
}

/// Opens a file that is one, and no symbolic link.
pub(super) fn regular(path: &Path) -> io::Result<File> {
    if !std::fs::symlink_metadata(path)?.is_file() {
        let words = format!("`{}` is no regular file", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
    }
    File::open(path)
}

/// Records in ascending order.
#[derive(Debug)]
pub(super) struct Scan {
    lines: Option<Lines>,
    last: Order,
    pub(super) next: Option<(Order, Record)>,
}

impl Scan {
    pub(super) fn advance(&mut self) -> io::Result<()> {
        self.next = None;
        if let Some(lines) = &mut self.lines
            && let Some(line) = lines.next()?
        {
            let record = parse(line)?;
            let order = record.order();
            // What is out of its place would make a listing end early.
            if order <= self.last {
                return Err(disorder());
            }
            self.last.clone_from(&order);
            self.next = Some((order, record));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::mirror::ledger::{ListedAs, Record};

    #[test]
    fn every_line_is_found_and_scanned_whatever_its_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sorted");
        let keys: Vec<String> = (0..3_000).map(|number| format!("k{number:05}")).collect();
        let mut text = String::new();
        for (number, key) in keys.iter().enumerate() {
            let etag = Some("e".repeat(if number % 500 == 3 { 40_000 } else { number % 90 }));
            let listed = Some(ListedAs { size: 1, etag });
            let record = Record { listed, ..Record::new("b", key) };
            text += &(serde_json::to_string(&record).unwrap() + "\n");
        }
        std::fs::write(&path, &text).unwrap();
        let sorted = Sorted::open(&path).unwrap();
        assert!(sorted.places.len() > 20);
        for key in &keys {
            let found = sorted.get(&Order::at(format!("b/{key}"))).unwrap();
            assert_eq!(found.map(|record| record.key).as_ref(), Some(key));
            assert!(sorted.get(&Order::at(format!("b/{key}x"))).unwrap().is_none());
        }
        assert!(sorted.get(&Order::at("a")).unwrap().is_none());
        for from in [0, 1, 17, 2_999] {
            let mut scan = sorted.scan(&Order::at(format!("b/k{from:05}"))).unwrap();
            let mut seen = Vec::new();
            while let Some((_, record)) = scan.next.take() {
                seen.push(record.key);
                scan.advance().unwrap();
            }
            assert_eq!(seen, keys.get(from..).unwrap());
        }
        // A file that was cut has the lines that are whole, and says that it is not.
        std::fs::write(&path, text.get(..text.len() - 2).unwrap()).unwrap();
        let sorted = Sorted::open(&path).unwrap();
        assert!(sorted.get(&Order::at("b/k02999")).is_err());
        assert!(sorted.get(&Order::at("b/k02998")).unwrap().is_some());
        std::fs::write(&path, "{}\n").unwrap();
        assert!(Sorted::open(&path).is_err());
        std::fs::write(&path, "").unwrap();
        assert!(Sorted::open(&path).unwrap().get(&Order::at("b/k")).unwrap().is_none());
    }

    #[test]
    fn a_folder_is_not_taken_for_the_object_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sorted");
        let object = "{\"bucket\":\"b\",\"key\":\"k\",\"absent\":true}\n";
        let of_folder = "{\"bucket\":\"b\",\"key\":\"k\",\"folder\":{}}\n";
        // Spelt otherwise, it is the same.
        let spaced = "{ \"key\": \"k\", \"bucket\": \"\\u0062\", \"absent\": true }\n";
        for (text, has) in [
            (of_folder.to_owned(), [false, true]),
            (object.to_owned(), [true, false]),
            (format!("{object}{of_folder}"), [true, true]),
            (format!("{spaced}{of_folder}"), [true, true]),
        ] {
            std::fs::write(&path, &text).unwrap();
            let sorted = Sorted::open(&path).unwrap();
            for (folder, has) in [false, true].into_iter().zip(has) {
                let found = sorted.get(&Order { path: "b/k".into(), folder }).unwrap();
                assert_eq!(
                    found.map(|record| record.order().folder),
                    has.then_some(folder),
                    "{text}"
                );
            }
        }
        // A line that is none is no record, wherever it is met.
        let twice = "{\"bucket\":\"b\",\"key\":\"k\",\"key\":\"x\"}\n";
        std::fs::write(&path, format!("{{\"bucket\":\"a\",\"key\":\"k\"}}\n{twice}")).unwrap();
        assert!(Sorted::open(&path).unwrap().get(&Order::at("b/k")).is_err());
    }
}
