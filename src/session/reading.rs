//! How evidence is read, as data: so that the workers of a run in shards read what its plan found,
//! without searching the bucket again.
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::source::ObjectSource;
use crate::source::directory::DirectorySource;
use crate::source::layer::count::{Counted, Counts};
use crate::source::layer::relocate::{Relocated, Relocation};
use crate::source::mirror::MirrorSource;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trailproof_core::vocab::location::escape;

/// A store that holds objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// S3.
    S3,
    /// A directory, or a mirror in one.
    Directory(PathBuf),
}

/// Where the objects of one recorded place are, as in [`Relocation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReadingRule {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) store: Store,
    pub(crate) to_bucket: String,
    pub(crate) to_prefix: String,
    pub(crate) complete: bool,
}

/// How evidence is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The store of everything that no rule is about.
    pub(crate) below: Option<Store>,
    pub(crate) rules: Vec<ReadingRule>,
}

/// The stores that were opened.
#[derive(Debug, Default)]
pub(crate) struct OpenStores(Vec<(Arc<dyn ObjectSource>, Store)>);

impl OpenStores {
    /// Adds a store that was opened as `source`.
    pub(crate) fn add(&mut self, source: &Arc<dyn ObjectSource>, store: Store) {
        self.0.push((Arc::clone(source), store));
    }

    /// Describes these rules over `below`; `None` if a source is none of the stores.
    pub(crate) fn reading(
        &self,
        rules: &[Relocation],
        below: Option<&Arc<dyn ObjectSource>>,
    ) -> Option<Reading> {
        let store = |source: &Arc<dyn ObjectSource>| {
            let same = |one: &&(Arc<dyn ObjectSource>, Store)| {
                std::ptr::addr_eq(Arc::as_ptr(&one.0), Arc::as_ptr(source))
            };
            self.0.iter().find(same).map(|(_, store)| store.clone())
        };
        let rule = |rule: &Relocation| {
            Some(ReadingRule {
                bucket: rule.bucket.clone(),
                prefix: rule.prefix.clone(),
                store: store(&rule.source)?,
                to_bucket: rule.to_bucket.clone(),
                to_prefix: rule.to_prefix.clone(),
                complete: rule.complete,
            })
        };
        let below = match below {
            Some(source) => Some(store(source)?),
            None => None,
        };
        Some(Reading { below, rules: rules.iter().map(rule).collect::<Option<_>>()? })
    }
}

impl Reading {
    /// Returns whether any of it is read from S3.
    pub(crate) fn uses_s3(&self) -> bool {
        let mut stores = self.below.iter().chain(self.rules.iter().map(|rule| &rule.store));
        stores.any(|store| *store == Store::S3)
    }

    /// Opens the stores. `s3` is S3, if any of it is used.
    ///
    /// # Errors
    ///
    /// A directory cannot be read.
    pub(crate) fn open(
        &self,
        s3: Option<&Arc<dyn ObjectSource>>,
        counts: &Arc<Counts>,
    ) -> Result<Arc<dyn ObjectSource>, Refusal> {
        let source = |store: &Store| -> Result<Arc<dyn ObjectSource>, Refusal> {
            let path: &Path = match store {
                Store::S3 => {
                    let absent = || Refusal::usage("the plan reads from S3");
                    return s3.map(Arc::clone).ok_or_else(absent);
                }
                Store::Directory(path) => path,
            };
            let directory = open(path)?;
            Ok(match mirrored(&directory, path)? {
                Some(mirror) => Arc::new(Counted::new(mirror, Arc::clone(counts))),
                None => directory,
            })
        };
        let mut rules = Vec::new();
        for rule in &self.rules {
            rules.push(Relocation {
                bucket: rule.bucket.clone(),
                prefix: rule.prefix.clone(),
                source: source(&rule.store)?,
                to_bucket: rule.to_bucket.clone(),
                to_prefix: rule.to_prefix.clone(),
                complete: rule.complete,
            });
        }
        let below = match &self.below {
            Some(store) => Some(source(store)?),
            None => None,
        };
        Ok(match (below, rules.is_empty()) {
            (Some(below), true) => below,
            (Some(below), false) => Arc::new(Relocated::new(rules, Some(below))),
            (None, _) => Arc::new(Counted::new(Relocated::new(rules, None), Arc::clone(counts))),
        })
    }
}

/// Opens a directory.
pub(crate) fn open(path: &Path) -> Result<Arc<DirectorySource>, Refusal> {
    let mirror = DirectorySource::open(path).map_err(|error| {
        Refusal::not_started(format!("cannot read `{}`: {error}", escape(&path.to_string_lossy())))
    })?;
    if let Some(why) = mirror.index_error() {
        let index = path.join(crate::source::directory::INDEX);
        let index = index.to_string_lossy().into_owned();
        print_to_stderr(&format!("warning: `{}` is not used: {}", escape(&index), escape(why)));
    }
    Ok(Arc::new(mirror))
}

/// Opens the mirror that trailproof made at this path, if there is one.
pub(crate) fn mirror_at(path: &Path) -> Result<Option<MirrorSource>, Refusal> {
    mirrored(&open(path)?, path)
}

/// Returns the mirror that trailproof made in this directory, if there is one.
pub(crate) fn mirrored(
    mirror: &Arc<DirectorySource>,
    path: &Path,
) -> Result<Option<MirrorSource>, Refusal> {
    let shown = escape(&path.to_string_lossy()).into_owned();
    let mirrored = MirrorSource::open(path, mirror)
        .map_err(|why| Refusal::not_started(format!("cannot use the mirror `{shown}`: {why}")))?;
    if mirrored.as_ref().is_some_and(|mirrored| !mirrored.header().complete) {
        print_to_stderr(&format!(
            "warning: the mirror `{shown}` is incomplete: the run that made it was interrupted\n\n\
             hint: run the same `trailproof mirror` command again to resume it"
        ));
    }
    Ok(mirrored)
}
