//! Objects that are not where they were delivered, but in a copy of the bucket.
//!
//! A digest is signed under the place of its delivery, so all judging code uses recorded places.
//! Only this wrapper knows where the bytes are. Its rules may come from claims of unproven digests:
//! they decide where to look for bytes, and never what these bytes prove.
//!
//! This is also the only place that knows what absence means. Every copy is read through a rule: a
//! plain directory, a replica, a part that was relocated. What a copy lacks may exist in the bucket
//! of delivery, so it is `absent-from-copy`, which contradicts nothing, unless the rule asserts
//! that the copy is complete. The judging code need not know.
use crate::source::{BoxFuture, ListPage, ListRequest, Listed, ObjectMetadata, ObjectReader};
use crate::source::{ObjectSource, ReadError, ReadFrom, TakePiece};
use std::collections::BTreeSet;
use std::sync::Arc;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::{ObjectLocation, escape};

/// Where the objects of one recorded place are now.
#[derive(Clone, Debug)]
pub struct Relocation {
    /// The bucket that they were delivered to.
    pub bucket: String,
    /// The prefix of their keys; empty for all keys. The prefix of a folder ends in a slash.
    pub prefix: String,
    /// The source that holds them now.
    pub source: Arc<dyn ObjectSource>,
    /// The bucket to request from that source.
    pub to_bucket: String,
    /// The prefix that replaces `prefix` there.
    pub to_prefix: String,
    /// Whether everything that was delivered is there, so that absent objects were removed: the
    /// source is the store of record, or the user asserts it.
    pub complete: bool,
}

impl Relocation {
    fn here(&self, key: &str) -> Option<String> {
        let rest = key.strip_prefix(self.prefix.as_str())?;
        Some([self.to_prefix.as_str(), rest].concat())
    }

    /// Returns what an error of the source means for the recorded place.
    fn meant(&self, error: ReadError, here: &ObjectLocation) -> ReadError {
        match error {
            ReadError::Missing if !self.complete => ReadError::Failure(absent(here)),
            error => error,
        }
    }

    fn back(&self, key: &str) -> Option<String> {
        let rest = key.strip_prefix(self.to_prefix.as_str())?;
        Some([self.prefix.as_str(), rest].concat())
    }
}

/// Reads recorded places through the rule with the longest prefix, and everything else from the
/// source below, if there is one.
#[derive(Debug)]
pub struct Relocated {
    rules: Vec<Relocation>,
    below: Option<Arc<dyn ObjectSource>>,
}

impl Relocated {
    /// Uses these rules. If two are for the same place, the first one applies.
    pub fn new(mut rules: Vec<Relocation>, below: Option<Arc<dyn ObjectSource>>) -> Self {
        rules.sort_by(|one, other| (&one.bucket, &one.prefix).cmp(&(&other.bucket, &other.prefix)));
        rules.dedup_by(|later, first| {
            (&later.bucket, &later.prefix) == (&first.bucket, &first.prefix)
        });
        Self { rules, below }
    }

    fn rule(&self, bucket: &str, key: &str) -> Option<&Relocation> {
        self.rules
            .iter()
            .filter(|rule| rule.bucket == bucket && key.starts_with(&rule.prefix))
            .max_by_key(|rule| rule.prefix.len())
    }

    async fn page(&self, request: &ListRequest) -> Result<ListPage, ReadFailure> {
        let wider = self.rule(&request.bucket, &request.prefix);
        let narrower: Vec<&Relocation> = self
            .rules
            .iter()
            .filter(|rule| {
                rule.bucket == request.bucket
                    && rule.prefix.len() > request.prefix.len()
                    && rule.prefix.starts_with(&request.prefix)
            })
            .collect();
        match (wider, &self.below) {
            (Some(rule), _) if narrower.is_empty() => through(rule, request).await,
            (None, Some(below)) if narrower.is_empty() => below.list(request).await,
            (None, None) if narrower.is_empty() => Err(nowhere(&request.bucket, &request.prefix)),
            (wider, below) => self.merged(wider, below.as_ref(), &narrower, request).await,
        }
    }

    /// Returns a listing whose parts are in several places as one page: the order of the keys is
    /// known only when all parts are.
    async fn merged(
        &self,
        wider: Option<&Relocation>,
        below: Option<&Arc<dyn ObjectSource>>,
        narrower: &[&Relocation],
        request: &ListRequest,
    ) -> Result<ListPage, ReadFailure> {
        let mut page = match (wider, below) {
            (Some(rule), _) => whole(request, Some(rule), None).await?,
            (None, Some(below)) => whole(request, None, Some(below)).await?,
            (None, None) => ListPage::default(),
        };
        let after = request.start_after.as_deref().unwrap_or("");
        page.objects
            .retain(|object| !narrower.iter().any(|rule| object.key.starts_with(&rule.prefix)));
        let mut folders: BTreeSet<String> = page.folders.into_iter().collect();
        for rule in narrower {
            let rest = rule.prefix.get(request.prefix.len()..).unwrap_or_default();
            match rest.split_once('/') {
                Some((folder, _)) if request.folders => {
                    let folder = format!("{}{folder}/", request.prefix);
                    if folder.as_str() > after || after.starts_with(&folder) {
                        folders.insert(folder);
                    }
                }
                _ => {
                    let request = ListRequest { prefix: rule.prefix.clone(), ..request.clone() };
                    let part = whole(&request, Some(rule), None).await?;
                    page.objects.extend(part.objects);
                    folders.extend(part.folders);
                }
            }
        }
        page.objects.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(ListPage { objects: page.objects, folders: folders.into_iter().collect(), next: None })
    }
}

/// Returns all pages of a listing as one.
async fn whole(
    request: &ListRequest,
    rule: Option<&Relocation>,
    below: Option<&Arc<dyn ObjectSource>>,
) -> Result<ListPage, ReadFailure> {
    let mut request = ListRequest { continuation: None, ..request.clone() };
    let mut all = ListPage::default();
    for _ in 0..budget::PAGES {
        let page = match (rule, below) {
            (Some(rule), _) => through(rule, &request).await?,
            (None, Some(below)) => below.list(&request).await?,
            (None, None) => ListPage::default(),
        };
        all.objects.extend(page.objects);
        all.folders.extend(page.folders);
        if all.objects.len() + all.folders.len() > budget::LISTED_DIGESTS {
            break;
        }
        match page.next {
            Some(next) => request.continuation = Some(next),
            None => return Ok(all),
        }
    }
    Err(ReadFailure::new(ReadFailureKind::OverBudget, "too many keys in one listing"))
}

/// Returns one page through one rule, with the recorded keys.
async fn through(rule: &Relocation, request: &ListRequest) -> Result<ListPage, ReadFailure> {
    let Some(prefix) = rule.here(&request.prefix) else { return Ok(ListPage::default()) };
    let start_after = match request.start_after.as_deref() {
        None => None,
        Some(after) => match rule.here(after) {
            Some(after) => Some(after),
            None if after > rule.prefix.as_str() => return Ok(ListPage::default()),
            None => None,
        },
    };
    let here = ListRequest {
        bucket: rule.to_bucket.clone(),
        prefix,
        start_after,
        folders: request.folders,
        continuation: request.continuation.clone(),
        sizes: request.sizes,
    };
    let page = rule.source.list(&here).await?;
    let objects = page
        .objects
        .into_iter()
        .filter_map(|object| Some(Listed { key: rule.back(&object.key)?, ..object }));
    let folders = page.folders.iter().filter_map(|folder| rule.back(folder));
    Ok(ListPage { objects: objects.collect(), folders: folders.collect(), next: page.next })
}

/// Returns the failure for an object that a copy does not have.
fn absent(here: &ObjectLocation) -> ReadFailure {
    let words = match here.bucket.as_str() {
        "" => "it is not in the copy, which may be incomplete".to_owned(),
        _ => format!("it is not in the copy, which may be incomplete: no `{here}`"),
    };
    ReadFailure::new(ReadFailureKind::AbsentFromCopy, words)
}

/// Returns the failure for a place without any rule: it is not known what is there.
fn nowhere(bucket: &str, key: &str) -> ReadFailure {
    let at = ObjectLocation::new(bucket, key);
    ReadFailure::new(
        ReadFailureKind::NoSuchBucket,
        format!(
            "{at} is not in the given evidence; name its location with `--relocate s3://{}=…`",
            escape(bucket)
        ),
    )
}

#[deny(clippy::missing_trait_methods)]
impl ObjectSource for Relocated {
    fn list<'a>(
        &'a self,
        request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        Box::pin(self.page(request))
    }

    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        Box::pin(async move {
            if let Some(rule) = self.rule(&at.bucket, &at.key)
                && let Some(key) = rule.here(&at.key)
            {
                let here = ObjectLocation::new(rule.to_bucket.clone(), key);
                let opened = rule.source.open(&here, from).await;
                return opened.map_err(|error| rule.meant(error, &here));
            }
            match &self.below {
                Some(below) => below.open(at, from).await,
                None => Err(ReadError::Failure(nowhere(&at.bucket, &at.key))),
            }
        })
    }

    fn passed_over(&self) -> Vec<ObjectLocation> {
        let mut passed: BTreeSet<ObjectLocation> = BTreeSet::new();
        for rule in &self.rules {
            let there = rule.source.passed_over().into_iter();
            let there = there.filter(|at| at.bucket == rule.to_bucket);
            let recorded = there.filter_map(|at| rule.back(&at.key));
            passed.extend(recorded.map(|key| ObjectLocation::new(rule.bucket.clone(), key)));
        }
        passed.extend(self.below.iter().flat_map(|below| below.passed_over()));
        passed.into_iter().collect()
    }

    fn is_local(&self, at: &ObjectLocation) -> bool {
        match (self.rule(&at.bucket, &at.key), &self.below) {
            (Some(rule), _) => rule.source.is_local(at),
            (None, Some(below)) => below.is_local(at),
            (None, None) => false,
        }
    }

    fn read_in_place(
        &self,
        at: &ObjectLocation,
        take: &mut TakePiece<'_>,
    ) -> Option<Result<ObjectMetadata, ReadError>> {
        if let Some(rule) = self.rule(&at.bucket, &at.key)
            && let Some(key) = rule.here(&at.key)
        {
            let here = ObjectLocation::new(rule.to_bucket.clone(), key);
            let read = rule.source.read_in_place(&here, take)?;
            return Some(read.map_err(|error| rule.meant(error, &here)));
        }
        self.below.as_ref()?.read_in_place(at, take)
    }
}
