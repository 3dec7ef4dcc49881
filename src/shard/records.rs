//! The files of shard records that a merge reads, wherever they lie.
use crate::console::refusal::Refusal;
use crate::files::space::Space;
use crate::session::shared::{SharedPath, SharedStore, shown};
use crate::source::BoxFuture;
use crate::source::many::few_in_order;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempPath;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::location::{ObjectLocation, escape};

/// Records that are fetched at once.
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

/// Records from S3 as temporary files, which are removed when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Fetched(Vec<TempPath>);

/// Returns the files that these paths name, with those of directories.
pub(crate) fn local_files(paths: &[PathBuf]) -> Result<Vec<ShardFile>, Refusal> {
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
            if is_record(&entry.file_name().unwrap_or_default().to_string_lossy()) {
                files.insert(entry);
            }
        }
    }
    Ok(files.into_iter().map(ShardFile::local).collect())
}

/// Returns whether `work` gives a record such a name.
fn is_record(name: &str) -> bool {
    name.starts_with("shard-") && name.contains(".jsonl") && !name.ends_with(".partial")
}

/// Fetches the records that these places in S3 name: objects, and folders of them.
///
/// # Errors
///
/// A folder cannot be listed, a record cannot be read, or they do not fit into the directory for
/// temporary files.
pub(crate) async fn fetch_records(
    store: &SharedStore,
    places: &[ObjectLocation],
) -> Result<(Vec<ShardFile>, Fetched), Refusal> {
    let unread = |at: &ObjectLocation, why: &ReadFailure| {
        Refusal::not_started(format!("cannot read `{}`: {why}", shown(at)))
    };
    let (mut found, mut bytes) = (BTreeSet::new(), 0_u64);
    for place in places {
        if is_record(name_of(&place.key)) {
            found.insert(place.clone());
            continue;
        }
        for (at, size) in store.list(place).await.map_err(|why| unread(place, &why))? {
            if is_record(name_of(&at.key)) && found.insert(at) {
                bytes = bytes.saturating_add(size);
            }
        }
    }
    check_space(bytes)?;
    let fetches: Vec<BoxFuture<'_, _>> = found
        .iter()
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
            "the records have {bytes} bytes, and `{}` has room for {}\n\nhint: set `TMPDIR` to a \
             directory with more",
            escape(&folder.to_string_lossy()),
            space.available
        ))),
        // A file system that does not report its space may have enough.
        _ => Ok(()),
    }
}

/// What a command was given: local paths, and places in S3.
pub(crate) fn sorted(paths: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<ObjectLocation>), Refusal> {
    let (mut local, mut remote) = (Vec::new(), Vec::new());
    for path in paths {
        match SharedPath::read(path)? {
            SharedPath::Local(path) => local.push(path),
            SharedPath::S3(at) => remote.push(at),
        }
    }
    Ok((local, remote))
}
