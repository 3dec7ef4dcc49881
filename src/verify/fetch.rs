//! Reads one object to its end and says what its bytes amount to.
//!
//! Hashing runs in the task that received the bytes, or on the thread that read them. A small body is
//! gathered first and then goes through a reader that each thread keeps; only a large one that is
//! waited for has a reader of its own for so long.
use super::stream::{Care, GATHERED, Stream, held, try_held};
use crate::source::{
    ObjectMetadata, ObjectReader, ObjectSource, ReadError, ReadFrom, RecordedBytes,
};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::cell::RefCell;
use std::ops::ControlFlow;
use trailproof_core::aws_judge::DigestRead;
use trailproof_core::budget;
use trailproof_core::content::{Content, Form, Hash, OverBudget};
use trailproof_core::digest::DigestClaim;
use trailproof_core::event::Seen;
use trailproof_core::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::finding::{Finding, Outcome};
use trailproof_core::location::{ObjectLocation, excerpt};
use trailproof_core::log_check::{LogProof, check_log};
use trailproof_core::whole::WholeReader;

/// How often an object that changes while it is being read is begun anew.
const RESTARTS: u32 = 3;

/// A digest, as far as it could be read.
#[derive(Clone, Debug)]
pub enum DigestFetch {
    /// It was read whole, and looked so.
    Read(Box<DigestRead>, Seen),
    /// There is no such key.
    Missing,
    /// It could not be read.
    Unreadable(ReadFailure),
}

thread_local! {
    static WHOLE: RefCell<WholeReader> = RefCell::default();
}

/// Reads the digest at `at`.
pub async fn fetch_digest(source: &dyn ObjectSource, at: &ObjectLocation) -> DigestFetch {
    let mut bytes = Vec::new();
    match read_object(source, at, budget::DIGEST_INFLATED, Some(&mut bytes)).await {
        Ok((content, metadata)) => {
            let claim = DigestClaim::parse(&content, &bytes);
            let user = |name: &str| metadata.user.get(name).cloned();
            let seen = seen(&content, &metadata, None);
            let read = DigestRead {
                content,
                claim,
                signature: user("signature"),
                signature_algorithm: user("signature-algorithm"),
                backfill_generated: user("backfill-generation-timestamp"),
            };
            DigestFetch::Read(Box::new(read), seen)
        }
        Err(ReadError::Missing) => DigestFetch::Missing,
        Err(ReadError::Failure(why)) => DigestFetch::Unreadable(why),
    }
}

/// Reads and judges the log file at `at` by the hash that its proven digest records. One that
/// reads but does not prove is read once more: a byte lost in transit is not tampering.
pub async fn fetch_log(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    expected: &Hash,
) -> (Outcome<LogProof>, Seen) {
    let is_contradicted = |judged: &(Outcome<LogProof>, Seen)| matches!(&judged.0, Outcome::Invalid(finding) if *finding != Finding::LogMissing);
    let mut judged = judge_log(source, at, expected).await;
    if is_contradicted(&judged) {
        judged = judge_log(source, at, expected).await;
    }
    if is_contradicted(&judged)
        && let Some(why) = copy_damage(source, at).await
    {
        judged.0 = Outcome::Unverified(why);
    }
    judged
}

/// Whether what lies at `at` is a copy that changed since its manifest recorded it, and how. Asked
/// before the object accuses anybody: then it is the copy that is damaged, and not the bucket.
pub(super) async fn copy_damage(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
) -> Option<ReadFailure> {
    let mut object = source.open(at, &ReadFrom::default()).await.ok()?;
    let RecordedBytes { size, sha256 } = object.metadata().recorded.clone()?;
    let recorded = format!("sha256 {}, {size} bytes", excerpt(&sha256, budget::SHOWN));
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
    if length <= budget::LOG_INFLATED && found == sha256 {
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

/// As [`fetch_log`], and gives the inflated content of a log file that is proven, so that it can be
/// searched without a second download. One that is too large to be kept is judged and not given.
pub async fn fetch_log_and_search(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    expected: &Hash,
) -> (Outcome<LogProof>, Seen, Option<Vec<u8>>) {
    let mut content = Vec::new();
    match read_object(source, at, budget::LOG_SEARCHED, Some(&mut content)).await {
        Ok((read, metadata)) => {
            let outcome = check_log(expected, &read);
            if matches!(outcome, Outcome::Valid(_)) {
                return (outcome, seen(&read, &metadata, Some(expected)), Some(content));
            }
        }
        Err(ReadError::Missing) => {
            return (Outcome::Invalid(Finding::LogMissing), Seen::default(), None);
        }
        Err(ReadError::Failure(_)) => {}
    }
    drop(content);
    let (outcome, seen) = fetch_log(source, at, expected).await;
    (outcome, seen, None)
}

async fn judge_log(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    expected: &Hash,
) -> (Outcome<LogProof>, Seen) {
    match read_object(source, at, budget::LOG_INFLATED, None).await {
        Ok((content, metadata)) => {
            (check_log(expected, &content), seen(&content, &metadata, Some(expected)))
        }
        Err(ReadError::Missing) => (Outcome::Invalid(Finding::LogMissing), Seen::default()),
        Err(ReadError::Failure(why)) => (Outcome::Unverified(why), Seen::default()),
    }
}

/// What is told of an object that was read whole, beside how it is judged.
fn seen(content: &Content, metadata: &ObjectMetadata, expected: Option<&Hash>) -> Seen {
    // How much comes out of a broken member depends on the pieces in which it came.
    let whole = !matches!(content.form, Form::GzipBroken(_));
    Seen {
        stored: Some(content.stored),
        found: Some(content.hash).filter(|hash| whole && Some(hash) != expected),
        etag: metadata.etag.clone(),
        version_id: metadata.version_id.clone(),
    }
}

/// Reads an object whole, `keep`ing its inflated bytes where asked to.
///
/// Bytes that are all there are summed up by a reader that says the exact thing. In a stream of
/// pieces a quick one goes first; where its word does not count, the object is read once more.
async fn read_object(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    limit: u64,
    mut keep: Option<&mut Vec<u8>>,
) -> Result<(Content, ObjectMetadata), ReadError> {
    let mut restarts = 0;
    let mut care = Care::Quick;
    loop {
        match read_once(source, at, limit, keep.as_deref_mut(), care).await {
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

/// Reads an object once; gives no content where only an exact reader could tell what it is.
async fn read_once(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    limit: u64,
    mut keep: Option<&mut Vec<u8>>,
    care: Care,
) -> Result<(Option<Content>, ObjectMetadata), ReadError> {
    if let Some(read) = read_here(source, at, limit, keep.as_deref_mut(), care) {
        return read;
    }
    let mut object = source.open(at, &ReadFrom::default()).await?;
    let mut _held = try_held(object.metadata().size.unwrap_or(u64::MAX));
    if _held.is_none() {
        // What waits here must not keep its request: those that hold room may be waiting for one.
        let size = object.metadata().size.unwrap_or(u64::MAX);
        drop(object);
        _held = held(size).await;
        object = source.open(at, &ReadFrom::default()).await?;
        if object.metadata().size.unwrap_or(u64::MAX) != size {
            let words = "its size changed while it was waited for";
            let why = ReadFailure::new(ReadFailureKind::ChangedWhileReading, words);
            return Err(ReadError::Failure(why));
        }
    }
    let metadata = object.metadata().clone();
    let size = metadata.size.unwrap_or(u64::MAX);
    check_stored(size, keep.is_some())?;
    let content = if size <= GATHERED {
        let pieces = gather(object.as_mut()).await.map_err(ReadError::Failure)?;
        WHOLE.with_borrow_mut(|reader| reader.read(&pieces, limit, keep)).map(Some)
    } else {
        let mut sum = Stream::new(care, limit, keep);
        while let Some(piece) = object.chunk().await.map_err(ReadError::Failure)? {
            if sum.push(&piece).is_err() {
                break;
            }
        }
        sum.finish()
    };
    Ok((content.map_err(|OverBudget| inflates_beyond(limit))?, metadata))
}

type ReadHere = Option<Result<(Option<Content>, ObjectMetadata), ReadError>>;

/// As [`read_once`], of an object that this thread reads itself.
fn read_here(
    source: &dyn ObjectSource,
    at: &ObjectLocation,
    limit: u64,
    mut keep: Option<&mut Vec<u8>>,
    care: Care,
) -> ReadHere {
    let kept = keep.is_some();
    let mut allowed = Ok(());
    let mut whole = None;
    let mut stream: Option<Stream<'_>> = None;
    let metadata = source.read_here(at, &mut |piece| {
        allowed = check_stored(piece.size, kept);
        if allowed.is_err() {
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
        // Nothing came: why is in what the source says.
        (None, None) => return Some(Err(allowed.and(metadata).err().unwrap_or_else(nothing_came))),
    };
    Some(allowed.and(metadata).and_then(|metadata| match content {
        Ok(content) => Ok((content, metadata)),
        Err(OverBudget) => Err(inflates_beyond(limit)),
    }))
}

async fn gather(object: &mut dyn ObjectReader) -> Result<Vec<Bytes>, ReadFailure> {
    let mut pieces = Vec::new();
    while let Some(piece) = object.chunk().await? {
        pieces.push(piece);
    }
    Ok(pieces)
}

/// Digests are parsed whole, so their stored size is bounded as well.
fn check_stored(size: u64, kept: bool) -> Result<(), ReadError> {
    match kept && size > budget::DIGEST_STORED {
        true => Err(over_budget(&format!("{size} bytes stored"))),
        false => Ok(()),
    }
}

fn nothing_came() -> ReadError {
    let words = "the source told of no end";
    ReadError::Failure(ReadFailure::new(ReadFailureKind::Truncated, words))
}

fn inflates_beyond(limit: u64) -> ReadError {
    over_budget(&format!("inflates to more than {limit} bytes"))
}

fn over_budget(detail: &str) -> ReadError {
    ReadError::Failure(ReadFailure::new(ReadFailureKind::OverBudget, detail))
}
