//! A state in S3: objects that are created once, never replaced and never deleted.
//!
//! ```text
//! records/00000042.jsonl.zst                        the chain: the record number 42 of it
//! attempts/20260301T060000Z-0123456789ab.jsonl.zst  steps whose time the next step covers again
//! steps/00000057.json                               the result of the step number 57
//! ```
//!
//! There is no lock, which a killed step would leave behind and which only clocks could release. Instead,
//! the number of a record or of a step can be taken once: S3 creates an object only if none of its name
//! exists. Of two steps that continue the same record, one adds its own; the other is refused, and its
//! time is covered again. For the same reason a bucket that keeps objects unchanged (S3 Object Lock) can
//! hold a state.
use super::chain::{
    ATTEMPTS, Depth, Found, Link, Named, RECORDS, SUFFIX, broken, end_of, first_event, hash_of,
    not_followed, not_whole, refused,
};
use super::latest::Latest;
use crate::console::refusal::Refusal;
use crate::session::of_record::read_whole;
use crate::session::shared::{SharedStore, Unfetched, Written, in_folder, outside_evidence, shown};
use futures_util::StreamExt as _;
use futures_util::stream;
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;
use tempfile::{NamedTempFile, TempPath};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::record::RunStart;
use trailproof_core::vocab::budget::{LATEST_BYTES, STATE_FETCHED, STATE_HASHED};
use trailproof_core::vocab::location::{ObjectLocation, escape};
use trailproof_core::vocab::time::Timestamp;

/// Folder of the documents of all steps.
const STEPS: &str = "steps";
/// What the name of a document ends with.
const DOCUMENT: &str = ".json";
/// Digits of a number in a name.
const DIGITS: usize = 8;
/// Records that are fetched at once.
const AT_ONCE: usize = 16;
/// Hexadecimal digits of its SHA-256 in the name of an attempt.
const HASH: usize = 12;

/// An opened prefix of a bucket.
pub(super) struct Bucket {
    store: SharedStore,
    folder: ObjectLocation,
    /// The number of the newest record of the chain; 0 if there is none.
    records: u32,
    /// The number of the newest document; 0 if there is none.
    steps: u32,
}

impl Bucket {
    /// Opens the state below a prefix, and checks its chain of records. Writes nothing.
    pub(super) async fn open(
        store: SharedStore,
        folder: ObjectLocation,
        depth: Depth,
    ) -> Result<(Self, Found), Refusal> {
        outside_evidence(None, &folder)?;
        let mut bucket = Self { store, folder, records: 0, steps: 0 };
        let (records, steps) =
            tokio::join!(bucket.numbers(RECORDS, SUFFIX), bucket.numbers(STEPS, DOCUMENT));
        let (records, steps) = (records?, steps?);
        let latest = match steps.last_key_value() {
            Some((number, size)) => Some(bucket.read_step(*number, *size).await?),
            None => None,
        };
        let (newest, begins) = bucket.check(&records, latest.as_ref(), depth).await?;
        let last = |numbers: &BTreeMap<u32, u64>| numbers.keys().last().copied().unwrap_or(0);
        (bucket.records, bucket.steps) = (last(&records), last(&steps));
        let found = Found { newest, begins, records: records.len(), latest };
        Ok((bucket, found))
    }

    /// Returns the store and the prefix.
    pub(super) fn folder(&self) -> &ObjectLocation {
        &self.folder
    }

    /// Returns the document of the newest step as messages show it.
    pub(super) fn shown_latest(&self) -> String {
        self.shown(&document(self.steps))
    }

    fn at(&self, name: &str) -> ObjectLocation {
        in_folder(&self.folder, name)
    }

    fn shown(&self, name: &str) -> String {
        shown(&self.at(name))
    }

    /// Lists the numbered objects of a folder, with their sizes. Objects with other names are passed
    /// over.
    async fn numbers(&self, folder: &str, ending: &str) -> Result<BTreeMap<u32, u64>, Refusal> {
        let at = self.at(folder);
        let listed = self.store.list(&at).await;
        let listed = listed.map_err(|why| refused(&shown(&at), &why))?;
        let number = |(at, size): (ObjectLocation, u64)| {
            let name = at.key.rsplit('/').next()?;
            Some((number_of(name.strip_suffix(ending)?)?, size))
        };
        Ok(listed.into_iter().filter_map(number).collect())
    }

    /// Checks that no record of the chain is missing, and hashes records again, from the newest back.
    /// Each must have the hash by which the next names it. Returns the newest, and where the chain
    /// begins.
    async fn check(
        &self,
        records: &BTreeMap<u32, u64>,
        latest: Option<&Latest>,
        depth: Depth,
    ) -> Result<(Option<Link>, Option<Timestamp>), Refusal> {
        for (expected, number) in (1..).zip(records.keys()) {
            if expected != *number {
                let why = format!("is missing: `{}` comes after it", record(*number));
                return Err(broken(&self.shown(&record(expected)), &why));
            }
        }
        let mut numbers = records.iter().rev();
        let Some((newest, bytes)) = numbers.next() else { return Ok((None, None)) };
        let name = record(*newest);
        let file = self.fetch(&name).await?;
        let link = Link::read(&file, name.clone(), &self.shown(&name))?;
        drop(file);
        let (mut older, mut hashed) = (Vec::new(), *bytes);
        for (number, bytes) in numbers {
            hashed = hashed.saturating_add(*bytes);
            if depth == Depth::Budget && (hashed > STATE_HASHED || older.len() == STATE_FETCHED) {
                break;
            }
            older.push(*number);
        }
        let (mut first, mut after) = (*newest, link.start.clone());
        let mut fetched = stream::iter(older)
            .map(|number| async move { (number, self.read_older(number).await) })
            .buffered(AT_ONCE);
        while let Some((number, found)) = fetched.next().await {
            let (sha256, start) = found?;
            if after.follows.as_ref().is_none_or(|follows| follows.sha256 != sha256) {
                return Err(not_followed(&self.shown(&record(number))));
            }
            (first, after) = (number, start);
        }
        if first == 1 && after.follows.is_some() {
            let why = "is the first record, and follows one that is not in the state";
            return Err(broken(&self.shown(&record(first)), why));
        }
        let begins = match (first, latest.and_then(|latest| latest.begins)) {
            (1, _) => after.period.start,
            (_, Some(begins)) => begins.0,
            (_, None) => self.read_older(1).await?.1.period.start,
        };
        Ok((Some(link), Some(begins)))
    }

    /// Returns the SHA-256 of the lines of a record, in hex, and its first event.
    async fn read_older(&self, number: u32) -> Result<(String, RunStart), Refusal> {
        let name = record(number);
        let file = self.fetch(&name).await?;
        let read = hash_of(&file).and_then(|sha256| Ok((sha256, first_event(&file)?)));
        read.map_err(|why| not_whole(&self.shown(&name), &why))
    }

    async fn fetch(&self, name: &str) -> Result<TempPath, Refusal> {
        self.store.fetch(&self.at(name)).await.map_err(|why| match why {
            // It was listed.
            Unfetched::Missing => broken(&self.shown(name), "is missing"),
            Unfetched::Failed(why) => refused(&self.shown(name), &why),
        })
    }

    async fn read_step(&self, number: u32, size: u64) -> Result<Latest, Refusal> {
        let name = document(number);
        let shown = self.shown(&name);
        if size > LATEST_BYTES {
            let why = format!("it has more than {LATEST_BYTES} bytes");
            return Err(Latest::refused(&shown, &why));
        }
        let fetched = self.store.fetch_at_most(&self.at(&name), LATEST_BYTES).await;
        let file = fetched.map_err(|why| refused(&shown, &why))?;
        let bytes = std::fs::read(&file).map_err(|error| refused(&shown, &error))?;
        Latest::parse(&bytes, &shown)
    }

    /// Parses the name of a record that a document names. Nothing but a name that `watch` gives is
    /// accepted.
    pub(super) fn parse(path: &str) -> Option<Named> {
        let (folder, name) = path.split_once('/')?;
        let name = name.strip_suffix(SUFFIX)?;
        let is_hash = |text: &str| {
            text.len() == HASH && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        match (folder, name.split_once('-')) {
            (RECORDS, None) => number_of(name).map(|_| Named::Record),
            (ATTEMPTS, Some((time, hash))) if is_hash(hash) => {
                end_of(&format!("{time}{SUFFIX}")).map(|_| Named::Attempt)
            }
            _ => None,
        }
    }

    /// Returns the SHA-256 of the record of this name; `None` if there is none.
    pub(super) async fn hash_of(&self, name: &str) -> Result<Option<String>, Refusal> {
        let file = match self.store.fetch(&self.at(name)).await {
            Ok(file) => file,
            Err(Unfetched::Missing) => return Ok(None),
            Err(Unfetched::Failed(why)) => return Err(refused(&self.shown(name), &why)),
        };
        let read = read_whole(&file, |_| {});
        read.map(|about| Some(about.sha256)).map_err(|why| not_whole(&self.shown(name), &why))
    }

    /// Creates the object of an attempt, whose period ends at `end`, and returns its name.
    pub(super) async fn keep(
        &self,
        file: &Path,
        end: Timestamp,
        sha256: &str,
    ) -> Result<String, Refusal> {
        let hash = sha256.get(..HASH).unwrap_or(sha256);
        let name = format!("{ATTEMPTS}/{}-{hash}{SUFFIX}", end.key());
        self.create(&name, file).await?;
        Ok(name)
    }

    /// Adds a record to the chain, and returns its name.
    pub(super) async fn add(&mut self, file: &Path) -> Result<String, Refusal> {
        let number = self.records.saturating_add(1);
        let name = record(number);
        self.create(&name, file).await?;
        self.records = number;
        Ok(name)
    }

    /// Creates the document of the next step.
    pub(super) async fn write_latest(&mut self, latest: &Latest) -> Result<(), Refusal> {
        let number = self.steps.saturating_add(1);
        let name = document(number);
        let bytes = latest.bytes()?;
        let write = || -> io::Result<NamedTempFile> {
            let mut file = NamedTempFile::new()?;
            file.write_all(&bytes)?;
            file.flush()?;
            Ok(file)
        };
        let file = write().map_err(|error| self.lost(&name, &error))?;
        self.create(&name, file.path()).await?;
        self.steps = number;
        Ok(())
    }

    /// Creates an object. One of this name that exists is a different step's.
    async fn create(&self, name: &str, file: &Path) -> Result<(), Refusal> {
        let created = self.store.create(&self.at(name), file).await;
        match created.map_err(|why: ReadFailure| self.lost(name, &why))? {
            Written::Done => Ok(()),
            Written::Different => Err(Refusal::output_lost(format!(
                "cannot write `{}`: another step has written it meanwhile\n\nhint: run one step at a \
                 time; the next one covers this time again",
                self.shown(name)
            ))),
        }
    }

    fn lost(&self, name: &str, why: &dyn std::fmt::Display) -> Refusal {
        Refusal::output_lost(format!("cannot write `{}`: {why}", self.shown(name)))
    }

    /// Returns the place of a name, not escaped.
    pub(super) fn place(&self, name: &str) -> String {
        let at = self.at(name);
        format!("s3://{}/{}", at.bucket, at.key)
    }

    /// Returns what to remove if the document of the newest step cannot be used.
    pub(super) fn documents(&self) -> String {
        format!("all objects below `{}/`", escape(&self.place(STEPS)))
    }
}

fn record(number: u32) -> String {
    format!("{RECORDS}/{number:0DIGITS$}{SUFFIX}")
}

fn document(number: u32) -> String {
    format!("{STEPS}/{number:0DIGITS$}{DOCUMENT}")
}

/// Returns the number that a name has without its ending.
fn number_of(stem: &str) -> Option<u32> {
    let is_number = stem.len() == DIGITS && stem.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| stem.parse().ok()).flatten().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_cannot_name_anything_outside_of_the_state() {
        let attempt = "attempts/20260301T050000Z-0123456789ab.jsonl.zst";
        for (name, expected) in [
            ("records/00000001.jsonl.zst", Some(Named::Record)),
            (attempt, Some(Named::Attempt)),
            ("records/00000000.jsonl.zst", None),
            ("records/1.jsonl.zst", None),
            ("records/+0000001.jsonl.zst", None),
            ("records/000000001.jsonl.zst", None),
            ("records/00000001.jsonl", None),
            ("records/20260301T050000Z.jsonl.zst", None),
            ("attempts/00000001.jsonl.zst", None),
            ("attempts/20260301T050000Z-0123456789AB.jsonl.zst", None),
            ("attempts/20260301T050000Z-0123456789a/.jsonl.zst", None),
            ("../records/00000001.jsonl.zst", None),
            ("", None),
        ] {
            assert_eq!(Bucket::parse(name), expected, "{name}");
        }
        assert_eq!(Bucket::parse(&record(42)), Some(Named::Record));
    }
}
