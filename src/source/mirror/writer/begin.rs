//! Starts a mirror: in an empty directory, or in an existing mirror of the same bucket.
use super::commit::{Lost, Shared, start};
use super::copier::Copier;
use super::copying::MirroringSource;
use super::names::Claims;
use super::store::Store;
use crate::source::ObjectSource;
use crate::source::mirror::custody::CustodyLog;
use crate::source::mirror::header::{CUSTODY, HEADER, Header, WORK};
use crate::source::mirror::ledger::{Journal, Layers, Order, forget, salvage};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use trailproof_core::vocab::location::escape;

/// Why a mirror cannot be made in a directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MirrorError {
    /// The directory has a different purpose.
    #[error("{0}")]
    NotForThis(String),
    /// Another run writes to it, or its content cannot be read.
    #[error("{0}")]
    InUse(String),
    /// It cannot be written.
    #[error("{0}")]
    Unwritable(String),
}

/// A mirror that is being made.
#[derive(Debug)]
pub struct MirrorWriter {
    pub(super) copier: Copier,
    pub(super) header: Header,
    set_aside: Option<String>,
    /// The custody log, once the run has an entry in it.
    pub(super) log: Option<CustodyLog>,
}

impl MirrorWriter {
    /// Starts a mirror, or continues where an earlier run stopped. The directory is created if it
    /// does not exist.
    ///
    /// # Errors
    ///
    /// The mirror cannot be made. Nothing in the directory is changed then.
    pub fn begin(directory: &Path, bucket: &str, prefix: &str) -> Result<Self, MirrorError> {
        let shown = escape(&directory.to_string_lossy()).into_owned();
        let unwritable = |error: io::Error| {
            MirrorError::Unwritable(format!("cannot write to `{shown}`: {error}"))
        };
        let unread =
            |error: io::Error| MirrorError::InUse(format!("cannot use `{shown}`: {error}"));
        match std::fs::metadata(directory) {
            Ok(about) if !about.is_dir() => {
                return Err(MirrorError::NotForThis(format!("`{shown}` is not a directory")));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir_all(directory).map_err(unwritable)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(MirrorError::NotForThis(format!("cannot create `{shown}`: {error}")));
            }
            Err(error) => return Err(unwritable(error)),
        }
        let root = directory.canonicalize().map_err(unwritable)?;
        is_for(&root, &shown, bucket, prefix)?;
        let Some(store) = Store::open(&root).map_err(unwritable)? else {
            return Err(MirrorError::InUse(format!(
                "another run is writing to `{shown}`\n\nhint: wait until it has ended, or name \
                 another directory"
            )));
        };
        // Another run may have made it a mirror before this one got the lock.
        let mut header = match is_for(&root, &shown, bucket, prefix)? {
            Some(header) => header,
            None => {
                forget(&store.work).map_err(unwritable)?;
                Header::new(bucket, prefix)
            }
        };
        header.complete = false;
        let text = header.text().map_err(unwritable)?;
        store.document(HEADER, &text).map_err(unwritable)?;
        let set_aside = salvage(&root, &store.work).map_err(unread)?;
        let journal = Journal::begin(&root, &store.work).map_err(unread)?;
        let before = Layers::open(&root, &store.work).map_err(unread)?;
        let mut places = store.places();
        if store.folds_case().map_err(unwritable)? {
            places.claims = Some(claimed(&before).map_err(unread)?);
        }
        let shared = Arc::new(Shared {
            store,
            before,
            journal: Mutex::new(journal),
            places: Mutex::new(places),
            lost: Mutex::new(Lost::default()),
            copied: Mutex::default(),
            full: watch::Sender::default(),
        });
        let to = start(&shared);
        Ok(Self { copier: Copier::new(shared, to), header, set_aside, log: None })
    }

    /// Checks whether [`Self::begin`] would accept the directory. Nothing is written.
    ///
    /// # Errors
    ///
    /// The directory is for something else, or cannot be read.
    pub fn check(directory: &Path, bucket: &str, prefix: &str) -> Result<(), MirrorError> {
        let shown = escape(&directory.to_string_lossy()).into_owned();
        match std::fs::metadata(directory) {
            Ok(about) if about.is_dir() => is_for(directory, &shown, bucket, prefix).map(|_| ()),
            Ok(_) => Err(MirrorError::NotForThis(format!("`{shown}` is not a directory"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(MirrorError::NotForThis(format!("cannot use `{shown}`: {error}"))),
        }
    }

    /// Returns a source that keeps everything that is read from `below`.
    pub fn source(&self, below: Arc<dyn ObjectSource>) -> MirroringSource {
        MirroringSource::new(below, self.copier.clone())
    }

    /// Returns the directory.
    pub fn directory(&self) -> &PathBuf {
        &self.copier.shared.store.root
    }

    /// Returns where a damaged manifest was moved; its readable records are in use.
    pub fn set_aside(&self) -> Option<&str> {
        self.set_aside.as_deref()
    }

    /// Returns the header, which is written at the end of the run.
    pub fn header_mut(&mut self) -> &mut Header {
        &mut self.header
    }
}

/// Fails unless the directory is empty or a mirror of this location. A mirror in which nothing was
/// copied, for example because the location was mistyped, counts as empty.
fn is_for(
    root: &Path,
    shown: &str,
    bucket: &str,
    prefix: &str,
) -> Result<Option<Header>, MirrorError> {
    let other = |words: String| Err(MirrorError::NotForThis(words));
    match Header::read(root) {
        Err(error) => other(format!("cannot use `{shown}`: {error}")),
        Ok(Some(header)) if header.bucket != bucket || header.prefix != prefix => {
            if is_bare(root) {
                return Ok(None);
            }
            let slash = if header.prefix.is_empty() { "" } else { "/" };
            other(format!(
                "`{shown}` is a mirror of `s3://{}{slash}{}`\n\nhint: use a different \
                 directory",
                escape(&header.bucket),
                escape(&header.prefix),
            ))
        }
        Ok(Some(header)) => Ok(Some(header)),
        Ok(None) => {
            let unread = |error: io::Error| {
                MirrorError::Unwritable(format!("cannot read `{shown}`: {error}"))
            };
            for entry in std::fs::read_dir(root).map_err(unread)? {
                // A run that was killed at its very beginning leaves this.
                if entry.map_err(unread)?.file_name() != WORK {
                    return other(format!(
                        "`{shown}` is not empty and is not a mirror\n\nhint: name a new directory"
                    ));
                }
            }
            Ok(None)
        }
    }
}

/// Returns whether the directory holds only what a run starts with.
fn is_bare(root: &Path) -> bool {
    let Ok(mut entries) = std::fs::read_dir(root) else { return false };
    entries.all(|entry| {
        let begun = |name: &OsStr| [HEADER, WORK, CUSTODY].iter().any(|begun| name == *begun);
        entry.is_ok_and(|entry| begun(&entry.file_name()))
    })
}

/// Returns the names that earlier runs used.
fn claimed(before: &Layers) -> io::Result<Claims> {
    let mut claims = Claims::default();
    let mut records = before.scan(&Order::default())?;
    while let Some((order, record)) = records.next()? {
        if record.copied.is_some_and(|copied| copied.file.is_none()) {
            claims.claim(&order.path);
        }
    }
    Ok(claims)
}
