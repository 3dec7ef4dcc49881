//! The files of shard records, surveys and hash ledgers, wherever they lie.
use super::plan::ShardPlan;
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

/// Shards that a message names.
const NAMED: usize = 10;

/// The first line of a document of which each shard has one.
pub(crate) trait OfShard: PartialEq + Sized {
    /// The kind of the document.
    const KIND: DocumentKind;

    /// Opens a document and reads its first line.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is a different document.
    fn begin(file: &ShardFile) -> Result<(RecordFile, Self), BadRecord>;

    /// Returns the SHA-256 of the lines of the plan that the shard is of.
    fn plan_sha256(&self) -> &str;

    /// Returns the number of the shard.
    fn shard(&self) -> u64;
}

/// One document of each shard of a plan, checked by its first line.
#[derive(Debug)]
pub(crate) struct ShardFiles<S> {
    /// In the order of the shards.
    pub(crate) files: Vec<(ShardFile, S)>,
    /// The number of files that are the same as another.
    pub(crate) duplicates: usize,
}

impl<S: OfShard> ShardFiles<S> {
    /// Opens the documents in these files.
    ///
    /// # Errors
    ///
    /// A document cannot be read, belongs to a different plan, is missing, or differs from another
    /// of the same shard.
    pub(crate) fn open(
        plan: &ShardPlan,
        sha256: &str,
        files: Vec<ShardFile>,
    ) -> Result<Self, Refusal> {
        let mut by_shard: BTreeMap<u64, (ShardFile, S)> = BTreeMap::new();
        let mut duplicates = 0;
        for path in files {
            let (_, started) = S::begin(&path).map_err(|why| unusable::<S>(&path, &why))?;
            let shard = started.shard();
            if started.plan_sha256() != sha256 {
                return Err(Refusal::usage(format!(
                    "`{}` is a shard of a different plan: its plan has the SHA-256 {}, and this one \
                     {sha256}",
                    path.shown,
                    excerpt(started.plan_sha256(), SHOWN),
                )));
            }
            if shard >= u64::try_from(plan.shards.len()).unwrap_or(u64::MAX) {
                return Err(Refusal::usage(format!(
                    "`{}` states that it is shard {shard}, and the plan has {} shards",
                    path.shown,
                    plan.shards.len()
                )));
            }
            match by_shard.get(&shard) {
                None => {
                    by_shard.insert(shard, (path, started));
                }
                Some((other, _)) => {
                    check_same::<S>(other, &path, shard)?;
                    duplicates += 1;
                }
            }
        }
        let all = 0..u64::try_from(plan.shards.len()).unwrap_or(u64::MAX);
        let missing: Vec<u64> = all.filter(|shard| !by_shard.contains_key(shard)).collect();
        if !missing.is_empty() {
            return Err(absent(plan, &missing));
        }
        Ok(Self { files: by_shard.into_values().collect(), duplicates })
    }
}

fn absent(plan: &ShardPlan, missing: &[u64]) -> Refusal {
    let name = |shard: &u64| {
        let index = usize::try_from(*shard).unwrap_or(usize::MAX);
        let from = plan.shards.get(index).and_then(|shard| shard.part.from.as_ref());
        match from {
            Some((account, region)) => format!("{shard} (from {account} {region})"),
            None => format!("{shard} (the first)"),
        }
    };
    let named: Vec<String> = missing.iter().take(NAMED).map(name).collect();
    let more = if missing.len() > NAMED { " and others" } else { "" };
    Refusal::not_started(format!(
        "{} of {} shards are missing: {}{more}\n\nhint: `trailproof work PLAN --shard N` makes one",
        missing.len(),
        plan.shards.len(),
        named.join(", "),
    ))
}

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
fn check_same<S: OfShard>(one: &ShardFile, other: &ShardFile, shard: u64) -> Result<(), Refusal> {
    let open = |file: &ShardFile| open_document(S::KIND, &file.path);
    let (mut first, mut second) = (
        open(one).map_err(|why| unusable::<S>(one, &why))?,
        open(other).map_err(|why| unusable::<S>(other, &why))?,
    );
    loop {
        let left = first.next_name().map_err(|why| unusable::<S>(one, &why))?;
        let right = second.next_name().map_err(|why| unusable::<S>(other, &why))?;
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

/// Returns why a document of a shard is refused.
pub(crate) fn unusable<S: OfShard>(file: &ShardFile, why: &BadRecord) -> Refusal {
    let name = match S::KIND {
        DocumentKind::Survey => "survey",
        _ => "shard record",
    };
    Refusal::not_started(format!("cannot use the {name} `{}`: {why}", file.shown))
}
