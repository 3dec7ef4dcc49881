//! The files of shard records and hash ledgers, wherever they lie.
use crate::console::refusal::Refusal;
use crate::files::record_file::open_document;
use crate::files::space::Space;
use crate::session::shared::{SharedPath, SharedStore, shown};
use crate::source::BoxFuture;
use crate::source::many::few_in_order;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempPath;
use trailproof_core::record::document::{BadRecord, DocumentKind, RecordFile};
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::{ObjectLocation, escape, excerpt};

/// Objects that are fetched at once.
const AT_ONCE: usize = 32;

/// A file that holds a record.
#[derive(Clone, Debug)]
pub(crate) struct ShardFile {
    pub(crate) path: PathBuf,
    /// Where it is, as messages show it.
    pub(crate) shown: String,
}

impl ShardFile {
    pub(crate) fn new(path: &Path, shown: String) -> Self {
        Self { path: path.to_owned(), shown }
    }

    /// Returns a file that was named by its path.
    pub(crate) fn local(path: PathBuf) -> Self {
        let shown = escape(&path.to_string_lossy()).into_owned();
        Self { path, shown }
    }
}

/// Objects from S3 as temporary files, which are removed when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Fetched(Vec<TempPath>);

/// Returns the files that these paths name, with those in directories whose name `is_one` takes.
pub(crate) fn local_files(
    paths: &[PathBuf],
    is_one: impl Fn(&str) -> bool,
) -> Result<Vec<ShardFile>, Refusal> {
    let unread = |path: &Path, error: &io::Error| {
        Refusal::not_started(format!("cannot read `{}`: {error}", escape(&path.to_string_lossy())))
    };
    let mut files = BTreeSet::new();
    for path in paths {
        if !path.is_dir() {
            files.insert(path.clone());
            continue;
        }
        for entry in std::fs::read_dir(path).map_err(|error| unread(path, &error))? {
            let entry = entry.map_err(|error| unread(path, &error))?.path();
            if is_one(&entry.file_name().unwrap_or_default().to_string_lossy()) {
                files.insert(entry);
            }
        }
    }
    Ok(files.into_iter().map(ShardFile::local).collect())
}

/// Returns whether `work` gives a record such a name.
pub(crate) fn is_record(name: &str) -> bool {
    name.starts_with("shard-") && name.contains(".jsonl") && !name.ends_with(".partial")
}

/// Objects in S3 by their location, with their size where it is known.
pub(crate) type ListedFiles = BTreeMap<ObjectLocation, u64>;

fn unread(at: &ObjectLocation, why: &dyn fmt::Display) -> Refusal {
    Refusal::not_started(format!("cannot read `{}`: {why}", shown(at)))
}

/// Lists what these places in S3 name: objects whose name `is_one` takes, and folders of them.
///
/// # Errors
///
/// A folder cannot be listed, or is empty.
pub(crate) async fn list_files(
    store: &SharedStore,
    places: &[ObjectLocation],
    is_one: impl Fn(&str) -> bool,
) -> Result<ListedFiles, Refusal> {
    let mut found = ListedFiles::new();
    for place in places {
        if is_one(name_of(&place.key)) {
            found.insert(place.clone(), 0);
            continue;
        }
        let listed = store.list(place).await.map_err(|why| unread(place, &why))?;
        if listed.is_empty() {
            return Err(Refusal::not_started(format!("there is nothing in `{}`", shown(place))));
        }
        found.extend(listed.into_iter().filter(|(at, _)| is_one(name_of(&at.key))));
    }
    Ok(found)
}

/// Fetches those of the objects whose name `is_one` takes.
///
/// # Errors
///
/// An object cannot be read, or they do not fit into the directory for temporary files.
pub(crate) async fn fetch_files(
    store: &SharedStore,
    listed: &ListedFiles,
    is_one: impl Fn(&str) -> bool,
) -> Result<(Vec<ShardFile>, Fetched), Refusal> {
    let wanted = || listed.iter().filter(|(at, _)| is_one(name_of(&at.key)));
    check_space(wanted().fold(0, |all: u64, (_, size)| all.saturating_add(*size)))?;
    let fetches: Vec<BoxFuture<'_, _>> = wanted()
        .map(|(at, _)| at)
        .map(|at| -> BoxFuture<'_, _> { Box::pin(async move { (at, store.fetch(at).await) }) })
        .collect();
    let (mut files, mut kept) = (Vec::new(), Fetched::default());
    for (at, fetched) in few_in_order(fetches, AT_ONCE).await {
        let file = fetched.map_err(|why| unread(at, &why))?;
        files.push(ShardFile::new(&file, shown(at)));
        kept.0.push(file);
    }
    Ok((files, kept))
}

fn name_of(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

fn check_space(bytes: u64) -> Result<(), Refusal> {
    let folder = std::env::temp_dir();
    match Space::of(&folder) {
        Ok(space) if space.available < bytes => Err(Refusal::not_started(format!(
            "the files in S3 have {bytes} bytes, and `{}` has room for {}\n\nhint: set `TMPDIR` to a \
             directory with more",
            escape(&folder.to_string_lossy()),
            space.available
        ))),
        // A file system that does not report its space may have enough.
        _ => Ok(()),
    }
}

/// What a command was given: local paths, and places in S3.
pub(crate) fn by_store(paths: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<ObjectLocation>), Refusal> {
    let (mut local, mut remote) = (Vec::new(), Vec::new());
    for path in paths {
        match SharedPath::read(path)? {
            SharedPath::Local(path) => local.push(path),
            SharedPath::S3(at) => remote.push(at),
        }
    }
    Ok((local, remote))
}

/// Refuses two records of this shard that differ, and names the first line that does.
///
/// # Errors
///
/// They differ, or one cannot be read.
pub(crate) fn check_same(one: &ShardFile, other: &ShardFile, shard: u64) -> Result<(), Refusal> {
    let open = |file: &ShardFile| open_document(DocumentKind::ShardRecord, &file.path);
    let (mut first, mut second) = (
        open(one).map_err(|why| unusable(one, &why))?,
        open(other).map_err(|why| unusable(other, &why))?,
    );
    loop {
        let left = first.next_name().map_err(|why| unusable(one, &why))?;
        let right = second.next_name().map_err(|why| unusable(other, &why))?;
        if left.is_none() && right.is_none() && first.sha256() == second.sha256() {
            return Ok(());
        }
        if first.bytes() != second.bytes() || left != right {
            let line =
                |record: &RecordFile| excerpt(&String::from_utf8_lossy(record.bytes()), 4 * SHOWN);
            return Err(Refusal::not_started(format!(
                "two records of shard {shard} differ, first in line {}: `{}` has\n  {}\nand `{}` \
                 has\n  {}\n\nhint: the evidence changed between the two attempts, or could not be \
                 read in one of them, or they are of different plans: remove the one that is not to \
                 count, or run the shard again",
                first.number(),
                one.shown,
                line(&first),
                other.shown,
                line(&second),
            )));
        }
    }
}

pub(crate) fn unusable(file: &ShardFile, why: &BadRecord) -> Refusal {
    Refusal::not_started(format!("cannot use the shard record `{}`: {why}", file.shown))
}
