//! The state of `watch`: a chain of records, the attempts beside it, and the document of the newest step.
//! It lies in a directory or in S3.
//!
//! Nothing in a state is trusted because of its name: each record must say itself which record it
//! follows, and have the hash by which the next one names it.
use super::bucket::Bucket;
use super::chain::{Depth, Found, Link, Named, joins};
use super::folder::Folder;
use super::latest::Latest;
use crate::console::refusal::Refusal;
use crate::session::of_record::check_whole;
use crate::session::reading::Reading;
use crate::session::shared::{SharedStore, outside_evidence};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use trailproof_core::record::wire::Time;
use trailproof_core::vocab::location::{ObjectLocation, escape};
use trailproof_core::vocab::time::{Period, Timestamp};

/// An opened state.
pub(crate) struct State {
    place: Place,
    /// The newest record of the chain.
    pub(crate) newest: Option<Link>,
    /// Start of the period of the first record.
    pub(crate) begins: Option<Timestamp>,
    /// Number of records in the chain.
    pub(crate) records: usize,
    /// The document of the newest step.
    pub(crate) latest: Option<Latest>,
}

/// Where a state lies.
enum Place {
    Folder(Folder),
    Bucket(Box<Bucket>),
}

/// The record of a step that is being made.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// The file to write it to.
    pub(crate) path: PathBuf,
    /// Its name in the state; `None` if it gets one when it is whole.
    name: Option<String>,
    /// Removes the file.
    _folder: Option<TempDir>,
}

impl State {
    /// Opens a state in a directory, which is made if there is none, and checks its chain of records.
    /// Nobody else runs a step on it until the state is dropped.
    ///
    /// # Errors
    ///
    /// Another step is running, the chain is broken, or something in the state cannot be read.
    pub(crate) async fn in_folder(path: &Path, depth: Depth) -> Result<Self, Refusal> {
        let (folder, found) = Folder::open(path, depth)?;
        Self::checked(Place::Folder(folder), found).await
    }

    /// Opens a state below a prefix of a bucket, and checks its chain of records.
    ///
    /// # Errors
    ///
    /// The prefix is in evidence, the chain is broken, or something in the state cannot be read.
    pub(crate) async fn in_bucket(
        store: SharedStore,
        folder: ObjectLocation,
        depth: Depth,
    ) -> Result<Self, Refusal> {
        let (bucket, found) = Bucket::open(store, folder, depth).await?;
        Self::checked(Place::Bucket(Box::new(bucket)), found).await
    }

    async fn checked(place: Place, found: Found) -> Result<Self, Refusal> {
        let Found { newest, begins, records, latest } = found;
        let mut state = Self { place, newest, begins, records, latest };
        state.check_latest().await?;
        state.catch_up().await?;
        Ok(state)
    }

    /// Returns whether an interrupted step leaves its record in the state.
    pub(crate) fn keeps_partial(&self) -> bool {
        matches!(self.place, Place::Folder(_))
    }

    /// Returns the place of a name in the state, not escaped.
    pub(crate) fn place(&self, name: &str) -> String {
        match &self.place {
            Place::Folder(folder) => folder.path(name).to_string_lossy().into_owned(),
            Place::Bucket(bucket) => bucket.place(name),
        }
    }

    /// Checks that the state is not in what a step reads.
    ///
    /// # Errors
    ///
    /// Returns a usage error if it is.
    pub(crate) fn check_outside(&self, reading: Option<&Reading>) -> Result<(), Refusal> {
        match &self.place {
            Place::Folder(_) => Ok(()),
            Place::Bucket(bucket) => outside_evidence(reading, bucket.folder()),
        }
    }

    /// Begins the record of a step whose period ends at `end`.
    ///
    /// # Errors
    ///
    /// There is no directory for temporary files.
    pub(crate) fn begin(&self, end: Timestamp) -> Result<Attempt, Refusal> {
        if let Place::Folder(folder) = &self.place {
            let name = folder.free_name(end);
            return Ok(Attempt { path: folder.path(&name), name: Some(name), _folder: None });
        }
        let folder = tempfile::tempdir().map_err(|error| {
            let temporary = std::env::temp_dir();
            Refusal::output_lost(format!(
                "cannot write a temporary file in `{}`: {error}",
                escape(&temporary.to_string_lossy())
            ))
        })?;
        let path = folder.path().join("record.jsonl.zst");
        Ok(Attempt { path, name: None, _folder: Some(folder) })
    }

    /// Checks the record of a step whose period ends at `end`, and keeps it: as the newest record of the
    /// chain if the next step may continue from it. Returns its name and hash.
    ///
    /// # Errors
    ///
    /// It is not whole, it cannot be kept, or another step was faster.
    pub(crate) async fn keep(
        &mut self,
        attempt: &Attempt,
        end: Timestamp,
        settled: bool,
    ) -> Result<(String, String), Refusal> {
        let Attempt { path, name, .. } = attempt;
        let sha256 = check_whole(path, |_| {})?.sha256;
        let name = match (&mut self.place, name) {
            (Place::Folder(folder), Some(name)) if settled => folder.add(name, end)?,
            (Place::Folder(_), name) => name.clone().unwrap_or_default(),
            (Place::Bucket(bucket), _) if settled => bucket.add(path).await?,
            (Place::Bucket(bucket), _) => bucket.keep(path, end, &sha256).await?,
        };
        Ok((name, sha256))
    }

    /// Writes the document of the newest step.
    ///
    /// # Errors
    ///
    /// It cannot be written, or another step was faster.
    pub(crate) async fn write_latest(&mut self, latest: &Latest) -> Result<(), Refusal> {
        match &mut self.place {
            Place::Folder(folder) => folder.write_latest(latest),
            Place::Bucket(bucket) => bucket.write_latest(latest).await,
        }
    }

    /// Brings the document of the newest step up to date after a step that was killed when it had added
    /// its record. What that step found is then still to be reported.
    async fn catch_up(&mut self) -> Result<(), Refusal> {
        let (Some(latest), Some(newest)) = (&self.latest, &self.newest) else { return Ok(()) };
        let follows = newest.start.follows.as_ref().map(|follows| follows.sha256.clone());
        let before = match self.named(&latest.record) {
            Some(Named::Record) => Some(&latest.sha256),
            _ => latest.follows.as_ref(),
        };
        if newest.name == latest.record || follows.as_ref() != before {
            return Ok(());
        }
        let Period { start, end } = newest.start.period;
        let latest = Latest::new(
            (newest.name.clone(), newest.sha256.clone()),
            newest.verdict,
            (Time(start), Time(end)),
            follows,
            self.begins,
            latest.reported.clone(),
        );
        self.write_latest(&latest).await?;
        self.latest = Some(latest);
        Ok(())
    }

    fn named(&self, name: &str) -> Option<Named> {
        match &self.place {
            Place::Folder(_) => Folder::parse(name),
            Place::Bucket(_) => Bucket::parse(name),
        }
    }

    /// Checks that the document is about the newest step. A step that was killed may have added its
    /// record without having written the document.
    async fn check_latest(&self) -> Result<(), Refusal> {
        let Some(latest) = &self.latest else { return Ok(()) };
        let (shown, remove) = match &self.place {
            Place::Folder(folder) => (folder.shown_latest(), "that file".to_owned()),
            Place::Bucket(bucket) => (bucket.shown_latest(), bucket.documents()),
        };
        let disagrees = |why: &str| {
            Refusal::not_started(format!(
                "the state is broken: `{shown}` does not agree with the records: {why}\n\nhint: if \
                 nobody tampered with the state, remove {remove}; what was already reported is then \
                 reported again"
            ))
        };
        let named = self
            .named(&latest.record)
            .ok_or_else(|| disagrees("what it names is not the record of a step"))?;
        let newest = self.newest.as_ref();
        if newest.is_some_and(|newest| newest.name == latest.record) {
            let same = newest.is_some_and(|newest| newest.sha256 == latest.sha256);
            return if same { Ok(()) } else { Err(disagrees("the record has a different hash")) };
        }
        let found = match &self.place {
            Place::Folder(folder) => folder.hash_of(&latest.record)?,
            Place::Bucket(bucket) => bucket.hash_of(&latest.record).await?,
        };
        let found =
            found.ok_or_else(|| disagrees(&format!("`{}` is missing", escape(&latest.record))))?;
        if !joins(latest, named, newest) {
            return Err(disagrees("it is about a different chain of records"));
        }
        match found == latest.sha256 {
            true => Ok(()),
            false => Err(disagrees("the record has a different hash")),
        }
    }
}
