//! Reads one object completely and evaluates its bytes.
//!
//! Hashing runs in the task that received the bytes, or on the thread that read them. A small body
//! is gathered first and then processed by a reader that each thread keeps. Only a large body
//! occupies a reader of its own while its pieces arrive.
use super::stream::{Care, GATHERED, Held, Stream, held, hold, hold_large, room_of, try_held};
use crate::source::{
    ListRequest, Listed, ObjectMetadata, ObjectReader, ObjectSource, ReadError, ReadFrom,
    RecordedBytes,
};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::Arc;
use trailproof_core::bytes::content::{Content, Form, Hash, OverBudget};
use trailproof_core::bytes::whole::WholeReader;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::codes::finding::{Finding, Outcome};
use trailproof_core::compat::judge::DigestRead;
use trailproof_core::digest::document::DigestClaim;
use trailproof_core::log_file::{LogProof, check_first_member, check_log};
use trailproof_core::record::ObjectFacts;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::location::{ObjectLocation, excerpt};

/// How often reading starts again if the object changes while it is being read.
const RESTARTS: u32 = 3;

/// The largest object that is read, in bytes.
#[derive(Clone, Copy, Debug)]
struct Allowed {
    stored: u64,
    inflated: u64,
}

/// Limits for an ordinary digest. Digests of this size may be read for many walks at once.
const SMALL_DIGEST: Allowed = Allowed { stored: GATHERED, inflated: 512 << 10 };

/// Limits for any digest. Only one of them is read at a time.
const DIGEST: Allowed =
    Allowed { stored: budget::DIGEST_STORED, inflated: budget::DIGEST_INFLATED };

/// Limits for a log file that is searched, and so kept in memory for a moment.
const SEARCHED: Allowed = Allowed { stored: budget::DIGEST_STORED, inflated: budget::LOG_SEARCHED };

/// Limits for a log file that is searched while no other such file is held.
const SEARCHED_ALONE: Allowed =
    Allowed { stored: budget::LOG_SEARCHED_ALONE, inflated: budget::LOG_SEARCHED_ALONE };

/// Limits for a log file.
const LOG: Allowed = Allowed { stored: budget::LOG_STORED, inflated: budget::LOG_INFLATED };

/// The result of fetching a digest.
#[derive(Debug)]
pub enum DigestFetch {
    /// The digest was read completely. Its memory counts as held until the `Held` is dropped.
    Read(Box<DigestRead>, ObjectFacts, Held),
    /// No object has this key.
    Missing,
    /// The digest could not be read.
    Unreadable(ReadFailure),
}

thread_local! {
    static WHOLE: RefCell<WholeReader> = RefCell::default();
}

/// Reads the digest at `at`. An unusually large digest waits until no other such digest is held, so
/// the caller must not hold one.
pub async fn fetch_digest(source: &dyn ObjectSource, at: &ObjectLocation) -> DigestFetch {
    match read_digest(source, at, SMALL_DIGEST, Held::default()).await {
        DigestFetch::Unreadable(why) if why.kind == ReadFailureKind::OverBudget => {
            let alone = hold_large().await;
            read_digest(source, at, DIGEST, alone).await
        }
        fetched => fetched,
    }
}

/// Reads a digest ahead of the walk, for which a separate amount of memory is reserved. Returns
/// `None` if the digest must be read later, when it is needed. `guess` is its likely size in
/// memory, in bytes.
pub(crate) async fn fetch_digest_ahead(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    guess: u64,
) -> Option<DigestFetch> {
    let held = hold(guess)?;
    match read_digest(source, at, SMALL_DIGEST, held).await {
        DigestFetch::Unreadable(why) if why.kind == ReadFailureKind::OverBudget => None,
        DigestFetch::Read(read, seen, held) => {
            let held = held.grown_to(read.content.inflated)?;
            Some(DigestFetch::Read(read, seen, held))
        }
        fetched => Some(fetched),
    }
}

/// Fetches a missing digest once more: a single response of a store is not enough to report it
/// missing.
pub(crate) async fn unless_there_now(
    read: DigestFetch,
    source: &dyn ObjectSource,
    at: &ObjectLocation,
) -> DigestFetch {
    match read {
        DigestFetch::Missing => fetch_digest(source, at).await,
        read => read,
    }
}

async fn read_digest(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    allowed: Allowed,
    held: Held,
) -> DigestFetch {
    let mut bytes = Vec::new();
    match read_object(source, at, allowed, Some(&mut bytes)).await {
        Ok((content, metadata)) => {
            let claim = DigestClaim::parse(&content, &bytes);
            if metadata.end_unknown && claim.is_err() && content.may_be_cut() {
                return DigestFetch::Unreadable(end_unknown());
            }
            let user = |name: &str| metadata.user.get(name).cloned();
            let seen = seen(&content, &metadata, None);
            let read = DigestRead {
                content,
                claim,
                signature: user("signature"),
                signature_algorithm: user("signature-algorithm"),
                backfill_generated: user("backfill-generation-timestamp"),
            };
            DigestFetch::Read(Box::new(read), seen, held)
        }
        Err(ReadError::Missing) => DigestFetch::Missing,
        Err(ReadError::Failure(why)) => DigestFetch::Unreadable(why),
    }
}

/// How a log file is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JudgeLog {
    /// By the content of all its gzip members.
    Whole,
    /// As the AWS CLI does, by the first member.
    AsTheAwsCli,
}

impl JudgeLog {
    fn judge(self, expected: &Hash, content: &Content) -> Outcome<LogProof> {
        match self {
            Self::Whole => check_log(expected, content),
            Self::AsTheAwsCli => check_first_member(expected, content),
        }
    }
}

/// Reads the log file at `at` and judges it by the hash that its proven digest records. If it is
/// read but does not match, it is read once more: a byte lost in transit is not tampering.
pub(crate) async fn fetch_log(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    expected: &Hash,
    judge: JudgeLog,
) -> (Outcome<LogProof>, ObjectFacts) {
    let is_contradicted = |judged: &Judged| matches!(&judged.outcome, Outcome::Invalid(why) if *why != Finding::LogMissing);
    let mut judged = judge_log(source, at, expected, judge).await;
    // A single response is not enough to report a log file missing. The AWS CLI accepts the first
    // one.
    let believed = judge == JudgeLog::AsTheAwsCli;
    if is_contradicted(&judged) || (!believed && matches!(judged.outcome, Outcome::Invalid(_))) {
        judged = judge_log(source, at, expected, judge).await;
    }
    let doubt = match (&judged.outcome, believed) {
        (Outcome::Invalid(_), false) => doubt(source, at).await,
        (Outcome::Invalid(why), true) if *why != Finding::LogMissing => {
            copy_damage(source, at).await
        }
        _ => None,
    };
    if let Some(why) = doubt {
        judged.outcome = Outcome::Unverified(why);
    }
    match (&judged.outcome, judged.may_be_cut) {
        // A body that was cut off does not contradict anything.
        (Outcome::Invalid(_), true) => (Outcome::Unverified(end_unknown()), judged.seen),
        _ => (judged.outcome, judged.seen),
    }
}

/// A proven log file, ready to be searched.
pub struct Searched {
    /// The inflated content.
    pub content: Vec<u8>,
    /// The ARN of the KMS key that encrypts it, if the store reports one.
    pub kms_key: Option<Arc<str>>,
}

/// Returns why an object that is missing or does not prove is no reason to accuse anybody, if there is a
/// reason: the copy is damaged, or the store itself lists something else than what it answers with.
pub(crate) async fn doubt(source: &dyn ObjectSource, at: &ObjectLocation) -> Option<ReadFailure> {
    let (size, etag) = match source.open(at, &ReadFrom::default()).await {
        Err(ReadError::Failure(_)) => return None,
        Err(ReadError::Missing) => return listed(source, at).await.map(|_| not_there()),
        Ok(object) => {
            let ObjectMetadata { size, etag, recorded, .. } = object.metadata().clone();
            if let Some(recorded) = recorded {
                return damage(object, &recorded).await;
            }
            (size, etag)
        }
    };
    let listed = listed(source, at).await?;
    let same_size = size.is_none_or(|size| size == listed.size);
    let same_etag = etag.is_none() || listed.etag.is_none() || etag == listed.etag;
    if same_size && same_etag {
        return None;
    }
    let shown = |etag: &Option<String>| excerpt(etag.as_deref().unwrap_or("none"), budget::SHOWN);
    let words = format!(
        "the store lists it with {} bytes and the ETag {}, and answers with {} and {}",
        listed.size,
        shown(&listed.etag),
        size.map_or_else(|| "an unknown number".to_owned(), |size| format!("{size} bytes")),
        shown(&etag),
    );
    Some(ReadFailure::new(ReadFailureKind::ChangedWhileReading, words))
}

/// Returns what the store lists of an object; `None` if it does not list it, or does not answer. A proxy may
/// answer reads in place of the store, and a store may be inconsistent. Whoever changes an object changes
/// its listing too.
async fn listed(source: &dyn ObjectSource, at: &ObjectLocation) -> Option<Listed> {
    // A disk has no second answer.
    if source.is_local(at) {
        return None;
    }
    // The key itself is the first one that begins with it.
    let page = source.list(&ListRequest::all(&at.bucket, &at.key)).await.ok()?;
    page.objects.into_iter().next().filter(|listed| listed.key == at.key)
}

fn not_there() -> ReadFailure {
    let words = "the store lists it, and answers that there is no such object";
    ReadFailure::new(ReadFailureKind::ChangedWhileReading, words)
}

/// Returns how the object at `at` differs from what the manifest of its copy recorded, if it does. This is
/// checked before a contradiction is reported: then the copy is damaged, and not the bucket.
async fn copy_damage(source: &dyn ObjectSource, at: &ObjectLocation) -> Option<ReadFailure> {
    let object = source.open(at, &ReadFrom::default()).await.ok()?;
    let recorded = object.metadata().recorded.clone()?;
    damage(object, &recorded).await
}

async fn damage(
    mut object: Box<dyn ObjectReader>,
    RecordedBytes { size, sha256 }: &RecordedBytes,
) -> Option<ReadFailure> {
    let recorded = format!("sha256 {}, {size} bytes", excerpt(sha256, budget::SHOWN));
    let mut hash = Sha256::new();
    let mut length = 0;
    while let Some(bytes) = object.chunk().await.ok()? {
        hash.update(&bytes);
        length += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if length > budget::LOG_INFLATED {
            break;
        }
    }
    let found = hex::encode(hash.finalize());
    if length <= budget::LOG_INFLATED && found == *sha256 {
        return None;
    }
    let found = match length > budget::LOG_INFLATED {
        true => format!("more than {} bytes", budget::LOG_INFLATED),
        false => format!("sha256 {found}, {length} bytes"),
    };
    Some(ReadFailure::new(
        ReadFailureKind::CopyDamaged,
        format!("the stored bytes were {recorded} when they were copied; now {found}"),
    ))
}

/// Works as [`fetch_log`], and also returns the inflated content of a proven log file, so that it
/// can be searched without a second download. If it is too large to keep, it is judged without
/// returning the content.
pub(crate) async fn fetch_log_and_search(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    expected: &Hash,
) -> (Outcome<LogProof>, ObjectFacts, Option<Searched>) {
    search_log(source, at, expected, SEARCHED).await
}

/// Works as [`fetch_log_and_search`] for a log file of any size that fits into memory alone. The
/// caller must not read another one at the same time.
pub(crate) async fn fetch_log_and_search_alone(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    expected: &Hash,
) -> (Outcome<LogProof>, ObjectFacts, Option<Searched>) {
    search_log(source, at, expected, SEARCHED_ALONE).await
}

async fn search_log(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    expected: &Hash,
    allowed: Allowed,
) -> (Outcome<LogProof>, ObjectFacts, Option<Searched>) {
    let mut content = Vec::new();
    match read_object(source, at, allowed, Some(&mut content)).await {
        Ok((read, metadata)) => {
            let outcome = check_log(expected, &read);
            if matches!(outcome, Outcome::Valid(_)) {
                let seen = seen(&read, &metadata, Some(expected));
                let kms_key = metadata.stored_as.and_then(|stored_as| stored_as.kms_key);
                return (outcome, seen, Some(Searched { content, kms_key }));
            }
        }
        Err(ReadError::Missing | ReadError::Failure(_)) => {}
    }
    drop(content);
    let (outcome, seen) = fetch_log(source, at, expected, JudgeLog::Whole).await;
    (outcome, seen, None)
}

/// The judgment of one reading of a log file.
struct Judged {
    outcome: Outcome<LogProof>,
    seen: ObjectFacts,
    /// Whether more bytes may have followed those that were read.
    may_be_cut: bool,
}

async fn judge_log(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    expected: &Hash,
    judge: JudgeLog,
) -> Judged {
    let unread = |outcome| Judged { outcome, seen: ObjectFacts::default(), may_be_cut: false };
    match read_object(source, at, LOG, None).await {
        Ok((content, metadata)) => Judged {
            outcome: judge.judge(expected, &content),
            seen: seen(&content, &metadata, Some(expected)),
            may_be_cut: metadata.end_unknown && content.may_be_cut(),
        },
        Err(ReadError::Missing) => unread(Outcome::Invalid(Finding::LogMissing)),
        Err(ReadError::Failure(why)) => unread(Outcome::Unverified(why)),
    }
}

/// Reads a log file once, without keeping its content.
///
/// # Errors
///
/// It could not be read.
pub(crate) async fn fetch_log_once(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
) -> Result<Content, ReadError> {
    let (content, metadata) = read_object(source, at, LOG, None).await?;
    match metadata.end_unknown && content.may_be_cut() {
        true => Err(ReadError::Failure(end_unknown())),
        false => Ok(content),
    }
}

/// Reads an object of which nothing is known, and returns the hash of its content, with what a digest
/// that records this hash would find; `None` if no digest could prove it.
///
/// # Errors
///
/// It could not be read, or does not exist.
pub(crate) async fn hash_log(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
) -> Result<Option<(Hash, LogProof, ObjectFacts)>, ReadFailure> {
    let (content, metadata) = match read_object(source, at, LOG, None).await {
        Ok(read) => read,
        Err(ReadError::Missing) => return Ok(None),
        Err(ReadError::Failure(why)) => return Err(why),
    };
    let hash = content.whole_hash();
    match check_log(&hash, &content) {
        Outcome::Valid(proof) => Ok(Some((hash, proof, seen(&content, &metadata, Some(&hash))))),
        Outcome::Invalid(_) | Outcome::Unverified(_) => Ok(None),
    }
}

/// Returns the hash of an object's inflated content, if it reads as a log file that is small enough
/// to be CloudTrail's.
pub(crate) async fn content_hash(source: &dyn ObjectSource, at: &ObjectLocation) -> Option<Hash> {
    let (content, _) = read_object(source, at, SEARCHED, None).await.ok()?;
    matches!(check_log(&content.hash, &content), Outcome::Valid(_)).then_some(content.hash)
}

/// Returns an object's inflated content, which nothing proves, with its hash. What came out of a
/// broken gzip member is content too.
///
/// # Errors
///
/// It could not be read, or is larger than what is searched.
pub(crate) async fn fetch_unproven(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
) -> Result<(Vec<u8>, Hash), ReadError> {
    let mut bytes = Vec::new();
    let (content, _) = read_object(source, at, SEARCHED, Some(&mut bytes)).await?;
    Ok((bytes, content.whole_hash()))
}

/// Returns what is recorded about an object that was read completely, beside how it is judged.
fn seen(content: &Content, metadata: &ObjectMetadata, expected: Option<&Hash>) -> ObjectFacts {
    let name = |text: &Option<String>| text.clone().filter(|it| it.len() <= budget::STORE_NAME);
    // How many bytes come out of a broken member depends on the pieces in which it arrived.
    let whole = !matches!(content.form, Form::GzipBroken(_));
    ObjectFacts {
        stored: Some(content.stored),
        found: Some(content.whole_hash()).filter(|hash| whole && Some(hash) != expected),
        etag: name(&metadata.etag),
        version_id: name(&metadata.version_id),
        stored_as: metadata.stored_as.clone(),
    }
}

/// Reads an object completely, and stores its inflated bytes in `keep` if requested.
///
/// Bytes that are all available are evaluated by an exact reader. A stream of pieces is first read
/// by a quick one; if its result is not conclusive, the object is read once more by an exact one.
async fn read_object(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    allowed: Allowed,
    mut keep: Option<&mut Vec<u8>>,
) -> Result<(Content, ObjectMetadata), ReadError> {
    let mut restarts = 0;
    let mut care = Care::Quick;
    loop {
        match read_once(source, at, allowed, keep.as_deref_mut(), care).await {
            Ok((Some(content), metadata)) => return Ok((content, metadata)),
            Ok((None, _)) => care = Care::Exact,
            Err(ReadError::Failure(why))
                if why.kind == ReadFailureKind::ChangedWhileReading && restarts < RESTARTS =>
            {
                restarts += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Reads an object once. Returns no content if only an exact reader can determine it.
async fn read_once(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    allowed: Allowed,
    mut keep: Option<&mut Vec<u8>>,
    care: Care,
) -> Result<(Option<Content>, ObjectMetadata), ReadError> {
    if let Some(read) = read_in_place(source, at, allowed, keep.as_deref_mut(), care) {
        return read;
    }
    let mut object = source.open(at, &ReadFrom::default()).await?;
    let size = object.metadata().size;
    let need = room_of(size, keep.as_ref().map(|_| allowed.inflated));
    let mut _held = try_held(need);
    if _held.is_none() {
        // A request must not stay open while this waits: those that hold memory may be waiting for
        // a request.
        drop(object);
        _held = held(need).await;
        object = source.open(at, &ReadFrom::default()).await?;
        if object.metadata().size != size {
            let words = "its size changed while the read was waiting";
            let why = ReadFailure::new(ReadFailureKind::ChangedWhileReading, words);
            return Err(ReadError::Failure(why));
        }
    }
    let metadata = object.metadata().clone();
    check_stored(metadata.size.unwrap_or(0), allowed)?;
    let large = metadata.size.is_some_and(|size| size > GATHERED);
    let (pieces, mut stored) = match large {
        true => (Vec::new(), 0),
        false => gather(object.as_mut()).await.map_err(ReadError::Failure)?,
    };
    let limit = allowed.inflated;
    let content = if !large && stored <= GATHERED {
        check_stored(stored, allowed)?;
        WHOLE.with_borrow_mut(|reader| reader.read(&pieces, limit, keep)).map(Some)
    } else {
        let mut sum = Stream::new(care, limit, keep);
        let mut pieces = pieces.into_iter();
        loop {
            let piece = match pieces.next() {
                Some(gathered) => gathered,
                None => match object.chunk().await.map_err(ReadError::Failure)? {
                    Some(piece) => {
                        stored += u64::try_from(piece.len()).unwrap_or(u64::MAX);
                        check_stored(stored, allowed)?;
                        piece
                    }
                    None => break,
                },
            };
            if sum.push(&piece).is_err() {
                break;
            }
        }
        sum.finish()
    };
    Ok((content.map_err(|OverBudget| inflates_beyond(limit))?, metadata))
}

type ReadHere = Option<Result<(Option<Content>, ObjectMetadata), ReadError>>;

/// Works as [`read_once`], for an object that this thread reads itself.
fn read_in_place(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    allowed: Allowed,
    mut keep: Option<&mut Vec<u8>>,
    care: Care,
) -> ReadHere {
    let limit = allowed.inflated;
    let mut within = Ok(());
    let mut whole = None;
    let mut stream: Option<Stream<'_>> = None;
    let metadata = source.read_in_place(at, &mut |piece| {
        within = check_stored(piece.size, allowed);
        if within.is_err() {
            return ControlFlow::Break(());
        }
        if stream.is_none() && piece.last {
            let keep = keep.take();
            whole = Some(WHOLE.with_borrow_mut(|it| it.read(&[piece.bytes], limit, keep)));
            return ControlFlow::Continue(());
        }
        let sum = stream.get_or_insert_with(|| Stream::new(care, limit, keep.take()));
        match sum.push(piece.bytes) {
            Ok(()) => ControlFlow::Continue(()),
            Err(OverBudget) => ControlFlow::Break(()),
        }
    })?;
    let content = match (whole, stream) {
        (Some(whole), _) => whole.map(Some),
        (None, Some(stream)) => stream.finish(),
        // No piece came: the source returned the reason.
        (None, None) => return Some(Err(within.and(metadata).err().unwrap_or_else(nothing_came))),
    };
    Some(within.and(metadata).and_then(|metadata| match content {
        Ok(content) => Ok((content, metadata)),
        Err(OverBudget) => Err(inflates_beyond(limit)),
    }))
}

/// Returns the pieces of an object up to its end, or until they exceed [`GATHERED`], and their size
/// in bytes.
async fn gather(object: &mut dyn ObjectReader) -> Result<(Vec<Bytes>, u64), ReadFailure> {
    let (mut pieces, mut stored) = (Vec::new(), 0);
    while stored <= GATHERED
        && let Some(piece) = object.chunk().await?
    {
        stored += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        pieces.push(piece);
    }
    Ok((pieces, stored))
}

fn check_stored(size: u64, allowed: Allowed) -> Result<(), ReadError> {
    match size > allowed.stored {
        true => Err(over_budget(&format!("more than {} bytes stored", allowed.stored))),
        false => Ok(()),
    }
}

fn end_unknown() -> ReadFailure {
    let words = "the store reported neither the length nor the end of the object, and the \
                 received bytes are incomplete or belong to something else";
    ReadFailure::new(ReadFailureKind::Truncated, words)
}

fn nothing_came() -> ReadError {
    let words = "the source did not report the end of the object";
    ReadError::Failure(ReadFailure::new(ReadFailureKind::Truncated, words))
}

fn inflates_beyond(limit: u64) -> ReadError {
    over_budget(&format!("inflates to more than {limit} bytes"))
}

fn over_budget(detail: &str) -> ReadError {
    ReadError::Failure(ReadFailure::new(ReadFailureKind::OverBudget, detail))
}
