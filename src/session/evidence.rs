//! Opens the locations that hold evidence, and determines where the evidence was delivered.
use super::delivery_bucket::{
    DeliveryBucket, LISTED, assumed, choose_bucket, flat_folder, logs_alone, no_digest_refusal,
    no_root_message, relocations, roots, unread_folders,
};
use super::location::{BucketLocation, Location, RelocateOption, folder};
use super::reading::{OpenStores, Reading, Store, mirrored, open};
use crate::aws::advice;
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::locate::copy_mapping::CopyMapping;
use crate::locate::delivery::{sample_bucket, sample_folders};
use crate::locate::folders::list_folders;
use crate::locate::roots::{Roots, find_roots};
use crate::source::directory::{DirectorySource, FlatFolder};
use crate::source::layer::count::{Counted, Counts};
use crate::source::layer::relocate::{Relocated, Relocation};
use crate::source::mirror::{Header, KEYS_BESIDE, MirrorSource};
use crate::source::pages::Pages;
use crate::source::{ListRequest, ObjectSource};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::record::{
    DeliveredTo, EvidencePlace, PlaceDoubt, PlaceInDoubt, ReadKind, ReadPlace, ReadVersions,
    RunEvent,
};
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::chain_id::Scope;
use trailproof_core::vocab::ids::AccountId;
use trailproof_core::vocab::key_layout::{DIGEST_FOLDER, KeyRoot};
use trailproof_core::vocab::location::{escape, excerpt, shell_word};

/// Evidence that can be read under the names of its delivery.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// Reads objects by the place of their delivery.
    pub(crate) source: Arc<dyn ObjectSource>,
    /// Bucket of delivery.
    pub(crate) bucket: String,
    /// Prefixes below which the bucket has a folder `AWSLogs`.
    pub(crate) roots: Vec<String>,
    /// Where the evidence was delivered, and where it is read.
    pub(crate) place: EvidencePlace,
    /// Whether any of it is read from a copy.
    pub(crate) copy: bool,
    /// What the search for the evidence did not look at or could not read.
    pub(crate) left_open: Vec<RunEvent>,
    /// What each mirror was made for that is read for the bucket of delivery.
    pub(crate) mirrors: Vec<Header>,
    /// How the evidence is read, so that a different process can read it in the same way; `None` if
    /// that cannot be said.
    pub(crate) reading: Option<Reading>,
}

impl Evidence {
    /// Records which versions are read in place of the current objects.
    ///
    /// # Errors
    ///
    /// Any of the evidence is read from a copy, whose versions are not those of the bucket of
    /// delivery.
    pub(crate) fn of_versions(&mut self, versions: ReadVersions) -> Result<(), Refusal> {
        if self.copy {
            return Err(Refusal::usage(
                "the bucket holds a copy, and its versions are not those of the original\n\nhint: \
                 name the bucket to which CloudTrail delivers",
            ));
        }
        for read in &mut self.place.read_from {
            read.kind = ReadKind::Versions;
            read.as_of = match versions {
                ReadVersions::Oldest => None,
                ReadVersions::AsOf(time) => Some(time),
            };
        }
        Ok(())
    }
}

/// Returns what a search for roots left open within this scope, as events.
fn left_open(found: &Roots, scope: &Scope) -> Vec<RunEvent> {
    let unread = found.unread.iter().cloned();
    let unread = unread.map(|(folder, why)| RunEvent::ListingUnread { folder, why });
    let hidden = not_looked_at(found.hidden.iter().filter(|folder| is_in(folder, scope)));
    let doubts = found.left_out.iter().cloned().map(RunEvent::PlaceInDoubt);
    unread.chain(doubts).chain(hidden).collect()
}

/// Returns a doubt about each of these folders, which nothing leads to.
fn not_looked_at<'f>(folders: impl Iterator<Item = &'f String>) -> Vec<RunEvent> {
    let doubt = |folder| PlaceInDoubt::folder(PlaceDoubt::NotLookedAt, folder);
    folders.map(doubt).map(RunEvent::PlaceInDoubt).collect()
}

/// Returns a doubt about each part of this bucket below `prefix` that `--relocate` replaces although something
/// lies there, which nobody looks at. `without` reads as if `--relocate` were not given. A rule for all
/// that is named hides no part of it: all of it is read elsewhere, as the output says.
async fn replaced(
    given: &[Relocation],
    without: &dyn ObjectSource,
    (bucket, prefix): (&str, &str),
    scope: &Scope,
) -> Vec<RunEvent> {
    let mut events = Vec::new();
    let top = folder(prefix);
    let is_part = |rule: &&Relocation| {
        rule.bucket == bucket
            && rule.prefix.len() > top.len()
            && rule.prefix.starts_with(&top)
            && is_in(&rule.prefix, scope)
    };
    for rule in given.iter().filter(is_part) {
        let mut pages = Pages::new(without, ListRequest::all(bucket, &rule.prefix));
        let lies = loop {
            match pages.next().await {
                Ok(Some(page)) if page.objects.is_empty() => {}
                Ok(page) => break Ok(page.is_some()),
                Err(why) => break Err(why),
            }
        };
        match lies {
            Ok(true) => events.extend(not_looked_at([&rule.prefix].into_iter())),
            Ok(false) => {}
            Err(why) => {
                events.push(RunEvent::ListingUnread { folder: rule.prefix.clone(), why });
            }
        }
    }
    events
}

/// Returns whether a folder may belong to an account of the scope. A folder whose path names no account
/// may belong to any.
fn is_in(folder: &str, scope: &Scope) -> bool {
    let mut accounts = folder.split('/').filter_map(|name| name.parse::<AccountId>().ok());
    let last = accounts.next_back();
    last.is_none_or(|account| scope.has_account(&account))
}

/// How copies are read: the rules of `--relocate`, and whether copies are asserted to be complete.
#[derive(Debug)]
pub(crate) struct Copies {
    pub(crate) rules: Vec<Relocation>,
    pub(crate) complete: bool,
    /// The mirrors that are read, each with the bucket that `--relocate` replaces by it; `None` for
    /// the location itself.
    pub(crate) mirrors: Vec<(Option<String>, Header)>,
    /// The stores of the rules.
    pub(crate) stores: OpenStores,
}

impl Copies {
    /// Returns what the mirrors were made for that are read for this bucket.
    fn mirrors_of(&self, bucket: &str) -> Vec<Header> {
        let is_of = |of: &Option<String>| of.as_ref().is_none_or(|of| of == bucket);
        let of_it = self.mirrors.iter().filter(|(of, _)| is_of(of));
        of_it.map(|(_, header)| header.clone()).collect()
    }
}

/// Builds the rules of `--relocate` with their sources.
pub(crate) fn rules(
    moved: &[RelocateOption],
    s3: Option<&Arc<dyn ObjectSource>>,
    complete: bool,
) -> Result<Copies, Refusal> {
    let (mut rules, mut mirrors) = (Vec::new(), Vec::new());
    let mut stores = OpenStores::default();
    for (at, RelocateOption { bucket, prefix, to }) in moved.iter().enumerate() {
        let same = |other: &&RelocateOption| (&other.bucket, &other.prefix) == (bucket, prefix);
        if moved.iter().take(at).find(same).is_some_and(|other| other.to != *to) {
            return Err(Refusal::usage(format!(
                "`--relocate` gives two destinations for `s3://{}/{}`",
                escape(bucket),
                escape(prefix)
            )));
        }
        let (source, to_bucket, to_prefix, own): (Arc<dyn ObjectSource>, _, _, _) = match to {
            Location::Bucket(to_bucket, to_prefix) => {
                let Some(s3) = s3 else { continue };
                let to_prefix = folder(to_prefix);
                let own = (to_bucket, &to_prefix) == (bucket, prefix);
                (Arc::clone(s3), to_bucket.clone(), to_prefix, own)
            }
            Location::Directory(path) => {
                let files = open(path)?;
                match mirrored(&files, path)? {
                    Some(mirror) => {
                        let (to_bucket, to_prefix) = in_mirror(&mirror, bucket, prefix);
                        // The manifest records what the store itself answered about its own bucket.
                        let own = to_bucket == *bucket;
                        mirrors.push((Some(bucket.clone()), mirror.header().clone()));
                        (Arc::new(mirror), to_bucket, to_prefix, own)
                    }
                    None => (files, String::new(), String::new(), false),
                }
            }
        };
        stores.add(
            &source,
            match to {
                Location::Bucket(..) => Store::S3,
                Location::Directory(path) => Store::Directory(path.clone()),
            },
        );
        let (bucket, prefix) = (bucket.clone(), prefix.clone());
        let complete = own || complete;
        rules.push(Relocation { bucket, prefix, source, to_bucket, to_prefix, complete });
    }
    Ok(Copies { rules, complete, mirrors, stores })
}

/// Returns where a mirror made by trailproof holds what was delivered there: under its own name, or
/// as the copy that was mirrored.
fn in_mirror(mirror: &MirrorSource, bucket: &str, prefix: &str) -> (String, String) {
    if mirror.has_bucket(bucket).unwrap_or(true) {
        return (bucket.to_owned(), prefix.to_owned());
    }
    let header = mirror.header();
    (header.bucket.clone(), folder(&header.prefix))
}

/// Finds the evidence in a directory.
pub(crate) async fn in_directory(
    mirror: &Arc<DirectorySource>,
    path: &Path,
    (scope, is_root): (&Scope, bool),
    named: Option<&str>,
    mut copies: Copies,
    elsewhere: Vec<ReadPlace>,
    counts: &Arc<Counts>,
) -> Result<Evidence, Refusal> {
    let shown = escape(&path.to_string_lossy()).into_owned();
    if let Some(mirrored) = mirrored(mirror, path)? {
        let beside = beside(mirror, &mirrored, &shown).await;
        let header = mirrored.header();
        let (of, prefix) = (header.bucket.clone(), header.prefix.clone());
        let of = BucketLocation { bucket: of, prefix, is_root };
        copies.mirrors.push((None, header.clone()));
        let bucket = Arc::new(Counted::new(mirrored, Arc::clone(counts)));
        let mut evidence =
            in_bucket(bucket, of, scope, named, copies, elsewhere, Some(path)).await?;
        evidence.left_open.extend(beside);
        return Ok(evidence);
    }
    let mut recorded = sample_bucket(mirror.as_ref(), "").await;
    let logs = if recorded.parts.is_empty() { logs_alone(mirror.as_ref()).await } else { 0 };
    if recorded.parts.is_empty()
        && let Some(bucket) = named
    {
        let assumed = recorded.folders.iter().map(|folder| (assumed(bucket, folder), 1));
        recorded.parts = assumed.collect();
    }
    if recorded.parts.is_empty() {
        // One possible reason is a link in place of a folder.
        remarks(path, mirror, false);
        return Err(no_digest_refusal(&recorded, logs, &shown));
    }
    let DeliveryBucket { bucket, others, mut left_open } =
        choose_bucket(&mut recorded, named, &shown);
    let unread = unread_folders(&recorded.loose, &recorded);
    left_open.extend(not_looked_at(unread.iter().filter(|folder| is_in(folder, scope))));
    let source: Arc<dyn ObjectSource> = mirror.clone();
    let roots = roots(&recorded);
    let given = std::mem::take(&mut copies.rules);
    if let Some((folder, root)) = flat_folder(&mut recorded, &mut left_open) {
        let flat = FlatFolder::open(Arc::clone(&source), &folder, &root).await;
        let unread = |why| Refusal::not_started(format!("cannot read `{shown}`: {why}"));
        copies.rules.push(Relocation {
            bucket: bucket.clone(),
            prefix: root.clone(),
            source: Arc::new(flat.map_err(unread)?),
            to_bucket: String::new(),
            to_prefix: root,
            complete: copies.complete,
        });
    }
    copies.rules.extend(relocations(recorded.parts.keys(), &source, "", copies.complete));
    copies.rules.extend(relocations(others.iter(), &source, "", false));
    let without = Relocated::new(copies.rules.clone(), None);
    left_open.extend(replaced(&given, &without, (&bucket, ""), scope).await);
    copies.rules.splice(0..0, given);
    let mirrors = copies.mirrors_of(&bucket);
    copies.stores.add(&source, Store::Directory(path.to_owned()));
    Ok(Evidence {
        reading: copies.stores.reading(&copies.rules, None),
        source: Arc::new(Counted::new(Relocated::new(copies.rules, None), Arc::clone(counts))),
        roots,
        place: place(&bucket, "", directory_place(ReadKind::Directory, path), elsewhere),
        bucket,
        copy: true,
        left_open,
        mirrors,
    })
}

/// Warns about folders that do not belong to the mirror that the directory claims to be, and returns a
/// doubt about each in them that looks like CloudTrail's. Otherwise, anyone who can put two files there
/// could narrow what is looked at.
async fn beside(
    files: &Arc<DirectorySource>,
    mirrored: &MirrorSource,
    shown: &str,
) -> Vec<RunEvent> {
    let folders = match list_folders(files.as_ref(), "", "").await {
        Ok(folders) => folders,
        Err(why) => return vec![RunEvent::ListingUnread { folder: String::new(), why }],
    };
    // If the manifest cannot answer, that is reported when the answer is needed.
    let is_mirrored = |name: &String| {
        *name == mirrored.header().bucket || mirrored.has_bucket(name).unwrap_or(true)
    };
    let is_own = |name: &String| name.starts_with("trailproof-") || name == ".trailproof";
    let mut doubts = Vec::new();
    let unmirrored: Vec<String> = folders.into_iter().filter(|name| !is_mirrored(name)).collect();
    for name in &unmirrored {
        match find_roots(files.as_ref(), "", name).await {
            Ok(found) => {
                let roots: Vec<String> = found.folders().collect();
                let all = roots.iter().chain(&found.loose).chain(&found.hidden);
                doubts.extend(not_looked_at(all));
                doubts.extend(found.left_out.into_iter().map(RunEvent::PlaceInDoubt));
                let unread = found.unread.into_iter();
                doubts.extend(unread.map(|(folder, why)| RunEvent::ListingUnread { folder, why }));
            }
            Err(why) => doubts.push(RunEvent::ListingUnread { folder: format!("{name}/"), why }),
        }
    }
    let others: Vec<String> = unmirrored.into_iter().filter(|name| !is_own(name)).collect();
    if others.is_empty() {
        return doubts;
    }
    let names: Vec<String> =
        others.iter().take(LISTED).map(|name| format!("`{}`", excerpt(name, SHOWN))).collect();
    print_to_stderr(&format!(
        "warning: `{shown}` is a mirror of `s3://{}`; folders that are not part of it were not \
         looked at: {}{}",
        escape(&mirrored.header().bucket),
        names.join(", "),
        if others.len() > LISTED { " and others" } else { "" },
    ));
    doubts
}

/// Finds the evidence in a bucket. The bucket may be a copy of a different one, and may be read
/// from a mirror of it in `directory`.
pub(crate) async fn in_bucket(
    s3: Arc<dyn ObjectSource>,
    BucketLocation { bucket, prefix, is_root }: BucketLocation,
    scope: &Scope,
    named: Option<&str>,
    mut copies: Copies,
    elsewhere: Vec<ReadPlace>,
    directory: Option<&Path>,
) -> Result<Evidence, Refusal> {
    copies.stores.add(
        &s3,
        match directory {
            Some(path) => Store::Directory(path.to_owned()),
            None => Store::S3,
        },
    );
    let unlisted = |why: ReadFailure| {
        let words = format!("cannot list `s3://{}`: {}", escape(&bucket), advice::failure(&why));
        Refusal::bucket_unlisted(words, &why)
    };
    let found = if is_root {
        Roots { prefixes: vec![prefix.clone()], ..Roots::default() }
    } else {
        match find_roots(s3.as_ref(), &bucket, &prefix).await {
            Ok(found) => found,
            // A mirror of a narrower location does not know what lies beside it.
            Err(why) if directory.is_some() => Roots {
                prefixes: vec![prefix.clone()],
                unread: vec![(prefix.clone(), why)],
                ..Roots::default()
            },
            Err(why) => return Err(unlisted(why)),
        }
    };
    let mut left_open = left_open(&found, scope);
    // If the search left something open, the evidence may be there.
    if found.prefixes.is_empty() && found.loose.is_empty() && left_open.is_empty() {
        let elsewhere = if prefix.is_empty() {
            Vec::new()
        } else {
            find_roots(s3.as_ref(), &bucket, "").await.map_err(unlisted)?.prefixes
        };
        let above = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let there = list_folders(s3.as_ref(), &bucket, &above).await.map_err(unlisted)?;
        return Err(Refusal::nothing_found(no_root_message(&bucket, &prefix, &elsewhere, &there)));
    }
    let typed = ReadPlace::in_bucket(ReadKind::Bucket, &bucket, &prefix);
    let mut folders = sampled(&found.prefixes, scope);
    if found.prefixes.is_empty() {
        // A copy of the folders of accounts alone.
        folders.extend(found.loose.iter().cloned());
    }
    let mut recorded =
        sample_folders(s3.as_ref(), &bucket, folders, found.folders().collect()).await;
    let is_local = |part: &CopyMapping| part.bucket == bucket && part.recorded == part.lies;
    let copy = !recorded.parts.is_empty() && !recorded.parts.keys().any(is_local);
    if !copy && named.is_none_or(|named| named == bucket) {
        let copy = !copies.rules.is_empty();
        left_open.extend(replaced(&copies.rules, s3.as_ref(), (&bucket, &prefix), scope).await);
        let mirrors = copies.mirrors_of(&bucket);
        let reading = copies.stores.reading(&copies.rules, Some(&s3));
        let source: Arc<dyn ObjectSource> =
            if copy { Arc::new(Relocated::new(copies.rules, Some(s3))) } else { s3 };
        let read = directory.map_or(typed, |path| directory_place(ReadKind::Mirror, path));
        let place = place(&bucket, &prefix, read, elsewhere);
        let roots = found.prefixes;
        // Nothing leads to these folders of digests: they are not where they were delivered.
        left_open.extend(not_looked_at(found.loose.iter().filter(|folder| is_in(folder, scope))));
        return Ok(Evidence { source, bucket, roots, place, copy, left_open, mirrors, reading });
    }
    if recorded.parts.is_empty()
        && let Some(named) = named
    {
        recorded.parts = recorded
            .folders
            .iter()
            .map(|folder| (CopyMapping { bucket: named.to_owned(), ..assumed("", folder) }, 1))
            .collect();
    }
    let DeliveryBucket { bucket: original, others, left_open: doubts } =
        choose_bucket(&mut recorded, named, &typed.place);
    left_open.extend(doubts);
    let unread = unread_folders(&found.loose, &recorded);
    left_open.extend(not_looked_at(unread.iter().filter(|folder| is_in(folder, scope))));
    let given = std::mem::take(&mut copies.rules);
    copies.rules.extend(relocations(recorded.parts.keys(), &s3, &bucket, copies.complete));
    copies.rules.extend(relocations(others.iter(), &s3, &bucket, false));
    let without = Relocated::new(copies.rules.clone(), Some(Arc::clone(&s3)));
    left_open.extend(replaced(&given, &without, (&original, ""), scope).await);
    copies.rules.splice(0..0, given);
    let mirrors = copies.mirrors_of(&original);
    Ok(Evidence {
        reading: copies.stores.reading(&copies.rules, Some(&s3)),
        source: Arc::new(Relocated::new(copies.rules, Some(s3))),
        roots: roots(&recorded),
        place: place(
            &original,
            "",
            match directory {
                Some(path) => directory_place(ReadKind::Mirror, path),
                None => ReadPlace { kind: ReadKind::Replica, ..typed },
            },
            elsewhere,
        ),
        bucket: original,
        left_open,
        mirrors,
        copy: true,
    })
}

fn place(bucket: &str, prefix: &str, read: ReadPlace, elsewhere: Vec<ReadPlace>) -> EvidencePlace {
    EvidencePlace {
        delivered_to: DeliveredTo { bucket: bucket.to_owned(), prefix: prefix.to_owned() },
        read_from: std::iter::once(read).chain(elsewhere).collect(),
    }
}

fn directory_place(kind: ReadKind, path: &Path) -> ReadPlace {
    ReadPlace { kind, place: path.to_string_lossy().into_owned(), as_of: None }
}

/// Returns the locations that `--relocate` names. Whether a directory is a mirror is known only
/// once it is opened.
pub(crate) fn elsewhere(moved: &[RelocateOption]) -> Vec<ReadPlace> {
    let read = |moved: &RelocateOption| match &moved.to {
        Location::Bucket(bucket, prefix) => ReadPlace::in_bucket(ReadKind::Replica, bucket, prefix),
        Location::Directory(path) => directory_place(ReadKind::Directory, path),
    };
    moved.iter().map(read).collect()
}

/// Returns the folders whose digests are sampled for their place of delivery: nothing above what
/// the scope names.
fn sampled(prefixes: &[String], scope: &Scope) -> BTreeSet<String> {
    let mut folders = BTreeSet::new();
    for prefix in prefixes {
        let organization = scope.organization.clone().flatten();
        let root = KeyRoot { prefix: prefix.clone(), organization }.folder();
        if scope.organization.is_some() && !scope.accounts.is_empty() {
            let digests = |account| format!("{root}{account}/{DIGEST_FOLDER}/");
            folders.extend(scope.accounts.iter().map(digests));
        } else {
            folders.insert(root);
        }
    }
    folders
}

/// Prints what is worth knowing about a directory beside the report: the entries that were skipped,
/// and a key file that no option names.
pub(crate) fn remarks(path: &Path, mirror: &DirectorySource, no_keys: bool) {
    let passed = mirror.passed_over();
    if let Some(first) = passed.first() {
        print_to_stderr(&format!(
            "warning: skipped {} of the directory's entries (symbolic links, special files, or \
             names that are not UTF-8): `{}`{}",
            passed.len(),
            escape(&first.to_string_lossy()),
            if passed.len() > 1 { " and others" } else { "" },
        ));
    }
    let keys = path.join(KEYS_BESIDE);
    if no_keys && keys.is_file() {
        let keys = keys.to_string_lossy();
        print_to_stderr(&format!(
            "hint: `{}` is not trusted because it lies beside the evidence; if you know that \
             it comes from CloudTrail, use it with `--public-keys {}`",
            escape(&keys),
            shell_word(&keys)
        ));
    }
}
